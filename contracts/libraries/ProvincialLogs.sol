// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {AccessEntry} from "../types/AccessRequest.sol";
import {LedgerIdentity, LogPlace, ProvenDecision, ReceiptPlace} from "../types/LedgerCheckpoint.sol";

/// @title Events of another chain
/// @notice The bytes under which an event stands in its ledger's log, the receipt that holds it, and the decision that
/// it is.
library ProvincialLogs {
    using Bytes for bytes;
    using Memory for Memory.Slice;
    using RLP for *;

    /// @notice An event as a receipt holds it.
    struct Log {
        address emitter;
        bytes32[] topics;
        bytes data;
    }

    bytes private constant _LABEL = "consentry.ledger-entry/v1";
    /// @dev Bytes of the seven members of `AccessEntry`.
    uint256 private constant _ENTRY_BYTES = 7 * 32;
    /// @dev Members of a receipt: status, gas used so far, bloom, logs. A type, where there is one, stands before it.
    uint256 private constant _STATUS = 0;
    uint256 private constant _LOGS = 3;
    uint256 private constant _RECEIPT_MEMBERS = 4;
    uint256 private constant _LOG_MEMBERS = 3;
    /// @dev First bytes below this one are types (EIP-2718).
    bytes1 private constant _LIST = 0xc0;

    /// @notice Gives the entry of an event in its ledger's log; `docs/formats/ledger-log.md`, section 1.
    /// @param identity of the ledger.
    /// @param place where the event stands.
    /// @param topics of the event.
    /// @param data of the event.
    /// @return entry its bytes.
    function entryOf(
        LedgerIdentity calldata identity,
        LogPlace calldata place,
        bytes32[] calldata topics,
        bytes calldata data
    ) internal pure returns (bytes memory entry) {
        bytes memory head = abi.encodePacked(
            uint32(_LABEL.length),
            _LABEL,
            uint32(32),
            identity.chainId,
            uint32(8),
            place.blockNumber,
            uint32(32),
            place.blockHash
        );
        return abi.encodePacked(
            head,
            uint32(20),
            identity.accessLedger,
            uint32(topics.length * 32),
            topics,
            uint32(data.length),
            data
        );
    }

    /// @notice Gives the receipts root of the block that headers lead to.
    /// @dev Each header is the parent of the one before it. Of a QBFT block the hash is taken without seals, so the
    /// header travels in that form.
    /// @param blockHash hash of the first one.
    /// @param headers RLP, the newest first.
    /// @return linked false where one has another hash than it should have; the root says nothing then.
    /// @return receiptsRoot of the last one.
    function receiptsRootOf(
        bytes32 blockHash,
        bytes[] calldata headers
    ) internal pure returns (bool linked, bytes32 receiptsRoot) {
        bytes32 expected = blockHash;
        for (uint256 i = 0; i < headers.length; ++i) {
            if (keccak256(headers[i]) != expected) return (false, 0);
            Memory.Slice[] memory fields = BlockHeader.parseHeader(headers[i]);
            expected = BlockHeader.getParentHash(fields);
            receiptsRoot = BlockHeader.getReceiptsRoot(fields);
        }
        return (headers.length != 0, receiptsRoot);
    }

    /// @notice Gives a log of a receipt that the trie of a block holds.
    /// @dev Where the trie does not hold it, OpenZeppelin throws `TrieProofTraversalError` or an error of its RLP.
    /// @param receiptsRoot of the block.
    /// @param place where the log stands.
    /// @param nodes of the trie, from the root to the receipt.
    /// @return present false where the transaction failed or its receipt has no such log.
    /// @return log the event.
    function logOf(
        bytes32 receiptsRoot,
        ReceiptPlace calldata place,
        bytes[] calldata nodes
    ) internal pure returns (bool present, Log memory log) {
        bytes memory receipt = TrieProof.traverse(receiptsRoot, RLP.encode(place.transactionIndex), nodes);
        Memory.Slice[] memory members = (receipt[0] < _LIST ? receipt.slice(1) : receipt).decodeList();
        if (members.length != _RECEIPT_MEMBERS || members[_STATUS].readUint256() != 1) return (false, log);
        Memory.Slice[] memory logs = members[_LOGS].readList();
        if (place.logIndex >= logs.length) return (false, log);
        Memory.Slice[] memory parts = logs[place.logIndex].readList();
        if (parts.length != _LOG_MEMBERS) return (false, log);
        Memory.Slice[] memory topics = parts[1].readList();
        log.emitter = parts[0].readAddress();
        log.topics = new bytes32[](topics.length);
        for (uint256 i = 0; i < topics.length; ++i) log.topics[i] = topics[i].readBytes32();
        log.data = parts[2].readBytes();
        return (true, log);
    }

    /// @notice Gives the decision that an event is.
    /// @param topics of the event.
    /// @param data of the event.
    /// @return decided false where it is no `AccessDecided`.
    /// @return decision what was decided.
    function decisionOf(
        bytes32[] memory topics,
        bytes memory data
    ) internal pure returns (bool decided, ProvenDecision memory decision) {
        if (topics.length != 4 || topics[0] != IAccessLedger.AccessDecided.selector) return (false, decision);
        if (data.length != _ENTRY_BYTES) return (false, decision);
        decision = ProvenDecision({
            requestId: uint256(topics[1]),
            subjectId: topics[2],
            institution: address(uint160(uint256(topics[3]))),
            entry: abi.decode(data, (AccessEntry))
        });
        return (true, decision);
    }
}
