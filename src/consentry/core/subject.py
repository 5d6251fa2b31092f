"""What enrolling a subject must satisfy: the checks of ``contracts/Subjects.sol`` in their order."""

from __future__ import annotations

from consentry.core.codes import Standing
from consentry.core.refusals import refusal
from consentry.core.terms import ZERO_32, Enrolment


def check_enrol(
    enrolment: Enrolment,
    *,
    subject_known: bool,
    custodian_standing: Standing,
    signer_acceptable: bool,
    subject_signature_valid: bool,
    custodian_signature_valid: bool,
    now: int,
) -> None:
    """Checks an enrolment at block time ``now``, in seconds.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    subject_id = enrolment.subject_id
    if subject_id == ZERO_32:
        raise refusal("SubjectsZeroId")
    if subject_known:
        raise refusal("SubjectsAlreadyEnrolled", subject_id)
    if custodian_standing != Standing.ACTIVE:
        raise refusal("SubjectsCustodianInactive", enrolment.custodian)
    if not signer_acceptable:
        raise refusal("SubjectsSignerInvalid", enrolment.signer)
    if now >= enrolment.sign_before:
        raise refusal("SubjectsEnrolmentExpired", enrolment.sign_before, now)
    if not subject_signature_valid:
        raise refusal("SubjectsSignatureInvalid", subject_id)
    if not custodian_signature_valid:
        raise refusal("SubjectsCustodianSignatureInvalid", subject_id, enrolment.custodian)
