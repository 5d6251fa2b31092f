// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashing} from "../libraries/Hashing.sol";
import {RecordStatus} from "./Codes.sol";
import {RecordLeaf} from "./RecordLeaf.sol";

/// @notice What a decision needs of a record version, in one word and one slot, from the lowest bit: status (8 bits),
/// category (8), sensitivity (8), month of the content (16), retention class (8), block time of the anchor (48), and
/// the first 20 bytes of keccak-256 of the subjectId (160). Zero for a version that was never anchored.
/// @dev Whoever enrols chooses the id, so a part of the id itself could be taken by a twin. Its hash cannot, as with an
/// account: two ids of one's own choice might be made to meet, but none with that of somebody else.
type RecordFacts is uint256;

using {
    isKnown,
    isCurrent,
    statusOf,
    categoryOf,
    sensitivityOf,
    dataMonthOf,
    retentionOf,
    anchoredAtOf,
    isOf,
    isMarked,
    withStatus
} for RecordFacts global;

/// @notice Packs the facts of a version that is being anchored.
function factsOf(RecordLeaf memory leaf, uint48 anchoredAt) pure returns (RecordFacts) {
    uint256 word = markOf(leaf.subjectId) << 96;
    word |= uint256(anchoredAt) << 48;
    word |= (uint256(leaf.retention) << 40) | (uint256(leaf.dataMonth) << 24) | (uint256(leaf.sensitivity) << 16);
    return RecordFacts.wrap(word | (uint256(leaf.category) << 8) | uint256(RecordStatus.CURRENT));
}

/// @notice Tells whether a version was ever anchored.
function isKnown(RecordFacts facts) pure returns (bool) {
    return uint8(RecordFacts.unwrap(facts)) != uint8(RecordStatus.NONE);
}

/// @notice Tells whether a version is the current one.
function isCurrent(RecordFacts facts) pure returns (bool) {
    return uint8(RecordFacts.unwrap(facts)) == uint8(RecordStatus.CURRENT);
}

/// @notice Gives the status.
function statusOf(RecordFacts facts) pure returns (RecordStatus) {
    return RecordStatus(uint8(RecordFacts.unwrap(facts)));
}

/// @notice Gives the document class.
function categoryOf(RecordFacts facts) pure returns (uint8) {
    return uint8(RecordFacts.unwrap(facts) >> 8);
}

/// @notice Gives the sensitivity level.
function sensitivityOf(RecordFacts facts) pure returns (uint8) {
    return uint8(RecordFacts.unwrap(facts) >> 16);
}

/// @notice Gives the month of the content, counted from January 1970.
function dataMonthOf(RecordFacts facts) pure returns (uint16) {
    return uint16(RecordFacts.unwrap(facts) >> 24);
}

/// @notice Gives the retention class.
function retentionOf(RecordFacts facts) pure returns (uint8) {
    return uint8(RecordFacts.unwrap(facts) >> 40);
}

/// @notice Gives the block time of the anchor, in seconds.
function anchoredAtOf(RecordFacts facts) pure returns (uint48) {
    return uint48(RecordFacts.unwrap(facts) >> 48);
}

/// @notice Tells whether a version is one of a subject.
function isOf(RecordFacts facts, bytes32 subjectId) pure returns (bool) {
    return facts.isMarked(markOf(subjectId));
}

/// @notice Tells whether a version is one of the subject with a mark.
function isMarked(RecordFacts facts, uint256 mark) pure returns (bool) {
    return RecordFacts.unwrap(facts) >> 96 == mark;
}

/// @notice Gives the same facts with another status.
function withStatus(RecordFacts facts, RecordStatus status) pure returns (RecordFacts) {
    uint256 kept = RecordFacts.unwrap(facts) & ~uint256(type(uint8).max);
    return RecordFacts.wrap(kept | uint256(status));
}

/// @notice Gives what stands for a subject in the word: 160 bits.
function markOf(bytes32 subjectId) pure returns (uint256) {
    return uint256(Hashing.hashOf(subjectId)) >> 96;
}
