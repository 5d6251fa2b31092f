"""What an audit needs from below; adapters in ``ledger``, ``directory`` and ``vault`` provide it.

Every method guarantees the error family of ``consentry.errors``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from consentry.core.chain import BlockReference, ChainIdentity
from consentry.core.codes import AuthorisationStatus, ConsentStatus, RecordStatus
from consentry.core.emergencies import Debt
from consentry.core.events import LedgerEvent
from consentry.core.state import AuthorityState, InstitutionState, OfficerState, SubjectState
from consentry.core.subject_facts import Appointment, SubjectFacts
from consentry.core.terms import (
    AccessRequest,
    Address,
    AuthorisationId,
    BatchPath,
    ConsentId,
    RecordId,
    RequestBatch,
    Shown,
    SubjectId,
)
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


@dataclass(frozen=True, slots=True)
class AuthorisationSlot:
    """What the contract stores of an authorisation; times in seconds."""

    status: AuthorisationStatus
    given_at: int
    withdrawn_at: int
    authority: Address


class LedgerReader(Protocol):
    """The chain, read from a node. States are those at head, but for `at`."""

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment, verified now; raises ForeignChainError when the node serves another."""
        ...

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract whose acts are signed."""
        ...

    def verifiers(self) -> Verifiers:
        """Gives the addresses of the ERC-7913 verifiers of the deployment."""
        ...

    async def head(self) -> BlockReference:
        """Gives the newest block that is final by the rule of the engine."""
        ...

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block by its number; none if the chain is shorter."""
        ...

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives every event of the suite in blocks ``first`` to ``last``, in chain order."""
        ...

    async def submitted(self, transaction_hash: bytes) -> Sequence[SubmittedRequest | None] | None:
        """Gives the items of a transaction that had some decided; none when it is no such call.

        An item that cannot be read is none. Take one after the other: they may be put together as they are taken, and
        be far longer together than the call.

        Raises:
            InvalidInputError: it is such a call, but not even its requests can be read.
        """
        ...

    def at(self, block: int) -> LedgerReader:
        """Gives the same chain with the states after a block; nodes may keep those of the last blocks alone.

        What is asked then raises LedgerUnavailableError where they are gone.
        """
        ...

    async def has_code(self, account: Address) -> bool:
        """Tells whether an account is a contract, whose signatures cannot be checked again."""
        ...

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        """Gives the 32 bytes of a subject's head; zero before its first decision."""
        ...

    async def institution_head(self, institution: Address) -> bytes:
        """Gives the 32 bytes of an institution's head; zero before its first decision."""
        ...

    async def consent_slot(self, consent_id: ConsentId) -> ConsentSlot:
        """Gives what is stored of a consent; status ``NONE`` and zeros for one the contract never saw."""
        ...

    async def authorisation_slot(self, authorisation_id: AuthorisationId) -> AuthorisationSlot:
        """Gives what is stored of an authorisation; status ``NONE`` and zeros for one that nobody gave."""
        ...

    async def debt_slot(self, debt_id: bytes) -> Debt:
        """Gives what is stored of the debt of an emergency access; zeros where there is none."""
        ...

    async def record_status(self, record_id: RecordId) -> RecordStatus:
        """Gives the status of a record version; ``NONE`` for one that was never anchored."""
        ...

    async def subject_state(self, subject_id: SubjectId) -> SubjectState:
        """Gives what is stored of a subject; empty for one that was never enrolled."""
        ...

    async def subject_facts(self, subject_id: SubjectId) -> SubjectFacts:
        """Gives what is noted of a subject and its directive; the defaults for one that was never enrolled."""
        ...

    async def card_of(self, subject_id: SubjectId) -> bytes:
        """Gives the ERC-7913 signer of a subject's card; empty for none."""
        ...

    async def appointment(self, name: bytes) -> Appointment | None:
        """Gives the appointment of a guardian by its struct hash; none once it was removed or forgotten."""
        ...

    async def institution_state(self, institution: Address) -> InstitutionState:
        """Gives what is stored of an institution; standing ``NONE`` for one that was never admitted."""
        ...

    async def authority_state(self, authority: Address) -> AuthorityState:
        """Gives what is stored of an authority; standing ``NONE`` for one that was never admitted."""
        ...

    async def officer_state(self, officer: Address) -> OfficerState:
        """Gives what is stored of an officer; authority zero and no roles for an account that is none."""
        ...

    async def is_active_relay(self, relay: Address) -> bool:
        """Tells whether an account may pass acts on now."""
        ...

    async def is_group_member(self, group: bytes, institution: Address) -> bool:
        """Tells whether an institution belongs to a group now."""
        ...

    async def is_verifier(self, verifier: bytes) -> bool:
        """Tells whether a contract is admitted to verify signatures."""
        ...


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row of the projection: its place, the event it stands for, and what is wrong with the row in itself."""

    block_number: int
    log_index: int
    event: LedgerEvent | None
    fault: str = ""


class ProjectionReader(Protocol):
    """The database, read row by row."""

    async def position(self) -> BlockReference | None:
        """Gives the last block taken in; None for a database that has followed nothing."""
        ...

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


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """A row of the vault: once the keys of a record were unwrapped, for the decision it names.

    ``released_at`` is by the vault's own clock, in seconds; it does not tell one release from another.
    """

    record_id: RecordId
    institution: Address
    request_id: int
    decision_id: bytes
    released_at: int = field(default=0, compare=False)


class ReleaseReader(Protocol):
    """What a custodian's vault says it gave out."""

    def releases(self) -> AsyncIterator[KeptRelease]:
        """Gives every release, in the order in which they were written."""
        ...
