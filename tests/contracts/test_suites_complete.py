"""The suites call every function of the contracts, and compare a refusal with every custom error and its arguments.

A name in a comment or docstring counts for nothing: a function must be the argument of a call or stand in a table of
cases, an error must be compared, or stand in such a table before its arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from consentry.core.act_table import ACTS
from tests.support.contract_suite import artifact

CONTRACTS = (
    *("Participants", "Subjects", "Records", "Consents", "Authorisations", "Emergencies", "AccessLedger"),
    *("Persons", "Recognitions", "NationalAnchor"),
)
# Declared by OpenZeppelin and thrown by its constructors and by the `AccessManager` alone.
INHERITED = {"AccessManagedInvalidAuthority", "AccessManagedRequiredDelay", "InvalidShortString", "StringTooLong"}
# Read in one loop over the wiring of each contract, by names made from those of the contracts.
WIRING = {"participants", "subjects", "records", "consents", "accessLedger", "emergencies", "authorisations"}


def names(source: str) -> tuple[set[str], set[str]]:
    """Gives the texts that are arguments or in a table, and those that are compared or stand before arguments."""
    called: set[str] = set()
    compared: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called |= set(_texts([*node.args, *(keyword.value for keyword in node.keywords)]))
        elif isinstance(node, ast.Tuple | ast.List):
            called |= set(_texts(node.elts))
            compared |= set(_texts(node.elts[:-1]))
        elif isinstance(node, ast.Compare):
            compared |= set(_texts([node.left, *node.comparators]))
    return called, compared


def acts_made(source: str) -> set[str]:
    """Gives the functions that take the signed acts that are made: suites send them by their form."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = {func.id for func in calls if isinstance(func, ast.Name)}
    return {act.FORM.function for act in ACTS if act.__name__ in made}


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def suites() -> tuple[frozenset[str], frozenset[str]]:
    """Gives what all suites call and compare."""
    folder = Path(__file__).parent
    paths = [path for path in folder.glob("*.py") if path != Path(__file__)]
    paths += [folder.parent / "support" / name for name in ("contract_world.py", "life_world.py", "national.py")]
    sources = [path.read_text() for path in paths]
    found = [names(source) for source in sources]
    called = frozenset().union(*(one for one, _ in found), *(acts_made(source) for source in sources))
    return called, frozenset().union(*(other for _, other in found))


def declared(contract: str, kind: str) -> set[str]:
    """Names the functions or errors of a contract."""
    return {entry["name"] for entry in artifact(contract)["abi"] if entry["type"] == kind}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_suites_compare_every_custom_error(contract: str) -> None:
    assert declared(contract, "error") - INHERITED - suites()[1] == set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_suites_call_every_function(contract: str) -> None:
    assert declared(contract, "function") - WIRING - suites()[0] == set()


def test_name_in_a_comment_or_docstring_counts_for_nothing() -> None:
    source = '"""Tests `enrol`."""\n# world.send("Subjects", "enrol")\nname = "SubjectsZeroId"\n'

    assert names(source) == (set(), set())
    assert names('assert refusal(world, "enrol") == ("SubjectsZeroId", ())') == (
        {"enrol", "SubjectsZeroId"},
        {"SubjectsZeroId"},
    )
