"""Bodies of requests and answers: strict, closed, and without any rule.

Signed structs are written as in ``evidence.notation``: bytes as 0x-prefixed lower-case hexadecimal, numbers wider than
48 bits as decimal strings. Here only their shape is declared, for early refusal and for the OpenAPI document.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.terms import AccessRequest, ConsentId, ConsentTerms, Enrolment, RecordId, RecordLeaf
from consentry.evidence.notation import read

Hex = Annotated[str, Field(pattern=r"^0x([0-9a-f]{2})*$", max_length=16_386)]
Hex20 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]
Hex32 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Decimal256 = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,77})$")]
Uint8 = Annotated[int, Field(ge=0, le=2**8 - 1)]
Uint16 = Annotated[int, Field(ge=0, le=2**16 - 1)]
Uint32 = Annotated[int, Field(ge=0, le=2**32 - 1)]
Uint64 = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,19})$")]
Signature = Annotated[Hex, Field(max_length=2 + 2 * MOST_SIGNATURE_BYTES)]
"""Of an access request or of a batch of them."""
ScopeProof = Annotated[list[Hex32], Field(max_length=MOST_PROOF_NODES)]
Language = Literal["zh", "en"]
Id20 = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$")]
Id32 = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Root of all bodies: unknown fields are refused, nothing is converted."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )


def raw(text: str) -> bytes:
    """Gives the bytes of a hexadecimal member."""
    return bytes.fromhex(text[2:])


def shown(value: bytes) -> str:
    """Gives bytes as a hexadecimal member."""
    return "0x" + value.hex()


class EnrolmentBody(Strict):
    """An enrolment as signed."""

    subject_id: Hex32
    signer: Hex
    custodian: Hex20
    sign_before: Uint64

    def value(self) -> Enrolment:
        """Gives the signed struct."""
        return read(Enrolment, self.model_dump(by_alias=True))


class EnrolBody(Strict):
    """Enrols a subject."""

    enrolment: EnrolmentBody
    subject_signature: Hex
    custodian_signature: Hex


class LeafBody(Strict):
    """A record leaf as signed."""

    custodian: Hex20
    subject_id: Hex32
    previous: Hex32
    lineage: Hex32
    version: Uint32
    category: Uint8
    sensitivity: Uint8
    data_month: Uint16
    suite: Uint16
    retention: Uint8
    ciphertext_digest: Hex32
    ciphertext_size: Uint64
    commitment: Hex32

    def value(self) -> RecordLeaf:
        """Gives the signed struct."""
        return read(RecordLeaf, self.model_dump(by_alias=True))


class AnchorBody(Strict):
    """Anchors a sealed object under a signed leaf; ``previous`` is the full leaf of the version before."""

    object_id: Hex32
    leaf: LeafBody
    signature: Hex
    previous: LeafBody | None = None


class TermsBody(Strict):
    """Consent terms as signed."""

    subject_id: Hex32
    guardian: Hex32
    institution: Hex20
    group: Hex32
    practitioner: Hex32
    records_root: Hex32
    categories: Uint32
    purposes: Uint32
    actions: Uint8
    max_sensitivity: Uint8
    data_from: Uint16
    data_until: Uint16
    valid_from: Uint64
    valid_until: Uint64
    max_uses: Uint32
    onward_disclosure: bool
    erase_by: Uint64
    notice_hash: Hex32
    notice_version: Uint32
    assurance: Uint8
    nonce: Decimal256

    def value(self) -> ConsentTerms:
        """Gives the signed struct."""
        return read(ConsentTerms, self.model_dump(by_alias=True))


class PrepareBody(Strict):
    """Asks for the document to sign; ``noticeHash`` and ``nonce`` of zero are filled in."""

    terms: TermsBody
    language: Language


class GrantBody(Strict):
    """A signed consent."""

    terms: TermsBody
    signature: Hex


class RevokeBody(Strict):
    """A signed revocation; terms are needed only for a consent that was never granted.

    ``guardian`` is the appointment under which a guardian signed; it is left out when the subject did.
    """

    signature: Hex
    terms: TermsBody | None = None
    guardian: Hex32 | None = None


class PrepareRevocationBody(Strict):
    """Asks for the document to sign; ``guardian`` is the appointment under which a guardian will."""

    guardian: Hex32 | None = None


class RequestBody(Strict):
    """An access request as signed."""

    request_id: Decimal256
    institution: Hex20
    record_id: Hex32
    consent_id: Hex32
    authorisation_id: Hex32
    purpose: Uint8
    action: Uint8
    legal_basis: Uint8
    actor_kind: Uint8
    reason_code: Uint8
    reason_hash: Hex32
    practitioner: Hex32
    release_key_hash: Hex32
    issued_at: Uint64
    expires_at: Uint64

    def value(self) -> AccessRequest:
        """Gives the signed struct."""
        return read(AccessRequest, self.model_dump(by_alias=True))


class AccessBody(Strict):
    """Asks for one record."""

    request: RequestBody
    signature: Signature
    scope_proof: ScopeProof = []


class SiweChallengeBody(Strict):
    """Asks for a message to sign."""

    address: Hex20


class SiweSessionBody(Strict):
    """The signed EIP-4361 message."""

    message: Annotated[str, Field(max_length=2_000)]
    signature: Hex


class PasskeyChallengeBody(Strict):
    """Asks for a challenge for an ERC-7913 signer."""

    signer: Hex


class PasskeySessionBody(Strict):
    """The assertion, coded as the on-chain verifier takes it."""

    signer: Hex
    challenge: Hex32
    signature: Hex


def record_key(text: str) -> RecordId:
    """Gives the record id of a path member."""
    return RecordId(raw(text))


def consent_key(text: str) -> ConsentId:
    """Gives the consent id of a path member."""
    return ConsentId(raw(text))


class Place(Strict):
    """Where an event stands."""

    block_number: int
    block_hash: Hex32
    block_time: int
    transaction_hash: Hex32
    log_index: int


class Anchor(Place):
    """Where an act stands; every act is final when it is answered."""

    state: Literal["final"]


class Receipt(Place):
    """Where a decision stands, by which rule its block is final, and its numbers in the two logs."""

    finality: str
    subject_sequence: int
    institution_sequence: int


class EnrolAnswer(Strict):
    """A subject was enrolled."""

    subject_id: Hex32
    anchor: Anchor


class AnchorAnswer(Strict):
    """A record version was anchored."""

    record_id: Hex32
    anchor: Anchor


class ConsentAnswer(Strict):
    """A consent was granted or taken back."""

    consent_id: Hex32
    anchor: Anchor


class SealedItem(Strict):
    """What the leaf of a sealed object is made of."""

    object_id: Hex32
    version: Uint32
    ciphertext_digest: Hex32
    ciphertext_size: int
    plaintext_size: int
    commitment: Hex32


class Notice(Strict):
    """The text a subject was shown."""

    language: Language
    text: str


class PreparedAnswer(Strict):
    """What a subject is shown and signs; ``document`` is EIP-712 JSON as a wallet takes it."""

    consent_id: Hex32
    terms: TermsBody
    document: dict[str, Any]
    notice: Notice


class PreparedRevocation(Strict):
    """What a subject signs to take a consent back."""

    document: dict[str, Any]
    terms: TermsBody


class InstitutionItem(Strict):
    """An institution as admitted."""

    address: Hex20
    standing: Literal["ACTIVE", "SUSPENDED"]
    region: int
    signer: Hex
    release_key: Hex


class InstitutionPage(Strict):
    """A page of institutions."""

    items: list[InstitutionItem]


class SubjectItem(Strict):
    """A subject the caller acts for: as its signer, or as a guardian who may see."""

    subject_id: Hex32
    custodian: Hex20
    acting_as: Literal["SUBJECT", "GUARDIAN"]


class SubjectList(Strict):
    """The subjects a signer acts for."""

    items: list[SubjectItem]


class RecordItem(Strict):
    """A record version."""

    record_id: Hex32
    status: Literal["CURRENT", "SUPERSEDED", "RESTRICTED", "ERASED"]
    leaf: LeafBody
    place: Place


class RecordPage(Strict):
    """A page of records."""

    items: list[RecordItem]


class ConsentItem(Strict):
    """A consent; ``notice`` is null where the text shown is not one of this gateway's.

    ``undo_until`` is 0 unless staff assisted. ``needs_reconsent`` tells of one in force that permits nothing any more:
    a guardian granted it, and the subject came of age since.
    """

    consent_id: Hex32
    terms: TermsBody
    signature: Hex
    status: Literal["ACTIVE", "REVOKED"]
    needs_reconsent: bool
    uses: int
    granted_at: int
    revoked_at: int
    undo_until: int
    notice: Notice | None
    place: Place


class ConsentPage(Strict):
    """A page of consents."""

    items: list[ConsentItem]


class AccessItem(Strict):
    """One line of the access log."""

    request: RequestBody
    subject_id: Hex32
    permitted: bool
    reason: str
    decided_at: int
    subject_sequence: int
    institution_sequence: int
    place: Place


class AccessPage(Strict):
    """A page of the access log."""

    items: list[AccessItem]


class DecisionItem(Strict):
    """A decision with its receipt."""

    permitted: bool
    reason: str
    decided_at: int
    subject_id: Hex32
    request: RequestBody
    receipt: Receipt


class PendingAnswer(Strict):
    """A request that is kept, and of which no final decision is known yet."""

    state: Literal["pending"]
    request_id: Decimal256


class WrappedKey(Strict):
    """Data key and blinding value, wrapped for the institution's release key."""

    wrapped: Hex
    object_id: Hex32
    plaintext_size: int
    release_key_hash: Hex32


class AccessAnswer(Strict):
    """A permitted access."""

    decision: DecisionItem
    record: RecordItem
    key: WrappedKey


class Problem(BaseModel):
    """Any refusal or failure (RFC 9457); ``reason`` and ``receipt`` come with a denied access.

    ``step`` comes with a bundle that does not hold, ``most`` with a batch that is too much at a time: so many of its
    requests, from the first on, fit. ``places`` are the members of the body that are at fault. ``solidity`` names the
    error of the contract that refused.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    reason: str | None = None
    receipt: Receipt | None = None
    places: list[str] | None = None
    step: int | None = None
    most: int | None = None
    solidity: str | None = None
