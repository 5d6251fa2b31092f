// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ErasureAttestation, RevocationAcknowledgement} from "../types/RevocationActs.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @notice What an institution owes after a revocation.
struct Duty {
    bytes32 consentId;
    uint8 kind; // DUTY_ACKNOWLEDGE or DUTY_ERASE
    uint64 dueAt; // seconds since the epoch; overdue from then on
}

/// @title What follows a revocation
/// @notice A revocation ends all access by itself, at once. What it cannot do by itself is make people know, and copies
/// vanish; so it opens duties. The institution that was named, and the custodian, acknowledge within 24 hours. Where
/// keeping copies was granted and the consent was used, the institution that was named attests their erasure: by the
/// date in the terms or seven days after the revocation, whatever is earlier. Overdue duties of an institution are read
/// in one call.
///
/// NOTE: Where a group was named, its members are not listed on chain, so only the custodian has a duty here. Any
/// member may acknowledge and attest all the same; who of them has to follows from the permitted accesses in the log.
///
/// WARNING: An attestation is a signed statement. It proves who said so and when, not that it is true.
interface IRevocations is ISignedActs {
    /// @notice No consent of this subject was granted under this id and revoked since.
    /// @param consentId as signed.
    /// @param subjectId as signed.
    error RevocationsNotRevoked(bytes32 consentId, bytes32 subjectId);
    /// @notice The revocation does not concern the institution in this way.
    /// @param consentId the consent.
    /// @param institution who would acknowledge or attest.
    error RevocationsNotConcerned(bytes32 consentId, address institution);
    /// @notice What became of copies is one of the known codes.
    /// @param copies the code.
    error RevocationsCopiesUnknown(uint8 copies);
    /// @notice Somebody answers for an erasure, and it lies in the past.
    /// @param practitioner who.
    /// @param erasedAt seconds since the epoch.
    /// @param blockTime seconds since the epoch.
    error RevocationsErasureInvalid(bytes32 practitioner, uint64 erasedAt, uint64 blockTime);
    /// @notice The institution did so before.
    /// @param consentId the consent.
    /// @param institution who.
    /// @param duty DUTY_ACKNOWLEDGE or DUTY_ERASE.
    error RevocationsAlreadyDone(bytes32 consentId, address institution, uint8 duty);

    /// @notice An institution knows of a revocation.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose consent it was.
    /// @param institution who knows.
    /// @param act what was signed.
    /// @param signatures one: the institution's.
    event RevocationAcknowledged(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        RevocationAcknowledgement act,
        bytes[] signatures
    );
    /// @notice A former grantee attested the erasure of copies.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose consent it was.
    /// @param institution who erased.
    /// @param act what was signed.
    /// @param signatures one: the institution's.
    event ErasureAttested(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ErasureAttestation act,
        bytes[] signatures
    );

    /// @notice Acknowledges a revocation. A suspended institution still can.
    /// @dev Errors of its own, in this order: NotRevoked, NotConcerned, CopiesUnknown, AlreadyDone.
    /// @param act what was signed.
    /// @param signatures one: by the institution's signer.
    function acknowledgeRevocation(RevocationAcknowledgement calldata act, bytes[] calldata signatures) external;
    /// @notice Attests that copies are erased. A suspended institution still can.
    /// @dev Errors of its own, in this order: NotRevoked, NotConcerned, ErasureInvalid, AlreadyDone.
    /// @param act what was signed.
    /// @param signatures one: by the institution's signer.
    function attestErasure(ErasureAttestation calldata act, bytes[] calldata signatures) external;
    /// @notice Gives what an institution owes and has not done in time.
    /// @param institution who owes.
    /// @return duties in no particular order.
    function overdueDuties(address institution) external view returns (Duty[] memory duties);
    /// @notice Gives what an institution owes, due or not, for some of the consents concerned.
    /// @param institution who owes.
    /// @param first place of the first consent, from 0; places change when duties are done.
    /// @param end place behind the last.
    /// @return duties one or two for each consent.
    function openDuties(address institution, uint256 first, uint256 end) external view returns (Duty[] memory duties);
    /// @notice Counts the consents for which an institution owes something.
    /// @param institution who owes.
    /// @return count of them.
    function openDutyCount(address institution) external view returns (uint256 count);
    /// @notice Whether an institution did what it owes.
    /// @param consentId the consent.
    /// @param institution who.
    /// @return acknowledged whether it acknowledged the revocation.
    /// @return erased whether it attested the erasure.
    function answersOf(bytes32 consentId, address institution)
        external
        view
        returns (bool acknowledged, bool erased);
}
