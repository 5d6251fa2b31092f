"""Behaviour of `AccessLedger.decide`: every reason, what each item leaves behind, and the order of the reasons."""

from __future__ import annotations

import dataclasses

import pytest
from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import ContractPanicError

from consentry.core.access import as_seen
from consentry.core.codes import REJECTIONS, Action, Category, Purpose, Reason, bits
from consentry.core.merkle import root_of
from consentry.core.packing import pack_codes, pack_outcome
from consentry.core.terms import ZERO_32, AccessRequest, Enrolment, RecordId, Shown, SubjectId
from consentry.core.typed_data import consent_id, record_id, struct_hash
from tests.contracts.access_cases import (
    DENIED,
    OTHER,
    PERMITTED,
    REJECTED,
    Case,
    by_single_record,
    by_tree,
    changed,
    permitted,
    prepared,
)
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import (
    BEIJING,
    DAY,
    Item,
    Patient,
    World,
    batch_of,
    key_of,
    reason_of,
    values_of,
)
from tests.support.signers import AccountSigner
from tests.vectors.histories.changes import OF_HISTORIES


def uses_of(world: World, item: Item) -> int:
    assert item.terms is not None
    return int(world.suite.read("Consents", "stateOf", consent_id(item.terms))[1])


def heads_of(world: World, item: Item) -> tuple[bytes, bytes]:
    subject = world.suite.read("AccessLedger", "subjectHead", item.leaf.subject_id)
    return subject, world.suite.read("AccessLedger", "institutionHead", item.request.institution)


def is_decided(world: World, item: Item) -> bool:
    request = item.request
    return bool(world.suite.read("AccessLedger", "isDecided", request.institution, request.request_id))


@pytest.mark.parametrize(("reason", "case"), REJECTED, ids=[case.__name__ for _, case in REJECTED])
def test_rejected_item_is_logged_and_leaves_nothing_behind(world: World, reason: Reason, case: Case) -> None:
    item = case(world)

    events = world.suite.events(world.decide([item]))

    args = {
        "requestId": item.request.request_id,
        "institution": Web3.to_checksum_address(item.request.institution),
        "requestHash": struct_hash(as_seen(item.request, Shown(item.terms))),
        "reason": reason,
        "relay": world.relay,
    }
    assert events == [Event("RequestRejected", args)]
    assert reason in REJECTIONS
    assert not is_decided(world, item)
    assert heads_of(world, item) == (ZERO_32, ZERO_32)


def test_replayed_request_is_rejected_and_counts_once(world: World) -> None:
    item = permitted(world)

    reasons = [*world.reasons([item]), *world.reasons([item]), *world.reasons([item, item])]

    assert reasons == [Reason.NONE, *[Reason.REQUEST_REPLAYED] * 3]
    assert uses_of(world, item) == 1


def test_request_id_of_a_denied_request_is_used_up(world: World) -> None:
    denied = changed(world, purpose=Purpose.HRESCH)
    again = world.item(denied.leaf, denied.terms)

    assert world.reasons([denied, again]) == [Reason.PURPOSE_NOT_GRANTED, Reason.REQUEST_REPLAYED]


def test_request_id_of_a_rejected_request_stays_usable(world: World) -> None:
    item = permitted(world)
    forged = dataclasses.replace(item, signature=item.signature[::-1])

    assert world.reasons([forged, item]) == [Reason.SIGNATURE_INVALID, Reason.NONE]


def test_request_ids_are_used_in_any_order_and_of_any_size(world: World) -> None:
    item = permitted(world)
    ids = [2**256 - 1, 0, 255, 256, 1, 128, 511, 512, 2**255]
    items = [world.item(item.leaf, item.terms, request_id=request_id) for request_id in ids]

    assert world.reasons(items) == [Reason.NONE] * len(ids)
    assert all(is_decided(world, each) for each in items)
    assert not is_decided(world, world.item(item.leaf, item.terms, request_id=2))


def test_request_ids_of_two_institutions_do_not_meet(world: World) -> None:
    item = permitted(world)
    other = world.admit("second hospital", BEIJING, world.suite.accounts[6])
    terms = world.terms(institution=other.address)
    world.grant(terms)
    changes: dict[str, Value] = {"institution": other.address, "release_key_hash": other.release_key_hash}
    theirs = world.item(item.leaf, terms, signer=other.signer, **changes)

    assert world.reasons([item, theirs, item]) == [Reason.NONE, Reason.NONE, Reason.REQUEST_REPLAYED]


