"""The tree that follows a node: what goes in, what comes out, and that it never goes back."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.core.log_tiles import LEVELS, WIDTH, Tile, TileWriter
from consentry.core.log_tree import EMPTY_ROOT, verify_consistency, verify_inclusion
from consentry.core.terms import Address
from consentry.errors import (
    ConfigurationError,
    InvalidInputError,
    LedgerUnavailableError,
    NotFoundError,
    VerificationError,
)
from consentry.evidence.block_conflict import verify_block_conflict
from consentry.ledger.embedded import durable
from consentry.witness import tiles
from consentry.witness.keeper import BLOCK_CONFLICT, LogKeeper
from tests.support.header_chain import CHAIN_ID, OURS, HeaderChain, receipt_of
from tests.unit.witness.kept import exhibits_in, expected_root, follow, followed, keeper_in

BLOCKS = 400
"""So many that a tile of the lowest level is full, and the next level has one."""


@pytest.fixture(scope="module")
def chain() -> HeaderChain:
    return HeaderChain().grow(BLOCKS)


@pytest.fixture(scope="module")
def kept(chain: HeaderChain, tmp_path_factory: pytest.TempPathFactory) -> LogKeeper:
    return followed(tmp_path_factory.mktemp("kept"), chain)


def test_tree_has_every_log_of_ours_and_no_other(chain: HeaderChain, kept: LogKeeper) -> None:
    assert kept.size == len(chain.leaves()) > 512
    assert kept.root == expected_root(chain)
    assert kept.block == BLOCKS


def test_empty_tree_of_a_chain_without_logs(tmp_path: Path) -> None:
    keeper = followed(tmp_path, HeaderChain().grow(1))

    assert (keeper.size, keeper.root, keeper.block) == (1, keeper.root_at(1), 1)
    assert keeper.root_at(0) == EMPTY_ROOT


def test_roots_and_proofs_of_every_size_hold(chain: HeaderChain, kept: LogKeeper) -> None:
    leaves = chain.leaves()
    for size in (1, 2, 3, 255, 256, 257, 511, 512, 513, kept.size):
        root = kept.root_at(size)
        assert root == expected_root(chain, size)
        verify_consistency(size, kept.size, kept.consistency(size, kept.size), root, kept.root)
        for index in {0, size // 2, size - 1}:
            verify_inclusion(leaves[index], index, size, kept.inclusion(index, size), root)


def test_what_the_tree_has_not_is_refused(kept: LogKeeper) -> None:
    for ask, said in (
        (lambda: kept.root_at(kept.size + 1), f"sizes do not match (got {kept.size + 1} and {kept.size}, "),
        (lambda: kept.inclusion(0, kept.size + 1), f"size does not match (got {kept.size + 1}, "),
        (lambda: kept.inclusion(kept.size, kept.size), f"leaf index does not match (got {kept.size}, "),
        (lambda: kept.consistency(1, kept.size + 1), f"size does not match (got {kept.size + 1}, "),
    ):
        with pytest.raises(InvalidInputError, match=re.escape(said)):
            ask()


def test_tiles_are_those_of_the_leaves(chain: HeaderChain, kept: LogKeeper) -> None:
    leaves = chain.leaves()
    assert kept.tile(Tile(0, 0)) == b"".join(leaves[:256])
    assert kept.tile(Tile(0, 1, 7)) == b"".join(leaves[256:263])
    assert kept.tile(Tile(0, 2, kept.size - 512)) == b"".join(leaves[512:])
    assert kept.tile(Tile(0, 2, 3)) == b"".join(leaves[512:515])
    assert len(kept.tile(Tile(1, 0, 2))) == 64
    for tile in (Tile(0, 2, kept.size - 511), Tile(0, 3, 1), Tile(1, 0, 3), Tile(2, 0, 1), Tile(40, 0, 1)):
        with pytest.raises(NotFoundError):
            kept.tile(tile)


def test_tree_is_taken_up_where_it_was(chain: HeaderChain, tmp_path: Path) -> None:
    first = HeaderChain(chain.blocks[:150])
    before = followed(tmp_path, first)
    again = keeper_in(tmp_path, chain)
    assert (again.size, again.root, again.block) == (before.size, before.root, 149)

    chain.asked = 0
    follow(again, chain)
    # From the last block on, which is looked at twice: not from genesis.
    assert chain.asked == BLOCKS - 149 + 1
    assert again.root == expected_root(chain)


@pytest.mark.parametrize("step", [*range(4), *range(20, 30), *range(44, 54)])
def test_crash_at_any_write_leaves_a_tree_that_goes_on(
    chain: HeaderChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Ends at the n-th file that is written, before or after its name is there, and looks what the next start finds."""
    real, left = durable.write_synced, [step // 2 + 1]

    def failing(path: Path, content: bytes) -> None:
        left[0] -= 1
        if not left[0] and step % 2:
            path.with_name(path.name + ".draft").write_bytes(content[: len(content) // 2])
            raise OSError(28, "No space left on device", str(path))
        real(path, content)
        if not left[0]:
            raise OSError(5, "Input/output error", str(path))

    keeper = keeper_in(tmp_path, chain)
    with monkeypatch.context() as patched:
        patched.setattr(tiles, "write_synced", failing)
        with pytest.raises(ConfigurationError, match="writing the tree does not work"):
            follow(keeper, chain)
    again = keeper_in(tmp_path, chain)
    assert (again.size, again.root, again.block) == (keeper.size, keeper.root, keeper.block)
    assert again.root == expected_root(HeaderChain(chain.blocks[: again.block + 1]))

    follow(again, chain)
    assert again.root == expected_root(chain)


def test_node_that_is_away_or_behind_changes_nothing(chain: HeaderChain, tmp_path: Path) -> None:
    node = HeaderChain(list(chain.blocks[:50]))
    keeper = followed(tmp_path, node)
    root = keeper.root
    node.away = True
    with pytest.raises(LedgerUnavailableError):
        follow(keeper, node)
    assert follow(keeper, HeaderChain(chain.blocks[:20])) == 0
    assert (keeper.root, keeper.block, keeper.trouble) == (root, 49, None)


def trouble_of(keeper: LogKeeper) -> str | None:
    """Looks anew: a type checker believes that nothing changes between two looks at one attribute."""
    return keeper.trouble


def test_tree_is_not_borne_out_before_the_node_was_looked_at(tmp_path: Path) -> None:
    node = HeaderChain().grow(30)
    followed(tmp_path, node)
    again = keeper_in(tmp_path, node)
    assert trouble_of(again) == "node was not looked at yet"
    # A node that is away, or has not come as far, says nothing about the last block of the tree.
    node.away = True
    with pytest.raises(LedgerUnavailableError):
        follow(again, node)
    assert trouble_of(again) == "node was not looked at yet"
    follow(again, HeaderChain(node.blocks[:20]))
    assert trouble_of(again) == "node was not looked at yet"
    node.away = False
    follow(again, node)
    assert trouble_of(again) is None


def test_node_that_contradicts_the_tree_is_not_believed_again_for_being_short(tmp_path: Path) -> None:
    node = HeaderChain().grow(30)
    keeper = followed(tmp_path, node)
    other = node.fork(10).grow(30, "two")
    with pytest.raises(VerificationError):
        follow(keeper, other)
    follow(keeper, HeaderChain(other.blocks[:25]))
    assert trouble_of(keeper) is not None
    follow(keeper, node)
    assert trouble_of(keeper) is None


@pytest.mark.parametrize("height", [0, 10, 29])
def test_rewritten_block_is_refused_and_kept(tmp_path: Path, height: int) -> None:
    node = HeaderChain().grow(30)
    keeper = followed(tmp_path, node)
    root, other = keeper.root, node.fork(height).grow(40, "two")

    with pytest.raises(VerificationError, match="hash of block 30 does not match") as raised:
        follow(keeper, other)

    assert (keeper.root, keeper.block) == (root, 30)
    assert trouble_of(keeper) == str(raised.value)
    exhibits = exhibits_in(tmp_path)
    (name,) = exhibits.names(BLOCK_CONFLICT)
    dispute = verify_block_conflict(exhibits.read(name))
    assert (dispute.number, dispute.first, dispute.second) == (30, node.blocks[30].hash, other.blocks[30].hash)
    # The node is back on its first history: the tree goes on, the evidence stays.
    follow(keeper, node.grow(5))
    assert trouble_of(keeper) is None
    assert keeper.root == expected_root(node)
    assert exhibits.names() == [name]


def test_other_block_at_the_height_of_the_tree_is_refused(tmp_path: Path) -> None:
    node = HeaderChain().grow(30)
    keeper = followed(tmp_path, node)
    with pytest.raises(VerificationError, match="hash of block 30 does not match"):
        follow(keeper, node.fork(29).grow(1, "two"))
    assert len(exhibits_in(tmp_path).names(BLOCK_CONFLICT)) == 1


def test_node_that_goes_to_and_fro_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.witness.keeper.MOST_CONFLICTS", 3)
    node = HeaderChain().grow(30)
    keeper = followed(tmp_path, node)
    others = [node.fork(29).grow(1, f"other {number}") for number in range(6)]
    for other in (*others, *others):
        with pytest.raises(VerificationError, match="hash of block 30 does not match"):
            follow(keeper, other)
        assert trouble_of(keeper) is not None
        follow(keeper, node)
        keeper = keeper_in(tmp_path, node)
        follow(keeper, node)
    exhibits = exhibits_in(tmp_path)
    found = {verify_block_conflict(exhibits.read(name)).second for name in exhibits.names(BLOCK_CONFLICT)}
    # The first ones stay: no later one takes their place.
    assert found == {other.blocks[30].hash for other in others[:3]}
    assert len(exhibits.names()) == len(found)


def test_block_that_does_not_follow_its_parent_is_refused_with_its_neighbours(tmp_path: Path) -> None:
    node = HeaderChain().grow(3)
    keeper = followed(tmp_path, node)
    node.seal("a")
    node.blocks.append(node.fork(1).grow(4, "two").blocks[5])

    with pytest.raises(VerificationError, match="parent of block 5 does not match"):
        follow(keeper, node)

    assert (keeper.block, keeper.root) == (3, expected_root(HeaderChain(node.blocks[:4])))


def test_foreign_genesis_is_refused(chain: HeaderChain, tmp_path: Path) -> None:
    keeper = LogKeeper(
        tiles.TileFolder(tmp_path / "tree"),
        replace(chain.log, genesis_hash=bytes(32)),
        "ethereum",
        exhibits_in(tmp_path),
    )
    with pytest.raises(VerificationError, match="hash of block 0 does not match"):
        follow(keeper, chain)
    assert keeper.block == -1


@pytest.mark.parametrize("lie", ["drop", "add", "reorder", "change"])
def test_logs_that_are_not_those_of_the_block_are_refused(tmp_path: Path, lie: str) -> None:
    node = HeaderChain().grow(2)
    node.seal("a", "b", "c")
    block = node.blocks[-1]
    first, second, *rest = block.receipts
    told = {
        "drop": (first, *rest),
        "add": (first, second, *rest, first),
        "reorder": (second, first, *rest),
        "change": (receipt_of([(OURS[0], (), b"other")]), second, *rest),
    }[lie]
    node.blocks[-1] = replace(block, receipts=told)
    keeper = keeper_in(tmp_path, node)

    with pytest.raises(VerificationError, match="receipts of block 3 do not match"):
        follow(keeper, node)
    assert keeper.size == 0


def test_header_of_another_block_is_refused(tmp_path: Path) -> None:
    node = HeaderChain().grow(5)
    node.blocks[3] = node.blocks[4]
    keeper = keeper_in(tmp_path, node)
    with pytest.raises(VerificationError, match=r"number of a block does not match \(got 4, expected 3\)"):
        follow(keeper, node)
    assert keeper.trouble is not None


def test_tree_of_another_log_is_not_taken_up(chain: HeaderChain, tmp_path: Path) -> None:
    followed(tmp_path, HeaderChain(chain.blocks[:9]))
    for log in (
        replace(chain.log, chain_id=CHAIN_ID + 1),
        replace(chain.log, genesis_hash=bytes(32)),
        replace(chain.log, contracts=(Address(b"\x01" * 20),)),
    ):
        with pytest.raises(ConfigurationError, match="log of the tree does not match"):
            LogKeeper(tiles.TileFolder(tmp_path / "tree"), log, "ethereum", exhibits_in(tmp_path))


def test_changed_head_is_not_taken_up(chain: HeaderChain, tmp_path: Path) -> None:
    followed(tmp_path, HeaderChain(chain.blocks[:9]))
    file = tmp_path / "tree" / "head.json"
    head = tiles.Head.from_json(file.read_bytes())
    edge = (bytes([head.edge[0][0] ^ 1]) + head.edge[0][1:], *head.edge[1:])
    for changes in ({"root": bytes(32)}, {"edge": edge}, {"size": head.size - 1}, {"header": b""}):
        changed = replace(head, **changes)
        file.write_bytes(changed.to_json())
        with pytest.raises(ConfigurationError):
            keeper_in(tmp_path, chain)
    file.write_bytes(head.to_json() + b"\n")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        keeper_in(tmp_path, chain)


def test_changed_tile_leads_to_no_root(chain: HeaderChain, tmp_path: Path) -> None:
    keeper = followed(tmp_path, chain)
    file = tmp_path / "tree" / "tile" / "0" / "000"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ConfigurationError, match="tiles do not match"):
        keeper.root_at(100)
    file.write_bytes(content[:-1])
    with pytest.raises(ConfigurationError, match="size of tile/0/000 does not match"):
        keeper.root_at(100)


def test_every_leaf_is_found_in_its_place_and_no_other(tmp_path: Path) -> None:
    chain = HeaderChain().grow(400)
    keeper, leaves = followed(tmp_path, chain), chain.leaves()
    assert keeper.size > 2 * WIDTH

    assert [keeper.find(leaf) for leaf in leaves] == [*range(len(leaves))]
    assert keeper.find(bytes(32)) is None
    assert keeper.find(leaves[0][1:] + leaves[1][:1]) is None


@pytest.mark.parametrize("size", [WIDTH**2, WIDTH**2 + 3, WIDTH**2 + WIDTH])
def test_newest_full_tile_of_each_level_is_proved_at_the_start(tmp_path: Path, size: int) -> None:
    chain, store = HeaderChain().grow(1), tiles.TileFolder(tmp_path / "tree")
    writer, full = TileWriter(), dict[str, bytes]()
    for number in range(size):
        full |= {tile.path: content for tile, content in writer.append(number.to_bytes(32, "big"))}
    edge = [b""] * LEVELS
    for tile, content in writer.partial():
        edge[tile.level] = content
    for path, content in full.items():
        store.put_tile(path, content)
    store.put_head(tiles.Head(chain.log, size, writer.root(), chain.blocks[-1].header, tuple(edge)).to_json())
    assert keeper_in(tmp_path, chain).root == writer.root()

    newest = size // WIDTH - 1
    for path in ("tile/1/000", f"tile/0/{newest:03}"):
        store.put_tile(path, full[path][1:] + b"\1", replace=True)
        with pytest.raises(ConfigurationError, match=r"tile/[01]/\d+ does not match"):
            keeper_in(tmp_path, chain)
        store.put_tile(path, full[path], replace=True)
    # One that is older is found where something is proved from it.
    store.put_tile("tile/0/000", full["tile/0/000"][::-1], replace=True)
    with pytest.raises(ConfigurationError, match="tiles do not match"):
        keeper_in(tmp_path, chain).root_at(100)
