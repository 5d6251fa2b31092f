"""The core against the histories, and the files against their generator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from tests.support.samples import address
from tests.vectors.histories.build_histories import FOLDER, TOPICS, build, text_of
from tests.vectors.histories.player import core_beginning, play

LEAST = 700


def _domain(contract: str) -> Domain:
    return Domain(f"Consentry {contract}", 1, Address(contract.encode().rjust(20, b"\0")))


def _file(topic: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{topic}.json").read_text())
    return content


@pytest.mark.parametrize("topic", TOPICS)
def test_core_answers_every_step_as_expected(topic: str) -> None:
    content = _file(topic)
    side = core_beginning(_domain, Verifiers(address(0xF1), address(0xF2), address(0xF3)))

    assert play(content["histories"], content["defaults"], side) == []


def test_files_are_what_the_generator_writes() -> None:
    made = build()

    assert {topic: text_of(histories) for topic, histories in made.items()} == {
        path.stem: path.read_text() for path in FOLDER.glob("*.json")
    }
    names = [(topic, history["name"]) for topic, histories in made.items() for history in histories]
    assert len(names) == len(set(names))
    assert len(names) >= LEAST
