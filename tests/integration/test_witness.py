"""A witness as a process of its own, on an embedded chain: killed at any time, it goes on and never goes back."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from consentry.core.log_tiles import Tile
from consentry.core.log_tree import nodes_of, root_of
from consentry.core.terms import Address
from consentry.demo.gateways import free_port
from consentry.demo.network import Network
from consentry.evidence.checkpoint import Checkpoint, verify_signature
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.note import KeyKind, SignedNote, VerifierKey
from consentry.evidence.witnesses import WitnessPolicy, verify_checkpoint
from consentry.ledger import node
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Answer, Governance
from consentry.ledger.manifest import Manifest
from consentry.witness.keeper import NOT_LOOKED_AT
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ORIGIN = "ledger.example.org/44"
NAME = "witness.example.org/one"
COMMAND = (sys.executable, "-m", "consentry", "witness")
PATIENCE_SECONDS = 60.0


@dataclass
class Place:
    """A chain, a log that is signed, and the one witness of it."""

    network: Network
    folder: Path
    node: str
    log_key: VerifierKey
    witness_key: VerifierKey

    def connection(self) -> DirectConnection:
        """Connects to the node."""
        return DirectConnection(self.node, load_profile("embedded"))

    def where(self, name: str) -> tuple[str, ...]:
        """Options that say where the process of a name works."""
        state = ("--state", str(self.folder / name), "--key", str(self.folder / f"{name}.key"))
        return (*state, "--node", self.node, "--manifest", str(self.network.manifest_path), "--engine", "embedded")

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the witness; what it says is on its output."""
        named = ("--name", NAME, "--log", str(self.log_key), "--json")
        return subprocess.Popen([*COMMAND, "run", *self.where("witness"), *named], stdout=subprocess.PIPE)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Runs the witness until the end of the block, and kills it there; gives where it answers."""
        process = self.start()
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["witness"])
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()

    def checkpoint(self, url: str | None = None, status: int = 0) -> dict[str, Any]:
        """Signs the log's checkpoint, and asks the witness if it answers anywhere."""
        asked = ("--witness", f"{url} {self.witness_key}") if url else ()
        out = ("--log", ORIGIN, "--out", str(self.folder / "checkpoint"), "--json")
        command = [*COMMAND, "checkpoint", *self.where("log"), *asked, *out]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == status, done.stderr.decode()
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def final(self) -> Checkpoint:
        """Verifies the checkpoint as anybody would who believes the witness."""
        now = int(time.time())
        policy = WitnessPolicy(ORIGIN, (self.log_key,), (self.witness_key,), 1, now - 600, now + 600)
        return verify_checkpoint((self.folder / "checkpoint").read_bytes(), policy, now).checkpoint

    async def leaves(self) -> list[bytes]:
        """Gives the leaf hashes as the node lists the logs: another way than by headers and receipts."""
        manifest, connection = Manifest.read(self.network.manifest_path), self.connection()
        try:
            contracts = [address for _, address in manifest.identity.contracts]
            logs = await connection.logs(contracts, 0, None)
        finally:
            await connection.close()
        return list(leaves_of(manifest.identity.chain_id, contracts, logs))

    async def more_events(self, count: int = 3) -> None:
        """Has the national officers admit authorities."""
        manifest, connection = Manifest.read(self.network.manifest_path), self.connection()
        try:
            for _ in range(count):
                fresh, profile = Address(secrets.token_bytes(20)), secrets.token_bytes(32)

                def admit(by: Governance, who: Address = fresh, of: bytes = profile) -> Awaitable[Answer]:
                    return by.admit_authority(who, 110000, of)

                await self.network.by_two(connection, manifest, "national", admit)
        finally:
            await connection.close()


def _key(file: Path, name: str, *more: str) -> VerifierKey:
    told = subprocess.check_output([*COMMAND, "key", "--key", str(file), "--name", name, *more, "--json"])
    return VerifierKey.parse(json.loads(told)["key"])


@asynccontextmanager
async def place(folder: Path, *kind: str) -> AsyncIterator[Place]:
    """Starts a chain with the contracts on it, and draws the keys; options say of which kind the witness's is."""
    network = Network(folder / "network")
    try:
        url = network.start_chain().url
        assert url is not None
        await network.deploy()
        log_key = _key(folder / "log.key", ORIGIN, "--log")
        witness_key = _key(folder / "witness.key", NAME, *kind)
        yield Place(network, folder, url, log_key, witness_key)
    finally:
        network.stop()


