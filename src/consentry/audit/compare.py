"""The chain against what a custodian keeps: the rows of its database, the objects of its vault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import StoredObject
from consentry.core.chain import BlockReference
from consentry.core.events import LedgerEvent
from consentry.core.state import LedgerState
from consentry.core.terms import Address, RecordId

Cursor = tuple[int, int]


def _cursor(event: LedgerEvent) -> Cursor:
    return event.place.block.number, event.place.log_index


def _row_finding(kind: Kind, event: LedgerEvent, message: str, expected: str, got: str) -> Finding:
    number, index = _cursor(event)
    return Finding(kind, f"block {number}, log {index}", message, expected, got, event.place)


def compare_rows(
    chain: Iterable[LedgerEvent], rows: Iterable[LedgerEvent], position: BlockReference | None
) -> list[Finding]:
    """Compares the events of the chain with those the database holds.

    Args:
        chain: all events of the chain, in order.
        rows: all rows of the projection, as the events they stand for.
        position: up to where the projection claims to have followed; what came later is no finding.

    Returns:
        Rows that are missing, unknown to the chain, or differ from it in any member.
    """
    reached = position.number if position else -1
    real = {_cursor(event): event for event in chain}
    kept: dict[Cursor, LedgerEvent] = {}
    findings = []
    for row in rows:
        event = real.get(_cursor(row))
        name = type(row).__name__
        if event is None or _cursor(row) in kept:
            message = "the database holds a row the chain does not have"
            findings.append(_row_finding(Kind.ROW_UNKNOWN, row, message, "no row", name))
        elif event != row:
            message = "a row of the database differs from the chain"
            findings.append(_row_finding(Kind.ROW_DIFFERS, event, message, str(event), str(row)))
        kept.setdefault(_cursor(row), row)
    for cursor, event in real.items():
        if cursor not in kept and cursor[0] <= reached:
            message = "the database lacks a row the chain has"
            findings.append(_row_finding(Kind.ROW_MISSING, event, message, type(event).__name__, "no row"))
    return findings


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
        if known.leaf.custodian == custodian and record_id not in seen:
            about = "0x" + record_id.hex()
            message = "a record is anchored, but the vault has no object for it"
            findings.append(Finding(Kind.OBJECT_MISSING, about, message, "an object", "none"))
    return findings


def _object_findings(state: LedgerState, stored: StoredObject) -> list[Finding]:
    about, known = "0x" + stored.record_id.hex(), state.records.get(stored.record_id)
    if known is None:
        message = "the vault has an object for a record that was never anchored"
        return [Finding(Kind.OBJECT_UNANCHORED, about, message, "an anchored record", "none")]
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
