"""The short way of an audit gives what the long way does: on honest chains, and on chains somebody spoiled."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from consentry.audit import tables
from consentry.audit.audit import Audit
from consentry.audit.findings import Kind, Report
from consentry.audit.parts import PartWriter
from consentry.audit.ports import SubmittedRequest
from consentry.audit.prepare import root_over
from consentry.audit.rows import Rows
from consentry.core import batch_tree, events, merkle
from consentry.core.access import shown_of
from consentry.core.acts import Acts, Item
from consentry.core.codes import Action, ActorKind, Category, ExclusionKind, LegalBasis, Purpose, Reason
from consentry.core.events import AccessDecided
from consentry.core.exclusions import Exclusion
from consentry.core.terms import ZERO_32, AccessRequest, ConsentTerms, Material, RecordLeaf, RequestBatch, SubjectId
from consentry.core.typed_data import scope_key
from consentry.crypto.signing import sign
from tests.support import samples
from tests.support.bulk_story import BulkStory
from tests.support.memory_ledger import RELAY
from tests.support.memory_reader import HOSPITAL, PATIENT, SUBJECT, MemoryReader, Story, domain

SEEDS = range(6)


@dataclass
class Town:
    """A story with several records and consents, of which accesses are drawn."""

    drawn: random.Random
    story: Story = field(default_factory=Story)
    leaves: list[RecordLeaf] = field(default_factory=list)
    terms: list[tuple[ConsentTerms, tuple[bytes, ...]]] = field(default_factory=list)
    asked: int = 0

    def prepare(self) -> None:
        """Anchors records and grants consents of every kind there is a rule about."""
        story = self.story
        story.prepare()
        for number in range(1, 5):
            leaf = story.leaf(number)
            category = Category.SUMMARY if number == 4 else leaf.category
            self.leaves.append(replace(leaf, category=category, sensitivity=5 if number == 3 else leaf.sensitivity))
            story.anchor(self.leaves[-1])
        now, keys = story.place().block.time, [scope_key(self.leaves[0]), samples.word(3)]
        proof = merkle.proof_of(keys, scope_key(self.leaves[0]))
        self.grant({})
        self.grant({"max_uses": 3, "nonce": 51})
        self.grant({"valid_until": now + 30 * 60, "nonce": 52})
        self.grant({"practitioner": samples.word(77), "nonce": 53})
        self.grant({"purposes": 1 << Purpose.TREAT, "nonce": 54})
        self.grant({"records_root": merkle.root_of(keys), "categories": 0, "nonce": 55}, proof)

    def grant(self, changes: dict[str, Any], proof: tuple[bytes, ...] = ()) -> None:
        """Grants terms that differ so from the usual ones."""
        terms = self.story.terms(**changes)
        self.story.grant(terms)
        self.terms.append((terms, proof))

    def request(self) -> tuple[AccessRequest, Material]:
        """Draws a request; most are as usual."""
        drawn, number = self.drawn, self.asked
        self.asked += 1
        if drawn.random() < 0.7:
            leaf, (terms, proof) = self.leaves[0], self.terms[0]
        else:
            leaf, (terms, proof) = drawn.choice(self.leaves), drawn.choice(self.terms)
        changes: dict[str, Any] = {}
        if drawn.random() < 0.2:
            now = self.story.place().block.time
            self.story.number -= 1
            changes = drawn.choice(
                [
                    {"purpose": int(Purpose.HRESCH)},
                    {"purpose": 77},
                    {"action": int(Action.STORE)},
                    {"expires_at": now - 5},
                    {"issued_at": now + 900},
                    {"practitioner": samples.word(77)},
                    {"actor_kind": int(ActorKind.MACHINE)},
                    {"release_key_hash": samples.word(5)},
                    {"reason_hash": samples.word(6)},
                    {"reason_code": 1},
                    {"request_id": max(0, number - 1)},
                ]
            )
        return self.story.request(1000 + number, leaf, terms, **changes), Material(leaf, terms, proof)

    def request_of(
        self, leaf: RecordLeaf, terms: ConsentTerms, proof: tuple[bytes, ...], changes: dict[str, Any]
    ) -> tuple[AccessRequest, Material]:
        """Gives a request that differs so from the usual one."""
        self.asked += 1
        return self.story.request(999 + self.asked, leaf, terms, **changes), Material(leaf, terms, proof)

    def unknown(self, number: int) -> tuple[AccessRequest, Material]:
        """Gives a request for a record that nobody has anchored."""
        return self.request_of(self.leaves[0], *self.terms[0], {"record_id": samples.word(5000 + number)})

    def decide(self, *, once: bool, pairs: Sequence[tuple[AccessRequest, Material]] = ()) -> None:
        """Has requests decided, under one signature or each under its own; some are drawn if none are given."""
        pairs = pairs or [self.request() for _ in range(self.drawn.randrange(1, 7))]
        story, place = self.story, self.story.place()
        requests = [request for request, _ in pairs]
        if not once:
            story.number -= 1
            story.decide(*((request, material, HOSPITAL) for request, material in pairs))
            return
        batch = batch_tree.batch_of(HOSPITAL.address, requests)
        signature, paths = sign(HOSPITAL, domain("AccessLedger"), batch), batch_tree.paths_of(batch, requests)
        story.calldata[place.transaction_hash] = [
            SubmittedRequest(request, signature, shown_of(request, material), path)
            for (request, material), path in zip(pairs, paths, strict=True)
        ]
        items = [Item(request, material, signature_valid=True) for request, material in pairs]
        story.log(*Acts(story.state).decide_batch(items, signature, relay=RELAY, place=place))

    def live(self, steps: int) -> None:
        """Has things happen."""
        for step in range(steps):
            self.decide(once=self.drawn.random() < 0.6)
            if step == steps // 3:
                self.story.revoke(self.terms[4][0])
            if step == steps // 2:
                self.grant({"nonce": 60})
            if step == 2 * steps // 3:
                until = self.story.place().block.time + 10_000
                target = HOSPITAL.address.rjust(32, b"\0")
                self.story.perform(Exclusion(SUBJECT, ZERO_32, ExclusionKind.INSTITUTION, target, 1, until), PATIENT)
        self.story.waited += 86_400
        self.decide(once=True)


def town(seed: int, steps: int = 12) -> Story:
    made = Town(random.Random(seed))
    made.prepare()
    made.live(steps)
    return made.story


async def both(reader: MemoryReader, folder: Path) -> tuple[Report, BulkStory]:
    """Audits both ways and compares findings, state and tables; gives the report."""
    slow = Audit(reader, rows=Rows(PartWriter(folder / "slow")))
    bulk = BulkStory(reader)
    swift = Audit(reader, rows=Rows(PartWriter(folder / "swift")), bulk=bulk)
    expected, found = await slow.run(), await swift.run()
    assert found == expected
    ours, theirs = swift.replay.state, slow.replay.state
    for name in ("subject_heads", "institution_heads", "consents", "permits", "debts", "records"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours.decided) == len(theirs.decided)
    for audit, report in ((slow, expected), (swift, found)):
        await audit.conclude(report)
    for table in tables.TABLES:
        # How rows are cut into parts is not the same.
        ours_read, theirs_read = (
            [row | {"parts": None} if table is tables.RUN else row for row in _read(folder / way / table.name)]
            for way in ("swift", "slow")
        )
        assert ours_read == theirs_read, table.name
    return found, bulk


def _read(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist() if [*folder.iterdir()] else []
    return rows


@pytest.mark.parametrize("seed", SEEDS)
async def test_honest_chain_is_decided_the_same_both_ways(seed: int, tmp_path: Path) -> None:
    story = town(seed)
    report, bulk = await both(story.reader(), tmp_path)
    assert report.findings == ()
    decided = [event.entry for event in story.chain if isinstance(event, AccessDecided)]
    assert report.decisions == len(decided) > 30
    # Most of it went the short way, and not all of that was permitted.
    assert sum(map(len, bulk.given)) > len(decided) // 3
    reasons = {entry.reason for plain in bulk.given for entry in map(plain.entry, range(len(plain)))}
    assert len(reasons) > 3


Spoil = Callable[[MemoryReader, random.Random], None]


def _entry(**changes: Callable[[Any], Any]) -> Spoil:
    """Changes members of a line of the log."""

    def spoil(reader: MemoryReader, drawn: random.Random) -> None:
        at = drawn.choice([i for i, e in enumerate(reader.chain) if isinstance(e, AccessDecided)])
        event = reader.chain[at]
        assert isinstance(event, AccessDecided)
        entry, request = event.entry, event.entry.request
        of_entry = {k: v(getattr(entry, k)) for k, v in changes.items() if hasattr(entry, k)}
        of_request = {k: v(getattr(request, k)) for k, v in changes.items() if not hasattr(entry, k)}
        made = replace(entry, request=replace(request, **of_request), **of_entry)
        reader.chain[at] = replace(event, entry=made)

    return spoil


def _drop(kind: type[Any]) -> Spoil:
    def spoil(reader: MemoryReader, drawn: random.Random) -> None:
        reader.chain.pop(drawn.choice([i for i, e in enumerate(reader.chain) if isinstance(e, kind)]))

    return spoil


def _batch(**changes: Any) -> Spoil:  # noqa: ANN401 - members by name
    def spoil(reader: MemoryReader, drawn: random.Random) -> None:
        at = drawn.choice([i for i, e in enumerate(reader.chain) if isinstance(e, events.BatchSubmitted)])
        reader.chain[at] = replace(reader.chain[at], **changes)

    return spoil


def _batch_of_others(reader: MemoryReader, drawn: random.Random) -> None:
    """Claims, and has the hospital sign, a root over other requests than were answered."""
    at = drawn.choice([i for i, e in enumerate(reader.chain) if isinstance(e, events.BatchSubmitted)])
    claimed = reader.chain[at]
    assert isinstance(claimed, events.BatchSubmitted)
    other = RequestBatch(claimed.institution, samples.word(4), claimed.size)
    signature = sign(HOSPITAL, domain("AccessLedger"), other)
    reader.chain[at] = replace(claimed, root=other.root, signature=signature)
    transaction = claimed.place.transaction_hash
    reader.calldata[transaction] = [replace(item, signature=signature) for item in reader.calldata[transaction]]


def _swap(reader: MemoryReader, drawn: random.Random) -> None:
    places = [i for i, e in enumerate(reader.chain[:-1]) if isinstance(e, AccessDecided)]
    at = drawn.choice(places)
    reader.chain[at], reader.chain[at + 1] = reader.chain[at + 1], reader.chain[at]


def _twice(reader: MemoryReader, drawn: random.Random) -> None:
    event = reader.chain[drawn.choice([i for i, e in enumerate(reader.chain) if isinstance(e, AccessDecided)])]
    last = reader.chain[-1].place
    reader.chain.append(replace(event, place=replace(last, log_index=last.log_index + 1)))


def _item(**changes: Any) -> Spoil:  # noqa: ANN401 - members by name
    def spoil(reader: MemoryReader, drawn: random.Random) -> None:
        transaction = drawn.choice([*reader.calldata])
        items = [*reader.calldata[transaction]]
        at = drawn.randrange(len(items))
        items[at] = replace(items[at], **changes)
        reader.calldata[transaction] = items

    return spoil


def _asked_otherwise(reader: MemoryReader, drawn: random.Random) -> None:
    transaction = drawn.choice([*reader.calldata])
    items = [*reader.calldata[transaction]]
    items[0] = replace(items[0], request=replace(items[0].request, issued_at=items[0].request.issued_at + 1))
    reader.calldata[transaction] = items


def _fewer_items(reader: MemoryReader, drawn: random.Random) -> None:
    transaction = drawn.choice([*reader.calldata])
    reader.calldata[transaction] = reader.calldata[transaction][:-1]


def _unreadable(reader: MemoryReader, drawn: random.Random) -> None:
    reader.unreadable = [drawn.choice([*reader.calldata.values()])[0].request]


def _nobody(reader: MemoryReader, _: random.Random) -> None:
    """Has records, consents and decisions be those of a subject that nobody is."""
    for at, event in enumerate(reader.chain):
        if isinstance(event, events.RecordAnchored):
            reader.chain[at] = replace(event, leaf=replace(event.leaf, subject_id=SubjectId(ZERO_32)))
        elif isinstance(event, events.ConsentGranted):
            reader.chain[at] = replace(event, terms=replace(event.terms, subject_id=SubjectId(ZERO_32)))
        elif isinstance(event, AccessDecided):
            reader.chain[at] = replace(event, entry=replace(event.entry, subject_id=SubjectId(ZERO_32)))


SPOILS: dict[str, Spoil] = {
    "nobody": _nobody,
    "reason": _entry(reason=lambda reason: Reason.CONSENT_EXPIRED if reason == 0 else Reason.NONE),
    "subject": _entry(subject_id=lambda _: samples.word(8)),
    "no-subject": _entry(subject_id=lambda _: ZERO_32),
    "time": _entry(decided_at=lambda time: time + 1),
    "subject-number": _entry(subject_sequence=lambda number: number + 1),
    "institution-number": _entry(institution_sequence=lambda number: number + 7),
    "record": _entry(record_id=lambda _: samples.word(9)),
    "consent": _entry(consent_id=lambda _: samples.word(9)),
    "request-id": _entry(request_id=lambda number: number + 1),
    "purpose": _entry(purpose=lambda purpose: purpose ^ 2),
    "expiry": _entry(expires_at=lambda time: time - 1),
    "practitioner": _entry(practitioner=lambda _: samples.word(78)),
    "institution": _entry(institution=lambda _: samples.address(99)),
    "basis": _entry(legal_basis=lambda _: int(LegalBasis.STATUTORY_DUTY), consent_id=lambda _: ZERO_32),
    "decision-dropped": _drop(AccessDecided),
    "batch-dropped": _drop(events.BatchSubmitted),
    "grant-dropped": _drop(events.ConsentGranted),
    "revocation-dropped": _drop(events.ConsentRevoked),
    "record-dropped": _drop(events.RecordAnchored),
    "batch-root": _batch(root=samples.word(4)),
    "batch-of-others": _batch_of_others,
    "batch-size": _batch(size=99),
    "batch-institution": _batch(institution=samples.address(98)),
    "batch-signature": _batch(signature=bytes(65)),
    "swapped": _swap,
    "decided-twice": _twice,
    "item-signature": _item(signature=bytes(64) + b"\x1b"),
    "item-asked-otherwise": _asked_otherwise,
    "item-fewer": _fewer_items,
    "item-unreadable": _unreadable,
}


QUIET = {"item-unreadable", "grant-dropped", "record-dropped"}
"""Of these nothing is to be found where nobody asked for what was dropped, or where a rejection cannot be read."""


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", list(SPOILS))
async def test_spoiled_chain_gives_the_same_findings_both_ways(name: str, seed: int, tmp_path: Path) -> None:
    reader = town(seed, steps=7).reader()
    SPOILS[name](reader, random.Random(seed))
    report, bulk = await both(reader, tmp_path)
    assert bulk.given
    assert report.findings or name in QUIET


@pytest.mark.parametrize("seed", SEEDS)
async def test_room_for_conditions_grows(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.audit.conditions._FIRST_ROOM", 1)
    report, bulk = await both(town(seed).reader(), tmp_path)
    assert report.findings == ()
    assert bulk.given


async def test_transaction_of_very_many_decisions_goes_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = town(2).reader()
    _, usual = await both(reader, tmp_path / "usual")
    assert max(map(len, usual.given)) > 3
    monkeypatch.setattr("consentry.audit.prepare.MOST_ROWS", 3)
    _, bulk = await both(reader, tmp_path / "bounded")
    assert max(map(len, bulk.given)) == 3


async def test_hundreds_of_requests_that_take_a_further_look_are_taken_in_one_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = Town(random.Random(1))
    made.prepare()
    for number in range(5):
        made.decide(once=True, pairs=[made.unknown(130 * number + place) for place in range(130)])
    made.decide(once=True, pairs=[made.request_of(made.leaves[0], *made.terms[0], {})])
    reader = made.story.reader()
    asked, submitted = Counter[bytes](), reader.submitted

    async def counting(transaction: bytes) -> Any:  # noqa: ANN401 - as the reader has it
        asked[transaction] += 1
        return await submitted(transaction)

    monkeypatch.setattr(reader, "submitted", counting)
    report, bulk = await both(reader, tmp_path)
    assert (report.findings, report.decisions, sum(map(len, bulk.given))) == ((), 651, 651)
    # Once each way; the last takes no look the short way.
    assert sorted(asked.values()) == [1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("seed", SEEDS)
async def test_request_that_a_batch_holds_twice_is_found(seed: int, tmp_path: Path) -> None:
    reader = town(seed, steps=24).reader()
    at = max(i for i, e in enumerate(reader.chain) if _is_decided_whole(reader, i, e))
    claimed = reader.chain[at]
    assert isinstance(claimed, events.BatchSubmitted)
    del reader.chain[at + 1 + claimed.size :]
    items, first, last = reader.calldata[claimed.place.transaction_hash], reader.chain[at + 1], reader.chain[-1]
    assert isinstance(first, AccessDecided)
    assert isinstance(last, AccessDecided)
    # A contract that decides a request again, for an institution that signed for it twice.
    again = replace(
        first.entry,
        subject_sequence=last.entry.subject_sequence + 1,
        institution_sequence=last.entry.institution_sequence + 1,
    )
    reader.chain.append(AccessDecided(replace(last.place, log_index=last.place.log_index + 1), again))
    requests = [*(item.request for item in items), first.entry.request]
    batch = batch_tree.batch_of(HOSPITAL.address, requests)
    signature, paths = sign(HOSPITAL, domain("AccessLedger"), batch), batch_tree.paths_of(batch, requests)
    reader.chain[at] = replace(claimed, root=batch.root, size=batch.size, signature=signature)
    reader.calldata[claimed.place.transaction_hash] = [
        replace(item, signature=signature, within=path) for item, path in zip([*items, items[0]], paths, strict=True)
    ]
    report, bulk = await both(reader, tmp_path)
    assert bulk.given[-1].place.transaction_hash == claimed.place.transaction_hash
    assert [finding.kind for finding in report.findings if finding.place is not None] == [Kind.REPLAY]


def _is_decided_whole(reader: MemoryReader, at: int, event: events.LedgerEvent) -> bool:
    """Tells whether every request of a batch was decided, for one subject, and the first permitted."""
    if not isinstance(event, events.BatchSubmitted):
        return False
    rest = reader.chain[at + 1 : at + 1 + event.size]
    return all(isinstance(each, AccessDecided) and not each.entry.reason for each in rest)


async def test_institution_with_another_signer_is_taken_the_long_way(tmp_path: Path) -> None:
    story = town(1, steps=3)
    story.rotate(HOSPITAL.address, PATIENT.signer, samples.RELEASE_KEY)
    reader = story.reader()
    moved = [e for e in reader.chain if isinstance(e, events.InstitutionKeysRotated)]
    # The rotation stands before every access: all their signatures are another's then.
    first = next(i for i, e in enumerate(reader.chain) if isinstance(e, events.RecordAnchored))
    reader.chain.remove(moved[0])
    place = replace(reader.chain[first - 1].place, log_index=50)
    reader.chain.insert(first, replace(moved[0], place=place))
    report, _ = await both(reader, tmp_path)
    assert {f.kind for f in report.findings} >= {Kind.REQUEST_SIGNATURE}


@pytest.mark.parametrize("size", range(1, 20))
def test_root_level_by_level_is_the_root(size: int) -> None:
    hashes: Sequence[bytes] = [samples.word(number) for number in range(size)]
    rows = np.frombuffer(b"".join(hashes), np.uint8).reshape(size, -1)
    assert root_over(rows).tobytes() == batch_tree.root_of(hashes)
