"""Exclusions, asks, assisted grants and what follows revocations, by the core alone; every border to the second."""

from __future__ import annotations

import calendar as days
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.acts import Acts, Item
from consentry.core.admissions import Admissions
from consentry.core.asks import COOL_DOWN, AskDenial, ConsentAsk, widest_answer
from consentry.core.assisted_grants import LONGEST, TIME_TO_GRANT, TIME_TO_UNDO, Assistance
from consentry.core.authorities import found
from consentry.core.calendar import quarter_of
from consentry.core.codes import Action, AskStatus, Assurance, ConsentStatus, Duty, ExclusionKind, bits
from consentry.core.exclusions import Exclusion, ExclusionLift, is_excluded
from consentry.core.revocations import (
    TIME_TO_ACKNOWLEDGE,
    TIME_TO_ERASE,
    ErasureAttestation,
    RevocationAcknowledgement,
)
from consentry.core.signed_act import SignedAct
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, ConsentTerms, Enrolment, Material
from consentry.core.typed_data import consent_id, record_id, struct_hash
from consentry.errors import LedgerRejectedError
from tests.support import samples
from tests.support.samples import AUTHORITY, CUSTODIAN, HOSPITAL, NOW, RELAY, SUBJECT, address, place, word

DAY = 86_400
SIGNER = address(0x11)
SECOND_OFFICER = address(0xC4)
PERSON = word(0x5A)
LATE = 2**64 - 1


class Life:
    """A ledger with two institutions and one subject; every signature holds."""

    def __init__(self) -> None:
        self.state = LedgerState()
        self.acts = Acts(self.state)
        admissions = Admissions(self.state)
        found(self.state, AUTHORITY, SECOND_OFFICER, (), place())
        officers: list[dict[str, Any]] = [{"officer": o, "place": place()} for o in (AUTHORITY, SECOND_OFFICER)]
        for institution in (CUSTODIAN, HOSPITAL):
            for by in officers:
                admissions.admit_institution(institution, 440300, institution, samples.RELEASE_KEY, **by)
        for by in officers:
            admissions.admit_relay(RELAY, CUSTODIAN, **by)
        enrolment = Enrolment(SUBJECT, SIGNER, CUSTODIAN, NOW + 1)
        valid = {"subject_signature_valid": True, "custodian_signature_valid": True}
        self.acts.enrol(enrolment, relay=RELAY, place=place(), **valid)
        self.acts.anchor(samples.leaf(), signature_valid=True, relay=RELAY, place=place())

    def perform(self, act: SignedAct, now: int = NOW) -> None:
        """Has an act taken at a time."""
        self.acts.perform(act, [b"s"], holds=lambda _, signer: bool(signer), relay=RELAY, place=place(now))

    def refused(self, act: SignedAct, now: int = NOW) -> str:
        """Gives the error of an act at a time."""
        with pytest.raises(LedgerRejectedError) as caught:
            self.perform(act, now)
        return str(caught.value.details["solidity"])

    def grant(self, terms: ConsentTerms, now: int = NOW) -> None:
        """Grants at a time."""
        self.acts.grant(terms, b"s", signature_valid=True, relay=RELAY, place=place(now))

    def grant_refused(self, terms: ConsentTerms, now: int = NOW) -> str:
        """Gives the error of a grant at a time."""
        with pytest.raises(LedgerRejectedError) as caught:
            self.grant(terms, now)
        return str(caught.value.details["solidity"])

    def revoke(self, terms: ConsentTerms, now: int = NOW) -> None:
        """Revokes at a time."""
        self.acts.revoke(terms, b"s", signature_valid=True, relay=RELAY, place=place(now))

    def look(self, terms: ConsentTerms) -> None:
        """Lets the hospital look once."""
        leaf, known = samples.leaf(), self.state.institutions[HOSPITAL]
        request = samples.request(record_id(leaf), consent_id(terms), known.release_key_hash)
        self.acts.decide([Item(request, Material(leaf, terms), signature_valid=True)], relay=RELAY, place=place())


@pytest.fixture
def life() -> Life:
    """A ledger of its own for each test."""
    return Life()


