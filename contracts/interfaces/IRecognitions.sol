// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordStatus} from "../types/Codes.sol";
import {
    Mark,
    Recognition,
    RecognitionCounts,
    RecognitionState,
    ResultMark,
    Study,
    StudyRegistration
} from "../types/Recognition.sol";
import {RecordId} from "../types/RecordLeaf.sol";
import {IParticipants} from "./IParticipants.sol";
import {IRecords} from "./IRecords.sol";
import {ISignedActs} from "./ISignedActs.sol";
import {ISubjects} from "./ISubjects.sol";

/// @title Mutual recognition of results
/// @notice An issuer marks a result of its laboratory or imaging as fit to be recognised in the country, its province
/// or its city. Whoever receives it there says whether it was accepted, and if not why, and that the patient was
/// told. An imaging study is registered by keyed digests, so that images received on another way can be compared.
///
/// Example: a hospital in Guangzhou marks a blood count for Guangdong. One in Shenzhen accepts it; one in Beijing
/// cannot decide on it, since the mark says nothing there.
///
/// NOTE: Conclusions of a physician are records of their own and carry no mark.
interface IRecognitions is ISignedActs {
    /// @notice The institution is unknown or suspended.
    /// @param institution who signs.
    error RecognitionsInstitutionInactive(address institution);
    /// @notice The record was never anchored, is not of this subject, or the subject is another custodian's.
    /// @param recordId the record named.
    /// @param subjectId the subject named.
    /// @param custodian who would have to hold it.
    error RecognitionsRecordMismatch(RecordId recordId, bytes32 subjectId, address custodian);
    /// @notice Only a current version is a result one can rely on.
    /// @param recordId the record.
    /// @param status its status.
    error RecognitionsRecordNotCurrent(RecordId recordId, RecordStatus status);
    /// @notice A record of this class is no result, or no study.
    /// @param recordId the record.
    /// @param category its class.
    error RecognitionsCategoryInvalid(RecordId recordId, uint8 category);
    /// @notice No item has the code zero.
    error RecognitionsItemMissing();
    /// @notice The scope is unknown, or the region is none of its kind.
    /// @param scope the code given.
    /// @param region zero for the country; six digits that end in 0000 for a province, in 00 for a city.
    error RecognitionsScopeInvalid(uint8 scope, uint32 region);
    /// @notice A result is not issued in the future, nor never.
    /// @param issuedAt seconds since the epoch.
    /// @param blockTime seconds since the epoch.
    error RecognitionsTimeInvalid(uint64 issuedAt, uint64 blockTime);
    /// @notice The record carries a mark already.
    /// @param recordId the record.
    error RecognitionsAlreadyMarked(RecordId recordId);
    /// @notice An institution does not lie where the mark counts.
    /// @param institution issuer or receiver.
    /// @param region where it lies.
    /// @param needed region of the mark.
    error RecognitionsRegionMismatch(address institution, uint32 region, uint32 needed);
    /// @notice A practitioner is named.
    error RecognitionsPractitionerMissing();
    /// @notice An accepted result has no reason; one that is not accepted has a known one, and the patient was told.
    /// @param accepted as signed.
    /// @param reasonCode as signed.
    /// @param explained as signed.
    error RecognitionsAnswerInvalid(bool accepted, uint8 reasonCode, bool explained);
    /// @notice The record carries no mark.
    /// @param recordId the record.
    error RecognitionsNotMarked(RecordId recordId);
    /// @notice Nobody recognises a result of one's own.
    /// @param recordId the record.
    /// @param institution who issued it.
    error RecognitionsOwnResult(RecordId recordId, address institution);
    /// @notice Hash or root of a study is zero, or it has no instances.
    error RecognitionsStudyInvalid();
    /// @notice The record has a registered study already.
    /// @param recordId the record.
    error RecognitionsStudyKnown(RecordId recordId);

    /// @notice A result was marked.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose result it is.
    /// @param institution who issued it.
    /// @param act what was signed.
    /// @param signatures one: the issuer's.
    event ResultMarked(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ResultMark act,
        bytes[] signatures
    );
    /// @notice A result was accepted, or not.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose result it is.
    /// @param institution who received it.
    /// @param act what was signed.
    /// @param signatures one: the receiving institution's.
    event RecognitionRecorded(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Recognition act,
        bytes[] signatures
    );
    /// @notice An imaging study was registered.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose study it is.
    /// @param institution its custodian.
    /// @param act what was signed.
    /// @param signatures one: the custodian's.
    event StudyRegistered(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        StudyRegistration act,
        bytes[] signatures
    );

    /// @notice Marks a result.
    /// @dev Errors of its own, in this order: ItemMissing, ScopeInvalid, TimeInvalid, InstitutionInactive,
    /// RecordMismatch, RecordNotCurrent, CategoryInvalid, AlreadyMarked, RegionMismatch.
    /// @param act what was signed.
    /// @param signatures one: by the issuer's signer.
    function markResult(ResultMark calldata act, bytes[] calldata signatures) external;
    /// @notice Records what was made of a marked result; takes the place of what the same institution said before.
    /// @dev Errors of its own, in this order: PractitionerMissing, AnswerInvalid, InstitutionInactive, NotMarked,
    /// RecordMismatch, RecordNotCurrent, OwnResult, RegionMismatch.
    /// @param act what was signed.
    /// @param signatures one: by the receiving institution's signer.
    function recordRecognition(Recognition calldata act, bytes[] calldata signatures) external;
    /// @notice Registers an imaging study.
    /// @dev Errors of its own, in this order: StudyInvalid, InstitutionInactive, RecordMismatch, RecordNotCurrent,
    /// CategoryInvalid, StudyKnown.
    /// @param act what was signed.
    /// @param signatures one: by the custodian's signer.
    function registerStudy(StudyRegistration calldata act, bytes[] calldata signatures) external;

    /// @notice Gives the mark of a result.
    /// @param recordId the record.
    /// @return mark zeros when it has none.
    function markOf(RecordId recordId) external view returns (Mark memory mark);
    /// @notice Gives what an institution made of a result.
    /// @param recordId the record.
    /// @param institution the receiving one.
    /// @return state what it said last.
    function recognitionOf(RecordId recordId, address institution)
        external
        view
        returns (RecognitionState memory state);
    /// @notice Gives what a receiving institution made of all results of an item.
    /// @param institution the receiving one.
    /// @param itemCode what was examined.
    /// @return counts of the results it decided on, each counted once.
    function countsOf(address institution, uint32 itemCode) external view returns (RecognitionCounts memory counts);
    /// @notice Gives what became of an issuer's results of an item.
    /// @param issuer who marked them.
    /// @param itemCode what was examined.
    /// @return counts over all institutions that received one.
    function countsOfIssuer(address issuer, uint32 itemCode) external view returns (RecognitionCounts memory counts);
    /// @notice Gives the study of a record.
    /// @param recordId the record.
    /// @return study zeros when none is registered.
    function studyOf(RecordId recordId) external view returns (Study memory study);
    /// @notice Whether an image is one of a registered study.
    /// @param recordId record of the study.
    /// @param digest keyed digest of the image.
    /// @param index its place in the study, from 0.
    /// @param path siblings from the leaf up.
    /// @return registered false also for a study nobody registered.
    function isInstance(RecordId recordId, bytes32 digest, uint256 index, bytes32[] calldata path)
        external
        view
        returns (bool registered);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of subjects.
    /// @return register the `Subjects` this contract was wired to.
    function subjects() external view returns (ISubjects register);
    /// @notice Gives the register of records.
    /// @return register the `Records` this contract was wired to.
    function records() external view returns (IRecords register);
}
