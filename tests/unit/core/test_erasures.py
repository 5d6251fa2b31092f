"""Ends of records in the core: retention against the calendar, and the rules around an erasure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.act_table import name_of
from consentry.core.acts import check_act
from consentry.core.calendar import start_of_month
from consentry.core.chain import EventPlace
from consentry.core.codes import ErasureReason, RecordStatus, RestrictionReason, Retention, Standing
from consentry.core.erasures import (
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureRequest,
    RecordEnd,
    Restriction,
)
from consentry.core.events import ActPerformed
from consentry.core.retention import retention_end
from consentry.core.signed_act import SignedAct
from consentry.core.state import InstitutionState, LedgerState, RecordState, SubjectState
from consentry.core.terms import ZERO_32, Address, RecordLeaf
from consentry.core.typed_data import record_id, struct_hash
from consentry.errors import LedgerRejectedError
from tests.support import samples

FIRST, SECOND = b"\x01" * 20, b"\x02" * 20
LEAF = replace(samples.leaf(), data_month=300, retention=Retention.OUTPATIENT)
RECORD = record_id(LEAF)
NOW = samples.NOW
ABOUT = (RECORD, samples.CUSTODIAN, samples.SUBJECT)
END = (7, NOW + 60)
LAST_MONTH = (9999 - 1970) * 12 + 11


def state_with(leaf: RecordLeaf = LEAF, status: RecordStatus = RecordStatus.CURRENT) -> LedgerState:
    """Gives a state with a custodian, its two officers, a subject and a record."""
    state = LedgerState()
    state.institutions[samples.CUSTODIAN] = InstitutionState(Standing.ACTIVE, 440_300, samples.CUSTODIAN, ZERO_32)
    state.subjects[samples.SUBJECT] = SubjectState(samples.CUSTODIAN, b"\x03" * 20)
    state.records[RECORD] = RecordState(status, NOW - 100, leaf)
    state.erasures.officers |= {(samples.CUSTODIAN, FIRST), (samples.CUSTODIAN, SECOND)}
    return state


def take(state: LedgerState, act: SignedAct, now: int = NOW) -> None:
    """Takes an act that everybody signed."""
    check_act(state, act, [b""] * len(act.FORM.signers), lambda *_: True, now)
    place: EventPlace = samples.place(now)
    event = ActPerformed(place, struct_hash(act), samples.SUBJECT, samples.CUSTODIAN, act, ())
    state.fold(event)


def refusal(state: LedgerState, act: SignedAct, now: int = NOW) -> str:
    """Gives the error with which an act is refused."""
    with pytest.raises(LedgerRejectedError) as caught:
        take(state, act, now)
    return str(caught.value.details["solidity"])


def erasure(**changes: object) -> Erasure:
    made = Erasure(*ABOUT, ErasureReason.RETENTION_OVER, samples.word(1), FIRST, SECOND, *END)
    return replace(made, **changes)  # type: ignore[arg-type]  # members by name


@given(month=st.integers(0, LAST_MONTH))
def test_start_of_a_month_is_that_of_the_calendar(month: int) -> None:
    first = datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC)

    assert start_of_month(month) == int(first.timestamp())


@pytest.mark.parametrize(("retention", "years"), [(Retention.OUTPATIENT, 15), (Retention.INPATIENT, 30), (9, 30)])
@given(month=st.integers(0, 65_535))
def test_retention_ends_years_after_the_month_of_the_content(retention: int, years: int, month: int) -> None:
    year, after = divmod(month + 1, 12)

    assert retention_end(month, retention) == int(datetime(1970 + year + years, after + 1, 1, tzinfo=UTC).timestamp())


def test_erasure_ends_a_record_once_and_for_ever() -> None:
    state = state_with()

    take(state, erasure())

    assert state.record_status(RECORD) == RecordStatus.ERASED
    assert state.erasures.end_of(RECORD) == RecordEnd(0, NOW, 0, ErasureReason.RETENTION_OVER)
    assert refusal(state, erasure(nonce=8)) == "ErasuresStatusInvalid"
    for restricted in (True, False):
        act = Restriction(*ABOUT, restricted, RestrictionReason.LEGAL_CLAIM, *END)
        assert refusal(state, act) == "ErasuresStatusInvalid"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"second_officer": FIRST}, "ErasuresOfficersAlike"),
        ({"first_officer": b"\x09" * 20}, "ErasuresOfficerUnknown"),
        ({"second_officer": b"\x09" * 20}, "ErasuresOfficerUnknown"),
        ({"reason_code": ErasureReason.SUBJECT_REQUEST}, "ErasuresRequestMissing"),
        ({"keys_destroyed": ZERO_32}, "ErasuresDigestMissing"),
        ({"institution": Address(b"\x08" * 20)}, "ErasuresInstitutionInactive"),
        ({"subject_id": samples.word(5)}, "ErasuresRecordMismatch"),
    ],
)
def test_erasure_that_is_not_fit_is_refused(changes: dict[str, object], error: str) -> None:
    assert refusal(state_with(), erasure(**changes)) == error


def test_erasure_waits_for_the_last_second_of_the_retention_but_for_a_court_or_a_mistake() -> None:
    leaf = replace(LEAF, data_month=samples.leaf().data_month)
    until = retention_end(leaf.data_month, leaf.retention)
    act = erasure(sign_before=until + 100)

    assert refusal(state_with(leaf), act, until - 1) == "ErasuresRetentionRunning"
    take(state_with(leaf), act, until)
    for reason in (ErasureReason.COURT_ORDER, ErasureReason.WRONG_PATIENT):
        take(state_with(leaf), erasure(reason_code=reason))


def test_request_opens_the_way_for_an_erasure_on_request_and_the_first_counts() -> None:
    state = state_with()
    take(state, ErasureRequest(*ABOUT, ZERO_32, *END), NOW - 50)
    take(state, ErasureRequest(*ABOUT, ZERO_32, 8, NOW + 60), NOW - 40)

    take(state, erasure(reason_code=ErasureReason.SUBJECT_REQUEST))

    assert state.erasures.end_of(RECORD).requested_at == NOW - 50


def test_lifting_a_restriction_does_not_bring_an_older_version_back() -> None:
    state = state_with(status=RecordStatus.SUPERSEDED)
    for restricted in (True, False):
        act = Restriction(*ABOUT, restricted, RestrictionReason.LEGAL_CLAIM, *END)
        assert refusal(state, act) == "ErasuresStatusInvalid"


def test_attestation_follows_the_erasure_and_comes_once() -> None:
    state = state_with()
    attest = DeletionAttestation(*ABOUT, NOW, 1, *END)
    assert refusal(state, attest) == "ErasuresStatusInvalid"
    take(state, erasure())
    for deleted_at, objects in ((NOW - 1, 1), (NOW + 61, 1), (NOW, 0)):
        changed = replace(attest, deleted_at=deleted_at, objects=objects)
        assert refusal(state, changed) == "ErasuresDeletionInvalid"

    take(state, attest)

    assert state.erasures.end_of(RECORD).attested_at == NOW
    assert refusal(state, replace(attest, nonce=9)) == "ErasuresAttested"


@pytest.mark.parametrize("officer", [samples.CUSTODIAN, b"", bytes(20), b"\x04" * 21])
def test_officer_has_a_key_of_an_admitted_kind_that_is_not_the_institution_s(officer: bytes) -> None:
    act = ErasureOfficerAdmission(samples.CUSTODIAN, officer, *END)

    assert refusal(state_with(), act) == "ErasuresOfficerInvalid"
    assert name_of(type(act)) == "erasure-officer-admission"


def test_two_verifiers_of_one_key_are_one_officer() -> None:
    first, second, key = b"\x0a" * 20, b"\x0b" * 20, b"\x0c" * 64
    state = state_with()
    state.verifiers = (first, second, b"\x0d" * 20)  # type: ignore[assignment]  # bytes will do
    own = replace(state.institutions[samples.CUSTODIAN], signer=first + key)
    act = ErasureOfficerAdmission(samples.CUSTODIAN, second + key, *END)

    take(state, act)
    assert refusal(state, erasure(first_officer=first + key, second_officer=second + key)) == "ErasuresOfficersAlike"
    state.institutions[samples.CUSTODIAN] = own
    assert refusal(state, replace(act, nonce=9)) == "ErasuresOfficerInvalid"
    council = ErasureOfficerAdmission(samples.CUSTODIAN, b"\x0d" * 20 + key + key, *END)
    assert refusal(state, council) == "ErasuresOfficerInvalid"
