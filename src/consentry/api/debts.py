"""Emergency accesses and what they owe: to the institution that looked, to authorities, and to the patient."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from consentry.api.act_schemas import DebtList
from consentry.api.context import context_of
from consentry.api.policy import (
    INSTITUTION_OR_AUTHORITY,
    SUBJECT_SIDE,
    Caller,
    check_institution_seen_by,
    sessions_of,
    subject_seen_by,
)
from consentry.api.schemas import Id20, Id32, raw, shown
from consentry.core.codes import DEBT_PERIOD
from consentry.core.emergencies import Debt
from consentry.core.terms import Address, SubjectId

router = APIRouter(prefix="/v1", tags=["emergencies"])


@router.get("/institutions/{address}/debts", responses={200: {"model": DebtList}})
async def debts(
    request: Request, address: Id20, caller: Annotated[Caller, Depends(INSTITUTION_OR_AUTHORITY)]
) -> dict[str, Any]:
    """Lists the open debts of an institution, to itself and to authorities; read on chain, at its head."""
    check_institution_seen_by(caller, raw(address))
    found = await context_of(request).ledger.debts_of(Address(raw(address)))
    return _listed(found, sessions_of(request).now())


@router.get("/subjects/{subject_id}/emergencies", responses={200: {"model": DebtList}})
async def emergencies(
    request: Request, subject_id: Id32, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]
) -> dict[str, Any]:
    """Lists every emergency access to a subject's records and what became of it.

    It is shown to the subject, to its custodian and to guardians who may see.
    """
    context, subject, now = context_of(request), SubjectId(raw(subject_id)), sessions_of(request).now()
    await subject_seen_by(context, caller, subject, now)
    return _listed(await context.projection.debts_of_subject(subject), now)


def _listed(found: dict[bytes, Debt], now: int) -> dict[str, Any]:
    by_age = sorted(found.items(), key=lambda item: (item[1].opened_at, item[0]))
    return {"items": [_debt_json(debt_id, debt, now) for debt_id, debt in by_age]}


def _debt_json(debt_id: bytes, debt: Debt, now: int) -> dict[str, Any]:
    return {
        "debtId": shown(debt_id),
        "subjectId": shown(debt.subject_id),
        "institution": shown(debt.institution),
        "practitioner": shown(debt.practitioner),
        "openedAt": debt.opened_at,
        "dueAt": debt.opened_at + DEBT_PERIOD,
        "noticed": debt.noticed,
        "referred": debt.referred,
        "reviewed": debt.reviewed,
        "overdue": debt.is_overdue(now),
    }
