"""The last look at head before a key is unwrapped: time has passed, and what a decision rested on may have ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from consentry.core.access import needs_reconsent
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.chain import Moment
from consentry.core.codes import (
    BY_AUTHORITY,
    Action,
    AuthorisationStatus,
    ConsentStatus,
    LegalBasis,
    Reason,
    RecordStatus,
    Standing,
)
from consentry.core.receipts import FinalReceipt
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, ConsentTerms, Material
from consentry.errors import AccessDeniedError, ConflictError, LedgerUnavailableError
from consentry.gateway.ports import Conditions, ConditionsAtHead, Ledger

_OF_RECORD: Final = {
    RecordStatus.RESTRICTED: Reason.RECORD_RESTRICTED,
    RecordStatus.ERASED: Reason.RECORD_ERASED,
}
LEASE_SECONDS: Final = 900
"""A decision opens the vault this long after its block; later the institution asks anew, under a new request id."""


def machine_time() -> int:
    """Gives the time of this machine in seconds since the epoch."""
    return int(time.time())


async def check_still_in_force(
    ledger: Ledger, receipt: FinalReceipt, material: Material, clock: Callable[[], int]
) -> None:
    """Checks at head that a permitted access may still open the vault.

    Without new blocks the time of the chain stands still, and what has ended would seem to last; so the gateway's own
    time, ``clock`` in seconds, counts where it is later. It is read once the answer is there: a node may be slow.

    Raises:
        AccessDeniedError: what it rested on ended since, or the institution was suspended.
        ConflictError: the decision is older than the lease, or its request expired.
        LedgerUnavailableError: the node does not answer, lags behind the decision, or had no new block for too long.
    """
    seen = await ledger.seen(_conditions(receipt, material))
    read_at = clock()
    _check_fresh(ledger, receipt, seen.head, read_at)
    now = max(seen.head.time, read_at)
    _check_lease(receipt, now)
    ended = _ended(receipt, material, seen, now)
    if ended != Reason.NONE:
        raise denied(receipt, ended)


def _conditions(receipt: FinalReceipt, material: Material) -> Conditions:
    group = material.terms.group if material.terms else ZERO_32
    return Conditions(receipt.entry.request, receipt.entry.subject_id, material.leaf.category, group)


def _ended(receipt: FinalReceipt, material: Material, seen: ConditionsAtHead, now: int) -> Reason:
    """Tells why what was once permitted is so no more at time ``now``; ``NONE`` if it still is."""
    request, ended = receipt.entry.request, Reason.NONE
    if request.legal_basis in BY_AUTHORITY:
        ended = _authorisation_ended(material.authorisation, seen, now)
    elif request.legal_basis != LegalBasis.EMERGENCY:
        ended = _consent_ended(receipt, material.terms, seen, now)
    if ended == Reason.NONE and request.legal_basis not in BY_AUTHORITY:
        ended = _subject_objects(receipt, material.terms, seen, now)
    if ended != Reason.NONE:
        return ended
    if seen.standing != Standing.ACTIVE:
        return Reason.INSTITUTION_SUSPENDED
    if seen.record != RecordStatus.CURRENT:
        return _OF_RECORD.get(seen.record, Reason.RECORD_SUPERSEDED)
    return Reason.NONE if seen.release_key_hash == request.release_key_hash else Reason.RELEASE_KEY_MISMATCH


def _consent_ended(receipt: FinalReceipt, terms: ConsentTerms | None, seen: ConditionsAtHead, now: int) -> Reason:
    if terms is None:  # nothing is permitted without a consent; closed when in doubt
        return Reason.CONSENT_MISSING
    if terms.subject_id != receipt.entry.subject_id:  # a second line: the contract compares them too
        return Reason.SUBJECT_MISMATCH
    if now >= terms.valid_until:
        return Reason.CONSENT_EXPIRED
    if receipt.entry.request.action == Action.STORE and now >= terms.erase_by:
        return Reason.ERASE_DATE_PASSED
    if seen.consent != ConsentStatus.ACTIVE:
        return Reason.CONSENT_REVOKED
    if terms.group != ZERO_32 and not seen.is_group_member:
        return Reason.GRANTEE_MISMATCH  # it left the group since, or was put out of it
    return Reason.NONE


def _subject_objects(receipt: FinalReceipt, terms: ConsentTerms | None, seen: ConditionsAtHead, now: int) -> Reason:
    """Tells what the subject decided in advance, or that it came of age; authorisations are above both."""
    if receipt.entry.request.legal_basis == LegalBasis.EMERGENCY:
        if seen.facts.emergency_forbidden:
            return Reason.EMERGENCY_FORBIDDEN
    elif _came_of_age(receipt, terms, seen.facts, now):
        return Reason.RECONSENT_NEEDED
    return Reason.EXCLUDED if seen.is_excluded else Reason.NONE


def _came_of_age(receipt: FinalReceipt, terms: ConsentTerms | None, noted: SubjectFacts, now: int) -> bool:
    """Tells whether the subject came of age since the decision, which a guardian's grant does not outlast.

    It was permitted, so it was granted before and the minority had not ended then.
    """
    return terms is None or needs_reconsent(terms, receipt.entry.decided_at, noted.minor_until, now)


def _authorisation_ended(terms: StandingAuthorisation | None, seen: ConditionsAtHead, now: int) -> Reason:
    if terms is None:  # closed when in doubt
        return Reason.AUTHORISATION_MISSING
    if now >= terms.valid_until:
        return Reason.AUTHORISATION_EXPIRED
    return Reason.NONE if seen.authorisation == AuthorisationStatus.ACTIVE else Reason.AUTHORISATION_WITHDRAWN


def _check_fresh(ledger: Ledger, receipt: FinalReceipt, head: Moment, clock: int) -> None:
    """Checks that the node follows the chain: what ended elsewhere does not show at a node that stands still."""
    decided, silence = receipt.place.block, ledger.longest_silence()
    if head.number < decided.number:
        raise LedgerUnavailableError(
            f"head of the node is stale (got {head.number}, expected {decided.number} at least)"
        )
    if silence and clock - head.time > silence:
        raise LedgerUnavailableError(
            f"head of the node is stale (got a block of {clock - head.time} s ago, expected at most {silence} s)"
        )


def _check_lease(receipt: FinalReceipt, now: int) -> None:
    """Checks that a decision is young enough to open the vault, and that its request is still valid."""
    request, decided = receipt.entry.request, receipt.place.block
    age = now - decided.time
    if age > LEASE_SECONDS:
        raise ConflictError(f"age of the decision does not match (got {age} s, expected at most {LEASE_SECONDS} s)")
    if now >= request.expires_at:
        raise ConflictError(f"request has expired (got {now}, expected a time before {request.expires_at})")


def denied(receipt: FinalReceipt, reason: Reason | None = None) -> AccessDeniedError:
    """Gives the error for a refusal; with ``reason`` for one that came after a permit, just before the release."""
    why = reason or Reason(receipt.entry.reason)
    return AccessDeniedError(f"access was denied ({why.name})", reason=why.name, receipt=receipt)
