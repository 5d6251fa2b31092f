"""Writes `commitment.json`: commitments that hold and commitments that do not, computed by hand.

Run ``PYTHONPATH=src:. python tests/vectors/commitment/build_commitment.py``; a second run writes the same file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("commitment.json")
PLAINTEXT: Final = b"C34.1"


@dataclass(frozen=True)
class Opening:
    """What a commitment is opened with."""

    blinding: bytes
    object_id: bytes
    version: int
    size: int
    plaintext_sha256: bytes


GOOD: Final = Opening(
    blinding=hashlib.sha256(b"blinding value of the vectors").digest(),
    object_id=hashlib.sha256(b"object of the vectors").digest(),
    version=3,
    size=len(PLAINTEXT),
    plaintext_sha256=hashlib.sha256(PLAINTEXT).digest(),
)
LARGE: Final = replace(GOOD, version=2**32 - 1, size=5 * 2**30, plaintext_sha256=hashlib.sha256(b"").digest())


def commit(opening: Opening, *, label: bytes = b"consentry/plaintext-commitment/v1", framed: bool = True) -> bytes:
    """Compute a commitment; ``label`` and ``framed`` make wrong ones."""
    message = label
    integers = opening.version.to_bytes(8, "big"), opening.size.to_bytes(8, "big")
    for value in (opening.object_id, *integers, opening.plaintext_sha256):
        message += (len(value).to_bytes(4, "big") if framed else b"") + value
    return hmac.digest(opening.blinding, message, "sha256")


def flipped(value: bytes) -> bytes:
    """Give the bytes with the last bit changed."""
    return value[:-1] + bytes([value[-1] ^ 1])


CASES: Final[dict[str, tuple[bytes, Opening, bool]]] = {
    "as committed": (commit(GOOD), GOOD, True),
    "largest numbers": (commit(LARGE), LARGE, True),
    "another blinding value": (commit(GOOD), replace(GOOD, blinding=flipped(GOOD.blinding)), False),
    "no blinding value": (commit(GOOD), replace(GOOD, blinding=bytes(32)), False),
    "another object": (commit(GOOD), replace(GOOD, object_id=flipped(GOOD.object_id)), False),
    "another version": (commit(GOOD), replace(GOOD, version=4), False),
    "another size": (commit(GOOD), replace(GOOD, size=6), False),
    "version and size exchanged": (commit(GOOD), replace(GOOD, version=5, size=3), False),
    "another plaintext": (commit(GOOD), replace(GOOD, plaintext_sha256=hashlib.sha256(b"C34.2").digest()), False),
    "commitment flipped": (flipped(commit(GOOD)), GOOD, False),
    "commitment cut": (commit(GOOD)[:-1], GOOD, False),
    "commitment empty": (b"", GOOD, False),
    "another label": (commit(GOOD, label=b"consentry/plaintext-commitment/v2"), GOOD, False),
    "fields without lengths": (commit(GOOD, framed=False), GOOD, False),
    "plain digest in its place": (GOOD.plaintext_sha256, GOOD, False),
}


def build() -> str:
    """Give the content of the file."""
    vectors = [
        {
            "name": name,
            "commitment": commitment.hex(),
            "blinding": opening.blinding.hex(),
            "objectId": opening.object_id.hex(),
            "version": opening.version,
            "size": opening.size,
            "plaintextSha256": opening.plaintext_sha256.hex(),
            "holds": holds,
        }
        for name, (commitment, opening, holds) in CASES.items()
    ]
    return json.dumps({"vectors": vectors}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(build())
