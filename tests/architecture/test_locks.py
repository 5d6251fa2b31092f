"""The locks: everything asked for is pinned, everything pinned has a hash, nothing says where it comes from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NPM_LOCKS = (
    "contracts/package-lock.json",
    "hardhat-free-node/embedded/package-lock.json",
    "src/consentry/papers/fonts/package-lock.json",
)


def pins(lock: str) -> dict[str, str]:
    """Reads a lock: the whole entry of each package, by its normal name."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    return {re.split(r"[=<>\[ ]", entry)[0].lower(): entry for entry in entries}


def unpinned(requirements: list[str], lock: str) -> list[str]:
    """Names the required packages that a lock does not pin with at least one hash."""
    names = [re.split(r"[\[<>=~! ;]", requirement)[0].lower() for requirement in requirements]
    pinned = {name for name, entry in pins(lock).items() if re.search(r"==\S+", entry) and "--hash=sha256:" in entry}
    return [name for name in names if name not in pinned]


def without_hash(lock: str) -> list[str]:
    """Names the entries of a lock that are not pinned by version and hash."""
    return [name for name, entry in pins(lock).items() if "==" not in entry or "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt", "slither.txt", "halmos.txt", "servers.txt", "fuzz.txt"])
def test_every_entry_of_a_lock_has_version_and_hash(name: str) -> None:
    lock = (ROOT / "requirements" / name).read_text()

    assert pins(lock)
    assert without_hash(lock) == []


def test_locks_pin_every_dependency() -> None:
    runtime, dev = ((ROOT / "requirements" / name).read_text() for name in ("runtime.txt", "dev.txt"))
    groups = PROJECT["dependency-groups"]

    assert unpinned(PROJECT["project"]["dependencies"] + groups["build"], runtime) == []
    assert unpinned(PROJECT["project"]["dependencies"] + groups["build"] + groups["dev"], dev) == []


def test_development_lock_agrees_with_the_runtime_lock() -> None:
    runtime, dev = (set((ROOT / "requirements" / name).read_text().splitlines()) for name in ("runtime.txt", "dev.txt"))
    versions = {line.split(" ")[0] for line in runtime if "==" in line and not line.startswith(" ")}

    assert versions <= {line.split(" ")[0] for line in dev if "==" in line}


@pytest.mark.parametrize("name", NPM_LOCKS)
def test_every_npm_package_has_a_hash_and_no_address(name: str) -> None:
    packages = json.loads((ROOT / name).read_text())["packages"]
    installed = {path: entry for path, entry in packages.items() if path}

    assert installed
    assert [path for path, entry in installed.items() if "integrity" not in entry] == []
    assert [path for path, entry in installed.items() if "resolved" in entry] == []


def test_planted_gaps_in_a_lock_are_found() -> None:
    lock = "a==1 \\\n    --hash=sha256:00\nb==2\nc>=3 \\\n    --hash=sha256:00\n"

    assert without_hash(lock) == ["b", "c"]
    assert unpinned(["a>=1", "b", "d"], lock) == ["b", "d"]
