"""Checkpoints that contradict each other are evidence: recorded, and the ledger stands still until it is resolved."""

from __future__ import annotations

import dataclasses

import pytest
from eth_hash.auto import keccak

from consentry.core.anchors import Conflict, LedgerStatus
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity
from consentry.core.terms import Address
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import SigningKey
from tests.support.evm import SECOND
from tests.support.national import LEDGER, START, National, accounts, checkpoint, grown, nodes_between, status_of

REASON = keccak(b"what was found")
OTHER = keccak(b"another ledger")


def forked(national: National) -> None:
    """Anchors a tree, and brings another one of the same size."""
    grown(national, 7)
    assert national.bring(checkpoint(7, fork=3)).conflict == Conflict.TWO_ROOTS


def conflicts() -> dict[str, tuple[tuple[int, ...], LedgerCheckpoint, tuple[bytes, ...], Conflict]]:
    """Gives the anchored sizes, what is brought then with which nodes, and what it is."""
    return {
        "other root": ((7,), checkpoint(7, fork=3), (), Conflict.TWO_ROOTS),
        "other root of an older tree": ((4, 7), checkpoint(4, fork=3), (), Conflict.TWO_ROOTS),
        "larger tree of another history": (
            (4,),
            checkpoint(7, fork=2),
            nodes_between(4, 7, fork=2),
            Conflict.NOT_A_PREFIX,
        ),
        "larger tree of another history, from 5": (
            (5,),
            checkpoint(9, fork=2),
            nodes_between(5, 9, fork=2),
            Conflict.NOT_A_PREFIX,
        ),
        "smaller tree of another history": ((7,), checkpoint(5, fork=2), nodes_between(5, 7), Conflict.NOT_A_PREFIX),
        "other block": ((7,), checkpoint(8, block_number=7), (), Conflict.TWO_BLOCKS),
        "other block of the same tree": ((7,), checkpoint(7, block_hash=OTHER), (), Conflict.TWO_BLOCKS),
        "fewer leaves later": ((7,), checkpoint(5, seen_at=START + 8), (), Conflict.WENT_BACK),
        "more leaves earlier": ((7,), checkpoint(9, seen_at=START + 6), nodes_between(7, 9), Conflict.WENT_BACK),
        "more leaves in an earlier block": (
            (7,),
            checkpoint(9, block_number=6),
            nodes_between(7, 9),
            Conflict.WENT_BACK,
        ),
        "more leaves in the same block": (
            (7,),
            checkpoint(9, block_number=7, block_hash=checkpoint(7).block_hash),
            nodes_between(7, 9),
            Conflict.WENT_BACK,
        ),
        "fewer leaves in a later block": ((7,), checkpoint(5, block_number=8), (), Conflict.WENT_BACK),
    }


@pytest.mark.parametrize("name", conflicts())
def test_conflict_is_evidence_and_marks_the_ledger(national: National, name: str) -> None:
    sizes, made, nodes, conflict = conflicts()[name]
    grown(national, *sizes)
    signed = national.sign(made)

    brought = national.bring(made, nodes, signed)

    assert brought.conflict == conflict
    [log] = brought.outcome.logs
    known = checkpoint(made.size if made.size in sizes else sizes[-1])
    assert log.name == "ConflictRecorded"
    assert log.members == (
        LEDGER,
        struct_hash(made),
        conflict,
        (dataclasses.astuple(made), dataclasses.astuple(known), tuple(nodes), *zip(*signed, strict=True)),
    )
    assert national.read("conflictOf", struct_hash(made)) == conflict
    assert national.read("ledgerOf", LEDGER)[:3] == (LedgerStatus.FORKED, sizes[-1], 1)
    assert national.read("checkpointOf", LEDGER, known.size) == dataclasses.astuple(known)


@pytest.mark.parametrize("name", ["other root", "larger tree of another history", "fewer leaves later"])
def test_conflict_needs_a_quorum(national: National, name: str) -> None:
    """Two witnesses of five cannot mark a ledger."""
    sizes, made, nodes, _ = conflicts()[name]
    grown(national, *sizes)

    brought = national.bring(made, nodes, national.sign(made, *national.witnesses[:2]))

    assert brought.refusal[0] == "NationalAnchorQuorumMissing"
    assert status_of(national) == LedgerStatus.ACTIVE


def test_later_of_two_times_that_are_alike_is_no_conflict(national: National) -> None:
    grown(national, 7)

    assert national.bring(checkpoint(9, seen_at=START + 7), nodes_between(7, 9)).conflict == Conflict.NONE


def test_conflict_is_recorded_once(national: National) -> None:
    forked(national)

    again = national.bring(checkpoint(7, fork=3))
    assert again.refusal == ("NationalAnchorConflictKnown", (struct_hash(checkpoint(7, fork=3)),))
    assert national.bring(checkpoint(7, fork=5)).conflict == Conflict.TWO_ROOTS
    assert national.read("ledgerOf", LEDGER)[2] == 2


