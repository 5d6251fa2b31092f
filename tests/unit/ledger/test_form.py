"""What is refused before it is logged. That the engine is of the same opinion is tested with the sealer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.terms import Material
from consentry.errors import InvalidInputError
from consentry.ledger.embedded.form import RAW_LIMIT, TRANSACTION_GAS_LIMIT
from consentry.ledger.embedded.pool import decode_transaction
from consentry.ledger.engines import load_profile
from consentry.ledger.sequencer import MOST_ITEMS, Item, encode_batch
from tests.support import samples
from tests.support.raw_transactions import fit, transaction, unfit

CHAIN = 1_900_000_001


@pytest.mark.parametrize("case", sorted(unfit(CHAIN)))
def test_decode_what_no_block_can_hold_is_refused(case: str) -> None:
    with pytest.raises(InvalidInputError):
        decode_transaction(unfit(CHAIN)[case], CHAIN)


@pytest.mark.parametrize("case", sorted(fit(CHAIN)))
def test_decode_what_a_block_can_hold_is_taken(case: str) -> None:
    assert decode_transaction(fit(CHAIN)[case], CHAIN).nonce == 0


def test_decode_long_transaction_is_refused_unread() -> None:
    with pytest.raises(InvalidInputError, match=f"at most {RAW_LIMIT}"):
        decode_transaction(b"\x02" + bytes(RAW_LIMIT), CHAIN)


def test_bounds_are_those_of_the_profile_and_let_the_largest_batch_in() -> None:
    assert load_profile("embedded").transaction_gas_limit == TRANSACTION_GAS_LIMIT
    items = []
    for number in range(MOST_ITEMS):
        leaf, terms = replace(samples.leaf(), version=number), replace(samples.terms(), nonce=number)
        material = Material(leaf, terms, (b"\xff" * 32,) * MOST_PROOF_NODES)
        items.append(Item(samples.request(bytes(32), bytes(32), bytes(32)), b"\xff" * MOST_SIGNATURE_BYTES, material))
    assert len(transaction(CHAIN, data=encode_batch(items))) < RAW_LIMIT
