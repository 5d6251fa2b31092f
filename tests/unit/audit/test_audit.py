"""The audit finds every planted wrong, names it, and finds nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind, Report
from consentry.audit.ports import StoredObject
from consentry.core import events
from consentry.core.codes import Reason
from consentry.core.events import LedgerEvent
from consentry.core.terms import ZERO_32, RecordId, SubjectId
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, PATIENT, MemoryReader, honest_story

Spoil = Callable[[MemoryReader], object]
SpoilObjects = Callable[[list[StoredObject]], object]


async def _audit(reader: MemoryReader, *, with_calldata: bool = True) -> Report:
    return await Audit(reader, with_calldata=with_calldata).run()


def _where(reader: MemoryReader, kind: type[Any], number: int = 0) -> int:
    return [i for i, event in enumerate(reader.chain) if isinstance(event, kind)][number]


def _change(kind: type[Any], number: int = 0, **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the event
    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, kind, number)
        reader.chain[at] = replace(reader.chain[at], **changes)

    return spoil


def _change_entry(number: int, **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the entry
    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, events.AccessDecided, number)
        event = reader.chain[at]
        assert isinstance(event, events.AccessDecided)
        reader.chain[at] = replace(event, entry=replace(event.entry, **changes))

    return spoil


def _change_request(number: int, **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the request
    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, events.AccessDecided, number)
        event = reader.chain[at]
        assert isinstance(event, events.AccessDecided)
        request = replace(event.entry.request, **changes)
        reader.chain[at] = replace(event, entry=replace(event.entry, request=request))

    return spoil


def _drop(kind: type[Any], number: int = 0) -> Spoil:
    return lambda reader: reader.chain.pop(_where(reader, kind, number))


def _swap(reader: MemoryReader) -> None:
    one, other = _where(reader, events.AccessDecided, 4), _where(reader, events.AccessDecided, 5)
    reader.chain[one], reader.chain[other] = reader.chain[other], reader.chain[one]


def _repeat(reader: MemoryReader) -> None:
    """Logs the first decision once more, in a later block."""
    event, last = reader.chain[_where(reader, events.AccessDecided)], reader.chain[-1]
    block = replace(last.place.block, number=last.place.block.number + 1)
    place = replace(last.place, block=block, transaction_hash=samples.word(1), log_index=0)
    reader.chain.append(replace(event, place=place))


def _hide_revocation(reader: MemoryReader) -> None:
    reader.chain.pop(_where(reader, events.ConsentRevoked))


def _forge_grant(reader: MemoryReader) -> None:
    at = _where(reader, events.ConsentGranted, 1)
    event = reader.chain[at]
    assert isinstance(event, events.ConsentGranted)
    reader.chain[at] = replace(event, terms=replace(event.terms, max_uses=9))


def _forge_request_signature(reader: MemoryReader) -> None:
    for items in reader.calldata.values():
        items[0] = replace(items[0], signature=items[0].signature[::-1])


def _lose_an_item(reader: MemoryReader) -> None:
    next(iter(reader.calldata.values())).pop()


def _other_block_hash(reader: MemoryReader) -> None:
    at = _where(reader, events.AccessDecided, 1)
    place = reader.chain[at].place
    reader.chain[at] = replace(reader.chain[at], place=replace(place, block=replace(place.block, hash=samples.word(9))))


WRONGS: tuple[tuple[str, Spoil, Kind], ...] = (
    ("permitted-after-revocation", _change_entry(9, reason=0), Kind.DECISION),
    ("permitted-though-superseded", _change_entry(7, reason=0), Kind.DECISION),
    ("permitted-storing-never-granted", _change_entry(3, reason=0), Kind.DECISION),
    ("permitted-beyond-the-last-use", _change_entry(5, reason=0), Kind.DECISION),
    ("denied-though-covered", _change_entry(0, reason=int(Reason.CONSENT_REVOKED)), Kind.DECISION),
    ("denied-for-another-reason", _change_entry(3, reason=int(Reason.PURPOSE_NOT_GRANTED)), Kind.DECISION),
    ("answered-with-an-unknown-code", _change_entry(3, reason=77), Kind.DECISION),
    ("logged-under-another-subject", _change_entry(0, subject_id=SubjectId(samples.word(7))), Kind.DECISION_SUBJECT),
    ("logged-under-no-subject", _change_entry(0, subject_id=SubjectId(ZERO_32)), Kind.DECISION_SUBJECT),
    ("logged-at-another-time", _change_entry(0, decided_at=samples.NOW), Kind.DECISION_TIME),
    ("access-hidden", _drop(events.AccessDecided, 1), Kind.SUBJECT_SEQUENCE),
    ("access-hidden-from-the-institution", _drop(events.AccessDecided, 2), Kind.INSTITUTION_SEQUENCE),
    ("last-access-hidden", _drop(events.AccessDecided, -1), Kind.SUBJECT_HEAD),
    ("last-access-hidden-from-the-institution", _drop(events.AccessDecided, -1), Kind.INSTITUTION_HEAD),
    ("accesses-swapped", _swap, Kind.ORDER),
    ("access-decided-twice", _repeat, Kind.REPLAY),
    ("practitioner-replaced", _change_request(0, practitioner=samples.word(5)), Kind.SUBJECT_HEAD),
    ("practitioner-replaced-against-calldata", _change_request(0, practitioner=samples.word(5)), Kind.MATERIAL),
    ("request-signed-by-nobody", _forge_request_signature, Kind.REQUEST_SIGNATURE),
    ("item-without-answer", _lose_an_item, Kind.MATERIAL),
    ("grant-hidden", _drop(events.ConsentGranted), Kind.DECISION),
    ("grant-widened", _forge_grant, Kind.IDENTITY),
    ("grant-signed-by-nobody", _change(events.ConsentGranted, signature=b"\1" * 65), Kind.SIGNATURE),
    ("grant-of-another-subject", _change(events.ConsentGranted, subject_id=SubjectId(ZERO_32)), Kind.IDENTITY),
    ("revocation-hidden", _hide_revocation, Kind.CONSENT_STATE),
    ("revocation-signed-by-nobody", _change(events.ConsentRevoked, signature=b""), Kind.SIGNATURE),
    ("enrolment-hidden", _drop(events.SubjectEnrolled), Kind.ACT),
    ("signer-of-the-subject-replaced", _change(events.SubjectEnrolled, signer=HOSPITAL.address), Kind.SIGNATURE),
    ("signer-with-an-unknown-verifier", _change(events.SubjectEnrolled, signer=bytes(84)), Kind.ACT),
    ("admission-hidden", _drop(events.InstitutionAdmitted, 1), Kind.DECISION),
    ("admission-outside-the-region", _change(events.InstitutionAdmitted, region=110000), Kind.ACT),
    ("suspension-hidden", _drop(events.InstitutionStandingChanged), Kind.ACT),
    ("suspension-by-nobody", _change(events.InstitutionStandingChanged, authority=PATIENT.address), Kind.ACT),
    ("record-changed", _change(events.RecordAnchored, record_id=RecordId(samples.word(1))), Kind.IDENTITY),
    ("record-hidden", _drop(events.RecordAnchored), Kind.DECISION),
    ("next-version-hidden", _drop(events.RecordAnchored, 2), Kind.IDENTITY),
    ("supersession-hidden", _drop(events.RecordSuperseded), Kind.ACT),
    ("rejection-for-another-reason", _change(events.RequestRejected, reason=Reason.REQUEST_REPLAYED), Kind.REJECTION),
    ("rejection-that-is-a-denial", _change(events.RequestRejected, reason=Reason.CONSENT_EXPIRED), Kind.REJECTION),
    (
        "rejection-of-an-unknown-institution",
        _change(events.RequestRejected, institution=PATIENT.address),
        Kind.REJECTION,
    ),
    ("blocks-of-two-chains", _other_block_hash, Kind.BLOCK),
)


async def test_audit_of_an_honest_chain_finds_nothing() -> None:
    story = honest_story()
    report = await _audit(story.reader())
    assert report.findings == ()
    assert report.clean
    assert report.events == len(story.chain)
    assert report.decisions == sum(isinstance(e, events.AccessDecided) for e in story.chain) == 11
    assert report.signatures > report.decisions


async def test_story_has_every_kind_of_answer() -> None:
    decided = [e.entry.reason for e in honest_story().chain if isinstance(e, events.AccessDecided)]
    rejected = {e.reason for e in honest_story().chain if isinstance(e, events.RequestRejected)}
    assert {Reason.NONE, Reason.CONSENT_REVOKED, Reason.RECORD_UNKNOWN, Reason.USES_EXHAUSTED} <= set(decided)
    assert rejected == {Reason.SIGNATURE_INVALID, Reason.REQUEST_REPLAYED, Reason.SCOPE_PROOF_INVALID}


@pytest.mark.parametrize(("name", "spoil", "kind"), WRONGS, ids=[name for name, _, _ in WRONGS])
async def test_audit_of_a_spoiled_chain_finds_the_wrong(name: str, spoil: Spoil, kind: Kind) -> None:
    reader = honest_story().reader()
    spoil(reader)
    report = await _audit(reader)
    assert not report.clean
    found = [finding for finding in report.findings if finding.kind == kind]
    assert found, (name, report.findings)
    assert all(finding.expected != finding.got for finding in found)


async def test_audit_without_calldata_says_what_it_could_not_check() -> None:
    report = await _audit(honest_story().reader(), with_calldata=False)
    assert {finding.kind for finding in report.findings} == {Kind.SCOPE_UNPROVEN}
    assert any("calldata was not read" in limit for limit in report.limits)


async def test_audit_of_a_smart_account_takes_its_signatures_as_a_limit() -> None:
    reader = honest_story().reader()
    _change(events.ConsentGranted, signature=b"whatever a contract accepts")(reader)
    assert {f.kind for f in (await _audit(reader)).findings} == {Kind.SIGNATURE}
    reader.smart_accounts.add(PATIENT.address)
    report = await _audit(reader)
    assert report.clean
    assert any("smart accounts" in limit and PATIENT.address.hex() in limit for limit in report.limits)


async def test_code_at_an_institution_excuses_no_request() -> None:
    reader = honest_story().reader()
    _forge_request_signature(reader)
    expected = (await _audit(reader)).findings
    reader.smart_accounts.add(HOSPITAL.address)
    assert Kind.REQUEST_SIGNATURE in {finding.kind for finding in expected}
    assert (await _audit(reader)).findings == expected


async def test_one_gap_is_found_once() -> None:
    reader = honest_story().reader()
    _drop(events.AccessDecided, 1)(reader)
    reader.calldata.clear()
    report = await Audit(reader, with_calldata=False).run()
    assert [f.kind for f in report.findings].count(Kind.SUBJECT_SEQUENCE) == 1


ROWS: tuple[tuple[str, Spoil, Kind], ...] = (
    ("row-missing", _drop(events.ConsentRevoked), Kind.ROW_MISSING),
    ("row-changed", _change_entry(3, reason=0), Kind.ROW_DIFFERS),
    ("row-of-another-time", _change_entry(3, decided_at=1), Kind.ROW_DIFFERS),
    ("row-invented", _repeat, Kind.ROW_UNKNOWN),
    ("row-twice", lambda reader: reader.chain.append(reader.chain[3]), Kind.ROW_UNKNOWN),
)


@pytest.mark.parametrize(("name", "spoil", "kind"), ROWS, ids=[name for name, _, _ in ROWS])
async def test_compare_projection_finds_the_row(name: str, spoil: Spoil, kind: Kind) -> None:
    audit, rows = Audit(honest_story().reader()), honest_story().reader()
    report = await audit.run()
    assert (await audit.compare_projection(report, rows)).clean
    spoil(rows)
    found = (await audit.compare_projection(report, rows)).findings
    assert [finding.kind for finding in found] == [kind], name


class _Objects:
    """A vault's objects as the story anchored them, one of them spoiled."""

    def __init__(self, chain: list[LedgerEvent], spoil: SpoilObjects) -> None:
        self._objects = [
            StoredObject(record_id(e.leaf), e.leaf.ciphertext_digest, e.leaf.ciphertext_size)
            for e in chain
            if isinstance(e, events.RecordAnchored)
        ]
        spoil(self._objects)

    async def measured(self) -> AsyncIterator[StoredObject]:
        for stored in self._objects:
            yield stored


