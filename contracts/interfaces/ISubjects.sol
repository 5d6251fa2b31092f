// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Enrolment} from "../types/Enrolment.sol";
import {IGuardianship} from "./IGuardianship.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISignerKeys} from "./ISignerKeys.sol";

/// @title Subjects and their signers
/// @notice A subject is a patient in the eyes of one custodian: a random pseudonym with the signer that may grant and
/// revoke for it. Who else may is said in `IGuardianship`, how it comes by another signer in `ISignerKeys`.
///
/// Example: a hospital identifies a patient, who makes a passkey. Both sign the same `Enrolment`; any relay submits it.
/// The patient proves to hold the key, the hospital says whom it identified, and nobody else can enrol that pseudonym.
///
/// NOTE: A signer may be an account, a smart account (ERC-1271), or a key of an admitted ERC-7913 verifier. The answer
/// of a smart account may change over time; what it signed is checked once, when the act is submitted.
interface ISubjects is IGuardianship, ISignerKeys {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error SubjectsRelayRequired(address account);
    /// @notice The pseudonym is taken.
    /// @param subjectId the pseudonym.
    error SubjectsAlreadyEnrolled(bytes32 subjectId);
    /// @notice A pseudonym is 32 random bytes, never zero.
    error SubjectsZeroId();
    /// @notice The enrolling custodian is unknown or suspended.
    /// @param custodian an institution.
    error SubjectsCustodianInactive(address custodian);
    /// @notice A signer is an account of 20 bytes or starts with an admitted verifier.
    /// @param signer the ERC-7913 signer given.
    error SubjectsSignerInvalid(bytes signer);
    /// @notice The enrolment came too late.
    /// @param signBefore seconds since the epoch, exclusive.
    /// @param blockTime seconds since the epoch.
    error SubjectsEnrolmentExpired(uint64 signBefore, uint64 blockTime);
    /// @notice The subject's signer did not sign this enrolment.
    /// @param subjectId the pseudonym.
    error SubjectsSignatureInvalid(bytes32 subjectId);
    /// @notice The custodian's signer did not sign this enrolment.
    /// @param subjectId the pseudonym.
    /// @param custodian the institution that should have signed.
    error SubjectsCustodianSignatureInvalid(bytes32 subjectId, address custodian);

    /// @notice A subject was enrolled.
    /// @param subjectId its pseudonym.
    /// @param custodian the institution that identified the patient.
    /// @param signer ERC-7913 signer that may act for it.
    event SubjectEnrolled(bytes32 indexed subjectId, address indexed custodian, bytes signer);

    /// @notice Enrols a subject; both signatures are over the EIP-712 `Enrolment` in this contract's domain.
    /// @dev Errors, in this order: RelayRequired, ZeroId, AlreadyEnrolled, CustodianInactive, SignerInvalid,
    /// EnrolmentExpired, SignatureInvalid, CustodianSignatureInvalid.
    /// @param enrolment what both signed.
    /// @param subjectSignature by `enrolment.signer`.
    /// @param custodianSignature by the signer of `enrolment.custodian`.
    function enrol(Enrolment calldata enrolment, bytes calldata subjectSignature, bytes calldata custodianSignature)
        external;
    /// @notice Gives the signer of a subject.
    /// @param subjectId its pseudonym.
    /// @return signer ERC-7913 signer, empty when the subject is unknown.
    function signerOf(bytes32 subjectId) external view returns (bytes memory signer);
    /// @notice Gives the custodian of a subject.
    /// @param subjectId its pseudonym.
    /// @return custodian the enrolling custodian, zero when the subject is unknown.
    function custodianOf(bytes32 subjectId) external view returns (address custodian);
    /// @notice Whether the signature over `digest` is one of the subject's signer. False for an unknown subject.
    /// @param subjectId its pseudonym.
    /// @param digest EIP-712 digest, complete with the domain of whoever asks.
    /// @param signature in the form the signer needs.
    /// @return signed true when the signer of the subject made it.
    function isSignedBy(bytes32 subjectId, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool signed);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
}
