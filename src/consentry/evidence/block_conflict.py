"""Evidence that one chain had two blocks of one number: a rewritten block, or a fork.

Each header proves its own number and hash. Where validators seal blocks, a quorum of seals on each shows that the
validators broke their agreement: both quorums have a third of them in common, and with fewer faulty ones two blocks of
one number never come about. Who sealed both is listed; that one of these is at fault is certain, which one is not.
Where nobody seals, the file only says that two blocks were shown.

What the reader must still do: know that both are of the chain named, and who its validators were.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, get_args

import rfc8785

from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import header, qbft
from consentry.evidence.canonical import read_canonical
from consentry.evidence.header import HeaderForm
from consentry.evidence.notation import bytes_of, hex_of

FORMAT: Final = "consentry.block-conflict/v1"
_MEMBERS: Final = frozenset({"format", "chainId", "headerForm", "first", "second"})
_LARGEST_CHAIN_ID: Final = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class BlockConflict:
    """The file.

    Attributes:
        chain_id: chain both were shown for, as in EIP-155.
        form: how the hash of a block follows from its header.
        first: RLP of the header that was shown first.
        second: RLP of the one that was shown later.
    """

    chain_id: int
    form: HeaderForm
    first: bytes
    second: bytes

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "chainId": str(self.chain_id),
                "headerForm": self.form,
                "first": hex_of(self.first),
                "second": hex_of(self.second),
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> BlockConflict:
        """Reads the file; nothing is checked yet.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("evidence", content, _read)


def _read(found: dict[str, Any]) -> BlockConflict:
    if found.keys() != _MEMBERS or found["format"] != FORMAT or found["headerForm"] not in get_args(HeaderForm):
        raise InvalidInputError(f"members of the evidence do not match (got others, expected those of {FORMAT})")
    chain_id = int(found["chainId"])
    if not 0 < chain_id <= _LARGEST_CHAIN_ID:
        raise InvalidInputError(f"chain id does not match (got {found['chainId']!r:.80}, expected 256 bits)")
    return BlockConflict(chain_id, found["headerForm"], bytes_of(found["first"]), bytes_of(found["second"]))


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the file shows.

    Attributes:
        number: number of both blocks.
        first: hash of the one shown first.
        second: hash of the one shown later.
        sealed_both: validators that sealed both; none where nobody seals, or where no validators were given.
    """

    number: int
    first: bytes
    second: bytes
    sealed_both: frozenset[Address]


def verify_block_conflict(content: bytes, validators: AbstractSet[Address] = frozenset()) -> Dispute:
    """Checks the evidence.

    Args:
        content: bytes of the file.
        validators: those of both blocks, where they seal and the reader knows them; then each block must have a quorum
            of seals.

    Raises:
        InvalidInputError: the bytes are no such file, or a header is none.
        VerificationError: the headers do not contradict each other, or one is not sealed by enough validators.
    """
    found = BlockConflict.from_json(content)
    first, second = (header.decode(encoded, found.form) for encoded in (found.first, found.second))
    if first.number != second.number:
        raise VerificationError(f"numbers do not match (got {first.number} and {second.number}, expected the same)")
    if first.hash == second.hash:
        raise VerificationError(f"hashes do not match (got 0x{first.hash.hex()} twice, expected two blocks)")
    sealed_both: frozenset[Address] = frozenset()
    if validators:
        if found.form != "qbft":
            raise VerificationError(f"form of the headers does not match (got {found.form}, expected sealed ones)")
        by_first, by_second = (
            qbft.sealers(qbft.decode(encoded), validators) for encoded in (found.first, found.second)
        )
        sealed_both = by_first & by_second
    return Dispute(first.number, first.hash, second.hash, sealed_both)
