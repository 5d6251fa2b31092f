// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {IEmergencies} from "./interfaces/IEmergencies.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {Regions} from "./libraries/Regions.sol";
import {SignedActs} from "./modules/SignedActs.sol";
import {CLOCK_TOLERANCE, SCOPE_SEE} from "./types/Codes.sol";
import {
    Debt,
    EmergencyNotice,
    EmergencyReview,
    NOTICE_BY_CUSTODIAN,
    NOTICE_BY_PATIENT,
    OUTCOME_REFERRED,
    REVIEWER_AUTHORITY,
    debtIdOf
} from "./types/Emergency.sol";

/// @title Debts of emergency accesses
/// @notice See `IEmergencies`.
/// @dev The open debts of an institution stand in a set of their own, so that whatever it owes is read in one call. How
/// long that set grows is bounded by the emergencies an institution may have in a day and by how soon it pays.
contract Emergencies is SignedActs, IEmergencies {
    using EnumerableSet for EnumerableSet.Bytes32Set;

    /// @inheritdoc IEmergencies
    IParticipants public immutable participants;
    /// @inheritdoc IEmergencies
    ISubjects public immutable subjects;
    /// @inheritdoc IEmergencies
    address public immutable accessLedger;

    mapping(bytes32 debtId => Debt) private _debts;
    mapping(address institution => EnumerableSet.Bytes32Set) private _open;

    /// @param participants_ who may act.
    /// @param subjects_ who is to be told.
    /// @param accessLedger_ address the access ledger will have: it is deployed after this contract and checks it.
    constructor(
        IParticipants participants_,
        ISubjects subjects_,
        address accessLedger_
    ) EIP712("Consentry Emergencies", "1") {
        participants = participants_;
        subjects = subjects_;
        accessLedger = accessLedger_;
    }

    /// @inheritdoc IEmergencies
    function open(
        address institution,
        uint256 requestId,
        bytes32 subjectId,
        bytes32 practitioner
    ) external {
        if (msg.sender != accessLedger) revert EmergenciesLedgerRequired(msg.sender, accessLedger);
        bytes32 debtId = debtIdOf(institution, requestId);
        Debt storage debt = _debts[debtId];
        debt.institution = institution;
        debt.openedAt = uint40(block.timestamp);
        debt.subjectId = subjectId;
        debt.practitioner = practitioner;
        // Whether it was there already changes nothing.
        // slither-disable-next-line unused-return
        _open[institution].add(debtId);
        emit DebtOpened(debtId, subjectId, institution, requestId, practitioner);
    }

    /// @inheritdoc IEmergencies
    function notice(EmergencyNotice calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.noticeHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        Debt storage debt = _debtOf(act.debtId, act.subjectId, act.institution);
        if (debt.noticed) revert EmergenciesAlreadyNoticed(act.debtId);
        _requireValidNotice(act, debt.openedAt);
        _requireSigned(actHash, 0, _noticeSigner(act), signatures[0]);
        debt.noticed = true;
        emit EmergencyNoticed(actHash, act.subjectId, act.institution, act, signatures);
        _closeIfPaid(act.debtId, debt);
    }

    /// @inheritdoc IEmergencies
    function review(EmergencyReview calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.reviewHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        Debt storage debt = _debtOf(act.debtId, act.subjectId, act.institution);
        if (debt.reviewed) revert EmergenciesAlreadyReviewed(act.debtId);
        _requireValidReview(act);
        if (act.reviewer == bytes32(0) || act.reviewer == debt.practitioner) {
            revert EmergenciesReviewerInvalid(act.debtId, act.reviewer);
        }
        bool byAuthority = act.role == REVIEWER_AUTHORITY;
        if (debt.referred && !byAuthority) revert EmergenciesReferred(act.debtId);
        if (byAuthority ? !_isOver(act.authority, act.institution) : act.authority != address(0)) {
            revert EmergenciesAuthorityInvalid(act.authority, act.institution);
        }
        _requireSigned(actHash, 0, _reviewSigner(act), signatures[0]);
        if (act.outcome == OUTCOME_REFERRED) debt.referred = true;
        else debt.reviewed = true;
        emit EmergencyReviewed(actHash, act.subjectId, act.institution, act, signatures);
        _closeIfPaid(act.debtId, debt);
    }

    /// @inheritdoc IEmergencies
    function debtOf(bytes32 debtId) external view returns (Debt memory debt) {
        return _debts[debtId];
    }

    /// @inheritdoc IEmergencies
    function openCount(address institution) external view returns (uint256 count) {
        return _open[institution].length();
    }

    /// @inheritdoc IEmergencies
    function openDebts(
        address institution,
        uint256 from,
        uint256 most
    ) external view returns (bytes32[] memory debtIds, Debt[] memory debts) {
        debtIds = _some(institution, from, most);
        uint256 count = debtIds.length;
        debts = new Debt[](count);
        for (uint256 i = 0; i < count; ++i) debts[i] = _debts[debtIds[i]];
    }

    /// @inheritdoc IEmergencies
    function overdueCount(address institution) external view returns (uint256 count) {
        return _overdue(_open[institution].values()).length;
    }

    /// @inheritdoc IEmergencies
    function overdue(
        address institution,
        uint256 from,
        uint256 most
    ) external view returns (bytes32[] memory debtIds) {
        return _overdue(_some(institution, from, most));
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _closeIfPaid(bytes32 debtId, Debt storage debt) private {
        if (!debt.noticed || !debt.reviewed) return;
        // Whether it was there already changes nothing.
        // slither-disable-next-line unused-return
        _open[debt.institution].remove(debtId);
        emit DebtClosed(debtId, debt.subjectId, debt.institution);
    }

    function _debtOf(
        bytes32 debtId,
        bytes32 subjectId,
        address institution
    ) private view returns (Debt storage debt) {
        debt = _debts[debtId];
        if (debt.openedAt == 0) revert EmergenciesDebtUnknown(debtId);
        if (debt.subjectId != subjectId || debt.institution != institution) {
            revert EmergenciesPartiesMismatch(debtId, subjectId, institution);
        }
    }

    function _requireValidNotice(EmergencyNotice calldata act, uint64 openedAt) private view {
        bool named = act.by == NOTICE_BY_PATIENT || (act.by == NOTICE_BY_CUSTODIAN && act.guardian == bytes32(0));
        if (!named || act.noticeHash == bytes32(0)) {
            revert EmergenciesNoticeInvalid(act.by, act.guardian, act.noticeHash);
        }
        if (act.sentAt < openedAt || act.sentAt > block.timestamp + CLOCK_TOLERANCE) {
            revert EmergenciesNoticeTimeInvalid(act.sentAt, openedAt, uint64(block.timestamp));
        }
    }

    /// @dev The custodian tells the patient, whoever looked. It is the one that looked only where it holds the record
    /// itself; the patient's own acknowledgement is worth more then.
    function _noticeSigner(EmergencyNotice calldata act) private view returns (bytes memory signer) {
        if (act.by == NOTICE_BY_PATIENT) return subjects.signerFor(act.subjectId, act.guardian, SCOPE_SEE);
        return participants.institutionSigner(subjects.custodianOf(act.subjectId));
    }

    function _reviewSigner(EmergencyReview calldata act) private view returns (bytes memory signer) {
        if (act.role == REVIEWER_AUTHORITY) return abi.encodePacked(act.authority);
        return participants.institutionSigner(act.institution);
    }

    function _isOver(address authority, address institution) private view returns (bool over) {
        return Regions.isActiveOver(participants, authority, participants.institutionRegion(institution));
    }

    /// @dev Gives the ids of some open debts; none when there are no more.
    function _some(
        address institution,
        uint256 from,
        uint256 most
    ) private view returns (bytes32[] memory debtIds) {
        uint256 count = _open[institution].length();
        if (from >= count) return new bytes32[](0);
        return _open[institution].values(from, most > count - from ? count : from + most);
    }

    /// @dev Gives those of some debts that are overdue.
    function _overdue(bytes32[] memory debtIds) private view returns (bytes32[] memory late) {
        uint256 count = 0;
        for (uint256 i = 0; i < debtIds.length; ++i) {
            if (!_debts[debtIds[i]].isOverdue(block.timestamp)) continue;
            debtIds[count] = debtIds[i];
            ++count;
        }
        late = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) late[i] = debtIds[i];
    }

    function _requireValidReview(EmergencyReview calldata act) private pure {
        bool known = act.role != 0 && act.role <= REVIEWER_AUTHORITY;
        known = known && act.outcome != 0 && act.outcome <= OUTCOME_REFERRED;
        bool passedOn = act.role == REVIEWER_AUTHORITY && act.outcome == OUTCOME_REFERRED;
        if (!known || passedOn || act.reasonHash == bytes32(0)) {
            revert EmergenciesReviewInvalid(act.role, act.outcome, act.reasonHash);
        }
    }
}
