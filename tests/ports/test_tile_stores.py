"""Behaviour of the store of a log's tiles: a folder, and a bucket on a server with the API of S3."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consentry.cli.witness import kept_tree
from consentry.config import Settings
from consentry.core.chain import ChainIdentity
from consentry.core.log_tiles import Tile
from consentry.core.log_tree import EMPTY_ROOT
from consentry.errors import ConfigurationError, NotFoundError, TilesUnavailableError
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.vault.buckets import BucketContents
from consentry.wiring import tile_stores
from consentry.wiring.adapters import s3_access
from consentry.wiring.tile_stores import tile_store
from consentry.witness.exhibits import Exhibits
from consentry.witness.gateway_log import LogPlan, RebuiltLog
from consentry.witness.keeper import LogKeeper
from consentry.witness.tiles import TileStore
from tests.support.header_chain import CHAIN_ID, OURS, HeaderChain
from tests.support.s3_server import S3Server
from tests.unit.witness.kept import expected_root, follow

OpenStore = Callable[[], TileStore]
BLOCKS = 400
"""So many that two tiles of the lowest level are full, and the next level has one."""
FULL = b"\x07" * 8192
S3_SETTINGS = ("object_store_endpoint", "object_store_region", "object_store_keys_file")


@pytest.fixture(scope="module")
def chain() -> HeaderChain:
    return HeaderChain().grow(BLOCKS)


def settings_of(server: S3Server, folder: Path) -> Settings:
    """Gives settings that say how the buckets of a server are reached."""
    keys = folder / "keys"
    keys.write_text(f"{server.access.key_id}\n{server.access.secret}\n")
    keys.chmod(0o600)
    endpoint, region = server.access.endpoint, server.access.region
    return Settings(object_store_endpoint=endpoint, object_store_region=region, object_store_keys_file=keys)


@pytest.fixture(params=["folder", "s3"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Gives what opens the store of the test, each time as a process that has just started does."""
    if request.param == "folder":
        return lambda: tile_store("", tmp_path / "tree", Settings())
    server: S3Server = request.getfixturevalue("s3")
    url, settings = f"{server.make_bucket()}/of/a-log", settings_of(server, tmp_path)
    return lambda: tile_store(url, tmp_path / "tree", settings)


@pytest.fixture
def bucket(s3: S3Server, tmp_path: Path) -> OpenStore:
    """Gives what opens a store in a bucket."""
    url, settings = s3.make_bucket(), settings_of(s3, tmp_path)
    return lambda: tile_store(url, tmp_path / "tree", settings)


class FailingStore:
    """A store that fails at the n-th write, before it is done or after, and ever after."""

    def __init__(self, store: TileStore, writes: int, *, is_done: bool) -> None:
        self._store, self.left, self._is_done = store, writes, is_done
        self.place = store.place

    def _written(self, write: Callable[[], None]) -> None:
        self.left -= 1
        if self.left > 0 or (self.left == 0 and self._is_done):
            write()
        if self.left <= 0:
            raise TilesUnavailableError("store is away")

    def head(self) -> bytes | None:
        if self.left <= 0:
            raise TilesUnavailableError("store is away")
        return self._store.head()

    def put_head(self, content: bytes) -> None:
        self._written(lambda: self._store.put_head(content))

    def drop_head(self) -> None:
        self._written(self._store.drop_head)

    def tile(self, path: str) -> bytes | None:
        return self._store.tile(path)

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        self._written(lambda: self._store.put_tile(path, content, replace=replace))


def keeper_of(store: TileStore, chain: HeaderChain, folder: Path) -> LogKeeper:
    """Opens the tree in a store."""
    return LogKeeper(store, chain.log, "ethereum", Exhibits(folder / "evidence"))


def test_what_was_put_is_read_back_also_by_the_next_process(open_store: OpenStore) -> None:
    store = open_store()
    assert (store.head(), store.tile("tile/0/000")) == (None, None)
    store.put_tile("tile/0/000", FULL)
    store.put_tile("tile/0/x001/x234/067", FULL[::-1])
    store.put_head(b"one")
    store.put_head(b"two")
    for each in (store, open_store()):
        assert each.head() == b"two"
        assert each.tile("tile/0/000") == FULL
        assert each.tile("tile/0/x001/x234/067") == FULL[::-1]
        assert each.tile("tile/0/001") is None


