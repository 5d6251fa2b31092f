"""Waiting, for a bounded time, for what a gateway cannot start without: a machine starts its services in any order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from consentry.errors import ConsentryError, LedgerUnavailableError, TilesUnavailableError, VaultUnavailableError
from consentry.wiring.gateways import is_away

AGAIN_SECONDS: Final = 1.0
_WAITED_FOR: Final[dict[type[ConsentryError], str]] = {
    LedgerUnavailableError: "the chain",
    VaultUnavailableError: "the database or the key service",
    TilesUnavailableError: "the store of the ledger log",
}
Opened = TypeVar("Opened")


async def patiently(
    attempt: Callable[[], Awaitable[Opened]],
    seconds: float,
    say: Callable[[str, str], None],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Opened:
    """Attempts something again while what it needs is away.

    Args:
        attempt: leaves nothing behind where it fails.
        seconds: how long; the attempt under way then is the last.
        say: told what is waited for and why, once for each thing.
        clock: seconds.
        pause: waits so many seconds.

    Raises:
        ConsentryError: what the last attempt raised, or the first one that waiting does not mend.
    """
    until, told = clock() + seconds, set[str]()
    while True:
        try:
            return await attempt()
        except tuple(_WAITED_FOR) as error:
            if not is_away(error) or clock() >= until:
                raise
            what = next(what for kind, what in _WAITED_FOR.items() if isinstance(error, kind))
            if what not in told:
                told.add(what)
                say(f"waiting for {what}", f"{error.code}: {error.message}")
        await pause(AGAIN_SECONDS)
