"""The national ledger: each rule with an attack on it; contract and Python rules answer alike to everything."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_hash.auto import keccak

from consentry.core.anchors import Conflict, LedgerStatus
from consentry.core.codes import CLOCK_TOLERANCE, bits
from consentry.core.ledger_checkpoint import LedgerCheckpoint, ledger_id
from consentry.core.log_tree import MAX_SIZE
from consentry.core.offices import Role
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from consentry.core.typed_data import Domain, digest
from tests.support.evm import SECOND, Evm
from tests.support.national import (
    IDENTITY,
    LEDGER,
    START,
    National,
    accounts,
    checkpoint,
    grown,
    in_order,
    nodes_between,
    status_of,
)

REASON = keccak(b"what was found")
OTHER = keccak(b"another ledger")


# Admission


def test_ledger_is_admitted_by_two_officers_with_its_witnesses(national: National) -> None:
    identity = dataclasses.replace(IDENTITY, origin="ledger.example.org/hubei")
    signers = [key.signer for key in national.witnesses]
    arguments = (dataclasses.astuple(identity), signers, 3)

    assert [log.name for log in national.send("admitLedger", *arguments).logs] == ["ActProposed"]
    assert national.read("ledgerOf", ledger_id(identity))[0] == LedgerStatus.NONE
    confirmed = national.send("admitLedger", *arguments, sender=SECOND.address)

    assert [log.name for log in confirmed.logs] == ["ActConfirmed", "LedgerAdmitted", "WitnessesChanged"]
    assert confirmed.logs[1].members[0] == ledger_id(identity)
    assert confirmed.logs[2].members == (ledger_id(identity), 1, tuple(signers), 3)
    assert national.read("ledgerOf", ledger_id(identity)) == (LedgerStatus.ACTIVE, 0, 0, 1, 3)
    assert all(national.read("isWitness", ledger_id(identity), signer) for signer in signers)


def test_one_officer_admits_nothing(national: National) -> None:
    arguments = (dataclasses.astuple(dataclasses.replace(IDENTITY, chain_id=5)), [bytes(20)], 1)
    national.must(national.send("admitLedger", *arguments))

    assert national.send("admitLedger", *arguments).error == "ParticipantsSecondOfficerRequired"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("admitLedger", (dataclasses.astuple(dataclasses.replace(IDENTITY, chain_id=5)), [bytes(20)], 1)),
        ("changeWitnesses", (LEDGER, [bytes(20)], 1)),
        ("resolveFork", (LEDGER, REASON)),
        ("closeLedger", (LEDGER, REASON)),
        ("begin", (SECOND.address, Address(b"\x05" * 20), REASON)),
    ],
)
def test_who_is_no_officer_governs_nothing(function: str, arguments: tuple[Any, ...]) -> None:
    stranger = accounts("stranger", 1)[0]
    national = National(Evm(stranger))

    refused = national.send(function, *arguments, sender=stranger.address)

    assert refused.error == "AccessManagedUnauthorized"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("admitLedger", (dataclasses.astuple(dataclasses.replace(IDENTITY, chain_id=5)), [bytes(20)], 1)),
        ("changeWitnesses", (LEDGER, [bytes(20)], 1)),
        ("resolveFork", (LEDGER, REASON)),
        ("closeLedger", (LEDGER, REASON)),
    ],
)
def test_officer_of_a_suspended_authority_governs_nothing(function: str, arguments: tuple[Any, ...]) -> None:
    """It keeps its role in `Governance`: the role alone opens nothing."""
    key = accounts("another authority", 1)[0]
    national, other = National(Evm(key)), key.address
    national.must(national.by_two("admitAuthority", other, 0, REASON))
    national.must(national.by_two("appointOfficer", other, other, bits(Role.NATIONAL)))
    assert national.send(function, *arguments, sender=other).error != "ParticipantsRegionForbidden"
    national.must(national.by_two("suspendAuthority", other, REASON))

    refused = national.send(function, *arguments, sender=other)

    assert (refused.error, refused.arguments) == ("ParticipantsRegionForbidden", ("0x" + other.hex(), 0))


def test_deployment_begins_once() -> None:
    evm = Evm()
    governance = evm.deploy("Governance", evm.payer, 0)
    contract = evm.deploy("NationalAnchor", governance)
    assert evm.send(governance, "grantRole", 6, contract, 0).error == ""
    for role in range(1, 6):
        assert evm.send(governance, "setRoleAdmin", role, 6).error == ""

    alone = evm.send(contract, "begin", evm.payer, evm.payer, REASON)
    assert (alone.error, alone.arguments) == ("ParticipantsOfficerInvalid", ("0x" + evm.payer.hex(),))
    assert evm.send(contract, "begin", evm.payer, SECOND.address, REASON).error == ""
    assert evm.send(contract, "begin", Address(b"\x05" * 20), SECOND.address, REASON).error == "NationalAnchorBegun"
    assert evm.read(contract, "authorityOf", SECOND.address) == ("0x" + evm.payer.hex(),)


@pytest.mark.parametrize(
    "changes",
    [{"origin": ""}, {"chain_id": 0}, {"genesis_hash": ZERO_32}, {"access_ledger": ZERO_ADDRESS}],
)
def test_identity_lacks_nothing(national: National, changes: dict[str, Any]) -> None:
    identity = dataclasses.replace(IDENTITY, **changes)
    refused = national.send("admitLedger", dataclasses.astuple(identity), [bytes(20)], 1)

    assert (refused.error, refused.arguments) == ("NationalAnchorIdentityInvalid", ())


def test_ledger_is_admitted_once(national: National) -> None:
    refused = national.send("admitLedger", dataclasses.astuple(IDENTITY), [bytes(20)], 1)

    assert (refused.error, refused.arguments) == ("NationalAnchorLedgerKnown", (LEDGER, LedgerStatus.ACTIVE))


def test_every_member_of_an_identity_makes_another_ledger() -> None:
    others = [
        dataclasses.replace(IDENTITY, origin="ledger.example.org/hubei"),
        dataclasses.replace(IDENTITY, chain_id=1),
        dataclasses.replace(IDENTITY, genesis_hash=OTHER),
        dataclasses.replace(IDENTITY, access_ledger=Address(b"\x0b" * 20)),
    ]
    assert len({LEDGER, *map(ledger_id, others)}) == 5


@pytest.mark.parametrize(
    ("signers", "place"),
    [
        ([], 0),
        ([keccak(b"%d" % number) for number in range(33)], 33),
        ([b"\x01" * 19], 0),
        ([b"\x01" * 20, b"\x01" * 20], 1),
    ],
)
def test_list_of_witnesses_has_a_form(national: National, signers: list[bytes], place: int) -> None:
    refused = national.send("changeWitnesses", LEDGER, signers, len(signers))

    assert (refused.error, refused.arguments) == ("NationalAnchorWitnessesInvalid", (place,))


def test_list_of_witnesses_ascends(national: National) -> None:
    signers = [key.signer for key in national.witnesses]
    signers[1], signers[2] = signers[2], signers[1]

    assert national.send("changeWitnesses", LEDGER, signers, 3).arguments == (2,)


@pytest.mark.parametrize(("count", "threshold"), [(5, 2), (4, 2), (1, 0), (5, 6), (2, 1)])
def test_minority_is_no_quorum(national: National, count: int, threshold: int) -> None:
    signers = [key.signer for key in national.witnesses[:count]]
    refused = national.send("changeWitnesses", LEDGER, signers, threshold)

    assert (refused.error, refused.arguments) == ("NationalAnchorThresholdInvalid", (threshold, count))


@pytest.mark.parametrize(("count", "threshold"), [(5, 3), (4, 3), (1, 1), (2, 2), (3, 3)])
def test_majority_is_a_quorum(national: National, count: int, threshold: int) -> None:
    signers = [key.signer for key in national.witnesses[:count]]

    assert national.by_two("changeWitnesses", LEDGER, signers, threshold).error == ""


# Quorum


def test_majority_of_witnesses_anchors(national: National) -> None:
    made = checkpoint(5)
    brought = national.bring(made, (), national.sign(made, *national.witnesses[1:4]))

    [log] = brought.outcome.logs
    signed = national.sign(made, *national.witnesses[1:4])
    signers, signatures = zip(*signed, strict=True)
    assert log.name == "CheckpointAnchored"
    assert log.members == (LEDGER, 5, dataclasses.astuple(made), signers, signatures)
    assert national.read("checkpointOf", LEDGER, 5) == dataclasses.astuple(made)
    assert national.read("checkpointOf", LEDGER, 4) == (ZERO_32, 0, ZERO_32, 0, ZERO_32, 0)


def test_all_witnesses_anchor_also_with_a_p256_key(national: National) -> None:
    made = checkpoint(5)
    assert {len(key.signer) for key in national.witnesses} == {20, 84}
    assert national.bring(made, (), national.sign(made, *national.witnesses)).conflict == Conflict.NONE


def test_minority_anchors_nothing(national: National) -> None:
    made = checkpoint(5)
    brought = national.bring(made, (), national.sign(made, *national.witnesses[:2]))

    assert brought.refusal == ("NationalAnchorQuorumMissing", (2, 2, 3))


def test_signer_without_signature_does_not_count(national: National) -> None:
    made = checkpoint(5)
    signed = national.sign(made)
    refused = national.send(
        "anchor", dataclasses.astuple(made), [], [one for one, _ in signed], [other for _, other in signed[:2]]
    )

    assert (refused.error, refused.arguments) == ("NationalAnchorQuorumMissing", (3, 2, 3))


def test_witness_counts_once(national: National) -> None:
    made = checkpoint(5)
    one, other, _ = national.sign(made)

    assert national.bring(made, (), [one, other, other]).refusal == ("NationalAnchorSignersUnordered", (2,))
    assert national.bring(made, (), [other, one, other]).refusal == ("NationalAnchorSignersUnordered", (1,))


def test_stranger_is_no_witness(national: National) -> None:
    made = checkpoint(5)
    stranger = accounts("stranger", 1)[0]
    signed = national.sign(made, *national.witnesses[:2], stranger)

    assert national.bring(made, (), signed).refusal == ("NationalAnchorWitnessUnknown", (LEDGER, stranger.signer))


def test_witness_signs_for_itself(national: National) -> None:
    made = checkpoint(5)
    [(one, _), (other, signature), last] = national.sign(made)
    brought = national.bring(made, (), [(one, signature), (other, signature), last])

    assert brought.refusal == ("NationalAnchorSignatureInvalid", (one,))


@pytest.mark.parametrize("member", [f.name for f in dataclasses.fields(LedgerCheckpoint)][1:])
def test_every_member_is_signed(national: National, member: str) -> None:
    made = checkpoint(5)
    value = getattr(made, member)
    changed: dict[str, Any] = {member: value - 1 if isinstance(value, int) else OTHER}
    other = dataclasses.replace(made, **changed)

    assert national.bring(other, (), national.sign(made)).refusal[0] == "NationalAnchorSignatureInvalid"


def test_signatures_are_for_one_ledger(national: National) -> None:
    identity = dataclasses.replace(IDENTITY, origin="ledger.example.org/hubei")
    hubei = national.admit(identity)
    made = checkpoint(5)

    brought = national.bring(dataclasses.replace(made, ledger_id=hubei), (), national.sign(made))

    assert brought.refusal[0] == "NationalAnchorSignatureInvalid"


@pytest.mark.parametrize("what", ["chain", "contract", "name"])
def test_signatures_are_for_one_deployment(national: National, what: str) -> None:
    made, own = checkpoint(5), national.domain
    others = {
        "chain": dataclasses.replace(own, chain_id=own.chain_id + 1),
        "contract": dataclasses.replace(own, verifying_contract=Address(b"\x0a" * 20)),
        "name": Domain("Consentry AccessLedger", own.chain_id, own.verifying_contract),
    }
    signed = [(key.signer, key.sign_digest(digest(others[what], made))) for key in national.witnesses[:3]]

    assert national.bring(made, (), signed).refusal[0] == "NationalAnchorSignatureInvalid"


def test_witnesses_that_were_replaced_count_no_longer(national: National) -> None:
    made, old = checkpoint(5), national.witnesses[:3]
    new = in_order(accounts("new witness", 3))
    signers = [key.signer for key in new]

    changed = national.must(national.by_two("changeWitnesses", LEDGER, signers, 2))
    national.rules.change_witnesses(LEDGER, signers, 2)

    assert changed.logs[1].members == (LEDGER, 2, tuple(signers), 2)
    assert [national.read("isWitness", LEDGER, key.signer) for key in (*old, *new)] == [False] * 3 + [True] * 3
    first = old[0].signer
    assert national.bring(made, (), national.sign(made, *old)).refusal == (
        "NationalAnchorWitnessUnknown",
        (LEDGER, first),
    )
    assert national.bring(made, (), national.sign(made, *new)).conflict == Conflict.NONE


# Form


@pytest.mark.parametrize(
    "changes", [{"size": 0}, {"size": MAX_SIZE + 1}, {"root": ZERO_32}, {"block_hash": ZERO_32}], ids=str
)
def test_checkpoint_has_a_form(national: National, changes: dict[str, Any]) -> None:
    made = dataclasses.replace(checkpoint(5), **changes)

    assert national.bring(made).refusal == ("NationalAnchorCheckpointInvalid", ())


def test_largest_log_is_anchored(national: National) -> None:
    assert national.bring(dataclasses.replace(checkpoint(5), size=MAX_SIZE)).conflict == Conflict.NONE


def test_checkpoint_is_not_ahead_of_the_clock(national: National) -> None:
    latest = national.evm.time + CLOCK_TOLERANCE
    early = national.bring(checkpoint(5, seen_at=latest + 1))

    assert early.refusal == ("NationalAnchorTimeInvalid", (latest + 1, latest))
    assert national.bring(checkpoint(5, seen_at=latest + 1)).conflict == Conflict.NONE


def test_ledger_that_was_not_admitted_has_no_checkpoints(national: National) -> None:
    made = checkpoint(5, ledger=OTHER)

    assert national.bring(made).refusal == ("NationalAnchorStatusInvalid", (OTHER, LedgerStatus.NONE))


# Growth


@pytest.mark.parametrize("sizes", [(1, 2), (1, 3, 4), (4, 7), (6, 8, 40), (8, 9), (7, 8, 16, 33)])
def test_log_that_grows_is_anchored(national: National, sizes: tuple[int, ...]) -> None:
    grown(national, *sizes)

    assert national.read("ledgerOf", LEDGER)[1] == sizes[-1]
    assert [national.read("checkpointOf", LEDGER, size)[2] for size in sizes] == [checkpoint(s).root for s in sizes]


def test_first_checkpoint_has_no_nodes(national: National) -> None:
    assert national.bring(checkpoint(5), [OTHER]).refusal == ("NationalAnchorNodesInvalid", (0, 5))


def nodes_spoilt() -> list[list[bytes]]:
    """Gives nodes that lead from 4 to 7 in ways they should not."""
    nodes = list(nodes_between(4, 7))
    return [[], nodes[:-1], [*nodes, OTHER], [*nodes[:-1], OTHER], [OTHER, *nodes[1:]], nodes[::-1]]


@pytest.mark.parametrize("nodes", nodes_spoilt())
def test_growth_that_is_not_shown_is_refused_and_convicts_nobody(national: National, nodes: list[bytes]) -> None:
    grown(national, 4)

    assert national.bring(checkpoint(7), nodes).refusal == ("NationalAnchorNodesInvalid", (4, 7))
    assert status_of(national) == LedgerStatus.ACTIVE


def test_checkpoint_is_anchored_once(national: National) -> None:
    grown(national, 4, 7)

    assert national.bring(checkpoint(4)).refusal == ("NationalAnchorRepeated", (LEDGER, 4))
    later = checkpoint(7, block_number=9, block_hash=OTHER, seen_at=START + 100)
    assert national.bring(later).refusal == ("NationalAnchorRepeated", (LEDGER, 7))


@pytest.mark.parametrize("nodes", [(), nodes_between(4, 7)])
def test_smaller_tree_of_the_same_history_comes_too_late(national: National, nodes: tuple[bytes, ...]) -> None:
    grown(national, 7)

    assert national.bring(checkpoint(4), nodes).refusal == ("NationalAnchorStale", (LEDGER, 4, 7))
    assert status_of(national) == LedgerStatus.ACTIVE
