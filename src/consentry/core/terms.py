"""The signed structs: field for field those of ``contracts/types``, in the same order.

Byte strings of 32 bytes stand for ``bytes32``; addresses are 20 bytes. ``typed_data`` derives their hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NewType

if TYPE_CHECKING:
    from consentry.core.authorisations import StandingAuthorisation

Address = NewType("Address", bytes)
"""An account or contract: 20 bytes."""
RecordId = NewType("RecordId", bytes)
ConsentId = NewType("ConsentId", bytes)
AuthorisationId = NewType("AuthorisationId", bytes)
SubjectId = NewType("SubjectId", bytes)

ZERO_32: Final = bytes(32)
ZERO_ADDRESS: Final = Address(bytes(20))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Introduces a subject; signed by its signer and by its custodian."""

    subject_id: SubjectId
    signer: bytes
    custodian: Address
    sign_before: int


@dataclass(frozen=True, slots=True)
class InstitutionKeys:
    """New keys of an institution; signed by its signer of today and by the new one."""

    institution: Address
    signer: bytes
    release_key: bytes
    sign_before: int


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """What the chain knows of one version of a record."""

    custodian: Address
    subject_id: SubjectId
    previous: bytes
    lineage: bytes
    version: int
    category: int
    sensitivity: int
    data_month: int
    suite: int
    retention: int
    ciphertext_digest: bytes
    ciphertext_size: int
    commitment: bytes


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """The exact terms a subject signs, or a guardian under the appointment named."""

    subject_id: SubjectId
    guardian: bytes
    institution: Address
    group: bytes
    practitioner: bytes
    records_root: bytes
    categories: int
    purposes: int
    actions: int
    max_sensitivity: int
    data_from: int
    data_until: int
    valid_from: int
    valid_until: int
    max_uses: int
    onward_disclosure: bool
    erase_by: int
    notice_hash: bytes
    notice_version: int
    assurance: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """Takes a consent back; ``guardian`` is the appointment under which a guardian does, zero for the subject."""

    consent_id: ConsentId
    subject_id: SubjectId
    guardian: bytes = ZERO_32


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What an institution signs to ask for one record.

    It invokes a consent or, where a duty or public health is the legal basis, a standing authorisation of an authority;
    never both, and in an emergency neither. ``reason_code`` tells why an emergency access is needed; on any other basis
    it is zero.
    """

    request_id: int
    institution: Address
    record_id: RecordId
    consent_id: ConsentId
    authorisation_id: AuthorisationId
    purpose: int
    action: int
    legal_basis: int
    actor_kind: int
    reason_code: int
    reason_hash: bytes
    practitioner: bytes
    release_key_hash: bytes
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """What an institution signs once to ask for many records; ``root`` is that of ``core.batch_tree``."""

    institution: Address
    root: bytes
    size: int


@dataclass(frozen=True, slots=True)
class BatchPath:
    """Shows that a request is one of a batch: its place, from 0, and its siblings in the tree from the leaf up."""

    batch: RequestBatch
    place: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One line of the access log: the event ``AccessDecided`` with its topics."""

    request: AccessRequest
    subject_id: SubjectId
    reason: int
    decided_at: int
    subject_sequence: int
    institution_sequence: int


@dataclass(frozen=True, slots=True)
class Material:
    """What a relay knows of one request: the record's leaf, the terms it invokes, and a proof that joins them."""

    leaf: RecordLeaf
    terms: ConsentTerms | None = None
    scope_proof: tuple[bytes, ...] = field(default=())
    authorisation: StandingAuthorisation | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a relay shows the contract of one request: no more than the contract cannot know by itself.

    Attributes:
        terms: of the consent the request invokes; none if it invokes none.
        leaf: of the record, where the terms name records and this is a later version of one; none elsewhere.
        scope_proof: that the record is one of those named; empty where it is the only one.
        authorisation: that the request invokes; none if it invokes none.
    """

    terms: ConsentTerms | None = None
    leaf: RecordLeaf | None = None
    scope_proof: Sequence[bytes] = field(default=())
    authorisation: StandingAuthorisation | None = None
