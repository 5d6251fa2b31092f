"""The core against the histories, the files against their generator, and what they cover."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from consentry.core.act_table import ACTS, name_of
from consentry.core.codes import Reason
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from tests.support.samples import address
from tests.vectors.histories.build_histories import FOLDER, TOPICS, build, text_of
from tests.vectors.histories.core_side import core_beginning
from tests.vectors.histories.player import play

LEAST: Final = 2_437
INTERFACES: Final = Path(__file__).parents[3] / "contracts" / "interfaces"
BEYOND_HISTORIES: Final = {
    "AccessLedgerConsentsUnordered": "how a relay packs a batch; the player packs as every relay should",
    "AccessLedgerSubjectMismatch": "how a relay packs a batch",
    "AccessLedgerGasMissing": "gas, which only a chain has",
    "AccessLedgerWiringMismatch": "the contracts are deployed wrongly",
    "ConsentsLedgerRequired": "only another contract than the ledger counts uses so",
    "ConsentsNotActive": "the ledger counts uses of consents in force only; who else does is refused before",
    "EmergenciesLedgerRequired": "only another contract than the ledger opens debts so",
    "GovernanceRenounceRefused": "a call of the Governance itself, which the core does not have",
    "ParticipantsFoundingInvalid": "the founding of a deployment, before any history",
    "ParticipantsOfficerInvalid": "the account of a deployment's Governance, or the founding",
}
"""Errors of the interfaces that no act of a history can give, and why."""

Step = dict[str, Any]


def _domain(contract: str) -> Domain:
    return Domain(f"Consentry {contract}", 1, Address(contract.encode().rjust(20, b"\0")))


def _file(topic: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{topic}.json").read_text())
    return content


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    """Gives every step of every history."""
    return [step for topic in TOPICS for history in _file(topic)["histories"] for step in history["steps"]]


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


def test_every_error_of_an_interface_is_given_somewhere(steps: list[Step]) -> None:
    # The national ledger is on another chain and has histories of its own, `tests/vectors/anchors`.
    texts = [path.read_text() for path in INTERFACES.glob("*.sol") if path.stem != "INationalAnchor"]
    named = {name for text in texts for name in re.findall(r"^    error (\w+)\(", text, re.MULTILINE)}
    given = {step["refused"][0] for step in steps if "refused" in step}

    assert named - given == set(BEYOND_HISTORIES)
    assert given - named == {"AccessManagedUnauthorized"}


def test_every_reason_is_given_in_both_forms_of_a_batch(steps: list[Step]) -> None:
    given = {form: set(_answers(steps, form)) for form in ("decide", "decideBatch")}

    every = {reason.name for reason in Reason}
    assert given == {"decide": every, "decideBatch": every}


def _answers(steps: list[Step], form: str) -> Iterator[str]:
    for step in steps:
        if step["do"] == form:
            yield from (item["answer"] for item in step.get("items", ()))


def test_every_act_is_taken_and_refused_somewhere(steps: list[Step]) -> None:
    acts = {name_of(act) for act in ACTS}

    for refused in (False, True):
        assert {step["act"] for step in steps if step["do"] == "act" and ("refused" in step) == refused} == acts
