// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

import {IErasures} from "../interfaces/IErasures.sol";
import {Retention} from "../libraries/Retention.sol";
import {
    CLOCK_TOLERANCE,
    ERASED_AS_WRONG_PATIENT,
    ERASED_BY_COURT_ORDER,
    ERASED_ON_REQUEST,
    HIGHEST_RESTRICTION_REASON,
    RecordStatus,
    SCOPE_CORRECT,
    Standing
} from "../types/Codes.sol";
import {
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    RecordEnd,
    Restriction
} from "../types/Erasure.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {RecordId} from "../types/RecordLeaf.sol";
import {Registers} from "./Registers.sol";

/// @title The end of a record
/// @notice See `IErasures`.
abstract contract Erasures is Registers, IErasures {
    using Bytes for bytes;

    /// @dev Bytes of an account, and of a verifier with a P-256 key.
    uint256 private constant _ACCOUNT_BYTES = 20;
    uint256 private constant _KEY_BYTES = 84;

    /// @dev Officers stand under the hash of their signer.
    mapping(address institution => mapping(bytes32 officerHash => bool)) private _officers;
    mapping(RecordId recordId => RecordEnd) private _ends;

    /// @inheritdoc IErasures
    function admitErasureOfficer(ErasureOfficerAdmission calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.officerAdmissionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        bytes memory signer = _activeSigner(act.institution);
        bool acceptable = _members().isAcceptableSigner(act.officer) && _isOfOne(act.officer);
        if (!acceptable || _isSameKey(act.officer, signer)) revert ErasuresOfficerInvalid(act.officer);
        if (isErasureOfficer(act.institution, act.officer)) revert ErasuresOfficerKnown(act.institution, act.officer);
        _requireSigned(actHash, 0, signer, signatures[0]);
        _requireSigned(actHash, 1, act.officer, signatures[1]);
        _officers[act.institution][keccak256(act.officer)] = true;
        emit ErasureOfficerAdmitted(actHash, bytes32(0), act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function removeErasureOfficer(ErasureOfficerRemoval calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.officerRemovalHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        bytes memory signer = _activeSigner(act.institution);
        _requireOfficer(act.institution, act.officer);
        _requireSigned(actHash, 0, signer, signatures[0]);
        delete _officers[act.institution][keccak256(act.officer)];
        emit ErasureOfficerRemoved(actHash, bytes32(0), act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function changeRestriction(Restriction calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.restrictionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        if (act.reasonCode == 0 || act.reasonCode > HIGHEST_RESTRICTION_REASON) {
            revert ErasuresReasonUnknown(act.reasonCode);
        }
        bytes memory signer = _activeSigner(act.institution);
        RecordStatus status = _requireRecord(act.recordId, act.subjectId, act.institution).statusOf();
        // A version that gave way is closed for good: lifting would bring it back.
        if (status != (act.restricted ? RecordStatus.CURRENT : RecordStatus.RESTRICTED)) {
            revert ErasuresStatusInvalid(act.recordId, status);
        }
        _requireSigned(actHash, 0, signer, signatures[0]);
        _setStatus(act.recordId, act.restricted ? RecordStatus.RESTRICTED : RecordStatus.CURRENT);
        emit RestrictionChanged(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function requestErasure(ErasureRequest calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.erasureRequestHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        RecordStatus status = _requireRecord(act.recordId, act.subjectId, act.institution).statusOf();
        if (status == RecordStatus.ERASED) revert ErasuresStatusInvalid(act.recordId, status);
        bytes memory signer = _register().signerFor(act.subjectId, act.guardian, SCOPE_CORRECT);
        _requireSigned(actHash, 0, signer, signatures[0]);
        RecordEnd storage end = _ends[act.recordId];
        if (end.requestedAt == 0) end.requestedAt = uint64(block.timestamp);
        emit ErasureRequested(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function requestCorrection(CorrectionRequest calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.correctionRequestHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        if (act.reasonHash == bytes32(0)) revert ErasuresDigestMissing();
        RecordStatus status = _requireRecord(act.recordId, act.subjectId, act.institution).statusOf();
        if (status == RecordStatus.SUPERSEDED || status == RecordStatus.ERASED) {
            revert ErasuresStatusInvalid(act.recordId, status);
        }
        bytes memory signer = _register().signerFor(act.subjectId, act.guardian, SCOPE_CORRECT);
        _requireSigned(actHash, 0, signer, signatures[0]);
        emit CorrectionRequested(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function eraseRecord(Erasure calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.erasureHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        _requireErasable(act);
        _requireOfficers(act);
        _requireSigned(actHash, 0, act.firstOfficer, signatures[0]);
        _requireSigned(actHash, 1, act.secondOfficer, signatures[1]);
        _setStatus(act.recordId, RecordStatus.ERASED);
        RecordEnd storage end = _ends[act.recordId];
        end.erasedAt = uint64(block.timestamp);
        end.reasonCode = act.reasonCode;
        emit RecordErased(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function attestDeletion(DeletionAttestation calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.attestationHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        bytes memory signer = _activeSigner(act.institution);
        RecordStatus status = _requireRecord(act.recordId, act.subjectId, act.institution).statusOf();
        if (status != RecordStatus.ERASED) revert ErasuresStatusInvalid(act.recordId, status);
        RecordEnd storage end = _ends[act.recordId];
        if (end.attestedAt != 0) revert ErasuresAttested(act.recordId);
        bool inTime = act.deletedAt >= end.erasedAt && act.deletedAt <= block.timestamp + CLOCK_TOLERANCE;
        if (!inTime || act.objects == 0) revert ErasuresDeletionInvalid(act.deletedAt, end.erasedAt, act.objects);
        _requireSigned(actHash, 0, signer, signatures[0]);
        end.attestedAt = uint64(block.timestamp);
        emit DeletionAttested(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IErasures
    function endOf(RecordId recordId) external view returns (RecordEnd memory end) {
        return _ends[recordId];
    }

    /// @inheritdoc IErasures
    function retentionEnd(RecordId recordId) external view returns (uint64 time) {
        return _retentionEnd(_factsOf(recordId));
    }

    /// @inheritdoc IErasures
    function isErasureOfficer(address institution, bytes calldata officer) public view returns (bool admitted) {
        return _officers[institution][keccak256(officer)];
    }

    /// @dev Changes the status of a version; the rest of its facts stays.
    function _setStatus(RecordId recordId, RecordStatus status) internal virtual;

    /// @dev The facts of a version.
    function _factsOf(RecordId recordId) internal view virtual returns (RecordFacts facts);

    function _requireErasable(Erasure calldata act) private view {
        if (act.reasonCode == 0 || act.reasonCode > ERASED_BY_COURT_ORDER) revert ErasuresReasonUnknown(act.reasonCode);
        if (act.keysDestroyed == bytes32(0)) revert ErasuresDigestMissing();
        _requireActive(act.institution);
        RecordFacts facts = _requireRecord(act.recordId, act.subjectId, act.institution);
        if (facts.statusOf() == RecordStatus.ERASED) revert ErasuresStatusInvalid(act.recordId, RecordStatus.ERASED);
        if (act.reasonCode == ERASED_ON_REQUEST && _ends[act.recordId].requestedAt == 0) {
            revert ErasuresRequestMissing(act.recordId);
        }
        // Here nothing is left to keep: the record is of nobody, or a court decided.
        if (act.reasonCode == ERASED_AS_WRONG_PATIENT || act.reasonCode == ERASED_BY_COURT_ORDER) return;
        uint64 until = _retentionEnd(facts);
        if (block.timestamp < until) revert ErasuresRetentionRunning(act.recordId, until);
    }

    function _requireOfficers(Erasure calldata act) private view {
        if (_isSameKey(act.firstOfficer, act.secondOfficer)) revert ErasuresOfficersAlike(act.firstOfficer);
        _requireOfficer(act.institution, act.firstOfficer);
        _requireOfficer(act.institution, act.secondOfficer);
    }

    function _requireOfficer(address institution, bytes calldata officer) private view {
        if (!isErasureOfficer(institution, officer)) revert ErasuresOfficerUnknown(institution, officer);
    }

    /// @dev A record is of the custodian of its subject: `anchor` takes no other.
    function _requireRecord(
        RecordId recordId,
        bytes32 subjectId,
        address institution
    ) private view returns (RecordFacts facts) {
        facts = _factsOf(recordId);
        bool known = facts.statusOf() != RecordStatus.NONE && facts.isOf(subjectId);
        if (!known || _register().custodianOf(subjectId) != institution) {
            revert ErasuresRecordMismatch(recordId, subjectId, institution);
        }
    }

    function _requireActive(address institution) private view {
        if (_members().institutionStanding(institution) != Standing.ACTIVE) {
            revert ErasuresInstitutionInactive(institution);
        }
    }

    function _activeSigner(address institution) private view returns (bytes memory signer) {
        _requireActive(institution);
        return _members().institutionSigner(institution);
    }

    function _retentionEnd(RecordFacts facts) private pure returns (uint64 time) {
        return uint64(Retention.endOf(facts.dataMonthOf(), facts.retentionOf()));
    }

    /// @dev Whether a signer is one key: a council is several, and two councils may have one member.
    function _isOfOne(bytes memory signer) private pure returns (bool one) {
        return signer.length == _ACCOUNT_BYTES || signer.length == _KEY_BYTES;
    }

    /// @dev Whether two signers are one key, also where two verifiers take it.
    function _isSameKey(bytes memory a, bytes memory b) private pure returns (bool same) {
        if (a.length == _KEY_BYTES && b.length == _KEY_BYTES) {
            return keccak256(a.slice(_ACCOUNT_BYTES)) == keccak256(b.slice(_ACCOUNT_BYTES));
        }
        return keccak256(a) == keccak256(b);
    }
}
