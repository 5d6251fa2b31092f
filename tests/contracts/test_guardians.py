"""Behaviour of guardians in `Subjects`: appointed, removed, what is noted of a subject, and who may sign then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consentry.core.calendar import end_of_minority
from consentry.core.codes import DirectiveAnswer, GuardianKind, GuardianRemover, GuardianScope, bits
from consentry.core.guardianship import LONGEST_MINORITY, Directive, GuardianRemoval, ProofOfLife
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import struct_hash
from tests.contracts.guardian_acts import (
    EVIDENCE,
    MOTHER,
    NEXT,
    QUARTER,
    appoint,
    appointment,
    checksummed,
    circumstances,
    note,
    own,
    perform,
    refusal,
    signer_for,
)
from tests.support.contract_suite import Event
from tests.support.contract_world import DAY, World, key_of, values_of
from tests.support.signers import AccountSigner

GRANT, REVOKE, SEE, RECOVER = GuardianScope.GRANT, GuardianScope.REVOKE, GuardianScope.SEE, GuardianScope.RECOVER
STRANGER = AccountSigner(key_of("stranger"))
UNKNOWN = SubjectId(b"\x77" * 32)
NEVER = 2**64 - 1


def removal(world: World, name: bytes, by: int) -> GuardianRemoval:
    return GuardianRemoval(name, world.patient.subject_id, by, 1, world.suite.now() + DAY)


def directive(world: World, guardian: bytes = ZERO_32, **changes: Any) -> Directive:  # noqa: ANN401 - members by name
    now, forbid = world.suite.now(), DirectiveAnswer.FORBID
    return replace(Directive(world.patient.subject_id, guardian, forbid, forbid, now, now + DAY), **changes)


def facts(world: World) -> int:
    found: int = world.suite.read("Subjects", "factsOf", world.patient.subject_id)
    return found


def expected_facts(world: World, **noted: Any) -> int:  # noqa: ANN401 - members by name
    return SubjectFacts(**noted).word(world.custodian.address)


# Appointing.


def test_appoint_delegate_is_kept_and_signs_in_its_scopes(world: World) -> None:
    act = appointment(world, scopes=bits(GRANT, SEE))

    receipt = perform(world, act, MOTHER, world.patient.signer)

    name, subject = struct_hash(act), world.patient.subject_id
    signatures = [world.sign("Subjects", act, each) for each in (MOTHER, world.patient.signer)]
    [event] = world.suite.events(receipt)
    assert event.name == "GuardianAppointed"
    assert event.args["actHash"] == name
    assert event.args["subjectId"] == subject
    assert tuple(event.args["act"].values()) == values_of(act)
    assert list(event.args["signatures"]) == signatures
    kept = (subject, act.kind, act.scopes, act.valid_from, act.valid_until, False, MOTHER.identity)
    assert tuple(world.suite.read("Subjects", "appointmentOf", name)) == kept
    assert world.suite.read("Subjects", "guardiansOf", subject) == [name]
    assert [signer_for(world, name, scope) for scope in (GRANT, SEE)] == [MOTHER.identity] * 2
    assert [signer_for(world, name, scope) for scope in (REVOKE, RECOVER)] == [b""] * 2
    assert signer_for(world, name, GRANT, world.enrol("other", STRANGER)) == b""


def test_appointment_counts_from_its_first_second_to_before_its_last(world: World) -> None:
    now = world.suite.now()
    name = appoint(world, valid_from=now + 100, valid_until=now + 200)

    found = []
    for time in (now + 99, now + 100, now + 199, now + 200):
        world.suite.travel(time)
        found.append(signer_for(world, name, GRANT))

    assert found == [b"", MOTHER.identity, MOTHER.identity, b""]


@pytest.mark.parametrize("kind", [GuardianKind.PARENT, GuardianKind.COURT_APPOINTED])
def test_appoint_for_a_minor_ends_with_the_minority(world: World, kind: GuardianKind) -> None:
    note(world)
    name = appoint(world, kind, valid_until=QUARTER)

    assert refusal(world, appointment(world, kind, valid_until=QUARTER + 1), MOTHER, world.custodian.signer) == (
        "GuardianshipPeriodInvalid",
        (appointment(world).valid_from, QUARTER + 1, QUARTER),
    )
    world.suite.travel(QUARTER - 1)
    assert signer_for(world, name, GRANT) == MOTHER.identity
    assert own(world, GRANT) == b""
    world.suite.travel(QUARTER)
    assert signer_for(world, name, GRANT) == b""
    assert own(world, GRANT) == world.patient.signer.identity


def test_guardian_of_a_minor_ends_with_a_minority_that_was_shortened(world: World) -> None:
    note(world, minor_until=NEXT)
    name = appoint(world, GuardianKind.PARENT, valid_until=NEXT)
    note(world, minor_until=QUARTER)

    world.suite.travel(QUARTER)

    assert signer_for(world, name, SEE) == b""


def test_appoint_is_refused_in_this_order(world: World) -> None:
    patient, custodian, now = world.patient.signer, world.custodian.signer, world.suite.now()
    bad = appointment(
        world,
        9,
        subject_id=UNKNOWN,
        guardian=patient.identity,
        scopes=0,
        valid_until=now,
        evidence_hash=ZERO_32,
    )
    steps: list[tuple[dict[str, Any], tuple[str, tuple[Any, ...]]]] = [
        ({"subject_id": world.patient.subject_id}, ("GuardianshipSubjectUnknown", (UNKNOWN,))),
        ({"kind": GuardianKind.PARENT}, ("GuardianshipScopesInvalid", (9, 0))),
        ({"scopes": bits(SEE)}, ("GuardianshipScopesInvalid", (GuardianKind.PARENT, 0))),
        ({"guardian": MOTHER.identity}, ("GuardianshipSignerInvalid", (patient.identity,))),
        ({"kind": GuardianKind.COURT_APPOINTED}, ("GuardianshipKindRefused", (GuardianKind.PARENT,))),
        ({"valid_until": now + DAY}, ("GuardianshipPeriodInvalid", (now, now, NEVER))),
        ({"evidence_hash": EVIDENCE}, ("GuardianshipEvidenceMissing", (world.patient.subject_id,))),
    ]
    for mended, error in steps:
        assert refusal(world, bad, STRANGER, STRANGER) == error
        bad = replace(bad, **mended)

    assert refusal(world, bad, STRANGER, STRANGER) == ("ActSignatureInvalid", (struct_hash(bad), 0))
    assert refusal(world, bad, MOTHER, STRANGER) == ("ActSignatureInvalid", (struct_hash(bad), 1))
    perform(world, bad, MOTHER, custodian)


@pytest.mark.parametrize("scopes", [0, 1, 1 << 6, 1 << 15, bits(*GuardianScope) | 1])
def test_appoint_with_no_or_unknown_scopes_is_refused(world: World, scopes: int) -> None:
    act = appointment(world, scopes=scopes)
    refused = refusal(world, act, MOTHER, world.patient.signer)
    assert refused == ("GuardianshipScopesInvalid", (GuardianKind.DELEGATE, scopes))


@pytest.mark.parametrize("kind", [0, 5])
def test_appoint_of_an_unknown_kind_is_refused(world: World, kind: int) -> None:
    act = appointment(world, kind)
    assert refusal(world, act, MOTHER, world.patient.signer) == ("GuardianshipScopesInvalid", (kind, act.scopes))


@pytest.mark.parametrize("signer", [b"", bytes(20), b"\x01" * 19, b"\x02" * 84])
def test_appoint_a_signer_of_no_form_is_refused(world: World, signer: bytes) -> None:
    act = appointment(world, guardian=signer)
    assert refusal(world, act, MOTHER, world.patient.signer) == ("GuardianshipSignerInvalid", (signer,))


@pytest.mark.parametrize(("since", "until"), [(0, 0), (10, 10), (11, 10), (-10, -1)])
def test_appoint_for_no_time_is_refused(world: World, since: int, until: int) -> None:
    now = world.suite.now()
    act = appointment(world, valid_from=now + since, valid_until=now + until)
    expected = ("GuardianshipPeriodInvalid", (now + since, now + until, NEVER))
    assert refusal(world, act, MOTHER, world.patient.signer) == expected


def test_appoint_delegate_needs_neither_evidence_nor_an_active_custodian(world: World) -> None:
    world.suspend(world.custodian)
    act = appointment(world, evidence_hash=ZERO_32)
    signatures = [world.sign("Subjects", act, each) for each in (MOTHER, world.patient.signer)]
    sent = values_of(act), signatures
    world.suite.send("Subjects", "appointGuardian", *sent, sender=world.hospital.relay)
    assert signer_for(world, struct_hash(act), GRANT) == MOTHER.identity


def test_appoint_by_a_suspended_custodian_is_refused(world: World) -> None:
    world.suspend(world.custodian)
    act = appointment(world, GuardianKind.COURT_APPOINTED)
    refused = refusal(world, act, MOTHER, world.custodian.signer, sender=world.hospital.relay)
    assert refused == ("GuardianshipCustodianInactive", (checksummed(world.custodian.address),))


@pytest.mark.parametrize("kind", [GuardianKind.DELEGATE, GuardianKind.COURT_APPOINTED])
def test_appoint_by_the_other_side_is_refused(world: World, kind: GuardianKind) -> None:
    act = appointment(world, kind)
    wrong = world.custodian.signer if kind == GuardianKind.DELEGATE else world.patient.signer
    assert refusal(world, act, MOTHER, wrong) == ("ActSignatureInvalid", (struct_hash(act), 1))


# Kinds.


def test_parent_is_refused_for_who_is_of_age(world: World) -> None:
    refused = refusal(world, appointment(world, GuardianKind.PARENT), MOTHER, world.custodian.signer)
    assert refused == ("GuardianshipKindRefused", (GuardianKind.PARENT,))


def test_near_relative_is_refused_while_the_subject_lives(world: World) -> None:
    refused = refusal(world, appointment(world, GuardianKind.NEAR_RELATIVE), MOTHER, world.custodian.signer)
    assert refused == ("GuardianshipKindRefused", (GuardianKind.NEAR_RELATIVE,))


def test_near_relative_sees_and_revokes_after_death_and_never_grants(world: World) -> None:
    court = appoint(world, GuardianKind.COURT_APPOINTED, STRANGER)
    note(world, minor_until=0, deceased=True)
    granting = appointment(world, GuardianKind.NEAR_RELATIVE, scopes=bits(SEE, GRANT))
    refused = refusal(world, granting, MOTHER, world.custodian.signer)
    assert refused == ("GuardianshipScopesInvalid", (GuardianKind.NEAR_RELATIVE, granting.scopes))

    relative = appoint(world, GuardianKind.NEAR_RELATIVE)

    assert [signer_for(world, relative, scope) for scope in (SEE, REVOKE, GRANT)] == [*[MOTHER.identity] * 2, b""]
    assert signer_for(world, court, GRANT) == b""
    assert [own(world, scope) for scope in GuardianScope] == [b""] * len(GuardianScope)
    other = appointment(world, GuardianKind.COURT_APPOINTED)
    refused = refusal(world, other, MOTHER, world.custodian.signer)
    assert refused == ("GuardianshipKindRefused", (GuardianKind.COURT_APPOINTED,))


def test_near_relative_is_refused_where_the_directive_forbids_it(world: World) -> None:
    perform(world, directive(world, emergency=DirectiveAnswer.ALLOW), world.patient.signer)
    note(world, minor_until=0, deceased=True)
    refused = refusal(world, appointment(world, GuardianKind.NEAR_RELATIVE), MOTHER, world.custodian.signer)
    assert refused == ("GuardianshipKindRefused", (GuardianKind.NEAR_RELATIVE,))


def test_near_relative_of_a_deceased_minor_stands_past_its_majority(world: World) -> None:
    note(world)
    note(world, deceased=True)
    name = appoint(world, GuardianKind.NEAR_RELATIVE, valid_until=QUARTER + 10 * DAY)
    world.suite.travel(QUARTER + DAY)
    assert signer_for(world, name, SEE) == MOTHER.identity


def test_delegate_of_who_became_a_minor_grants_no_more_than_the_subject(world: World) -> None:
    name = appoint(world, valid_until=QUARTER + DAY)
    note(world)
    assert (signer_for(world, name, GRANT), signer_for(world, name, REVOKE)) == (b"", MOTHER.identity)
    note(world, shielded=True)
    assert signer_for(world, name, GRANT) == MOTHER.identity
    note(world, shielded=True, deceased=True)
    assert signer_for(world, name, REVOKE) == b""


def test_guardian_of_a_shielded_minor_recovers_nothing(world: World) -> None:
    note(world)
    name = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    assert signer_for(world, name, RECOVER) == MOTHER.identity
    note(world, shielded=True)
    assert (signer_for(world, name, RECOVER), signer_for(world, name, GRANT)) == (b"", MOTHER.identity)


# Removing.


@pytest.mark.parametrize("by", list(GuardianRemover))
def test_remove_by_each_who_may_ends_the_appointment(world: World, by: GuardianRemover) -> None:
    first = appoint(world, GuardianKind.COURT_APPOINTED, nonce=1)
    second = appoint(world, GuardianKind.COURT_APPOINTED, nonce=2)
    signers = {
        GuardianRemover.SUBJECT: world.patient.signer,
        GuardianRemover.CUSTODIAN: world.custodian.signer,
        GuardianRemover.GUARDIAN: MOTHER,
    }
    act = removal(world, first, by)

    receipt = perform(world, act, signers[by])

    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("GuardianRemoved", struct_hash(act))
    assert signer_for(world, first, SEE) == b""
    assert world.suite.read("Subjects", "guardiansOf", world.patient.subject_id) == [second]
    again = replace(act, nonce=2)
    assert refusal(world, again, signers[by]) == ("GuardianshipUnknown", (first,))


def test_remove_is_refused_to_all_others(world: World) -> None:
    delegate, court = appoint(world), appoint(world, GuardianKind.COURT_APPOINTED)
    unknown = removal(world, b"\x01" * 32, 9)
    assert refusal(world, unknown, STRANGER) == ("GuardianshipUnknown", (b"\x01" * 32,))
    elsewhere = replace(removal(world, court, GuardianRemover.GUARDIAN), subject_id=UNKNOWN)
    assert refusal(world, elsewhere, MOTHER) == ("GuardianshipUnknown", (court,))
    for by in (0, 4):
        assert refusal(world, removal(world, court, by), MOTHER) == ("GuardianshipRemoverInvalid", (by,))
    own_delegate = removal(world, delegate, GuardianRemover.CUSTODIAN)
    refused = refusal(world, own_delegate, world.custodian.signer)
    assert refused == ("GuardianshipRemoverInvalid", (GuardianRemover.CUSTODIAN,))
    for remover in GuardianRemover:
        act = removal(world, court, remover)
        assert refusal(world, act, STRANGER) == ("ActSignatureInvalid", (struct_hash(act), 0))
    world.suspend(world.custodian)
    act = removal(world, court, GuardianRemover.CUSTODIAN)
    refused = refusal(world, act, world.custodian.signer, sender=world.hospital.relay)
    assert refused == ("GuardianshipCustodianInactive", (checksummed(world.custodian.address),))


def test_remove_by_a_minor_takes_its_guardian_away(world: World) -> None:
    note(world)
    name = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    perform(world, removal(world, name, GuardianRemover.SUBJECT), world.patient.signer)
    assert signer_for(world, name, GRANT) == b""


# Circumstances.


def test_circumstances_are_kept_in_the_word_of_the_subject(world: World) -> None:
    act = circumstances(world, shielded=True)
    receipt = perform(world, act, world.custodian.signer)

    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("CircumstancesNoted", struct_hash(act))
    assert facts(world) == expected_facts(world, minor_until=QUARTER, shielded=True)
    assert world.suite.read("Subjects", "factsOf", UNKNOWN) == 0


@pytest.mark.parametrize(
    "end",
    [QUARTER - 1, QUARTER + 1, QUARTER - 86_400, QUARTER + 86_400, end_of_minority(2033, 1, 15, 0), 2**64 - 1],
)
def test_minority_until_no_quarter_ahead_is_refused(world: World, end: int) -> None:
    refused = refusal(world, circumstances(world, minor_until=end), world.custodian.signer)
    assert refused == ("GuardianshipMinorEndInvalid", (end, 0))


def test_minority_of_more_than_eighteen_years_and_a_quarter_is_refused(world: World) -> None:
    latest = end_of_minority(2034, 1, 1, 18)
    assert latest - LONGEST_MINORITY > world.suite.now()
    refused = refusal(world, circumstances(world, minor_until=latest), world.custodian.signer)
    assert refused == ("GuardianshipMinorEndInvalid", (latest, 0))
    world.suite.travel(latest - LONGEST_MINORITY - 1)
    refused = refusal(world, circumstances(world, minor_until=latest), world.custodian.signer)
    assert refused == ("GuardianshipMinorEndInvalid", (latest, 0))
    world.suite.travel(latest - LONGEST_MINORITY)
    perform(world, circumstances(world, minor_until=latest), world.custodian.signer)


def test_minority_is_moved_but_never_taken_back_and_stays_over(world: World) -> None:
    note(world)
    note(world, minor_until=NEXT)
    refused = refusal(world, circumstances(world, minor_until=0), world.custodian.signer)
    assert refused == ("GuardianshipMinorEndInvalid", (0, NEXT))
    world.suite.travel(NEXT)
    later = end_of_minority(2020, 1, 15, 14)
    refused = refusal(world, circumstances(world, minor_until=later), world.custodian.signer)
    assert refused == ("GuardianshipMinorEndInvalid", (later, NEXT))
    note(world, minor_until=NEXT, deceased=True)


def test_shield_is_of_minors_and_stays_until_the_end(world: World) -> None:
    custodian = world.custodian.signer
    of_age = circumstances(world, minor_until=0, shielded=True)
    assert refusal(world, of_age, custodian) == ("GuardianshipShieldInvalid", (True, 0))
    note(world)
    assert own(world, GRANT) == b""
    note(world, shielded=True)
    assert own(world, GRANT) == world.patient.signer.identity
    lowered = circumstances(world, shielded=False)
    assert refusal(world, lowered, custodian) == ("GuardianshipShieldInvalid", (False, QUARTER))
    world.suite.travel(QUARTER)
    kept = circumstances(world, shielded=True)
    assert refusal(world, kept, custodian) == ("GuardianshipShieldInvalid", (True, QUARTER))
    note(world, shielded=False)


def test_circumstances_are_refused_in_this_order(world: World) -> None:
    custodian = world.custodian.signer
    note(world, deceased=True, minor_until=0)
    bad = circumstances(world, subject_id=UNKNOWN, minor_until=1, shielded=True, deceased=False, evidence_hash=ZERO_32)
    steps: list[tuple[dict[str, Any], tuple[str, tuple[Any, ...]]]] = [
        ({"subject_id": world.patient.subject_id}, ("GuardianshipSubjectUnknown", (UNKNOWN,))),
        ({"minor_until": 0}, ("GuardianshipMinorEndInvalid", (1, 0))),
        ({"shielded": False}, ("GuardianshipShieldInvalid", (True, 0))),
        ({"deceased": True}, ("GuardianshipDeathInvalid", (world.patient.subject_id, True))),
        ({"evidence_hash": EVIDENCE}, ("GuardianshipEvidenceMissing", (world.patient.subject_id,))),
    ]
    for mended, error in steps:
        assert refusal(world, bad, STRANGER) == error
        bad = replace(bad, **mended)
    assert refusal(world, bad, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(bad), 0))
    world.suspend(world.custodian)
    refused = refusal(world, bad, custodian, sender=world.hospital.relay)
    assert refused == ("GuardianshipCustodianInactive", (checksummed(world.custodian.address),))


# Death and life.


def proof(world: World, **changes: Any) -> ProofOfLife:  # noqa: ANN401 - members by name
    now = world.suite.now()
    return replace(ProofOfLife(world.patient.subject_id, EVIDENCE, now, now + DAY), **changes)


def test_death_is_taken_back_by_custodian_and_subject_together(world: World) -> None:
    note(world, minor_until=0, deceased=True)
    act, both = proof(world), (world.custodian.signer, world.patient.signer)
    receipt = perform(world, act, *both)

    [event] = world.suite.events(receipt)
    assert (event.name, event.args["actHash"]) == ("LifeProved", struct_hash(act))
    assert facts(world) == expected_facts(world)
    assert own(world, GRANT) == world.patient.signer.identity


def test_proof_of_life_is_refused_in_this_order(world: World) -> None:
    bad = proof(world, subject_id=UNKNOWN, evidence_hash=ZERO_32)
    assert refusal(world, bad, STRANGER, STRANGER) == ("GuardianshipSubjectUnknown", (UNKNOWN,))
    bad = replace(bad, subject_id=world.patient.subject_id)
    alive = ("GuardianshipDeathInvalid", (world.patient.subject_id, False))
    assert refusal(world, bad, STRANGER, STRANGER) == alive
    note(world, minor_until=0, deceased=True)
    missing = ("GuardianshipEvidenceMissing", (world.patient.subject_id,))
    assert refusal(world, bad, STRANGER, STRANGER) == missing
    act = replace(bad, evidence_hash=EVIDENCE)
    custodian, patient = world.custodian.signer, world.patient.signer
    assert refusal(world, act, patient, patient) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refusal(world, act, custodian, custodian) == ("ActSignatureInvalid", (struct_hash(act), 1))
    assert refusal(world, act, custodian) == ("ActSignaturesMismatch", (1, 2))
    world.suspend(world.custodian)
    refused = refusal(world, act, custodian, patient, sender=world.hospital.relay)
    assert refused == ("GuardianshipCustodianInactive", (checksummed(world.custodian.address),))


# Directives.


def test_directive_is_kept_and_replaced(world: World) -> None:
    act = directive(world, relatives=DirectiveAnswer.ALLOW)
    receipt = perform(world, act, world.patient.signer)

    [event] = world.suite.events(receipt)
    assert event == Event("DirectiveGiven", event.args)
    assert event.args["actHash"] == struct_hash(act)
    assert facts(world) == expected_facts(world, emergency_forbidden=True)
    perform(world, directive(world, emergency=DirectiveAnswer.ALLOW, nonce=2), world.patient.signer)
    assert facts(world) == expected_facts(world, relatives_forbidden=True)
    note(world)
    assert facts(world) == expected_facts(world, minor_until=QUARTER, relatives_forbidden=True)


@pytest.mark.parametrize(("emergency", "relatives"), [(0, 1), (1, 0), (3, 1), (2, 255)])
def test_directive_without_an_answer_is_refused(world: World, emergency: int, relatives: int) -> None:
    act = directive(world, emergency=emergency, relatives=relatives)
    refused = refusal(world, act, world.patient.signer)
    assert refused == ("GuardianshipDirectiveInvalid", (emergency, relatives))
    unknown = replace(act, subject_id=UNKNOWN)
    assert refusal(world, unknown, world.patient.signer) == ("GuardianshipSubjectUnknown", (UNKNOWN,))


def test_directive_is_given_by_a_guardian_for_a_minor_alone(world: World) -> None:
    delegate = appoint(world, nonce=7)
    act = directive(world, delegate)
    assert refusal(world, act, MOTHER) == ("ActSignatureInvalid", (struct_hash(act), 0))
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    by_child = directive(world)
    assert refusal(world, by_child, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(by_child), 0))
    seeing = appoint(world, GuardianKind.PARENT, valid_until=QUARTER, scopes=bits(SEE), nonce=3)
    without = directive(world, seeing)
    assert refusal(world, without, MOTHER) == ("ActSignatureInvalid", (struct_hash(without), 0))
    perform(world, directive(world, parent), MOTHER)
    assert facts(world) == expected_facts(
        world, minor_until=QUARTER, emergency_forbidden=True, relatives_forbidden=True
    )
