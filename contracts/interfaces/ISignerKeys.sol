// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CardRegistration,
    CardRemoval,
    Recovery,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation
} from "../types/SubjectKeys.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title Keys of a subject: rotation, card, recovery
/// @notice Who holds the key can hand over to another. Who lost it needs somebody to vouch: a guardian with that scope,
/// or the authority over its custodian. Such a recovery is public for a time before it counts, and the old key, or the
/// card, can stop it.
///
/// Example: a patient loses the phone. A delegate proposes the new passkey; it shows in the patient's history at once.
/// Nobody objects in seven days, any relay completes the recovery, and from that block on the new passkey signs.
interface ISignerKeys is ISignedActs {
    /// @notice Nobody enrolled the subject.
    /// @param subjectId its pseudonym.
    error SignerKeysSubjectUnknown(bytes32 subjectId);
    /// @notice A signer has an acceptable form and is not one the subject has already.
    /// @param signer the ERC-7913 signer given.
    error SignerKeysSignerInvalid(bytes signer);
    /// @notice The subject has no card.
    /// @param subjectId its pseudonym.
    error SignerKeysCardMissing(bytes32 subjectId);
    /// @notice A recovery of the subject is open already.
    /// @param recovery struct hash of its proposal.
    error SignerKeysRecoveryOpen(bytes32 recovery);
    /// @notice Who proposes is neither a guardian who may recover nor an active authority over the custodian's region.
    /// @param by kind of proposer.
    /// @param proposer appointment, or account left-padded.
    error SignerKeysProposerInvalid(uint8 by, bytes32 proposer);
    /// @notice An authority says how it identified the person.
    /// @param subjectId its pseudonym.
    error SignerKeysEvidenceMissing(bytes32 subjectId);
    /// @notice No such recovery of the subject is open; one that nobody completes lapses 30 days after its delay.
    /// @param recovery struct hash of a proposal.
    error SignerKeysRecoveryUnknown(bytes32 recovery);
    /// @notice The delay is not over.
    /// @param effectiveAt from when on the recovery can be completed.
    /// @param blockTime seconds since the epoch.
    error SignerKeysRecoveryEarly(uint64 effectiveAt, uint64 blockTime);
    /// @notice Signer or card object, nobody else.
    /// @param by who wants to.
    error SignerKeysObjectorInvalid(uint8 by);

    /// @notice Says at deployment how long recoveries are public, so that the log alone tells when one counts.
    /// @param delay seconds.
    event RecoveryDelaySet(uint64 delay);
    /// @notice A subject has another signer.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures two: of the old signer, then of the new one.
    event SignerRotated(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        SignerRotation act,
        bytes[] signatures
    );
    /// @notice A subject has a card, in place of any other.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures two: of the subject, then of the card.
    event CardRegistered(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        CardRegistration act,
        bytes[] signatures
    );
    /// @notice A subject has no card any more.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: of the subject.
    event CardRemoved(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        CardRemoval act,
        bytes[] signatures
    );
    /// @notice A recovery is open: unless somebody objects it can be completed after the delay.
    /// @param actHash EIP-712 struct hash of the act: the name of the recovery.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures two: of the new signer, then of who proposes.
    event RecoveryProposed(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        RecoveryProposal act,
        bytes[] signatures
    );
    /// @notice A recovery was stopped.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: of the subject's signer or card.
    event RecoveryObjected(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        RecoveryObjection act,
        bytes[] signatures
    );
    /// @notice A recovery was carried out: the subject has the signer that was proposed.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was asked for.
    /// @param signatures none.
    event RecoveryCompleted(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        RecoveryCompletion act,
        bytes[] signatures
    );

    /// @notice Gives a subject another signer; an open recovery ends with it.
    /// @dev Errors of its own, in this order: SubjectUnknown, SignerInvalid.
    /// @param act what was signed.
    /// @param signatures two: by the signer it has, then by the new one.
    function rotateSigner(SignerRotation calldata act, bytes[] calldata signatures) external;
    /// @notice Gives a subject a card.
    /// @dev Errors of its own, in this order: SubjectUnknown, SignerInvalid.
    /// @param act what was signed.
    /// @param signatures two: by the subject, then by the card.
    function registerCard(CardRegistration calldata act, bytes[] calldata signatures) external;
    /// @notice Takes the card of a subject out of use.
    /// @dev Errors of its own, in this order: SubjectUnknown, CardMissing.
    /// @param act what was signed.
    /// @param signatures one: by the subject.
    function removeCard(CardRemoval calldata act, bytes[] calldata signatures) external;
    /// @notice Opens a recovery.
    /// @dev Errors of its own, in this order: SubjectUnknown, SignerInvalid, RecoveryOpen, ProposerInvalid,
    /// EvidenceMissing.
    /// @param act what was signed.
    /// @param signatures two: by the new signer, then by who proposes.
    function proposeRecovery(RecoveryProposal calldata act, bytes[] calldata signatures) external;
    /// @notice Stops a recovery, also after its delay.
    /// @dev Errors of its own, in this order: SubjectUnknown, RecoveryUnknown, ObjectorInvalid.
    /// @param act what was signed.
    /// @param signatures one: by whom `act.by` names.
    function objectToRecovery(RecoveryObjection calldata act, bytes[] calldata signatures) external;
    /// @notice Carries a recovery out, within 30 days of the end of its delay. Who proposed it must still be able to.
    /// @dev Errors of its own, in this order: SubjectUnknown, RecoveryUnknown, RecoveryEarly, ProposerInvalid.
    /// @param act which.
    /// @param signatures none.
    function completeRecovery(RecoveryCompletion calldata act, bytes[] calldata signatures) external;
    /// @notice Gives the card of a subject, whoever may use it.
    /// @param subjectId its pseudonym.
    /// @return signer ERC-7913 signer, empty for none.
    function cardSignerOf(bytes32 subjectId) external view returns (bytes memory signer);
    /// @notice Gives the card of a subject if the subject itself may sign such an act now.
    /// @param subjectId its pseudonym.
    /// @param scope what the act is about: `SCOPE_GRANT` … `SCOPE_RECOVER`.
    /// @return signer ERC-7913 signer, empty when there is none or nobody may act so.
    function cardSignerFor(bytes32 subjectId, uint8 scope) external view returns (bytes memory signer);
    /// @notice Gives the recovery that is open.
    /// @param subjectId its pseudonym.
    /// @return open all zero for none.
    function recoveryOf(bytes32 subjectId) external view returns (Recovery memory open);
    /// @notice Gives how long a recovery is public before it can be completed.
    /// @return delay seconds.
    function recoveryDelay() external view returns (uint64 delay);
}
