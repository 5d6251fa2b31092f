"""Files of one canonical JSON form (RFC 8785), read from bytes that anybody may have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import rfc8785

from consentry.core.nesting import parse_json
from consentry.errors import InvalidInputError

UNREADABLE: Final = (
    *(ValueError, TypeError, KeyError, AttributeError, rfc8785.CanonicalizationError),
    OverflowError,  # JSON knows 1e999, and the parser makes infinity of it
)
"""What taking a parsed document apart may raise where a value or member is not what the format has."""

LARGEST: Final = 1 << 20
"""Bytes of the largest file, where its format sets no other limit."""


class Written(Protocol):
    """What has one form as a file."""

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON."""
        ...


Read = TypeVar("Read", bound=Written)


def write_plain(document: dict[str, Any]) -> bytes:
    """Writes canonical JSON of a document whose names are ASCII and whose numbers are whole and of at most 53 bits.

    Of such a document the standard library writes the same as RFC 8785 demands (sections 3.2.2 and 3.2.3: the shortest
    escapes, names in the order of their code units), some four times as fast.

    Raises:
        ValueError: a text is none: it has half of a surrogate pair.
    """
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def read_canonical(what: str, content: bytes, build: Callable[[Any], Read], *, largest: int = LARGEST) -> Read:
    """Reads a file and demands that it is what would be written for what it says.

    Args:
        what: name of the kind of file, for messages.
        content: bytes of the file.
        build: makes the value from parsed JSON; what it raises for a wrong type, value or member becomes an
            InvalidInputError.
        largest: bytes of the largest file that is read.

    Raises:
        InvalidInputError: the file is too large or nested, no JSON, not what ``build`` takes, or in another form.
    """
    if len(content) > largest:
        raise InvalidInputError(f"size of {what} does not match (got {len(content)}, expected at most {largest} bytes)")
    parsed = parse_json(what, content)
    try:
        read = build(parsed)
        canonical = read.to_json()
    except UNREADABLE as error:
        raise InvalidInputError(f"{what} does not match (got no usable JSON: {error})") from error
    if canonical != content:
        raise InvalidInputError(f"{what} does not match (got another form of JSON, expected the canonical one)")
    return read
