"""What the use cases need from below; adapters in ``ledger``, ``vault`` and ``directory`` provide it.

Every method guarantees the error family of ``consentry.errors``: nothing of web3, SQL or an object store leaves an
adapter. All identifiers and hashes are bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consentry.core.assisted_grants import AssistedCounts
from consentry.core.chain import ActReceipt, BlockReference, ChainIdentity, EventPlace, Moment
from consentry.core.codes import AuthorisationStatus, ConsentStatus, RecordStatus, Standing
from consentry.core.emergencies import Debt
from consentry.core.events import ActPerformed
from consentry.core.receipts import FinalReceipt
from consentry.core.revocations import OpenDuty
from consentry.core.signed_act import SignedAct
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import (
    ZERO_32,
    AccessEntry,
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordId,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import Domain
from consentry.errors import ConsentryError


@dataclass(frozen=True, slots=True)
class InstitutionView:
    """An institution: its standing at the last block taken in, region, and the keys it has today."""

    address: Address
    standing: Standing
    region: int
    signer: bytes
    release_key: bytes
    place: EventPlace


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A subject: the signer it has, the custodian that enrolled it, and where it did."""

    subject_id: SubjectId
    signer: bytes
    custodian: Address
    place: EventPlace


@dataclass(frozen=True, slots=True)
class RecordView:
    """An anchored record version."""

    record_id: RecordId
    leaf: RecordLeaf
    status: RecordStatus
    place: EventPlace


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent with its full terms, the subject's signature and its state."""

    consent_id: ConsentId
    terms: ConsentTerms
    signature: bytes
    status: ConsentStatus
    uses: int
    granted_at: int
    revoked_at: int
    place: EventPlace
    revocation: EventPlace | None


@dataclass(frozen=True, slots=True)
class AccessView:
    """One line of the access log with its place on chain."""

    entry: AccessEntry
    place: EventPlace


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """What the vault made of an upload; enough to build the leaf."""

    object_id: bytes
    subject_id: SubjectId
    version: int
    ciphertext_digest: bytes
    ciphertext_size: int
    plaintext_size: int
    commitment: bytes


@dataclass(frozen=True, slots=True)
class ReleasedKey:
    """Data key and blinding value, wrapped for one release key and bound to one decision."""

    wrapped: bytes
    release_key_hash: bytes
    object_id: bytes
    plaintext_size: int


