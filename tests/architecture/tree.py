"""Reading the tree: which files count, what a Python file defines and imports."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(root: Path, *suffixes: str) -> list[Path]:
    """Lists the files under version control that end in one of ``suffixes``; in a planted tree, all files."""
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
        paths = [root / name for name in names if name]
    else:
        paths = sorted(root.rglob("*"))
    return [path for path in paths if _is_file(path) and (not suffixes or path.suffix in suffixes)]


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def text_of(path: Path) -> str | None:
    """Reads a text file; of a link, where it leads; ``None`` for a binary file."""
    if path.is_symlink():
        return str(path.readlink())
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def parsed(root: Path, *folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Parses every Python file below ``folders``."""
    for path in tracked(root, ".py"):
        if path.relative_to(root).parts[0] in folders:
            yield path, ast.parse(path.read_text())


def functions(module: ast.Module) -> Iterator[Function]:
    """Gives every function and method, also nested ones."""
    for node in ast.walk(module):
        if isinstance(node, Function):
            yield node


def layers(root: Path) -> list[list[str]]:
    """Reads the rooms from the import rules, top to bottom; rooms on one line do not see each other."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    lines = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[room.strip(" ()") for room in line.split("|")] for line in lines]


READS_CONFIG = frozenset({"wiring", "cli", "demo"})
"""Rooms that may read settings: the one that builds, and those above it that a person starts."""


def rooms_below(root: Path, room: str) -> set[str]:
    """Names the rooms that ``room`` may import by the import rules; ``config`` only where settings may be read."""
    lines = layers(root)
    place = next((i for i, line in enumerate(lines) if room in line), len(lines))
    return {name for line in lines[place + 1 :] for name in line} - (set() if room in READS_CONFIG else {"config"})


def imports(module: ast.Module) -> set[str]:
    """Names what a module imports, whole; of ``from a import b`` both ``a`` and ``a.b``, which may be a module too."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imported_rooms(module: ast.Module) -> set[str]:
    """Names the rooms of ``consentry`` that a module imports."""
    return {name.split(".")[1] for name in imports(module) if re.match(r"consentry\.[a-z]", name)}
