"""A node that changes events of participants, subjects or records is contradicted by the contracts it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind, Report
from consentry.core import events
from consentry.core.codes import DAY, DirectiveAnswer, GuardianKind, GuardianRemover, GuardianScope, Standing, bits
from consentry.core.events import LedgerEvent
from consentry.core.guardianship import Directive, GuardianAppointment, GuardianRemoval
from consentry.core.offices import Role
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey
from tests.support import samples
from tests.support.memory_reader import (
    COUNTRY,
    CUSTODIAN,
    DEPUTY,
    HOSPITAL,
    NATIONAL,
    PATIENT,
    SUBJECT,
    MemoryReader,
    Story,
    honest_story,
)
from tests.support.samples import AUTHORITY, address

CONTRACT = Address(b"\xcc" * 20)
VERIFIER = Address(b"\xee" * 20)
NEW_SIGNER, CLINIC = address(0x55), address(0x56)
SYSTEM, AUDIT = (address(0x41), address(0x42)), (address(0x43), address(0x44))
Lie = Callable[[MemoryReader], object]


def _decide_for_oneself(story: Story) -> None:
    """Has the patient forbid emergency access, change its card and appoint two delegates of whom one is removed."""
    until, card, delegate = samples.NOW + 30 * DAY, AccountKey.generate(), AccountKey.generate()
    answers = DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW
    story.perform(Directive(SUBJECT, ZERO_32, *answers, 1, until), PATIENT)
    for key in (AccountKey.generate(), card):
        story.perform(CardRegistration(SUBJECT, key.signer, 1, until), PATIENT, key)
    scopes = bits(GuardianScope.SEE)
    for nonce in (1, 2):
        named = SUBJECT, delegate.signer, GuardianKind.DELEGATE, scopes, 0, until, ZERO_32, nonce, until
        story.perform(act := GuardianAppointment(*named), delegate, PATIENT)
    story.perform(GuardianRemoval(struct_hash(act), SUBJECT, GuardianRemover.SUBJECT, 1, until), PATIENT)


def _full_story() -> Story:
    """Tells the story on, with acts that no later decision depends on."""
    story = honest_story()
    _decide_for_oneself(story)
    for officer, role in zip((*SYSTEM, *AUDIT), (Role.SYSTEM, Role.SYSTEM, Role.AUDIT, Role.AUDIT), strict=True):
        story.by_two("appoint_officer", NATIONAL, officer, bits(role), officers=COUNTRY)
    story.by_two("admit_verifier", VERIFIER, officers=SYSTEM)
    story.by_two("name_deployment", samples.word(1), VERIFIER, 2, officers=SYSTEM)
    story.by_two("limit_institution", HOSPITAL.address, 7, 0, officers=AUDIT)
    story.by_two("reset_keys", CUSTODIAN.address, NEW_SIGNER, b"new key")
    story.by_two("dismiss_officer", AUDIT[1], officers=COUNTRY)
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    story.by_one("change_institution", HOSPITAL.address, Standing.SUSPENDED, officer=DEPUTY)
    story.by_two("admit_institution", CLINIC, 440_300, CLINIC, samples.RELEASE_KEY)
    story.by_one("suspend_in_emergency", CLINIC, officer=AUTHORITY)
    story.by_one("change_membership", samples.group(AUTHORITY), HOSPITAL.address, officer=AUTHORITY, member=False)
    story.by_two("change_authority", AUTHORITY, Standing.SUSPENDED, officers=COUNTRY)
    return story


async def _audit(reader: MemoryReader) -> Report:
    return await Audit(reader).run()


def _is(kind: type[Any], number: int = 0) -> Callable[[MemoryReader], int]:
    return lambda reader: [i for i, event in enumerate(reader.chain) if isinstance(event, kind)][number]


def _change(kind: type[Any], number: int = 0, **changes: Any) -> Lie:  # noqa: ANN401 - fields of the event
    def lie(reader: MemoryReader) -> None:
        at = _is(kind, number)(reader)
        reader.chain[at] = replace(reader.chain[at], **changes)

    return lie


def _drop(kind: type[Any], number: int = -1) -> Lie:
    return lambda reader: reader.chain.pop(_is(kind, number)(reader))


def _drop_act(kind: type[SignedAct]) -> Lie:
    """Leaves the last act of a kind out."""

    def lie(reader: MemoryReader) -> None:
        acts = [i for i, e in enumerate(reader.chain) if isinstance(e, events.ActPerformed) and isinstance(e.act, kind)]
        del reader.chain[acts[-1]]

    return lie


LIES: tuple[tuple[str, Lie, Kind], ...] = (
    ("suspension-hidden", _drop(events.InstitutionStandingChanged), Kind.INSTITUTION_STATE),
    ("emergency-hidden", _drop(events.InstitutionSuspendedInEmergency), Kind.INSTITUTION_STATE),
    ("emergency-prolonged", _change(events.InstitutionSuspendedInEmergency, 1, until=2**40), Kind.INSTITUTION_STATE),
    ("new-keys-hidden", _drop(events.InstitutionKeysRotated), Kind.INSTITUTION_STATE),
    ("new-keys-exchanged", _change(events.InstitutionKeysRotated, signer=CONTRACT), Kind.INSTITUTION_STATE),
    ("limit-raised", _change(events.InstitutionLimited, daily_limit=8), Kind.INSTITUTION_STATE),
    ("officer-hidden", _drop(events.OfficerDismissed), Kind.OFFICER_STATE),
    ("officer-with-more-roles", _change(events.OfficerAppointed, -2, roles=bits(Role.SECURITY)), Kind.OFFICER_STATE),
    ("officer-of-another-authority", _change(events.OfficerAppointed, 1, authority=AUTHORITY), Kind.OFFICER_STATE),
    ("release-key-exchanged", _change(events.InstitutionAdmitted, 1, release_key=b"another"), Kind.INSTITUTION_STATE),
    ("region-exchanged", _change(events.InstitutionAdmitted, region=440_100), Kind.INSTITUTION_STATE),
    ("signer-of-an-institution", _change(events.InstitutionAdmitted, 1, signer=CONTRACT), Kind.INSTITUTION_STATE),
    ("admission-of-nobody", _change(events.InstitutionAdmitted, institution=CONTRACT), Kind.INSTITUTION_STATE),
    ("authority-not-suspended", _drop(events.AuthorityStandingChanged), Kind.AUTHORITY_STATE),
    ("authority-of-another-region", _change(events.AuthorityAdmitted, 1, region=0), Kind.AUTHORITY_STATE),
    ("relay-of-a-suspended-member", _change(events.RelayAdmitted, member=HOSPITAL.address), Kind.RELAY_STATE),
    ("relay-that-is-none", _change(events.RelayAdmitted, relay=CONTRACT), Kind.RELAY_STATE),
    ("membership-not-ended", _drop(events.GroupMembershipChanged), Kind.MEMBERSHIP),
    ("verifier-that-is-none", _change(events.VerifierAdmitted, verifier=CONTRACT), Kind.VERIFIER_STATE),
    ("subject-with-another-signer", _change(events.SubjectEnrolled, signer=CONTRACT), Kind.SUBJECT_STATE),
    ("subject-of-another-custodian", _change(events.SubjectEnrolled, custodian=HOSPITAL.address), Kind.SUBJECT_STATE),
    ("directive-hidden", _drop_act(Directive), Kind.SUBJECT_FACTS),
    ("new-card-hidden", _drop_act(CardRegistration), Kind.CARD_STATE),
    ("removal-of-a-guardian-hidden", _drop_act(GuardianRemoval), Kind.GUARDIAN_STATE),
    ("record-still-current", _drop(events.RecordSuperseded), Kind.RECORD_STATE),
    ("record-of-nobody", _change(events.RecordAnchored, record_id=samples.word(1)), Kind.RECORD_STATE),
)


async def test_audit_of_the_whole_story_finds_nothing() -> None:
    report = await _audit(_full_story().reader())
    assert report.findings == ()


@pytest.mark.parametrize(("name", "lie", "kind"), LIES, ids=[name for name, _, _ in LIES])
async def test_event_that_does_not_lead_to_the_contracts_is_found(name: str, lie: Lie, kind: Kind) -> None:
    reader = _full_story().reader()
    lie(reader)
    found = [finding for finding in (await _audit(reader)).findings if finding.kind == kind]
    assert found, name
    assert all(finding.expected != finding.got for finding in found)


async def test_signer_exchanged_for_a_contract_excuses_no_signature() -> None:
    reader = honest_story().reader()
    reader.smart_accounts.add(CONTRACT)
    _change(events.SubjectEnrolled, signer=CONTRACT)(reader)
    report = await _audit(reader)
    kinds = {finding.kind for finding in report.findings}
    assert {Kind.SIGNATURE, Kind.SUBJECT_STATE} <= kinds
    assert not any(CONTRACT.hex() in limit for limit in report.limits)


async def test_signer_exchanged_for_a_while_excuses_no_signature() -> None:
    """The events end with the real signer, so that the contracts agree; what lies between was signed by nobody."""
    reader = honest_story().reader()
    reader.smart_accounts.add(CONTRACT)
    at = _is(events.SubjectEnrolled)(reader)
    enrolled, last = reader.chain[at], reader.chain[-1]
    assert isinstance(enrolled, events.SubjectEnrolled)
    reader.chain[at] = replace(enrolled, signer=CONTRACT)
    again: LedgerEvent = replace(enrolled, place=replace(last.place, log_index=last.place.log_index + 1))
    reader.chain.append(again)
    report = await _audit(reader)
    assert Kind.SIGNATURE in {finding.kind for finding in report.findings}
    assert not any(CONTRACT.hex() in limit for limit in report.limits)


async def test_smart_account_of_the_subject_is_still_excused() -> None:
    reader = honest_story().reader()
    _change(events.ConsentGranted, signature=b"whatever a contract accepts")(reader)
    reader.smart_accounts.add(PATIENT.address)
    assert (await _audit(reader)).findings == ()
