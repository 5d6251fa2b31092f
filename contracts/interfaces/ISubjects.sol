// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Enrolment} from "../types/Enrolment.sol";

/// @title Subjects and their signers
interface ISubjects {
    error SubjectsRelayRequired(address account);
    error SubjectsAlreadyEnrolled(bytes32 subjectId);
    error SubjectsZeroId();
    error SubjectsCustodianInactive(address custodian);
    error SubjectsSignerInvalid(bytes signer);
    error SubjectsEnrolmentExpired(uint64 signBefore, uint64 blockTime);
    error SubjectsSignatureInvalid(bytes32 subjectId);
    error SubjectsCustodianSignatureInvalid(bytes32 subjectId, address custodian);

    event SubjectEnrolled(bytes32 indexed subjectId, address indexed custodian, bytes signer);

    /// @notice Enrols a subject; both signatures are over the EIP-712 `Enrolment` in this contract's domain.
    function enrol(Enrolment calldata enrolment, bytes calldata subjectSignature, bytes calldata custodianSignature) external;
    /// @return ERC-7913 signer, empty when the subject is unknown.
    function signerOf(bytes32 subjectId) external view returns (bytes memory);
    /// @return the enrolling custodian, zero when the subject is unknown.
    function custodianOf(bytes32 subjectId) external view returns (address);
    /// @notice Whether the signature over `digest` is one of the subject's signer. False for an unknown subject.
    function isSignedBy(bytes32 subjectId, bytes32 digest, bytes calldata signature) external view returns (bool);
}
