"""Behaviour of `Emergencies`: what an emergency access owes, how it is paid, and every refusal in its order."""

from __future__ import annotations

import pytest

from consentry.core.codes import DEBT_PERIOD, NoticeBy, ReviewerRole, ReviewOutcome
from consentry.core.emergencies import debt_id
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from consentry.core.typed_data import struct_hash
from tests.contracts.consent_acts import checksummed
from tests.contracts.debt_cases import (
    OTHER,
    REQUEST,
    REVIEWER,
    Act,
    authority_of,
    by_authority,
    notice,
    opened,
    refusal,
    review,
    send,
    wire,
)
from tests.support import samples
from tests.support.contract_suite import Value, by_two
from tests.support.contract_world import BEIJING, GUANGDONG, World, values_of

JUSTIFIED, REFERRED = ReviewOutcome.JUSTIFIED, ReviewOutcome.REFERRED


@pytest.fixture
def indebted(world: World) -> World:
    """Lends a world whose hospital owes for one emergency access."""
    wire(world)
    opened(world)
    return world


def debt(world: World, request_id: int = REQUEST) -> tuple[Value, ...]:
    return tuple(world.suite.read("Emergencies", "debtOf", debt_id(world.hospital.address, request_id)))


def paid(world: World) -> tuple[bool, bool, bool]:
    noticed, referred, reviewed = debt(world)[2:5]
    return noticed, referred, reviewed


def open_ones(world: World, first: int = 0, most: int = 100) -> list[bytes]:
    ids, debts = world.suite.read("Emergencies", "openDebts", world.hospital.address, first, most)
    assert [tuple(each) for each in debts] == [
        tuple(world.suite.read("Emergencies", "debtOf", identifier)) for identifier in ids
    ]
    return list(ids)


def counts(world: World) -> tuple[int, int]:
    read, hospital = world.suite.read, world.hospital.address
    return read("Emergencies", "openCount", hospital), read("Emergencies", "overdueCount", hospital)


# Opening


def test_access_ledger_opens_a_debt(world: World) -> None:
    ledger = wire(world)
    hospital, patient = world.hospital.address, world.patient.subject_id

    receipt = world.suite.send("Emergencies", "open", hospital, REQUEST, patient, samples.PRACTITIONER, sender=ledger)

    identifier = debt_id(hospital, REQUEST)
    [event] = world.suite.events(receipt)
    assert event.name == "DebtOpened"
    assert event.args == {
        "debtId": identifier,
        "subjectId": patient,
        "institution": checksummed(hospital),
        "requestId": REQUEST,
        "practitioner": samples.PRACTITIONER,
    }
    time = world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]
    assert debt(world) == (checksummed(hospital), time, False, False, False, patient, samples.PRACTITIONER)
    assert open_ones(world) == [identifier]


def test_nobody_else_opens_a_debt(world: World) -> None:
    ledger = wire(world)
    arguments = (world.hospital.address, REQUEST, world.patient.subject_id, samples.PRACTITIONER)
    for caller in (world.relay, world.suite.admin, world.suite.national):
        found = world.suite.refusal("Emergencies", "open", *arguments, sender=caller)
        assert found == ("EmergenciesLedgerRequired", (caller, ledger))


def test_suite_wires_the_access_ledger_and_nobody_else(world: World) -> None:
    assert world.suite.read("Emergencies", "accessLedger") == world.suite["AccessLedger"].address


# Paying


@pytest.mark.parametrize("notice_first", [True, False])
def test_debt_is_closed_by_notice_and_review_in_either_order(indebted: World, *, notice_first: bool) -> None:
    acts: tuple[Act, Act] = (notice(indebted), review(indebted))
    first, second = acts if notice_first else acts[::-1]

    [only] = indebted.suite.events(send(indebted, first))
    assert only.name == first.FORM.event
    assert counts(indebted)[0] == 1
    made, closed = indebted.suite.events(send(indebted, second))

    assert (made.name, closed.name) == (second.FORM.event, "DebtClosed")
    assert made.args["actHash"] == struct_hash(second)
    assert closed.args["debtId"] == second.debt_id
    assert (closed.args["subjectId"], closed.args["institution"]) == (
        indebted.patient.subject_id,
        checksummed(indebted.hospital.address),
    )
    assert paid(indebted) == (True, False, True)
    assert open_ones(indebted) == []
    assert indebted.suite.read("Emergencies", "isPerformed", struct_hash(second)) is True


def test_patient_acknowledges(indebted: World) -> None:
    act = notice(indebted, by=NoticeBy.PATIENT)
    assert refusal(indebted, act, indebted.custodian.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))

    send(indebted, act)

    assert paid(indebted) == (True, False, False)


