"""Tables of an audit are opened whole or not at all: exactly the parts that were written, byte for byte."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consentry.audit import tables
from consentry.audit.audit import Audit
from consentry.audit.parts import PartWriter, part_path
from consentry.audit.rows import Rows
from consentry.audit.sql import ask, open_tables
from consentry.errors import InvalidInputError
from tests.support.memory_reader import honest_story


async def _write(folder: Path) -> None:
    audit = Audit(honest_story().reader(), rows=Rows(PartWriter(folder, rows_a_part=2)))
    await audit.conclude(await audit.run())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("consentry.audit.rows.ROWS_AT_ONCE", 1)
        asyncio.run(_write(folder))
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Tables of several parts each."""
    return shutil.copytree(written, tmp_path / "audit")


def refused(folder: Path, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        open_tables(folder)


def run_of(folder: Path) -> dict[str, Any]:
    rows: list[dict[str, Any]] = pq.ParquetFile(part_path(folder, "run", 0)).read().to_pylist()
    return rows[0]


def rewrite_run(folder: Path, *rows: dict[str, Any]) -> None:
    path = part_path(folder, "run", 0)
    schema = pq.read_schema(path)
    pq.write_table(pa.Table.from_pylist([*rows], schema=schema), path)


def test_run_names_every_part_with_its_digest(folder: Path) -> None:
    paths = [
        path for table in tables.TABLES if table is not tables.RUN for path in sorted((folder / table.name).iterdir())
    ]
    named = [f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}" for path in paths]
    assert run_of(folder)["parts"] == named
    assert len([line for line in named if "  decisions/" in line]) == 6
    told = "".join(line + "\n" for line in named).encode()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], input=told, cwd=folder, check=True)  # noqa: S607 - of the system


def test_tables_that_are_whole_are_opened(folder: Path) -> None:
    assert ask(open_tables(folder), "SELECT count(*) FROM decisions")[1] == [(11,)]


def test_file_with_another_ending_is_no_part(folder: Path) -> None:
    part_path(folder, "decisions", 6).with_suffix(".unfinished").write_bytes(b"half")
    assert ask(open_tables(folder), "SELECT count(*) FROM decisions")[1] == [(11,)]


@pytest.mark.parametrize("number", [0, 1, 5])
def test_missing_part_is_refused(folder: Path, number: int) -> None:
    part_path(folder, "decisions", number).unlink()
    refused(folder, f"parts of table decisions do not match .*missing part-{number:06d}.parquet")


def test_missing_table_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "consents")
    refused(folder, "parts of table consents do not match .*missing part-000000.parquet")


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("decisions", "part-000006.parquet"),
        ("decisions", "part-000009.parquet"),
        ("findings", "part-000000.parquet"),
        ("run", "part-000001.parquet"),
        ("decisions", "more.parquet"),
    ],
)
def test_part_that_was_not_written_is_refused(folder: Path, table: str, name: str) -> None:
    shutil.copy(part_path(folder, "decisions", 0), folder / table / name)
    refused(folder, f"parts of table {table} do not match .*more: {name}")


def test_part_in_place_of_another_is_refused(folder: Path) -> None:
    shutil.copy(part_path(folder, "decisions", 0), part_path(folder, "decisions", 1))
    refused(
        folder, r"digest of decisions/part-000001.parquet does not match \(got [0-9a-f]{64}, expected [0-9a-f]{64}\)"
    )


def test_part_of_which_one_bit_differs_is_refused(folder: Path) -> None:
    path = part_path(folder, "consents", 0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(folder, "digest of consents/part-000000.parquet does not match")


def _without_first(lines: list[str]) -> list[str]:
    return lines[1:]


def _twice(lines: list[str]) -> list[str]:
    return [lines[0], *lines]


def _outside(lines: list[str]) -> list[str]:
    return [*lines, f"{'0' * 64}  ../part-000000.parquet"]


def _of_run(lines: list[str]) -> list[str]:
    return [*lines, f"{'0' * 64}  run/part-000000.parquet"]


def _in_capitals(lines: list[str]) -> list[str]:
    return [lines[0].upper(), *lines[1:]]


def _unknown(lines: list[str]) -> list[str]:
    return [*lines, f"{'0' * 64}  more/part-000000.parquet"]


def _other_number(lines: list[str]) -> list[str]:
    return [lines[0].replace("part-000000", "part-0"), *lines[1:]]


@pytest.mark.parametrize("change", [_without_first, _twice, _outside, _of_run, _in_capitals, _unknown, _other_number])
def test_parts_named_otherwise_are_refused(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    row = run_of(folder)
    rewrite_run(folder, row | {"parts": change(row["parts"])})
    refused(folder, "line of parts in table run does not match")


@pytest.mark.parametrize("count", [0, 2])
def test_table_run_with_another_number_of_rows_is_refused(folder: Path, count: int) -> None:
    rewrite_run(folder, *([run_of(folder)] * count))
    refused(folder, f"number of rows of table run does not match .got {count}, expected 1")


def test_tables_of_another_format_are_refused(folder: Path) -> None:
    rewrite_run(folder, run_of(folder) | {"format": "consentry.audit-tables/v1"})
    refused(folder, "format of the tables does not match .*audit-tables/v1, expected consentry.audit-tables/v2")


def test_tables_that_name_no_parts_are_refused(folder: Path) -> None:
    path = part_path(folder, "run", 0)
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["parts"]), path)
    refused(folder, "table run cannot be read")


def test_table_run_that_is_no_table_is_refused(folder: Path) -> None:
    part_path(folder, "run", 0).write_bytes(b"PAR1")
    refused(folder, "table run cannot be read")
