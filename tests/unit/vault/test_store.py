"""Records in and out of the vault; every fault of a stored object is told apart; keys leave only against a receipt."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest
from sqlmodel import select

from consentry.core.codes import Reason
from consentry.core.heads import hash_of
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry, RecordId, RecordLeaf, SubjectId
from consentry.core.typed_data import Domain, record_id
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.keywrap import (
    ReleaseContext,
    new_release_seed,
    release_key_hash,
    release_public_key,
    unwrap_record_keys,
)
from consentry.crypto.sealing import HEADER_SIZE, Opener, sealing_context
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    KeyDestroyedError,
    NotFoundError,
    NotPermittedError,
    ObjectCorruptError,
    ObjectMissingError,
    ObjectSwappedError,
    ObjectTornError,
    VaultError,
    VerificationError,
)
from consentry.gateway.ports import SealedRecord
from consentry.vault.tables import Release, StoredObject
from tests.support import samples
from tests.support.memory_vault import in_force
from tests.unit.vault.conftest import SUBJECT, Bench

SEED = new_release_seed()
PUBLIC_KEY = release_public_key(SEED)
DOMAIN = Domain("Consentry AccessLedger", 1337, samples.address(0x1E))


async def stream(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@dataclass
class Kept:
    """A record in the vault with the plaintext it was made of."""

    leaf: RecordLeaf
    sealed: SealedRecord
    plaintext: bytes

    @property
    def record_id(self) -> RecordId:
        return record_id(self.leaf)


async def keep(bench: Bench, size: int = 3_000_000, version: int = 1) -> Kept:
    plaintext = os.urandom(size)
    sealed = await bench.vault.seal(
        stream(plaintext), subject_id=SUBJECT, media_type="application/dicom", version=version
    )
    kept = Kept(samples.leaf_of(sealed), sealed, plaintext)
    await bench.vault.attach(sealed.object_id, kept.record_id)
    return kept


async def read(bench: Bench, kept: Kept, start: int = 0, end: int | None = None) -> bytes:
    stop = kept.sealed.ciphertext_size if end is None else end
    return b"".join([piece async for piece in bench.vault.read(kept.record_id, start, stop)])


async def read_into(handed_out: list[bytes], bench: Bench, kept: Kept, start: int, end: int) -> None:
    async for piece in bench.vault.read(kept.record_id, start, end):
        handed_out.append(piece)  # noqa: PERF401 - a comprehension would lose what came before an error


def receipt_for(kept: Kept, reason: Reason = Reason.NONE, subject: SubjectId = SUBJECT) -> FinalReceipt:
    request = samples.request(kept.record_id, samples.word(2), release_key_hash(PUBLIC_KEY))
    return FinalReceipt(AccessEntry(request, subject, reason, samples.NOW, 1, 1), samples.place(), "test", LEDGER_SEAL)


async def releases(bench: Bench) -> list[Release]:
    async with bench.database.reading() as session:
        return list((await session.exec(select(Release))).all())


@pytest.mark.parametrize("size", [0, 1, 16384, 700_001, 3_000_000])
async def test_release_and_read_give_the_hospital_the_record(bench: Bench, size: int) -> None:
    kept = await keep(bench, size, version=2)
    released = await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)
    ciphertext = await read(bench, kept)
    assert hashlib.sha256(ciphertext).digest() == kept.sealed.ciphertext_digest
    assert await bench.vault.ciphertext_size(kept.record_id) == len(ciphertext) == kept.sealed.ciphertext_size

    entry = receipt_for(kept).entry
    context = ReleaseContext(
        chain_id=DOMAIN.chain_id,
        access_ledger=DOMAIN.verifying_contract,
        record_id=kept.record_id,
        record_version=2,
        consent_id=entry.request.consent_id,
        request_id=entry.request.request_id,
        decision_id=hash_of(entry),
        release_key_hash=release_key_hash(PUBLIC_KEY),
    )
    keys = unwrap_record_keys(released.wrapped, SEED, context)
    opener = Opener(keys.data_key, sealing_context(released.object_id, 2))
    assert opener.update(ciphertext) + opener.finalize() == kept.plaintext
    verify_commitment(
        kept.sealed.commitment,
        keys.blinding,
        object_id=released.object_id,
        version=2,
        size=size,
        plaintext_sha256=opener.digests.plaintext_sha256,
    )
    with pytest.raises(VerificationError):
        unwrap_record_keys(released.wrapped, SEED, replace(context, decision_id=bytes(32)))


async def test_release_writes_down_every_unwrapping(bench: Bench) -> None:
    kept = await keep(bench, 100)
    for count in (1, 2):
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)
        rows = await releases(bench)
        assert (len(rows), bench.kms.unwraps) == (count, count)
    assert rows[0].decision_id == hash_of(receipt_for(kept).entry)
    assert rows[0].record_id == kept.record_id


async def test_release_looks_last_after_the_row_and_before_the_key(bench: Bench) -> None:
    kept, seen = await keep(bench, 100), list[tuple[int, int]]()

    async def look() -> None:
        seen.append((len(await releases(bench)), bench.kms.unwraps))

    await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, look)
    assert seen == [(1, 0)]


async def test_release_whose_last_look_refuses_unwraps_nothing(bench: Bench) -> None:
    kept = await keep(bench, 100)

    async def look() -> None:
        raise AccessDeniedError("access was denied (CONSENT_REVOKED)")

    with pytest.raises(AccessDeniedError):
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, look)
    assert bench.kms.unwraps == 0


async def test_release_without_a_permission_unwraps_nothing(bench: Bench) -> None:
    kept = await keep(bench, 100)
    with pytest.raises(NotPermittedError):
        await bench.vault.release(receipt_for(kept, Reason.CONSENT_REVOKED), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)
    with pytest.raises(NotPermittedError):
        await bench.vault.release(
            receipt_for(kept, subject=SubjectId(bytes(32))), kept.leaf, PUBLIC_KEY, DOMAIN, in_force
        )
    with pytest.raises(InvalidInputError):
        await bench.vault.release(
            receipt_for(kept), kept.leaf, release_public_key(new_release_seed()), DOMAIN, in_force
        )
    unknown = replace(kept, leaf=replace(kept.leaf, sensitivity=5))
    with pytest.raises(NotFoundError):
        await bench.vault.release(receipt_for(unknown), unknown.leaf, PUBLIC_KEY, DOMAIN, in_force)
    assert (bench.kms.unwraps, await releases(bench)) == (0, [])


async def test_release_against_a_look_alike_receipt_unwraps_nothing(bench: Bench) -> None:
    kept = await keep(bench, 100)

    class Forged(FinalReceipt):
        def __post_init__(self, seal: object) -> None:
            """Accept any seal."""

    entry = receipt_for(kept).entry
    forged = Forged(entry, samples.place(), "forged", None)
    for use in (
        bench.vault.release(forged, kept.leaf, PUBLIC_KEY, DOMAIN, in_force),
        bench.vault.open_keys(forged, kept.leaf, in_force),
    ):
        with pytest.raises(NotPermittedError):
            await use
    assert (bench.kms.unwraps, await releases(bench)) == (0, [])


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (0, 56), (5, 100_000), (1_000_000, 2_500_000), (3_002_900, 3_003_000)]
)
async def test_read_a_range_equals_the_slice(bench: Bench, start: int, end: int) -> None:
    kept = await keep(bench)
    assert await read(bench, kept, start, end) == (await read(bench, kept))[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, 10**9)])
async def test_read_outside_the_object_is_refused(bench: Bench, start: int, end: int) -> None:
    kept = await keep(bench, 1000)
    with pytest.raises(InvalidInputError):
        await read(bench, kept, start, end)


Damage = tuple["Callable[[bytes, bytes, bytes], bytes | None]", type[VaultError], str]
DAMAGES: dict[str, Damage] = {
    "missing": (lambda _mine, _other, _old: None, ObjectMissingError, "missing"),
    "empty": (lambda _mine, _other, _old: b"", ObjectTornError, "size"),
    "cut inside the header": (lambda mine, _other, _old: mine[:40], ObjectTornError, "size"),
    "cut at a chunk": (lambda mine, _other, _old: mine[: HEADER_SIZE + 16400], ObjectTornError, "size"),
    "last byte missing": (lambda mine, _other, _old: mine[:-1], ObjectTornError, "size"),
    "swapped": (lambda _mine, other, _old: other, ObjectSwappedError, "swapped"),
    "swapped and shorter": (lambda _mine, other, _old: other[:500], ObjectSwappedError, "swapped"),
    "rolled back": (lambda _mine, _other, old: old, ObjectSwappedError, "rolled back"),
    "one byte more": (lambda mine, _other, _old: mine + b"x", ObjectCorruptError, "size"),
    "header of nobody": (lambda mine, _other, _old: bytes(56) + mine[56:], ObjectCorruptError, "header"),
    "all zero": (lambda mine, _other, _old: bytes(len(mine)), ObjectCorruptError, "header"),
}


@pytest.mark.parametrize("kind", DAMAGES)
async def test_read_of_a_damaged_object_names_the_fault_before_the_first_byte(bench: Bench, kind: str) -> None:
    damage, error, word = DAMAGES[kind]
    old, mine, other = await keep(bench), await keep(bench, version=2), await keep(bench, version=2)
    path = bench.file_of(mine.sealed.object_id)
    content = damage(*(bench.file_of(kept.sealed.object_id).read_bytes() for kept in (mine, other, old)))
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for start, end in ((0, mine.sealed.ciphertext_size), (100, 200)):
        handed_out: list[bytes] = []
        with pytest.raises(error, match=word):
            await read_into(handed_out, bench, mine, start, end)
        assert handed_out == []
    with pytest.raises(error, match=word):
        await bench.vault.ciphertext_size(mine.record_id)
    with pytest.raises(error, match=word):
        await bench.vault.check_object(mine.record_id)
    await bench.vault.check_object(other.record_id)


@pytest.mark.parametrize("at", [HEADER_SIZE, 1_500_000, -1])
async def test_read_of_a_flipped_byte_never_completes(bench: Bench, at: int) -> None:
    kept = await keep(bench)
    path = bench.file_of(kept.sealed.object_id)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    handed_out: list[bytes] = []
    with pytest.raises(ObjectCorruptError, match="digest"):
        await read_into(handed_out, bench, kept, 0, kept.sealed.ciphertext_size)
    assert sum(map(len, handed_out)) < kept.sealed.ciphertext_size
    with pytest.raises(ObjectCorruptError, match="digest"):
        await bench.vault.check_object(kept.record_id)


async def test_findings_name_every_damaged_and_every_stray_object(bench: Bench) -> None:
    whole, torn, gone, erased = [await keep(bench, 50_000) for _ in range(4)]
    os.truncate(bench.file_of(torn.sealed.object_id), 900)
    bench.file_of(gone.sealed.object_id).unlink()
    await bench.vault.erase(erased.record_id)
    stray = os.urandom(32)
    await bench.objects.put(f"aa/{stray.hex()}", stream(b"left by a crash"))
    found = {finding.object_id: type(finding.error) async for finding in bench.upkeep.findings()}
    assert found == {
        torn.sealed.object_id: ObjectTornError,
        gone.sealed.object_id: ObjectMissingError,
        stray: ObjectSwappedError,
    }
    assert whole.sealed.object_id not in found


async def test_attach_twice_is_harmless_and_elsewhere_a_conflict(bench: Bench) -> None:
    kept = await keep(bench, 10)
    await bench.vault.attach(kept.sealed.object_id, kept.record_id)
    with pytest.raises(ConflictError):
        await bench.vault.attach(kept.sealed.object_id, RecordId(bytes(32)))
    second = await bench.vault.seal(stream(b"x"), subject_id=SUBJECT, media_type="text/plain")
    with pytest.raises(ConflictError):
        await bench.vault.attach(second.object_id, kept.record_id)
    with pytest.raises(NotFoundError):
        await bench.vault.attach(bytes(32), RecordId(bytes(32)))
    assert await read(bench, kept)


async def test_seal_for_a_subject_without_a_key_takes_no_byte(bench: Bench) -> None:
    taken = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        taken += 1
        yield b"x"

    with pytest.raises(NotFoundError):
        await bench.vault.seal(source(), subject_id=SubjectId(bytes(32)), media_type="text/plain")
    assert taken == 0


async def test_seal_whose_row_is_refused_leaves_no_object(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_row: object) -> None:
        raise ConflictError("row is there")

    monkeypatch.setattr(bench.vault._rows, "submit", refuse)
    with pytest.raises(ConflictError):
        await bench.vault.seal(stream(b"content"), subject_id=SUBJECT, media_type="text/plain")
    assert [name async for name in bench.objects.names()] == []


async def test_seal_whose_row_may_be_there_keeps_its_object(bench: Bench) -> None:
    """A row without its object would be a loss; an object without its row is bytes that nobody can open."""
    async with bench.database.writing() as session:
        await (await session.connection()).exec_driver_sql("DROP TABLE stored_objects")
    with pytest.raises(VaultError):
        await bench.vault.seal(stream(b"content"), subject_id=SUBJECT, media_type="text/plain")
    assert len([name async for name in bench.objects.names()]) == 1


async def test_erased_record_is_gone_for_good_and_its_neighbour_is_not(bench: Bench) -> None:
    kept, neighbour = await keep(bench, 1000), await keep(bench, 1000)
    for _ in range(2):
        await bench.vault.erase(kept.record_id)
    await assert_erased(bench, kept)
    assert await read(bench, neighbour)
    await bench.vault.release(receipt_for(neighbour), neighbour.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def assert_erased(bench: Bench, kept: Kept) -> None:
    with pytest.raises(KeyDestroyedError):
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)
    with pytest.raises(KeyDestroyedError):
        await read(bench, kept)
    assert not bench.file_of(kept.sealed.object_id).exists()
    async with bench.database.reading() as session:
        row = await session.get(StoredObject, kept.sealed.object_id)
    assert row is not None
    assert row.wrapped_keys == b""


async def test_stored_bytes_hold_neither_plaintext_nor_keys(bench: Bench) -> None:
    secret = b"Chang, born 1956, C34.1 " * 4000
    sealed = await bench.vault.seal(stream(secret), subject_id=SUBJECT, media_type="text/plain")
    kept = Kept(samples.leaf_of(sealed), sealed, secret)
    await bench.vault.attach(sealed.object_id, kept.record_id)
    keys, _ = await bench.vault.open_keys(receipt_for(kept), kept.leaf, in_force)
    await bench.database.close()
    for path in bench.folder.parent.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret[:24] not in content
            assert keys.data_key not in content
            assert keys.blinding not in content
