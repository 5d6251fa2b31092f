// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Records} from "../Records.sol";
import {IErasures} from "../interfaces/IErasures.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {RecordStatus, Standing} from "../types/Codes.sol";
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
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {Neighbours} from "./Neighbours.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal at the end of a record
contract RecordEndsTest is Neighbours {
    bytes4 private constant _MISMATCH = IErasures.ErasuresRecordMismatch.selector;
    bytes4 private constant _STATUS = IErasures.ErasuresStatusInvalid.selector;

    Records private _records;
    RecordId private _kept; // as the law demands
    RecordId private _old; // need not be kept any more
    uint256 private _nonce;

    /// @notice Runs before each test.
    function setUp() external {
        _records = new Records(IParticipants(address(_participants)), ISubjects(address(_subjects)));
        _participants.script(IParticipants.isAcceptableSigner.selector, abi.encode(true));
        _kept = _anchored(680, 1);
        _old = _anchored(1, 2);
    }

    /// @notice An officer is another signer than the institution, is fit to sign, and is admitted once.
    function test_admitErasureOfficer_revertsForAnUnfitOne() external {
        ErasureOfficerAdmission memory act = _admission("one");
        _scriptInstitution(Standing.SUSPENDED);
        _refuseAdmission(act, abi.encodeWithSelector(IErasures.ErasuresInstitutionInactive.selector, _INSTITUTION));
        _scriptInstitution(Standing.ACTIVE);
        _participants.script(IParticipants.institutionSigner.selector, abi.encode(_officer("own")));
        act.officer = _officer("own");
        bytes4 selector = IErasures.ErasuresOfficerInvalid.selector;
        _refuseAdmission(act, abi.encodeWithSelector(selector, act.officer));
        act.officer = abi.encodePacked(_participants, keccak256("own"), bytes32(0)); // the same under another verifier
        _refuseAdmission(act, abi.encodeWithSelector(selector, act.officer));
        act.officer = abi.encodePacked(_verifier, bytes32(0)); // of no size that one key has
        _refuseAdmission(act, abi.encodeWithSelector(selector, act.officer));
        act = _admission("one");
        _participants.script(IParticipants.isAcceptableSigner.selector, abi.encode(false));
        _refuseAdmission(act, abi.encodeWithSelector(selector, act.officer));
        _participants.script(IParticipants.isAcceptableSigner.selector, abi.encode(true));
        _records.admitErasureOfficer(act, new bytes[](2));
        require(_records.isErasureOfficer(_INSTITUTION, act.officer), "not admitted");
        act.nonce = ++_nonce;
        selector = IErasures.ErasuresOfficerKnown.selector;
        _refuseAdmission(act, abi.encodeWithSelector(selector, _INSTITUTION, act.officer));
    }

    /// @notice Who is no officer any more cannot be removed again.
    function test_removeErasureOfficer_takesOneOutOnce() external {
        _admit("one");
        ErasureOfficerRemoval memory act = ErasureOfficerRemoval(_INSTITUTION, _officer("one"), ++_nonce, _NOW + 1);
        _records.removeErasureOfficer(act, _one());
        require(!_records.isErasureOfficer(_INSTITUTION, act.officer), "still an officer");
        act.nonce = ++_nonce;
        bytes4 selector = IErasures.ErasuresOfficerUnknown.selector;
        bytes memory call = abi.encodeCall(_records.removeErasureOfficer, (act, _one()));
        _refuse(address(_records), call, abi.encodeWithSelector(selector, _INSTITUTION, act.officer));
    }

    /// @notice A restriction has a known ground, and ends as it began.
    function test_changeRestriction_followsTheStatus() external {
        Restriction memory act = _restriction(_kept, true);
        act.reasonCode = 0;
        _refuseRestriction(act, abi.encodeWithSelector(IErasures.ErasuresReasonUnknown.selector, uint8(0)));
        act.reasonCode = 5;
        _refuseRestriction(act, abi.encodeWithSelector(IErasures.ErasuresReasonUnknown.selector, uint8(5)));
        act = _restriction(_kept, false);
        _refuseRestriction(act, abi.encodeWithSelector(_STATUS, _kept, RecordStatus.CURRENT));
        _records.changeRestriction(_restriction(_kept, true), _one());
        require(_records.statusOf(_kept) == RecordStatus.RESTRICTED, "not restricted");
        act = _restriction(_kept, true);
        _refuseRestriction(act, abi.encodeWithSelector(_STATUS, _kept, RecordStatus.RESTRICTED));
        _records.changeRestriction(_restriction(_kept, false), _one());
        require(_records.statusOf(_kept) == RecordStatus.CURRENT, "still restricted");
    }

    /// @notice Record, subject and custodian belong together.
    function test_acts_revertForARecordOfSomebodyElse() external {
        Restriction memory act = _restriction(RecordId.wrap(_OTHER), true);
        _refuseRestriction(act, abi.encodeWithSelector(_MISMATCH, act.recordId, _SUBJECT, _INSTITUTION));
        act = _restriction(_kept, true);
        act.subjectId = _OTHER;
        _refuseRestriction(act, abi.encodeWithSelector(_MISMATCH, _kept, _OTHER, _INSTITUTION));
        act = _restriction(_kept, true);
        _scriptCustodian(address(0xB000));
        _refuseRestriction(act, abi.encodeWithSelector(_MISMATCH, _kept, _SUBJECT, _INSTITUTION));
    }

    /// @notice The first request counts; nothing is asked of what is gone.
    function test_requestErasure_keepsTheFirst() external {
        _records.requestErasure(_request(_old), _one());
        VM.warp(_NOW + 1 hours);
        _records.requestErasure(_request(_old), _one());
        require(_records.endOf(_old).requestedAt == _NOW, "not the first");
        VM.warp(_NOW);
        _admitTwo();
        _records.eraseRecord(_erasure(_old, 1), new bytes[](2));
        bytes memory call = abi.encodeCall(_records.requestErasure, (_request(_old), _one()));
        _refuse(address(_records), call, abi.encodeWithSelector(_STATUS, _old, RecordStatus.ERASED));
    }

    /// @notice A correction says what is wrong with a version that counts.
    function test_requestCorrection_revertsWhereThereIsNothingToCorrect() external {
        CorrectionRequest memory act = _correction(_old);
        act.reasonHash = bytes32(0);
        _refuseCorrection(act, abi.encodeWithSelector(IErasures.ErasuresDigestMissing.selector));
        _records.requestCorrection(_correction(_old), _one());
        RecordLeaf memory first = _leaf(1, 2);
        RecordLeaf memory next = _leaf(2, 2);
        bytes32 id = RecordId.unwrap(_old);
        (next.previous, next.lineage, next.version) = (id, id, 2);
        _records.supersede(first, next, "");
        act = _correction(_old);
        _refuseCorrection(act, abi.encodeWithSelector(_STATUS, _old, RecordStatus.SUPERSEDED));
        _admitTwo();
        _records.eraseRecord(_erasure(_old, 4), new bytes[](2));
        act = _correction(_old);
        _refuseCorrection(act, abi.encodeWithSelector(_STATUS, _old, RecordStatus.ERASED));
    }

    /// @notice An erasure has a ground, a report of what is destroyed, and an active custodian.
    function test_eraseRecord_revertsForAnUnfitOne() external {
        _admitTwo();
        Erasure memory act = _erasure(_old, 0);
        _refuseErasure(act, abi.encodeWithSelector(IErasures.ErasuresReasonUnknown.selector, uint8(0)));
        act = _erasure(_old, 5);
        _refuseErasure(act, abi.encodeWithSelector(IErasures.ErasuresReasonUnknown.selector, uint8(5)));
        act = _erasure(_old, 2);
        act.keysDestroyed = bytes32(0);
        _refuseErasure(act, abi.encodeWithSelector(IErasures.ErasuresDigestMissing.selector));
        act = _erasure(_old, 1);
        _refuseErasure(act, abi.encodeWithSelector(IErasures.ErasuresRequestMissing.selector, _old));
        _scriptInstitution(Standing.SUSPENDED);
        bytes4 selector = IErasures.ErasuresInstitutionInactive.selector;
        _refuseErasure(_erasure(_old, 2), abi.encodeWithSelector(selector, _INSTITUTION));
    }

    /// @notice The law's term binds, but for the wrong patient and for courts.
    function test_eraseRecord_waitsForTheEndOfRetention() external {
        _admitTwo();
        uint64 until = _records.retentionEnd(_kept);
        bytes4 selector = IErasures.ErasuresRetentionRunning.selector;
        _refuseErasure(_erasure(_kept, 2), abi.encodeWithSelector(selector, _kept, until));
        RecordId other = _anchored(681, 1);
        _records.eraseRecord(_erasure(_kept, 3), new bytes[](2));
        _records.eraseRecord(_erasure(other, 4), new bytes[](2));
        RecordEnd memory end = _records.endOf(_kept);
        require(end.erasedAt == _NOW && end.reasonCode == 3, "not remembered");
        _refuseErasure(_erasure(_kept, 3), abi.encodeWithSelector(_STATUS, _kept, RecordStatus.ERASED));
        VM.warp(until);
        RecordId last = _anchored(680, 3);
        Erasure memory act = _erasure(last, 2);
        act.signBefore = until + 1;
        _records.eraseRecord(act, new bytes[](2));
        require(_records.statusOf(last) == RecordStatus.ERASED, "not erased");
    }

    /// @notice Two different people of the custodian erase.
    function test_eraseRecord_takesTwoOfficers() external {
        Erasure memory act = _erasure(_old, 2);
        bytes4 selector = IErasures.ErasuresOfficerUnknown.selector;
        _refuseErasure(act, abi.encodeWithSelector(selector, _INSTITUTION, act.firstOfficer));
        _admit("one");
        _refuseErasure(act, abi.encodeWithSelector(selector, _INSTITUTION, act.secondOfficer));
        act.secondOfficer = act.firstOfficer;
        _refuseErasure(act, abi.encodeWithSelector(IErasures.ErasuresOfficersAlike.selector, act.firstOfficer));
    }

    /// @notice A deletion follows an erasure, is of something, is not in the future, and is attested once.
    function test_attestDeletion_followsTheErasure() external {
        DeletionAttestation memory act = _attestation(_NOW, 2);
        _refuseAttestation(act, abi.encodeWithSelector(_STATUS, _old, RecordStatus.CURRENT));
        _admitTwo();
        _records.eraseRecord(_erasure(_old, 2), new bytes[](2));
        bytes4 selector = IErasures.ErasuresDeletionInvalid.selector;
        act = _attestation(_NOW - 1, 2);
        _refuseAttestation(act, abi.encodeWithSelector(selector, act.deletedAt, _NOW, uint8(2)));
        act = _attestation(_NOW + 1 hours, 2);
        _refuseAttestation(act, abi.encodeWithSelector(selector, act.deletedAt, _NOW, uint8(2)));
        act = _attestation(_NOW, 0);
        _refuseAttestation(act, abi.encodeWithSelector(selector, act.deletedAt, _NOW, uint8(0)));
        _records.attestDeletion(_attestation(_NOW, 2), _one());
        require(_records.endOf(_old).attestedAt == _NOW, "not attested");
        _refuseAttestation(_attestation(_NOW, 2), abi.encodeWithSelector(IErasures.ErasuresAttested.selector, _old));
    }

    function _admitTwo() private {
        _admit("one");
        _admit("two");
    }

    function _admit(bytes memory name) private {
        _records.admitErasureOfficer(_admission(name), new bytes[](2));
    }

    function _anchored(uint16 dataMonth, uint256 salt) private returns (RecordId recordId) {
        return _records.anchor(_leaf(dataMonth, salt), "");
    }

    function _refuseAdmission(ErasureOfficerAdmission memory act, bytes memory problem) private {
        _refuse(address(_records), abi.encodeCall(_records.admitErasureOfficer, (act, new bytes[](2))), problem);
    }

    function _refuseRestriction(Restriction memory act, bytes memory problem) private {
        _refuse(address(_records), abi.encodeCall(_records.changeRestriction, (act, _one())), problem);
    }

    function _refuseCorrection(CorrectionRequest memory act, bytes memory problem) private {
        _refuse(address(_records), abi.encodeCall(_records.requestCorrection, (act, _one())), problem);
    }

    function _refuseErasure(Erasure memory act, bytes memory problem) private {
        _refuse(address(_records), abi.encodeCall(_records.eraseRecord, (act, new bytes[](2))), problem);
    }

    function _refuseAttestation(DeletionAttestation memory act, bytes memory problem) private {
        _refuse(address(_records), abi.encodeCall(_records.attestDeletion, (act, _one())), problem);
    }

    function _admission(bytes memory name) private returns (ErasureOfficerAdmission memory act) {
        return ErasureOfficerAdmission(_INSTITUTION, _officer(name), ++_nonce, _NOW + 1);
    }

    function _restriction(RecordId recordId, bool restricted) private returns (Restriction memory act) {
        return Restriction(recordId, _INSTITUTION, _SUBJECT, restricted, 1, ++_nonce, _NOW + 1);
    }

    function _request(RecordId recordId) private returns (ErasureRequest memory act) {
        return ErasureRequest(recordId, _INSTITUTION, _SUBJECT, bytes32(0), ++_nonce, _NOW + 1 days);
    }

    function _correction(RecordId recordId) private returns (CorrectionRequest memory act) {
        bytes32 reason = keccak256("another name");
        return CorrectionRequest(recordId, _INSTITUTION, _SUBJECT, bytes32(0), reason, ++_nonce, _NOW + 1);
    }

    function _erasure(RecordId recordId, uint8 reasonCode) private returns (Erasure memory act) {
        (act.recordId, act.institution, act.subjectId) = (recordId, _INSTITUTION, _SUBJECT);
        (act.reasonCode, act.keysDestroyed) = (reasonCode, keccak256("report"));
        (act.firstOfficer, act.secondOfficer) = (_officer("one"), _officer("two"));
        (act.nonce, act.signBefore) = (++_nonce, _NOW + 1);
    }

    function _attestation(uint64 deletedAt, uint8 objects) private returns (DeletionAttestation memory act) {
        return DeletionAttestation(_old, _INSTITUTION, _SUBJECT, deletedAt, objects, ++_nonce, _NOW + 1);
    }

    function _officer(bytes memory name) private view returns (bytes memory signer) {
        return abi.encodePacked(_verifier, keccak256(name), bytes32(0));
    }

    function _leaf(uint16 dataMonth, uint256 salt) private pure returns (RecordLeaf memory leaf) {
        (leaf.custodian, leaf.subjectId, leaf.version) = (_INSTITUTION, _SUBJECT, 1);
        (leaf.category, leaf.sensitivity, leaf.dataMonth) = (3, 2, dataMonth);
        (leaf.suite, leaf.retention, leaf.ciphertextSize) = (1, 1, 1);
        (leaf.ciphertextDigest, leaf.commitment) = (keccak256(abi.encode(dataMonth)), keccak256(abi.encode(salt)));
    }
}
