"""Behaviour of `Persons`: links receipted and undone by authorities, and every refusal in its order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from web3 import Web3

from consentry.core.persons import LinkStatus, SubjectLink, SubjectUnlink
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.contract_suite import Event, Value, appoint_authority, by_two
from tests.support.contract_world import BEIJING, GUANGDONG, World, key_of, values_of
from tests.support.signers import AccountSigner

PROVINCE, NEIGHBOUR, NATION, STRANGER = (
    AccountSigner(key_of(f"persons/{name}")) for name in ("province", "neighbour", "nation", "stranger")
)
COMMITMENT, OTHER = samples.word(0x71), samples.word(0x72)
Act = SubjectLink | SubjectUnlink
FUNCTIONS = (("link", SubjectLink), ("unlink", SubjectUnlink))


def shown(signer: AccountSigner) -> str:
    return Web3.to_checksum_address(signer.identity)


@pytest.fixture
def world(world: World) -> World:
    """Adds authorities whose keys the tests hold."""
    for signer, region in ((PROVINCE, GUANGDONG), (NEIGHBOUR, BEIJING), (NATION, 0)):
        deputy = AccountSigner(key_of(f"deputy of {shown(signer)}"))
        appoint_authority(world.suite, shown(signer), region, shown(deputy))
    return world


def link_of(world: World, signer: AccountSigner = PROVINCE, commitment: bytes = COMMITMENT) -> SubjectLink:
    return SubjectLink(Address(signer.identity), commitment, world.suite.now() + 3_600)


def unlink_of(world: World, link: bytes, signer: AccountSigner = PROVINCE, commitment: bytes = OTHER) -> SubjectUnlink:
    return SubjectUnlink(Address(signer.identity), link, commitment, world.suite.now() + 3_600)


def function_of(act: Act) -> str:
    return next(function for function, kind in FUNCTIONS if isinstance(act, kind))


def perform(world: World, act: Act, signer: AccountSigner = PROVINCE) -> list[Event]:
    """Has an act taken and gives its events."""
    signatures = [world.sign("Persons", act, signer)]
    receipt = world.suite.send("Persons", function_of(act), values_of(act), signatures, sender=world.relay)
    return world.suite.events(receipt)


def refusal(
    world: World,
    act: Act,
    signer: AccountSigner = PROVINCE,
    *,
    sender: str | None = None,
    signatures: Sequence[bytes] | None = None,
) -> tuple[str, tuple[Value, ...]]:
    own = [world.sign("Persons", act, signer)] if signatures is None else list(signatures)
    return world.suite.refusal("Persons", function_of(act), values_of(act), own, sender=sender or world.relay)


def status(world: World, link: bytes) -> LinkStatus:
    return LinkStatus(int(str(world.suite.read("Persons", "linkStatus", link))))


def linked(world: World, signer: AccountSigner = PROVINCE) -> bytes:
    act = link_of(world, signer)
    perform(world, act, signer)
    return struct_hash(act)


def suspend(world: World, signer: AccountSigner) -> None:
    by_two(world.suite, (world.suite.national, world.suite.second), "suspendAuthority", shown(signer), ZERO_32)


def test_link_names_nobody_and_stands(world: World) -> None:
    act = link_of(world)

    (event,) = perform(world, act)

    name = struct_hash(act)
    assert event.name == "SubjectsLinked"
    assert event.args["actHash"] == name
    assert (event.args["subjectId"], int(event.args["institution"], 16)) == (ZERO_32, 0)
    assert tuple(event.args["act"].values()) == (shown(PROVINCE), COMMITMENT, act.sign_before)
    assert event.args["signatures"] == [world.sign("Persons", act, PROVINCE)]
    assert status(world, name) == LinkStatus.STANDING
    assert world.suite.read("Persons", "isPerformed", name)


def test_unlink_undoes_and_keeps_both_receipts(world: World) -> None:
    link = linked(world)
    act = unlink_of(world, link)

    (event,) = perform(world, act)

    assert event.name == "SubjectsUnlinked"
    assert event.args["actHash"] == struct_hash(act)
    assert (event.args["subjectId"], int(event.args["institution"], 16)) == (ZERO_32, 0)
    assert tuple(event.args["act"].values()) == (shown(PROVINCE), link, OTHER, act.sign_before)
    assert status(world, link) == LinkStatus.UNDONE
    assert world.suite.read("Persons", "isPerformed", link)
    assert world.suite.read("Persons", "isPerformed", struct_hash(act))


def test_link_that_was_never_made_has_no_status(world: World) -> None:
    assert status(world, samples.word(0x99)) == LinkStatus.NONE
    assert not world.suite.read("Persons", "isPerformed", samples.word(0x99))


def test_undoing_one_link_leaves_another_of_the_same_authority(world: World) -> None:
    first = linked(world)
    second = link_of(world, commitment=samples.word(0x73))
    perform(world, second)

    perform(world, unlink_of(world, first))

    assert (status(world, first), status(world, struct_hash(second))) == (LinkStatus.UNDONE, LinkStatus.STANDING)


def test_same_subjects_are_linked_anew_under_another_commitment(world: World) -> None:
    perform(world, unlink_of(world, linked(world)))
    anew = link_of(world, commitment=samples.word(0x74))

    perform(world, anew)

    assert status(world, struct_hash(anew)) == LinkStatus.STANDING


def test_national_authority_undoes_the_link_of_a_province(world: World) -> None:
    link = linked(world)

    perform(world, unlink_of(world, link, NATION), NATION)

    assert status(world, link) == LinkStatus.UNDONE


def test_province_does_not_undo_the_link_of_another_or_of_the_nation(world: World) -> None:
    link = linked(world, NATION)

    assert refusal(world, unlink_of(world, link)) == ("PersonsLinkOfAnother", (shown(PROVINCE), shown(NATION)))
    perform(world, act := link_of(world, NEIGHBOUR, samples.word(0x75)), NEIGHBOUR)
    foreign = unlink_of(world, struct_hash(act))
    assert refusal(world, foreign) == ("PersonsLinkOfAnother", (shown(PROVINCE), shown(NEIGHBOUR)))


def test_acts_passed_on_by_a_stranger_are_refused(world: World) -> None:
    link = linked(world)

    for act in (link_of(world, commitment=OTHER), unlink_of(world, link)):
        assert refusal(world, act, sender=world.stranger) == ("ActRelayRequired", (world.stranger,))


def test_acts_through_any_relay_are_taken(world: World) -> None:
    world.relay = world.hospital.relay
    link = linked(world)

    perform(world, unlink_of(world, link))

    assert status(world, link) == LinkStatus.UNDONE


@pytest.mark.parametrize("count", [0, 2])
def test_wrong_number_of_signatures_is_refused(world: World, count: int) -> None:
    link = linked(world)

    for act in (link_of(world, commitment=OTHER), unlink_of(world, link)):
        signatures = [world.sign("Persons", act, PROVINCE)] * count
        assert refusal(world, act, signatures=signatures) == ("ActSignaturesMismatch", (count, 1))


@pytest.mark.parametrize(("late", "taken"), [(-1, False), (0, False), (1, True)])
def test_acts_count_before_their_last_second_alone(world: World, late: int, *, taken: bool) -> None:
    link, now = linked(world), world.suite.now()

    for act in (link_of(world, commitment=samples.word(0x76)), unlink_of(world, link)):
        timed = dataclasses.replace(act, sign_before=now + late)
        if taken:
            signatures = [world.sign("Persons", timed, PROVINCE)]
            world.suite.read("Persons", function_of(timed), values_of(timed), signatures, sender=world.relay)
        else:
            assert refusal(world, timed) == ("ActExpired", (now + late, now))


def test_acts_count_once(world: World) -> None:
    act = link_of(world)
    perform(world, act)
    undone = unlink_of(world, struct_hash(act))
    perform(world, undone)

    for repeated in (act, undone):
        assert refusal(world, repeated) == ("ActRepeated", (struct_hash(repeated),))


def test_nobody_but_an_active_authority_links_or_unlinks(world: World) -> None:
    link = linked(world, NEIGHBOUR)
    suspend(world, PROVINCE)

    for signer in (STRANGER, PROVINCE):
        for act in (link_of(world, signer, OTHER), unlink_of(world, link, signer)):
            assert refusal(world, act, signer) == ("PersonsAuthorityInactive", (shown(signer),))


def test_link_of_a_suspended_authority_stands_until_the_nation_undoes_it(world: World) -> None:
    link = linked(world)
    suspend(world, PROVINCE)

    assert status(world, link) == LinkStatus.STANDING
    perform(world, unlink_of(world, link, NATION), NATION)
    assert status(world, link) == LinkStatus.UNDONE


def test_acts_without_a_commitment_are_refused(world: World) -> None:
    link = linked(world)

    for act in (link_of(world, commitment=ZERO_32), unlink_of(world, link, commitment=ZERO_32)):
        assert refusal(world, act) == ("PersonsCommitmentMissing", ())


def test_commitment_is_used_once_by_whomever_for_whatever(world: World) -> None:
    link = linked(world)
    perform(world, unlink_of(world, link))
    again = dataclasses.replace(link_of(world), sign_before=world.suite.now() + 7_200)

    assert refusal(world, again) == ("PersonsCommitmentUsed", (COMMITMENT,))
    assert refusal(world, link_of(world, NEIGHBOUR), NEIGHBOUR) == ("PersonsCommitmentUsed", (COMMITMENT,))
    assert refusal(world, link_of(world, commitment=OTHER)) == ("PersonsCommitmentUsed", (OTHER,))
    other = link_of(world, commitment=samples.word(0x77))
    perform(world, other)
    undoing = unlink_of(world, struct_hash(other), commitment=COMMITMENT)
    assert refusal(world, undoing) == ("PersonsCommitmentUsed", (COMMITMENT,))


def test_refused_act_uses_up_no_commitment(world: World) -> None:
    act = link_of(world)
    assert refusal(world, act, NEIGHBOUR) == ("ActSignatureInvalid", (struct_hash(act), 0))

    perform(world, act)

    assert status(world, struct_hash(act)) == LinkStatus.STANDING


def test_only_a_standing_link_is_undone(world: World) -> None:
    unknown = samples.word(0x78)
    error = "PersonsLinkNotStanding"
    assert refusal(world, unlink_of(world, unknown)) == (error, (unknown, LinkStatus.NONE))
    link = linked(world)
    perform(world, unlink_of(world, link))

    again = unlink_of(world, link, commitment=samples.word(0x79))

    assert refusal(world, again) == (error, (link, LinkStatus.UNDONE))
    # What was undone is told before whose it was.
    foreign = unlink_of(world, link, NEIGHBOUR, samples.word(0x79))
    assert refusal(world, foreign, NEIGHBOUR) == (error, (link, LinkStatus.UNDONE))


def test_acts_need_the_signature_of_the_authority_they_name(world: World) -> None:
    link = linked(world)

    for act in (link_of(world, commitment=OTHER), unlink_of(world, link)):
        for signer in (NEIGHBOUR, NATION, STRANGER):
            assert refusal(world, act, signer) == ("ActSignatureInvalid", (struct_hash(act), 0))
        for signature in (b"", bytes(65), world.sign("Subjects", act, PROVINCE)):
            assert refusal(world, act, signatures=[signature]) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_first_check_that_fails_is_told(world: World) -> None:
    """Everything is wrong at first; what was told is put right, one after another."""
    link = linked(world, NEIGHBOUR)
    wrong = SubjectUnlink(Address(STRANGER.identity), samples.word(0x7A), ZERO_32, world.suite.now())
    told = [refusal(world, wrong, signatures=[], sender=world.stranger)[0], refusal(world, wrong, signatures=[])[0]]
    told.append(refusal(world, wrong, NATION)[0])
    wrong = dataclasses.replace(wrong, sign_before=world.suite.now() + 3_600)
    told.append(refusal(world, wrong, NATION)[0])
    changes: tuple[dict[str, Any], ...] = (
        {"authority": Address(PROVINCE.identity)},
        {"commitment": COMMITMENT},
        {"commitment": OTHER},
        {"link": link},
        {"authority": Address(NEIGHBOUR.identity)},
    )
    for change in changes:
        wrong = dataclasses.replace(wrong, **change)
        told.append(refusal(world, wrong, NATION)[0])

    assert told == [
        "ActRelayRequired",
        "ActSignaturesMismatch",
        "ActExpired",
        "PersonsAuthorityInactive",
        "PersonsCommitmentMissing",
        "PersonsCommitmentUsed",
        "PersonsLinkNotStanding",
        "PersonsLinkOfAnother",
        "ActSignatureInvalid",
    ]


def test_contract_reads_the_register_of_the_suite(world: World) -> None:
    assert world.suite.read("Persons", "participants") == world.suite["Participants"].address
