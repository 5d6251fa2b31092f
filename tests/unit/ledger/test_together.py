"""Reads of one moment: one call for many, and what happens where that way does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from consentry.core.chain import Moment
from consentry.core.terms import Address
from consentry.errors import ConsentryError, LedgerRejectedError, LedgerUnavailableError, NotPermittedError
from consentry.ledger import together
from consentry.ledger.abi import artifact
from consentry.ledger.coding import Row
from consentry.ledger.connection import Question
from consentry.ledger.together import Together
from consentry.ledger.wire import RpcError

CODE = artifact("Together")
(ANSWERED,) = CODE.errors.values()
ONE, TWO = (Address(bytes([number]) * 20) for number in (1, 2))
RELAY_REQUIRED = next(e for e in artifact("AccessLedger").errors.values() if e.name == "AccessLedgerRelayRequired")
BLOCK = (5, 900)
REFUSAL = RELAY_REQUIRED.selector + bytes(32)


class Node:
    """Runs the constructor as the contract does; a question's answer is its calldata, turned around."""

    def __init__(self) -> None:
        self.runs: list[Sequence[Question]] = []
        self.alone: list[Question] = []
        self.spoiled: dict[bytes, tuple[bool, bytes]] = {}
        self.failure: BaseException | None = None
        self.cut = 0

    async def run(self, code: bytes) -> object:
        (questions,) = Row(CODE.constructor).decode(code[len(CODE.bytecode) :])
        self.runs.append(questions)
        if self.failure is not None:
            raise self.failure
        answers = [self.spoiled.get(call, (True, call[::-1])) for _, call in questions]
        told = ANSWERED.selector + Row(ANSWERED.inputs).encode([*BLOCK, answers[: len(answers) - self.cut]])
        raise RpcError(3, "execution reverted", "0x" + told.hex())

    async def ask(self, target: Address, data: bytes) -> bytes:
        self.alone.append((target, data))
        return data[::-1]

    async def one_by_one(self, questions: Sequence[Question]) -> tuple[Moment, list[bytes]]:
        return Moment(4, 800), [await self.ask(*question) for question in questions]


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def reads(node: Node) -> Together:
    return Together(node.run, node.ask, node.one_by_one)


async def test_reads_of_one_moment_are_one_call(node: Node, reads: Together) -> None:
    calls = [(ONE, b"ab"), (TWO, b"cd"), (ONE, b"ef")]
    assert await asyncio.gather(*(reads.call(*call) for call in calls)) == [b"ba", b"dc", b"fe"]
    assert (node.runs, node.alone) == ([tuple(calls)], [])


async def test_same_question_of_several_is_asked_once(node: Node, reads: Together) -> None:
    asked = [(ONE, b"ab"), (ONE, b"ab"), (TWO, b"ab")]
    assert await asyncio.gather(*(reads.call(*call) for call in asked)) == [b"ba"] * 3
    assert node.runs == [((ONE, b"ab"), (TWO, b"ab"))]


async def test_single_read_is_asked_by_itself(node: Node, reads: Together) -> None:
    assert await reads.call(ONE, b"ab") == b"ba"
    assert (node.runs, node.alone) == ([], [(ONE, b"ab")])


async def test_refusal_reaches_its_own_asker_alone(node: Node, reads: Together) -> None:
    node.spoiled[b"no"] = False, REFUSAL
    told = await asyncio.gather(reads.call(ONE, b"no"), reads.call(ONE, b"ab"), return_exceptions=True)
    assert isinstance(told[0], NotPermittedError)
    assert told[1] == b"ba"
    assert node.alone == []


async def test_failure_without_a_word_is_asked_again_by_itself(node: Node, reads: Together) -> None:
    """It may have run out of what gas the others left it."""
    node.spoiled[b"dear"] = False, b""
    told = await asyncio.gather(reads.call(ONE, b"dear"), reads.call(ONE, b"ab"))
    assert list(told) == [b"raed", b"ba"]
    assert node.alone == [(ONE, b"dear")]


