// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Emergencies} from "../Emergencies.sol";
import {IEmergencies} from "../interfaces/IEmergencies.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {Standing} from "../types/Codes.sol";
import {Debt, EmergencyNotice, EmergencyReview, debtIdOf} from "../types/Emergency.sol";
import {Neighbours} from "./Neighbours.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of `Emergencies`, and how debts are paid
/// @notice The test is the access ledger.
contract EmergenciesTest is Neighbours {
    bytes32 private constant _PRACTITIONER = keccak256("practitioner");

    Emergencies private _emergencies;
    bytes32 private _debt;

    /// @notice Runs before each test.
    function setUp() external {
        _emergencies = new Emergencies(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            address(this)
        );
        _emergencies.open(_INSTITUTION, 1, _SUBJECT, _PRACTITIONER);
        _debt = debtIdOf(_INSTITUTION, 1);
    }

    /// @notice The ledger alone opens debts.
    function test_open_isTheLedgersAlone() external {
        Emergencies other = new Emergencies(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            address(0xB000)
        );
        bytes memory call = abi.encodeCall(other.open, (_INSTITUTION, 1, _SUBJECT, _PRACTITIONER));
        bytes4 selector = IEmergencies.EmergenciesLedgerRequired.selector;
        _refuse(address(other), call, abi.encodeWithSelector(selector, address(this), address(0xB000)));
    }

    /// @notice Notice and review close a debt, in either order; the patient or the custodian is behind the first.
    function test_debt_isClosedByNoticeAndReview() external {
        (bytes32[] memory ids, Debt[] memory debts) = _emergencies.openDebts(_INSTITUTION, 0, 9);
        require(ids.length == 1 && ids[0] == _debt && debts[0].practitioner == _PRACTITIONER, "another debt");
        _emergencies.notice(_notice(), _one());
        require(_emergencies.debtOf(_debt).noticed && _emergencies.openCount(_INSTITUTION) == 1, "closed by half");
        EmergencyReview memory act = _review();
        (act.role, act.authority) = (3, _authority);
        _emergencies.review(act, _one());
        require(_emergencies.openCount(_INSTITUTION) == 0, "not closed");
        _emergencies.open(_INSTITUTION, 2, _SUBJECT, _PRACTITIONER);
        EmergencyNotice memory byPatient = _notice();
        (byPatient.debtId, byPatient.by) = (debtIdOf(_INSTITUTION, 2), 1);
        _emergencies.notice(byPatient, _one());
        require(_emergencies.debtOf(byPatient.debtId).noticed, "the patient does not count");
    }

    /// @notice What is due after three days is named, and no more than was asked for.
    function test_overdue_namesWhatIsDue() external {
        require(_emergencies.overdueCount(_INSTITUTION) == 0, "overdue at once");
        require(_emergencies.overdue(_INSTITUTION, 1, 1).length == 0, "more than there are");
        VM.warp(_NOW + 72 hours);
        require(_emergencies.overdueCount(_INSTITUTION) == 1, "not overdue");
        require(_emergencies.overdue(_INSTITUTION, 0, 1)[0] == _debt, "another debt");
    }

    /// @notice A notice is about a debt that is there, said by whoever may, at a time that can be.
    function test_notice_revertsForAnUnfitOne() external {
        EmergencyNotice memory act = _notice();
        act.debtId = _OTHER;
        _refuseNotice(act, abi.encodeWithSelector(IEmergencies.EmergenciesDebtUnknown.selector, _OTHER));
        act = _notice();
        act.subjectId = _OTHER;
        bytes4 selector = IEmergencies.EmergenciesPartiesMismatch.selector;
        _refuseNotice(act, abi.encodeWithSelector(selector, _debt, _OTHER, _INSTITUTION));
        act = _notice();
        act.guardian = _OTHER;
        selector = IEmergencies.EmergenciesNoticeInvalid.selector;
        _refuseNotice(act, abi.encodeWithSelector(selector, uint8(2), _OTHER, act.noticeHash));
        act = _notice();
        act.sentAt = _NOW + 61;
        selector = IEmergencies.EmergenciesNoticeTimeInvalid.selector;
        _refuseNotice(act, abi.encodeWithSelector(selector, _NOW + 61, _NOW, _NOW));
        act = _notice();
        _emergencies.notice(act, _one());
        ++act.signBefore;
        _refuseNotice(act, abi.encodeWithSelector(IEmergencies.EmergenciesAlreadyNoticed.selector, _debt));
    }

    /// @notice A review is a second person's, in a known role; a referred one is an authority's.
    function test_review_revertsForAnUnfitOne() external {
        EmergencyReview memory act = _review();
        act.outcome = 4;
        bytes4 selector = IEmergencies.EmergenciesReviewInvalid.selector;
        _refuseReview(act, abi.encodeWithSelector(selector, act.role, act.outcome, act.reasonHash));
        act = _review();
        act.reviewer = _PRACTITIONER;
        selector = IEmergencies.EmergenciesReviewerInvalid.selector;
        _refuseReview(act, abi.encodeWithSelector(selector, _debt, _PRACTITIONER));
        act = _review();
        act.authority = _authority;
        selector = IEmergencies.EmergenciesAuthorityInvalid.selector;
        _refuseReview(act, abi.encodeWithSelector(selector, _authority, _INSTITUTION));
        act.role = 3;
        _scriptAuthority(Standing.ACTIVE, 110_000);
        _refuseReview(act, abi.encodeWithSelector(selector, _authority, _INSTITUTION));
        act = _review();
        act.outcome = 3;
        _emergencies.review(act, _one());
        act.outcome = 1;
        _refuseReview(act, abi.encodeWithSelector(IEmergencies.EmergenciesReferred.selector, _debt));
        _scriptAuthority(Standing.ACTIVE, 0);
        (act.role, act.authority) = (3, _authority);
        _emergencies.review(act, _one());
        ++act.signBefore;
        _refuseReview(act, abi.encodeWithSelector(IEmergencies.EmergenciesAlreadyReviewed.selector, _debt));
    }

    function _refuseNotice(EmergencyNotice memory act, bytes memory problem) private {
        _refuse(address(_emergencies), abi.encodeCall(_emergencies.notice, (act, _one())), problem);
    }

    function _refuseReview(EmergencyReview memory act, bytes memory problem) private {
        _refuse(address(_emergencies), abi.encodeCall(_emergencies.review, (act, _one())), problem);
    }

    function _notice() private view returns (EmergencyNotice memory act) {
        (act.debtId, act.subjectId, act.institution) = (_debt, _SUBJECT, _INSTITUTION);
        (act.noticeHash, act.sentAt, act.by, act.signBefore) = (keccak256("notice"), _NOW, 2, _NOW + 1 days);
    }

    function _review() private view returns (EmergencyReview memory act) {
        (act.debtId, act.subjectId, act.institution) = (_debt, _SUBJECT, _INSTITUTION);
        (act.reviewer, act.role, act.outcome) = (keccak256("reviewer"), 1, 1);
        (act.reasonHash, act.signBefore) = (keccak256("reasons"), _NOW + 1 days);
    }
}
