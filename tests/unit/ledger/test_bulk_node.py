"""A node asked in bulk: one that drips, one that is busy, one that is away, one that says no."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger import bulk_node
from consentry.ledger.bulk_node import Node, results_in

BUSY = {"code": -32002, "message": "engine has not answered within 10 seconds"}
REFUSED = {"code": -32602, "message": "no such block"}


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Gives how long was waited, by a clock of the test's own."""
    found = list[float]()
    monkeypatch.setattr("consentry.ledger.bulk_node.time.sleep", found.append)
    return found


OK = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers": (OK + b"X-A: ", b"a"),
    "chunk": (OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}
"""What a node writes first, and then again and again."""
MOST_DROPS = 250


@pytest.mark.parametrize("kind", DRIPPING)
def test_node_that_writes_and_does_not_answer_is_hung_up_on(
    kind: str, monkeypatch: pytest.MonkeyPatch, waited: list[float]
) -> None:
    monkeypatch.setattr(bulk_node, "SECONDS", 0.3)
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server, left, *DRIPPING[kind]))
        dripping.start()
        with pytest.raises(LedgerUnavailableError):
            Node(f"http://127.0.0.1:{server.getsockname()[1]}").ask([("eth_getLogs", [])])
        dripping.join()
    assert left.is_set()
    assert waited == []


def drip(server: socket.socket, left: threading.Event, first: bytes, drop: bytes) -> None:
    """Answers one question, drop by drop; tells whether the asker left before all drops were written."""
    (connection, _), pause = server.accept(), threading.Event()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(first)
        try:
            for _ in range(MOST_DROPS):
                pause.wait(0.02)
                connection.sendall(drop)
        except OSError:
            left.set()


def test_chunk_of_less_than_no_bytes_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_node, "MOST_BYTES", 1 << 20)
    written = list[int]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        flooding = threading.Thread(target=flood, args=(server, written, DRIPPING["chunk"][0] + b"-1\r\n"))
        flooding.start()
        with pytest.raises(LedgerUnavailableError):
            Node(f"http://127.0.0.1:{server.getsockname()[1]}").ask([("eth_getLogs", [])])
        flooding.join()
    assert sum(written) < 32


def flood(server: socket.socket, written: list[int], first: bytes) -> None:
    """Answers one question with up to 64 MiB; notes each of them that was taken."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(first)
        for _ in range(64):
            connection.sendall(bytes(1 << 20))
            written.append(1)


def test_answer_that_says_it_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_node, "MOST_BYTES", 1 << 20)
    written = list[int]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        length = b"Content-Length: %d\r\n\r\n" % (64 << 20)
        flooding = threading.Thread(target=flood, args=(server, written, OK + length))
        flooding.start()
        with pytest.raises(LedgerUnavailableError):
            Node(f"http://127.0.0.1:{server.getsockname()[1]}").ask([("eth_getLogs", [])])
        flooding.join()
    assert sum(written) < 32


def test_answer_that_is_too_long_is_not_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps(answer(result="0x7")).encode()
    monkeypatch.setattr(bulk_node, "MOST_JSON", len(said))
    assert results_in(said) == ["0x7"]
    with pytest.raises(ValueError, match="too long"):
        results_in(said + b" ")


@contextmanager
def node(*answers: object) -> Iterator[str]:
    """Gives the address of a node with these answers, one after the other; at one that is none it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        serving = threading.Thread(target=serve, args=(server, answers))
        serving.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        serving.join()


def serve(server: socket.socket, answers: Sequence[object]) -> None:
    """Gives each answer over a connection of its own."""
    for answer in answers:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            if answer is not None:
                content = json.dumps(answer).encode()
                head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
                connection.sendall(head.encode() + content)


def answer(**said: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 0, **said}


@pytest.mark.parametrize("code", [-32002, -32603])
def test_node_that_is_busy_is_asked_again(code: int, waited: list[float]) -> None:
    busy = {**BUSY, "code": code}
    with node(answer(error=busy), answer(error=busy), answer(result="0x7")) as url:
        assert Node(url).ask([("eth_chainId", [])]) == ["0x7"]
    assert waited == [0.0, 1.0]


def test_node_that_went_away_is_asked_again(waited: list[float]) -> None:
    with node(None, answer(result="0x7")) as url:
        assert Node(url).ask_one("eth_chainId", [], results_in, may_ask_less=True) == ["0x7"]
    assert waited == [0.0]


def test_node_that_stays_busy_is_told(waited: list[float]) -> None:
    with node(*[answer(error=BUSY)] * 6) as url, pytest.raises(LedgerUnavailableError, match="within 10 seconds"):
        Node(url).ask([("eth_chainId", [])])
    assert waited == [0.0, 1.0, 2.0, 4.0, 8.0]


def test_patience_lasts_for_all_questions_until_one_begins_anew(waited: list[float]) -> None:
    busy = answer(error=BUSY)
    with node(*[busy] * 7, busy, answer(result="0x7")) as url:
        asked = Node(url)
        for _ in range(2):
            with pytest.raises(LedgerUnavailableError):
                asked.ask([("eth_chainId", [])])
        assert waited == [0.0, 1.0, 2.0, 4.0, 8.0]
        asked.begin()
        assert asked.ask([("eth_chainId", [])]) == ["0x7"]


def test_node_that_is_busy_with_much_may_be_asked_for_less(waited: list[float]) -> None:
    with node(answer(error=BUSY)) as url, pytest.raises(LedgerUnavailableError):
        Node(url).ask_one("eth_getLogs", [], results_in, may_ask_less=True)
    assert waited == []


def test_many_questions_are_refused_by_one_answer(waited: list[float]) -> None:
    with node({**answer(error=BUSY), "id": None}, [answer(result=1), {**answer(result=2), "id": 1}]) as url:
        assert Node(url).ask([("eth_chainId", []), ("eth_chainId", [])]) == [1, 2]
    assert waited == [0.0]


@pytest.mark.parametrize(
    "said", [{"id": 1, "result": 5}, [{"id": 0, "result": 5}], {"id": None, "result": 5}], ids=["id", "list", "null"]
)
def test_answers_to_other_questions_are_none(said: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        results_in(json.dumps(said).encode())


def test_node_that_says_no_is_not_asked_again(waited: list[float]) -> None:
    with node(answer(error=REFUSED)) as url, pytest.raises(LedgerUnavailableError, match="no such block"):
        Node(url).ask([("eth_chainId", [])])
    assert waited == []


@pytest.mark.parametrize("said", [5, None, [], {"id": 0}, {"result": 5}], ids=repr)
def test_what_is_no_answer_is_told_and_not_asked_for_again(said: object, waited: list[float]) -> None:
    with node([said]) as url, pytest.raises(LedgerUnavailableError, match="does not answer"):
        Node(url).ask([("eth_chainId", [])])
    assert waited == []


def test_node_that_is_not_there_is_told(waited: list[float], unused_tcp_port: int) -> None:
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        Node(f"http://127.0.0.1:{unused_tcp_port}").ask([("eth_chainId", [])])
    assert waited == [0.0, 1.0, 2.0, 4.0, 8.0]
