"""Functions are compiled where no code can be kept, too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from consentry.audit import compiled as module
from consentry.audit.keccak_rows import chain_rows, hash_rows
from consentry.core.heads import advance
from consentry.core.keccak import keccak


def double(number: int) -> int:
    return 2 * number


def test_function_is_compiled_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = numba.njit, list[bool]()

    def refusing(function: Callable[..., Any] | None = None, *, cache: bool = False, **_: bool) -> Any:  # noqa: ANN401 - as numba has it
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return real(function)

    monkeypatch.setattr(module, "njit", refusing)
    assert module.compiled(cache=True)(double)(21) == 42
    assert asked == [True, False]


def test_function_of_a_function_is_refused() -> None:
    def local(number: int) -> int:
        return number

    with pytest.raises(ValueError, match="has to stand in a module"):
        module.compiled()(local)


HASHED = "from tests.unit.audit.test_compiled import hashes_hold; hashes_hold()"
CHAINED = "from tests.unit.audit.test_compiled import heads_hold; heads_hold()"


@pytest.mark.parametrize("order", [(HASHED, CHAINED), (CHAINED, HASHED)], ids=["hash", "chain"])
def test_code_that_other_processes_compiled_runs_side_by_side(order: tuple[str, str], tmp_path: Path) -> None:
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path)}
    for code in (*order, "; ".join(order)):
        subprocess.run([sys.executable, "-c", code], env=environment, timeout=300, check=True)


def hashes_hold() -> None:
    rows = np.arange(16 * 40, dtype=np.uint8).reshape(16, 40)
    if [row.tobytes() for row in hash_rows(rows)] != [keccak(row.tobytes()) for row in rows]:
        raise AssertionError("rows are hashed otherwise")


def heads_hold() -> None:
    heads = np.zeros((1, 32), np.uint8)
    chain_rows(heads, np.zeros(1, np.int64), heads.copy(), heads.copy(), np.ones((1, 6), np.uint8))
    if heads.tobytes() != advance(bytes(32), bytes(32), bytes(32))[:26] + b"\1" * 6:
        raise AssertionError("a head moves otherwise")
