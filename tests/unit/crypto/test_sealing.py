"""Sealing: streaming and random access agree, and every kind of tampering is refused."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.crypto.random_access import RandomAccessReader, chunk_offset
from consentry.crypto.sealing import (
    CHUNK_SIZE,
    HEADER_SIZE,
    SEALED_CHUNK_SIZE,
    Bytes,
    Opener,
    Sealer,
    new_data_key,
    new_object_id,
    opened_size,
    sealed_size,
    sealing_context,
)
from consentry.errors import InvalidInputError, ObjectCorruptError, ObjectSwappedError, ObjectTornError, VaultError

PIECE = 256 * 1024
"""More than is hashed without a thread."""
SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE + 5, 70 * CHUNK_SIZE + 9]


@dataclass(frozen=True)
class Sealed:
    """One message with all that is needed to open it."""

    key: bytes
    context: bytes
    plaintext: bytes
    ciphertext: bytes


def seal(plaintext: bytes, key: bytes | None = None, context: bytes | None = None) -> Sealed:
    key = key or new_data_key()
    context = context or sealing_context(new_object_id(), 1)
    sealer = Sealer(key, context)
    return Sealed(key, context, plaintext, sealer.update(plaintext) + sealer.finalize())


def open_streaming(ciphertext: bytes, key: bytes, context: bytes) -> bytes:
    opener = Opener(key, context)
    return opener.update(ciphertext) + opener.finalize()


def open_by_ranges(ciphertext: bytes, key: bytes, context: bytes) -> bytes:
    reader = RandomAccessReader(lambda at, n: ciphertext[at : at + n], len(ciphertext), key, context)
    return reader.read(0, reader.plaintext_size)


OPENERS = [open_streaming, open_by_ranges]


@pytest.mark.parametrize("size", SIZES)
def test_open_sealed_message_returns_plaintext_and_digests(size: int) -> None:
    sealed = seal(os.urandom(size))
    assert len(sealed.ciphertext) == sealed_size(size)
    assert opened_size(len(sealed.ciphertext)) == size
    assert open_by_ranges(sealed.ciphertext, sealed.key, sealed.context) == sealed.plaintext
    opener = Opener(sealed.key, sealed.context)
    assert opener.update(sealed.ciphertext) + opener.finalize() == sealed.plaintext
    assert opener.digests.plaintext_sha256 == hashlib.sha256(sealed.plaintext).digest()
    assert opener.digests.ciphertext_sha256 == hashlib.sha256(sealed.ciphertext).digest()
    assert (opener.digests.plaintext_size, opener.digests.ciphertext_size) == (size, len(sealed.ciphertext))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=40_000), max_size=8), st.booleans())
def test_seal_in_any_pieces_gives_the_digests_of_the_whole(pieces: list[bytes], pooled: bool) -> None:  # noqa: FBT001 - a parameter of the test
    key, context = new_data_key(), sealing_context(new_object_id(), 3)
    with ThreadPoolExecutor(2) as pool:
        sealer = Sealer(key, context, hash_pool=pool if pooled else None)
        ciphertext = b"".join(sealer.update(piece) for piece in pieces) + sealer.finalize()
    plaintext = b"".join(pieces)
    assert open_streaming(ciphertext, key, context) == open_by_ranges(ciphertext, key, context) == plaintext
    assert sealer.digests.plaintext_sha256 == hashlib.sha256(plaintext).digest()
    assert sealer.digests.ciphertext_sha256 == hashlib.sha256(ciphertext).digest()
    assert (sealer.digests.plaintext_size, sealer.digests.ciphertext_size) == (len(plaintext), len(ciphertext))


@pytest.mark.parametrize("pooled", [False, True], ids=["one thread", "pool"])
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_large_pieces_give_the_digests_of_the_whole_both_ways(wrap: Callable[[bytes], Bytes], *, pooled: bool) -> None:
    plaintext, key, context = os.urandom(5 * PIECE + 77), new_data_key(), sealing_context(new_object_id(), 3)
    with ThreadPoolExecutor(2) as threads:
        pool = threads if pooled else None
        sealer, opener = Sealer(key, context, hash_pool=pool), Opener(key, context, hash_pool=pool)
        parts = [plaintext[at : at + PIECE] for at in range(0, len(plaintext), PIECE)]
        sealed = [*(sealer.update(wrap(part)) for part in parts), sealer.finalize()]
        opened = [*(opener.update(wrap(part)) for part in sealed), opener.finalize()]
        assert b"".join(opened) == plaintext
        assert sealer.digests == opener.digests
    assert sealer.digests.plaintext_sha256 == hashlib.sha256(plaintext).digest()
    assert sealer.digests.ciphertext_sha256 == hashlib.sha256(b"".join(sealed)).digest()


@pytest.mark.parametrize("view", [False, True], ids=["buffer", "view of it"])
def test_buffer_may_be_reused_after_each_piece(*, view: bool) -> None:
    key, context = new_data_key(), sealing_context(new_object_id(), 3)
    parts = [os.urandom(PIECE) for _ in range(4)]
    buffer = bytearray(PIECE)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 0.05)  # the thread is late: it would hash what the buffer holds by then
        sealer = Sealer(key, context, hash_pool=pool)
        for part in parts:
            buffer[:] = part
            sealer.update(memoryview(buffer) if view else buffer)
        sealer.finalize()
        assert sealer.digests.plaintext_sha256 == hashlib.sha256(b"".join(parts)).digest()


class Recording(ThreadPoolExecutor):
    """A pool that keeps what it was given to do."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - what a pool takes
        self.given.append(super().submit(fn, *args, **kwargs))
        return self.given[-1]


