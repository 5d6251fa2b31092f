"""What is asked for in a measurement: terms of a consent, requests, and how they are signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.client.bulk import request_ids
from consentry.core.codes import Action, ActorKind, LegalBasis, Purpose
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Material,
    RecordId,
    SubjectId,
)
from consentry.demo.terms import treatment_terms

DATA_MONTH: Final = 12 * 2025
REGION: Final = 330100
REQUEST_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Signed:
    """A request with what the contract needs beside it."""

    request: AccessRequest
    material: Material
    signature: bytes


def terms_for(subject: SubjectId, institution: Address, nonce: int = 0) -> ConsentTerms:
    """Gives the terms of a consent that outlasts any measurement."""
    notice = {"notice_hash": secrets.token_bytes(32), "notice_version": 1, "nonce": nonce} if nonce else {}
    return treatment_terms(subject, institution, DATA_MONTH, **notice)


def new_requests(
    institution: Address, key_hash: bytes, sought: Sequence[tuple[RecordId, ConsentId]]
) -> list[AccessRequest]:
    """Makes requests of one practitioner, with ids side by side as the client draws them."""
    now, practitioner = int(time.time()), secrets.token_bytes(32)
    return [
        AccessRequest(
            request_id=number,
            institution=institution,
            record_id=record,
            consent_id=consent,
            authorisation_id=AuthorisationId(ZERO_32),
            purpose=Purpose.TREAT,
            action=Action.VIEW,
            legal_basis=LegalBasis.CONSENT,
            actor_kind=ActorKind.HUMAN,
            reason_code=0,
            reason_hash=ZERO_32,
            practitioner=practitioner,
            release_key_hash=key_hash,
            issued_at=now,
            expires_at=now + REQUEST_SECONDS,
        )
        for number, (record, consent) in zip(request_ids(), sought, strict=False)
    ]
