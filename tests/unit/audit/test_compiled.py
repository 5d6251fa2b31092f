"""Functions are compiled where no code can be kept, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import pytest

from consentry.audit import compiled as module


def double(number: int) -> int:
    return 2 * number


def test_function_is_compiled_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = numba.njit, list[bool]()

    def refusing(function: Callable[..., Any] | None = None, *, cache: bool = False) -> Any:  # noqa: ANN401 - as numba has it
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return real(function)

    monkeypatch.setattr(module, "njit", refusing)
    assert module.compiled(cache=True)(double)(21) == 42
    assert asked == [True, False]