@pytest.mark.parametrize("table", [0, 1, 2, 7, 8, 9])
def test_place_beyond_a_table_reverts_the_relays_own_batch(world: World, table: int) -> None:
    item = permitted(world)
    item = world.item(item.leaf, item.terms, reason_hash=OTHER)
    requests, signatures, material = batch_of([item])
    emptied = tuple([] if place == table else values for place, values in enumerate(material))

    call = world.suite["AccessLedger"].functions.decide(requests, signatures, emptied)
    with pytest.raises(ContractPanicError, match="0x32"):
        call.call({"from": Web3.to_checksum_address(world.relay)})


def test_subject_of_another_record_reverts_the_relays_own_batch(world: World) -> None:
    item = permitted(world)
    requests, signatures, material = batch_of([item])
    places = requests[0][2] | 1 << 48
    told = (*material[:3], [OTHER], *material[4:])

    error = world.suite.refusal(
        "AccessLedger", "decide", [(*requests[0][:2], places)], signatures, told, sender=world.relay
    )

    assert error == ("AccessLedgerSubjectMismatch", (item.request.record_id, OTHER))


def twin_of(world: World, subject: SubjectId) -> Patient:
    """Enrols with another hospital a subject whose id starts like that of somebody else."""
    signer, twin = AccountSigner(key_of("twin")), SubjectId(subject[:24] + keccak(b"twin")[:8])
    act = Enrolment(twin, signer.identity, world.hospital.address, world.suite.now() + 3600)
    signatures = [world.sign("Subjects", act, each) for each in (signer, world.hospital.signer)]
    world.suite.send("Subjects", "enrol", values_of(act), *signatures, sender=world.hospital.relay)
    return Patient(twin, signer, world.hospital.address)


def test_consent_of_a_subject_with_a_like_id_opens_nothing(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    twin = twin_of(world, leaf.subject_id)
    terms = world.terms(subject_id=twin.subject_id)
    world.grant(terms, twin.signer)
    item = world.item(leaf, terms)

    assert world.reasons([item]) == [Reason.SUBJECT_MISMATCH]
    requests, signatures, material = batch_of([world.item(leaf, terms, request_id=2)])
    silent = [(*requests[0][:2], requests[0][2] & ~(0xFFFF << 48))]
    error = world.suite.refusal("AccessLedger", "decide", silent, signatures, material, sender=world.relay)
    assert error == ("AccessLedgerSubjectMismatch", (item.request.record_id, twin.subject_id))


def test_decision_is_never_logged_under_a_subject_with_a_like_id(world: World) -> None:
    item = permitted(world)
    requests, signatures, material = batch_of([item])
    ghost = item.leaf.subject_id[:20] + b"\xee" * 12
    told = (*material[:3], [ghost], *material[4:])
    requests = [(*requests[0][:2], requests[0][2] | 1 << 48)]

    error = world.suite.refusal("AccessLedger", "decide", requests, signatures, told, sender=world.relay)

    assert error == ("AccessLedgerSubjectMismatch", (item.request.record_id, ghost))


def test_consent_that_comes_twice_in_a_batch_reverts_it(world: World) -> None:
    """Its uses would be counted apart, and more accesses permitted than were granted."""
    item = permitted(world)
    requests, signatures, material = batch_of([item])
    twice = (*material[:2], material[2] * 2, *material[3:])

    error = world.suite.refusal("AccessLedger", "decide", requests, signatures, twice, sender=world.relay)

    assert error == ("AccessLedgerConsentsUnordered", (item.request.consent_id,))


def test_bits_nobody_signed_are_not_logged(world: World) -> None:
    item = permitted(world)
    requests, signatures, material = batch_of([item])
    marked = (*material[:7], [material[7][0] | 1 << 200], *material[8:])

    receipt = world.suite.send("AccessLedger", "decide", requests, signatures, marked, sender=world.relay)

    [event] = world.suite.events(receipt)
    assert event.args["entry"]["codes"] == pack_codes(item.request)


def test_every_reason_has_a_case() -> None:
    tried = {reason for reason, _ in REJECTED + DENIED}

    assert tried | {Reason.NONE, Reason.REQUEST_REPLAYED} == set(Reason) - OF_HISTORIES


def entry_of(request: AccessRequest, reason: Reason, decided_at: int, places: tuple[int, int]) -> dict[str, Value]:
    """Gives the entry of the log a request must leave."""
    return {
        "recordId": request.record_id,
        "ground": request.consent_id,
        "reasonHash": request.reason_hash,
        "practitioner": request.practitioner,
        "releaseKeyHash": request.release_key_hash,
        "codes": pack_codes(request),
        "outcome": pack_outcome(reason, decided_at, *places),
    }


@pytest.mark.parametrize(("reason", "case"), DENIED, ids=[f"{reason.name}-{case.__name__}" for reason, case in DENIED])
def test_denied_item_is_logged_used_up_and_moves_the_heads(world: World, reason: Reason, case: Case) -> None:
    item = case(world)
    uses = 0 if item.terms is None else uses_of(world, item)
    subject_before, institution_before = heads_of(world, item)

    receipt = world.decide([item])

    known = reason != Reason.RECORD_UNKNOWN
    places = [int.from_bytes(head[-6:], "big") + 1 for head in (subject_before, institution_before)]
    decided_at = world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]
    args = {
        "requestId": item.request.request_id,
        "subjectId": item.leaf.subject_id if known else ZERO_32,
        "institution": Web3.to_checksum_address(item.request.institution),
        "entry": entry_of(item.request, reason, decided_at, (places[0] if known else 0, places[1])),
    }
    subject, institution = heads_of(world, item)
    assert world.suite.events(receipt) == [Event("AccessDecided", args)]
    assert is_decided(world, item)
    assert item.terms is None or uses_of(world, item) == uses
    assert (subject != subject_before, institution != institution_before) == (known, True)