def test_tile_that_is_there_stays_unless_it_is_to_be_replaced(open_store: OpenStore) -> None:
    open_store().put_tile("tile/0/000", bytes(8192))
    store = open_store()
    # A crash left it ahead of the head: the same one again is nothing.
    store.put_tile("tile/0/000", bytes(8192))
    with pytest.raises(ConfigurationError, match=r"tile/0/000 of the tree in .*\(another one is there"):
        store.put_tile("tile/0/000", FULL)
    for each in (store, open_store()):
        assert each.tile("tile/0/000") == bytes(8192)
    store.put_tile("tile/0/000", FULL, replace=True)
    for each in (store, open_store()):
        assert each.tile("tile/0/000") == FULL


def test_head_that_was_dropped_is_gone_and_tiles_stay(open_store: OpenStore) -> None:
    store = open_store()
    store.drop_head()
    store.put_tile("tile/0/000", FULL)
    store.put_head(b"one")
    store.drop_head()
    assert (store.head(), open_store().head(), store.tile("tile/0/000")) == (None, None, FULL)
    store.put_head(b"two")
    assert open_store().head() == b"two"


def test_tree_is_kept_and_taken_up_where_it_was(open_store: OpenStore, chain: HeaderChain, tmp_path: Path) -> None:
    first = HeaderChain(chain.blocks[:150])
    before = keeper_of(open_store(), first, tmp_path)
    assert (before.size, before.root) == (0, EMPTY_ROOT)
    follow(before, first)

    again = keeper_of(open_store(), chain, tmp_path)
    assert (again.size, again.root, again.block) == (before.size, expected_root(first), 149)
    follow(again, chain)

    last, leaves = keeper_of(open_store(), chain, tmp_path), chain.leaves()
    assert last.root == expected_root(chain)
    assert last.tile(Tile(0, 0)) == b"".join(leaves[:256])
    assert last.tile(Tile(0, 1, 7)) == b"".join(leaves[256:263])
    assert last.tile(Tile(0, 2, 3)) == b"".join(leaves[512:515])
    assert last.root_at(100) == expected_root(chain, 100)
    with pytest.raises(NotFoundError):
        last.tile(Tile(0, 3))


@pytest.mark.parametrize("who", ["same process", "next process"])
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("writes", [1, 2, *range(11, 16), *range(23, 28)])
def test_store_that_fails_at_a_write_leaves_a_tree_that_goes_on(
    open_store: OpenStore, chain: HeaderChain, tmp_path: Path, writes: int, who: str, *, is_done: bool
) -> None:
    """Fails before or after the n-th write, of heads and of full tiles, and looks what is found then."""
    store = FailingStore(open_store(), writes, is_done=is_done)
    keeper = keeper_of(store, chain, tmp_path)
    with pytest.raises(TilesUnavailableError):
        follow(keeper, chain)
    assert keeper.root == expected_root(HeaderChain(chain.blocks[: keeper.block + 1]))

    again = keeper_of(open_store(), chain, tmp_path)
    assert again.block - keeper.block in ({0, 16} if is_done else {0})
    assert again.root == expected_root(HeaderChain(chain.blocks[: again.block + 1]))
    # The store is back. What the same process had computed ahead, it computes again.
    store.left = 1000
    last = keeper if who == "same process" else again
    follow(last, chain)
    assert last.root == expected_root(chain)
    assert keeper_of(open_store(), chain, tmp_path).root == expected_root(chain)


def test_newest_tile_that_is_missing_or_changed_is_found_at_the_start(
    open_store: OpenStore, chain: HeaderChain, tmp_path: Path
) -> None:
    follow(keeper_of(open_store(), chain, tmp_path), chain)
    newest = "tile/0/001"
    content = open_store().tile(newest)
    assert content is not None

    for spoilt in (bytes([content[0] ^ 1]) + content[1:], content[:-1] + bytes([content[-1] ^ 1])):
        open_store().put_tile(newest, spoilt, replace=True)
        with pytest.raises(ConfigurationError, match=f"{newest} does not match"):
            keeper_of(open_store(), chain, tmp_path)
    open_store().put_tile(newest, content[:-1], replace=True)
    with pytest.raises(ConfigurationError, match=f"size of {newest} does not match"):
        keeper_of(open_store(), chain, tmp_path)
    open_store().put_tile(newest, content, replace=True)
    assert keeper_of(open_store(), chain, tmp_path).root == expected_root(chain)


def test_tree_whose_tiles_are_missing_is_found_at_the_start(
    open_store: OpenStore, chain: HeaderChain, tmp_path: Path
) -> None:
    store = open_store()
    keeper_of(store, chain, tmp_path)
    other = tile_store("", tmp_path / "other", Settings())
    follow(keeper_of(other, chain, tmp_path), chain)
    store.put_head(other.head() or b"")
    with pytest.raises(ConfigurationError, match=r"tile/0/001 of the tree in .* is missing"):
        keeper_of(open_store(), chain, tmp_path)


