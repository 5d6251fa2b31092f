// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRecords} from "../interfaces/IRecords.sol";
import {RecordStatus} from "../types/Codes.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {Suite} from "./Suite.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of `Records`, and what is kept of what it accepts
contract RecordsTest {
    address private constant _STRANGER = address(0xDEAD);
    bytes32 private constant _OTHER = bytes32(uint256(0x07));

    Suite private _suite;
    IRecords private _records;
    RecordLeaf private _first;

    /// @notice Runs before each test.
    function setUp() external {
        _suite = new Suite();
        _suite.addRelay(address(this));
        _records = _suite.records();
        _first = _suite.leafOf(0);
    }

    /// @notice What was anchored can be read.
    function test_anchor_keepsTheFacts() external {
        RecordLeaf memory leaf = _fresh();
        RecordId[] memory ids = new RecordId[](1);
        ids[0] = _records.anchor(leaf, _signed(leaf));
        require(_records.statusOf(ids[0]) == RecordStatus.CURRENT, "not current");
        require(_records.anchoredAt(ids[0]) == block.timestamp, "another time");
        RecordFacts facts = _records.factsOf(ids)[0];
        require(facts.categoryOf() == leaf.category && facts.dataMonthOf() == leaf.dataMonth, "other content");
        require(facts.isOf(leaf.subjectId) && !facts.isOf(_OTHER), "another subject");
    }

    /// @notice Only a relay submits.
    function test_anchor_revertsFromAStranger() external {
        RecordLeaf memory leaf = _fresh();
        bytes memory signature = _signed(leaf);
        VM.prank(_STRANGER);
        VM.expectRevert(abi.encodeWithSelector(IRecords.RecordsRelayRequired.selector, _STRANGER));
        _records.anchor(leaf, signature);
    }

    /// @notice A version is anchored once.
    function test_anchor_revertsTheSecondTime() external {
        _refuse(_first, abi.encodeWithSelector(IRecords.RecordsAlreadyAnchored.selector, _idOf(_first)));
    }

    /// @notice Only the subject's own custodian, while it may act.
    function test_anchor_revertsForAnotherCustodianOrSubject() external {
        RecordLeaf memory leaf = _fresh();
        leaf.custodian = _STRANGER;
        _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsCustodianInactive.selector, _STRANGER));
        leaf = _fresh();
        leaf.subjectId = _OTHER;
        bytes4 selector = IRecords.RecordsSubjectMismatch.selector;
        _refuse(leaf, abi.encodeWithSelector(selector, _OTHER, leaf.custodian, address(0)));
        leaf = _fresh();
        leaf.custodian = _suite.hospitals(1);
        _refuse(leaf, abi.encodeWithSelector(selector, leaf.subjectId, leaf.custodian, _suite.hospitals(0)));
    }

    /// @notice Codes beyond the known ones and empty ones are refused.
    function test_anchor_revertsWithUnknownCodes() external {
        for (uint8 i = 0; i < 2; ++i) {
            RecordLeaf memory leaf = _fresh();
            leaf.category = i * 13;
            _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsCategoryInvalid.selector, leaf.category));
            leaf = _fresh();
            leaf.sensitivity = i * 6;
            _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsSensitivityInvalid.selector, leaf.sensitivity));
            leaf = _fresh();
            leaf.suite = i * 2;
            _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsSuiteUnknown.selector, leaf.suite));
            leaf = _fresh();
            leaf.retention = i * 3;
            _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsRetentionUnknown.selector, leaf.retention));
        }
    }

    /// @notice Content without digest, commitment or size is none.
    function test_anchor_revertsWithoutDigests() external {
        bytes memory problem = abi.encodeWithSelector(IRecords.RecordsDigestMissing.selector);
        RecordLeaf memory leaf = _fresh();
        leaf.ciphertextDigest = 0;
        _refuse(leaf, problem);
        leaf = _fresh();
        leaf.commitment = 0;
        _refuse(leaf, problem);
        leaf = _fresh();
        leaf.ciphertextSize = 0;
        _refuse(leaf, problem);
    }

    /// @notice A first version names none before it.
    function test_anchor_revertsForALaterVersion() external {
        RecordLeaf memory leaf = _fresh();
        leaf.previous = _OTHER;
        _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsPreviousMismatch.selector, _OTHER, bytes32(0)));
        leaf = _fresh();
        leaf.version = 2;
        _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsVersionInvalid.selector, uint32(2), uint32(1)));
        leaf = _fresh();
        leaf.lineage = _OTHER;
        _refuse(leaf, abi.encodeWithSelector(IRecords.RecordsLineageMismatch.selector, _OTHER, bytes32(0)));
    }

    /// @notice The custodian signs, nobody else.
    function test_anchor_revertsWithAnotherSignature() external {
        RecordLeaf memory leaf = _fresh();
        bytes memory signature = _signedBy(_suite.hospitalKey(1), leaf);
        bytes4 selector = IRecords.RecordsSignatureInvalid.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, _idOf(leaf), leaf.custodian));
        _records.anchor(leaf, signature);
    }

    /// @notice The next version takes the place of the one before, once.
    function test_supersede_endsThePreviousVersion() external {
        RecordLeaf memory leaf = _next();
        RecordId id = _records.supersede(_first, leaf, _signed(leaf));
        require(_records.statusOf(id) == RecordStatus.CURRENT, "not current");
        require(_records.statusOf(RecordId.wrap(_idOf(_first))) == RecordStatus.SUPERSEDED, "not superseded");
        leaf.commitment = _OTHER;
        bytes4 selector = IRecords.RecordsPreviousNotCurrent.selector;
        _refuseNext(leaf, abi.encodeWithSelector(selector, _idOf(_first), RecordStatus.SUPERSEDED));
    }

    /// @notice The third version keeps the id of the first as its lineage.
    function test_supersede_keepsTheLineage() external {
        RecordLeaf memory second = _next();
        _records.supersede(_first, second, _signed(second));
        RecordLeaf memory third = _next();
        (third.previous, third.version) = (_idOf(second), 3);
        RecordId id = _records.supersede(second, third, _signed(third));
        require(_records.statusOf(id) == RecordStatus.CURRENT, "not current");
    }

    /// @notice A version follows the one it names, of the same subject, with the next number and no lower level.
    function test_supersede_revertsWhereItDoesNotFollow() external {
        RecordLeaf memory leaf = _next();
        leaf.previous = _OTHER;
        _refuseNext(leaf, abi.encodeWithSelector(IRecords.RecordsPreviousMismatch.selector, _OTHER, _idOf(_first)));
        leaf = _next();
        leaf.subjectId = _suite.subjectIds(1);
        bytes4 selector = IRecords.RecordsSubjectChanged.selector;
        _refuseNext(leaf, abi.encodeWithSelector(selector, leaf.subjectId, _first.subjectId));
        leaf = _next();
        leaf.version = 3;
        _refuseNext(leaf, abi.encodeWithSelector(IRecords.RecordsVersionInvalid.selector, uint32(3), uint32(2)));
        leaf = _next();
        leaf.lineage = _OTHER;
        _refuseNext(leaf, abi.encodeWithSelector(IRecords.RecordsLineageMismatch.selector, _OTHER, _idOf(_first)));
        leaf = _next();
        leaf.sensitivity = 1;
        _refuseNext(leaf, abi.encodeWithSelector(IRecords.RecordsSensitivityLowered.selector, uint8(1), uint8(2)));
    }

    /// @notice Nothing follows a version that was never anchored.
    function test_supersede_revertsAfterAnUnknownVersion() external {
        RecordLeaf memory unknown = _fresh();
        RecordLeaf memory leaf = _next();
        (leaf.previous, leaf.lineage) = (_idOf(unknown), _idOf(unknown));
        bytes memory signature = _signed(leaf);
        bytes4 selector = IRecords.RecordsPreviousNotCurrent.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, _idOf(unknown), RecordStatus.NONE));
        _records.supersede(unknown, leaf, signature);
    }

    /// @notice The wiring can be read.
    function test_wiring_isThatOfTheSuite() external view {
        require(address(_records.participants()) == address(_suite.participants()), "other participants");
        require(address(_records.subjects()) == address(_suite.subjects()), "other subjects");
    }

    function _refuse(RecordLeaf memory leaf, bytes memory problem) private {
        bytes memory signature = _signed(leaf);
        VM.expectRevert(problem);
        _records.anchor(leaf, signature);
    }

    function _refuseNext(RecordLeaf memory leaf, bytes memory problem) private {
        bytes memory signature = _signed(leaf);
        RecordLeaf memory first = _first;
        VM.expectRevert(problem);
        _records.supersede(first, leaf, signature);
    }

    function _fresh() private view returns (RecordLeaf memory leaf) {
        leaf = _first;
        leaf.commitment = keccak256("fresh");
    }

    function _next() private view returns (RecordLeaf memory leaf) {
        leaf = _fresh();
        (leaf.previous, leaf.lineage, leaf.version) = (_idOf(_first), _idOf(_first), 2);
    }

    function _idOf(RecordLeaf memory leaf) private view returns (bytes32 id) {
        return _suite.hashes().recordId(leaf);
    }

    function _signed(RecordLeaf memory leaf) private view returns (bytes memory signature) {
        return _signedBy(_suite.hospitalKey(0), leaf);
    }

    function _signedBy(uint256 key, RecordLeaf memory leaf) private view returns (bytes memory signature) {
        return _suite.sign(key, address(_records), "Consentry Records", _idOf(leaf));
    }
}
