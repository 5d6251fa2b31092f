"""Backups of a chain that runs or stands still, and what is made of them elsewhere."""

from __future__ import annotations

import json
import threading
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consentry.cli.app import app
from consentry.errors import BlockLogCorruptError, ConfigurationError, ForeignChainError
from consentry.ledger import node
from consentry.ledger.embedded.blocklog import MAGIC, encode_frame
from consentry.ledger.embedded.records import Intent, Record, Seal
from tests.integration.embedded.records import records_of
from tests.support.embedded_chain import client_of, deploy_notes, kill, sender_of, write_some_blocks

_LAST_LINE = 65


def _resigned(content: bytes) -> bytes:
    return content + sha256(content).hexdigest().encode() + b"\n"


@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
def test_restored_chain_has_every_hash_and_goes_on(state: Path, tmp_path: Path, *, runs: bool) -> None:
    first = node.up(state, 0)
    hashes = write_some_blocks(first, count=20)
    if not runs:
        node.down(state)
    written = node.backup(state, tmp_path / "chain.backup")
    assert (written.number, "0x" + written.block_hash.hex()) == (21, hashes[-1])
    node.down(state)
    elsewhere = tmp_path / "elsewhere"
    try:
        assert node.restore(elsewhere, tmp_path / "chain.backup") == written
        assert (elsewhere / "chain.json").read_bytes() == (state / "chain.json").read_bytes()
        second = node.up(elsewhere, 0)
        assert (second.chain_id, second.genesis_hash) == (first.chain_id, first.genesis_hash)
        assert client_of(second).hashes() == hashes
        assert write_some_blocks(second, count=1)[: len(hashes)] == hashes
        assert (
            f"block {len(hashes) - 1}, of which {len(hashes) - 1} from a snapshot"
            in (elsewhere / "sealer.log").read_text()
        )
    finally:
        node.down(elsewhere)


def test_backups_taken_while_blocks_are_made_are_each_whole(state: Path, tmp_path: Path) -> None:
    status = node.up(state, 0)
    client, sender = client_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    is_enough = threading.Event()

    def write() -> None:
        while not is_enough.is_set():
            client.call("eth_sendRawTransaction", sender.sign(notes, sender.nonce.to_bytes(32, "big")))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [node.backup(state, tmp_path / f"{number}.backup") for number in range(20)]
    finally:
        is_enough.set()
        writer.join()
    hashes = client.hashes()
    assert taken[-1].number > taken[0].number, "it was written meanwhile"
    assert ["0x" + one.block_hash.hex() for one in taken] == [hashes[one.number] for one in taken]
    elsewhere = tmp_path / "elsewhere"
    try:
        node.restore(elsewhere, taken[-1].path)
        assert client_of(node.up(elsewhere, 0)).hashes() == hashes[: taken[-1].number + 1]
    finally:
        node.down(elsewhere)


def test_restore_of_another_head_than_the_known_one_is_refused_and_leaves_nothing(state: Path, tmp_path: Path) -> None:
    write_some_blocks(node.up(state, 0), count=1)
    written = node.backup(state, tmp_path / "chain.backup")
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(ForeignChainError, match="last block of the backup does not match"):
        node.restore(elsewhere, tmp_path / "chain.backup", bytes(32))
    assert not elsewhere.exists()
    assert node.restore(elsewhere, tmp_path / "chain.backup", written.block_hash) == written


def test_restore_into_a_folder_that_is_not_empty_is_refused(state: Path, tmp_path: Path) -> None:
    write_some_blocks(node.up(state, 0), count=1)
    node.backup(state, tmp_path / "chain.backup")
    with pytest.raises(ConfigurationError, match="its chain runs"):
        node.restore(state, tmp_path / "chain.backup")
    node.down(state)
    before = (state / "blocks.log").read_bytes()
    with pytest.raises(ConfigurationError, match=r"is not empty \(blocks\.log\): restore into an empty one"):
        node.restore(state, tmp_path / "chain.backup")
    assert (state / "blocks.log").read_bytes() == before
    node.reset(state, confirm=True)
    assert node.restore(state, tmp_path / "chain.backup").number == 2, "what a reset leaves is empty"


