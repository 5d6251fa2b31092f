"""Plants known faults and watches the tests find them; exits with 1 if one stays unseen.

A list of mutants is TOML::

    [suite.promises]                # how a fault is looked for; {python} is this interpreter, {select} the mutant's
    folder = "contracts"            # where the commands run, from the root of the tree
    prepare = [["forge", "build"]]  # must succeed with the fault: a mutant that does not compile proves nothing
    test = [["forge", "test", "--match-test", "{select}"]]  # must succeed without the fault and fail with it

    [[mutant]]
    name = "grant-unsigned"
    file = "contracts/Consents.sol"
    find = "text that stands there exactly once"
    replace = "the fault"
    suite = "promises"
    select = "invariant_noConsentIsForged"

Everything happens in a copy of the tracked files, so an interrupted run leaves no fault behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = {
    "contracts": ROOT / "tests" / "contracts" / "mutants.toml",
    "core": ROOT / "tests" / "unit" / "core" / "mutants.toml",
    "chain": ROOT / "tests" / "integration" / "embedded" / "mutants.toml",
}
LINKED = ("contracts/node_modules", "hardhat-free-node/embedded/node_modules", ".venv-halmos")
LONGEST = 1800  # seconds for one command: a fault may well make a test hang

Command = list[str]


class MutantError(Exception):
    """A list of mutants, or the tree itself, is not fit to be tried. Caller: print the message and exit with 1."""


@dataclass(frozen=True, slots=True)
class Suite:
    """How faults of one kind are looked for."""

    folder: str
    prepare: list[Command]
    test: list[Command]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a text of one file, and what stands there instead."""

    name: str
    file: str
    find: str
    replace: str
    suite: str
    select: str


def load(path: Path) -> tuple[dict[str, Suite], list[Mutant]]:
    """Reads a list of mutants."""
    listed = tomllib.loads(path.read_text())
    suites = {name: Suite(**commands) for name, commands in listed["suite"].items()}
    return suites, [Mutant(**mutant) for mutant in listed["mutant"]]


def copy_tree(target: Path) -> None:
    """Copies the tracked files, as they are in the working folder, and links what was installed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (target / name).symlink_to((ROOT / name).resolve())


def run(commands: Iterable[Command], tree: Path, suite: Suite, select: str) -> tuple[bool, str]:
    """Runs commands one after another until one fails; returns whether all succeeded, and the end of the output."""
    binaries = tree / "contracts" / "node_modules" / ".bin"
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    said = ""
    for command in commands:
        words = [word.format(python=sys.executable, select=select) for word in command]
        try:
            done = subprocess.run(
                words,
                cwd=tree / suite.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return False, f"no answer within {LONGEST} s"
        said = (done.stdout + done.stderr)[-2000:]
        if done.returncode != 0:
            return False, said
    return True, said


def plant(mutant: Mutant, tree: Path) -> str:
    """Puts the fault in place; returns the text that stood in the file.

    Raises:
        MutantError: The text to replace does not stand there exactly once.
    """
    path = tree / mutant.file
    text = path.read_text()
    if (count := text.count(mutant.find)) != 1:
        raise MutantError(f"place of mutant {mutant.name} does not match (got {count} in {mutant.file}, expected 1)")
    path.write_text(text.replace(mutant.find, mutant.replace))
    return text


def try_sound(suites: dict[str, Suite], mutants: Sequence[Mutant], tree: Path) -> None:
    """Runs what the mutants need on the sound tree.

    Raises:
        MutantError: Something fails without any fault, so its failing would show nothing.
    """
    for name, select in sorted({(mutant.suite, mutant.select) for mutant in mutants}):
        suite = suites[name]
        good, said = run([*suite.prepare, *suite.test], tree, suite, select)
        if not good:
            raise MutantError(f"suite {name} ({select}) fails without a fault:\n{said}")
        print(f"sound: {name} ({select})", flush=True)


def try_mutant(suite: Suite, mutant: Mutant, tree: Path) -> bool:
    """Plants one fault, looks for it and takes it out again; returns whether it was found.

    Raises:
        MutantError: The fault cannot be planted or does not compile.
    """
    sound = plant(mutant, tree)
    try:
        built, said = run(suite.prepare, tree, suite, mutant.select)
        if not built:
            raise MutantError(f"mutant {mutant.name} does not compile:\n{said}")
        unseen, _ = run(suite.test, tree, suite, mutant.select)
    finally:
        (tree / mutant.file).write_text(sound)
    return not unseen


def try_all(suites: dict[str, Suite], mutants: Sequence[Mutant]) -> list[str]:
    """Tries mutants one after another in a tree of their own; returns the names of those unseen, or not to be tried.

    Where a suite fails without a fault none of them can be tried; what others try beside it in their own trees counts.
    """
    unseen = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        try:
            try_sound(suites, mutants, tree)
        except MutantError as error:
            print(f"unfit: {error}", flush=True)
            return [mutant.name for mutant in mutants]
        for mutant in mutants:
            started = time.monotonic()
            try:
                found = try_mutant(suites[mutant.suite], mutant, tree)
            except MutantError as error:
                print(f"unfit: {error}", flush=True)
                unseen.append(mutant.name)
                continue
            unseen += [] if found else [mutant.name]
            verdict = "killed" if found else "ALIVE"
            print(f"{verdict}: {mutant.name} ({mutant.select}, {time.monotonic() - started:.0f} s)", flush=True)
    return unseen


def shares(mutants: Sequence[Mutant], jobs: int) -> list[list[Mutant]]:
    """Deals mutants out, those of one suite and selection together: each share runs it on its sound tree once."""
    dealt: list[list[Mutant]] = [[] for _ in range(jobs)]
    for _, together in groupby(sorted(mutants, key=_needs), key=_needs):
        min(dealt, key=len).extend(together)
    return [share for share in dealt if share]


def _needs(mutant: Mutant) -> tuple[str, str]:
    return mutant.suite, mutant.select


def main() -> int:
    """Runs the command; returns the exit status: 0, or 1 if a fault stayed unseen or could not be tried."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description="Plants known faults; a test must find each.")
    parser.add_argument("--target", choices=sorted(LISTS), required=True)
    parser.add_argument("--only", help="name of the one mutant to try")
    parser.add_argument("--file", help="tries those whose file has this in its path")
    parser.add_argument("--jobs", type=int, default=1, help="trees in which mutants are tried at the same time")
    arguments = parser.parse_args()
    suites, mutants = load(LISTS[arguments.target])
    chosen = [m for m in mutants if arguments.only in {None, m.name} and (arguments.file or "") in m.file]
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        runs = [pool.submit(try_all, suites, share) for share in shares(chosen, max(1, arguments.jobs))]
    unseen = [name for run_ in runs for name in run_.result()]
    left = f": alive or not tried {', '.join(unseen)}" if unseen else ""
    print(f"mutate: {len(chosen) - len(unseen)} of {len(chosen)} killed{left}")
    return 1 if unseen or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
