"""A receipt counts for the transaction it is of, and for no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web3.providers.async_base import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from consentry.errors import LedgerUnavailableError
from consentry.ledger.connection import Connection
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from tests.support import samples

Connect = Callable[[bytes, pytest.MonkeyPatch], Connection]
ASKED, OTHER = samples.word(1), samples.word(2)
BLOCK = samples.word(3)


def answer(method: str, told: bytes) -> dict[str, Any]:
    """Gives what a node says: a block, or the receipt of the transaction it tells."""
    if method == "eth_getBlockByNumber":
        return {"number": "0x5", "hash": "0x" + BLOCK.hex(), "timestamp": "0x9", "parentHash": "0x" + ASKED.hex()}
    assert method == "eth_getTransactionReceipt"
    return {
        "status": "0x1",
        "transactionHash": "0x" + told.hex(),
        "blockNumber": "0x5",
        "blockHash": "0x" + BLOCK.hex(),
        "gasUsed": "0x5208",
        "contractAddress": None,
        "logs": [],
    }


class Provider(AsyncBaseProvider):
    """A node that gives the same receipt whatever is asked for."""

    def __init__(self, told: bytes) -> None:
        super().__init__()
        self._told = told

    async def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        del params
        return {"jsonrpc": "2.0", "id": 1, "result": answer(method, self._told)}


def through_web3(told: bytes, patch: pytest.MonkeyPatch) -> Connection:
    del patch
    return Connection(Provider(told), load_profile("embedded"))


def directly(told: bytes, patch: pytest.MonkeyPatch) -> Connection:
    connection = DirectConnection("http://127.0.0.1:1", load_profile("embedded"))

    async def ask(method: str, *_values: object, alone: bool = False) -> object:
        del alone
        return answer(method, told)

    patch.setattr(connection._wire, "ask", ask)
    return connection


@pytest.mark.parametrize("connect", [through_web3, directly])
async def test_wait_for_a_receipt_of_another_transaction_is_refused(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await connect(ASKED, monkeypatch).wait(ASKED, 1.0)
    assert own.transaction_hash == ASKED
    with pytest.raises(LedgerUnavailableError, match="mixes answers up"):
        await connect(OTHER, monkeypatch).wait(ASKED, 1.0)
