"""Who may sign for a subject, and the check that they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.codes import GuardianScope
from consentry.core.refusals import refusal
from consentry.core.signed_act import Holds, SignedAct
from consentry.core.terms import ZERO_32, SubjectId
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


def check_signed(act: SignedAct, place: int, signer: bytes, holds: Holds) -> None:
    """Checks that a signature of an act is that of a signer; an empty signer never signed anything.

    Raises:
        LedgerRejectedError: it is not.
    """
    if not signer or not holds(place, signer):
        raise refusal("ActSignatureInvalid", struct_hash(act), place)
