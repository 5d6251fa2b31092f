"""Who may act where: regions, standings and the form of signers, as in ``contracts/Participants.sol``."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Final

from consentry.core.codes import Standing
from consentry.core.refusals import refusal
from consentry.core.terms import Address

if TYPE_CHECKING:
    from consentry.core.state import LedgerState

ADDRESS_SIZE: Final = 20
COUNTRY: Final = 0
"""Region of the whole country; other regions are six-digit codes of GB/T 2260."""

_PROVINCE: Final = 10_000
_LOWEST_REGION: Final = 100_000
_HIGHEST_REGION: Final = 999_999


def is_within(region: int, outer: int) -> bool:
    """Tells whether a region lies within another: the country, or one with the same first two digits."""
    return outer == COUNTRY or region // _PROVINCE == outer // _PROVINCE


def is_active_over(state: LedgerState, authority: Address, institution: Address) -> bool:
    """Tells whether an authority is active and an institution lies within its region."""
    known, over = state.institutions.get(institution), state.authorities.get(authority)
    region = known.region if known else COUNTRY
    return over is not None and over.standing == Standing.ACTIVE and is_within(region, over.region)


def is_acceptable_signer(signer: bytes, verifiers: Container[bytes]) -> bool:
    """Tells whether the bytes are an account, or start with an admitted verifier and carry a key."""
    if len(signer) == ADDRESS_SIZE:
        return any(signer)
    return len(signer) > ADDRESS_SIZE and signer[:ADDRESS_SIZE] in verifiers


def keeper_of(group: bytes) -> Address:
    """Gives the authority that keeps a group: the first 20 bytes of the group's name."""
    return Address(group[:ADDRESS_SIZE])


def check_group_keeper(group: bytes, authority: Address) -> None:
    """Checks that an authority keeps a group; no other may add a reader to what patients consented to.

    Raises:
        LedgerRejectedError: the group is another's.
    """
    if keeper_of(group) != authority:
        raise refusal("ParticipantsGroupForbidden", authority, group)


def check_code(region: int) -> None:
    """Checks the form of a region code: zero or six digits.

    Raises:
        LedgerRejectedError: it has another form.
    """
    if region != COUNTRY and not _LOWEST_REGION <= region <= _HIGHEST_REGION:
        raise refusal("ParticipantsRegionInvalid", region)


def check_region(authority: Address, standing: Standing, authority_region: int, region: int) -> None:
    """Checks that an authority may act for a region.

    Raises:
        LedgerRejectedError: it is not active, or the region is not within its own.
    """
    if standing != Standing.ACTIVE or not is_within(region, authority_region):
        raise refusal("ParticipantsRegionForbidden", authority, region)


def check_standing(participant: Address, standing: Standing, needed: Standing) -> None:
    """Checks that a participant is known and has the standing a change starts from.

    Raises:
        LedgerRejectedError: it was never admitted, or has another standing.
    """
    if standing == Standing.NONE:
        raise refusal("ParticipantsUnknown", participant)
    if standing != needed:
        raise refusal("ParticipantsStandingMismatch", participant, standing, needed)
