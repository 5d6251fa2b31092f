"""A gateway on a real node: it starts on its own chain alone, and stops answering when that is taken from under it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consentry.cli.app import app
from consentry.config import Settings, load_settings
from consentry.core.chain import BlockReference
from consentry.core.terms import RecordId
from consentry.crypto.signing import AccountKey
from consentry.database.engine import Database
from consentry.directory.projection import Follower, snapshot_rows
from consentry.errors import ConsentryError, ForeignChainError
from consentry.ledger import node
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.wiring.adapters import create_passphrase
from consentry.wiring.copies import rebuild
from consentry.wiring.gateways import open_gateway
from tests.support.ledger_worlds import deployed, people, world_on
from tests.support.samples import word
from tests.support.waiting import until

CHAIN_ID = 424_242


@dataclass
class Site:
    """One gateway's folder and the chain beside it."""

    folder: Path
    port: int = 0

    @property
    def chain(self) -> Path:
        """The chain's folder."""
        return self.folder / "chain"

    def up(self) -> None:
        """Starts the chain, always with the same id and port."""
        status = node.up(self.chain, self.port, chain_id=CHAIN_ID)
        self.port = int(str(status.url).rpartition(":")[2])

    def settings(self) -> Settings:
        """Gives the gateway's settings."""
        return load_settings(
            state_dir=self.folder / "gateway",
            node_url=f"http://127.0.0.1:{self.port}",
            custodian="0x" + self.custodian().address.hex(),
        )

    def custodian(self) -> AccountKey:
        """Gives the institution whose gateway it is."""
        return AccountKey(load_or_create_key(self.folder / "custodian"))

    async def deploy(self) -> Manifest:
        """Deploys the suite, with the gateway's own relay, and admits its institution."""
        connection = DirectConnection(f"http://127.0.0.1:{self.port}", load_profile("embedded"))
        try:
            relay = AccountKey(load_or_create_key(self.settings().relay_key))
            made = await deployed(connection, [*people()[:3], relay])
            world = await world_on(made)
            world.custodian = self.custodian()
            await world.populate()
            await world.case()
            made.manifest.write(self.settings().manifest_path)
            return made.manifest
        finally:
            await connection.close()

    async def rows(self) -> list[tuple[object, ...]]:
        """Gives the rows of the gateway's projection."""
        database = Database(self.settings().database)
        try:
            return await snapshot_rows(database)
        finally:
            await database.close()


@pytest.fixture
async def site(tmp_path: Path, engine: Path) -> AsyncIterator[Site]:  # noqa: ARG001 - must be installed first
    """A gateway that has run on its chain."""
    made = Site(tmp_path)
    await asyncio.to_thread(made.up)
    try:
        await made.deploy()
        create_passphrase(made.settings())
        async with open_gateway(made.settings()) as context:
            await context.check_ready()
        assert await made.rows()
        yield made
    finally:
        await asyncio.to_thread(node.down, made.chain)


async def refused(site: Site, message: str) -> None:
    """Checks that neither a gateway nor a rebuild starts, and that the rows stay as they are."""
    before = await site.rows()
    for _ in range(2):
        with pytest.raises(ForeignChainError, match=message):
            async with open_gateway(site.settings()):
                pass
    with pytest.raises(ForeignChainError, match=message):
        await rebuild(site.settings(), replace=True)
    assert await site.rows() == before


async def test_start_with_a_manifest_of_another_chain_is_refused(site: Site) -> None:
    path = site.settings().manifest_path
    own = Manifest.read(path)
    others = {
        "chain id does not match": replace(own.identity, chain_id=7),
        "genesis hash does not match": replace(own.identity, genesis_hash=word(1)),
        "code of AccessLedger does not match": replace(
            own.identity,
            contracts=tuple(
                (n, own.address("Records") if n == "AccessLedger" else a) for n, a in own.identity.contracts
            ),
        ),
    }
    for message, identity in others.items():
        replace(own, identity=identity).write(path)
        await refused(site, message)
    own.write(path)
    async with open_gateway(site.settings()) as context:
        await context.check_ready()


