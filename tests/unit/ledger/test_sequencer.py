"""Many requests, one transaction: what the sequencer does when the chain refuses the transaction as a whole."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.codes import Reason
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import Address
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey
from consentry.errors import (
    ConsentryError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotPermittedError,
)
from consentry.ledger import costs, sequencer
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection, Mined, is_refusal
from consentry.ledger.costs import Cost, cost_of
from consentry.ledger.governance import Answer, Governance
from consentry.ledger.sequencer import Item, encode_batch
from tests.support import samples
from tests.support.in_process import InProcessProvider
from tests.support.ledger_worlds import Case, Deployed, LedgerWorld, deployed, people, world_on

SENT = "eth_sendRawTransaction"


class Counting(InProcessProvider):
    """Counts what is asked of the chain, and fails on demand.

    Attributes:
        asked: methods in the order they were asked.
        broken: methods that are not answered.
        longest: bytes of a transaction that this node still takes.
        code: error code by which it refuses a longer one.
        spare: accounts that can pay and have done nothing yet.
    """

    spare: Sequence[AccountKey] = ()

    asked: tuple[str, ...] = ()
    broken: frozenset[str] = frozenset()
    longest: int = 2**31
    code: int = -32000

    async def make_request(self, method, params):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as it is there
        self.asked += (method,)
        if method in self.broken:
            raise ConnectionResetError
        if method == SENT and len(params[0]) // 2 - 1 > self.longest:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": self.code, "message": "oversized data"}}
        return await super().make_request(method, params)


@pytest.fixture
async def chain() -> tuple[Counting, Deployed, LedgerWorld, Case]:
    """A chain with one patient on it."""
    payers = people()
    spare = people()
    provider = Counting([*payers, *spare])
    provider.spare = spare
    made = await deployed(provider.connection(), payers)
    world = await world_on(made)
    await world.populate()
    case = await world.case()
    provider.asked = ()
    return provider, made, world, case


Chain = tuple[Counting, Deployed, LedgerWorld, Case]


async def test_requests_that_come_together_are_decided_in_one_transaction(chain: Chain) -> None:
    provider, _, world, case = chain
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(10)))
    assert provider.asked.count(SENT) == 1
    assert len({r.place.transaction_hash for r in receipts}) == 1
    assert [r.place.log_index for r in receipts] == list(range(10))
    assert [r.entry.subject_sequence for r in receipts] == list(range(1, 11))


async def test_batch_that_is_too_much_for_a_transaction_is_decided_in_parts(chain: Chain) -> None:
    provider, made, world, case = chain
    narrow = replace(made.connection.profile, transaction_gas_limit=500_000)
    connection = Connection(provider, narrow)
    world.ledger = ChainLedger(connection, made.manifest, SendingAccount(connection, made.relay.secret))
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(12)))
    assert [r.entry.reason for r in receipts] == [Reason.NONE] * 12
    assert sorted(r.entry.subject_sequence for r in receipts) == list(range(1, 13))
    assert len({r.place.transaction_hash for r in receipts}) > 1


async def test_relay_that_was_removed_is_told_so_after_one_transaction(chain: Chain) -> None:
    """Nothing is wrong with the items, so sending them again one by one would only cost."""
    provider, made, world, case = chain
    await made.governance.remove_relay(made.relay.address)
    provider.asked = ()
    asked = (world.decide(world.request(case), case.material) for _ in range(8))
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(error) for error in errors} == {NotPermittedError}
    found = {error.details["solidity"] for error in errors if isinstance(error, NotPermittedError)}
    assert found == {"AccessLedgerRelayRequired"}
    assert provider.asked.count(SENT) == 1
    value = world.enrolment(case.key)
    signatures = (world.signed(case.key, "Subjects", value), world.signed(world.custodian, "Subjects", value))
    with pytest.raises(NotPermittedError) as caught:
        await world.ledger.enrol(value, *signatures)
    assert caught.value.details["solidity"] == "SubjectsRelayRequired"
    assert provider.asked.count(SENT) == 1


async def test_answer_that_is_lost_is_found_by_the_request_id(chain: Chain) -> None:
    """The transaction was mined, the receipt never came: nobody knows, until the same request is sent again."""
    provider, _, world, case = chain
    request = world.request(case)
    provider.broken = frozenset({"eth_getTransactionReceipt"})
    with pytest.raises(LedgerUnavailableError):
        await world.decide(request, case.material)
    provider.broken = frozenset()
    found = await world.ledger.find_decision(request.institution, request.request_id)
    assert found is not None
    assert found.permitted
    assert await world.decide(request, case.material) == found


async def test_transaction_that_was_not_taken_leaves_no_gap_in_the_nonces(chain: Chain) -> None:
    provider, _, world, case = chain
    provider.broken = frozenset({SENT})
    with pytest.raises(LedgerUnavailableError):
        await world.decide(world.request(case), case.material)
    provider.broken = frozenset()
    assert (await world.decide(world.request(case), case.material)).entry.subject_sequence == 1


async def test_close_while_requests_wait_answers_them_all(chain: Chain) -> None:
    _, _, world, case = chain
    assert isinstance(world.ledger, ChainLedger)
    waiting = [asyncio.create_task(world.decide(world.request(case), case.material)) for _ in range(3)]
    await asyncio.sleep(0)
    await world.ledger.close()
    assert [r.permitted for r in await asyncio.gather(*waiting)] == [True] * 3


async def test_batch_that_lacks_gas_for_its_verifiers_is_decided_in_parts(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each signature of an admitted verifier may need half a million gas; the contract refuses what it cannot ask."""
    # Told by nothing but the contract, as with a verifier whose signatures are as long as an account's.
    monkeypatch.setattr(costs, "VERIFIER_GAS", 0)
    provider, made, world, case = chain
    key = P256Key.generate(made.manifest.address("ERC7913P256Verifier"))
    institution = Address(secrets.token_bytes(20))
    await made.by_two(lambda own: own.admit_institution(institution, 440_100, key.signer, samples.RELEASE_KEY))
    narrow = replace(made.connection.profile, transaction_gas_limit=1_300_000)
    connection = Connection(provider, narrow)
    world.ledger = ChainLedger(connection, made.manifest, SendingAccount(connection, made.relay.secret))
    requests = [world.request(case, institution=institution) for _ in range(4)]
    receipts = await asyncio.gather(*(world.decide(request, case.material, key) for request in requests))
    assert {r.entry.reason for r in receipts} == {Reason.GRANTEE_MISMATCH}
    assert len({r.place.transaction_hash for r in receipts}) > 1


