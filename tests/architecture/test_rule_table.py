"""The table of rules in ``docs/rules.md``: everything it names exists, and it leaves no act and no topic out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.routing import APIRoute

from consentry.api.app import create_app
from consentry.api.policy import all_routes
from consentry.cli.app import app
from consentry.core.act_table import ACTS, BY_NAME, name_of

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("rule", "part", "API", "command", "contract", "core", "tests", "invariants", "vectors", "page")
RULES = 14


def rows() -> list[dict[str, str]]:
    """Gives the rows of the table by column; a part has the number of the rule it stands under."""
    lines = [line for line in (ROOT / "docs" / "rules.md").read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert tuple(cells[0]) == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells[2:]]


ROWS = rows()


def named(column: str) -> list[str]:
    """Gives everything in backticks in a column."""
    return sorted({name for row in ROWS for name in re.findall(r"`([^`]+)`", row[column])})


def routes() -> Iterator[str]:
    """Gives method and path of every route of the gateway; those of an act stand with each act's name."""
    for route in all_routes(create_app(nullcontext, 1).routes):  # type: ignore[arg-type]  # no context is opened
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield f"{method} {route.path}"
                if route.path == "/v1/acts/{name}":
                    yield from (f"{method} /v1/acts/{name}" for name in BY_NAME)


ROUTES = set(routes())


def test_every_rule_has_its_number_and_a_transcript() -> None:
    headings = re.findall(r"^## (([0-9]+)\. .+)$", (ROOT / "docs" / "rules-by-hand.md").read_text(), re.MULTILINE)
    anchors = {int(number): re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text, number in headings}
    linked = re.findall(r"\[([0-9]+)\]\(rules-by-hand\.md#([^)]+)\)", " ".join(row["rule"] for row in ROWS))

    assert [int(number) for number, _ in linked] == list(range(1, RULES + 1))
    assert {int(number): anchor for number, anchor in linked} == anchors


def test_transcript_shows_every_rule_refusing_something() -> None:
    sections = re.split(r"^## ", (ROOT / "docs" / "rules-by-hand.md").read_text(), flags=re.MULTILINE)
    refusing = [section.partition(".")[0] for section in sections if "[exit code " in section]

    assert refusing == [str(number) for number in range(1, RULES + 1)]


@pytest.mark.parametrize("route", named("API"))
def test_route_exists(route: str) -> None:
    assert route in ROUTES


@pytest.mark.parametrize("call", named("command"))
def test_command_exists(call: str) -> None:
    known: Any = typer.main.get_command(app)
    program, *words = call.split()
    for word in words:
        known = known.get_command(None, word)
        assert known is not None
    assert program == "consentry"
    assert not hasattr(known, "get_command")


@pytest.mark.parametrize("function", named("contract"))
def test_function_is_in_the_committed_interface(function: str) -> None:
    contract, name = function.split(".")
    abi = json.loads((ROOT / "src" / "consentry" / "ledger" / "artifacts" / f"{contract}.json").read_text())["abi"]

    assert name in {part["name"] for part in abi if part["type"] == "function"}


@pytest.mark.parametrize("module", named("core"))
def test_module_exists(module: str) -> None:
    assert (ROOT / "src" / "consentry" / module).is_file()


@pytest.mark.parametrize("file", named("tests"))
def test_file_of_tests_exists(file: str) -> None:
    assert (ROOT / file).is_file()


@pytest.mark.parametrize("invariant", named("invariants"))
def test_invariant_is_in_the_forge_tests(invariant: str) -> None:
    sources = "".join(path.read_text() for path in (ROOT / "contracts" / "test").glob("*.t.sol"))

    assert re.search(rf"function {invariant}\b", sources)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["part"])
def test_page_exists(row: dict[str, str]) -> None:
    pages = re.findall(r"\]\(([^)#]+)(?:#[^)]+)?\)", row["page"])

    assert pages
    assert all((ROOT / "docs" / page).is_file() for page in pages)


def test_every_topic_of_the_histories_is_named_and_no_other() -> None:
    assert named("vectors") == sorted(path.stem for path in (ROOT / "tests" / "vectors" / "histories").glob("*.json"))


def test_every_signed_act_is_named_with_route_command_and_function() -> None:
    names = [name_of(act) for act in ACTS]
    functions = {f"{act.FORM.contract}.{act.FORM.function}" for act in ACTS}

    assert [name for name in names if f"POST /v1/acts/{name}" not in named("API")] == []
    assert functions - set(named("contract")) == set()
    # Acts that have a command of their own as well are named by either.
    assert [name for name in names if f"consentry act {name}" not in named("command")] == []
