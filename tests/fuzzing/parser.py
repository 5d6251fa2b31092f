"""One parser of foreign bytes as the fuzzer knows it: how it is entered, what it starts from, what it may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from consentry.errors import ConsentryError

Mutator = Callable[[bytes, Random], bytes]
"""Makes another input of one; whatever it is given, it gives some bytes."""

SECONDS = 2.0
"""Processor time that one input may take; a parser that needs more hangs."""
MEBIBYTES = 256
"""Memory that may be taken beyond what the seeds took; what needs more fails with a MemoryError."""
LARGEST = 1 << 16
"""Bytes of the longest input that is made."""


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser of foreign bytes.

    Attributes:
        name: short, for the command line.
        entry: what is called, for people.
        read: calls it; it must come back, or raise one of ``allowed``.
        seeds: gives inputs to start from, most of them good.
        mutators: those that know the notation.
        allowed: what it may raise.
        largest: bytes of the longest input that is made.
    """

    name: str
    entry: str
    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    mutators: tuple[Mutator, ...]
    allowed: tuple[type[Exception], ...] = (ConsentryError,)
    largest: int = LARGEST


class UnfaithfulError(AssertionError):
    """What was read is written otherwise than it was: the form is not the one it has."""


def same_bytes(got: bytes, expected: bytes) -> None:
    """Refuses a reader that takes in two forms of one value.

    Raises:
        UnfaithfulError: the bytes differ.
    """
    if got != expected:
        raise UnfaithfulError(f"bytes do not match (got {got[:80]!r}, expected {expected[:80]!r})")