async def test_answer_that_cannot_be_read_fails_every_caller(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, world, case = chain

    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(sequencer, "decode_log", broken)
    asked = (world.decide(world.request(case), case.material) for _ in range(2))
    loop, seen = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _loop, context: seen.append(context["exception"]))
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in errors] == [LedgerUnavailableError] * 2


async def _tried(answer: Awaitable[FinalReceipt]) -> FinalReceipt | ConsentryError:
    try:
        return await answer
    except ConsentryError as error:
        return error


async def test_batch_that_the_node_finds_too_long_is_decided_in_parts(chain: Chain) -> None:
    provider, _, world, case = chain
    provider.longest = 3_500
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(12)))
    assert sorted(r.entry.subject_sequence for r in receipts) == list(range(1, 13))
    assert len({r.place.transaction_hash for r in receipts}) > 1


async def test_item_that_the_node_refuses_alone_fails_and_its_neighbours_do_not(chain: Chain) -> None:
    provider, _, world, case = chain
    provider.longest = 4_000
    long = world.ledger.decide(world.request(case), b"\xff" * MOST_SIGNATURE_BYTES, case.material)
    neighbours = (world.decide(world.request(case), case.material) for _ in range(7))
    refused, *receipts = await asyncio.gather(_tried(long), *(_tried(neighbour) for neighbour in neighbours))
    assert isinstance(refused, LedgerUnavailableError)
    assert is_refusal(refused)
    assert [isinstance(receipt, FinalReceipt) for receipt in receipts] == [True] * 7


@pytest.mark.parametrize("code", [None, -32603, -32002])
async def test_batch_that_the_node_does_not_answer_is_not_sent_again(chain: Chain, code: int | None) -> None:
    """Whether it took the transaction is not known: a second one could be decided as well."""
    provider, _, world, case = chain
    if code is None:
        provider.broken = frozenset({SENT})
    else:
        provider.longest, provider.code = 0, code
    answers = await asyncio.gather(*(_tried(world.decide(world.request(case), case.material)) for _ in range(4)))
    assert {type(answer) for answer in answers} == {LedgerUnavailableError}
    assert provider.asked.count(SENT) == 1


async def test_long_items_of_one_institution_leave_room_for_its_neighbours(chain: Chain) -> None:
    provider, made, world, case = chain
    narrow = replace(made.connection.profile, transaction_gas_limit=16_777_216)
    connection = Connection(provider, narrow)
    world.ledger = ChainLedger(connection, made.manifest, SendingAccount(connection, made.relay.secret))
    material = replace(case.material, scope_proof=(b"\xff" * 32,) * MOST_PROOF_NODES)
    theirs = [
        _tried(world.ledger.decide(world.request(case), b"\xff" * MOST_SIGNATURE_BYTES, material)) for _ in range(63)
    ]
    *refused, receipt = await asyncio.gather(*theirs, _tried(world.decide(world.request(case), case.material)))
    assert {type(answer) for answer in refused} == {NotAuthenticError}
    assert isinstance(receipt, FinalReceipt)
    assert receipt.permitted


