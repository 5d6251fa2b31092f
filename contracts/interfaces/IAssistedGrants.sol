// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assistance} from "../types/Assistance.sol";
import {ConsentStatus} from "../types/Codes.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title Consents that staff prepared
/// @notice A patient without a device, or who needs help, is served at a counter. Staff prepare the terms and say so on
/// chain; that grants nothing. The grant itself takes the signature of the subject, by card or device, or of a
/// guardian, within a day. Such a grant is narrower than others: 90 days, level 3, no copies, and purposes of care,
/// payment and operation alone. It is counted for the institution whose staff helped, and counted again as undone if it
/// is revoked within 72 hours.
///
/// NOTE: Staff have no signature that could complete a consent, whatever they prepared.
interface IAssistedGrants is ISignedActs {
    /// @notice Only an institution whose standing is active prepares.
    /// @param institution whose staff it would be.
    error AssistedGrantsInstitutionInactive(address institution);
    /// @notice Nobody enrolled the subject.
    /// @param subjectId its pseudonym.
    error AssistedGrantsSubjectUnknown(bytes32 subjectId);
    /// @notice Who helped, and what was kept of it, must be named.
    /// @param practitioner as signed.
    /// @param evidenceHash as signed.
    error AssistedGrantsEvidenceMissing(bytes32 practitioner, bytes32 evidenceHash);
    /// @notice The consent was granted or revoked already.
    /// @param consentId id of its terms.
    /// @param status its status.
    error AssistedGrantsTooLate(bytes32 consentId, ConsentStatus status);
    /// @notice The consent is prepared already, and that has not lapsed.
    /// @param consentId id of its terms.
    /// @param lapsesAt seconds since the epoch, exclusive.
    error AssistedGrantsAlreadyPrepared(bytes32 consentId, uint64 lapsesAt);
    /// @notice An assisted consent ends within 90 days.
    /// @param validUntil the end in the terms.
    /// @param latest the latest end.
    error AssistedGrantsPeriodExceeded(uint64 validUntil, uint64 latest);
    /// @notice An assisted consent does not reach the more sensitive levels.
    /// @param maxSensitivity the level in the terms.
    /// @param highest the highest.
    error AssistedGrantsSensitivityExceeded(uint8 maxSensitivity, uint8 highest);
    /// @notice An assisted consent lets nobody keep copies.
    /// @param actions the set in the terms.
    /// @param allowed the largest set.
    error AssistedGrantsActionsExceeded(uint8 actions, uint8 allowed);
    /// @notice An assisted consent is for care, its payment and its operation alone.
    /// @param purposes the set in the terms.
    /// @param allowed the largest set.
    error AssistedGrantsPurposesExceeded(uint32 purposes, uint32 allowed);
    /// @notice No institution prepared these terms within the last day.
    /// @param consentId id of the terms.
    error AssistedGrantsNotPrepared(bytes32 consentId);

    /// @notice Staff of an institution prepared a consent.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId with whom.
    /// @param institution whose staff.
    /// @param act what was signed.
    /// @param signatures one: the institution's.
    event ConsentPrepared(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Assistance act,
        bytes[] signatures
    );

    /// @notice Says that staff prepared terms; the subject has a day to grant them.
    /// @dev Errors of its own, in this order: InstitutionInactive, SubjectUnknown, EvidenceMissing, TooLate,
    /// AlreadyPrepared.
    /// @param act what was signed.
    /// @param signatures one: by the institution's signer.
    function assist(Assistance calldata act, bytes[] calldata signatures) external;
    /// @notice Gives who prepared a consent.
    /// @param consentId id of its terms.
    /// @param subjectId their subject.
    /// @return institution whose staff, zero when nobody's.
    /// @return lapsesAt until when the subject could grant, exclusive; seconds since the epoch.
    /// @return granted whether the subject did.
    function assistanceOf(bytes32 consentId, bytes32 subjectId)
        external
        view
        returns (address institution, uint64 lapsesAt, bool granted);
    /// @notice Counts the grants that staff of an institution prepared.
    /// @param institution whose staff.
    /// @return count all of them, whatever became of them.
    function assistedCount(address institution) external view returns (uint64 count);
    /// @notice Counts the grants that staff of an institution prepared, in one quarter.
    /// @param institution whose staff.
    /// @param quarter counted from the first of 1970.
    /// @return count of grants in it.
    function assistedCountIn(address institution, uint32 quarter) external view returns (uint64 count);
    /// @notice Counts the grants among them that were revoked within 72 hours.
    /// @param institution whose staff prepared them.
    /// @return count of them.
    function assistedUndone(address institution) external view returns (uint64 count);
}
