"""From a refusal of a contract to exactly one Python error. Nothing else reads revert data.

A node gives revert data as JSON-RPC error data; eth-tester gives the repr of the bytes inside a message. Both end here.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from consentry.errors import (
    ConflictError,
    ConsentryError,
    CoolDownError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotFoundError,
    NotPermittedError,
)
from consentry.evidence.notice import LAST_MOMENT, moment_text
from consentry.ledger.abi import all_errors
from consentry.ledger.coding import CodingError

ROLES: Final = frozenset({"roleId", "held"})
"""Arguments of errors that number a role."""
_BYTES_LITERAL: Final = re.compile(r"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)

ERRORS: Final[dict[str, type[ConsentryError]]] = {
    # Participants
    "ParticipantsRegionForbidden": NotPermittedError,
    "ParticipantsRegionInvalid": InvalidInputError,
    "ParticipantsAlreadyAdmitted": ConflictError,
    "ParticipantsUnknown": NotFoundError,
    "ParticipantsStandingMismatch": ConflictError,
    "ParticipantsSignerInvalid": InvalidInputError,
    "ParticipantsReleaseKeyInvalid": InvalidInputError,
    "ParticipantsZeroValue": InvalidInputError,
    "ParticipantsGroupForbidden": NotPermittedError,
    "ParticipantsOfficerInvalid": InvalidInputError,
    "ParticipantsRolesInvalid": InvalidInputError,
    "ParticipantsOwnStanding": NotPermittedError,
    "ParticipantsSecondOfficerRequired": NotPermittedError,
    "ParticipantsFoundingInvalid": InvalidInputError,
    "ParticipantsEmergencyRepeated": NotPermittedError,
    "ParticipantsRelayRequired": NotPermittedError,
    "ParticipantsKeysExpired": NotAuthenticError,
    "ParticipantsKeysUsed": ConflictError,
    "ParticipantsSignatureInvalid": NotAuthenticError,
    "ParticipantsNewSignatureInvalid": NotAuthenticError,
    # Governance
    "GovernanceRolesCombined": ConflictError,
    "GovernanceRenounceRefused": NotPermittedError,
    # Subjects
    "SubjectsRelayRequired": NotPermittedError,
    "SubjectsAlreadyEnrolled": ConflictError,
    "SubjectsZeroId": InvalidInputError,
    "SubjectsCustodianInactive": NotPermittedError,
    "SubjectsSignerInvalid": InvalidInputError,
    "SubjectsEnrolmentExpired": NotAuthenticError,
    "SubjectsSignatureInvalid": NotAuthenticError,
    "SubjectsCustodianSignatureInvalid": NotAuthenticError,
    # Records
    "RecordsRelayRequired": NotPermittedError,
    "RecordsAlreadyAnchored": ConflictError,
    "RecordsCustodianInactive": NotPermittedError,
    "RecordsSubjectMismatch": InvalidInputError,
    "RecordsSubjectChanged": InvalidInputError,
    "RecordsCategoryInvalid": InvalidInputError,
    "RecordsSensitivityInvalid": InvalidInputError,
    "RecordsSuiteUnknown": InvalidInputError,
    "RecordsRetentionUnknown": InvalidInputError,
    "RecordsDigestMissing": InvalidInputError,
    "RecordsVersionInvalid": InvalidInputError,
    "RecordsLineageMismatch": InvalidInputError,
    "RecordsSensitivityLowered": InvalidInputError,
    "RecordsPreviousMismatch": InvalidInputError,
    "RecordsPreviousNotCurrent": ConflictError,
    "RecordsSignatureInvalid": NotAuthenticError,
    # Consents
    "ConsentsRelayRequired": NotPermittedError,
    "ConsentsAlreadyGranted": ConflictError,
    "ConsentsAlreadyRevoked": ConflictError,
    "ConsentsSubjectUnknown": NotFoundError,
    "ConsentsGranteeInvalid": InvalidInputError,
    "ConsentsGranteeUnknown": NotFoundError,
    "ConsentsScopeInvalid": InvalidInputError,
    "ConsentsPurposesInvalid": InvalidInputError,
    "ConsentsActionsInvalid": InvalidInputError,
    "ConsentsSensitivityInvalid": InvalidInputError,
    "ConsentsDataPeriodInvalid": InvalidInputError,
    "ConsentsPeriodInvalid": InvalidInputError,
    "ConsentsUsesInvalid": InvalidInputError,
    "ConsentsOnwardDisclosureRefused": InvalidInputError,
    "ConsentsEraseDateInvalid": InvalidInputError,
    "ConsentsNoticeMissing": InvalidInputError,
    "ConsentsAssuranceRefused": InvalidInputError,
    "ConsentsShielded": NotPermittedError,
    "ConsentsSignatureInvalid": NotAuthenticError,
    "ConsentsLedgerRequired": NotPermittedError,
    "ConsentsNotActive": ConflictError,
    # Signed acts of every contract
    "ActRelayRequired": NotPermittedError,
    "ActSignaturesMismatch": InvalidInputError,
    "ActExpired": InvalidInputError,
    "ActRepeated": ConflictError,
    "ActSignatureInvalid": NotAuthenticError,
    # Exclusions
    "ExclusionsSubjectUnknown": NotFoundError,
    "ExclusionsTargetInvalid": InvalidInputError,
    "ExclusionsAlreadyMade": ConflictError,
    "ExclusionsNotMade": ConflictError,
    "ExclusionsFull": ConflictError,
    "ExclusionsShielded": NotPermittedError,
    # Emergencies
    "EmergenciesLedgerRequired": NotPermittedError,
    "EmergenciesDebtUnknown": NotFoundError,
    "EmergenciesPartiesMismatch": InvalidInputError,
    "EmergenciesAlreadyNoticed": ConflictError,
    "EmergenciesNoticeInvalid": InvalidInputError,
    "EmergenciesNoticeTimeInvalid": InvalidInputError,
    "EmergenciesAlreadyReviewed": ConflictError,
    "EmergenciesReviewInvalid": InvalidInputError,
    "EmergenciesReviewerInvalid": InvalidInputError,
    "EmergenciesReferred": ConflictError,
    "EmergenciesAuthorityInvalid": NotPermittedError,
    # Authorisations
    "AuthorisationsInstitutionUnknown": NotFoundError,
    "AuthorisationsAuthorityForbidden": NotPermittedError,
    "AuthorisationsBasisInvalid": InvalidInputError,
    "AuthorisationsBasisTextMissing": InvalidInputError,
    "AuthorisationsScopeInvalid": InvalidInputError,
    "AuthorisationsDataPeriodInvalid": InvalidInputError,
    "AuthorisationsPeriodInvalid": InvalidInputError,
    "AuthorisationsUnknown": NotFoundError,
    "AuthorisationsAlreadyWithdrawn": ConflictError,
    # Persons
    "PersonsAuthorityInactive": NotPermittedError,
    "PersonsCommitmentMissing": InvalidInputError,
    "PersonsCommitmentUsed": ConflictError,
    "PersonsLinkNotStanding": ConflictError,
    "PersonsLinkOfAnother": NotPermittedError,
    # Erasures
    "ErasuresInstitutionInactive": NotPermittedError,
    "ErasuresOfficerInvalid": InvalidInputError,
    "ErasuresOfficerKnown": ConflictError,
    "ErasuresOfficerUnknown": NotPermittedError,
    "ErasuresOfficersAlike": InvalidInputError,
    "ErasuresReasonUnknown": InvalidInputError,
    "ErasuresRecordMismatch": NotFoundError,
    "ErasuresStatusInvalid": ConflictError,
    "ErasuresDigestMissing": InvalidInputError,
    "ErasuresRetentionRunning": NotPermittedError,
    "ErasuresRequestMissing": ConflictError,
    "ErasuresAttested": ConflictError,
    "ErasuresDeletionInvalid": InvalidInputError,
    # Recognitions
    "RecognitionsInstitutionInactive": NotPermittedError,
    "RecognitionsRecordMismatch": NotFoundError,
    "RecognitionsRecordNotCurrent": ConflictError,
    "RecognitionsCategoryInvalid": InvalidInputError,
    "RecognitionsItemMissing": InvalidInputError,
    "RecognitionsScopeInvalid": InvalidInputError,
    "RecognitionsTimeInvalid": InvalidInputError,
    "RecognitionsAlreadyMarked": ConflictError,
    "RecognitionsRegionMismatch": NotPermittedError,
    "RecognitionsPractitionerMissing": InvalidInputError,
    "RecognitionsAnswerInvalid": InvalidInputError,
    "RecognitionsNotMarked": ConflictError,
    "RecognitionsOwnResult": NotPermittedError,
    "RecognitionsStudyInvalid": InvalidInputError,
    "RecognitionsStudyKnown": ConflictError,
    # Asks
    "AsksInstitutionInactive": NotPermittedError,
    "AsksSubjectUnknown": NotFoundError,
    "AsksLapseInvalid": InvalidInputError,
    "AsksStillOpen": ConflictError,
    "AsksCoolingDown": CoolDownError,
    "AsksNotOpen": ConflictError,
    "AsksSubjectMismatch": InvalidInputError,
    "AsksShielded": NotPermittedError,
    "AsksAnswerWider": InvalidInputError,
    # Assisted grants
    "AssistedGrantsInstitutionInactive": NotPermittedError,
    "AssistedGrantsSubjectUnknown": NotFoundError,
    "AssistedGrantsEvidenceMissing": InvalidInputError,
    "AssistedGrantsTooLate": ConflictError,
    "AssistedGrantsAlreadyPrepared": ConflictError,
    "AssistedGrantsPeriodExceeded": InvalidInputError,
    "AssistedGrantsSensitivityExceeded": InvalidInputError,
    "AssistedGrantsActionsExceeded": InvalidInputError,
    "AssistedGrantsPurposesExceeded": InvalidInputError,
    "AssistedGrantsNotPrepared": ConflictError,
    # Revocations
    "RevocationsNotRevoked": NotFoundError,
    "RevocationsNotConcerned": NotPermittedError,
    "RevocationsCopiesUnknown": InvalidInputError,
    "RevocationsErasureInvalid": InvalidInputError,
    "RevocationsAlreadyDone": ConflictError,
    # Guardianship
    "GuardianshipSubjectUnknown": NotFoundError,
    "GuardianshipScopesInvalid": InvalidInputError,
    "GuardianshipSignerInvalid": InvalidInputError,
    "GuardianshipPeriodInvalid": InvalidInputError,
    "GuardianshipKindRefused": ConflictError,
    "GuardianshipEvidenceMissing": InvalidInputError,
    "GuardianshipFull": ConflictError,
    "GuardianshipCustodianInactive": NotPermittedError,
    "GuardianshipUnknown": NotFoundError,
    "GuardianshipRemoverInvalid": NotPermittedError,
    "GuardianshipMinorEndInvalid": InvalidInputError,
    "GuardianshipShieldInvalid": InvalidInputError,
    "GuardianshipDeathInvalid": ConflictError,
    "GuardianshipDirectiveInvalid": InvalidInputError,
    # SignerKeys
    "SignerKeysSubjectUnknown": NotFoundError,
    "SignerKeysSignerInvalid": InvalidInputError,
    "SignerKeysCardMissing": NotFoundError,
    "SignerKeysRecoveryOpen": ConflictError,
    "SignerKeysProposerInvalid": NotPermittedError,
    "SignerKeysEvidenceMissing": InvalidInputError,
    "SignerKeysRecoveryUnknown": NotFoundError,
    "SignerKeysRecoveryEarly": ConflictError,
    "SignerKeysObjectorInvalid": InvalidInputError,
    # AccessLedger
    "AccessLedgerRelayRequired": NotPermittedError,
    "AccessLedgerBatchMalformed": InvalidInputError,
    "AccessLedgerInstitutionsInvalid": InvalidInputError,
    "AccessLedgerConsentsUnordered": InvalidInputError,
    "AccessLedgerSubjectMismatch": InvalidInputError,
    "AccessLedgerGasMissing": LedgerUnavailableError,
    "AccessLedgerWiringMismatch": LedgerRejectedError,
    # NationalAnchor
    "NationalAnchorBegun": ConflictError,
    "NationalAnchorIdentityInvalid": InvalidInputError,
    "NationalAnchorLedgerKnown": ConflictError,
    "NationalAnchorStatusInvalid": ConflictError,
    "NationalAnchorWitnessesInvalid": InvalidInputError,
    "NationalAnchorThresholdInvalid": InvalidInputError,
    "NationalAnchorCheckpointInvalid": InvalidInputError,
    "NationalAnchorTimeInvalid": InvalidInputError,
    "NationalAnchorTimeBehind": ConflictError,
    "NationalAnchorListUnheard": ConflictError,
    "NationalAnchorNoConflict": ConflictError,
    "NationalAnchorQuorumMissing": NotAuthenticError,
    "NationalAnchorSignersUnordered": InvalidInputError,
    "NationalAnchorWitnessUnknown": NotPermittedError,
    "NationalAnchorSignatureInvalid": NotAuthenticError,
    "NationalAnchorConflictKnown": ConflictError,
    "NationalAnchorRepeated": ConflictError,
    "NationalAnchorStale": ConflictError,
    "NationalAnchorNodesInvalid": InvalidInputError,
    "NationalAnchorNotAnchored": NotFoundError,
    "NationalAnchorPathInvalid": InvalidInputError,
    "NationalAnchorHeadersInvalid": InvalidInputError,
    "NationalAnchorLogMissing": InvalidInputError,
    "NationalAnchorNoDecision": InvalidInputError,
    # OpenZeppelin
    "FieldNotPresentInBlockHeader": InvalidInputError,
    "RLPInvalidEncoding": InvalidInputError,
    "TrieProofTraversalError": InvalidInputError,
    "AccessManagedUnauthorized": NotPermittedError,
    "AccessManagedRequiredDelay": NotPermittedError,
    "AccessManagedInvalidAuthority": LedgerRejectedError,
    "AccessManagerAlreadyScheduled": ConflictError,
    "AccessManagerBadConfirmation": NotPermittedError,
    "AccessManagerExpired": ConflictError,
    "AccessManagerInvalidInitialAdmin": InvalidInputError,
    "AccessManagerLockedFunction": NotPermittedError,
    "AccessManagerLockedRole": NotPermittedError,
    "AccessManagerNotReady": ConflictError,
    "AccessManagerNotScheduled": ConflictError,
    "AccessManagerUnauthorizedAccount": NotPermittedError,
    "AccessManagerUnauthorizedCall": NotPermittedError,
    "AccessManagerUnauthorizedCancel": NotPermittedError,
    "AccessManagerUnauthorizedConsume": NotPermittedError,
    "AddressEmptyCode": LedgerRejectedError,
    "FailedCall": LedgerRejectedError,
    "InsufficientBalance": LedgerRejectedError,
    "SafeCastOverflowedUintDowncast": LedgerRejectedError,
    "InvalidShortString": LedgerRejectedError,
    "StringTooLong": LedgerRejectedError,
}
"""Solidity error → Python error. A test walks the ABIs and fails on a missing or a needless line."""


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return value


def _told(name: str, value: object, kind: str) -> str:
    """Writes an argument for people: whatever is 64 bits wide is a moment, or a role; zero is no moment."""
    if kind == "uint64" and name not in ROLES and isinstance(value, int) and 0 < value <= LAST_MOMENT:
        return f"{name} {moment_text(value)}"
    return f"{name} {value}"


def from_data(data: bytes) -> ConsentryError:
    """Gives the Python error for revert data; ``details`` as `LedgerRejectedError` says, arguments by name."""
    signature = all_errors().get(data[:4])
    if signature is None:
        return LedgerRejectedError("contract refused without a known error", solidity=None, data="0x" + data.hex())
    try:
        values = signature.decode_inputs(data)
    except CodingError:
        message = f"contract refused with {signature.name}, its arguments do not decode"
        return LedgerRejectedError(message, solidity=None, data="0x" + data.hex())
    names = [m["name"] or str(i) for i, m in enumerate(signature.inputs)]
    arguments = {name: _shown(value) for name, value in zip(names, values, strict=True)}
    kinds = [m["type"] for m in signature.inputs]
    listed = ", ".join(_told(*pair, kind) for pair, kind in zip(arguments.items(), kinds, strict=True))
    message = f"contract refused: {signature.name}({listed})"
    return ERRORS.get(signature.name, LedgerRejectedError)(message, solidity=signature.name, arguments=arguments)


def from_exception(error: BaseException) -> ConsentryError | None:
    """Finds revert data in what a provider raised; None if the error is no refusal of a contract."""
    data = getattr(error, "data", None)
    if isinstance(data, str) and data.startswith("0x") and len(data) >= len("0x") + 8:
        return from_data(bytes.fromhex(data[2:]))
    if type(error).__name__ not in {"TransactionFailed", "ContractLogicError", "ContractCustomError"}:
        return None
    found = _BYTES_LITERAL.search(str(error))
    literal = ast.literal_eval(found.group()) if found else b""
    return from_data(literal) if isinstance(literal, bytes) else None
