"""What else happens in a province: directives, cards, guardians, groups, corrections, ends; nothing of it is wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

from eth_hash.auto import keccak

from consentry.audit.ports import SubmittedRequest
from consentry.core import batch_tree, merkle
from consentry.core.access import shown_of
from consentry.core.acts import Acts, Item
from consentry.core.authorisations import AuthorisationWithdrawal, authorisation_id
from consentry.core.codes import (
    DAY,
    DirectiveAnswer,
    ErasureReason,
    GuardianKind,
    GuardianRemover,
    GuardianScope,
    bits,
)
from consentry.core.erasures import DeletionAttestation, Erasure, ErasureOfficerAdmission
from consentry.core.guardianship import Directive, GuardianAppointment, GuardianRemoval
from consentry.core.offices import Role
from consentry.core.signer_keys import CardRegistration
from consentry.core.terms import ZERO_32, AuthorisationId, Material, RecordLeaf
from consentry.core.typed_data import record_id, scope_key, struct_hash
from consentry.crypto.signing import AccountKey, sign
from tests.support import samples
from tests.support.memory_reader import COUNTRY, NATIONAL, domain
from tests.support.province import HOSPITALS, LAST_DAY, NEVER, REGULATOR, Province, ordinary_month, patient, staff
from tests.support.samples import AUTHORITY, RELAY, address

AUDITORS, SYSTEM = (address(0x43), address(0x44)), (address(0x41), address(0x42))
VERIFIER: Final = address(0x45)
OFFICERS: Final = tuple(AccountKey(keccak(b"province: erasure officer %d" % number)) for number in range(2))
DELEGATES: Final = tuple(AccountKey(keccak(b"province: delegate %d" % number)) for number in range(2))
CARDS: Final = tuple(AccountKey(keccak(b"province: card %d" % number)) for number in range(2))


def leaf(number: int, of: int = 0) -> RecordLeaf:
    """Gives one more image of a patient, whom hospital 0 keeps the records of."""
    return replace(patient(of).image, commitment=keccak(b"province: leaf %d" % number))


CORRECTED, ERASED, NAMED = leaf(1), leaf(2), leaf(3)


@cache
def _lived() -> Province:
    province = ordinary_month()
    province.at(LAST_DAY, 18)
    _decide_in_advance(province)
    _govern(province)
    _correct_and_erase(province)
    _name_records(province)
    _look_together(province)
    return province


def eventful_month() -> Province:
    """Gives a fresh copy of a province in which every kind of event has happened, and nothing is wrong."""
    return _lived().copy()


def _decide_in_advance(province: Province) -> None:
    who, until = patient(0), province.clock + 300 * DAY
    answers = DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW
    province.perform(Directive(who.subject, ZERO_32, *answers, province.nonce(), NEVER), who.key)
    for card in CARDS:
        province.perform(CardRegistration(who.subject, card.signer, province.nonce(), NEVER), who.key, card)
    for key in DELEGATES:
        named = who.subject, key.signer, GuardianKind.DELEGATE, bits(GuardianScope.SEE), 0, until, ZERO_32
        act = GuardianAppointment(*named, province.nonce(), NEVER)
        province.perform(act, key, who.key)
    removal = GuardianRemoval(struct_hash(act), who.subject, GuardianRemover.SUBJECT, province.nonce(), NEVER)
    province.perform(removal, who.key)


def _govern(province: Province) -> None:
    for officer, role in zip((*AUDITORS, *SYSTEM), (Role.AUDIT,) * 2 + (Role.SYSTEM,) * 2, strict=True):
        province.by_two("appoint_officer", NATIONAL, officer, bits(role), officers=COUNTRY)
    province.by_two("limit_institution", HOSPITALS[2].address, 1_000, 20, officers=AUDITORS)
    province.by_two("admit_verifier", VERIFIER, officers=SYSTEM)
    province.by_two("dismiss_officer", AUDITORS[1], officers=COUNTRY)
    for member in (True, False):
        group = samples.group(AUTHORITY)
        province.by_one("change_membership", group, HOSPITALS[0].address, officer=AUTHORITY, member=member)
    given = province.authorise(1)
    withdrawn = AuthorisationWithdrawal(
        AuthorisationId(authorisation_id(given)), REGULATOR.address, HOSPITALS[1].address, NEVER
    )
    province.perform(withdrawn, REGULATOR)


def _correct_and_erase(province: Province) -> None:
    for each in (CORRECTED, ERASED):
        province.anchor(each)
    first = record_id(CORRECTED)
    second = replace(CORRECTED, previous=first, lineage=first, version=2, commitment=keccak(b"province: corrected"))
    province.supersede(CORRECTED, second)
    custodian = HOSPITALS[0]
    for number, officer in enumerate(OFFICERS):
        act = ErasureOfficerAdmission(custodian.address, officer.signer, number, NEVER)
        province.perform(act, custodian, officer)
    named = record_id(ERASED), custodian.address, ERASED.subject_id
    signers = OFFICERS[0].signer, OFFICERS[1].signer
    erasure = Erasure(*named, ErasureReason.WRONG_PATIENT, samples.word(1), *signers, province.nonce(), NEVER)
    province.perform(erasure, *OFFICERS)
    erased_at = province.clock
    province.perform(DeletionAttestation(*named, erased_at, 1, province.nonce(), NEVER), custodian)


def _name_records(province: Province) -> None:
    """Has a patient grant one record to the custodian alone, and the custodian look at it."""
    province.anchor(NAMED)
    who, hospital = patient(0), HOSPITALS[0]
    key = scope_key(NAMED)
    province.give(who, hospital, records_root=merkle.root_of([key]), categories=0)
    province.look(hospital, NAMED, staff(0, 1))


def _look_together(province: Province) -> None:
    """Has a hospital sign once for two requests."""
    key, who = HOSPITALS[1], patient(0)
    requests = [province.asked(key, each, staff(1, 1)) for each in (who.report, who.image)]
    terms = province.grants[who.subject, key.address]
    batch = batch_tree.batch_of(key.address, requests)
    signature = sign(key, domain("AccessLedger"), batch)
    place, items, submitted = province.place(), [], []
    for request, record, path in zip(
        requests, (who.report, who.image), batch_tree.paths_of(batch, requests), strict=True
    ):
        material = Material(record, terms)
        items.append(Item(request, material, signature_valid=True))
        submitted.append(SubmittedRequest(request, signature, shown_of(request, material), path))
    province.calldata[place.transaction_hash] = submitted
    province.log(*Acts(province.state).decide_batch(items, signature, relay=RELAY, place=place))
    wrong = province.asked(key, who.image, staff(1, 2))
    province.answer((wrong, who.image, HOSPITALS[2]))
