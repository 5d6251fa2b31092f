"""Behaviour of `Erasures`, part of `Records`: officers, restrictions, requests, erasures, attestations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from web3 import Web3

from consentry.core.codes import ErasureReason, Reason, RecordStatus, RestrictionReason, Retention
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, RecordLeaf, SubjectId
from consentry.core.typed_data import record_id, struct_hash
from tests.contracts.act_calls import event_of, perform, refused, signed
from tests.contracts.erasure_acts import (
    FIRST,
    OTHER,
    SECOND,
    admission,
    attestation,
    correction,
    end_of,
    erased,
    erasure,
    is_officer,
    old_leaf,
    removal,
    request,
    restriction,
    staff,
    status_of,
    suspend,
)
from tests.support.contract_world import Patient, World, key_of, values_of
from tests.support.signers import AccountSigner, P256Signer, Signer

# What every act has in common.

Maker = Callable[[World, RecordLeaf], tuple[SignedAct, tuple[Signer, ...]]]
CASES: Final[tuple[tuple[str, Maker], ...]] = (
    (
        "admitErasureOfficer",
        lambda w, _: (admission(w, AccountSigner(key_of("third"))), (w.custodian.signer, FIRST)),
    ),
    ("removeErasureOfficer", lambda w, _: (removal(w), (w.custodian.signer,))),
    ("changeRestriction", lambda w, leaf: (restriction(w, leaf), (w.custodian.signer,))),
    ("requestErasure", lambda w, leaf: (request(w, leaf), (w.patient.signer,))),
    ("requestCorrection", lambda w, leaf: (correction(w, leaf), (w.patient.signer,))),
    ("eraseRecord", lambda w, leaf: (erasure(w, leaf), (FIRST, SECOND))),
    ("attestDeletion", lambda w, leaf: (attestation(w, leaf), (w.custodian.signer,))),
)
MAKERS: Final = dict(CASES)
WITHOUT_MORE: Final = [name for name, _ in CASES if name not in {"admitErasureOfficer", "attestDeletion"}]
"""Acts that are taken as they are made here, after `staff`."""


@pytest.mark.parametrize("name", MAKERS)
def test_act_of_no_relay_too_late_or_short_of_a_signature_is_refused(world: World, name: str) -> None:
    staff(world)
    act, signers = MAKERS[name](world, old_leaf(world))
    late = dataclasses.replace(act, sign_before=world.suite.now())
    assert act.FORM.function == name

    assert refused(world, act, *signers, sender=world.stranger) == ("ActRelayRequired", (world.stranger,))
    assert refused(world, act, *signers[1:]) == ("ActSignaturesMismatch", (len(signers) - 1, len(signers)))
    assert refused(world, late, *signers) == ("ActExpired", (late.sign_before, world.suite.now()))


@pytest.mark.parametrize("name", WITHOUT_MORE)
def test_act_counts_once(world: World, name: str) -> None:
    staff(world)
    act, signers = MAKERS[name](world, old_leaf(world))

    perform(world, act, *signers)

    assert world.suite.read("Records", "isPerformed", struct_hash(act))
    assert refused(world, act, *signers) == ("ActRepeated", (struct_hash(act),))


@pytest.mark.parametrize("name", [*WITHOUT_MORE, "admitErasureOfficer"])
def test_act_is_refused_if_any_signature_is_anothers(world: World, name: str) -> None:
    staff(world)
    act, signers = MAKERS[name](world, old_leaf(world))
    if name == "admitErasureOfficer":
        signers = (signers[0], AccountSigner(key_of("third")))
    for place in range(len(signers)):
        wrong = [world.hospital.signer if i == place else signer for i, signer in enumerate(signers)]
        assert refused(world, act, *wrong) == ("ActSignatureInvalid", (struct_hash(act), place))


# Officers.


def test_officer_is_admitted_with_both_signatures_and_taken_out_with_one(world: World) -> None:
    act = admission(world)

    events = perform(world, act, world.custodian.signer, FIRST)

    assert events == [event_of(act, signed(world, act, (world.custodian.signer, FIRST)))]
    assert is_officer(world, FIRST)
    assert not is_officer(world, SECOND)
    assert not world.suite.read("Records", "isErasureOfficer", world.hospital.address, FIRST.identity)
    out = removal(world)
    assert perform(world, out, world.custodian.signer) == [event_of(out, signed(world, out, (world.custodian.signer,)))]
    assert not is_officer(world, FIRST)
    perform(world, admission(world, nonce=8), world.custodian.signer, FIRST)
    assert is_officer(world, FIRST)


def test_officer_may_hold_a_passkey_of_an_admitted_kind(world: World) -> None:
    officer = P256Signer(world.suite.address("ERC7913P256Verifier"), b"officer")

    perform(world, admission(world, officer), world.custodian.signer, officer)

    assert is_officer(world, officer)


def test_admission_of_an_officer_is_refused_in_this_order(world: World) -> None:
    own = world.custodian.signer
    unfit = admission(world, officer=own)
    assert refused(world, unfit, own, own) == ("ErasuresOfficerInvalid", (own.identity,))
    assert refused(world, admission(world, officer=FIRST, institution=OTHER[:20]), own, FIRST) == (
        "ErasuresInstitutionInactive",
        (Web3.to_checksum_address(OTHER[:20]),),
    )
    for signer in (b"", OTHER[:19], bytes(20), OTHER):
        act = dataclasses.replace(unfit, officer=signer)
        assert refused(world, act, own, FIRST) == ("ErasuresOfficerInvalid", (signer,))
    perform(world, admission(world), own, FIRST)
    known = ("ErasuresOfficerKnown", (Web3.to_checksum_address(world.custodian.address), FIRST.identity))
    assert refused(world, admission(world, nonce=8), own, FIRST) == known
    suspend(world)
    inactive = ("ErasuresInstitutionInactive", (Web3.to_checksum_address(world.custodian.address),))
    assert refused(world, admission(world, officer=own), own, FIRST) == inactive
    assert refused(world, removal(world, SECOND), own) == inactive


def test_removal_of_a_stranger_is_refused(world: World) -> None:
    unknown = ("ErasuresOfficerUnknown", (Web3.to_checksum_address(world.custodian.address), FIRST.identity))

    assert refused(world, removal(world), world.custodian.signer) == unknown


# Restrictions.


def test_restriction_closes_a_record_and_its_lifting_opens_it(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    terms = world.terms(categories=1 << leaf.category)
    world.grant(terms)
    act, lift = restriction(world, leaf), restriction(world, leaf, restricted=False)

    events = perform(world, act, world.custodian.signer)

    assert events == [event_of(act, signed(world, act, (world.custodian.signer,)))]
    assert status_of(world, leaf) == RecordStatus.RESTRICTED
    [facts] = world.suite.read("Records", "factsOf", [record_id(leaf)])
    assert world.reasons([world.item(leaf, terms, request_id=1)]) != [Reason.NONE]
    perform(world, lift, world.custodian.signer)
    assert status_of(world, leaf) == RecordStatus.CURRENT
    [again] = world.suite.read("Records", "factsOf", [record_id(leaf)])
    assert (facts >> 8, facts & 0xFF, again & 0xFF) == (again >> 8, RecordStatus.RESTRICTED, RecordStatus.CURRENT)
    assert world.reasons([world.item(leaf, terms, request_id=2)]) == [Reason.NONE]


def test_restricted_record_cannot_be_superseded(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    perform(world, restriction(world, leaf), world.custodian.signer)
    following = world.successor(leaf)
    arguments = (values_of(leaf), values_of(following), world.sign("Records", following, world.custodian.signer))

    refusal = world.suite.refusal("Records", "supersede", *arguments, sender=world.relay)

    assert refusal == ("RecordsPreviousNotCurrent", (record_id(leaf), RecordStatus.RESTRICTED))


@pytest.mark.parametrize("reason", [0, 5, 255])
def test_restriction_without_a_known_ground_is_refused(world: World, reason: int) -> None:
    leaf = world.leaf()
    world.anchor(leaf)

    refusal = refused(world, restriction(world, leaf, reason_code=reason), world.custodian.signer)

    assert refusal == ("ErasuresReasonUnknown", (reason,))


@pytest.mark.parametrize("reason", [RestrictionReason.RETENTION_RUNS, RestrictionReason.SUBJECT_REQUEST])
def test_restriction_on_the_first_and_last_ground_is_taken(world: World, reason: int) -> None:
    leaf = world.leaf()
    world.anchor(leaf)

    perform(world, restriction(world, leaf, reason_code=reason), world.custodian.signer)

    assert status_of(world, leaf) == RecordStatus.RESTRICTED


def test_restriction_of_what_is_not_current_and_lifting_of_what_is_not_restricted_are_refused(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    own = world.custodian.signer
    lift = restriction(world, leaf, restricted=False)
    assert refused(world, lift, own) == ("ErasuresStatusInvalid", (record_id(leaf), RecordStatus.CURRENT))
    world.supersede(leaf)
    superseded = ("ErasuresStatusInvalid", (record_id(leaf), RecordStatus.SUPERSEDED))
    assert refused(world, restriction(world, leaf), own) == superseded
    assert refused(world, lift, own) == superseded


def _elsewhere(world: World) -> Patient:
    """Enrols a patient of the other hospital."""
    home, world.custodian = world.custodian, world.hospital
    patient = world.enrol("elsewhere", AccountSigner(key_of("elsewhere")))
    world.custodian = home
    return patient


@pytest.mark.parametrize("name", ["restriction", "request", "correction", "erasure", "attestation"])
def test_act_about_a_record_of_others_is_refused(world: World, name: str) -> None:
    staff(world)
    leaf, elsewhere = old_leaf(world), _elsewhere(world)
    makers: dict[str, Callable[..., Any]] = {
        "restriction": restriction,
        "request": request,
        "correction": correction,
        "erasure": erasure,
        "attestation": attestation,
    }
    right = makers[name](world, leaf)
    signers = (FIRST, SECOND) if name == "erasure" else (world.custodian.signer,)
    cases = (
        {"record_id": OTHER},
        {"subject_id": SubjectId(OTHER)},
        {"subject_id": elsewhere.subject_id, "institution": world.hospital.address},
        {"institution": world.hospital.address},
    )
    for changes in cases:
        act = dataclasses.replace(right, **changes)
        named = (act.record_id, act.subject_id, Web3.to_checksum_address(act.institution))
        assert refused(world, act, *signers) == ("ErasuresRecordMismatch", named)


@pytest.mark.parametrize("name", ["restriction", "erasure", "attestation"])
def test_act_of_a_suspended_custodian_is_refused(world: World, name: str) -> None:
    staff(world)
    leaf = old_leaf(world)
    suspend(world)
    makers: dict[str, Callable[..., Any]] = {
        "restriction": restriction,
        "erasure": erasure,
        "attestation": attestation,
    }
    act = makers[name](world, leaf, record_id=OTHER)
    signers = (FIRST, SECOND) if name == "erasure" else (world.custodian.signer,)

    refusal = refused(world, act, *signers)

    assert refusal == ("ErasuresInstitutionInactive", (Web3.to_checksum_address(world.custodian.address),))


# Requests.


def test_request_of_a_patient_is_noted_the_first_time_counts(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    suspend(world)
    act = request(world, leaf)
    asked_at = world.suite.now()

    events = perform(world, act, world.patient.signer)
    perform(world, request(world, leaf, nonce=8), world.patient.signer)

    assert events == [event_of(act, signed(world, act, (world.patient.signer,)))]
    assert end_of(world, leaf) == (asked_at, 0, 0, 0)
    assert status_of(world, leaf) == RecordStatus.CURRENT


def test_request_under_an_appointment_nobody_made_is_refused(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    for act in (request(world, leaf, guardian=OTHER), correction(world, leaf, guardian=OTHER)):
        assert refused(world, act, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_correction_of_a_current_or_restricted_record_can_be_asked_for(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    act = correction(world, leaf)

    events = perform(world, act, world.patient.signer)

    assert events == [event_of(act, signed(world, act, (world.patient.signer,)))]
    perform(world, restriction(world, leaf), world.custodian.signer)
    perform(world, correction(world, leaf, nonce=8), world.patient.signer)
    assert end_of(world, leaf) == (0, 0, 0, 0)


def test_correction_without_a_reason_or_of_an_older_version_is_refused(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    world.supersede(leaf)

    without = correction(world, leaf, reason_hash=ZERO_32, record_id=OTHER)
    assert refused(world, without, world.patient.signer) == ("ErasuresDigestMissing", ())
    status = ("ErasuresStatusInvalid", (record_id(leaf), RecordStatus.SUPERSEDED))
    assert refused(world, correction(world, leaf), world.patient.signer) == status


# Erasures.


def test_erasure_by_two_officers_ends_a_record_for_ever(world: World) -> None:
    staff(world)
    leaf = old_leaf(world)
    terms = world.terms(categories=1 << leaf.category, data_from=0)
    world.grant(terms)
    assert world.reasons([world.item(leaf, terms, request_id=1)]) == [Reason.NONE]
    act = erasure(world, leaf)
    time = world.suite.now()

    events = perform(world, act, FIRST, SECOND)

    assert events == [event_of(act, signed(world, act, (FIRST, SECOND)))]
    assert status_of(world, leaf) == RecordStatus.ERASED
    assert end_of(world, leaf) == (0, time, 0, ErasureReason.RETENTION_OVER)
    assert world.reasons([world.item(leaf, terms, request_id=2)]) != [Reason.NONE]
    gone = ("ErasuresStatusInvalid", (record_id(leaf), RecordStatus.ERASED))
    assert refused(world, erasure(world, leaf, nonce=8), FIRST, SECOND) == gone
    assert refused(world, restriction(world, leaf), world.custodian.signer) == gone
    assert refused(world, restriction(world, leaf, restricted=False), world.custodian.signer) == gone
    assert refused(world, request(world, leaf), world.patient.signer) == gone
    assert refused(world, correction(world, leaf), world.patient.signer) == gone


def test_erased_version_is_neither_anchored_again_nor_followed(world: World) -> None:
    leaf = erased(world)
    following = world.successor(leaf)
    own = world.custodian.signer
    again = world.suite.refusal(
        "Records", "anchor", values_of(leaf), world.sign("Records", leaf, own), sender=world.relay
    )
    arguments = (values_of(leaf), values_of(following), world.sign("Records", following, own))

    assert again == ("RecordsAlreadyAnchored", (record_id(leaf),))
    refusal = world.suite.refusal("Records", "supersede", *arguments, sender=world.relay)
    assert refusal == ("RecordsPreviousNotCurrent", (record_id(leaf), RecordStatus.ERASED))


@pytest.mark.parametrize("status", [RecordStatus.SUPERSEDED, RecordStatus.RESTRICTED])
def test_erasure_of_an_older_or_a_restricted_version_is_taken(world: World, status: RecordStatus) -> None:
    staff(world)
    leaf = old_leaf(world)
    if status == RecordStatus.SUPERSEDED:
        world.supersede(leaf)
    else:
        perform(world, restriction(world, leaf), world.custodian.signer)
    assert status_of(world, leaf) == status

    perform(world, erasure(world, leaf), FIRST, SECOND)

    assert status_of(world, leaf) == RecordStatus.ERASED


@pytest.mark.parametrize(("retention", "years"), [(Retention.OUTPATIENT, 15), (Retention.INPATIENT, 30)])
@pytest.mark.parametrize("month", [0, 1, 11, 25, 361, 681, 65_535])
def test_retention_ends_years_after_the_month_of_the_content(
    world: World, retention: int, years: int, month: int
) -> None:
    leaf = world.leaf(data_month=month, retention=retention)
    world.anchor(leaf)

    ends = world.suite.read("Records", "retentionEnd", record_id(leaf))

    year, after = divmod(month + 1, 12)
    assert ends == int(datetime(1970 + year + years, after + 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("reason", [ErasureReason.RETENTION_OVER, ErasureReason.SUBJECT_REQUEST])
def test_erasure_waits_for_the_end_of_the_retention(world: World, reason: int) -> None:
    staff(world)
    leaf = world.leaf(data_month=648, retention=Retention.OUTPATIENT)
    world.anchor(leaf)
    perform(world, request(world, leaf), world.patient.signer)
    until = int(datetime(2039, 2, 1, tzinfo=UTC).timestamp())
    world.suite.travel(until - 1)
    act = erasure(world, leaf, reason_code=reason)

    assert refused(world, act, FIRST, SECOND) == ("ErasuresRetentionRunning", (record_id(leaf), until))
    world.suite.travel(until)
    perform(world, act, FIRST, SECOND)

    assert status_of(world, leaf) == RecordStatus.ERASED


@pytest.mark.parametrize("reason", [ErasureReason.WRONG_PATIENT, ErasureReason.COURT_ORDER])
def test_erasure_of_a_mistake_or_by_a_court_does_not_wait(world: World, reason: int) -> None:
    staff(world)
    leaf = world.leaf()
    world.anchor(leaf)

    perform(world, erasure(world, leaf, reason_code=reason), FIRST, SECOND)

    assert end_of(world, leaf)[3] == reason


def test_erasure_on_request_needs_one(world: World) -> None:
    staff(world)
    leaf = old_leaf(world)
    act = erasure(world, leaf, reason_code=ErasureReason.SUBJECT_REQUEST)

    assert refused(world, act, FIRST, SECOND) == ("ErasuresRequestMissing", (record_id(leaf),))
    perform(world, request(world, leaf), world.patient.signer)
    perform(world, act, FIRST, SECOND)

    requested, at, attested, reason = end_of(world, leaf)
    assert (0 < requested <= at, attested, reason) == (True, 0, ErasureReason.SUBJECT_REQUEST)


@pytest.mark.parametrize("reason", [0, 5, 255])
def test_erasure_without_a_known_ground_is_refused(world: World, reason: int) -> None:
    act = erasure(world, world.leaf(), reason_code=reason, keys_destroyed=ZERO_32)

    assert refused(world, act, FIRST, SECOND) == ("ErasuresReasonUnknown", (reason,))


def test_erasure_without_a_report_is_refused(world: World) -> None:
    act = erasure(world, world.leaf(), keys_destroyed=ZERO_32)

    assert refused(world, act, FIRST, SECOND) == ("ErasuresDigestMissing", ())


def test_erasure_by_one_person_or_by_a_stranger_is_refused(world: World) -> None:
    leaf = old_leaf(world)
    own = Web3.to_checksum_address(world.custodian.address)
    first, second = (("ErasuresOfficerUnknown", (own, officer.identity)) for officer in (FIRST, SECOND))
    alone = erasure(world, leaf, second_officer=FIRST.identity)

    assert refused(world, alone, FIRST, FIRST) == ("ErasuresOfficersAlike", (FIRST.identity,))
    assert refused(world, erasure(world, leaf), FIRST, SECOND) == first
    perform(world, admission(world), world.custodian.signer, FIRST)
    assert refused(world, alone, FIRST, FIRST) == ("ErasuresOfficersAlike", (FIRST.identity,))
    assert refused(world, erasure(world, leaf), FIRST, SECOND) == second
    perform(world, admission(world, SECOND), world.custodian.signer, SECOND)
    perform(world, removal(world), world.custodian.signer)
    assert refused(world, erasure(world, leaf), FIRST, SECOND) == first


# Attestations.


def test_attestation_is_taken_once_after_the_erasure(world: World) -> None:
    leaf = erased(world)
    _, at, _, reason = end_of(world, leaf)
    act = attestation(world, leaf, deleted_at=at)
    attested_at = world.suite.now()

    events = perform(world, act, world.custodian.signer)

    assert events == [event_of(act, signed(world, act, (world.custodian.signer,)))]
    assert end_of(world, leaf) == (0, at, attested_at, reason)
    again = attestation(world, leaf, nonce=8, objects=0)
    assert refused(world, again, world.custodian.signer) == ("ErasuresAttested", (record_id(leaf),))


def test_attestation_for_a_record_that_is_not_erased_is_refused(world: World) -> None:
    leaf = old_leaf(world)

    refusal = refused(world, attestation(world, leaf), world.custodian.signer)

    assert refusal == ("ErasuresStatusInvalid", (record_id(leaf), RecordStatus.CURRENT))


def test_attestation_of_a_deletion_too_early_in_the_future_or_of_nothing_is_refused(world: World) -> None:
    leaf = erased(world)
    _, at, _, _ = end_of(world, leaf)
    now = world.suite.now()
    for deleted, objects in ((at - 1, 1), (now + 61, 1), (at, 0)):
        act = attestation(world, leaf, deleted_at=deleted, objects=objects)
        assert refused(world, act, world.custodian.signer) == ("ErasuresDeletionInvalid", (deleted, at, objects))
    perform(world, attestation(world, leaf, deleted_at=now + 60, objects=255), world.custodian.signer)


def test_attestation_signed_by_another_is_refused(world: World) -> None:
    act = attestation(world, erased(world))

    assert refused(world, act, FIRST) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refused(world, act, sender=world.relay) == ("ActSignaturesMismatch", (0, 1))
