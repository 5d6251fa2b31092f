"""``consentry national`` for its operator and its officers: deploying it, and governing the ledgers of provinces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from consentry.cli import values
from consentry.cli.governing import shown
from consentry.cli.nation import Nation, National, NationalNode, Origin, Province, at, identity_of
from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.cli.witness import EngineName
from consentry.config import load_settings
from consentry.core.anchors import MOST_WITNESSES
from consentry.core.ledger_checkpoint import ledger_id
from consentry.crypto.signing import AccountKey
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.deployment import Founders
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Answer
from consentry.ledger.keyfiles import load_key, load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.national import NationalOfficer, deploy_national

Officer = Annotated[Path, typer.Option("--key", help="the officer's key file, mode 0600")]
Witnesses = Annotated[list[str], typer.Option("--witness", help="ERC-7913 signer of a witness: an account, or more")]
Threshold = Annotated[
    int, typer.Option("--threshold", min=1, max=MOST_WITNESSES, help="how many must sign: more than half")
]
Reason = Annotated[str, typer.Option("--reason", help="hash of a reason, 32 bytes in hexadecimal")]


def _signers(texts: list[str]) -> list[bytes]:
    return [values.hexadecimal("signer of a witness", text) for text in texts]


def deploy(
    *,
    node: NationalNode,
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

    async def call(nation: Nation) -> Answer:
        return await act(NationalOfficer(nation.connection, nation.manifest, secret))

    return shown(at(node, national, engine, call))


def admit(
    *,
    node: NationalNode,
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
    identity, signers = identity_of(manifest, origin), _signers(witness)
    told = _govern(node, national, engine, key, lambda by: by.admit_ledger(identity, signers, threshold))
    answer({"ledger": "0x" + ledger_id(identity).hex(), **told}, as_json=as_json)


def witnesses(
    *,
    node: NationalNode,
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
    ledger, signers = ledger_id(identity_of(manifest, origin)), _signers(witness)
    told = _govern(node, national, engine, key, lambda by: by.change_witnesses(ledger, signers, threshold))
    answer(told, as_json=as_json)


def resolve(
    *,
    node: NationalNode,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    reason: Reason = "0x" + "00" * 32,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Lets a forked ledger go on from what is anchored. Takes two officers."""
    ledger, why = ledger_id(identity_of(manifest, origin)), values.hexadecimal("reason", reason, 32)
    answer(_govern(node, national, engine, key, lambda by: by.resolve_fork(ledger, why)), as_json=as_json)


def close(
    *,
    node: NationalNode,
    national: National,
    key: Officer,
    manifest: Province,
    origin: Origin,
    reason: Reason = "0x" + "00" * 32,
    engine: EngineName = "",
    as_json: AsJson = False,
) -> None:
    """Closes a ledger for ever; what is anchored stays. Takes two officers."""
    ledger, why = ledger_id(identity_of(manifest, origin)), values.hexadecimal("reason", reason, 32)
    answer(_govern(node, national, engine, key, lambda by: by.close_ledger(ledger, why)), as_json=as_json)
