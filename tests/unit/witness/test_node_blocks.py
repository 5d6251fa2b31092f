"""A node that answers with what is no answer is unavailable; one whose header has another hash contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import rlp
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie
from web3.providers.async_base import AsyncBaseProvider

from consentry.errors import ForeignChainError, InvalidInputError, LedgerUnavailableError, VerificationError
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.witness.blocks import NodeBlocks, read_block
from tests.support.header_chain import HeaderChain, header_of, receipt_of
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


IN_ORDER = (*HASHES[:-1], *NUMBERS[:-1], "mixHash", "nonce")
"""Members of a header as they stand in its RLP: Ethereum yellow paper, section 4.3."""
EMITTER, TOPIC, DATA = b"\xaa" * 20, b"\x11" * 32, b"\x12\x34"
LOGGED = {"address": "0x" + EMITTER.hex(), "topics": ["0x" + TOPIC.hex()], "data": "0x" + DATA.hex()}
RECEIPT = {"cumulativeGasUsed": "0x5208", "logsBloom": "0x" + "00" * 256, "type": "0x2", "logs": [LOGGED]}


class OneBlock(Saying):
    """A connection to a node with one block, whose one transaction succeeded, and a status as the node writes it."""

    def __init__(self, status: str) -> None:
        trie = HexaryTrie({})
        trie[bytes(rlp.encode(0))] = receipt_of([(EMITTER, (TOPIC,), DATA)]).encoded
        header = header_of(5, bytes(32), bytes(trie.root_hash))
        told = {name: "0x" + item.hex() for name, item in zip(IN_ORDER, rlp.decode(header), strict=True) if item}
        super().__init__({**HEADER, "extraData": "0x", **told, "hash": "0x" + keccak(header).hex()})
        self._receipts = [{**RECEIPT, "status": status}]

    async def raw(self, method: str, *parameters: Any) -> Any:  # noqa: ANN401 - whatever a node may say
        return self._receipts if method == "eth_getBlockReceipts" else await super().raw(method, *parameters)


@pytest.mark.parametrize("status", ["0x1", "0x01", "0X1", "1", "01"])
async def test_node_cannot_hide_logs_by_how_it_writes_a_status(status: str) -> None:
    """The receipts are those of the block's hash, however the number is written: so are the logs."""
    node = NodeBlocks(cast("Connection", OneBlock(status)), cast("Manifest", None))
    (log,) = (await read_block(node, 5)).logs
    assert (log.address, log.topics, log.data) == (EMITTER, (TOPIC,), DATA)


@pytest.mark.parametrize("status", ["0x0", "0x2", "", None])
async def test_receipts_of_another_status_are_not_those_of_the_block(status: Any) -> None:  # noqa: ANN401 - as above
    node = NodeBlocks(cast("Connection", OneBlock(status)), cast("Manifest", None))
    with pytest.raises((LedgerUnavailableError, InvalidInputError, VerificationError)):
        await read_block(node, 5)


def test_node_of_another_chain_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = HeaderChain().grow(3)
    keeper = followed(tmp_path, chain)

    async def foreign() -> int:
        raise ForeignChainError("chain id does not match (got 1, expected 2)")

    monkeypatch.setattr(chain, "head", foreign)
    with pytest.raises(VerificationError, match="chain id"):
        follow(keeper, chain)
    assert keeper.trouble == "chain id does not match (got 1, expected 2)"
