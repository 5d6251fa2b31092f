"""The rules of the tree. Each takes the root of a checkout and returns its findings, one line each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.documents import DOCUMENT_RULES
from tests.architecture.rooms import ROOM_RULES
from tests.architecture.tree import functions, parsed, text_of, tracked

MAX_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_BRANCHES = 10
TOP_LEVEL = {
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml", ".gitignore"),
    *("contracts", "src", "tests", "scripts", "hardhat-free-node", "docs", "requirements", ".ci"),
}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Written in pieces, as below.
MARKER = re.compile(r"# " + r"(noqa\b|type: ignore\b|pragma: no)")
REASONED = re.compile(r"# " + r"(noqa: [A-Z0-9, ]+ - \S|type: ignore\[[a-z, -]+\]  # [^\s\W]|pragma: no \w+ - \S)")
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "lib", "tools", "stuff"}
# Written in pieces, so that this file does not break its own rule.
HOSTS = re.compile(
    "|".join([r"pypi\." + "org", r"python" + r"hosted\.org", r"registry\." + "npmjs", r"npmjs\." + r"(org|com)/"])
)
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.\-])/(work|farm|root|home|Users)" + r"/[A-Za-z0-9_.]")
SECRETS = {
    "private key file": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
    "well-known development key": re.compile("ac0974bec39a17e3" + "6ba4a6b4d238ff94", re.IGNORECASE),
    "well-known mnemonic": re.compile("test test test test " + "test test test test"),
    "access key of a cloud": re.compile("AKI" + r"A[0-9A-Z]{16}"),
    "key in the source": re.compile(r"(?i)(private|secret|signing)_?key\w*\s*[:=]\s*[\"'](0x)?[0-9a-f]{64}[\"']"),
}


def file_lengths(root: Path) -> list[str]:
    """No file of code is longer than 500 lines."""
    findings = []
    for path in tracked(root, ".py", ".sol", ".mjs", ".bash", ".sh"):
        lines = path.read_text().count("\n")
        if lines > MAX_LINES:
            findings.append(f"{path.relative_to(root)}: {lines} lines, at most {MAX_LINES}")
    return findings


def function_lengths(root: Path) -> list[str]:
    """No function is longer than 60 lines, its docstring included."""
    return [
        f"{path.relative_to(root)}: {function.name} has {length} lines, at most {MAX_FUNCTION_LINES}"
        for path, module in parsed(root, "src", "scripts", "tests")
        for function in functions(module)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]


def function_branches(root: Path) -> list[str]:
    """No function has more than 10 branches."""
    return [
        f"{path.relative_to(root)}: {function.name} has {count} branches, at most {MAX_BRANCHES}"
        for path, module in parsed(root, "src", "scripts")
        for function in functions(module)
        if (count := _branches(function)) > MAX_BRANCHES
    ]


def _branches(node: ast.AST) -> int:
    kinds = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)
    count = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            continue
        count += isinstance(child, kinds) + (len(child.values) - 1 if isinstance(child, ast.BoolOp) else 0)
        count += _branches(child)
    return count


def drawers(root: Path) -> list[str]:
    """No module or folder has a name that takes anything."""
    named = [path.relative_to(root) for path in tracked(root, ".py", ".sol", ".mjs")]
    return [
        f"{path}: {part} is a drawer" for path in named for part in (*path.parent.parts, path.stem) if part in DRAWERS
    ]


def top_level(root: Path) -> list[str]:
    """The top level holds what it must and nothing else."""
    names = {path.relative_to(root).parts[0] for path in tracked(root)}
    return [f"{name}: not a name of the top level" for name in sorted(names - TOP_LEVEL)]


def registry_hosts(root: Path) -> list[str]:
    """No file names a package registry: locks hold names, versions and hashes."""
    return _lines_with(root, {"host of a registry": HOSTS})


def machine_paths(root: Path) -> list[str]:
    """No file names a path of somebody's machine."""
    return _lines_with(root, {"path of one machine": MACHINE_PATH})


def links(root: Path) -> list[str]:
    """Nothing under version control is a link: where it leads, a clone has nothing."""
    return [f"{path.relative_to(root)}: a link" for path in tracked(root) if path.is_symlink()]


def secrets(root: Path) -> list[str]:
    """No file holds a key, and none of the keys that everybody knows."""
    return _lines_with(root, SECRETS)


def _lines_with(root: Path, patterns: dict[str, re.Pattern[str]]) -> list[str]:
    findings = []
    for path in tracked(root):
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1):
            findings += [
                f"{path.relative_to(root)}:{number}: {what}" for what, it in patterns.items() if it.search(line)
            ]
    return findings


def markers(root: Path) -> list[str]:
    """Whatever lets something pass a check says why, beside it."""
    findings = []
    for path in tracked(root, ".py"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if MARKER.search(line) and not REASONED.search(line):
                findings.append(f"{path.relative_to(root)}:{number}: marker without a reason")
    return findings


def scripts_table(root: Path) -> list[str]:
    """The table of ``scripts/README.md`` names each file of the folder, and nothing else."""
    folder = root / "scripts"
    there = {path.relative_to(folder).parts[0] for path in tracked(root) if path.is_relative_to(folder)} - {"README.md"}
    listed = set(re.findall(r"^\| `([^`/]+)/?` \|", (folder / "README.md").read_text(), re.MULTILINE))
    findings = [f"scripts/{name}: not in the table" for name in sorted(there - listed)]
    return findings + [f"scripts/README.md: {name} does not exist" for name in sorted(listed - there)]


def docstrings(root: Path) -> list[str]:
    """Everything public in ``src`` is documented; ruff looks at methods."""
    findings = []
    for path, module in parsed(root, "src"):
        if not ast.get_docstring(module):
            findings.append(f"{path.relative_to(root)}: no docstring")
        public = [node for node in module.body if isinstance(node, DEFINITIONS) and not node.name.startswith("_")]
        findings += [
            f"{path.relative_to(root)}: {node.name} has no docstring" for node in public if not ast.get_docstring(node)
        ]
    return findings


def prints(root: Path) -> list[str]:
    """Only commands print."""
    return [
        f"{path.relative_to(root)}:{node.lineno}: print"
        for path, module in parsed(root, "src")
        if "cli" not in {part.removesuffix(".py") for part in path.parts}
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


RULES = (
    *(file_lengths, function_lengths, function_branches, drawers, top_level, registry_hosts),
    *(machine_paths, links, secrets, markers, scripts_table, docstrings, prints),
    *DOCUMENT_RULES,
    *ROOM_RULES,
)
