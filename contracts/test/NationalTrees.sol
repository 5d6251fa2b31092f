// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {NationalAnchor} from "../NationalAnchor.sol";
import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {LedgerCheckpoint, LedgerIdentity, LogPlace} from "../types/LedgerCheckpoint.sol";
import {NationalReader} from "./NationalReader.sol";
import {VM} from "./Vm.sol";

/// @title What the suite of the national ledger stands on: the deployment, a log of eight leaves, and blocks around it
abstract contract NationalTrees {
    uint64 internal constant _START = 1_800_000_000;
    address internal constant _SECOND = address(0xD000);
    address internal constant _LEDGER = address(0xA000);
    uint256 internal constant _WITNESS = 0xF000;
    uint64 internal constant _DECIDED = 5;
    bytes32 internal constant _OTHER = keccak256("other");

    NationalAnchor internal _anchor;
    NationalReader internal _reader = new NationalReader();
    bytes32 internal _id;

    function _identity() internal pure returns (LedgerIdentity memory identity) {
        return LedgerIdentity("ledger.example.org", 5, _OTHER, _LEDGER);
    }

    function _witnesses() internal pure returns (bytes[] memory witnesses) {
        witnesses = new bytes[](1);
        witnesses[0] = abi.encodePacked(VM.addr(_WITNESS));
    }

    function _seen(uint64 size) internal view returns (LedgerCheckpoint memory seen) {
        return LedgerCheckpoint(_id, size, _root(0, size), size, keccak256(abi.encode(size)), _START);
    }

    function _sign(LedgerCheckpoint memory seen) internal view returns (bytes[] memory signatures) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Consentry NationalAnchor"),
                keccak256("1"),
                block.chainid,
                address(_anchor)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, _reader.hashOf(seen)));
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(_WITNESS, digest);
        signatures = new bytes[](1);
        signatures[0] = abi.encodePacked(r, s, v);
    }

    function _place() internal pure returns (LogPlace memory place) {
        return LogPlace(3, _OTHER, _DECIDED);
    }

    function _topics() internal pure returns (bytes32[] memory topics) {
        topics = new bytes32[](4);
        topics[0] = IAccessLedger.AccessDecided.selector;
        (topics[1], topics[2]) = (bytes32(uint256(7)), _OTHER);
        topics[3] = bytes32(uint256(0xC000));
    }

    function _data() internal pure returns (bytes memory data) {
        return abi.encode(_OTHER, _OTHER, _OTHER, _OTHER, _OTHER, uint256(1), uint256(2));
    }

    function _leaf(uint64 index) internal view returns (bytes32 leaf) {
        if (index == _DECIDED) return _reader.leafOf(_identity(), _place(), _topics(), _data());
        return sha256(abi.encodePacked(bytes1(0x00), index));
    }

    function _newest() internal view returns (bytes32 root) {
        (, uint64 size, , , ) = _anchor.ledgerOf(_id);
        return _anchor.checkpointOf(_id, size).root;
    }

    /// @dev RFC 6962, section 2.1.
    function _root(uint64 from, uint64 to) internal view returns (bytes32 root) {
        if (to - from == 1) return _leaf(from);
        uint64 middle = from + _half(to - from);
        return sha256(abi.encodePacked(bytes1(0x01), _root(from, middle), _root(middle, to)));
    }

    function _half(uint64 count) internal pure returns (uint64 half) {
        half = 1;
        while (2 * half < count) half *= 2;
    }

    /// @dev Siblings of a leaf from the leaf up.
    function _path(uint64 index, uint64 size) internal view returns (bytes32[] memory path) {
        return _siblings(index, index + 1, 0, size, 0);
    }

    /// @dev Nodes of a consistency proof, the first never left out.
    function _nodes(uint64 smaller, uint64 larger) internal view returns (bytes32[] memory nodes) {
        if (smaller == 0) return nodes;
        return _siblings(smaller, smaller, 0, larger, 1);
    }

    /// @dev Walks down to a leaf (`kind` 0), or to the subtree that ends where the smaller tree does (1).
    function _siblings(
        uint64 mark,
        uint64 end,
        uint64 from,
        uint64 to,
        uint256 kind
    ) internal view returns (bytes32[] memory found) {
        bool there = kind == 0 ? to - from == 1 : to == end;
        if (there) {
            found = new bytes32[](kind);
            if (kind == 1) found[0] = _root(from, to);
            return found;
        }
        uint64 middle = from + _half(to - from);
        bool left = kind == 0 ? mark < middle : mark <= middle;
        bytes32[] memory below = left
            ? _siblings(mark, end, from, middle, kind)
            : _siblings(mark, end, middle, to, kind);
        found = new bytes32[](below.length + 1);
        for (uint256 i = 0; i < below.length; ++i) found[i] = below[i];
        found[below.length] = left ? _root(middle, to) : _root(from, middle);
    }

    function _log(address emitter) internal pure returns (bytes memory log) {
        bytes32[] memory words = _topics();
        bytes[] memory topics = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) topics[i] = RLP.encode(words[i]);
        bytes[] memory parts = new bytes[](3);
        parts[0] = RLP.encode(emitter);
        parts[1] = RLP.encode(topics);
        parts[2] = RLP.encode(_data());
        return RLP.encode(parts);
    }

    function _receipt(bytes memory log, uint256 status) internal pure returns (bytes memory receipt) {
        bytes[] memory logs = new bytes[](1);
        logs[0] = log;
        bytes[] memory members = new bytes[](4);
        members[0] = RLP.encode(status);
        members[1] = RLP.encode(uint256(21_000));
        members[2] = RLP.encode(new bytes(256));
        members[3] = RLP.encode(logs);
        return RLP.encode(members);
    }

    /// @dev The trie of one receipt: a leaf with the whole key of index 0, which is 0x80.
    function _trie(bytes memory receipt) internal pure returns (bytes[] memory nodes) {
        bytes[] memory leaf = new bytes[](2);
        leaf[0] = RLP.encode(bytes(hex"2080"));
        leaf[1] = RLP.encode(receipt);
        nodes = new bytes[](1);
        nodes[0] = RLP.encode(leaf);
    }

    function _header(bytes32 parent, bytes32 receiptsRoot) internal pure returns (bytes memory header) {
        bytes[] memory fields = new bytes[](15);
        for (uint256 i = 0; i < 15; ++i) fields[i] = RLP.encode(_OTHER);
        fields[0] = RLP.encode(parent);
        fields[5] = RLP.encode(receiptsRoot);
        return RLP.encode(fields);
    }
}
