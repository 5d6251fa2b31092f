"""Bytes are synced before they get their name, and folders after: the order a power loss asks for.

A killed process shows nothing of this, because the kernel keeps what it wrote; so the calls themselves are recorded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import obstore
import pytest

from consentry.errors import ConflictError, VaultUnavailableError
from consentry.vault.durable import replace_secret, write_new_secret
from consentry.vault.keyring import LocalKeyring
from consentry.vault.keyring_files import Cost
from consentry.vault.objects import open_object_store

CHEAP = Cost(passes=1, memory_kib=64, lanes=1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the calls that matter, in order."""
    seen: list[str] = []
    fsync, rename, link, replace = os.fsync, obstore.rename_async, Path.hardlink_to, Path.replace

    def record_fsync(descriptor: int) -> None:
        seen.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    async def record_rename(*args: Any, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        seen.append("name")
        await rename(*args, **options)

    def record_link(path: Path, target: Path) -> None:
        seen.append("name")
        link(path, target)

    def record_replace(path: Path, target: Path) -> Path:
        seen.append("name")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(obstore, "rename_async", record_rename)
    monkeypatch.setattr(Path, "hardlink_to", record_link)
    monkeypatch.setattr(Path, "replace", record_replace)
    return seen


async def two_pieces() -> AsyncIterator[bytes]:
    yield b"first"
    yield b"second"


async def test_put_syncs_the_file_then_names_it_then_syncs_both_folders(tmp_path: Path, calls: list[str]) -> None:
    store = open_object_store(f"file://{tmp_path}/objects")
    calls.clear()
    await store.put("ab/object", two_pieces())
    assert calls == ["sync file", "name", "sync folder", "sync folder"]


def test_folder_of_a_store_is_named_durably_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("consentry.vault.objects.sync_folder", synced.append)
    for expected in ([tmp_path / "new" / "deep", tmp_path / "new", tmp_path], [tmp_path / "new" / "deep"]):
        synced.clear()
        open_object_store(f"file://{tmp_path}/new/deep/objects")
        assert synced == expected


def test_secret_files_are_synced_before_and_their_folder_after_the_name(tmp_path: Path, calls: list[str]) -> None:
    for write in (write_new_secret, replace_secret):
        calls.clear()
        write(tmp_path / "secret", b"content")
        assert calls == ["sync file", "name", "sync folder"]


async def test_object_whose_sync_fails_is_neither_acknowledged_nor_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    store = open_object_store(f"file://{tmp_path}/objects")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(VaultUnavailableError):
            await store.put("ab/object", two_pieces())
    assert [name async for name in store.names()] == []
    await store.put("ab/object", two_pieces())


async def test_key_whose_sync_fails_is_not_acknowledged_and_leaves_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = LocalKeyring.create(tmp_path / "keyring", "correct", CHEAP)

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(VaultUnavailableError, match="No space left"):
            await keyring.create_subject_key(bytes(32))
    assert [path.name for path in (tmp_path / "keyring" / "subjects").rglob("*") if path.is_file()] == []
    await keyring.create_subject_key(bytes(32))


def test_new_secret_never_replaces_an_old_one(tmp_path: Path) -> None:
    write_new_secret(tmp_path / "secret", b"first")
    with pytest.raises(ConflictError):
        write_new_secret(tmp_path / "secret", b"second")
    assert (tmp_path / "secret").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
