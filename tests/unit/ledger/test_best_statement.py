"""All that can vouch for a statement: which block it is about, whose logs it shows, and what is missing in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from web3.providers.async_base import AsyncBaseProvider

from consentry.core import events
from consentry.core.chain import BlockReference, ChainIdentity, EventPlace
from consentry.core.codes import Reason
from consentry.core.log_tree import nodes_of, root_of
from consentry.core.terms import AccessEntry, Address
from consentry.errors import LedgerUnavailableError
from consentry.evidence import state_proof
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.completeness import Told, Whose
from consentry.evidence.header import decode
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_root import LogRoot
from consentry.evidence.logs import log_of
from consentry.evidence.notation import hex_of
from consentry.evidence.verify_completeness import verify
from consentry.ledger.best_statement import Asked, Stated, state_best
from consentry.ledger.connection import Connection, Header
from consentry.ledger.engines import load_profile
from consentry.ledger.events import Log
from consentry.ledger.manifest import Manifest
from consentry.ledger.statements import Stater
from consentry.ledger.vouching import Wanted
from tests.support.log_people import NOW, ORIGIN, ROOT_HOLDERS, cosigned
from tests.vectors.completeness.world import (
    ADDRESSES,
    CHAIN_ID,
    CHECKED,
    HOSPITALS,
    LEDGER,
    NOBODY,
    PROVED,
    SUBJECTS,
    build_world,
    decisions,
)

WORLD: Final = build_world()
ROOT: Final = WORLD.trust.log_root
PINNED: Final = WORLD.trust.qbft_anchor
BLOCKS: Final = WORLD.chain.blocks
RELAY: Final = WORLD.logged.log
STRANGER: Final = SUBJECTS[1]
ABSENT: Final = Address(b"\x0a" * 20)
OF_SUBJECT: Final = Asked("subject", SUBJECTS[0])
DECIDED_IN: Final = (2, 3, 3, 4, 4)
"""Block of each decision; the last of block 4 is about the other subject, at the other hospital."""


def _log(address: bytes, topics: Sequence[bytes], data: bytes, number: int, index: int) -> Log:
    return Log(Address(address), tuple(topics), data, number, BLOCKS[number].hash, bytes(32), index)


def _decided(place: int, told: Told) -> Log:
    entry = AccessEntry(told.request, told.subject_id, Reason(told.reason), told.decided_at, place + 1, place + 1)
    nowhere = EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
    made = log_of(events.AccessDecided(nowhere, entry), LEDGER)
    return _log(made.address, made.topics, made.data, DECIDED_IN[place], place)


DECISIONS: Final = tuple(_decided(place, told) for place, told in enumerate(decisions()))


def relayed(number: int, index: int = 9) -> Log:
    """Gives the log about nobody, in a block."""
    return _log(RELAY.address, RELAY.topics, RELAY.data, number, index)


@dataclass
class Node:
    """What the node of a test has."""

    logs: tuple[Log, ...] = (*DECISIONS, relayed(PROVED))
    newest: int = PROVED
    first_state: int = PROVED


class Chain(Connection):
    """A node with the chain of the vectors."""

    def __init__(self, node: Node) -> None:
        super().__init__(AsyncBaseProvider(), load_profile("besu"))
        self.node = node

    async def header(self, number: int | None = None) -> Header | None:
        """Gives a block by number, or the newest."""
        block = BLOCKS[self.node.newest if number is None else number]
        time = decode(block.encoded, "qbft").time
        return Header(BlockReference(block.number, block.hash, time), bytes(32))

    async def header_bytes(self, number: int) -> bytes:
        """Gives a header as the vectors have it."""
        return WORLD.headers[number]

    async def logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Any] = ()
    ) -> tuple[Log, ...]:
        """Gives the logs of some contracts that bear the topics."""
        end = self.node.newest if last is None else last
        found = (log for log in self.node.logs if log.address in addresses and first <= log.block_number <= end)
        return tuple(log for log in found if all(t in {None, log.topics[n]} for n, t in enumerate(topics)))

    async def raw(self, method: str, *parameters: Any) -> Any:  # noqa: ANN401 - as the port has it
        """Gives a state proof of blocks whose state is kept."""
        assert method == "eth_getProof"
        ledger, [slot], number = parameters
        assert ledger == hex_of(LEDGER)
        if not self.node.first_state <= int(number, 16):
            raise LedgerUnavailableError("node does not give eth_getProof")
        state = WORLD.state if int(number, 16) >= PROVED else WORLD.earlier
        keys: list[tuple[str, bytes]] = [("subject", key) for key in (*SUBJECTS, NOBODY)]
        keys += [("institution", key) for key in (*HOSPITALS, ABSENT)]
        for whose, key in keys:
            if hex_of(_slot(whose, key)) == slot:
                proof = state.proof(whose, key)  # type: ignore[arg-type]  # one of the two
                ways = [[hex_of(node) for node in way] for way in (proof.account, proof.storage)]
                return {"accountProof": ways[0], "storageProof": [{"proof": ways[1]}]}
        raise AssertionError(slot)


def _slot(whose: str, key: bytes) -> bytes:
    place = {"subject": state_proof.SUBJECT_HEADS, "institution": state_proof.INSTITUTION_HEADS}[whose]
    return state_proof.slot_in(place, key)


def checkpoint_of(logs: Sequence[Log], since: int = NOW + 100) -> bytes:
    """Gives the checkpoint of a log of these, which three witnesses cosigned."""
    leaves = [leaf_of(CHAIN_ID, log.block_number, log.block_hash, log) for log in logs]
    head = Checkpoint(ORIGIN, len(leaves), root_of(len(leaves), nodes_of(leaves)))
    return cosigned(head, dict.fromkeys(range(3), since)).to_bytes()


async def stated(asked: Asked = OF_SUBJECT, node: Node | None = None, **changes: Any) -> Stated:  # noqa: ANN401 - members by name
    """States with all there is, but for what is to be missing."""
    node = node or Node()
    assert isinstance(ROOT, LogRoot)
    wanted = {"log_root": ROOT, "checkpoint": checkpoint_of(node.logs), "pinned": PINNED, **changes}
    identity = ChainIdentity(CHAIN_ID, BLOCKS[0].hash, ADDRESSES, 0)
    stater = Stater(Chain(node), Manifest(identity, ()))
    return await state_best(stater, asked, Wanted(**wanted), CHECKED)


async def test_validators_and_witnesses_both_vouch_and_nothing_is_missing() -> None:
    found = await stated()

    assert found.missing == ()
    assert found.verified.vouched.in_words() == (
        "5 validators sealed its block, followed from pinned block 0; "
        "3 of 5 witnesses vouch for it in a log of 6 entries; it leads to a checkpoint of the trust root"
    )
    assert found.statement.logged
    assert found.statement.logged.log == RELAY
    unpinned = replace(found.trust, checkpoints=())
    assert verify(found.statement.to_json(), unpinned, now=CHECKED).count == 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"log_root": None}, "no witnesses vouch for it: no log root says whose cosignatures count"),
        ({"checkpoint": None}, "no witnesses vouch for it: no checkpoint of the log is there (--checkpoint"),
        ({"checkpoint": b"?"}, "no witnesses vouch for it: "),
        (
            {"checkpoint": checkpoint_of(Node().logs[::-1])},
            "no witnesses vouch for it: root of the log does not match",
        ),
        (
            {"checkpoint": checkpoint_of(Node().logs, NOW - 400)},
            "no witnesses vouch for it: number of witnesses does not match (got 0",
        ),
        ({"pinned": None}, "no seals vouch for it: no block is pinned to follow validators from"),
    ],
)
async def test_what_is_missing_is_told_and_the_rest_is_there(changes: dict[str, Any], says: str) -> None:
    found = await stated(**changes)

    assert len(found.missing) == 1
    assert found.missing[0].startswith(says)
    assert bool(found.statement.logged) == bool(found.verified.vouched.witnesses) == ("no witnesses" not in says)
    assert bool(found.statement.qbft_proof) == bool(found.verified.vouched.seals) == ("no seals" not in says)
    assert (found.trust.log_root is None, found.trust.qbft_anchor is None) == (
        "no witnesses" in says,
        "no seals" in says,
    )


ENDS_EARLY: Final = (
    f"stated up to block {PROVED} of 2027-01-15T08:00:10Z; "
    f"the newest is block {PROVED + 1} of 2027-01-15T08:00:12Z: what came between is not stated"
)


@pytest.mark.parametrize(
    ("newest", "changes", "block", "missing"),
    [
        (None, {}, PROVED + 1, "ends with block 4"),
        (True, {}, PROVED + 1, "ends with block 4"),
        (False, {}, PROVED, ""),
        (None, {"pinned": None}, PROVED, "no block is pinned"),
        (True, {"pinned": None}, PROVED + 1, "ends with block 4"),
    ],
)
async def test_block_is_the_newest_that_somebody_vouches_for_and_an_early_end_is_told(
    *, newest: bool | None, changes: dict[str, Any], block: int, missing: str
) -> None:
    found = await stated(replace(OF_SUBJECT, newest=newest), Node(newest=PROVED + 1), **changes)

    assert found.verified.block.number == block
    assert bool(found.verified.vouched.witnesses) == (block == PROVED)
    assert missing in "; ".join(found.missing)
    assert (ENDS_EARLY in found.missing) == (block == PROVED)


async def test_block_that_no_witness_could_have_seen_is_no_reason_to_state_less() -> None:
    asked, node = replace(OF_SUBJECT, newest=False), Node(newest=PROVED + 1)

    found = await stated(asked, node, checkpoint=checkpoint_of(node.logs, NOW - 400))

    assert found.verified.block.number == PROVED + 1
    assert found.missing[0].startswith("no witnesses vouch for it: number of witnesses does not match")


async def test_block_whose_state_is_gone_is_not_stated_about() -> None:
    node = Node(newest=PROVED + 1, first_state=PROVED + 1)

    found = await stated(replace(OF_SUBJECT, newest=False), node)

    assert found.verified.block.number == PROVED + 1
    assert found.missing == ("no witnesses vouch for it: the node no longer proves the state of block 4",)


NOTHING_TO_SHOW: Final = (
    "no witnesses vouch for it: the final log has nothing of Participants, and nothing else may be shown"
)


@pytest.mark.parametrize(
    "asked",
    [
        OF_SUBJECT,
        Asked("subject", NOBODY),
        Asked("institution", HOSPITALS[1]),
        Asked("institution", HOSPITALS[1], withheld=True),
    ],
)
async def test_no_decision_is_shown_as_its_log_counts_what_others_asked(asked: Asked) -> None:
    found = await stated(asked, Node(logs=DECISIONS))

    assert found.statement.logged is None
    assert found.missing[0] == NOTHING_TO_SHOW
    assert all(UNKNOWN in line for line in found.missing[1:])
    assert found.verified.vouched.seals


UNKNOWN: Final = "on this chain: check that the right one was asked about"


def _entered(whose: Whose, number: int) -> Log:
    """Gives the log that enrols the subject, or admits the hospital, of whom nothing was decided."""
    nowhere = EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
    enrolled = events.SubjectEnrolled(nowhere, NOBODY, HOSPITALS[0], b"signer")
    admitted = events.InstitutionAdmitted(nowhere, ABSENT, HOSPITALS[0], 44, b"signer", bytes(32), bytes(32))
    event, contract = (enrolled, "Subjects") if whose == "subject" else (admitted, "Participants")
    made = log_of(event, dict(ADDRESSES)[contract])
    return _log(made.address, made.topics, made.data, number, 8)


@pytest.mark.parametrize(("whose", "key"), [("subject", NOBODY), ("institution", ABSENT)])
@pytest.mark.parametrize(("entered_in", "known"), [(None, False), (1, True), (PROVED + 1, False)])
async def test_statement_about_nobody_is_no_all_clear(
    *, whose: Whose, key: bytes, entered_in: int | None, known: bool
) -> None:
    entered = () if entered_in is None else (_entered(whose, entered_in),)
    logs = sorted((*entered, *DECISIONS, relayed(PROVED)), key=lambda log: log.block_number)
    final = [log for log in logs if log.block_number <= PROVED]

    node = Node(logs=tuple(logs), newest=PROVED + 1)
    found = await stated(Asked(whose, key, newest=False), node, checkpoint=checkpoint_of(final))

    assert (found.verified.count, found.verified.block.number) == (0, PROVED)
    told = [line for line in found.missing if UNKNOWN in line]
    assert len(told) == (0 if known else 1)
    entering = "enrolled this subject" if whose == "subject" else "admitted this institution"
    assert known or told[0].startswith(f"up to block {PROVED} nobody {entering} ")


async def test_log_of_a_contract_that_witnesses_do_not_follow_is_not_shown() -> None:
    assert isinstance(ROOT, LogRoot)
    fewer = replace(ROOT, contracts=tuple(one for one in ROOT.contracts if one != RELAY.address), signatures=())
    root = fewer.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])

    found = await stated(log_root=root)

    assert found.statement.logged is None
    assert found.missing == (NOTHING_TO_SHOW,)


async def test_log_that_the_checkpoint_does_not_cover_yet_leaves_the_earlier_block() -> None:
    logs = (*DECISIONS[:3], relayed(PROVED - 1))
    node = Node(logs=(*logs, *DECISIONS[3:], relayed(PROVED)), first_state=PROVED - 1)

    found = await stated(replace(OF_SUBJECT, newest=False), node, checkpoint=checkpoint_of(logs))

    assert (found.verified.block.number, found.verified.count) == (PROVED - 1, 2)
    assert found.verified.vouched.witnesses
    assert f"the newest is block {PROVED} of" in found.missing[-1]
