"""The last look at head before a key is unwrapped: time has passed, and what a decision rested on may have ended."""

from __future__ import annotations

import time
from typing import Final

from consentry.core.access import needs_reconsent
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.chain import BlockReference
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
from consentry.core.terms import ZERO_32, AccessRequest, ConsentTerms, Material
from consentry.errors import AccessDeniedError, ConflictError, LedgerUnavailableError
from consentry.gateway.ports import Ledger

_OF_RECORD: Final = {
    RecordStatus.RESTRICTED: Reason.RECORD_RESTRICTED,
    RecordStatus.ERASED: Reason.RECORD_ERASED,
}
LEASE_SECONDS: Final = 900
"""A decision opens the vault this long after its block; later the institution asks anew, under a new request id."""


def machine_time() -> int:
    """Gives the time of this machine in seconds since the epoch."""
    return int(time.time())


async def check_still_in_force(ledger: Ledger, receipt: FinalReceipt, material: Material, clock: int) -> None:
    """Checks at head that a permitted access may still open the vault.

    Without new blocks the time of the chain stands still, and what has ended would seem to last; so the gateway's own
    time, ``clock`` in seconds, counts where it is later.

    Raises:
        AccessDeniedError: what it rested on ended since, or the institution was suspended.
        ConflictError: the decision is older than the lease, or its request expired.
        LedgerUnavailableError: the node does not answer, lags behind the decision, or had no new block for too long.
    """
    request = receipt.entry.request
    head = await ledger.head()
    _check_fresh(ledger, receipt, head, clock)
    now = max(head.time, clock)
    _check_lease(receipt, now)
    if request.legal_basis in BY_AUTHORITY:
        await _check_authorisation(ledger, receipt, material.authorisation, now)
    elif request.legal_basis != LegalBasis.EMERGENCY:
        await _check_consent(ledger, receipt, material.terms, now)
    if request.legal_basis not in BY_AUTHORITY:
        await _check_subject(ledger, receipt, material, now)
    if await ledger.institution_standing(request.institution) != Standing.ACTIVE:
        raise denied(receipt, Reason.INSTITUTION_SUSPENDED)
    status = await ledger.record_status(request.record_id)
    if status != RecordStatus.CURRENT:
        raise denied(receipt, _OF_RECORD.get(status, Reason.RECORD_SUPERSEDED))
    if await ledger.release_key_hash(request.institution) != request.release_key_hash:
        raise denied(receipt, Reason.RELEASE_KEY_MISMATCH)


async def _check_consent(ledger: Ledger, receipt: FinalReceipt, terms: ConsentTerms | None, now: int) -> None:
    if terms is None:  # nothing is permitted without a consent; closed when in doubt
        raise denied(receipt, Reason.CONSENT_MISSING)
    if terms.subject_id != receipt.entry.subject_id:  # a second line: the contract compares them too
        raise denied(receipt, Reason.SUBJECT_MISMATCH)
    ended = _ended(receipt.entry.request, terms, now)
    if ended != Reason.NONE:
        raise denied(receipt, ended)
    if await ledger.consent_status(receipt.entry.request.consent_id) != ConsentStatus.ACTIVE:
        raise denied(receipt, Reason.CONSENT_REVOKED)
    institution = receipt.entry.request.institution
    if terms.group != ZERO_32 and not await ledger.is_group_member(terms.group, institution):
        raise denied(receipt, Reason.GRANTEE_MISMATCH)  # it left the group since, or was put out of it


async def _check_subject(ledger: Ledger, receipt: FinalReceipt, material: Material, now: int) -> None:
    """Checks what the subject decided in advance, and whether it came of age; authorisations are above both."""
    request, subject = receipt.entry.request, receipt.entry.subject_id
    noted = await ledger.subject_facts(subject)
    if request.legal_basis == LegalBasis.EMERGENCY:
        if noted.emergency_forbidden:
            raise denied(receipt, Reason.EMERGENCY_FORBIDDEN)
    elif _came_of_age(receipt, material.terms, noted, now):
        raise denied(receipt, Reason.RECONSENT_NEEDED)
    if await ledger.is_excluded(subject, request.institution, request.practitioner, material.leaf.category):
        raise denied(receipt, Reason.EXCLUDED)


def _came_of_age(receipt: FinalReceipt, terms: ConsentTerms | None, noted: SubjectFacts, now: int) -> bool:
    """Tells whether the subject came of age since the decision, which a guardian's grant does not outlast.

    It was permitted, so it was granted before and the minority had not ended then.
    """
    return terms is None or needs_reconsent(terms, receipt.entry.decided_at, noted.minor_until, now)


async def _check_authorisation(
    ledger: Ledger, receipt: FinalReceipt, terms: StandingAuthorisation | None, now: int
) -> None:
    if terms is None:  # closed when in doubt
        raise denied(receipt, Reason.AUTHORISATION_MISSING)
    if now >= terms.valid_until:
        raise denied(receipt, Reason.AUTHORISATION_EXPIRED)
    status = await ledger.authorisation_status(receipt.entry.request.authorisation_id)
    if status != AuthorisationStatus.ACTIVE:
        raise denied(receipt, Reason.AUTHORISATION_WITHDRAWN)


def _check_fresh(ledger: Ledger, receipt: FinalReceipt, head: BlockReference, clock: int) -> None:
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


def _ended(request: AccessRequest, terms: ConsentTerms, now: int) -> Reason:
    """Tells why terms that once permitted a request do so no more at block time ``now``."""
    if now >= terms.valid_until:
        return Reason.CONSENT_EXPIRED
    if request.action == Action.STORE and now >= terms.erase_by:
        return Reason.ERASE_DATE_PASSED
    return Reason.NONE


def denied(receipt: FinalReceipt, reason: Reason | None = None) -> AccessDeniedError:
    """Gives the error for a refusal; with ``reason`` for one that came after a permit, just before the release."""
    why = reason or Reason(receipt.entry.reason)
    return AccessDeniedError(f"access was denied ({why.name})", reason=why.name, receipt=receipt)
