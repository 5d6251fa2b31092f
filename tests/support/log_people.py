"""Keys of a log, its witnesses and its root holders, the same each time; and checkpoints they sign."""

from __future__ import annotations

from typing import Final

from consentry.core.log_tree import leaf_hash, nodes_of, root_of
from consentry.core.terms import Address
from consentry.crypto.ed25519 import Ed25519Key
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.evidence.checkpoint import Checkpoint, Cosigner, LogSigner, checkpoint_note
from consentry.evidence.log_root import LogRoot
from consentry.evidence.note import SignedNote
from consentry.evidence.witnesses import WitnessPolicy

ORIGIN: Final = "ledger.example.org/guangdong"
NOW: Final = 1_800_000_000


def key(number: int) -> Ed25519Key:
    """Gives one of many keys."""
    return Ed25519Key(bytes([number]) * 32)


LOG: Final = LogSigner(ORIGIN, key(1))
WITNESSES: Final = tuple(Cosigner(f"{name}.example.org/witness", key(10 + n)) for n, name in enumerate("abcde"))
QUANTUM_SAFE: Final = Cosigner("f.example.org/witness", MlDsa44Key(bytes([15]) * 32))
"""A sixth witness, with ML-DSA-44; the policy below does not name it."""
ROOT_HOLDERS: Final = tuple(sorted((key(20 + n) for n in range(4)), key=lambda held: held.public))
POLICY: Final = WitnessPolicy(
    origin=ORIGIN,
    log_keys=(LOG.verifier_key,),
    witnesses=tuple(witness.verifier_key for witness in WITNESSES),
    threshold=3,
    valid_from=NOW - 1000,
    valid_until=NOW + 1000,
)
ROOT: Final = LogRoot(
    version=1,
    chain_id=131277322940537,
    genesis_hash=bytes([7]) * 32,
    contracts=(Address(bytes([1]) * 20), Address(bytes([2]) * 20)),
    policy=POLICY,
    root_keys=tuple(held.public for held in ROOT_HOLDERS[:3]),
    root_threshold=2,
)


def leaves(size: int, fork: int | None = None) -> list[bytes]:
    """Gives leaf hashes of a log; from place ``fork`` on they are of another history."""
    return [leaf_hash(b"%d %d" % (place, fork is not None and place >= fork)) for place in range(size)]


def head(size: int, fork: int | None = None) -> Checkpoint:
    """Gives the head of a log of that size."""
    return Checkpoint(ORIGIN, size, root_of(size, nodes_of(leaves(size, fork))))


def cosigned(checkpoint: Checkpoint, times: dict[int, int]) -> SignedNote:
    """Gives the note of a checkpoint, signed by the log and, at those times, by those witnesses."""
    lines = [WITNESSES[number].cosign(checkpoint, time) for number, time in times.items()]
    return checkpoint_note(checkpoint, LOG.sign(checkpoint), *lines)
