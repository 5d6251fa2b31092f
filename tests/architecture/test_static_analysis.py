"""The table of explained findings is read as it is meant; slither itself runs in `test_lint.py`."""

from __future__ import annotations

from typing import Any

from run_slither import Finding, explained, found

TABLE = """
| detector | where | why it stays |
|---|---|---|
| `calls-loop` | `AccessLedger._judge` | fixed contracts |
| `timestamp` | `Subjects.enrol` |  |
"""


def element(kind: str, name: str, parent: dict[str, Any] | None) -> dict[str, Any]:
    """Builds an element as slither reports it."""
    return {"type": kind, "name": name, "type_specific_fields": {"parent": parent} if parent else {}}


def test_row_without_reason_explains_nothing() -> None:
    assert explained(TABLE) == {Finding("calls-loop", "AccessLedger._judge")}


def test_finding_is_named_by_contract_and_function() -> None:
    contract = element("contract", "Subjects", None)
    function = element("function", "enrol", contract)
    variable = element("variable", "signer", function)
    results = [{"check": "timestamp", "elements": [it], "description": "x"} for it in (function, variable, contract)]

    places = {finding.where for finding in found({"results": {"detectors": results}})}

    assert places == {"Subjects.enrol", "Subjects"}
