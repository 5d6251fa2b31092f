"""What documents list by name is what the code has: contracts and their constructors, names of a trust root."""

from __future__ import annotations

import re
from pathlib import Path

from consentry.evidence.trust import CONTRACTS
from consentry.ledger.abi import WIRING

ROOT = Path(__file__).parents[2]


def test_steps_of_a_deployment_are_those_of_the_wiring() -> None:
    steps = (ROOT / "contracts" / "README.md").read_text().partition("## Deploying")[2].partition("## Wiring")[0]
    listed = re.findall(r"^\d+\. `(\w+)\(([^)]*)\)`", steps, re.MULTILINE)
    constructors = {name: tuple(taken.split(", ")) for name, taken in listed}

    wiring = {name: tuple(other[0].lower() + other[1:] for other in needed) for name, needed in WIRING.items()}
    assert {name: constructors[name] for name in wiring} == wiring
    assert [name for name, _ in listed if name in wiring] == list(WIRING)


def test_example_of_a_trust_root_names_every_contract() -> None:
    example = (ROOT / "docs" / "formats" / "bundle.md").read_text().partition('"checkpoints"')[0].rpartition("{")[2]
    assert set(re.findall(r'"(\w+)": "0x…"', example)) == set(CONTRACTS)


def test_decisions_are_listed_in_their_order() -> None:
    numbers = re.findall(r"^\| \[(\d{4})\]", (ROOT / "docs" / "adr" / "README.md").read_text(), re.MULTILINE)
    files = sorted(path.name[:4] for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert numbers == files
