"""Backups of the block log: what is in them, and every way in which one is refused."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from consentry.errors import BlockLogCorruptError, ConfigurationError
from consentry.ledger.embedded.backup import FIRST_LINE, read_backup, write_backup
from consentry.ledger.embedded.blocklog import MAGIC, BlockLog, encode_frame
from consentry.ledger.embedded.records import Genesis, Intent, Record, Seal

GENESIS = Genesis(1_900_000_001, 1_700_000_000, 300_000_000, "osaka", "anvil/1.7.1", bytes(range(32)))
HEAD = bytes([7]) * 32
SEALED: list[Record] = [GENESIS, Intent(1, 1_700_000_001, (b"\x02first",)), Seal(1, HEAD, (0,))]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one sealed block, an open intent and a torn frame, as a running chain may have it."""
    path = tmp_path / "blocks.log"
    tail = encode_frame(Intent(2, 1_700_000_002, (b"\x02second",))) + encode_frame(Seal(2, HEAD, (0,)))[:-3]
    path.write_bytes(_sealed() + tail)
    return path


def _sealed() -> bytes:
    return MAGIC + b"".join(map(encode_frame, SEALED))


def _signed(content: bytes) -> bytes:
    """Content with the last line that fits it."""
    return content + sha256(content).hexdigest().encode() + b"\n"


def test_write_backs_up_to_the_newest_seal_and_leaves_the_log_alone(log: Path, tmp_path: Path) -> None:
    before = log.read_bytes()
    written = write_backup(log, tmp_path / "chain.backup")

    assert log.read_bytes() == before
    assert read_backup(tmp_path / "chain.backup") == written
    assert (written.genesis, written.number, written.block_hash) == (GENESIS, 1, HEAD)
    assert (tmp_path / "chain.backup").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks.log", "chain.backup"]

    written.unpack(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == _sealed()
    assert (tmp_path / "again").stat().st_mode & 0o777 == 0o600


def test_write_tells_in_its_second_line_what_it_holds(log: Path, tmp_path: Path) -> None:
    write_backup(log, tmp_path / "chain.backup")

    first, second, rest = (tmp_path / "chain.backup").read_bytes().split(b"\n", 2)
    assert first + b"\n" == FIRST_LINE
    assert json.loads(second) == {
        "format": 1,
        "chain_id": 1_900_000_001,
        "genesis_time": 1_700_000_000,
        "genesis_hash": "0x" + bytes(range(32)).hex(),
        "block_gas_limit": 300_000_000,
        "hardfork": "osaka",
        "engine": "anvil/1.7.1",
        "block_number": 1,
        "block_hash": "0x" + HEAD.hex(),
        "log_bytes": len(_sealed()),
    }
    assert rest[:-65] == _sealed()


def test_write_over_another_file_is_refused(log: Path, tmp_path: Path) -> None:
    (tmp_path / "chain.backup").write_bytes(b"an earlier one")

    with pytest.raises(ConfigurationError, match="exists already"):
        write_backup(log, tmp_path / "chain.backup")

    assert (tmp_path / "chain.backup").read_bytes() == b"an earlier one"


def test_write_that_fails_leaves_nothing(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) > 1:
            raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_backup(log, tmp_path / "chain.backup")

    assert [path.name for path in tmp_path.iterdir()] == ["blocks.log"]


def test_write_from_a_damaged_log_is_refused(log: Path, tmp_path: Path) -> None:
    content = bytearray(log.read_bytes())
    content[len(MAGIC) + 20] ^= 1
    log.write_bytes(content)

    with pytest.raises(BlockLogCorruptError, match="does not match at byte"):
        write_backup(log, tmp_path / "chain.backup")

    assert not (tmp_path / "chain.backup").exists()


def test_read_every_altered_byte_is_refused(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "chain.backup"
    write_backup(log, path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((BlockLogCorruptError, ConfigurationError)):
            read_backup(path)


def test_read_every_shorter_or_longer_file_is_refused(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "chain.backup"
    write_backup(log, path)
    whole = path.read_bytes()
    for content in [*(whole[:length] for length in range(len(whole))), whole + b"\n"]:
        path.write_bytes(content)
        with pytest.raises((BlockLogCorruptError, ConfigurationError)):
            read_backup(path)
    path.write_bytes(whole[:-10])
    with pytest.raises(BlockLogCorruptError, match=r"length of backup .* does not match \(got \d+, expected \d+\)"):
        read_backup(path)


def test_read_another_format_is_refused_by_its_number(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "chain.backup"
    write_backup(log, path)
    content = path.read_bytes()[:-65].replace(b'"format": 1', b'"format": 2')
    path.write_bytes(_signed(content))

    with pytest.raises(ConfigurationError, match=r"format of backup .* does not match \(got 2, expected 1\)"):
        read_backup(path)


def test_read_something_else_is_refused(log: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no backup of a chain"):
        read_backup(log)


def test_look_at_a_log_changes_nothing_and_cannot_write(log: Path) -> None:
    before = log.read_bytes()
    looked = BlockLog.look(log)

    assert (looked.height, looked.sealed_bytes, looked.is_usable) == (1, len(_sealed()), False)
    assert log.read_bytes() == before
    opened = BlockLog.open(log)
    assert opened.sealed_bytes == len(_sealed())
    opened.seal(Seal(2, HEAD, (0,)))
    assert opened.sealed_bytes == log.stat().st_size
    opened.close()
