"""A large record goes in and out with flat memory, and the event loop keeps turning meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
SMALL, LARGE = 32, 256


def run(mebibytes: int, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.integration.large_record", str(mebibytes), str(folder)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_large_record_in_and_out_keeps_memory_flat(tmp_path: Path) -> None:
    small, large = run(SMALL, tmp_path / "small"), run(LARGE, tmp_path / "large")
    assert large["size"] == LARGE * MIB
    assert large["peak_memory"] < 200 * MIB
    # Eight times the content, yet the same memory but for allocator noise.
    assert large["peak_memory"] - small["peak_memory"] < 32 * MIB
    # A loop that waited for the sealing of the whole record would come round a handful of times.
    assert large["ticks_while_sealing"] > LARGE // 4
