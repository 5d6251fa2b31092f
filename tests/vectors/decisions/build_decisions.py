"""Writes `limits.json`, `reasons.json`, `precedence.json` and `grants.json`.

Run ``PYTHONPATH=src:. python tests/vectors/decisions/build_decisions.py``. What is expected stands in the tables of
`changes` and `grants`, not in the core; the tests compare the core, and the contracts, against it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from consentry.core.codes import Reason
from consentry.evidence import notation
from tests.support.samples import NOW
from tests.vectors.decisions.changes import EXCLUSIVE, LIMITS, WRONG
from tests.vectors.decisions.grants import grant_vectors
from tests.vectors.decisions.scenario import Scenario

FOLDER: Final = Path(__file__).parent
NEIGHBOURS: Final = 3
SPREAD: Final = 7


def limits(cast: str = "") -> Iterator[tuple[Scenario, Reason]]:
    """Both sides of every limit."""
    for name, expected, change in LIMITS:
        scenario = Scenario(name, cast)
        change(scenario)
        yield scenario, expected


def reasons(cast: str = "") -> Iterator[tuple[Scenario, Reason]]:
    """Every reason alone."""
    for reason, change in WRONG.items():
        scenario = Scenario(reason.name, cast)
        change(scenario)
        yield scenario, reason


def precedence(cast: str = "") -> Iterator[tuple[Scenario, Reason]]:
    """Two reasons at once: the earlier one is given. Neighbours always, others evenly spread."""
    for first, earlier in enumerate(WRONG, start=1):
        for second, later in enumerate(WRONG, start=1):
            near = 0 < second - first <= NEIGHBOURS
            spread = second > first and (first * len(WRONG) + second) % SPREAD == 0
            if (near or spread) and not EXCLUSIVE & {(earlier, later), (later, earlier)}:
                scenario = Scenario(f"{earlier.name}+{later.name}", cast)
                WRONG[later](scenario)
                WRONG[earlier](scenario)
                if scenario.can_be_staged():
                    yield scenario, earlier


GROUPS: Final[dict[str, Callable[..., Iterator[tuple[Scenario, Reason]]]]] = {
    "limits": limits,
    "reasons": reasons,
    "precedence": precedence,
}


def _written(scenario: Scenario, expected: Reason) -> dict[str, Any]:
    facts, material = scenario.facts(), scenario.material()
    return {
        "name": scenario.name,
        "now": str(NOW),
        "request": notation.write(scenario.signed_request()),
        "leaf": notation.write(material.leaf),
        "terms": notation.write(material.terms) if material.terms else None,
        "scopeProof": [notation.hex_of(node) for node in material.scope_proof],
        "facts": {
            "institutionStanding": int(facts.institution.standing),
            "releaseKeyHash": notation.hex_of(facts.institution.release_key_hash),
            "recordStatus": int(facts.record.status),
            "consentStatus": int(facts.consent.status),
            "uses": facts.consent.uses,
            "signatureValid": facts.signature_valid,
            "requestUsed": facts.request_used,
            "groupMember": facts.group_member,
        },
        "reason": expected.name,
    }


def build() -> dict[str, list[dict[str, Any]]]:
    """Gives the content of every file, by name without ending."""
    written = {name: [_written(*pair) for pair in group()] for name, group in GROUPS.items()}
    return {**written, "grants": [vector.written() for vector in grant_vectors()]}


if __name__ == "__main__":
    for name, vectors in build().items():
        lines = ",\n".join(json.dumps(vector) for vector in vectors)
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
