"""Enrolling a subject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from consentry.core.chain import EventPlace
from consentry.core.terms import Address, Enrolment, SubjectId
from consentry.errors import ConflictError
from consentry.gateway.ports import Ledger, Projection, Vault


async def enrol(
    ledger: Ledger,
    projection: Projection,
    vault: Vault,
    enrolment: Enrolment,
    signatures: tuple[bytes, bytes],
    *,
    resumed: bool = False,
) -> EventPlace:
    """Puts a subject on chain and gives it a key of its own in the vault.

    The chain comes first, because it checks the signatures: nobody gets a key made for a subject that is none. A crash
    in between leaves a subject without a key, which `consentry.gateway.records.take_content` makes good.

    Args:
        ledger: the chain.
        projection: what is known of it.
        vault: where the key is made.
        enrolment: the act.
        signatures: that of the subject, that of the custodian.
        resumed: an earlier call may have gone through; then it is no conflict.

    Raises:
        NotAuthenticError: one of the two signatures does not hold, or they are too old.
        ConflictError: the subject is enrolled already, or the signer stands for another subject of this custodian.
    """
    named = enrolment.custodian, enrolment.subject_id, enrolment.signer
    try:
        await check_own_signer(projection, *named, partial(ledger.rehearse, enrolment, signatures))
        place = (await ledger.enrol(enrolment, *signatures)).place
    except ConflictError:
        known = await projection.subject(enrolment.subject_id) if resumed else None
        if known is None or (known.signer, known.custodian) != (enrolment.signer, enrolment.custodian):
            raise
        place = known.place
    await vault.create_subject(enrolment.subject_id)
    return place


async def check_own_signer(
    projection: Projection,
    custodian: Address,
    subject_id: SubjectId,
    signer: bytes,
    judge: Callable[[], Awaitable[None]],
) -> None:
    """Keeps a custodian from linking two subjects: the chain shows everybody with whom a signer ever stood.

    Whose key it is, is told to nobody but who could have the act taken: the contract judges it first.

    Args:
        projection: what is known of the chain.
        custodian: of the subject.
        subject_id: whom the signer is to stand for.
        signer: that an act brings in.
        judge: raises what the contract says if it would not take that act.

    Raises:
        ConflictError: the signer stands or stood for another subject of the custodian: as its own, proposed ones too,
            as a card or as a guardian's.
        ConsentryError: it does, and the contract would not take the act.
    """
    shown = await projection.subjects_shown_with(signer)
    if any(view.custodian == custodian for view in shown if view.subject_id != subject_id):
        await judge()
        raise ConflictError("signer stands for another subject of this custodian: draw a key for each subject")
