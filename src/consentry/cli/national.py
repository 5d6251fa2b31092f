"""``consentry national``: the national ledger, for its officers, for witnesses of provinces, and for who proves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from consentry.cli import values
from consentry.cli.governing import shown
from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.cli.witness import EngineName, KeptTree, KeyFile, State, kept_tree
from consentry.config import load_settings
from consentry.core import events
from consentry.core.anchors import Conflict
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.terms import ZERO_32
from consentry.crypto.signing import AccountKey
from consentry.errors import ConfigurationError, NotFoundError
from consentry.evidence import header
from consentry.evidence.bundle import Bundle
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import log_of
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.evidence.trust import TrustRoot
from consentry.ledger.abi import NATIONAL
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders, verify_identity
from consentry.ledger.direct import DirectConnection
from consentry.ledger.embedded.durable import write_synced
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Answer
from consentry.ledger.keyfiles import load_key, load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.national import NationalLedger, NationalOfficer, deploy_national
from consentry.witness.national import NationalWitness
from consentry.witness.tiles import FollowedLog

app = typer.Typer(
    help="The national ledger: deploy, admit, witnesses, resolve, close (officers), cosign (witness), anchor, show, "
    "prove, trust.",
    no_args_is_help=True,
)
Node = Annotated[str, typer.Option("--node", help="address of a node of the national chain")]
OwnNode = Annotated[str, typer.Option("--node", help="address of the own node of the province")]
National = Annotated[Path, typer.Option("--nation", help="manifest of the national ledger")]
Province = Annotated[Path, typer.Option("--manifest", help="deployment manifest of the province")]
Origin = Annotated[str, typer.Option("--origin", help="origin of the province's log")]
Officer = Annotated[Path, typer.Option("--key", help="the officer's key file, mode 0600")]
Witnesses = Annotated[list[str], typer.Option("--witness", help="ERC-7913 signer of a witness: an account, or more")]
Threshold = Annotated[int, typer.Option("--threshold", min=1, max=32, help="how many must sign: more than half")]
Reason = Annotated[str, typer.Option("--reason", help="hash of a reason, 32 bytes in hexadecimal")]
Outcome = TypeVar("Outcome")
_NOWHERE = EventPlace(BlockReference(0, ZERO_32, 0), ZERO_32, 0)


@dataclass(frozen=True, slots=True)
class _Nation:
    connection: Connection
    manifest: Manifest

    @property
    def ledger(self) -> NationalLedger:
        return NationalLedger(self.connection, self.manifest)


def _at(node: str, manifest: Path, engine: str, act: Callable[[_Nation], Awaitable[Outcome]]) -> Outcome:
    """Does something on the national chain, once node and deployment are verified."""
    values.origin(node)
    known, profile = Manifest.read(manifest), load_profile(engine or load_settings().engine)

    async def run() -> Outcome:
        connection = DirectConnection(node, profile)
        try:
            await verify_identity(connection, known)
            return await act(_Nation(connection, known))
        finally:
            await connection.close()

    return asyncio.run(run())


def _identity(manifest: Path, origin: str) -> LedgerIdentity:
    known = Manifest.read(manifest)
    chain = known.identity
    return LedgerIdentity(origin, chain.chain_id, chain.genesis_hash, known.address("AccessLedger"))


def _signers(texts: list[str]) -> list[bytes]:
    return [values.hexadecimal("signer of a witness", text) for text in texts]


@app.command()
def deploy(
    *,
    node: Node,
    national: National,
    keys: Annotated[Path, typer.Option("--keys", help="folder of keys; what is missing is made")],
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Deploys the national ledger and writes its manifest; makes keys of its first two officers, and the deployer's."""
    keep_to_oneself()
    values.origin(node)
    values.check_target(national, fresh=True)
    profile = load_profile(engine or load_settings().engine)
    held = {name: load_or_create_key(keys / name) for name in ("deployer", "national", "national-2")}

    async def run() -> Manifest:
        connection = DirectConnection(node, profile)
        try:
            founders = Founders(*(AccountKey(held[name]).address for name in ("national", "national-2")))
            return await deploy_national(connection, SendingAccount(connection, held["deployer"]), founders)
        finally:
            await connection.close()

    made = asyncio.run(run())
    made.write(national)
    told = {name: "0x" + address.hex() for name, address in made.identity.contracts}
    answer({"chainId": made.identity.chain_id, "manifest": str(national), **told}, as_json=as_json)


def _govern(
    node: str, national: Path, engine: str, key: Path, act: Callable[[NationalOfficer], Awaitable[Answer]]
) -> dict[str, Any]:
    secret = load_key(key)

    async def call(nation: _Nation) -> Answer:
        return await act(NationalOfficer(nation.connection, nation.manifest, secret))

    return shown(_at(node, national, engine, call))


