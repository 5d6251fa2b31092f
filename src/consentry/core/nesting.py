"""How deep JSON of strangers nests, told before it is parsed.

The parser of the standard library goes down as deep as a document does, and ends with the interpreter's limit of
recursion. Libraries of the chain raise that a hundredfold, and then the parser overflows the stack of the process
instead, which nothing catches.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import accumulate
from typing import Any, Final

from consentry.errors import InvalidInputError

DEEPEST: Final = 64
"""Nested lists and objects of whatever is read here; no document of this package needs ten."""

# Also one that does not end: otherwise each of its quotes would be tried as the start of another.
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STEPS: Final = {ord(bracket): step for bracket, step in zip("[{]}", (1, 1, -1, -1), strict=True)}
_NO_BRACKETS: Final = bytes(set(range(256)) - _STEPS.keys())


def check_nesting(what: str, content: bytes, deepest: int = DEEPEST) -> None:
    """Refuses a document that nests too deep; whether it is JSON at all is for the parser.

    Args:
        what: name of the kind of document, for messages.
        content: its bytes, in UTF-8.
        deepest: how many lists and objects may stand in one another.

    Raises:
        InvalidInputError: more than that many do.
    """
    if content.count(b"[") + content.count(b"{") <= deepest:
        return
    brackets = _STRINGS.sub(b"", content).translate(None, _NO_BRACKETS)
    found = max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)
    if found > deepest:
        raise InvalidInputError(f"nesting of {what} does not match (got {found} levels, expected at most {deepest})")


def parse_json(what: str, content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Parses a document that nests no deeper than `DEEPEST`.

    It must be UTF-8: the parser, given bytes, would also guess UTF-16, where half a letter may look like a quote and
    hide all brackets behind it. No name may stand twice in an object: parsers differ in which of its values they take.

    Raises:
        InvalidInputError: it nests deeper, has a name twice, or is no JSON (RFC 8259): it has no infinite numbers.
    """
    check_nesting(what, content)
    try:
        return json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except ValueError as error:
        raise InvalidInputError(f"{what} does not match (got no usable JSON: {error})") from error


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        [(twice, _)] = Counter(name for name, _ in members).most_common(1)
        raise ValueError(f"{twice!r:.80} twice")
    return found


def _refuse(constant: str) -> Any:  # noqa: ANN401 - as the parser asks
    raise ValueError(f"{constant} is no number")
