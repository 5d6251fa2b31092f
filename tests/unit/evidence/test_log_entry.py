"""Entries of the ledger log: their bytes, written by hand, and what is an entry at all."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.chain import EventPlace
from consentry.core.events import AccessDecided
from consentry.core.terms import Address
from consentry.errors import InvalidInputError
from consentry.evidence import header, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_entry import entry_of, leaf_of, leaves_of
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.ledger.events import Log, decode_log
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

CHAIN = 131277322940537
OURS = Address(b"\xa1" * 20)
FOREIGN = Address(b"\xf0" * 20)
LOG = Log(
    address=OURS,
    topics=(b"\x71" * 32, b"\x72" * 32),
    data=b"\xda\x7a\x00",
    block_number=26,
    block_hash=b"\xb1" * 32,
    transaction_hash=b"\x77" * 32,
    log_index=3,
)
# Field by field, each behind its length of four bytes.
ENTRY = (
    "00000019" + b"consentry.ledger-entry/v1".hex()
    + "00000020" + "0000000000000000000000000000000000000000000000000000" + "776562337079"
    + "00000008" + "000000000000001a"
    + "00000020" + "b1" * 32
    + "00000014" + "a1" * 20
    + "00000040" + "71" * 32 + "72" * 32
    + "00000003" + "da7a00"
)  # fmt: skip


def test_entry_is_that_of_the_document() -> None:
    assert entry_of(CHAIN, 26, LOG.block_hash, LOG).hex() == ENTRY
    assert leaf_of(CHAIN, 26, LOG.block_hash, LOG) == hashlib.sha256(b"\0" + bytes.fromhex(ENTRY)).digest()


def test_entry_from_a_receipt_is_that_from_a_node() -> None:
    proved = trie.Log(bytes(LOG.address), LOG.topics, LOG.data)

    assert leaf_of(CHAIN, LOG.block_number, LOG.block_hash, proved) == leaf_of(CHAIN, 26, LOG.block_hash, LOG)


def test_leaf_of_a_proved_decision_is_that_of_the_nodes_log() -> None:
    trust = TrustRoot.from_json(TRUST_ROOT.read_bytes())
    content = (TRUE / "permitted-account.json").read_bytes()
    block, bundle = verify(content, trust).block, Bundle.from_json(content)
    heads = {head.hash: head for head in (header.decode(encoded, trust.header_form) for encoded in bundle.headers)}
    where = bundle.decision
    assert isinstance(where, Inclusion)

    receipt = trie.receipt_at(heads[block.hash].receipts_root, where.transaction_index, where.nodes)
    proved = trie.logs_of(receipt)[where.log_index]
    # Of what only a node knows, the hash of the transaction and the index in the block, the leaf takes nothing.
    answered = Log(Address(proved.address), proved.topics, proved.data, block.number, block.hash, b"\x99" * 32, 12345)

    decoded = decode_log(answered, EventPlace(block, answered.transaction_hash, answered.log_index))
    assert isinstance(decoded, AccessDecided)
    assert decoded.entry == bundle.entry
    assert leaf_of(trust.chain_id, block.number, block.hash, proved) == next(
        leaves_of(trust.chain_id, [trust.address("AccessLedger")], [answered])
    )


def _hashes(count: int) -> st.SearchStrategy[tuple[bytes, ...]]:
    return st.lists(st.sampled_from([b"\0" * 32, b"\1" * 32]), max_size=count).map(tuple)


LOGS = st.builds(
    trie.Log,
    st.sampled_from([b"\0" * 20, b"\1" * 20]),
    _hashes(4),
    st.sampled_from([b"", b"\0", b"\0" * 32, b"\1" * 32]),
)
PLACED = st.tuples(st.integers(1, 2), st.integers(0, 1), st.sampled_from([b"\0" * 32, b"\1" * 32]), LOGS)


@given(PLACED, PLACED)
def test_entries_are_equal_only_for_equal_logs(
    one: tuple[int, int, bytes, trie.Log], other: tuple[int, int, bytes, trie.Log]
) -> None:
    assert (entry_of(*one) == entry_of(*other)) == (one == other)


@pytest.mark.parametrize(
    ("chain_id", "number", "block_hash", "log"),
    [
        (-1, 0, b"\0" * 32, LOG),
        (1 << 256, 0, b"\0" * 32, LOG),
        (1, -1, b"\0" * 32, LOG),
        (1, 1 << 64, b"\0" * 32, LOG),
        (1, 1, b"\0" * 31, LOG),
        (1, 1, b"\0" * 32, replace(LOG, address=Address(b"\0" * 19))),
        (1, 1, b"\0" * 32, replace(LOG, topics=(b"\0" * 31, b"\0" * 33))),
        (1, 1, b"\0" * 32, replace(LOG, topics=(b"\0" * 32,) * 5)),
    ],
)
def test_entry_of_what_no_chain_holds_is_refused(chain_id: int, number: int, block_hash: bytes, log: Log) -> None:
    with pytest.raises(InvalidInputError, match="does not match"):
        entry_of(chain_id, number, block_hash, log)


def test_leaves_are_those_of_the_deployment_in_order() -> None:
    logs = [
        LOG,
        replace(LOG, address=FOREIGN, log_index=4),
        replace(LOG, log_index=5),
        replace(LOG, block_number=27, block_hash=b"\xb2" * 32, log_index=0),
    ]

    leaves = list(leaves_of(CHAIN, [OURS], logs))

    assert leaves == [leaf_of(CHAIN, log.block_number, log.block_hash, log) for log in logs if log.address == OURS]
    # The same log twice in a block is two leaves.
    assert leaves[0] == leaves[1] != leaves[2]


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (LOG, "place of a log"),
        (replace(LOG, log_index=2), "place of a log"),
        (replace(LOG, block_number=25, log_index=9), "place of a log"),
        (replace(LOG, block_hash=b"\xb2" * 32, log_index=4), "hash of block 26"),
        (replace(LOG, address=FOREIGN), "place of a log"),
    ],
)
def test_leaves_of_logs_out_of_order_are_refused(second: Log, what: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{what} does not match"):
        list(leaves_of(CHAIN, [OURS], [LOG, second]))
