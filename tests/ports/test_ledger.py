"""Behaviour of the ledger port, on each implementation: in memory, on the chain in this process, on a real node."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from consentry.core import events
from consentry.core.codes import Action, ConsentStatus, DirectiveAnswer, Duty, ExclusionKind, Reason, Standing
from consentry.core.exclusions import Exclusion, target_of_institution
from consentry.core.guardianship import Directive
from consentry.core.receipts import FinalReceipt
from consentry.core.revocations import TIME_TO_ACKNOWLEDGE, OpenDuty
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, Address, ConsentId, ConsentTerms, Material, RecordId, SubjectId
from consentry.core.typed_data import consent_id, digest, record_id, scope_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import (
    ConflictError,
    ConsentryError,
    InvalidInputError,
    NotAuthenticError,
    NotFoundError,
    NotPermittedError,
)
from consentry.ledger.abi import all_errors
from tests.support import samples
from tests.support.ledger_worlds import FAR, KEY_HASH, Case, LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def since(world: LedgerWorld, block: int) -> list[events.LedgerEvent]:
    """Gives what happened after a block."""
    head = (await world.ledger.head()).number
    return list(await world.events(block + 1, head)) if head > block else []


# Who it is.


async def test_identity_names_the_chain_and_contracts_that_signatures_are_for(world: LedgerWorld) -> None:
    identity = await world.ledger.identity()
    for name in ("Subjects", "Records", "Consents", "AccessLedger"):
        domain = world.ledger.domain(name)
        assert (domain.chain_id, domain.verifying_contract) == (identity.chain_id, dict(identity.contracts)[name])
        assert domain.name == f"Consentry {name}"
    assert identity == await world.ledger.identity()
    assert len(identity.genesis_hash) == 32


# Acts, and what can be read afterwards.


@pytest.mark.parametrize("kind", ["account", "device key", "passkey"])
async def test_enrol_makes_the_signer_known_and_nobody_else(world: LedgerWorld, kind: str) -> None:
    verifiers = world.verifiers
    keys: dict[str, SigningKey] = {
        "account": AccountKey.generate(),
        "device key": P256Key.generate(verifiers.p256),
        "passkey": SoftwarePasskey.generate(verifiers.webauthn),
    }
    key, before = keys[kind], await world.ledger.head()
    value = world.enrolment(key)
    receipt = await world.ledger.enrol(
        value, world.signed(key, "Subjects", value), world.signed(world.custodian, "Subjects", value)
    )
    assert await since(world, before.number) == [
        events.SubjectEnrolled(receipt.place, value.subject_id, world.custodian.address, key.signer)
    ]
    assert receipt.gas_used > 0
    asked = digest(world.ledger.domain("Subjects"), value)
    signed = world.ledger.is_signed_by_subject
    assert await signed(value.subject_id, asked, key.sign_digest(asked))
    assert not await signed(value.subject_id, samples.word(1), key.sign_digest(asked))
    assert not await signed(value.subject_id, asked, AccountKey.generate().sign_digest(asked))
    assert not await signed(SubjectId(samples.word(2)), asked, key.sign_digest(asked))


async def test_anchor_then_supersede_leaves_each_version_in_order(world: LedgerWorld) -> None:
    subject, before = await world.enrolled(AccountKey.generate()), await world.ledger.head()
    first = replace(samples.leaf(), custodian=world.custodian.address, subject_id=subject)
    anchored = await world.ledger.anchor(first, world.signed(world.custodian, "Records", first))
    second = replace(first, previous=record_id(first), lineage=scope_key(first), version=2, ciphertext_size=1)
    superseded = await world.ledger.supersede(first, second, world.signed(world.custodian, "Records", second))
    found = await since(world, before.number)
    owner = world.custodian.address
    assert [replace(event, place=anchored.place) for event in found] == [
        events.RecordAnchored(anchored.place, record_id(first), subject, owner, first),
        events.RecordSuperseded(anchored.place, record_id(first), record_id(second)),
        events.RecordAnchored(anchored.place, record_id(second), subject, owner, second),
    ]
    assert [found[0].place, found[1].place] == [anchored.place, superseded.place]
    assert (found[2].place.block, found[2].place.log_index) == (found[1].place.block, found[1].place.log_index + 1)


async def test_grant_then_revoke_is_read_at_head_at_once(world: LedgerWorld) -> None:
    case = await world.case(nonce=1)
    later, before = replace(case.terms, nonce=2), await world.ledger.head()

    async def status(terms: ConsentTerms) -> ConsentStatus:
        return (await world.seen(replace(case, terms=terms))).consent

    assert await status(later) == ConsentStatus.NONE
    signature = world.signed(case.key, "Consents", later)
    granted = await world.ledger.grant(later, signature)
    assert await status(later) == ConsentStatus.ACTIVE
    second = Case(case.key, case.leaf, later)
    taken = await world.ledger.revoke(later, world.revocation(second))
    assert await status(later) == ConsentStatus.REVOKED
    assert await status(case.terms) == ConsentStatus.ACTIVE
    subject = later.subject_id
    assert await since(world, before.number) == [
        events.ConsentGranted(granted.place, consent_id(later), subject, later, signature),
        events.ConsentRevoked(taken.place, consent_id(later), subject, ZERO_32, world.revocation(second)),
    ]


async def test_exclusion_and_directive_are_read_at_head_at_once(world: LedgerWorld) -> None:
    case = await world.case(nonce=5)
    subject, ledger = case.leaf.subject_id, world.ledger
    asked = (subject, world.hospital.address, KEY_HASH, case.leaf.category)
    assert (await ledger.is_excluded(*asked), await ledger.subject_facts(subject)) == (False, SubjectFacts())
    target = target_of_institution(world.hospital.address)
    exclusion = Exclusion(subject, ZERO_32, ExclusionKind.INSTITUTION, target, 1, FAR)
    await ledger.perform(exclusion, [world.signed(case.key, "Consents", exclusion)])
    directive = Directive(subject, ZERO_32, DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW, 1, FAR)
    await ledger.perform(directive, [world.signed(case.key, "Subjects", directive)])
    assert await ledger.is_excluded(*asked)
    assert not await ledger.is_excluded(subject, world.clinic.address, *asked[2:])
    assert await ledger.subject_facts(subject) == SubjectFacts(emergency_forbidden=True)
    assert await ledger.subject_facts(SubjectId(samples.word(0xBAD))) == SubjectFacts()


async def test_duties_after_a_revocation_are_read_at_head(world: LedgerWorld) -> None:
    case = await world.case(nonce=3)
    before = {who: await world.ledger.duties_of(who) for who in (world.hospital.address, world.custodian.address)}
    taken = await world.ledger.revoke(case.terms, world.revocation(case))
    due = taken.place.block.time + TIME_TO_ACKNOWLEDGE
    for who, earlier in before.items():
        found = await world.ledger.duties_of(who)
        assert set(found) - set(earlier) == {OpenDuty(consent_id(case.terms), Duty.ACKNOWLEDGE, due)}


async def test_revoke_before_the_grant_arrives_wins(world: LedgerWorld) -> None:
    case = await world.case()
    held_back = replace(case.terms, nonce=77)
    await world.ledger.revoke(held_back, world.revocation(Case(case.key, case.leaf, held_back)))
    with pytest.raises(ConflictError) as caught:
        await world.ledger.grant(held_back, world.signed(case.key, "Consents", held_back))
    assert caught.value.details["solidity"] == "ConsentsAlreadyRevoked"


# Decisions.


async def test_decide_permits_what_was_granted_and_tells_all_of_it(world: LedgerWorld) -> None:
    case, before = await world.case(), await world.ledger.head()
    request = world.request(case)
    receipt = await world.decide(request, case.material)
    assert receipt.permitted
    assert receipt.finality
    entry = receipt.entry
    assert (entry.request, entry.subject_id, entry.subject_sequence) == (request, case.leaf.subject_id, 1)
    assert entry.decided_at == receipt.place.block.time
    assert await since(world, before.number) == [events.AccessDecided(receipt.place, entry)]
    assert await world.ledger.find_decision(request.institution, request.request_id) == receipt


async def test_decide_many_with_one_bad_item_answers_each_of_them(world: LedgerWorld) -> None:
    """The bad one is told so; its neighbours are decided, numbered without a gap, and nothing is logged twice."""
    case = await world.case()
    unknown = replace(case.leaf, commitment=samples.word(9))
    good = [world.request(case) for _ in range(5)]
    forged = world.request(case)
    denied = world.request(case, action=Action.STORE)
    missing = world.request(case, record_id=record_id(unknown))
    answers = await asyncio.gather(
        *(world.decide(request, case.material) for request in good[:3]),
        world.decide(forged, case.material, signer=world.clinic),
        world.decide(denied, case.material),
        world.decide(missing, Material(unknown, case.terms)),
        *(world.decide(request, case.material) for request in good[3:]),
        return_exceptions=True,
    )
    receipts = [answer for answer in answers if isinstance(answer, FinalReceipt)]
    assert [r.entry.reason for r in receipts if r.entry.request in good] == [Reason.NONE] * 5
    assert {r.entry.request: r.entry.reason for r in receipts}[denied] == Reason.ACTION_NOT_GRANTED
    assert {r.entry.request: r.entry.reason for r in receipts}[missing] == Reason.RECORD_UNKNOWN
    [failure] = [answer for answer in answers if not isinstance(answer, FinalReceipt)]
    assert type(failure) is NotAuthenticError
    assert failure.details["reason"] == "SIGNATURE_INVALID"
    own = sorted(r.entry.institution_sequence for r in receipts)
    assert own == list(range(own[0], own[0] + 7))
    known = [r.entry for r in receipts if r.entry.request != missing]
    assert sorted(entry.subject_sequence for entry in known) == list(range(1, 7))
    assert await world.ledger.find_decision(forged.institution, forged.request_id) is None


async def test_decide_a_replayed_request_gives_the_first_receipt_and_no_second_decision(world: LedgerWorld) -> None:
    case = await world.case(max_uses=1)
    request = world.request(case)
    first = await world.decide(request, case.material)
    assert await world.decide(request, case.material) == first
    together = await asyncio.gather(*(world.decide(request, case.material) for _ in range(3)))
    assert together == [first] * 3
    after = await world.decide(world.request(case), case.material)
    assert (after.entry.reason, after.entry.subject_sequence) == (Reason.USES_EXHAUSTED, 2)


async def test_decide_another_request_under_a_used_id_is_a_conflict(world: LedgerWorld) -> None:
    case = await world.case()
    request = world.request(case)
    first = await world.decide(request, case.material)
    with pytest.raises(ConflictError):
        await world.decide(replace(request, practitioner=samples.word(3)), case.material)
    assert await world.ledger.find_decision(request.institution, request.request_id) == first
    other = replace(request, institution=world.clinic.address)
    assert (await world.decide(other, case.material, world.clinic)).entry.reason == Reason.GRANTEE_MISMATCH


@pytest.mark.parametrize(
    ("reason", "changes", "material"),
    [
        ("INSTITUTION_UNKNOWN", {"institution": samples.address(0x404)}, {}),
        ("SIGNATURE_INVALID", {"consent_id": ConsentId(samples.word(8))}, {}),
        ("SIGNATURE_INVALID", {}, {"terms": None}),
    ],
)
async def test_decide_what_does_not_fit_together_is_rejected_and_logs_nothing(
    world: LedgerWorld, reason: str, changes: dict[str, object], material: dict[str, Any]
) -> None:
    case = await world.case()
    request = world.request(case, **changes)
    with pytest.raises(NotAuthenticError) as caught:
        await world.decide(request, replace(case.material, **material))
    assert caught.value.details["reason"] == reason
    assert await world.ledger.find_decision(request.institution, request.request_id) is None
    assert (await world.decide(world.request(case), case.material)).entry.subject_sequence == 1


async def test_decide_without_a_consent_is_denied_and_logged(world: LedgerWorld) -> None:
    case = await world.case()
    receipt = await world.decide(world.request(case, consent_id=ConsentId(ZERO_32)), Material(case.leaf))
    assert (receipt.permitted, receipt.entry.reason) == (False, Reason.CONSENT_MISSING)


async def test_decide_after_a_revocation_is_denied(world: LedgerWorld) -> None:
    case = await world.case()
    assert (await world.decide(world.request(case), case.material)).permitted
    await world.ledger.revoke(case.terms, world.revocation(case))
    assert (await world.decide(world.request(case), case.material)).entry.reason == Reason.CONSENT_REVOKED


async def test_suspended_institution_is_denied_until_it_is_reinstated(world: LedgerWorld) -> None:
    case, hospital = await world.case(), world.hospital.address

    async def standing(institution: Address) -> Standing:
        return (await world.seen(case, institution=institution)).standing

    assert await standing(hospital) == Standing.ACTIVE
    await world.set_standing(hospital, Standing.SUSPENDED)
    assert await standing(hospital) == Standing.SUSPENDED
    assert (await world.decide(world.request(case), case.material)).entry.reason == Reason.INSTITUTION_SUSPENDED
    await world.set_standing(hospital, Standing.ACTIVE)
    assert (await world.decide(world.request(case), case.material)).permitted
    assert await standing(samples.address(0x404)) == Standing.NONE


async def test_release_key_hash_is_that_of_today(world: LedgerWorld) -> None:
    own, new, case = AccountKey.generate(), AccountKey.generate(), await world.case()

    async def key_hash(institution: Address) -> bytes:
        return (await world.seen(case, institution=institution)).release_key_hash

    await world.admit(own.address)
    assert await key_hash(own.address) == KEY_HASH
    await world.reset_keys(own.address, new.signer, b"new release key")
    assert await key_hash(own.address) == hashlib.sha256(b"new release key").digest()
    assert await key_hash(samples.address(0x404)) == ZERO_32


async def test_request_under_keys_of_before_is_not_permitted(world: LedgerWorld) -> None:
    own, new = AccountKey.generate(), AccountKey.generate()
    await world.admit(own.address)
    case, asking = await world.case(institution=own.address), {"institution": own.address}
    await world.reset_keys(own.address, new.signer, b"new release key")
    new_hash = hashlib.sha256(b"new release key").digest()
    with pytest.raises(NotAuthenticError, match="SIGNATURE_INVALID"):
        await world.decide(world.request(case, **asking), case.material, own)
    receipt = await world.decide(world.request(case, **asking), case.material, new)
    assert receipt.entry.reason == Reason.RELEASE_KEY_MISMATCH
    asked = world.request(case, **asking, release_key_hash=new_hash)
    assert (await world.decide(asked, case.material, new)).permitted


async def test_events_are_in_chain_order_however_they_are_asked_for(world: LedgerWorld) -> None:
    case, head = await world.case(), await world.ledger.head()
    await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(4)))
    newest = await world.ledger.head()
    whole = list(await world.events(0, newest.number))
    places = [(event.place.block.number, event.place.log_index) for event in whole]
    assert places == sorted(set(places))
    split = [*await world.events(0, head.number), *await world.events(head.number + 1, newest.number)]
    assert split == whole
    decided = [e.entry for e in whole if isinstance(e, events.AccessDecided)]
    assert [e.subject_sequence for e in decided if e.subject_id == case.leaf.subject_id] == [1, 2, 3, 4]


# Refusals: the same error for the same reason everywhere.


Refused = Callable[[LedgerWorld, Case], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act that must be refused: with which error of the contract, and which of ours."""

    solidity: str
    error: type[ConsentryError]
    act: Refused