def ask_of(**changes: Any) -> ConsentAsk:  # noqa: ANN401 - any member
    ask = ConsentAsk(
        institution=HOSPITAL,
        subject_id=SUBJECT,
        practitioner=ZERO_32,
        purpose=1,
        categories=bits(3, 4),
        records_root=ZERO_32,
        actions=bits(Action.VIEW),
        max_sensitivity=3,
        data_from=600,
        data_until=700,
        valid_until=NOW + 300 * DAY,
        max_uses=5,
        notice_hash=word(1),
        notice_version=1,
        lapses_at=NOW + DAY,
        nonce=1,
        sign_before=LATE,
    )
    return replace(ask, **changes)


def denial_of(ask: ConsentAsk) -> AskDenial:
    return AskDenial(struct_hash(ask), SUBJECT, ZERO_32, LATE)


# Exclusions


def test_member_of_an_excluded_group_is_excluded(life: Life) -> None:
    group = samples.group(AUTHORITY)
    life.state.members.add((group, HOSPITAL))
    life.perform(Exclusion(SUBJECT, ZERO_32, ExclusionKind.GROUP, group, 1, LATE))

    assert is_excluded(life.state, SUBJECT, HOSPITAL, PERSON, 1)
    assert not is_excluded(life.state, SUBJECT, CUSTODIAN, PERSON, 1)


def test_lift_of_what_is_not_excluded_is_refused(life: Life) -> None:
    lift = ExclusionLift(SUBJECT, ZERO_32, ExclusionKind.PRACTITIONER, PERSON, 1, LATE)

    assert life.refused(lift) == "ExclusionsNotMade"


def test_exclusion_of_what_is_excluded_is_refused(life: Life) -> None:
    act = Exclusion(SUBJECT, ZERO_32, ExclusionKind.PRACTITIONER, PERSON, 1, LATE)
    life.perform(act)

    assert life.refused(replace(act, nonce=2)) == "ExclusionsAlreadyMade"


# Asks


def test_ask_is_open_until_it_lapses(life: Life) -> None:
    ask = ask_of()
    life.perform(ask)
    statuses = [life.state.asks.status_of(struct_hash(ask), ask.lapses_at + n) for n in (-1, 0)]

    assert statuses == [AskStatus.OPEN, AskStatus.LAPSED]
    assert life.refused(denial_of(ask), ask.lapses_at) == "AsksNotOpen"


def test_cool_down_begins_with_the_denial_and_ends_to_the_second(life: Life) -> None:
    ask = ask_of()
    life.perform(ask)
    life.perform(denial_of(ask), NOW + 7)
    again = ask_of(nonce=2, lapses_at=NOW + COOL_DOWN + 2 * DAY)

    assert life.refused(again, NOW + 7 + COOL_DOWN - 1) == "AsksCoolingDown"
    life.perform(again, NOW + 7 + COOL_DOWN)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_until": NOW + 300 * DAY + 1},
        {"max_uses": 6},
        {"categories": bits(3, 4, 5)},
        {"purposes": bits(1, 2)},
        {"max_sensitivity": 4},
        {"data_from": 599},
        {"data_until": 701},
    ],
)
def test_answer_wider_than_the_ask_is_refused(life: Life, changes: dict[str, Any]) -> None:
    ask = ask_of()
    life.perform(ask)

    assert life.grant_refused(replace(widest_answer(ask), **changes)) == "AsksAnswerWider"
    life.grant(widest_answer(ask))
    assert life.state.asks.status_of(struct_hash(ask), NOW) == AskStatus.ANSWERED


# Assisted


