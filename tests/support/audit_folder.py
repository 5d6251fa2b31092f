"""The tables of an audit of a chain in memory, written by a few lines of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from consentry.audit import tables
from consentry.audit.findings import Report
from consentry.audit.parts import PartWriter
from consentry.core import events, heads
from consentry.core.assisted_grants import Assistance
from consentry.core.codes import DEBT_PERIOD, UNLIMITED_USES, Reason, ReviewOutcome
from consentry.core.emergencies import EmergencyNotice, EmergencyReview
from consentry.core.events import LedgerEvent
from consentry.core.recognitions import Recognition
from consentry.core.signed_act import SignedAct
from consentry.core.state import LedgerState

Row = dict[str, Any]


def write_tables(folder: Path, chain: Sequence[LedgerEvent], report: Report) -> Path:
    """Writes what an audit of a chain would; gives the folder."""
    state = LedgerState()
    rows: dict[str, list[Row]] = {table.name: [] for table in tables.TABLES}
    for number, event in enumerate(chain):
        state.fold(event)
        _note(rows, number, event, state)
    rows["institutions"] = [*_institutions(state)]
    rows["records"] = [*_records(state)]
    rows["consents"] = [*_consents(state, chain)]
    rows["debts"] = [*_debts(chain, report.head.time)]
    rows["findings"] = [*_findings(report)]
    rows["run"] = [_run(report)]
    writer = PartWriter(folder)
    for table in tables.TABLES:
        writer.add_rows(table, rows[table.name])
    writer.flush()
    return folder


def _none(value: bytes) -> bytes | None:
    return value if any(value) else None


def _place(number: int, event: LedgerEvent) -> Row:
    place = event.place
    return {
        "number": number,
        "block": place.block.number,
        "time": place.block.time,
        "transaction": place.transaction_hash,
        "log_index": place.log_index,
    }


def _note(rows: Mapping[str, list[Row]], number: int, event: LedgerEvent, state: LedgerState) -> None:
    place = _place(number, event)
    name = type(event.act).FORM.event if isinstance(event, events.ActPerformed) else type(event).__name__
    about = getattr(event, fields(event)[1].name)
    named = {key: _none(getattr(event, at, b"")) for key, at in (("subject", "subject_id"), ("institution",) * 2)}
    rows["events"].append({**place, **named, "name": name, "about": about if isinstance(about, bytes) else None})
    match event:
        case events.AccessDecided():
            rows["decisions"].append({**place, **_decision(event, state)})
        case events.RequestRejected():
            request = event.request_id.to_bytes(32, "big")
            said = {name: getattr(event, name) for name in ("institution", "request_hash", "relay")}
            codes = {"reason_code": event.reason, "expected_code": event.reason}
            rows["rejections"].append({**place, **said, **codes, "request": request})
        case events.ActPerformed(act=Recognition() as act):
            mark = state.recognitions.marks[act.record_id]
            said = {name: getattr(act, name) for name in ("institution", "practitioner", "accepted", "explained")}
            more = {"record": act.record_id, "subject": act.subject_id, "refusal_code": act.reason_code or None}
            rows["recognitions"].append({**place, **said, **more, "issuer": mark.issuer, "item": mark.item_code})
        case _:
            pass


def _decision(event: events.AccessDecided, state: LedgerState) -> Row:
    entry, request = event.entry, event.entry.request
    record, house = state.records.get(request.record_id), state.institutions.get(request.institution)
    leaf = record.leaf if record else None
    return {
        "decision": heads.hash_of(entry),
        "request": request.request_id.to_bytes(32, "big"),
        "institution": request.institution,
        "region": house.region if house else None,
        "custodian": leaf.custodian if leaf else None,
        "subject": _none(entry.subject_id),
        "record": request.record_id,
        "category_code": leaf.category if leaf else None,
        "sensitivity": leaf.sensitivity if leaf else None,
        "consent": _none(request.consent_id),
        "authorisation": _none(request.authorisation_id),
        "purpose_code": request.purpose,
        "action_code": request.action,
        "basis_code": request.legal_basis,
        "actor_code": request.actor_kind,
        "emergency_code": request.reason_code or None,
        "reason_code": entry.reason,
        "permitted": entry.reason == Reason.NONE,
        "expected_code": entry.reason,
        "practitioner": _none(request.practitioner),
        "reason_hash": _none(request.reason_hash),
        "issued": request.issued_at,
        "expires": request.expires_at,
        "subject_sequence": entry.subject_sequence,
        "institution_sequence": entry.institution_sequence,
    }


def _institutions(state: LedgerState) -> Iterator[Row]:
    for address, known in state.institutions.items():
        seen, head = known.seen_at(0), state.institution_head(address)
        yield {
            "institution": address,
            "region": known.region,
            "standing_code": known.standing,
            "daily_limit": seen.daily_limit,
            "emergency_limit": seen.emergency_limit,
            "decisions": heads.sequence_of(head),
            "head": _none(head),
        }


def _records(state: LedgerState) -> Iterator[Row]:
    for record, known in state.records.items():
        leaf, end = known.leaf, state.erasures.end_of(record)
        names = ("custodian", "version", "sensitivity", "data_month", "ciphertext_digest", "ciphertext_size")
        yield {
            **{name: getattr(leaf, name) for name in names},
            "record": record,
            "subject": leaf.subject_id,
            "previous": _none(leaf.previous),
            "lineage": _none(leaf.lineage),
            "category_code": leaf.category,
            "retention_code": leaf.retention,
            "anchored": known.anchored_at,
            "status_code": known.status,
            "erasure_requested": end.requested_at or None,
            "erased": end.erased_at or None,
            "deletion_attested": end.attested_at or None,
            "erasure_reason_code": end.reason_code or None,
        }


def _acts(chain: Sequence[LedgerEvent], kind: type[SignedAct]) -> Iterator[Any]:
    return (e for e in chain if isinstance(e, events.ActPerformed) and isinstance(e.act, kind))


def _consents(state: LedgerState, chain: Sequence[LedgerEvent]) -> Iterator[Row]:
    helped = {e.act.consent_id: e.institution for e in _acts(chain, Assistance) if isinstance(e.act, Assistance)}
    for consent, known in state.consents.items():
        terms = known.terms
        assert terms is not None
        plain = ("max_sensitivity", "data_from", "data_until", "valid_from", "valid_until", "onward_disclosure")
        yield {
            **{name: getattr(terms, name) for name in (*plain, "notice_version")},
            **{name: _none(getattr(terms, name)) for name in ("guardian", "institution", "group", "practitioner")},
            "consent": consent,
            "subject": terms.subject_id,
            "custodian": state.custodian_of(terms.subject_id),
            "records_root": _none(terms.records_root),
            "categories_mask": terms.categories or None,
            "purposes_mask": terms.purposes,
            "actions_mask": terms.actions,
            "max_uses": None if terms.max_uses == UNLIMITED_USES else terms.max_uses,
            "erase_by": terms.erase_by or None,
            "notice": terms.notice_hash,
            "assurance_code": terms.assurance,
            "assisted_by": helped.get(consent),
            "granted": known.granted_at,
            "revoked": known.revoked_at or None,
            "status_code": known.status,
            "uses": known.uses,
        }


def _debts(chain: Sequence[LedgerEvent], now: int) -> Iterator[Row]:
    noticed = {e.act.debt_id: e for e in _acts(chain, EmergencyNotice) if isinstance(e.act, EmergencyNotice)}
    said = list(_acts(chain, EmergencyReview))
    closed = {e.debt_id: e.place.block.time for e in chain if isinstance(e, events.DebtClosed)}
    for event in (e for e in chain if isinstance(e, events.DebtOpened)):
        notice, opened = noticed.get(event.debt_id), event.place.block.time
        reviews = [(e.place.block.time, e.act) for e in said if getattr(e.act, "debt_id", b"") == event.debt_id]
        by_outcome = {act.outcome: (time, act) for time, act in reviews}
        referred = by_outcome.pop(ReviewOutcome.REFERRED, None)
        final: Any = next(iter(by_outcome.values()), (None, None))
        yield {
            "debt": event.debt_id,
            "institution": event.institution,
            "subject": event.subject_id,
            "request": event.request_id.to_bytes(32, "big"),
            "practitioner": event.practitioner,
            "opened": opened,
            "due": opened + DEBT_PERIOD,
            "notified": notice.place.block.time if notice else None,
            "notified_by_code": notice.act.by if notice else None,
            "referred": referred[0] if referred else None,
            "reviewed": final[0],
            "reviewer_code": final[1].role if final[1] else None,
            "outcome_code": final[1].outcome if final[1] else None,
            "closed": closed.get(event.debt_id),
            "overdue": event.debt_id not in closed and now >= opened + DEBT_PERIOD,
        }


def _findings(report: Report) -> Iterator[Row]:
    for found in report.findings:
        names = ("about", "message", "expected", "got")
        place = _place(0, found) if found.place else {}  # type: ignore[arg-type]  # has a place as events do
        place.pop("number", None)
        yield {**{name: getattr(found, name) for name in names}, **place, "kind": str(found.kind)}


def _run(report: Report) -> Row:
    head = report.head
    return {
        "format": tables.FORMAT,
        "chain_id": "1337",
        "genesis": bytes(32),
        "deployment": bytes(32),
        "first": 5,
        "head": head.number,
        "head_hash": head.hash,
        "head_time": head.time,
        "events": report.events,
        "decisions": report.decisions,
        "signatures": report.signatures,
        "findings": len(report.findings),
        "unreleased": report.unreleased,
        "limits": list(report.limits),
    }
