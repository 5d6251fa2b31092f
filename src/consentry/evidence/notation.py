"""Signed structs as JSON: the one notation of bundles and vectors.

Byte strings are 0x-prefixed lower-case hexadecimal. Numbers of at most 48 bits are JSON numbers, wider ones decimal
strings, because RFC 8785 knows no integers beyond 2**53. Reading is strict: another form of the same value is refused,
so that one value has one text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Set as AbstractSet
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from consentry.core.terms import AccessEntry, AccessRequest
from consentry.core.typed_data import SignedStruct, members_of
from consentry.errors import InvalidInputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = dict[str, Any]
Struct = TypeVar("Struct", bound=SignedStruct)

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]*")
_WIDEST_NUMBER: Final = 48
_SIZES: Final = {"address": 20, "bytes32": 32}
_ENTRY: Final = {
    "subjectId": "bytes32",
    "reason": "uint8",
    "decidedAt": "uint64",
    "subjectSequence": "uint48",
    "institutionSequence": "uint48",
}


def hex_of(value: bytes) -> str:
    """Writes a byte string."""
    return "0x" + value.hex()


def _from_hex(text: object) -> bytes | None:
    """Reads a byte string; None for any other form. Written back rather than matched: headers are most of a bundle."""
    if not isinstance(text, str) or text[:2] != "0x":
        return None
    try:
        value = bytes.fromhex(text[2:])
    except ValueError:
        return None
    return value if value.hex() == text[2:] else None


def bytes_of(text: object, size: int | None = None) -> bytes:
    """Reads a byte string.

    Args:
        text: 0x and lower-case hexadecimal digits.
        size: bytes it must have; any number when none is given.

    Raises:
        InvalidInputError: another form or size.
    """
    value = _from_hex(text)
    if value is None:
        raise InvalidInputError(f"hexadecimal text does not match (got {text!r:.80}, expected 0x and lower-case pairs)")
    if size is not None and len(value) != size:
        raise InvalidInputError(f"length of bytes does not match (got {len(value)}, expected {size})")
    return value


def _width(kind: str) -> int:
    return int(kind.removeprefix("uint"))


def _write(kind: str, value: bytes | int) -> str | int | bool:
    if isinstance(value, bytes):
        return hex_of(value)
    if kind == "bool" or _width(kind) <= _WIDEST_NUMBER:
        return value
    return str(value)


def _read(kind: str, value: object) -> bytes | int:
    if kind == "bytes" or kind in _SIZES:
        return bytes_of(value, _SIZES.get(kind))
    if kind == "bool":
        if not isinstance(value, bool):
            raise InvalidInputError(f"truth value does not match (got {value!r:.80}, expected true or false)")
        return value
    if _width(kind) <= _WIDEST_NUMBER:
        number = value if isinstance(value, int) and not isinstance(value, bool) else -1
    else:
        number = int(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else -1
    if not 0 <= number < 1 << _width(kind):
        raise InvalidInputError(f"number does not match (got {value!r:.80}, expected a {kind})")
    return number


def _require_members(value: object, expected: AbstractSet[str]) -> Json:
    if not isinstance(value, dict) or value.keys() != expected:
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise InvalidInputError(f"members do not match (got {found}, expected {sorted(expected)})")
    return value


@cache
def _plan(struct: type[DataclassInstance]) -> tuple[tuple[str, str, str], ...]:
    """Gives of each member its name in JSON, its type, and the field that holds it."""
    kinds = [member.split(" ") for member in members_of(struct)]
    fields = dataclasses.fields(struct)
    return tuple((name, kind, field.name) for (kind, name), field in zip(kinds, fields, strict=True))


@cache
def _names(struct: type[DataclassInstance]) -> frozenset[str]:
    return frozenset(name for name, *_ in _plan(struct))


def write(value: SignedStruct) -> Json:
    """Writes a signed struct; member names are those of the EIP-712 type."""
    kind_of_struct: Any = type(value)
    return {name: _write(kind, getattr(value, field)) for name, kind, field in _plan(kind_of_struct)}


def read(struct: type[Struct], value: object) -> Struct:
    """Reads a signed struct.

    Raises:
        InvalidInputError: a member is missing, unknown, or not in the one form it has.
    """
    kind_of_struct: Any = struct
    plan = _plan(kind_of_struct)
    found = _require_members(value, _names(kind_of_struct))
    values: list[Any] = [_read(kind, found[name]) for name, kind, _ in plan]
    return struct(*values)


def write_entry(entry: AccessEntry) -> Json:
    """Writes a line of the access log; the request is nested."""
    values: tuple[Any, ...] = (
        entry.subject_id,
        entry.reason,
        entry.decided_at,
        entry.subject_sequence,
        entry.institution_sequence,
    )
    written = {name: _write(kind, value) for (name, kind), value in zip(_ENTRY.items(), values, strict=True)}
    return {"request": write(entry.request), **written}


def read_entry(value: object) -> AccessEntry:
    """Reads a line of the access log.

    Raises:
        InvalidInputError: as for `read`.
    """
    found = _require_members(value, {"request", *_ENTRY})
    members: list[Any] = [_read(kind, found[name]) for name, kind in _ENTRY.items()]
    return AccessEntry(read(AccessRequest, found["request"]), *members)
