"""What the shield of a minor keeps from its guardians: directive, asks, and exclusions that it took over from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.asks import AskDenial
from consentry.core.codes import Assurance, ConsentStatus, DirectiveAnswer, ExclusionKind, GuardianKind
from consentry.core.exclusions import MOST_GROUPS, target_of_category, target_of_institution
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.contracts.consent_acts import grant_refusal, state_of
from tests.contracts.guardian_acts import MOTHER, NEXT, QUARTER, appoint, note, perform, refusal
from tests.contracts.test_exclusions import lift_of, summary
from tests.contracts.test_guardians import directive
from tests.support import samples
from tests.support.contract_world import DAY, World
from tests.support.life_world import answer_to, ask_of, exclusion_of, id_of


def test_directive_of_a_shielded_minor_is_given_by_the_minor_alone(world: World) -> None:
    note(world, minor_until=NEXT, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=NEXT)
    perform(world, directive(world), world.patient.signer)
    theirs = directive(world, parent, emergency=DirectiveAnswer.ALLOW, nonce=2)

    assert refusal(world, theirs, MOTHER) == ("ActSignatureInvalid", (struct_hash(theirs), 0))

    perform(world, directive(world, nonce=3), world.patient.signer)


def test_directive_for_a_minor_is_given_by_no_delegate(world: World) -> None:
    delegate = appoint(world)
    note(world)
    act = directive(world, delegate)

    assert refusal(world, act, MOTHER) == ("ActSignatureInvalid", (struct_hash(act), 0))


@pytest.mark.parametrize("kind", [ExclusionKind.INSTITUTION, ExclusionKind.GROUP, ExclusionKind.CATEGORY])
def test_subject_takes_over_what_a_guardian_excluded(world: World, kind: ExclusionKind) -> None:
    target = {
        ExclusionKind.INSTITUTION: target_of_institution(world.hospital.address),
        ExclusionKind.GROUP: samples.group(b"\x09" * 20, 1),
        ExclusionKind.CATEGORY: target_of_category(3),
    }[kind]
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    theirs = exclusion_of(world, kind, target, guardian=parent)
    perform(world, theirs, MOTHER)
    note(world, shielded=True)
    before = summary(world)
    own = replace(theirs, guardian=ZERO_32, nonce=2)
    repeated = replace(theirs, nonce=6)
    assert refusal(world, repeated, MOTHER) == ("ExclusionsAlreadyMade", (kind, target))

    perform(world, own, world.patient.signer)

    assert summary(world) == before
    assert refusal(world, lift_of(theirs), MOTHER) == ("ExclusionsShielded", (own.subject_id, parent))
    for again, signer in ((replace(own, nonce=3), world.patient.signer), (replace(theirs, nonce=4), MOTHER)):
        assert refusal(world, again, signer) == ("ExclusionsAlreadyMade", (kind, target))
    perform(world, lift_of(own), world.patient.signer)
    assert summary(world) == 0


def test_subject_takes_over_a_group_though_no_more_fit(world: World) -> None:
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    groups = [samples.group(b"\x09" * 20, n) for n in range(MOST_GROUPS)]
    acts = [exclusion_of(world, ExclusionKind.GROUP, group, guardian=parent) for group in groups]
    for act in acts:
        perform(world, act, MOTHER)
    note(world, shielded=True)
    before = summary(world)

    perform(world, replace(acts[0], guardian=ZERO_32), world.patient.signer)

    assert summary(world) == before


@pytest.mark.parametrize("kind", [ExclusionKind.INSTITUTION, ExclusionKind.GROUP, ExclusionKind.PRACTITIONER])
def test_guardian_of_a_shielded_minor_excludes_nobody_until_the_minority_ends(
    world: World, kind: ExclusionKind
) -> None:
    target = target_of_institution(world.hospital.address) if kind == ExclusionKind.INSTITUTION else samples.word(7)
    note(world, shielded=True)
    court = appoint(world, GuardianKind.COURT_APPOINTED, valid_until=QUARTER)
    theirs = exclusion_of(world, kind, target, guardian=court, sign_before=QUARTER + DAY)

    refused = [refusal(world, theirs, MOTHER)]
    world.suite.travel(QUARTER - 1)
    refused.append(refusal(world, theirs, MOTHER))
    world.suite.travel(QUARTER)
    later = appoint(world, GuardianKind.COURT_APPOINTED, nonce=2)
    perform(world, replace(theirs, guardian=later), MOTHER)

    assert refused == [("ExclusionsShielded", (theirs.subject_id, court))] * 2
    assert summary(world) != 0


def test_delegate_of_a_shielded_minor_excludes_nobody(world: World) -> None:
    note(world, shielded=True)
    delegate = appoint(world)
    act = exclusion_of(world, ExclusionKind.CATEGORY, target_of_category(3), guardian=delegate)

    assert refusal(world, act, MOTHER) == ("ExclusionsShielded", (act.subject_id, delegate))

    perform(world, replace(act, guardian=ZERO_32), world.patient.signer)


def test_guardian_lifts_what_it_excluded_before_the_shield(world: World) -> None:
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    theirs = exclusion_of(world, ExclusionKind.CATEGORY, target_of_category(3), guardian=parent)
    perform(world, theirs, MOTHER)
    note(world, shielded=True)

    perform(world, lift_of(theirs), MOTHER)

    assert summary(world) == 0


def test_ask_of_a_shielded_minor_is_answered_by_itself_alone(world: World) -> None:
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    ask = ask_of(world)
    perform(world, ask, world.hospital.signer)
    theirs = answer_to(world, ask, guardian=parent, assurance=Assurance.GUARDIAN)
    shielded = ("AsksShielded", (id_of(ask), parent))

    assert grant_refusal(world, theirs, MOTHER) == shielded
    assert grant_refusal(world, replace(theirs, max_uses=ask.max_uses + 1), MOTHER) == shielded

    world.grant(answer_to(world, ask))
    world.grant(replace(theirs, nonce=77), MOTHER)


def test_ask_of_an_unshielded_minor_is_answered_by_its_parent(world: World) -> None:
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    ask = ask_of(world)
    perform(world, ask, world.hospital.signer)

    terms = answer_to(world, ask, guardian=parent, assurance=Assurance.GUARDIAN)
    world.grant(terms, MOTHER)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_ask_of_a_shielded_minor_is_denied_by_itself_alone(world: World) -> None:
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    ask = ask_of(world)
    perform(world, ask, world.hospital.signer)
    own = AskDenial(id_of(ask), ask.subject_id, ZERO_32, world.suite.now() + 3600)
    theirs = replace(own, guardian=parent)

    assert refusal(world, theirs, MOTHER) == ("ActSignatureInvalid", (struct_hash(theirs), 0))

    perform(world, own, world.patient.signer)
