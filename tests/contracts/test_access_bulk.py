"""Behaviour of `AccessLedger.decideBatch`: one signature for many requests, each decided and logged on its own."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.batch_tree import batch_of, is_asked_for, paths_of, root_of
from consentry.core.codes import Reason
from consentry.core.typed_data import struct_hash
from tests.contracts.access_cases import OTHER, permitted, prepared
from tests.support.contract_world import BEIJING, Item, World, reason_of, tables_of


def items_of(world: World, count: int) -> list[Item]:
    """Gives permitted requests of the hospital for one record."""
    first = permitted(world)
    return [world.item(first.leaf, first.terms, request_id=1_000 + number) for number in range(count)]


def decided(world: World, items: list[Item], signature: bytes | None = None) -> list[Reason]:
    """Submits a batch and gives the reason logged for each item."""
    signature = world.sign_batch(items) if signature is None else signature
    _, *answers = world.suite.events(world.decide_batch(items, signature))
    assert [event.args["requestId"] for event in answers] == [item.request.request_id for item in items]
    return [reason_of(event) for event in answers]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9])
def test_batch_of_any_size_is_decided_item_by_item_under_one_signature(world: World, size: int) -> None:
    items = items_of(world, size)
    signature = world.sign_batch(items)

    submitted, *answers = world.suite.events(world.decide_batch(items, signature))

    assert submitted.name == "BatchSubmitted"
    assert submitted.args["root"] == root_of([struct_hash(item.request) for item in items])
    assert (submitted.args["size"], submitted.args["signature"]) == (size, signature)
    assert [reason_of(event) for event in answers] == [Reason.NONE] * size
    assert all(world.suite.read("AccessLedger", "isDecided", world.hospital.address, 1_000 + n) for n in range(size))


def test_path_shows_that_the_institution_asked_for_just_that_request(world: World) -> None:
    requests = [item.request for item in items_of(world, 5)]
    batch = batch_of(world.hospital.address, requests)

    for place, path in enumerate(paths_of(batch, requests)):
        assert [is_asked_for(request, path) for request in requests] == [number == place for number in range(5)]
        assert not is_asked_for(requests[place], dataclasses.replace(path, path=(*path.path, OTHER)))
        assert not is_asked_for(requests[place], dataclasses.replace(path, path=path.path[:-1]))


def test_one_bad_item_does_not_spoil_its_neighbours(world: World) -> None:
    good, again = items_of(world, 2)
    world.decide([again])
    late = world.item(good.leaf, good.terms, request_id=1_009, expires_at=0)

    assert decided(world, [again, late, good]) == [Reason.REQUEST_REPLAYED, Reason.REQUEST_EXPIRED, Reason.NONE]


def test_uses_run_out_within_a_batch(world: World) -> None:
    item = prepared(world, {}, {"max_uses": 2, "nonce": 8})
    items = [world.item(item.leaf, item.terms, request_id=number) for number in range(3)]

    assert decided(world, items) == [Reason.NONE, Reason.NONE, Reason.USES_EXHAUSTED]


def test_signature_of_somebody_else_rejects_every_item_and_uses_nothing_up(world: World) -> None:
    items = items_of(world, 3)

    assert decided(world, items, world.sign_batch(items, world.custodian.signer)) == [Reason.SIGNATURE_INVALID] * 3
    assert decided(world, items) == [Reason.NONE] * 3


def test_item_that_was_not_signed_with_the_others_rejects_them_all(world: World) -> None:
    items = items_of(world, 3)
    signature = world.sign_batch(items)
    foreign = world.item(items[0].leaf, items[0].terms, request_id=2_000)

    assert decided(world, [*items[:2], foreign], signature) == [Reason.SIGNATURE_INVALID] * 3
    assert decided(world, items[:2], signature) == [Reason.SIGNATURE_INVALID] * 2
    assert decided(world, items[::-1], signature) == [Reason.SIGNATURE_INVALID] * 3


def test_signature_of_one_request_is_none_of_a_batch(world: World) -> None:
    [item] = items_of(world, 1)

    assert decided(world, [item], item.signature) == [Reason.SIGNATURE_INVALID]


def test_batch_of_two_institutions_is_refused(world: World) -> None:
    [item] = items_of(world, 1)
    other = world.admit("second hospital", BEIJING, world.suite.accounts[6])
    theirs = world.item(item.leaf, item.terms, signer=other.signer, institution=other.address, request_id=5)
    requests, tables = tables_of([item, theirs])
    signature = world.sign_batch([item, theirs])

    error = world.suite.refusal("AccessLedger", "decideBatch", requests, signature, tables, sender=world.relay)

    assert error == ("AccessLedgerInstitutionsInvalid", (2,))


def test_empty_batch_is_refused(world: World) -> None:
    _, tables = tables_of(items_of(world, 1))

    error = world.suite.refusal("AccessLedger", "decideBatch", [], b"", tables, sender=world.relay)

    assert error == ("AccessLedgerBatchMalformed", (0, 0))


def test_batch_from_no_relay_is_refused(world: World) -> None:
    items = items_of(world, 1)
    requests, tables = tables_of(items)

    error = world.suite.refusal(
        "AccessLedger", "decideBatch", requests, world.sign_batch(items), tables, sender=world.stranger
    )

    assert error == ("AccessLedgerRelayRequired", (world.stranger,))