def test_custodian_alone_says_that_it_told_the_patient(indebted: World) -> None:
    act = notice(indebted)
    for signer in (indebted.hospital.signer, indebted.patient.signer):
        assert refusal(indebted, act, signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_guardian_that_was_never_appointed_acknowledges_nothing(indebted: World) -> None:
    act = notice(indebted, by=NoticeBy.PATIENT, guardian=OTHER)
    assert refusal(indebted, act) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_referral_leaves_the_review_to_an_authority(indebted: World) -> None:
    authority = authority_of(indebted, "authority", BEIJING)
    own = Address(authority.identity)
    send(indebted, notice(indebted))
    [referral] = indebted.suite.events(send(indebted, review(indebted, outcome=REFERRED)))
    assert referral.name == "EmergencyReviewed"
    assert paid(indebted) == (True, True, False)
    again = review(indebted, sign_before=indebted.suite.now() + 60)
    assert refusal(indebted, again) == ("EmergenciesReferred", (again.debt_id,))

    act = by_authority(indebted, own, outcome=ReviewOutcome.NOT_JUSTIFIED)
    send(indebted, act, authority)

    assert paid(indebted) == (True, True, True)
    assert counts(indebted) == (0, 0)


def test_authority_reviews_without_being_asked(indebted: World) -> None:
    authority = authority_of(indebted, "authority", 0)
    act = by_authority(indebted, Address(authority.identity))
    assert refusal(indebted, act, indebted.hospital.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))

    send(indebted, act, authority)

    assert paid(indebted) == (False, False, True)


# Refusals


def test_act_about_an_unknown_debt_or_other_parties_is_refused(indebted: World) -> None:
    hospital, custodian = indebted.hospital.address, indebted.custodian.address
    for make in (notice, review):
        assert refusal(indebted, make(indebted, debt_id=OTHER)) == ("EmergenciesDebtUnknown", (OTHER,))
        known = make(indebted).debt_id
        for subject, institution in ((OTHER, hospital), (indebted.patient.subject_id, custodian)):
            act = make(indebted, subject_id=subject, institution=institution)
            shown = checksummed(institution)
            assert refusal(indebted, act) == ("EmergenciesPartiesMismatch", (known, subject, shown))


def test_act_counts_once(indebted: World) -> None:
    for make in (notice, review):
        act = make(indebted)
        send(indebted, act)
        assert refusal(indebted, act) == ("ActRepeated", (struct_hash(act),))
    later = notice(indebted, sign_before=indebted.suite.now() + 60)
    assert refusal(indebted, later) == ("EmergenciesAlreadyNoticed", (later.debt_id,))
    again = review(indebted, sign_before=indebted.suite.now() + 60)
    assert refusal(indebted, again) == ("EmergenciesAlreadyReviewed", (again.debt_id,))


@pytest.mark.parametrize("change", [{"by": 0}, {"by": 3}, {"guardian": OTHER}, {"notice_hash": ZERO_32}])
def test_malformed_notice_is_refused(indebted: World, change: dict[str, Value]) -> None:
    act = notice(indebted, **change)
    assert refusal(indebted, act) == ("EmergenciesNoticeInvalid", (act.by, act.guardian, act.notice_hash))


def test_notice_lies_between_access_and_now(indebted: World) -> None:
    now, at = indebted.suite.now(), debt(indebted)[1]
    for sent_at, refused in ((at - 1, True), (at, False), (now + 60, False), (now + 61, True)):
        act = notice(indebted, sent_at=sent_at)
        if refused:
            assert refusal(indebted, act) == ("EmergenciesNoticeTimeInvalid", (sent_at, at, now))
        else:
            signature = indebted.sign("Emergencies", act, indebted.custodian.signer)
            indebted.suite.read("Emergencies", "notice", values_of(act), [signature], sender=indebted.relay)


@pytest.mark.parametrize("outcome", [JUSTIFIED, ReviewOutcome.NOT_JUSTIFIED])
def test_either_outcome_pays(indebted: World, outcome: ReviewOutcome) -> None:
    act = review(indebted, outcome=outcome, role=ReviewerRole.MEDICAL_DIRECTOR)
    signature = indebted.sign("Emergencies", act, indebted.hospital.signer)
    indebted.suite.send("Emergencies", "review", values_of(act), [signature], sender=indebted.relay)
    assert paid(indebted) == (False, False, True)


@pytest.mark.parametrize("change", [{"role": 0}, {"role": 4}, {"outcome": 0}, {"outcome": 4}, {"reason_hash": ZERO_32}])
def test_malformed_review_is_refused(indebted: World, change: dict[str, Value]) -> None:
    act = review(indebted, **change)
    assert refusal(indebted, act) == ("EmergenciesReviewInvalid", (act.role, act.outcome, act.reason_hash))


def test_authority_passes_nothing_on(indebted: World) -> None:
    authority = authority_of(indebted, "authority", BEIJING)
    act = by_authority(indebted, Address(authority.identity), outcome=REFERRED)
    expected = ("EmergenciesReviewInvalid", (ReviewerRole.AUTHORITY, REFERRED, act.reason_hash))
    assert refusal(indebted, act, authority) == expected


