"""Why a gateway does not come up: from its log, and from its answer."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consentry.demo.gateways import error_in_log, free_port, not_ready

IN_USE = "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8080): address already in use"


class Unready(http.server.BaseHTTPRequestHandler):
    """Answers as a gateway whose disk is full."""

    def do_GET(self) -> None:
        """Answers with a problem."""
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"code": "vault.unavailable", "detail": "free disk space does not match"}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def unready() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Unready) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_last_error_of_this_start_is_found_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    old = "ERROR: of an earlier start\n"
    log.write_text(f"{old}INFO: starts\n{IN_USE}\nERROR:    Application startup failed. Exiting.\n")

    assert error_in_log(log, len(old)) == IN_USE


def test_log_without_an_error_gives_nothing(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    old = "ERROR: of an earlier start\n"
    log.write_text(f"{old}INFO: starts\n")

    assert error_in_log(log, len(old)) == ""


def test_problem_of_a_gateway_gives_its_detail(unready: int) -> None:
    assert not_ready(unready) == "free disk space does not match"


def test_silent_port_gives_no_detail() -> None:
    assert not_ready(free_port()) == ""


def test_free_port_is_kept_and_a_taken_one_is_left() -> None:
    wanted = free_port()

    assert free_port(wanted) == wanted
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", wanted))
        holder.listen()
        assert free_port(wanted) != wanted
