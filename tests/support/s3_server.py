"""A server with the API of S3 on a free port of this machine: moto's, which keeps all in memory."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

from consentry.demo.gateways import free_port
from consentry.vault.buckets import S3Access

PROGRAM = Path(__file__).parents[2] / ".venv-servers" / "bin" / "moto_server"
WAIT_SECONDS = 60.0


@dataclass
class S3Server:
    """A server that runs. It checks no signature: who may read a bucket is its own affair, not the gateway's."""

    access: S3Access
    _numbers: count[int] = field(default_factory=count)

    def make_bucket(self) -> str:
        """Makes a bucket; gives its URL."""
        name = f"bucket-{next(self._numbers)}"
        httpx.put(f"{self.access.endpoint}/{name}").raise_for_status()
        return f"s3://{name}"


@contextmanager
def run_s3_server(folder: Path) -> Iterator[S3Server]:
    """Serves until the end of the block."""
    port = free_port()
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "--host", "127.0.0.1", "--port", str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        server = S3Server(S3Access(f"http://127.0.0.1:{port}", "us-east-1", "test-key", "test-secret"))
        deadline = time.monotonic() + WAIT_SECONDS
        while not _answers(server):
            assert process.poll() is None, (folder / "moto.log").read_text()
            assert time.monotonic() < deadline, (folder / "moto.log").read_text()
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def _answers(server: S3Server) -> bool:
    try:
        return httpx.get(server.access.endpoint).is_success
    except httpx.TransportError:
        return False
