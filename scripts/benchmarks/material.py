"""What is asked for in a measurement: terms of a consent, requests, and how they are signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.client.bulk import request_ids
from consentry.core.codes import DAY, Action, ActorKind, Assurance, Category, LegalBasis, Purpose, bits
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
    now = int(time.time())
    return ConsentTerms(
        subject_id=subject,
        guardian=ZERO_32,
        institution=institution,
        group=ZERO_32,
        practitioner=ZERO_32,
        records_root=ZERO_32,
        categories=bits(Category.IMAGING),
        purposes=bits(Purpose.TREAT),
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=DATA_MONTH - 12,
        data_until=DATA_MONTH + 12,
        valid_from=now - 60,
        valid_until=now + 30 * DAY,
        max_uses=2**32 - 1,
        onward_disclosure=False,
        erase_by=0,
        notice_hash=secrets.token_bytes(32) if nonce else ZERO_32,
        notice_version=1 if nonce else 0,
        assurance=Assurance.DEVICE_KEY,
        nonce=nonce,
    )


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
