"""A node that answers with what is no answer is unavailable; one whose header has another hash contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from web3.providers.async_base import AsyncBaseProvider

from consentry.errors import ForeignChainError, InvalidInputError, LedgerUnavailableError, VerificationError
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.witness.blocks import NodeBlocks
from tests.support.header_chain import HeaderChain
from tests.unit.witness.kept import follow, followed


class Saying(Connection):
    """A connection that gives one answer to everything."""

    def __init__(self, answer: Any) -> None:  # noqa: ANN401 - whatever a node may say
        super().__init__(AsyncBaseProvider(), load_profile("embedded"))
        self._answer = answer

    async def raw(self, method: str, *parameters: Any) -> Any:  # noqa: ANN401 - whatever a node may say
        """Gives the answer, whatever was asked."""
        del method, parameters
        return self._answer


def blocks(answer: Any) -> NodeBlocks:  # noqa: ANN401 - whatever a node may say
    return NodeBlocks(Saying(answer), cast("Manifest", None))


HASHES = ("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "mixHash")
NUMBERS = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "nonce")
HEADER = dict.fromkeys(HASHES, "0x" + "00" * 32) | dict.fromkeys(NUMBERS, "0x00")


@pytest.mark.parametrize("answer", ["text", 7, [], {**HEADER, "number": "0xzz"}, {**HEADER, "miner": "0x0"}])
async def test_header_that_cannot_be_read_is_no_answer(answer: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises((LedgerUnavailableError, InvalidInputError)):
        await blocks(answer).header(1)


@pytest.mark.parametrize("answer", ["text", 7, [{}], [{"status": "0x1"}], [None]])
async def test_receipts_that_cannot_be_read_are_no_answer(answer: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises((LedgerUnavailableError, InvalidInputError)):
        await blocks(answer).receipts(1)


async def test_header_of_another_hash_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="header hash does not match"):
        await blocks({**HEADER, "hash": "0x" + "11" * 32}).header(1)


def test_node_of_another_chain_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = HeaderChain().grow(3)
    keeper = followed(tmp_path, chain)

    async def foreign() -> int:
        raise ForeignChainError("chain id does not match (got 1, expected 2)")

    monkeypatch.setattr(chain, "head", foreign)
    with pytest.raises(VerificationError, match="chain id"):
        follow(keeper, chain)
    assert keeper.trouble == "chain id does not match (got 1, expected 2)"