@pytest.mark.parametrize("reviewer", [ZERO_32, samples.PRACTITIONER])
def test_nobody_reviews_the_own_access(indebted: World, reviewer: bytes) -> None:
    act = review(indebted, reviewer=reviewer)
    assert refusal(indebted, act) == ("EmergenciesReviewerInvalid", (act.debt_id, reviewer))


def test_only_an_active_authority_over_the_institution_reviews(indebted: World) -> None:
    shown = checksummed(indebted.hospital.address)
    far = authority_of(indebted, "far", GUANGDONG)
    suspended = authority_of(indebted, "suspended", BEIJING)
    gone = checksummed(suspended.identity)
    by_two(indebted.suite, (indebted.suite.national, indebted.suite.second), "suspendAuthority", gone, ZERO_32)
    for authority in (far, suspended, indebted.hospital.signer):
        own = Address(authority.identity)
        found = refusal(indebted, by_authority(indebted, own), authority)
        assert found == ("EmergenciesAuthorityInvalid", (checksummed(own), shown))
    found = refusal(indebted, by_authority(indebted, ZERO_ADDRESS), far)
    assert found == ("EmergenciesAuthorityInvalid", (checksummed(ZERO_ADDRESS), shown))
    own = Address(far.identity)
    assert refusal(indebted, review(indebted, authority=own)) == (
        "EmergenciesAuthorityInvalid",
        (checksummed(own), shown),
    )


def test_every_act_goes_through_the_checks_that_all_have(indebted: World) -> None:
    for act in (notice(indebted), review(indebted)):
        assert refusal(indebted, act, sender=indebted.stranger) == ("ActRelayRequired", (indebted.stranger,))
        assert refusal(indebted, act, signatures=[]) == ("ActSignaturesMismatch", (0, 1))
        now = indebted.suite.now()
        for make in (notice, review):
            late = make(indebted, sign_before=now)
            assert refusal(indebted, late) == ("ActExpired", (now, now))


def test_errors_come_in_their_order(indebted: World) -> None:
    """Everything is wrong at first; one mistake after the other is mended."""
    now = indebted.suite.now()
    wrong: dict[str, Value] = {"debt_id": OTHER, "subject_id": OTHER, "by": 0, "sent_at": 1}
    names = []
    for mended in ({}, {"debt_id": notice(indebted).debt_id}, {"subject_id": indebted.patient.subject_id}, {"by": 2}):
        wrong |= mended
        names.append(refusal(indebted, notice(indebted, **wrong))[0])
    assert names == [
        "EmergenciesDebtUnknown",
        "EmergenciesPartiesMismatch",
        "EmergenciesNoticeInvalid",
        "EmergenciesNoticeTimeInvalid",
    ]
    send(indebted, review(indebted, outcome=REFERRED))
    wrong = {"outcome": 0, "reviewer": ZERO_32, "authority": indebted.custodian.address, "sign_before": now + 99}
    names = []
    steps: tuple[dict[str, Value], ...] = (
        {},
        {"outcome": JUSTIFIED},
        {"reviewer": REVIEWER},
        {"role": ReviewerRole.AUTHORITY},
    )
    for step in steps:
        wrong |= step
        names.append(refusal(indebted, review(indebted, **wrong))[0])
    assert names == [
        "EmergenciesReviewInvalid",
        "EmergenciesReviewerInvalid",
        "EmergenciesReferred",
        "EmergenciesAuthorityInvalid",
    ]


# Reading


def test_debts_are_overdue_after_three_days(indebted: World) -> None:
    hospital, at = indebted.hospital.address, debt(indebted)[1]
    for time, late in ((at + DEBT_PERIOD - 1, 0), (at + DEBT_PERIOD, 1)):
        indebted.suite.travel(time)
        assert counts(indebted) == (1, late)
        assert len(indebted.suite.read("Emergencies", "overdue", hospital, 0, 10)) == late
    assert indebted.suite.read("Emergencies", "overdueCount", indebted.custodian.address) == 0


def test_open_debts_are_read_in_parts(indebted: World) -> None:
    ids = [opened(indebted, number) for number in (REQUEST, 1, 2, 3)]
    assert sorted(open_ones(indebted)) == sorted(set(ids))
    whole = open_ones(indebted)
    assert [open_ones(indebted, first, 2) for first in (0, 2, 4, 9)] == [whole[:2], whole[2:], [], []]
    assert open_ones(indebted, 1, 2**256 - 1) == whole[1:]
    indebted.suite.travel(debt(indebted, 3)[1] + DEBT_PERIOD)
    late = [indebted.suite.read("Emergencies", "overdue", indebted.hospital.address, first, 3) for first in (0, 3)]
    assert late == [whole[:3], whole[3:]]
    assert counts(indebted) == (4, 4)
