"""What an audit needs from below; adapters in ``ledger``, ``directory`` and ``vault`` provide it.

Every method guarantees the error family of ``consentry.errors``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from consentry.core.chain import BlockReference, ChainIdentity
from consentry.core.codes import ConsentStatus
from consentry.core.events import LedgerEvent
from consentry.core.terms import AccessRequest, Address, BatchPath, ConsentId, RecordId, RequestBatch, Shown, SubjectId
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers


@dataclass(frozen=True, slots=True)
class SubmittedRequest:
    """One item as it stood in calldata; ``within`` is its place in a batch that was signed as a whole."""

    request: AccessRequest
    signature: bytes
    shown: Shown
    within: BatchPath | None = None

    @property
    def signed(self) -> AccessRequest | RequestBatch:
        """What the signature is over."""
        return self.within.batch if self.within else self.request


@dataclass(frozen=True, slots=True)
class ConsentSlot:
    """What the contract stores of a consent; times in seconds."""

    status: ConsentStatus
    uses: int
    granted_at: int
    revoked_at: int


class LedgerReader(Protocol):
    """The chain, read from a node. States are those at head."""

    async def identity(self) -> ChainIdentity: ...
    def domain(self, contract: str) -> Domain: ...
    def verifiers(self) -> Verifiers: ...
    async def head(self) -> BlockReference: ...
    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives every event of the suite in blocks ``first`` to ``last``, in chain order."""
        ...

    async def submitted(self, transaction_hash: bytes) -> Sequence[SubmittedRequest] | None:
        """Gives the items of a transaction that had some decided; none when its calldata is of another form."""
        ...

    async def has_code(self, account: Address) -> bool:
        """Tells whether an account is a contract, whose signatures cannot be checked again."""
        ...

    async def subject_head(self, subject_id: SubjectId) -> bytes: ...
    async def institution_head(self, institution: Address) -> bytes: ...
    async def consent_slot(self, consent_id: ConsentId) -> ConsentSlot: ...


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row of the projection: its place, the event it stands for, and what is wrong with the row in itself."""

    block_number: int
    log_index: int
    event: LedgerEvent | None
    fault: str = ""


class ProjectionReader(Protocol):
    """The database, read row by row."""

    async def position(self) -> BlockReference | None: ...
    def rows(self) -> AsyncIterator[KeptRow]:
        """Gives every row in chain order; one that cannot be read as an event has none."""
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it lies in the store, measured now; ``fault`` says why it could not be read, or is empty."""

    record_id: RecordId
    digest: bytes
    size: int
    fault: str = ""


class ObjectReader(Protocol):
    """Ciphertext of one custodian; nothing here can open it."""

    def measured(self) -> AsyncIterator[StoredObject]:
        """Reads every object that belongs to a record and gives its SHA-256 and size."""
        ...