async def test_item_that_no_transaction_can_hold_is_refused_unsent(chain: Chain) -> None:
    provider, _, world, case = chain
    with pytest.raises(InvalidInputError, match="too much gas"):
        await world.ledger.decide(world.request(case), b"\xff" * 800_000, case.material)
    assert SENT not in provider.asked


async def test_cost_is_no_less_than_what_a_decision_takes(chain: Chain) -> None:
    provider, _, world, case = chain
    request = world.request(case)
    item = Item(request, world.signed(world.hospital, "AccessLedger", request), case.material)
    receipt = await world.ledger.decide(item.request, item.signature, item.material)
    used = provider.tester.get_transaction_receipt("0x" + receipt.place.transaction_hash.hex())["gas_used"]
    assert (Cost() + cost_of([item.pair], item.signature, encode_batch([item]))).gas >= used


async def _admit(relay: Address, member: Address, by: Governance) -> Answer:
    return await by.admit_relay(relay, member)


async def with_lanes(chain: Chain, number: int) -> list[Address]:
    """Gives the ledger so many relays, all of them admitted; gives their accounts."""
    provider, made, world, _ = chain
    more = provider.spare[: number - 1]
    for key in more:
        await made.by_two(partial(_admit, key.address, made.national.address))
    keys = [key.secret for key in more]
    world.ledger = await ChainLedger.connect(made.connection, made.manifest, made.relay.secret, keys)
    provider.asked = ()
    return [made.relay.address, *(key.address for key in more)]


def senders(chain: Chain, receipts: Sequence[FinalReceipt]) -> Counter[str]:
    """Counts transactions by who sent them."""
    tester = chain[0].tester
    hashes = {"0x" + receipt.place.transaction_hash.hex() for receipt in receipts}
    return Counter(tester.get_transaction_by_hash(each)["from"].lower() for each in hashes)


async def test_lanes_carry_side_by_side_and_each_request_is_decided_once(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, world, case = chain
    accounts = await with_lanes(chain, 3)
    monkeypatch.setattr(sequencer, "MOST_ITEMS", 2)
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(24)))
    assert sorted(r.entry.subject_sequence for r in receipts) == list(range(1, 25))
    sent = senders(chain, receipts)
    assert set(sent) == {"0x" + account.hex() for account in accounts}
    assert sum(sent.values()) == 12


async def test_relay_that_was_never_admitted_is_no_lane(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    _, made, world, case = chain
    stranger = AccountKey.generate()
    world.ledger = await ChainLedger.connect(made.connection, made.manifest, made.relay.secret, [stranger.secret])
    monkeypatch.setattr(sequencer, "MOST_ITEMS", 1)
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(8)))
    assert set(senders(chain, receipts)) == {"0x" + made.relay.address.hex()}


def most_under_way(monkeypatch: pytest.MonkeyPatch) -> Counter[Address]:
    """Counts from now on how many transactions an account has under way at a time, at most."""
    now, most, submit = Counter[Address](), Counter[Address](), SendingAccount.submit

    async def counted(account: SendingAccount, target: Address | None, data: bytes, gas: int | None = None) -> Mined:
        now[account.address] += 1
        most[account.address] = max(most[account.address], now[account.address])
        try:
            return await submit(account, target, data, gas)
        finally:
            now[account.address] -= 1

    monkeypatch.setattr(SendingAccount, "submit", counted)
    return most


