"""The chain against what a custodian keeps: the rows of its database, the objects of its vault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import KeptRelease, KeptRow, StoredObject
from consentry.core import heads
from consentry.core.chain import BlockReference
from consentry.core.codes import Reason, RecordStatus
from consentry.core.events import AccessDecided, LedgerEvent
from consentry.core.state import LedgerState
from consentry.core.terms import Address, RecordId

Cursor = tuple[int, int]


def _row_finding(kind: Kind, cursor: Cursor, message: str, expected: str, got: str) -> Finding:
    return Finding(kind, f"block {cursor[0]}, log {cursor[1]}", message, expected, got)


def compare_rows(
    chain: Iterable[LedgerEvent], rows: Iterable[KeptRow], position: BlockReference | None, head: BlockReference
) -> list[Finding]:
    """Compares the events of the chain with those the database holds.

    Args:
        chain: all events of the chain, in order.
        rows: all rows of the projection.
        position: up to where the projection claims to have followed; rows that came later are not looked for singly.
        head: up to where the chain was read.

    Returns:
        Rows that are missing, unknown to the chain, or differ from it in any member; and that the projection stands
        behind the chain, so that nobody hides rows by setting its position back.
    """
    reached = position.number if position else -1
    real = {(event.place.block.number, event.place.log_index): event for event in chain}
    seen: set[Cursor] = set()
    findings: list[Finding] = []
    if reached < head.number:
        message = "the database does not show all of the chain"
        findings.append(
            Finding(Kind.PROJECTION_BEHIND, "position", message, f"block {head.number}", f"block {reached}")
        )
    for row in rows:
        cursor = (row.block_number, row.log_index)
        findings += _judge_row(row, None if cursor in seen else real.get(cursor))
        seen.add(cursor)
    for cursor, event in real.items():
        if cursor not in seen and cursor[0] <= reached:
            message = "the database lacks a row the chain has"
            findings.append(_row_finding(Kind.ROW_MISSING, cursor, message, type(event).__name__, "no row"))
    return findings


def _judge_row(row: KeptRow, event: LedgerEvent | None) -> list[Finding]:
    cursor = (row.block_number, row.log_index)
    if event is None:
        message = "the database holds a row the chain does not have"
        return [_row_finding(Kind.ROW_UNKNOWN, cursor, message, "no row", type(row.event).__name__)]
    if event != row.event or row.fault:
        message = "a row of the database differs from the chain"
        return [_row_finding(Kind.ROW_DIFFERS, cursor, message, str(event), row.fault or str(row.event))]
    return []


async def compare_objects(
    state: LedgerState, custodian: Address, objects: AsyncIterator[StoredObject]
) -> list[Finding]:
    """Compares the objects of a vault with the digests its custodian anchored.

    Args:
        state: the chain at head.
        custodian: whose vault it is.
        objects: every stored object, measured now.

    Returns:
        Objects that differ from their leaf, belong to no anchored record, or are missing.
    """
    findings, seen = [], set[RecordId]()
    async for stored in objects:
        seen.add(stored.record_id)
        findings += _object_findings(state, stored)
    for record_id, known in state.records.items():
        kept = known.status != RecordStatus.ERASED
        if kept and known.leaf.custodian == custodian and record_id not in seen:
            about = "0x" + record_id.hex()
            message = "a record is anchored, but the vault has no object for it"
            findings.append(Finding(Kind.OBJECT_MISSING, about, message, "an object", "none"))
    return findings


def _object_findings(state: LedgerState, stored: StoredObject) -> list[Finding]:
    about, known = "0x" + stored.record_id.hex(), state.records.get(stored.record_id)
    if known is None:
        message = "the vault has an object for a record that was never anchored"
        return [Finding(Kind.OBJECT_UNANCHORED, about, message, "an anchored record", "none")]
    if state.erasures.end_of(stored.record_id).attested_at:
        message = "the vault has the object of a record whose deletion was attested"
        return [Finding(Kind.OBJECT_KEPT, about, message, "none", "an object")]
    if known.status == RecordStatus.ERASED:
        return []
    if stored.fault:
        message = "the object of a record cannot be read"
        return [Finding(Kind.OBJECT_MISSING, about, message, "an object", stored.fault)]
    leaf = known.leaf
    anchored, found = (leaf.ciphertext_digest, leaf.ciphertext_size), (stored.digest, stored.size)
    if anchored == found:
        return []
    message = "the object of a record is not the one that was anchored"
    return [Finding(Kind.OBJECT_DIFFERS, about, message, _measured(*anchored), _measured(*found))]


def _measured(digest: bytes, size: int) -> str:
    return f"SHA-256 {digest.hex()}, {size} bytes"


def releases_permitted(chain: Iterable[LedgerEvent]) -> frozenset[KeptRelease]:
    """Gives the releases the chain permits: one for each decision that said yes."""
    return frozenset(
        KeptRelease(e.entry.request.record_id, e.entry.request.institution, e.entry.request.request_id, decision)
        for e in chain
        if isinstance(e, AccessDecided) and e.entry.reason == Reason.NONE
        for decision in (heads.hash_of(e.entry),)
    )


def compare_releases(releases: Sequence[KeptRelease], permitted: frozenset[KeptRelease]) -> list[Finding]:
    """Finds the releases no decision permits; a decision may be used again, for a requester whose answer was lost."""
    message = "the vault gave out the keys of a record without a decision that permits it"
    expected = "a permitted decision"
    return [
        Finding(Kind.RELEASE_WITHOUT_DECISION, "0x" + kept.record_id.hex(), message, expected, _named(kept))
        for kept in releases
        if kept not in permitted
    ]


def _named(kept: KeptRelease) -> str:
    request = f"request {kept.request_id} of 0x{kept.institution.hex()}"
    return f"decision 0x{kept.decision_id.hex()}, {request}"
