// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {Guardianship} from "./modules/Guardianship.sol";
import {SignerKeys} from "./modules/SignerKeys.sol";
import {Enrolment} from "./types/Enrolment.sol";
import {factsOfEnrolled} from "./types/SubjectFacts.sol";

/// @title Subjects and their signers
/// @notice See `ISubjects`, and for what changes a subject later `IGuardianship` and `ISignerKeys`.
contract Subjects is Guardianship, SignerKeys, ISubjects {
    /// @inheritdoc ISubjects
    IParticipants public immutable participants;

    /// @param participants_ who may act.
    /// @param recoveryDelay_ seconds for which a recovery is public before it can be completed.
    constructor(
        IParticipants participants_,
        uint64 recoveryDelay_
    ) EIP712("Consentry Subjects", "1") SignerKeys(recoveryDelay_) {
        participants = participants_;
    }

    /// @inheritdoc ISubjects
    function enrol(
        Enrolment calldata enrolment,
        bytes calldata subjectSignature,
        bytes calldata custodianSignature
    ) external {
        _requireEnrollable(enrolment);
        _requireBothSigned(enrolment, subjectSignature, custodianSignature);
        _setFacts(enrolment.subjectId, factsOfEnrolled(enrolment.custodian));
        _setSigner(enrolment.subjectId, enrolment.signer);
        emit SubjectEnrolled(enrolment.subjectId, enrolment.custodian, enrolment.signer);
    }

    /// @inheritdoc ISubjects
    function signerOf(bytes32 subjectId) external view returns (bytes memory signer) {
        return _signer(subjectId);
    }

    /// @inheritdoc ISubjects
    function custodianOf(bytes32 subjectId) external view returns (address custodian) {
        return _facts(subjectId).custodianOf();
    }

    /// @inheritdoc ISubjects
    function isSignedBy(
        bytes32 subjectId,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool signed) {
        // The signer of an unknown subject is empty, which no signature satisfies.
        return SignatureChecker.isValidSignatureNow(_signer(subjectId), digest, signature);
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _members() internal view override returns (IParticipants register) {
        return participants;
    }

    function _guardianSigner(
        bytes32 subjectId,
        bytes32 appointment,
        uint8 scope
    ) internal view override returns (bytes memory signer) {
        return signerFor(subjectId, appointment, scope);
    }

    function _requireEnrollable(Enrolment calldata enrolment) private view {
        if (!participants.isActiveRelay(msg.sender)) revert SubjectsRelayRequired(msg.sender);
        if (enrolment.subjectId == bytes32(0)) revert SubjectsZeroId();
        if (_facts(enrolment.subjectId).custodianOf() != address(0)) {
            revert SubjectsAlreadyEnrolled(enrolment.subjectId);
        }
        if (!_isActive(enrolment.custodian)) revert SubjectsCustodianInactive(enrolment.custodian);
        if (!participants.isAcceptableSigner(enrolment.signer)) revert SubjectsSignerInvalid(enrolment.signer);
        if (block.timestamp >= enrolment.signBefore) {
            revert SubjectsEnrolmentExpired(enrolment.signBefore, uint64(block.timestamp));
        }
    }

    function _requireBothSigned(
        Enrolment calldata enrolment,
        bytes calldata subjectSignature,
        bytes calldata custodianSignature
    ) private view {
        bytes32 digest = _hashTypedDataV4(enrolment.enrolmentHashOf());
        if (!SignatureChecker.isValidSignatureNow(enrolment.signer, digest, subjectSignature)) {
            revert SubjectsSignatureInvalid(enrolment.subjectId);
        }
        bytes memory custodianSigner = participants.institutionSigner(enrolment.custodian);
        if (!SignatureChecker.isValidSignatureNow(custodianSigner, digest, custodianSignature)) {
            revert SubjectsCustodianSignatureInvalid(enrolment.subjectId, enrolment.custodian);
        }
    }
}
