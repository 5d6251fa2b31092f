"""What a gateway does unasked: following the chain, taking up what was left over, forgetting what is old."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from consentry.errors import ConsentryError, LedgerUnavailableError

ROUND_SECONDS: Final = 0.25

Tell = Callable[[str, str], None]
"""Is told what failed in the background, and why; both are safe to log."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done every so many rounds."""

    name: str
    turns: int
    do: Callable[[], Awaitable[object]]


class Background:
    """What a gateway does unasked. Whatever fails is told once, and tried again."""

    def __init__(self, tell: Tell) -> None:
        """Takes whom to tell."""
        self.deeds: list[Deed] = []
        self._tell = tell
        self._trouble: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Starts the rounds."""
        self._task = asyncio.create_task(self._rounds())
        return self._task

    def check(self) -> None:
        """Checks that the rounds go on.

        Raises:
            LedgerUnavailableError: they ended, so nothing follows the chain any more.
        """
        if self._task is not None and self._task.done():
            raise LedgerUnavailableError("gateway no longer follows the chain: it must be started again")

    async def _rounds(self) -> None:
        for turn in itertools.count(1):
            for deed in self.deeds:
                if turn % deed.turns == 0:
                    await self.attempt(deed)
            await asyncio.sleep(ROUND_SECONDS)

    async def attempt(self, deed: Deed) -> None:
        """Does one deed; a failure is told unless it is the one told last."""
        try:
            await deed.do()
        except ConsentryError as error:
            why = f"{error.code}: {error.message}"
        except Exception as error:  # noqa: BLE001 - nothing unforeseen may end the rounds; its text may hold anything
            why = f"unforeseen {type(error).__name__}"
        else:
            self._trouble.pop(deed.name, None)
            return
        if self._trouble.get(deed.name) != why:
            self._trouble[deed.name] = why
            self._tell(deed.name, why)
