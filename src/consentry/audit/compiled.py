"""Functions over arrays compiled to machine code by numba, for what an audit does some millions of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(*, cache: bool = False, inline: bool = False) -> Callable[[_Function], _Function]:
    """Compiles a function when it is first called.

    Code of which a cache is kept lies on disk beside its module, else in the user's folder of caches, else where
    ``NUMBA_CACHE_DIR`` says; that of what it calls is part of it. Whoever may write there says what an audit runs.

    It is the function of a module, and never one made by another function: in the caches two of those go by one name,
    and a process that reads both runs one of them for both.

    Args:
        cache: keeps a cache of it.
        inline: puts the code in every place where compiled code calls it.

    Raises:
        ValueError: the function is made by another function.
    """

    def made(function: _Function) -> _Function:
        if "<locals>" in function.__qualname__:
            raise ValueError(f"a function that is compiled has to stand in a module (got {function.__qualname__})")
        try:
            return cast("_Function", njit(cache=cache, forceinline=inline)(function))
        except RuntimeError:
            # Nowhere to write: each process compiles for itself.
            return cast("_Function", njit(forceinline=inline)(function))

    return made
