"""Functions over arrays compiled to machine code by numba, for what an audit does some millions of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(*, cache: bool = False) -> Callable[[_Function], _Function]:
    """Compiles a function when it is first called.

    Code of which a cache is kept lies on disk beside its module, else in the user's folder of caches, else where
    ``NUMBA_CACHE_DIR`` says; that of what it calls is part of it. Whoever may write there says what an audit runs.
    """

    def made(function: _Function) -> _Function:
        try:
            return cast("_Function", njit(cache=cache)(function))
        except RuntimeError:
            # Nowhere to write: each process compiles for itself.
            return cast("_Function", njit(function))

    return made
