"""A node behind one kept connection, asked for much at once and with patience."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic_core import from_json

from consentry.errors import LedgerUnavailableError
from consentry.ledger.wire import UNABLE

SECONDS: Final = 60.0
"""How long a question may take, from its first byte to the last of its answer."""
MOST_BYTES: Final = 1 << 28
"""Of one answer; where that of many blocks is longer, fewer are asked for."""
WAITS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds after which questions are put again: at once, for a kept connection ends when nobody asks for a while; then
later, for a node that writes down its state is busy, and one that starts anew is away."""

MOST_JSON: Final = 40 << 20
"""Bytes of an answer that is read as JSON: as objects it may take the memory of 24 times as many.

The logs of a single block, which cannot be asked for by halves, are shorter: a byte of theirs costs 8 gas, and 10 as
calldata before, so that 300 million gas have room for 17 MB, or 34 MB as digits.
"""
_PIECE: Final = 1 << 20

Json = Any
_Result = TypeVar("_Result")


class _NotNowError(Exception):
    """The node does not answer now, and may later; `Node` asks again, or says that it does not answer."""


class _BusyError(_NotNowError):
    """The node says that it cannot."""


class _GoneError(_NotNowError):
    """There is no connection with the node."""


class Node:
    """A node, asked by one process."""

    def __init__(self, url: str) -> None:
        """Takes the address; connects with the first question."""
        parts = urlsplit(url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = made(str(parts.hostname), parts.port, timeout=SECONDS)
        self._path = parts.path or "/"
        self._waits = [*WAITS]
        self._socket: socket.socket | None = None

    def begin(self) -> None:
        """Has patience anew: what it has lasts for all questions that are put until this is called again."""
        self._waits = [*WAITS]

    def ask(self, questions: Sequence[tuple[str, list[object]]]) -> list[Json]:
        """Asks some questions at once; gives their answers in the same order.

        Raises:
            LedgerUnavailableError: the node does not answer, or says no.
        """
        bodies = [_body(number, *question) for number, question in enumerate(questions)]
        asked = json.dumps(bodies if len(bodies) > 1 else bodies[0])
        return self._patiently(asked, lambda answer: results_in(answer, len(bodies)), _NotNowError)

    def ask_one(
        self, method: str, parameters: list[object], read: Callable[[bytes], _Result], *, may_ask_less: bool
    ) -> _Result:
        """Asks one question; gives what is read of the answer as it came.

        Args:
            method: of the question.
            parameters: of the question.
            read: reads the answer; it may take one of any kind to `results_in`.
            may_ask_less: does not wait for a node that is busy: it may be so with what is asked.

        Raises:
            LedgerUnavailableError: the node does not answer, or says no.
        """
        asked = json.dumps(_body(0, method, parameters))
        return self._patiently(asked, read, _GoneError if may_ask_less else _NotNowError)

    def _patiently(self, asked: str, read: Callable[[bytes], _Result], passing: type[_NotNowError]) -> _Result:
        while True:
            try:
                return self._in_time(asked, read)
            except _NotNowError as error:
                if not isinstance(error, passing) or not self._waits:
                    raise LedgerUnavailableError(str(error)) from error
                time.sleep(self._waits.pop(0))

    def _in_time(self, asked: str, read: Callable[[bytes], _Result]) -> _Result:
        """Asks, and hangs up on a node that takes too long, however busily it writes."""
        late = threading.Event()
        watch = threading.Timer(SECONDS, self._hang_up, [late])
        watch.daemon = True
        watch.start()
        try:
            return self._once(asked, read)
        except _GoneError as error:
            if late.is_set():
                raise LedgerUnavailableError(str(error)) from error
            raise
        finally:
            watch.cancel()

    def _hang_up(self, late: threading.Event) -> None:
        late.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _once(self, asked: str, read: Callable[[bytes], _Result]) -> _Result:
        try:
            self._connection.request("POST", self._path, asked, {"Content-Type": "application/json"})
            # The connection forgets it where the node is to close it; its answer is read from it all the same.
            self._socket = self._connection.sock
            return read(self._answer())
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, MemoryError) as error:
            self._connection.close()
            kind = _GoneError if isinstance(error, ConnectionError) else LedgerUnavailableError
            raise kind(f"node does not answer ({type(error).__name__})") from error

    def _answer(self) -> bytes:
        answer = self._connection.getresponse()
        length = answer.length
        if length is None:
            return _read_to_its_end(answer)
        if length > MOST_BYTES:
            raise OSError("an answer that is too long")
        # All at once: megabytes that come in pieces have to be put together, in as much memory again.
        return answer.read()


def _read_to_its_end(answer: http.client.HTTPResponse) -> bytes:
    """Reads an answer that does not say how long it is."""
    parts, size = list[bytes](), 0
    # In pieces: whoever reads all at once believes a chunk that has less than no bytes, and reads on for ever.
    while part := answer.read1(_PIECE):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise OSError("an answer that does not end")
    # Read piece by piece it does not notice its end, and keeps the connection from the next question.
    answer.close()
    return b"".join(parts)


def _body(number: int, method: str, parameters: list[object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}


def results_in(answer: bytes, count: int = 1) -> list[Json]:
    """Gives the results in an answer to so many questions, in the order asked.

    Raises:
        _BusyError: the node says that it cannot now; the one that is asked puts the question again.
        LedgerUnavailableError: it says no.
        ValueError: it is no JSON, or no answer; also as another error of what it is instead.
    """
    if len(answer) > MOST_JSON:
        raise ValueError("an answer that is too long to be read as JSON")
    told = from_json(answer)
    # Many questions may be refused by one answer.
    answers = told if isinstance(told, list) else [told]
    refused = next((each["error"] for each in answers if "error" in each), None)
    if refused is not None:
        is_busy = isinstance(refused, dict) and refused.get("code") in UNABLE
        raise (_BusyError if is_busy else LedgerUnavailableError)(f"node refuses ({refused})")
    by_number = sorted(answers, key=itemgetter("id"))
    if [each["id"] for each in by_number] != [*range(count)] or isinstance(told, list) != (count > 1):
        raise ValueError("answers to other questions")
    return [each["result"] for each in by_number]
