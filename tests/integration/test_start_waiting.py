"""A gateway that is started before its chain waits for it, then serves."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process

from consentry.ledger import node
from tests.integration.test_foreign_chain import Site, site

__all__ = ["site"]
PATIENCE = 120


def _environment(site: Site, **more: str) -> dict[str, str]:
    known = site.settings()
    own = {
        "CONSENTRY_STATE_DIR": str(known.state_dir),
        "CONSENTRY_NODE_URL": known.node_url,
        "CONSENTRY_CUSTODIAN": known.custodian,
        "CONSENTRY_PORT": "0",
    }
    return {**os.environ, **own, **more}


async def _line(stream: StreamReader | None) -> str:
    assert stream is not None
    async with asyncio.timeout(PATIENCE):
        return (await stream.readline()).decode()


async def _serve(site: Site) -> Process:
    command = [sys.executable, "-m", "consentry", "serve", "--json"]
    return await asyncio.create_subprocess_exec(*command, env=_environment(site), stdout=PIPE, stderr=PIPE)


async def test_serve_waits_for_the_chain_says_so_and_is_ready_only_then(site: Site) -> None:
    await asyncio.to_thread(node.down, site.chain)
    gateway = await _serve(site)
    try:
        said = json.loads(await _line(gateway.stderr))
        assert (said["event"], said["what"]) == ("start", "waiting for the chain")
        ready = asyncio.create_task(_line(gateway.stdout))
        await asyncio.to_thread(site.up)
        assert json.loads(await ready)["state"] == "ready"
    finally:
        gateway.terminate()
        await gateway.wait()


async def test_serve_that_is_not_to_wait_ends_with_the_error(site: Site) -> None:
    await asyncio.to_thread(node.down, site.chain)
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "consentry", "serve", "--json"],
        env=_environment(site, CONSENTRY_START_WAIT_SECONDS="0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ended.returncode == 4
    assert json.loads(ended.stdout)["error"] == "ledger.unavailable"
    assert len(ended.stderr.splitlines()) == 1
