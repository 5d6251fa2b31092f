"""A ledger whose decisions wait until they are let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from consentry.core.receipts import FinalReceipt


@dataclass
class Slowness:
    """Holds decisions back: those that came in, and the gate they wait at.

    Attributes:
        asked: how often a decision was asked for.
        gate: set to let all go.
        error: raised instead of deciding, once let go.
    """

    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None


def slowed(ledger: Any, monkeypatch: pytest.MonkeyPatch) -> Slowness:  # noqa: ANN401 - any ledger
    """Slows a ledger down until the gate is open."""
    made, decide = Slowness(), ledger.decide

    async def decide_slowly(*arguments: Any) -> FinalReceipt:  # noqa: ANN401 - as the port has them
        made.asked += 1
        await made.gate.wait()
        if made.error is not None:
            raise made.error
        receipt: FinalReceipt = await decide(*arguments)
        return receipt

    monkeypatch.setattr(ledger, "decide", decide_slowly)
    return made
