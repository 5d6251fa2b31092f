// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentStatus} from "../types/Codes.sol";
import {ConsentFacts} from "../types/ConsentFacts.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISubjects} from "./ISubjects.sol";

/// @notice One storage slot a consent.
struct ConsentState {
    ConsentStatus status;
    uint32 uses; // permitted accesses so far
    uint64 grantedAt; // block time, seconds; zero when never granted
    uint64 revokedAt; // block time, seconds; zero while not revoked
}

/// @title Consents: granted and revoked by the subject's own signature or a guardian's
/// @notice No role, administrator or gateway can grant: the contract verifies the signature of the subject's signer or
/// card, or of a guardian in force with that scope (see `IGuardianship`), over the exact terms. State keeps one slot
/// for each consent; the full terms and the signature are in the event.
///
/// Example: a patient signs terms that let hospital B view images until the end of the month. Hospital A's relay
/// submits them. A week later the patient signs a `Revocation`, and from its block on every access is denied.
///
/// NOTE: A revocation needs nothing but that signature: no active institution, no valid period, not even a
/// grant. A consent revoked before it was granted can never be granted.
interface IConsents {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error ConsentsRelayRequired(address account);
    /// @notice These exact terms are in force already.
    /// @param consentId id of the terms.
    error ConsentsAlreadyGranted(ConsentId consentId);
    /// @notice These exact terms were revoked; a new consent needs a new nonce.
    /// @param consentId id of the terms.
    error ConsentsAlreadyRevoked(ConsentId consentId);
    /// @notice No subject has this pseudonym.
    /// @param subjectId the pseudonym in the terms.
    error ConsentsSubjectUnknown(bytes32 subjectId);
    /// @notice A grantee is one institution, one practitioner of one institution, or one group.
    /// @param institution the institution in the terms.
    /// @param group the group in the terms.
    /// @param practitioner the practitioner in the terms.
    error ConsentsGranteeInvalid(address institution, bytes32 group, bytes32 practitioner);
    /// @notice The institution was never admitted.
    /// @param institution the institution in the terms.
    error ConsentsGranteeUnknown(address institution);
    /// @notice A scope is either a Merkle root or a set of known categories.
    /// @param recordsRoot the root in the terms.
    /// @param categories the set in the terms.
    error ConsentsScopeInvalid(bytes32 recordsRoot, uint32 categories);
    /// @notice A set of purposes is not empty and has known purposes only.
    /// @param purposes the set in the terms.
    error ConsentsPurposesInvalid(uint32 purposes);
    /// @notice A set of actions is not empty and has known actions only.
    /// @param actions the set in the terms.
    error ConsentsActionsInvalid(uint8 actions);
    /// @notice The highest level is one of 1..5, and 5 only where records are named one by one.
    /// @param maxSensitivity the level in the terms.
    error ConsentsSensitivityInvalid(uint8 maxSensitivity);
    /// @notice The first month covered is not after the last.
    /// @param dataFrom first month in the terms.
    /// @param dataUntil last month in the terms.
    error ConsentsDataPeriodInvalid(uint16 dataFrom, uint16 dataUntil);
    /// @notice The period is empty or over.
    /// @param validFrom start in the terms, inclusive.
    /// @param validUntil end in the terms, exclusive.
    /// @param blockTime seconds since the epoch.
    error ConsentsPeriodInvalid(uint64 validFrom, uint64 validUntil, uint64 blockTime);
    /// @notice At least one use is needed.
    /// @param maxUses the number in the terms.
    error ConsentsUsesInvalid(uint32 maxUses);
    /// @notice Onward disclosure is not offered.
    error ConsentsOnwardDisclosureRefused();
    /// @notice An erase date is needed exactly where storing is granted, and lies after the start and in the future.
    /// @param eraseBy the date in the terms.
    /// @param needed the earliest date, or zero where storing is not granted.
    error ConsentsEraseDateInvalid(uint64 eraseBy, uint64 needed);
    /// @notice The terms name the notice that was shown and its version.
    /// @param noticeHash the hash in the terms.
    /// @param noticeVersion the version in the terms.
    error ConsentsNoticeMissing(bytes32 noticeHash, uint32 noticeVersion);
    /// @notice There is no such assurance level, or it does not go with who signs: what a guardian signs is of the
    /// level for guardians or assisted by staff, what the subject signs is of another.
    /// @param assurance the level in the terms.
    error ConsentsAssuranceRefused(uint8 assurance);
    /// @notice A guardian cannot take back what a shielded minor granted itself.
    /// @param consentId id of the terms.
    /// @param guardian appointment of the guardian.
    error ConsentsShielded(ConsentId consentId, bytes32 guardian);
    /// @notice The signer who may did not sign this act, or nobody may.
    /// @param consentId id of the terms.
    /// @param subjectId the pseudonym in the terms.
    error ConsentsSignatureInvalid(ConsentId consentId, bytes32 subjectId);
    /// @notice Only the access ledger counts uses.
    /// @param account the caller.
    /// @param needed the access ledger.
    error ConsentsLedgerRequired(address account, address needed);
    /// @notice Uses are counted of a consent in force.
    /// @param consentId id of the terms.
    /// @param status its status.
    error ConsentsNotActive(ConsentId consentId, ConsentStatus status);

