"""``consentry national`` for who brings checkpoints, looks at what is anchored, and proves decisions by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from consentry.cli import values
from consentry.cli.nation import Nation, National, NationalNode, Origin, Province, at, identity_of, shown_checkpoint
from consentry.cli.output import AsJson, answer
from consentry.cli.witness import EngineName, KeptTree, State, Tiles, kept_tree
from consentry.core import events
from consentry.core.anchors import Conflict
from consentry.core.ledger_checkpoint import LedgerIdentity, ledger_id
from consentry.errors import NotFoundError
from consentry.evidence import header
from consentry.evidence.bundle import Bundle
from consentry.evidence.included import NOWHERE
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import log_of
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.evidence.trust import TrustRoot
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.keyfiles import load_or_create_key


def anchor(
    *,
    file: Annotated[Path, typer.Argument(help="checkpoint with the signatures of enough witnesses")],
    state: State,
    node: NationalNode,
    national: National,
    manifest: Province,
    key: Annotated[Path, typer.Option("--key", help="key file of the account that brings it; it needs no office")],
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Brings a checkpoint to the national ledger. Exit code 1: it was recorded as a conflict."""
    made, secret = NationalCheckpoint.from_json(values.content_of(file)), load_or_create_key(key)
    with kept_tree(state, manifest, engine, tiles) as kept:

        async def bring(nation: Nation) -> tuple[int, Conflict]:
            newest = (await nation.ledger.ledger(made.checkpoint.ledger_id)).size
            smaller, larger = sorted((newest, made.checkpoint.size))
            nodes = kept.keeper.prefix(smaller, larger) if 0 < smaller < larger <= kept.keeper.size else ()
            account = SendingAccount(nation.connection, secret)
            brought = await nation.ledger.anchor(account, made.checkpoint, nodes, made.signatures)
            return brought.receipt.place.block.number, brought.conflict

        block, conflict = at(node, national, engine, bring)
    told = {"size": made.checkpoint.size, "block": block, "conflict": conflict.name.lower().replace("_", "-")}
    answer(told, as_json=as_json)
    if conflict:
        raise typer.Exit(1)


def show(
    *,
    node: NationalNode,
    national: National,
    manifest: Province,
    origin: Origin,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Shows what the nation knows of a ledger, and its newest checkpoint."""
    ledger = ledger_id(identity_of(manifest, origin))

    async def look(nation: Nation) -> dict[str, Any]:
        known = await nation.ledger.ledger(ledger)
        told: dict[str, Any] = {"ledger": "0x" + ledger.hex(), "status": known.status.name.lower()}
        told |= {"witnessesVersion": known.version, "threshold": known.threshold, "conflicts": known.conflicts}
        return told | (shown_checkpoint(await nation.ledger.checkpoint(ledger)) if known.size else {"size": 0})

    answer(at(node, national, engine, look), as_json=as_json)


def prove(
    *,
    bundle: Annotated[Path, typer.Argument(help="evidence bundle of a decision of the province")],
    out: Annotated[Path, typer.Option("--out", help="file for the proof")],
    state: State,
    node: NationalNode,
    national: National,
    manifest: Province,
    origin: Origin,
    trust_root: Annotated[
        Path | None,
        typer.Option("--trust-root", help="what the verifier believes of the nation; else the newest block"),
    ] = None,
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Proves that the newest anchored log of a province has a decision in it."""
    values.check_target(out)
    made, identity = Bundle.from_json(values.content_of(bundle)), identity_of(manifest, origin)
    believed = TrustRoot.from_json(values.content_of(trust_root)).national if trust_root else None
    with kept_tree(state, manifest, engine, tiles) as kept:

        async def build(nation: Nation) -> tuple[bytes, int, int]:
            anchored = await nation.ledger.checkpoint(ledger_id(identity))
            index = _place_of(kept, made, identity, anchored.size)
            path = kept.keeper.inclusion(index, anchored.size)
            proof = await nation.ledger.prove(identity, anchored.size, index, path, trust=believed)
            return proof.to_json(), anchored.size, index

        content, size, index = at(node, national, engine, build)
    values.write(out, content)
    answer({"file": str(out), "bytes": len(content), "size": size, "index": index}, as_json=as_json)


def _place_of(kept: KeptTree, bundle: Bundle, identity: LedgerIdentity, size: int) -> int:
    """Finds the leaf of a decision in the own tree; of a block that the bundle names, whatever it proves."""
    found = [header.decode(encoded, kept.profile.header_form) for encoded in bundle.headers]
    number = next((one.number for one in found if one.hash == bundle.decision.block_hash), None)
    if number is None:
        raise NotFoundError("block of the decision is not among the headers of the bundle")
    log = log_of(events.AccessDecided(NOWHERE, bundle.entry), identity.access_ledger)
    leaf = leaf_of(identity.chain_id, number, bundle.decision.block_hash, log)
    index = kept.keeper.find(leaf)
    if index is None or index >= size:
        raise NotFoundError("decision is not in the anchored log: it is later, or the tree is behind")
    return index


def trust(
    *,
    file: Annotated[Path, typer.Argument(help="trust root of the province")],
    out: Annotated[Path, typer.Option("--out", help="file for the trust root that names the nation too")],
    node: NationalNode,
    national: National,
    origin: Origin,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Names the nation in a trust root, its newest block as checkpoint: for who trusts this node now."""
    values.check_target(out)
    known = TrustRoot.from_json(values.content_of(file))
    named = at(node, national, engine, lambda nation: nation.ledger.trust(origin))
    values.write(out, replace(known, national=named).to_json())
    answer({"file": str(out), "block": named.checkpoints[0].number}, as_json=as_json)
