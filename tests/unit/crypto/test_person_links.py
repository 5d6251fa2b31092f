"""Commitments of links: the bytes of the format document, and what they bind."""

from __future__ import annotations

import hmac
import re
from pathlib import Path

import pytest

from consentry.crypto.person_links import commit_link, commit_unlink, verify_link, verify_unlink
from consentry.errors import InvalidInputError, VerificationError
from tests.support import samples

DOCUMENT = (Path(__file__).parents[3] / "docs/formats/person-link.md").read_text()
BLINDING, SUBJECTS = bytes(range(32)), [samples.word(0x51), samples.word(0x52)]
LINK, REASON = samples.word(0x71), "two patients of one name"


def framed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def test_commitments_are_those_of_the_document() -> None:
    shown = re.findall(r"`(0x[0-9a-f]{64})`", DOCUMENT)

    made = [BLINDING, *SUBJECTS, commit_link(BLINDING, SUBJECTS), LINK, commit_unlink(BLINDING, LINK, REASON)]

    assert shown == ["0x" + value.hex() for value in made]
    assert f'"{REASON}"' in DOCUMENT


def test_commitments_are_plain_hmacs_of_what_the_document_says() -> None:
    link = framed(b"consentry/person-link/v1", *SUBJECTS)
    unlink = framed(b"consentry/person-unlink/v1", LINK, REASON.encode())

    assert commit_link(BLINDING, SUBJECTS[::-1]) == hmac.digest(BLINDING, link, "sha256")
    assert commit_unlink(BLINDING, LINK, REASON) == hmac.digest(BLINDING, unlink, "sha256")


@pytest.mark.parametrize(
    ("blinding", "subjects"),
    [(BLINDING[::-1], SUBJECTS), (BLINDING, [SUBJECTS[0], samples.word(0x53)]), (BLINDING, [*SUBJECTS, LINK])],
)
def test_link_does_not_open_to_anything_else(blinding: bytes, subjects: list[bytes]) -> None:
    commitment = commit_link(BLINDING, SUBJECTS)
    verify_link(commitment, BLINDING, SUBJECTS)

    with pytest.raises(VerificationError):
        verify_link(commitment, blinding, subjects)


@pytest.mark.parametrize(
    ("blinding", "link", "reason"),
    [(BLINDING[::-1], LINK, REASON), (BLINDING, SUBJECTS[0], REASON), (BLINDING, LINK, REASON + " ")],
)
def test_unlink_does_not_open_to_anything_else(blinding: bytes, link: bytes, reason: str) -> None:
    commitment = commit_unlink(BLINDING, LINK, REASON)
    verify_unlink(commitment, BLINDING, LINK, REASON)

    with pytest.raises(VerificationError):
        verify_unlink(commitment, blinding, link, reason)


@pytest.mark.parametrize("subjects", [[], SUBJECTS[:1], [SUBJECTS[0]] * 2, [*SUBJECTS, b"\1"]])
def test_link_of_fewer_than_two_subjects_is_none(subjects: list[bytes]) -> None:
    with pytest.raises(InvalidInputError):
        commit_link(BLINDING, subjects)


def test_blinding_value_of_another_size_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        commit_link(b"", SUBJECTS)
    with pytest.raises(InvalidInputError):
        commit_unlink(b"", LINK, REASON)