def test_nothing_is_anchored_while_forked(national: National) -> None:
    forked(national)
    made = checkpoint(9)

    refused = national.bring(made, nodes_between(7, 9))

    assert refused.refusal == ("NationalAnchorStatusInvalid", (LEDGER, LedgerStatus.FORKED))


# Other witnesses


def exchanged(national: National, name: str = "fresh") -> list[SigningKey]:
    """Replaces one witness of five; gives those before."""
    before = national.witnesses
    national.change([*before[1:], *accounts(name, 1)], 3)
    return before


def test_former_list_is_convicted_of_what_it_signed_twice(national: National) -> None:
    grown(national, 3, 5)
    before = exchanged(national)
    made = checkpoint(5, fork=2)
    signed = national.sign(made, *before[:3])
    assert national.bring(made, (), signed).refusal[0] == "NationalAnchorWitnessUnknown"

    brought = national.bring(made, (), signed, against=5)

    assert brought.conflict == Conflict.TWO_ROOTS
    [log] = brought.outcome.logs
    evidence = (dataclasses.astuple(made), dataclasses.astuple(checkpoint(5)), (), *zip(*signed, strict=True))
    assert log.members == (LEDGER, struct_hash(made), Conflict.TWO_ROOTS, evidence)
    assert national.read("ledgerOf", LEDGER)[:3] == (LedgerStatus.FORKED, 5, 1)
    assert national.bring(made, (), signed, against=5).refusal[0] == "NationalAnchorConflictKnown"


def test_former_list_anchors_nothing(national: National) -> None:
    grown(national, 3, 5)
    before = exchanged(national)
    made = checkpoint(7)

    refused = national.bring(made, nodes_between(5, 7), national.sign(made, *before[:3]), against=5)

    assert refused.refusal == ("NationalAnchorNoConflict", (LEDGER, 7, 5))
    assert national.read("ledgerOf", LEDGER)[:2] == (LedgerStatus.ACTIVE, 5)


def test_list_is_heard_only_against_what_it_signed_itself(national: National) -> None:
    """Else its quorum and that of the anchored checkpoint might share nobody."""
    grown(national, 3)
    before = exchanged(national)
    assert national.bring(checkpoint(5), nodes_between(3, 5)).conflict == Conflict.NONE
    made = checkpoint(5, fork=2)
    [fresh] = [key for key in national.witnesses if key not in before]

    for against, stranger in ((5, before[0]), (3, fresh)):
        signed = national.sign(made, *before[1:3], stranger)
        refused = national.bring(made, nodes_between(3, 5, fork=2), signed, against=against).refusal
        assert refused == ("NationalAnchorWitnessUnknown", (LEDGER, stranger.signer))


def test_former_lists_are_heard_no_longer_when_two_officers_have_looked(national: National) -> None:
    """Keys that were lost after they were replaced stop a ledger once and not for ever."""
    grown(national, 5)
    before = exchanged(national)
    for fork in (2, 3):
        made = checkpoint(5, fork=fork)
        assert national.bring(made, (), national.sign(made, *before[:3]), against=5).conflict == Conflict.TWO_ROOTS
    national.must(national.by_two("resolveFork", LEDGER, REASON))
    national.rules.resolve(LEDGER)

    made = checkpoint(5, fork=4)
    refused = national.bring(made, (), national.sign(made, *before[:3]), against=5)

    assert refused.refusal == ("NationalAnchorListUnheard", (LEDGER, 1))
    assert status_of(national) == LedgerStatus.ACTIVE


def test_closing_lets_former_lists_be_heard(national: National) -> None:
    grown(national, 5)
    before = exchanged(national)
    national.must(national.by_two("closeLedger", LEDGER, REASON))
    national.rules.close(LEDGER)

    made = checkpoint(5, fork=2)
    assert national.bring(made, (), national.sign(made, *before[:3]), against=5).conflict == Conflict.TWO_ROOTS
    assert status_of(national) == LedgerStatus.CLOSED_FORKED


def test_conflict_with_nothing_is_none(national: National) -> None:
    grown(national, 5)
    other = dataclasses.replace(checkpoint(5, fork=2), ledger_id=OTHER)

    assert national.bring(checkpoint(4), against=4).refusal == ("NationalAnchorNotAnchored", (LEDGER, 4))
    assert national.bring(checkpoint(4), against=0).refusal == ("NationalAnchorNotAnchored", (LEDGER, 0))
    assert national.bring(other, against=5).refusal == ("NationalAnchorStatusInvalid", (OTHER, LedgerStatus.NONE))


def test_clocks_of_other_witnesses_convict_nobody(national: National) -> None:
    grown(national, 3, 5)
    national.change(accounts("fresh", 3), 2)
    behind, level = checkpoint(7, seen_at=START + 4), checkpoint(7, seen_at=START + 5)

    refused = national.bring(behind, nodes_between(5, 7))

    assert refused.refusal == ("NationalAnchorTimeBehind", (START + 4, START + 5))
    assert status_of(national) == LedgerStatus.ACTIVE
    assert national.bring(level, nodes_between(5, 7)).conflict == Conflict.NONE
    later = checkpoint(9, seen_at=START + 4)
    assert national.bring(later, nodes_between(7, 9)).conflict == Conflict.WENT_BACK