def test_failed_piece_leaves_no_thread_at_work_on_the_callers_buffer() -> None:
    key, context = new_data_key(), sealing_context(new_object_id(), 3)
    sealed = bytearray(Sealer(key, context).update(os.urandom(PIECE)))
    sealed[CHUNK_SIZE] ^= 1
    with Recording() as pool:
        pool.submit(time.sleep, 0.05)
        with pytest.raises(ObjectCorruptError, match=f"ending at byte {len(sealed)}"):
            Opener(key, context, hash_pool=pool).update(sealed)
        assert [future.done() for future in pool.given] == [True, True]


def test_small_pieces_are_not_handed_to_the_pool() -> None:
    with Recording() as pool:
        sealer = Sealer(new_data_key(), sealing_context(new_object_id(), 1), hash_pool=pool)
        for _ in range(10):
            sealer.update(bytes(1000))
        assert not pool.given
        sealer.update(bytes(PIECE))
        assert len(pool.given) == 1


BIG = seal(os.urandom(5 * CHUNK_SIZE + 77))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 6 * CHUNK_SIZE), st.integers(0, 6 * CHUNK_SIZE))
def test_read_any_range_equals_the_slice(offset: int, length: int) -> None:
    reader = RandomAccessReader(lambda at, n: BIG.ciphertext[at : at + n], len(BIG.ciphertext), BIG.key, BIG.context)
    assert reader.read(offset, length) == BIG.plaintext[offset : offset + length]


def test_reader_checks_header_then_last_chunk_before_anything_else() -> None:
    asked: list[tuple[int, int]] = []

    def read_at(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return BIG.ciphertext[offset : offset + length]

    RandomAccessReader(read_at, len(BIG.ciphertext), BIG.key, BIG.context)
    assert asked == [(0, HEADER_SIZE), (chunk_offset(5), len(BIG.ciphertext) - chunk_offset(5))]


OTHER = seal(os.urandom(5 * CHUNK_SIZE + 77), key=BIG.key, context=BIG.context)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]


def chunk(data: bytes, index: int) -> bytes:
    return data[chunk_offset(index) : chunk_offset(index + 1)]


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half a header": lambda c: c[:30],
    "header only": lambda c: c[:HEADER_SIZE],
    "header and part of a tag": lambda c: c[: HEADER_SIZE + 15],
    "cut after chunk 0": lambda c: c[: chunk_offset(1)],
    "cut after chunk 4": lambda c: c[: chunk_offset(5)],
    "cut inside chunk 2": lambda c: c[: chunk_offset(2) + 1000],
    "cut inside the tag of chunk 2": lambda c: c[: chunk_offset(3) - 8],
    "last byte missing": lambda c: c[:-1],
    "one byte more": lambda c: c + b"\x00",
    "a chunk more": lambda c: c + bytes(SEALED_CHUNK_SIZE),
    "last chunk twice": lambda c: c + c[chunk_offset(5) :],
    "chunks 1 and 2 swapped": lambda c: c[: chunk_offset(1)] + chunk(c, 2) + chunk(c, 1) + c[chunk_offset(3) :],
    "chunk 1 twice": lambda c: c[: chunk_offset(1)] + chunk(c, 1) + chunk(c, 1) + c[chunk_offset(3) :],
    "chunk 1 left out": lambda c: c[: chunk_offset(1)] + c[chunk_offset(2) :],
    "chunk 1 of a message under the same key": lambda c: (
        c[: chunk_offset(1)] + chunk(OTHER.ciphertext, 1) + c[chunk_offset(2) :]
    ),
    "header of a message under the same key": lambda c: OTHER.ciphertext[:HEADER_SIZE] + c[HEADER_SIZE:],
    "body of a message under the same key": lambda c: c[:HEADER_SIZE] + OTHER.ciphertext[HEADER_SIZE:],
    "salt flipped": lambda c: flip(c, 3),
    "key commitment flipped": lambda c: flip(c, 40),
    "first body byte flipped": lambda c: flip(c, HEADER_SIZE),
    "tag of chunk 0 flipped": lambda c: flip(c, chunk_offset(1) - 1),
    "last tag flipped": lambda c: flip(c, len(c) - 1),
}


