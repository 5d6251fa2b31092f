"""Defects planted into parsers: the harness must find each, or its silence means nothing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consentry.api import shortcut
from consentry.client import studies
from consentry.core import log_tiles, nesting
from consentry.crypto import sealing, sign_in, webauthn
from consentry.errors import ConsentryError, InvalidInputError
from consentry.evidence import bundle, canonical, flat_rlp, log_root, notation, note, state_proof, trie
from consentry.ledger import calldata
from tests.fuzzing import course as courses
from tests.fuzzing.course import Course, bounded, run_unguided
from tests.fuzzing.mutators import as_json, as_lines, as_rlp, as_words, blindly, packed, unpacked
from tests.fuzzing.parser import Parser, UnfaithfulError, same_bytes
from tests.fuzzing.parsers import PARSERS

INPUTS, ROUND = 8_000, 250
FEWER = tuple(kind for kind in canonical.UNREADABLE if kind is not OverflowError)


def _read_loosely(what: str, content: bytes, build: Callable[[Any], Any], *, largest: int = 1 << 24) -> Any:  # noqa: ANN401 - what is built
    """Reads a file whatever its form is."""
    del largest
    try:
        return build(nesting.parse_json(what, content))
    except canonical.UNREADABLE as error:
        raise InvalidInputError("no file") from error


def _head_unchecked(data: bytes, at: int) -> tuple[bool, int, int]:
    """Reads the head of an RLP item, and looks at a digit of its length before it knows that there is one."""
    size = data[at] - 0xF7 if data[at] > 0xF7 else data[at] - 0xB7 if 0xB7 < data[at] < 0xC0 else 0
    if size and data[at + 1 : at + 1 + size][0] == 0:
        raise InvalidInputError("length written long")
    return PAYLOAD(data, at)


PAYLOAD = flat_rlp._payload
HEADER = re.compile(sign_in._HEADER.pattern.replace("[0-9]{1,12}", ".{1,12}"))
PLANTED: list[tuple[str, list[tuple[object, str, object]], str, str]] = [
    ("text is not looked at", [(note, "check_text", lambda _: None)], "note", "UnicodeDecodeError"),
    ("names need not be text", [(note, "_is_text", lambda _: True)], "verifier-key", "UnicodeEncodeError"),
    ("infinity is forgotten", [(canonical, "UNREADABLE", FEWER)], "statement", "OverflowError"),
    ("numbers may be negative", [(trie, "UNREADABLE", FEWER)], "node-receipt", "OverflowError"),
    ("any form of a bundle is taken", [(bundle, "read_canonical", _read_loosely)], "bundle", "UnfaithfulError"),
    ("any form of a log root is taken", [(log_root, "read_canonical", _read_loosely)], "log-root", "UnfaithfulError"),
    ("a length is read before it is there", [(flat_rlp, "_payload", _head_unchecked)], "rlp", "IndexError"),
    ("a length in a header likewise", [(flat_rlp, "_payload", _head_unchecked)], "qbft-extra", "IndexError"),
    (
        "words may be wide",
        [(state_proof, "number_in", lambda c, _: int.from_bytes(c, "big"))],
        "state-proof",
        "Overflow",
    ),
    ("numbers need no digits", [(notation, "_DECIMAL", re.compile(r".*"))], "structs", "ValueError"),
    ("numbers of acts likewise", [(notation, "_DECIMAL", re.compile(r".*"))], "act", "ValueError"),
    ("seconds need no digits", [(sign_in, "_HEADER", HEADER)], "http-headers", "ValueError"),
    (
        "client data are parsed as they are",
        [(webauthn, "parse_json", lambda _, c: json.loads(c))],
        "signature",
        "Error",
    ),
    ("a body is not validated", [(shortcut, "ValidationError", KeyError)], "http-body", "ValidationError"),
    ("a table's end is not known", [(calldata, "UNREADABLE", (ValueError,))], "calldata", "IndexError"),
    ("a broken tag is no error", [(sealing, "InvalidTag", KeyError)], "sealed-object", "InvalidTag"),
    ("a UID may be anything", [(studies, "_uid", lambda text: text)], "study", "Error"),
    ("nesting is not counted", [(nesting, "check_nesting", lambda *_: None)], "act", "RecursionError"),
    (
        "a path has no form",
        [(log_tiles, "_PATH", re.compile(r"tile/(.*?)/(.*?)(?:\.p/(.*))?"))],
        "tile-path",
        "ValueError",
    ),
]


@pytest.mark.parametrize(("what", "plants", "name", "found"), PLANTED, ids=[each[0] for each in PLANTED])
def test_planted_defect_is_found(
    monkeypatch: pytest.MonkeyPatch, what: str, plants: list[tuple[object, str, object]], name: str, found: str
) -> None:
    parser = PARSERS[name]
    seeds = parser.seeds()
    for module, attribute, defect in plants:
        monkeypatch.setattr(module, attribute, defect)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2_000)  # some libraries raise it so far that the stack would end first
    course = Course(replace(parser, seeds=lambda: seeds))
    try:
        with bounded(memory=False):
            while not any(found in crash for crash in course.account.crashes) and course.account.inputs < INPUTS:
                run_unguided(course, course.account.inputs + ROUND, seed=course.account.inputs)
    finally:
        sys.setrecursionlimit(limit)

    assert any(found in crash for crash in course.account.crashes), f"{what}: {[*course.account.crashes]}"


def _parser(read: Callable[[bytes], object]) -> Parser:
    return Parser("planted", "nothing", read, lambda: [b"seed"], ())


def test_input_that_takes_for_ever_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "SECONDS", 0.05)

    def read(content: bytes) -> object:
        while content == b"for ever":
            pass
        return content

    course = Course(_parser(read))
    with bounded(memory=False):
        course.try_input(b"for ever")
        course.try_input(b"at once")

    assert [*course.account.crashes] == ["HangError in test_harness.py:read"]
    assert (course.account.inputs, course.account.accepted) == (2, 1)


def test_input_that_takes_all_memory_fails() -> None:
    course = Course(_parser(lambda content: bytearray(len(content) << 40)))
    with bounded(memory=True):
        course.try_input(b"x")

    assert [*course.account.crashes] == ["MemoryError in test_harness.py:<lambda>"]


def test_crash_is_kept_once_with_its_shortest_input(tmp_path: Path) -> None:
    def read(content: bytes) -> object:
        if not content:
            raise ConsentryError("nothing")
        return content[7]

    course = Course(_parser(read), tmp_path / "crashes")
    with bounded(memory=False):
        for content in (b"", b"four", b"si", b"x" * 9):
            course.try_input(content)

    assert course.account.crashes == {"IndexError in test_harness.py:read": b"si"}
    assert course.account.repeated == 1
    assert {path.read_bytes() for path in (tmp_path / "crashes").iterdir()} == {b"four", b"si"}
    assert course.account.told(course.parser)["crashes"] == {"IndexError in test_harness.py:read": b"si".hex()}


def test_two_forms_of_one_value_are_told() -> None:
    with pytest.raises(UnfaithfulError, match="bytes do not match"):
        same_bytes(b"1", b"01")


@pytest.mark.parametrize("mutate", [blindly, as_json, as_rlp, as_lines, as_words])
def test_mutators_take_anything_and_repeat_themselves(mutate: Callable[[bytes, Random], bytes]) -> None:
    for content in (b"", b"\0", b"[]", b'{"a": [1, "0x00", {"b": null}]}', b"\xc2\x01\x02", bytes(300), b"[" * 500):
        made = [mutate(content, Random(seed)) for seed in range(50)]
        assert made == [mutate(content, Random(seed)) for seed in range(50)]
        assert len({*made}) > 1


def test_joined_parts_come_apart_again() -> None:
    assert unpacked(packed(b"", b"one", bytes(300))) == [b"", b"one", bytes(300)]
    assert unpacked(b"\0") == []
