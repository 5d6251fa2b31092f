"""Measures which lines and branches of the contracts the forge tests reach; all must be reached.

Only tests with fixed arguments count: what a fuzzer happens to reach today it may miss tomorrow. Files that forge
cannot measure stand in a table of ``docs/static-analysis.md`` with the reason; a row for a file that is measured fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
TABLE = ROOT / "docs" / "static-analysis.md"
BUILT = ROOT / ".cache" / "coverage"
MEASURED = ("*.sol", "governance/*.sol", "libraries/*.sol", "modules/*.sol", "types/*.sol")
CHANCE = "^(invariant_|testFuzz_)"


class CoverageError(Exception):
    """The tests cannot be measured. Caller: print the message and exit with 1."""


@dataclass(slots=True)
class Reach:
    """How often the tests reached each line, and each branch by its line and numbers."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, str], int] = field(default_factory=dict)

    def missed(self) -> list[str]:
        """Names what was not reached."""
        lines = [f"line {line}" for line, hits in sorted(self.lines.items()) if not hits]
        return lines + [f"branch in line {line}" for (line, _), hits in sorted(self.branches.items()) if not hits]


def read(tracefile: str) -> dict[str, Reach]:
    """Reads lcov's format: what was reached, by source file."""
    reached: dict[str, Reach] = {}
    file = Reach()
    for entry in tracefile.splitlines():
        kind, _, rest = entry.partition(":")
        if kind == "SF":
            file = reached.setdefault(rest, Reach())
        elif kind == "DA":
            line, hits = rest.split(",")[:2]
            file.lines[int(line)] = max(int(hits), file.lines.get(int(line), 0))
        elif kind == "BRDA":
            line, block, branch, hits = rest.split(",")
            file.branches[int(line), f"{block}.{branch}"] = 0 if hits == "-" else int(hits)
    return reached


def explained(table: str) -> set[str]:
    """Reads the files that forge cannot measure: rows of file and reason."""
    return set(re.findall(r"^\| `([\w/]+\.sol)` \| [^|\s][^|]* \|$", table, re.MULTILINE))


def judge(reached: dict[str, Reach], sources: set[str], excused: set[str]) -> list[str]:
    """Names everything that keeps the measurement from being whole."""
    findings = [f"{name}: not measured and not explained" for name in sorted(sources - reached.keys() - excused)]
    findings += [f"{name}: explained but measured" for name in sorted(excused & reached.keys())]
    findings += [f"{name}: explained but not there" for name in sorted(excused - sources)]
    for name, reach in sorted(reached.items()):
        findings += [f"{name}: {what}" for what in reach.missed()]
    return findings


def measure() -> dict[str, Reach]:
    """Runs the tests that leave nothing to chance.

    Raises:
        CoverageError: A test fails, or forge wrote no measurement.
    """
    home = ROOT / ".cache" / "home"  # forge keeps a cache in HOME
    for folder in (home, BUILT):
        folder.mkdir(parents=True, exist_ok=True)
    tracefile = BUILT / "lcov.info"
    tracefile.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "HOME": str(home),
        # forge measures code without the optimiser in any case: it could not tell lines apart after it.
        "FOUNDRY_PROFILE": "quick",
        "FOUNDRY_OUT": str(BUILT / "out"),
        "FOUNDRY_CACHE_PATH": str(BUILT / "cache"),
    }
    forge = CONTRACTS / "node_modules" / ".bin" / "forge"
    chosen = ["--no-match-test", CHANCE, "--no-match-coverage", "^test/"]
    command: list[str | Path] = [
        forge,
        "coverage",
        "--offline",
        *chosen,
        "--report",
        "lcov",
        "--report-file",
        tracefile,
    ]
    done = subprocess.run(command, cwd=CONTRACTS, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not tracefile.exists():
        raise CoverageError(f"forge failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")
    return read(tracefile.read_text())


def main() -> int:
    """Runs the command; returns the exit status: 0, or 1 if anything is not reached."""
    began = time.monotonic()
    try:
        reached = measure()
    except (CoverageError, OSError) as error:
        print(f"coverage: {error}", file=sys.stderr)
        return 1
    sources = {str(path.relative_to(CONTRACTS)) for pattern in MEASURED for path in CONTRACTS.glob(pattern)}
    table = TABLE.read_text()
    findings = judge(reached, sources, explained(table))
    for name, reach in sorted(reached.items()):
        lines, branches = (sum(map(bool, hits.values())) for hits in (reach.lines, reach.branches))
        print(f"{name}: {lines} of {len(reach.lines)} lines, {branches} of {len(reach.branches)} branches")
    for finding in findings:
        print(f"coverage: {finding}")
    print(f"coverage: {len(reached)} files, {len(findings)} findings ({time.monotonic() - began:.0f} s)")
    return 0 if reached and not findings else 1


if __name__ == "__main__":
    sys.exit(main())
