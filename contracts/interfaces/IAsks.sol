// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AskStatus} from "../types/Codes.sol";
import {AskDenial, ConsentAsk} from "../types/Ask.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @notice What is kept of an ask: enough to tell whether terms lie within it.
/// @dev The first six members share a slot, the last five another.
struct Asked {
    address institution;
    uint64 lapsesAt;
    AskStatus status;
    uint8 purpose;
    uint8 actions;
    uint8 maxSensitivity;
    bytes32 subjectId;
    bytes32 practitioner;
    bytes32 recordsRoot;
    uint32 categories;
    uint16 dataFrom;
    uint16 dataUntil;
    uint64 validUntil;
    uint32 maxUses;
}

/// @title Asking for a consent, and saying no
/// @notice An institution asks a subject for one purpose. The subject grants terms within what was asked, denies, or
/// lets the ask lapse. Terms answer an ask when their nonce is its id; they may be narrower in everything, wider in
/// nothing. After a denial the same institution cannot ask the same subject for the same purpose until the cool-down is
/// over; a lapse has no such effect, and neither has an answer. Refusing blocks nothing else, and is counted nowhere.
///
/// Example: a hospital asks for laboratory reports and images, for treatment, for 30 days. The patient grants the
/// images for a week. Had the patient denied, the hospital could ask again, for treatment, after 30 days.
///
/// NOTE: Random nonces of other terms never meet the id of an ask, which is a hash.
interface IAsks is ISignedActs {
    /// @notice Only an institution whose standing is active asks.
    /// @param institution who would ask.
    error AsksInstitutionInactive(address institution);
    /// @notice Nobody enrolled the subject.
    /// @param subjectId its pseudonym.
    error AsksSubjectUnknown(bytes32 subjectId);
    /// @notice An ask lapses after a day at the earliest, within 90 days.
    /// @param lapsesAt as asked, seconds since the epoch.
    /// @param earliest the earliest time it may name.
    /// @param latest the latest time it may name.
    error AsksLapseInvalid(uint64 lapsesAt, uint64 earliest, uint64 latest);
    /// @notice The institution has an open ask for this purpose.
    /// @param askId the open one.
    error AsksStillOpen(bytes32 askId);
    /// @notice The subject denied lately.
    /// @param institution who asks.
    /// @param subjectId whom.
    /// @param purpose what for.
    /// @param ends when it may ask again, seconds since the epoch.
    error AsksCoolingDown(address institution, bytes32 subjectId, uint8 purpose, uint64 ends);
    /// @notice The ask is not open any more, or never was.
    /// @param askId its id.
    /// @param status what it is.
    error AsksNotOpen(bytes32 askId, AskStatus status);
    /// @notice The ask was to another subject.
    /// @param askId its id.
    /// @param subjectId who answers.
    error AsksSubjectMismatch(bytes32 askId, bytes32 subjectId);
    /// @notice A guardian cannot answer what a shielded minor was asked.
    /// @param askId its id.
    /// @param guardian appointment of the guardian.
    error AsksShielded(bytes32 askId, bytes32 guardian);
    /// @notice The terms are wider than what was asked, or for something else.
    /// @param askId the ask they answer by their nonce.
    error AsksAnswerWider(bytes32 askId);

    /// @notice An institution asked for a consent.
    /// @param actHash EIP-712 struct hash of the act: the id of the ask.
    /// @param subjectId whom.
    /// @param institution who asks.
    /// @param act what was signed.
    /// @param signatures one: the institution's.
    event ConsentAsked(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ConsentAsk act,
        bytes[] signatures
    );
    /// @notice A subject denied what was asked.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId who denied.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the subject's or its guardian's.
    event ConsentDenied(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        AskDenial act,
        bytes[] signatures
    );

    /// @notice Asks.
    /// @dev Errors of its own, in this order: InstitutionInactive, SubjectUnknown; those of `IConsents.grant` from
    /// ScopeInvalid to NoticeMissing for the widest terms that would answer; LapseInvalid, StillOpen, CoolingDown.
    /// @param act what was signed.
    /// @param signatures one: by the institution's signer.
    function ask(ConsentAsk calldata act, bytes[] calldata signatures) external;
    /// @notice Denies an open ask; the cool-down begins.
    /// @dev Errors of its own, in this order: NotOpen, SubjectMismatch.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer, or by a guardian who may grant; for a shielded minor by itself.
    function denyAsk(AskDenial calldata act, bytes[] calldata signatures) external;
    /// @notice Gives what is known of an ask.
    /// @param askId its id.
    /// @return asked as asked; its status is told for now.
    function askOf(bytes32 askId) external view returns (Asked memory asked);
    /// @notice Gives the last ask of an institution to a subject for a purpose.
    /// @param institution who asks.
    /// @param subjectId whom.
    /// @param purpose what for.
    /// @return askId its id, zero when there was none.
    function lastAsk(address institution, bytes32 subjectId, uint8 purpose) external view returns (bytes32 askId);
    /// @notice Gives when an institution may ask again after a denial.
    /// @param institution who asks.
    /// @param subjectId whom.
    /// @param purpose what for.
    /// @return ends seconds since the epoch; zero when nothing was denied.
    function coolDownEnds(address institution, bytes32 subjectId, uint8 purpose) external view returns (uint64 ends);
    /// @notice Gives how long a denial keeps the same ask away.
    /// @return duration seconds.
    function coolDown() external view returns (uint64 duration);
}
