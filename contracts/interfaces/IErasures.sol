// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordStatus} from "../types/Codes.sol";
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
import {RecordId} from "../types/RecordLeaf.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title The end of a record
/// @notice A record is erased by two people: first the chain says so, for ever, then the custodian destroys the keys
/// and the blinding value, then the object, and attests it. What stays on chain is a commitment that nobody can open
/// and that leads to nobody. While the law demands that a record be kept, it can be restricted: stored and nothing
/// else.
///
/// Example: a patient asks for a report to be erased (`requestErasure`). Its 15 years are not over, so the hospital
/// restricts it. When they are, two of its officers erase it, and the hospital attests that the object is gone.
///
/// WARNING: That two officers are two people is the institution's word; the contract only sees two keys, neither of
/// them the institution's own.
interface IErasures is ISignedActs {
    /// @notice The institution is unknown or suspended.
    /// @param institution who signs.
    error ErasuresInstitutionInactive(address institution);
    /// @notice An officer has a key of an admitted kind that is not the institution's.
    /// @param officer the signer given.
    error ErasuresOfficerInvalid(bytes officer);
    /// @notice The person is an officer already.
    /// @param institution whose.
    /// @param officer the signer given.
    error ErasuresOfficerKnown(address institution, bytes officer);
    /// @notice The person is no officer.
    /// @param institution whose.
    /// @param officer the signer given.
    error ErasuresOfficerUnknown(address institution, bytes officer);
    /// @notice It takes two people to erase.
    /// @param officer the signer given twice.
    error ErasuresOfficersAlike(bytes officer);
    /// @notice No such ground.
    /// @param reasonCode the code given.
    error ErasuresReasonUnknown(uint8 reasonCode);
    /// @notice The record was never anchored, is not of this subject, or the subject is another custodian's.
    /// @param recordId the record named.
    /// @param subjectId the subject named.
    /// @param institution the custodian named.
    error ErasuresRecordMismatch(RecordId recordId, bytes32 subjectId, address institution);
    /// @notice The status of the record does not allow the act.
    /// @param recordId the record.
    /// @param status its status.
    error ErasuresStatusInvalid(RecordId recordId, RecordStatus status);
    /// @notice The report of what is destroyed, or the hash of what is wrong, is zero.
    error ErasuresDigestMissing();
    /// @notice The law demands that the record be kept.
    /// @param recordId the record.
    /// @param until first second at which it need not be kept any more.
    error ErasuresRetentionRunning(RecordId recordId, uint64 until);
    /// @notice The ground is a request, but the subject made none.
    /// @param recordId the record.
    error ErasuresRequestMissing(RecordId recordId);
    /// @notice The deletion was attested before.
    /// @param recordId the record.
    error ErasuresAttested(RecordId recordId);
    /// @notice A deletion comes after the erasure and is not in the future, and something was deleted.
    /// @param deletedAt seconds since the epoch, as signed.
    /// @param erasedAt block time of the erasure.
    /// @param objects how many were deleted.
    error ErasuresDeletionInvalid(uint64 deletedAt, uint64 erasedAt, uint8 objects);