def test_older_tile_that_was_changed_leads_to_no_root(
    open_store: OpenStore, chain: HeaderChain, tmp_path: Path
) -> None:
    follow(keeper_of(open_store(), chain, tmp_path), chain)
    open_store().put_tile("tile/0/000", FULL, replace=True)
    with pytest.raises(ConfigurationError, match="tiles do not match"):
        keeper_of(open_store(), chain, tmp_path).root_at(100)


@pytest.fixture
def plan_of(tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch) -> Callable[[TileStore], LogPlan]:
    """Gives the plan of a gateway's log in a store; its node is the chain of the test."""
    contracts = tuple((f"Contract{number}", address) for number, address in enumerate(OURS))
    manifest = Manifest(ChainIdentity(CHAIN_ID, chain.blocks[0].hash, contracts, 0), ())
    key, profile = tmp_path / "keys" / "log", load_profile("embedded")

    @asynccontextmanager
    async def source(_plan: LogPlan) -> AsyncIterator[HeaderChain]:
        yield chain

    monkeypatch.setattr(LogPlan, "source", source)
    return lambda tiles: LogPlan(
        tmp_path / "log", tiles, "gateway.example.org/log", key, "", None, "http://node", profile, manifest
    )


@pytest.mark.parametrize("spoilt", [FULL, FULL[1:], bytes(8192)])
def test_rebuild_finds_a_changed_tile_and_replaces_the_tree(
    open_store: OpenStore, plan_of: Callable[[TileStore], LogPlan], chain: HeaderChain, spoilt: bytes
) -> None:
    def rebuilt(*, replace: bool = False) -> RebuiltLog:
        return asyncio.run(plan_of(open_store()).rebuild(replace=replace))

    follow(plan_of(open_store()).keeper(), chain)
    size = len(chain.leaves())
    assert rebuilt() == RebuiltLog(size, differs=False, replaced=False)
    open_store().put_tile("tile/0/000", spoilt, replace=True)
    assert rebuilt() == RebuiltLog(size, differs=True, replaced=False)
    assert rebuilt(replace=True) == RebuiltLog(size, differs=True, replaced=True)
    assert rebuilt() == RebuiltLog(size, differs=False, replaced=False)
    kept = plan_of(open_store()).keeper()
    assert (kept.size, kept.root) == (size, expected_root(chain))


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_rebuild_that_breaks_off_leaves_no_tree_or_the_whole_one(
    open_store: OpenStore, plan_of: Callable[[TileStore], LogPlan], chain: HeaderChain, writes: int
) -> None:
    follow(plan_of(open_store()).keeper(), chain)
    open_store().put_tile("tile/0/000", FULL, replace=True)
    plan = plan_of(FailingStore(open_store(), writes, is_done=True))
    with pytest.raises(TilesUnavailableError):
        asyncio.run(plan.rebuild(replace=True))

    again = plan_of(open_store()).keeper()
    assert again.size in {0, len(chain.leaves())}
    # Once more: it finds what is still spoilt, also with no head that reaches it.
    asyncio.run(plan_of(open_store()).rebuild(replace=True))
    again = plan_of(open_store()).keeper()
    follow(again, chain)
    assert again.root == expected_root(chain)
    assert again.tile(Tile(0, 0)) == b"".join(chain.leaves()[:256])


# What a bucket has besides.


def test_second_process_that_writes_a_bucket_is_told_and_the_tree_stays_whole(
    s3: S3Server, chain: HeaderChain, tmp_path: Path
) -> None:
    url, access = s3.make_bucket(), s3_access(settings_of(s3, tmp_path))

    def bucket() -> TileStore:
        return tile_stores.TileBucket(url, BucketContents(url, access))

    one, two = (keeper_of(bucket(), chain, tmp_path / name) for name in ("one", "two"))
    follow(one, HeaderChain(chain.blocks[:50]))
    with pytest.raises(ConfigurationError, match="is written by another process too"):
        follow(two, HeaderChain(chain.blocks[:20]))
    # It has taken up what the other wrote, and from there both may go on in turn.
    assert (two.block, two.root) == (49, one.root)
    follow(two, chain)
    with pytest.raises(ConfigurationError, match="is written by another process too"):
        follow(one, chain)
    assert one.root == two.root == keeper_of(bucket(), chain, tmp_path).root == expected_root(chain)