async def test_start_on_another_deployment_of_the_same_chain_is_refused(site: Site) -> None:
    """Node and manifest fit each other; the rows in the database are of the deployment before."""
    await site.deploy()
    await refused(site, "deployment of the database does not match")


async def test_start_on_a_chain_that_was_reset_is_refused_and_told_by_the_command(site: Site) -> None:
    await asyncio.to_thread(lambda: node.reset(site.chain, confirm=True))
    await asyncio.to_thread(site.up)
    await refused(site, "genesis hash does not match")
    settings = site.settings()
    environment = {"CONSENTRY_STATE_DIR": str(settings.state_dir), "CONSENTRY_NODE_URL": settings.node_url}
    result = await asyncio.to_thread(CliRunner().invoke, app, ["doctor"], env=environment)
    assert isinstance(result.exception, ForeignChainError) or "genesis hash does not match" in result.output
    assert result.exit_code != 0


async def test_doctor_tells_of_each_lane_and_makes_no_key(site: Site) -> None:
    settings = site.settings()
    folder = settings.relay_key.parent
    drawn = AccountKey(load_or_create_key(folder / "relay-2"))
    before = sorted(path.name for path in folder.iterdir())
    environment = {"CONSENTRY_STATE_DIR": str(settings.state_dir), "CONSENTRY_NODE_URL": settings.node_url}
    command = ["doctor", "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, command, env={**environment, "CONSENTRY_LANES": "3"})
    first = AccountKey(load_or_create_key(settings.relay_key))
    told = {"0x" + first.address.hex(): "admitted", "0x" + drawn.address.hex(): "not admitted", "relay-3": "no key yet"}
    assert json.loads(result.output)["relays"] == told
    assert sorted(path.name for path in folder.iterdir()) == before


async def test_start_on_a_reset_chain_with_a_new_deployment_is_refused_by_the_rows(site: Site) -> None:
    """The manifest is the new chain's: only the database still knows the old one."""
    await asyncio.to_thread(lambda: node.reset(site.chain, confirm=True))
    await asyncio.to_thread(site.up)
    await site.deploy()
    await refused(site, "genesis hash of the database does not match")


async def test_chain_that_is_taken_from_under_a_gateway_is_noticed_and_comes_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = site.folder / "aside"
    turns: list[str] = []
    follow_for_real = Follower.catch_up

    async def catch_up(follower: Follower) -> BlockReference:
        try:
            reached = await follow_for_real(follower)
        except ConsentryError as error:
            turns.append(error.code)
            raise
        turns.append("followed")
        return reached

    monkeypatch.setattr(Follower, "catch_up", catch_up)
    async with open_gateway(site.settings()) as context:
        before = await site.rows()
        await asyncio.to_thread(node.down, site.chain)
        await asyncio.to_thread(shutil.move, site.chain, aside)
        await asyncio.to_thread(site.up)
        with pytest.raises(ForeignChainError, match="genesis hash"):
            await context.check_ready()
        with pytest.raises(ForeignChainError):
            await context.ledger.record_status(RecordId(word(1)))
        # The follower has met the stranger more than once: nothing was undone for its sake.
        await until(lambda: turns.count(ForeignChainError.code) > 1)
        assert await site.rows() == before
        await asyncio.to_thread(node.down, site.chain)
        await asyncio.to_thread(shutil.rmtree, site.chain)
        await asyncio.to_thread(shutil.move, aside, site.chain)
        await asyncio.to_thread(site.up)
        earlier = len(turns)
        await until(lambda: "followed" in turns[earlier:])
        await context.check_ready()
        assert await site.rows() == before


async def test_gateway_carries_on_with_a_chain_from_a_backup(site: Site) -> None:
    before = await site.rows()
    moved = site.folder / "moved"
    await asyncio.to_thread(node.backup, site.chain, site.folder / "chain.backup")
    await asyncio.to_thread(node.down, site.chain)
    await asyncio.to_thread(shutil.move, site.chain, moved)
    await asyncio.to_thread(node.restore, site.chain, site.folder / "chain.backup")
    await asyncio.to_thread(site.up)
    async with open_gateway(site.settings()) as context:
        await context.check_ready()
    assert await site.rows() == before
    found = await rebuild(site.settings(), replace=False)
    assert (found.differing, found.rows) == (0, len(before))
