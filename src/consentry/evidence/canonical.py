"""Files of one canonical JSON form (RFC 8785), read from bytes that anybody may have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from consentry.errors import InvalidInputError

LARGEST: Final = 1 << 20
"""Bytes of the largest file."""

MOST_BRACKETS: Final = 1000
"""Objects and lists in a file, and so the deepest nesting: the parser would run out of stack before Python's own limit
of recursion where a library has raised that."""


class Written(Protocol):
    """What has one form as a file."""

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON."""
        ...


Read = TypeVar("Read", bound=Written)


def read_canonical(what: str, content: bytes, build: Callable[[Any], Read]) -> Read:
    """Reads a file and demands that it is what would be written for what it says.

    Args:
        what: name of the kind of file, for messages.
        content: bytes of the file.
        build: makes the value from parsed JSON; what it raises for a wrong type, value or member becomes an
            InvalidInputError.

    Raises:
        InvalidInputError: the file is too large or nested, no JSON, not what ``build`` takes, or in another form.
    """
    if len(content) > LARGEST:
        raise InvalidInputError(f"size of {what} does not match (got {len(content)}, expected at most {LARGEST} bytes)")
    brackets = content.count(b"[") + content.count(b"{")
    if brackets > MOST_BRACKETS:
        raise InvalidInputError(f"brackets of {what} do not match (got {brackets}, expected at most {MOST_BRACKETS})")
    try:
        read = build(json.loads(content))
        canonical = read.to_json()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"{what} does not match (got no usable JSON: {error})") from error
    if canonical != content:
        raise InvalidInputError(f"{what} does not match (got another form of JSON, expected the canonical one)")
    return read
