// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CompactRequest} from "../../types/AccessRequest.sol";
import {RecordStatus} from "../../types/Codes.sol";
import {RecordFacts, factsOf} from "../../types/RecordFacts.sol";
import {RecordLeaf} from "../../types/RecordLeaf.sol";

/// @title Nothing is lost or mixed up by packing
contract PackingProofs {
    /// @notice What was packed of a leaf comes out again.
    /// @param leaf any.
    /// @param anchoredAt any block time that fits.
    function check_facts_comeOutAsTheyWentIn(RecordLeaf memory leaf, uint48 anchoredAt) external pure {
        RecordFacts facts = factsOf(leaf, anchoredAt);
        assert(facts.statusOf() == RecordStatus.CURRENT);
        assert(facts.categoryOf() == leaf.category);
        assert(facts.sensitivityOf() == leaf.sensitivity);
        assert(facts.dataMonthOf() == leaf.dataMonth);
        assert(facts.anchoredAtOf() == anchoredAt);
        assert(uint8(RecordFacts.unwrap(facts) >> 40) == leaf.retention);
        assert(facts.isOf(leaf.subjectId));
    }

    /// @notice A version belongs to nobody but the subject of whom 20 bytes of the hash stand in it.
    /// @param leaf any.
    /// @param anchoredAt any block time that fits.
    /// @param other any subject.
    function check_facts_belongToNobodyElse(
        RecordLeaf memory leaf,
        uint48 anchoredAt,
        bytes32 other
    ) external pure {
        bool same = bytes20(keccak256(abi.encode(leaf.subjectId))) == bytes20(keccak256(abi.encode(other)));
        assert(factsOf(leaf, anchoredAt).isOf(other) == same);
    }

    /// @notice Giving way to the next version changes the status and nothing else.
    /// @param facts any.
    function check_facts_keepAllButTheStatusWhenSuperseded(RecordFacts facts) external pure {
        RecordFacts later = facts.superseded();
        assert(later.statusOf() == RecordStatus.SUPERSEDED);
        assert(RecordFacts.unwrap(later) >> 8 == RecordFacts.unwrap(facts) >> 8);
    }

    /// @notice Each place of a request stands alone.
    /// @param places any six.
    function check_places_standAlone(uint16[6] memory places) external view {
        CompactRequest memory request;
        for (uint256 i = 0; i < 6; ++i) request.places |= uint256(places[i]) << (16 * i);
        for (uint256 i = 0; i < 6; ++i) assert(this.placeOf(request, i) == places[i]);
    }

    /// @notice Brings a request into calldata.
    /// @param request any.
    /// @param which of the places.
    /// @return place that stands there.
    function placeOf(CompactRequest calldata request, uint256 which) external pure returns (uint16 place) {
        return request.placeOf(which);
    }
}
