"""Who may seal a QBFT block: followed from a pinned block over headers, each of which is proved by those before it.

The rules are those of ``docs/formats/qbft-proof.md``; the numbers here are the same. Sources: Besu's ``VoteTally``,
``VoteTallyUpdater`` and ``BftValidatorsValidationRule``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import qbft
from consentry.evidence.qbft import SealedHeader
from consentry.evidence.qbft_extra import Vote

Validators = frozenset[Address]


@dataclass(frozen=True, slots=True)
class Anchor:
    """What must be known from somewhere else: a block that is believed, and after how many blocks votes lapse."""

    number: int
    hash: bytes
    epoch_length: int

    def __post_init__(self) -> None:
        if self.epoch_length < 1:
            raise InvalidInputError(f"epoch length does not match (got {self.epoch_length}, expected 1 or more)")


@dataclass(slots=True)
class Tally:
    """Votes that are outstanding: of each recipient, who voted last for which direction."""

    _votes: dict[Address, dict[Address, bool]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drops every vote."""
        self._votes.clear()

    def count(self, header: SealedHeader, epoch_length: int) -> Validators:
        """Counts the vote of a header, but not where votes lapse; gives who seals the next block (rule 7)."""
        listed = frozenset(header.extra.validators)
        if header.number % epoch_length == 0:
            self.forget()
            return listed
        vote = header.extra.vote
        return listed if vote is None else self._cast(listed, header.proposer, vote)

    def _cast(self, validators: Validators, voter: Address, vote: Vote) -> Validators:
        """More than half of the validators must want the same for it to happen."""
        ballots = self._votes.setdefault(vote.recipient, {})
        ballots[voter] = vote.add
        if 2 * sum(add == vote.add for add in ballots.values()) <= len(validators):
            return validators
        del self._votes[vote.recipient]
        if vote.add:
            return validators | {vote.recipient}
        for others in self._votes.values():
            others.pop(vote.recipient, None)
        return validators - {vote.recipient}


class Trail:
    """The headers taken so far, as far as they bear on the next: the last one, who seals, and the votes since a gap."""

    def __init__(self, anchor: Anchor, first: SealedHeader) -> None:
        """Starts at the header of the pinned block (rule 3).

        Raises:
            VerificationError: it is that of another block.
        """
        if (first.number, first.hash) != (anchor.number, anchor.hash):
            raise VerificationError(
                f"first header does not match (got block {first.number} 0x{first.hash.hex()}, "
                f"expected block {anchor.number} 0x{anchor.hash.hex()})"
            )
        self._epoch_length = anchor.epoch_length
        self._tally = Tally()
        self._last = first
        self._validators = self._tally.count(first, anchor.epoch_length)

    @property
    def validators(self) -> Validators:
        """Those who must seal the block after the last header."""
        return self._validators

    def take(self, header: SealedHeader) -> None:
        """Takes the next header in, if those before prove it.

        Raises:
            VerificationError: they do not.
        """
        self._check_order(header)
        listed = frozenset(header.extra.validators)
        sealers = qbft.sealers(header, listed)
        if header.number != self._last.number + 1:
            self._tally.forget()
        if listed != self._validators:
            self._check_change(header, sealers)
            self._tally.forget()
        self._last, self._validators = header, self._tally.count(header, self._epoch_length)

    def _check_order(self, header: SealedHeader) -> None:
        last = self._last
        if header.number <= last.number:
            raise VerificationError(f"block does not match (got {header.number}, expected one above {last.number})")
        if header.time < last.time:
            raise VerificationError(
                f"time of block {header.number} does not match (got {header.time}, expected {last.time} or later)"
            )
        if header.number == last.number + 1 and header.parent_hash != last.hash:
            raise VerificationError(
                f"parent of block {header.number} does not match "
                f"(got 0x{header.parent_hash.hex()}, expected 0x{last.hash.hex()})"
            )

    def _check_change(self, header: SealedHeader, sealers: Validators) -> None:
        """Accepts another list that enough of the validators before sealed (rule 8)."""
        if header.number == self._last.number + 1 and self._validators != frozenset(self._last.extra.validators):
            raise VerificationError(
                f"validators of block {header.number} do not match (got another list, "
                f"expected the one that the vote of block {self._last.number} made)"
            )
        needed, found = qbft.quorum(len(self._validators)), len(sealers & self._validators)
        if found < max(needed, 1):  # whoever votes the last validator out leaves nobody to vouch for others
            raise VerificationError(
                f"validators of block {header.number} do not match (got another list, sealed by {found} of the "
                f"{len(self._validators)} before, expected {needed} or the votes for it)",
                expected=needed,
                got=found,
            )


def follow(anchor: Anchor, encoded: Sequence[bytes]) -> tuple[SealedHeader, ...]:
    """Proves headers from a pinned block on.

    Args:
        anchor: whom to believe.
        encoded: RLP of headers, ascending; the first is that of the pinned block.

    Returns:
        All of them, each proved.

    Raises:
        InvalidInputError: one is no QBFT header, or there is none.
        VerificationError: one is not proved by those before it.
    """
    if not encoded:
        raise InvalidInputError("headers do not match (got none, expected that of the pinned block at least)")
    headers = [qbft.decode(encoded[0])]
    trail = Trail(anchor, headers[0])
    for further in encoded[1:]:
        header = qbft.decode(further)
        trail.take(header)
        headers.append(header)
    return tuple(headers)
