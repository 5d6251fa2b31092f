"""The table of signed acts: complete, and the same in code, contracts and documents."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from consentry.core.act_table import ACTS, BY_EVENT, BY_NAME, name_of
from consentry.core.signed_act import SignedAct
from consentry.core.typed_data import members_of, type_hash
from consentry.ledger.abi import artifact

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "acts.md"
TYPES = Path(__file__).resolve().parents[3] / "contracts" / "types"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_names_and_events_are_each_of_one_act() -> None:
    assert len(BY_NAME) == len(BY_EVENT) == len(ACTS)


@pytest.mark.parametrize("act", ACTS, ids=name_of)
def test_act_has_the_members_of_its_type_and_ends_with_its_time(act: type[SignedAct]) -> None:
    names = [member.split(" ")[1] for member in members_of(act)]

    assert [_snake(name) for name in names] == [field.name for field in dataclasses.fields(act)]
    assert members_of(act)[-1] == "uint64 signBefore"


@pytest.mark.parametrize("act", ACTS, ids=name_of)
def test_type_hash_is_that_of_the_text_in_the_contracts(act: type[SignedAct]) -> None:
    """The text between the quotes of one typehash in ``contracts/types``, put together."""
    sources = "\n".join(path.read_text() for path in TYPES.glob("*.sol"))
    texts = [
        "".join(re.findall(r'"([^"]*)"', found))
        for found in re.findall(r"keccak256\(\s*(.*?)\s*\);", sources, re.DOTALL)
    ]

    assert type_hash(act) in {keccak(text.encode()) for text in texts}


@pytest.mark.parametrize("act", ACTS, ids=name_of)
def test_contract_takes_the_act_and_leaves_its_event(act: type[SignedAct]) -> None:
    form = act.FORM
    compiled = artifact(form.contract)
    kinds = [member.split(" ")[0] for member in members_of(act)]
    event = next(event for event in compiled.events.values() if event.name == form.event)

    given, signatures = compiled.functions[form.function].inputs
    assert [part["type"] for part in given["components"]] == kinds
    assert signatures["type"] == "bytes[]"
    assert [member["type"] for member in event.inputs] == ["bytes32", "bytes32", "address", "tuple", "bytes[]"]
    assert [part["type"] for part in event.inputs[3]["components"]] == kinds


def test_document_lists_every_act_as_it_is() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+?) \| `(\w+)\.(\w+)` \| `(\w+)` \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE
    )

    assert rows == [
        (name_of(act), ", ".join(f.signers) or "nobody", f.contract, f.function, f.event, f.help)
        for act, f in ((act, act.FORM) for act in ACTS)
    ]
