"""Grants as histories: each vector of `tests.vectors.decisions.grants`, brought about and then granted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from consentry.core.codes import ConsentStatus
from tests.support.samples import NOW
from tests.vectors.decisions.grants import GrantVector, grant_vectors
from tests.vectors.histories.story import START, Story, refused

CUSTODIAN: Final = "/custodian"
ELSEWHERE: Final = "/stranger institution"
PATIENT: Final = "grants/patient"


def _told(vector: GrantVector) -> Story:
    story = Story(vector.name).travel(START).admit(CUSTODIAN).admit(ELSEWHERE).enrol(PATIENT, CUSTODIAN)
    if vector.status == ConsentStatus.ACTIVE:
        story.grant(vector.terms, PATIENT)
    if vector.status == ConsentStatus.REVOKED:
        story.revoke(vector.terms, PATIENT)
    key = PATIENT if vector.signature_valid else ELSEWHERE
    return story.travel(NOW).grant(vector.terms, key, refused(vector.error, *vector.arguments))


def histories() -> Iterator[Story]:
    """Gives every grant, and what becomes of it when it is tried again or taken back."""
    for vector in grant_vectors():
        yield _told(vector)
