"""``consentry national cosign``: a witness of a province signs what its own node bears out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.nation import National, Origin, Province, check_made_for, identity_of
from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.cli.witness import EngineName, KeyFile, State, Tiles, kept_tree
from consentry.core.ledger_checkpoint import ledger_id
from consentry.crypto.signing import AccountKey
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.abi import NATIONAL
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.witness.gateway_log import followed_log
from consentry.witness.national import NationalWitness

OwnNode = Annotated[str, typer.Option("--node", help="address of the own node of the province")]


def cosign(
    *,
    file: Annotated[Path, typer.Argument(help="checkpoint that witnesses sign; it is proposed if it is not there")],
    state: State,
    node: OwnNode,
    national: National,
    manifest: Province,
    origin: Origin,
    key: KeyFile,
    tiles: Tiles = "",
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Signs a checkpoint for the national ledger, if the own node bears it out."""
    keep_to_oneself()
    values.origin(node)
    values.check_target(file)
    chain, identity = Manifest.read(national), identity_of(manifest, origin)
    contract, now = chain.address(NATIONAL), int(time.time())
    with kept_tree(state, manifest, engine, tiles) as kept:
        key_held = AccountKey(load_or_create_key(key))
        witness = NationalWitness(state / "national" / "checkpoint", kept.keeper, followed_log(kept.manifest), key_held)

        async def sign() -> NationalCheckpoint:
            source, connection = kept.source(node)
            try:
                await kept.keeper.follow(source)
                proposed = (
                    NationalCheckpoint.from_json(values.content_of(file))
                    if file.exists()
                    else NationalCheckpoint(
                        chain.identity.chain_id, contract, witness.propose(ledger_id(identity), now)
                    )
                )
                check_made_for(proposed, chain, identity)
                return await witness.cosign(proposed, source, now)
            finally:
                await connection.close()

        signed = asyncio.run(sign())
    values.write(file, signed.to_json())
    told = {"size": signed.checkpoint.size, "block": signed.checkpoint.block_number}
    answer({**told, "signer": "0x" + key_held.signer.hex(), "signatures": len(signed.signatures)}, as_json=as_json)
