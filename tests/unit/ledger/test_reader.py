"""What is read of a node that does not keep up: blocks that are replaced, none for long, requests that do not read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from consentry.core.chain import BlockReference
from consentry.core.codes import Copies
from consentry.core.revocations import RevocationAcknowledgement
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import consent_id
from consentry.errors import LedgerUnavailableError
from consentry.ledger import connection as connections
from consentry.ledger import reader as readers
from consentry.ledger.abi import artifact
from consentry.ledger.chain import ChainLedger
from consentry.ledger.engines import load_profile
from consentry.ledger.proofs import Prover
from consentry.ledger.reader import ChainReader
from tests.support import samples
from tests.support.answers import encode_members
from tests.support.in_process import InProcessProvider
from tests.support.ledger_worlds import FAR, Deployed, LedgerWorld, deployed, people, world_on

Provider = TypeVar("Provider", bound=InProcessProvider)


async def populated(kind: type[Provider]) -> tuple[Provider, Deployed, LedgerWorld]:
    """Gives a node of that kind, what is deployed on it, and the ledger of a country with institutions in it."""
    payers = people()
    provider = kind(payers)
    made = await deployed(provider.connection(), payers)
    world = await world_on(made)
    await world.populate()
    return provider, made, world


class Replacing(InProcessProvider):
    """Gives blocks, from some moment on, another hash than receipts and logs name."""

    replaced = False

    async def make_request(self, method, params):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as it is there
        answer: Any = await super().make_request(method, params)
        if self.replaced and method == "eth_getBlockByNumber":
            answer["result"] = {**answer["result"], "hash": "0x" + "ab" * 32}
        return answer


async def test_decision_in_a_block_that_was_replaced_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, _, world = await populated(Replacing)
    case = await world.case()
    request = world.request(case)
    receipt = await world.decide(request, case.material)
    assert await world.ledger.find_decision(request.institution, request.request_id) == receipt
    provider.replaced = True
    assert await world.ledger.find_decision(request.institution, request.request_id) is None
    # A receipt of such a block is no receipt either: the sender goes on waiting.
    monkeypatch.setattr("consentry.ledger.accounts.WAIT_SECONDS", 0.05)
    assert await provider.connection().mined(receipt.place.transaction_hash) is None
    with pytest.raises(LedgerUnavailableError, match="no receipt"):
        await world.decide(world.request(case), case.material)
    provider.replaced = False
    mined = await provider.connection().mined(receipt.place.transaction_hash)
    assert isinstance(mined, connections.Mined)
    assert mined.block == receipt.place.block


@pytest.mark.parametrize(("period", "silence"), [(0, 0), (1, 60), (15, 60), (16, 64)])
async def test_head_may_lie_back_four_periods_and_a_minute_at_least(period: int, silence: int) -> None:
    payers = people()
    provider = InProcessProvider(payers)
    made = await deployed(provider.connection(), payers)
    profile = replace(load_profile("besu"), block_period_seconds=period)

    reader = ChainReader(connections.Connection(provider, profile), made.manifest)

    assert reader.longest_silence() == silence


class Interrupted(InProcessProvider):
    """Lets something happen after the first answer to one function of a contract."""

    selector = b"\0" * 4
    between: Callable[[], Awaitable[object]] | None = None

    async def make_request(self, method, params):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as it is there
        answer: Any = await super().make_request(method, params)
        if method == "eth_call" and self.between and params[0]["data"].startswith("0x" + self.selector.hex()):
            act, self.between = self.between, None
            await act()
        return answer


async def test_duty_that_is_done_while_pages_are_read_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, _, world = await populated(Interrupted)
    cases = [await world.case() for _ in range(3)]
    for case in cases:
        await world.ledger.revoke(case.terms, world.revocation(case))
    own, done = world.hospital, cases[0].terms
    before = await world.ledger.duties_of(own.address)
    act = RevocationAcknowledgement(consent_id(done), own.address, done.subject_id, Copies.NONE, FAR)
    monkeypatch.setattr(readers, "_DUTIES", 1)
    provider.selector = artifact("Consents").functions["openDuties"].selector
    provider.between = lambda: world.ledger.perform(act, [world.signed(own, "Consents", act)])

    found = await world.ledger.duties_of(own.address)

    assert set(found) == set(before)
    assert {duty.consent_id for duty in before} == {consent_id(case.terms) for case in cases}
    assert len(await world.ledger.duties_of(own.address)) == len(cases) - 1


class Paged(connections.Connection):
    """A node that has two open debts; notes after which block it is asked, and goes on by a block each time."""

    head = 7

    def __init__(self) -> None:
        self.asked: list[int | None] = []

    async def header(self, number: int | None = None) -> connections.Header:
        assert number is None
        return connections.Header(BlockReference(self.head, ZERO_32, 0), ZERO_32)

    async def call(self, target: Address, data: bytes, *_: Any, block: int | None = None, **__: Any) -> bytes:  # noqa: ANN401 - as it is there
        del target
        self.asked.append(block)
        self.head += 1
        functions = artifact("Emergencies").functions
        if data[:4] == functions["openCount"].selector:
            return encode_members(functions["openCount"].outputs, (2,))
        debt = samples.CUSTODIAN, 5, False, False, False, ZERO_32, ZERO_32
        return encode_members(functions["openDebts"].outputs, ([samples.word(len(self.asked))], [debt]))


async def test_debts_are_read_after_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    payers, node = people(), Paged()
    made = await deployed(InProcessProvider(payers).connection(), payers)
    monkeypatch.setattr(readers, "_DEBTS", 1)

    found = await ChainReader(node, made.manifest).debts_of(samples.CUSTODIAN)

    assert set(found) == {samples.word(2), samples.word(3)}
    assert node.asked == [7, 7, 7]


async def test_decision_whose_request_cannot_be_read_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    _, made, world = await populated(InProcessProvider)
    case = await world.case()
    request = world.request(case)
    await world.decide(request, case.material)
    assert isinstance(world.ledger, ChainLedger)
    prover = Prover(made.connection, made.manifest, world.ledger)

    async def unread(*_: bytes) -> list[None]:
        return [None]

    monkeypatch.setattr(world.ledger, "submitted", unread)
    with pytest.raises(LedgerUnavailableError, match="request cannot be read"):
        await prover.prove(request.institution, request.request_id)


async def test_reader_of_a_block_tells_what_held_after_it() -> None:
    _, made, world = await populated(InProcessProvider)
    case = await world.case()
    request = world.request(case)
    reader = ChainReader(made.connection, made.manifest)
    before, earlier = await reader.head(), await reader.institution_head(request.institution)
    receipt = await world.decide(request, case.material)
    later = await reader.institution_head(request.institution)
    assert later != earlier
    assert await reader.at(before.number).institution_head(request.institution) == earlier
    assert await reader.at(receipt.place.block.number).institution_head(request.institution) == later