@pytest.mark.parametrize("open_with", OPENERS)
@pytest.mark.parametrize("kind", TAMPERED)
def test_open_tampered_message_is_refused(kind: str, open_with: Callable[[bytes, bytes, bytes], bytes]) -> None:
    tampered = TAMPERED[kind](BIG.ciphertext)
    assert tampered != BIG.ciphertext
    with pytest.raises((ObjectTornError, ObjectSwappedError, ObjectCorruptError)):
        open_with(tampered, BIG.key, BIG.context)


@pytest.mark.parametrize("open_with", OPENERS)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(BIG.ciphertext) - 1), st.integers(1, 255))
def test_open_with_any_byte_changed_is_refused(
    open_with: Callable[[bytes, bytes, bytes], bytes], at: int, mask: int
) -> None:
    changed = bytearray(BIG.ciphertext)
    changed[at] ^= mask
    with pytest.raises(VaultError):
        open_with(bytes(changed), BIG.key, BIG.context)


@pytest.mark.parametrize("open_with", OPENERS)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(BIG.ciphertext) - 1))
def test_open_cut_anywhere_is_refused(open_with: Callable[[bytes, bytes, bytes], bytes], size: int) -> None:
    with pytest.raises(VaultError):
        open_with(BIG.ciphertext[:size], BIG.key, BIG.context)


@pytest.mark.parametrize("open_with", OPENERS)
def test_open_with_wrong_key_or_context_is_refused(open_with: Callable[[bytes, bytes, bytes], bytes]) -> None:
    object_id = new_object_id()
    sealed = seal(b"x" * 40_000, context=sealing_context(object_id, 1))
    for key, context in (
        (new_data_key(), sealed.context),
        (sealed.key, sealing_context(object_id, 2)),
        (sealed.key, sealing_context(new_object_id(), 1)),
        (sealed.key, b""),
    ):
        with pytest.raises((ObjectCorruptError, ObjectSwappedError)):
            open_with(sealed.ciphertext, key, context)


def test_opener_tells_digests_only_after_finalize() -> None:
    opener = Opener(BIG.key, BIG.context)
    # A cut at a chunk's end opens without complaint until finalize: that is why finalize decides.
    assert opener.update(BIG.ciphertext[: chunk_offset(3)]) == BIG.plaintext[: 3 * CHUNK_SIZE]
    with pytest.raises(InvalidInputError):
        _ = opener.digests
    with pytest.raises(ObjectTornError):
        opener.finalize()
    with pytest.raises(InvalidInputError):
        _ = opener.digests


def test_opener_after_a_failure_stays_closed() -> None:
    opener = Opener(BIG.key, BIG.context)
    with pytest.raises(ObjectCorruptError):
        opener.update(flip(BIG.ciphertext, chunk_offset(1) + 5))
    with pytest.raises(InvalidInputError):
        opener.update(BIG.ciphertext)
    with pytest.raises((InvalidInputError, ObjectTornError)):
        opener.finalize()


def test_sealer_and_opener_after_finalize_refuse_more() -> None:
    sealer = Sealer(new_data_key(), sealing_context(new_object_id(), 1))
    with pytest.raises(InvalidInputError):
        _ = sealer.digests
    sealer.finalize()
    opener = Opener(BIG.key, BIG.context)
    open_all = opener.update(BIG.ciphertext) + opener.finalize()
    assert open_all == BIG.plaintext
    for spent in (sealer, opener):
        with pytest.raises(InvalidInputError):
            spent.update(b"x")
        with pytest.raises(InvalidInputError):
            spent.finalize()


def test_reader_given_short_bytes_says_torn() -> None:
    with pytest.raises(ObjectTornError):
        RandomAccessReader(lambda at, n: BIG.ciphertext[at : at + n][:-1], len(BIG.ciphertext), BIG.key, BIG.context)


def test_reader_refuses_negative_ranges_and_too_many_chunks() -> None:
    reader = RandomAccessReader(lambda at, n: BIG.ciphertext[at : at + n], len(BIG.ciphertext), BIG.key, BIG.context)
    for offset, length in ((-1, 5), (0, -1)):
        with pytest.raises(InvalidInputError):
            reader.read(offset, length)
    with pytest.raises(InvalidInputError):
        RandomAccessReader(lambda _, n: bytes(n), sealed_size(2**38 * CHUNK_SIZE), BIG.key, BIG.context)


@pytest.mark.parametrize(
    ("object_id", "version", "suite"), [(bytes(31), 1, 1), (bytes(33), 1, 1), (bytes(32), 0, 1), (bytes(32), 1, 2)]
)
def test_sealing_context_of_malformed_fields_is_refused(object_id: bytes, version: int, suite: int) -> None:
    with pytest.raises(InvalidInputError):
        sealing_context(object_id, version, suite)


def test_keys_of_wrong_length_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        Sealer(bytes(16), b"")
    with pytest.raises(InvalidInputError):
        Opener(bytes(31), b"")
    with pytest.raises(InvalidInputError):
        RandomAccessReader(lambda _, n: bytes(n), 72, bytes(33), b"")
