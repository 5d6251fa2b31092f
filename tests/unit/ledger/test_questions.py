"""Which bodies are read: those that every reader of JSON reads alike."""

from __future__ import annotations

import pytest

from consentry.errors import InvalidInputError
from consentry.ledger.embedded.questions import DEPTH_LIMIT, read_json


def nested(depth: int) -> bytes:
    """Lists in lists."""
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "content",
    [
        b"NaN",
        b"[Infinity]",
        b'{"to":-Infinity}',
        b"1e400",
        b"-1e400",
        b"1" * 400,
        str(1 << 64).encode(),
        str(-(1 << 63) - 1).encode(),
        rb'"\ud800"',
        rb'{"\udfff":1}',
        rb'["\udc00\ud800"]',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        '"x"'.encode("utf-16"),
        nested(DEPTH_LIMIT + 1),
        nested(300),
        nested(100_000),
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b'[{"a":' * 33 + b"1" + b"}]" * 33,
        b'["' + rb"\"" * 1_000_000,
        b'["' + rb"\"" * 1_000_000 + b"\\",
        b"",
        b"{",
    ],
    ids=lambda content: ascii(content[:12]),
)
def test_read_json_what_some_readers_would_not_take_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError, match="body is no JSON"):
        read_json(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rb'["[[]]{{[\"[[", {"\\": ["]"]}]', ['[[]]{{["[[', {"\\": ["]"]}]),
        (rb'"\ud83d\ude00 \\ud800"', "\U0001f600 \\ud800"),
        ('"\U0001f600"'.encode(), "\U0001f600"),
        (b"[18446744073709551615,-9223372036854775808,1.5e300]", [(1 << 64) - 1, -(1 << 63), 1.5e300]),
    ],
)
def test_read_json_gives_what_all_agree_on(content: bytes, expected: object) -> None:
    assert read_json(content) == expected


def test_read_json_takes_the_deepest_nesting_allowed() -> None:
    read_json(nested(DEPTH_LIMIT))
    read_json(b'{"a":' * DEPTH_LIMIT + b"1" + b"}" * DEPTH_LIMIT)
