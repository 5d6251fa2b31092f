// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Makes somebody a guardian. Signed by the guardian, who thereby proves to hold the key, and by who appoints:
/// the subject a delegate, its custodian any other.
struct GuardianAppointment {
    bytes32 subjectId;
    bytes guardian; // ERC-7913 signer
    uint8 kind; // GUARDIAN_PARENT … GUARDIAN_NEAR_RELATIVE
    uint16 scopes; // set of SCOPE_GRANT … SCOPE_RECOVER, bit `1 << scope`
    uint64 validFrom; // seconds since the epoch, inclusive
    uint64 validUntil; // seconds since the epoch, exclusive
    bytes32 evidenceHash; // keyed hash of what the custodian saw; a delegate needs none
    uint256 nonce; // random; makes equal appointments distinct acts
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Takes an appointment back. Signed by the subject, by the guardian, or by the custodian that made it.
struct GuardianRemoval {
    bytes32 appointment; // struct hash of the appointment
    bytes32 subjectId;
    uint8 by; // BY_SUBJECT, BY_CUSTODIAN, BY_GUARDIAN
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Says what the custodian knows of a subject that bears on who may sign. Signed by the custodian; takes the
/// place of what was said before.
struct Circumstances {
    bytes32 subjectId;
    uint64 minorUntil; // first second of a quarter, UTC; zero for one who was never a minor here
    bool shielded; // the minor may grant by itself, and its guardians neither see nor undo that
    bool deceased;
    bytes32 evidenceHash; // keyed hash of what the custodian saw
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Takes the note of a death back. Signed by the custodian and by the subject's own signer.
struct ProofOfLife {
    bytes32 subjectId;
    bytes32 evidenceHash; // keyed hash of what the custodian saw
    uint256 nonce;
    uint64 signBefore;
}

/// @notice What the subject wants for when it cannot be asked. Signed by the subject, or for a minor by a guardian who
/// may grant.
struct Directive {
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
    uint8 emergency; // DIRECTIVE_ALLOW or DIRECTIVE_FORBID access without consent in an emergency
    uint8 relatives; // the same for near relatives after death
    uint256 nonce;
    uint64 signBefore;
}

/// @notice An appointment as it is kept.
struct Appointment {
    bytes32 subjectId; // zero once removed or forgotten
    uint8 kind;
    uint16 scopes;
    uint64 validFrom;
    uint64 validUntil;
    bool ofMinor; // made for a minor: it ends with the minority, whatever its period
    bytes signer; // ERC-7913
}

bytes32 constant GUARDIAN_APPOINTMENT_TYPEHASH = keccak256(
    "GuardianAppointment(bytes32 subjectId,bytes guardian,uint8 kind,uint16 scopes,uint64 validFrom,"
    "uint64 validUntil,bytes32 evidenceHash,uint256 nonce,uint64 signBefore)"
);
bytes32 constant GUARDIAN_REMOVAL_TYPEHASH =
    keccak256("GuardianRemoval(bytes32 appointment,bytes32 subjectId,uint8 by,uint256 nonce,uint64 signBefore)");
bytes32 constant CIRCUMSTANCES_TYPEHASH = keccak256(
    "Circumstances(bytes32 subjectId,uint64 minorUntil,bool shielded,bool deceased,bytes32 evidenceHash,"
    "uint256 nonce,uint64 signBefore)"
);
bytes32 constant PROOF_OF_LIFE_TYPEHASH =
    keccak256("ProofOfLife(bytes32 subjectId,bytes32 evidenceHash,uint256 nonce,uint64 signBefore)");
bytes32 constant DIRECTIVE_TYPEHASH = keccak256(
    "Directive(bytes32 subjectId,bytes32 guardian,uint8 emergency,uint8 relatives,uint256 nonce,uint64 signBefore)"
);

using {appointmentHashOf} for GuardianAppointment global;
using {removalHashOf} for GuardianRemoval global;
using {circumstancesHashOf} for Circumstances global;
using {proofHashOf} for ProofOfLife global;
using {directiveHashOf} for Directive global;

/// @notice EIP-712 struct hash of an appointment, by which it is named ever after.
function appointmentHashOf(GuardianAppointment calldata act) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            GUARDIAN_APPOINTMENT_TYPEHASH,
            act.subjectId,
            keccak256(act.guardian),
            act.kind,
            act.scopes,
            act.validFrom,
            act.validUntil,
            act.evidenceHash,
            act.nonce,
            act.signBefore
        )
    );
}

/// @notice EIP-712 struct hash of a removal.
function removalHashOf(GuardianRemoval calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(GUARDIAN_REMOVAL_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of circumstances.
function circumstancesHashOf(Circumstances calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(CIRCUMSTANCES_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a proof of life.
function proofHashOf(ProofOfLife calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(PROOF_OF_LIFE_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a directive.
function directiveHashOf(Directive calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(DIRECTIVE_TYPEHASH, act));
}
