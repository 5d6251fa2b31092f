"""A process that can end between any two steps: what it was doing is gone, and nothing of it acts any more."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any, Final, TypeVar, cast

from consentry.errors import VaultUnavailableError
from tests.faults.plan import Plan
from tests.support.interference import Crash

Port = TypeVar("Port")
_SLOW: Final = 2.0


class Process:
    """Lives until it crashes.

    Attributes:
        alive: whether it still runs.
    """

    def __init__(self, plan: Plan) -> None:
        self.alive = True
        self._plan = plan
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Does something in this process."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def end(self) -> None:
        """Crashes."""
        self.alive = False
        for task in list(self._tasks):
            task.cancel()

    def check(self) -> None:
        """Lets nobody act whose process has ended."""
        if not self.alive:
            raise Crash

    def pass_point(self) -> None:
        """Passes a point at which the process may end."""
        self.check()
        if self._plan.happens("crash"):
            self.end()
            raise Crash


def failing(port: Port, process: Process, plan: Plan, down: dict[str, bool], part: str) -> Port:
    """Gives a store whose answers may be late or lost, before or after it did what it was asked."""
    return cast("Port", _Failing(port, process, plan, down, part))


class _Failing:
    def __init__(self, inner: Any, process: Process, plan: Plan, down: dict[str, bool], part: str) -> None:  # noqa: ANN401 - any port
        self._inner = inner
        self._process = process
        self._plan = plan
        self._down = down
        self._part = part

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._inner, method)
        if not inspect.iscoroutinefunction(found):
            return found

        async def passing(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - as the port
            plan, process = self._plan, self._process
            process.pass_point()
            if plan.happens("store-delayed"):
                await asyncio.sleep(plan.seconds(0, _SLOW))
            process.check()
            if self._down[self._part] or plan.happens("store-lost"):
                raise VaultUnavailableError(f"{self._part} does not answer (simulated)")
            made = await found(*values, **named)
            # Done, and then the process ends, or the answer is lost.
            process.pass_point()
            if plan.happens("store-reply-lost"):
                raise VaultUnavailableError(f"answer of {self._part} was lost (simulated)")
            return made

        return passing
