// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What acts and decisions need of a subject, in one word and one slot, from the lowest bit: custodian (160
/// bits), end of its minority in seconds since the epoch (64; zero for one who was never noted as a minor), then one
/// bit each: shielded, deceased, emergency access forbidden, near relatives forbidden. Zero for a subject nobody
/// enrolled.
type SubjectFacts is uint256;

using {
    custodianOf,
    minorUntilOf,
    isMinorAt,
    isShielded,
    isShieldedAt,
    isDeceased,
    isEmergencyForbidden,
    areRelativesForbidden,
    maySignAt,
    withCircumstances,
    withDirective
} for SubjectFacts global;

uint256 constant _SHIELDED = 1 << 224;
uint256 constant _DECEASED = 1 << 225;
uint256 constant _EMERGENCY_FORBIDDEN = 1 << 226;
uint256 constant _RELATIVES_FORBIDDEN = 1 << 227;

/// @notice Gives the facts of a subject that is being enrolled.
function factsOfEnrolled(address custodian) pure returns (SubjectFacts) {
    return SubjectFacts.wrap(uint160(custodian));
}

/// @notice Gives the custodian; zero for an unknown subject.
function custodianOf(SubjectFacts facts) pure returns (address) {
    return address(uint160(SubjectFacts.unwrap(facts)));
}

/// @notice Gives the end of minority, zero if there is none.
function minorUntilOf(SubjectFacts facts) pure returns (uint64) {
    return uint64(SubjectFacts.unwrap(facts) >> 160);
}

/// @notice Tells whether the subject is a minor at a time.
function isMinorAt(SubjectFacts facts, uint256 time) pure returns (bool) {
    return time < facts.minorUntilOf();
}

/// @notice Tells whether what the minor signs itself is kept from its guardians.
function isShielded(SubjectFacts facts) pure returns (bool) {
    return SubjectFacts.unwrap(facts) & _SHIELDED != 0;
}

/// @notice Tells whether the subject is a minor at a time whose own acts are kept from its guardians.
function isShieldedAt(SubjectFacts facts, uint256 time) pure returns (bool) {
    return facts.isShielded() && facts.isMinorAt(time);
}

/// @notice Tells whether the subject is noted as deceased.
function isDeceased(SubjectFacts facts) pure returns (bool) {
    return SubjectFacts.unwrap(facts) & _DECEASED != 0;
}

/// @notice Tells whether the subject forbade access without consent in an emergency.
function isEmergencyForbidden(SubjectFacts facts) pure returns (bool) {
    return SubjectFacts.unwrap(facts) & _EMERGENCY_FORBIDDEN != 0;
}

/// @notice Tells whether the subject forbade near relatives to act after its death.
function areRelativesForbidden(SubjectFacts facts) pure returns (bool) {
    return SubjectFacts.unwrap(facts) & _RELATIVES_FORBIDDEN != 0;
}

/// @notice Tells whether the subject's own signer may sign an act now: not after death, and of a minor that is not
/// shielded nothing that grants.
function maySignAt(SubjectFacts facts, bool grants, uint256 time) pure returns (bool) {
    if (facts.isDeceased()) return false;
    return !grants || facts.isShielded() || !facts.isMinorAt(time);
}

/// @notice Gives the same facts with other circumstances.
function withCircumstances(
    SubjectFacts facts,
    uint64 minorUntil,
    bool shielded,
    bool deceased
) pure returns (SubjectFacts) {
    uint256 kept = SubjectFacts.unwrap(facts) & ~(uint256(type(uint64).max) << 160) & ~(_SHIELDED | _DECEASED);
    kept |= uint256(minorUntil) << 160;
    return SubjectFacts.wrap(kept | (shielded ? _SHIELDED : 0) | (deceased ? _DECEASED : 0));
}

/// @notice Gives the same facts with another directive.
function withDirective(
    SubjectFacts facts,
    bool emergencyForbidden,
    bool relativesForbidden
) pure returns (SubjectFacts) {
    uint256 kept = SubjectFacts.unwrap(facts) & ~(_EMERGENCY_FORBIDDEN | _RELATIVES_FORBIDDEN);
    kept |= emergencyForbidden ? _EMERGENCY_FORBIDDEN : 0;
    return SubjectFacts.wrap(kept | (relativesForbidden ? _RELATIVES_FORBIDDEN : 0));
}
