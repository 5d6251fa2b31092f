"""Preparing, granting and taking back consents. The gateway signs none of it: it has no key that could."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any, Final

from consentry.core.access import needs_reconsent
from consentry.core.chain import EventPlace
from consentry.core.codes import Category, ConsentStatus, bits
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, Address, ConsentId, ConsentTerms, Revocation, SubjectId
from consentry.core.typed_data import consent_id, document
from consentry.errors import ConflictError
from consentry.evidence import notice
from consentry.gateway.ports import ConsentView, Ledger, Projection

_NO_CATEGORY: Final = 0
"""Number of no class of documents, so that none can be excluded by it."""


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


def is_in_force(view: ConsentView, noted: SubjectFacts, now: int) -> bool:
    """Tells whether a consent is neither revoked, nor outside its time, nor a guardian's that ended with a minority.

    Args:
        view: the consent with its state.
        noted: what the chain says of its subject.
        now: in seconds since the epoch.
    """
    in_time = view.terms.valid_from <= now < view.terms.valid_until
    outgrown = needs_reconsent(view.terms, view.granted_at, noted.minor_until, now)
    return view.status == ConsentStatus.ACTIVE and in_time and not outgrown


async def is_kept_out(ledger: Ledger, subject_id: SubjectId, institution: Address) -> bool:
    """Tells at head whether a subject excludes an institution as a whole, by its name or by a group it belongs to."""
    return await ledger.is_excluded(subject_id, institution, ZERO_32, _NO_CATEGORY)


async def closed_classes(ledger: Ledger, subject_id: SubjectId, institution: Address, classes: int) -> int:
    """Gives which of some document classes a subject excludes at head for an institution; sets of bits both."""
    asked = [category for category in Category if classes >> category & 1]
    found = [await ledger.is_excluded(subject_id, institution, ZERO_32, category) for category in asked]
    return bits(*(category for category, excluded in zip(asked, found, strict=True) if excluded))
