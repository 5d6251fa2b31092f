"""Runs slither over ``contracts/`` and compares what it finds with the table of ``docs/static-analysis.md``.

A finding that the table does not explain fails, and so does an explanation of something no longer found.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
TABLE = ROOT / "docs" / "static-analysis.md"


class Finding(NamedTuple):
    """One thing slither says: which detector, and in which function of which contract."""

    detector: str
    where: str


def explained(table: str) -> set[Finding]:
    """Reads the findings that the table explains: rows of detector, place, reason."""
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w.]+)` \| (\S.*) \|$", table, re.MULTILINE)
    return {Finding(detector, where) for detector, where, _ in rows}


def found(report: dict[str, Any]) -> dict[Finding, str]:
    """Reduces slither's report to places that do not move with the lines; keeps its words for each."""
    findings: dict[Finding, str] = {}
    for result in report["results"].get("detectors", []):
        findings[Finding(result["check"], place(result["elements"][0]))] = result["description"].strip()
    return findings


def place(element: dict[str, Any]) -> str:
    """Names the contract and function an element is, or is in."""
    name: str = element["name"]
    parent = element.get("type_specific_fields", {}).get("parent") or {}
    if parent.get("type") == "function":
        return place(parent)
    return f"{parent['name']}.{name}" if parent.get("type") == "contract" else name


def analyse() -> dict[str, Any]:
    """Runs slither; forge builds for it with the wrapped compiler.

    Raises:
        RuntimeError: Slither could not analyse the contracts.
    """
    home = ROOT / ".cache" / "home"  # forge keeps a cache in HOME, slither one of its own
    home.mkdir(parents=True, exist_ok=True)
    path = f"{CONTRACTS / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    slither = ROOT / ".venv-slither" / "bin" / "slither"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        others = ["--exclude-dependencies", "--filter-paths", "node_modules|test/"]  # not what is deployed
        command = [str(slither), ".", *others, "--json", str(report)]
        # Folders of its own: the tests may have forge build at the same time, and by another profile.
        built = {"FOUNDRY_OUT": "cache/slither/out", "FOUNDRY_CACHE_PATH": "cache/slither/cache"}
        environment = {**os.environ, **built, "HOME": str(home), "PATH": path}
        done = subprocess.run(command, cwd=CONTRACTS, env=environment, capture_output=True, text=True, check=False)
        if not report.exists():
            raise RuntimeError(f"slither failed: {done.stderr.strip()[-2000:]}")
        read: dict[str, Any] = json.loads(report.read_text())
    if not read["success"]:
        raise RuntimeError(f"slither failed: {read['error']}")
    return read


def main() -> int:
    """Runs the comparison; returns 1 if table and findings differ."""
    table = explained(TABLE.read_text())
    findings = found(analyse())
    for finding in sorted(findings.keys() - table):
        print(f"not explained: {finding.detector} in {finding.where}\n{findings[finding]}\n")
    for finding in sorted(table - findings.keys()):
        print(f"explained but not found: {finding.detector} in {finding.where}")
    print(f"slither: {len(findings)} findings, {len(findings.keys() & table)} explained")
    return 0 if table == findings.keys() else 1


if __name__ == "__main__":
    sys.exit(main())
