"""What the gateway estimates a batch to cost, against what batches of many forms really take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from consentry.core.merkle import proof_of, root_of
from consentry.core.terms import ConsentTerms, Material, RecordLeaf
from consentry.core.typed_data import scope_key
from consentry.ledger.calldata import encode_decide_batch
from consentry.ledger.costs import Cost, cost_of
from consentry.ledger.engines import load_profile
from tests.contracts.gas import prepare_case
from tests.support.contract_world import Item, World, group_of

MANY = 10**6
FIRST = 2**64
COUNT = 12
Asked = tuple[RecordLeaf, ConsentTerms | None, tuple[bytes, ...]]


def estimated(items: Sequence[Item], signature: bytes) -> int:
    """Gives the estimate for a batch."""
    pairs = [(item.request, Material(item.leaf, item.terms, item.proof)) for item in items]
    return (Cost() + cost_of(pairs, signature, encode_decide_batch(pairs, signature))).gas


def anchored(world: World, count: int) -> list[RecordLeaf]:
    """Anchors records of the patient."""
    leaves = [world.leaf(ciphertext_size=size + 1) for size in range(count)]
    for leaf in leaves:
        world.anchor(leaf)
    return leaves


def consented(world: World, **changes: object) -> ConsentTerms:
    """Grants a consent that lasts."""
    terms = world.terms(max_uses=MANY, **changes)
    world.grant(terms)
    return terms


def one_record(world: World) -> list[Asked]:
    return [(anchored(world, 1)[0], consented(world), ())] * COUNT


def many_records(world: World) -> list[Asked]:
    terms = consented(world)
    return [(leaf, terms, ()) for leaf in anchored(world, COUNT)]


def many_consents(world: World) -> list[Asked]:
    [leaf] = anchored(world, 1)
    return [(leaf, consented(world, nonce=number), ()) for number in range(COUNT)]


def many_subjects(world: World) -> list[Asked]:
    cases = [prepare_case(world, number, records=1) for number in range(COUNT)]
    return [(case.leaves[0], case.terms, ()) for case in cases]


def without_consent(world: World) -> list[Asked]:
    return [(leaf, None, ()) for leaf in anchored(world, COUNT)]


def of_unknown_records(world: World) -> list[Asked]:
    terms = consented(world)
    return [(world.leaf(ciphertext_size=size + 1_000), terms, ()) for size in range(COUNT)]


def named_in_later_versions(world: World) -> list[Asked]:
    leaves = anchored(world, COUNT)
    keys = [scope_key(leaf) for leaf in leaves]
    terms = consented(world, records_root=root_of(keys), categories=0)
    return [(world.supersede(leaf), terms, proof_of(keys, scope_key(leaf))) for leaf in leaves]


def of_a_group(world: World) -> list[Asked]:
    group = group_of(world.beijing)
    arguments = (group, world.hospital.address, True)
    world.suite.send("Participants", "changeGroupMembership", *arguments, sender=world.beijing)
    terms = consented(world, group=group, institution=bytes(20))
    return [(leaf, terms, ()) for leaf in anchored(world, COUNT)]


FORMS: tuple[Callable[[World], list[Asked]], ...] = (
    one_record,
    many_records,
    many_consents,
    many_subjects,
    without_consent,
    of_unknown_records,
    named_in_later_versions,
    of_a_group,
)


@pytest.mark.parametrize("spread", [1, 256], ids=["ids together", "ids apart"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_estimate_is_no_less_than_what_a_batch_takes(
    world: World, form: Callable[[World], list[Asked]], spread: int
) -> None:
    asked = form(world)
    for count in (1, COUNT):
        items = [
            world.item(leaf, terms, proof=proof, request_id=FIRST + (place + count * COUNT) * spread)
            for place, (leaf, terms, proof) in enumerate(asked[:count])
        ]
        signature = world.sign_batch(items)
        assert estimated(items, signature) >= world.decide_batch(items, signature)["gasUsed"]


def test_five_hundred_requests_for_the_records_of_a_ward_fit_into_one_transaction(world: World) -> None:
    """Twenty patients, each with a consent and five records, all asked for five times."""
    cases = [prepare_case(world, number, records=5) for number in range(20)]
    asked = [(leaf, case.terms) for case in cases for leaf in case.leaves] * 5
    items = [world.item(leaf, terms, request_id=FIRST + place) for place, (leaf, terms) in enumerate(asked)]
    signature = world.sign_batch(items)

    used = world.decide_batch(items, signature)["gasUsed"]

    assert len(items) == 500
    assert used <= estimated(items, signature) <= load_profile("besu").transaction_gas_limit
