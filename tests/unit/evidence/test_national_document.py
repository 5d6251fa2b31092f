"""The document of the national anchor against the code: its examples, steps, and answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from consentry.core.anchors import Conflict
from consentry.core.ledger_checkpoint import LedgerCheckpoint
from consentry.core.typed_data import members_of
from consentry.evidence import national
from tests.vectors.anchors.build_proof import FOLDER

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "formats" / "national-anchor.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)]


def cut(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Cuts long byte strings as the document does."""
    if isinstance(value, dict):
        return {name: cut(member) for name, member in value.items()}
    if isinstance(value, list):
        return [cut(member) for member in value]
    return value[:66] + "…" if isinstance(value, str) and len(value) > 2 + 2 * 65 else value


def test_example_is_the_file_of_the_vectors() -> None:
    assert EXAMPLES[0] == cut(json.loads((FOLDER / "proof.json").read_text()))


def test_example_of_the_trust_root_is_that_of_the_vectors() -> None:
    assert EXAMPLES[1] == json.loads((FOLDER / "trust-root.json").read_text())["national"]


def test_table_of_members_is_complete() -> None:
    section = DOCUMENT.partition("## 5.")[2].partition("## 6.")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    assert {"format", *named} == set(EXAMPLES[0])


def test_struct_is_the_one_that_is_signed() -> None:
    assert f"`LedgerCheckpoint({','.join(members_of(LedgerCheckpoint))})`" in DOCUMENT


def test_every_conflict_is_told() -> None:
    told = re.findall(r"\| conflict `(\w+)` \|$", DOCUMENT, re.MULTILINE)
    assert sorted(told) == sorted({conflict.name for conflict in Conflict} - {"NONE"})


def test_steps_have_the_numbers_and_names_of_the_code() -> None:
    told = re.findall(r"^(\d+)\. \*\*(\w+)\.\*\*", DOCUMENT, re.MULTILINE)
    assert national.__doc__ is not None
    assert told == re.findall(r"^(\d+)\. (\w+)\.", national.__doc__, re.MULTILINE)
    assert [int(number) for number, _ in told] == [
        national.FORM,
        national.LEDGERS,
        national.BLOCK,
        national.ANCHORING,
        national.LOG,
    ]
