"""Behaviour of `AccessLedger` where what stands side by side in a batch has little in common.

The contract keeps what an item names for the next one; here each item differs from its neighbour in something else.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import pytest

from consentry.core.codes import EMERGENCY_WINDOW, Action, EmergencyReason, LegalBasis, Purpose, Reason, bits
from consentry.core.merkle import proof_of, root_of
from consentry.core.packing import ground_of, pack_codes
from consentry.core.terms import ZERO_32, AccessRequest, ConsentTerms, RecordLeaf
from consentry.core.typed_data import consent_id, record_id, scope_key
from tests.contracts.debt_cases import authority_of
from tests.contracts.test_access_bases import given, under
from tests.support import samples
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import BEIJING, Item, World, key_of, reason_of
from tests.support.signers import AccountSigner

ELSE = samples.word(0xE15E)


@dataclasses.dataclass(frozen=True, slots=True)
class Ward:
    """Two patients with records, and consents of several forms."""

    leaves: tuple[RecordLeaf, ...]
    by_class: tuple[ConsentTerms, ...]
    by_name: ConsentTerms
    proofs: tuple[tuple[bytes, ...], ...]


def ward(world: World) -> Ward:
    """Enrols two patients with two records each; one of them also names hers one by one."""
    leaves, by_class, by_name, proofs = [], [], world.terms(), []
    for number in range(2):
        world.patient = world.enrol(f"of the ward {number}", AccountSigner(key_of(f"of the ward {number}")))
        own = [world.leaf(ciphertext_size=size) for size in (1, 2)]
        for leaf in own:
            world.anchor(leaf)
        leaves += own
        by_class.append(world.terms(nonce=number))
        world.grant(by_class[-1])
        keys = [scope_key(leaf) for leaf in own]
        by_name = world.terms(records_root=root_of(keys), categories=0, nonce=9)
        proofs = [proof_of(keys, key) for key in keys]
    world.grant(by_name)
    return Ward(tuple(leaves), tuple(by_class), by_name, tuple(proofs))


def mixed(world: World, there: Ward) -> Iterator[tuple[Item, Reason]]:
    """Gives items with the answer to each where it stands alone."""
    first, again, second, last = there.leaves
    by_first, by_second = there.by_class
    yield world.item(first, by_first), Reason.NONE
    yield world.item(first, by_first, practitioner=ELSE), Reason.NONE
    yield world.item(first, by_first, reason_hash=ELSE, action=Action.STORE), Reason.ACTION_NOT_GRANTED
    yield world.item(again, by_first, reason_hash=ELSE, purpose=Purpose.HRESCH), Reason.PURPOSE_NOT_GRANTED
    yield world.item(second, by_second), Reason.NONE
    yield world.item(second, by_first), Reason.SUBJECT_MISMATCH
    yield world.item(last, there.by_name, proof=there.proofs[1]), Reason.NONE
    yield world.item(second, there.by_name, proof=there.proofs[0]), Reason.NONE
    yield world.item(first, None), Reason.CONSENT_MISSING
    yield world.item(last, None), Reason.CONSENT_MISSING
    yield world.item(first, None, legal_basis=LegalBasis.PUBLIC_HEALTH), Reason.AUTHORISATION_MISSING
    yield world.item(first, by_first, release_key_hash=ELSE), Reason.RELEASE_KEY_MISMATCH
    yield world.item(first, by_first, practitioner=ZERO_32), Reason.ACTOR_UNKNOWN
    yield world.item(first, by_first, reason_code=1), Reason.LEGAL_BASIS_UNSUPPORTED
    yield world.item(world.leaf(sensitivity=1), by_second), Reason.RECORD_UNKNOWN
    yield from urgent(world, again)
    yield from by_duty(world, first, last)


def urgent(world: World, leaf: RecordLeaf) -> Iterator[tuple[Item, Reason]]:
    """Gives items of an emergency."""
    now = world.suite.now()
    usual: dict[str, Value] = {
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.LIFE_THREATENING,
        "purpose": Purpose.ETREAT,
        "issued_at": now,
        "expires_at": now + EMERGENCY_WINDOW,
    }
    yield world.item(leaf, None, **usual, reason_hash=ELSE), Reason.NONE
    yield world.item(leaf, None, **usual), Reason.EMERGENCY_INCOMPLETE


def by_duty(world: World, *leaves: RecordLeaf) -> Iterator[tuple[Item, Reason]]:
    """Gives items under two authorisations."""
    authority = authority_of(world, "authority", BEIJING)
    for basis, purpose in ((LegalBasis.STATUTORY_DUTY, Purpose.HLEGAL), (LegalBasis.PUBLIC_HEALTH, Purpose.PUBHLTH)):
        terms = given(world, authority, basis=basis, purposes=bits(purpose))
        for leaf in leaves:
            yield of_record(world, under(world, terms, purpose=purpose), leaf), Reason.NONE
        yield of_record(world, under(world, terms, purpose=Purpose.TREAT), leaves[0]), Reason.AUTHORISATION_SCOPE


def of_record(world: World, item: Item, leaf: RecordLeaf) -> Item:
    """Gives the same item for another record."""
    return signed(world, dataclasses.replace(item, leaf=leaf), record_id=record_id(leaf))


def signed(world: World, item: Item, **changes: Value) -> Item:
    """Signs an item anew."""
    request = dataclasses.replace(item.request, **changes)
    return dataclasses.replace(
        item, request=request, signature=world.sign("AccessLedger", request, world.hospital.signer)
    )


def line_of(event: Event) -> tuple[Value, ...]:
    """Gives what a line of the log says of the request."""
    entry = event.args["entry"]
    return (event.args["requestId"], *(entry[name] for name in LINE))


LINE = ("recordId", "ground", "reasonHash", "practitioner", "releaseKeyHash", "codes")


def line_of_request(request: AccessRequest) -> tuple[Value, ...]:
    """Gives what the line of the log of a request has to say."""
    hashes = (request.reason_hash, request.practitioner, request.release_key_hash)
    return (request.request_id, request.record_id, ground_of(request), *hashes, pack_codes(request))


@pytest.mark.parametrize("whole", [False, True], ids=["signed one by one", "signed as a whole"])
@pytest.mark.parametrize("seed", range(3))
def test_items_are_answered_as_if_each_stood_alone(world: World, seed: int, whole: bool) -> None:  # noqa: FBT001 - a parameter of the test
    asked = list(mixed(world, ward(world))) * 2
    random.Random(seed).shuffle(asked)
    items = [signed(world, item, request_id=1_000 + number) for number, (item, _) in enumerate(asked)]

    sent = world.decide_batch(items, world.sign_batch(items)) if whole else world.decide(items)

    events = [event for event in world.suite.events(sent) if event.name == "AccessDecided"]
    assert [reason_of(event) for event in events] == [reason for _, reason in asked]
    assert [line_of(event) for event in events] == [line_of_request(item.request) for item in items]
    known = [
        ZERO_32 if reason == Reason.RECORD_UNKNOWN else item.leaf.subject_id
        for item, (_, reason) in zip(items, asked, strict=True)
    ]
    assert [event.args["subjectId"] for event in events] == known


@pytest.mark.parametrize("whole", [False, True], ids=["signed one by one", "signed as a whole"])
def test_uses_of_a_consent_go_on_when_it_comes_back(world: World, whole: bool) -> None:  # noqa: FBT001 - a parameter of the test
    leaf = world.leaf()
    world.anchor(leaf)
    scarce, other = world.terms(max_uses=2, nonce=1), world.terms(nonce=2)
    for terms in (scarce, other):
        world.grant(terms)
    turns = [scarce, other, scarce, None, other, scarce, other]
    items = [world.item(leaf, terms, request_id=number) for number, terms in enumerate(turns)]

    sent = world.decide_batch(items, world.sign_batch(items)) if whole else world.decide(items)

    reasons = [reason_of(event) for event in world.suite.events(sent) if event.name == "AccessDecided"]
    answers = {3: Reason.CONSENT_MISSING, 5: Reason.USES_EXHAUSTED}
    assert reasons == [answers.get(number, Reason.NONE) for number in range(len(turns))]
    uses = [world.suite.read("Consents", "stateOf", consent_id(terms))[1] for terms in (scarce, other)]
    assert uses == [2, 3]
