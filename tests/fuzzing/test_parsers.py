"""The short form of ``scripts/fuzz``: some thousand spoilt inputs a parser, without coverage, the same each time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.fuzzing.course import Course, bounded, run_unguided
from tests.fuzzing.parsers import PARSERS

INPUTS = 1_000
SEED = 20_261_126
OFFENDERS = sorted((Path(__file__).parents[1] / "vectors" / "fuzzing").glob("*/*"))


@pytest.mark.parametrize("name", PARSERS)
def test_spoilt_inputs_are_read_or_refused_by_an_error_of_ours(name: str) -> None:
    course = Course(PARSERS[name])

    with bounded(memory=False):
        run_unguided(course, INPUTS, SEED)

    assert course.account.crashes == {}
    assert course.account.inputs == INPUTS
    # A harness whose inputs all end at the first line of the parser finds nothing.
    assert course.account.accepted > len({*PARSERS[name].seeds()}) // 2 or name == "signature"


@pytest.mark.parametrize("name", PARSERS)
def test_a_good_input_is_among_the_seeds(name: str) -> None:
    parser, good = PARSERS[name], 0
    for content in parser.seeds():
        with suppress(*parser.allowed):
            parser.read(content)
            good += 1

    assert good


@pytest.mark.parametrize("path", OFFENDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_input_that_once_broke_its_parser_does_no_longer(path: Path) -> None:
    course = Course(PARSERS[path.parent.name])

    with bounded(memory=False):
        course.try_input(path.read_bytes())

    assert course.account.crashes == {}


def test_offenders_are_kept() -> None:
    assert len(OFFENDERS) >= 15
    assert {path.parent.name for path in OFFENDERS} <= PARSERS.keys()


def test_document_names_every_parser_with_what_is_called() -> None:
    document = (Path(__file__).parents[2] / "docs" / "fuzzing.md").read_text(encoding="utf-8")

    assert [name for name, parser in PARSERS.items() if f"| `{name}` | `{parser.entry}` |" not in document] == []
