"""Who the addresses are: a list of one's own, for the chain knows none of the names."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from consentry.errors import InvalidInputError
from consentry.evidence.notation import bytes_of
from consentry.reports.opened import Row

_COLUMNS: Final = ["id", "name", "contact"]
_MOST_ROWS: Final = 100_000
_NAMED: Final = ("institution", "practitioner", "custodian")


@dataclass(frozen=True, slots=True)
class Named:
    """Name and contact of an institution or a practitioner."""

    name: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """Names by the bytes of an address or id; what is not listed has none."""

    known: Mapping[bytes, Named] = field(default_factory=dict)

    def of(self, identifier: bytes | None) -> Named:
        """Gives name and contact; both empty where nothing is listed."""
        return self.known.get(identifier or b"", Named())

    def beside(self, row: Row) -> Row:
        """Gives a row with name and contact beside each institution, practitioner and custodian it has."""
        more: dict[str, Any] = {}
        for key in _NAMED:
            if key in row:
                named = self.of(row[key])
                more |= {f"{key}_name": named.name, f"{key}_contact": named.contact}
        return {**row, **more}


def read_names(path: Path) -> Names:
    """Reads a CSV file with the columns ``id``, ``name``, ``contact``; ids are hexadecimal with 0x.

    Raises:
        InvalidInputError: it is no such file, or names one id twice.
    """
    known: dict[bytes, Named] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            if rows.fieldnames != _COLUMNS:
                raise InvalidInputError(
                    f"columns of {path.name} do not match (got {rows.fieldnames}, expected {_COLUMNS})"
                )
            for row in rows:
                if None in row or None in row.values():
                    raise InvalidInputError(f"a row of {path.name} does not match (expected three values)")
                identifier = bytes_of(row["id"])
                if identifier in known or len(known) == _MOST_ROWS:
                    raise InvalidInputError(f"{path.name} names an id twice, or too many (got {row['id']})")
                known[identifier] = Named(row["name"] or "", row["contact"] or "")
    except (OSError, UnicodeError, csv.Error) as error:
        raise InvalidInputError(f"{path} cannot be read as a list of names ({error})") from error
    return Names(known)