    /// @notice A consent came into force.
    /// @param consentId id of the terms.
    /// @param subjectId pseudonym of the patient.
    /// @param terms what was signed.
    /// @param signature by the subject's signer or card, or by the guardian in the terms.
    event ConsentGranted(ConsentId indexed consentId, bytes32 indexed subjectId, ConsentTerms terms, bytes signature);
    /// @notice A consent was taken back, for ever.
    /// @param consentId id of the terms.
    /// @param subjectId pseudonym of the patient.
    /// @param guardian appointment under which a guardian signed; zero when the subject did.
    /// @param signature by the subject's signer or card, or by the guardian, over the `Revocation`.
    event ConsentRevoked(
        ConsentId indexed consentId,
        bytes32 indexed subjectId,
        bytes32 guardian,
        bytes signature
    );

    /// @notice Grants; the subject, or the guardian in the terms, signed the EIP-712 `ConsentTerms` in this contract's
    /// domain.
    /// @dev Errors come in the order of their declaration above, up to `ConsentsSignatureInvalid` but for `Shielded`.
    /// Before that one come those of an assisted consent (`IAssistedGrants`: PeriodExceeded, SensitivityExceeded,
    /// ActionsExceeded, PurposesExceeded, NotPrepared), then those of an answer to an ask (`IAsks`: NotOpen,
    /// SubjectMismatch, Shielded, AnswerWider). The assurance level tells whose signature it is: the subject's device
    /// (1), its card (2), a guardian (3), or where staff assisted any of the three (4).
    /// @param terms what was signed.
    /// @param signature by the subject's signer or card, or by a guardian who may grant.
    /// @return consentId id of the terms.
    function grant(ConsentTerms calldata terms, bytes calldata signature) external returns (ConsentId consentId);
    /// @notice Takes back, also before the grant was mined; the subject or a guardian signed the EIP-712 `Revocation`.
    /// @dev Errors, in this order: RelayRequired, AlreadyRevoked, SubjectUnknown, Shielded, SignatureInvalid.
    /// @param terms the terms taken back. Id, subject and guardian tell who may; grantee, actions and erase-by date
    /// what duties follow (see `IRevocations`).
    /// @param guardian appointment under which a guardian revokes; zero when the subject does.
    /// @param signature by the subject's signer or card, whichever granted, or by a guardian who may revoke.
    /// @return consentId id of the terms.
    function revoke(
        ConsentTerms calldata terms,
        bytes32 guardian,
        bytes calldata signature
    ) external returns (ConsentId consentId);
    /// @notice Counts permitted accesses. Only the access ledger may call.
    /// @dev Errors, in this order: LedgerRequired, then NotActive for the first consent that is not in force.
    /// @param consentIds ids of consents; those with a count are in force.
    /// @param counts how many of each, in the same order; zero for none.
    function countUses(ConsentId[] calldata consentIds, uint32[] calldata counts) external;
    /// @notice Gives the state of a consent.
    /// @param consentId id of the terms.
    /// @return state all zero when it was neither granted nor revoked.
    function stateOf(ConsentId consentId) external view returns (ConsentState memory state);
    /// @notice Gives what a decision needs of several consents.
    /// @param consentIds ids of their terms.
    /// @return facts in the same order.
    function factsOf(ConsentId[] calldata consentIds) external view returns (ConsentFacts[] memory facts);
    /// @notice Gives who may count uses.
    /// @return ledger the one contract that may.
    function accessLedger() external view returns (address ledger);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of subjects.
    /// @return register the `Subjects` this contract was wired to.
    function subjects() external view returns (ISubjects register);
}
