"""Behaviour of `AccessLedger` over whole batches: isolation of the items, heads, and who may submit."""

from __future__ import annotations

import dataclasses
import random

import pytest
from web3 import Web3

from consentry.core import heads
from consentry.core.codes import Purpose, Reason
from consentry.core.packing import unpack_outcome
from consentry.core.terms import ZERO_32, Address, RecordLeaf
from consentry.core.typed_data import consent_id, struct_hash
from consentry.ledger.abi import SETTINGS, WIRING
from tests.support.contract_suite import Event, Value, predict_address
from tests.support.contract_world import BEIJING, Hospital, Item, World, batch_of, key_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, SmartAccountSigner

FAULTS = {"says no": 1, "reverts": 2, "panics": 3, "answers with another selector": 4}

LEDGER_WIRING = WIRING["AccessLedger"]


def prepared(world: World, **terms_changes: Value) -> Item:
    """Anchors a record, grants a consent, and gives a request that fits both."""
    leaf = world.leaf()
    world.anchor(leaf)
    terms = world.terms(**terms_changes)
    world.grant(terms)
    return world.item(leaf, terms)


def another(world: World, item: Item, request_id: int, **changes: Value) -> Item:
    """Gives a further request under the same consent."""
    return world.item(item.leaf, item.terms, request_id=request_id, **changes)


def head_of(world: World, getter: str, key: bytes) -> bytes:
    return bytes(world.suite.read("AccessLedger", getter, key))


def outcome_of(event: Event) -> tuple[int, ...]:
    """Gives reason, time and places of a decision."""
    return unpack_outcome(event.args["entry"]["outcome"])


@dataclasses.dataclass(slots=True)
class Heads:
    """The heads as anyone recomputes them from the events alone."""

    chains: dict[bytes, bytes] = dataclasses.field(default_factory=dict)

    def follow(self, item: Item, event: Event) -> tuple[int, int]:
        """Moves the heads past a decision; gives the sequence numbers of subject and institution."""
        reason, decided_at, *_ = outcome_of(event)
        line = heads.entry_hash(struct_hash(item.request), event.args["subjectId"], reason, decided_at)
        keys = [event.args["subjectId"], heads.institution_key(item.request.institution)]
        for key in keys:
            if key != ZERO_32:
                self.chains[key] = heads.advance(key, self.chains.get(key, ZERO_32), line)
        subject, institution = (heads.sequence_of(self.chains.get(key, ZERO_32)) for key in keys)
        return subject, institution


def test_heads_follow_every_decision_and_no_rejection(world: World) -> None:
    item = prepared(world)
    world.patient = world.enrol("second", AccountSigner(key_of("second")))
    other = world.item(world.leaf(), None, request_id=2)
    world.anchor(other.leaf)
    unknown = world.item(world.leaf(sensitivity=4), None, request_id=3)
    forged = dataclasses.replace(another(world, item, 4), signature=item.signature)
    denied = another(world, item, 5, purpose=Purpose.HRESCH)
    items = [item, other, forged, unknown, item, denied, another(world, item, 6)]

    recomputed, places = Heads(), []
    for batch in (items[:5], items[5:]):
        for each, event in zip(batch, world.suite.events(world.decide(batch)), strict=True):
            if event.name == "AccessDecided":
                places.append(outcome_of(event)[2:])
                assert recomputed.follow(each, event) == places[-1]

    assert places == [(1, 1), (1, 2), (0, 3), (2, 4), (3, 5)]
    for subject in (item.leaf.subject_id, other.leaf.subject_id):
        assert head_of(world, "subjectHead", subject) == recomputed.chains[subject]
    institution = world.hospital.address
    assert head_of(world, "institutionHead", institution) == recomputed.chains[heads.institution_key(institution)]
    assert head_of(world, "subjectHead", ZERO_32) == ZERO_32


def test_heads_of_two_institutions_do_not_mix(world: World) -> None:
    item = prepared(world)
    other = world.admit("second hospital", BEIJING, world.suite.accounts[6])
    changes: dict[str, Value] = {"institution": other.address, "release_key_hash": other.release_key_hash}
    theirs = world.item(item.leaf, item.terms, signer=other.signer, **changes)

    items = [item, theirs, another(world, item, 2)]

    events = world.suite.events(world.decide(items))

    recomputed = Heads()
    for each, event in zip(items, events, strict=True):
        recomputed.follow(each, event)
    assert [outcome_of(event)[2:] for event in events] == [(1, 1), (2, 1), (3, 2)]
    for hospital in (world.hospital, other):
        key = heads.institution_key(hospital.address)
        assert head_of(world, "institutionHead", hospital.address) == recomputed.chains[key]


