"""Commands as their process would run them, in this one."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from consentry.cli.app import main


def _ended(*words: str) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["consentry", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code


async def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    """Runs a command beside a test that awaits it; gives what it answers to programs.

    Args:
        capsys: what the test captures output with.
        words: command and options, without ``--json``.
        status: the exit code it has to end with.
    """
    ended = await asyncio.to_thread(_ended, *words, "--json")
    shown = capsys.readouterr()
    assert ended == status, (words, shown)
    answer: dict[str, Any] = json.loads(shown.out.splitlines()[-1])
    return answer
