// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree of a ledger's log
/// @notice RFC 6962, section 2.1, with SHA-256. Proofs are checked as RFC 9162, sections 2.1.3.2 and 2.1.4.2, says, and
/// their length with them. `docs/formats/ledger-log.md` has the vectors.
library LogTree {
    /// @notice Most leaves of a log; sizes are signed in 63 bits elsewhere.
    uint64 internal constant MAX_SIZE = (1 << 63) - 1;

    /// @notice Gives the hash of a leaf.
    /// @param entry bytes of the leaf.
    /// @return leaf its hash.
    function leafOf(bytes memory entry) internal pure returns (bytes32 leaf) {
        return sha256(abi.encodePacked(bytes1(0x00), entry));
    }

    /// @notice Whether a path leads from a leaf to a root.
    /// @param leaf hash of the leaf.
    /// @param index place of the leaf, from 0.
    /// @param size leaves of the tree.
    /// @param path siblings from the leaf up.
    /// @param root of the tree.
    /// @return along false also for a place the tree does not have, and for a path of another length.
    function isAlong(
        bytes32 leaf,
        uint64 index,
        uint64 size,
        bytes32[] calldata path,
        bytes32 root
    ) internal pure returns (bool along) {
        if (index >= size) return false;
        uint64 last = size - 1;
        bytes32 node = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) return false;
            if (index & 1 == 1 || index == last) {
                node = _nodeOf(path[i], node);
                (index, last) = _above(index, last);
            } else {
                node = _nodeOf(node, path[i]);
            }
            (index, last) = (index >> 1, last >> 1);
        }
        return last == 0 && node == root;
    }

    /// @notice Gives the two roots that nodes of the larger tree lead to.
    /// @dev The nodes are those of a consistency proof whose first one is never left out, not even where it is the
    /// smaller root itself. So they also show what the smaller root should have been.
    /// @param smaller leaves of the smaller tree, at least one.
    /// @param larger leaves of the larger tree, more than that.
    /// @param nodes of the larger tree.
    /// @return complete false where there are too few or too many nodes for these sizes; the roots say nothing then.
    /// @return older root over the first leaves.
    /// @return newer root over all of them.
    function rootsAlong(
        uint64 smaller,
        uint64 larger,
        bytes32[] calldata nodes
    ) internal pure returns (bool complete, bytes32 older, bytes32 newer) {
        if (nodes.length == 0) return (false, 0, 0);
        (uint64 place, uint64 last) = (smaller - 1, larger - 1);
        while (place & 1 == 1) (place, last) = (place >> 1, last >> 1);
        older = nodes[0];
        newer = nodes[0];
        for (uint256 i = 1; i < nodes.length; ++i) {
            if (last == 0) return (false, 0, 0);
            if (place & 1 == 1 || place == last) {
                older = _nodeOf(nodes[i], older);
                newer = _nodeOf(nodes[i], newer);
                (place, last) = _above(place, last);
            } else {
                newer = _nodeOf(newer, nodes[i]);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        complete = last == 0;
    }

    /// @dev Moves up past the levels on which the last node has no sibling and stays as it is.
    function _above(uint64 place, uint64 last) private pure returns (uint64, uint64) {
        while (place != 0 && place & 1 == 0) (place, last) = (place >> 1, last >> 1);
        return (place, last);
    }

    function _nodeOf(bytes32 left, bytes32 right) private pure returns (bytes32 node) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
