// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashing} from "../../libraries/Hashing.sol";

/// @title The tree over a batch has the shape of RFC 6962
/// @notice The root is formed here from the top down, as section 2.1 defines it; the library goes from the bottom up.
contract TreeProofs {
    uint256 private constant _MOST = 7;

    /// @notice For every batch of up to seven requests the two roots are one.
    /// @param hashes any.
    function check_root_isThatOfTheDefinition(bytes32[7] memory hashes) external pure {
        for (uint256 count = 1; count <= _MOST; ++count) {
            bytes32[] memory copy = new bytes32[](count);
            for (uint256 i = 0; i < count; ++i) copy[i] = hashes[i];
            assert(Hashing.rootOf(copy) == _root(hashes, 0, count));
        }
    }

    /// @dev MTH of RFC 6962: split at the largest power of two below the count.
    function _root(bytes32[7] memory hashes, uint256 start, uint256 count) private pure returns (bytes32 root) {
        if (count == 1) return keccak256(abi.encodePacked(hex"00", hashes[start]));
        uint256 split = 1;
        while (split * 2 < count) split *= 2;
        bytes32 left = _root(hashes, start, split);
        bytes32 right = _root(hashes, start + split, count - split);
        return keccak256(abi.encodePacked(hex"01", left, right));
    }
}
