"""How fast a record is sealed, opened and committed to, beside AES-256-GCM of ``openssl speed``.

Sealing is encryption, both digests and the commitment; opening is the same backwards, with the commitment compared.
The other side is one core of openssl over 1 MiB blocks with no hashing at all, so 1.0 is out of reach: two SHA-256 cost
several times the encryption. All sides take turns in one run, because the speed of a machine drifts.
"""

from __future__ import annotations

import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from consentry.crypto.commitment import commit_plaintext, new_blinding, verify_commitment
from consentry.crypto.sealing import ObjectDigests, Opener, Sealer, new_data_key, new_object_id, sealing_context
from consentry.vault.pieces import SEAL_SIZE

MEBIBYTE: Final = 2**20
SIZE: Final = 64 * MEBIBYTE
QUICK_ROUNDS, ROUNDS = 2, 5
COMMIT_ROUNDS: Final = 5
RECORDS_A_ROUND: Final = 8
COMMITMENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """What opens a record, beside its ciphertext."""

    key: bytes
    object_id: bytes
    blinding: bytes
    commitment: bytes


def run(*, quick: bool) -> dict[str, float]:
    """Measures in turns; medians over the rounds, ratios each round's own.

    Returns:
        ``seal_mb_per_s``, ``open_mb_per_s`` and ``openssl_mb_per_s`` (10^6 bytes a second), ``seal_over_openssl``,
        ``open_over_openssl``, and ``commit_over_openssl_hmac``: commitments a second over HMAC-SHA-256 of openssl on
        messages of 256 bytes.

    Raises:
        RuntimeError: There is no openssl program to compare with.
    """
    record, pieces = secrets.token_bytes(SIZE), list[bytes]()
    with ThreadPoolExecutor(2) as pool:
        sealed = seal(record, pool, pieces.append)  # the first run loads code and starts threads
        rounds = [
            (
                rate(lambda: seal(record, pool, nowhere)),
                rate(lambda: open_again(sealed, pieces, pool)),
                speed("-evp", "aes-256-gcm", "-bytes", str(MEBIBYTE)) / 1e6,
            )
            for _ in range(QUICK_ROUNDS if quick else ROUNDS)
        ]
    sealing_rate, opening, cipher = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    return _committing(1 if quick else COMMIT_ROUNDS) | {
        "seal_mb_per_s": sealing_rate,
        "open_mb_per_s": opening,
        "openssl_mb_per_s": cipher,
        "seal_over_openssl": statistics.median(one[0] / one[2] for one in rounds),
        "open_over_openssl": statistics.median(one[1] / one[2] for one in rounds),
    }


def _committing(count: int) -> dict[str, float]:
    rounds = [(COMMITMENTS / seconds(commit), speed("-hmac", "sha256", "-bytes", "256") / 256) for _ in range(count)]
    commits, hmacs = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    return {
        "commit_per_s": commits,
        "openssl_hmac_per_s": hmacs,
        "commit_over_openssl_hmac": statistics.median(ours / theirs for ours, theirs in rounds),
    }


def rate(work: Callable[[], object]) -> float:
    """Gives 10^6 bytes a second over several records, so that each side of a ratio runs long enough."""
    return SIZE * RECORDS_A_ROUND / 1e6 / sum(seconds(work) for _ in range(RECORDS_A_ROUND))


def seconds(work: Callable[[], object]) -> float:
    """Gives how long something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def nowhere(piece: bytes) -> None:
    """Takes a sealed piece that is written nowhere: the store is no part of this."""
    del piece


def seal(record: bytes, pool: Executor, write: Callable[[bytes], None]) -> Sealed:
    """Seals one record from memory, hands its ciphertext out piece by piece, and commits to it."""
    view, key, object_id = memoryview(record), new_data_key(), new_object_id()
    sealer = Sealer(key, sealing_context(object_id, 1), hash_pool=pool)
    for start in range(0, len(record), SEAL_SIZE):
        write(sealer.update(view[start : start + SEAL_SIZE]))
    write(sealer.finalize())
    blinding = new_blinding()
    return Sealed(key, object_id, blinding, commitment(blinding, object_id, sealer.digests))


def open_again(sealed: Sealed, pieces: Sequence[bytes], pool: Executor) -> None:
    """Opens a sealed record piece by piece, keeps nothing of it, and compares it with its commitment."""
    opener = Opener(sealed.key, sealing_context(sealed.object_id, 1), hash_pool=pool)
    for piece in pieces:
        opener.update(piece)
    opener.finalize()
    verify_commitment(
        sealed.commitment,
        sealed.blinding,
        object_id=sealed.object_id,
        version=1,
        size=opener.digests.plaintext_size,
        plaintext_sha256=opener.digests.plaintext_sha256,
    )


def commit() -> None:
    """Commits to many records whose digests are known."""
    blinding, object_id, digest = new_blinding(), new_object_id(), secrets.token_bytes(32)
    known = ObjectDigests(SIZE, digest, SIZE, digest)
    for _ in range(COMMITMENTS):
        commitment(blinding, object_id, known)


def commitment(blinding: bytes, object_id: bytes, digests: ObjectDigests) -> bytes:
    """Commits to the first version of a record."""
    return commit_plaintext(
        blinding,
        object_id=object_id,
        version=1,
        size=digests.plaintext_size,
        plaintext_sha256=digests.plaintext_sha256,
    )


def speed(*what: str) -> float:
    """Runs ``openssl speed`` for one second on one core; returns bytes a second.

    Raises:
        RuntimeError: There is no openssl, or it prints no figure.
    """
    if shutil.which("openssl") is None:
        raise RuntimeError("baseline does not match (got no openssl on the PATH, expected it to compare with)")
    command = ["openssl", "speed", "-elapsed", *what, "-seconds", "1", "-mr"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    figures = [line.rsplit(":", 1)[1] for line in said.splitlines() if line.startswith("+F:")]
    if len(figures) != 1:
        raise RuntimeError(f"baseline does not match (got {len(figures)} figures of openssl speed, expected 1)")
    return float(figures[0])
