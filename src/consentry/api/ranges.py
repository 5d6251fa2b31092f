"""Byte ranges of a download. Source: RFC 9110, sections 14.1.2 and 14.2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``start`` to ``end``, the end not included; ``start == end`` when a range cannot be satisfied."""

    start: int
    end: int

    @property
    def satisfiable(self) -> bool:
        """Whether there is a byte in it."""
        return self.start < self.end


def parse_range(header: str | None, size: int) -> Span | None:
    """Reads a ``Range`` header for a content of ``size`` bytes.

    Returns:
        The span; None if there is no range, or one of a kind that may be ignored (other units, several ranges,
        malformed), so that the whole content is the answer.
    """
    found = _ONE_RANGE.fullmatch(header or "")
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first is None:
        length = min(int(last), size)
        return Span(size - length, size)
    if last is not None and int(last) < int(first):
        return None
    start = min(int(first), size)
    return Span(start, max(start, min(int(last) + 1, size) if last is not None else size))
