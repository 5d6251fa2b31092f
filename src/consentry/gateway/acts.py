"""Signed acts of the life cycles, passed on. The gateway signs none of them: it has no key that could."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from consentry.core.chain import EventPlace
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration, RecoveryProposal, SignerRotation
from consentry.core.typed_data import document, struct_hash
from consentry.errors import ConflictError, InvalidInputError
from consentry.gateway.ports import Ledger, Projection
from consentry.gateway.subjects import check_own_signer


def prepare(ledger: Ledger, act: SignedAct) -> dict[str, Any]:
    """Gives the EIP-712 document that everybody who has to sign an act signs."""
    return document(ledger.domain(act.FORM.contract), act)


async def perform(
    ledger: Ledger, projection: Projection, act: SignedAct, signatures: Sequence[bytes], *, resumed: bool = False
) -> EventPlace:
    """Has an act taken.

    Args:
        ledger: the chain.
        projection: what is known of it.
        act: what was signed.
        signatures: in the order of the signers of its form.
        resumed: an earlier call may have gone through; then it is no conflict.

    Raises:
        InvalidInputError: a signature is missing, or the contract finds the act malformed or too late.
        NotAuthenticError: a signature is not that of who has to sign.
        ConflictError: it was done before, or does not fit what stands, or brings a signer that stands for another
            subject.
        NotFoundError: it concerns somebody or something the chain does not know.
    """
    needed = act.FORM.signers
    if len(signatures) != len(needed):
        raise InvalidInputError(
            f"number of signatures does not match (got {len(signatures)}, expected {len(needed)}: {', '.join(needed)})"
        )
    try:
        await _check_introduced(ledger, projection, act, signatures)
        return (await ledger.perform(act, signatures)).place
    except ConflictError:
        earlier = await projection.act(struct_hash(act)) if resumed else None
        if earlier is None:
            raise
        return earlier.place


async def _check_introduced(
    ledger: Ledger, projection: Projection, act: SignedAct, signatures: Sequence[bytes]
) -> None:
    """Checks that a signer an act brings in links no two subjects of a custodian."""
    match act:
        case SignerRotation() | CardRegistration() | RecoveryProposal():
            signer = act.signer
        case GuardianAppointment():
            signer = act.guardian
        case _:
            return
    subject = await projection.subject(act.subject_id)
    if subject is not None:
        judge = partial(ledger.rehearse, act, signatures)
        await check_own_signer(projection, subject.custodian, act.subject_id, signer, judge)
