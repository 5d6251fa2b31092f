"""Who may sign for a subject, and the check that they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.codes import Assurance, GuardianScope
from consentry.core.refusals import refusal
from consentry.core.signed_act import Holds, SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import struct_hash

if TYPE_CHECKING:
    from consentry.core.state import LedgerState


def signer_for(state: LedgerState, subject_id: SubjectId, guardian: bytes, scope: GuardianScope, now: int) -> bytes:
    """Gives the ERC-7913 signer that may act for a subject; empty when nobody may act so.

    Args:
        state: what is known.
        subject_id: for whom.
        guardian: appointment under which a guardian acts; zero when the subject does.
        scope: what the act is about.
        now: block time in seconds.
    """
    del scope, now  # matter to guardians
    known = state.subjects.get(subject_id)
    return known.signer if known and guardian == ZERO_32 else b""


def card_signer_of(state: LedgerState, subject_id: SubjectId) -> bytes:
    """Gives the ERC-7913 signer of a subject's card; empty while subjects have none."""
    del state, subject_id
    return b""


def granters(state: LedgerState, terms: ConsentTerms, now: int) -> tuple[bytes, ...]:
    """Gives the ERC-7913 signers of which one has to sign a grant at a time in seconds: its assurance level tells.

    Whose signature it cannot be is left out: an empty signer never signed anything.
    """
    device = signer_for(state, terms.subject_id, ZERO_32, GuardianScope.GRANT, now)
    card, guardian = card_signer_of(state, terms.subject_id), b""  # terms name no guardian yet
    by_level: dict[int, tuple[bytes, ...]] = {
        Assurance.DEVICE_KEY: (device,),
        Assurance.CARD_AND_CODE: (card,),
        Assurance.GUARDIAN: (guardian,),
        Assurance.STAFF_ASSISTED: (device, card, guardian),
    }
    return tuple(signer for signer in by_level.get(terms.assurance, ()) if signer)


def check_signed(act: SignedAct, place: int, signer: bytes, holds: Holds) -> None:
    """Checks that a signature of an act is that of a signer; an empty signer never signed anything.

    Raises:
        LedgerRejectedError: it is not.
    """
    if not signer or not holds(place, signer):
        raise refusal("ActSignatureInvalid", struct_hash(act), place)
