// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Debt, EmergencyNotice, EmergencyReview} from "../types/Emergency.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISignedActs} from "./ISignedActs.sol";
import {ISubjects} from "./ISubjects.sol";

/// @title Debts of emergency accesses
/// @notice Who looks at a record without a consent because a life is at stake owes two things: that the patient is told
/// of it, and that a second person reviews it. A debt is open until both are there, in whichever order, and overdue
/// after 72 hours. The access ledger opens one for every emergency access it permits; nobody can close one otherwise.
///
/// Example: a doctor looks at night. In the morning the patient's custodian tells the patient and signs the notice, and
/// the privacy officer of the doctor's hospital signs the review: justified. The debt is closed. Had the hospital left
/// the review to an authority, only an authority over it could have given the outcome.
///
/// NOTE: Who reviews is a keyed hash that the institution chooses. The contract compares it with that of the person who
/// looked; that they are two persons of flesh and blood is what the institution signs for.
interface IEmergencies is ISignedActs {
    /// @notice Only the access ledger opens debts.
    /// @param caller who called.
    /// @param needed the access ledger.
    error EmergenciesLedgerRequired(address caller, address needed);
    /// @notice No emergency access opened this debt.
    /// @param debtId which.
    error EmergenciesDebtUnknown(bytes32 debtId);
    /// @notice The debt is about another subject or institution.
    /// @param debtId which.
    /// @param subjectId as given.
    /// @param institution as given.
    error EmergenciesPartiesMismatch(bytes32 debtId, bytes32 subjectId, address institution);
    /// @notice The patient knows already.
    /// @param debtId which.
    error EmergenciesAlreadyNoticed(bytes32 debtId);
    /// @notice Who says so is unknown, a guardian is named where the custodian signs, or the hash is missing.
    /// @param by who says that the patient knows.
    /// @param guardian as given.
    /// @param noticeHash as given.
    error EmergenciesNoticeInvalid(uint8 by, bytes32 guardian, bytes32 noticeHash);
    /// @notice The patient cannot have been told before the access, nor after this block, but for `CLOCK_TOLERANCE`.
    /// @param sentAt when the patient was told.
    /// @param openedAt when the debt was opened.
    /// @param blockTime seconds since the epoch.
    error EmergenciesNoticeTimeInvalid(uint64 sentAt, uint64 openedAt, uint64 blockTime);
    /// @notice A second person gave an outcome already.
    /// @param debtId which.
    error EmergenciesAlreadyReviewed(bytes32 debtId);
    /// @notice Role or outcome is unknown, the reasons are missing, or an authority passes the review on.
    /// @param role of who reviews.
    /// @param outcome of the review.
    /// @param reasonHash as given.
    error EmergenciesReviewInvalid(uint8 role, uint8 outcome, bytes32 reasonHash);
    /// @notice Nobody reviews, or the person who looked.
    /// @param debtId which.
    /// @param reviewer as given.
    error EmergenciesReviewerInvalid(bytes32 debtId, bytes32 reviewer);
    /// @notice The review was left to an authority, so no other may give the outcome.
    /// @param debtId which.
    error EmergenciesReferred(bytes32 debtId);
    /// @notice An authority reviews that is not active or not over the institution, or one is named for another role.
    /// @param authority as given.
    /// @param institution who looked.
    error EmergenciesAuthorityInvalid(address authority, address institution);

    /// @notice An emergency access was permitted; it stands in the log just before.
    /// @param debtId names the debt.
    /// @param subjectId whose record it is.
    /// @param institution who looked.
    /// @param requestId of the access.
    /// @param practitioner the person who looked.
    event DebtOpened(
        bytes32 indexed debtId,
        bytes32 indexed subjectId,
        address indexed institution,
        uint256 requestId,
        bytes32 practitioner
    );
    /// @notice The patient was told and a second person reviewed; the later of both acts stands in the log just before.
    /// @param debtId names the debt.
    /// @param subjectId whose record it is.
    /// @param institution who looked.
    event DebtClosed(bytes32 indexed debtId, bytes32 indexed subjectId, address indexed institution);
    /// @notice The patient knows of an emergency access.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose record it is.
    /// @param institution who looked.
    /// @param act what was signed.
    /// @param signatures one.
    event EmergencyNoticed(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        EmergencyNotice act,
        bytes[] signatures
    );
    /// @notice A second person reviewed an emergency access, or left the review to an authority.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose record it is.
    /// @param institution who looked.
    /// @param act what was signed.
    /// @param signatures one.
    event EmergencyReviewed(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        EmergencyReview act,
        bytes[] signatures
    );

    /// @notice Opens the debt of an access that is being permitted.
    /// @dev Errors: LedgerRequired. The ledger decides a request id once, so no debt is opened twice.
    /// @param institution who looks.
    /// @param requestId of the access.
    /// @param subjectId whose record it is.
    /// @param practitioner the person who looks.
    function open(address institution, uint256 requestId, bytes32 subjectId, bytes32 practitioner) external;
    /// @notice Takes a notice: the patient knows.
    /// @dev Errors of its own, in this order: DebtUnknown, PartiesMismatch, AlreadyNoticed, NoticeInvalid,
    /// NoticeTimeInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer or a guardian who may see, or by the subject's custodian.
    function notice(EmergencyNotice calldata act, bytes[] calldata signatures) external;
    /// @notice Takes a review.
    /// @dev Errors of its own, in this order: DebtUnknown, PartiesMismatch, AlreadyReviewed, ReviewInvalid,
    /// ReviewerInvalid, Referred, AuthorityInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the institution that looked, or by the authority named.
    function review(EmergencyReview calldata act, bytes[] calldata signatures) external;
    /// @notice Gives a debt.
    /// @param debtId which.
    /// @return debt all zero when there is none.
    function debtOf(bytes32 debtId) external view returns (Debt memory debt);
    /// @notice Counts the open debts of an institution.
    /// @param institution who looked.
    /// @return count of them, due or not.
    function openCount(address institution) external view returns (uint256 count);
    /// @notice Gives open debts of an institution, in no particular order.
    /// @param institution who looked.
    /// @param from how many to leave out at the start.
    /// @param most how many to give at most.
    /// @return debtIds which.
    /// @return debts what is known of each, in the same order.
    function openDebts(
        address institution,
        uint256 from,
        uint256 most
    ) external view returns (bytes32[] memory debtIds, Debt[] memory debts);
    /// @notice Counts the open debts of an institution that should have been closed by now.
    /// @param institution who looked.
    /// @return count of them.
    function overdueCount(address institution) external view returns (uint256 count);
    /// @notice Gives the debts among some open ones that should have been closed by now.
    /// @param institution who looked.
    /// @param from how many open debts to leave out at the start.
    /// @param most how many open debts to look at.
    /// @return debtIds which.
    function overdue(address institution, uint256 from, uint256 most) external view returns (bytes32[] memory debtIds);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of subjects.
    /// @return register the `Subjects` this contract was wired to.
    function subjects() external view returns (ISubjects register);
    /// @notice Gives the one contract that may open debts.
    /// @return ledger the `AccessLedger` this contract was wired to.
    function accessLedger() external view returns (address ledger);
}
