"""A node whose answers belong to two chains, as while a block is replaced: neither half is believed."""

from __future__ import annotations

from typing import Any

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger import connection as connections
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
