"""Writes `keywrap.json`: record keys wrapped for a release, by a second implementation, opened well and badly.

Run ``PYTHONPATH=src:. python tests/vectors/keywrap/build_keywrap.py``. The randomness of the encapsulation is fixed, so
a second run writes the same file. Seeds protect nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from consentry.crypto.keywrap import ReleaseContext, release_public_key
from tests.vectors.keywrap.xwing import hpke_seal

FILE: Final = Path(__file__).with_name("keywrap.json")
REFUSED, MALFORMED = "VerificationError", "InvalidInputError"


def digest(phrase: str) -> bytes:
    """Give 32 bytes out of a phrase."""
    return hashlib.sha256(phrase.encode()).digest()


SEED: Final = digest("release key of the vectors")
OTHER_SEED: Final = digest("another release key")
PUBLIC_KEY: Final = release_public_key(SEED)
KEYS: Final = digest("data key of the vectors") + digest("blinding value of the vectors")
RANDOMNESS: Final = digest("message of the vectors") + digest("ephemeral key of the vectors")
CONTEXT: Final = ReleaseContext(
    chain_id=20260701,
    access_ledger=digest("access ledger")[:20],
    record_id=digest("record"),
    record_version=2,
    consent_id=digest("consent"),
    request_id=2**255 + 7,
    decision_id=digest("decision"),
    release_key_hash=hashlib.sha256(PUBLIC_KEY).digest(),
)


def info_of(context: ReleaseContext) -> bytes:
    """Encode the context by hand: the label and eight fields, each behind its length in four bytes."""
    fields = (
        b"consentry/release/v1",
        context.chain_id.to_bytes(32, "big"),
        context.access_ledger,
        context.record_id,
        context.record_version.to_bytes(8, "big"),
        context.consent_id,
        context.request_id.to_bytes(32, "big"),
        context.decision_id,
        context.release_key_hash,
    )
    return b"".join(len(value).to_bytes(4, "big") + value for value in fields)


WRAPPED: Final = hpke_seal(KEYS, PUBLIC_KEY, info_of(CONTEXT), RANDOMNESS)


@dataclass(frozen=True)
class Vector:
    """One attempt to open; ``error`` is ``None`` where the keys must come out."""

    name: str
    wrapped: bytes = WRAPPED
    seed: bytes = SEED
    context: ReleaseContext = CONTEXT
    error: str | None = None


def flipped(offset: int) -> bytes:
    """Give the wrapped bytes with one bit changed."""
    return WRAPPED[:offset] + bytes([WRAPPED[offset] ^ 1]) + WRAPPED[offset + 1 :]


def vectors() -> Iterator[Vector]:
    """Every attempt."""
    yield Vector("as wrapped")
    no_consent = replace(CONTEXT, consent_id=bytes(32))
    yield Vector("no consent", hpke_seal(KEYS, PUBLIC_KEY, info_of(no_consent), RANDOMNESS), context=no_consent)
    for name, offset in (
        ("first byte", 0),
        ("last byte of the ML-KEM part", 1087),
        ("first byte of the X25519 part", 1088),
        ("first byte of the keys", 1120),
        ("first byte of the tag", 1184),
        ("last byte", 1199),
    ):
        yield Vector(f"{name} flipped", flipped(offset), error=REFUSED)
    yield Vector("cut", WRAPPED[:-1], error=MALFORMED)
    yield Vector("extended", WRAPPED + b"\x00", error=MALFORMED)
    yield Vector("empty", b"", error=MALFORMED)
    for name, context in (
        ("chain", replace(CONTEXT, chain_id=1)),
        ("access ledger", replace(CONTEXT, access_ledger=bytes(20))),
        ("record", replace(CONTEXT, record_id=digest("another record"))),
        ("version", replace(CONTEXT, record_version=1)),
        ("consent", replace(CONTEXT, consent_id=bytes(32))),
        ("request", replace(CONTEXT, request_id=7)),
        ("decision", replace(CONTEXT, decision_id=digest("another decision"))),
    ):
        yield Vector(f"another {name}", context=context, error=REFUSED)
    other_hash = hashlib.sha256(release_public_key(OTHER_SEED)).digest()
    yield Vector(
        "another key, named", seed=OTHER_SEED, context=replace(CONTEXT, release_key_hash=other_hash), error=REFUSED
    )
    yield Vector("another key, not named", seed=OTHER_SEED, error=MALFORMED)
    unbound = hpke_seal(KEYS, PUBLIC_KEY, b"", RANDOMNESS)
    yield Vector("wrapped without a context", unbound, error=REFUSED)
    short = hpke_seal(KEYS[:32], PUBLIC_KEY, info_of(CONTEXT), RANDOMNESS)
    yield Vector("data key without blinding value", short, error=MALFORMED)


def build() -> str:
    """Give the content of the file."""
    written = [
        {
            "name": vector.name,
            "wrapped": vector.wrapped.hex(),
            "seed": vector.seed.hex(),
            "context": {
                name: value.hex() if isinstance(value, bytes) else str(value)
                for name, value in asdict(vector.context).items()
            },
            "info": info_of(vector.context).hex(),
            "error": vector.error,
        }
        for vector in vectors()
    ]
    keys = {"publicKey": PUBLIC_KEY.hex(), "dataKey": KEYS[:32].hex(), "blinding": KEYS[32:].hex()}
    return json.dumps({**keys, "vectors": written}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(build())
