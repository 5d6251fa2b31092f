"""A list of strings read in one go: the same as item by item, for whatever bytes."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.errors import InvalidInputError
from consentry.evidence.flat_rlp import members_of, string_of, strings_of

HEADS = st.sampled_from([b"\x00", b"\x7f", b"\x80", b"\x81", b"\x82", b"\xb7", b"\xb8\x38", b"\xb9", b"\xc0", b"\xc1"])
BYTES = st.lists(HEADS | st.binary(max_size=60), max_size=6).map(b"".join)


def _one_by_one(encoded: bytes) -> list[bytes] | None:
    try:
        return [string_of(item) for item in members_of(encoded)]
    except InvalidInputError:
        return None


@settings(deadline=None)
@given(BYTES, st.booleans())
def test_strings_are_those_of_the_members(payload: bytes, has_head: bool) -> None:  # noqa: FBT001 - drawn
    encoded = (bytes([0xC0 + len(payload)]) if len(payload) <= 55 else b"") * has_head + payload
    expected = _one_by_one(encoded)
    if expected is None:
        with pytest.raises(InvalidInputError, match="RLP does not match"):
            strings_of(encoded)
    else:
        assert strings_of(encoded) == expected


@settings(deadline=None)
@given(st.lists(st.binary(max_size=70), max_size=25))
def test_strings_are_those_that_were_written(strings: list[bytes]) -> None:
    assert strings_of(rlp.encode(strings)) == strings


def test_string_that_ends_behind_its_list_is_refused() -> None:
    for encoded in (b"\xc2\x82a", b"\xc3\x83ab", b"\xc2\x82ab"):
        with pytest.raises(InvalidInputError, match="RLP does not match"):
            strings_of(encoded)
