// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation
} from "../types/SubjectKeys.sol";

/// @title Struct hashes of acts about the keys of subjects, from memory
/// @notice See `Hashes`.
contract KeyHashes {
    /// @notice Hashes a rotation.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function rotationHash(SignerRotation calldata act) external pure returns (bytes32 structHash) {
        return act.rotationHashOf();
    }

    /// @notice Hashes the registration of a card.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function registrationHash(CardRegistration calldata act) external pure returns (bytes32 structHash) {
        return act.registrationHashOf();
    }

    /// @notice Hashes the removal of a card.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function cardRemovalHash(CardRemoval calldata act) external pure returns (bytes32 structHash) {
        return act.cardRemovalHashOf();
    }

    /// @notice Hashes the proposal of a recovery.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function proposalHash(RecoveryProposal calldata act) external pure returns (bytes32 structHash) {
        return act.proposalHashOf();
    }

    /// @notice Hashes an objection to a recovery.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function objectionHash(RecoveryObjection calldata act) external pure returns (bytes32 structHash) {
        return act.objectionHashOf();
    }

    /// @notice Hashes the completion of a recovery.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function completionHash(RecoveryCompletion calldata act) external pure returns (bytes32 structHash) {
        return act.completionHashOf();
    }
}
