"""Deploys the suite and wires its governance; the steps are those of ``contracts/README.md``.

The manifest is written once everything is in place, so an interrupted deployment simply starts again: what it left on
chain is named nowhere and holds no rights.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_hash.auto import keccak

from consentry.core.chain import ChainIdentity
from consentry.core.offices import Role
from consentry.core.terms import Address
from consentry.errors import ConfigurationError, ForeignChainError, LedgerRejectedError, LedgerUnavailableError
from consentry.ledger.abi import CONTRACTS, MANAGER, SETTINGS, VERIFIERS, WIRING, artifact
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Founders:
    """Whom a deployment begins with: the authority for the whole country, by its account, and its second officer."""

    authority: Address
    second_officer: Address


def governance(name: str = "governance.json") -> Any:
    """Reads a table of roles, from the package or from the checkout around it."""
    here = Path(__file__).resolve().parent
    for path in (here / "artifacts" / name, here.parents[2] / "contracts" / name):
        if path.is_file():
            return json.loads(path.read_text())
    raise ConfigurationError("table of roles is missing: the installation is not complete")


async def deploy(
    connection: Connection,
    deployer: SendingAccount,
    founders: Founders,
    *,
    settings: Mapping[str, int] = SETTINGS,
) -> Manifest:
    """Deploys and wires everything; afterwards the deployer has no rights and the founders are the first officers.

    Args:
        connection: the node.
        deployer: pays; holds every right until the end.
        founders: whom the country begins with.
        settings: those of `consentry.ledger.abi.SETTINGS`; only trials have others.

    Raises:
        LedgerRejectedError: a step failed.
        LedgerUnavailableError: the node does not answer.
    """
    header = await connection.header()
    first = header.block.number if header else 0
    addresses = await _deploy_suite(connection, deployer, settings)
    await wire_roles(deployer, addresses, governance())
    await _begin(deployer, addresses, founders)
    await _call(deployer, addresses[MANAGER], MANAGER, "renounceRole", (Role.ADMIN, deployer.address))
    return await manifest_of(connection, addresses, first)


async def manifest_of(connection: Connection, addresses: Mapping[str, Address], first: int) -> Manifest:
    """Writes down what stands where, on a chain on which it was deployed from block ``first`` on.

    Raises:
        LedgerUnavailableError: the node does not answer.
    """
    genesis = await connection.header(0)
    if genesis is None:
        raise LedgerUnavailableError("node does not give its genesis block")
    identity = ChainIdentity(await connection.chain_id(), genesis.block.hash, tuple(addresses.items()), first)
    hashes = [(name, keccak(await connection.code(address))) for name, address in addresses.items()]
    return Manifest(identity, tuple(hashes))


async def create_contract(deployer: SendingAccount, name: str, *values: object) -> Address:
    """Deploys a contract from its artifact; gives its address.

    Raises:
        LedgerRejectedError: it failed.
        LedgerUnavailableError: the node does not answer.
    """
    compiled = artifact(name)
    mined = await deployer.submit(None, compiled.bytecode + compiled.encode_constructor(values))
    if not mined.succeeded or mined.contract is None:
        raise LedgerRejectedError(f"deployment of {name} failed")
    return mined.contract


async def _deploy_suite(
    connection: Connection, deployer: SendingAccount, settings: Mapping[str, int]
) -> dict[str, Address]:
    made: dict[str, Address] = {}

    async def create(name: str, *values: object) -> None:
        made[name] = await create_contract(deployer, name, *values)

    await create(MANAGER, deployer.address, settings["systemDelay"])
    for name, needed in VERIFIERS.items():
        await create(name, *(made[other] for other in needed))
    nonce = await connection.next_nonce(deployer.address)
    to_be = {name: keccak(rlp.encode([deployer.address, nonce + n]))[12:] for n, name in enumerate(WIRING)}
    known: dict[str, bytes | int] = {**settings, **made, **to_be}
    for name, needed in WIRING.items():
        await create(name, *(known[other] for other in needed))
    return made


async def _call(
    account: SendingAccount, target: Address, contract: str, function: str, values: tuple[Any, ...]
) -> None:
    await account.act(target, artifact(contract).functions[function].encode_call(values))


async def wire_roles(deployer: SendingAccount, addresses: Mapping[str, Address], table: Any) -> None:
    """Gives each role of a table its functions, and the target the right to grant roles; the deployer is the admin.

    Raises:
        LedgerRejectedError: a step failed.
        LedgerUnavailableError: the node does not answer.
    """
    manager = addresses[MANAGER]
    target = addresses[table["target"]]
    known = {s.selector: s.selector for s in artifact(table["target"]).functions.values()}
    for role in table["roles"]:
        await _call(deployer, manager, MANAGER, "labelRole", (role["id"], role["name"]))
        for function, other in (("setRoleAdmin", "adminRole"), ("setRoleGuardian", "guardianRole")):
            if role[other]:
                await _call(deployer, manager, MANAGER, function, (role["id"], role[other]))
        if role["functions"]:
            selectors = [known[keccak(text.encode())[:4]] for text in role["functions"]]
            await _call(deployer, manager, MANAGER, "setTargetFunctionRole", (target, selectors, role["id"]))
    await _call(deployer, manager, MANAGER, "grantRole", (Role.REGISTER, target, 0))


async def _begin(deployer: SendingAccount, addresses: dict[str, Address], founders: Founders) -> None:
    founding = (
        founders.authority,
        founders.second_officer,
        keccak(founders.authority),
        [addresses[name] for name in VERIFIERS],
        [keccak(name.encode()) for name in CONTRACTS],
        [addresses[name] for name in CONTRACTS],
    )
    await _call(deployer, addresses["Participants"], "Participants", "begin", (founding,))


async def verify_identity(connection: Connection, manifest: Manifest) -> None:
    """Compares the node with the manifest.

    Raises:
        ForeignChainError: chain id, genesis or the code of a contract differs: a reset or foreign chain.
    """
    identity = manifest.identity
    chain_id = await connection.chain_id()
    if chain_id != identity.chain_id:
        raise ForeignChainError(f"chain id does not match (got {chain_id}, expected {identity.chain_id})")
    genesis = await connection.header(0)
    got = genesis.block.hash if genesis else b""
    if got != identity.genesis_hash:
        raise ForeignChainError(
            f"genesis hash does not match (got 0x{got.hex()}, expected 0x{identity.genesis_hash.hex()})"
        )
    found = await asyncio.gather(*(connection.code(manifest.address(name)) for name, _ in manifest.code_hashes))
    for (name, expected), code in zip(manifest.code_hashes, found, strict=True):
        digest = keccak(code)
        if digest != expected:
            raise ForeignChainError(
                f"code of {name} does not match (got 0x{digest.hex()}, expected 0x{expected.hex()})"
            )
