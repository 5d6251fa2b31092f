// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ACCESS_REQUEST_TYPEHASH, CompactRequest, RequestCodes} from "../types/AccessRequest.sol";
import {CONSENT_TERMS_TYPEHASH, ConsentTerms} from "../types/ConsentTerms.sol";

/* solhint-disable no-inline-assembly */

/// @title Keccak-256 of words, without copies
/// @notice Each function gives what `keccak256(abi.encode(…))` or `keccak256(abi.encodePacked(…))` of its arguments
/// gives.
/// @dev The only assembly of the suite: ADR 0014 says what it saves. Words are laid out behind the free memory pointer,
/// which is not moved, or hashed where they lie.
library Hashing {
    /// @dev Bytes of the type hash and the twenty-one members of `ConsentTerms`.
    uint256 private constant _TERMS_BYTES = 22 * 32;

    /// @notice Gives the EIP-712 struct hash of the `AccessRequest` that is put together from what travelled and what
    /// its places stand for.
    /// @dev Member for member in the order of the type; `requestHashOf` gives the same of the whole struct.
    /// @param sent what travelled.
    /// @param institution who asks.
    /// @param consentId what is invoked, or zero.
    /// @param authorisationId what is invoked instead, or zero.
    /// @param releaseKeyHash of the key the data key is to be wrapped for.
    /// @return structHash of the request.
    function hashOf(
        CompactRequest calldata sent,
        address institution,
        bytes32 consentId,
        bytes32 authorisationId,
        bytes32 releaseKeyHash
    ) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = ACCESS_REQUEST_TYPEHASH;
        uint256 codes = RequestCodes.unwrap(sent.codes);
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            calldatacopy(add(start, 0x20), sent, 0x20) // request id, first of what travelled
            mstore(add(start, 0x40), institution)
            calldatacopy(add(start, 0x60), add(sent, 0x20), 0x20) // record id, second
            mstore(add(start, 0x80), consentId)
            mstore(add(start, 0xa0), authorisationId)
            mstore(add(start, 0xc0), and(codes, 0xff)) // purpose
            mstore(add(start, 0xe0), and(shr(8, codes), 0xff)) // action
            mstore(add(start, 0x100), and(shr(16, codes), 0xff)) // legal basis
            mstore(add(start, 0x120), and(shr(24, codes), 0xff)) // actor kind
            mstore(add(start, 0x140), and(shr(32, codes), 0xff)) // reason code
            calldatacopy(add(start, 0x160), add(sent, 0x60), 0x40) // reason hash and practitioner, fourth and fifth
            mstore(add(start, 0x1a0), releaseKeyHash)
            mstore(add(start, 0x1c0), and(shr(40, codes), 0xffffffffffffffff)) // issued at
            mstore(add(start, 0x1e0), and(shr(104, codes), 0xffffffffffffffff)) // expires at
            structHash := keccak256(start, 0x200)
        }
    }

    /// @notice Gives `keccak256(abi.encode(CONSENT_TERMS_TYPEHASH, terms))`, the EIP-712 struct hash.
    /// @dev As for a request.
    /// @param terms whose members lie one behind the other.
    /// @return structHash of the terms.
    function hashOf(ConsentTerms memory terms) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = CONSENT_TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let start := sub(terms, 32)
            let kept := mload(start)
            mstore(start, typeHash)
            structHash := keccak256(start, _TERMS_BYTES)
            mstore(start, kept)
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
