"""Writes the snapshots beside it: gas of the acts, sizes of the code, layout of the storage.

Run it after a change that is meant to move them: ``python -m tests.contracts.snapshots.build_snapshots``. Gas stands
twice: without suffix on a chain without the P-256 precompile (in-process, Prague), with ``_precompile`` where signing
keys are P-256 on one that has it (anvil, Osaka). Gas in units, sizes in bytes.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from consentry.ledger.installation import provide_engine
from tests.contracts import gas_national
from tests.contracts.gas import measure, measure_kinds
from tests.support.anvil_chain import anvil_chain
from tests.support.contract_suite import ARTIFACTS, artifact, deploy_suite, start_chain
from tests.support.contract_world import World

FOLDER: Final = Path(__file__).parent
NEVER_DEPLOYED: Final = frozenset({"Together"})
"""Contracts whose constructor a node runs as a call."""
OURS: Final = ("Participants", "Subjects", "Records", "Consents", "AccessLedger", "Recognitions", "NationalAnchor")
PRECOMPILE_KINDS: Final = ("p256", "passkey")


def gas() -> dict[str, int]:
    """Measures gas on both kinds of chain."""
    suite = start_chain()
    deploy_suite(suite)
    costs = measure(World(suite))
    with tempfile.TemporaryDirectory() as state:
        binary = provide_engine(Path(state), os.environ)
        with anvil_chain(binary) as other:
            deploy_suite(other)
            measured = measure_kinds(World(other), PRECOMPILE_KINDS)
            costs |= {f"{name}_precompile": cost for name, cost in measured.items()}
    return dict(sorted(costs.items()))


def sizes() -> dict[str, int]:
    """Gives the size of the deployed code of every contract, in bytes."""
    names = sorted({path.stem for path in ARTIFACTS.glob("*.json")} - NEVER_DEPLOYED)
    return {name: (len(artifact(name)["deployedBytecode"]) - 2) // 2 for name in names}


def storage() -> dict[str, Any]:
    """Gives the storage layout of our contracts: one line a variable, structs spelt out."""
    return {name: layout(artifact(name)["storageLayout"]) for name in OURS}


def layout(compiled: dict[str, Any]) -> dict[str, Any]:
    """Reduces a storage layout to place and type of each variable and of each member of a struct."""
    types: dict[str, Any] = compiled["types"] or {}

    def place(slot: dict[str, Any]) -> str:
        return f"slot {slot['slot']} byte {slot['offset']}: {types[slot['type']]['label']}"

    structs = {
        kind["label"]: {member["label"]: place(member) for member in kind["members"]}
        for kind in types.values()
        if "members" in kind
    }
    return {"variables": {slot["label"]: place(slot) for slot in compiled["storage"]}, "structs": structs}


def build() -> dict[str, dict[str, Any]]:
    """Makes all snapshots, by the name of their file."""
    national = gas_national.measure()
    return {"gas.json": gas(), "gas-national.json": national, "sizes.json": sizes(), "storage.json": storage()}


def main() -> None:
    """Writes the files."""
    for name, content in build().items():
        (FOLDER / name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
