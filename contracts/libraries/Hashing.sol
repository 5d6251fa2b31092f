// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ACCESS_REQUEST_TYPEHASH, AccessRequest} from "../types/AccessRequest.sol";
import {CONSENT_TERMS_TYPEHASH, ConsentTerms} from "../types/ConsentTerms.sol";

// Assembly: ADR 0026.
/* solhint-disable no-inline-assembly */

/// @title Keccak-256 of words, without copies
/// @notice Each function gives what `keccak256(abi.encode(…))` or `keccak256(abi.encodePacked(…))` of its arguments
/// gives.
/// @dev ADR 0026 says where assembly stands and what it saves; forge compares each function with the plain expression.
/// Words are laid out behind the free memory pointer, which is not moved, or hashed where they lie.
library Hashing {
    /// @dev Bytes of the type hash and the twenty-one members of `ConsentTerms`.
    uint256 private constant _TERMS_BYTES = 22 * 32;
    /// @dev Bytes of the type hash and the fifteen members of `AccessRequest`.
    uint256 private constant _REQUEST_BYTES = 16 * 32;

    /// @notice Copies terms that were hashed, as `to = from` does.
    /// @dev `hashOf` refused those in which a member does not fit its type.
    /// @param from as they travelled.
    /// @param to where they go.
    function copy(ConsentTerms calldata from, ConsentTerms memory to) internal pure {
        assembly ("memory-safe") {
            calldatacopy(to, from, sub(_TERMS_BYTES, 0x20))
        }
    }

    /// @notice Gives `keccak256(abi.encode(ACCESS_REQUEST_TYPEHASH, request))`, the EIP-712 struct hash.
    /// @dev A struct of static members lies in memory as `abi.encode` writes it. The word before it makes room for the
    /// type hash and gets its value back.
    /// @param request whose members lie one behind the other.
    /// @return structHash of the request.
    function hashOf(AccessRequest memory request) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = ACCESS_REQUEST_TYPEHASH;
        assembly ("memory-safe") {
            let start := sub(request, 0x20)
            let kept := mload(start)
            mstore(start, typeHash)
            structHash := keccak256(start, _REQUEST_BYTES)
            mstore(start, kept)
        }
    }

    /// @notice Gives `keccak256(abi.encode(CONSENT_TERMS_TYPEHASH, terms))`, the EIP-712 struct hash.
    /// @dev Reverts, as the compiler's own code does, where a member does not fit its type. Otherwise the ledger could
    /// be given a call that it takes and that no reader of the chain can read.
    /// @param terms as they travelled.
    /// @return structHash of the terms.
    function hashOf(ConsentTerms calldata terms) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = CONSENT_TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            calldatacopy(add(start, 0x20), terms, sub(_TERMS_BYTES, 0x20))
            let part := add(start, 0x60) // from the institution on
            let excess := shr(160, mload(part))
            excess := or(excess, shr(32, mload(add(part, 0x80)))) // categories
            excess := or(excess, shr(32, mload(add(part, 0xa0)))) // purposes
            excess := or(excess, shr(8, mload(add(part, 0xc0)))) // actions
            excess := or(excess, shr(8, mload(add(part, 0xe0)))) // highest sensitivity
            excess := or(excess, shr(16, mload(add(part, 0x100)))) // data from
            excess := or(excess, shr(16, mload(add(part, 0x120)))) // data until
            excess := or(excess, shr(64, mload(add(part, 0x140)))) // valid from
            excess := or(excess, shr(64, mload(add(part, 0x160)))) // valid until
            excess := or(excess, shr(32, mload(add(part, 0x180)))) // number of uses
            excess := or(excess, shr(1, mload(add(part, 0x1a0)))) // onward disclosure
            excess := or(excess, shr(64, mload(add(part, 0x1c0)))) // erase by
            excess := or(excess, shr(32, mload(add(part, 0x200)))) // version of the notice
            excess := or(excess, shr(8, mload(add(part, 0x220)))) // assurance
            if excess {
                revert(0, 0)
            }
            structHash := keccak256(start, _TERMS_BYTES)
        }
    }

    /// @notice Gives `keccak256(abi.encode(a))`.
    /// @param a a word.
    /// @return hash of it.
    function hashOf(bytes32 a) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, a)
            hash := keccak256(0, 32)
        }
    }

    /// @notice Gives `keccak256(abi.encode(a, b, c))`.
    /// @param a first word.
    /// @param b second word.
    /// @param c third word.
    /// @return hash of the three.
    function hashOf(bytes32 a, bytes32 b, bytes32 c) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 32), b)
            mstore(add(free, 64), c)
            hash := keccak256(free, 96)
        }
    }

    /// @notice Gives `keccak256(abi.encode(a, b, c, d))`.
    /// @param a first word.
    /// @param b second word.
    /// @param c third word.
    /// @param d fourth word.
    /// @return hash of the four.
    function hashOf(bytes32 a, bytes32 b, bytes32 c, bytes32 d) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 32), b)
            mstore(add(free, 64), c)
            mstore(add(free, 96), d)
            hash := keccak256(free, 128)
        }
    }

    /// @notice Gives the root of the tree of RFC 6962 over hashes, with keccak-256; see `BatchTree`.
    /// @dev Works level by level in memory behind the free memory pointer, one word a node, and a node of 65 bytes
    /// behind those. A last node without a neighbour moves up as it is.
    /// @param hashes at least one.
    /// @return root of the tree.
    function rootOf(bytes32[] memory hashes) internal pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let level := mload(0x40)
            let width := shl(5, mload(hashes)) // in bytes, as every place below
            let source := add(hashes, 0x20)
            let node := add(level, width)
            mstore8(0, 0x00) // prefix of a leaf
            for { let at := 0 } lt(at, width) { at := add(at, 0x20) } {
                mstore(1, mload(add(source, at)))
                mstore(add(level, at), keccak256(0, 0x21))
            }
            mstore8(node, 0x01) // prefix of a node
            for {} gt(width, 0x20) {} {
                let above := 0
                for { let at := 0x20 } lt(at, width) { at := add(at, 0x40) } {
                    mcopy(add(node, 1), add(level, sub(at, 0x20)), 0x40)
                    mstore(add(level, above), keccak256(node, 0x41))
                    above := add(above, 0x20)
                }
                if and(width, 0x20) {
                    mstore(add(level, above), mload(add(level, sub(width, 0x20))))
                    above := add(above, 0x20)
                }
                width := above
            }
            root := mload(level)
        }
    }
}
