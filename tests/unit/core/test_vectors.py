"""The core against the vectors, and the vectors against their generator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consentry.core.access import ConsentFacts, Facts, InstitutionFacts, RecordFacts, decide
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.consent import check_grant
from consentry.core.terms import AccessRequest, ConsentTerms, Material, RecordLeaf
from consentry.errors import LedgerRejectedError
from consentry.evidence import notation
from tests.vectors.decisions.build_decisions import FOLDER, GROUPS, build
from tests.vectors.decisions.changes import NOT_REACHABLE_YET, OF_HISTORIES

Vector = dict[str, Any]


def _load(name: str) -> list[Vector]:
    vectors: list[Vector] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return vectors


DECISIONS = [vector for name in GROUPS for vector in _load(name)]
GRANTS = _load("grants")


def _named(vector: Vector) -> str:
    return str(vector["name"])


def _facts(written: Vector, leaf: RecordLeaf) -> Facts:
    status = RecordStatus(written["recordStatus"])
    return Facts(
        institution=InstitutionFacts(
            Standing(written["institutionStanding"]), notation.bytes_of(written["releaseKeyHash"])
        ),
        record=RecordFacts(status, leaf if status != RecordStatus.NONE else None),
        consent=ConsentFacts(ConsentStatus(written["consentStatus"]), written["uses"]),
        signature_valid=written["signatureValid"],
        request_used=written["requestUsed"],
        group_member=written["groupMember"],
    )


@pytest.mark.parametrize("vector", DECISIONS, ids=_named)
def test_decide_vector_gives_the_reason(vector: Vector) -> None:
    terms = notation.read(ConsentTerms, vector["terms"]) if vector["terms"] else None
    proof = tuple(notation.bytes_of(node, 32) for node in vector["scopeProof"])
    leaf = notation.read(RecordLeaf, vector["leaf"])
    material = Material(leaf, terms, proof)
    request = notation.read(AccessRequest, vector["request"])
    reason = decide(request, material, _facts(vector["facts"], leaf), int(vector["now"]))
    assert reason.name == vector["reason"]


@pytest.mark.parametrize("vector", GRANTS, ids=_named)
def test_check_grant_vector_gives_the_error(vector: Vector) -> None:
    facts = vector["facts"]

    def check() -> None:
        check_grant(
            notation.read(ConsentTerms, vector["terms"]),
            ConsentStatus(facts["consentStatus"]),
            subject_known=facts["subjectKnown"],
            grantee_standing=Standing(facts["granteeStanding"]),
            signature_valid=facts["signatureValid"],
            now=int(vector["now"]),
        )

    if not vector["error"]:
        check()
        return
    with pytest.raises(LedgerRejectedError) as caught:
        check()
    given: Any = caught.value.details["arguments"]
    arguments = [notation.hex_of(a) if isinstance(a, bytes) else str(a) for a in given]
    assert (caught.value.details["solidity"], arguments) == (vector["error"], vector["arguments"])


def test_files_are_what_the_generator_writes() -> None:
    assert build() == {name: _load(name) for name in (*GROUPS, "grants")}


def test_vectors_are_many_and_cover_every_answer() -> None:
    assert len(DECISIONS) + len(GRANTS) >= 200
    assert {vector["reason"] for vector in DECISIONS} == {
        reason.name for reason in set(Reason) - NOT_REACHABLE_YET - OF_HISTORIES
    }
    assert len({str(vector["facts"]) + str(vector["request"]) for vector in DECISIONS}) == len(DECISIONS)