def _get(url: str) -> httpx.Response:
    return httpx.get(url)


def _post(url: str, content: bytes) -> httpx.Response:
    return httpx.post(url, content=content)


async def _caught_up(url: str, size: int) -> dict[str, Any]:
    async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            tree: dict[str, Any] = (await client.get(f"{url}/tree")).json()
            if tree["trouble"] != NOT_LOOKED_AT and (tree["size"] >= size or tree["trouble"]):
                return tree
            await asyncio.sleep(0.05)


async def test_witness_with_a_key_of_ml_dsa_is_killed_and_goes_on(tmp_path: Path) -> None:
    async with place(tmp_path, "--ml-dsa") as at:
        assert at.witness_key.kind is KeyKind.ML_DSA_COSIGNATURE
        first = await at.leaves()
        # Killed while it catches up: right after it first wrote how far it is.
        begun, head = at.start(), tmp_path / "witness" / "tree" / "head.json"
        await until(head.exists, PATIENCE_SECONDS)
        begun.kill()
        begun.communicate()
        with at.running() as url:
            tree = await _caught_up(url, len(first))
            assert tree == {**tree, "size": len(first), "root": "0x" + root_of(len(first), nodes_of(first)).hex()}
            assert at.checkpoint(url)["failed"] == {}
            assert at.final() == Checkpoint(ORIGIN, len(first), root_of(len(first), nodes_of(first)))
            assert _get(f"{url}/tile/{Tile(0, 0, min(len(first), 9)).path[5:]}").content == b"".join(first[:9])
        # The log grows while the witness is dead: it signs, nobody cosigns, nothing is final.
        await at.more_events()
        second = await at.leaves()
        assert second[: len(first)] == first
        assert len(second) > len(first)
        assert list(at.checkpoint("http://127.0.0.1:9", status=1)["failed"]) == [NAME]
        with at.running() as url:
            kept = _get(f"{url}/checkpoint").content
            assert Checkpoint.parse(kept.rpartition(b"\n\n")[0] + b"\n").size == len(first)
            await _caught_up(url, len(second))
            # What it cosigned is no older than before, and one who begins anew is told where it stands.
            assert at.checkpoint(url) == {**at.checkpoint(url), "size": len(second), "failed": {}}
            assert at.final() == Checkpoint(ORIGIN, len(second), root_of(len(second), nodes_of(second)))
            assert _get(f"{url}/evidence").json() == {"items": []}
            older = b"old 0\n\n" + kept
            answer = _post(f"{url}/add-checkpoint", older)
            assert (answer.status_code, answer.text) == (409, f"{len(second)}\n")
            assert answer.headers["content-type"].startswith("text/x.tlog.size")


async def test_witness_with_a_node_of_its_own_waits_when_it_is_behind_and_refuses_a_fork(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        # A node of its own: the same blocks in another process, that from here on hears nothing of the first.
        backup, own_folder = tmp_path / "backup", tmp_path / "own-chain"
        node.backup(at.network.chain_folder, backup)
        await asyncio.to_thread(node.restore, own_folder, backup, None)
        own = replace(at, node=str((await asyncio.to_thread(node.up, own_folder, free_port())).url))
        try:
            with own.running() as url:
                common = await at.leaves()
                await _caught_up(url, len(common))
                assert at.checkpoint(url)["failed"] == {}
                await at.more_events()
                theirs = await at.leaves()
                assert "it answered 503" in at.checkpoint(url, status=1)["failed"][NAME]
                assert _get(f"{url}/evidence").json() == {"items": []}
                await own.more_events()
                ours = await own.leaves()
                assert (len(ours), ours[: len(common)]) == (len(theirs), common)
                assert ours != theirs
                await _caught_up(url, len(ours))
                assert "it answered 403" in at.checkpoint(url, status=1)["failed"][NAME]
                (name,) = _get(f"{url}/evidence").json()["items"]
                note = SignedNote.from_bytes(_get(f"{url}/evidence/{name}").content)
            line = note.signature_of(at.log_key)
            assert line is not None
            verify_signature(at.log_key, note.text, line)
            # What a third party sees who has either node: the log vouched for the one history, which is not the other.
            signed = Checkpoint.parse(note.text)
            assert signed.root == root_of(signed.size, nodes_of(theirs)) != root_of(signed.size, nodes_of(ours))
        finally:
            node.down(own_folder)
