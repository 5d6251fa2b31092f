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


@dataclass(frozen=True, slots=True)
class WitnessList:
    """Signers, and how many of them must sign."""

    witnesses: frozenset[bytes] = frozenset()
    threshold: int = 0


_NOBODY: Final = WitnessList()


@dataclass(slots=True)
class AnchoredLedger:
    """What the national ledger knows of one ledger.

    ``lists`` of witnesses are in the order of their version, from 1; conflicts are recorded from the version
    ``heard_from`` on. ``anchors`` and ``versions``, those of their lists, are by the size of the tree.
    """

    status: LedgerStatus = LedgerStatus.NONE
    lists: list[WitnessList] = field(default_factory=list)
    heard_from: int = 0
    conflicts: int = 0
    size: int = 0
    anchors: dict[int, LedgerCheckpoint] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Version of today's list of witnesses."""
        return len(self.lists)

    @property
    def threshold(self) -> int:
        """How many of today's witnesses must sign."""
        return (self.lists[-1] if self.lists else _NOBODY).threshold


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


def _is_prefix(checkpoint: LedgerCheckpoint, known: LedgerCheckpoint, nodes: Sequence[bytes]) -> bool:
    grows = checkpoint.size > known.size
    smaller, larger = (known, checkpoint) if grows else (checkpoint, known)
    stale = refusal("NationalAnchorStale", checkpoint.ledger_id, checkpoint.size, known.size)
    if not grows and not nodes:
        raise stale
    reached = _roots(smaller.size, larger.size, nodes)
    if reached is None or reached[1] != larger.root:
        raise refusal("NationalAnchorNodesInvalid", smaller.size, larger.size)
    if reached[0] == smaller.root and not grows:
        raise stale
    return reached[0] == smaller.root


def _has_gone_back(checkpoint: LedgerCheckpoint, known: LedgerCheckpoint, *, one_list: bool) -> bool:
    smaller, larger = sorted((checkpoint, known), key=lambda one: one.size)
    earlier = one_list and larger.seen_at < smaller.seen_at
    return earlier or larger.block_number <= smaller.block_number


def compare(
    checkpoint: LedgerCheckpoint, known: LedgerCheckpoint | None, nodes: Sequence[bytes], *, one_list: bool
) -> Conflict:
    """Tells what a signed checkpoint is beside an anchored one.

    Args:
        checkpoint: what enough witnesses signed.
        known: the anchored one; ``None`` where there is none.
        nodes: as `consentry.core.log_tree.prefix_nodes` gives them for the two trees.
        one_list: whether the witnesses of both are of one list.

    Raises:
        LedgerRejectedError: it says nothing new, its nodes show nothing, or other witnesses saw the smaller tree later.
    """
    if known is None:
        if nodes:
            raise refusal("NationalAnchorNodesInvalid", 0, checkpoint.size)
        return Conflict.NONE
    if checkpoint.size == known.size and checkpoint.root != known.root:
        return Conflict.TWO_ROOTS
    if checkpoint.block_number == known.block_number and checkpoint.block_hash != known.block_hash:
        return Conflict.TWO_BLOCKS
    if checkpoint.size == known.size:
        raise refusal("NationalAnchorRepeated", checkpoint.ledger_id, checkpoint.size)
    if _has_gone_back(checkpoint, known, one_list=one_list):
        return Conflict.WENT_BACK
    if not _is_prefix(checkpoint, known, nodes):
        return Conflict.NOT_A_PREFIX
    if checkpoint.seen_at < known.seen_at:
        raise refusal("NationalAnchorTimeBehind", checkpoint.seen_at, known.seen_at)
    return Conflict.NONE


