"""Writes `sealing.json`: sealed messages, whole and tampered with, made by a third implementation of the format.

Run ``PYTHONPATH=src:. python tests/vectors/sealing/build_sealing.py``. Key derivation is HMAC by hand (RFC 5869, expand
only), the salt is fixed, so a second run writes the same file. Long messages are told by a recipe: plaintext byte ``i``
of a message of ``size`` bytes is ``(i * 31 + i // 16384) % 256``, and ``edits`` are applied in order to the sealed
bytes: ``["cut", size]``, ``["append", hex]``, ``["flip", offset]``, ``["copy", from, size, to]``,
``["splice", from, size]`` (the same place of the message sealed under salt ``other``). ``sha256`` is of the result.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

FILE: Final = Path(__file__).with_name("sealing.json")
CHUNK, SEALED, HEADER = 16384, 16400, 56
KEY: Final = hashlib.sha256(b"data key of the sealing vectors").digest()
OTHER_KEY: Final = hashlib.sha256(b"another data key").digest()
OBJECT: Final = hashlib.sha256(b"object of the sealing vectors").digest()
OTHER_OBJECT: Final = hashlib.sha256(b"another object").digest()
SALT: Final = hashlib.sha256(b"salt of the sealing vectors").digest()[:24]
OTHER_SALT: Final = hashlib.sha256(b"another salt").digest()[:24]
WHOLE: Final = 4 * CHUNK + 777
TORN, SWAPPED, CORRUPT = "ObjectTornError", "ObjectSwappedError", "ObjectCorruptError"


@dataclass(frozen=True)
class Vector:
    """One sealed message, how it is opened, and what must come of it (``None``: the plaintext)."""

    name: str
    size: int
    edits: tuple[tuple[Any, ...], ...] = ()
    open_key: bytes = KEY
    open_object: bytes = OBJECT
    open_version: int = 1
    opener: str | None = None
    reader: str | None = None
    plaintext: bytes = field(init=False, repr=False)
    ciphertext: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plaintext", plaintext_of(self.size))
        sealed = seal(self.plaintext, KEY, context_of(OBJECT, 1), SALT)
        for edit in self.edits:
            sealed = apply(edit, sealed, self.plaintext)
        object.__setattr__(self, "ciphertext", sealed)


def plaintext_of(size: int) -> bytes:
    """Give the plaintext of the recipe."""
    return bytes((i * 31 + i // CHUNK) % 256 for i in range(size))


def context_of(object_id: bytes, version: int) -> bytes:
    """Encode the context by hand: four fields, each behind its length in four bytes."""
    fields = (b"consentry/sealing-context/v1", object_id, version.to_bytes(8, "big"), (1).to_bytes(8, "big"))
    return b"".join(len(value).to_bytes(4, "big") + value for value in fields)


def seal(plaintext: bytes, key: bytes, context: bytes, salt: bytes) -> bytes:
    """Seal with a given salt; only vectors may choose one."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    first = hmac.digest(key, info + b"\x01", "sha512")
    derived = first + hmac.digest(key, first + info + b"\x02", "sha512")
    message_key, base_nonce, commitment = derived[:32], int.from_bytes(derived[32:44], "big"), derived[44:76]
    sealed = salt + commitment
    for index in range(len(plaintext) // CHUNK + 1):
        nonce = (base_nonce ^ index).to_bytes(12, "big")
        encryptor = Cipher(AES(message_key), GCM(nonce)).encryptor()
        sealed += (
            encryptor.update(plaintext[index * CHUNK : (index + 1) * CHUNK]) + encryptor.finalize() + encryptor.tag
        )
    return sealed


def apply(edit: tuple[Any, ...], sealed: bytes, plaintext: bytes) -> bytes:
    """Tamper with sealed bytes as one edit says."""
    match edit:
        case ("cut", size):
            return sealed[:size]
        case ("append", value):
            return sealed + bytes.fromhex(value)
        case ("flip", offset):
            return sealed[:offset] + bytes([sealed[offset] ^ 1]) + sealed[offset + 1 :]
        case ("copy", start, size, to):
            return sealed[:to] + sealed[start : start + size] + sealed[to + size :]
        case ("splice", start, size):
            other = seal(plaintext, KEY, context_of(OBJECT, 1), OTHER_SALT)
            return sealed[:start] + other[start : start + size] + sealed[start + size :]
    raise ValueError(f"edit does not match (got {edit[0]})")


def whole() -> Iterator[Vector]:
    """Messages that open."""
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, WHOLE, 257 * CHUNK + 5):
        yield Vector(f"{size} bytes", size)


