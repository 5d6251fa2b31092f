"""The contracts against the vectors: every vector is staged on a chain, then decided or granted at its time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from consentry.core.batch_tree import batch_of
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.packing import unpack_outcome
from consentry.core.terms import ZERO_32, AccessRequest, Address, Enrolment, Material, RecordLeaf, Revocation, SubjectId
from consentry.core.typed_data import consent_id, record_id
from consentry.crypto.signing import AccountKey, sign
from consentry.evidence import notation
from tests.support.evm import Log
from tests.support.samples import NOW
from tests.support.suite import Suite, plain
from tests.vectors.decisions.build_decisions import FOLDER, GROUPS
from tests.vectors.decisions.grants import SIGNER, SUBJECT, GrantVector, grant_vectors
from tests.vectors.decisions.scenario import CUSTODIAN, GROUP, PREPARED, RELEASE_KEY, STRANGER, Scenario, key_of

REGION = 440300
Signed = tuple[AccessRequest, bytes, Material]


class Stage:
    """Brings the facts of scenarios about on a real chain."""

    def __init__(self) -> None:
        self.suite = Suite()
        self.suite.evm.travel(PREPARED)
        for institution in (CUSTODIAN, STRANGER):
            self._admit(institution)

    def _admit(self, institution: AccountKey) -> None:
        address = institution.address
        self.suite.by_two("admitInstitution", address, REGION, address, RELEASE_KEY, ZERO_32)

    def enrol(self, subject: SubjectId, patient: AccountKey) -> None:
        """Enrols a subject."""
        enrolment = Enrolment(subject, patient.signer, CUSTODIAN.address, NOW)
        domain = self.suite.domain("Subjects")
        self.suite.must(
            self.suite.enrol(enrolment, sign(patient, domain, enrolment), sign(CUSTODIAN, domain, enrolment))
        )

    def _anchor(self, leaf: RecordLeaf) -> None:
        self.suite.must(self.suite.anchor(leaf, sign(CUSTODIAN, self.suite.domain("Records"), leaf)))

    def _supersede(self, previous: RecordLeaf, leaf: RecordLeaf) -> None:
        self.suite.must(self.suite.supersede(previous, leaf, sign(CUSTODIAN, self.suite.domain("Records"), leaf)))

    def signed(self, request: AccessRequest, material: Material, key: AccountKey) -> Signed:
        """Gives an item of a batch."""
        return request, sign(key, self.suite.domain("AccessLedger"), request), material

    def stage(self, scenario: Scenario) -> Signed:
        """Prepares one scenario and gives the item to be decided."""
        hospital, patient = key_of(scenario.name, "hospital"), key_of(scenario.name, "patient")
        if scenario.standing != Standing.NONE:
            self._admit(hospital)
        if scenario.group_member:
            entry = ("changeGroupMembership", GROUP, hospital.address, True)
            self.suite.must(self.suite.act("Participants", *entry))
        for subject in {scenario.leaf.subject_id, scenario.terms.subject_id}:
            self.enrol(subject, patient)
        self._record(scenario)
        if scenario.is_granted():
            terms = scenario.terms
            self.suite.must(self.suite.grant(terms, sign(patient, self.suite.domain("Consents"), terms)))
        self._history(scenario, hospital)
        self._endings(scenario, hospital.address, patient)
        request = scenario.signed_request()
        return self.signed(request, scenario.material(), hospital if scenario.signature_valid else STRANGER)

    def _record(self, scenario: Scenario) -> None:
        if scenario.record_status == RecordStatus.NONE:
            return
        if scenario.first_leaf:
            self._anchor(scenario.first_leaf)
            self._supersede(scenario.first_leaf, scenario.leaf)
        else:
            self._anchor(scenario.leaf)

    def _history(self, scenario: Scenario, hospital: AccountKey) -> None:
        material = Material(scenario.leaf, scenario.terms, scenario.scope_proof)
        earlier = [scenario.earlier_request(number) for number in range(scenario.uses)]
        if scenario.request_used:  # the id was used up by a denial
            earlier.append(replace(scenario.earlier_request(0), request_id=scenario.request.request_id, action=0))
        if earlier:
            items = [self.signed(request, material, hospital) for request in earlier]
            outcome = self.suite.must(self.suite.decide(items))
            assert [log.name for log in outcome.logs] == ["AccessDecided"] * len(items)

    def _endings(self, scenario: Scenario, hospital: Address, patient: AccountKey) -> None:
        if scenario.record_status == RecordStatus.SUPERSEDED:
            last = scenario.leaf
            first = last.lineage if any(last.lineage) else record_id(last)
            later = replace(last, previous=record_id(last), lineage=first, version=last.version + 1)
            self._supersede(last, later)
        if scenario.is_granted() and scenario.consent_status == ConsentStatus.REVOKED:
            revocation = Revocation(consent_id(scenario.terms), scenario.terms.subject_id)
            signature = sign(patient, self.suite.domain("Consents"), revocation)
            self.suite.must(self.suite.revoke(scenario.terms, signature))
        if scenario.standing == Standing.SUSPENDED:
            self.suite.by_two("suspendInstitution", hospital, ZERO_32)


def _reasons(logs: Sequence[Log]) -> Iterator[Reason]:
    for log in logs:
        if log.name == "AccessDecided":
            yield Reason(unpack_outcome(log.members[3][-1])[0])
        elif log.name == "RequestRejected":
            yield Reason(log.members[3])


def test_decide_vectors_give_the_reason_on_chain() -> None:
    stage = Stage()
    written = [vector for name in GROUPS for vector in json.loads((FOLDER / f"{name}.json").read_text())]
    scenarios = [scenario for group in GROUPS.values() for scenario, _ in group()]
    items = [stage.stage(scenario) for scenario in scenarios]
    for vector, (request, _, material) in zip(written, items, strict=True):
        assert vector["request"] == notation.write(request)
        assert vector["leaf"] == notation.write(material.leaf)
    found = list(_reasons(stage.suite.must(stage.suite.decide(items, time=NOW)).logs))
    expected = [vector["reason"] for vector in written]
    differing = [v["name"] for v, f in zip(written, found, strict=True) if v["reason"] != f.name]
    assert differing == []
    assert [reason.name for reason in found] == expected


def test_decide_vectors_give_the_same_reason_in_a_batch_signed_as_a_whole() -> None:
    stage = Stage()
    scenarios = [(scenario, reason) for group in GROUPS.values() for scenario, reason in group()]
    differing = []
    staged = [(*case, *stage.stage(case[0])[::2]) for case in scenarios]
    for scenario, reason, request, material in staged:
        key = key_of(scenario.name, "hospital") if scenario.signature_valid else STRANGER
        # What a relay shows instead of what was signed changes the tree, as it changes the request.
        signature = sign(key, stage.suite.domain("AccessLedger"), batch_of(request.institution, [request]))
        [found] = _reasons(stage.suite.try_batch([(request, material)], signature, NOW))
        differing += [(scenario.name, found.name)] if found != reason else []
    assert differing == []


def _prepare_grants(stage: Stage, vectors: list[GrantVector]) -> None:
    stage.enrol(SUBJECT, SIGNER)
    for vector in vectors:
        if vector.status == ConsentStatus.NONE:
            continue
        signature = sign(SIGNER, stage.suite.domain("Consents"), vector.terms)
        if vector.status == ConsentStatus.ACTIVE:
            stage.suite.must(stage.suite.grant(vector.terms, signature))
        else:
            revocation = Revocation(consent_id(vector.terms), vector.terms.subject_id)
            stage.suite.must(stage.suite.revoke(vector.terms, sign(SIGNER, stage.suite.domain("Consents"), revocation)))


def test_grant_vectors_give_the_error_on_chain() -> None:
    stage, vectors = Stage(), list(grant_vectors())
    _prepare_grants(stage, vectors)
    written = {vector["name"]: vector for vector in json.loads((FOLDER / "grants.json").read_text())}
    for vector in vectors:
        key = SIGNER if vector.signature_valid else STRANGER
        signature = sign(key, stage.suite.domain("Consents"), vector.terms)
        consents = stage.suite.addresses["Consents"]
        error, values = stage.suite.evm.attempt(consents, "grant", plain(vector.terms), signature, time=NOW)
        expected = written[vector.name]
        assert (error, [_argument(value) for value in values]) == (expected["error"], expected["arguments"]), (
            vector.name
        )


def _argument(value: Any) -> str:  # noqa: ANN401 - decoded ABI values
    if isinstance(value, bytes):
        return notation.hex_of(value)
    return str(value)
