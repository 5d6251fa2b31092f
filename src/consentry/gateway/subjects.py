"""Enrolling a subject."""

from __future__ import annotations

from consentry.core.chain import EventPlace
from consentry.core.terms import Enrolment
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
    await _check_own_signer(projection, enrolment)
    try:
        place = (await ledger.enrol(enrolment, *signatures)).place
    except ConflictError:
        known = await projection.subject(enrolment.subject_id) if resumed else None
        if known is None or (known.signer, known.custodian) != (enrolment.signer, enrolment.custodian):
            raise
        place = known.place
    await vault.create_subject(enrolment.subject_id)
    return place


async def _check_own_signer(projection: Projection, enrolment: Enrolment) -> None:
    """Keeps a custodian from linking two subjects: the chain shows the signer of each to everybody."""
    others = await projection.subjects_of_signer(enrolment.signer)
    if any(o.custodian == enrolment.custodian and o.subject_id != enrolment.subject_id for o in others):
        raise ConflictError("signer stands for another subject of this custodian: draw a key for each subject")
