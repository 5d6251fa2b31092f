"""The log of a gateway made anew from the chain: equal tile for tile, or replaced, and never under a running one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.core.chain import ChainIdentity
from consentry.errors import ConfigurationError
from consentry.evidence.log_root import LogRoot
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.witness.gateway_log import LogPlan, RebuiltLog, read_log_root
from consentry.witness.remembered import RememberedTiles
from consentry.witness.tiles import TileFolder
from tests.support.header_chain import CHAIN_ID, OURS, HeaderChain
from tests.support.log_people import ROOT, ROOT_HOLDERS
from tests.unit.witness.kept import expected_root, follow
from tests.unit.witness.test_remembered import Memory, made_up


@pytest.fixture(scope="module")
def chain() -> HeaderChain:
    chain = HeaderChain()
    for number in range(100):
        chain.seal(*(f"{number} {place}" for place in range(3)))
    return chain


@pytest.fixture
def plan(tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch) -> LogPlan:
    """A log beside a gateway whose node is the chain of the test."""
    contracts = tuple((f"Contract{number}", address) for number, address in enumerate(OURS))
    manifest = Manifest(ChainIdentity(CHAIN_ID, chain.blocks[0].hash, contracts, 0), ())
    profile = load_profile("embedded")

    @asynccontextmanager
    async def source(_plan: LogPlan) -> AsyncIterator[HeaderChain]:
        yield chain

    monkeypatch.setattr(LogPlan, "source", source)
    key = tmp_path / "keys" / "log"
    folder = tmp_path / "log"
    tiles = TileFolder(folder / "tree")
    return LogPlan(folder, tiles, "gateway.example.org/log", key, "", None, "http://node", profile, manifest)


def rebuilt(plan: LogPlan, *, replace: bool = False) -> RebuiltLog:
    return asyncio.run(plan.rebuild(replace=replace))


def test_rebuild_of_an_equal_log_finds_it_equal(plan: LogPlan, chain: HeaderChain) -> None:
    follow(plan.keeper(), chain)
    assert rebuilt(plan) == RebuiltLog(300, differs=False, replaced=False)
    assert not list(plan.folder.glob("rebuild-*"))


def test_rebuild_of_a_log_that_is_behind_finds_it_equal_as_far_as_it_goes(plan: LogPlan, chain: HeaderChain) -> None:
    follow(plan.keeper(), HeaderChain(chain.blocks[:90]))
    assert rebuilt(plan) == RebuiltLog(300, differs=False, replaced=False)


@pytest.mark.parametrize("place", [0, 255 * 32 + 31])
def test_rebuild_finds_one_changed_byte_of_a_tile_and_replaces_the_tree(plan: LogPlan, place: int) -> None:
    assert rebuilt(plan, replace=True).size == 300
    asyncio.run(_caught_up(plan))
    tile = plan.folder / "tree" / "tile" / "0" / "000"
    content = bytearray(tile.read_bytes())
    content[place] ^= 1
    with plan.opened():
        tile.write_bytes(content)
        assert rebuilt(plan) == RebuiltLog(300, differs=True, replaced=False)
        with pytest.raises(ConfigurationError, match="used by process"):
            rebuilt(plan, replace=True)
    with pytest.raises(ConfigurationError, match="tile/0/000 does not match"), plan.opened():
        pass
    assert rebuilt(plan, replace=True) == RebuiltLog(300, differs=True, replaced=True)
    assert rebuilt(plan) == RebuiltLog(300, differs=False, replaced=False)


def test_rebuild_replaces_a_head_that_was_made_up_while_nothing_is_remembered(
    plan: LogPlan, chain: HeaderChain, tmp_path: Path
) -> None:
    store, file = Memory(), tmp_path / "log" / "tree-head"

    def opened() -> LogPlan:
        return replace(plan, tiles=RememberedTiles(store, file))

    follow(opened().keeper(), chain)
    assert store.kept is not None
    store.kept = made_up(store.kept)
    for _ in ("another is remembered", "nothing is remembered"):
        assert asyncio.run(opened().rebuild(replace=False)).differs
        file.unlink(missing_ok=True)
    assert asyncio.run(opened().rebuild(replace=True)) == RebuiltLog(300, differs=True, replaced=True)
    assert asyncio.run(opened().rebuild(replace=False)) == RebuiltLog(300, differs=False, replaced=False)
    assert opened().keeper().root == expected_root(chain)


async def _caught_up(plan: LogPlan) -> None:
    with plan.opened() as log:
        await log.follow(plan.source)


def test_log_is_kept_by_one_process_alone(plan: LogPlan) -> None:
    with plan.opened() as log:
        assert str(log.key).startswith("gateway.example.org/log+")
        with pytest.raises(ConfigurationError, match="used by process"), plan.opened():
            pass


def test_log_root_that_does_not_name_the_key_of_the_log_is_refused(plan: LogPlan, tmp_path: Path) -> None:
    file = tmp_path / "root.json"
    file.write_bytes(signed().to_json())
    with pytest.raises(ConfigurationError, match="it names no key"), replace(plan, root=file).opened():
        pass


def test_log_root_must_be_signed_by_its_own_keys(tmp_path: Path) -> None:
    file = tmp_path / "root.json"
    file.write_bytes(signed().to_json())
    assert read_log_root(file) == signed()
    file.write_bytes(ROOT.to_json())
    with pytest.raises(ConfigurationError, match="number of signatures"):
        read_log_root(file)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        read_log_root(tmp_path / "none.json")


def signed() -> LogRoot:
    return ROOT.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])
