// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Introduces a subject. Signed as EIP-712 typed data by the subject's own signer (who thereby proves to hold
/// the key) and by the custodian (who thereby says to have identified the patient).
struct Enrolment {
    bytes32 subjectId; // 32 random bytes
    bytes signer; // ERC-7913: an account of 20 bytes, or verifier address followed by a public key
    address custodian;
    uint64 signBefore; // seconds since the epoch; the enrolment must be mined before
}

bytes32 constant ENROLMENT_TYPEHASH =
    keccak256("Enrolment(bytes32 subjectId,bytes signer,address custodian,uint64 signBefore)");

using {enrolmentHashOf} for Enrolment global;

/// @notice EIP-712 struct hash of an enrolment.
function enrolmentHashOf(Enrolment calldata enrolment) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            ENROLMENT_TYPEHASH,
            enrolment.subjectId,
            keccak256(enrolment.signer),
            enrolment.custodian,
            enrolment.signBefore
        )
    );
}
