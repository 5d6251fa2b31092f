"""Rows of what stands at head: consents, records, institutions, subjects, debts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from consentry.audit import tables
from consentry.audit.debts import DebtLife, DebtTimes
from consentry.core import heads
from consentry.core.chain import BlockReference
from consentry.core.codes import DEBT_PERIOD, UNLIMITED_USES
from consentry.core.emergencies import Debt
from consentry.core.state import ConsentState, LedgerState
from consentry.core.terms import ConsentId, ConsentTerms

Row = dict[str, object]
_LATEST = 2**63 - 1


def rows_at_head(
    state: LedgerState, debts: DebtTimes, head: BlockReference
) -> Iterator[tuple[tables.Table, Iterable[Row]]]:
    """Gives each table with its rows, which are made as they are taken."""
    yield tables.CONSENTS, (_consent(state, key, known) for key, known in state.consents.items())
    yield tables.RECORDS, _records(state)
    yield tables.INSTITUTIONS, _institutions(state, head)
    yield tables.SUBJECTS, _subjects(state)
    yield tables.DEBTS, (_debt(key, debt, debts.known.get(key), head) for key, debt in state.debts.known.items())


def _there(value: bytes) -> bytes | None:
    return value if any(value) else None


def _consent(state: LedgerState, key: ConsentId, known: ConsentState) -> Row:
    own: Row = {
        "consent": key,
        "granted": known.granted_at or None,
        "revoked": known.revoked_at or None,
        "status_code": int(known.status),
        "uses": known.uses,
    }
    return own | (_terms(state, key, known.terms) if known.terms else {})


def _terms(state: LedgerState, key: ConsentId, terms: ConsentTerms) -> Row:
    prepared = state.assistance.prepared.get((key, terms.subject_id))
    return {
        "subject": terms.subject_id,
        "custodian": _there(state.custodian_of(terms.subject_id)),
        "guardian": _there(terms.guardian),
        "institution": _there(terms.institution),
        "group": _there(terms.group),
        "practitioner": _there(terms.practitioner),
        "records_root": _there(terms.records_root),
        "categories_mask": terms.categories,
        "purposes_mask": terms.purposes,
        "actions_mask": terms.actions,
        "max_sensitivity": terms.max_sensitivity,
        "data_from": terms.data_from,
        "data_until": terms.data_until,
        "valid_from": min(terms.valid_from, _LATEST),
        "valid_until": min(terms.valid_until, _LATEST),
        "max_uses": None if terms.max_uses == UNLIMITED_USES else terms.max_uses,
        "onward_disclosure": terms.onward_disclosure,
        "erase_by": min(terms.erase_by, _LATEST) or None,
        "notice": _there(terms.notice_hash),
        "notice_version": terms.notice_version,
        "assurance_code": terms.assurance,
        "assisted_by": prepared.institution if prepared and prepared.granted else None,
    }


def _records(state: LedgerState) -> Iterator[Row]:
    for key, known in state.records.items():
        leaf, end = known.leaf, state.erasures.end_of(key)
        yield {
            "record": key,
            "custodian": leaf.custodian,
            "subject": leaf.subject_id,
            "previous": _there(leaf.previous),
            "lineage": _there(leaf.lineage),
            "version": leaf.version,
            "category_code": leaf.category,
            "sensitivity": leaf.sensitivity,
            "data_month": leaf.data_month,
            "retention_code": leaf.retention,
            "ciphertext_digest": leaf.ciphertext_digest,
            "ciphertext_size": min(leaf.ciphertext_size, _LATEST),
            "anchored": known.anchored_at,
            "status_code": int(known.status),
            "erasure_requested": end.requested_at or None,
            "erased": end.erased_at or None,
            "deletion_attested": end.attested_at or None,
            "erasure_reason_code": end.reason_code or None,
        }


def _institutions(state: LedgerState, head: BlockReference) -> Iterator[Row]:
    for key, known in state.institutions.items():
        seen, reached = known.seen_at(head.time), state.institution_head(key)
        yield {
            "institution": key,
            "region": seen.region,
            "standing_code": int(seen.standing),
            "daily_limit": seen.daily_limit,
            "emergency_limit": seen.emergency_limit,
            "decisions": heads.sequence_of(reached),
            "head": _there(reached),
        }


def _subjects(state: LedgerState) -> Iterator[Row]:
    for key, known in state.subjects.items():
        facts, reached = state.guardians.facts_of(key), state.subject_head(key)
        yield {
            "subject": key,
            "custodian": known.custodian,
            "emergency_forbidden": facts.emergency_forbidden,
            "minor_until": facts.minor_until or None,
            "decisions": heads.sequence_of(reached),
            "head": _there(reached),
        }


def _debt(key: bytes, debt: Debt, life: DebtLife | None, head: BlockReference) -> Row:
    lived = life or DebtLife(0)
    return {
        "debt": key,
        "institution": debt.institution,
        "subject": debt.subject_id,
        "request": lived.request_id.to_bytes(32, "big"),
        "practitioner": debt.practitioner,
        "opened": debt.opened_at,
        "due": debt.opened_at + DEBT_PERIOD,
        "notified": lived.notified,
        "notified_by_code": lived.notified_by,
        "referred": lived.referred,
        "reviewed": lived.reviewed,
        "reviewer_code": lived.reviewer,
        "outcome_code": lived.outcome,
        "closed": lived.closed,
        "overdue": debt.is_overdue(head.time),
    }
