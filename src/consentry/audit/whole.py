"""Whether the tables of an audit are whole: exactly the parts that table ``run`` names, with their digests.

That finds what was lost, left over or exchanged. Whoever can write the folder can write table ``run`` as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from consentry.audit.parts import SUFFIX, part_path
from consentry.audit.tables import FORMAT, RUN, TABLES
from consentry.errors import InvalidInputError

_LINE: Final = re.compile(r"([0-9a-f]{64})  ([a-z]+)/(part-[0-9]{6,12}\.parquet)")
Parts = Mapping[str, Sequence[bytes]]
"""SHA-256 of each part, in their order, by the name of the table."""


def lines_of(parts: Parts) -> Sequence[str]:
    """Gives column ``parts`` of table ``run``: a line a part, as ``sha256sum`` writes it."""
    named = ((name, place, digest) for name, digests in parts.items() for place, digest in enumerate(digests))
    return [f"{digest.hex()}  {_shown(name, place)}" for name, place, digest in named]


def whole_parts(folder: Path) -> Mapping[str, Sequence[Path]]:
    """Gives the parts of each table of an audit that is over, after each was read and compared with its digest.

    Raises:
        InvalidInputError: the folder holds no tables, or those of an audit that is not over or of another format; or a
            part is missing, is not named in table ``run``, or has another digest.
    """
    parts = _named(folder)
    for name, digests in parts.items():
        _check_names(folder, name, len(digests))
    _check_names(folder, RUN.name, 1)
    for name, digests in parts.items():
        for place, expected in enumerate(digests):
            with part_path(folder, name, place).open("rb") as file:
                got = file_digest(file, "sha256")
            if got.digest() != expected:
                said = f"got {got.hexdigest()}, expected {expected.hex()}"
                raise InvalidInputError(f"digest of {_shown(name, place)} does not match ({said})")
    counts = {name: len(digests) for name, digests in parts.items()} | {RUN.name: 1}
    return {name: [part_path(folder, name, place) for place in range(count)] for name, count in counts.items()}


def _named(folder: Path) -> Parts:
    """Gives what table ``run`` names."""
    row = _run(folder)
    if row.get("format") != FORMAT:
        raise InvalidInputError(
            f"format of the tables does not match (got {row.get('format')}, expected {FORMAT}: audit again)"
        )
    if not isinstance(row.get("parts"), list):
        raise InvalidInputError(f"table run cannot be read (no parts in {folder})")
    return _parsed(row["parts"])


def _run(folder: Path) -> Mapping[str, Any]:
    path = part_path(folder, RUN.name, 0)
    if not path.is_file():
        raise InvalidInputError(f"folder {folder} holds no tables of an audit that is over (no row in table run)")
    try:
        with pq.ParquetFile(path) as file:
            rows: Sequence[Mapping[str, Any]] = file.read().to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidInputError(f"table run cannot be read ({error})") from error
    if len(rows) != 1:
        raise InvalidInputError(f"number of rows of table run does not match (got {len(rows)}, expected 1)")
    return rows[0]


def _parsed(lines: Iterable[object]) -> Parts:
    parts: dict[str, list[bytes]] = {table.name: [] for table in TABLES if table is not RUN}
    for line in lines:
        found = _LINE.fullmatch(str(line))
        digests = parts.get(found[2]) if found else None
        if found is None or digests is None or f"{found[2]}/{found[3]}" != _shown(found[2], len(digests)):
            raise InvalidInputError(f"line of parts in table run does not match (got {line}, expected the next part)")
        digests.append(bytes.fromhex(found[1]))
    return parts


def _check_names(folder: Path, name: str, count: int) -> None:
    expected = {part_path(folder, name, place).name for place in range(count)}
    there = {path.name for path in (folder / name).glob(f"*{SUFFIX}")}
    wrong = [f"missing {each}" for each in sorted(expected - there)] + [f"more: {e}" for e in sorted(there - expected)]
    if wrong:
        said = f"got {len(there)}, expected {count}: {wrong[0]}"
        raise InvalidInputError(f"parts of table {name} do not match ({said})")


def _shown(name: str, place: int) -> str:
    return part_path(Path(), name, place).as_posix()
