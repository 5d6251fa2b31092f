"""Enrolling a subject."""

from __future__ import annotations

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
    await check_own_signer(projection, enrolment.custodian, enrolment.subject_id, enrolment.signer)
    try:
        place = (await ledger.enrol(enrolment, *signatures)).place
    except ConflictError:
        known = await projection.subject(enrolment.subject_id) if resumed else None
        if known is None or (known.signer, known.custodian) != (enrolment.signer, enrolment.custodian):
            raise
        place = known.place
    await vault.create_subject(enrolment.subject_id)
    return place


async def check_own_signer(projection: Projection, custodian: Address, subject_id: SubjectId, signer: bytes) -> None:
    """Keeps a custodian from linking two subjects: the chain shows the signers of each, and of guardians, to everybody.

    Raises:
        ConflictError: the signer stands for another subject of the custodian, as its own or as a guardian's.
    """
    others = {view.subject_id: view.custodian for view in await projection.subjects_of_signer(signer)}
    for event in await projection.appointments_of(signer):
        ward = await projection.subject(event.subject_id)
        others |= {ward.subject_id: ward.custodian} if ward else {}
    if any(of == custodian for other, of in others.items() if other != subject_id):
        raise ConflictError("signer stands for another subject of this custodian: draw a key for each subject")
