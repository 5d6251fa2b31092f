"""The local keyring: passphrase, file modes, rotation, tombstones, crash leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    KeyDestroyedError,
    NotFoundError,
    ObjectCorruptError,
)
from consentry.vault.keyring import LocalKeyring
from consentry.vault.keyring_files import Cost

CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
ALICE, BOB, CONTEXT = b"\x0a" * 32, b"\x0b" * 32, b"context"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keyring"


def subject_file(folder: Path, subject: bytes) -> Path:
    return folder / "subjects" / subject.hex()[:2] / subject.hex()


def assert_private(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


async def test_open_after_restart_unwraps(folder: Path) -> None:
    first = LocalKeyring.create(folder, "correct horse", CHEAP)
    await first.create_subject_key(ALICE)
    wrapped = await first.wrap(ALICE, b"secret", CONTEXT)
    assert await LocalKeyring.open(folder, "correct horse").unwrap(ALICE, wrapped, CONTEXT) == b"secret"


def test_open_with_a_wrong_passphrase_says_so_once(folder: Path) -> None:
    LocalKeyring.create(folder, "correct horse", CHEAP)
    for wrong in ("correct horse ", "Correct horse", "x"):
        with pytest.raises(ConfigurationError) as caught:
            LocalKeyring.open(folder, wrong)
        assert str(caught.value) == "passphrase of the keyring does not match"
    for use in (LocalKeyring.open, LocalKeyring.create):
        with pytest.raises(InvalidInputError):
            use(folder, "")


def test_create_twice_is_a_conflict_and_keeps_the_first(folder: Path) -> None:
    LocalKeyring.create(folder, "first", CHEAP)
    with pytest.raises(ConflictError):
        LocalKeyring.create(folder, "second", CHEAP)
    LocalKeyring.open(folder, "first")


def test_open_without_a_keyring_is_not_found(folder: Path) -> None:
    with pytest.raises(NotFoundError):
        LocalKeyring.open(folder, "any")


async def test_every_file_and_folder_is_private(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    await keyring.rotate_subject_key(ALICE)
    assert_private(folder)


@pytest.mark.parametrize(
    ("name", "mode"), [("", 0o750), ("root.json", 0o640), ("root.json", 0o604), ("subjects", 0o711)]
)
def test_open_of_a_keyring_others_can_reach_is_refused(folder: Path, name: str, mode: int) -> None:
    LocalKeyring.create(folder, "correct", CHEAP)
    (folder / name).chmod(mode)
    with pytest.raises(ConfigurationError, match="mode of"):
        LocalKeyring.open(folder, "correct")


def test_create_in_a_folder_others_can_reach_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(ConfigurationError, match="mode of"):
        LocalKeyring.create(folder, "correct", CHEAP)
    assert not list(folder.iterdir())


async def test_use_of_a_subject_file_others_can_read_is_refused(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    subject_file(folder, ALICE).chmod(0o644)
    with pytest.raises(ConfigurationError, match="mode of"):
        await keyring.wrap(ALICE, b"secret", CONTEXT)


async def test_destroyed_key_leaves_a_tombstone_without_key_material(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    wrapped = await keyring.wrap(ALICE, b"secret", CONTEXT)
    before = subject_file(folder, ALICE).read_bytes()
    other_process = LocalKeyring.open(folder, "correct")
    assert await other_process.unwrap(ALICE, wrapped, CONTEXT) == b"secret"
    await keyring.destroy(ALICE)
    assert b"versions" in before
    assert b"versions" not in subject_file(folder, ALICE).read_bytes()
    for reader in (keyring, other_process, LocalKeyring.open(folder, "correct")):
        with pytest.raises(KeyDestroyedError):
            await reader.unwrap(ALICE, wrapped, CONTEXT)


async def test_rotate_root_rewraps_every_subject_and_spares_tombstones(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    await keyring.create_subject_key(BOB)
    wrapped = await keyring.wrap(ALICE, b"secret", CONTEXT)
    await keyring.destroy(BOB)
    before = subject_file(folder, ALICE).read_bytes()
    with pytest.raises(ConfigurationError):
        await keyring.rotate_root("wrong")
    assert await keyring.rotate_root("correct") == 2
    assert subject_file(folder, ALICE).read_bytes() != before
    reopened = LocalKeyring.open(folder, "correct")
    assert await reopened.unwrap(ALICE, wrapped, CONTEXT) == b"secret"
    with pytest.raises(KeyDestroyedError):
        await reopened.wrap(BOB, b"secret", CONTEXT)


async def test_root_rotation_cut_off_half_way_leaves_every_subject_readable(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    await keyring.create_subject_key(BOB)
    wrapped = {subject: await keyring.wrap(subject, b"secret", CONTEXT) for subject in (ALICE, BOB)}
    alice_before = subject_file(folder, ALICE).read_bytes()
    await keyring.rotate_root("correct")
    # As if the power had failed after the root file and one of two subject files.
    subject_file(folder, ALICE).write_bytes(alice_before)
    reopened = LocalKeyring.open(folder, "correct")
    for subject in (ALICE, BOB):
        assert await reopened.unwrap(subject, wrapped[subject], CONTEXT) == b"secret"


async def test_change_passphrase_closes_the_old_one(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "old", CHEAP)
    await keyring.create_subject_key(ALICE)
    wrapped = await keyring.wrap(ALICE, b"secret", CONTEXT)
    with pytest.raises(ConfigurationError):
        await keyring.change_passphrase("wrong", "new")
    await keyring.change_passphrase("old", "new")
    with pytest.raises(ConfigurationError):
        LocalKeyring.open(folder, "old")
    assert await LocalKeyring.open(folder, "new").unwrap(ALICE, wrapped, CONTEXT) == b"secret"


async def test_subject_files_cannot_be_swapped_or_changed(folder: Path) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    await keyring.create_subject_key(ALICE)
    await keyring.create_subject_key(BOB)
    alice, bob = subject_file(folder, ALICE), subject_file(folder, BOB)
    original = alice.read_bytes()
    for content in (
        bob.read_bytes(),
        b"",
        b"{}",
        b"[]",
        original[:-20],
        original.replace(b'"root_version": 1', b'"root_version": 9'),
    ):
        alice.write_bytes(content)
        with pytest.raises(ObjectCorruptError):
            await keyring.wrap(ALICE, b"secret", CONTEXT)
    alice.write_bytes(original)
    await keyring.wrap(ALICE, b"secret", CONTEXT)


def test_root_file_of_another_form_is_refused(folder: Path) -> None:
    LocalKeyring.create(folder, "correct", CHEAP)
    root = folder / "root.json"
    original = root.read_bytes()
    for content in (
        b"",
        b"not json",
        b"{}",
        original.replace(b'"format": 1', b'"format": 2'),
        original.replace(b'"salt"', b'"sold"'),
    ):
        root.write_bytes(content)
        with pytest.raises(ObjectCorruptError):
            LocalKeyring.open(folder, "correct")


@pytest.mark.parametrize("subject", [b"", bytes(65)])
async def test_subject_reference_of_wrong_length_is_refused(folder: Path, subject: bytes) -> None:
    keyring = LocalKeyring.create(folder, "correct", CHEAP)
    with pytest.raises(InvalidInputError):
        await keyring.create_subject_key(subject)
