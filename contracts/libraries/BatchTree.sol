// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree over a batch of requests
/// @notice Shape and domain separation of RFC 6962, section 2.1, with keccak-256: a leaf is `keccak256(0x00 || hash)`,
/// a node is `keccak256(0x01 || left || right)`. Left and right are kept apart, so a path also tells the place. The
/// root is that of `Hashing.rootOf`.
library BatchTree {
    /// @notice Whether a path leads from a leaf to a root.
    /// @param root of a tree.
    /// @param hash what the leaf is made of.
    /// @param index place of the leaf, from 0.
    /// @param width how many leaves the tree has.
    /// @param path siblings from the leaf up.
    /// @return along false also for a place the tree does not have.
    function isAlong(
        bytes32 root,
        bytes32 hash,
        uint256 index,
        uint256 width,
        bytes32[] calldata path
    ) internal pure returns (bool along) {
        if (index >= width) return false;
        bytes32 node = keccak256(abi.encodePacked(bytes1(0x00), hash));
        uint256 used = 0;
        for (; width > 1; width = (width + 1) / 2) {
            // The last node of an odd level has no neighbour and moves up as it is.
            if (index ^ 1 < width) {
                if (used == path.length) return false;
                bytes32 sibling = path[used];
                ++used;
                node = index % 2 == 1
                    ? keccak256(abi.encodePacked(bytes1(0x01), sibling, node))
                    : keccak256(abi.encodePacked(bytes1(0x01), node, sibling));
            }
            index /= 2;
        }
        return used == path.length && node == root;
    }
}
