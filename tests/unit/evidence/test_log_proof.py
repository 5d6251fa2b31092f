"""Proofs of single entries: the form of C2SP ``tlog-proof``, and every other refused.

The forms that are refused are those of ``github.com/transparency-dev/formats``, ``proof/tlog_proof_test.go``, and more.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.log_tree import inclusion_proof, nodes_of
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.log_proof import LogProof, verify_entry
from tests.support.log_people import NOW, POLICY, cosigned, head, leaves

NOTE = cosigned(head(5), dict.fromkeys(range(3), NOW))
LEAVES = leaves(5)


def _proof(index: int, size: int) -> LogProof:
    note = cosigned(head(size), dict.fromkeys(range(3), NOW))
    return LogProof(index, inclusion_proof(index, size, nodes_of(leaves(size))), note)


@given(st.integers(1, 40), st.data())
def test_entry_with_its_proof_is_final(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))

    found = verify_entry(_proof(index, size).to_bytes(), leaves(size)[index], POLICY, NOW)

    assert (found.index, found.final.checkpoint) == (index, head(size))


def test_file_has_the_form_of_the_standard() -> None:
    path = [base64.b64encode(node).decode() for node in _proof(4, 5).path]
    assert len(path) == 1

    content = _proof(4, 5).to_bytes()

    assert content == f"c2sp.org/tlog-proof@v1\nindex 4\n{path[0]}\n\n".encode() + NOTE.to_bytes()
    assert LogProof.from_bytes(content) == _proof(4, 5)


def test_entry_alone_in_its_log_needs_no_path() -> None:
    content = _proof(0, 1).to_bytes()
    assert content.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nledger.example.org")
    verify_entry(content, leaves(1)[0], POLICY, NOW)


@pytest.mark.parametrize("index", range(5))
def test_other_entry_is_not_proved(index: int) -> None:
    content = _proof(index, 5).to_bytes()
    for other in {*range(5)} - {index}:
        with pytest.raises(VerificationError, match="root of the inclusion proof does not match"):
            verify_entry(content, LEAVES[other], POLICY, NOW)


def test_entry_behind_the_checkpoint_is_not_proved() -> None:
    content = LogProof(5, _proof(4, 5).path, NOTE).to_bytes()
    with pytest.raises(VerificationError, match="leaf index does not match"):
        verify_entry(content, LEAVES[4], POLICY, NOW)


def test_entry_under_a_checkpoint_that_is_not_final_is_not_proved() -> None:
    proof = LogProof(4, _proof(4, 5).path, cosigned(head(5), {0: NOW, 1: NOW}))
    with pytest.raises(VerificationError, match="number of witnesses does not match"):
        verify_entry(proof.to_bytes(), LEAVES[4], POLICY, NOW)


FILE = _proof(1, 5).to_bytes()
HASH = base64.b64encode(b"\0" * 32).decode()


MALFORMED = {
    "nothing": b"",
    "other header": FILE.replace(b"@v1", b"@v2"),
    "no header": FILE.partition(b"\n")[2],
    "extra data": FILE.replace(b"index", b"extra QQ==\nindex"),
    "no index": FILE.replace(b"index 1\n", b""),
    "index is no number": FILE.replace(b"index 1", b"index one"),
    "index below 0": FILE.replace(b"index 1", b"index -1"),
    "index with a zero": FILE.replace(b"index 1", b"index 01"),
    "index with a space": FILE.replace(b"index 1", b"index  1"),
    "index too large": FILE.replace(b"index 1", b"index 9223372036854775807"),
    "index twice": FILE.replace(b"index 1", b"index 1\nindex 1"),
    "hash is no Base 64": FILE.replace(b"index 1\n", b"index 1\n!!\n"),
    "hash of 64 bytes": FILE.replace(b"index 1\n", b"index 1\n" + base64.b64encode(b"\0" * 64) + b"\n"),
    "64 hashes": FILE.replace(b"index 1\n", b"index 1\n" + f"{HASH}\n".encode() * 64),
    "carriage return": FILE.replace(b"index 1\n", b"index 1\r\n"),
    "no UTF-8": b"\xff" + FILE,
    "empty line in front": b"\n" + FILE,
    "no checkpoint": FILE.partition(b"\n\n")[0] + b"\n\n",
    "no empty line": FILE.partition(b"\n\n")[0],
    "two empty lines": FILE.replace(b"\n\nledger", b"\n\n\nledger"),
    "more behind": FILE + b"x\n",
    "too large": FILE + b"a" * (1 << 19),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_file_in_another_form_is_refused(content: bytes) -> None:
    assert content != FILE
    with pytest.raises(InvalidInputError):
        verify_entry(content, LEAVES[1], POLICY, NOW)


@pytest.mark.parametrize("bit", [0, 5])
def test_file_with_any_bit_flipped_is_refused(bit: int) -> None:
    for place in range(len(FILE)):
        flipped = bytearray(FILE)
        flipped[place] ^= 1 << bit
        with pytest.raises((InvalidInputError, VerificationError)):
            verify_entry(bytes(flipped), LEAVES[1], POLICY, NOW)


def test_file_cut_off_anywhere_is_refused() -> None:
    for length in range(len(FILE)):
        with pytest.raises((InvalidInputError, VerificationError)):
            verify_entry(FILE[:length], LEAVES[1], POLICY, NOW)
