"""Decisions as histories: each scenario of `changes.py` brought about by acts, then decided.

Every scenario is decided in three ways: alone with a signature of its own, between two neighbours that must not be
touched by it, and in a batch signed as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.terms import Material
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.histories.changes import EXCLUSIVE, LIMITS, WRONG
from tests.vectors.histories.scenario import CUSTODIAN, ELSEWHERE, GROUP, HOSPITAL, PATIENT, SIBLING, Scenario
from tests.vectors.histories.story import START, Asked, Story, asked, key_of, leaf_of, terms_of

NEIGHBOUR: Final = "history/neighbour"
FORMS: Final = ("alone", "between", "whole")
NEAR: Final = 3
SPREAD: Final = 7
Case = tuple[Scenario, Reason]


BESIDE: Final = terms_of(NEIGHBOUR, ELSEWHERE)


def _neighbour(number: int) -> Asked:
    """Gives a permitted request of another institution under a consent of its own."""
    leaf = leaf_of(NEIGHBOUR, CUSTODIAN, commitment=samples.word(number))
    return asked(ELSEWHERE, leaf, BESIDE, Reason.NONE, number=number)


NEIGHBOURS: Final = (_neighbour(1_001), _neighbour(1_002))


def _limits() -> Iterator[Case]:
    """Both sides of every limit."""
    for name, expected, change in LIMITS:
        scenario = Scenario(name)
        change(scenario)
        yield scenario, expected


def _reasons() -> Iterator[Case]:
    """Every reason alone."""
    for reason, change in WRONG.items():
        scenario = Scenario(reason.name)
        change(scenario)
        yield scenario, reason


def _precedence() -> Iterator[Case]:
    """Two reasons at once: the earlier one is given. Neighbours always, others evenly spread."""
    for first, earlier in enumerate(WRONG, start=1):
        for second, later in enumerate(WRONG, start=1):
            near = 0 < second - first <= NEAR
            spread = second > first and (first * len(WRONG) + second) % SPREAD == 0
            if (near or spread) and not EXCLUSIVE & {(earlier, later), (later, earlier)}:
                scenario = Scenario(f"{earlier.name}+{later.name}")
                WRONG[later](scenario)
                WRONG[earlier](scenario)
                if scenario.can_be_staged():
                    yield scenario, earlier


def _cast(story: Story, scenario: Scenario) -> Story:
    """Admits the institutions and enrols the patients; what neighbours ask for is granted."""
    story.travel(START).admit(CUSTODIAN).admit(ELSEWHERE).enrol(NEIGHBOUR, CUSTODIAN)
    for each in NEIGHBOURS:
        story.anchor(each.material.leaf, CUSTODIAN)
    story.grant(BESIDE, NEIGHBOUR)
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
        story.suspend(HOSPITAL)
    return story


def _decided(story: Story, item: Asked, form: str) -> Story:
    items = (NEIGHBOURS[0], item, NEIGHBOURS[1]) if form == "between" else (item,)
    return story.travel(NOW).decide(*items, whole=form == "whole")


def _histories(*groups: Callable[[], Iterator[Case]]) -> Iterator[Story]:
    for group in groups:
        for scenario, expected in group():
            for form in FORMS:
                story = _endings(_facts(_cast(Story(f"{scenario.name}-{form}"), scenario), scenario), scenario)
                key = HOSPITAL if scenario.signature_valid else ELSEWHERE
                item = Asked(scenario.signed_request(), scenario.material(), key, expected)
                yield _decided(story, item, form)


def histories() -> Iterator[Story]:
    """Gives every limit and every reason, in every form."""
    yield from _histories(_limits, _reasons)


def precedence() -> Iterator[Story]:
    """Gives two reasons at once, in every form."""
    yield from _histories(_precedence)
