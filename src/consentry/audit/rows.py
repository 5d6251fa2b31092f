"""Rows of the tables: those of events as they come, those of the state at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import singledispatchmethod
from hashlib import sha256
from itertools import islice
from typing import Final

from consentry.audit import plain_rows, tables
from consentry.audit.columns import Plain
from consentry.audit.debts import DebtTimes, RowPlace
from consentry.audit.findings import Finding, Report
from consentry.audit.parts import PartWriter
from consentry.audit.replay import Replay
from consentry.audit.standing import rows_at_head
from consentry.audit.whole import lines_of
from consentry.core import events, heads
from consentry.core.chain import BlockReference, ChainIdentity, EventPlace
from consentry.core.codes import LegalBasis, Reason
from consentry.core.events import LedgerEvent
from consentry.core.recognitions import Recognition
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, ZERO_ADDRESS

Row = dict[str, object]
ROWS_AT_ONCE: Final = 8_192
_WORD: Final = 32


@dataclass
class Rows:
    """Writes what an audit reads into tables."""

    writer: PartWriter
    _debts: DebtTimes = field(default_factory=DebtTimes)
    _waiting: dict[str, list[Row]] = field(default_factory=dict)

    def take(self, number: int, event: LedgerEvent, replay: Replay, *, reported: bool) -> None:
        """Takes an event after the replay did.

        Args:
            number: place of the event in chain order, from 0.
            event: the event.
            replay: what decided it again.
            reported: whether it lies within the span of the audit; others are written into no table of events.
        """
        self._debts.take(event)
        if reported:
            at = {"number": number, **place_of(event.place)}
            self._put(tables.EVENTS, at | _event(event))
            self._row(event, at, replay)

    @singledispatchmethod
    def _row(self, event: LedgerEvent, at: Row, replay: Replay) -> None:
        """An event that has no table of its own."""

    @_row.register
    def _(self, event: events.AccessDecided, at: Row, replay: Replay) -> None:
        self._put(tables.DECISIONS, at | _decision(event, replay))

    @_row.register
    def _(self, event: events.RequestRejected, at: Row, replay: Replay) -> None:
        own: Row = {
            "request": event.request_id.to_bytes(_WORD, "big"),
            "institution": event.institution,
            "request_hash": event.request_hash,
            "relay": event.relay,
            "reason_code": int(event.reason),
            "expected_code": None if replay.expected is None else int(replay.expected),
        }
        self._put(tables.REJECTIONS, at | own)

    @_row.register
    def _(self, event: events.ActPerformed, at: Row, replay: Replay) -> None:
        act = event.act
        if isinstance(act, Recognition):
            mark = replay.state.recognitions.marks.get(act.record_id)
            own: Row = {
                "record": act.record_id,
                "institution": act.institution,
                "issuer": mark.issuer if mark else None,
                "subject": act.subject_id,
                "item": mark.item_code if mark else None,
                "practitioner": act.practitioner,
                "accepted": act.accepted,
                "refusal_code": act.reason_code or None,
                "explained": act.explained,
            }
            self._put(tables.RECOGNITIONS, at | own)

    def take_plain(self, number: int, plain: Plain, expected: Sequence[int], state: LedgerState) -> None:
        """Takes the decisions of a plain transaction after they were decided again.

        Args:
            number: place of the first in chain order, from 0.
            plain: the transaction.
            expected: what the rules say of each, as codes.
            state: what the events amount to.
        """
        for table in (tables.EVENTS, tables.DECISIONS):
            self._hand_over(table)
        self.writer.add(tables.EVENTS, plain_rows.events(number, plain))
        self.writer.add(tables.DECISIONS, plain_rows.decisions(number, plain, expected, state))

    def _put(self, table: tables.Table, row: Row) -> None:
        waiting = self._waiting.setdefault(table.name, [])
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE:
            self._hand_over(table)

    def _hand_over(self, table: tables.Table) -> None:
        if self._waiting.get(table.name):
            self.writer.add_rows(table, self._waiting.pop(table.name))

    def place(self) -> RowPlace:
        """Writes what waits, and gives the place that can be gone back to."""
        for table in tables.TABLES:
            self._hand_over(table)
        return RowPlace(self.writer.flush(), self._debts)

    def go_back_to(self, place: RowPlace | None) -> None:
        """Forgets what was written behind a place; none stands for the start."""
        self._waiting.clear()
        self._debts = place.debts if place else DebtTimes()
        self.writer.go_back_to(place.parts if place else {})

    def finish(self, state: LedgerState, head: BlockReference) -> None:
        """Writes what stands at head."""
        self.place()
        for table, rows in rows_at_head(state, self._debts, head):
            self._write(table, rows)

    def conclude(self, report: Report, identity: ChainIdentity, first: int) -> None:
        """Writes what was found, and at last what was audited: from then on the folder is whole.

        Args:
            report: the outcome.
            identity: the chain and deployment.
            first: first block of the audit.
        """
        self._write(tables.FINDINGS, map(_finding, report.findings))
        named: list[Row] = [{"name": name, "address": address} for name, address in identity.contracts]
        self._write(tables.CONTRACTS, named)
        parts = lines_of(self.writer.flush())
        self._write(tables.RUN, [_run(report, identity, first) | {"parts": parts}])
        self.writer.flush()

    def _write(self, table: tables.Table, rows: Iterable[Row]) -> None:
        left = iter(rows)
        while some := list(islice(left, ROWS_AT_ONCE)):
            self.writer.add_rows(table, some)


def place_of(place: EventPlace) -> Row:
    """Gives the columns of a place."""
    block = place.block
    own = {"block": block.number, "time": block.time, "transaction": place.transaction_hash}
    return own | {"log_index": place.log_index}


def present(value: bytes) -> bytes | None:
    """Gives bytes that are not zero; none for those that are."""
    return value if any(value) else None


def _event(event: LedgerEvent) -> Row:
    if isinstance(event, events.AccessDecided):
        entry = event.entry
        about, subject = entry.request.request_id.to_bytes(_WORD, "big"), entry.subject_id
        return {"name": "AccessDecided", "about": about, "subject": present(subject), **_by(entry.request.institution)}
    if isinstance(event, events.RequestRejected):
        about = event.request_id.to_bytes(_WORD, "big")
        return {"name": "RequestRejected", "about": about, **_by(event.institution)}
    name = event.act.FORM.event if isinstance(event, events.ActPerformed) else type(event).__name__
    first = getattr(event, fields(event)[1].name)
    return {
        "name": name,
        "about": first if isinstance(first, bytes) else None,
        "subject": present(getattr(event, "subject_id", ZERO_32)),
        **_by(getattr(event, "institution", ZERO_ADDRESS)),
    }


def _by(institution: bytes) -> Row:
    return {"institution": present(institution)}


def _decision(event: events.AccessDecided, replay: Replay) -> Row:
    entry, request, state = event.entry, event.entry.request, replay.state
    record, known = state.records.get(request.record_id), state.institutions.get(request.institution)
    leaf = record.leaf if record else None
    emergency = request.legal_basis == LegalBasis.EMERGENCY
    return {
        "decision": heads.hash_of(entry),
        "request": request.request_id.to_bytes(_WORD, "big"),
        "institution": request.institution,
        "region": known.region if known else None,
        "custodian": leaf.custodian if leaf else None,
        "subject": present(entry.subject_id),
        "record": request.record_id,
        "category_code": leaf.category if leaf else None,
        "sensitivity": leaf.sensitivity if leaf else None,
        "consent": present(request.consent_id),
        "authorisation": present(request.authorisation_id),
        "purpose_code": request.purpose,
        "action_code": request.action,
        "basis_code": request.legal_basis,
        "actor_code": request.actor_kind,
        "emergency_code": request.reason_code if emergency or request.reason_code else None,
        "reason_code": int(entry.reason),
        "permitted": entry.reason == Reason.NONE,
        "expected_code": int(entry.reason if replay.expected is None else replay.expected),
        "practitioner": present(request.practitioner),
        "reason_hash": present(request.reason_hash),
        "issued": _whole(request.issued_at),
        "expires": _whole(request.expires_at),
        "subject_sequence": entry.subject_sequence,
        "institution_sequence": entry.institution_sequence,
    }


_LATEST: Final = 2**63 - 1


def _whole(time: int) -> int:
    """Gives a time as far as a column reaches: the chain takes any of 64 bits."""
    return min(time, _LATEST)


def _finding(finding: Finding) -> Row:
    own: Row = {
        "kind": str(finding.kind),
        "about": finding.about,
        "message": finding.message,
        "expected": finding.expected,
        "got": finding.got,
    }
    return own | (place_of(finding.place) if finding.place else {})


def _run(report: Report, identity: ChainIdentity, first: int) -> Row:
    named = sha256(b"".join(name.encode() + b"\0" + address for name, address in identity.contracts))
    return {
        "format": tables.FORMAT,
        "chain_id": str(identity.chain_id),
        "genesis": identity.genesis_hash,
        "deployment": named.digest(),
        "first": first,
        "head": report.head.number,
        "head_hash": report.head.hash,
        "head_time": report.head.time,
        "events": report.events,
        "decisions": report.decisions,
        "signatures": report.signatures,
        "findings": len(report.findings),
        "unreleased": report.unreleased,
        "limits": list(report.limits),
    }
