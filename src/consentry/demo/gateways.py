"""What a gateway's port and log tell: whether it is ready, whether its port is free, and why it does not come up."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
_ERROR: Final = re.compile(r"error|errno|^consentry: ", re.IGNORECASE)
_SAYS_NOTHING: Final = "Application startup failed"
_TIMEOUT_SECONDS: Final = 5
_MOST_LOG_BYTES: Final = 65_536
_MOST_SHOWN: Final = 300


def free_port(wanted: int | None = None) -> int:
    """Gives the wanted port if nobody listens there, another one otherwise."""
    if wanted is not None and _bindable(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def not_ready(port: int) -> str | None:
    """Asks ``/readyz``; nothing if the gateway is ready, else the detail of its problem (empty without an answer)."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        if answer.status == http.HTTPStatus.OK:
            return None
        problem = json.loads(answer.read(_MOST_LOG_BYTES))
    except (OSError, http.client.HTTPException, ValueError):
        return ""
    finally:
        connection.close()
    detail = problem.get("detail", "") if isinstance(problem, dict) else ""
    return str(detail)[:_MOST_SHOWN]


def error_in_log(log: Path, begun_at: int) -> str:
    """Gives the last line that names an error, of what was written since a place in the log; empty if none does."""
    with log.open("rb") as file:
        file.seek(max(begun_at, log.stat().st_size - _MOST_LOG_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    errors = [line.strip() for line in lines if _ERROR.search(line) and _SAYS_NOTHING not in line]
    return errors[-1][:_MOST_SHOWN] if errors else ""


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        # As a server binds: what is left of ended connections does not hold a port, somebody who listens does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