def _enrol(signer: bytes | None = None, *, by: str = "", **changes: object) -> Refused:
    """Enrols with some members changed; ``by`` names whose signature is a stranger's."""

    async def act(world: LedgerWorld, case: Case) -> object:
        value = world.enrolment(case.key, **changes)
        value = replace(value, signer=signer) if signer is not None else value
        stranger = AccountKey.generate()
        keys = [stranger if by == "subject" else case.key, stranger if by == "custodian" else world.custodian]
        return await world.ledger.enrol(value, *(world.signed(key, "Subjects", value) for key in keys))

    return act


async def _enrol_again(world: LedgerWorld, case: Case) -> object:
    return await _enrol(subject_id=case.leaf.subject_id)(world, case)


def _anchor(*, fresh: bool = True, forged: bool = False, **changes: object) -> Refused:
    async def act(world: LedgerWorld, case: Case) -> object:
        leaf = replace(case.leaf, ciphertext_size=7 if fresh else case.leaf.ciphertext_size)
        leaf = replace(leaf, **changes)  # type: ignore[arg-type]  # members of the leaf
        signer = case.key if forged else world.custodian
        return await world.ledger.anchor(leaf, world.signed(signer, "Records", leaf))

    return act


def _supersede(*, fits: bool = True, **changes: object) -> Refused:
    async def act(world: LedgerWorld, case: Case) -> object:
        previous = case.leaf if fits else replace(case.leaf, ciphertext_size=9)
        leaf = replace(case.leaf, previous=record_id(previous), lineage=scope_key(previous), version=2)
        leaf = replace(leaf, **changes)  # type: ignore[arg-type]  # members of the leaf
        return await world.ledger.supersede(previous, leaf, world.signed(world.custodian, "Records", leaf))

    return act


