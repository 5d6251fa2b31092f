"""Questions that are put again: how often, which, and to whom not."""

from __future__ import annotations

from contextlib import suppress

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger.patience import WAITS, patient

GONE = LedgerUnavailableError("node does not answer", is_passing=True)
ANSWERS = {
    "no": LedgerUnavailableError("node refuses", rpc_code=-32602),
    "nonsense": LedgerUnavailableError("node does not answer (with what is no answer)"),
    "others": LedgerUnavailableError("chain was reorganised while it was read"),
}


class Reader:
    """Answers as told: raises each error, then gives what it was asked with."""

    def __init__(self) -> None:
        self.errors = list[LedgerUnavailableError]()
        self.asked = 0

    async def block(self, number: int, *, whole: bool = False) -> tuple[int, bool]:
        """Gives what was asked for."""
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return number, whole

    def domain(self, name: str) -> str:
        """Asks nobody."""
        return name


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody waits really."""
    found = list[float]()

    async def wait(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("consentry.ledger.patience.asyncio.sleep", wait)
    return found


async def test_node_that_answered_before_is_asked_again(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    assert await asked.block(1) == (1, False)
    reader.errors = [GONE, GONE]
    assert await asked.block(7, whole=True) == (7, True)
    assert (waited, reader.asked) == ([1.0, 2.0], 4)


async def test_node_is_not_waited_for_without_end(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    reader.errors = [GONE] * 99
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await asked.block(2)
    assert waited == [*WAITS]
    reader.errors = [GONE]
    assert await asked.block(3) == (3, False)
    assert waited == [*WAITS, WAITS[0]]


async def test_node_that_never_answered_is_named_at_once(waited: list[float]) -> None:
    reader = Reader()
    reader.errors = [GONE]
    with pytest.raises(LedgerUnavailableError):
        await patient(reader).block(1)
    assert waited == []


@pytest.mark.parametrize("name", ANSWERS)
async def test_whatever_a_node_says_is_an_answer(name: str, waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    reader.errors = [ANSWERS[name]]
    with pytest.raises(LedgerUnavailableError) as caught:
        await asked.block(2)
    assert caught.value is ANSWERS[name]
    assert waited == []


async def test_node_is_waited_for_some_minutes_in_all(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    for _ in range(40):
        reader.errors = [GONE] * 4
        with suppress(LedgerUnavailableError):
            await asked.block(2)
    assert 300 <= sum(waited) < 308


def test_what_asks_nobody_is_the_same() -> None:
    assert patient(Reader()).domain("Consents") == "Consents"
