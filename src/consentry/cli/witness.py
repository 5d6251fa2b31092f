"""``consentry witness``: a witness as a process, and checkpoints of a log with the cosignatures of witnesses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvicorn
from fastapi import FastAPI

from consentry.api.connections import Crowd, bounded
from consentry.api.witnessing import create_witness
from consentry.cli import values
from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import InvalidInputError
from consentry.evidence.checkpoint import Cosigner, LogSigner
from consentry.evidence.note import VerifierKey
from consentry.ledger.claims import FolderLock, open_door
from consentry.ledger.direct import DirectConnection
from consentry.ledger.embedded.durable import private_folder
from consentry.ledger.engines import EngineProfile, load_profile
from consentry.ledger.keyfiles import load_key, load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.wiring.tile_stores import tile_store
from consentry.witness.blocks import NodeBlocks
from consentry.witness.cosigner_key import load_cosigner_key, load_or_create_cosigner_key
from consentry.witness.exhibits import Exhibits
from consentry.witness.gateway_log import followed_log
from consentry.witness.keeper import LogKeeper
from consentry.witness.operator import AskedWitness, LogOperator
from consentry.witness.witness import Witness

_CALLERS = 64
_STOP_SECONDS = 5
_ASK_SECONDS = 10.0

app = typer.Typer(help="Witnesses of the ledger log: key, run, checkpoint.", no_args_is_help=True)
State = Annotated[Path, typer.Option("--state", help="folder of its own for tree, signed checkpoint and evidence")]
Node = Annotated[str, typer.Option("--node", help="address of the own node")]
ManifestFile = Annotated[Path, typer.Option("--manifest", help="deployment manifest")]
KeyFile = Annotated[Path, typer.Option("--key", help="key file, mode 0600; serves this one purpose alone")]
EngineName = Annotated[str, typer.Option("--engine", help="engine of the node; setting engine if not given")]

Tiles = Annotated[str, typer.Option("--tiles", help="s3://BUCKET/PREFIX for the tree; the state folder if not given")]


@dataclass(frozen=True, slots=True)
class KeptTree:
    """The tree of a log in its folder, and what is needed to follow a node with it."""

    keeper: LogKeeper
    exhibits: Exhibits
    manifest: Manifest
    profile: EngineProfile

    def source(self, node: str) -> tuple[NodeBlocks, DirectConnection]:
        """Gives the blocks of a node, and the connection to close afterwards."""
        connection = DirectConnection(node, self.profile)
        return NodeBlocks(connection, self.manifest), connection


@contextmanager
def kept_tree(state: Path, manifest_file: Path, engine: str, tiles: str = "") -> Iterator[KeptTree]:
    """Takes the state folder for this process, and gives the tree in it, or in the bucket that ``tiles`` names."""
    settings = load_settings()
    manifest, profile = Manifest.read(manifest_file), load_profile(engine or settings.engine)
    lock = FolderLock(private_folder(state.absolute()) / "lock", "used")
    try:
        log, exhibits = followed_log(manifest), Exhibits(state / "evidence")
        store = tile_store(tiles, state / "tree", settings)
        yield KeptTree(LogKeeper(store, log, profile.header_form, exhibits), exhibits, manifest, profile)
    finally:
        lock.release()


@app.command()
def key(
    file: KeyFile,
    name: Annotated[str, typer.Option("--name", help="name to sign under, e.g. witness.example.org/one")],
    as_log: Annotated[bool, typer.Option("--log", help="the key signs for a log, whose origin is the name")] = False,
    ml_dsa: Annotated[bool, typer.Option("--ml-dsa", help="a witness's key of ML-DSA-44, not of Ed25519")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows the verifier key of a key file, which is made if it is not there; a file that is there keeps its kind."""
    keep_to_oneself()
    if as_log and ml_dsa:
        raise InvalidInputError("options do not match (got --log and --ml-dsa, expected one: a log signs with Ed25519)")
    if as_log:
        signer: LogSigner | Cosigner = LogSigner(name, Ed25519Key(load_or_create_key(file)))
    else:
        signer = Cosigner(name, load_or_create_cosigner_key(file, ml_dsa=ml_dsa))
    answer({"key": str(signer.verifier_key)}, as_json=as_json)