@dataclass(frozen=True, slots=True)
class Remains:
    """What a vault holds of a record version; ``deleted_at`` is in seconds, zero while anything is left to destroy."""

    object_id: bytes
    version: int
    ciphertext_digest: bytes
    ciphertext_size: int
    keys_destroyed: bool
    deleted_at: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a permitted access rests on, to be read again; ``group`` is zero where the terms name none."""

    request: AccessRequest
    subject_id: SubjectId
    category: int
    group: bytes = ZERO_32


@dataclass(frozen=True, slots=True)
class ConditionsAtHead:
    """The conditions of an access as they are at head, nothing of them as of an older block than ``head``.

    What a request does not name has the status ``NONE``; where no group is named, nobody is a grantee by one.
    """

    head: Moment
    standing: Standing
    release_key_hash: bytes
    record: RecordStatus
    consent: ConsentStatus
    authorisation: AuthorisationStatus
    facts: SubjectFacts
    is_excluded: bool
    is_group_member: bool


class Ledger(Protocol):
    """The chain. Writing methods return only when the event is final; reading methods read at head."""

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment, verified now; raises ForeignChainError when the node serves another."""
        ...

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract whose acts are signed."""
        ...

    async def head(self) -> BlockReference:
        """Gives the newest block that is final by the rule of the engine."""
        ...

    def longest_silence(self) -> int:
        """Gives how many seconds the newest block may lie back; 0 where a block comes with a transaction alone."""
        ...

    async def enrol(self, enrolment: Enrolment, subject_signature: bytes, custodian_signature: bytes) -> ActReceipt:
        """Enrols a subject with the signatures of its signer and its custodian."""
        ...

    async def anchor(self, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors the first version of a record with the signature of its custodian."""
        ...

    async def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        """Anchors the next version in place of ``previous``, the leaf that is current now."""
        ...

    async def grant(self, terms: ConsentTerms, signature: bytes) -> ActReceipt:
        """Grants a consent with the signature over the terms of the subject, or of the guardian they name."""
        ...

    async def revoke(self, terms: ConsentTerms, signature: bytes, guardian: bytes = ZERO_32) -> ActReceipt:
        """Takes a consent back, also one never granted; ``guardian`` is the appointment under which a guardian signed.

        The signature is over the revocation, of the subject if no guardian is named.
        """
        ...

    async def perform(self, act: SignedAct, signatures: Sequence[bytes]) -> ActReceipt:
        """Has a signed act taken by its contract; ``signatures`` stand in the order of its signers."""
        ...

    async def rehearse(self, act: SignedAct | Enrolment, signatures: Sequence[bytes]) -> None:
        """Has the contract judge an act or enrolment without taking it; raises as `perform` and `enrol` would now."""
        ...

    def check_room(self, institution: Address, count: int) -> None:
        """Checks that so many requests of an institution may wait to be decided; keeps no room for them.

        Raises:
            OverloadError: too many wait.
        """
        ...

    async def decide(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        """Has one request decided, together with whatever else is waiting.

        Raises:
            NotAuthenticError: the contract rejected the item (reasons 1-6); nothing was decided.
            ConflictError: the request id was decided before, with other content.
            LedgerUnavailableError: not known whether it was decided; call `find_decision` before anything else.
        """
        ...

    async def decide_batch(
        self, items: Sequence[tuple[AccessRequest, Material]], signature: bytes
    ) -> Sequence[FinalReceipt | ConsentryError]:
        """Has requests decided that their one institution signed as a whole, in one transaction.

        Gives for each, in order, its receipt, or one of the errors of `decide`: an item spoils none of the others.

        Raises:
            InvalidInputError: the batch may be too much for one transaction; ``details["most"]`` of its requests, from
                the first on, fit under a signature of their own. Nothing was sent.
            LedgerUnavailableError: not known whether any was decided; call `find_decisions` before anything else.
        """
        ...

    async def find_decision(self, institution: Address, request_id: int) -> FinalReceipt | None:
        """Gives the receipt of an earlier decision; None if the chain has none under that request id."""
        ...

    async def find_decisions(self, institution: Address, request_ids: Sequence[int]) -> Mapping[int, FinalReceipt]:
        """Gives the receipts of earlier decisions by request id; what was not decided is left out."""
        ...

    async def subject_facts(self, subject_id: SubjectId) -> SubjectFacts:
        """Reads at head what is noted of a subject and its directive; the defaults for one that nobody enrolled."""
        ...

    async def is_excluded(
        self, subject_id: SubjectId, institution: Address, practitioner: bytes, category: int
    ) -> bool:
        """Tells at head whether a subject excludes an institution, by name or group, a practitioner or a class."""
        ...

    async def seen(self, conditions: Conditions) -> ConditionsAtHead:
        """Reads everything an access rests on at once, at head, past every cache (P4)."""
        ...

    async def record_status(self, record_id: RecordId) -> RecordStatus:
        """Reads at head; ``RecordStatus.NONE`` for a version that was never anchored."""
        ...

    async def debts_of(self, institution: Address) -> dict[bytes, Debt]:
        """Reads at head the open debts of an institution's emergency accesses."""
        ...

    async def duties_of(self, institution: Address) -> Sequence[OpenDuty]:
        """Reads at head what an institution owes after revocations, due or not, in no particular order."""
        ...

    async def assisted_by(self, institution: Address, quarter: int) -> AssistedCounts:
        """Reads at head how often staff of an institution prepared what was granted; quarters count from 1970."""
        ...

    async def is_signed_by_subject(self, subject_id: SubjectId, digest: bytes, signature: bytes) -> bool:
        """Asks the contract, so that smart accounts work too; false for a subject nobody enrolled."""
        ...


class Projection(Protocol):
    """The chain as tables: a cache that follows the chain and can be rebuilt (P7)."""

    async def position(self) -> BlockReference | None:
        """Gives the last block taken in; None before the first."""
        ...

    async def wait_for(self, block_number: int) -> None:
        """Returns when the projection has taken in the block; raises LedgerUnavailableError if it does not in time."""
        ...

    async def institution(self, address: Address) -> InstitutionView | None:
        """Gives an institution as it stands; None if it was never admitted."""
        ...

    async def institutions(
        self, after: tuple[int, int] | None = None, limit: int | None = None
    ) -> Sequence[InstitutionView]:
        """Gives a page of the institutions in the order of admission, or all of them."""
        ...

    async def authority_region(self, address: Address) -> int | None:
        """Gives the region of an active authority, None for anybody else."""
        ...

    async def subject(self, subject_id: SubjectId) -> SubjectView | None:
        """Gives a subject; None if it is not enrolled."""
        ...

    async def subjects_of_signer(self, signer: bytes) -> Sequence[SubjectView]:
        """Gives the subjects that have an ERC-7913 signer now, in the order of enrolment; none for a stranger."""
        ...

    async def subjects_shown_with(self, signer: bytes) -> Sequence[SubjectView]:
        """Gives the subjects in whose events an ERC-7913 signer ever stood, in no particular order.

        As their own, now or before, as a card, as proposed in a recovery, or as a guardian's.
        """
        ...

    async def appointments_of(self, guardian: bytes) -> Sequence[ActPerformed]:
        """Gives the appointments of a guardian by its ERC-7913 signer, in chain order, standing or not."""
        ...

    async def record(self, record_id: RecordId) -> RecordView | None:
        """Gives a record version; None if it was never anchored."""
        ...

    async def records_of(
        self, subject_id: SubjectId, after: tuple[int, int] | None, limit: int
    ) -> Sequence[RecordView]:
        """Gives at most ``limit`` record versions of a subject in chain order.

        ``after`` is the place (block number, log index) of the last one seen; None starts at the first.
        """
        ...

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        """Gives a consent with its state; None if it was never granted, even if it was revoked."""
        ...

    async def consents_of(
        self, subject_id: SubjectId, after: tuple[int, int] | None, limit: int
    ) -> Sequence[ConsentView]:
        """Gives at most ``limit`` consents of a subject in chain order; ``after`` as in `records_of`."""
        ...

    async def acts(
        self,
        *,
        subject_id: SubjectId | None = None,
        institution: Address | None = None,
        records: Sequence[RecordId] = (),
        kinds: Sequence[type[SignedAct]] = (),
        after: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[ActPerformed]:
        """Gives at most ``limit`` signed acts in chain order: all, of a party, about some records, of some kinds.

        ``after`` is as in `records_of`.
        """
        ...

    async def act(self, act_hash: bytes) -> ActPerformed | None:
        """Gives the act of a struct hash; None if it was never taken."""
        ...

    async def unlink_of(self, link: bytes) -> ActPerformed | None:
        """Gives the act that undid a link, by the hash of the link; None while it stands or was never made."""
        ...

    async def debts_of_subject(self, subject_id: SubjectId) -> dict[bytes, Debt]:
        """Gives every emergency access to a subject's records and what became of it."""
        ...

    async def was_permitted(self, institution: Address, record_id: RecordId, since: int) -> bool:
        """Whether an access of the institution to the record was permitted at or after ``since`` (block time)."""
        ...

    async def accesses(
        self,
        *,
        subject_id: SubjectId | None = None,
        institutions: Sequence[Address] | None = None,
        after: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[AccessView]:
        """Gives at most ``limit`` lines of the access log in chain order; ``after`` as in `records_of`.

        Without ``subject_id`` of every subject, without ``institutions`` of everybody who asked.
        """
        ...


LastLook = Callable[[], Awaitable[None]]
"""Raises if what was permitted is not in force any more."""


class Vault(Protocol):
    """Ciphertext and wrapped keys of this custodian."""

    async def create_subject(self, subject_id: SubjectId) -> None:
        """Makes the key that wraps the subject's record keys; part of enrolment, harmless when repeated."""
        ...

    async def seal(
        self, plaintext: AsyncIterator[bytes], *, subject_id: SubjectId, media_type: str, version: int = 1
    ) -> SealedRecord:
        """Seals a stream into the object store under a fresh data key; memory stays flat.

        ``version`` is the one that will stand in the leaf: the sealed content is bound to it.
        """
        ...

    async def sealed(self, object_id: bytes) -> SealedRecord:
        """Tells what was sealed under an object id; raises NotFoundError if nothing was."""
        ...

    async def attach(self, object_id: bytes, record_id: RecordId) -> None:
        """Ties a sealed object and its keys to its anchored record; the same again changes nothing."""
        ...

    async def release(
        self, receipt: FinalReceipt, leaf: RecordLeaf, release_key: bytes, domain: Domain, last_look: LastLook
    ) -> ReleasedKey:
        """Unwraps data key and blinding value and wraps them for the requester. Only a permitted receipt opens (P2).

        The order is fixed: the release is written down durably, then comes ``last_look``, then at once the unwrapping,
        with nothing in between that could wait (P4).

        ``leaf`` must hash to the record id of the receipt; what the vault holds for the record is compared with it.
        """
        ...

    async def remains(self, record_id: RecordId) -> Remains:
        """Tells what there is, or was, of a record; raises NotFoundError if this vault never held it."""
        ...

    async def erase(self, record_id: RecordId) -> Remains:
        """Destroys keys, blinding value and object of a record version, in this order.

        Doing it again finishes what a crash cut off. The caller has seen on chain that the record is erased. With the
        last record of a subject its key is replaced, and its codes and openings are destroyed.
        """
        ...

    async def ciphertext_size(self, record_id: RecordId) -> int:
        """Gives the size in bytes of the ciphertext, after the checks that `read` makes before its first byte."""
        ...

    def read(self, record_id: RecordId, start: int, end: int) -> AsyncIterator[bytes]:
        """Streams ciphertext bytes [start, end).

        A missing, torn or swapped object is refused before the first byte, a changed body of a whole read before the
        last piece; whoever opens a range finds what was changed in it.
        """
        ...
