"""What ``scripts/fuzz`` runs: every parser in a process of its own, and a table of what came of it."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.fuzzing.parsers import PARSERS
from tests.fuzzing.process import ACCOUNT, CRASHES

ROOT: Final = Path(__file__).parents[2]
NIGHTLY: Final = 1_000_000
COLUMNS: Final = ("parser", "inputs", "a second", "taken in", "slowest", "crashes")
_WIDTHS: Final = (15, 9, 8, 8, 10, 7)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz", description="Throws spoilt inputs at the parsers of foreign bytes."
    )
    parser.add_argument("--inputs", type=int, default=NIGHTLY, help="inputs a parser (default %(default)s)")
    parser.add_argument("--parser", action="append", choices=[*PARSERS], help="only this one; repeatable")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="processor time a parser, after which it ends early"
    )
    parser.add_argument("--unguided", action="store_true", help="without coverage, and so without atheris")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fuzz", help="folder for accounts and crashes")
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Runs one parser; a process that does not live to give its account is a crash itself."""
    folder: Path = options.out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    given = ("--inputs", str(options.inputs), "--seconds", str(options.seconds), "--seed", str(options.seed))
    command = [sys.executable, "-m", "tests.fuzzing.process", name, str(folder), *given]
    command += ["--unguided"] * options.unguided
    with (folder / "log").open("wb") as log:
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
    try:
        account: dict[str, Any] = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        account = {"inputs": 0, "perSecond": 0, "accepted": 0, "slowestMs": 0.0}
        account |= {"crashes": {f"the process ended with {status}; see {folder / 'log'}": ""}}
    return account


def _row(*cells: object) -> str:
    return "  ".join(
        f"{cell!s:>{width}}" if place else f"{cell!s:<{width}}"
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Runs the parsers that are wanted; 1 where one of them crashed."""
    options, crashed = _options(), 0
    _show(_row(*COLUMNS))
    for name in options.parser or PARSERS:
        told = _run(name, options)
        crashed += len(told["crashes"])
        slowest = f"{told['slowestMs']} ms"
        _show(_row(name, told["inputs"], told["perSecond"], told["accepted"], slowest, len(told["crashes"])))
        for what in told["crashes"]:
            _show(f"    {what}: {options.out / name / CRASHES}")
    return int(bool(crashed))


if __name__ == "__main__":
    sys.exit(main())