@pytest.mark.parametrize("removed", [0, 1])
async def test_lane_that_is_removed_is_closed_and_costs_nobody_an_answer(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    provider, made, world, case = chain
    accounts = await with_lanes(chain, 2)
    await made.governance.remove_relay(accounts[removed])
    provider.asked = ()
    monkeypatch.setattr(sequencer, "MOST_ITEMS", 2)
    most = most_under_way(monkeypatch)
    receipts = await asyncio.gather(*(world.decide(world.request(case), case.material) for _ in range(16)))
    assert sorted(r.entry.subject_sequence for r in receipts) == list(range(1, 17))
    assert set(senders(chain, receipts)) == {"0x" + accounts[1 - removed].hex()}
    refused = provider.asked.count(SENT) - 8
    assert 1 <= refused <= sequencer.MOST_UNDER_WAY
    assert most[accounts[1 - removed]] == sequencer.MOST_UNDER_WAY


async def test_request_that_cannot_be_coded_costs_no_other_its_answer(chain: Chain) -> None:
    provider, _, world, case = chain
    assert case.terms is not None
    broken = replace(case.material, terms=replace(case.terms, max_sensitivity=256))
    wanted = [(world.request(case), material) for material in (case.material, broken, case.material)]
    told = await asyncio.gather(*(world.decide(*one) for one in wanted), return_exceptions=True)
    assert [type(answer) for answer in told] == [FinalReceipt, InvalidInputError, FinalReceipt]
    assert provider.asked.count(SENT) == 2


# Under one signature.


def narrowed(chain: Chain, gas: int) -> None:
    """Lets a transaction have less gas."""
    provider, made, world, _ = chain
    connection = Connection(provider, replace(made.connection.profile, transaction_gas_limit=gas))
    world.ledger = ChainLedger(connection, made.manifest, SendingAccount(connection, made.relay.secret))


async def test_batch_under_one_signature_is_one_transaction_of_its_own(chain: Chain) -> None:
    provider, _, world, case = chain
    requests, single = [world.request(case) for _ in range(80)], world.request(case)
    alone = asyncio.create_task(world.decide(single, case.material))
    receipts = await world.decide_batch(requests, case.material)
    places = {r.place.transaction_hash for r in receipts if isinstance(r, FinalReceipt)}
    assert [r.entry.request for r in receipts if isinstance(r, FinalReceipt)] == requests
    assert len(places) == 1
    assert (await alone).place.transaction_hash not in places
    assert provider.asked.count(SENT) == 2


async def test_batch_that_may_be_too_much_is_refused_unsent_and_told_what_fits(chain: Chain) -> None:
    provider, _, world, case = chain
    narrowed(chain, 1_000_000)
    requests = [world.request(case) for _ in range(40)]
    with pytest.raises(InvalidInputError, match="too much gas") as caught:
        await world.decide_batch(requests, case.material)
    most = caught.value.details["most"]
    assert 1 < most < 40
    assert f"the first {most} fit" in caught.value.message
    assert SENT not in provider.asked
    with pytest.raises(InvalidInputError) as again:
        await world.decide_batch(requests[: most + 1], case.material)
    assert again.value.details["most"] == most
    receipts = await world.decide_batch(requests[:most], case.material)
    assert [isinstance(r, FinalReceipt) for r in receipts] == [True] * most


async def test_batch_of_which_not_one_request_fits_says_so(chain: Chain) -> None:
    _, _, world, case = chain
    narrowed(chain, 100_000)
    with pytest.raises(InvalidInputError) as caught:
        await world.decide_batch([world.request(case)], case.material)
    assert caught.value.details["most"] == 0


async def test_batch_that_runs_out_of_gas_all_the_same_is_refused_whole_and_never_divided(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, _, world, case = chain
    narrowed(chain, 600_000)
    monkeypatch.setattr(sequencer, "cost_of", lambda *_: Cost(0, 0))
    requests = [world.request(case) for _ in range(40)]
    with pytest.raises(LedgerRejectedError):
        await world.decide_batch(requests, case.material)
    assert provider.asked.count(SENT) == 1
    ids = [request.request_id for request in requests]
    assert await world.ledger.find_decisions(requests[0].institution, ids) == {}


async def test_batch_the_node_finds_too_long_is_refused_whole(chain: Chain) -> None:
    provider, _, world, case = chain
    provider.longest = 2_000
    with pytest.raises(LedgerUnavailableError) as caught:
        await world.decide_batch([world.request(case) for _ in range(20)], case.material)
    assert is_refusal(caught.value)
    assert provider.asked.count(SENT) == 1


async def test_batch_of_a_relay_that_was_removed_is_told_so(chain: Chain) -> None:
    _, made, world, case = chain
    await made.governance.remove_relay(made.relay.address)
    with pytest.raises(NotPermittedError):
        await world.decide_batch([world.request(case)], case.material)


async def test_answers_to_a_batch_that_cannot_be_read_are_an_error_of_ours(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, world, case = chain

    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(sequencer, "decode_log", broken)
    with pytest.raises(LedgerUnavailableError):
        await world.decide_batch([world.request(case)], case.material)


async def test_caller_that_goes_away_does_not_take_its_batch_back(chain: Chain) -> None:
    _, _, world, case = chain
    assert isinstance(world.ledger, ChainLedger)
    request = world.request(case)
    waiting = asyncio.create_task(world.decide_batch([request], case.material))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await world.ledger._sequencer.close()
    assert await world.ledger.find_decision(request.institution, request.request_id) is not None
