"""The sealer and a vault's writer as processes of their own, with faults planted or a tracer around them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from consentry.ledger import node
from consentry.ledger.node import NodeStatus

ROOT = Path(__file__).parents[3]
PLANTED = Path(__file__).parent / "planted"
WAIT_SECONDS = 60.0


def environment(leaves_out: str = "") -> Mapping[str, str]:
    """Gives the environment of a process of ours; ``leaves_out`` names a sync that does nothing in it."""
    paths = [*([str(PLANTED)] if leaves_out else []), str(ROOT / "src"), str(ROOT)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
    return own | {"PYTHONPATH": os.pathsep.join(paths), "CONSENTRY_TEST_LEAVES_OUT": leaves_out}


class SealerEndedError(Exception):
    """The sealer ended before it was ready."""


@contextmanager
def sealer(
    state: Path, engine: Path, output: Path, *, around: Sequence[str | Path] = (), leaves_out: str = ""
) -> Iterator[tuple[subprocess.Popen[bytes], NodeStatus]]:
    """Runs a sealer until the end of the block, which kills it.

    Args:
        state: its folder.
        engine: the binary of its engine.
        output: where it writes what it says.
        around: a command it is run by.
        leaves_out: a sync that does nothing in it.

    Raises:
        SealerEndedError: it ends before it is ready.
    """
    module = [sys.executable, "-m", "consentry.ledger.embedded"]
    command = [*around, *module, "--state", state, "--port", "0", "--engine", engine]
    with output.open("ab") as log:
        process = subprocess.Popen(
            command, env=environment(leaves_out), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process, _ready(process, state, output)
    finally:
        # A tracer around it does not take it along.
        pid = node.status(state).pid
        for each in (pid, process.pid):
            with suppress(ProcessLookupError, TypeError):
                os.kill(each, signal.SIGKILL)  # type: ignore[arg-type]  # none there
        process.wait()
        while node.status(state).is_running:
            time.sleep(0.01)


def _ready(process: subprocess.Popen[bytes], state: Path, output: Path) -> NodeStatus:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        known = node.status(state)
        if known.is_ready:
            return known
        if process.poll() is not None:
            raise SealerEndedError(output.read_text()[-2_000:])
        time.sleep(0.02)
    raise SealerEndedError("not ready in time")
