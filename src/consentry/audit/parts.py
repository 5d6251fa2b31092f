"""Tables as files: each table is a folder of Parquet parts, each part whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consentry.audit.tables import TABLES, Column, Table, Type
from consentry.errors import InvalidInputError

ROWS_A_PART: Final = 262_144
_ARROW: Final = {
    Type.HASH: pa.binary(32),
    Type.ACCOUNT: pa.binary(20),
    Type.BYTES: pa.binary(),
    Type.WHOLE: pa.int64(),
    Type.SMALL: pa.int32(),
    Type.CODE: pa.int16(),
    Type.FLAG: pa.bool_(),
    Type.TEXT: pa.string(),
    Type.WORD: pa.dictionary(pa.int16(), pa.string()),
    Type.WORDS: pa.list_(pa.string()),
}
SUFFIX: Final = ".parquet"
_UNFINISHED: Final = ".unfinished"


def schema_of(table: Table) -> pa.Schema:
    """Gives the Arrow schema of a table; each field tells what it holds in its metadata."""
    return pa.schema(
        [pa.field(c.name, _ARROW[c.kind], nullable=c.empty, metadata={"says": c.says}) for c in table.columns],
        metadata={"says": table.says},
    )


def arrow_type(column: Column) -> pa.DataType:
    """Gives the Arrow type of a column."""
    return _ARROW[column.kind]


@dataclass
class PartWriter:
    """Writes tables part by part into one folder.

    A part is written beside its place, synced and renamed. Rows wait until a part is full or `flush` is called.

    Attributes:
        folder: where the folders of the tables stand.
        parts: SHA-256 of each whole part of each table, in their order, as it was written.
    """

    folder: Path
    rows_a_part: int = ROWS_A_PART
    parts: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    _waiting: dict[str, list[pa.RecordBatch]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in TABLES:
            (self.folder / table.name).mkdir(parents=True, exist_ok=True)
            self.parts.setdefault(table.name, ())
            self._waiting[table.name] = []

    def go_back_to(self, parts: Mapping[str, tuple[bytes, ...]]) -> None:
        """Goes on behind these parts of each table; those behind them, and rows that wait, are forgotten."""
        for table in TABLES:
            self.parts[table.name] = parts.get(table.name, ())
            self._waiting[table.name] = []
            kept = {part_path(self.folder, table.name, number).name for number in range(len(self.parts[table.name]))}
            for path in (self.folder / table.name).iterdir():
                if path.name not in kept and path.suffix in (SUFFIX, _UNFINISHED):
                    path.unlink()

    def add(self, table: Table, columns: Mapping[str, object]) -> None:
        """Adds rows, given by columns: a sequence of values or an Arrow array each; derived columns are left out.

        Raises:
            InvalidInputError: a column is missing or unknown, or a value does not fit it.
        """
        try:
            batch = _batch(table, columns)
        except (pa.ArrowException, OverflowError, KeyError, TypeError) as error:
            raise InvalidInputError(f"rows of table {table.name} do not fit it ({error})") from error
        waiting = self._waiting[table.name]
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= self.rows_a_part:
            self._write(table)

    def add_rows(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        """Adds rows, given one by one; what a row does not name is none."""
        kept = [*rows]
        names = [column.name for column in table.columns if not column.source]
        if kept:
            self.add(table, {name: [row.get(name) for row in kept] for name in names})

    def flush(self) -> Mapping[str, tuple[bytes, ...]]:
        """Writes what waits; gives SHA-256 of the parts of each table, with which this place can be gone back to."""
        for table in TABLES:
            self._write(table)
        return dict(self.parts)

    def _write(self, table: Table) -> None:
        waiting = self._waiting[table.name]
        if not waiting:
            return
        target = part_path(self.folder, table.name, len(self.parts[table.name]))
        made = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_batches(waiting), made, compression="zstd")
        content = made.getvalue()
        unfinished = target.with_suffix(_UNFINISHED)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
        _sync(target.parent)
        self.parts[table.name] += (sha256(content).digest(),)
        self._waiting[table.name] = []


def part_path(folder: Path, table: str, number: int) -> Path:
    """Gives the place of a part, counted from 0."""
    return folder / table / f"part-{number:06d}{SUFFIX}"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _batch(table: Table, columns: Mapping[str, object]) -> pa.RecordBatch:
    unknown = set(columns) - {column.name for column in table.columns if not column.source}
    if unknown:
        raise KeyError(f"no column {', '.join(sorted(unknown))}")
    arrays: list[pa.Array] = []
    for column in table.columns:
        if column.source:
            arrays.append(_names(column, arrays[_place(table, column.source)]))
        else:
            arrays.append(_array(column, columns[column.name]))
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema_of(table))
    batch.validate()
    return batch


def _place(table: Table, name: str) -> int:
    return [column.name for column in table.columns].index(name)


def _array(column: Column, values: object) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(values, type=_ARROW[column.kind])
    if array.type != _ARROW[column.kind]:
        array = array.cast(_ARROW[column.kind])
    if array.null_count and not column.empty:
        raise TypeError(f"column {column.name} is empty")
    return array


def _names(column: Column, numbers: pa.Array) -> pa.Array:
    codes = column.codes
    if codes is None:
        raise TypeError(f"column {column.name} has no codes")
    distinct = numbers.unique()
    if column.kind is Type.WORDS:
        known = {mask: _in_mask(codes, mask) for mask in distinct.to_pylist() if mask is not None}
        return pa.array([known.get(mask) for mask in numbers.to_pylist()], type=_ARROW[column.kind])
    words = pa.array([name_of(codes, code) for code in distinct.drop_null().to_pylist()], type=pa.string())
    places = pc.index_in(numbers, value_set=distinct.drop_null()).cast(pa.int16())
    return pa.DictionaryArray.from_arrays(places, words)


def name_of(codes: type[IntEnum], code: int) -> str:
    """Gives the name of a code; of one that is no member, its number in words."""
    return codes(code).name if code in codes._value2member_map_ else f"unknown code {code}"


def _in_mask(codes: type[IntEnum], mask: int) -> Sequence[str]:
    return [name_of(codes, bit) for bit in range(mask.bit_length()) if mask >> bit & 1]