@pytest.mark.parametrize(
    "failure",
    [
        RpcError(-32000, "out of gas"),
        RpcError(3, "reverted", "0x12345678"),
        RpcError(3, "reverted", "0x" + ANSWERED.selector.hex() + "ff"),
        LedgerUnavailableError("node does not answer"),
    ],
)
async def test_node_that_does_not_run_it_is_asked_one_by_one(
    node: Node, reads: Together, failure: BaseException
) -> None:
    node.failure = failure
    told = await asyncio.gather(reads.call(ONE, b"ab"), reads.call(TWO, b"cd"))
    assert list(told) == [b"ba", b"dc"]
    assert node.alone == [(ONE, b"ab"), (TWO, b"cd")]


async def test_answers_that_are_too_few_count_for_nothing(node: Node, reads: Together) -> None:
    node.cut = 1
    told = await asyncio.gather(reads.call(ONE, b"ab"), reads.call(TWO, b"cd"))
    assert list(told) == [b"ba", b"dc"]
    assert node.alone == [(ONE, b"ab"), (TWO, b"cd")]


async def test_more_than_a_call_holds_goes_in_several(
    node: Node, reads: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "MOST_BYTES", 500)
    calls = [(ONE, bytes([number]) * 20) for number in range(6)]
    assert await asyncio.gather(*(reads.call(*call) for call in calls)) == [data for _, data in calls]
    assert [len(run) for run in node.runs] == [2, 2, 2]


async def test_error_of_a_single_read_reaches_every_asker(reads: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_target: Address, _data: bytes) -> bytes:
        raise LedgerRejectedError("no")

    monkeypatch.setattr(reads, "_alone", fail)
    told = await asyncio.gather(reads.call(ONE, b"ab"), reads.call(ONE, b"ab"), return_exceptions=True)
    assert [isinstance(error, ConsentryError) for error in told] == [True, True]


async def test_asker_that_goes_away_leaves_the_others_their_answer(reads: Together) -> None:
    first, second = (asyncio.create_task(reads.call(ONE, b"ab")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"ba"


async def test_what_is_asked_at_head_comes_with_its_block_together_with_what_others_ask(
    node: Node, reads: Together
) -> None:
    wanted = reads.at_head([(ONE, b"ab"), (TWO, b"cd")]), reads.at_head([(ONE, b"ab")]), reads.call(TWO, b"ef")
    several, one, other = await asyncio.gather(*wanted)
    assert several == (Moment(*BLOCK), [b"ba", b"dc"])
    assert one == (Moment(*BLOCK), [b"ba"])
    assert other == b"fe"
    assert (node.runs, node.alone) == ([((ONE, b"ab"), (TWO, b"cd"), (TWO, b"ef"))], [])


async def test_questions_at_head_are_answered_as_a_whole_or_asked_anew_as_a_whole(node: Node, reads: Together) -> None:
    node.spoiled[b"dear"] = False, b""
    whole, other = await asyncio.gather(reads.at_head([(ONE, b"ab"), (ONE, b"dear")]), reads.call(ONE, b"ab"))
    assert (whole, other) == ((Moment(4, 800), [b"ba", b"raed"]), b"ba")
    assert node.alone == [(ONE, b"ab"), (ONE, b"dear")]


async def test_single_question_at_head_comes_with_its_block_too(node: Node, reads: Together) -> None:
    assert await reads.at_head([(ONE, b"ab")]) == (Moment(4, 800), [b"ba"])
    assert node.runs == []


async def test_refusal_of_one_question_at_head_is_that_of_all(node: Node, reads: Together) -> None:
    node.spoiled[b"no"] = False, REFUSAL
    told = await asyncio.gather(
        reads.at_head([(ONE, b"ab"), (ONE, b"no")]), reads.at_head([(ONE, b"ab"), (TWO, b"cd")]), return_exceptions=True
    )
    assert isinstance(told[0], NotPermittedError)
    assert told[1] == (Moment(*BLOCK), [b"ba", b"dc"])


async def test_questions_of_one_caller_stay_together(
    node: Node, reads: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "MOST_BYTES", 800)
    asked = [[(ONE, bytes([number, place]) * 10) for place in range(3)] for number in range(3)]
    told = await asyncio.gather(*map(reads.at_head, asked))
    assert [answers for _, answers in told] == [[data[::-1] for _, data in questions] for questions in asked]
    assert [list(run) for run in node.runs] == asked
