"""Who may sign for a subject, case by case, and when a recovery counts: the rules of the core by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from consentry.core.codes import GuardianKind, GuardianScope, RecoveryProposer, Standing, bits
from consentry.core.signer_keys import RecoveryCompletion, RecoveryProposal
from consentry.core.signers import card_signer_for, signer_for
from consentry.core.state import AuthorityState, InstitutionState, LedgerState, SubjectState
from consentry.core.subject_facts import Appointment, Recovery, SubjectFacts
from consentry.core.terms import ZERO_32, SubjectId
from consentry.errors import LedgerRejectedError
from tests.support import samples

NOW, SUBJECT, NAME = samples.NOW, samples.SUBJECT, samples.word(0xAB)
OWN, GUARDIAN, CARD, NEW = (samples.address(number) for number in (1, 2, 3, 4))
GRANT, REVOKE, RECOVER = GuardianScope.GRANT, GuardianScope.REVOKE, GuardianScope.RECOVER
MINOR = SubjectFacts(minor_until=NOW + 1)
SHIELDED = replace(MINOR, shielded=True)
ADULT = SubjectFacts(minor_until=NOW)
DEAD = SubjectFacts(deceased=True)


def state_of(facts: SubjectFacts, kind: int = GuardianKind.DELEGATE, **changes: Any) -> LedgerState:  # noqa: ANN401 - members by name
    """Gives a state with one subject and one guardian of every scope, around `NOW`."""
    state = LedgerState()
    state.subjects[SUBJECT] = SubjectState(samples.CUSTODIAN, OWN)
    state.institutions[samples.CUSTODIAN] = InstitutionState(Standing.ACTIVE, 440_300, OWN, ZERO_32)
    state.guardians.noted[SUBJECT] = facts
    state.keys.cards[SUBJECT] = CARD
    kept = Appointment(SUBJECT, kind, bits(*GuardianScope), NOW, NOW + 1, of_minor=False, signer=GUARDIAN)
    state.guardians.keep(NAME, replace(kept, **changes))
    return state


class Untouched(dict[bytes, Appointment]):
    """Appointments of a ledger that nobody may go through."""

    def __iter__(self) -> NoReturn:
        raise AssertionError("all appointments were gone through")

    def items(self) -> NoReturn:
        raise AssertionError("all appointments were gone through")


def test_appointments_of_a_subject_are_found_without_those_of_others() -> None:
    state = state_of(SubjectFacts())
    guardians = state.guardians
    [kept] = guardians.appointments_of(SUBJECT).values()
    other = replace(kept, subject_id=SubjectId(samples.word(9)))
    guardians.keep(samples.word(0xAC), other)
    guardians.appointments = Untouched(guardians.appointments)

    assert guardians.appointments_of(SUBJECT) == {NAME: kept}
    assert guardians.appointments_of(other.subject_id) == {samples.word(0xAC): other}
    guardians.forget(NAME)
    guardians.forget(NAME)
    assert guardians.appointments_of(SUBJECT) == {}
    assert NAME not in guardians.appointments


@pytest.mark.parametrize(
    ("facts", "grants", "revokes"),
    [
        (SubjectFacts(), True, True),
        (MINOR, False, True),
        (SHIELDED, True, True),
        (ADULT, True, True),
        (DEAD, False, False),
        (replace(SHIELDED, deceased=True), False, False),
    ],
)
def test_subject_and_its_card_sign_what_their_circumstances_let_them(
    facts: SubjectFacts, *, grants: bool, revokes: bool
) -> None:
    state = state_of(facts)
    for scope, may in ((GRANT, grants), (REVOKE, revokes)):
        assert signer_for(state, SUBJECT, ZERO_32, scope, NOW) == (OWN if may else b"")
        assert card_signer_for(state, SUBJECT, scope, NOW) == (CARD if may else b"")


@pytest.mark.parametrize(
    ("kind", "facts", "of_minor", "scope", "may"),
    [
        (GuardianKind.PARENT, MINOR, True, GRANT, True),
        (GuardianKind.PARENT, ADULT, True, GRANT, False),
        (GuardianKind.PARENT, MINOR, True, RECOVER, True),
        (GuardianKind.PARENT, SHIELDED, True, RECOVER, False),
        (GuardianKind.PARENT, SHIELDED, True, GRANT, True),
        (GuardianKind.PARENT, replace(MINOR, deceased=True), True, REVOKE, False),
        (GuardianKind.COURT_APPOINTED, SubjectFacts(), False, GRANT, True),
        (GuardianKind.COURT_APPOINTED, ADULT, True, REVOKE, False),
        (GuardianKind.COURT_APPOINTED, DEAD, False, REVOKE, False),
        (GuardianKind.DELEGATE, SubjectFacts(), False, GRANT, True),
        (GuardianKind.DELEGATE, MINOR, False, GRANT, False),
        (GuardianKind.DELEGATE, MINOR, False, REVOKE, True),
        (GuardianKind.DELEGATE, SHIELDED, True, GRANT, True),
        (GuardianKind.DELEGATE, DEAD, False, REVOKE, False),
        (GuardianKind.NEAR_RELATIVE, DEAD, False, REVOKE, True),
        (GuardianKind.NEAR_RELATIVE, SubjectFacts(), False, REVOKE, False),
        (GuardianKind.NEAR_RELATIVE, replace(DEAD, relatives_forbidden=True), False, REVOKE, False),
        (GuardianKind.NEAR_RELATIVE, replace(ADULT, deceased=True), True, REVOKE, True),
    ],
)
def test_guardian_stands_as_its_kind_says(
    kind: int, facts: SubjectFacts, scope: GuardianScope, *, of_minor: bool, may: bool
) -> None:
    state = state_of(facts, kind, of_minor=of_minor)
    assert signer_for(state, SUBJECT, NAME, scope, NOW) == (GUARDIAN if may else b"")


@pytest.mark.parametrize(("now", "may"), [(NOW - 1, False), (NOW, True), (NOW + 1, False)])
def test_guardian_stands_in_its_period_alone(now: int, *, may: bool) -> None:
    assert signer_for(state_of(SubjectFacts()), SUBJECT, NAME, GRANT, now) == (GUARDIAN if may else b"")


def test_guardian_acts_in_its_scopes_for_its_subject() -> None:
    state = state_of(SubjectFacts(), scopes=bits(REVOKE))
    assert signer_for(state, SUBJECT, NAME, REVOKE, NOW) == GUARDIAN
    assert signer_for(state, SUBJECT, NAME, GRANT, NOW) == b""
    assert signer_for(state, SUBJECT, samples.word(0xAC), REVOKE, NOW) == b""
    assert signer_for(state_of(SubjectFacts(), subject_id=samples.word(9)), SUBJECT, NAME, GRANT, NOW) == b""


@pytest.mark.parametrize(("now", "error"), [(NOW, ""), (NOW - 1, "SignerKeysRecoveryEarly")])
def test_recovery_counts_from_the_second_it_is_due(now: int, error: str) -> None:
    state = state_of(SubjectFacts(), valid_from=0)
    recovery = Recovery(samples.word(7), NOW, RecoveryProposer.GUARDIAN, NAME, NEW)
    state.keys.recoveries[SUBJECT] = recovery
    act = RecoveryCompletion(SUBJECT, recovery.recovery_id, NOW + 9)
    assert refused(state, act, now) == error


@pytest.mark.parametrize(
    ("region", "standing", "error"),
    [
        (0, Standing.ACTIVE, ""),
        (440_000, Standing.ACTIVE, ""),
        (330_000, Standing.ACTIVE, "SignerKeysProposerInvalid"),
        (440_000, Standing.SUSPENDED, "SignerKeysProposerInvalid"),
    ],
)
def test_recovery_is_proposed_by_an_active_authority_over_the_custodian(
    region: int, standing: Standing, error: str
) -> None:
    state = state_of(SubjectFacts())
    state.authorities[samples.AUTHORITY] = AuthorityState(standing, region)
    who = samples.AUTHORITY.rjust(32, b"\0")
    act = RecoveryProposal(SUBJECT, NEW, RecoveryProposer.AUTHORITY, who, samples.word(1), 1, NOW + 9)
    assert refused(state, act, NOW) == error


def refused(state: LedgerState, act: RecoveryCompletion | RecoveryProposal, now: int) -> str:
    """Gives the error of an act that everybody signed."""
    try:
        act.check(state, lambda _, __: True, now)
    except LedgerRejectedError as error:
        return str(error.details["solidity"])
    return ""


@pytest.mark.parametrize("flags", range(16))
def test_word_of_the_contract_is_read_as_it_is_written(flags: int) -> None:
    facts = SubjectFacts(2**40 + flags, *(bool(flags >> place & 1) for place in range(4)))
    assert SubjectFacts.of_word(facts.word(samples.CUSTODIAN)) == facts
