"""Behaviour of `Records`: anchoring and superseding, and every refusal in its order."""

from __future__ import annotations

import dataclasses

import pytest
from eth_hash.auto import keccak
from web3 import Web3

from consentry.core.codes import RecordStatus
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, RecordLeaf, SubjectId
from consentry.core.typed_data import record_id
from tests.support.contract_suite import Event, Value, artifact
from tests.support.contract_world import World, key_of, values_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, Signer

OTHER = b"\x55" * 32


def anchor_refusal(
    world: World, leaf: RecordLeaf, signer: Signer | None = None, sender: str | None = None
) -> tuple[str, tuple[Value, ...]]:
    signature = world.sign("Records", leaf, signer or world.custodian.signer)
    return world.suite.refusal("Records", "anchor", values_of(leaf), signature, sender=sender or world.relay)


def supersede_refusal(
    world: World, previous: RecordLeaf, leaf: RecordLeaf, signer: Signer | None = None
) -> tuple[str, tuple[Value, ...]]:
    signature = world.sign("Records", leaf, signer or world.custodian.signer)
    arguments = (values_of(previous), values_of(leaf), signature)
    return world.suite.refusal("Records", "supersede", *arguments, sender=world.relay)


def status_of(world: World, leaf: RecordLeaf) -> RecordStatus:
    return RecordStatus(world.suite.read("Records", "statusOf", record_id(leaf)))


def anchored_event(leaf: RecordLeaf) -> Event:
    [anchor] = [entry for entry in artifact("Records")["abi"] if entry.get("name") == "anchor"]
    names = [member["name"] for member in anchor["inputs"][0]["components"]]
    values = dict(zip(names, values_of(leaf), strict=True))
    custodian = Web3.to_checksum_address(leaf.custodian)
    args = {
        "recordId": record_id(leaf),
        "subjectId": leaf.subject_id,
        "custodian": custodian,
        "leaf": {**values, "custodian": custodian},
    }
    return Event("RecordAnchored", args)


def test_anchor_makes_a_first_version_current(world: World) -> None:
    leaf = world.leaf()
    signature = world.sign("Records", leaf, world.custodian.signer)
    before = status_of(world, leaf)

    receipt = world.suite.send("Records", "anchor", values_of(leaf), signature, sender=world.relay)

    assert world.suite.events(receipt) == [anchored_event(leaf)]
    assert (before, status_of(world, leaf)) == (RecordStatus.NONE, RecordStatus.CURRENT)
    anchored_at = world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]
    assert world.suite.read("Records", "anchoredAt", record_id(leaf)) == anchored_at


def test_anchor_returns_the_id_of_the_leaf(world: World) -> None:
    leaf = world.leaf()
    signature = world.sign("Records", leaf, world.custodian.signer)

    assert world.suite.read("Records", "anchor", values_of(leaf), signature, sender=world.relay) == record_id(leaf)


def test_unknown_record_has_no_status_and_time(world: World) -> None:
    assert world.suite.read("Records", "statusOf", OTHER) == RecordStatus.NONE
    assert world.suite.read("Records", "anchoredAt", OTHER) == 0
    assert world.suite.read("Records", "factsOf", [OTHER]) == [0]


def test_facts_of_a_version_are_packed_as_documented(world: World) -> None:
    first = world.leaf(category=12, sensitivity=5, data_month=65_535, retention=2)
    world.anchor(first)
    time = world.suite.read("Records", "anchoredAt", record_id(first))
    second = world.supersede(first)

    one, other = world.suite.read("Records", "factsOf", [record_id(first), record_id(second)])

    subject = int.from_bytes(keccak(first.subject_id)[:20], "big")
    assert one == RecordStatus.SUPERSEDED | 12 << 8 | 5 << 16 | 65_535 << 24 | 2 << 40 | time << 48 | subject << 96
    assert other & 0xFF == RecordStatus.CURRENT
    assert other >> 96 == subject


@pytest.mark.parametrize("kind", ["P-256", "passkey"])
def test_anchor_by_a_custodian_with_a_key_behind_a_verifier_succeeds(world: World, kind: str) -> None:
    signer: Signer = P256Signer(world.suite.address("ERC7913P256Verifier"), b"clinic")
    if kind == "passkey":
        signer = PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"clinic")
    world.custodian = world.admit("clinic", 440_100, world.suite.accounts[6], signer)
    world.patient = world.enrol("patient of the clinic", AccountSigner(key_of("patient")))

    world.anchor(world.leaf())

    assert status_of(world, world.leaf()) == RecordStatus.CURRENT