@app.command()
def admit(
    *,
    node: Node,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    witness: Witnesses,
    threshold: Threshold,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Admits the ledger of a province with its witnesses. Takes two officers."""
    identity, signers = _identity(manifest, origin), _signers(witness)
    told = _govern(node, national, engine, key, lambda by: by.admit_ledger(identity, signers, threshold))
    answer({"ledger": "0x" + ledger_id(identity).hex(), **told}, as_json=as_json)


@app.command()
def witnesses(
    *,
    node: Node,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    witness: Witnesses,
    threshold: Threshold,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Replaces the witnesses of a ledger. Takes two officers."""
    ledger, signers = ledger_id(_identity(manifest, origin)), _signers(witness)
    told = _govern(node, national, engine, key, lambda by: by.change_witnesses(ledger, signers, threshold))
    answer(told, as_json=as_json)


@app.command()
def resolve(
    *,
    node: Node,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    reason: Reason = "0x" + "00" * 32,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Lets a forked ledger go on from what is anchored. Takes two officers."""
    ledger, why = ledger_id(_identity(manifest, origin)), values.hexadecimal("reason", reason, 32)
    answer(_govern(node, national, engine, key, lambda by: by.resolve_fork(ledger, why)), as_json=as_json)


@app.command()
def close(
    *,
    node: Node,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    reason: Reason = "0x" + "00" * 32,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Closes a ledger for ever; what is anchored stays. Takes two officers."""
    ledger, why = ledger_id(_identity(manifest, origin)), values.hexadecimal("reason", reason, 32)
    answer(_govern(node, national, engine, key, lambda by: by.close_ledger(ledger, why)), as_json=as_json)


@app.command()
def cosign(
    *,
    file: Annotated[Path, typer.Argument(help="checkpoint that witnesses sign; it is proposed if it is not there")],
    state: State,
    node: OwnNode,
    national: National,
    manifest: Province,
    origin: Origin,
    key: KeyFile,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Signs a checkpoint for the national ledger, if the own node bears it out."""
    keep_to_oneself()
    values.origin(node)
    values.check_target(file)
    chain, identity = Manifest.read(national), _identity(manifest, origin)
    contract, now = chain.address(NATIONAL), int(time.time())
    with kept_tree(state, manifest, engine) as kept:
        key_held = AccountKey(load_or_create_key(key))
        witness = NationalWitness(state / "national" / "checkpoint", kept.keeper, _log(kept), key_held)

        async def sign() -> NationalCheckpoint:
            source, connection = kept.source(node)
            try:
                await kept.keeper.follow(source)
                proposed = (
                    NationalCheckpoint.from_json(file.read_bytes())
                    if file.exists()
                    else NationalCheckpoint(
                        chain.identity.chain_id, contract, witness.propose(ledger_id(identity), now)
                    )
                )
                _check_file(proposed, chain, identity)
                return await witness.cosign(proposed, source, now)
            finally:
                await connection.close()

        signed = asyncio.run(sign())
    write_synced(file, signed.to_json())
    told = {"size": signed.checkpoint.size, "block": signed.checkpoint.block_number}
    answer({**told, "signer": "0x" + key_held.signer.hex(), "signatures": len(signed.signatures)}, as_json=as_json)


def _log(kept: KeptTree) -> FollowedLog:
    identity = kept.manifest.identity
    contracts = tuple(sorted(address for _, address in identity.contracts))
    return FollowedLog(identity.chain_id, identity.genesis_hash, contracts)


def _check_file(proposed: NationalCheckpoint, chain: Manifest, identity: LedgerIdentity) -> None:
    """A witness signs for the nation and the ledger it was told, and no other."""
    got = proposed.chain_id, proposed.contract, proposed.checkpoint.ledger_id
    if got != (chain.identity.chain_id, chain.address(NATIONAL), ledger_id(identity)):
        raise ConfigurationError("checkpoint does not match (it is for another national ledger, or of another ledger)")


@app.command()
def anchor(
    *,
    file: Annotated[Path, typer.Argument(help="checkpoint with the signatures of enough witnesses")],
    state: State,
    node: Node,
    national: National,
    manifest: Province,
    key: Annotated[Path, typer.Option("--key", help="key file of the account that brings it; it needs no office")],
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Brings a checkpoint to the national ledger. Exit code 1: it was recorded as a conflict."""
    made, secret = NationalCheckpoint.from_json(file.read_bytes()), load_or_create_key(key)
    with kept_tree(state, manifest, engine) as kept:

        async def bring(nation: _Nation) -> tuple[int, Conflict]:
            newest = (await nation.ledger.ledger(made.checkpoint.ledger_id)).size
            smaller, larger = sorted((newest, made.checkpoint.size))
            nodes = kept.keeper.prefix(smaller, larger) if 0 < smaller < larger <= kept.keeper.size else ()
            account = SendingAccount(nation.connection, secret)
            brought = await nation.ledger.anchor(account, made.checkpoint, nodes, made.signatures)
            return brought.receipt.place.block.number, brought.conflict

        block, conflict = _at(node, national, engine, bring)
    told = {"size": made.checkpoint.size, "block": block, "conflict": conflict.name.lower().replace("_", "-")}
    answer(told, as_json=as_json)
    if conflict:
        raise typer.Exit(1)


@app.command()
def show(
    *,
    node: Node,
    national: National,
    manifest: Province,
    origin: Origin,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Shows what the nation knows of a ledger, and its newest checkpoint."""
    ledger = ledger_id(_identity(manifest, origin))

    async def look(nation: _Nation) -> dict[str, Any]:
        known = await nation.ledger.ledger(ledger)
        told: dict[str, Any] = {"ledger": "0x" + ledger.hex(), "status": known.status.name.lower()}
        told |= {"witnessesVersion": known.version, "threshold": known.threshold, "conflicts": known.conflicts}
        return told | (_shown(await nation.ledger.checkpoint(ledger)) if known.size else {"size": 0})

    answer(_at(node, national, engine, look), as_json=as_json)


def _shown(anchored: LedgerCheckpoint) -> dict[str, Any]:
    hashes = {"root": "0x" + anchored.root.hex(), "blockHash": "0x" + anchored.block_hash.hex()}
    return {"size": anchored.size, "block": anchored.block_number, **hashes, "since": anchored.seen_at}


@app.command()
def prove(
    *,
    bundle: Annotated[Path, typer.Argument(help="evidence bundle of a decision of the province")],
    out: Annotated[Path, typer.Option("--out", help="file for the proof")],
    state: State,
    node: Node,
    national: National,
    manifest: Province,
    origin: Origin,
    trust_root: Annotated[
        Path | None,
        typer.Option("--trust-root", help="what the verifier believes of the nation; else the newest block"),
    ] = None,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Proves that the newest anchored log of a province has a decision in it."""
    values.check_target(out)
    made, identity = Bundle.from_json(bundle.read_bytes()), _identity(manifest, origin)
    believed = TrustRoot.from_json(trust_root.read_bytes()).national if trust_root else None
    with kept_tree(state, manifest, engine) as kept:

        async def build(nation: _Nation) -> tuple[bytes, int, int]:
            anchored = await nation.ledger.checkpoint(ledger_id(identity))
            index = _place_of(kept, made, identity, anchored.size)
            path = kept.keeper.inclusion(index, anchored.size)
            proof = await nation.ledger.prove(identity, anchored.size, index, path, trust=believed)
            return proof.to_json(), anchored.size, index

        content, size, index = _at(node, national, engine, build)
    write_synced(out, content)
    answer({"file": str(out), "bytes": len(content), "size": size, "index": index}, as_json=as_json)


def _place_of(kept: KeptTree, bundle: Bundle, identity: LedgerIdentity, size: int) -> int:
    """Finds the leaf of a decision in the own tree; of a block that the bundle names, whatever it proves."""
    found = [header.decode(encoded, kept.profile.header_form) for encoded in bundle.headers]
    number = next((one.number for one in found if one.hash == bundle.decision.block_hash), None)
    if number is None:
        raise NotFoundError("block of the decision is not among the headers of the bundle")
    log = log_of(events.AccessDecided(_NOWHERE, bundle.entry), identity.access_ledger)
    leaf = leaf_of(identity.chain_id, number, bundle.decision.block_hash, log)
    index = kept.keeper.find(leaf)
    if index is None or index >= size:
        raise NotFoundError("decision is not in the anchored log: it is later, or the tree is behind")
    return index


@app.command()
def trust(
    *,
    file: Annotated[Path, typer.Argument(help="trust root of the province")],
    out: Annotated[Path, typer.Option("--out", help="file for the trust root that names the nation too")],
    node: Node,
    national: National,
    origin: Origin,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Names the nation in a trust root, its newest block as checkpoint: for who trusts this node now."""
    values.check_target(out)
    known = TrustRoot.from_json(file.read_bytes())
    named = _at(node, national, engine, lambda nation: nation.ledger.trust(origin))
    write_synced(out, replace(known, national=named).to_json())
    answer({"file": str(out), "block": named.checkpoints[0].number}, as_json=as_json)
