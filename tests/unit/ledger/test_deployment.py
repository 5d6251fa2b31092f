"""Which chain and deployment a node serves: what is not the one of the manifest is refused, by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from consentry.core.terms import Address
from consentry.crypto.signing import AccountKey
from consentry.errors import ConfigurationError, ConsentryError, ForeignChainError, LedgerUnavailableError
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import verify_identity
from consentry.ledger.manifest import Manifest
from tests.support.in_process import GENESIS_TIME, InProcessProvider, SilentProvider
from tests.support.ledger_worlds import Deployed, LedgerWorld, deployed, people, world_on
from tests.support.samples import word


@pytest.fixture(scope="module")
def payers() -> list[AccountKey]:
    """Deployer, both officers of the national authority, and relay."""
    return people()


@pytest.fixture
async def made(payers: list[AccountKey]) -> Deployed:
    """A deployment on a chain of its own."""
    return await deployed(InProcessProvider(payers).connection(), payers)


def foreign(made: Deployed, name: str) -> Manifest:
    """Gives the manifest with one member of another chain or deployment."""
    identity, codes = made.manifest.identity, dict(made.manifest.code_hashes)
    addresses = dict(identity.contracts)
    match name:
        case "chain id":
            return replace(made.manifest, identity=replace(identity, chain_id=identity.chain_id + 1))
        case "genesis hash":
            return replace(made.manifest, identity=replace(identity, genesis_hash=word(1)))
        case "code of Consents":
            # Another contract of the suite stands at that address.
            addresses["Consents"] = addresses["Records"]
        case "code of AccessLedger":
            # Nothing stands at that address.
            addresses["AccessLedger"] = Address(word(2)[:20])
        case _:
            codes["Subjects"] = keccak(b"another version")
    contracts = tuple(addresses.items())
    return Manifest(replace(identity, contracts=contracts), tuple(codes.items()))


@pytest.mark.parametrize(
    "name", ["chain id", "genesis hash", "code of Consents", "code of AccessLedger", "code of Subjects"]
)
async def test_manifest_of_another_chain_or_deployment_is_refused_by_name(made: Deployed, name: str) -> None:
    await verify_identity(made.connection, made.manifest)
    with pytest.raises(ForeignChainError, match=rf"^{name} does not match \(got .*, expected .*\)$"):
        await ChainLedger.connect(made.connection, foreign(made, name), made.relay.secret)


async def test_chain_that_was_begun_again_is_refused(made: Deployed, payers: list[AccountKey]) -> None:
    """The same chain id; at another time it has another genesis block, at the same time it lacks the contracts."""
    for genesis_time, found in ((GENESIS_TIME + 1, "genesis hash"), (GENESIS_TIME, "code of Governance")):
        again = InProcessProvider(payers, genesis_time).connection()
        with pytest.raises(ForeignChainError, match=found):
            await verify_identity(again, made.manifest)


async def test_silent_node_is_not_taken_for_a_foreign_one(made: Deployed) -> None:
    silent = Connection(SilentProvider(), made.connection.profile)
    with pytest.raises(LedgerUnavailableError):
        await verify_identity(silent, made.manifest)


async def swapped(made: Deployed, payers: list[AccountKey], genesis_time: int) -> LedgerWorld:
    """Opens a ledger, then puts another chain behind its connection."""
    world = await world_on(made)
    await world.populate()
    provider = InProcessProvider(payers, genesis_time)
    made.connection._web3.provider = provider
    return world


@pytest.mark.parametrize("genesis_time", [GENESIS_TIME, GENESIS_TIME + 1])
async def test_chain_that_is_reset_under_an_open_ledger_gives_no_answer(
    made: Deployed, payers: list[AccountKey], genesis_time: int
) -> None:
    """What the contracts should say is never made up from a node that does not have them."""
    world = await swapped(made, payers, genesis_time)
    ledger = world.ledger
    with pytest.raises(ForeignChainError):
        await ledger.identity()
    with pytest.raises(ForeignChainError):
        await ledger.record_status(word(1))  # type: ignore[arg-type]  # any id
    with pytest.raises(ForeignChainError):
        await ledger.subject_facts(word(1))  # type: ignore[arg-type]  # any id
    with pytest.raises(ForeignChainError):
        await ledger.is_signed_by_subject(word(1), word(2), bytes(65))  # type: ignore[arg-type]  # any id
    with pytest.raises(ConsentryError):
        await world.case()


async def test_manifest_is_written_and_read_as_it_is(made: Deployed, tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    made.manifest.write(path)
    assert Manifest.read(path) == made.manifest
    for content in ("", "{}", "[]", "nothing", json.dumps({"chainId": 1, "genesisHash": 5})):
        path.write_text(content)
        with pytest.raises(ConfigurationError, match=r"deployment\.json"):
            Manifest.read(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="no deployment manifest"):
        Manifest.read(path)


async def test_deployer_is_left_without_rights(made: Deployed, payers: list[AccountKey]) -> None:
    deployer = replace(made, national=payers[0]).governance
    with pytest.raises(ConsentryError) as caught:
        await deployer.admit_relay(payers[0].address, payers[0].address)
    assert caught.value.details["solidity"] == "AccessManagedUnauthorized"
    with pytest.raises(ConsentryError):
        await deployer.admit_authority(payers[0].address, 0, word(1))
