"""The rules of rooms: their cards and the maps of them agree with what is imported."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.tree import imported_rooms, imports, layers, parsed, rooms_below, tracked

LINES = ("For:", "May import:", "Used by:")
NOBODY = "nobody"


def _packages(root: Path) -> list[Path]:
    """Lists the packages below the sources; the outermost is no room."""
    outermost = root / "src" / "consentry"
    found = [path.parent for path in tracked(root, ".py") if path.name == "__init__.py" and "src" in path.parts]
    return sorted(package for package in found if package != outermost)


def _card(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""


def _listed(card: str, line: str) -> set[str]:
    """Reads the names on one line of a card; what follows a bracket, full stop or semicolon is for people."""
    found = re.search(rf"^{line} ([^.(;\n]+(?:\n  [^.(;\n]+)*)", card, re.MULTILINE)
    return {name.strip() for name in found[1].split(",")} if found else set()


def room_cards(root: Path) -> list[str]:
    """Every package says what it is for, what it may import and who uses it; what it imports is on that list."""
    findings = []
    for package in _packages(root):
        card, place = _card(package), package.relative_to(root / "src" / "consentry")
        missing = [line for line in LINES if not re.search(rf"^{line} \S", card, re.MULTILINE)]
        findings += [f"{place}: the room card has no line '{line}'" for line in missing]
        if not missing:
            findings += _card_against_imports(root, package, card)
    return findings


def _card_against_imports(root: Path, package: Path, card: str) -> list[str]:
    room = package.relative_to(root / "src" / "consentry").parts[0]
    listed, allowed = _listed(card, "May import:"), rooms_below(root, room)
    findings = [f"{room}: the room card allows {name}, the import rules do not" for name in sorted(listed - allowed)]
    for path, module in parsed(root, "src"):
        if path.is_relative_to(package):
            more = imported_rooms(module) - listed - {room}
            findings += [f"{path.relative_to(root)}: imports {name}, not on the card" for name in sorted(more)]
    return findings


def users(root: Path) -> list[str]:
    """The line *Used by* of a card names exactly the rooms whose modules import the package."""
    sources = root / "src" / "consentry"
    known = [(path, imports(module)) for path, module in parsed(root, "src") if path.parent != sources]
    known += [(sources / path.stem, names) for path, names in _lone_modules(root)]
    findings = []
    for package in _packages(root):
        place = package.relative_to(sources)
        dotted = ".".join(("consentry", *place.parts))
        using = {
            path.relative_to(sources).parts[0]
            for path, names in known
            if not path.is_relative_to(package) and any(f"{name}.".startswith(f"{dotted}.") for name in names)
        }
        listed = _listed(_card(package), "Used by:") - {NOBODY}
        findings += [f"{place}: the room card does not name its user {name}" for name in sorted(using - listed)]
        findings += [f"{place}: the room card names {name}, which does not use it" for name in sorted(listed - using)]
    return findings


def _lone_modules(root: Path) -> list[tuple[Path, set[str]]]:
    """Gives the rooms that are one module; ``__main__`` only starts the commands."""
    found = parsed(root, "src")
    return [(p, imports(m)) for p, m in found if p.parent == root / "src" / "consentry" and p.stem[0] != "_"]


def maps(root: Path) -> list[str]:
    """The maps of rooms, in the package and in the README, have the layers of the import rules, line by line."""
    expected = [set(line) for line in layers(root)]
    package = ast.get_docstring(ast.parse((root / "src" / "consentry" / "__init__.py").read_text())) or ""
    drawn = re.findall(r"^    (\w+(?: \| \w+)*)(?:  |$)", package, re.MULTILINE)
    table = re.search(
        r"^\| room \| for \|\n\|---\|---\|\n((?:\|.*\n)+)", (root / "README.md").read_text(), re.MULTILINE
    )
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table[1].splitlines()] if table else []
    findings = []
    for name, lines in (("src/consentry/__init__.py", [set(d.split(" | ")) for d in drawn]), ("README.md", rows)):
        found = [set(line) for line in lines]
        if found != expected:
            differing = [sorted(line) for line in found if line not in expected]
            findings.append(f"{name}: map of rooms does not match (got {differing or found}, expected {expected})")
    return findings


ROOM_RULES = (room_cards, users, maps)
