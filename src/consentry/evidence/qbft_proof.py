"""Proofs of QBFT blocks as files, and which headers one needs: ``docs/formats/qbft-proof.md``.

From a pinned block to the one wanted, a proof has the header of every step at which the validators changed and no
others: one that enough of those before sealed too, or else the run of headers with the votes that made the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import rfc8785

from consentry.errors import InvalidInputError
from consentry.evidence import qbft
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.qbft import SealedHeader
from consentry.evidence.validator_trail import Anchor, Tally, Validators, follow

FORMAT: Final = "consentry.qbft-proof/v1"
LARGEST: Final = 16 << 20
"""Bytes of the longest file that is read."""
_START: Final = f'{{"format":"{FORMAT}","headers":["'.encode()
_END: Final = b'"]}'


def to_json(headers: Sequence[bytes]) -> bytes:
    """Writes a proof of one or more headers: canonical JSON (RFC 8785)."""
    return rfc8785.dumps({"format": FORMAT, "headers": [hex_of(header) for header in headers]})


def from_json(content: bytes) -> tuple[bytes, ...]:
    """Reads a proof; what its headers are worth is for `verify`.

    The one form it has is matched as text: a parser of JSON goes down as deep as a stranger nests.

    Raises:
        InvalidInputError: another form, or longer than `LARGEST`.
    """
    if len(content) > LARGEST:
        raise InvalidInputError(f"size of the proof does not match (got {len(content)}, expected at most {LARGEST})")
    if len(content) < len(_START + _END) or not content.startswith(_START) or not content.endswith(_END):
        raise InvalidInputError(f"proof does not match (got another document or notation, expected {FORMAT})")
    texts = content[len(_START) : -len(_END)].decode("ascii", "replace").split('","')
    return tuple(bytes_of(text) for text in texts)


def verify(content: bytes, anchor: Anchor) -> tuple[SealedHeader, ...]:
    """Checks a proof against a pinned block, with nothing else.

    Returns:
        Its headers, each proved; the last is the one wanted.

    Raises:
        InvalidInputError: it is no proof, or a header is malformed.
        VerificationError: a header is not proved by those before it.
    """
    return follow(anchor, from_json(content))


def select(anchor: Anchor, headers: Sequence[bytes], wanted: int) -> tuple[bytes, ...]:
    """Picks the headers a proof needs.

    Args:
        anchor: the pinned block.
        headers: RLP of all headers from the pinned block on, without a gap.
        wanted: number of the block to be proved.

    Raises:
        InvalidInputError: the headers do not reach that block, or the validators changed by neither votes nor seals,
            as where an operator's configuration sets them.
    """
    reach = wanted - anchor.number + 1
    if not 1 <= reach <= len(headers):
        raise InvalidInputError(f"block does not match (got {wanted}, expected one of the {len(headers)} given)")
    decoded = [qbft.decode(header) for header in headers[:reach]]
    changes = [at for at in range(1, reach) if _listed(decoded[at]) != _listed(decoded[at - 1])]
    chosen = {0, reach - 1}
    for at, following in reversed([*pairwise([*changes, reach])]):
        places = sorted(range(at, following), key=lambda place: (place not in chosen, place))
        chosen |= _step(decoded, places, at, anchor.epoch_length)
    return tuple(headers[place] for place in sorted(chosen))


def _listed(header: SealedHeader) -> Validators:
    return frozenset(header.extra.validators)


def _step(headers: Sequence[SealedHeader], places: Sequence[int], at: int, epoch_length: int) -> set[int]:
    """Gives the places of headers that prove the change of the list at a place: the first of ``places`` that can."""
    before, after = _listed(headers[at - 1]), _listed(headers[at])
    for place in places:
        if len(qbft.sealers(headers[place], after) & before) >= qbft.quorum(len(before)):
            return {place}
    for first in range(at - 1, -1, -1):
        if headers[first].extra.vote and _made(headers[first:at], before, epoch_length) == after:
            return {*range(first, at)}
    raise InvalidInputError(
        f"validators of block {headers[at].number} do not match (got a list that neither votes nor seals explain)"
    )


def _made(headers: Sequence[SealedHeader], validators: Validators, epoch_length: int) -> Validators:
    """Gives the validators after headers that all list the same ones; none if one of them lists others."""
    tally, after = Tally(), validators
    for header in headers:
        if _listed(header) != after:
            return frozenset()
        after = tally.count(header, epoch_length)
    return after
