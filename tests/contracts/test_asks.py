"""Behaviour of asks: made, answered, denied, lapsed, and every refusal in its order."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.asks import COOL_DOWN, LONGEST_OPEN, SHORTEST_OPEN, AskDenial, ConsentAsk
from consentry.core.codes import AskStatus, Category, ConsentStatus, bits
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from tests.contracts.consent_acts import OTHER, UNKNOWN, checksummed, grant_refusal, revoke_refusal, state_of
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, World, values_of
from tests.support.life_world import answer_to, ask_of, changed, event_of, id_of, perform, refusal


def status_of(world: World, ask: ConsentAsk) -> int:
    return int(world.suite.read("Consents", "askOf", id_of(ask))[2])


def denial_of(world: World, ask: ConsentAsk, **changes: Value) -> AskDenial:
    before = world.suite.now() + 3600
    return changed(AskDenial(id_of(ask), ask.subject_id, ZERO_32, before), **changes)


def asked(world: World, **changes: Value) -> ConsentAsk:
    ask = ask_of(world, **changes)
    perform(world, ask, world.hospital.signer)
    return ask


def denied(world: World) -> ConsentAsk:
    ask = asked(world)
    perform(world, denial_of(world, ask), world.patient.signer)
    return ask


def test_ask_is_kept_as_it_was_signed(world: World) -> None:
    ask = ask_of(world, practitioner=OTHER)

    event = event_of(world, perform(world, ask, world.hospital.signer))

    assert (event.name, event.args["actHash"]) == ("ConsentAsked", id_of(ask))
    assert (event.args["subjectId"], event.args["institution"]) == (ask.subject_id, checksummed(ask.institution))
    assert list(world.suite.read("Consents", "askOf", id_of(ask))) == [
        *(checksummed(ask.institution), ask.lapses_at, AskStatus.OPEN, ask.purpose, ask.actions, ask.max_sensitivity),
        *(ask.subject_id, ask.practitioner, ask.records_root, ask.categories, ask.data_from, ask.data_until),
        *(ask.valid_until, ask.max_uses),
    ]
    matter = ask.institution, ask.subject_id, ask.purpose
    assert world.suite.read("Consents", "lastAsk", *matter) == id_of(ask)
    assert world.suite.read("Consents", "coolDownEnds", *matter) == 0
    assert world.suite.read("Consents", "coolDown") == COOL_DOWN


def test_ask_opens_nothing(world: World) -> None:
    ask = asked(world)

    assert state_of(world, answer_to(world, ask))[0] == ConsentStatus.NONE


# What may be asked


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"categories": 0}, ("ConsentsScopeInvalid", (ZERO_32, 0))),
        ({"records_root": OTHER}, ("ConsentsScopeInvalid", (OTHER, 1 << 3 | 1 << 4))),
        ({"purpose": 0}, ("ConsentsPurposesInvalid", (1,))),
        ({"purpose": 16}, ("ConsentsPurposesInvalid", (1 << 16,))),
        ({"purpose": 32}, ("ConsentsPurposesInvalid", (0,))),
        ({"purpose": 255}, ("ConsentsPurposesInvalid", (0,))),
        ({"actions": 0}, ("ConsentsActionsInvalid", (0,))),
        ({"max_sensitivity": 5}, ("ConsentsSensitivityInvalid", (5,))),
        ({"data_from": 9, "data_until": 8}, ("ConsentsDataPeriodInvalid", (9, 8))),
        ({"max_uses": 0}, ("ConsentsUsesInvalid", (0,))),
        ({"notice_hash": ZERO_32}, ("ConsentsNoticeMissing", (ZERO_32, 1))),
    ],
)
def test_ask_for_what_nobody_could_grant_is_refused(
    world: World, changes: dict[str, Value], error: tuple[str, tuple[Value, ...]]
) -> None:
    assert refusal(world, ask_of(world, **changes), world.hospital.signer) == error


def test_ask_for_a_period_that_is_over_is_refused(world: World) -> None:
    now = world.suite.now()

    refused = refusal(world, ask_of(world, valid_until=now), world.hospital.signer)

    assert refused == ("ConsentsPeriodInvalid", (0, now, now))


@pytest.mark.parametrize(
    ("after", "allowed"),
    [(0, False), (SHORTEST_OPEN - 1, False), (SHORTEST_OPEN, True), (LONGEST_OPEN, True), (LONGEST_OPEN + 1, False)],
)
def test_ask_lapses_after_a_day_at_the_earliest_within_ninety_days(world: World, after: int, allowed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    now = world.suite.now()
    ask = ask_of(world, lapses_at=now + after)

    if allowed:
        world.suite.travel(now)
        perform(world, ask, world.hospital.signer)
    else:
        expected = "AsksLapseInvalid", (now + after, now + SHORTEST_OPEN, now + LONGEST_OPEN)
        assert refusal(world, ask, world.hospital.signer) == expected


def test_ask_of_a_suspended_or_unknown_institution_is_refused(world: World) -> None:
    unknown = refusal(world, ask_of(world, institution=UNKNOWN), world.hospital.signer)
    world.suspend(world.hospital)

    suspended = refusal(world, ask_of(world), world.hospital.signer)

    assert unknown == ("AsksInstitutionInactive", (checksummed(UNKNOWN),))
    assert suspended == ("AsksInstitutionInactive", (checksummed(world.hospital.address),))


def test_ask_to_an_unknown_subject_is_refused(world: World) -> None:
    refused = refusal(world, ask_of(world, subject_id=SubjectId(OTHER)), world.hospital.signer)

    assert refused == ("AsksSubjectUnknown", (OTHER,))


@pytest.mark.parametrize("who", ["custodian", "patient"])
def test_ask_in_the_name_of_another_is_refused(world: World, who: str) -> None:
    ask = ask_of(world)

    assert refusal(world, ask, getattr(world, who).signer) == ("ActSignatureInvalid", (id_of(ask), 0))


def test_order_of_refusals_of_an_ask(world: World) -> None:
    first = asked(world)
    wrong = {"institution": UNKNOWN, "subject_id": SubjectId(OTHER), "categories": 0, "lapses_at": 0}
    sound = ask_of(world, nonce=2)
    seen = []
    for member in (*wrong, "nothing"):
        ask = changed(sound, **wrong)
        seen.append(refusal(world, ask, world.patient.signer)[0])
        wrong.pop(member, None)

    assert seen == [
        "AsksInstitutionInactive",
        "AsksSubjectUnknown",
        "ConsentsScopeInvalid",
        "AsksLapseInvalid",
        "AsksStillOpen",
    ]
    perform(world, denial_of(world, first), world.patient.signer)
    assert refusal(world, sound, world.patient.signer)[0] == "AsksCoolingDown"
    other = changed(sound, purpose=2)
    assert refusal(world, other, world.patient.signer)[0] == "ActSignatureInvalid"


# One matter at a time


def test_second_ask_is_refused_while_the_first_is_open(world: World) -> None:
    first = asked(world)

    assert refusal(world, ask_of(world, nonce=2), world.hospital.signer) == ("AsksStillOpen", (id_of(first),))


@pytest.mark.parametrize("other", [{"purpose": 2}, {"institution": "custodian"}])
def test_ask_in_another_matter_is_free(world: World, other: dict[str, Value]) -> None:
    denied(world)
    signer = world.hospital.signer
    if "institution" in other:
        other, signer = {"institution": world.custodian.address}, world.custodian.signer

    perform(world, ask_of(world, nonce=2, **other), signer)


def test_ask_lapses_at_its_time_and_leaves_the_way_free(world: World) -> None:
    first = asked(world)
    world.suite.travel(first.lapses_at - 1)
    late = ask_of(world, nonce=2)
    before = status_of(world, first), refusal(world, late, world.hospital.signer)[0]

    world.suite.travel(first.lapses_at)

    assert before == (AskStatus.OPEN, "AsksStillOpen")
    assert status_of(world, first) == AskStatus.LAPSED
    perform(world, changed(late, nonce=3), world.hospital.signer)
    assert world.suite.read("Consents", "coolDownEnds", first.institution, first.subject_id, first.purpose) == 0


def test_lapsed_ask_is_neither_denied_nor_answered(world: World) -> None:
    ask = asked(world)
    world.suite.travel(ask.lapses_at)

    lapsed = ("AsksNotOpen", (id_of(ask), AskStatus.LAPSED))
    assert refusal(world, denial_of(world, ask), world.patient.signer) == lapsed
    assert grant_refusal(world, answer_to(world, ask)) == lapsed


# Denying


def test_denial_begins_the_cool_down_to_the_second(world: World) -> None:
    ask = denied(world)
    matter = ask.institution, ask.subject_id, ask.purpose
    ends = world.suite.read("Consents", "coolDownEnds", *matter)

    world.suite.travel(ends - 1)
    early = refusal(world, ask_of(world, nonce=2), world.hospital.signer)
    world.suite.travel(ends)
    perform(world, ask_of(world, nonce=2), world.hospital.signer)

    block = world.suite.w3.eth.get_block("latest")
    assert ends == block["timestamp"]
    assert early == ("AsksCoolingDown", (checksummed(ask.institution), ask.subject_id, ask.purpose, ends))
    assert status_of(world, ask) == AskStatus.DENIED


def test_denial_names_the_subject_and_no_institution(world: World) -> None:
    ask = asked(world)
    denial = denial_of(world, ask)

    event = event_of(world, perform(world, denial, world.patient.signer))

    assert event.name == "ConsentDenied"
    assert (event.args["subjectId"], event.args["institution"]) == (ask.subject_id, checksummed(bytes(20)))
    time = world.suite.w3.eth.get_block("latest")["timestamp"]
    matter = ask.institution, ask.subject_id, ask.purpose
    assert world.suite.read("Consents", "coolDownEnds", *matter) == time + COOL_DOWN


def test_denial_of_what_is_not_open_is_refused(world: World) -> None:
    ask = denied(world)
    again = denial_of(world, ask, sign_before=world.suite.now() + 99)
    unknown = denial_of(world, ask, ask_id=OTHER)

    assert refusal(world, again, world.patient.signer) == ("AsksNotOpen", (id_of(ask), AskStatus.DENIED))
    assert refusal(world, unknown, world.patient.signer) == ("AsksNotOpen", (OTHER, AskStatus.NONE))


def test_denial_by_another_subject_is_refused(world: World) -> None:
    ask = asked(world)
    other = world.enrol("another", world.patient.signer)

    refused = refusal(world, denial_of(world, ask, subject_id=other.subject_id), world.patient.signer)

    assert refused == ("AsksSubjectMismatch", (id_of(ask), other.subject_id))


@pytest.mark.parametrize("who", ["custodian", "hospital"])
def test_institution_does_not_deny_for_the_patient(world: World, who: str) -> None:
    denial = denial_of(world, asked(world))

    assert refusal(world, denial, getattr(world, who).signer) == ("ActSignatureInvalid", (struct_hash(denial), 0))


# Answering


def test_grant_with_the_ask_as_nonce_closes_it(world: World) -> None:
    ask = asked(world)
    terms = answer_to(world, ask)

    world.grant(terms)

    assert (status_of(world, ask), state_of(world, terms)[0]) == (AskStatus.ANSWERED, ConsentStatus.ACTIVE)
    second = dataclasses.replace(terms, max_uses=1)
    assert grant_refusal(world, second) == ("AsksNotOpen", (id_of(ask), AskStatus.ANSWERED))
    perform(world, ask_of(world, nonce=2), world.hospital.signer)


def test_denied_ask_is_not_answered_any_more(world: World) -> None:
    ask = denied(world)

    assert grant_refusal(world, answer_to(world, ask)) == ("AsksNotOpen", (id_of(ask), AskStatus.DENIED))


def test_other_nonces_meet_no_ask(world: World) -> None:
    ask = denied(world)

    world.grant(dataclasses.replace(answer_to(world, ask), nonce=5))

    assert status_of(world, ask) == AskStatus.DENIED


NARROWER: list[dict[str, Value]] = [
    {"categories": bits(Category.IMAGING)},
    {"actions": 1 << 1, "erase_by": 0},
    {"max_sensitivity": 1},
    {"data_from": 601},
    {"data_until": 679},
    {"max_uses": 1},
    {"practitioner": OTHER},
    {"assurance": 1},
]


@pytest.mark.parametrize("changes", NARROWER)
def test_narrower_answer_is_granted(world: World, changes: dict[str, Value]) -> None:
    ask = asked(world)
    terms = answer_to(world, ask, **changes)

    world.grant(terms)

    assert status_of(world, ask) == AskStatus.ANSWERED


def test_shorter_answer_is_granted(world: World) -> None:
    ask = asked(world)

    world.grant(answer_to(world, ask, valid_until=ask.valid_until - 1))

    assert status_of(world, ask) == AskStatus.ANSWERED


WIDER: dict[str, dict[str, Value]] = {
    "categories": {"categories": bits(*range(3, 6))},
    "records": {"categories": 0, "records_root": OTHER},
    "purposes": {"purposes": 1 << 1 | 1 << 2},
    "another purpose": {"purposes": 1 << 2},
    "sensitivity": {"max_sensitivity": 4},
    "from": {"data_from": 599},
    "until": {"data_until": 681},
    "uses": {"max_uses": 11},
    "anybody": {"practitioner": ZERO_32},
    "another person": {"practitioner": b"\x66" * 32},
    "a group": {"institution": bytes(20), "practitioner": ZERO_32, "group": OTHER},
}


@pytest.mark.parametrize("case", WIDER)
def test_wider_answer_is_refused(world: World, case: str) -> None:
    ask = asked(world, practitioner=OTHER)
    terms = answer_to(world, ask, **WIDER[case])

    assert grant_refusal(world, terms) == ("AsksAnswerWider", (id_of(ask),))


def wider_by(world: World, ask: ConsentAsk, member: str) -> ConsentTerms:
    changes: dict[str, dict[str, Value]] = {
        "actions": {"actions": 1 << 1 | 1 << 2},
        "valid_until": {"valid_until": ask.valid_until + 1},
        "institution": {"institution": world.custodian.address},
    }
    return answer_to(world, ask, **changes[member])


@pytest.mark.parametrize("member", ["actions", "valid_until", "institution"])
def test_answer_beyond_the_ask_is_refused(world: World, member: str) -> None:
    ask = asked(world, actions=1 << 1)
    terms = wider_by(world, ask, member)
    if member != "actions":
        terms = dataclasses.replace(terms, erase_by=0)

    assert grant_refusal(world, terms) == ("AsksAnswerWider", (id_of(ask),))


def test_answer_to_named_records_names_the_same(world: World) -> None:
    ask = asked(world, categories=0, records_root=OTHER)

    assert grant_refusal(world, answer_to(world, ask, records_root=ZERO_32, categories=2))[0] == "AsksAnswerWider"
    assert grant_refusal(world, answer_to(world, ask, records_root=b"\x56" * 32))[0] == "AsksAnswerWider"
    world.grant(answer_to(world, ask))


def test_answer_of_another_subject_is_refused(world: World) -> None:
    ask = asked(world)
    other = world.enrol("another", world.patient.signer)
    terms = answer_to(world, ask, subject_id=other.subject_id)

    assert grant_refusal(world, terms) == ("AsksSubjectMismatch", (id_of(ask), other.subject_id))


def test_answer_is_signed_by_the_subject(world: World) -> None:
    terms = answer_to(world, asked(world))

    refused = grant_refusal(world, terms, signer=world.hospital.signer)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_answer_is_checked_before_its_signature(world: World) -> None:
    terms = answer_to(world, asked(world), max_uses=11)

    assert grant_refusal(world, terms, signer=world.hospital.signer)[0] == "AsksAnswerWider"


def test_revoked_answer_stays_revoked_and_does_not_reopen_the_ask(world: World) -> None:
    ask = asked(world)
    terms = answer_to(world, ask)
    world.grant(terms)
    world.revoke(terms)

    assert status_of(world, ask) == AskStatus.ANSWERED
    assert grant_refusal(world, terms) == ("ConsentsAlreadyRevoked", (consent_id(terms),))
    assert revoke_refusal(world, terms) == ("ConsentsAlreadyRevoked", (consent_id(terms),))


def test_ask_needs_a_relay(world: World) -> None:
    ask = ask_of(world, valid_until=world.suite.now() + DAY)
    arguments = values_of(ask), [b""]

    refused = world.suite.refusal("Consents", "ask", *arguments, sender=world.stranger)

    assert refused == ("ActRelayRequired", (world.stranger,))
    assert denial_of(world, ask).FORM.function == "denyAsk"
