"""The committed vectors of sealing, commitment and key wrapping: fresh, and each with the outcome it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from consentry import errors
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.keywrap import ReleaseContext, release_public_key, unwrap_record_keys
from consentry.crypto.random_access import RandomAccessReader
from consentry.crypto.sealing import Opener, sealing_context
from tests.vectors.commitment import build_commitment
from tests.vectors.keywrap import build_keywrap
from tests.vectors.sealing import build_sealing

SEALING = json.loads(build_sealing.FILE.read_text())
COMMITMENT = json.loads(build_commitment.FILE.read_text())
KEYWRAP = json.loads(build_keywrap.FILE.read_text())


@pytest.mark.parametrize("module", [build_sealing, build_commitment, build_keywrap])
def test_committed_vectors_are_what_the_generator_writes(module: ModuleType) -> None:
    assert module.FILE.read_text() == module.build()


def outcome(open_it: Callable[[], bytes], plaintext: bytes) -> str | None:
    try:
        opened = open_it()
    except errors.ConsentryError as error:
        return type(error).__name__
    assert opened == plaintext
    return None


def ciphertext_of(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    plaintext = build_sealing.plaintext_of(vector["size"])
    with_ = SEALING["sealedWith"]
    key, object_id, salt = (bytes.fromhex(with_[name]) for name in ("key", "objectId", "salt"))
    sealed = build_sealing.seal(plaintext, key, sealing_context(object_id, with_["version"]), salt)
    for edit in vector["edits"]:
        sealed = build_sealing.apply(tuple(edit), sealed, plaintext)
    assert hashlib.sha256(sealed).hexdigest() == vector["sha256"]
    assert vector["ciphertext"] in (None, sealed.hex())
    return plaintext, sealed


@pytest.mark.parametrize("vector", SEALING["vectors"], ids=lambda vector: vector["name"])
def test_sealing_vector_has_its_outcome_in_both_readers(vector: dict[str, Any]) -> None:
    plaintext, sealed = ciphertext_of(vector)
    key = bytes.fromhex(vector["open"]["key"])
    context = sealing_context(bytes.fromhex(vector["open"]["objectId"]), vector["open"]["version"])

    def stream() -> bytes:
        opener = Opener(key, context)
        return (
            b"".join(opener.update(sealed[at : at + 10_000]) for at in range(0, len(sealed), 10_000))
            + opener.finalize()
        )

    def random_access() -> bytes:
        reader = RandomAccessReader(lambda at, size: sealed[at : at + size], len(sealed), key, context)
        return reader.read(0, reader.plaintext_size)

    assert outcome(stream, plaintext) == vector["opener"]
    assert outcome(random_access, plaintext) == vector["reader"]


@pytest.mark.parametrize("vector", COMMITMENT["vectors"], ids=lambda vector: vector["name"])
def test_commitment_vector_has_its_outcome(vector: dict[str, Any]) -> None:
    def verify() -> bytes:
        verify_commitment(
            bytes.fromhex(vector["commitment"]),
            bytes.fromhex(vector["blinding"]),
            object_id=bytes.fromhex(vector["objectId"]),
            version=vector["version"],
            size=vector["size"],
            plaintext_sha256=bytes.fromhex(vector["plaintextSha256"]),
        )
        return b""

    assert outcome(verify, b"") == (None if vector["holds"] else "VerificationError")


@pytest.mark.parametrize("vector", KEYWRAP["vectors"], ids=lambda vector: vector["name"])
def test_keywrap_vector_has_its_outcome(vector: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        name: int(value) if name in ("chain_id", "request_id", "record_version") else bytes.fromhex(value)
        for name, value in vector["context"].items()
    }
    context = ReleaseContext(**fields)
    assert context.info().hex() == vector["info"]
    keys = bytes.fromhex(KEYWRAP["dataKey"] + KEYWRAP["blinding"])
    wrapped, seed = bytes.fromhex(vector["wrapped"]), bytes.fromhex(vector["seed"])
    assert outcome(lambda: unwrap_record_keys(wrapped, seed, context).to_bytes(), keys) == vector["error"]


def test_release_public_key_of_the_vectors_is_derived_from_the_seed() -> None:
    assert release_public_key(bytes.fromhex(KEYWRAP["vectors"][0]["seed"])).hex() == KEYWRAP["publicKey"]