    /// @notice A person may erase records of an institution, together with another one.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId zero.
    /// @param institution whose officer it is.
    /// @param act what was signed.
    /// @param signatures two: the institution's, the officer's.
    event ErasureOfficerAdmitted(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ErasureOfficerAdmission act,
        bytes[] signatures
    );
    /// @notice A person may no longer erase records of an institution.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId zero.
    /// @param institution whose officer it was.
    /// @param act what was signed.
    /// @param signatures one: the institution's.
    event ErasureOfficerRemoved(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ErasureOfficerRemoval act,
        bytes[] signatures
    );
    /// @notice A record was restricted to storage, or is open to decisions again.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose record it is.
    /// @param institution its custodian.
    /// @param act what was signed.
    /// @param signatures one: the custodian's.
    event RestrictionChanged(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Restriction act,
        bytes[] signatures
    );
    /// @notice A patient asked for a record to be erased.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId who asks.
    /// @param institution custodian of the record.
    /// @param act what was signed.
    /// @param signatures one: the subject's or its guardian's.
    event ErasureRequested(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ErasureRequest act,
        bytes[] signatures
    );
    /// @notice A patient asked for a record to be corrected.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId who asks.
    /// @param institution custodian of the record.
    /// @param act what was signed.
    /// @param signatures one: the subject's or its guardian's.
    event CorrectionRequested(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        CorrectionRequest act,
        bytes[] signatures
    );
    /// @notice A record was erased, for ever.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose record it was.
    /// @param institution its custodian.
    /// @param act what was signed.
    /// @param signatures two: of both officers.
    event RecordErased(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Erasure act,
        bytes[] signatures
    );
    /// @notice A custodian attested that the object of an erased record is gone.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose record it was.
    /// @param institution its custodian.
    /// @param act what was signed.
    /// @param signatures one: the custodian's.
    event DeletionAttested(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        DeletionAttestation act,
        bytes[] signatures
    );

    /// @notice Admits an officer.
    /// @dev Errors of its own, in this order: InstitutionInactive, OfficerInvalid, OfficerKnown.
    /// @param act what was signed.
    /// @param signatures two: by the institution's signer and by the officer.
    function admitErasureOfficer(ErasureOfficerAdmission calldata act, bytes[] calldata signatures) external;
    /// @notice Takes an officer out.
    /// @dev Errors of its own, in this order: InstitutionInactive, OfficerUnknown.
    /// @param act what was signed.
    /// @param signatures one: by the institution's signer.
    function removeErasureOfficer(ErasureOfficerRemoval calldata act, bytes[] calldata signatures) external;
    /// @notice Restricts a current record to storage, or lifts that.
    /// @dev Errors of its own, in this order: ReasonUnknown, InstitutionInactive, RecordMismatch, StatusInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the custodian's signer.
    function changeRestriction(Restriction calldata act, bytes[] calldata signatures) external;
    /// @notice Notes that a patient wants a record erased.
    /// @dev Errors of its own, in this order: RecordMismatch, StatusInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer, or by a guardian who may correct.
    function requestErasure(ErasureRequest calldata act, bytes[] calldata signatures) external;
    /// @notice Notes that a patient wants a current or restricted record corrected.
    /// @dev Errors of its own, in this order: DigestMissing, RecordMismatch, StatusInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer, or by a guardian who may correct.
    function requestCorrection(CorrectionRequest calldata act, bytes[] calldata signatures) external;
    /// @notice Erases a record, whatever its status, once and for ever.
    /// @dev Errors of its own, in this order: ReasonUnknown, DigestMissing, InstitutionInactive, RecordMismatch,
    /// StatusInvalid, RequestMissing, RetentionRunning, OfficersAlike, OfficerUnknown for the first, for the second.
    /// @param act what was signed.
    /// @param signatures two: by the first officer and by the second.
    function eraseRecord(Erasure calldata act, bytes[] calldata signatures) external;
    /// @notice Notes that the object of an erased record is gone.
    /// @dev Errors of its own, in this order: InstitutionInactive, RecordMismatch, StatusInvalid, Attested,
    /// DeletionInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the custodian's signer.
    function attestDeletion(DeletionAttestation calldata act, bytes[] calldata signatures) external;

    /// @notice Whether a signer is one of an institution's officers.
    /// @param institution the institution.
    /// @param officer ERC-7913 signer.
    /// @return admitted false when it is unknown or was taken out.
    function isErasureOfficer(address institution, bytes calldata officer) external view returns (bool admitted);
    /// @notice Gives what is known of the end of a record.
    /// @param recordId a version.
    /// @return end of the record; zeros for what did not come.
    function endOf(RecordId recordId) external view returns (RecordEnd memory end);
    /// @notice Gives when a record need not be kept any more.
    /// @param recordId a version that was anchored; what is given for another means nothing.
    /// @return time seconds since the epoch.
    function retentionEnd(RecordId recordId) external view returns (uint64 time);
}