@pytest.mark.parametrize("case", PERMITTED, ids=[case.__name__ for case in PERMITTED])
def test_permitted_item_is_logged_and_counts_one_use(world: World, case: Case) -> None:
    item = case(world)

    [event] = world.suite.events(world.decide([item]))

    assert (event.name, reason_of(event)) == ("AccessDecided", Reason.NONE)
    assert event.args["subjectId"] == item.leaf.subject_id
    assert uses_of(world, item) == 1
    assert is_decided(world, item)


@pytest.mark.parametrize("case", [by_tree, by_single_record], ids=["tree", "single record"])
def test_wrong_proof_is_the_relays_fault_and_uses_nothing_up(world: World, case: Case) -> None:
    good = case(world)
    spoiled = dataclasses.replace(good, proof=(OTHER,))

    assert world.reasons([spoiled]) == [Reason.SCOPE_PROOF_INVALID]
    assert world.reasons([good]) == [Reason.NONE]


def test_leaf_of_another_record_proves_nothing(world: World) -> None:
    """A later version is named by its first; a leaf that says so must be that of the record itself."""
    named = world.leaf()
    world.anchor(named)
    stranger = world.leaf(ciphertext_size=77)
    world.anchor(stranger)
    later = world.supersede(stranger)
    terms = world.terms(records_root=root_of([record_id(named)]), categories=0, nonce=9)
    world.grant(terms)
    item = world.item(later, terms)
    lying = dataclasses.replace(later, lineage=record_id(named))

    assert world.reasons([dataclasses.replace(item, leaf=lying)]) == [Reason.SCOPE_PROOF_INVALID]
    assert world.reasons([item]) == [Reason.SCOPE_PROOF_INVALID]


def test_later_version_of_a_named_record_is_covered(world: World) -> None:
    named = world.leaf()
    world.anchor(named)
    later = world.supersede(named)
    terms = world.terms(records_root=root_of([record_id(named)]), categories=0, nonce=9)
    world.grant(terms)

    assert world.reasons([world.item(later, terms)]) == [Reason.NONE]


def test_inner_node_of_a_tree_is_no_record(world: World) -> None:
    # A consent over two records must not cover what hashes like their parent node.
    keys = [keccak(b"one"), keccak(b"two")]
    inner = root_of(keys)
    item = prepared(world, {"lineage": ZERO_32}, {"records_root": root_of([inner]), "categories": 0})

    assert world.reasons([item]) == [Reason.SCOPE_PROOF_INVALID]


