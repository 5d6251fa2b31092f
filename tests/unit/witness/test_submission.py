"""Bodies of ``add-checkpoint``: one form, bounded, read back as written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.errors import ConsentryError, InvalidInputError, TooLargeError
from consentry.witness.submission import LARGEST_BODY, Submission
from tests.support.header_chain import HeaderChain
from tests.unit.witness.kept import shown

SENT = shown(HeaderChain().grow(20), 9, 20)
BODY = SENT.to_bytes()
NOTE = SENT.note.to_bytes()


def test_body_has_the_form_of_the_standard() -> None:
    head, _, note = BODY.partition(b"\n\n")
    first, *proof = head.split(b"\n")
    assert (first, note) == (b"old 9", NOTE)
    assert len(proof) == len(SENT.proof) > 2
    assert Submission.from_bytes(BODY) == SENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        NOTE,
        b"old 9\n" + NOTE,
        b"old 09\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old 21\n\n" + NOTE,
        b"old 9999999999999999999\n\n" + NOTE,
        b"old 9 \n\n" + NOTE,
        b"OLD 9\n\n" + NOTE,
        b"old 9\r\n\n" + NOTE,
        b"old 9\nAAAA\n\n" + NOTE,
        b"old 9\nnone\n\n" + NOTE,
        b"old 9\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + NOTE,
        b"old 9\n\n",
        BODY[:-1],
        BODY + b"\n",
        BODY.replace(b"\n20\n", b"\n020\n"),
    ],
)
def test_other_forms_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Submission.from_bytes(body)


def test_large_body_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        Submission.from_bytes(b"\xff" * (LARGEST_BODY + 1))


@given(st.binary(max_size=300), st.integers(0, len(BODY)))
def test_any_bytes_are_read_or_refused(noise: bytes, place: int) -> None:
    for body in (noise, BODY[:place] + noise + BODY[place:]):
        try:
            read = Submission.from_bytes(body)
        except ConsentryError:
            continue
        assert read.to_bytes() == body
