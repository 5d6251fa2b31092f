"""Tables as files: what is written is what is read, each part whole or not there, codes by their names."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from consentry.audit.parts import PartWriter, part_path, schema_of
from consentry.audit.tables import CONSENTS, DECISIONS, FINDINGS, REJECTIONS, TABLES, Table, Type
from consentry.core.codes import Reason
from consentry.errors import InvalidInputError

ROOT = Path(__file__).parents[3]
EXAMPLES: dict[Type, Any] = {
    Type.HASH: bytes(31) + b"\1",
    Type.ACCOUNT: bytes(19) + b"\2",
    Type.BYTES: b"\3",
    Type.WHOLE: 4,
    Type.SMALL: 5,
    Type.CODE: 1,
    Type.FLAG: True,
    Type.TEXT: "text",
    Type.WORD: "word",
    Type.WORDS: ["one", "two"],
}


def row(table: Table, **changed: object) -> dict[str, object]:
    return {c.name: EXAMPLES[c.kind] for c in table.columns if not c.source} | changed


def read(folder: Path, table: Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / table.name).to_pylist()
    return rows


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_row_of_every_table_reads_back(tmp_path: Path, table: Table) -> None:
    writer = PartWriter(tmp_path)
    writer.add_rows(table, [row(table)])
    writer.flush()

    [found] = read(tmp_path, table)
    assert {name: found[name] for name in row(table)} == row(table)
    assert pq.read_schema(part_path(tmp_path, table.name, 0)).names == schema_of(table).names


def test_codes_have_their_names_and_unknown_ones_say_so(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path)
    codes = [Reason.REQUEST_REPLAYED, 77, Reason.NONE]
    writer.add_rows(REJECTIONS, [row(REJECTIONS, reason_code=int(code), expected_code=None) for code in codes])
    writer.flush()

    found = read(tmp_path, REJECTIONS)
    assert [each["reason"] for each in found] == ["REQUEST_REPLAYED", "unknown code 77", "NONE"]
    assert [each["expected"] for each in found] == [None, None, None]


def test_masks_have_the_names_of_their_members(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path)
    writer.add_rows(CONSENTS, [row(CONSENTS, purposes_mask=1 << 1 | 1 << 9), row(CONSENTS, purposes_mask=None)])
    writer.flush()

    assert [each["purposes"] for each in read(tmp_path, CONSENTS)] == [["TREAT", "HRESCH"], None]


def test_parts_are_written_when_they_are_full(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, rows_a_part=2)
    for _ in range(5):
        writer.add_rows(FINDINGS, [row(FINDINGS)])
    assert len([*(tmp_path / "findings").iterdir()]) == 2
    digests = writer.flush()["findings"]
    written = [part_path(tmp_path, "findings", number).read_bytes() for number in range(3)]
    assert digests == tuple(sha256(each).digest() for each in written)
    assert len(read(tmp_path, FINDINGS)) == 5


def test_parts_behind_the_place_to_go_on_from_are_forgotten(tmp_path: Path) -> None:
    first = PartWriter(tmp_path)
    first.add_rows(FINDINGS, [row(FINDINGS, kind="before")])
    place = dict(first.flush())
    first.add_rows(FINDINGS, [row(FINDINGS, kind="after")])
    first.flush()
    part_path(tmp_path, "findings", 2).with_suffix(".unfinished").write_bytes(b"half")

    second = PartWriter(tmp_path)
    second.go_back_to(place)
    second.add_rows(FINDINGS, [row(FINDINGS, kind="again")])
    second.flush()
    assert [each["kind"] for each in read(tmp_path, FINDINGS)] == ["before", "again"]
    assert len([*(tmp_path / "findings").iterdir()]) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"subject_sequence": None}, "subject_sequence is empty"),
        ({"decision": b"short"}, "decisions"),
        ({"purpose_code": 1 << 20}, "decisions"),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        PartWriter(tmp_path).add_rows(DECISIONS, [row(DECISIONS, **changed)])


def test_unknown_column_is_refused(tmp_path: Path) -> None:
    columns = {name: [value] for name, value in row(FINDINGS).items()} | {"more": [1]}
    with pytest.raises(InvalidInputError, match="no column more"):
        PartWriter(tmp_path).add(FINDINGS, columns)


def test_document_lists_every_table_and_column() -> None:
    text = (ROOT / "docs" / "formats" / "audit-tables.md").read_text()
    for table in TABLES:
        section = text.partition(f"\n### `{table.name}`\n")[2].partition("\n### ")[0]
        assert table.says in section
        lines = [f"| `{c.name}` | {c.kind.value}{', or none' if c.empty else ''} | {c.says} |" for c in table.columns]
        assert [line for line in section.splitlines() if line.startswith("| `")] == lines