def _object(index: int, **changes: Any) -> SpoilObjects:  # noqa: ANN401 - members by name
    def spoil(objects: list[StoredObject]) -> None:
        objects[index] = replace(objects[index], **changes)

    return spoil


OBJECTS: tuple[tuple[str, SpoilObjects, Kind | None], ...] = (
    ("as-anchored", _object(0), None),
    ("one-bit-flipped", _object(0, digest=samples.word(1)), Kind.OBJECT_DIFFERS),
    ("truncated", _object(0, size=1), Kind.OBJECT_DIFFERS),
    ("unreadable", _object(0, digest=b"", fault="vault.object-torn"), Kind.OBJECT_MISSING),
    ("never-anchored", lambda o: o.append(replace(o[0], record_id=RecordId(ZERO_32))), Kind.OBJECT_UNANCHORED),
    ("gone", lambda o: o.pop(), Kind.OBJECT_MISSING),
)


@pytest.mark.parametrize(("name", "spoil", "kind"), OBJECTS, ids=[name for name, _, _ in OBJECTS])
async def test_compare_vault_finds_the_object(name: str, spoil: SpoilObjects, kind: Kind | None) -> None:
    story = honest_story()
    audit = Audit(story.reader())
    report = await audit.run()
    found = (await audit.compare_vault(report, CUSTODIAN.address, _Objects(story.chain, spoil))).findings
    assert [finding.kind for finding in found] == ([kind] if kind else []), name
    assert all(finding.expected != finding.got for finding in found)