def _grant(*, fresh: bool = True, forged: bool = False, **changes: object) -> Refused:
    async def act(world: LedgerWorld, case: Case) -> object:
        terms = replace(case.terms, nonce=8 if fresh else case.terms.nonce)
        terms = replace(terms, **changes)  # type: ignore[arg-type]  # members of the terms
        signer = world.custodian if forged else case.key
        return await world.ledger.grant(terms, world.signed(signer, "Consents", terms))

    return act


async def _revoke_twice(world: LedgerWorld, case: Case) -> object:
    own = Case(case.key, case.leaf, replace(case.terms, nonce=99))
    await world.ledger.revoke(own.terms, world.revocation(own))
    return await world.ledger.revoke(own.terms, world.revocation(own))


async def _revoke_by_another(world: LedgerWorld, case: Case) -> object:
    return await world.ledger.revoke(case.terms, world.revocation(replace(case, key=world.custodian)))


async def _revoke_for_nobody(world: LedgerWorld, case: Case) -> object:
    own = replace(case, terms=replace(case.terms, subject_id=SubjectId(samples.word(5))))
    return await world.ledger.revoke(own.terms, world.revocation(own))


STRANGER = Address(samples.address(0x404))
REFUSALS = [
    Refusal("SubjectsZeroId", InvalidInputError, _enrol(subject_id=SubjectId(ZERO_32))),
    Refusal("SubjectsAlreadyEnrolled", ConflictError, _enrol_again),
    Refusal("SubjectsCustodianInactive", NotPermittedError, _enrol(custodian=STRANGER)),
    Refusal("SubjectsSignerInvalid", InvalidInputError, _enrol(bytes(5))),
    Refusal("SubjectsEnrolmentExpired", NotAuthenticError, _enrol(sign_before=1)),
    Refusal("SubjectsSignatureInvalid", NotAuthenticError, _enrol(by="subject")),
    Refusal("SubjectsCustodianSignatureInvalid", NotAuthenticError, _enrol(by="custodian")),
    Refusal("RecordsAlreadyAnchored", ConflictError, _anchor(fresh=False)),
    Refusal("RecordsCustodianInactive", NotPermittedError, _anchor(custodian=STRANGER)),
    Refusal("RecordsSubjectMismatch", InvalidInputError, _anchor(subject_id=SubjectId(samples.word(5)))),
    Refusal("RecordsCategoryInvalid", InvalidInputError, _anchor(category=13)),
    Refusal("RecordsSensitivityInvalid", InvalidInputError, _anchor(sensitivity=6)),
    Refusal("RecordsSuiteUnknown", InvalidInputError, _anchor(suite=2)),
    Refusal("RecordsRetentionUnknown", InvalidInputError, _anchor(retention=0)),
    Refusal("RecordsDigestMissing", InvalidInputError, _anchor(ciphertext_digest=ZERO_32)),
    Refusal("RecordsVersionInvalid", InvalidInputError, _anchor(version=2)),
    Refusal("RecordsPreviousMismatch", InvalidInputError, _anchor(previous=RecordId(samples.word(5)))),
    Refusal("RecordsLineageMismatch", InvalidInputError, _anchor(lineage=samples.word(5))),
    Refusal("RecordsSignatureInvalid", NotAuthenticError, _anchor(forged=True)),
    Refusal("RecordsPreviousNotCurrent", ConflictError, _supersede(fits=False)),
    Refusal("RecordsPreviousMismatch", InvalidInputError, _supersede(previous=RecordId(samples.word(5)))),
    Refusal("RecordsVersionInvalid", InvalidInputError, _supersede(version=3)),
    Refusal("ConsentsAlreadyGranted", ConflictError, _grant(fresh=False)),
    Refusal("ConsentsSubjectUnknown", NotFoundError, _grant(subject_id=SubjectId(samples.word(5)))),
    Refusal("ConsentsGranteeInvalid", InvalidInputError, _grant(institution=Address(bytes(20)))),
    Refusal("ConsentsGranteeUnknown", NotFoundError, _grant(institution=STRANGER)),
    Refusal("ConsentsScopeInvalid", InvalidInputError, _grant(categories=0)),
    Refusal("ConsentsPurposesInvalid", InvalidInputError, _grant(purposes=0)),
    Refusal("ConsentsActionsInvalid", InvalidInputError, _grant(actions=1)),
    Refusal("ConsentsSensitivityInvalid", InvalidInputError, _grant(max_sensitivity=5)),
    Refusal("ConsentsDataPeriodInvalid", InvalidInputError, _grant(data_from=2, data_until=1)),
    Refusal("ConsentsPeriodInvalid", InvalidInputError, _grant(valid_from=9, valid_until=9)),
    Refusal("ConsentsUsesInvalid", InvalidInputError, _grant(max_uses=0)),
    Refusal("ConsentsOnwardDisclosureRefused", InvalidInputError, _grant(onward_disclosure=True)),
    Refusal("ConsentsEraseDateInvalid", InvalidInputError, _grant(erase_by=5)),
    Refusal("ConsentsNoticeMissing", InvalidInputError, _grant(notice_hash=ZERO_32)),
    Refusal("ConsentsAssuranceRefused", InvalidInputError, _grant(assurance=5)),
    Refusal("ConsentsSignatureInvalid", NotAuthenticError, _grant(forged=True)),
    Refusal("ConsentsAlreadyRevoked", ConflictError, _revoke_twice),
    Refusal("ConsentsSignatureInvalid", NotAuthenticError, _revoke_by_another),
    Refusal("ConsentsSubjectUnknown", NotFoundError, _revoke_for_nobody),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: f"{r.solidity}")
