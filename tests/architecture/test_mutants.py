"""Every listed mutant can still be planted: its text stands once in its file, and what should kill it exists."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

import mutate_rules

MUTANTS: list[tuple[str, dict[str, str]]] = [
    (suite, mutant)
    for suite, path in mutate_rules.LISTS.items()
    for mutant in tomllib.loads(path.read_text())["mutant"]
]


def _named(value: Any) -> str | None:  # noqa: ANN401 - whatever pytest names
    return value["name"] if isinstance(value, dict) else None


@pytest.mark.parametrize(("suite", "mutant"), MUTANTS, ids=_named)
def test_mutant_can_be_planted(suite: str, mutant: dict[str, str]) -> None:
    source = (mutate_rules.ROOT / mutant["file"]).read_text()

    assert source.count(mutant["find"]) == 1, f"{suite}: the text of {mutant['name']} does not stand once"
    assert mutant["find"] != mutant["replace"]


FORGE_TESTS = "".join(path.read_text() for path in (mutate_rules.ROOT / "contracts" / "test").rglob("*.t.sol"))
FOLDERS = {
    "behaviour": "tests/contracts",
    "vectors": "tests/unit/core",
    "evidence": "tests/unit/evidence",
    "differential": "tests/property",
    "embedded": "tests/integration/embedded",
    "log": "tests/unit/ledger",
    "token": "tests/unit/vault",
    "audit": "tests",
    "witness": "tests/unit/witness",
    "papers": "tests/unit/papers",
}
KILLERS = sorted({(mutant["suite"], mutant["select"]) for _, mutant in MUTANTS})


@pytest.mark.parametrize(("suite", "select"), KILLERS)
def test_what_should_kill_it_exists(suite: str, select: str) -> None:
    if suite not in FOLDERS:
        assert re.search(rf"\bfunction {select}\(", FORGE_TESTS), f"no forge test {select}"
        return
    file, _, function = select.partition("::")
    name = function.partition("[")[0] or "test_"
    assert f"def {name}" in (mutate_rules.ROOT / FOLDERS[suite] / file).read_text(), f"no test {select}"


def test_folders_are_those_in_which_the_suites_look() -> None:
    looked_in = {
        name: [word.partition("/{select}")[0] for command in suite.test for word in command if "/{select}" in word]
        for path in mutate_rules.LISTS.values()
        for name, suite in mutate_rules.load(path)[0].items()
    }

    assert {name: places[0] for name, places in looked_in.items() if places} == FOLDERS


def test_mutants_have_names_of_their_own() -> None:
    names = [(suite, mutant["name"]) for suite, mutant in MUTANTS]

    assert len(set(names)) == len(names) > 0


def test_suite_that_fails_without_a_fault_takes_nothing_from_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def planted(suite: str) -> mutate_rules.Mutant:
        return mutate_rules.Mutant(f"of-{suite}", "rule", "right", "wrong", suite, "")

    suites = {
        "broken": mutate_rules.Suite(".", prepare=[], test=[["false"]]),
        "sound": mutate_rules.Suite(".", prepare=[], test=[["grep", "right", "rule"]]),
    }
    monkeypatch.setattr(mutate_rules, "load", lambda _: (suites, [planted(name) for name in suites]))
    monkeypatch.setattr(mutate_rules, "copy_tree", lambda tree: (tree / "rule").write_text("right"))
    monkeypatch.setattr("sys.argv", ["mutate", "--target", "core", "--jobs", "2"])

    assert mutate_rules.main() == 1
    said = capsys.readouterr().out
    assert "suite broken () fails without a fault" in said
    assert "killed: of-sound" in said
    assert said.endswith("mutate: 1 of 2 killed: alive or not tried of-broken\n")
