"""Behaviour of what follows a revocation: duties, acknowledgements, attestations, and every refusal."""

from __future__ import annotations

from typing import cast

import pytest

from consentry.core.codes import Action, ConsentStatus, Copies, Duty
from consentry.core.revocations import TIME_TO_ACKNOWLEDGE, TIME_TO_ERASE
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from tests.contracts.consent_acts import OTHER, UNKNOWN, checksummed, state_of
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, Hospital, World, group_of
from tests.support.life_world import acknowledgement_of, attestation_of, event_of, perform, refusal

ALL = 2**256 - 1


def revoked(world: World, *, used: bool = False, **changes: Value) -> ConsentTerms:
    """Grants terms that allow copies, lets the hospital look or not, and takes them back."""
    terms = world.storing(**changes)
    world.grant(terms)
    if used:
        leaf = world.leaf()
        world.anchor(leaf)
        world.decide([world.item(leaf, terms, action=Action.STORE)])
    world.revoke(terms)
    return terms


def duties(world: World, institution: Hospital, name: str = "openDuties") -> set[tuple[bytes, int, int]]:
    arguments = (0, ALL) if name == "openDuties" else ()
    found = world.suite.read("Consents", name, institution.address, *arguments)
    return {cast("tuple[bytes, int, int]", tuple(duty)) for duty in found}


def owed(world: World, institution: Hospital) -> int:
    return int(world.suite.read("Consents", "openDutyCount", institution.address))


# Duties


def test_revocation_opens_duties_of_grantee_and_custodian(world: World) -> None:
    terms = revoked(world, used=True)
    consent, at = consent_id(terms), state_of(world, terms)[3]

    acknowledge = (consent, Duty.ACKNOWLEDGE, at + TIME_TO_ACKNOWLEDGE)
    assert duties(world, world.hospital) == {acknowledge, (consent, Duty.ERASE, at + TIME_TO_ERASE)}
    assert duties(world, world.custodian) == {acknowledge}
    assert (owed(world, world.hospital), owed(world, world.custodian)) == (1, 1)


def test_erasure_is_due_by_the_terms_where_that_is_sooner(world: World) -> None:
    soon = world.suite.now() + 2 * DAY
    terms = revoked(world, used=True, erase_by=soon)

    assert (consent_id(terms), Duty.ERASE, soon) in duties(world, world.hospital)


@pytest.mark.parametrize("case", ["never used", "no copies granted"])
def test_no_erasure_is_owed_where_there_can_be_no_copies(world: World, case: str) -> None:
    viewing: dict[str, Value] = {"actions": 1 << Action.VIEW, "erase_by": 0}
    if case == "never used":
        revoked(world)
    else:
        terms = world.terms(**viewing)
        world.grant(terms)
        leaf = world.leaf()
        world.anchor(leaf)
        world.decide([world.item(leaf, terms)])
        world.revoke(terms)

    assert {kind for _, kind, _ in duties(world, world.hospital)} == {Duty.ACKNOWLEDGE}


def test_grantee_that_is_the_custodian_has_one_duty(world: World) -> None:
    revoked(world, institution=world.custodian.address)

    assert len(duties(world, world.custodian)) == 1
    assert owed(world, world.hospital) == 0


def test_consent_to_a_group_opens_a_duty_of_the_custodian_alone(world: World) -> None:
    group = group_of(world.beijing)
    arguments = group, world.hospital.address, True
    world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)
    revoked(world, used=True, institution=ZERO_ADDRESS, group=group)

    assert (owed(world, world.hospital), owed(world, world.custodian)) == (0, 1)
    assert {kind for _, kind, _ in duties(world, world.custodian)} == {Duty.ACKNOWLEDGE}


def test_refusal_before_a_grant_opens_no_duty(world: World) -> None:
    terms = world.terms()
    world.revoke(terms)

    assert (owed(world, world.hospital), owed(world, world.custodian)) == (0, 0)
    refused = refusal(world, acknowledgement_of(world, terms), world.hospital.signer)
    assert refused == ("RevocationsNotRevoked", (consent_id(terms), terms.subject_id))


