"""What a request must be before the engine sees it: JSON that every reader reads alike, and of a bounded size.

What only this side could read, the engine would answer without saying whom it answers: the asker, and all who share
the connection, would wait for nothing.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from consentry.core.nesting import check_nesting
from consentry.errors import InvalidInputError

DEPTH_LIMIT: Final = 64
"""Nested lists and objects; engines stop reading at 128, and a call needs four."""
_INTEGERS: Final = range(-(1 << 63), 1 << 64)


def read_json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Decodes a body.

    Raises:
        InvalidInputError: it is no JSON (RFC 8259), or some readers would not take it: numbers past 64 bits or the
            range of doubles, halves of surrogate pairs, nesting past ``DEPTH_LIMIT``.
    """
    try:
        check_nesting("body", content, DEPTH_LIMIT)
        text = content.decode()
        asked = json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_float)
        if "\\u" in text:
            json.dumps(asked, ensure_ascii=False).encode()
    except (ValueError, InvalidInputError):
        raise InvalidInputError("body is no JSON") from None
    return asked


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int:
    number = int(digits)
    if number not in _INTEGERS:
        raise ValueError("number is longer than 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("number is beyond doubles")
    return number
