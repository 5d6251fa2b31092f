"""Behaviour of the object store: in memory, in a local folder, on a server with the API of S3."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consentry.errors import (
    ConfigurationError,
    ConflictError,
    ObjectMissingError,
    ObjectTornError,
    VaultUnavailableError,
)
from consentry.vault.buckets import S3Access
from consentry.vault.objects import CUT_OFF_SECONDS, PIECE_SIZE, ObjectStore, open_object_store
from tests.support.s3_server import S3Server


@pytest.fixture(params=["memory", "local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        return open_object_store(server.make_bucket() + "/some/prefix", server.access)
    return open_object_store("memory://" if request.param == "memory" else f"file://{tmp_path}/objects")


async def pieces_of(data: bytes, size: int = 300_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def everything(store: ObjectStore, name: str, offset: int, length: int) -> bytes:
    return b"".join([piece async for piece in store.stream(name, offset, length)])


@pytest.mark.parametrize("size", [1, 72, PIECE_SIZE, 3 * PIECE_SIZE + 17, 20 * 1024 * 1024 + 1])
async def test_read_back_what_was_put(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    await store.put("ab/object", pieces_of(data))
    assert await store.size("ab/object") == size
    assert await everything(store, "ab/object", 0, size) == data
    assert await store.read("ab/object", size // 3, size // 2) == data[size // 3 : size // 3 + size // 2]
    assert await store.read("ab/object", size, 0) == b""


async def test_put_to_a_taken_name_is_a_conflict_and_changes_nothing(store: ObjectStore) -> None:
    await store.put("ab/object", pieces_of(b"first"))
    with pytest.raises(ConflictError):
        await store.put("ab/object", pieces_of(b"second"))
    assert await store.read("ab/object", 0, 5) == b"first"
    assert [name async for name in store.names()] == ["ab/object"]
    assert await store.sweep_incoming() == 0


async def test_put_of_two_at_once_keeps_exactly_one(store: ObjectStore) -> None:
    results = await asyncio.gather(
        *(store.put("ab/object", pieces_of(bytes([n]) * 1000)) for n in range(8)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 7 + ["NoneType"]
    winner = next(n for n, result in enumerate(results) if result is None)
    assert await store.read("ab/object", 0, 1000) == bytes([winner]) * 1000


async def test_put_whose_source_fails_stores_nothing(store: ObjectStore) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield os.urandom(9 * 1024 * 1024)
        raise ConnectionResetError("client went away")

    with pytest.raises(ConnectionResetError):
        await store.put("ab/object", failing())
    with pytest.raises(ObjectMissingError):
        await store.size("ab/object")
    assert await store.sweep_incoming() == 0


async def test_missing_object_is_missing_in_every_read(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError):
        await store.size("ab/none")
    with pytest.raises(ObjectMissingError):
        await store.read("ab/none", 0, 1)
    with pytest.raises(ObjectMissingError):
        await everything(store, "ab/none", 0, 1)
    await store.delete("ab/none")


async def test_read_beyond_the_end_says_torn(store: ObjectStore) -> None:
    await store.put("ab/object", pieces_of(bytes(100)))
    for offset, length in ((0, 101), (100, 1), (5000, 1)):
        with pytest.raises(ObjectTornError):
            await store.read("ab/object", offset, length)


async def test_delete_removes_the_object(store: ObjectStore) -> None:
    await store.put("ab/object", pieces_of(bytes(100)))
    await store.delete("ab/object")
    assert [name async for name in store.names()] == []
    await store.put("ab/object", pieces_of(b"again"))


async def test_local_folder_survives_reopening_and_sweeps_cut_off_uploads(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    await open_object_store(url).put("ab/object", pieces_of(b"kept"))
    incoming = tmp_path / "objects" / "incoming"
    store, day_ago = open_object_store(url), time.time() - CUT_OFF_SECONDS
    # As the library leaves them: a file it was writing, and one it had not yet moved.
    for name, written in (("old#1", day_ago - 60), ("old", day_ago - 60), ("new#1", day_ago + 60)):
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (written, written))
    assert [name async for name in store.names()] == ["ab/object"]
    assert await store.sweep_incoming() == 2
    assert [path.name for path in incoming.iterdir()] == ["new#1"]
    assert await store.read("ab/object", 0, 4) == b"kept"


async def test_sweep_while_an_upload_is_taken_in_lets_it_finish(store: ObjectStore) -> None:
    swept = []

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield os.urandom(9 * 1024 * 1024)
            swept.append(await store.sweep_incoming())

    await store.put("ab/object", slow())
    assert swept == [0, 0, 0]
    assert await store.size("ab/object") == 27 * 1024 * 1024


async def test_sweep_of_what_was_never_moved_removes_it_once_it_is_old(store: ObjectStore) -> None:
    await store.put("incoming/never-moved", pieces_of(b"whole"))
    assert await store.sweep_incoming() == 0
    assert await store.sweep_incoming(unwritten_seconds=-60) == 1


@pytest.mark.parametrize("url", ["", "objects", "ftp://host/path", "file://host/path", "s3:", "s3:///path"])
def test_open_of_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_object_store(url)


async def test_two_prefixes_of_a_bucket_do_not_see_each_other(s3: S3Server) -> None:
    bucket = s3.make_bucket()
    one, two = (open_object_store(f"{bucket}/{name}", s3.access) for name in ("one", "two"))
    await one.put("ab/object", pieces_of(b"mine"))
    assert [name async for name in two.names()] == []
    await two.put("ab/object", pieces_of(b"yours"))
    assert await one.read("ab/object", 0, 4) == b"mine"


async def test_bucket_that_is_not_there_is_unavailable(s3: S3Server) -> None:
    store = open_object_store("s3://never-made", s3.access)
    with pytest.raises(VaultUnavailableError):
        await store.put("ab/object", pieces_of(b"data"))


async def test_server_that_does_not_answer_is_unavailable_and_its_secret_is_told_to_nobody() -> None:
    access = S3Access("http://127.0.0.1:1", "us-east-1", "the-key-id", "the-secret")
    store = open_object_store("s3://bucket", access)
    with pytest.raises(VaultUnavailableError) as raised:
        await store.size("ab/object")
    shown = "".join(traceback.format_exception(raised.value)) + repr(access) + repr(vars(store))
    assert "the-secret" not in shown
