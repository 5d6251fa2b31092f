"""The ``extraData`` of a QBFT header: who are the validators, what the proposer votes, and who sealed.

Source: Besu's ``QbftExtraDataCodec`` (header mode): RLP of vanity, validators, vote or an empty list, round, seals.
What nodes accept more loosely is refused: another vanity than 32 bytes, a validator twice, more seals than validators.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import rlp

from consentry.core.terms import Address
from consentry.errors import InvalidInputError
from consentry.evidence.flat_rlp import members_of, number_in, string_of

VANITY_SIZE: Final = 32
SEAL_SIZE: Final = 65
MOST_VALIDATORS: Final = 256
"""A bound of this reader; QBFT runs with some dozens at most."""
_ADDRESS_SIZE: Final = 20
_ROUND_WIDTH: Final = 4
_HIGHEST_ROUND: Final = (1 << 31) - 1
_PARTS: Final = 5
_VOTES: Final = {b"\xff": True, b"": False}


@dataclass(frozen=True, slots=True)
class Vote:
    """What the proposer of a block wants: one address in (``add``) or out."""

    recipient: Address
    add: bool


@dataclass(frozen=True, slots=True)
class ExtraData:
    """``extraData`` taken apart; seals are r, s and v (0 or 1), 65 bytes each."""

    vanity: bytes
    validators: tuple[Address, ...]
    vote: Vote | None
    round: int
    seals: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Gives the bytes as they stand in a header."""
        vote = [self.vote.recipient, b"\xff" if self.vote.add else b""] if self.vote else []
        encoded: bytes = rlp.encode([self.vanity, self.validators, vote, self.round, self.seals])
        return encoded

    def sealed(self) -> bytes:
        """Gives the form that seals sign: without seals."""
        return replace(self, seals=()).encode()

    def on_chain(self) -> bytes:
        """Gives the form that the hash of the block covers: without seals, and in round zero."""
        return replace(self, seals=(), round=0).encode()


def _sized(what: str, item: bytes, size: int) -> bytes:
    content = string_of(item)
    if len(content) != size:
        raise InvalidInputError(f"length of {what} does not match (got {len(content)}, expected {size})")
    return content


def _vote_in(item: bytes) -> Vote | None:
    parts = members_of(item)
    if not parts:
        return None
    if len(parts) != 2:  # noqa: PLR2004 - recipient and direction
        raise InvalidInputError(f"vote does not match (got {len(parts)} parts, expected recipient and direction)")
    direction = string_of(parts[1])
    if direction not in _VOTES:
        raise InvalidInputError(f"vote does not match (got 0x{direction[:40].hex()}, expected 0xff or nothing)")
    return Vote(Address(_sized("recipient of the vote", parts[0], _ADDRESS_SIZE)), _VOTES[direction])


def _validators_in(item: bytes) -> tuple[Address, ...]:
    found = tuple(Address(_sized("validator", member, _ADDRESS_SIZE)) for member in members_of(item))
    if not found:
        raise InvalidInputError("validators do not match (got none, expected them in the header, not in a contract)")
    if len(found) > MOST_VALIDATORS:
        raise InvalidInputError(f"validators do not match (got {len(found)}, expected at most {MOST_VALIDATORS})")
    if len(set(found)) != len(found):
        raise InvalidInputError("validators do not match (got one twice, expected each once)")
    return found


def decode(encoded: bytes) -> ExtraData:
    """Takes ``extraData`` apart.

    Raises:
        InvalidInputError: it is not that of a QBFT header in header mode, or not in its one form.
    """
    parts = members_of(encoded)
    if len(parts) != _PARTS:
        raise InvalidInputError(f"extraData does not match (got {len(parts)} parts, expected {_PARTS})")
    validators = _validators_in(parts[1])
    round_ = number_in(string_of(parts[3]), _ROUND_WIDTH)
    if round_ > _HIGHEST_ROUND:
        raise InvalidInputError(f"round does not match (got {round_}, expected at most {_HIGHEST_ROUND})")
    seals = members_of(parts[4])
    if len(seals) > len(validators):
        raise InvalidInputError(f"seals do not match (got {len(seals)}, expected at most one a validator)")
    return ExtraData(
        vanity=_sized("vanity", parts[0], VANITY_SIZE),
        validators=validators,
        vote=_vote_in(parts[2]),
        round=round_,
        seals=tuple(_sized("seal", seal, SEAL_SIZE) for seal in seals),
    )
