"""Each rule finds what it is for: one planted violation each, in a small tree that keeps all rules otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import documents, rooms, rules

Rule = Callable[[Path], list[str]]

CARD = '"""A room.\n\nFor: planting.\nMay import: errors.\nUsed by: nobody.\n"""\n'
PROJECT = """
[[tool.importlinter.contracts]]
type = "layers"
layers = ["gateway", "core", "config | errors"]
"""
MAP = "| room | for |\n|---|---|\n| `gateway` | x |\n| `core` | x |\n| `config`, `errors` | x |\n"
CLEAN = {
    "pyproject.toml": PROJECT,
    "README.md": MAP,
    "src/consentry/__init__.py": '"""Rooms.\n\nThey are::\n\n    gateway  acts\n    core\n    config | errors\n"""\n',
    "src/consentry/core/__init__.py": CARD,
    "src/consentry/core/rule.py": '"""A rule."""\nfrom consentry.errors import ConsentryError\n',
    "scripts/README.md": "| `test` | runs |\n",
    "scripts/test": "#!/usr/bin/env bash\n",
}
LONG = '"""Long."""\n\n\ndef long() -> None:\n    """Is long."""\n' + "    long()\n" * 60
BRANCHY = (
    '"""Branchy."""\n\n\ndef branchy(x: int) -> bool:\n    """Has branches."""\n    return x' + " or x" * 11 + "\n"
)

PLANTED: list[tuple[Rule, str, str, str]] = [
    (rooms.room_cards, "src/consentry/core/__init__.py", '"""No card."""\n', "no line 'For:'"),
    (rooms.room_cards, "src/consentry/core/__init__.py", CARD.replace("errors", "errors, gateway"), "allows gateway"),
    (rooms.room_cards, "src/consentry/core/x.py", "from consentry.gateway import access\n", "imports gateway"),
    (rooms.room_cards, "src/consentry/core/x.py", "from consentry import config\n", "imports config"),
    (rooms.users, "src/consentry/gateway/x.py", "import consentry.core.rule\n", "does not name its user gateway"),
    (rooms.users, "src/consentry/gateway.py", "from consentry import core\n", "does not name its user gateway"),
    (rooms.users, "src/consentry/core/__init__.py", CARD.replace("nobody", "gateway"), "names gateway, which does not"),
    (
        rooms.maps,
        "README.md",
        MAP.replace("gateway", "audit"),
        "README.md: map of rooms does not match (got [['audit']]",
    ),
    (
        rooms.maps,
        "src/consentry/__init__.py",
        '"""Rooms.\n\nThey are::\n\n    core\n    gateway\n"""\n',
        "__init__.py: map of rooms",
    ),
    (rules.file_lengths, "contracts/Long.sol", "\n" * 501, "501 lines"),
    (rules.function_lengths, "src/consentry/core/x.py", LONG, "long has 62 lines"),
    (rules.function_branches, "scripts/x.py", BRANCHY, "branchy has 11 branches"),
    (rules.drawers, "src/consentry/core/utils.py", '"""A drawer."""\n', "utils is a drawer"),
    (rules.drawers, "src/consentry/helpers/x.py", '"""In a drawer."""\n', "helpers is a drawer"),
    (rules.top_level, "notes/today.md", "notes\n", "notes: not a name"),
    (rules.registry_hosts, "requirements/x.txt", "--index-url https://" + "pypi" + ".org/simple\n", ":1: host"),
    (
        rules.registry_hosts,
        "contracts/lock.json",
        '{"resolved": "https://registry.' + "npmjs" + '.org/solc"}\n',
        ":1: host",
    ),
    (rules.machine_paths, "docs/x.md", "see /ho" + "me/someone/notes\n", ":1: path of one machine"),
    (rules.markers, "src/consentry/core/x.py", "import os  # no" + "qa: F401\n", ":1: marker without a reason"),
    (rules.markers, "tests/x.py", "x = y  # type: " + "ignore[misc]\n", ":1: marker without a reason"),
    (rules.secrets, "tests/key.pem", "-----BEGIN EC PRIVATE " + "KEY-----\n", "private key file"),
    (rules.secrets, "src/consentry/core/x.py", "SIGNING_" + f'KEY = "0x{"1f" * 32}"\n', "key in the source"),
    (rules.secrets, "docs/x.md", "ac0974bec39a17e3" + "6ba4a6b4d238ff944bacb478cbed5efc\n", "development key"),
    (rules.secrets, "docs/x.md", "test test test test " + "test test test test test test test junk\n", "mnemonic"),
    (rules.secrets, "docs/x.md", "AKI" + "A" + "0" * 16 + "\n", "access key"),
    (rules.scripts_table, "scripts/more", "#!/bin/sh\n", "scripts/more: not in the table"),
    (rules.scripts_table, "scripts/README.md", "| `test` | x |\n| `gone` | x |\n", "gone does not exist"),
    (
        rules.docstrings,
        "src/consentry/core/x.py",
        '"""A module."""\n\n\ndef bare() -> None: ...\n',
        "bare has no docstring",
    ),
    (rules.docstrings, "src/consentry/core/x.py", "X = 1\n", "no docstring"),
    (documents.paths, "docs/x.md", "`core/gone.py` and `./scripts/test`\n", "docs/x.md: core/gone.py does not exist"),
    (documents.paths, "docs/x.md", "`/core/gone.py`, `/key`, `/tree`\n", "docs/x.md: /core/gone.py does not exist"),
    (documents.paths, "docs/x.md", "`/key` and `/keys.md`\n", "docs/x.md: /keys.md does not exist"),
    (documents.paths, "docs/x.md", "`/log/gone`\n", "docs/x.md: /log/gone does not exist"),
    (documents.paths, "docs/x.md", "<code>core/gone.py</code>\n", "docs/x.md: <code> stands where backticks belong"),
    (
        documents.commands,
        "docs/x.md",
        "`consentry chain up`, `consentry chain fly`\n",
        "consentry chain fly is no command",
    ),
    (documents.commands, "docs/x.md", "```\nconsentry fly FILE\n```\n", "consentry fly is no command"),
    (rules.prints, "src/consentry/core/x.py", 'print("here")\n', ":1: print"),
]


def plant(root: Path, files: dict[str, str]) -> None:
    """Writes ``files`` below ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_clean_tree_has_no_findings(tmp_path: Path, rule: Rule) -> None:
    plant(tmp_path, CLEAN)

    assert rule(tmp_path) == []


@pytest.mark.parametrize(("rule", "name", "text", "finding"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_planted_violation_is_found(tmp_path: Path, rule: Rule, name: str, text: str, finding: str) -> None:
    plant(tmp_path, CLEAN | {name: text})

    found = rule(tmp_path)

    assert any(finding in line for line in found)


def test_planted_link_is_found(tmp_path: Path) -> None:
    plant(tmp_path, CLEAN)
    (tmp_path / "contracts").symlink_to("/ho" + "me/someone/contracts")

    assert rules.links(tmp_path) == ["contracts: a link"]
    assert rules.machine_paths(tmp_path) == ["contracts:1: path of one machine"]


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule.__name__ for rule in rules.RULES} == {rule.__name__ for rule, *_ in PLANTED} | {"links"}
