"""The last look at head before a key is unwrapped: time has passed, and what a decision rested on may have ended."""

from __future__ import annotations

from typing import Final

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
from consentry.core.terms import AccessRequest, ConsentTerms, Material
from consentry.errors import AccessDeniedError, ConflictError, LedgerUnavailableError
from consentry.gateway.ports import Ledger

LEASE_SECONDS: Final = 900
"""A decision opens the vault this long after its block; later the institution asks anew, under a new request id."""


async def check_still_in_force(ledger: Ledger, receipt: FinalReceipt, material: Material) -> None:
    """Checks at head that a permitted access may still open the vault.

    Raises:
        AccessDeniedError: what it rested on ended since, or the institution was suspended.
        ConflictError: the decision is older than the lease, or its request expired.
        LedgerUnavailableError: the node does not answer, or lags behind the decision.
    """
    request = receipt.entry.request
    head = await ledger.head()
    _check_lease(receipt, head)
    if request.legal_basis in BY_AUTHORITY:
        await _check_authorisation(ledger, receipt, material.authorisation, head.time)
    elif request.legal_basis != LegalBasis.EMERGENCY:
        await _check_consent(ledger, receipt, material.terms, head.time)
    if await ledger.institution_standing(request.institution) != Standing.ACTIVE:
        raise denied(receipt, Reason.INSTITUTION_SUSPENDED)
    if await ledger.record_status(request.record_id) != RecordStatus.CURRENT:
        raise denied(receipt, Reason.RECORD_SUPERSEDED)
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


def _check_lease(receipt: FinalReceipt, head: BlockReference) -> None:
    """Checks that a decision is young enough to open the vault, and that its request is still valid."""
    request, decided = receipt.entry.request, receipt.place.block
    if head.number < decided.number:
        raise LedgerUnavailableError(
            f"head of the node is stale (got {head.number}, expected {decided.number} at least)"
        )
    age = head.time - decided.time
    if age > LEASE_SECONDS:
        raise ConflictError(f"age of the decision does not match (got {age} s, expected at most {LEASE_SECONDS} s)")
    if head.time >= request.expires_at:
        raise ConflictError(f"request has expired (got {head.time}, expected a time before {request.expires_at})")


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
