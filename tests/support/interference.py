"""Crashes and interference at named points: before and after every call an adapter gets.

A point is named ``<port>.<method>:before`` or ``…:after``. The code under test knows nothing of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

Port = TypeVar("Port")
Deed = Callable[[], Awaitable[None]]


class Crash(BaseException):
    """The process ends here; nothing of ours may catch it."""


@dataclass
class Fuse:
    """Does one deed at one point, counted from the moment it is set.

    Attributes:
        passed: every point that was passed since then.
    """

    passed: list[str] = field(default_factory=list)
    _left: int = -1
    _deed: Deed | None = None

    def set(self, points: int, deed: Deed) -> None:
        """Sets the deed for the point that comes after so many others."""
        self.passed.clear()
        self._left, self._deed = points, deed

    def clear(self) -> None:
        """Sets nothing."""
        self.passed.clear()
        self._deed = None

    async def reach(self, name: str) -> None:
        """Passes a point."""
        self.passed.append(name)
        if self._deed is None:
            return
        if self._left == 0:
            deed, self._deed = self._deed, None
            await deed()
        self._left -= 1


def fused(port: Port, name: str, fuse: Fuse) -> Port:
    """Gives an adapter whose coroutine methods pass two points each."""
    return cast("Port", _Fused(port, name, fuse))


class _Fused:
    def __init__(self, inner: Any, name: str, fuse: Fuse) -> None:  # noqa: ANN401 - any port
        self._inner = inner
        self._name = name
        self._fuse = fuse

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._inner, method)
        if not inspect.iscoroutinefunction(found):
            return found

        async def passing(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - as the port
            await self._fuse.reach(f"{self._name}.{method}:before")
            result = await found(*values, **named)
            await self._fuse.reach(f"{self._name}.{method}:after")
            return result

        return passing
