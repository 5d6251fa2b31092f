// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice EIP-712 struct hash of a `StandingAuthorisation`.
type AuthorisationId is bytes32;

/// @notice Says that an institution may look at records because of a law, not of a consent. Signed by an authority.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct StandingAuthorisation {
    address authority; // who gives it, and signs
    address institution; // who may look
    uint8 basis; // BASIS_STATUTORY_DUTY or BASIS_PUBLIC_HEALTH
    uint32 purposes; // set of purposes of use
    uint32 categories; // set of document classes
    uint8 actions; // set of actions
    uint8 maxSensitivity; // highest sensitivity level covered, 1..4
    uint16 dataFrom; // first month of content covered, counted from January 1970
    uint16 dataUntil; // last month of content covered, inclusive
    uint64 validFrom; // seconds since the epoch, inclusive
    uint64 validUntil; // seconds since the epoch, exclusive
    bytes32 basisTextHash; // SHA-256 of the text of the law or order
    uint256 nonce; // random; makes equal terms distinct authorisations
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Takes an authorisation back.
struct AuthorisationWithdrawal {
    bytes32 authorisationId;
    address authority; // who takes it back, and signs: the one that gave it, or one for the whole country
    address institution; // who might look
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Life of an authorisation. A withdrawn one never becomes active again.
enum AuthorisationStatus {
    NONE, // never given
    ACTIVE,
    WITHDRAWN
}

/// @notice What is kept of an authorisation, in one slot; times in seconds since the epoch.
struct AuthorisationState {
    AuthorisationStatus status;
    uint40 givenAt;
    uint40 withdrawnAt; // zero while it is not
    address authority; // who gave it
}

/// @dev Longest period of an authorisation: a year, leap or not.
uint64 constant AUTHORISATION_PERIOD = 366 days;

bytes32 constant STANDING_AUTHORISATION_TYPEHASH = keccak256(
    "StandingAuthorisation(address authority,address institution,uint8 basis,uint32 purposes,uint32 categories,"
    "uint8 actions,uint8 maxSensitivity,uint16 dataFrom,uint16 dataUntil,uint64 validFrom,uint64 validUntil,"
    "bytes32 basisTextHash,uint256 nonce,uint64 signBefore)"
);
bytes32 constant AUTHORISATION_WITHDRAWAL_TYPEHASH = keccak256(
    "AuthorisationWithdrawal(bytes32 authorisationId,address authority,address institution,uint64 signBefore)"
);

using {authorisationIdOf} for StandingAuthorisation global;
using {withdrawalHashOf} for AuthorisationWithdrawal global;

/// @notice Derives the id of an authorisation from its terms.
function authorisationIdOf(StandingAuthorisation memory act) pure returns (AuthorisationId) {
    return AuthorisationId.wrap(keccak256(abi.encode(STANDING_AUTHORISATION_TYPEHASH, act)));
}

/// @notice EIP-712 struct hash of a withdrawal.
function withdrawalHashOf(AuthorisationWithdrawal calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(AUTHORISATION_WITHDRAWAL_TYPEHASH, act));
}
