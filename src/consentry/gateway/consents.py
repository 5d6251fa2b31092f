"""Preparing, granting and taking back consents. The gateway signs none of it: it has no key that could."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from consentry.core.chain import EventPlace
from consentry.core.codes import ConsentStatus
from consentry.core.terms import ZERO_32, ConsentId, ConsentTerms, Revocation
from consentry.core.typed_data import consent_id, document
from consentry.errors import ConflictError
from consentry.evidence import notice
from consentry.gateway.ports import ConsentView, Ledger, Projection


@dataclass(frozen=True, slots=True)
class PreparedConsent:
    """What a subject is shown and signs: the terms, the EIP-712 document made of them, and the notice in words."""

    terms: ConsentTerms
    consent_id: ConsentId
    document: dict[str, Any]
    language: str
    notice_text: str


def prepare(ledger: Ledger, terms: ConsentTerms, language: str) -> PreparedConsent:
    """Completes terms with the notice and, where they answer no ask, a random nonce; gives the document to sign.

    Raises:
        NotFoundError: there is no notice in that language.
        InvalidInputError: a moment or month of the terms lies outside the calendar.
    """
    drawn = replace(terms, nonce=terms.nonce or secrets.randbits(256))
    complete, text = notice.with_notice(drawn, language)
    typed = document(ledger.domain("Consents"), complete)
    return PreparedConsent(complete, consent_id(complete), typed, language, text)


async def grant(
    ledger: Ledger, projection: Projection, terms: ConsentTerms, signature: bytes, *, resumed: bool = False
) -> tuple[ConsentId, EventPlace]:
    """Puts a signed consent on chain.

    Args:
        ledger: the chain.
        projection: what is known of it.
        terms: what the subject signed.
        signature: the subject's, or that of the guardian the terms name.
        resumed: an earlier call may have gone through; then it is no conflict.

    Raises:
        NotAuthenticError: the signature is not that of who may grant.
        InvalidInputError: the terms contain something that would have to be ignored.
        ConflictError: it was granted or revoked before.
    """
    granted = consent_id(terms)
    try:
        return granted, (await ledger.grant(terms, signature)).place
    except ConflictError:
        earlier = await projection.consent(granted) if resumed else None
        if earlier is None or earlier.signature != signature:
            raise
        return granted, earlier.place


def prepare_revocation(ledger: Ledger, terms: ConsentTerms, guardian: bytes = ZERO_32) -> dict[str, Any]:
    """Gives the EIP-712 document that takes a consent back; a guardian signs under its appointment."""
    return document(ledger.domain("Consents"), Revocation(consent_id(terms), terms.subject_id, guardian))


async def revoke(
    ledger: Ledger,
    projection: Projection,
    terms: ConsentTerms,
    signature: bytes,
    *,
    guardian: bytes = ZERO_32,
    resumed: bool = False,
) -> EventPlace:
    """Takes a consent back, also one that was signed and never granted.

    Args:
        ledger: the chain.
        projection: what is known of it.
        terms: those of the consent.
        signature: over the revocation.
        guardian: appointment under which a guardian signed; zero for the subject.
        resumed: an earlier call may have gone through; then it is no conflict.

    Raises:
        NotAuthenticError: the signature is not that of who may revoke.
        NotPermittedError: a guardian cannot take back what a shielded minor granted itself.
        ConflictError: it was revoked before.
    """
    try:
        return (await ledger.revoke(terms, signature, guardian)).place
    except ConflictError:
        earlier = await projection.consent(consent_id(terms)) if resumed else None
        if earlier is None or earlier.revocation is None:
            raise
        return earlier.revocation


def is_in_force(view: ConsentView, now: int) -> bool:
    """Tells whether a consent is neither revoked nor outside its time; ``now`` in seconds since the epoch."""
    return view.status == ConsentStatus.ACTIVE and view.terms.valid_from <= now < view.terms.valid_until
