"""Reads of one moment as one call: what many accesses ask of the contracts goes to the node in one question.

The node runs the constructor of ``contracts/Together.sol`` and changes nothing; the answers are what it reverts with,
all of one block. The same question of several callers is asked once. Whatever does not come through that way is asked
by itself: where a node does not run such a call, or a question took more gas than the others left it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from consentry.core.terms import Address
from consentry.errors import LedgerUnavailableError
from consentry.ledger import reverts
from consentry.ledger.abi import artifact
from consentry.ledger.coding import CodingError
from consentry.ledger.wire import RpcError

Question = tuple[Address, bytes]
Run = Callable[[bytes], Awaitable[object]]
"""Runs code as a constructor, as a call; what the contract reverts with comes as an `RpcError`."""
Ask = Callable[[Address, bytes], Awaitable[bytes]]

MOST_BYTES: Final = 40_000
"""Code of one call; a node takes 49,152 bytes (EIP-3860)."""
_FRAME_BYTES: Final = 224
"""What coding adds to a question at most, beside its calldata."""
_SELECTOR: Final = 4


class Together:
    """Collects the reads of one turn of the event loop."""

    def __init__(self, run: Run, alone: Ask) -> None:
        """Takes the two ways to the node: for many questions, and for one."""
        self._run = run
        self._alone = alone
        self._waiting: dict[Question, asyncio.Future[bytes]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def call(self, target: Address, data: bytes) -> bytes:
        """Gives what a contract returns at head.

        Raises:
            ConsentryError: the contract refuses; the error its revert data names.
            LedgerUnavailableError: the node does not answer.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        answer = self._waiting.get((target, data))
        if answer is None:
            answer = self._waiting[target, data] = asyncio.get_running_loop().create_future()
        # Shielded: who goes away must not take the answer from others who asked the same.
        return await asyncio.shield(answer)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        part: dict[Question, asyncio.Future[bytes]] = {}
        size = 0
        for question, answer in waiting.items():
            size += len(question[1]) + _FRAME_BYTES
            if size > MOST_BYTES and part:
                self._begin(part)
                part, size = {}, len(question[1]) + _FRAME_BYTES
            part[question] = answer
        self._begin(part)

    def _begin(self, part: dict[Question, asyncio.Future[bytes]]) -> None:
        task = asyncio.create_task(self._answer(part))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, part: dict[Question, asyncio.Future[bytes]]) -> None:
        left = part
        if len(part) > 1:
            answers = await self._asked(list(part))
            for (_, answer), told in zip(part.items(), answers, strict=True):
                _settle(answer, told)
            left = {question: answer for question, answer in part.items() if not answer.done()}
        await asyncio.gather(*(self._answer_alone(*question, answer) for question, answer in left.items()))

    async def _asked(self, questions: Sequence[Question]) -> Sequence[tuple[bool, bytes] | None]:
        """Gives whether each question was answered and with what; none for those that must be asked by themselves."""
        made, nothing = artifact("Together"), [None] * len(questions)
        (error,) = made.errors.values()
        try:
            await self._run(made.bytecode + made.encode_constructor([questions]))
        except RpcError as told:
            data = told.data
            if not isinstance(data, str) or not data.startswith("0x" + error.selector.hex()):
                return nothing
            try:
                (answers,) = error.decode_inputs(bytes.fromhex(data[2:]))
            except (CodingError, ValueError):
                return nothing
            # Without revert data a contract was not there, or ran out of what gas the others left it.
            return (
                [told if told[0] or told[1] else None for told in answers]
                if len(answers) == len(questions)
                else nothing
            )
        except LedgerUnavailableError:
            return nothing
        return nothing

    async def _answer_alone(self, target: Address, data: bytes, answer: asyncio.Future[bytes]) -> None:
        try:
            told = await self._alone(target, data)
        except BaseException as error:
            if not answer.done():
                answer.set_exception(
                    error if isinstance(error, Exception) else LedgerUnavailableError("reading was stopped")
                )
                answer.exception()  # Seen: whoever asked may have gone.
            if not isinstance(error, Exception):
                raise
        else:
            if not answer.done():
                answer.set_result(told)


def _settle(answer: asyncio.Future[bytes], told: tuple[bool, bytes] | None) -> None:
    if told is None or answer.done():
        return
    succeeded, data = told
    if succeeded:
        answer.set_result(data)
    else:
        answer.set_exception(reverts.from_data(data))
        answer.exception()  # Seen: whoever asked may have gone.
