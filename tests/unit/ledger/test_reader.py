"""What is read of a node that does not keep up: blocks that are replaced, none for long, requests that do not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger import connection as connections
from consentry.ledger.chain import ChainLedger
from consentry.ledger.engines import load_profile
from consentry.ledger.proofs import Prover
from consentry.ledger.reader import ChainReader
from tests.support.in_process import InProcessProvider
from tests.support.ledger_worlds import deployed, people, world_on


class Replacing(InProcessProvider):
    """Gives blocks, from some moment on, another hash than receipts and logs name."""

    replaced = False

    async def make_request(self, method, params):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as it is there
        answer: Any = await super().make_request(method, params)
        if self.replaced and method == "eth_getBlockByNumber":
            answer["result"] = {**answer["result"], "hash": "0x" + "ab" * 32}
        return answer


async def test_decision_in_a_block_that_was_replaced_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    payers = people()
    provider = Replacing(payers)
    world = await world_on(await deployed(provider.connection(), payers))
    await world.populate()
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


async def test_decision_whose_request_cannot_be_read_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    payers = people()
    made = await deployed(InProcessProvider(payers).connection(), payers)
    world = await world_on(made)
    await world.populate()
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
