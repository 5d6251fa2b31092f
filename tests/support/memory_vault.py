"""A `Vault`, an `Outbox` and idempotency keys in memory; they outlive a crash, as disks do. Faults on demand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from consentry.core import heads
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import Address, RecordId, RecordLeaf, RequestBatch, SubjectId
from consentry.core.typed_data import Domain, record_id
from consentry.crypto.commitment import commit_plaintext, new_blinding
from consentry.crypto.keywrap import RecordKeys, ReleaseContext, release_key_hash, wrap_record_keys
from consentry.crypto.sealing import Sealer, new_data_key, new_object_id, sealing_context
from consentry.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    KeyDestroyedError,
    NotAuthenticError,
    NotFoundError,
    NotPermittedError,
    ObjectMissingError,
    ObjectSwappedError,
    VaultUnavailableError,
)
from consentry.gateway.once_ports import Answer, Beginning
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest
from consentry.gateway.ports import LastLook, ReleasedKey, Remains, SealedRecord

PIECE = 64 * 1024


async def in_force() -> None:
    """A last look that finds the permission in force."""


@dataclass
class _Object:
    sealed: SealedRecord
    keys: RecordKeys
    ciphertext: bytes
    record_id: RecordId | None = None
    deleted_at: int = 0


@dataclass
class MemoryVault:
    """Sealed records with real cryptography.

    Attributes:
        released: institution and request id of every release, in order.
        on_write: is awaited where a release is written down, before the last look.
        on_release: is called with the receipt at the moment of each release.
        down: while true nothing answers, as with a locked keyring or a full disk.
    """

    released: list[tuple[Address, int]] = field(default_factory=list)
    on_write: Callable[[], Awaitable[None]] = field(default=in_force)
    on_release: Callable[[FinalReceipt], None] = field(default=lambda _: None)
    down: bool = False
    _subjects: set[SubjectId] = field(default_factory=set)
    _objects: dict[bytes, _Object] = field(default_factory=dict)

    def _answer(self) -> None:
        if self.down:
            raise VaultUnavailableError("keyring is locked")

    async def create_subject(self, subject_id: SubjectId) -> None:
        self._answer()
        self._subjects.add(subject_id)

    async def seal(
        self, plaintext: AsyncIterator[bytes], *, subject_id: SubjectId, media_type: str, version: int = 1
    ) -> SealedRecord:
        self._answer()
        if subject_id not in self._subjects or not media_type:
            raise NotFoundError("subject has no key")
        object_id, keys = new_object_id(), RecordKeys(new_data_key(), new_blinding())
        sealer = Sealer(keys.data_key, sealing_context(object_id, version))
        ciphertext = b"".join([sealer.update(piece) async for piece in plaintext]) + sealer.finalize()
        digests = sealer.digests
        commitment = commit_plaintext(
            keys.blinding,
            object_id=object_id,
            version=version,
            size=digests.plaintext_size,
            plaintext_sha256=digests.plaintext_sha256,
        )
        sealed = SealedRecord(
            object_id=object_id,
            subject_id=subject_id,
            version=version,
            ciphertext_digest=digests.ciphertext_sha256,
            ciphertext_size=digests.ciphertext_size,
            plaintext_size=digests.plaintext_size,
            commitment=commitment,
        )
        self._objects[object_id] = _Object(sealed, keys, ciphertext)
        return sealed

    async def sealed(self, object_id: bytes) -> SealedRecord:
        self._answer()
        if object_id not in self._objects:
            raise NotFoundError("object is not known")
        return self._objects[object_id].sealed

    async def attach(self, object_id: bytes, record_id: RecordId) -> None:
        self._answer()
        known = self._objects.get(object_id)
        if known is None:
            raise NotFoundError("object is not known")
        if known.record_id not in (None, record_id):
            raise ConflictError("object belongs to another record")
        known.record_id = record_id

    def _of(self, record_id: RecordId) -> _Object:
        self._answer()
        for known in self._objects.values():
            if known.record_id == record_id:
                return known
        raise NotFoundError("record is not in this vault")

    async def remains(self, record_id: RecordId) -> Remains:
        known = self._of(record_id)
        sealed = known.sealed
        return Remains(
            object_id=sealed.object_id,
            version=sealed.version,
            ciphertext_digest=sealed.ciphertext_digest,
            ciphertext_size=sealed.ciphertext_size,
            keys_destroyed=known.deleted_at > 0,
            deleted_at=known.deleted_at,
        )

    async def erase(self, record_id: RecordId) -> Remains:
        known = self._of(record_id)
        if not known.deleted_at:
            known.keys, known.ciphertext = RecordKeys(bytes(32), bytes(32)), b""
            known.deleted_at = int(time.time())
        return await self.remains(record_id)

    async def release(
        self, receipt: FinalReceipt, leaf: RecordLeaf, release_key: bytes, domain: Domain, last_look: LastLook
    ) -> ReleasedKey:
        self._answer()
        if not receipt.permitted:
            raise NotPermittedError("decision was no")
        request = receipt.entry.request
        if release_key_hash(release_key) != request.release_key_hash:
            raise InvalidInputError("release key does not match")
        known = self._of(request.record_id)
        if known.deleted_at:
            raise KeyDestroyedError("record was erased")
        if record_id(leaf) != request.record_id or leaf.commitment != known.sealed.commitment:
            raise ObjectSwappedError("object is not that of the leaf")
        context = ReleaseContext(
            chain_id=domain.chain_id,
            access_ledger=domain.verifying_contract,
            record_id=request.record_id,
            record_version=known.sealed.version,
            consent_id=request.consent_id,
            request_id=request.request_id,
            decision_id=heads.hash_of(receipt.entry),
            release_key_hash=request.release_key_hash,
        )
        await self.on_write()
        await last_look()
        self.on_release(receipt)
        self.released.append((request.institution, request.request_id))
        return ReleasedKey(
            wrapped=wrap_record_keys(known.keys, release_key, context),
            release_key_hash=request.release_key_hash,
            object_id=known.sealed.object_id,
            plaintext_size=known.sealed.plaintext_size,
        )

    async def ciphertext_size(self, record_id: RecordId) -> int:
        return len(self._whole(record_id))

    def _whole(self, record_id: RecordId) -> bytes:
        known = self._of(record_id)
        if known.deleted_at:
            raise KeyDestroyedError("object was erased")
        if len(known.ciphertext) != known.sealed.ciphertext_size:
            raise ObjectMissingError("object is gone")
        return known.ciphertext

    async def read(self, record_id: RecordId, start: int, end: int) -> AsyncIterator[bytes]:
        content = self._whole(record_id)[start:end]
        for first in range(0, len(content), PIECE):
            yield content[first : first + PIECE]

    def lose(self, record_id: RecordId) -> None:
        """Loses the ciphertext of a record, as a broken disk does."""
        self._of(record_id).ciphertext = b""


@dataclass
class MemoryOutbox:
    """Kept requests.

    Attributes:
        kept: single requests.
        settled: those of them that were decided.
        waiting: batches.
        once: institution and id of every request of a batch that was ever kept.
    """

    kept: dict[tuple[Address, int], StoredRequest] = field(default_factory=dict)
    settled: set[tuple[Address, int]] = field(default_factory=set)
    waiting: dict[RequestBatch, StoredBatch] = field(default_factory=dict)
    once: set[tuple[Address, int]] = field(default_factory=set)

    async def keep(self, item: StoredRequest) -> None:
        key = item.request.institution, item.request.request_id
        known = self.kept.setdefault(key, item)
        if known.request != item.request:
            raise ConflictError("content of the request does not match the one received before")
        if known != item:
            self.kept[key] = item
            self.settled.discard(key)

    async def settle(self, institution: Address, request_id: int) -> None:
        self.settled.add((institution, request_id))

    async def forget(self, item: StoredRequest) -> None:
        key = item.request.institution, item.request.request_id
        if self.kept.get(key) == item:
            del self.kept[key]
            self.settled.discard(key)

    async def unsettled(self) -> Sequence[StoredRequest]:
        return [item for key, item in self.kept.items() if key not in self.settled]

    async def is_waiting(self, institution: Address, request_id: int) -> bool:
        key = institution, request_id
        return key in self.kept and key not in self.settled

    async def keep_batch(self, batch: StoredBatch) -> None:
        self.waiting[batch.batch] = batch
        self.once |= {(item.request.institution, item.request.request_id) for item in batch.items}

    async def drop_batch(self, batch: StoredBatch) -> None:
        if self.waiting.get(batch.batch) == batch:
            del self.waiting[batch.batch]

    async def batches(self) -> Sequence[StoredBatch]:
        return list(self.waiting.values())


@dataclass
class _Claim:
    request_sha256: bytes
    answer: Answer | None = None
    open: bool = True


@dataclass
class MemoryKeys:
    """Idempotency keys; ``open`` of a claim is false once the process that held it is gone."""

    claims: dict[tuple[str, str], _Claim] = field(default_factory=dict)

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> Answer | Beginning:
        known = self.claims.get((caller, key))
        if known is None:
            self.claims[caller, key] = _Claim(request_sha256)
            return Beginning.FIRST
        if known.request_sha256 != request_sha256:
            raise IdempotencyKeyReusedError("content under this idempotency key does not match")
        if known.answer is not None:
            return known.answer
        if known.open:
            raise ConflictError("first call under this idempotency key is still under way")
        known.open = True
        return Beginning.RESUMED

    async def finish(self, caller: str, key: str, answer: Answer) -> None:
        self.claims[caller, key].answer = answer

    async def abandon(self, caller: str, key: str) -> None:
        if self.claims[caller, key].answer is None:
            del self.claims[caller, key]

    async def interrupt(self, caller: str, key: str) -> None:
        self.claims[caller, key].open = False


@dataclass
class MemoryNonces:
    """Nonces seen, for ever."""

    seen: dict[tuple[bytes, str], int] = field(default_factory=dict)
    """Until when each must be remembered."""

    async def spend(self, signer: bytes, nonce: str, until: int) -> None:
        if (signer, nonce) in self.seen or until <= 0:
            raise NotAuthenticError("nonce was seen before")
        self.seen[signer, nonce] = until