def at(chunk: int) -> int:
    """Offset of a sealed chunk."""
    return HEADER + chunk * SEALED


def tampered() -> Iterator[Vector]:
    """Messages that must be refused."""

    def bad(name: str, *edits: tuple[Any, ...], opener: str = CORRUPT, reader: str = CORRUPT) -> Vector:
        return Vector(name, WHOLE, edits, opener=opener, reader=reader)

    yield bad("empty", ("cut", 0), opener=TORN, reader=TORN)
    yield bad("half a header", ("cut", 30), opener=TORN, reader=TORN)
    yield bad("header only", ("cut", HEADER), opener=TORN, reader=TORN)
    yield bad("part of a tag", ("cut", HEADER + 15), opener=TORN, reader=TORN)
    yield bad("cut after chunk 0", ("cut", at(1)), opener=TORN, reader=TORN)
    yield bad("cut after chunk 3", ("cut", at(4)), opener=TORN, reader=TORN)
    yield bad("cut inside chunk 2", ("cut", at(2) + 5000))
    yield bad("cut inside the last chunk", ("cut", at(4) + 100))
    yield bad("one byte more", ("append", "00"))
    yield bad("an empty chunk more", ("append", "00" * 16))
    yield bad("chunks 0 and 1 equal", ("copy", at(0), SEALED, at(1)))
    yield bad("chunk 3 in place of 2", ("copy", at(3), SEALED, at(2)))
    yield bad("chunk of a message under the same key", ("splice", at(1), SEALED))
    yield bad("last chunk of a message under the same key", ("splice", at(4), 793))
    yield bad("header of a message under the same key", ("splice", 0, HEADER))
    yield bad("salt of a message under the same key", ("splice", 0, 24), reader=SWAPPED)
    yield bad("salt flipped", ("flip", 0), reader=SWAPPED)
    yield bad("key commitment flipped", ("flip", 24), reader=SWAPPED)
    yield bad("first body byte flipped", ("flip", HEADER))
    yield bad("tag of chunk 1 flipped", ("flip", at(2) - 1))
    yield bad("last tag flipped", ("flip", at(4) + 792))


def misused() -> Iterator[Vector]:
    """Whole messages opened with the wrong key or as another object."""
    wrong: dict[str, Any] = {"opener": CORRUPT, "reader": SWAPPED}
    yield Vector("wrong key", WHOLE, open_key=OTHER_KEY, **wrong)
    yield Vector("another object", WHOLE, open_object=OTHER_OBJECT, **wrong)
    yield Vector("another version", WHOLE, open_version=2, **wrong)


def build() -> str:
    """Give the content of the file."""
    vectors = [
        {
            "name": vector.name,
            "size": vector.size,
            "edits": [list(edit) for edit in vector.edits],
            "open": {
                "key": vector.open_key.hex(),
                "objectId": vector.open_object.hex(),
                "version": vector.open_version,
            },
            "sha256": hashlib.sha256(vector.ciphertext).hexdigest(),
            "ciphertext": vector.ciphertext.hex() if len(vector.ciphertext) <= 128 else None,
            "opener": vector.opener,
            "reader": vector.reader,
        }
        for vector in (*whole(), *tampered(), *misused())
    ]
    sealed_with = {
        "key": KEY.hex(),
        "objectId": OBJECT.hex(),
        "version": 1,
        "salt": SALT.hex(),
        "other": OTHER_SALT.hex(),
    }
    return json.dumps({"suite": 1, "sealedWith": sealed_with, "vectors": vectors}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(build())
