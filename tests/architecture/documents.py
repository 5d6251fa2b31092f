"""The rules of documents: what they name exists. Each takes the root of a checkout and returns its findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import typer

from consentry.cli.app import app
from tests.architecture.tree import tracked

_PATH = re.compile(r"[\w.*/-]+")
_CODE = (".py", ".sol", ".md")
_RELEASED = "CHANGELOG.md"
# Names with a slash that are no files of the checkout: parts of a state folder, names of formats.
_ELSEWHERE = re.compile(
    r"(engine|run|snapshots|keyring|keys)/\w*|consentry\.[a-z-]+/v\d+|text/x\.tlog\.size"
    r"|tile/\d/(x\d{3}/)*\d{3}(\.p/\d+)?"
)
_ROUTE = re.compile(r'\brouter\.(?:get|post)\("([^"]*)"|APIRouter\(prefix="(/[^"]*)"')


def _documents(root: Path) -> Iterator[tuple[str, str]]:
    """Gives each document but the change log, which tells of what was."""
    for path in tracked(root, ".md"):
        if path.name != _RELEASED:
            yield str(path.relative_to(root)), path.read_text()


def _names(text: str) -> Iterator[str]:
    """Gives what stands in backticks and looks like a path of the checkout: it has a slash or ends as code does."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`\n]+)`", prose):
        name = span.split()[0]
        if _PATH.fullmatch(name) and ("/" in name or name.endswith(_CODE)) and not _ELSEWHERE.fullmatch(name):
            yield name


def _served(root: Path) -> frozenset[str]:
    """Gives the addresses that the servers of the checkout answer at, up to their first parameter."""
    served: set[str] = set()
    for file in tracked(root, ".py"):
        if file.parent == root / "src" / "consentry" / "api":
            found = _ROUTE.findall(file.read_text())
            prefix = next((beginning for _, beginning in found if beginning), "")
            routes = (prefix + rest for rest, beginning in found if not beginning)
            served |= {route.partition("{")[0].rstrip("/") for route in routes}
    return frozenset(served)


def paths(root: Path) -> list[str]:
    """Every path in backticks is the end of that of a file or folder, is ignored, or is an address that is served.

    Nothing stands in the tag of code, which would keep it from being looked at.
    """
    tagged = [
        f"{document}: <code> stands where backticks belong" for document, text in _documents(root) if "<code>" in text
    ]
    return [*tagged, *_missing(root)]


def _missing(root: Path) -> list[str]:
    served = _served(root)
    files = [path.relative_to(root) for path in tracked(root)]
    known = {str(place) for file in files for place in (file, *file.parents)}
    ignored = root / ".gitignore"
    passing = {line.strip("/ ") for line in ignored.read_text().splitlines()} if ignored.exists() else set()
    return [
        f"{document}: {name} does not exist"
        for document, text in _documents(root)
        for name in _names(text)
        if name not in served
        and not passing.intersection((wanted := name.removeprefix("./").strip("/")).split("/"))
        and not any(fnmatchcase(place, wanted) or fnmatchcase(place, f"*/{wanted}") for place in known)
    ]


def commands(root: Path) -> list[str]:
    """Every ``consentry <command>`` in backticks or at the start of a line is a command or a group of commands."""
    return [
        f"{document}: consentry {' '.join(words)} is no command"
        for document, text in _documents(root)
        for line in re.findall(r"`consentry ([^`\n]+)`|^ *(?:\$ )?consentry (.+)$", text, re.MULTILINE)
        if not _is_command(words := _words("".join(line)))
    ]


def _words(line: str) -> list[str]:
    """Gives the plain words a call starts with: names of commands, then perhaps arguments."""
    found = re.match(r"[a-z][a-z-]*( [a-z][a-z-]*)*(?= |$)", line)
    return found[0].split() if found else []


def _is_command(words: list[str]) -> bool:
    known: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(known, "get_command"):
            return True
        # Asked by name: the commands of signed acts stand in no list.
        known = known.get_command(None, word)
        if known is None:
            return False
    return True


DOCUMENT_RULES = (paths, commands)
