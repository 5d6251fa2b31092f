"""``consentry national conflict``: convicts witnesses who signed two histories of one ledger."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from consentry.cli import values
from consentry.cli.nation import (
    Nation,
    National,
    NationalNode,
    Origin,
    Province,
    at,
    check_made_for,
    identity_of,
    shown_checkpoint,
)
from consentry.cli.output import AsJson, answer
from consentry.cli.witness import EngineName, KeptTree, Tiles, kept_tree
from consentry.errors import InvalidInputError
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.keyfiles import load_or_create_key


def conflict(
    *,
    file: Annotated[Path, typer.Argument(help="checkpoint with the signatures of enough witnesses")],
    against: Annotated[int, typer.Option("--against", min=1, help="size of the anchored log that it contradicts")],
    node: NationalNode,
    national: National,
    manifest: Province,
    origin: Origin,
    key: Annotated[Path, typer.Option("--key", help="key file of the account that brings it; it needs no office")],
    state: Annotated[
        Path | None,
        typer.Option("--state", help="folder of a tree that has the larger log; where the logs alone contradict"),
    ] = None,
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Has recorded that a checkpoint contradicts an anchored one, be the witnesses of both replaced by now."""
    made, identity = NationalCheckpoint.from_json(values.content_of(file)), identity_of(manifest, origin)
    opened = partial(kept_tree, state, manifest, engine, tiles) if state is not None else None
    nodes = _nodes(opened, against, made.checkpoint.size) if opened is not None else ()

    async def bring(nation: Nation) -> dict[str, Any]:
        check_made_for(made, nation.manifest, identity)
        ledger = made.checkpoint.ledger_id
        # Read before anything is sent: what is not anchored is refused without a key being made or a fee being paid.
        known = await nation.ledger.checkpoint(ledger, against)
        both = await nation.ledger.signed_both(known, made)
        account = SendingAccount(nation.connection, load_or_create_key(key))
        brought = await nation.ledger.record_conflict(account, against, made.checkpoint, nodes, made.signatures)
        now = await nation.ledger.ledger(ledger)
        return {
            "conflict": brought.conflict.name.lower().replace("_", "-"),
            "block": brought.receipt.place.block.number,
            "anchored": shown_checkpoint(known),
            "contradicting": shown_checkpoint(made.checkpoint),
            "signedBoth": ["0x" + signer.hex() for signer, _ in made.signatures if signer in both],
            "status": now.status.name.lower(),
            "conflicts": now.conflicts,
        }

    answer(at(node, national, engine, bring), as_json=as_json)


def _nodes(opened: Callable[[], AbstractContextManager[KeptTree]], against: int, size: int) -> tuple[bytes, ...]:
    """Gives what leads to both roots in a tree that has the larger log; nothing where neither is a prefix.

    Whether it is needed says the contract: two roots of one size, or two blocks of one number, contradict without it.
    """
    smaller, larger = sorted((against, size))
    if not 0 < smaller < larger:
        return ()
    with opened() as kept:
        if larger > kept.keeper.size:
            raise InvalidInputError(f"tree does not match (got {kept.keeper.size} entries, expected {larger} or more)")
        return kept.keeper.prefix(smaller, larger)
