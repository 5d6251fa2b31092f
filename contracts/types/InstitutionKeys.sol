// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice New keys of an institution. Signed as EIP-712 typed data by its signer of today and by the new one, who
/// thereby proves to hold the new key.
struct InstitutionKeys {
    address institution;
    bytes signer; // ERC-7913: an account of 20 bytes, or verifier address followed by a public key
    bytes releaseKey; // HPKE public key
    uint64 signBefore; // seconds since the epoch; the rotation must be mined before
}

bytes32 constant INSTITUTION_KEYS_TYPEHASH =
    keccak256("InstitutionKeys(address institution,bytes signer,bytes releaseKey,uint64 signBefore)");

using {institutionKeysHashOf} for InstitutionKeys global;

/// @notice EIP-712 struct hash of new keys.
function institutionKeysHashOf(InstitutionKeys calldata keys) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            INSTITUTION_KEYS_TYPEHASH,
            keys.institution,
            keccak256(keys.signer),
            keccak256(keys.releaseKey),
            keys.signBefore
        )
    );
}
