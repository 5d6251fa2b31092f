"""Reads of one moment as one call: what many accesses ask of the contracts goes to the node in one question.

The node runs the constructor of ``contracts/Together.sol`` and changes nothing; the answers are what it reverts with,
all of one block. The same question of several callers is asked once. Whatever does not come through that way is asked
by itself: where a node does not run such a call, or a question took more gas than the others left it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core.chain import Moment
from consentry.core.terms import Address
from consentry.errors import LedgerUnavailableError
from consentry.ledger import reverts
from consentry.ledger.abi import artifact
from consentry.ledger.coding import CodingError
from consentry.ledger.connection import Question
from consentry.ledger.wire import RpcError

Run = Callable[[bytes], Awaitable[object]]
"""Runs code as a constructor, as a call; what the contract reverts with comes as an `RpcError`."""
Ask = Callable[[Address, bytes], Awaitable[bytes]]
AtHead = tuple[Moment, list[bytes]]
OneByOne = Callable[[Sequence[Question]], Awaitable[AtHead]]

MOST_BYTES: Final = 40_000
"""Code of one call; a node takes 49,152 bytes (EIP-3860)."""
_FRAME_BYTES: Final = 224
"""What coding adds to a question at most, beside its calldata."""
_STOPPED: Final = "reading was stopped"
_Told = tuple[bool, bytes] | None
"""Whether a question was answered and with what; none where it must be asked by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What one caller asks, answered as a whole."""

    questions: tuple[Question, ...]
    one_block: bool
    answer: asyncio.Future[AtHead]


class Together:
    """Collects the reads of one turn of the event loop."""

    def __init__(self, run: Run, alone: Ask, one_by_one: OneByOne) -> None:
        """Takes the ways to the node: for many questions, for one, and for some where the first does not work."""
        self._run = run
        self._alone = alone
        self._one_by_one = one_by_one
        self._waiting: list[_Asked] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def call(self, target: Address, data: bytes) -> bytes:
        """Gives what a contract returns at head.

        Raises:
            ConsentryError: the contract refuses; the error its revert data names.
            LedgerUnavailableError: the node does not answer.
        """
        _, (answer,) = await self._submit(((target, data),), one_block=False)
        return answer

    async def at_head(self, questions: Sequence[Question]) -> AtHead:
        """Gives what contracts return at one block, and which; raises as `call` does."""
        return await self._submit(tuple(questions), one_block=True)

    async def _submit(self, questions: tuple[Question, ...], *, one_block: bool) -> AtHead:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        asked = _Asked(questions, one_block, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        return await asked.answer

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        part, distinct, size = list[_Asked](), set[Question](), 0
        for asked in waiting:
            new = set(asked.questions) - distinct
            more = sum(len(data) + _FRAME_BYTES for _, data in new)
            if size + more > MOST_BYTES and part:
                self._begin(part)
                part, distinct, size, new = [], set(), 0, set(asked.questions)
                more = sum(len(data) + _FRAME_BYTES for _, data in new)
            part.append(asked)
            distinct |= new
            size += more
        self._begin(part)

    def _begin(self, part: Sequence[_Asked]) -> None:
        task = asyncio.create_task(self._answer(part))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        # Also after what nobody foresaw: a caller that waits for an answer must get one.
        task.add_done_callback(lambda _: _stop(part))

    async def _answer(self, part: Sequence[_Asked]) -> None:
        places: dict[Question, int] = {}
        for asked in part:
            for question in asked.questions:
                places.setdefault(question, len(places))
        found = await self._found(list(places)) if len(places) > 1 else None
        left = []
        for asked in part:
            told = [found[1][places[question]] for question in asked.questions] if found else [None]
            if found is None or None in told:
                left.append(asked)
            else:
                _settle(asked.answer, found[0], told)
        if left:
            await self._answer_alone(left)

    async def _found(self, questions: Sequence[Question]) -> tuple[Moment, Sequence[_Told]] | None:
        """Gives the answers, and at which block they were found; none if the node does not run such a call."""
        made = artifact("Together")
        (error,) = made.errors.values()
        try:
            await self._run(made.bytecode + made.encode_constructor([questions]))
        except RpcError as told:
            data = told.data
            if not isinstance(data, str) or not data.startswith("0x" + error.selector.hex()):
                return None
            try:
                number, time, answers = error.decode_inputs(bytes.fromhex(data[2:]))
            except (CodingError, ValueError):
                return None
            if len(answers) != len(questions):
                return None
            # Without revert data a contract was not there, or ran out of what gas the others left it.
            return Moment(number, time), [told if told[0] or told[1] else None for told in answers]
        except LedgerUnavailableError:
            return None
        return None

    async def _answer_alone(self, left: Sequence[_Asked]) -> None:
        """Asks one by one; the same single question of several callers once."""
        single: dict[Question, list[_Asked]] = {}
        for asked in left:
            if not asked.one_block:
                single.setdefault(asked.questions[0], []).append(asked)
        await asyncio.gather(
            *(self._hand_over(same, self._one(question)) for question, same in single.items()),
            *(self._hand_over([asked], self._one_by_one(asked.questions)) for asked in left if asked.one_block),
        )

    async def _one(self, question: Question) -> AtHead:
        return _NO_MOMENT, [await self._alone(*question)]

    @staticmethod
    async def _hand_over(same: Sequence[_Asked], asking: Awaitable[AtHead]) -> None:
        try:
            told = await asking
        except BaseException as error:
            known = error if isinstance(error, Exception) else LedgerUnavailableError(_STOPPED)
            for asked in same:
                _fail(asked.answer, known)
            if not isinstance(error, Exception):
                raise
        else:
            for asked in same:
                if not asked.answer.done():
                    asked.answer.set_result(told)


_NO_MOMENT: Final = Moment(0, 0)
"""Of a single answer, whose caller does not ask when it was found."""


def _settle(answer: asyncio.Future[AtHead], head: Moment, told: Sequence[_Told]) -> None:
    known = [one for one in told if one is not None]
    refused = next((data for succeeded, data in known if not succeeded), None)
    if refused is not None:
        _fail(answer, reverts.from_data(refused))
    elif not answer.done():
        answer.set_result((head, [data for _, data in known]))


def _stop(part: Sequence[_Asked]) -> None:
    for asked in part:
        _fail(asked.answer, LedgerUnavailableError(_STOPPED))


def _fail(answer: asyncio.Future[AtHead], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # Seen: whoever asked may have gone.