def assisted(**changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
    return replace(samples.terms(), assurance=Assurance.STAFF_ASSISTED, **changes)


def prepare(life: Life, terms: ConsentTerms, now: int = NOW) -> None:
    life.perform(Assistance(consent_id(terms), SUBJECT, HOSPITAL, PERSON, word(2), 1, LATE), now)


def test_assisted_grant_needs_a_preparation_within_a_day(life: Life) -> None:
    terms = assisted()
    unprepared = life.grant_refused(terms)
    prepare(life, terms)

    assert unprepared == life.grant_refused(terms, NOW + TIME_TO_GRANT) == "AssistedGrantsNotPrepared"
    life.grant(terms, NOW + TIME_TO_GRANT - 1)
    assert life.state.assistance.granted == {HOSPITAL: 1}


def test_assisted_grant_ends_within_ninety_days(life: Life) -> None:
    terms, longer = assisted(valid_until=NOW + LONGEST), assisted(valid_until=NOW + LONGEST + 1)
    for each in (terms, longer):
        prepare(life, each)

    assert life.grant_refused(longer) == "AssistedGrantsPeriodExceeded"
    life.grant(terms)


@pytest.mark.parametrize(("after", "undone"), [(TIME_TO_UNDO - 1, {HOSPITAL: 1}), (TIME_TO_UNDO, {})])
def test_revocation_within_72_hours_undoes(life: Life, after: int, undone: dict[bytes, int]) -> None:
    terms = assisted()
    prepare(life, terms)
    life.grant(terms)
    life.revoke(terms, NOW + after)

    assert life.state.assistance.undone == undone
    assert life.state.consent(consent_id(terms)).status == ConsentStatus.REVOKED


@given(st.integers(0, 253_402_300_799))
def test_quarter_is_that_of_the_calendar(time: int) -> None:
    moment = datetime.fromtimestamp(time, UTC)

    assert quarter_of(time) == (moment.year - 1970) * 4 + (moment.month - 1) // 3


def test_first_and_last_second_of_each_quarter() -> None:
    for number, month in enumerate((1, 4, 7, 10)):
        begins = days.timegm((2000, month, 1, 0, 0, 0))
        assert (quarter_of(begins), quarter_of(begins - 1)) == (120 + number, 119 + number)


# What follows revocations


def storing() -> ConsentTerms:
    return replace(samples.terms(), actions=bits(Action.VIEW, Action.STORE), erase_by=NOW + 20 * DAY)


def test_duties_of_grantee_and_custodian(life: Life) -> None:
    terms = storing()
    life.grant(terms)
    life.look(terms)
    life.revoke(terms)
    duties = {who: life.state.revocations.duties_of(who) for who in (HOSPITAL, CUSTODIAN)}

    assert [(duty.kind, duty.due_at) for duty in duties[HOSPITAL]] == [
        (Duty.ACKNOWLEDGE, NOW + TIME_TO_ACKNOWLEDGE),
        (Duty.ERASE, NOW + TIME_TO_ERASE),
    ]
    assert [(duty.kind, duty.due_at) for duty in duties[CUSTODIAN]] == [(Duty.ACKNOWLEDGE, NOW + TIME_TO_ACKNOWLEDGE)]


def test_nothing_is_to_be_erased_where_nothing_was_read(life: Life) -> None:
    terms = storing()
    life.grant(terms)
    life.revoke(terms)

    assert [duty.kind for duty in life.state.revocations.duties_of(HOSPITAL)] == [Duty.ACKNOWLEDGE]


def test_duty_is_overdue_from_its_second_on(life: Life) -> None:
    terms = storing()
    life.grant(terms)
    life.revoke(terms)
    overdue = [life.state.revocations.overdue(CUSTODIAN, NOW + TIME_TO_ACKNOWLEDGE + n) for n in (-1, 0)]

    assert [len(found) for found in overdue] == [0, 1]


def test_answers_close_duties_and_come_once(life: Life) -> None:
    terms = storing()
    life.grant(terms)
    life.look(terms)
    life.revoke(terms)
    consent = consent_id(terms)
    acts = [
        RevocationAcknowledgement(consent, HOSPITAL, SUBJECT, 1, LATE),
        ErasureAttestation(consent, HOSPITAL, SUBJECT, 1, NOW, PERSON, LATE),
    ]
    left = []
    for act in acts:
        life.perform(act)
        left.append([duty.kind for duty in life.state.revocations.duties_of(HOSPITAL)])

    assert left == [[Duty.ERASE], []]
    assert [life.refused(replace(act, sign_before=LATE - 1)) for act in acts] == ["RevocationsAlreadyDone"] * 2
    assert life.state.consent(consent).status == ConsentStatus.REVOKED
