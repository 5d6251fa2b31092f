"""Acts that take two officers: the first call proposes, the second one, by somebody else, confirms and executes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.codes import DAY, Standing
from consentry.core.events import LedgerEvent
from consentry.core.offices import CALLS, call_of, holds
from consentry.core.participants import is_within
from consentry.core.refusals import refusal
from consentry.core.state import NO_AUTHORITY, LedgerState
from consentry.core.terms import ZERO_ADDRESS, Address

Done = Callable[[], Sequence[LedgerEvent]]
"""Gives the events of an act that two officers agreed on; it may still refuse."""
PROPOSAL_SECONDS: Final = 7 * DAY
"""Time in which a second officer can confirm an act."""


def authority_of(state: LedgerState, officer: Address) -> Address:
    """Gives the authority an officer acts for; zero when it is none."""
    return state.officers.get(officer, ZERO_ADDRESS)


def may_call(state: LedgerState, officer: Address, function: str) -> bool:
    """Tells whether an officer has the role a function needs."""
    return holds(state.roles.get(officer, 0), CALLS[function][0])


def is_officer_over(state: LedgerState, officer: Address, region: int) -> bool:
    """Tells whether an account is an officer of an active authority, and the region lies within that one's."""
    own = state.authorities.get(authority_of(state, officer), NO_AUTHORITY)
    return own.standing == Standing.ACTIVE and is_within(region, own.region)


def check_role(state: LedgerState, officer: Address, function: str) -> None:
    """Checks the role a function needs.

    Raises:
        LedgerRejectedError: the officer has it not.
    """
    if not may_call(state, officer, function):
        raise refusal("AccessManagedUnauthorized", officer)


def check_officer_over(state: LedgerState, officer: Address, region: int) -> None:
    """Checks that an officer may act for a region; zero is what concerns the whole country.

    Raises:
        LedgerRejectedError: it may not.
    """
    if not is_officer_over(state, officer, region):
        raise refusal("ParticipantsRegionForbidden", officer, region)


def check_confirmation(state: LedgerState, act: bytes, officer: Address, now: int) -> None:
    """Checks that a second officer confirmed an act that waited.

    Raises:
        LedgerRejectedError: nobody proposed it, or the same officer, or its time was over.
    """
    known = state.proposals.get(act)
    if known is None or now >= known.lapses_at or known.proposer == officer:
        raise refusal("ParticipantsSecondOfficerRequired", act, officer)


def propose(state: LedgerState, call: bytes, officer: Address, lapses_at: int, place: EventPlace) -> events.ActProposed:
    """Lets an act wait for a second officer until ``lapses_at``."""
    event = events.ActProposed(place, keccak(call), call[:4], officer, lapses_at, call)
    state.fold(event)
    return event


def by_two(
    state: LedgerState,
    call: tuple[str, tuple[object, ...]],
    officer: Address,
    region: int,
    place: EventPlace,
    done: Done,
) -> list[LedgerEvent]:
    """Proposes an act whose other checks have passed, or confirms and does it.

    Args:
        state: what the act changes.
        call: function and arguments, which name the act.
        officer: who calls.
        region: what both officers' authorities must cover.
        place: where the call is mined.
        done: gives the events of the act.
    """
    function, values = call
    encoded, now = call_of(function, *values), place.block.time
    known = state.proposals.get(keccak(encoded))
    valid = known is not None and now < known.lapses_at and may_call(state, known.proposer, function)
    if known is None or not valid or not is_officer_over(state, known.proposer, region):
        return [propose(state, encoded, officer, now + PROPOSAL_SECONDS, place)]
    if known.proposer == officer:
        raise refusal("ParticipantsSecondOfficerRequired", keccak(encoded), officer)
    made = [events.ActConfirmed(place, keccak(encoded), officer), *done()]
    for event in made:
        state.fold(event)
    return made
