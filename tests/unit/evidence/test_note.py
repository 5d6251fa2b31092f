"""Signed notes: the vectors of their reference implementation, and every other form refused.

Vectors: ``golang.org/x/mod/sumdb/note``, ``note_test.go`` (PeterNeumann, EnochRoot);
``github.com/transparency-dev/formats``, ``note/note_cosigv1_test.go`` (remora.n621.de); the example of C2SP
``signed-note``.
"""

from __future__ import annotations

import base64

import pytest

from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import verify_signature
from consentry.evidence.note import KeyKind, NoteSignature, SignedNote, VerifierKey

VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
NOTE = TEXT + b"\n" + (PETER_LINE + ENOCH_LINE).encode()
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore \
NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""


@pytest.mark.parametrize("text", [VKEY, ENOCH, REMORA])
def test_published_verifier_key_is_read_and_written(text: str) -> None:
    key = VerifierKey.parse(text)

    assert str(key) == text
    assert key.kind == (KeyKind.COSIGNATURE if text is REMORA else KeyKind.ED25519)
    assert key.key_id.hex() == text.split("+")[1]


def test_published_note_is_signed_byte_for_byte() -> None:
    key, secret = VerifierKey.parse(VKEY), Ed25519Key(SEED)

    assert secret.public == key.public
    assert NoteSignature(key.name, key.key_id, secret.sign(TEXT)).line() == PETER_LINE


def test_published_note_holds_under_both_keys() -> None:
    note = SignedNote.from_bytes(NOTE)

    assert note.text == TEXT
    assert note.to_bytes() == NOTE
    for text in (VKEY, ENOCH):
        key = VerifierKey.parse(text)
        line = note.signature_of(key)
        assert line is not None
        assert verify_signature(key, note.text, line) is None
    assert note.signature_of(VerifierKey.parse(REMORA)) is None


def test_text_with_an_empty_line_divides_at_the_last_one() -> None:
    note = SignedNote.from_bytes(POEM.encode())

    assert note.text.decode().endswith("sole:\n\ned è subito sera.\n")
    assert note.to_bytes() == POEM.encode()


@pytest.mark.parametrize("bit", range(8))
def test_note_with_any_bit_flipped_is_refused(bit: int) -> None:
    key = VerifierKey.parse(VKEY)
    alone = TEXT + b"\n" + PETER_LINE.encode()
    for place in range(len(alone)):
        flipped = bytearray(alone)
        flipped[place] ^= 1 << bit
        try:
            note = SignedNote.from_bytes(bytes(flipped))
        except InvalidInputError:
            continue
        line = note.signature_of(key)
        if line is not None:
            with pytest.raises(VerificationError, match="does not hold"):
                verify_signature(key, note.text, line)


def test_note_cut_off_anywhere_is_refused() -> None:
    alone = TEXT + b"\n" + PETER_LINE.encode()
    for length in range(len(alone)):
        with pytest.raises(InvalidInputError):
            SignedNote.from_bytes(alone[:length])


MALFORMED = {
    "text alone": TEXT,
    "no signature": TEXT + b"\n",
    "no line end": NOTE[:-1],
    "control character": b"\x01" + NOTE,
    "carriage return": NOTE.replace(b"\n", b"\r\n"),
    "no UTF-8": b"\xff" + NOTE,
    "line behind": NOTE + b"Unexpected line.\n",
    "empty line behind": NOTE + b"\n",
    "name with a space": NOTE.replace(b" PeterNeumann", b" Peter Neumann"),
    "name with another space": NOTE.replace(b" PeterNeumann", " Peter\u2003Neumann".encode()),
    "name with a plus": NOTE.replace(b" PeterNeumann", b" Peter+Neumann"),
    "no name": NOTE.replace(b" PeterNeumann", b" "),
    "hyphen": NOTE.replace("—".encode(), b"-"),
    "two spaces": NOTE.replace(b"PeterNeumann ", b"PeterNeumann  "),
    "space at the end": NOTE.replace(b"JnAM=\n", b"JnAM= \n"),
    "no padding": NOTE.replace(b"JnAM=\n", b"JnAM\n"),
    "more padding": NOTE.replace(b"JnAM=\n", b"JnAM==\n"),
    "stray bits": NOTE.replace(b"JnAM=\n", b"JnAN=\n"),
    "other alphabet": NOTE.replace(b"x08go/", b"x08go_"),
    "key id alone": TEXT + "\n— PeterNeumann x08gow==\n".encode(),
    "twice": NOTE + PETER_LINE.encode(),
    "two of one unknown key": NOTE + b"".join(f"— x AAAAAA{c}=\n".encode() for c in "AB"),
    "101 signatures": TEXT
    + b"\n"
    + b"".join(NoteSignature(f"k{n}", b"abcd", b"s").line().encode() for n in range(101)),
    "too large": b"a" * (1 << 19) + NOTE,
    "nothing": b"",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_note_in_another_form_is_refused(content: bytes) -> None:
    assert content != NOTE
    with pytest.raises(InvalidInputError):
        SignedNote.from_bytes(content)


def test_note_of_a_hundred_signatures_is_read() -> None:
    lines = [NoteSignature(f"k{n}", b"abcd", b"s") for n in range(100)]
    note = SignedNote(TEXT, tuple(lines))

    assert SignedNote.from_bytes(note.to_bytes()) == note


def test_every_part_of_a_verifier_key_is_refused() -> None:
    for begin in range(len(VKEY) + 1):
        for end in range(begin + 1, len(VKEY) + 1):
            if (begin, end) != (0, len(VKEY)):
                with pytest.raises(InvalidInputError):
                    VerifierKey.parse(VKEY[begin:end])


def test_verifier_key_changed_in_any_character_is_refused() -> None:
    for place, letter in enumerate(VKEY):
        with pytest.raises(InvalidInputError):
            VerifierKey.parse(VKEY[:place] + chr(ord(letter) + 1) + VKEY[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        # Both from note_test.go: another length, another algorithm, each with the key id that goes with it.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        VKEY.replace("c74f20a3", "C74F20A3"),
        VKEY + "\n",
        VKEY.replace("Peter", "Peter "),
        VKEY.replace("PeterNeumann", ""),
    ],
)
def test_verifier_key_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        VerifierKey.parse(text)


def test_key_id_binds_name_kind_and_key() -> None:
    key = VerifierKey("a.example", KeyKind.ED25519, b"\1" * 32)
    others = [
        VerifierKey("b.example", KeyKind.ED25519, b"\1" * 32),
        VerifierKey("a.example", KeyKind.COSIGNATURE, b"\1" * 32),
        VerifierKey("a.example", KeyKind.ED25519, b"\2" * 32),
    ]

    assert key.key_id not in {other.key_id for other in others}


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\x00b", "a\ud800b"])
def test_key_of_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="key name does not match"):
        VerifierKey(name, KeyKind.ED25519, b"\1" * 32)


def test_secret_is_not_shown() -> None:
    assert SEED.hex() not in repr(Ed25519Key(SEED))
    assert repr(SEED) not in repr(Ed25519Key(SEED))


def test_generated_keys_differ_and_have_the_right_size() -> None:
    one, other = Ed25519Key.generate(), Ed25519Key.generate()
    assert one != other
    assert len(one.public) == len(one.seed) == 32
    with pytest.raises(InvalidInputError, match="Ed25519 seed"):
        Ed25519Key(b"\0" * 31)


def test_verifier_key_under_which_anybody_can_sign_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="small order"):
        VerifierKey("a.example", KeyKind.COSIGNATURE, b"\1" + b"\0" * 31)
