"""Decisions as histories: each scenario of `tests.vectors.decisions` brought about by acts, then decided.

Every scenario is decided in three ways: alone with a signature of its own, between two neighbours that must not be
touched by it, and in a batch signed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.terms import Material
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.decisions.build_decisions import limits, precedence, reasons
from tests.vectors.decisions.scenario import GROUP, PREPARED, Scenario
from tests.vectors.histories.story import START, Asked, Story, asked, key_of, leaf_of, terms_of

CAST: Final = "history"
CUSTODIAN: Final = "/custodian"
ELSEWHERE: Final = "/stranger institution"
HOSPITAL: Final = f"{CAST}/hospital"
PATIENT: Final = f"{CAST}/patient"
SIBLING: Final = f"{CAST}/sibling"
FORMS: Final = ("alone", "between", "whole")
assert START == PREPARED


def _cast(story: Story, scenario: Scenario) -> Story:
    """Admits the institutions and enrols the patient."""
    story.travel(START).admit(CUSTODIAN).admit(ELSEWHERE)
    if scenario.standing != Standing.NONE:
        story.admit(HOSPITAL)
    story.enrol(PATIENT, CUSTODIAN)
    if scenario.terms.subject_id != scenario.leaf.subject_id:
        story.enrol(SIBLING, CUSTODIAN, keys=(PATIENT, CUSTODIAN), signer=bytes(key_of(PATIENT).signer))
    if scenario.group_member:
        story.member(GROUP, HOSPITAL)
    return story


def _facts(story: Story, scenario: Scenario) -> Story:
    """Brings about what the chain is to know of record and consent."""
    if scenario.record_status != RecordStatus.NONE:
        if scenario.first_leaf:
            story.anchor(scenario.first_leaf, CUSTODIAN)
            story.supersede(scenario.first_leaf, scenario.leaf, CUSTODIAN)
        else:
            story.anchor(scenario.leaf, CUSTODIAN)
    if scenario.is_granted():
        story.grant(scenario.terms, PATIENT)
    material = Material(scenario.leaf, scenario.terms, scenario.scope_proof)
    earlier = [
        Asked(scenario.earlier_request(number), material, HOSPITAL, Reason.NONE) for number in range(scenario.uses)
    ]
    if scenario.request_used:  # the id was used up by a denial
        used = replace(scenario.earlier_request(0), request_id=scenario.request.request_id, action=0)
        earlier.append(Asked(used, material, HOSPITAL, Reason.ACTION_UNKNOWN))
    if earlier:
        story.decide(*earlier)
    return story


def _endings(story: Story, scenario: Scenario) -> Story:
    """Lets end what is to have ended."""
    if scenario.record_status == RecordStatus.SUPERSEDED:
        last = scenario.leaf
        first = last.lineage if any(last.lineage) else record_id(last)
        story.supersede(
            last, replace(last, previous=record_id(last), lineage=first, version=last.version + 1), CUSTODIAN
        )
    if scenario.is_granted() and scenario.consent_status == ConsentStatus.REVOKED:
        story.revoke(scenario.terms, PATIENT)
    if scenario.standing == Standing.SUSPENDED:
        story.stand(HOSPITAL, Standing.SUSPENDED)
    return story


def _neighbour(story: Story, number: int) -> Asked:
    """Gives a permitted request of another institution under a consent of its own."""
    del story
    leaf = leaf_of(f"{CAST}/neighbour", CUSTODIAN, commitment=samples.word(number))
    terms = terms_of(f"{CAST}/neighbour", ELSEWHERE)
    return asked(ELSEWHERE, leaf, terms, Reason.NONE, number=number)


def _decided(story: Story, item: Asked, form: str) -> Story:
    if form != "between":
        return story.travel(NOW).decide(item, whole=form == "whole")
    first, last = _neighbour(story, 1_001), _neighbour(story, 1_002)
    story.enrol(f"{CAST}/neighbour", CUSTODIAN)
    for each in (first, last):
        story.anchor(each.material.leaf, CUSTODIAN)
    assert first.material.terms is not None
    story.grant(first.material.terms, f"{CAST}/neighbour")
    return story.travel(NOW).decide(first, item, last)


def histories() -> Iterator[Story]:
    """Gives every scenario in every form."""
    for group in (limits, reasons, precedence):
        for scenario, expected in group(CAST):
            for form in FORMS:
                story = _endings(_facts(_cast(Story(f"{scenario.name}-{form}"), scenario), scenario), scenario)
                key = HOSPITAL if scenario.signature_valid else ELSEWHERE
                item = Asked(scenario.signed_request(), scenario.material(), key, expected)
                yield _decided(story, item, form)
