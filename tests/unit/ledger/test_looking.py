"""The last look as it is coded by hand, beside the coder of the committed ABI."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core.chain import ChainIdentity, Moment
from consentry.core.codes import AuthorisationStatus, ConsentStatus, RecordStatus, Standing
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, Address, AuthorisationId, ConsentId, SubjectId
from consentry.gateway.ports import Conditions, ConditionsAtHead
from consentry.ledger.abi import CONTRACTS, artifact
from consentry.ledger.coding import CodingError
from consentry.ledger.looking import Looking
from consentry.ledger.manifest import Manifest
from tests.support import samples
from tests.support.answers import encode_members

ADDRESSES = {name: samples.address(number) for number, name in enumerate(CONTRACTS, 1)}
LOOKING = Looking(Manifest(ChainIdentity(1, bytes(32), tuple(ADDRESSES.items()), 0), ()))
HEAD = Moment(7, 70)
words = st.binary(min_size=32, max_size=32)
ids = st.one_of(st.just(ZERO_32), words)


@st.composite
def conditions_of_an_access(draw: st.DrawFn) -> Conditions:
    """Gives what an access may rest on."""
    asked = replace(
        samples.request(draw(words), ConsentId(draw(ids)), draw(words)),
        institution=Address(draw(st.binary(min_size=20, max_size=20))),
        authorisation_id=AuthorisationId(draw(ids)),
        practitioner=draw(words),
    )
    return Conditions(asked, SubjectId(draw(words)), draw(st.integers(0, 255)), draw(ids))


def expected(conditions: Conditions) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Gives the questions as the contracts declare them."""
    asked, subject = conditions.request, conditions.subject_id
    found: list[tuple[str, str, tuple[Any, ...]]] = [
        ("Participants", "institutionForDecision", (asked.institution,)),
        ("Records", "statusOf", (asked.record_id,)),
        ("Subjects", "factsOf", (subject,)),
        ("Consents", "isExcluded", (subject, asked.institution, asked.practitioner, conditions.category)),
    ]
    if any(asked.consent_id):
        found.append(("Consents", "stateOf", (asked.consent_id,)))
    if any(asked.authorisation_id):
        found.append(("Authorisations", "statesOf", ([asked.authorisation_id],)))
    if any(conditions.group):
        found.append(("Participants", "isGroupMember", (conditions.group, asked.institution)))
    return found


@given(conditions_of_an_access())
def test_questions_are_those_of_the_committed_abi(conditions: Conditions) -> None:
    coded = [
        (ADDRESSES[contract], artifact(contract).functions[name].encode_call(values))
        for contract, name, values in expected(conditions)
    ]
    assert LOOKING.questions(conditions) == coded


def answers_of(conditions: Conditions, seen: ConditionsAtHead) -> list[bytes]:
    """Codes answers by the committed ABI."""
    facts = seen.facts.word(Address(bytes(20)))
    told: dict[str, tuple[Any, ...]] = {
        "institutionForDecision": (seen.standing, seen.release_key_hash, b"signer", 5, 6),
        "statusOf": (seen.record,),
        "factsOf": (facts,),
        "isExcluded": (seen.is_excluded,),
        "stateOf": ((seen.consent, 1, 2, 3),),
        "statesOf": ([(seen.authorisation, 1, 2, bytes(20))],),
        "isGroupMember": (seen.is_group_member,),
    }
    asked = [(contract, name) for contract, name, _ in expected(conditions)]
    return [encode_members(artifact(contract).functions[name].outputs, told[name]) for contract, name in asked]


@given(conditions_of_an_access(), st.data())
def test_answers_are_read_as_the_committed_abi_writes_them(conditions: Conditions, data: st.DataObject) -> None:
    asked, draw = conditions.request, data.draw
    seen = ConditionsAtHead(
        head=HEAD,
        standing=draw(st.sampled_from(Standing)),
        release_key_hash=draw(words),
        record=draw(st.sampled_from(RecordStatus)),
        consent=draw(st.sampled_from(ConsentStatus)) if any(asked.consent_id) else ConsentStatus.NONE,
        authorisation=(
            draw(st.sampled_from(AuthorisationStatus)) if any(asked.authorisation_id) else AuthorisationStatus.NONE
        ),
        facts=SubjectFacts(draw(st.integers(0, 2**64 - 1)), *(draw(st.booleans()) for _ in range(4))),
        is_excluded=draw(st.booleans()),
        is_group_member=draw(st.booleans()) if any(conditions.group) else False,
    )
    assert LOOKING.read(conditions, HEAD, answers_of(conditions, seen)) == seen


FULL = Conditions(
    replace(
        samples.request(samples.word(1), ConsentId(samples.word(2)), samples.word(3)),
        authorisation_id=AuthorisationId(ZERO_32),
    ),
    SubjectId(samples.word(4)),
    3,
    samples.word(5),
)
GOOD = answers_of(
    FULL,
    ConditionsAtHead(
        *(HEAD, Standing.ACTIVE, samples.word(3), RecordStatus.CURRENT, ConsentStatus.ACTIVE),
        *(AuthorisationStatus.NONE, SubjectFacts(), False, True),
    ),
)


FACTS = 2
"""The place of the answer that may be any word."""
SPOILED = [
    (place, told)
    for place in range(len(GOOD))
    for told in (b"", b"\xff" * 31, b"\xff" * 32)
    if (place, len(told)) != (FACTS, 32)
]


@pytest.mark.parametrize(("place", "spoiled"), SPOILED)
def test_answer_that_is_none_is_refused(place: int, spoiled: bytes) -> None:
    told = [*GOOD[:place], spoiled, *GOOD[place + 1 :]]
    with pytest.raises(CodingError):
        LOOKING.read(FULL, HEAD, told)


def test_too_few_answers_are_refused() -> None:
    for count in range(len(GOOD)):
        with pytest.raises(CodingError):
            LOOKING.read(FULL, HEAD, GOOD[:count])
