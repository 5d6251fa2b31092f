"""One unambiguous byte encoding for everything that is authenticated.

Two different tuples of fields never give the same bytes: each field carries its length in front, so ``("ab", "c")`` and
``("a", "bc")`` differ (the idea of C2SP ``sequencehash``). Integers have a fixed width, so they need no second rule.
"""

from __future__ import annotations

from consentry.errors import InvalidInputError

LENGTH_SIZE = 4
"""Bytes of the big-endian length in front of every field."""

UINT64_SIZE = 8
UINT256_SIZE = 32


def length_prefixed(*fields: bytes) -> bytes:
    """Joins ``fields``, each behind its length as a 4-byte big-endian integer.

    Args:
        fields: the fields in their fixed order, each shorter than 4 GiB.

    Returns:
        The encoding; injective over tuples of byte strings.
    """
    return b"".join([len(field).to_bytes(LENGTH_SIZE, "big") + field for field in fields])


def uint64(value: int) -> bytes:
    """Encodes a size, version or suite as 8 big-endian bytes.

    Raises:
        InvalidInputError: ``value`` is negative or does not fit.
    """
    return _fixed_width(value, UINT64_SIZE)


def uint256(value: int) -> bytes:
    """Encodes a chain id as 32 big-endian bytes, as the EVM does.

    Raises:
        InvalidInputError: ``value`` is negative or does not fit.
    """
    return _fixed_width(value, UINT256_SIZE)


def check_length(name: str, value: bytes, expected: int) -> None:
    """Refuses a field that is not exactly ``expected`` bytes long; the value itself never enters the message.

    Raises:
        InvalidInputError: the length differs.
    """
    if len(value) != expected:
        raise InvalidInputError(f"length of {name} does not match (got {len(value)}, expected {expected} bytes)")


def _fixed_width(value: int, size: int) -> bytes:
    if value < 0 or value.bit_length() > 8 * size:
        raise InvalidInputError(
            f"integer does not match its width (got {value}, expected an unsigned {8 * size} bit value)"
        )
    return value.to_bytes(size, "big")
