"""A node behind one kept connection, asked for much at once and with patience."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic_core import from_json

from consentry.errors import LedgerUnavailableError

SECONDS: Final = 60.0
"""How long an answer may take."""
MOST_BYTES: Final = 1 << 30
"""Of one answer; where that of many blocks is longer, fewer are asked for."""
WAITS: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds after which a question is put again: a node that writes down its state is busy, one that starts anew away."""
_BUSY: Final = -32002
"""EIP-1474: resource unavailable."""
_PIECE: Final = 1 << 20

Json = Any
_Told = TypeVar("_Told")


class BusyError(LedgerUnavailableError):
    """The node does not answer now, and may later."""


class GoneError(BusyError):
    """There is no connection with the node."""


class Node:
    """A node, asked by one process."""

    def __init__(self, url: str) -> None:
        """Takes the address; connects with the first question."""
        parts = urlsplit(url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = made(str(parts.hostname), parts.port, timeout=SECONDS)
        self._path = parts.path or "/"

    def ask(self, questions: Sequence[tuple[str, list[object]]]) -> list[Json]:
        """Asks some questions at once; gives their answers in the same order.

        Raises:
            LedgerUnavailableError: the node does not answer, or says no.
        """
        bodies = [_body(number, *question) for number, question in enumerate(questions)]
        return self._patiently(
            json.dumps(bodies if len(bodies) > 1 else bodies[0]), lambda answer: results_in(answer, len(bodies))
        )

    def ask_one(self, method: str, parameters: list[object], read: Callable[[bytes], _Told]) -> _Told:
        """Asks one question; gives what is read of the answer as it came.

        Args:
            method: of the question.
            parameters: of the question.
            read: reads the answer; it may take one of any kind to `results_in`.

        Raises:
            LedgerUnavailableError: the node does not answer, or says no.
        """
        return self._patiently(json.dumps(_body(0, method, parameters)), read)

    def _patiently(self, asked: str, read: Callable[[bytes], _Told]) -> _Told:
        for wait in WAITS:
            try:
                return self._once(asked, read)
            except BusyError:
                time.sleep(wait)
        return self._once(asked, read)

    def _once(self, asked: str, read: Callable[[bytes], _Told]) -> _Told:
        try:
            self._connection.request("POST", self._path, asked, {"Content-Type": "application/json"})
            return read(self._answer())
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            self._connection.close()
            kind = GoneError if isinstance(error, ConnectionError) else LedgerUnavailableError
            raise kind(f"node does not answer ({type(error).__name__})") from error

    def _answer(self) -> bytes:
        """Reads an answer, however slowly it comes, for `SECONDS` at most."""
        answer, until, parts, size = self._connection.getresponse(), time.monotonic() + SECONDS, list[bytes](), 0
        while part := answer.read1(_PIECE):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES or time.monotonic() > until:
                raise OSError("an answer that does not end")
        # Read piece by piece it does not notice its end, and keeps the connection from the next question.
        answer.close()
        return b"".join(parts)


def _body(number: int, method: str, parameters: list[object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}


def results_in(answer: bytes, count: int = 1) -> list[Json]:
    """Gives the results in an answer to so many questions, in the order asked.

    Raises:
        BusyError: the node says that it cannot answer now.
        LedgerUnavailableError: it says no.
        ValueError: it is no JSON, or no answer; also as another error of what it is instead.
    """
    told = from_json(answer)
    answers = sorted(told if count > 1 else [told], key=itemgetter("id"))
    refused = next((each["error"] for each in answers if "error" in each), None)
    if refused is None:
        return [each["result"] for each in answers]
    is_busy = isinstance(refused, dict) and refused.get("code") == _BUSY
    raise (BusyError if is_busy else LedgerUnavailableError)(f"node refuses ({refused})")
