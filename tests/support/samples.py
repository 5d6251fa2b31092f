"""Plain values of the signed structs that satisfy every rule; tests replace what they are about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import (
    UNLIMITED_USES,
    Action,
    ActorKind,
    Assurance,
    Category,
    LegalBasis,
    Purpose,
    Retention,
    Suite,
    bits,
)
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    RecordId,
    RecordLeaf,
    SubjectId,
)
from consentry.gateway.ports import SealedRecord

NOW: Final = 1_800_000_000
DAY: Final = 86_400


def word(number: int) -> bytes:
    """Gives 32 bytes that are recognisable in a failure message."""
    return number.to_bytes(4, "big") * 8


def address(number: int) -> Address:
    """Gives 20 bytes that are recognisable in a failure message."""
    return Address(number.to_bytes(4, "big") * 5)


def group(keeper: bytes, number: int = 1) -> bytes:
    """Gives the name of a group that an authority keeps."""
    return keeper + number.to_bytes(12, "big")


CUSTODIAN: Final = address(0xA1)
HOSPITAL: Final = address(0xB2)
AUTHORITY: Final = address(0xC3)
RELAY: Final = address(0xD4)
SUBJECT: Final = SubjectId(word(0x51))
RELEASE_KEY: Final = b"release key of the hospital"
RELEASE_KEY_HASH: Final = hashlib.sha256(RELEASE_KEY).digest()
PRACTITIONER: Final = word(0x9A)


def place(time: int = NOW, number: int = 1, log_index: int = 0) -> EventPlace:
    """Gives a place in the chain at a block time in seconds."""
    return EventPlace(BlockReference(number, word(number), time), word(0x7000 + number), log_index)


def leaf() -> RecordLeaf:
    """Gives the first version of an image of sensitivity 2."""
    return RecordLeaf(
        custodian=CUSTODIAN,
        subject_id=SUBJECT,
        previous=ZERO_32,
        lineage=ZERO_32,
        version=1,
        category=Category.IMAGING,
        sensitivity=2,
        data_month=680,
        suite=Suite.COBBLESTONE_256_SHA_256,
        retention=Retention.OUTPATIENT,
        ciphertext_digest=word(0xD1),
        ciphertext_size=5_000_000,
        commitment=word(0xC0),
    )


def leaf_of(sealed: SealedRecord) -> RecordLeaf:
    """Gives a leaf that describes a sealed object."""
    return replace(
        leaf(),
        subject_id=sealed.subject_id,
        version=sealed.version,
        ciphertext_digest=sealed.ciphertext_digest,
        ciphertext_size=sealed.ciphertext_size,
        commitment=sealed.commitment,
    )


def terms() -> ConsentTerms:
    """Gives terms that cover `leaf` for viewing by the hospital, for 30 days from `NOW`."""
    return ConsentTerms(
        subject_id=SUBJECT,
        guardian=ZERO_32,
        institution=HOSPITAL,
        group=ZERO_32,
        practitioner=ZERO_32,
        records_root=ZERO_32,
        categories=bits(Category.IMAGING),
        purposes=bits(Purpose.TREAT),
        actions=bits(Action.VIEW),
        max_sensitivity=3,
        data_from=600,
        data_until=700,
        valid_from=NOW,
        valid_until=NOW + 30 * DAY,
        max_uses=UNLIMITED_USES,
        onward_disclosure=False,
        erase_by=0,
        notice_hash=word(0xE0),
        notice_version=1,
        assurance=Assurance.DEVICE_KEY,
        nonce=7,
    )


def request(record: bytes, consent: bytes, release_key_hash: bytes) -> AccessRequest:
    """Gives a request of the hospital that `terms` permits."""
    return AccessRequest(
        request_id=1,
        institution=HOSPITAL,
        record_id=RecordId(record),
        consent_id=ConsentId(consent),
        authorisation_id=AuthorisationId(ZERO_32),
        purpose=Purpose.TREAT,
        action=Action.VIEW,
        legal_basis=LegalBasis.CONSENT,
        actor_kind=ActorKind.HUMAN,
        reason_code=0,
        reason_hash=ZERO_32,
        practitioner=PRACTITIONER,
        release_key_hash=release_key_hash,
        issued_at=NOW - 10,
        expires_at=NOW + 600,
    )
