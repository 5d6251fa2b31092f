"""Preparing, granting and taking back consents. The gateway signs none of it: it has no key that could."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from consentry.core.chain import ActReceipt
from consentry.core.terms import ConsentId, ConsentTerms, Revocation
from consentry.core.typed_data import consent_id, document
from consentry.errors import NotFoundError
from consentry.gateway import notice
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
    """Completes terms with a random nonce and the notice, and gives the exact document to sign.

    Raises:
        NotFoundError: there is no notice in that language.
    """
    drawn = replace(terms, nonce=terms.nonce or secrets.randbits(256))
    complete, text = notice.with_notice(drawn, language)
    typed = document(ledger.domain("Consents"), complete)
    return PreparedConsent(complete, consent_id(complete), typed, language, text)


async def grant(ledger: Ledger, terms: ConsentTerms, signature: bytes) -> tuple[ConsentId, ActReceipt]:
    """Puts a signed consent on chain.

    Raises:
        NotAuthenticError: the signature is not the subject's.
        InvalidInputError: the terms contain something that would have to be ignored.
        ConflictError: it was granted or revoked before.
    """
    return consent_id(terms), await ledger.grant(terms, signature)


def prepare_revocation(ledger: Ledger, terms: ConsentTerms) -> dict[str, Any]:
    """Gives the EIP-712 document that takes a consent back."""
    return document(ledger.domain("Consents"), Revocation(consent_id(terms), terms.subject_id))


async def revoke(ledger: Ledger, terms: ConsentTerms, signature: bytes) -> ActReceipt:
    """Takes a consent back, also one that was signed and never granted.

    Raises:
        NotAuthenticError: the signature is not the subject's.
        ConflictError: it was revoked before.
    """
    return await ledger.revoke(terms, signature)


async def known(projection: Projection, wanted: ConsentId) -> ConsentView:
    """Gives a granted consent.

    Raises:
        NotFoundError: it was never granted.
    """
    found = await projection.consent(wanted)
    if found is None:
        raise NotFoundError("consent is not known")
    return found
