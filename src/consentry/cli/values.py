"""Values of options and the files they name: one line says what is wrong, and nothing has happened yet."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from consentry.core.codes import UNLIMITED_USES
from consentry.core.nesting import parse_json
from consentry.core.terms import Address
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.ledger.embedded.durable import explained, write_synced

Code = TypeVar("Code", bound=IntEnum)
ADDRESS_SIZE: Final = 20
ID_SIZE: Final = 32
_HEX: Final = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})*)")
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MOMENT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?: ?(?:UTC|Z))?")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]*")
_EPOCH_YEAR: Final = 1970
_MONTHS: Final = 12
_HIGHEST_MONTH: Final = 2**16 - 1
_MOMENT_BITS: Final = 64
_HIGHEST_ID: Final = 2**256 - 1
LARGEST: Final = 16 * 2**20
"""Bytes of the largest file that is read whole, where its format has no limit of its own."""


def hexadecimal(what: str, text: str, size: int | None = None) -> bytes:
    """Reads bytes, with or without 0x.

    Raises:
        InvalidInputError: not hexadecimal, or of another size.
    """
    found = _HEX.fullmatch(text)
    if found is None:
        raise InvalidInputError(f"{what} is not hexadecimal")
    value = bytes.fromhex(found[1])
    if size is not None and len(value) != size:
        raise InvalidInputError(f"size of the {what} does not match (got {len(value)} bytes, expected {size})")
    return value


def address(what: str, text: str) -> Address:
    """Reads the address of an institution or account."""
    return Address(hexadecimal(what, text, ADDRESS_SIZE))


def request_id(text: str) -> int:
    """Reads a request id, decimal as it is shown everywhere.

    Raises:
        InvalidInputError: not a decimal number of at most 256 bits.
    """
    if not _DECIMAL.fullmatch(text) or len(text) > len(str(_HIGHEST_ID)) or int(text) > _HIGHEST_ID:
        raise InvalidInputError("request id does not match (expected a decimal number of at most 256 bits)")
    return int(text)


def number(what: str, text: str, bits: int) -> int:
    """Reads a number of at most so many bits.

    Raises:
        InvalidInputError: not a decimal number, or a wider one.
    """
    if not _DECIMAL.fullmatch(text) or len(text) > len(str(_HIGHEST_ID)) or int(text) >= 1 << bits:
        raise InvalidInputError(f"{what} does not match (got {text!r:.40}, expected a number of at most {bits} bits)")
    return int(text)


def month(what: str, text: str) -> int:
    """Reads a month as the number of months since January 1970.

    Raises:
        InvalidInputError: not YYYY-MM, or outside what a record or consent can name.
    """
    found = _MONTH.fullmatch(text)
    count = (int(found[1]) - _EPOCH_YEAR) * _MONTHS + int(found[2]) - 1 if found else -1
    if not 0 <= count <= _HIGHEST_MONTH:
        raise InvalidInputError(f"{what} does not match (got {text!r:.40}, expected YYYY-MM from 1970-01 on)")
    return count


def day(what: str, text: str) -> int:
    """Reads a day as the second it begins at, UTC.

    Raises:
        InvalidInputError: not YYYY-MM-DD.
    """
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InvalidInputError(f"{what} does not match (got {text!r:.40}, expected YYYY-MM-DD)") from None


def moment(what: str, text: str) -> int:
    """Reads a moment: a day, which begins at midnight UTC, a day and time as they are shown everywhere, or seconds.

    Raises:
        InvalidInputError: it is none of them.
    """
    if _DECIMAL.fullmatch(text):
        return number(what, text, _MOMENT_BITS)
    found = _MOMENT.fullmatch(text)
    written = f"{found[1]} {found[2]}{found[3] or ':00'}" if found else f"{text} 00:00:00"
    try:
        return int(datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        expected = "YYYY-MM-DD, 'YYYY-MM-DD HH:MM:SS' in UTC, or seconds since 1970"
        raise InvalidInputError(f"{what} does not match (got {text!r:.40}, expected {expected})") from None


def uses(text: str) -> int:
    """Reads how often a consent may be used.

    Raises:
        InvalidInputError: neither a number from 1 on nor ``unlimited``.
    """
    if text == "unlimited":
        return UNLIMITED_USES
    number = int(text) if _DECIMAL.fullmatch(text) and len(text) <= len(str(UNLIMITED_USES)) else 0
    if not 0 < number < UNLIMITED_USES:
        raise InvalidInputError(f"uses do not match (got {text!r:.40}, expected a number from 1 on, or 'unlimited')")
    return number


def code(what: str, kind: type[Code], name: str) -> Code:
    """Finds a code by its name, in upper or lower case.

    Raises:
        InvalidInputError: there is no such name; the message lists those there are.
    """
    found = kind.__members__.get(name.upper())
    if found is None:
        raise InvalidInputError(f"{what} does not match (got {name!r:.40}, expected one of {', '.join(names(kind))})")
    return found


def codes(what: str, kind: type[Code], chosen: Sequence[str]) -> list[Code]:
    """Finds several codes; names may also be given in one text, with commas between."""
    return [code(what, kind, name.strip()) for text in chosen for name in text.split(",")]


def names(kind: type[IntEnum]) -> list[str]:
    """Gives the names of a table of codes."""
    return list(kind.__members__)


def named(kind: type[IntEnum], mask: int) -> str:
    """Gives the names in a bit mask, for people."""
    return ",".join(member.name for member in kind if mask >> member & 1)


def name_of(kind: type[IntEnum], number: int) -> str:
    """Gives the name of a number for people; an unknown number stands for itself."""
    return kind(number).name if number in set(kind) else str(number)


def origin(url: str) -> str:
    """Gives the origin of an address.

    Raises:
        InvalidInputError: it is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInputError(f"address does not match (got {url!r:.80}, expected http:// or https:// and a host)")
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def readable(path: Path) -> Iterator[BufferedReader]:
    """Opens a file to read.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield file
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None


def content_of(path: Path, largest: int = LARGEST) -> bytes:
    """Reads a file of at most ``largest`` bytes; a larger one is refused unread.

    Raises:
        ConfigurationError: it cannot be read.
        InvalidInputError: it is larger.
    """
    with readable(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(largest + 1) if size <= largest else None  # a pipe has no size
    if content is None or len(content) > largest:
        found = "more" if content else size
        raise InvalidInputError(f"size of {path.name} does not match (got {found}, expected at most {largest} bytes)")
    return content


def read_document(path: Path) -> dict[str, Any]:
    """Reads a JSON file another command wrote.

    Raises:
        ConfigurationError: the file cannot be read.
        InvalidInputError: it holds no JSON document.
    """
    written = content_of(path)
    try:
        content = parse_json("file", written)
    except InvalidInputError:
        content = None
    if not isinstance(content, dict):
        raise InvalidInputError(f"file {path} holds no JSON document")
    return content


def check_target(path: Path, *, fresh: bool = False) -> None:
    """Checks before anything happens that a file can be written.

    Args:
        path: where it is to be.
        fresh: whether a file that is there already is refused.

    Raises:
        InvalidInputError: its folder is missing, or something is in its place.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InvalidInputError(f"file {path} cannot be written: its folder is missing, or it is a folder itself")
    if fresh and path.exists():
        raise InvalidInputError(f"file {path} exists already")


def write(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600, whole or not at all.

    Raises:
        ConfigurationError: the system refuses.
    """
    with explained("writing a file"):
        write_synced(path, content)


def write_document(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file; mode and errors are those of `write`."""
    write(path, json.dumps(content, indent=1).encode() + b"\n")
