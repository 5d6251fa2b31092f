// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecognitions} from "./interfaces/IRecognitions.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {BatchTree} from "./libraries/BatchTree.sol";
import {SignedActs} from "./modules/SignedActs.sol";
import {
    CATEGORY_IMAGING,
    CATEGORY_LABORATORY,
    CLOCK_TOLERANCE,
    HIGHEST_REFUSAL_REASON,
    MARK_CITY,
    MARK_NATIONAL,
    MARK_PROVINCIAL,
    RecordStatus,
    Standing
} from "./types/Codes.sol";
import {
    Mark,
    Recognition,
    RecognitionCounts,
    RecognitionState,
    ResultMark,
    Study,
    StudyRegistration
} from "./types/Recognition.sol";
import {RecordFacts} from "./types/RecordFacts.sol";
import {RecordId} from "./types/RecordLeaf.sol";

/// @title Mutual recognition of results
/// @notice See `IRecognitions`.
contract Recognitions is SignedActs, IRecognitions {
    /// @dev Digits of a region code below those of the province, and of the city.
    uint32 private constant _PROVINCE = 10_000;
    uint32 private constant _CITY = 100;
    uint32 private constant _LOWEST_REGION = 100_000;
    uint32 private constant _HIGHEST_REGION = 999_999;

    /// @inheritdoc IRecognitions
    IParticipants public immutable participants;
    /// @inheritdoc IRecognitions
    ISubjects public immutable subjects;
    /// @inheritdoc IRecognitions
    IRecords public immutable records;

    mapping(RecordId recordId => Mark) private _marks;
    mapping(RecordId recordId => Study) private _studies;
    mapping(RecordId recordId => mapping(address receiver => RecognitionState)) private _recognitions;
    mapping(address receiver => mapping(uint32 itemCode => RecognitionCounts)) private _received;
    mapping(address issuer => mapping(uint32 itemCode => RecognitionCounts)) private _issued;

    /// @param participants_ who may act.
    /// @param subjects_ whose results these are.
    /// @param records_ where the results are anchored.
    constructor(
        IParticipants participants_,
        ISubjects subjects_,
        IRecords records_
    ) EIP712("Consentry Recognitions", "1") {
        participants = participants_;
        subjects = subjects_;
        records = records_;
    }

    /// @inheritdoc IRecognitions
    function markResult(ResultMark calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.markHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        if (act.itemCode == 0) revert RecognitionsItemMissing();
        if (!_isScope(act.scope, act.region)) revert RecognitionsScopeInvalid(act.scope, act.region);
        if (act.issuedAt == 0 || act.issuedAt > block.timestamp + CLOCK_TOLERANCE) {
            revert RecognitionsTimeInvalid(act.issuedAt, uint64(block.timestamp));
        }
        bytes memory signer = _activeSigner(act.institution);
        uint8 category = _requireCurrent(act.recordId, act.subjectId, act.institution).categoryOf();
        if (category != CATEGORY_LABORATORY && category != CATEGORY_IMAGING) {
            revert RecognitionsCategoryInvalid(act.recordId, category);
        }
        if (_marks[act.recordId].issuer != address(0)) revert RecognitionsAlreadyMarked(act.recordId);
        Mark memory mark = Mark(act.institution, act.itemCode, act.scope, act.region);
        _requireWithin(mark, act.institution);
        _requireSigned(actHash, 0, signer, signatures[0]);
        _marks[act.recordId] = mark;
        emit ResultMarked(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IRecognitions
    function recordRecognition(Recognition calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.recognitionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        if (act.practitioner == bytes32(0)) revert RecognitionsPractitionerMissing();
        bool whole = act.accepted
            ? act.reasonCode == 0
            : act.reasonCode != 0 && act.reasonCode <= HIGHEST_REFUSAL_REASON && act.explained;
        if (!whole) revert RecognitionsAnswerInvalid(act.accepted, act.reasonCode, act.explained);
        bytes memory signer = _activeSigner(act.institution);
        Mark memory mark = _marks[act.recordId];
        if (mark.issuer == address(0)) revert RecognitionsNotMarked(act.recordId);
        _requireCurrent(act.recordId, act.subjectId, mark.issuer);
        if (act.institution == mark.issuer) revert RecognitionsOwnResult(act.recordId, act.institution);
        _requireWithin(mark, act.institution);
        _requireSigned(actHash, 0, signer, signatures[0]);
        _count(mark, act);
        emit RecognitionRecorded(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IRecognitions
    function registerStudy(StudyRegistration calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.studyRegistrationHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        bool missing = act.studyHash == bytes32(0) || act.instancesRoot == bytes32(0) || act.instances == 0;
        if (missing) revert RecognitionsStudyInvalid();
        bytes memory signer = _activeSigner(act.institution);
        uint8 category = _requireCurrent(act.recordId, act.subjectId, act.institution).categoryOf();
        if (category != CATEGORY_IMAGING) revert RecognitionsCategoryInvalid(act.recordId, category);
        if (_studies[act.recordId].instances != 0) revert RecognitionsStudyKnown(act.recordId);
        _requireSigned(actHash, 0, signer, signatures[0]);
        _studies[act.recordId] = Study(act.studyHash, act.instancesRoot, act.instances);
        emit StudyRegistered(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IRecognitions
    function markOf(RecordId recordId) external view returns (Mark memory mark) {
        return _marks[recordId];
    }

    /// @inheritdoc IRecognitions
    function recognitionOf(
        RecordId recordId,
        address institution
    ) external view returns (RecognitionState memory state) {
        return _recognitions[recordId][institution];
    }

    /// @inheritdoc IRecognitions
    function countsOf(address institution, uint32 itemCode) external view returns (RecognitionCounts memory counts) {
        return _received[institution][itemCode];
    }

    /// @inheritdoc IRecognitions
    function countsOfIssuer(address issuer, uint32 itemCode) external view returns (RecognitionCounts memory counts) {
        return _issued[issuer][itemCode];
    }

    /// @inheritdoc IRecognitions
    function studyOf(RecordId recordId) external view returns (Study memory study) {
        return _studies[recordId];
    }

    /// @inheritdoc IRecognitions
    function isInstance(
        RecordId recordId,
        bytes32 digest,
        uint256 index,
        bytes32[] calldata path
    ) external view returns (bool registered) {
        Study storage study = _studies[recordId];
        return BatchTree.isAlong(study.instancesRoot, digest, index, study.instances, path);
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    /// @dev Counts a result once for its receiver and once for its issuer, by what was said last.
    function _count(Mark memory mark, Recognition calldata act) private {
        RecognitionState storage said = _recognitions[act.recordId][act.institution];
        RecognitionCounts storage received = _received[act.institution][mark.itemCode];
        RecognitionCounts storage issued = _issued[mark.issuer][mark.itemCode];
        if (said.decided && said.accepted) {
            --received.accepted;
            --issued.accepted;
        } else if (said.decided) {
            --received.refused;
            --issued.refused;
        }
        if (act.accepted) {
            ++received.accepted;
            ++issued.accepted;
        } else {
            ++received.refused;
            ++issued.refused;
        }
        _recognitions[act.recordId][act.institution] = RecognitionState(true, act.accepted, act.reasonCode);
    }

    function _activeSigner(address institution) private view returns (bytes memory signer) {
        if (participants.institutionStanding(institution) != Standing.ACTIVE) {
            revert RecognitionsInstitutionInactive(institution);
        }
        return participants.institutionSigner(institution);
    }

    /// @dev A record is of the custodian of its subject: `Records` takes no other.
    function _requireCurrent(
        RecordId recordId,
        bytes32 subjectId,
        address custodian
    ) private view returns (RecordFacts facts) {
        RecordId[] memory asked = new RecordId[](1);
        asked[0] = recordId;
        facts = records.factsOf(asked)[0];
        RecordStatus status = facts.statusOf();
        bool known = status != RecordStatus.NONE && facts.isOf(subjectId);
        if (!known || subjects.custodianOf(subjectId) != custodian) {
            revert RecognitionsRecordMismatch(recordId, subjectId, custodian);
        }
        if (status != RecordStatus.CURRENT) revert RecognitionsRecordNotCurrent(recordId, status);
    }

    /// @dev An institution lies where a mark counts.
    function _requireWithin(Mark memory mark, address institution) private view {
        if (mark.scope == MARK_NATIONAL) return;
        uint32 region = participants.institutionRegion(institution);
        uint32 digits = mark.scope == MARK_PROVINCIAL ? _PROVINCE : _CITY;
        if (region / digits != mark.region / digits) {
            revert RecognitionsRegionMismatch(institution, region, mark.region);
        }
    }

    function _isScope(uint8 scope, uint32 region) private pure returns (bool valid) {
        if (scope == MARK_NATIONAL) return region == 0;
        if (region < _LOWEST_REGION || region > _HIGHEST_REGION) return false;
        if (scope == MARK_PROVINCIAL) return region % _PROVINCE == 0;
        return scope == MARK_CITY && region % _CITY == 0;
    }
}