def test_supersede_makes_the_next_version_current(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    second = world.successor(first)
    signature = world.sign("Records", second, world.custodian.signer)
    arguments = (values_of(first), values_of(second), signature)

    returned = world.suite.read("Records", "supersede", *arguments, sender=world.relay)
    receipt = world.suite.send("Records", "supersede", *arguments, sender=world.relay)

    superseded = Event("RecordSuperseded", {"recordId": record_id(first), "by": record_id(second)})
    assert world.suite.events(receipt) == [superseded, anchored_event(second)]
    assert returned == record_id(second)
    assert status_of(world, first) == RecordStatus.SUPERSEDED
    assert status_of(world, second) == RecordStatus.CURRENT


def test_third_version_keeps_the_lineage_of_the_first(world: World) -> None:
    first = world.leaf()
    world.anchor(first)

    third = world.supersede(world.supersede(first))

    assert (third.version, third.lineage) == (3, record_id(first))
    assert status_of(world, third) == RecordStatus.CURRENT


def test_anchor_by_anyone_but_a_relay_is_refused(world: World) -> None:
    assert anchor_refusal(world, world.leaf(), sender=world.stranger) == ("RecordsRelayRequired", (world.stranger,))


def test_supersede_by_anyone_but_a_relay_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    world.relay = world.stranger

    refused = supersede_refusal(world, first, world.successor(first))

    assert refused == ("RecordsRelayRequired", (world.stranger,))


def test_anchor_twice_is_refused(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)

    assert anchor_refusal(world, leaf) == ("RecordsAlreadyAnchored", (record_id(leaf),))


def test_anchor_of_a_superseded_version_is_refused(world: World) -> None:
    leaf = world.leaf()
    world.anchor(leaf)
    world.supersede(leaf)

    assert anchor_refusal(world, leaf) == ("RecordsAlreadyAnchored", (record_id(leaf),))


@pytest.mark.parametrize("custodian", ["unknown", "suspended"])
def test_anchor_by_an_inactive_custodian_is_refused(world: World, custodian: str) -> None:
    leaf = world.leaf()
    if custodian == "unknown":
        leaf = dataclasses.replace(leaf, custodian=Address(b"\x77" * 20))
    else:
        world.suspend(world.custodian)
    address = Web3.to_checksum_address(leaf.custodian)

    refused = anchor_refusal(world, leaf, sender=world.hospital.relay)

    assert refused == ("RecordsCustodianInactive", (address,))


def test_anchor_for_a_subject_of_another_custodian_is_refused(world: World) -> None:
    leaf = world.leaf(custodian=world.hospital.address)
    custodian, needed = (Web3.to_checksum_address(h.address) for h in (world.hospital, world.custodian))

    refused = anchor_refusal(world, leaf, signer=world.hospital.signer)

    assert refused == ("RecordsSubjectMismatch", (leaf.subject_id, custodian, needed))


def test_anchor_for_an_unknown_subject_is_refused(world: World) -> None:
    leaf = world.leaf(subject_id=SubjectId(OTHER))
    custodian, nobody = (Web3.to_checksum_address(a) for a in (world.custodian.address, ZERO_ADDRESS))

    assert anchor_refusal(world, leaf) == ("RecordsSubjectMismatch", (OTHER, custodian, nobody))


@pytest.mark.parametrize(
    ("changes", "error", "arguments"),
    [
        ({"category": 0}, "RecordsCategoryInvalid", (0,)),
        ({"category": 13}, "RecordsCategoryInvalid", (13,)),
        ({"sensitivity": 0}, "RecordsSensitivityInvalid", (0,)),
        ({"sensitivity": 6}, "RecordsSensitivityInvalid", (6,)),
        ({"suite": 0}, "RecordsSuiteUnknown", (0,)),
        ({"suite": 2}, "RecordsSuiteUnknown", (2,)),
        ({"retention": 0}, "RecordsRetentionUnknown", (0,)),
        ({"retention": 3}, "RecordsRetentionUnknown", (3,)),
        ({"ciphertext_digest": ZERO_32}, "RecordsDigestMissing", ()),
        ({"commitment": ZERO_32}, "RecordsDigestMissing", ()),
        ({"ciphertext_size": 0}, "RecordsDigestMissing", ()),
        ({"previous": OTHER}, "RecordsPreviousMismatch", (OTHER, ZERO_32)),
        ({"version": 0}, "RecordsVersionInvalid", (0, 1)),
        ({"version": 2}, "RecordsVersionInvalid", (2, 1)),
        ({"lineage": OTHER}, "RecordsLineageMismatch", (OTHER, ZERO_32)),
    ],
)
def test_anchor_of_an_invalid_leaf_is_refused(
    world: World, changes: dict[str, Value], error: str, arguments: tuple[Value, ...]
) -> None:
    assert anchor_refusal(world, world.leaf(**changes)) == (error, arguments)


@pytest.mark.parametrize(
    "changes", [{"category": 1}, {"category": 12}, {"sensitivity": 1}, {"sensitivity": 5}, {"retention": 2}]
)
def test_anchor_of_an_outermost_code_succeeds(world: World, changes: dict[str, Value]) -> None:
    leaf = world.leaf(**changes)

    world.anchor(leaf)

    assert status_of(world, leaf) == RecordStatus.CURRENT


def test_anchor_signed_by_another_is_refused(world: World) -> None:
    leaf = world.leaf()
    custodian = Web3.to_checksum_address(leaf.custodian)

    refused = anchor_refusal(world, leaf, signer=world.hospital.signer)

    assert refused == ("RecordsSignatureInvalid", (record_id(leaf), custodian))


def test_supersede_signed_by_another_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    second = world.successor(first)
    custodian = Web3.to_checksum_address(second.custodian)

    refused = supersede_refusal(world, first, second, signer=world.patient.signer)

    assert refused == ("RecordsSignatureInvalid", (record_id(second), custodian))


@pytest.mark.parametrize(
    ("changes", "error", "arguments"),
    [
        ({"category": 13}, "RecordsCategoryInvalid", (13,)),
        ({"version": 1}, "RecordsVersionInvalid", (1, 2)),
        ({"version": 3}, "RecordsVersionInvalid", (3, 2)),
    ],
)
def test_supersede_with_an_invalid_leaf_is_refused(
    world: World, changes: dict[str, Value], error: str, arguments: tuple[Value, ...]
) -> None:
    first = world.leaf()
    world.anchor(first)

    assert supersede_refusal(world, first, world.successor(first, **changes)) == (error, arguments)


def test_supersede_naming_another_previous_version_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)

    refused = supersede_refusal(world, first, dataclasses.replace(world.successor(first), previous=OTHER))

    assert refused == ("RecordsPreviousMismatch", (OTHER, record_id(first)))