@pytest.mark.parametrize(
    "name", [name for name in conflicts() if name not in {"fewer leaves later", "more leaves earlier"}]
)
def test_other_witnesses_contradict_as_the_same_do_but_for_the_time(national: National, name: str) -> None:
    sizes, made, nodes, conflict = conflicts()[name]
    grown(national, *sizes)
    national.change(accounts("fresh", 3), 2)

    assert national.bring(made, nodes).conflict == conflict


# Resolution


def test_fork_is_resolved_by_two_officers_and_the_ledger_goes_on(national: National) -> None:
    forked(national)
    national.must(national.send("resolveFork", LEDGER, REASON))
    assert status_of(national) == LedgerStatus.FORKED

    done = national.must(national.send("resolveFork", LEDGER, REASON, sender=SECOND.address))
    national.rules.resolve(LEDGER)

    assert done.logs[1].name == "LedgerStatusChanged"
    assert done.logs[1].members == (LEDGER, "0x" + national.evm.payer.hex(), LedgerStatus.ACTIVE, REASON)
    assert national.bring(checkpoint(9), nodes_between(7, 9)).conflict == Conflict.NONE
    assert national.read("ledgerOf", LEDGER)[:3] == (LedgerStatus.ACTIVE, 9, 1)


def test_ledger_that_is_not_forked_has_nothing_to_resolve(national: National) -> None:
    refused = national.send("resolveFork", LEDGER, REASON)

    assert (refused.error, refused.arguments) == ("NationalAnchorStatusInvalid", (LEDGER, LedgerStatus.ACTIVE))


@pytest.mark.parametrize("fork", [False, True])
def test_closed_ledger_stays_closed(national: National, fork: bool) -> None:  # noqa: FBT001 - a case
    grown(national, 4)
    if fork:
        assert national.bring(checkpoint(4, fork=3)).conflict == Conflict.TWO_ROOTS
    national.must(national.by_two("closeLedger", LEDGER, REASON))
    national.rules.close(LEDGER)

    status = LedgerStatus.CLOSED_FORKED if fork else LedgerStatus.CLOSED
    closed = ("NationalAnchorStatusInvalid", (LEDGER, status))
    assert national.bring(checkpoint(7), nodes_between(4, 7)).refusal == closed
    for function, arguments in (("changeWitnesses", (LEDGER, [bytes(20)], 1)), ("closeLedger", (LEDGER, REASON))):
        refused = national.send(function, *arguments)
        assert (refused.error, refused.arguments) == closed


def test_closed_ledger_without_a_fork_has_nothing_to_resolve(national: National) -> None:
    national.must(national.by_two("closeLedger", LEDGER, REASON))

    refused = national.send("resolveFork", LEDGER, REASON)

    assert (refused.error, refused.arguments) == ("NationalAnchorStatusInvalid", (LEDGER, LedgerStatus.CLOSED))


@pytest.mark.parametrize("fork", [False, True])
def test_closed_ledger_still_records_conflicts(national: National, fork: bool) -> None:  # noqa: FBT001 - a case
    grown(national, 4, 7)
    if fork:
        assert national.bring(checkpoint(4, fork=3)).conflict == Conflict.TWO_ROOTS
    national.must(national.by_two("closeLedger", LEDGER, REASON))
    national.rules.close(LEDGER)

    assert national.bring(checkpoint(7, fork=2)).conflict == Conflict.TWO_ROOTS
    assert national.read("ledgerOf", LEDGER)[:3] == (LedgerStatus.CLOSED_FORKED, 7, 1 + fork)


def test_fork_between_the_two_officers_who_close_stays(national: National) -> None:
    """What counts is whether the ledger is forked when the second officer confirms."""
    grown(national, 7)
    national.must(national.send("closeLedger", LEDGER, REASON))
    assert national.bring(checkpoint(7, fork=3)).conflict == Conflict.TWO_ROOTS

    done = national.must(national.send("closeLedger", LEDGER, REASON, sender=SECOND.address))
    national.rules.close(LEDGER)

    assert done.logs[1].members[2] == LedgerStatus.CLOSED_FORKED
    national.agree(LEDGER)


def test_ledger_closed_while_forked_is_resolved_and_stays_closed(national: National) -> None:
    forked(national)
    national.must(national.by_two("closeLedger", LEDGER, REASON))
    national.rules.close(LEDGER)

    national.must(national.by_two("resolveFork", LEDGER, REASON))
    national.rules.resolve(LEDGER)

    assert status_of(national) == LedgerStatus.CLOSED
    national.agree(LEDGER)


def test_ledgers_do_not_touch_each_other(national: National) -> None:
    hubei = national.admit(LedgerIdentity("ledger.example.org/hubei", 2, OTHER, Address(b"\x0b" * 20)))
    forked(national)

    made = checkpoint(4, fork=1, ledger=hubei)
    assert national.bring(made).conflict == Conflict.NONE
    assert national.read("ledgerOf", hubei)[:3] == (LedgerStatus.ACTIVE, 4, 0)
