"""The chain against what a custodian keeps: the rows of its database, the objects of its vault."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from consentry.audit.digests import DigestSet
from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import KeptRelease, KeptRow, StoredObject
from consentry.core import heads
from consentry.core.chain import BlockReference
from consentry.core.codes import Reason, RecordStatus
from consentry.core.events import AccessDecided, LedgerEvent
from consentry.core.state import LedgerState
from consentry.core.terms import Address, RecordId
from consentry.crypto.framing import length_prefixed

Cursor = tuple[float, int]
_END: Final[Cursor] = (math.inf, 0)


def _row_finding(kind: Kind, cursor: Cursor, message: str, expected: str, got: str) -> Finding:
    return Finding(kind, f"block {cursor[0]}, log {cursor[1]}", message, expected, got)


async def compare_rows(
    chain: AsyncIterable[LedgerEvent],
    rows: AsyncIterable[KeptRow],
    position: BlockReference | None,
    head: BlockReference,
) -> list[Finding]:
    """Compares the events of the chain with those the database holds, both as they come.

    Args:
        chain: all events of the chain, in order.
        rows: all rows of the projection, in order.
        position: up to where the projection claims to have followed; rows that came later are not looked for singly.
        head: up to where the chain was audited.

    Returns:
        Rows that are missing, unknown to the chain, or differ from it in any member; and that the projection stands
        behind the chain, so that nobody hides rows by setting its position back.
    """
    reached = position.number if position else -1
    findings, missing = list[Finding](), list[Finding]()
    if reached < head.number:
        message = "the database does not show all of the chain"
        findings.append(
            Finding(Kind.PROJECTION_BEHIND, "position", message, f"block {head.number}", f"block {reached}")
        )
    waiting = _Rows(rows)
    async for event in chain:
        cursor = (event.place.block.number, event.place.log_index)
        findings += [_unknown(row) async for row in waiting.before(cursor)]
        row = await waiting.at(cursor)
        if row is not None:
            findings += _judge_row(row, event)
        elif cursor[0] <= reached:
            message = "the database lacks a row the chain has"
            missing.append(_row_finding(Kind.ROW_MISSING, cursor, message, type(event).__name__, "no row"))
    findings += [_unknown(row) async for row in waiting.before(_END)]
    return [*findings, *missing]


class _Rows:
    """Rows as they come, with one of them held back."""

    def __init__(self, rows: AsyncIterable[KeptRow]) -> None:
        self._rows = aiter(rows)
        self._held: KeptRow | None = None

    async def before(self, cursor: Cursor) -> AsyncIterator[KeptRow]:
        """Takes the rows that stand before a place: no event is left that they could stand for."""
        while (row := await self._next()) is not None and _cursor(row) < cursor:
            self._held = None
            yield row

    async def at(self, cursor: Cursor) -> KeptRow | None:
        """Takes the row of a place, if there is one."""
        row = await self._next()
        if row is None or _cursor(row) != cursor:
            return None
        self._held = None
        return row

    async def _next(self) -> KeptRow | None:
        if self._held is None:
            self._held = await anext(self._rows, None)
        return self._held


def _cursor(row: KeptRow) -> Cursor:
    return row.block_number, row.log_index


def _unknown(row: KeptRow) -> Finding:
    message = "the database holds a row the chain does not have"
    return _row_finding(Kind.ROW_UNKNOWN, _cursor(row), message, "no row", type(row.event).__name__)


def _judge_row(row: KeptRow, event: LedgerEvent) -> list[Finding]:
    cursor = _cursor(row)
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


class Releases:
    """What a custodian's vault gave out, against the decisions of the chain, in little memory.

    A decision may be used again, for a requester whose answer was lost. Take what the vault says first, then every
    decision, then what the vault says once more: what it writes meanwhile is left to the next audit.
    """

    def __init__(self, custodian: Address) -> None:
        """Takes whose vault it is."""
        self._custodian = custodian
        self._kept, self._permitted = DigestSet(), DigestSet()
        self.unreleased = 0

    def keep(self, release: KeptRelease) -> None:
        """Takes what the vault says it gave out."""
        self._kept.add(self._kept.digests_of([_content(release)]))

    def permit(self, event: AccessDecided, custodian: Address | None, *, counted: bool) -> None:
        """Takes a decision.

        Args:
            event: the decision.
            custodian: of the record it is about, none where that is unknown.
            counted: whether it counts as unreleased if nothing was given out for it.
        """
        entry, request = event.entry, event.entry.request
        if entry.reason != Reason.NONE:
            return
        told = KeptRelease(request.record_id, request.institution, request.request_id, heads.hash_of(entry))
        content = _content(told)
        digest = self._permitted.digests_of([content])
        if counted and custodian == self._custodian and not self._permitted.holds(digest)[0]:
            self.unreleased += not self._kept.holds(self._kept.digests_of([content]))[0]
        self._permitted.add(digest)

    def judge(self, release: KeptRelease) -> list[Finding]:
        """Finds a release no decision permits."""
        content = _content(release)
        known = self._kept.holds(self._kept.digests_of([content]))[0]
        if not known or self._permitted.holds(self._permitted.digests_of([content]))[0]:
            return []
        message = "the vault gave out the keys of a record without a decision that permits it"
        expected, about = "a permitted decision", "0x" + release.record_id.hex()
        return [Finding(Kind.RELEASE_WITHOUT_DECISION, about, message, expected, _named(release))]


def _content(release: KeptRelease) -> bytes:
    """Gives what tells one release from another, whatever a table says."""
    request = release.request_id.to_bytes(release.request_id.bit_length() // 8 + 1, "big")
    return length_prefixed(release.record_id, release.institution, request, release.decision_id)


def _named(kept: KeptRelease) -> str:
    request = f"request {kept.request_id} of 0x{kept.institution.hex()}"
    return f"decision 0x{kept.decision_id.hex()}, {request}"