def test_supersede_with_a_lower_level_is_refused(world: World) -> None:
    # An older consent to the category would cover the next version of a record it did not cover before.
    first = world.leaf(sensitivity=5)
    world.anchor(first)

    refused = supersede_refusal(world, first, world.successor(first, sensitivity=4))

    assert refused == ("RecordsSensitivityLowered", (4, 5))
    assert world.supersede(first, sensitivity=5).sensitivity == 5


def test_supersede_of_another_lineage_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    second = world.supersede(first)

    refused = supersede_refusal(world, second, world.successor(second, lineage=record_id(second)))

    assert refused == ("RecordsLineageMismatch", (record_id(second), record_id(first)))


def test_supersede_of_an_unknown_version_is_refused(world: World) -> None:
    # The highest version has no next number; nothing is computed from a leaf that was never anchored.
    unknown = world.leaf(version=2**32 - 1)
    leaf = dataclasses.replace(world.successor(world.leaf()), previous=record_id(unknown))

    refused = supersede_refusal(world, unknown, leaf)

    assert refused == ("RecordsPreviousNotCurrent", (record_id(unknown), RecordStatus.NONE))


def test_supersede_of_a_superseded_version_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    world.supersede(first)

    refused = supersede_refusal(world, first, world.successor(first, ciphertext_digest=OTHER))

    assert refused == ("RecordsPreviousNotCurrent", (record_id(first), RecordStatus.SUPERSEDED))


def test_supersede_with_another_subject_is_refused(world: World) -> None:
    first = world.leaf()
    world.anchor(first)
    other = world.enrol("another patient", AccountSigner(key_of("another patient")))

    refused = supersede_refusal(world, first, world.successor(first, subject_id=other.subject_id))

    assert refused == ("RecordsSubjectChanged", (other.subject_id, first.subject_id))


def test_domain_and_wiring_are_as_documented(world: World) -> None:
    _, name, version, *_ = world.suite.read("Records", "eip712Domain")

    assert (name, version) == ("Consentry Records", "1")
    assert world.suite.read("Records", "participants") == world.suite["Participants"].address
    assert world.suite.read("Records", "subjects") == world.suite["Subjects"].address
