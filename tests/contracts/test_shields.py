"""What the shield of a minor keeps from its guardians: directive, asks, and exclusions that it took over from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.asks import AskDenial
from consentry.core.codes import DirectiveAnswer, ExclusionKind, GuardianKind
from consentry.core.exclusions import MOST_GROUPS, target_of_category, target_of_institution
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.contracts.guardian_acts import MOTHER, NEXT, QUARTER, appoint, note, perform, refusal
from tests.contracts.test_exclusions import lift_of, summary
from tests.contracts.test_guardians import directive
from tests.support import samples
from tests.support.contract_world import World
from tests.support.life_world import ask_of, exclusion_of, id_of


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
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    theirs = exclusion_of(world, kind, target, guardian=parent)
    perform(world, theirs, MOTHER)
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
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    groups = [samples.group(b"\x09" * 20, n) for n in range(MOST_GROUPS)]
    acts = [exclusion_of(world, ExclusionKind.GROUP, group, guardian=parent) for group in groups]
    for act in acts:
        perform(world, act, MOTHER)

    before = summary(world)

    perform(world, replace(acts[0], guardian=ZERO_32), world.patient.signer)

    assert summary(world) == before


def test_ask_of_a_shielded_minor_is_denied_by_itself_alone(world: World) -> None:
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    ask = ask_of(world)
    perform(world, ask, world.hospital.signer)
    own = AskDenial(id_of(ask), ask.subject_id, ZERO_32, world.suite.now() + 3600)
    theirs = replace(own, guardian=parent)

    assert refusal(world, theirs, MOTHER) == ("ActSignatureInvalid", (struct_hash(theirs), 0))

    perform(world, own, world.patient.signer)