async def test_refused_act_is_the_same_error_everywhere_and_changes_nothing(
    world: LedgerWorld, refusal: Refusal
) -> None:
    case = await world.case()
    before = await world.ledger.head()
    with pytest.raises(ConsentryError) as caught:
        await refusal.act(world, case)
    details = caught.value.details
    assert details["solidity"] == refusal.solidity, caught.value
    members = next(error.inputs for error in all_errors().values() if error.name == refusal.solidity)
    assert set(details) == {"solidity", "arguments"}
    assert list(details["arguments"]) == [member["name"] for member in members]
    assert type(caught.value) is refusal.error
    left = await since(world, before.number)
    assert len(left) == (refusal.act is _revoke_twice)


async def test_value_that_no_contract_can_take_is_refused_before_anything_is_sent(world: LedgerWorld) -> None:
    case = await world.case()
    before = await world.ledger.head()
    request = world.request(case)
    signature = world.signed(world.hospital, "AccessLedger", request)
    with pytest.raises(InvalidInputError):
        await world.ledger.decide(replace(request, request_id=2**256), signature, case.material)
    with pytest.raises(InvalidInputError):
        await world.ledger.grant(replace(case.terms, max_uses=2**32), signature)
    assert await since(world, before.number) == []
    assert (await world.decide(request, case.material)).permitted
