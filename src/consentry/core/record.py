"""What anchoring and superseding a record version must satisfy: the checks of ``contracts/Records.sol``."""

from __future__ import annotations

from consentry.core.codes import HIGHEST_SENSITIVITY, Category, RecordStatus, Retention, Standing, Suite
from consentry.core.refusals import refusal
from consentry.core.terms import ZERO_32, Address, RecordLeaf
from consentry.core.typed_data import record_id, scope_key


def _check_content(leaf: RecordLeaf) -> None:
    if not Category.SUMMARY <= leaf.category <= Category.BILLING:
        raise refusal("RecordsCategoryInvalid", leaf.category)
    if not 1 <= leaf.sensitivity <= HIGHEST_SENSITIVITY:
        raise refusal("RecordsSensitivityInvalid", leaf.sensitivity)
    if leaf.suite != Suite.COBBLESTONE_256_SHA_256:
        raise refusal("RecordsSuiteUnknown", leaf.suite)
    if not Retention.OUTPATIENT <= leaf.retention <= Retention.INPATIENT:
        raise refusal("RecordsRetentionUnknown", leaf.retention)
    if ZERO_32 in (leaf.ciphertext_digest, leaf.commitment) or leaf.ciphertext_size == 0:
        raise refusal("RecordsDigestMissing")


def check_anchorable(
    leaf: RecordLeaf, status: RecordStatus, *, custodian_standing: Standing, subject_custodian: Address
) -> None:
    """Checks what a leaf of any version needs.

    Args:
        leaf: the version to be anchored.
        status: what the chain says of its id.
        custodian_standing: standing of ``leaf.custodian``.
        subject_custodian: who enrolled the subject; zero when it is unknown.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    if status != RecordStatus.NONE:
        raise refusal("RecordsAlreadyAnchored", record_id(leaf))
    if custodian_standing != Standing.ACTIVE:
        raise refusal("RecordsCustodianInactive", leaf.custodian)
    if subject_custodian != leaf.custodian:
        raise refusal("RecordsSubjectMismatch", leaf.subject_id, leaf.custodian, subject_custodian)
    _check_content(leaf)


def check_first(leaf: RecordLeaf) -> None:
    """Checks that a leaf is a first version.

    Raises:
        LedgerRejectedError: it names an earlier one.
    """
    if leaf.previous != ZERO_32:
        raise refusal("RecordsPreviousMismatch", leaf.previous, ZERO_32)
    if leaf.version != 1:
        raise refusal("RecordsVersionInvalid", leaf.version, 1)
    if leaf.lineage != ZERO_32:
        raise refusal("RecordsLineageMismatch", leaf.lineage, ZERO_32)


def check_successor(leaf: RecordLeaf, previous: RecordLeaf, status: RecordStatus) -> None:
    """Checks that a leaf follows the version before, whose status on chain is ``status``.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    before = record_id(previous)
    if leaf.previous != before:
        raise refusal("RecordsPreviousMismatch", leaf.previous, before)
    if status != RecordStatus.CURRENT:
        raise refusal("RecordsPreviousNotCurrent", before, status)
    if leaf.subject_id != previous.subject_id:
        raise refusal("RecordsSubjectChanged", leaf.subject_id, previous.subject_id)
    if leaf.version != previous.version + 1:
        raise refusal("RecordsVersionInvalid", leaf.version, previous.version + 1)
    if leaf.lineage != scope_key(previous):
        raise refusal("RecordsLineageMismatch", leaf.lineage, scope_key(previous))
    if leaf.sensitivity < previous.sensitivity:
        raise refusal("RecordsSensitivityLowered", leaf.sensitivity, previous.sensitivity)


def check_signed(leaf: RecordLeaf, *, signature_valid: bool) -> None:
    """Checks that the custodian's signer signed the leaf.

    Raises:
        LedgerRejectedError: it did not.
    """
    if not signature_valid:
        raise refusal("RecordsSignatureInvalid", record_id(leaf), leaf.custodian)
