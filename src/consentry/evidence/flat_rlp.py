"""RLP read one level at a time: for bytes of strangers, so nothing recurses and only the one canonical form passes.

Source: Ethereum yellow paper, appendix B. A list gives its members still encoded; who knows the structure goes down.
"""

from __future__ import annotations

from typing import Final

from consentry.errors import InvalidInputError

_STRING: Final = 0x80
_LIST: Final = 0xC0
_SHORT: Final = 55
"""Longest payload whose length stands in the first byte."""


def _refuse(got: str, expected: str) -> InvalidInputError:
    return InvalidInputError(f"RLP does not match (got {got}, expected {expected})")


def _payload(data: bytes, at: int) -> tuple[bool, int, int]:
    """Reads the head of the item at a place: whether it is a list, and where its payload starts and ends."""
    first = data[at]
    if first < _STRING:
        return False, at, at + 1
    is_list = first >= _LIST
    length, start = first - (_LIST if is_list else _STRING), at + 1
    if length > _SHORT:
        size = length - _SHORT
        digits, start = data[start : start + size], start + size
        length = int.from_bytes(digits, "big")
        if len(digits) < size or digits[0] == 0 or length <= _SHORT:
            raise _refuse("a length written long", "its shortest form")
    if start + length > len(data):
        raise _refuse("an item that ends early", "all its bytes")
    if not is_list and length == 1 and data[start] < _STRING:
        raise _refuse("one small byte with a head", "the byte alone")
    return is_list, start, start + length


def members_of(encoded: bytes) -> tuple[bytes, ...]:
    """Gives the members of a list, each with its head.

    Args:
        encoded: one item and nothing after it.

    Raises:
        InvalidInputError: it is no list, not canonical, or followed by something.
    """
    if not encoded:
        raise _refuse("nothing", "a list")
    is_list, at, end = _payload(encoded, 0)
    if not is_list or end != len(encoded):
        raise _refuse("a string or trailing bytes", "one list")
    found = []
    while at < end:
        _, _, following = _payload(encoded, at)
        found.append(encoded[at:following])
        at = following
    if at != end:
        raise _refuse("a member longer than its list", "members that fill it")
    return tuple(found)


def strings_of(encoded: bytes) -> list[bytes]:
    """Gives the contents of a list that has strings alone, in one go.

    Args:
        encoded: one item and nothing after it.

    Raises:
        InvalidInputError: it is no list, has a list in it, is not canonical, or followed by something.
    """
    if not encoded:
        raise _refuse("nothing", "a list")
    is_list, at, end = _payload(encoded, 0)
    if not is_list or end != len(encoded):
        raise _refuse("a string or trailing bytes", "one list")
    found = []
    while at < end:
        first = encoded[at]
        if (
            _STRING + 1 < first <= _STRING + _SHORT
        ):  # most fields of a header: nothing in them to be checked but their end
            start, at = at + 1, at + 1 + first - _STRING
        else:
            is_list, start, at = _payload(encoded, at)
            if is_list:
                raise _refuse("a list or trailing bytes", "one string")
        found.append(encoded[start:at])
    if at != end:
        raise _refuse("a member longer than its list", "members that fill it")
    return found


def string_of(item: bytes) -> bytes:
    """Gives the content of one string.

    Raises:
        InvalidInputError: it is a list, not canonical, or followed by something.
    """
    if not item:
        raise _refuse("nothing", "a string")
    is_list, start, end = _payload(item, 0)
    if is_list or end != len(item):
        raise _refuse("a list or trailing bytes", "one string")
    return item[start:end]


def number_in(content: bytes, width: int) -> int:
    """Reads an unsigned number: big-endian, no leading zero, nothing for zero.

    Args:
        content: of the string.
        width: bytes it has at most.

    Raises:
        InvalidInputError: leading zeros, or wider.
    """
    if len(content) > width or content[:1] == b"\0":
        raise _refuse(f"number 0x{content[:40].hex()}", f"at most {width} bytes without a leading zero")
    return int.from_bytes(content, "big")
