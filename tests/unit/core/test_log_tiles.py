"""Tiles: the paths and widths that C2SP ``tlog-tiles`` gives as examples, and trees of every shape read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core import log_tree
from consentry.core.log_tiles import Tile, TileWriter, nodes_in_tiles, partial_tiles, root_of_tile
from consentry.errors import InvalidInputError
from tests.unit.core.test_log_tree import audit_path, subproof, tree_hash

PATHS = {
    # c2sp.org/tlog-tiles, "Merkle Tree"
    "tile/0/x001/x234/067": Tile(0, 1234067),
    # github.com/transparency-dev/tessera, api/layout/paths_test.go
    "tile/0/x001/x234/067.p/89": Tile(0, 1234067, 89),
    "tile/63/x999/x999/x999/x999/x999/999.p/255": Tile(63, 999999999999999999, 255),
    "tile/15/x123/x456/789": Tile(15, 123456789),
    "tile/0/001": Tile(0, 1),
    "tile/0/000": Tile(0, 0),
    "tile/1/x001/000": Tile(1, 1000),
}


@pytest.mark.parametrize(("path", "tile"), PATHS.items())
def test_path_of_a_tile_is_that_of_the_standard(path: str, tile: Tile) -> None:
    assert tile.path == path
    assert Tile.from_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/x1/001",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/entries/000",
        "",
    ],
)
def test_path_in_another_form_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="does not match"):
        Tile.from_path(path)


@pytest.mark.parametrize(("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_tile_that_cannot_be_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(InvalidInputError, match="tile does not match"):
        Tile(level, index, width)


def test_partial_tiles_of_the_standards_examples() -> None:
    assert list(partial_tiles(70_000)) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(partial_tiles(256)) == [Tile(1, 0, 1)]
    assert list(partial_tiles(0)) == []


def _grown(size: int) -> tuple[TileWriter, dict[str, bytes]]:
    writer, store = TileWriter(), dict[str, bytes]()
    for number in range(size):
        full = writer.append(log_tree.leaf_hash(number.to_bytes(3, "big")))
        store.update({tile.path: content for tile, content in full})
    store.update({tile.path: content for tile, content in writer.partial()})
    return writer, store


def _entries(size: int) -> list[bytes]:
    return [number.to_bytes(3, "big") for number in range(size)]


def test_tiles_of_a_tree_of_70000_are_those_of_the_standard() -> None:
    writer, store = _grown(70_000)

    assert sum(path.startswith("tile/0/") and ".p/" not in path for path in store) == 273
    assert {path for path in store if not path.startswith("tile/0/") or ".p/" in path} == {
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert store["tile/2/000.p/1"] == tree_hash(_entries(65_536))
    assert store["tile/1/000"][:32] == tree_hash(_entries(256))
    assert writer.root() == tree_hash(_entries(70_000))


@settings(max_examples=25)
@given(st.sampled_from([1, 2, 255, 256, 257, 511, 512, 513, 700, 1025]), st.data())
def test_proofs_read_from_tiles_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    _, store = _grown(size)
    entries = _entries(size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    nodes = nodes_in_tiles(size, lambda tile: store[tile.path])

    assert log_tree.root_of(size, nodes) == tree_hash(entries)
    assert list(log_tree.inclusion_proof(index, size, nodes)) == audit_path(index, entries)
    assert list(log_tree.consistency_proof(old, size, nodes)) == subproof(old, entries, whole=True)


def test_proof_in_a_tree_of_three_levels_reads_few_tiles() -> None:
    size = 70_000
    writer, store = _grown(size)
    asked: list[str] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile.path)
        return store[tile.path]

    path = log_tree.inclusion_proof(69_999, size, nodes_in_tiles(size, read))

    log_tree.verify_inclusion(log_tree.leaf_hash((69_999).to_bytes(3, "big")), 69_999, size, path, writer.root())
    assert sorted(asked) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 513])
def test_writer_taken_up_from_tiles_goes_on_as_before(size: int) -> None:
    _, store = _grown(size)

    again = TileWriter.resume(size, lambda tile: store[tile.path])
    for number in range(size, 800):
        store.update(
            {tile.path: content for tile, content in again.append(log_tree.leaf_hash(number.to_bytes(3, "big")))}
        )

    whole, expected = _grown(800)
    assert again.root() == whole.root() == tree_hash(_entries(800))
    assert again.partial() == whole.partial()
    assert {path: store[path] for path in expected if ".p/" not in path} == {
        path: content for path, content in expected.items() if ".p/" not in path
    }


@pytest.mark.parametrize("content", [b"", b"\0" * 31, b"\0" * (32 * 44 + 1), b"\0" * (32 * 43), b"\0" * (32 * 45)])
def test_tile_of_another_width_than_the_size_demands_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"size of tile/0/001\.p/44 does not match"):
        TileWriter.resume(300, lambda tile: content if tile.level == 0 else b"\0" * 32)


def test_root_of_a_full_tile_is_the_hash_that_the_level_above_has() -> None:
    _, store = _grown(700)
    above = store["tile/1/000.p/2"]
    for index in (0, 1):
        tile = Tile(0, index)
        root = root_of_tile(tile, store[tile.path])
        assert root == above[32 * index :][:32] == tree_hash(_entries(700)[256 * index :][:256])
    with pytest.raises(InvalidInputError, match="size of tile/0/000 does not match"):
        root_of_tile(Tile(0, 0), store["tile/0/000"][32:])


def test_changed_tile_leads_to_another_root() -> None:
    _, store = _grown(300)
    changed = {path: bytes([content[0] ^ 1]) + content[1:] for path, content in store.items()}
    for path in store:
        mixed = {**store, path: changed[path]}
        root = log_tree.root_of(300, nodes_in_tiles(300, lambda tile: mixed[tile.path]))  # noqa: B023 - used at once
        # The full tile of leaves stands in the tree by the hash above it.
        assert (root != tree_hash(_entries(300))) == (path != "tile/0/000")