def test_duties_are_overdue_from_their_second_on(world: World) -> None:
    terms = revoked(world, used=True)
    at = state_of(world, terms)[3]
    seen = []
    for moment in (TIME_TO_ACKNOWLEDGE - 1, TIME_TO_ACKNOWLEDGE, TIME_TO_ERASE - 1, TIME_TO_ERASE):
        world.suite.travel(at + moment)
        seen.append({kind for _, kind, _ in duties(world, world.hospital, "overdueDuties")})

    assert seen == [set(), {Duty.ACKNOWLEDGE}, {Duty.ACKNOWLEDGE}, {Duty.ACKNOWLEDGE, Duty.ERASE}]


def test_open_duties_come_in_pages(world: World) -> None:
    terms = [revoked(world, nonce=n) for n in range(3)]
    pages = [world.suite.read("Consents", "openDuties", world.hospital.address, n, n + 2) for n in (0, 2, 4)]

    assert [len(page) for page in pages] == [2, 1, 0]
    assert {duty[0] for page in pages for duty in page} == {consent_id(each) for each in terms}


# Acknowledging


@pytest.mark.parametrize("who", ["hospital", "custodian"])
@pytest.mark.parametrize("copies", list(Copies))
def test_acknowledgement_closes_the_duty(world: World, who: str, copies: Copies) -> None:
    terms, institution = revoked(world), cast("Hospital", getattr(world, who))
    act = acknowledgement_of(world, terms, institution=institution.address, copies=copies)
    before = world.suite.read("Consents", "answersOf", consent_id(terms), institution.address)

    event = event_of(world, perform(world, act, institution.signer))

    assert (event.name, event.args["actHash"]) == ("RevocationAcknowledged", struct_hash(act))
    assert event.args["institution"] == checksummed(institution.address)
    assert owed(world, institution) == 0
    assert list(before) == [False, False]
    assert list(world.suite.read("Consents", "answersOf", consent_id(terms), institution.address)) == [True, False]
    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_suspended_institution_still_acknowledges(world: World) -> None:
    terms = revoked(world)
    world.suspend(world.hospital)

    perform(world, acknowledgement_of(world, terms), world.hospital.signer)

    assert owed(world, world.hospital) == 0


@pytest.mark.parametrize("kind", ["acknowledge", "erase"])
def test_member_of_the_group_answers_and_others_do_not(world: World, kind: str) -> None:
    group = group_of(world.beijing)
    terms = revoked(world, used=True, institution=ZERO_ADDRESS, group=group)
    act = (acknowledgement_of if kind == "acknowledge" else attestation_of)(world, terms)
    before = refusal(world, act, world.hospital.signer)
    arguments = group, world.hospital.address, True
    world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)

    perform(world, act, world.hospital.signer)

    assert before == ("RevocationsNotConcerned", (consent_id(terms), checksummed(world.hospital.address)))
    answers = world.suite.read("Consents", "answersOf", consent_id(terms), world.hospital.address)
    assert list(answers) == [kind == "acknowledge", kind == "erase"]


def test_acknowledgement_while_the_consent_is_in_force_is_refused(world: World) -> None:
    terms = world.terms()
    world.grant(terms)

    refused = refusal(world, acknowledgement_of(world, terms), world.hospital.signer)

    assert refused == ("RevocationsNotRevoked", (consent_id(terms), terms.subject_id))


def test_acknowledgement_about_another_subject_is_refused(world: World) -> None:
    terms = revoked(world)
    act = acknowledgement_of(world, terms, subject_id=SubjectId(OTHER))

    assert refusal(world, act, world.hospital.signer) == ("RevocationsNotRevoked", (consent_id(terms), OTHER))


def test_acknowledgement_by_an_institution_not_concerned_is_refused(world: World) -> None:
    terms = revoked(world)
    third = world.admit("third", world.hospital.region, world.suite.accounts[6])
    act = acknowledgement_of(world, terms, institution=third.address)

    expected = ("RevocationsNotConcerned", (consent_id(terms), checksummed(third.address)))
    assert refusal(world, act, third.signer) == expected


@pytest.mark.parametrize("copies", [3, 255])
def test_unknown_code_of_copies_is_refused(world: World, copies: int) -> None:
    act = acknowledgement_of(world, revoked(world), copies=copies)

    assert refusal(world, act, world.hospital.signer) == ("RevocationsCopiesUnknown", (copies,))


