// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DeletionAttestation, Erasure, ErasureOfficerAdmission, ErasureOfficerRemoval, Restriction} from "../types/Erasure.sol";

/// @title Struct hashes of acts at the end of a record, from memory
/// @notice See `Hashes`.
contract ErasureHashes {
    /// @notice Hashes an admission.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function admissionHash(ErasureOfficerAdmission calldata act) external pure returns (bytes32 structHash) {
        return act.officerAdmissionHashOf();
    }

    /// @notice Hashes a removal.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function removalHash(ErasureOfficerRemoval calldata act) external pure returns (bytes32 structHash) {
        return act.officerRemovalHashOf();
    }

    /// @notice Hashes a restriction.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function restrictionHash(Restriction calldata act) external pure returns (bytes32 structHash) {
        return act.restrictionHashOf();
    }

    /// @notice Hashes an erasure.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function erasureHash(Erasure calldata act) external pure returns (bytes32 structHash) {
        return act.erasureHashOf();
    }

    /// @notice Hashes an attestation.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function attestationHash(DeletionAttestation calldata act) external pure returns (bytes32 structHash) {
        return act.attestationHashOf();
    }
}
