"""What a relay adds to a call, and the ledger does not look at, keeps nobody from reading the rest of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from web3.providers.async_base import AsyncBaseProvider
from web3.providers.eth_tester import AsyncEthereumTesterProvider
from web3.providers.eth_tester.defaults import API_ENDPOINTS
from web3.types import TxReceipt

from consentry.audit.ports import SubmittedRequest
from consentry.core.access import shown_of
from consentry.core.chain import ChainIdentity
from consentry.core.codes import Reason
from consentry.core.merkle import root_of
from consentry.core.packing import PLACE_BITS
from consentry.core.terms import Address
from consentry.core.typed_data import scope_key
from consentry.ledger.calldata import encode_decide, submitted_in
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from tests.support.contract_suite import Value
from tests.support.contract_world import Item, World, batch_of, reason_of, tables_of

WORD = 32
MARK = b"\x77" * WORD
LEAVES, PROOFS = 4, 5
ONE_NAMED_BY_NOBODY = 0xFFFF


def prepared(world: World) -> Item:
    leaf = world.leaf()
    world.anchor(leaf)
    terms = world.terms()
    world.grant(terms)
    return world.item(leaf, terms)


def sent(world: World, data: bytes, to: str | None = None) -> TxReceipt:
    """Sends calldata as it is."""
    w3, ledger = world.suite.w3, world.suite["AccessLedger"]
    called = to or ledger.address
    made = w3.eth.send_transaction({"from": world.relay, "to": called, "data": data, "gas": 5_000_000})
    return w3.eth.wait_for_transaction_receipt(made)


def answers(world: World, receipt: TxReceipt) -> list[Reason]:
    return [reason_of(event) for event in world.suite.events(receipt) if event.name != "BatchSubmitted"]


def with_table(world: World, item: Item, number: int, table: Value) -> bytes:
    """Gives a call of one item with one more table, which it does not name."""
    requests, signatures, tables = batch_of([item])
    assert isinstance(tables, tuple)
    changed = (*tables[:number], table, *tables[number + 1 :])
    coded = world.suite["AccessLedger"].encode_abi("decide", args=[requests, signatures, changed])
    return bytes.fromhex(coded[2:])


def put(data: bytes, place: int, word: int) -> bytes:
    return data[:place] + word.to_bytes(WORD, "big") + data[place + WORD :]


def wild_leaf(world: World, item: Item) -> bytes:
    """Gives a call with a leaf whose version has more bits than its type."""
    leaf = dataclasses.replace(item.leaf, lineage=MARK)
    data = with_table(world, item, LEAVES, [dataclasses.astuple(leaf)])
    return put(data, data.index(MARK) + WORD, 1 << 40)


def wild_proof(world: World, item: Item) -> bytes:
    """Gives a call with a scope proof whose pointer leads out of it."""
    data = with_table(world, item, PROOFS, [[MARK]])
    return put(data, data.index(MARK) - 2 * WORD, 1 << 200)


def wild_table(world: World, item: Item) -> bytes:
    """Gives a call whose whole table of leaves is not in it."""
    data = with_table(world, item, LEAVES, [])
    tables = 4 + int.from_bytes(data[4 + 2 * WORD : 4 + 3 * WORD], "big")
    return put(data, tables + LEAVES * WORD, 1 << 200)


@pytest.mark.parametrize("spoiled", [wild_leaf, wild_proof, wild_table])
def test_what_no_item_names_spoils_none(world: World, spoiled: Callable[[World, Item], bytes]) -> None:
    item = prepared(world)
    data = spoiled(world, item)

    assert answers(world, sent(world, data)) == [Reason.NONE]
    [found] = submitted_in(data) or ()
    assert found is not None
    assert (found.request, found.signature) == (item.request, item.signature)
    assert found.shown == shown_of(item.request, item.material)


@pytest.mark.parametrize("which", [LEAVES, PROOFS])
def test_item_whose_places_lead_nowhere_spoils_no_other(world: World, which: int) -> None:
    item = prepared(world)
    named = world.terms(records_root=root_of([scope_key(item.leaf)]), categories=0, nonce=77)
    world.grant(named)
    junk = dataclasses.replace(world.item(item.leaf, named, request_id=999), signature=bytes(65))
    requests, signatures, tables = batch_of([item, junk])
    assert isinstance(requests, list)
    request_id, record, places = requests[1]
    requests[1] = (request_id, record, places | ONE_NAMED_BY_NOBODY << (which * PLACE_BITS))
    coded = world.suite["AccessLedger"].encode_abi("decide", args=[requests, signatures, tables])
    data = bytes.fromhex(coded[2:])

    assert answers(world, sent(world, data)) == [Reason.NONE, Reason.SIGNATURE_INVALID]
    first, other = submitted_in(data) or ()
    assert first is not None
    assert (first.request, first.signature) == (item.request, item.signature)
    assert other is None


def test_replayed_item_whose_place_leads_nowhere_spoils_no_other_of_its_batch(world: World) -> None:
    item = prepared(world)
    named = world.terms(records_root=root_of([scope_key(item.leaf)]), categories=0, nonce=77)
    world.grant(named)
    again = world.item(item.leaf, named, request_id=999)
    world.decide([again])
    items = [item, again]
    requests, tables = tables_of(items)
    assert isinstance(requests, list)
    request_id, record, places = requests[1]
    requests[1] = (request_id, record, places | ONE_NAMED_BY_NOBODY << (LEAVES * PLACE_BITS))
    signature = world.sign_batch(items)
    coded = world.suite["AccessLedger"].encode_abi("decideBatch", args=[requests, signature, tables])
    data = bytes.fromhex(coded[2:])

    assert answers(world, sent(world, data)) == [Reason.NONE, Reason.REQUEST_REPLAYED]
    first, other = submitted_in(data) or ()
    assert first is not None
    assert first.within is not None
    assert (first.request, first.signature, first.within.batch.size) == (item.request, signature, 2)
    assert other is None


def forwarder(world: World, skipped: int) -> str:
    """Puts a contract on the chain that passes its calldata on to the ledger, without the first bytes."""
    ledger = bytes.fromhex(world.suite["AccessLedger"].address[2:])
    push = b"\x61" + skipped.to_bytes(2, "big")
    copy = push + bytes.fromhex("80360380915f375f5f825f5f73") + ledger + bytes.fromhex("5af1")
    code = copy + bytes([0x60, len(copy) + 6]) + bytes.fromhex("575f5ffd5b00")
    made = bytes([0x60, len(code)]) + bytes.fromhex("8060095f395ff3") + code
    w3 = world.suite.w3
    receipt = w3.eth.wait_for_transaction_receipt(
        w3.eth.send_transaction({"from": world.relay, "data": made, "gas": 500_000})
    )
    return str(receipt["contractAddress"])


async def read_from_chain(world: World, receipt: TxReceipt) -> list[SubmittedRequest | None] | None:
    """Reads the items of a transaction as an auditor does."""
    provider = AsyncEthereumTesterProvider.__new__(AsyncEthereumTesterProvider)
    AsyncBaseProvider.__init__(provider)
    provider.ethereum_tester, provider.api_endpoints = world.suite.clock, API_ENDPOINTS
    named = Address(bytes.fromhex(world.suite["AccessLedger"].address[2:]))
    manifest = Manifest(ChainIdentity(1, bytes(32), (("AccessLedger", named),), 0), ())
    reader = ChainReader(Connection(provider, load_profile("in-process")), manifest)
    found = await reader.submitted(bytes(receipt["transactionHash"]))
    return None if found is None else [*found]


async def test_call_of_a_relay_that_is_a_contract_is_not_taken_for_what_it_passes_on(world: World) -> None:
    item = prepared(world)
    pairs = [(item.request, item.material)]
    real, shown = encode_decide(pairs, [item.signature]), encode_decide(pairs, [bytes(65)])
    relay = forwarder(world, len(shown))
    world.by_two(world.authority_of(world.hospital.region), "admitRelay", relay, world.hospital.address)

    receipt = sent(world, shown + real, relay)
    assert answers(world, receipt) == [Reason.NONE]
    assert await read_from_chain(world, receipt) is None
    direct = sent(world, real)
    assert answers(world, direct) == [Reason.REQUEST_REPLAYED]
    assert await read_from_chain(world, direct) == [*(submitted_in(real) or ())]
