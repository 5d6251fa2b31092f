"""JSON-RPC over kept HTTP connections, without anything between the question and its answer.

Questions of one moment travel in one body: whoever asks many things at once waits for one answer. What may take long,
such as handing over a transaction, travels alone and keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from pydantic_core import from_json

from consentry.errors import LedgerUnavailableError

MOST_TOGETHER: Final = 200
"""Questions of one body."""
MOST_BYTES: Final = 3 << 27
"""Of one answer, unpacked. The longest that is asked for are the receipts of a block. In one of 300 million gas, which
is what the embedded chain has, there may be 790,000 empty logs (379 gas, some 365 bytes of JSON each): 276 MiB. Whoever
fills a block with them must not keep a witness from going on."""
UNABLE: Final = frozenset({-32603, -32002})
"""Error codes of JSON-RPC by which a node says that it cannot now: internal error, resource unavailable (EIP-1474)."""
_CONNECTIONS: Final = 16


class RpcError(Exception):
    """A node's no: code, message, and the data of a contract's refusal if there were any."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    parameters: Sequence[object]
    answer: asyncio.Future[Any]


class Wire:
    """A node's HTTP address. May be made before the event loop runs."""

    def __init__(self, url: str, seconds: float) -> None:
        """Takes the address, and how long an answer may take."""
        self._url = url
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._waiting: list[_Question] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Closes kept connections; questions under way fail."""
        self._flush()
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, method: str, *parameters: object, alone: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Asks one question, together with what others ask at this moment unless it is to go alone.

        Raises:
            RpcError: the node says no.
            LedgerUnavailableError: it does not answer, or with what is no answer.
        """
        question = _Question(method, parameters, asyncio.get_running_loop().create_future())
        if alone:
            self._send([question])
        else:
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._flush)
            self._waiting.append(question)
        return await question.answer

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), MOST_TOGETHER):
            self._send(waiting[first : first + MOST_TOGETHER])

    def _send(self, questions: Sequence[_Question]) -> None:
        task = asyncio.create_task(self._answer(questions))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        # Also for a task that was stopped before it began, or that failed otherwise.
        task.add_done_callback(lambda _: _fail(questions, "node does not answer (connection was closed)"))

    async def _answer(self, questions: Sequence[_Question]) -> None:
        try:
            _hand_out(questions, await self._posted(questions))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            is_passing = not isinstance(error, ValueError)
            _fail(questions, f"node does not answer ({type(error).__name__})", error, is_passing=is_passing)

    async def _posted(self, questions: Sequence[_Question]) -> Any:  # noqa: ANN401 - JSON
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": question.method, "params": question.parameters}
            for number, question in enumerate(questions)
        ]
        content = json.dumps(bodies if len(bodies) > 1 else bodies[0], separators=(",", ":")).encode()
        async with self._opened().post(self._url, data=content, headers={"Content-Type": "application/json"}) as answer:
            body = await whole(answer)
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"status {answer.status}")
        return from_json(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                trust_env=False,
            )
        return self._session


async def whole(answer: aiohttp.ClientResponse) -> bytes:
    """Reads an answer, unpacked if it came compressed, and hangs up on one that is longer than any.

    Raises:
        ValueError: it is, which is not to be asked for again.
        ClientError: it breaks off.
    """
    parts, size = list[bytes](), 0
    # What it says is the length of what travels, and an answer in chunks says nothing.
    _check_length(answer, answer.content_length or 0)
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        _check_length(answer, size)
    return b"".join(parts)


def _check_length(answer: aiohttp.ClientResponse, size: int) -> None:
    if size > MOST_BYTES:
        answer.close()
        raise ValueError(f"answer is too long (got {size} bytes, expected at most {MOST_BYTES})")


def _fail(
    questions: Sequence[_Question], why: str, cause: Exception | None = None, *, is_passing: bool = False
) -> None:
    for question in questions:
        if not question.answer.done():
            failed = LedgerUnavailableError(why, is_passing=is_passing)
            failed.__cause__ = cause
            question.answer.set_exception(failed)


def _hand_out(questions: Sequence[_Question], body: Any) -> None:  # noqa: ANN401 - JSON
    """Gives every question its answer by its number; one that got none fails.

    Raises:
        ValueError: the body is no answer to them.
    """
    answers = body if len(questions) > 1 else [body]
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise ValueError("no answers")
    by_number = {answer.get("id"): answer for answer in answers}
    for number, question in enumerate(questions):
        told = by_number.get(number)
        if question.answer.done():
            continue
        if told is None or ("result" in told) == ("error" in told):
            question.answer.set_exception(LedgerUnavailableError("node does not answer (no answer to the question)"))
        elif "error" in told:
            question.answer.set_exception(_refusal(told["error"]))
        else:
            question.answer.set_result(told["result"])


def _refusal(error: object) -> RpcError:
    told = error if isinstance(error, dict) else {}
    code = told.get("code")
    return RpcError(code if isinstance(code, int) else 0, str(told.get("message", "")), told.get("data"))