def test_restore_of_a_torn_or_altered_backup_is_refused_and_leaves_nothing(state: Path, tmp_path: Path) -> None:
    write_some_blocks(node.up(state, 0), count=1)
    path = node.backup(state, tmp_path / "chain.backup").path
    node.down(state)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(BlockLogCorruptError, match="length of backup"):
        node.restore(elsewhere, path)
    path.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    with pytest.raises(BlockLogCorruptError, match="digest of backup"):
        node.restore(elsewhere, path)
    path.write_bytes(_resigned(whole[:-_LAST_LINE].replace(b'"block_number": 2', b'"block_number": 1')))
    with pytest.raises(BlockLogCorruptError, match="is not the one that the backup describes"):
        node.restore(elsewhere, path)
    assert not _content(elsewhere)


def test_restore_of_a_forged_backup_is_refused_by_the_hash_of_the_block(state: Path, tmp_path: Path) -> None:
    """Checksums, digest and description all fit: only making the block again tells."""
    status = node.up(state, 0)
    client, sender = client_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    client.call("eth_sendRawTransaction", sender.sign(notes, bytes(31) + b"\x01"))
    forged = bytes.fromhex(sender.sign(notes, bytes(31) + b"\x02", nonce=1)[2:])
    node.down(state)
    records = records_of(state / "blocks.log")
    intent, seal = records[3], records[4]
    assert isinstance(intent, Intent)
    assert isinstance(seal, Seal)
    others: list[Record] = [*records[:3], Intent(2, intent.time, (forged,)), seal, *records[5:]]
    (state / "blocks.log").write_bytes(MAGIC + b"".join(map(encode_frame, others)))
    path = node.backup(state, tmp_path / "chain.backup").path
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(ForeignChainError, match="replayed block 2 does not match"):
        node.restore(elsewhere, path)
    assert not _content(elsewhere)


def test_start_after_a_restore_that_was_cut_off_is_refused(state: Path, tmp_path: Path) -> None:
    write_some_blocks(node.up(state, 0), count=1)
    path = node.backup(state, tmp_path / "chain.backup").path
    node.down(state)
    elsewhere = tmp_path / "elsewhere"
    node.restore(elsewhere, path)
    (elsewhere / "blocks.log").rename(elsewhere / "blocks.log.draft")
    with pytest.raises(ConfigurationError, match="is missing: restore it from a backup"):
        node.up(elsewhere, 0)


def test_up_torn_snapshot_and_left_draft_are_passed_over(state: Path) -> None:
    status = node.up(state, 0)
    hashes = write_some_blocks(status)
    node.down(state)
    (snapshot,) = (state / "snapshots").iterdir()
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[: len(content) // 2])
    (state / "snapshots" / "000000000003.snapshot.draft").write_bytes(content[:100])
    status = node.up(state, 0)
    assert client_of(status).hashes() == hashes
    hashes = write_some_blocks(status, count=1)
    node.down(state)
    assert sorted(path.suffix for path in (state / "snapshots").iterdir()) == [".snapshot", ".snapshot"]
    kill(status := node.up(state, 0))
    for left in (state / "snapshots").iterdir():
        left.unlink()
    assert client_of(node.up(state, 0)).hashes() == hashes, "the log alone is enough"


def test_commands_back_up_and_restore(state: Path, tmp_path: Path) -> None:
    write_some_blocks(node.up(state, 0), count=1)
    file, elsewhere = tmp_path / "chain.backup", tmp_path / "elsewhere"
    run = CliRunner().invoke
    backed = run(app, ["chain", "backup", str(file), "--state", str(state), "--json"])
    restored = run(app, ["chain", "restore", str(file), "--state", str(elsewhere), "--json"])
    assert (backed.exit_code, restored.exit_code) == (0, 0)
    assert json.loads(backed.output) == json.loads(restored.output)
    assert json.loads(backed.output)["blockNumber"] == 2


def _content(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name != "lock"] if folder.exists() else []
