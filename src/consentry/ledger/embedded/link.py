"""One connection to the engine: JSON-RPC over a Unix socket, one answer a line.

Many calls may be under way at once. ``raw`` hands an answer on without decoding it, because the answer to a question
about logs may be a hundred megabytes and the asker will decode it anyway.

An answer that names no question may be that to any of them, so it fails all that are under way.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consentry.errors import InvalidInputError, LedgerRejectedError, LedgerUnavailableError

# The longest line that is read: a state dump of a chain far past the size this engine is for.
LINE_LIMIT = 4 << 30
_ANSWER_HEAD = re.compile(rb'^\[?\{"jsonrpc":"2\.0","id":(\d+),')


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine's no: JSON-RPC code, message, and data if there were any."""

    code: int
    message: str
    data: object = None

    def as_error(self) -> LedgerRejectedError:
        """The same as an error to raise."""
        return LedgerRejectedError(self.message, rpc_code=self.code, rpc_data=self.data)


class EngineLink:
    """An open connection. Make it with ``connect``; ``closed`` is set once the engine is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.closed = asyncio.Event()
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0
        self._listener = asyncio.create_task(self._listen(reader))

    @classmethod
    async def connect(cls, path: Path) -> EngineLink:
        """Connects to the engine's socket.

        Raises:
            OSError: nobody listens there (yet).
        """
        return cls(*await asyncio.open_unix_connection(str(path), limit=LINE_LIMIT))

    async def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """Asks one question and decodes the answer.

        Raises:
            LedgerRejectedError: the engine says no.
            LedgerUnavailableError: the engine is gone.
        """
        answer = json.loads(await self._ask({"method": method, "params": params}))
        if "error" in answer:
            raise _refusal(answer["error"]).as_error()
        return answer.get("result")

    async def call_many(self, method: str, many_params: Sequence[Sequence[object]]) -> list[Any]:
        """Asks the same of many in one JSON-RPC batch.

        Returns:
            One result or one ``Refusal`` for each, in the order asked.

        Raises:
            LedgerUnavailableError: the engine is gone.
        """
        items: list[dict[str, object]] = [{"method": method, "params": params} for params in many_params]
        first = self._last_id + 1
        answers = {answer["id"]: answer for answer in json.loads(await self._ask(*items, is_batch=True))}
        found = [answers[first + position] for position in range(len(items))]
        return [_refusal(answer["error"]) if "error" in answer else answer.get("result") for answer in found]

    async def raw(self, method: str, params: object) -> memoryview:
        """Asks one question; the answer stays as it came, from ``"result":`` or ``"error":`` to the closing brace.

        Raises:
            InvalidInputError: the parameters are no JSON.
            LedgerUnavailableError: the engine is gone, or does not say what it answers.
        """
        line = await self._ask({"method": method, "params": params})
        head = _ANSWER_HEAD.match(line)
        # A view, for it may be large; the line ends with its only line break.
        return memoryview(line)[head.end() if head else 0 : len(line) - line.endswith(b"\n")]

    async def close(self) -> None:
        """Closes the connection; calls under way fail."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        self._writer.close()

    async def _ask(self, *items: dict[str, object], is_batch: bool = False) -> bytes:
        if self.closed.is_set():
            raise LedgerUnavailableError("engine is gone")
        first = self._last_id + 1
        for item in items:
            self._last_id += 1
            item.update(jsonrpc="2.0", id=self._last_id)
        line = _line(items if is_batch else items[0])
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[first] = answer
        self._writer.write(line)
        return await answer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                head = _ANSWER_HEAD.match(line)
                if head is None:
                    self._fail_all("engine has answered without saying what")
                    continue
                waiting = self._waiting.pop(int(head[1]), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(line)
        except (OSError, ValueError):
            pass  # A broken connection and a line beyond the limit end as a closed one: below.
        finally:
            self.closed.set()
            self._fail_all("engine is gone")

    def _fail_all(self, why: str) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LedgerUnavailableError(why))
        self._waiting.clear()


def _line(asked: object) -> bytes:
    """Encodes what is asked; what the engine could not read is refused here, where somebody learns of it."""
    try:
        return json.dumps(asked, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (ValueError, RecursionError):
        raise InvalidInputError("question cannot be written as JSON") from None


def _refusal(error: dict[str, Any]) -> Refusal:
    return Refusal(int(error.get("code", -32603)), str(error.get("message", "")), error.get("data"))
