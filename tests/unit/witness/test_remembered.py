"""Whoever runs the store decides nothing: only heads that were put from here count, also after a crash at any step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.core.log_tiles import LEVELS, TileWriter
from consentry.core.terms import Address
from consentry.errors import ConfigurationError, ConsentryError, TilesUnavailableError, VerificationError
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.embedded.durable import write_synced
from consentry.witness import remembered
from consentry.witness.keeper import LogKeeper
from consentry.witness.national import NationalWitness
from consentry.witness.remembered import RememberedTiles
from consentry.witness.tiles import Head, TileStore
from tests.support.header_chain import HeaderChain
from tests.support.log_people import NOW
from tests.unit.witness.kept import exhibits_in, expected_root, follow, shown, witness_in
from tests.unit.witness.test_national import KEY, LEDGER, NATION

BLOCKS = 300
"""So many that tiles are full on the lowest level."""


class Memory:
    """A store whose runner does with it as he likes."""

    def __init__(self) -> None:
        self.place = "s3://bucket/log"
        self.kept: bytes | None = None
        self.tiles: dict[str, bytes] = {}
        self.at_put: Callable[[bytes], bytes] = lambda content: content
        """What the store makes of a head that is put."""

    def head(self) -> bytes | None:
        return self.kept

    def put_head(self, content: bytes) -> None:
        self.kept = self.at_put(content)

    def drop_head(self) -> None:
        self.kept = None

    def tile(self, path: str) -> bytes | None:
        return self.tiles.get(path)

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        found = self.tiles.get(path)
        if found is not None and found != content and not replace:
            raise ConfigurationError(f"{path} does not match")
        self.tiles[path] = content

    def read(self) -> Head:
        assert self.kept is not None
        return Head.from_json(self.kept)


@pytest.fixture(scope="module")
def chain() -> HeaderChain:
    return HeaderChain().grow(BLOCKS)


def keeper_of(store: TileStore, folder: Path, chain: HeaderChain) -> LogKeeper:
    file = folder / "state" / "tree-head"
    return LogKeeper(RememberedTiles(store, file), chain.log, "ethereum", exhibits_in(folder))


def made_up(content: bytes, leaf: bytes = bytes(32)) -> bytes:
    """Gives a head that fits together, with one leaf more than the true one and the true header of its last block."""
    head = Head.from_json(content)
    writer = TileWriter.resume(head.size, lambda tile: head.edge[tile.level])
    writer.append(leaf)
    edge = [b""] * LEVELS
    for tile, hashes in writer.partial():
        edge[tile.level] = hashes
    return replace(head, size=writer.size, root=writer.root(), edge=tuple(edge)).to_json()


def test_made_up_head_is_not_taken_up_at_the_start(tmp_path: Path, chain: HeaderChain) -> None:
    store, before = Memory(), HeaderChain(chain.blocks[:250])
    follow(keeper_of(store, tmp_path, before), before)
    true = store.kept
    assert true is not None
    for lie in (made_up(true), replace(store.read(), size=0).to_json(), None):
        store.kept = lie
        with pytest.raises(ConfigurationError, match=r"another than .*tree-head remembers"):
            keeper_of(store, tmp_path, chain)
    store.kept = true
    again = keeper_of(store, tmp_path, chain)
    follow(again, chain)
    assert again.root == expected_root(chain)


def test_witness_cosigns_nothing_that_the_store_made_of_its_head(tmp_path: Path, chain: HeaderChain) -> None:
    store = Memory()
    keeper = keeper_of(store, tmp_path, chain)
    store.at_put = lambda content: made_up(content) if Head.from_json(content).size > 300 else content
    witness = witness_in(tmp_path, keeper)
    with pytest.raises(ConfigurationError, match="remembers"):
        follow(keeper, chain)
    # What it has is what it computed, and more it does not sign.
    assert keeper.root == expected_root(HeaderChain(chain.blocks[: keeper.block + 1]))
    with pytest.raises(ConsentryError):
        witness.add_checkpoint(shown(chain, 0, len(chain.leaves())))
    assert witness.last is None
    with pytest.raises(ConfigurationError, match="remembers"):
        follow(keeper, chain)


def test_national_witness_signs_no_tree_of_the_store(tmp_path: Path, chain: HeaderChain) -> None:
    store = Memory()
    follow(keeper_of(store, tmp_path, chain), chain)
    assert store.kept is not None
    store.kept = made_up(store.kept)
    lie = store.read()
    # Nothing is remembered: its folder is lost, and the tree is made anew.
    keeper = keeper_of(store, tmp_path / "anew", chain)
    with pytest.raises(ConfigurationError, match="other leaves"):
        follow(keeper, chain)
    witness = NationalWitness(tmp_path / "national" / "checkpoint", keeper, chain.log, KEY)
    proposed = NationalCheckpoint(5, NATION, witness.propose(LEDGER, NOW))
    forged = replace(proposed, checkpoint=replace(proposed.checkpoint, size=lie.size, root=lie.root))
    with pytest.raises(VerificationError):
        asyncio.run(witness.cosign(forged, chain, NOW))


def test_tree_is_made_anew_where_nothing_is_remembered(tmp_path: Path, chain: HeaderChain) -> None:
    store, before = Memory(), HeaderChain(chain.blocks[:250])
    follow(keeper_of(store, tmp_path, before), before)
    theirs = store.kept
    again = keeper_of(store, tmp_path / "lost", chain)
    assert (again.size, again.block) == (0, -1)
    # The head of whoever may still write stays until the new tree has come as far.
    follow(again, HeaderChain(chain.blocks[:200]))
    assert (again.block, store.kept) == (199, theirs)
    follow(again, chain)
    assert store.read().root == again.root == expected_root(chain)
    assert keeper_of(store, tmp_path / "lost", chain).root == expected_root(chain)


def test_store_with_other_leaves_is_left_as_it_was(tmp_path: Path, chain: HeaderChain) -> None:
    for lies in ("edge", "tile", "log"):
        store, before = Memory(), HeaderChain(chain.blocks[:250])
        follow(keeper_of(store, tmp_path / lies, before), before)
        assert store.kept is not None
        if lies == "tile":
            store.tiles["tile/0/000"] = bytes(8192)
        elif lies == "edge":
            store.kept = made_up(store.kept)
        else:
            other = replace(store.read().log, contracts=(Address(b"\1" * 20),))
            store.kept = replace(store.read(), log=other).to_json()
        left = store.kept
        with pytest.raises(ConfigurationError, match="does not match"):
            follow(keeper_of(store, tmp_path / lies / "lost", chain), chain)
        assert store.kept == left


@pytest.mark.parametrize("step", [*range(6), 30, 31, 32, 33, 34, 35])
def test_crash_at_any_step_of_a_put_leaves_a_tree_that_goes_on(
    tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Ends before or after the note, the put, and the second note, and looks what the next start finds."""
    store, left = Memory(), [step + 1]
    real = write_synced

    def counted(write: Callable[[], None]) -> None:
        left[0] -= 1
        if not left[0]:
            raise TilesUnavailableError("the process ends here")
        write()
        left[0] -= 1
        if not left[0]:
            raise TilesUnavailableError("the process ends here")

    put = store.put_head
    with monkeypatch.context() as patched:
        patched.setattr(remembered, "write_synced", lambda path, content: counted(lambda: real(path, content)))
        patched.setattr(store, "put_head", lambda content: counted(lambda: put(content)))
        with pytest.raises(TilesUnavailableError):
            follow(keeper_of(store, tmp_path, chain), chain)
    again = keeper_of(store, tmp_path, chain)
    assert again.root == expected_root(HeaderChain(chain.blocks[: again.block + 1]))
    puts, rest = divmod(step, 6)
    assert again.block == 16 * (puts + (rest >= 3)) - 1
    follow(again, chain)
    assert keeper_of(store, tmp_path, chain).root == expected_root(chain)


def test_tree_that_moved_to_another_place_begins_anew(tmp_path: Path, chain: HeaderChain) -> None:
    follow(keeper_of(Memory(), tmp_path, chain), chain)
    other = Memory()
    other.place = "s3://other/log"
    keeper = keeper_of(other, tmp_path, chain)
    assert keeper.size == 0
    follow(keeper, chain)
    assert other.read().root == expected_root(chain)


@pytest.mark.parametrize("content", [b"", b"s3://bucket/log\n", b"\xff\xfe", b"a\nb\nc\nd\n"])
def test_memory_that_cannot_be_read_stops_the_tree(tmp_path: Path, chain: HeaderChain, content: bytes) -> None:
    store = Memory()
    follow(keeper_of(store, tmp_path, chain), chain)
    (tmp_path / "state" / "tree-head").write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        keeper_of(store, tmp_path, chain)
