"""The fast writer of canonical JSON, beside that of the standard's authors."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.evidence.canonical import write_plain

NAMES = st.text(st.characters(max_codepoint=0x7F), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_plain_document_is_written_as_the_standard_says(document: dict[str, Any]) -> None:
    assert write_plain(document) == rfc8785.dumps(document)


def test_every_control_character_is_escaped_as_the_standard_says() -> None:
    document = {"text": "".join(map(chr, range(0x120))) + "\u2028\ufeff\U0001f600"}
    assert write_plain(document) == rfc8785.dumps(document)


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        write_plain({"text": "\ud800"})