def test_heads_start_as_zero(world: World) -> None:
    assert head_of(world, "subjectHead", world.patient.subject_id) == ZERO_32
    assert head_of(world, "institutionHead", world.hospital.address) == ZERO_32


def test_uses_are_counted_within_a_batch(world: World) -> None:
    item = prepared(world, max_uses=2)

    reasons = world.reasons([item, another(world, item, 2), another(world, item, 3)])

    assert reasons == [Reason.NONE, Reason.NONE, Reason.USES_EXHAUSTED]
    assert item.terms is not None
    assert world.suite.read("Consents", "stateOf", consent_id(item.terms))[1] == 2


def test_denial_counts_no_use(world: World) -> None:
    item = prepared(world, max_uses=1)
    denied = another(world, item, 2, purpose=Purpose.HRESCH)

    assert world.reasons([denied, item]) == [Reason.PURPOSE_NOT_GRANTED, Reason.NONE]


def test_bad_items_anywhere_never_spoil_the_good_ones(world: World) -> None:
    item = prepared(world)
    good = [another(world, item, 100 + number) for number in range(6)]
    stranger = AccountSigner(key_of("stranger"))
    bad = [
        world.item(item.leaf, item.terms, signer=stranger, institution=Address(stranger.identity)),
        dataclasses.replace(another(world, item, 1), signature=b"\xff" * 1000),
        dataclasses.replace(another(world, item, 2), signature=b""),
        another(world, item, 3, purpose=0),
        another(world, item, 4, purpose=255, action=255, actor_kind=255, legal_basis=255),
        another(world, item, 5, issued_at=2**64 - 1),
        world.item(world.leaf(category=255, sensitivity=255, data_month=65_535), item.terms, request_id=6),
        world.item(item.leaf, world.terms(nonce=2, purposes=0, actions=0, categories=0), request_id=7),
    ]
    mixed = [*bad, *good]
    random.Random(7).shuffle(mixed)

    reasons = world.reasons(mixed)

    expected = {each.request.request_id: Reason.NONE for each in good}
    assert {each.request.request_id for each, reason in zip(mixed, reasons, strict=True) if reason == Reason.NONE} == (
        expected.keys()
    )


def test_batch_of_a_hundred_is_decided_item_by_item(world: World) -> None:
    item = prepared(world, max_uses=60)

    reasons = world.reasons([another(world, item, number) for number in range(100)])

    assert reasons == [Reason.NONE] * 60 + [Reason.USES_EXHAUSTED] * 40


def faulty_hospital(world: World, fault: int) -> Hospital:
    """Admits an institution whose verifier misbehaves."""
    verifier = world.suite.deploy("FaultyVerifier")
    world.after_delay(world.administrators(3), "admitVerifier", verifier.address)
    signer = P256Signer(Address(bytes.fromhex(verifier.address[2:])), b"faulty")
    faulty = _Faulty(signer.verifier, fault)
    return world.admit("faulty hospital", BEIJING, world.suite.accounts[6], faulty)


@dataclasses.dataclass(frozen=True, slots=True)
class _Faulty:
    verifier: Address
    fault: int

    @property
    def identity(self) -> bytes:
        return bytes(self.verifier) + bytes([self.fault])

    def sign(self, digest: bytes) -> bytes:
        return digest


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_faulty_verifier_never_spoils_the_batch(world: World, fault: int) -> None:
    faulty = faulty_hospital(world, fault)
    item = prepared(world)
    changes: dict[str, Value] = {"institution": faulty.address, "release_key_hash": faulty.release_key_hash}
    theirs = world.item(item.leaf, item.terms, signer=faulty.signer, **changes)

    assert world.reasons([theirs, item]) == [Reason.SIGNATURE_INVALID, Reason.NONE]


def test_verifier_that_says_yes_is_believed(world: World) -> None:
    # The counterpart of the faults above: the mock itself works.
    world.hospital = faulty_hospital(world, 0)

    assert world.reasons([prepared(world)]) == [Reason.NONE]


def smart_hospital(world: World) -> SmartAccountSigner:
    """Makes an institution whose signer is a contract account, and puts it in the hospital's place."""
    owner = AccountSigner(key_of("owner"))
    deployed = world.suite.deploy("SmartAccount", owner.identity)
    account = SmartAccountSigner(Address(bytes.fromhex(deployed.address[2:])), owner)
    world.hospital = world.admit("smart hospital", BEIJING, world.suite.accounts[6], account)
    return account


def test_contract_account_of_an_institution_is_not_asked(world: World) -> None:
    smart_hospital(world)

    assert world.reasons([prepared(world)]) == [Reason.SIGNATURE_INVALID]


