"""What a batch costs at most, told from outside, before it is sent.

The bytes are counted exactly. What the contract does is bounded by what it reads and writes: each figure below is a
measured one with some room, on a state that makes it dear (nothing read or written before). A test compares the bounds
with what batches of many forms really take.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core.codes import LegalBasis
from consentry.core.terms import ZERO_32, AccessRequest, Material
from consentry.core.typed_data import WORD
from consentry.ledger.calldata import encode_decide, encode_decide_batch

Pair = tuple[AccessRequest, Material]
Thing = tuple[int, Hashable]

BASE_GAS: Final = 21_000
"""Of the transaction itself."""
INSTITUTION_GAS: Final = 85_000
"""What stands once in a batch: its institution with key and standing, the head of the institution's log, and its count
of permits."""
ITEM_GAS: Final = 19_000
"""Putting a request together, judging it and writing its line, where everything it needs was read before."""
SUBJECT_GAS: Final = 25_000
"""A new slot for the head of a subject's log, and whether the subject excludes anything."""
WORD_GAS: Final = 22_500
"""A new slot for the bits of 256 request ids."""
CONSENT_GAS: Final = 15_000
"""Terms in memory and hashed, the state of the consent, its uses."""
AUTHORISATION_GAS: Final = 12_000
"""Terms in memory and hashed, and the state of the authorisation."""
EMERGENCY_GAS: Final = 160_000
"""Opening a debt: what is known of it, and its place among those that are open."""
RECORD_GAS: Final = 2_500
"""What the chain knows of a record."""
NAMED_GAS: Final = 4_000
"""Showing that a record, perhaps in a later version, is one of those named."""
GROUP_GAS: Final = 4_000
"""Asking whether the institution belongs to the group of a consent."""
MEMORY_GAS: Final = 13
"""Times the square of the number of requests: memory grows dearer the more of it is used."""
VERIFIER_GAS: Final = 500_000
"""What the contract gives a verifier for one signature (``AccessLedger._VERIFIER_GAS``)."""
PROOF_NODE_GAS: Final = 400
"""Hashing one node of a scope proof."""
ACCOUNT_SIGNATURE_GAS: Final = 6_000
_TOKEN_GAS: Final = 4
_FLOOR_TOKEN_GAS: Final = 10
_ACCOUNT_SIGNATURE: Final = 65
"""Bytes. A signature of another length is a verifier's, or wrong."""
_WORD_BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What something adds to a batch, at most: gas of running it, and the floor below which its bytes are not had."""

    running: int = BASE_GAS
    floor: int = BASE_GAS

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.running + other.running, self.floor + other.floor)

    @property
    def gas(self) -> int:
        """The larger of the two counts (EIP-7623)."""
        return max(self.running, self.floor)


def cost_of(pairs: Sequence[Pair], signature: bytes, call: bytes) -> Cost:
    """Estimates what requests under one signature add to a transaction, which itself costs ``Cost()``.

    Several such that go into one transaction may share consents and records, so they may cost less there.

    Args:
        pairs: the requests with their material.
        signature: that of the one request, or that of the batch.
        call: the call that decides just these.
    """
    return _cost(pairs, signature, 4 * len(call) - 3 * call.count(0))


def _cost(pairs: Sequence[Pair], signature: bytes, tokens: int) -> Cost:
    signed = ACCOUNT_SIGNATURE_GAS if len(signature) == _ACCOUNT_SIGNATURE else VERIFIER_GAS
    return Cost(_TOKEN_GAS * tokens + signed + _deciding(pairs), _FLOOR_TOKEN_GAS * tokens)


def bound_of(pair: Pair, signature: bytes) -> Cost:
    """Estimates as `cost_of` does what one signed request adds, uncoded: as if none of its bytes were zero."""
    _, material = pair
    shape = material.terms is None, material.authorisation is None, len(material.scope_proof), len(signature)
    length = _lengths.get(shape)
    if length is None:
        if len(_lengths) >= _MOST_SHAPES:
            _lengths.clear()
        length = _lengths[shape] = len(encode_decide([pair], [signature]))
    return _cost([pair], signature, 4 * (length + _VALUES_BYTES))


_MOST_SHAPES: Final = 10_000
_lengths: Final[dict[tuple[bool, bool, int, int], int]] = {}
"""Bytes of the call that decides one request, by what they depend on, but for values that are left out where zero."""
_VALUES_BYTES: Final = 8 * WORD
"""No more values than this are left out."""


def most_that_fit(pairs: Sequence[Pair], signature: bytes, limit: int) -> int:
    """Tells how many of these requests, from the first on, fit into one transaction under one signature."""
    fitting, beyond = 0, len(pairs) + 1
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        part = pairs[:middle]
        if (Cost() + cost_of(part, signature, encode_decide_batch(part, signature))).gas <= limit:
            fitting = middle
        else:
            beyond = middle
    return fitting


def _deciding(pairs: Sequence[Pair]) -> int:
    alone = sum(ITEM_GAS + _scope(material) for _, material in pairs)
    emergencies = sum(request.legal_basis == LegalBasis.EMERGENCY for request, _ in pairs)
    once = {thing for pair in pairs for thing in things_of(pair)}
    return alone + sum(gas for gas, _ in once) + EMERGENCY_GAS * emergencies + MEMORY_GAS * len(pairs) ** 2


def things_of(pair: Pair) -> Iterator[Thing]:
    """Gives what a request makes the contract read or write that others in its batch may need too, with its gas."""
    request, material = pair
    yield INSTITUTION_GAS, request.institution
    yield WORD_GAS, (request.institution, request.request_id >> _WORD_BITS)
    yield RECORD_GAS, request.record_id
    yield SUBJECT_GAS, material.leaf.subject_id
    if request.consent_id != ZERO_32:
        yield CONSENT_GAS, request.consent_id
    if request.authorisation_id != ZERO_32:
        yield AUTHORISATION_GAS, request.authorisation_id


class Filling:
    """A transaction that is being filled with signed requests, each of which was bound by `bound_of`."""

    def __init__(self, limit: int) -> None:
        """Takes the gas of a transaction."""
        self._limit = limit
        self._total = Cost()
        self._things: set[Thing] = set()
        self._count = 0

    def takes(self, pair: Pair, bound: Cost) -> bool:
        """Takes a request if it fits beside those that were taken; the first always does."""
        things = set(things_of(pair))
        # Each bound counts what is needed once; here it is counted once for all. Memory grows with the square.
        shared = sum(gas for gas, _ in things & self._things)
        total = self._total + bound
        total = Cost(total.running - shared + MEMORY_GAS * 2 * self._count, total.floor)
        if self._count and total.gas > self._limit:
            return False
        self._total, self._count = total, self._count + 1
        self._things |= things
        return True


def _scope(material: Material) -> int:
    """What finding out costs whether a record and an institution are in the scope of the terms."""
    terms = material.terms
    named = terms is not None and terms.records_root != ZERO_32
    grouped = terms is not None and terms.group != ZERO_32
    return NAMED_GAS * named + GROUP_GAS * grouped + PROOF_NODE_GAS * len(material.scope_proof)
