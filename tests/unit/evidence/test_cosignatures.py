"""Cosignatures of ML-DSA-44 beside those of Ed25519: a published one holds, and neither kind passes for the other.

Vector: the checkpoint and the seed of ``filippo.io/torchwood``, ``cmd/litewitness/testdata/mldsa.txt``, whose log signs
as a cosigner does, at time 0; the key id there is the first part of its verifier key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import (
    MAX_TIME,
    Checkpoint,
    Cosigner,
    LogSigner,
    checkpoint_note,
    cosigned_head,
    cosigned_message,
    verify_signature,
)
from consentry.evidence.log_root import LogRoot
from consentry.evidence.misbehaviour import Kind, accuse, verify_misbehaviour
from consentry.evidence.note import MOST_SIGNATURES, KeyKind, NoteSignature, SignedNote, VerifierKey, to_base64
from consentry.evidence.witnesses import WitnessPolicy, verify_checkpoint
from tests.support.log_people import LOG, NOW, ORIGIN, POLICY, QUANTUM_SAFE, ROOT, WITNESSES, head, key

PUBLISHED = Path(__file__).parents[2] / "vectors" / "cosignatures" / "torchwood.txt"
PUBLISHED_SEED = bytes.fromhex("2886adc2b0eabfce67c0472939127998bf886cf256bfee8ba76a253fce1146e0")
PUBLISHED_ORIGIN = "example.com/mldsa-log"

HEAD = head(5)
KEY = QUANTUM_SAFE.verifier_key
MADE = QUANTUM_SAFE.cosign(HEAD, NOW)
MIXED = replace(POLICY, witnesses=(*(one.verifier_key for one in WITNESSES[:2]), KEY))
"""All three of a policy of both kinds have to sign."""


def _note(line: NoteSignature, checkpoint: Checkpoint = HEAD) -> SignedNote:
    others = (one.cosign(checkpoint, NOW) for one in WITNESSES[:2])
    return checkpoint_note(checkpoint, LOG.sign(checkpoint), *others, line)


def _verify(line: NoteSignature, checkpoint: Checkpoint = HEAD, policy: WitnessPolicy = MIXED) -> tuple[str, ...]:
    return verify_checkpoint(_note(line, checkpoint).to_bytes(), policy, NOW).witnesses


def _signed(message: bytes, by: Cosigner = QUANTUM_SAFE, time: int = NOW) -> NoteSignature:
    """A line of a witness over whatever message."""
    return NoteSignature(by.name, by.verifier_key.key_id, time.to_bytes(8, "big") + by.key.sign(message))


def test_published_cosignature_holds_under_the_published_key() -> None:
    cosigner = Cosigner(PUBLISHED_ORIGIN, MlDsa44Key(PUBLISHED_SEED))
    published = VerifierKey.parse(str(cosigner.verifier_key))
    note = SignedNote.from_bytes(PUBLISHED.read_bytes())
    line = note.signature_of(published)
    assert line is not None

    assert published.key_id.hex() == "b5df45c5"
    assert verify_signature(published, note.text, line) == 0
    assert note.to_bytes() == PUBLISHED.read_bytes()
    with pytest.raises(VerificationError, match="does not hold"):
        verify_signature(published, note.text.replace(b"\n1\n", b"\n2\n"), line)


def test_message_has_the_fields_of_the_standard_in_their_order() -> None:
    root = bytes(range(32))
    text = Checkpoint("example.com/log", 20852163, root, ("extension",)).text

    assert cosigned_head("witness.example.com/w1", text, 1679315147) == (
        b"subtree/v1\n\x00"
        b"\x16witness.example.com/w1"
        b"\x00\x00\x00\x00\x64\x18\x50\xcb"
        b"\x0fexample.com/log"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x01\x3e\x2d\xc3" + root
    )


def test_witnesses_of_both_kinds_make_a_checkpoint_final() -> None:
    assert len(MADE.value) == 8 + 2420
    assert verify_signature(KEY, HEAD.text, MADE) == NOW
    assert _verify(MADE) == (WITNESSES[0].name, WITNESSES[1].name, QUANTUM_SAFE.name)
    with pytest.raises(VerificationError, match=r"number of witnesses does not match \(got 2 of"):
        _verify(WITNESSES[2].cosign(HEAD, NOW))


OTHERS: dict[str, Callable[[], NoteSignature]] = {
    "message of Ed25519": lambda: _signed(cosigned_message(HEAD.text, NOW)),
    "text alone": lambda: _signed(HEAD.text),
    "other name": lambda: _signed(cosigned_head(WITNESSES[0].name, HEAD.text, NOW)),
    "other time": lambda: _signed(cosigned_head(KEY.name, HEAD.text, NOW - 1)),
    "other log": lambda: _signed(cosigned_head(KEY.name, replace(HEAD, origin="other.example").text, NOW)),
    "other size": lambda: _signed(cosigned_head(KEY.name, replace(HEAD, size=6).text, NOW)),
    "other root": lambda: _signed(cosigned_head(KEY.name, head(5, fork=1).text, NOW)),
    "other key": lambda: replace(Cosigner(KEY.name, MlDsa44Key(bytes(32))).cosign(HEAD, NOW), key_id=KEY.key_id),
    "beyond the last time": lambda: replace(MADE, value=(MAX_TIME + 1).to_bytes(8, "big") + MADE.value[8:]),
    "of Ed25519": lambda: replace(Cosigner(KEY.name, key(15)).cosign(HEAD, NOW), key_id=KEY.key_id),
    "without a time": lambda: replace(MADE, value=MADE.value[8:]),
    "a byte more": lambda: replace(MADE, value=MADE.value + b"\0"),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS.keys())
def test_line_that_is_something_else_refuses_the_note(make: Callable[[], NoteSignature]) -> None:
    with pytest.raises(VerificationError, match=f"signature of {KEY.name} does not hold"):
        _verify(make())


@pytest.mark.parametrize("length", [0, 4, 8, 9, 72, 2419, 2427])
def test_line_cut_off_refuses_the_note(length: int) -> None:
    cut = replace(MADE, value=MADE.value[:length])
    # Without any bytes behind the key id it is no line at all.
    with pytest.raises(VerificationError if length else InvalidInputError, match=r"does not (hold|match)"):
        _verify(cut)


def test_line_with_a_bit_flipped_in_any_byte_does_not_hold() -> None:
    for place in range(len(MADE.value)):
        flipped = bytearray(MADE.value)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(VerificationError, match="does not hold"):
            verify_signature(KEY, HEAD.text, replace(MADE, value=bytes(flipped)))


@pytest.mark.parametrize("message", [cosigned_head(WITNESSES[2].name, HEAD.text, NOW), HEAD.text])
def test_witness_of_ed25519_that_signs_another_message_refuses_the_note(message: bytes) -> None:
    signed = _signed(message, WITNESSES[2])
    with pytest.raises(VerificationError, match=f"signature of {WITNESSES[2].name} does not hold"):
        _verify(signed, policy=POLICY)


def test_signature_of_ml_dsa_under_a_key_of_ed25519_refuses_the_note() -> None:
    witness = WITNESSES[2]
    disguised = replace(MADE, name=witness.name, key_id=witness.verifier_key.key_id)
    with pytest.raises(VerificationError, match=f"signature of {witness.name} does not hold: length of Ed25519"):
        _verify(disguised, policy=POLICY)


@pytest.mark.parametrize("kind", [KeyKind.ED25519, KeyKind.COSIGNATURE])
def test_key_of_one_kind_is_none_of_the_other(kind: KeyKind) -> None:
    ed25519 = VerifierKey("a.example", kind, key(1).public)

    for refused, public in ((kind, KEY.public), (KeyKind.ML_DSA_COSIGNATURE, ed25519.public)):
        with pytest.raises(InvalidInputError, match="public key"):
            VerifierKey("a.example", refused, public)
    for text, byte, other in ((str(ed25519), kind, KeyKind.ML_DSA_COSIGNATURE), (str(KEY), KEY.kind, kind)):
        name, key_id, content = text.split("+", 2)
        swapped = bytes([other]) + (KEY.public if byte == KEY.kind else ed25519.public)
        assert to_base64(bytes([byte]) + swapped[1:]) == content
        with pytest.raises(InvalidInputError, match="public key"):
            VerifierKey.parse(f"{name}+{key_id}+{to_base64(swapped)}")


def test_key_under_which_anybody_can_sign_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="high bits that depend"):
        VerifierKey("a.example", KeyKind.ML_DSA_COSIGNATURE, bytes(1312))


def test_time_of_zero_says_nothing_and_does_not_count() -> None:
    always = replace(MIXED, valid_from=0)
    silent = QUANTUM_SAFE.cosign(HEAD, 0)

    assert verify_signature(KEY, HEAD.text, silent) == 0
    with pytest.raises(VerificationError, match=r"number of witnesses does not match \(got 2 of"):
        _verify(silent, policy=always)
    assert len(_verify(QUANTUM_SAFE.cosign(HEAD, 1), policy=always)) == 3


def test_extension_lines_are_vouched_for_by_the_log_alone() -> None:
    extended = replace(HEAD, extensions=("added later",))
    assert verify_signature(KEY, extended.text, MADE) == NOW
    assert len(_verify(MADE, extended)) == 3
    note = checkpoint_note(HEAD, LOG.sign(HEAD), MADE)
    with pytest.raises(VerificationError, match=f"signature of {ORIGIN} does not hold"):
        verify_checkpoint(SignedNote(extended.text, note.signatures).to_bytes(), MIXED, NOW)


def test_name_or_origin_of_more_than_255_bytes_is_refused() -> None:
    longest = Cosigner("é" * 127 + "x", QUANTUM_SAFE.key)
    checkpoint = replace(HEAD, origin="o" * 255)
    verify_signature(longest.verifier_key, checkpoint.text, longest.cosign(checkpoint, NOW))

    with pytest.raises(InvalidInputError, match="name of a witness does not match"):
        Cosigner("é" * 128, QUANTUM_SAFE.key).cosign(checkpoint, NOW)
    with pytest.raises(InvalidInputError, match="origin does not match"):
        longest.cosign(replace(HEAD, origin="o" * 256), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"log_keys": (VerifierKey(ORIGIN, KeyKind.ML_DSA_COSIGNATURE, KEY.public),)},
        {"witnesses": (KEY, VerifierKey("z.example", KEY.kind, KEY.public)), "threshold": 2},
        # One witness with a key of each kind would count twice.
        {"witnesses": (KEY, Cosigner(KEY.name, key(15)).verifier_key), "threshold": 2},
    ],
)
def test_policy_that_cannot_be_kept_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="not match"):
        replace(MIXED, **change)  # type: ignore[arg-type]  # each case changes another member


def test_log_root_names_witnesses_of_both_kinds() -> None:
    root = replace(ROOT, policy=MIXED).sign(key(20))

    assert LogRoot.from_json(root.to_json()) == root
    assert str(KEY) in root.to_json().decode()


def test_two_roots_of_one_size_convict_a_witness() -> None:
    notes = [checkpoint_note(one, QUANTUM_SAFE.cosign(one, NOW)) for one in (HEAD, head(5, fork=2))]
    found = verify_misbehaviour(accuse(KEY, notes[0], notes[1]).to_json())
    assert (found.key, found.kind, found.conclusive) == (KEY, Kind.TWO_ROOTS, True)

    disguised = replace(MADE, value=notes[1].signatures[0].value)
    with pytest.raises(VerificationError, match="does not hold"):
        verify_misbehaviour(accuse(KEY, checkpoint_note(HEAD, disguised), notes[1]).to_json())


def test_note_with_as_many_lines_as_may_be_is_read() -> None:
    lines = [replace(MADE, name=f"{number:0255}") for number in range(MOST_SIGNATURES - 1)]
    note = checkpoint_note(HEAD, LogSigner(ORIGIN, key(1)).sign(HEAD), *lines)

    assert SignedNote.from_bytes(note.to_bytes()) == note
