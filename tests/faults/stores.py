"""Where a story keeps things: in memory, or in the tables of the real vault and the real projection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from consentry.gateway.remembered import Facts
from consentry.ledger.chain import ChainLedger
from tests.faults.node import Rules
from tests.faults.plan import Plan
from tests.faults.process import Process, failing
from tests.faults.promises import Promises
from tests.support.memory_projection import MemoryProjection
from tests.support.memory_vault import MemoryOutbox, MemoryVault

Following = tuple[Facts, Callable[[], Awaitable[object]] | None]


class Stores(Protocol):
    """What outlives every process of a gateway."""

    async def open(self, promises: Promises) -> None:
        """Begins empty."""

    def first_vault(self) -> Any:  # noqa: ANN401 - any vault
        """Gives a vault that does not fail, for what happens before the story."""

    def vault(self, process: Process, plan: Plan, down: dict[str, bool]) -> Any:  # noqa: ANN401 - any vault
        """Gives the vault of a process."""

    def outbox(self, process: Process, plan: Plan) -> Any:  # noqa: ANN401 - any outbox
        """Gives the outbox of a process."""

    def look_at_outbox(self) -> Any:  # noqa: ANN401 - any outbox
        """Gives an outbox that does not fail, to look at what is left."""

    def projection(self, ledger: ChainLedger, rules: Rules, process: Process, plan: Plan) -> Following:
        """Gives the projection of a process, and what has it follow the chain."""

    async def check(self, ledger: ChainLedger) -> None:
        """Checks at the end what only these stores can tell; the ledger reads a node that works again."""

    async def close(self) -> None:
        """Ends."""


class MemoryStores:
    """Dictionaries; disks that never fail by themselves."""

    async def open(self, promises: Promises) -> None:
        self._vault, self._outbox = MemoryVault(), MemoryOutbox()
        self._vault.on_release = lambda _: promises.check_release()

    def first_vault(self) -> MemoryVault:
        return self._vault

    def vault(self, process: Process, plan: Plan, down: dict[str, bool]) -> Any:  # noqa: ANN401 - any vault
        return failing(self._vault, process, plan, down, "key service")

    def outbox(self, process: Process, plan: Plan) -> MemoryOutbox:
        del process, plan
        return self._outbox

    def look_at_outbox(self) -> MemoryOutbox:
        return self._outbox

    def projection(self, ledger: ChainLedger, rules: Rules, process: Process, plan: Plan) -> Following:
        del ledger, process, plan
        return MemoryProjection(rules), None

    async def check(self, ledger: ChainLedger) -> None:
        del ledger

    async def close(self) -> None:
        """Nothing is open."""