def test_process_without_a_memory_takes_nothing_from_one_that_writes_the_bucket(
    s3: S3Server, chain: HeaderChain, tmp_path: Path
) -> None:
    url, settings = s3.make_bucket(), settings_of(s3, tmp_path)

    def opened(name: str) -> LogKeeper:
        return keeper_of(tile_store(url, tmp_path / name / "tree", settings), chain, tmp_path)

    one = opened("one")
    follow(one, HeaderChain(chain.blocks[:300]))
    two = opened("two")
    follow(two, HeaderChain(chain.blocks[:200]))
    follow(one, HeaderChain(chain.blocks[:310]))
    with pytest.raises(ConfigurationError, match="is written by another process too"):
        follow(two, chain)
    follow(one, chain)
    assert one.root == expected_root(chain)


def test_tile_of_another_writer_stays_in_the_bucket(s3: S3Server, chain: HeaderChain, tmp_path: Path) -> None:
    url, settings = s3.make_bucket(), settings_of(s3, tmp_path)
    one, two = (tile_store(url, tmp_path / name / "tree", settings) for name in "ab")
    keeper = keeper_of(one, chain, tmp_path)
    follow(keeper, chain)
    with pytest.raises(ConfigurationError, match="another one is there, which stays"):
        two.put_tile("tile/0/000", FULL)
    assert two.tile("tile/0/000") == keeper.tile(Tile(0, 0))


def test_put_that_is_tried_again_after_it_was_done_is_no_conflict(bucket: OpenStore) -> None:
    store, other = bucket(), bucket()
    store.put_head(b"one")
    assert other.head() == b"one"
    other.put_head(b"two")
    # As if the answer had been lost: the head is there, and this object does not know it.
    store.put_head(b"two")
    store.put_head(b"three")
    assert bucket().head() == b"three"


def test_two_prefixes_of_a_bucket_are_two_trees(s3: S3Server, tmp_path: Path) -> None:
    name, settings = s3.make_bucket(), settings_of(s3, tmp_path)
    one, two = (tile_store(f"{name}/{prefix}", tmp_path / prefix, settings) for prefix in ("one", "two"))
    one.put_head(b"one")
    assert two.head() is None
    two.put_head(b"two")
    assert one.head() == b"one"


def test_memory_of_tiles_is_bounded(bucket: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_stores, "REMEMBERED_TILES", 2)
    store, other = bucket(), bucket()
    for number in range(3):
        store.put_tile(f"tile/0/00{number}", FULL)
        other.put_tile(f"tile/0/00{number}", FULL[1:], replace=True)
    sizes = [len(store.tile(f"tile/0/00{number}") or b"") for number in (2, 1, 0)]
    assert sizes == [8192, 8192, 8191]


def test_bucket_that_is_not_there_or_does_not_answer_is_unavailable(s3: S3Server, tmp_path: Path) -> None:
    settings = settings_of(s3, tmp_path)
    missing = tile_store(f"s3://never-made-{secrets.token_hex(4)}", tmp_path, settings)
    away = tile_store(
        "s3://bucket", tmp_path, settings.model_copy(update={"object_store_endpoint": "http://127.0.0.1:1"})
    )
    for store in (missing, away):
        with pytest.raises(TilesUnavailableError, match=r"tiles in s3://.* cannot be had") as raised:
            store.put_head(b"")
        assert raised.value.details == {"refused": store is missing}
        with pytest.raises(TilesUnavailableError, match=r"tiles in s3://.* cannot be had"):
            store.put_tile("tile/0/000", FULL)
    with pytest.raises(TilesUnavailableError):
        away.head()


@pytest.mark.parametrize("url", ["file:///tiles", "bucket", "https://host/bucket"])
def test_store_that_is_no_bucket_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="store of the tiles does not match"):
        tile_store(url, tmp_path, Settings())


def test_witness_keeps_its_tree_in_the_bucket_it_is_told(
    s3: S3Server, chain: HeaderChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings_of(s3, tmp_path).model_dump(include={*S3_SETTINGS}).items():
        monkeypatch.setenv(f"CONSENTRY_{name.upper()}", str(value))
    contracts = tuple((f"Contract{number}", address) for number, address in enumerate(OURS))
    manifest, url = tmp_path / "deployment.json", f"{s3.make_bucket()}/witness"
    Manifest(ChainIdentity(CHAIN_ID, chain.blocks[0].hash, contracts, 0), ()).write(manifest)

    with kept_tree(tmp_path / "state", manifest, "embedded", url) as kept:
        follow(kept.keeper, chain)
    with kept_tree(tmp_path / "state", manifest, "embedded", url) as kept:
        assert kept.keeper.root == expected_root(chain)
    with kept_tree(tmp_path / "lost-and-made-anew", manifest, "embedded", url) as kept:
        assert kept.keeper.size == 0
        follow(kept.keeper, chain)
        assert kept.keeper.root == expected_root(chain)
    assert not (tmp_path / "state" / "tree").exists()