def test_contract_account_that_burns_gas_cannot_spoil_the_batch(world: World) -> None:
    honest, item = world.hospital, prepared(world)
    account = smart_hospital(world)
    world.suite.contracts["SmartAccount"] = world.suite.w3.eth.contract(
        address=Web3.to_checksum_address(account.account), abi=world.suite.deploy("SmartAccount", bytes(20)).abi
    )
    world.suite.send("SmartAccount", "burn", sender=world.stranger)
    changes: dict[str, Value] = {
        "institution": world.hospital.address,
        "release_key_hash": world.hospital.release_key_hash,
    }
    theirs = world.item(item.leaf, item.terms, signer=account, **changes)
    world.hospital = honest

    receipt = world.decide([theirs, item])

    assert [event.name for event in world.suite.events(receipt)] == ["RequestRejected", "AccessDecided"]
    assert receipt["gasUsed"] < 500_000


@pytest.mark.parametrize("kind", ["P-256", "passkey"])
def test_institution_with_a_key_behind_a_verifier_is_served(world: World, kind: str) -> None:
    verifier = world.suite.address("ERC7913P256Verifier" if kind == "P-256" else "ERC7913WebAuthnVerifier")
    signer = (P256Signer if kind == "P-256" else PasskeySigner)(verifier, b"clinic")
    world.hospital = world.admit("clinic", BEIJING, world.suite.accounts[6], signer)
    item = prepared(world)
    forged = dataclasses.replace(item, signature=item.signature[::-1])

    assert world.reasons([forged, item]) == [Reason.SIGNATURE_INVALID, Reason.NONE]


def test_relay_of_any_member_may_submit(world: World) -> None:
    item = prepared(world)
    world.relay = world.hospital.relay

    assert world.reasons([item]) == [Reason.NONE]


def test_decide_by_anyone_but_a_relay_is_refused(world: World) -> None:
    batch = batch_of([prepared(world)])

    refused = world.suite.refusal("AccessLedger", "decide", *batch, sender=world.stranger)

    assert refused == ("AccessLedgerRelayRequired", (world.stranger,))


@pytest.mark.parametrize("lengths", [(0, 0), (1, 0), (0, 1), (1, 2), (2, 1)])
def test_malformed_batch_is_refused(world: World, lengths: tuple[int, int]) -> None:
    requests, signatures, tables = batch_of([prepared(world)])
    arguments = (requests * lengths[0], signatures * lengths[1], tables)

    refused = world.suite.refusal("AccessLedger", "decide", *arguments, sender=world.relay)

    assert refused == ("AccessLedgerBatchMalformed", lengths)


def test_ledger_wired_to_consents_of_another_is_refused(world: World) -> None:
    suite = world.suite
    wired, needed = suite["AccessLedger"].address, predict_address(suite, offset=0)
    wiring = [suite[name].address for name in LEDGER_WIRING]

    refused = suite.deployment_refusal("AccessLedger", *wiring)

    assert refused == ("AccessLedgerWiringMismatch", (wired, needed))


def test_ledger_wired_to_emergencies_of_another_is_refused(world: World) -> None:
    suite = world.suite
    wired, needed = suite["AccessLedger"].address, predict_address(suite, offset=1)
    registers = [suite[name].address for name in WIRING["Consents"][:-2]]
    consents = suite.deploy("Consents", *registers, needed, SETTINGS["coolDown"])
    wiring = [consents.address if name == "Consents" else suite[name].address for name in LEDGER_WIRING]

    refused = suite.deployment_refusal("AccessLedger", *wiring)

    assert refused == ("AccessLedgerWiringMismatch", (wired, needed))


def test_domain_and_wiring_are_as_documented(world: World) -> None:
    _, name, version, *_ = world.suite.read("AccessLedger", "eip712Domain")

    assert (name, version) == ("Consentry AccessLedger", "1")
    for contract in LEDGER_WIRING:
        assert world.suite.read("AccessLedger", contract.lower()) == world.suite[contract].address


def leaf_of(world: World, number: int) -> RecordLeaf:
    return world.leaf(ciphertext_size=number + 1)


def test_batch_over_many_records_and_consents_finds_each(world: World) -> None:
    leaves = [leaf_of(world, number) for number in range(3)]
    consents = [world.terms(nonce=number) for number in range(3)]
    for leaf in leaves:
        world.anchor(leaf)
    for terms in consents[:2]:
        world.grant(terms)
    items = [
        world.item(leaf, terms, request_id=3 * row + column)
        for row, leaf in enumerate(leaves)
        for column, terms in enumerate(consents)
    ]

    assert world.reasons(items) == [Reason.NONE, Reason.NONE, Reason.CONSENT_UNKNOWN] * 3
