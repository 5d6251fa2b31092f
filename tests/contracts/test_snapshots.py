"""Gas, sizes and storage layout are what was committed; ``snapshots/build_snapshots.py`` writes them anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contracts import gas_national
from tests.contracts.snapshots import build_snapshots
from tests.support.contract_suite import ROOT

CODE_LIMIT = 24_576  # bytes, EIP-170


def committed(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((build_snapshots.FOLDER / name).read_text())
    return content


@pytest.mark.slow
def test_gas_is_as_committed() -> None:
    assert build_snapshots.gas() == committed("gas.json")


def test_gas_of_the_national_ledger_is_as_committed() -> None:
    assert gas_national.measure() == committed("gas-national.json")


@pytest.mark.parametrize("name", ["gas.json", "gas-national.json"])
def test_gas_table_of_the_readme_has_every_figure(name: str) -> None:
    readme = (ROOT / "contracts" / "README.md").read_text()
    section = readme.partition("## Gas")[2]

    assert {name for name, cost in committed(name).items() if f" {cost:,}" not in section} == set()


def test_sizes_are_as_committed_and_deployable() -> None:
    sizes = build_snapshots.sizes()

    assert sizes == committed("sizes.json")
    assert max(sizes.values()) <= CODE_LIMIT


def test_storage_layout_is_as_committed() -> None:
    assert build_snapshots.storage() == committed("storage.json")


def test_consent_takes_one_slot() -> None:
    [state] = [
        members for name, members in build_snapshots.storage()["Consents"]["structs"].items() if "ConsentState" in name
    ]

    assert {place.split(" byte")[0] for place in state.values()} == {"slot 0"}
