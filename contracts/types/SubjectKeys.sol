// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Gives a subject another signer. Signed by the signer it has, then by the new one, who thereby proves to hold
/// the key.
struct SignerRotation {
    bytes32 subjectId;
    bytes signer; // ERC-7913; the new one
    uint256 nonce; // random; makes equal acts distinct
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Gives a subject a second signer: a card that is used with a code. Signed by the subject, then by the card.
struct CardRegistration {
    bytes32 subjectId;
    bytes signer; // ERC-7913; that of the card
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Takes the card of a subject out of use. Signed by the subject.
struct CardRemoval {
    bytes32 subjectId;
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Asks that a subject who lost its key gets another signer after the public delay. Signed by the new signer,
/// then by who proposes it.
struct RecoveryProposal {
    bytes32 subjectId;
    bytes signer; // ERC-7913; the new one
    uint8 by; // PROPOSER_GUARDIAN or PROPOSER_AUTHORITY
    bytes32 proposer; // appointment of the guardian, or account of the authority, left-padded
    bytes32 evidenceHash; // keyed hash of how the person was identified; a guardian needs none
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Stops a recovery. Signed by the signer the subject has, or by its card.
struct RecoveryObjection {
    bytes32 subjectId;
    bytes32 recovery; // struct hash of the proposal
    uint8 by; // OBJECTOR_SIGNER or OBJECTOR_CARD
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Carries a recovery out once its delay is over. Nobody signs: everybody who had to did so before.
struct RecoveryCompletion {
    bytes32 subjectId;
    bytes32 recovery; // struct hash of the proposal
    uint64 signBefore;
}

/// @notice A recovery that is open.
struct Recovery {
    bytes32 id; // struct hash of the proposal; zero for none
    uint64 effectiveAt; // seconds since the epoch, from when on it can be carried out
    uint8 by;
    bytes32 proposer;
    bytes signer; // ERC-7913; the new one
}

bytes32 constant SIGNER_ROTATION_TYPEHASH =
    keccak256("SignerRotation(bytes32 subjectId,bytes signer,uint256 nonce,uint64 signBefore)");
bytes32 constant CARD_REGISTRATION_TYPEHASH =
    keccak256("CardRegistration(bytes32 subjectId,bytes signer,uint256 nonce,uint64 signBefore)");
bytes32 constant CARD_REMOVAL_TYPEHASH =
    keccak256("CardRemoval(bytes32 subjectId,uint256 nonce,uint64 signBefore)");
bytes32 constant RECOVERY_PROPOSAL_TYPEHASH = keccak256(
    "RecoveryProposal(bytes32 subjectId,bytes signer,uint8 by,bytes32 proposer,bytes32 evidenceHash,uint256 nonce,"
    "uint64 signBefore)"
);
bytes32 constant RECOVERY_OBJECTION_TYPEHASH = keccak256(
    "RecoveryObjection(bytes32 subjectId,bytes32 recovery,uint8 by,uint256 nonce,uint64 signBefore)"
);
bytes32 constant RECOVERY_COMPLETION_TYPEHASH =
    keccak256("RecoveryCompletion(bytes32 subjectId,bytes32 recovery,uint64 signBefore)");

using {rotationHashOf} for SignerRotation global;
using {registrationHashOf} for CardRegistration global;
using {cardRemovalHashOf} for CardRemoval global;
using {proposalHashOf} for RecoveryProposal global;
using {objectionHashOf} for RecoveryObjection global;
using {completionHashOf} for RecoveryCompletion global;

/// @notice EIP-712 struct hash of a rotation.
function rotationHashOf(SignerRotation calldata act) pure returns (bytes32) {
    return keccak256(
        abi.encode(SIGNER_ROTATION_TYPEHASH, act.subjectId, keccak256(act.signer), act.nonce, act.signBefore)
    );
}

/// @notice EIP-712 struct hash of the registration of a card.
function registrationHashOf(CardRegistration calldata act) pure returns (bytes32) {
    return keccak256(
        abi.encode(CARD_REGISTRATION_TYPEHASH, act.subjectId, keccak256(act.signer), act.nonce, act.signBefore)
    );
}

/// @notice EIP-712 struct hash of the removal of a card.
function cardRemovalHashOf(CardRemoval calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(CARD_REMOVAL_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a proposal, by which the recovery is named.
function proposalHashOf(RecoveryProposal calldata act) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            RECOVERY_PROPOSAL_TYPEHASH,
            act.subjectId,
            keccak256(act.signer),
            act.by,
            act.proposer,
            act.evidenceHash,
            act.nonce,
            act.signBefore
        )
    );
}

/// @notice EIP-712 struct hash of an objection.
function objectionHashOf(RecoveryObjection calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(RECOVERY_OBJECTION_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a completion.
function completionHashOf(RecoveryCompletion calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(RECOVERY_COMPLETION_TYPEHASH, act));
}
