"""Runs the symbolic proofs of ``contracts/test/symbolic/`` with halmos; ``--only NAME`` runs one.

A proof holds when halmos walked every path, each loop to its end, and a solver found no values that break an assertion
or raise a panic. A proof that ran into a limit has not held, and neither has one that halmos left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
PROOFS = CONTRACTS / "test" / "symbolic"
BUILT = ROOT / ".cache" / "proofs"
LOOPS = 16  # more rounds than any loop of a proof has; one that would need more is reported
SECONDS_A_QUERY = 240
SOLVERS = {"ConsentProofs": "z3"}
"""Contracts whose proofs another solver finds; the usual one, yices, finds no end of those within minutes."""
HELD = 0
VERDICTS = {HELD: "holds", 1: "BROKEN", 2: "TIMED OUT", 3: "STUCK", 4: "REVERTS ALWAYS", 5: "FAILED"}


class ProofError(Exception):
    """The proofs cannot be run. Caller: print the message and exit with 1."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one proof."""

    name: str
    verdict: str
    seconds: float
    counterexample: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it held without a limit."""
        return self.verdict == VERDICTS[HELD]


def written(sources: Iterable[str]) -> set[str]:
    """Names the proofs in the texts of contracts, as ``Contract.check_name``."""
    names = set()
    for source in sources:
        contract = ""
        for kind, name in re.findall(r"^\s*(contract|function) (\w+)", source, re.MULTILINE):
            contract = name if kind == "contract" else contract
            if kind == "function" and name.startswith("check_"):
                names.add(f"{contract}.{name}")
    return names


def read(report: dict[str, Any]) -> list[Proof]:
    """Reads halmos's report."""
    return [
        _proof(f"{place.rpartition(':')[2]}.{result['name'].partition('(')[0]}", result)
        for place, results in report["test_results"].items()
        for result in results
    ]


def _proof(name: str, result: dict[str, Any]) -> Proof:
    verdict = VERDICTS.get(result["exitcode"], f"EXIT CODE {result['exitcode']}")
    if result["exitcode"] == HELD and result["num_bounded_loops"]:
        verdict = "LOOP CUT SHORT"
    values = (value for model in result["models"] or [] for value in model["model"].values())
    shown = {f"{value['variable_name']} = {value['value']:#x}" for value in values}
    return Proof(name, verdict, result["time"][0], tuple(sorted(shown)))


def prove(only: str | None) -> list[Proof]:
    """Runs halmos on the chosen proofs, those of each solver in turn.

    Raises:
        ProofError: halmos gave no report.
    """
    names = written(path.read_text() for path in PROOFS.glob("*.t.sol"))
    chosen = {name.partition(".")[0] for name in names if only in {None, name.partition(".")[2]}}
    proofs: list[Proof] = []
    if chosen - SOLVERS.keys():
        proofs += _prove(only, f"^(?!({'|'.join(SOLVERS)})$).*Proofs$", ())
    for contract in sorted(chosen & SOLVERS.keys()):
        proofs += _prove(only, f"^{contract}$", ("--solver", SOLVERS[contract]))
    return proofs


def _prove(only: str | None, suite: str, solver: Sequence[str]) -> list[Proof]:
    """Runs halmos on the contracts a pattern names; forge builds for it with the wrapped compiler."""
    home = ROOT / ".cache" / "home"  # forge keeps a cache in HOME
    for folder in (home, BUILT):
        folder.mkdir(parents=True, exist_ok=True)
    forget_removed()
    report = BUILT / "report.json"
    report.unlink(missing_ok=True)
    limits = ["--loop", str(LOOPS), "--panic-error-codes", "*", "--solver-timeout-assertion", f"{SECONDS_A_QUERY}s"]
    chosen = ["--match-test", f"^{re.escape(only)}\\("] if only else ["--function", "check_"]
    built = ["--forge-build-out", os.path.relpath(BUILT / "out", CONTRACTS)]
    command: list[str | Path] = [
        ROOT / ".venv-halmos" / "bin" / "halmos",
        "--root",
        CONTRACTS,
        "--match-contract",
        suite,
        *solver,
    ]
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{CONTRACTS / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}",
        # The quick profile compiles in seconds; what is proven is the source, which is the same.
        "FOUNDRY_PROFILE": os.environ.get("FOUNDRY_PROFILE", "quick"),
        "FOUNDRY_OUT": str(BUILT / "out"),
        "FOUNDRY_CACHE_PATH": str(BUILT / "cache"),
    }
    done = subprocess.run(
        [*command, *built, *chosen, *limits, "--no-status", "--json-output", report],
        cwd=CONTRACTS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise ProofError(f"halmos gave no report:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return read(json.loads(report.read_text()))


def forget_removed() -> None:
    """Removes what was built from proofs that are no more: halmos runs whatever is built."""
    for built in (BUILT / "out").glob("*.t.sol"):
        if built.name.endswith("Proofs.t.sol") and not (PROOFS / built.name).exists():
            shutil.rmtree(built)


def left_out(proofs: list[Proof], only: str | None) -> set[str]:
    """Names the proofs that are written down, and chosen, but have no result."""
    names = written(path.read_text() for path in PROOFS.glob("*.t.sol"))
    chosen = {name for name in names if only in {None, name.partition(".")[2]}}
    return chosen - {proof.name for proof in proofs}


def main() -> int:
    """Runs the command; returns the exit status: 0, or 1 if a proof did not hold or none was run."""
    parser = argparse.ArgumentParser(prog="scripts/prove", description="Runs the symbolic proofs of the contracts.")
    parser.add_argument("--only", help="name of the one proof to run, such as check_permit_needsAUseLeft")
    only = parser.parse_args().only
    began = time.monotonic()
    try:
        proofs = prove(only)
    except (ProofError, OSError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 1
    missing = left_out(proofs, only)
    for proof in sorted(proofs, key=lambda each: each.name):
        print(f"{proof.verdict}: {proof.name} ({proof.seconds:.1f} s)")
        for line in proof.counterexample:
            print(f"    {line}")
    for name in sorted(missing):
        print(f"NOT RUN: {name}")
    held = sum(proof.holds for proof in proofs)
    print(f"prove: {held} of {len(proofs) + len(missing)} proofs hold ({time.monotonic() - began:.0f} s)")
    return 0 if proofs and held == len(proofs) and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
