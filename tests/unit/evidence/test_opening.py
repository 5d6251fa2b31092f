"""Bytes at hand are compared with the record of a bundle: ciphertext by its digest, plaintext by the commitment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from io import BufferedReader, BytesIO

import pytest

from consentry.core.terms import RecordLeaf
from consentry.crypto.commitment import commit_plaintext
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.opening import Opening, check_bytes
from consentry.evidence.steps import RECORD
from tests.support import samples

PLAINTEXT, CIPHERTEXT = b"what the physician wrote", b"what lies in the store"
OPENING = Opening(samples.word(0x0B), samples.word(0xB1))


def leaf() -> RecordLeaf:
    """Gives the leaf of a record with these bytes."""
    return replace(
        samples.leaf(),
        ciphertext_digest=hashlib.sha256(CIPHERTEXT).digest(),
        ciphertext_size=len(CIPHERTEXT),
        commitment=commit_plaintext(
            OPENING.blinding,
            object_id=OPENING.object_id,
            version=1,
            size=len(PLAINTEXT),
            plaintext_sha256=hashlib.sha256(PLAINTEXT).digest(),
        ),
    )


def file(content: bytes) -> BufferedReader:
    """Gives a file with a content."""
    return BufferedReader(BytesIO(content))


def refusal(content: bytes, opening: Opening | None = None, known: RecordLeaf | None = None) -> VerificationError:
    """Gives the refusal of bytes."""
    with pytest.raises(VerificationError) as caught:
        check_bytes(known or leaf(), file(content), opening)
    assert caught.value.step == RECORD
    return caught.value


def test_bytes_of_the_record_are_known() -> None:
    check_bytes(leaf(), file(CIPHERTEXT))
    check_bytes(leaf(), file(PLAINTEXT), OPENING)


@pytest.mark.parametrize("wrong", [b"", CIPHERTEXT[:-1], CIPHERTEXT + b"\0", PLAINTEXT])
def test_other_ciphertext_is_refused(wrong: bytes) -> None:
    refusal(wrong)


def test_ciphertext_of_the_same_size_is_refused_by_its_digest() -> None:
    assert "digest of the record's ciphertext" in refusal(CIPHERTEXT[::-1]).message


@pytest.mark.parametrize(
    ("content", "opening"),
    [
        (PLAINTEXT + b" ", OPENING),
        (CIPHERTEXT, OPENING),
        (PLAINTEXT, replace(OPENING, blinding=samples.word(0xB2))),
        (PLAINTEXT, replace(OPENING, object_id=samples.word(0x0C))),
    ],
)
def test_other_plaintext_or_opening_is_refused(content: bytes, opening: Opening) -> None:
    assert "plaintext commitment" in refusal(content, opening).message


def test_plaintext_of_another_version_is_refused() -> None:
    refusal(PLAINTEXT, OPENING, replace(leaf(), version=2))


def test_bundle_about_no_known_record_has_no_bytes() -> None:
    with pytest.raises(VerificationError, match="record of the bundle") as caught:
        check_bytes(None, file(CIPHERTEXT))
    assert caught.value.step == RECORD


def test_opening_is_read_as_it_was_written() -> None:
    assert Opening.from_json(OPENING.to_json()) == OPENING


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "consentry.opening/v2"},
        {"more": 1},
        {"blinding": "0x11"},
        {"objectId": None},
    ],
)
def test_malformed_opening_is_refused(changed: dict[str, object]) -> None:
    document = json.loads(OPENING.to_json()) | changed
    with pytest.raises(InvalidInputError):
        Opening.from_json(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
