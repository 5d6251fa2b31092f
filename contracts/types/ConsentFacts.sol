// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../interfaces/IConsents.sol";
import {ConsentStatus} from "./Codes.sol";

/// @notice What a decision needs of a consent, in one word, from the lowest bit: status (8 bits), uses (32), block time
/// of the grant (64). Zero for one that was never granted; one that was only revoked has its status alone.
type ConsentFacts is uint256;

using {isActive, statusOf, usesOf, grantedAtOf, used} for ConsentFacts global;

/// @notice Packs a state.
function factsOf(ConsentState storage state) view returns (ConsentFacts) {
    uint256 word = uint256(state.status) | (uint256(state.uses) << 8) | (uint256(state.grantedAt) << 40);
    return ConsentFacts.wrap(word);
}

/// @notice Tells whether a consent is in force.
function isActive(ConsentFacts facts) pure returns (bool) {
    return uint8(ConsentFacts.unwrap(facts)) == uint8(ConsentStatus.ACTIVE);
}

/// @notice Gives the status.
function statusOf(ConsentFacts facts) pure returns (ConsentStatus) {
    return ConsentStatus(uint8(ConsentFacts.unwrap(facts)));
}

/// @notice Gives the permitted accesses so far.
function usesOf(ConsentFacts facts) pure returns (uint32) {
    return uint32(ConsentFacts.unwrap(facts) >> 8);
}

/// @notice Gives the block time of the grant, in seconds.
function grantedAtOf(ConsentFacts facts) pure returns (uint64) {
    return uint64(ConsentFacts.unwrap(facts) >> 40);
}

/// @notice Gives the facts of the same consent after further uses, of which the terms allow as many.
/// @dev As `maxUses` has 32 bits, the sum of uses has too.
function used(ConsentFacts facts, uint32 count) pure returns (ConsentFacts) {
    unchecked {
        return ConsentFacts.wrap(ConsentFacts.unwrap(facts) + (uint256(count) << 8));
    }
}
