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
    if ZERO_32 in (leaf.ciphertext_digest, leaf.commitment):
        raise refusal("RecordsDigestMissing")


def check_lineage(leaf: RecordLeaf, previous: RecordLeaf | None) -> None:
    """Checks that a version follows the one before; ``previous`` is none for a first version.

    Raises:
        LedgerRejectedError: version, lineage or previous id is not the next one.
    """
    version = previous.version + 1 if previous else 1
    lineage = scope_key(previous) if previous else ZERO_32
    before = record_id(previous) if previous else ZERO_32
    if leaf.version != version:
        raise refusal("RecordsVersionInvalid", leaf.version, version)
    if leaf.lineage != lineage:
        raise refusal("RecordsLineageMismatch", leaf.lineage, lineage)
    if leaf.previous != before:
        raise refusal("RecordsPreviousMismatch", leaf.previous, before)


def check_anchor(
    leaf: RecordLeaf,
    status: RecordStatus,
    *,
    custodian_standing: Standing,
    subject_custodian: Address,
    signature_valid: bool,
) -> None:
    """Checks the leaf of any version as ``Records`` does, apart from its lineage.

    Args:
        leaf: the version to be anchored.
        status: what the chain says of its id.
        custodian_standing: standing of ``leaf.custodian``.
        subject_custodian: who enrolled the subject; zero when it is unknown.
        signature_valid: whether the custodian's signer signed the leaf.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    identifier = record_id(leaf)
    if status != RecordStatus.NONE:
        raise refusal("RecordsAlreadyAnchored", identifier)
    if custodian_standing != Standing.ACTIVE:
        raise refusal("RecordsCustodianInactive", leaf.custodian)
    if subject_custodian != leaf.custodian:
        raise refusal("RecordsSubjectMismatch", leaf.subject_id, leaf.custodian, subject_custodian)
    _check_content(leaf)
    if not signature_valid:
        raise refusal("RecordsSignatureInvalid", identifier, leaf.custodian)
