"""Evidence against a log or a witness: it convicts who signed two histories, and nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.log_tree import EMPTY_ROOT, nodes_of, prefix_nodes
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import Checkpoint, checkpoint_note
from consentry.evidence.misbehaviour import Kind, Misbehaviour, accuse, verify_misbehaviour
from consentry.evidence.note import SignedNote
from tests.support.log_people import LOG, NOW, WITNESSES, cosigned, head, key, leaves

LOG_KEY = LOG.verifier_key
WITNESS_KEY = WITNESSES[0].verifier_key


def _note(checkpoint: Checkpoint, time: int = NOW) -> SignedNote:
    return cosigned(checkpoint, {0: time})


def _nodes(old: int, new: int, fork: int | None = None) -> tuple[bytes, ...]:
    return prefix_nodes(old, new, nodes_of(leaves(new, fork)))


@pytest.mark.parametrize("accused", [LOG_KEY, WITNESS_KEY], ids=["log", "witness"])
def test_two_roots_of_one_size_convict(accused: Any) -> None:  # noqa: ANN401 - a key of either kind
    one, other = _note(head(7)), _note(head(7, fork=4), NOW + 9)

    found = verify_misbehaviour(accuse(accused, one, other).to_json())

    assert found.kind is Kind.TWO_ROOTS
    assert found.conclusive
    assert found.key == accused
    assert {found.first, found.second} == {head(7), head(7, fork=4)}
    assert accuse(accused, one, other) == accuse(accused, other, one)


@given(st.integers(2, 40), st.data())
def test_smaller_tree_that_is_no_prefix_convicts(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    fork = data.draw(st.integers(0, old - 1))

    content = accuse(LOG_KEY, _note(head(new, fork)), _note(head(old)), _nodes(old, new, fork)).to_json()
    found = verify_misbehaviour(content)

    assert found.kind is Kind.NOT_A_PREFIX
    assert found.conclusive
    assert (found.first.size, found.second.size) == (old, new)


@given(st.integers(2, 40), st.data())
def test_honest_heads_never_convict(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    nodes = _nodes(old, new)

    with pytest.raises(VerificationError, match="the smaller tree is the beginning of the larger one"):
        verify_misbehaviour(accuse(LOG_KEY, _note(head(old)), _note(head(new)), nodes).to_json())
    at = data.draw(st.integers(0, len(nodes) - 1))
    forged = (*nodes[:at], bytes([nodes[at][0] ^ 1]) + nodes[at][1:], *nodes[at + 1 :])
    for wrong in (forged, nodes[:-1], (*nodes, nodes[0]), ()):
        with pytest.raises(VerificationError, match="match"):
            verify_misbehaviour(accuse(LOG_KEY, _note(head(old)), _note(head(new)), wrong).to_json())


def test_same_head_signed_twice_does_not_convict() -> None:
    extended = replace(head(7), extensions=("another line",))
    for other in (_note(head(7), NOW + 60), _note(extended)):
        with pytest.raises(VerificationError, match="roots do not match"):
            verify_misbehaviour(accuse(WITNESS_KEY, _note(head(7)), other).to_json())


def test_two_sizes_without_nodes_charge_and_do_not_convict() -> None:
    for larger in (head(9), head(9, fork=2)):
        found = verify_misbehaviour(accuse(LOG_KEY, _note(head(5)), _note(larger)).to_json())

        assert found.kind is Kind.NO_PROOF_SHOWN
        assert not found.conclusive


def test_empty_tree_charges_nobody() -> None:
    empty = _note(Checkpoint(LOG.name, 0, EMPTY_ROOT))
    with pytest.raises(VerificationError, match="sizes do not match"):
        verify_misbehaviour(accuse(LOG_KEY, empty, _note(head(3))).to_json())


def test_heads_of_two_logs_do_not_convict() -> None:
    other = replace(head(7, fork=4), origin="ledger.example.org/yunnan")
    with pytest.raises(VerificationError, match="origin does not match"):
        verify_misbehaviour(accuse(WITNESS_KEY, _note(head(7)), _note(other)).to_json())


def test_heads_of_which_the_key_signed_one_do_not_convict() -> None:
    unsigned = checkpoint_note(head(7, fork=4), WITNESSES[1].cosign(head(7, fork=4), NOW))
    stranger = replace(LOG_KEY, public=key(99).public)

    for accused, other in ((LOG_KEY, unsigned), (WITNESS_KEY, unsigned), (stranger, _note(head(7, fork=4)))):
        with pytest.raises(VerificationError, match="signature does not match"):
            verify_misbehaviour(accuse(accused, _note(head(7)), other).to_json())


def test_false_signature_does_not_convict() -> None:
    forged = head(7, fork=4)
    note = checkpoint_note(forged, LOG.sign(head(7)))
    with pytest.raises(VerificationError, match=f"signature of {LOG.name} does not hold"):
        verify_misbehaviour(accuse(LOG_KEY, _note(head(7)), note).to_json())


SMALL, LARGE = _note(head(5)), _note(head(9, fork=2))
LOW, HIGH = sorted((_note(head(7)), _note(head(7, fork=4))), key=lambda note: Checkpoint.parse(note.text).root)


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        (Misbehaviour(Kind.TWO_ROOTS, LOG_KEY, SMALL, LARGE), "sizes do not match"),
        (Misbehaviour(Kind.TWO_ROOTS, LOG_KEY, HIGH, LOW), "roots do not match"),
        (Misbehaviour(Kind.TWO_ROOTS, LOG_KEY, LOW, HIGH, _nodes(5, 9, 2)), "expected none for two-roots"),
        (Misbehaviour(Kind.NOT_A_PREFIX, LOG_KEY, SMALL, LARGE), "expected some"),
        (Misbehaviour(Kind.NOT_A_PREFIX, LOG_KEY, LARGE, SMALL, _nodes(5, 9, 2)), "sizes do not match"),
        (Misbehaviour(Kind.NOT_A_PREFIX, LOG_KEY, LOW, HIGH, _nodes(5, 9, 2)), "sizes do not match"),
        (Misbehaviour(Kind.NO_PROOF_SHOWN, LOG_KEY, SMALL, LARGE, _nodes(5, 9, 2)), "expected none for no-proof-shown"),
        (Misbehaviour(Kind.NO_PROOF_SHOWN, LOG_KEY, LARGE, SMALL), "sizes do not match"),
        (Misbehaviour(Kind.NO_PROOF_SHOWN, LOG_KEY, LOW, HIGH), "sizes do not match"),
    ],
)
def test_evidence_of_another_kind_than_it_says_is_refused(evidence: Misbehaviour, what: str) -> None:
    with pytest.raises(VerificationError, match=what):
        verify_misbehaviour(evidence.to_json())


def test_file_is_read_as_it_was_written() -> None:
    evidence = accuse(LOG_KEY, SMALL, LARGE, _nodes(5, 9, 2))
    assert Misbehaviour.from_json(evidence.to_json()) == evidence


FILE = accuse(LOG_KEY, SMALL, LARGE, _nodes(5, 9, 2)).to_json()


def _changed(**members: Any) -> bytes:  # noqa: ANN401 - any JSON
    return rfc8785.dumps({**json.loads(FILE), **members})


MALFORMED = {
    "nothing": b"",
    "no object": b"[]",
    "indented": json.dumps(json.loads(FILE), indent=1, ensure_ascii=False).encode(),
    "line end": FILE + b"\n",
    "escaped": json.dumps(json.loads(FILE), sort_keys=True, separators=(",", ":")).encode(),
    "member twice": FILE.replace(b'"kind":"not-a-prefix"', b'"kind":"not-a-prefix","kind":"not-a-prefix"'),
    "other format": _changed(format="consentry.log-misbehaviour/v2"),
    "unknown kind": _changed(kind="other"),
    "unknown member": _changed(more=1),
    "key as number": _changed(key=1),
    "first as number": _changed(first=1),
    "first of another form": _changed(first=SMALL.to_bytes().decode() + "\n"),
    "lone surrogate": FILE.replace(b'"first":"', b'"first":"\\ud800'),
    "nodes as text": _changed(nodes="0x"),
    "short node": _changed(nodes=["0x00"]),
    "too many nodes": _changed(nodes=["0x" + "00" * 32] * 66),
    "deep": b"[" * 100_000,
    "deep within": FILE[:-1] + b',"x":' + b'{"x":' * 100_000,
    "too large": b" " * ((1 << 20) + 1),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_file_in_another_form_is_refused(content: bytes) -> None:
    assert content != FILE
    with pytest.raises(InvalidInputError):
        verify_misbehaviour(content)


@pytest.mark.parametrize("bit", [0, 5])
def test_file_with_any_bit_flipped_never_convicts_another(bit: int) -> None:
    """Lines of others are ignored, so a flip there may pass; who is convicted of what stays the same."""
    expected = verify_misbehaviour(FILE)
    for place in range(len(FILE)):
        flipped = bytearray(FILE)
        flipped[place] ^= 1 << bit
        try:
            found = verify_misbehaviour(bytes(flipped))
        except (InvalidInputError, VerificationError):
            continue
        assert found == expected
