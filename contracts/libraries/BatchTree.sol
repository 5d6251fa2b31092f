// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree over a batch of requests
/// @notice Shape and domain separation of RFC 6962, section 2.1, with keccak-256: a leaf is `keccak256(0x00 || hash)`,
/// a node is `keccak256(0x01 || left || right)`. Left and right are kept apart, so a path also tells the place.
library BatchTree {
    /// @notice Gives the root over struct hashes. The hashes are overwritten.
    /// @dev A last node without a neighbour moves up as it is, which gives the shape of RFC 6962: a full tree on the
    /// left.
    /// @param hashes at least one.
    /// @return root of the tree.
    function consumedRootOf(bytes32[] memory hashes) internal pure returns (bytes32 root) {
        uint256 width = hashes.length;
        for (uint256 i = 0; i < width; ++i) hashes[i] = keccak256(abi.encodePacked(bytes1(0x00), hashes[i]));
        while (width > 1) {
            uint256 half = width / 2;
            for (uint256 i = 0; i < half; ++i) {
                hashes[i] = keccak256(abi.encodePacked(bytes1(0x01), hashes[2 * i], hashes[2 * i + 1]));
            }
            if (width % 2 == 1) {
                hashes[half] = hashes[width - 1];
                ++half;
            }
            width = half;
        }
        return hashes[0];
    }
}
