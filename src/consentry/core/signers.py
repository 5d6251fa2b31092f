"""Who may sign for a subject, and the check that they did: `signerFor` of ``contracts/modules/Guardianship.sol``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.codes import Assurance, GuardianKind, GuardianScope
from consentry.core.refusals import refusal
from consentry.core.signed_act import Holds, SignedAct
from consentry.core.subject_facts import Appointment, SubjectFacts
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import struct_hash

if TYPE_CHECKING:
    from consentry.core.state import LedgerState


def own_signer(state: LedgerState, subject_id: SubjectId, now: int, *, grants: bool) -> bytes:
    """Gives the subject's own signer if it may sign such an act now; empty otherwise."""
    known = state.subjects.get(subject_id)
    may = state.guardians.facts_of(subject_id).may_sign(now, grants=grants)
    return known.signer if known and may else b""


def signer_for(state: LedgerState, subject_id: SubjectId, guardian: bytes, scope: GuardianScope, now: int) -> bytes:
    """Gives the ERC-7913 signer that may act for a subject; empty when nobody may act so.

    Args:
        state: what is known.
        subject_id: for whom.
        guardian: appointment under which a guardian acts; zero when the subject does.
        scope: what the act is about.
        now: block time in seconds.
    """
    if guardian == ZERO_32:
        return own_signer(state, subject_id, now, grants=scope == GuardianScope.GRANT)
    kept = state.guardians.appointments.get(guardian)
    if kept is None or kept.subject_id != subject_id:
        return b""
    if not kept.valid_from <= now < kept.valid_until or not kept.scopes >> scope & 1:
        return b""
    return kept.signer if _stands(kept, state.guardians.facts_of(subject_id), scope, now) else b""


def card_signer_for(state: LedgerState, subject_id: SubjectId, scope: GuardianScope, now: int) -> bytes:
    """Gives the card of a subject if the subject itself may sign such an act now; empty otherwise."""
    may = state.guardians.facts_of(subject_id).may_sign(now, grants=scope == GuardianScope.GRANT)
    return state.keys.cards.get(subject_id, b"") if may else b""


def is_kept_from(state: LedgerState, guardian: bytes, subject_id: SubjectId, now: int) -> bool:
    """Tells whether a guardian acts, and for a minor whose own matters are kept from its guardians."""
    return guardian != ZERO_32 and state.guardians.facts_of(subject_id).is_shielded_minor(now)


def _stands(kept: Appointment, facts: SubjectFacts, scope: GuardianScope, now: int) -> bool:
    """Tells whether a guardian stands, beside its period and scopes."""
    if kept.kind == GuardianKind.NEAR_RELATIVE:
        return facts.deceased and not facts.relatives_forbidden
    if facts.deceased or (kept.of_minor and not facts.is_minor(now)):
        return False
    if kept.kind == GuardianKind.DELEGATE:
        # A delegate has no more than whom it stands for.
        return facts.may_sign(now, grants=scope == GuardianScope.GRANT)
    # With another key a guardian would get at what the shield keeps from it.
    return scope != GuardianScope.RECOVER or not facts.is_shielded_minor(now)


def granters(state: LedgerState, terms: ConsentTerms, now: int) -> tuple[bytes, ...]:
    """Gives the ERC-7913 signers of which one has to sign a grant at a time in seconds: its assurance level tells.

    Whose signature it cannot be is left out: an empty signer never signed anything.
    """
    named = signer_for(state, terms.subject_id, terms.guardian, GuardianScope.GRANT, now)
    card = card_signer_for(state, terms.subject_id, GuardianScope.GRANT, now) if terms.guardian == ZERO_32 else b""
    by_level: dict[int, tuple[bytes, ...]] = {
        Assurance.DEVICE_KEY: (named,),
        Assurance.CARD_AND_CODE: (card,),
        Assurance.GUARDIAN: (named,),
        Assurance.STAFF_ASSISTED: (named, card),
    }
    return tuple(signer for signer in by_level.get(terms.assurance, ()) if signer)


def revokers(state: LedgerState, subject_id: SubjectId, guardian: bytes, now: int) -> tuple[bytes, ...]:
    """Gives the ERC-7913 signers of which one has to sign a revocation at a time in seconds.

    Who granted with a card takes back with it, and everything else too. Whose signature it cannot be is left out.
    """
    named = signer_for(state, subject_id, guardian, GuardianScope.REVOKE, now)
    card = card_signer_for(state, subject_id, GuardianScope.REVOKE, now) if guardian == ZERO_32 else b""
    return tuple(signer for signer in (named, card) if signer)


def check_signed(act: SignedAct, place: int, signer: bytes, holds: Holds) -> None:
    """Checks that a signature of an act is that of a signer; an empty signer never signed anything.

    Raises:
        LedgerRejectedError: it is not.
    """
    if not signer or not holds(place, signer):
        raise refusal("ActSignatureInvalid", struct_hash(act), place)
