"""The national ledger, pure: what ``contracts/NationalAnchor.sol`` does with ledgers, witnesses and checkpoints.

Who may govern is left out: two officers of the national authority, as in `consentry.core.two_persons`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from consentry.core.codes import CLOCK_TOLERANCE
from consentry.core.keccak import keccak
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.log_tree import MAX_SIZE, roots_along
from consentry.core.refusals import refusal
from consentry.core.terms import ZERO_32, ZERO_ADDRESS
from consentry.core.typed_data import struct_hash
from consentry.errors import VerificationError

MOST_WITNESSES: Final = 32
_SHORTEST_SIGNER: Final = 20

Holds = Callable[[bytes, bytes], bool]
"""Tells whether a signer made a signature over the checkpoint at hand."""


class LedgerStatus(IntEnum):
    """Life of a provincial ledger in the eyes of the nation."""

    NONE = 0
    ACTIVE = 1
    FORKED = 2
    CLOSED = 3
    CLOSED_FORKED = 4


_CLOSED: Final = frozenset({LedgerStatus.CLOSED, LedgerStatus.CLOSED_FORKED})
_OPEN: Final = frozenset({LedgerStatus.ACTIVE, LedgerStatus.FORKED})
_PROVING: Final = frozenset({LedgerStatus.ACTIVE, LedgerStatus.CLOSED})


class Conflict(IntEnum):
    """How a checkpoint contradicts one that is anchored; see ``INationalAnchor.Conflict``."""

    NONE = 0
    TWO_ROOTS = 1
    NOT_A_PREFIX = 2
    TWO_BLOCKS = 3
    WENT_BACK = 4


@dataclass(slots=True)
class AnchoredLedger:
    """What the national ledger knows of one ledger; ``anchors`` by the size of the tree."""

    status: LedgerStatus = LedgerStatus.NONE
    witnesses: frozenset[bytes] = frozenset()
    threshold: int = 0
    version: int = 0
    conflicts: int = 0
    size: int = 0
    anchors: dict[int, LedgerCheckpoint] = field(default_factory=dict)


_UNKNOWN: Final = AnchoredLedger()


def signer_order(signer: bytes) -> bytes:
    """Gives by what lists of signers ascend."""
    return keccak(signer)


def check_witnesses(witnesses: Sequence[bytes], threshold: int) -> None:
    """Checks a list of witnesses and how many of them must sign.

    Raises:
        LedgerRejectedError: the list is empty, too long, out of order or has what is no signer; or a minority would do.
    """
    count, last = len(witnesses), ZERO_32
    if not 1 <= count <= MOST_WITNESSES:
        raise refusal("NationalAnchorWitnessesInvalid", count)
    for place, signer in enumerate(witnesses):
        if len(signer) < _SHORTEST_SIGNER or signer_order(signer) <= last:
            raise refusal("NationalAnchorWitnessesInvalid", place)
        last = signer_order(signer)
    if not count < 2 * threshold <= 2 * count:
        raise refusal("NationalAnchorThresholdInvalid", threshold, count)


def check_form(checkpoint: LedgerCheckpoint, now: int) -> None:
    """Checks what a checkpoint says by itself; ``now`` is the time of the block, in seconds.

    Raises:
        LedgerRejectedError: size, root or block hash cannot be, or it is ahead of the clock.
    """
    if not 0 < checkpoint.size <= MAX_SIZE or ZERO_32 in {checkpoint.root, checkpoint.block_hash}:
        raise refusal("NationalAnchorCheckpointInvalid")
    if checkpoint.seen_at > now + CLOCK_TOLERANCE:
        raise refusal("NationalAnchorTimeInvalid", checkpoint.seen_at, now + CLOCK_TOLERANCE)


def _roots(smaller: int, larger: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    try:
        return roots_along(smaller, larger, nodes)
    except VerificationError:
        return None


def _is_prefix(checkpoint: LedgerCheckpoint, newest: LedgerCheckpoint, nodes: Sequence[bytes]) -> bool:
    grows = checkpoint.size > newest.size
    smaller, larger = (newest, checkpoint) if grows else (checkpoint, newest)
    stale = refusal("NationalAnchorStale", checkpoint.ledger_id, checkpoint.size, newest.size)
    if not grows and not nodes:
        raise stale
    reached = _roots(smaller.size, larger.size, nodes)
    if reached is None or reached[1] != larger.root:
        raise refusal("NationalAnchorNodesInvalid", smaller.size, larger.size)
    if reached[0] == smaller.root and not grows:
        raise stale
    return reached[0] == smaller.root


def _has_gone_back(checkpoint: LedgerCheckpoint, newest: LedgerCheckpoint) -> bool:
    smaller, larger = sorted((checkpoint, newest), key=lambda one: one.size)
    return larger.seen_at < smaller.seen_at or larger.block_number <= smaller.block_number


def compare(ledger: AnchoredLedger, checkpoint: LedgerCheckpoint, nodes: Sequence[bytes]) -> Conflict:
    """Tells what a signed checkpoint is beside those that are anchored.

    Args:
        ledger: what is anchored.
        checkpoint: what enough witnesses signed.
        nodes: as `consentry.core.log_tree.prefix_nodes` gives them for this tree and the newest one.

    Raises:
        LedgerRejectedError: it says nothing new, or its nodes show nothing.
    """
    if not ledger.size:
        if nodes:
            raise refusal("NationalAnchorNodesInvalid", 0, checkpoint.size)
        return Conflict.NONE
    same = ledger.anchors.get(checkpoint.size)
    if same is not None and same.root != checkpoint.root:
        return Conflict.TWO_ROOTS
    known = same or ledger.anchors[ledger.size]
    if checkpoint.block_number == known.block_number and checkpoint.block_hash != known.block_hash:
        return Conflict.TWO_BLOCKS
    if same is not None:
        raise refusal("NationalAnchorRepeated", checkpoint.ledger_id, checkpoint.size)
    if _has_gone_back(checkpoint, known):
        return Conflict.WENT_BACK
    return Conflict.NONE if _is_prefix(checkpoint, known, nodes) else Conflict.NOT_A_PREFIX


@dataclass(slots=True)
class Anchors:
    """All ledgers of the nation by their id, and the conflicts recorded by the struct hash of the checkpoint.

    Each act raises `LedgerRejectedError` naming the Solidity error where the contract would refuse, and changes
    nothing then.
    """

    ledgers: dict[bytes, AnchoredLedger] = field(default_factory=dict)
    conflicts: dict[bytes, Conflict] = field(default_factory=dict)

    def of(self, ledger: bytes) -> AnchoredLedger:
        """Gives what is known of a ledger; status ``NONE`` for one that was never admitted."""
        return self.ledgers.get(ledger, _UNKNOWN)

    def admit(self, identity: LedgerIdentity, witnesses: Sequence[bytes], threshold: int) -> bytes:
        """Admits a ledger with its witnesses; gives its id."""
        whole = identity.origin and identity.chain_id and identity.genesis_hash != ZERO_32
        if not whole or identity.access_ledger == ZERO_ADDRESS:
            raise refusal("NationalAnchorIdentityInvalid")
        name = ledger_id(identity)
        if name in self.ledgers:
            raise refusal("NationalAnchorLedgerKnown", name, self.ledgers[name].status)
        check_witnesses(witnesses, threshold)
        self.ledgers[name] = AnchoredLedger(LedgerStatus.ACTIVE, frozenset(witnesses), threshold, 1)
        return name

    def change_witnesses(self, ledger: bytes, witnesses: Sequence[bytes], threshold: int) -> None:
        """Replaces the witnesses of a ledger that is not closed."""
        known = self._open(ledger)
        check_witnesses(witnesses, threshold)
        known.witnesses, known.threshold = frozenset(witnesses), threshold
        known.version += 1

    def resolve(self, ledger: bytes) -> None:
        """Lets a forked ledger go on from what is anchored; one that is closed stays so and proves again."""
        known = self.of(ledger)
        if known.status not in {LedgerStatus.FORKED, LedgerStatus.CLOSED_FORKED}:
            raise refusal("NationalAnchorStatusInvalid", ledger, known.status)
        known.status = LedgerStatus.CLOSED if known.status in _CLOSED else LedgerStatus.ACTIVE

    def close(self, ledger: bytes) -> None:
        """Closes a ledger for ever; an open conflict stays open."""
        known = self._open(ledger)
        forked = known.status == LedgerStatus.FORKED
        known.status = LedgerStatus.CLOSED_FORKED if forked else LedgerStatus.CLOSED

    def anchor(
        self,
        checkpoint: LedgerCheckpoint,
        nodes: Sequence[bytes],
        signed: Sequence[tuple[bytes, bytes]],
        holds: Holds,
        now: int,
    ) -> Conflict:
        """Anchors a checkpoint, or records that it contradicts an anchored one.

        Args:
            checkpoint: what was signed.
            nodes: see `compare`.
            signed: signers and their signatures, by ascending `signer_order`.
            holds: whether a signature is the signer's.
            now: time of the block, in seconds.
        """
        known = self._admitted(checkpoint.ledger_id)
        check_form(checkpoint, now)
        name = struct_hash(checkpoint)
        if name in self.conflicts:
            raise refusal("NationalAnchorConflictKnown", name)
        self._check_quorum(checkpoint.ledger_id, signed, holds)
        conflict = compare(known, checkpoint, nodes)
        if conflict:
            known.status = LedgerStatus.CLOSED_FORKED if known.status in _CLOSED else LedgerStatus.FORKED
            known.conflicts += 1
            self.conflicts[name] = conflict
        elif known.status != LedgerStatus.ACTIVE:
            raise refusal("NationalAnchorStatusInvalid", checkpoint.ledger_id, known.status)
        else:
            known.size = checkpoint.size
            known.anchors[checkpoint.size] = checkpoint
        return conflict

    def anchored(self, ledger: bytes, size: int) -> LedgerCheckpoint:
        """Gives an anchored checkpoint that decisions can be proved with: not while a conflict is open."""
        known = self.of(ledger)
        if known.status not in _PROVING:
            raise refusal("NationalAnchorStatusInvalid", ledger, known.status)
        if size not in known.anchors:
            raise refusal("NationalAnchorNotAnchored", ledger, size)
        return known.anchors[size]

    def _open(self, ledger: bytes) -> AnchoredLedger:
        known = self.of(ledger)
        if known.status not in _OPEN:
            raise refusal("NationalAnchorStatusInvalid", ledger, known.status)
        return known

    def _admitted(self, ledger: bytes) -> AnchoredLedger:
        known = self.of(ledger)
        if known.status == LedgerStatus.NONE:
            raise refusal("NationalAnchorStatusInvalid", ledger, known.status)
        return known

    def _check_quorum(self, ledger: bytes, signed: Sequence[tuple[bytes, bytes]], holds: Holds) -> None:
        known, last = self.of(ledger), ZERO_32
        if len(signed) < known.threshold:
            raise refusal("NationalAnchorQuorumMissing", len(signed), len(signed), known.threshold)
        for place, (signer, signature) in enumerate(signed):
            if signer_order(signer) <= last:
                raise refusal("NationalAnchorSignersUnordered", place)
            if signer not in known.witnesses:
                raise refusal("NationalAnchorWitnessUnknown", ledger, signer)
            if not holds(signer, signature):
                raise refusal("NationalAnchorSignatureInvalid", signer)
            last = signer_order(signer)
