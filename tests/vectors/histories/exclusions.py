"""Exclusions as histories: made, refused for every reason, lifted, made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import Category, ExclusionKind, GuardianKind
from consentry.core.exclusions import MOST_GROUPS, Exclusion, ExclusionLift, target_of_category, target_of_institution
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import NOW
from tests.vectors.histories.family import CUSTODIAN as THEIR_CUSTODIAN
from tests.vectors.histories.family import (
    LATER,
    MINORITY,
    MOTHER,
    OF_AGE,
    PARENT,
    SHIELD,
    SUBJECT,
    appointment,
    noted,
    with_parent,
)
from tests.vectors.histories.family import PATIENT as MINOR
from tests.vectors.histories.story import ACCEPTED, START, STRANGER, Error, Story, key_of, refused, subject_of

CUSTODIAN: Final = "/custodian"
PATIENT: Final = "exclusions/patient"
OTHER: Final = "exclusions/other patient"
TARGETS: Final = {
    ExclusionKind.INSTITUTION: target_of_institution(key_of(CUSTODIAN).address),
    ExclusionKind.GROUP: samples.group(PAYER.address),
    ExclusionKind.PRACTITIONER: samples.PRACTITIONER,
    ExclusionKind.CATEGORY: target_of_category(Category.IMAGING),
}
TOO_LATE: Final = (-1, 0)
IN_TIME: Final = 1


def _exclusion(kind: int, target: bytes, **changes: Any) -> Exclusion:  # noqa: ANN401 - members
    usual = Exclusion(subject_of(PATIENT), ZERO_32, kind, target, 1, NOW + samples.DAY)
    return replace(usual, **changes)


def _lift(of: Exclusion, **changes: Any) -> ExclusionLift:  # noqa: ANN401 - members
    usual = ExclusionLift(of.subject_id, of.guardian, of.kind, of.target, of.nonce + 1, of.sign_before)
    return replace(usual, **changes)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).travel(NOW)


def _of_each_kind() -> Iterator[Story]:
    for kind, target in TARGETS.items():
        act = _exclusion(kind, target)
        lift, again = _lift(act), replace(act, nonce=9)
        story = _begun(f"{kind.name}-made-lifted-made".lower()).act(act, PATIENT)
        story.act(replace(act, nonce=5), PATIENT, expect=refused("ExclusionsAlreadyMade", kind, target))
        yield story.act(lift, PATIENT).act(again, PATIENT)
        name = f"{kind.name}-lifted-before-it-was-made".lower()
        yield _begun(name).act(lift, PATIENT, expect=refused("ExclusionsNotMade", kind, target))
        story = _begun(f"{kind.name}-of-another-subject-stands-apart".lower()).act(act, PATIENT)
        yield story.act(replace(act, subject_id=subject_of(OTHER)), OTHER).act(lift, PATIENT)


def _of_guardians() -> Iterator[Story]:
    parent = struct_hash(PARENT)
    for kind, target in TARGETS.items():
        theirs = Exclusion(SUBJECT, parent, kind, target, 1, NOW + samples.DAY)
        own = replace(theirs, guardian=ZERO_32, nonce=2)
        shielded = refused("ExclusionsShielded", SUBJECT, parent)
        made = refused("ExclusionsAlreadyMade", kind, target)
        story = with_parent(f"{kind.name}-taken-over-from-the-parent".lower()).act(theirs, MOTHER)
        story.act(replace(SHIELD, nonce=2), THEIR_CUSTODIAN)
        story.act(own, MINOR).act(_lift(theirs, nonce=5), MOTHER, expect=shielded)
        story.act(replace(own, nonce=6), MINOR, expect=made).act(replace(theirs, nonce=7), MOTHER, expect=made)
        yield story.act(_lift(own), MINOR).act(replace(theirs, nonce=8), MOTHER, expect=shielded)
        story = with_parent(f"{kind.name}-excluded-by-the-parent-of-a-shielded-minor".lower(), SHIELD)
        story.act(theirs, MOTHER, expect=shielded).act(own, MINOR)
        yield story.act(_lift(own), MINOR).act(replace(theirs, nonce=8), MOTHER, expect=shielded)


def _of_shields() -> Iterator[Story]:
    kind = ExclusionKind.PRACTITIONER
    court = appointment(GuardianKind.COURT_APPOINTED, valid_until=OF_AGE)
    act = Exclusion(SUBJECT, struct_hash(court), kind, TARGETS[kind], 1, OF_AGE + samples.DAY)
    shielded = refused("ExclusionsShielded", SUBJECT, act.guardian)
    story = with_parent("court-appointed-excludes-for-a-shielded-minor", SHIELD, court)
    yield story.act(act, MOTHER, expect=shielded)
    late = appointment(GuardianKind.COURT_APPOINTED, valid_until=LATER, nonce=2)
    for name, note, expect in (("shielded", SHIELD, shielded), ("not shielded", MINORITY, ACCEPTED)):
        story = with_parent(f"excluded-for-who-is-{name}-a-second-before-the-age".replace(" ", "-"), note, court)
        yield story.travel(OF_AGE - 1).act(act, MOTHER, expect=expect)
    act = replace(act, guardian=struct_hash(late))
    story = noted("court-appointed-excludes-once-the-shield-is-over", SHIELD).travel(OF_AGE)
    yield story.act(late, MOTHER, THEIR_CUSTODIAN).act(act, MOTHER)
    theirs = replace(act, guardian=struct_hash(PARENT))
    lift = _lift(theirs)
    story = with_parent("parent-lifts-what-it-excluded-before-the-shield").act(theirs, MOTHER)
    yield story.act(replace(SHIELD, nonce=2), THEIR_CUSTODIAN).act(lift, MOTHER)


def _of_targets() -> Iterator[Story]:
    wrong = [
        ("kind-zero", 0, target_of_category(1)),
        ("kind-beyond", 5, target_of_category(1)),
        ("kind-highest", 255, samples.PRACTITIONER),
        ("institution-wider-than-an-address", 1, (1 << 160).to_bytes(32, "big")),
        ("category-thirteen", 4, target_of_category(13)),
        ("category-as-a-bit", 4, (1 << 255).to_bytes(32, "big")),
        *((f"{kind.name}-zero".lower(), int(kind), ZERO_32) for kind in TARGETS),
    ]
    for name, kind, target in wrong:
        error = refused("ExclusionsTargetInvalid", kind, target)
        yield _begun(name).act(_exclusion(kind, target), PATIENT, expect=error)
        yield _begun(f"lift-{name}").act(_lift(_exclusion(kind, target)), PATIENT, expect=error)
    for name, kind, target in (
        ("institution-widest-address", 1, ((1 << 160) - 1).to_bytes(32, "big")),
        ("institution-nobody-admitted", 1, (1).to_bytes(32, "big")),
        ("category-first", 4, target_of_category(1)),
        ("category-last", 4, target_of_category(12)),
        ("group-nobody-keeps", 2, samples.word(7)),
    ):
        yield _begun(name).act(_exclusion(kind, target), PATIENT)


def _of_signatures() -> Iterator[Story]:
    act = _exclusion(ExclusionKind.INSTITUTION, TARGETS[ExclusionKind.INSTITUTION])
    invalid: Error = refused("ActSignatureInvalid", struct_hash(act), 0)
    yield _begun("signed-by-another-patient").act(act, OTHER, expect=invalid)
    yield _begun("signed-by-the-custodian").act(act, CUSTODIAN, expect=invalid)
    yield _begun("signed-by-nobody").act(act, expect=refused("ActSignaturesMismatch", 0, 1))
    yield _begun("signed-twice").act(act, PATIENT, PATIENT, expect=refused("ActSignaturesMismatch", 2, 1))
    guarded = replace(act, guardian=samples.word(3))
    error = refused("ActSignatureInvalid", struct_hash(guarded), 0)
    yield _begun("under-an-appointment-nobody-made").act(guarded, PATIENT, expect=error)
    stranger = replace(act, subject_id=subject_of("exclusions/nobody"))
    error = refused("ExclusionsSubjectUnknown", stranger.subject_id)
    yield _begun("of-a-subject-nobody-enrolled").act(stranger, PATIENT, expect=error)
    yield _begun("lift-of-a-subject-nobody-enrolled").act(_lift(stranger), PATIENT, expect=error)
    lift = _lift(act)
    error = refused("ActSignatureInvalid", struct_hash(lift), 0)
    yield _begun("lifted-by-another").act(act, PATIENT).act(lift, OTHER, expect=error)
    yield _begun("lifted-by-the-custodian").act(act, PATIENT).act(lift, CUSTODIAN, expect=error)


def _of_time_and_repetition() -> Iterator[Story]:
    act = _exclusion(ExclusionKind.PRACTITIONER, samples.PRACTITIONER)
    for early in TOO_LATE:
        late = replace(act, sign_before=NOW + early)
        yield _begun(f"sent-{-early}-seconds-late").act(late, PATIENT, expect=refused("ActExpired", NOW + early, NOW))
    yield _begun("sent-in-the-last-second").act(replace(act, sign_before=NOW + IN_TIME), PATIENT)
    yield _begun("sent-long-before").act(replace(act, sign_before=2**64 - 1), PATIENT)
    again = refused("ActRepeated", struct_hash(act))
    yield _begun("sent-twice").act(act, PATIENT).act(act, PATIENT, expect=again)
    story = _begun("sent-again-after-it-was-lifted").act(act, PATIENT).act(_lift(act), PATIENT)
    yield story.act(act, PATIENT, expect=again)
    relay = refused("ActRelayRequired", key_of(STRANGER).address)
    yield _begun("passed-on-by-a-stranger").act(act, PATIENT, expect=relay, by=STRANGER)
    yield _begun("lift-passed-on-by-a-stranger").act(_lift(act), PATIENT, expect=relay, by=STRANGER)
    broken = replace(act, sign_before=NOW, kind=9)
    yield _begun("relay-comes-before-all-else").act(broken, expect=relay, by=STRANGER)
    yield _begun("number-of-signatures-before-time").act(broken, expect=refused("ActSignaturesMismatch", 0, 1))
    yield _begun("time-before-the-act-itself").act(broken, PATIENT, expect=refused("ActExpired", NOW, NOW))
    wrong = replace(act, kind=9)
    error = refused("ExclusionsTargetInvalid", 9, act.target)
    yield _begun("the-act-itself-before-its-signature").act(wrong, OTHER, expect=error)


def _of_many_groups() -> Iterator[Story]:
    def group(number: int) -> Exclusion:
        return _exclusion(ExclusionKind.GROUP, samples.group(PAYER.address, number), nonce=number)

    story = _begun("as-many-groups-as-can-be")
    for number in range(1, MOST_GROUPS + 1):
        story.act(group(number), PATIENT)
    full = refused("ExclusionsFull", ExclusionKind.GROUP, MOST_GROUPS)
    story.act(group(MOST_GROUPS + 1), PATIENT, expect=full)
    for number in (1, MOST_GROUPS, 4):
        story.act(_lift(group(number), nonce=100 + number), PATIENT)
    for number in range(MOST_GROUPS + 1, MOST_GROUPS + 4):
        story.act(replace(group(number), nonce=50 + number), PATIENT)
    yield story.act(replace(group(1), nonce=200), PATIENT, expect=full)


def histories() -> Iterator[Story]:
    """Gives every history."""
    parts = (_of_each_kind, _of_guardians, _of_shields, _of_targets, _of_signatures, _of_time_and_repetition)
    for part in (*parts, _of_many_groups):
        yield from part()
