"""How fast a record is sealed: encryption, both digests and the commitment, beside AES-256-GCM of ``openssl speed``.

The other side is one core of openssl over 1 MiB blocks with no hashing at all, so 1.0 is out of reach: two SHA-256 cost
more than the encryption. Both sides take turns in one run, because the speed of a machine drifts.
"""

from __future__ import annotations

import secrets
import shutil
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from consentry.crypto.commitment import commit_plaintext, new_blinding
from consentry.crypto.sealing import Sealer, new_data_key, new_object_id, sealing_context

MEBIBYTE = 2**20
PIECE = MEBIBYTE
ROUNDS = 5


def run(*, quick: bool) -> dict[str, float]:
    """Measures in turns; medians of at least five rounds.

    Returns:
        ``seal_mb_per_s`` and ``openssl_mb_per_s`` (10^6 bytes a second), and the median of their ratios
        ``seal_over_openssl``, each round's own.

    Raises:
        RuntimeError: There is no openssl program to compare with.
    """
    size, rounds = (16 * MEBIBYTE, ROUNDS) if quick else (64 * MEBIBYTE, 2 * ROUNDS + 1)
    record = secrets.token_bytes(size)
    with ThreadPoolExecutor(2) as pool:
        seal(record, pool)  # the first run loads code and starts threads
        pairs = [(size / seal(record, pool) / 1e6, openssl() / 1e6) for _ in range(rounds)]
    return {
        "seal_mb_per_s": statistics.median(ours for ours, _ in pairs),
        "openssl_mb_per_s": statistics.median(theirs for _, theirs in pairs),
        "seal_over_openssl": statistics.median(ours / theirs for ours, theirs in pairs),
    }


def seal(record: bytes, pool: ThreadPoolExecutor) -> float:
    """Seals one record from memory and commits to it; returns the seconds it took."""
    view = memoryview(record)
    began = time.perf_counter()
    object_id = new_object_id()
    sealer = Sealer(new_data_key(), sealing_context(object_id, 1), hash_pool=pool)
    for start in range(0, len(record), PIECE):
        sealer.update(view[start : start + PIECE])
    sealer.finalize()
    digests = sealer.digests
    commit_plaintext(
        new_blinding(),
        object_id=object_id,
        version=1,
        size=digests.plaintext_size,
        plaintext_sha256=digests.plaintext_sha256,
    )
    return time.perf_counter() - began


def openssl() -> float:
    """Runs ``openssl speed`` for one second on one core; returns bytes a second.

    Raises:
        RuntimeError: There is no openssl, or it prints no figure.
    """
    if shutil.which("openssl") is None:
        raise RuntimeError("baseline does not match (got no openssl on the PATH, expected it to compare with)")
    command = ["openssl", "speed", "-elapsed", "-evp", "aes-256-gcm", "-bytes", str(MEBIBYTE), "-seconds", "1", "-mr"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    figures = [line.rsplit(":", 1)[1] for line in said.splitlines() if line.startswith("+F:")]
    if len(figures) != 1:
        raise RuntimeError(f"baseline does not match (got {len(figures)} figures of openssl speed, expected 1)")
    return float(figures[0])
