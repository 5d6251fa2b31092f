// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Recognitions} from "../Recognitions.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {IRecognitions} from "../interfaces/IRecognitions.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {RecordStatus, Standing} from "../types/Codes.sol";
import {
    Mark,
    Recognition,
    RecognitionCounts,
    RecognitionState,
    ResultMark,
    Study,
    StudyRegistration
} from "../types/Recognition.sol";
import {RecordFacts, factsOf} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {Neighbours} from "./Neighbours.sol";
import {Scripted} from "./Scripted.sol";

/// @title Every refusal of `Recognitions`, and how it counts
contract RecognitionsTest is Neighbours {
    uint8 private constant _NATIONAL = 1;
    uint8 private constant _PROVINCIAL = 2;
    uint8 private constant _CITY = 3;
    uint8 private constant _LABORATORY = 3;
    uint8 private constant _IMAGING = 4;
    uint32 private constant _ITEM = 7;
    RecordId private constant _RESULT = RecordId.wrap(bytes32(uint256(0x0E)));
    address private constant _RECEIVER = address(0xB000);

    Scripted private _records;
    Recognitions private _recognitions;
    uint256 private _nonce;

    /// @notice Runs before each test.
    function setUp() external {
        _records = new Scripted();
        _recognitions = new Recognitions(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            IRecords(address(_records))
        );
        _scriptRecord(_LABORATORY, RecordStatus.CURRENT);
    }

    /// @notice The wiring can be read.
    function test_wiring_isThatOfTheConstructor() external view {
        require(address(_recognitions.participants()) == address(_participants), "other participants");
        require(address(_recognitions.subjects()) == address(_subjects), "other subjects");
        require(address(_recognitions.records()) == address(_records), "other records");
    }

    /// @notice A mark names an item, and a region that is one of its scope.
    function test_markResult_revertsForAnUnfitScope() external {
        ResultMark memory act = _mark(_NATIONAL, 0);
        act.itemCode = 0;
        _refuseMark(act, abi.encodeWithSelector(IRecognitions.RecognitionsItemMissing.selector));
        _refuseScope(0, 440_300);
        _refuseScope(4, 440_300);
        _refuseScope(_NATIONAL, 440_000);
        _refuseScope(_PROVINCIAL, 440_300);
        _refuseScope(_PROVINCIAL, 0);
        _refuseScope(_CITY, 440_305);
        _refuseScope(_CITY, 1_000_000);
    }

    /// @notice A result was issued, and not in the future.
    function test_markResult_revertsForAnUnfitTime() external {
        ResultMark memory act = _mark(_NATIONAL, 0);
        bytes4 selector = IRecognitions.RecognitionsTimeInvalid.selector;
        act.issuedAt = 0;
        _refuseMark(act, abi.encodeWithSelector(selector, uint64(0), _NOW));
        act.issuedAt = _NOW + 1 hours;
        _refuseMark(act, abi.encodeWithSelector(selector, act.issuedAt, _NOW));
    }

    /// @notice The issuer is active and holds a current result of laboratory or imaging, within the region of the mark.
    function test_markResult_revertsForAnUnfitResult() external {
        ResultMark memory act = _mark(_CITY, 440_100);
        bytes4 selector = IRecognitions.RecognitionsRegionMismatch.selector;
        _refuseMark(act, abi.encodeWithSelector(selector, _INSTITUTION, uint32(440_300), uint32(440_100)));
        _scriptRecord(5, RecordStatus.CURRENT);
        selector = IRecognitions.RecognitionsCategoryInvalid.selector;
        _refuseMark(act, abi.encodeWithSelector(selector, _RESULT, uint8(5)));
        _scriptRecord(_LABORATORY, RecordStatus.SUPERSEDED);
        selector = IRecognitions.RecognitionsRecordNotCurrent.selector;
        _refuseMark(act, abi.encodeWithSelector(selector, _RESULT, RecordStatus.SUPERSEDED));
        bytes memory problem = abi.encodeWithSelector(
            IRecognitions.RecognitionsRecordMismatch.selector,
            _RESULT,
            _SUBJECT,
            _INSTITUTION
        );
        _scriptRecord(_LABORATORY, RecordStatus.NONE);
        _refuseMark(act, problem);
        _scriptRecord(_LABORATORY, RecordStatus.CURRENT);
        _scriptCustodian(_RECEIVER);
        _refuseMark(act, problem);
        _scriptInstitution(Standing.SUSPENDED);
        selector = IRecognitions.RecognitionsInstitutionInactive.selector;
        _refuseMark(act, abi.encodeWithSelector(selector, _INSTITUTION));
    }

    /// @notice A result is marked once; the mark can be read.
    function test_markResult_marksOnce() external {
        _recognitions.markResult(_mark(_PROVINCIAL, 440_000), _one());
        Mark memory mark = _recognitions.markOf(_RESULT);
        require(mark.issuer == _INSTITUTION && mark.itemCode == _ITEM, "not marked");
        require(mark.scope == _PROVINCIAL && mark.region == 440_000, "marked for another region");
        bytes4 selector = IRecognitions.RecognitionsAlreadyMarked.selector;
        _refuseMark(_mark(_CITY, 440_300), abi.encodeWithSelector(selector, _RESULT));
    }

    /// @notice Somebody decides; who does not accept says why, and to the patient too.
    function test_recordRecognition_revertsForAnUnfitAnswer() external {
        Recognition memory act = _answer(true, 0);
        act.practitioner = bytes32(0);
        _refuseAnswer(act, abi.encodeWithSelector(IRecognitions.RecognitionsPractitionerMissing.selector));
        _refuseWhole(_answer(true, 1));
        _refuseWhole(_answer(false, 0));
        _refuseWhole(_answer(false, 10));
        act = _answer(false, 9);
        act.explained = false;
        _refuseWhole(act);
    }

    /// @notice Whoever decides on it is active, another than the issuer, and lies where the mark counts.
    function test_recordRecognition_revertsForAnUnfitReceiver() external {
        Recognition memory act = _answer(true, 0);
        _refuseAnswer(act, abi.encodeWithSelector(IRecognitions.RecognitionsNotMarked.selector, _RESULT));
        _recognitions.markResult(_mark(_PROVINCIAL, 440_000), _one());
        act.institution = _INSTITUTION;
        bytes4 selector = IRecognitions.RecognitionsOwnResult.selector;
        _refuseAnswer(act, abi.encodeWithSelector(selector, _RESULT, _INSTITUTION));
        act = _answer(true, 0);
        _participants.script(IParticipants.institutionRegion.selector, abi.encode(110_000));
        selector = IRecognitions.RecognitionsRegionMismatch.selector;
        _refuseAnswer(act, abi.encodeWithSelector(selector, _RECEIVER, uint32(110_000), uint32(440_000)));
        _scriptInstitution(Standing.SUSPENDED);
        selector = IRecognitions.RecognitionsInstitutionInactive.selector;
        _refuseAnswer(act, abi.encodeWithSelector(selector, _RECEIVER));
    }

    /// @notice A result counts once, by what was said last.
    function test_recordRecognition_countsWhatWasSaidLast() external {
        _recognitions.markResult(_mark(_NATIONAL, 0), _one());
        _recognitions.recordRecognition(_answer(true, 0), _one());
        _requireCounts(1, 0);
        _recognitions.recordRecognition(_answer(false, 9), _one());
        _requireCounts(0, 1);
        _recognitions.recordRecognition(_answer(false, 8), _one());
        _requireCounts(0, 1);
        RecognitionState memory state = _recognitions.recognitionOf(_RESULT, _RECEIVER);
        require(state.decided && !state.accepted && state.reasonCode == 8, "not what was said last");
        _recognitions.recordRecognition(_answer(true, 0), _one());
        _requireCounts(1, 0);
    }

    /// @notice A study has a hash, a root and images, is an imaging record, and is registered once.
    function test_registerStudy_revertsForAnUnfitOne() external {
        bytes memory problem = abi.encodeWithSelector(IRecognitions.RecognitionsStudyInvalid.selector);
        StudyRegistration memory act = _study();
        act.studyHash = bytes32(0);
        _refuseStudy(act, problem);
        act = _study();
        act.instancesRoot = bytes32(0);
        _refuseStudy(act, problem);
        act = _study();
        act.instances = 0;
        _refuseStudy(act, problem);
        bytes4 selector = IRecognitions.RecognitionsCategoryInvalid.selector;
        _refuseStudy(_study(), abi.encodeWithSelector(selector, _RESULT, _LABORATORY));
        _scriptRecord(_IMAGING, RecordStatus.CURRENT);
        _recognitions.registerStudy(_study(), _one());
        _refuseStudy(_study(), abi.encodeWithSelector(IRecognitions.RecognitionsStudyKnown.selector, _RESULT));
    }

    /// @notice An image is one of a registered study, or not.
    function test_isInstance_tellsWhatIsRegistered() external {
        _scriptRecord(_IMAGING, RecordStatus.CURRENT);
        bytes32 digest = keccak256("image");
        bytes32[] memory path = new bytes32[](0);
        require(!_recognitions.isInstance(_RESULT, digest, 0, path), "in a study that nobody registered");
        StudyRegistration memory act = _study();
        (act.instancesRoot, act.instances) = (keccak256(abi.encodePacked(bytes1(0x00), digest)), 1);
        _recognitions.registerStudy(act, _one());
        require(_recognitions.isInstance(_RESULT, digest, 0, path), "not in its study");
        require(!_recognitions.isInstance(_RESULT, keccak256("another"), 0, path), "another image");
        Study memory study = _recognitions.studyOf(_RESULT);
        require(study.studyHash == act.studyHash && study.instances == 1, "another study");
    }

    function _scriptRecord(uint8 category, RecordStatus status) private {
        RecordLeaf memory leaf;
        (leaf.subjectId, leaf.category, leaf.sensitivity, leaf.dataMonth) = (_SUBJECT, category, 2, 600);
        RecordFacts[] memory facts = new RecordFacts[](1);
        facts[0] = factsOf(leaf, uint48(_NOW)).withStatus(status);
        _records.script(IRecords.factsOf.selector, abi.encode(facts));
    }

    function _refuseScope(uint8 scope, uint32 region) private {
        bytes4 selector = IRecognitions.RecognitionsScopeInvalid.selector;
        _refuseMark(_mark(scope, region), abi.encodeWithSelector(selector, scope, region));
    }

    function _refuseMark(ResultMark memory act, bytes memory problem) private {
        _refuse(address(_recognitions), abi.encodeCall(_recognitions.markResult, (act, _one())), problem);
    }

    function _refuseWhole(Recognition memory act) private {
        bytes4 selector = IRecognitions.RecognitionsAnswerInvalid.selector;
        _refuseAnswer(act, abi.encodeWithSelector(selector, act.accepted, act.reasonCode, act.explained));
    }

    function _refuseAnswer(Recognition memory act, bytes memory problem) private {
        _refuse(address(_recognitions), abi.encodeCall(_recognitions.recordRecognition, (act, _one())), problem);
    }

    function _refuseStudy(StudyRegistration memory act, bytes memory problem) private {
        _refuse(address(_recognitions), abi.encodeCall(_recognitions.registerStudy, (act, _one())), problem);
    }

    function _mark(uint8 scope, uint32 region) private returns (ResultMark memory act) {
        (act.recordId, act.institution, act.subjectId) = (_RESULT, _INSTITUTION, _SUBJECT);
        (act.itemCode, act.scope, act.region, act.issuedAt) = (_ITEM, scope, region, _NOW);
        (act.nonce, act.signBefore) = (++_nonce, _NOW + 1);
    }

    function _answer(bool accepted, uint8 reasonCode) private returns (Recognition memory act) {
        (act.recordId, act.institution, act.subjectId) = (_RESULT, _RECEIVER, _SUBJECT);
        (act.practitioner, act.accepted, act.reasonCode) = (keccak256("practitioner"), accepted, reasonCode);
        (act.explained, act.nonce, act.signBefore) = (!accepted, ++_nonce, _NOW + 1);
    }

    function _study() private returns (StudyRegistration memory act) {
        (act.recordId, act.institution, act.subjectId) = (_RESULT, _INSTITUTION, _SUBJECT);
        (act.studyHash, act.instancesRoot, act.instances) = (keccak256("study"), keccak256("root"), 3);
        (act.nonce, act.signBefore) = (++_nonce, _NOW + 1);
    }

    function _requireCounts(uint128 accepted, uint128 refused) private view {
        RecognitionCounts memory counts = _recognitions.countsOf(_RECEIVER, _ITEM);
        require(counts.accepted == accepted && counts.refused == refused, "counted otherwise for the receiver");
        counts = _recognitions.countsOfIssuer(_INSTITUTION, _ITEM);
        require(counts.accepted == accepted && counts.refused == refused, "counted otherwise for the issuer");
    }
}
