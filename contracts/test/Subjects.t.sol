// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISubjects} from "../interfaces/ISubjects.sol";
import {Enrolment} from "../types/Enrolment.sol";
import {Suite} from "./Suite.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of `Subjects`, and what is kept of what it accepts
contract SubjectsTest {
    address private constant _STRANGER = address(0xDEAD);
    uint256 private constant _KEY = 0xC000;

    Suite private _suite;
    ISubjects private _subjects;

    /// @notice Runs before each test.
    function setUp() external {
        _suite = new Suite();
        _suite.addRelay(address(this));
        _subjects = _suite.subjects();
    }

    /// @notice An enrolled subject has its custodian and its signer.
    function test_enrol_keepsCustodianAndSigner() external {
        Enrolment memory enrolment = _enrolment();
        _subjects.enrol(enrolment, _signed(_KEY, enrolment), _signed(_suite.hospitalKey(0), enrolment));
        require(_subjects.custodianOf(enrolment.subjectId) == enrolment.custodian, "another custodian");
        require(keccak256(_subjects.signerOf(enrolment.subjectId)) == keccak256(enrolment.signer), "another signer");
        require(address(_subjects.participants()) == address(_suite.participants()), "other participants");
    }

    /// @notice What the subject's key signed is signed, by it alone; nothing is signed by an unknown subject.
    function test_isSignedBy_knowsTheKeyOfTheSubject() external view {
        bytes32 digest = keccak256("digest");
        bytes memory own = _raw(_suite.subjectKey(0), digest);
        require(_subjects.isSignedBy(_suite.subjectIds(0), digest, own), "refused");
        require(!_subjects.isSignedBy(_suite.subjectIds(1), digest, own), "taken for another's");
        require(!_subjects.isSignedBy(bytes32(uint256(7)), digest, own), "signed by nobody");
    }

    /// @notice Only a relay submits.
    function test_enrol_revertsFromAStranger() external {
        Enrolment memory enrolment = _enrolment();
        bytes memory own = _signed(_KEY, enrolment);
        VM.prank(_STRANGER);
        VM.expectRevert(abi.encodeWithSelector(ISubjects.SubjectsRelayRequired.selector, _STRANGER));
        _subjects.enrol(enrolment, own, own);
    }

    /// @notice A pseudonym is taken once, and never zero.
    function test_enrol_revertsForATakenOrZeroPseudonym() external {
        Enrolment memory enrolment = _enrolment();
        enrolment.subjectId = 0;
        _refuse(enrolment, abi.encodeWithSelector(ISubjects.SubjectsZeroId.selector));
        enrolment.subjectId = _suite.subjectIds(0);
        _refuse(enrolment, abi.encodeWithSelector(ISubjects.SubjectsAlreadyEnrolled.selector, enrolment.subjectId));
    }

    /// @notice Custodian and signer must be fit, and the enrolment in time.
    function test_enrol_revertsForAnUnfitCustodianSignerOrTime() external {
        Enrolment memory enrolment = _enrolment();
        enrolment.custodian = _STRANGER;
        _refuse(enrolment, abi.encodeWithSelector(ISubjects.SubjectsCustodianInactive.selector, _STRANGER));
        enrolment = _enrolment();
        enrolment.signer = hex"00";
        _refuse(enrolment, abi.encodeWithSelector(ISubjects.SubjectsSignerInvalid.selector, enrolment.signer));
        enrolment = _enrolment();
        enrolment.signBefore = uint64(block.timestamp);
        bytes4 selector = ISubjects.SubjectsEnrolmentExpired.selector;
        _refuse(enrolment, abi.encodeWithSelector(selector, enrolment.signBefore, uint64(block.timestamp)));
    }

    /// @notice Both sign: the subject and its custodian.
    function test_enrol_revertsWithoutEitherSignature() external {
        Enrolment memory enrolment = _enrolment();
        bytes memory own = _signed(_KEY, enrolment);
        bytes memory theirs = _signed(_suite.hospitalKey(0), enrolment);
        VM.expectRevert(abi.encodeWithSelector(ISubjects.SubjectsSignatureInvalid.selector, enrolment.subjectId));
        _subjects.enrol(enrolment, theirs, theirs);
        bytes4 selector = ISubjects.SubjectsCustodianSignatureInvalid.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, enrolment.subjectId, enrolment.custodian));
        _subjects.enrol(enrolment, own, own);
    }

    function _refuse(Enrolment memory enrolment, bytes memory problem) private {
        bytes memory own = _signed(_KEY, enrolment);
        bytes memory theirs = _signed(_suite.hospitalKey(0), enrolment);
        VM.expectRevert(problem);
        _subjects.enrol(enrolment, own, theirs);
    }

    function _enrolment() private view returns (Enrolment memory enrolment) {
        enrolment.subjectId = keccak256("new subject");
        enrolment.signer = abi.encodePacked(VM.addr(_KEY));
        enrolment.custodian = _suite.hospitals(0);
        enrolment.signBefore = uint64(block.timestamp + 1);
    }

    function _signed(uint256 key, Enrolment memory enrolment) private view returns (bytes memory signature) {
        bytes32 structHash = _suite.hashes().enrolmentHash(enrolment);
        return _suite.sign(key, address(_subjects), "Consentry Subjects", structHash);
    }

    function _raw(uint256 key, bytes32 digest) private pure returns (bytes memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
