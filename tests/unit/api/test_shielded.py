"""What is a shielded minor's own over HTTP: its guardian sees neither asks, nor its keys, delegates and links."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from consentry.api.visibility import _is_for_guardians
from consentry.core.act_table import ACTS
from consentry.core.asks import AskDenial, widest_answer
from consentry.core.codes import GuardianKind
from consentry.core.guardianship import Circumstances, ProofOfLife
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration, SignerRotation
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey
from tests.support.gateway_world import World, done
from tests.unit.api.test_consent_life import ask_by, asked, asks_seen, send, soon
from tests.unit.api.test_guardians import appointment, later, listed, note, parent_of, perform
from tests.unit.api.test_persons import Desk

OWN_SIGNERS = ("subject", "subject's signer")
SIGNED_ALONE = [act for act in ACTS if act.FORM.signers and act.FORM.signers[0] in OWN_SIGNERS]


@pytest.mark.parametrize("shielded", [True, False])
async def test_guardian_sees_asks_of_a_child_and_none_of_a_shielded_minor(world: World, *, shielded: bool) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    parent, _ = await parent_of(world, subject, await note(world, subject, shielded=shielded))
    await asked(world, people.hospital, subject)

    seen = await asks_seen(world.signer(parent), subject)

    assert [ask.status for ask in seen] == ([] if shielded else ["OPEN"])
    assert len(await asks_seen(world.signer(people.patient), subject)) == 1


async def test_guardian_sees_no_act_that_is_a_shielded_minors_own(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    end = await note(world, subject, shielded=True)
    parent, _ = await parent_of(world, subject, end)
    answered = await asked(world, people.hospital, subject)
    await world.grant(people.patient, replace(widest_answer(answered), valid_from=int(time.time()) - 60, max_uses=1))
    denied = ask_by(people.hospital, subject, purpose=4)
    done(await send(world, denied, people.hospital.key, people.hospital), 201)
    done(await send(world, AskDenial(struct_hash(denied), subject, ZERO_32, soon()), people.patient), 201)
    friend, card, new = AccountKey.generate(), AccountKey.generate(), AccountKey.generate()
    await perform(world, appointment(subject, friend, GuardianKind.DELEGATE, end), friend, people.patient)
    await perform(world, CardRegistration(subject, card.signer, 1, later()), people.patient, card)
    await perform(world, SignerRotation(subject, new.signer, 1, later()), people.patient, new)

    kinds = [item["kind"] for item in await listed(world, parent, subject, "acts")]

    assert kinds == ["circumstances", "guardian-appointment"]
    assert await asks_seen(world.signer(parent), subject) == []
    own = [item["kind"] for item in await listed(world, new, subject, "acts")]
    assert {"consent-ask", "ask-denial", "card-registration", "signer-rotation"} <= set(own)


def test_acts_that_the_subject_alone_signs_are_found_under_both_names_of_its_signer() -> None:
    assert {act.FORM.signers[0] for act in SIGNED_ALONE} == set(OWN_SIGNERS)


@pytest.mark.parametrize("kind", SIGNED_ALONE)
def test_act_that_the_subject_alone_signs_is_for_no_guardian(kind: type[SignedAct]) -> None:
    assert not _is_for_guardians(kind.__new__(kind), frozenset())


@pytest.mark.parametrize("kind", [Circumstances, ProofOfLife])
def test_what_the_custodian_says_of_the_subject_is_for_guardians(kind: type[SignedAct]) -> None:
    assert _is_for_guardians(kind.__new__(kind), frozenset())


@pytest.mark.parametrize("shielded", [True, False])
async def test_guardian_sees_links_of_a_child_and_none_of_a_shielded_minor(world: World, *, shielded: bool) -> None:
    desk, people = Desk(world), world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    parent, _ = await parent_of(world, first, await note(world, first, shielded=shielded))
    await desk.link(first, second)
    assert len(await desk.links(world.signer(people.patient), first)) == 1
    assert len(await desk.links(world.signer(parent), first)) == (0 if shielded else 1)