def test_reasons_are_given_in_their_order(world: World) -> None:
    # From a request that breaks every rule about itself, the rules are mended one by one.
    item = permitted(world)
    world.suspend(world.hospital)
    broken: dict[str, Value] = {
        "expires_at": 0, "issued_at": 2**64 - 1, "release_key_hash": OTHER, "purpose": 0, "action": 0,
        "actor_kind": 0, "legal_basis": 0, "record_id": RecordId(record_id(item.leaf)), "consent_id": ZERO_32,
    }  # fmt: skip
    steps = [
        (Reason.INSTITUTION_SUSPENDED, ()),
        (Reason.REQUEST_EXPIRED, ("expires_at",)),
        (Reason.REQUEST_NOT_YET_VALID, ("issued_at",)),
        (Reason.RELEASE_KEY_MISMATCH, ("release_key_hash",)),
        (Reason.PURPOSE_UNKNOWN, ("purpose",)),
        (Reason.ACTION_UNKNOWN, ("action",)),
        (Reason.ACTOR_UNKNOWN, ("actor_kind",)),
        (Reason.LEGAL_BASIS_UNSUPPORTED, ("legal_basis",)),
        (Reason.CONSENT_MISSING, ("consent_id",)),
        (Reason.NONE, ()),
    ]
    for number, (reason, mended) in enumerate(steps):
        asked = world.item(item.leaf, item.terms, request_id=number, **broken)
        assert world.reasons([asked]) == [reason]
        broken = {name: value for name, value in broken.items() if name not in mended}
        if reason == Reason.INSTITUTION_SUSPENDED:
            arguments = (world.hospital.address, ZERO_32)
            world.by_two(world.beijing, "reinstateInstitution", *arguments)


def test_reasons_of_a_consent_are_given_in_their_order(world: World) -> None:
    leaf = world.leaf(category=Category.LABORATORY, sensitivity=5, data_month=1)
    world.anchor(leaf)
    world.patient = world.enrol("second", AccountSigner(key_of("second")))
    now = world.suite.now()
    broken: dict[str, Value] = {
        "valid_from": now + DAY, "institution": world.custodian.address, "practitioner": OTHER,
        "purposes": bits(Purpose.HRESCH), "max_sensitivity": 4, "max_uses": 1,
    }  # fmt: skip
    steps: list[tuple[Reason, dict[str, Value]]] = [
        (Reason.CONSENT_NOT_YET_VALID, {"valid_from": now}),
        (Reason.SUBJECT_MISMATCH, {"subject_id": leaf.subject_id}),
        (Reason.GRANTEE_MISMATCH, {"institution": world.hospital.address}),
        (Reason.PRACTITIONER_MISMATCH, {"practitioner": ZERO_32}),
        (Reason.PURPOSE_NOT_GRANTED, {"purposes": bits(Purpose.TREAT)}),
        (Reason.ACTION_NOT_GRANTED, {"actions": bits(Action.STORE), "erase_by": now + DAY}),
        (Reason.RECORD_NOT_IN_SCOPE, {"categories": bits(Category.LABORATORY)}),
        (Reason.LEVEL_FIVE_WILDCARD, {"records_root": root_of([record_id(leaf)]), "categories": 0}),
        (Reason.SENSITIVITY_EXCEEDED, {"max_sensitivity": 5}),
        (Reason.DATA_PERIOD_EXCEEDED, {"data_from": 0}),
        (Reason.NONE, {}),
    ]
    first = AccountSigner(key_of("patient"))
    for number, (reason, mended) in enumerate(steps):
        terms = world.terms(**broken)
        world.grant(terms, first if terms.subject_id == leaf.subject_id else None)
        asked = world.item(leaf, terms, request_id=number, action=Action.STORE)
        assert world.reasons([asked]) == [reason]
        broken = {**broken, **mended}


def test_erase_date_comes_before_uses(world: World) -> None:
    item = permitted(world)
    terms = world.storing(erase_by=world.suite.now() + 10, max_uses=1)
    world.grant(terms)
    asked = [world.item(item.leaf, terms, request_id=number, action=Action.STORE) for number in range(2)]
    assert world.reasons(asked) == [Reason.NONE, Reason.USES_EXHAUSTED]

    world.suite.travel(terms.erase_by)

    late = world.item(item.leaf, terms, request_id=2, action=Action.STORE)
    assert world.reasons([late]) == [Reason.ERASE_DATE_PASSED]
