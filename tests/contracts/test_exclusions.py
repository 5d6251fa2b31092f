"""Behaviour of exclusions: made, lifted, asked about, and every refusal in its order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.codes import ExclusionKind, GuardianKind
from consentry.core.exclusions import (
    MOST_GROUPS,
    Exclusion,
    ExclusionLift,
    target_of_category,
    target_of_institution,
)
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import struct_hash
from tests.contracts.consent_acts import OTHER
from tests.contracts.guardian_acts import MOTHER, QUARTER, appoint, note
from tests.support import samples
from tests.support.contract_suite import Value
from tests.support.contract_world import World, group_of
from tests.support.life_world import changed, event_of, exclusion_of, perform, refusal

ANY: dict[str, Value] = {"institution": b"\x01" * 20, "practitioner": OTHER, "category": 12}


def lift_of(act: Exclusion) -> ExclusionLift:
    return ExclusionLift(act.subject_id, act.guardian, act.kind, act.target, 8, act.sign_before)


def excluded(world: World, **asked: Value) -> bool:
    own = {**ANY, **asked}
    arguments = world.patient.subject_id, own["institution"], own["practitioner"], own["category"]
    return bool(world.suite.read("Consents", "isExcluded", *arguments))


def summary(world: World) -> int:
    [found] = world.suite.read("Consents", "exclusionSummaries", [world.patient.subject_id])
    return int(found)


def hospital_excluded(world: World) -> Exclusion:
    return exclusion_of(world, ExclusionKind.INSTITUTION, target_of_institution(world.hospital.address))


def test_exclusion_names_its_parties_and_carries_the_signature(world: World) -> None:
    act = hospital_excluded(world)

    event = event_of(world, perform(world, act, world.patient.signer))

    assert event.name == "ExclusionMade"
    assert (event.args["actHash"], event.args["subjectId"]) == (struct_hash(act), act.subject_id)
    assert event.args["signatures"] == [world.sign("Consents", act, world.patient.signer)]
    assert world.suite.read("Consents", "isPerformed", struct_hash(act))
    assert not world.suite.read("Consents", "isPerformed", OTHER)


@pytest.mark.parametrize("kind", list(ExclusionKind))
def test_exclusion_of_each_kind_stands_until_it_is_lifted(world: World, kind: ExclusionKind) -> None:
    group = group_of(world.beijing)
    arguments = group, world.hospital.address, True
    world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)
    targets = {
        ExclusionKind.INSTITUTION: target_of_institution(world.hospital.address),
        ExclusionKind.GROUP: group,
        ExclusionKind.PRACTITIONER: samples.PRACTITIONER,
        ExclusionKind.CATEGORY: target_of_category(4),
    }
    named: dict[ExclusionKind, dict[str, Value]] = {
        ExclusionKind.INSTITUTION: {"institution": world.hospital.address},
        ExclusionKind.GROUP: {"institution": world.hospital.address},
        ExclusionKind.PRACTITIONER: {"practitioner": samples.PRACTITIONER},
        ExclusionKind.CATEGORY: {"category": 4},
    }
    act = exclusion_of(world, kind, targets[kind])
    before = excluded(world, **named[kind])

    perform(world, act, world.patient.signer)
    during, others = excluded(world, **named[kind]), excluded(world)
    target = world.patient.subject_id, kind, targets[kind]
    named_target = world.suite.read("Consents", "isTargetExcluded", *target)
    perform(world, lift_of(act), world.patient.signer)

    assert (before, during, others, named_target) == (False, True, False, True)
    assert not excluded(world, **named[kind])
    assert not world.suite.read("Consents", "isTargetExcluded", *target)
    assert summary(world) == 0


def test_summary_counts_exclusions_and_names_the_classes(world: World) -> None:
    perform(world, exclusion_of(world, ExclusionKind.CATEGORY, target_of_category(4)), world.patient.signer)
    perform(world, hospital_excluded(world), world.patient.signer)

    assert summary(world) == (2 << 32) | 1 << 4


def test_exclusion_stays_with_its_subject(world: World) -> None:
    perform(world, hospital_excluded(world), world.patient.signer)
    other = world.enrol("another", world.patient.signer)

    asked = other.subject_id, world.hospital.address, OTHER, 1
    assert not world.suite.read("Consents", "isExcluded", *asked)


def test_member_that_leaves_an_excluded_group_is_not_excluded(world: World) -> None:
    group = group_of(world.beijing)
    perform(world, exclusion_of(world, ExclusionKind.GROUP, group), world.patient.signer)
    seen = []
    for member in (True, False):
        arguments = group, world.hospital.address, member
        world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)
        seen.append(excluded(world, institution=world.hospital.address))

    assert seen == [True, False]


def test_lifting_one_group_leaves_the_others(world: World) -> None:
    groups = [group_of(world.beijing)[:-1] + bytes([n]) for n in range(3)]
    acts = [exclusion_of(world, ExclusionKind.GROUP, group) for group in groups]
    for act in acts:
        perform(world, act, world.patient.signer)
    perform(world, lift_of(acts[0]), world.patient.signer)
    seen = []
    for group in groups:
        arguments = group, world.hospital.address, True
        world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)
        seen.append(excluded(world, institution=world.hospital.address))
        arguments = group, world.hospital.address, False
        world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)

    assert seen == [False, True, True]


def test_ninth_group_is_refused(world: World) -> None:
    groups = [samples.group(b"\x09" * 20, n) for n in range(MOST_GROUPS + 1)]
    for group in groups[:-1]:
        perform(world, exclusion_of(world, ExclusionKind.GROUP, group), world.patient.signer)

    refused = refusal(world, exclusion_of(world, ExclusionKind.GROUP, groups[-1]), world.patient.signer)

    assert refused == ("ExclusionsFull", (ExclusionKind.GROUP, MOST_GROUPS))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (0, OTHER),
        (5, OTHER),
        (ExclusionKind.INSTITUTION, ZERO_32),
        (ExclusionKind.INSTITUTION, OTHER),
        (ExclusionKind.GROUP, ZERO_32),
        (ExclusionKind.PRACTITIONER, ZERO_32),
        (ExclusionKind.CATEGORY, ZERO_32),
        (ExclusionKind.CATEGORY, target_of_category(13)),
    ],
)
def test_target_that_is_none_of_its_kind_is_refused(world: World, kind: int, target: bytes) -> None:
    act = exclusion_of(world, kind, target)

    assert refusal(world, act, world.patient.signer) == ("ExclusionsTargetInvalid", (kind, target))
    assert refusal(world, lift_of(act), world.patient.signer) == ("ExclusionsTargetInvalid", (kind, target))


def test_same_exclusion_twice_and_lift_of_none_are_refused(world: World) -> None:
    act = hospital_excluded(world)
    named = (act.kind, act.target)

    assert refusal(world, lift_of(act), world.patient.signer) == ("ExclusionsNotMade", named)
    perform(world, act, world.patient.signer)
    assert refusal(world, changed(act, nonce=9), world.patient.signer) == ("ExclusionsAlreadyMade", named)


def test_exclusion_of_an_unknown_subject_is_refused(world: World) -> None:
    act = changed(hospital_excluded(world), subject_id=SubjectId(OTHER))

    assert refusal(world, act, world.patient.signer) == ("ExclusionsSubjectUnknown", (OTHER,))
    assert refusal(world, lift_of(act), world.patient.signer) == ("ExclusionsSubjectUnknown", (OTHER,))


@pytest.mark.parametrize("who", ["custodian", "hospital"])
def test_institution_neither_excludes_nor_lifts_for_the_patient(world: World, who: str) -> None:
    act = hospital_excluded(world)
    signer = getattr(world, who).signer

    assert refusal(world, act, signer) == ("ActSignatureInvalid", (struct_hash(act), 0))
    perform(world, act, world.patient.signer)
    lift = lift_of(act)
    assert refusal(world, lift, signer) == ("ActSignatureInvalid", (struct_hash(lift), 0))


def test_guardian_nobody_appointed_signs_nothing(world: World) -> None:
    act = changed(hospital_excluded(world), guardian=OTHER)

    assert refusal(world, act, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_signers_of_subject_stand_for_the_patient_alone(world: World) -> None:
    arguments = world.patient.subject_id, ZERO_32, 1

    assert world.suite.read("Subjects", "signerFor", *arguments) == world.patient.signer.identity
    assert world.suite.read("Subjects", "signerFor", world.patient.subject_id, OTHER, 1) == b""
    assert world.suite.read("Subjects", "signerFor", OTHER, ZERO_32, 1) == b""
    assert world.suite.read("Subjects", "cardSignerOf", world.patient.subject_id) == b""


# What every signed act has in common.


def test_errors_of_every_act_come_in_their_order(world: World) -> None:
    act = changed(hospital_excluded(world), subject_id=SubjectId(OTHER), sign_before=1)
    known = hospital_excluded(world)

    assert refusal(world, act, sender=world.stranger) == ("ActRelayRequired", (world.stranger,))
    assert refusal(world, act) == ("ActSignaturesMismatch", (0, 1))
    assert refusal(world, known, *[world.patient.signer] * 2) == ("ActSignaturesMismatch", (2, 1))
    assert refusal(world, act, world.patient.signer) == ("ActExpired", (1, world.suite.now()))
    perform(world, known, world.patient.signer)
    assert refusal(world, known, world.patient.signer) == ("ActRepeated", (struct_hash(known),))


def test_act_counts_until_a_second_before_its_time(world: World) -> None:
    act = hospital_excluded(world)

    world.suite.travel(act.sign_before)
    late = refusal(world, act, world.patient.signer)

    assert late == ("ActExpired", (act.sign_before, act.sign_before))


def test_act_in_its_last_second_counts(world: World) -> None:
    act = hospital_excluded(world)

    world.suite.travel(act.sign_before - 1)
    perform(world, act, world.patient.signer)

    assert world.suite.read("Consents", "isPerformed", struct_hash(act))


def test_repetition_after_a_lift_is_refused(world: World) -> None:
    act = hospital_excluded(world)
    perform(world, act, world.patient.signer)
    perform(world, lift_of(act), world.patient.signer)

    assert refusal(world, act, world.patient.signer) == ("ActRepeated", (struct_hash(act),))


def test_guardian_lifts_nothing_that_a_shielded_minor_excluded(world: World) -> None:
    note(world)
    act = hospital_excluded(world)
    guardian = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    theirs = replace(act, guardian=guardian, kind=ExclusionKind.PRACTITIONER, target=OTHER, nonce=3)
    perform(world, theirs, MOTHER)
    note(world, shielded=True)
    perform(world, act, world.patient.signer)
    lift = replace(lift_of(act), guardian=guardian)

    assert refusal(world, lift, MOTHER) == ("ExclusionsShielded", (act.subject_id, lift.guardian))
    perform(world, lift_of(theirs), MOTHER)
    perform(world, lift_of(act), world.patient.signer)
    assert not excluded(world, institution=world.hospital.address, practitioner=OTHER)


def test_guardian_lifts_what_a_minor_without_a_shield_excluded_before_it_was_noted(world: World) -> None:
    act = hospital_excluded(world)
    perform(world, act, world.patient.signer)
    note(world)
    guardian = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)

    perform(world, replace(lift_of(act), guardian=guardian), MOTHER)

    assert not excluded(world, institution=world.hospital.address)
