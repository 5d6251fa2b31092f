// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordStatus} from "../types/Codes.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISubjects} from "./ISubjects.sol";

/// @title Anchored record versions
/// @notice The chain knows of a record what its custodian signed: a leaf of codes, a ciphertext digest and a blinded
/// commitment. State keeps one slot for each version; the leaf itself is in the event.
///
/// Example: a hospital anchors a laboratory report, version 1. A correction is version 2: it names version 1 as
/// `previous` and as `lineage`, and supersedes it. A consent that names the record keeps covering it.
///
/// NOTE: A version that is superseded, restricted or erased stays provable for ever; no access to it is permitted.
interface IRecords {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error RecordsRelayRequired(address account);
    /// @notice This version was anchored before.
    /// @param recordId id of the version.
    error RecordsAlreadyAnchored(RecordId recordId);
    /// @notice The custodian is unknown or suspended.
    /// @param custodian an institution.
    error RecordsCustodianInactive(address custodian);
    /// @notice The subject is unknown, or is one of another custodian.
    /// @param subjectId the pseudonym in the leaf.
    /// @param custodian the custodian in the leaf.
    /// @param needed the custodian of the subject, zero when it is unknown.
    error RecordsSubjectMismatch(bytes32 subjectId, address custodian, address needed);
    /// @notice A category is one of 1..12.
    /// @param category the code given.
    error RecordsCategoryInvalid(uint8 category);
    /// @notice A sensitivity level is one of 1..5.
    /// @param sensitivity the level given.
    error RecordsSensitivityInvalid(uint8 sensitivity);
    /// @notice No cryptographic suite has this number.
    /// @param suite the number given.
    error RecordsSuiteUnknown(uint16 suite);
    /// @notice No retention class has this number.
    /// @param retention the number given.
    error RecordsRetentionUnknown(uint8 retention);
    /// @notice Digest, commitment or size of the content is zero.
    error RecordsDigestMissing();
    /// @notice The leaf names another previous version than the one given; a first version names none.
    /// @param previous the id in the leaf.
    /// @param needed the id of the leaf given as previous; zero for a first version.
    error RecordsPreviousMismatch(bytes32 previous, bytes32 needed);
    /// @notice The previous version was never anchored, or is not current any more: superseded, restricted or erased.
    /// @param previous its id.
    /// @param status its status.
    error RecordsPreviousNotCurrent(RecordId previous, RecordStatus status);
    /// @notice All versions of a record are of one subject.
    /// @param subjectId the pseudonym in the leaf.
    /// @param needed the pseudonym in the previous version.
    error RecordsSubjectChanged(bytes32 subjectId, bytes32 needed);
    /// @notice Versions count from 1, without gaps.
    /// @param version the number given.
    /// @param needed the number that is next.
    error RecordsVersionInvalid(uint32 version, uint32 needed);
    /// @notice All versions of a record name its first version; the first itself names none.
    /// @param lineage the id in the leaf.
    /// @param needed the id of the first version; zero for a first version.
    error RecordsLineageMismatch(bytes32 lineage, bytes32 needed);
    /// @notice A later version is at least as sensitive as the one before: consents to the record cover it, too.
    /// @param sensitivity the level in the leaf.
    /// @param needed the level of the version before.
    error RecordsSensitivityLowered(uint8 sensitivity, uint8 needed);
    /// @notice The custodian's signer did not sign this leaf.
    /// @param recordId id of the version.
    /// @param custodian the institution that should have signed.
    error RecordsSignatureInvalid(RecordId recordId, address custodian);

    /// @notice A version was anchored.
    /// @param recordId its id.
    /// @param subjectId pseudonym of the patient.
    /// @param custodian the institution that holds the record.
    /// @param leaf all that the chain knows of it.
    event RecordAnchored(
        RecordId indexed recordId, bytes32 indexed subjectId, address indexed custodian, RecordLeaf leaf
    );
    /// @notice A version gave way to the next one.
    /// @param recordId id of the version that is no longer current.
    /// @param by id of the version that is.
    event RecordSuperseded(RecordId indexed recordId, RecordId indexed by);

    /// @notice Anchors a first version; the custodian signed the EIP-712 `RecordLeaf` in this contract's domain.
    /// @dev Errors come in the order of their declaration above.
    /// @param leaf what the custodian signed.
    /// @param signature by the signer of `leaf.custodian`.
    /// @return recordId id of the version.
    function anchor(RecordLeaf calldata leaf, bytes calldata signature) external returns (RecordId recordId);
    /// @notice Anchors the next version of a record.
    /// @dev Errors come in the order of their declaration above.
    /// @param previous the full leaf of the current version.
    /// @param leaf the next version, signed by the custodian.
    /// @param signature by the signer of `leaf.custodian`.
    /// @return recordId id of the next version.
    function supersede(RecordLeaf calldata previous, RecordLeaf calldata leaf, bytes calldata signature)
        external
        returns (RecordId recordId);
    /// @notice Gives the status of a version.
    /// @param recordId its id.
    /// @return status `NONE` when it was never anchored.
    function statusOf(RecordId recordId) external view returns (RecordStatus status);
    /// @notice Gives what decisions need of several versions.
    /// @param recordIds their ids.
    /// @return facts in the same order; zero for a version that was never anchored.
    function factsOf(RecordId[] calldata recordIds) external view returns (RecordFacts[] memory facts);
    /// @notice Gives when a version was anchored.
    /// @param recordId its id.
    /// @return time block time in seconds, zero when never anchored.
    function anchoredAt(RecordId recordId) external view returns (uint64 time);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of subjects.
    /// @return register the `Subjects` this contract was wired to.
    function subjects() external view returns (ISubjects register);
}
