"""Functions over arrays compiled to machine code by numba, for what an audit does some millions of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(*, cache: bool = False) -> Callable[[_Function], _Function]:
    """Compiles a function when it is first called.

    Code of which a cache is kept lies on disk beside its module; that of what it calls is part of it.
    """

    def made(function: _Function) -> _Function:
        return cast("_Function", njit(cache=cache)(function))

    return made