def test_second_answer_is_refused(world: World) -> None:
    terms = revoked(world, used=True)
    perform(world, acknowledgement_of(world, terms), world.hospital.signer)
    perform(world, attestation_of(world, terms), world.hospital.signer)
    later = world.suite.now() + 99

    again = refusal(world, acknowledgement_of(world, terms, sign_before=later), world.hospital.signer)
    erased = refusal(world, attestation_of(world, terms, sign_before=later), world.hospital.signer)

    who = checksummed(world.hospital.address)
    assert again == ("RevocationsAlreadyDone", (consent_id(terms), who, Duty.ACKNOWLEDGE))
    assert erased == ("RevocationsAlreadyDone", (consent_id(terms), who, Duty.ERASE))


@pytest.mark.parametrize("who", ["custodian", "patient"])
def test_answers_signed_by_another_are_refused(world: World, who: str) -> None:
    terms, signer = revoked(world), getattr(world, who).signer
    for act in (acknowledgement_of(world, terms), attestation_of(world, terms)):
        assert refusal(world, act, signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


# Attesting


@pytest.mark.parametrize("first", ["acknowledgement", "attestation"])
def test_duty_stays_open_until_both_are_done(world: World, first: str) -> None:
    terms = revoked(world, used=True)
    acts = [acknowledgement_of(world, terms), attestation_of(world, terms)]
    done = acts if first == "acknowledgement" else acts[::-1]
    left = []
    for act in done:
        perform(world, act, world.hospital.signer)
        left.append({kind for _, kind, _ in duties(world, world.hospital)})

    other = Duty.ERASE if first == "acknowledgement" else Duty.ACKNOWLEDGE
    assert left == [{other}, set()]
    assert owed(world, world.hospital) == 0


def test_attestation_names_copies_and_who_answers(world: World) -> None:
    terms = revoked(world, used=True)
    act = attestation_of(world, terms)

    event = event_of(world, perform(world, act, world.hospital.signer))

    assert (event.name, event.args["actHash"]) == ("ErasureAttested", struct_hash(act))
    assert (event.args["act"]["copies"], event.args["act"]["practitioner"]) == (2, act.practitioner)


def test_custodian_that_was_not_named_attests_nothing(world: World) -> None:
    terms = revoked(world)
    act = attestation_of(world, terms, institution=world.custodian.address)

    expected = ("RevocationsNotConcerned", (consent_id(terms), checksummed(world.custodian.address)))
    assert refusal(world, act, world.custodian.signer) == expected


@pytest.mark.parametrize("case", ["nobody", "never", "future"])
def test_erasure_by_nobody_or_at_no_past_time_is_refused(world: World, case: str) -> None:
    terms, now = revoked(world), world.suite.now()
    changes: dict[str, dict[str, Value]] = {
        "nobody": {"practitioner": ZERO_32},
        "never": {"erased_at": 0},
        "future": {"erased_at": now + 1},
    }
    act = attestation_of(world, terms, **changes[case])

    expected = ("RevocationsErasureInvalid", (act.practitioner, act.erased_at, now))
    assert refusal(world, act, world.hospital.signer) == expected


def test_erasure_in_the_second_of_the_block_counts(world: World) -> None:
    terms, now = revoked(world), world.suite.now()
    world.suite.travel(now)

    perform(world, attestation_of(world, terms, erased_at=now), world.hospital.signer)

    assert world.suite.read("Consents", "answersOf", consent_id(terms), world.hospital.address)[1]


def test_order_of_refusals_of_an_attestation(world: World) -> None:
    terms = revoked(world)
    wrong: dict[str, Value] = {"subject_id": SubjectId(OTHER), "institution": UNKNOWN, "practitioner": ZERO_32}
    seen = []
    for member in (*wrong, "nothing"):
        seen.append(refusal(world, attestation_of(world, terms, **wrong), world.patient.signer)[0])
        wrong.pop(member, None)

    assert seen == [
        "RevocationsNotRevoked",
        "RevocationsNotConcerned",
        "RevocationsErasureInvalid",
        "ActSignatureInvalid",
    ]


def test_order_of_refusals_of_an_acknowledgement(world: World) -> None:
    terms = revoked(world)
    wrong: dict[str, Value] = {"subject_id": SubjectId(OTHER), "institution": UNKNOWN, "copies": 9}
    seen = []
    for member in (*wrong, "nothing"):
        seen.append(refusal(world, acknowledgement_of(world, terms, **wrong), world.patient.signer)[0])
        wrong.pop(member, None)

    assert seen == [
        "RevocationsNotRevoked",
        "RevocationsNotConcerned",
        "RevocationsCopiesUnknown",
        "ActSignatureInvalid",
    ]