def _check_quorum(ledger: bytes, listed: WitnessList, signed: Sequence[tuple[bytes, bytes]], holds: Holds) -> None:
    last = ZERO_32
    if len(signed) < listed.threshold:
        raise refusal("NationalAnchorQuorumMissing", len(signed), len(signed), listed.threshold)
    for place, (signer, signature) in enumerate(signed):
        if signer_order(signer) <= last:
            raise refusal("NationalAnchorSignersUnordered", place)
        if signer not in listed.witnesses:
            raise refusal("NationalAnchorWitnessUnknown", ledger, signer)
        if not holds(signer, signature):
            raise refusal("NationalAnchorSignatureInvalid", signer)
        last = signer_order(signer)


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
        self.ledgers[name] = AnchoredLedger(LedgerStatus.ACTIVE, [WitnessList(frozenset(witnesses), threshold)])
        return name

    def change_witnesses(self, ledger: bytes, witnesses: Sequence[bytes], threshold: int) -> None:
        """Replaces the witnesses of a ledger that is not closed."""
        known = self._open(ledger)
        check_witnesses(witnesses, threshold)
        known.lists.append(WitnessList(frozenset(witnesses), threshold))

    def resolve(self, ledger: bytes) -> None:
        """Lets a forked ledger go on from what is anchored; one that is closed stays so and proves again.

        Former lists of witnesses are heard no longer: two officers have looked.
        """
        known = self.of(ledger)
        if known.status not in {LedgerStatus.FORKED, LedgerStatus.CLOSED_FORKED}:
            raise refusal("NationalAnchorStatusInvalid", ledger, known.status)
        known.status = LedgerStatus.CLOSED if known.status in _CLOSED else LedgerStatus.ACTIVE
        known.heard_from = known.version

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
        known = self._new(checkpoint, now)
        version = known.version
        _check_quorum(checkpoint.ledger_id, known.lists[version - 1], signed, holds)
        against = checkpoint.size if checkpoint.size in known.anchors else known.size
        one_list = known.versions.get(against) == version
        conflict = compare(checkpoint, known.anchors.get(against), nodes, one_list=one_list)
        if conflict:
            self._record(checkpoint, conflict)
        elif known.status != LedgerStatus.ACTIVE:
            raise refusal("NationalAnchorStatusInvalid", checkpoint.ledger_id, known.status)
        else:
            known.size = checkpoint.size
            known.anchors[checkpoint.size] = checkpoint
            known.versions[checkpoint.size] = version
        return conflict

    def record_conflict(
        self,
        against: int,
        checkpoint: LedgerCheckpoint,
        nodes: Sequence[bytes],
        signed: Sequence[tuple[bytes, bytes]],
        holds: Holds,
        now: int,
    ) -> Conflict:
        """Records that a checkpoint contradicts an anchored one of witnesses of the same list, be it a former one.

        Args:
            against: size of the anchored tree.
            checkpoint: what was signed.
            nodes: see `compare`.
            signed: witnesses of that list and their signatures, by ascending `signer_order`.
            holds: whether a signature is the signer's.
            now: time of the block, in seconds.
        """
        known, ledger = self._new(checkpoint, now), checkpoint.ledger_id
        if against not in known.anchors:
            raise refusal("NationalAnchorNotAnchored", ledger, against)
        version = known.versions[against]
        if version < known.heard_from:
            raise refusal("NationalAnchorListUnheard", ledger, version)
        _check_quorum(ledger, known.lists[version - 1], signed, holds)
        conflict = compare(checkpoint, known.anchors[against], nodes, one_list=True)
        if not conflict:
            raise refusal("NationalAnchorNoConflict", ledger, checkpoint.size, against)
        self._record(checkpoint, conflict)
        return conflict

    def _new(self, checkpoint: LedgerCheckpoint, now: int) -> AnchoredLedger:
        """Checks all of a checkpoint that does not hang on who signed it; gives what is known of its ledger."""
        known = self._admitted(checkpoint.ledger_id)
        check_form(checkpoint, now)
        name = struct_hash(checkpoint)
        if name in self.conflicts:
            raise refusal("NationalAnchorConflictKnown", name)
        return known

    def _record(self, checkpoint: LedgerCheckpoint, conflict: Conflict) -> None:
        known = self.of(checkpoint.ledger_id)
        known.status = LedgerStatus.CLOSED_FORKED if known.status in _CLOSED else LedgerStatus.FORKED
        known.conflicts += 1
        self.conflicts[struct_hash(checkpoint)] = conflict

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
