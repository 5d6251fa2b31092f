// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {Standing} from "./types/Codes.sol";
import {Enrolment} from "./types/Enrolment.sol";

/// @title Subjects and their signers
/// @notice See `ISubjects`. A subject is written once and never changed here.
contract Subjects is EIP712, ISubjects {
    struct Subject {
        address custodian; // institution that identified the patient
        bytes signer; // ERC-7913; an account of 20 bytes takes one slot
    }

    /// @inheritdoc ISubjects
    IParticipants public immutable participants;

    mapping(bytes32 subjectId => Subject) private _subjects;

    /// @param participants_ who may act.
    constructor(IParticipants participants_) EIP712("Consentry Subjects", "1") {
        participants = participants_;
    }

    /// @inheritdoc ISubjects
    function enrol(
        Enrolment calldata enrolment,
        bytes calldata subjectSignature,
        bytes calldata custodianSignature
    ) external {
        _requireEnrollable(enrolment);
        _requireSigned(enrolment, subjectSignature, custodianSignature);
        _subjects[enrolment.subjectId] = Subject({custodian: enrolment.custodian, signer: enrolment.signer});
        emit SubjectEnrolled(enrolment.subjectId, enrolment.custodian, enrolment.signer);
    }

    /// @inheritdoc ISubjects
    function signerOf(bytes32 subjectId) external view returns (bytes memory signer) {
        return _subjects[subjectId].signer;
    }

    /// @inheritdoc ISubjects
    function signerFor(
        bytes32 subjectId,
        bytes32 guardian,
        uint8
    ) external view returns (bytes memory signer) {
        return guardian == bytes32(0) ? _subjects[subjectId].signer : bytes("");
    }

    /// @inheritdoc ISubjects
    function custodianOf(bytes32 subjectId) external view returns (address custodian) {
        return _subjects[subjectId].custodian;
    }

    /// @inheritdoc ISubjects
    function cardSignerOf(bytes32) external pure returns (bytes memory signer) {
        return "";
    }

    /// @inheritdoc ISubjects
    function isSignedBy(
        bytes32 subjectId,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool signed) {
        // The signer of an unknown subject is empty, which no signature satisfies.
        return SignatureChecker.isValidSignatureNow(_subjects[subjectId].signer, digest, signature);
    }

    function _requireEnrollable(Enrolment calldata enrolment) private view {
        if (!participants.isActiveRelay(msg.sender)) revert SubjectsRelayRequired(msg.sender);
        if (enrolment.subjectId == bytes32(0)) revert SubjectsZeroId();
        if (_subjects[enrolment.subjectId].custodian != address(0)) {
            revert SubjectsAlreadyEnrolled(enrolment.subjectId);
        }
        if (participants.institutionStanding(enrolment.custodian) != Standing.ACTIVE) {
            revert SubjectsCustodianInactive(enrolment.custodian);
        }
        if (!participants.isAcceptableSigner(enrolment.signer)) revert SubjectsSignerInvalid(enrolment.signer);
        if (block.timestamp >= enrolment.signBefore) {
            revert SubjectsEnrolmentExpired(enrolment.signBefore, uint64(block.timestamp));
        }
    }

    function _requireSigned(
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
