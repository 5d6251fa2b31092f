"""Enrolments as histories: a subject and its custodian sign, once and in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from consentry.core.terms import ZERO_32, SubjectId
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.histories.signing import short
from tests.vectors.histories.story import ACCEPTED, START, STRANGER, Story, key_of, refused, subject_of

CUSTODIAN: Final = "/custodian"
ELSEWHERE: Final = "enrolments/other hospital"
PATIENT: Final = "enrolments/patient"
OTHER: Final = "enrolments/other patient"
SUBJECT: Final = subject_of(PATIENT)
UNACCEPTABLE: Final = {
    "empty": b"",
    "zero": bytes(20),
    "a-byte-short": bytes(range(1, 20)),
    "of-no-verifier": bytes(range(1, 22)),
    "of-no-verifier-with-a-key": samples.address(9) + bytes(64),
}
"""Signers that nobody can have."""


def _begun(name: str) -> Story:
    return Story(name).travel(START).admit(CUSTODIAN).admit(ELSEWHERE).travel(NOW)


def _of_enrolling() -> Iterator[Story]:
    known = refused("SubjectsAlreadyEnrolled", SUBJECT)
    story = _begun("enrolled-twice").enrol(PATIENT, CUSTODIAN)
    story.enrol(PATIENT, CUSTODIAN, expect=known)
    yield story.enrol(PATIENT, ELSEWHERE, expect=known)
    signer = bytes(key_of(PATIENT).signer)
    story = _begun("one-key-for-two-subjects").enrol(PATIENT, CUSTODIAN)
    yield story.enrol(OTHER, CUSTODIAN, keys=(PATIENT, CUSTODIAN), signer=signer)
    yield _begun("two-custodians").enrol(PATIENT, CUSTODIAN).enrol(OTHER, ELSEWHERE)
    for before in (NOW - 1, NOW, NOW + 1):
        error = refused("SubjectsEnrolmentExpired", before, NOW) if before <= NOW else ACCEPTED
        yield _begun(f"enrolled-{NOW - before}-seconds-late").enrol(
            PATIENT, CUSTODIAN, expect=error, sign_before=before
        )
    yield (
        _begun("enrolled-again-after-a-refusal")
        .enrol(PATIENT, CUSTODIAN, expect=refused("SubjectsEnrolmentExpired", NOW, NOW), sign_before=NOW)
        .enrol(PATIENT, CUSTODIAN)
    )


def _of_refusals() -> Iterator[Story]:
    yield _begun("id-zero").enrol(
        PATIENT, CUSTODIAN, expect=refused("SubjectsZeroId"), subject_id=SubjectId(ZERO_32), sign_before=0
    )
    inactive = refused("SubjectsCustodianInactive", key_of(STRANGER).address)
    yield _begun("custodian-nobody").enrol(PATIENT, STRANGER, expect=inactive)
    inactive = refused("SubjectsCustodianInactive", key_of(CUSTODIAN).address)
    yield _begun("custodian-suspended").suspend(CUSTODIAN).enrol(PATIENT, CUSTODIAN, expect=inactive)
    yield _begun("custodian-reinstated").suspend(CUSTODIAN).reinstate(CUSTODIAN).enrol(PATIENT, CUSTODIAN)
    for name, signer in UNACCEPTABLE.items():
        yield _begun(f"signer-{name}").enrol(
            PATIENT, CUSTODIAN, expect=refused("SubjectsSignerInvalid", signer), signer=signer
        )
    forged = refused("SubjectsSignatureInvalid", SUBJECT)
    for other in (OTHER, CUSTODIAN, STRANGER):
        yield _begun(f"signed-by-{short(other)}").enrol(PATIENT, CUSTODIAN, keys=(other, CUSTODIAN), expect=forged)
    forged = refused("SubjectsCustodianSignatureInvalid", SUBJECT, key_of(CUSTODIAN).address)
    for other in (ELSEWHERE, PATIENT, STRANGER):
        yield _begun(f"countersigned-by-{short(other)}").enrol(PATIENT, CUSTODIAN, keys=(PATIENT, other), expect=forged)
    relay = refused("SubjectsRelayRequired", key_of(STRANGER).address)
    yield _begun("passed-on-by-a-stranger").enrol(PATIENT, CUSTODIAN, expect=relay, by=STRANGER, sign_before=0)


def _of_order() -> Iterator[Story]:
    wrong: dict[str, Any] = {"signer": b"", "sign_before": 0}
    story = _begun("errors-in-their-order")
    inactive = refused("SubjectsCustodianInactive", key_of(STRANGER).address)
    story.enrol(PATIENT, STRANGER, keys=(STRANGER, PATIENT), expect=inactive, **wrong)
    for error in (
        refused("SubjectsSignerInvalid", b""),
        refused("SubjectsEnrolmentExpired", 0, NOW + 2),
        refused("SubjectsSignatureInvalid", SUBJECT),
    ):
        story.enrol(PATIENT, CUSTODIAN, keys=(STRANGER, STRANGER), expect=error, **wrong)
        wrong.pop(next(iter(wrong), ""), None)
    yield story


def histories() -> Iterator[Story]:
    """Gives every history of enrolments."""
    for topic in (_of_enrolling, _of_refusals, _of_order):
        yield from topic()
