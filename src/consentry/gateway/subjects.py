"""Enrolling a subject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from consentry.core.chain import ActReceipt
from consentry.core.terms import Enrolment, SubjectId
from consentry.gateway.ports import Ledger

CreateSubjectKey = Callable[[SubjectId], Awaitable[None]]


async def enrol(
    ledger: Ledger,
    create_key: CreateSubjectKey,
    enrolment: Enrolment,
    subject_signature: bytes,
    custodian_signature: bytes,
) -> ActReceipt:
    """Puts a subject on chain and gives it a key of its own in the vault.

    The key comes first: a subject on chain without a key could not be served, a key without a subject harms nobody.

    Raises:
        NotAuthenticError: one of the two signatures does not hold, or they are too old.
        ConflictError: the subject is enrolled already.
    """
    await create_key(enrolment.subject_id)
    return await ledger.enrol(enrolment, subject_signature, custodian_signature)