@app.command()
def run(
    *,
    state: State,
    node: Node,
    manifest: ManifestFile,
    key: KeyFile,
    name: Annotated[str, typer.Option("--name", help="name the witness cosigns under")],
    log: Annotated[list[str], typer.Option("--log", help="verifier key of the log; several while it changes keys")],
    host: Annotated[str, typer.Option("--host", help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="TCP port; 0 takes a free one", min=0, max=65535)] = 0,
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Serves a witness in the foreground: it follows its node, and cosigns what that bears out."""
    keep_to_oneself()
    values.origin(node)
    log_keys = [VerifierKey.parse(text) for text in log]
    with kept_tree(state, manifest, engine, tiles) as kept, open_door(host, port) as door, suppress(KeyboardInterrupt):
        cosigner = Cosigner(name, load_cosigner_key(key))
        witness = Witness(state / "cosigned" / "checkpoint", kept.keeper, cosigner, log_keys, kept.exhibits)
        told = {"witness": f"http://{host}:{door.getsockname()[1]}", "key": str(witness.key), "state": "ready"}

        async def serve() -> None:
            source, connection = kept.source(node)
            try:
                served = create_witness(witness, source, kept.exhibits)
                await _Server(served, lambda: answer(told, as_json=as_json)).serve([door])
            finally:
                await connection.close()

        asyncio.run(serve())


class _Server(uvicorn.Server):
    """A web server that bounds its connections, and says when it answers."""

    def __init__(self, served: FastAPI, tell_ready: Callable[[], None]) -> None:
        http: Any = bounded(Crowd(_CALLERS))
        super().__init__(
            uvicorn.Config(served, http=http, ws="none", log_level="warning", timeout_graceful_shutdown=_STOP_SECONDS)
        )
        self._tell_ready = tell_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen, then says so."""
        await super().startup(sockets)
        self._tell_ready()


@app.command()
def checkpoint(
    *,
    state: State,
    node: Node,
    manifest: ManifestFile,
    key: KeyFile,
    log: Annotated[str, typer.Option("--log", help="origin of the log, under which it signs")],
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="address and verifier key of a witness, with a space between")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="file for the checkpoint with all signatures")] = None,
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Signs a checkpoint of the log from the own node's tree, and asks witnesses. Exit code 1: one did not cosign."""
    keep_to_oneself()
    values.origin(node)
    asked = [AskedWitness.parse(text) for text in witness or ()]
    with kept_tree(state, manifest, engine, tiles) as kept:
        signer = LogSigner(log, Ed25519Key(load_key(key)))
        operator = LogOperator(state / "signed" / "checkpoint", kept.keeper, signer)
        failed = asyncio.run(_sign_and_ask(kept, operator, node, asked))
        if out is not None:
            values.write(out, operator.note.to_bytes())
        told = {"size": kept.keeper.size, "block": kept.keeper.block, "root": "0x" + kept.keeper.root.hex()}
        answer({**told, "signatures": len(operator.note.signatures), "failed": failed}, as_json=as_json)
    if failed:
        raise typer.Exit(1)


async def _sign_and_ask(
    kept: KeptTree, operator: LogOperator, node: str, asked: Sequence[AskedWitness]
) -> dict[str, str]:
    source, connection = kept.source(node)
    try:
        await kept.keeper.follow(source)
    finally:
        await connection.close()
    operator.checkpoint()
    async with httpx.AsyncClient(timeout=_ASK_SECONDS) as client:
        failed = await operator.ask(asked, client)
    return {name: error.message for name, error in failed.items()}
