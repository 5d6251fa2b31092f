"""Checkpoints and cosignatures: a public log's checkpoint with its witnesses, and every other form refused.

Vectors: the examples of C2SP ``tlog-checkpoint`` and ``tlog-cosignature``; a checkpoint of the public staging log
arche2025h1 with the keys of that log and of its witness remora.n621.de; the timestamp in
``github.com/transparency-dev/formats``, ``note/note_cosigv1_test.go``.
"""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from consentry.core.log_tree import EMPTY_ROOT
from consentry.crypto import ed25519
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import (
    MAX_TIME,
    Checkpoint,
    Cosigner,
    LogSigner,
    cosigned_message,
    verify_signature,
)
from consentry.evidence.note import KeyKind, NoteSignature, SignedNote, VerifierKey
from tests.support.log_people import LOG, NOW, WITNESSES, head, key

# From C2SP: the text that a checkpoint has, and the message a witness signs for it.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
EXAMPLE_MESSAGE = "cosignature/v1\ntime 1679315147\n" + EXAMPLE
EXAMPLE_COSIGNATURE = (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)
LOG_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
PUBLISHED = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev \
zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
"""


def test_published_checkpoint_holds_under_the_keys_of_log_and_witness() -> None:
    note = SignedNote.from_bytes(PUBLISHED.encode())
    checkpoint = Checkpoint.parse(note.text)
    log, witness = VerifierKey.parse(LOG_KEY), VerifierKey.parse(WITNESS_KEY)
    log_line, witness_line = note.signature_of(log), note.signature_of(witness)
    assert log_line is not None
    assert witness_line is not None

    assert (checkpoint.origin, checkpoint.size) == ("arche2025h1.staging.ct.transparency.dev", 1432088532)
    assert checkpoint.text == note.text
    assert verify_signature(log, note.text, log_line) is None
    assert verify_signature(witness, note.text, witness_line) == 0x6A122120
    assert note.to_bytes() == PUBLISHED.encode()


@pytest.mark.parametrize("text", [LOG_KEY, WITNESS_KEY])
def test_published_checkpoint_of_another_size_does_not_hold(text: str) -> None:
    note = SignedNote.from_bytes(PUBLISHED.replace("1432088532", "42").encode())
    signer = VerifierKey.parse(text)
    line = note.signature_of(signer)
    assert line is not None

    with pytest.raises(VerificationError, match=f"signature of {signer.name} does not hold"):
        verify_signature(signer, note.text, line)


def test_example_is_read_and_written_as_it_stands() -> None:
    checkpoint = Checkpoint.parse(EXAMPLE.encode())

    assert checkpoint.size == 20852163
    assert checkpoint.text.decode() == EXAMPLE
    assert cosigned_message(checkpoint.text, 1679315147).decode() == EXAMPLE_MESSAGE


def test_cosignature_is_key_id_time_and_signature() -> None:
    example = NoteSignature.parse(EXAMPLE_COSIGNATURE)
    assert int.from_bytes(example.value[:8], "big") == 1679315147
    checkpoint = Checkpoint.parse(EXAMPLE.encode())
    cosigner = Cosigner("witness.example.com/w1", key(1))

    made = cosigner.cosign(checkpoint, 1679315147)

    assert len(made.value) == len(example.value)
    assert made.value[:8] == example.value[:8]
    ed25519.verify(key(1).public, EXAMPLE_MESSAGE.encode(), made.value[8:])
    assert verify_signature(cosigner.verifier_key, checkpoint.text, made) == 1679315147


def test_time_of_a_published_cosignature_is_the_published_one() -> None:
    content = base64.b64decode(
        "ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJXORmnFBOBA=="
    )
    assert int.from_bytes(content[4:12], "big") == 1727964367
    assert len(content) == 4 + 8 + 64


def test_extension_lines_are_signed_and_kept() -> None:
    checkpoint = replace(head(3), extensions=("block 26", "  any: — text"))
    line = WITNESSES[0].cosign(checkpoint, NOW)

    assert Checkpoint.parse(checkpoint.text) == checkpoint
    assert verify_signature(WITNESSES[0].verifier_key, checkpoint.text, line) == NOW
    with pytest.raises(VerificationError):
        verify_signature(WITNESSES[0].verifier_key, head(3).text, line)


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        f"a\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n1 \n{ROOT}\n",
        f"a\n0x1\n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n",
        f"a\n9223372036854775808\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n",
        f"a\n0\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[:-2]}A=\n".replace("2A=", "3="),
        f"a\n1\n{ROOT[:-4]}\n",
        f"a\n1\n {ROOT}\n",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\n\nmore\n",
        f"a\r\n1\n{ROOT}\n",
        f"a\n1\n{ROOT}\nx\ty\n",
    ],
)
def test_checkpoint_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Checkpoint.parse(text.encode())


def test_checkpoint_of_an_empty_log_has_the_root_of_the_empty_tree() -> None:
    checkpoint = Checkpoint("a", 0, EMPTY_ROOT)
    assert Checkpoint.parse(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("a\n1", 1, b"\0" * 32, ()),
        ("", 1, b"\0" * 32, ()),
        ("a", -1, b"\0" * 32, ()),
        ("a", 1, b"\0" * 31, ()),
        ("a", 1, b"\0" * 32, ("",)),
        ("a", 1, b"\0" * 32, ("b\nc",)),
    ],
)
def test_checkpoint_that_has_no_text_is_refused(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInputError, match="does not match"):
        Checkpoint(origin, size, root, extensions)


@pytest.mark.parametrize("time", [-1, MAX_TIME + 1])
def test_cosigning_at_a_time_that_cannot_be_is_refused(time: int) -> None:
    with pytest.raises(InvalidInputError, match="time of a cosignature does not match"):
        WITNESSES[0].cosign(head(3), time)


def test_cosignature_from_beyond_the_last_time_is_refused() -> None:
    witness, text = WITNESSES[0], head(3).text
    late = MAX_TIME + 1
    signed = witness.key.sign(b"cosignature/v1\ntime %d\n" % late + text)
    line = NoteSignature(witness.name, witness.verifier_key.key_id, late.to_bytes(8, "big") + signed)

    with pytest.raises(VerificationError, match="time of a cosignature does not match"):
        verify_signature(witness.verifier_key, text, line)


@pytest.mark.parametrize("cut", [slice(0, 71), slice(0, 0), slice(0, 8), slice(8, 72)])
def test_cosignature_of_another_length_is_refused(cut: slice) -> None:
    witness, checkpoint = WITNESSES[0], head(3)
    made = witness.cosign(checkpoint, NOW)

    for value in (made.value[cut], made.value + b"\0"):
        with pytest.raises(VerificationError, match="does not hold"):
            verify_signature(witness.verifier_key, checkpoint.text, replace(made, value=value))


def test_signature_of_one_kind_does_not_pass_for_the_other() -> None:
    checkpoint, secret = head(3), key(1)
    as_log, as_witness = LogSigner("x.example", secret), Cosigner("x.example", secret)
    log_line, witness_line = as_log.sign(checkpoint), as_witness.cosign(checkpoint, NOW)
    disguised = replace(witness_line, key_id=as_log.verifier_key.key_id, value=witness_line.value[8:])

    with pytest.raises(VerificationError, match="key of a signature does not match"):
        verify_signature(as_log.verifier_key, checkpoint.text, witness_line)
    with pytest.raises(VerificationError, match="key of a signature does not match"):
        verify_signature(as_witness.verifier_key, checkpoint.text, log_line)
    with pytest.raises(VerificationError, match="does not hold"):
        verify_signature(as_log.verifier_key, checkpoint.text, disguised)


def test_signature_of_a_key_that_is_no_point_does_not_hold() -> None:
    stranger = VerifierKey(LOG.name, KeyKind.ED25519, b"\x02" + b"\0" * 31)
    line = replace(LOG.sign(head(3)), key_id=stranger.key_id)

    with pytest.raises(VerificationError, match="does not hold"):
        verify_signature(stranger, head(3).text, line)
