"""The suites name every function and every custom error of the contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.contract_suite import artifact

CONTRACTS = ("Participants", "Subjects", "Records", "Consents", "AccessLedger")
# Declared by OpenZeppelin and thrown by its constructors and by the `AccessManager` alone.
INHERITED = {"AccessManagedInvalidAuthority", "AccessManagedRequiredDelay", "InvalidShortString", "StringTooLong"}


def suites() -> str:
    folder = Path(__file__).parent
    texts = [path.read_text() for path in folder.glob("*.py") if path != Path(__file__)]
    return "\n".join([*texts, (folder.parent / "support" / "contract_world.py").read_text()])


@pytest.mark.parametrize("contract", CONTRACTS)
def test_suites_assert_every_custom_error(contract: str) -> None:
    errors = {entry["name"] for entry in artifact(contract)["abi"] if entry["type"] == "error"}
    text = suites()

    assert {error for error in errors - INHERITED if f'"{error}"' not in text} == set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_suites_call_every_function(contract: str) -> None:
    functions = {entry["name"] for entry in artifact(contract)["abi"] if entry["type"] == "function"}
    # Wiring is asserted by names made from those of the contracts.
    wiring = {"participants", "subjects", "records", "consents", "accessLedger"}
    text = suites()

    assert {function for function in functions - wiring if f'"{function}"' not in text} == set()
