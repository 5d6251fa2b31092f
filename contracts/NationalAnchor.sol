// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Authorities} from "./governance/Authorities.sol";
import {Conflict, INationalAnchor, LedgerStatus} from "./interfaces/INationalAnchor.sol";
import {LogTree} from "./libraries/LogTree.sol";
import {ProvincialLogs} from "./libraries/ProvincialLogs.sol";
import {CLOCK_TOLERANCE} from "./types/Codes.sol";
import {
    ConflictEvidence,
    LedgerCheckpoint,
    LedgerIdentity,
    LogPlace,
    ProvenDecision,
    ReceiptPlace
} from "./types/LedgerCheckpoint.sol";
import {FOUNDING_OFFICES} from "./types/Roles.sol";

/// @title The national ledger
/// @notice See `INationalAnchor`. Who may govern says the `Governance` given at deployment.
contract NationalAnchor is Authorities, EIP712, INationalAnchor {
    struct Ledger {
        LedgerStatus status;
        uint32 version; // of the list of witnesses, from 1
        uint32 heardFrom; // version of the first list whose conflicts are still recorded
        uint32 conflicts;
        uint64 size; // of the newest anchored tree
    }

    struct Anchor {
        bytes32 root;
        bytes32 blockHash;
        uint64 blockNumber;
        uint64 seenAt; // seconds
        uint32 version; // of the list whose witnesses signed it
    }

    uint256 private constant _MOST_WITNESSES = 32;
    /// @dev Bytes of an account, and of the verifier address that starts a longer signer.
    uint256 private constant _ACCOUNT_LENGTH = 20;

    mapping(bytes32 ledgerId => Ledger) private _ledgers;
    mapping(bytes32 ledgerId => mapping(uint32 version => mapping(bytes32 signerHash => bool))) private _witnesses;
    mapping(bytes32 ledgerId => mapping(uint32 version => uint8)) private _thresholds;
    mapping(bytes32 ledgerId => mapping(uint64 size => Anchor)) private _anchors;
    mapping(bytes32 checkpointHash => Conflict) private _conflicts;
    bool private _hasBegun;

    /// @param manager the `Governance` that says which account may call what.
    constructor(address manager) AccessManaged(manager) EIP712("Consentry NationalAnchor", "1") {}

    /// @inheritdoc INationalAnchor
    function begin(address authority_, address secondOfficer, bytes32 profileHash) external restricted {
        if (_hasBegun) revert NationalAnchorBegun();
        _hasBegun = true;
        _requireNewAuthority(authority_, _COUNTRY);
        if (secondOfficer == authority_) revert ParticipantsOfficerInvalid(secondOfficer);
        _requireAppointable(authority_, secondOfficer);
        _enterAuthority(authority_, _COUNTRY, profileHash, FOUNDING_OFFICES);
        _appoint(authority_, secondOfficer, FOUNDING_OFFICES);
    }

    /// @inheritdoc INationalAnchor
    function admitLedger(
        LedgerIdentity calldata identity,
        bytes[] calldata witnesses,
        uint8 threshold
    ) external restricted {
        _requireOfficerOver(_COUNTRY);
        bool whole = bytes(identity.origin).length != 0 && identity.chainId != 0 && identity.genesisHash != 0;
        if (!whole || identity.accessLedger == address(0)) revert NationalAnchorIdentityInvalid();
        bytes32 ledgerId = identity.ledgerIdOf();
        Ledger storage ledger = _ledgers[ledgerId];
        if (ledger.status != LedgerStatus.NONE) revert NationalAnchorLedgerKnown(ledgerId, ledger.status);
        _requireWitnesses(witnesses, threshold);
        if (!_isConfirmed(_COUNTRY)) return;
        ledger.status = LedgerStatus.ACTIVE;
        emit LedgerAdmitted(ledgerId, _ownAuthority(), identity);
        _enterWitnesses(ledgerId, witnesses, threshold);
    }

    /// @inheritdoc INationalAnchor
    function changeWitnesses(bytes32 ledgerId, bytes[] calldata witnesses, uint8 threshold) external restricted {
        _requireOfficerOver(_COUNTRY);
        _requireOpen(ledgerId);
        _requireWitnesses(witnesses, threshold);
        if (!_isConfirmed(_COUNTRY)) return;
        _enterWitnesses(ledgerId, witnesses, threshold);
    }

    /// @inheritdoc INationalAnchor
    function resolveFork(bytes32 ledgerId, bytes32 reasonHash) external restricted {
        _requireOfficerOver(_COUNTRY);
        LedgerStatus status = _ledgers[ledgerId].status;
        bool closed = status == LedgerStatus.CLOSED_FORKED;
        if (status != LedgerStatus.FORKED && !closed) revert NationalAnchorStatusInvalid(ledgerId, status);
        _changeStatus(ledgerId, closed ? LedgerStatus.CLOSED : LedgerStatus.ACTIVE, reasonHash, true);
    }

    /// @inheritdoc INationalAnchor
    function closeLedger(bytes32 ledgerId, bytes32 reasonHash) external restricted {
        _requireOfficerOver(_COUNTRY);
        bool forked = _requireOpen(ledgerId) == LedgerStatus.FORKED;
        _changeStatus(ledgerId, forked ? LedgerStatus.CLOSED_FORKED : LedgerStatus.CLOSED, reasonHash, false);
    }

    /// @inheritdoc INationalAnchor
    function anchor(
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external returns (Conflict conflict) {
        _requireAdmitted(checkpoint.ledgerId);
        _requireForm(checkpoint);
        uint32 version = _ledgers[checkpoint.ledgerId].version;
        _requireQuorum(checkpoint, version, signers, signatures);
        uint64 against = _ledgers[checkpoint.ledgerId].size;
        if (_anchors[checkpoint.ledgerId][checkpoint.size].root != 0) against = checkpoint.size;
        conflict = _compare(checkpoint, nodes, against, version);
        if (conflict == Conflict.NONE) {
            _keep(checkpoint, version);
            emit CheckpointAnchored(checkpoint.ledgerId, checkpoint.size, checkpoint, signers, signatures);
            return conflict;
        }
        _record(against, conflict, checkpoint, nodes, signers, signatures);
    }

    /// @inheritdoc INationalAnchor
    function recordConflict(
        uint64 against,
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external returns (Conflict conflict) {
        _requireAdmitted(checkpoint.ledgerId);
        _requireForm(checkpoint);
        uint32 version = _requireHeard(checkpoint.ledgerId, against);
        _requireQuorum(checkpoint, version, signers, signatures);
        conflict = _compare(checkpoint, nodes, against, version);
        if (conflict == Conflict.NONE) revert NationalAnchorNoConflict(checkpoint.ledgerId, checkpoint.size, against);
        _record(against, conflict, checkpoint, nodes, signers, signatures);
    }

    /// @inheritdoc INationalAnchor
    function verifyLoggedDecision(
        LedgerIdentity calldata identity,
        uint64 size,
        LogPlace calldata place,
        bytes32[] calldata topics,
        bytes calldata data,
        bytes32[] calldata path
    ) external view returns (ProvenDecision memory decision) {
        bytes32 root = _requireAnchor(identity, size).root;
        bytes32 leaf = LogTree.leafOf(ProvincialLogs.entryOf(identity, place, topics, data));
        if (!LogTree.isAlong(leaf, place.index, size, path, root)) revert NationalAnchorPathInvalid(leaf, root);
        return _decisionOf(topics, data);
    }

    /// @inheritdoc INationalAnchor
    function verifyDecisionReceipt(
        LedgerIdentity calldata identity,
        uint64 size,
        bytes[] calldata headers,
        ReceiptPlace calldata place,
        bytes[] calldata nodes
    ) external view returns (ProvenDecision memory decision) {
        bytes32 blockHash = _requireAnchor(identity, size).blockHash;
        (bool linked, bytes32 receiptsRoot) = ProvincialLogs.receiptsRootOf(blockHash, headers);
        if (!linked) revert NationalAnchorHeadersInvalid(blockHash);
        (bool present, ProvincialLogs.Log memory log) = ProvincialLogs.logOf(receiptsRoot, place, nodes);
        if (!present || log.emitter != identity.accessLedger) {
            revert NationalAnchorLogMissing(place.transactionIndex, place.logIndex);
        }
        return _decisionOf(log.topics, log.data);
    }

    /// @inheritdoc INationalAnchor
    function ledgerOf(
        bytes32 ledgerId
    )
        external
        view
        returns (LedgerStatus status, uint64 size, uint32 conflicts, uint32 version, uint8 threshold)
    {
        Ledger storage ledger = _ledgers[ledgerId];
        threshold = _thresholds[ledgerId][ledger.version];
        return (ledger.status, ledger.size, ledger.conflicts, ledger.version, threshold);
    }

    /// @inheritdoc INationalAnchor
    function conflictOf(bytes32 checkpointHash) external view returns (Conflict conflict) {
        return _conflicts[checkpointHash];
    }

    /// @inheritdoc INationalAnchor
    function isWitness(bytes32 ledgerId, bytes calldata signer) external view returns (bool witness) {
        return _witnesses[ledgerId][_ledgers[ledgerId].version][keccak256(signer)];
    }

    /// @inheritdoc INationalAnchor
    function checkpointOf(
        bytes32 ledgerId,
        uint64 size
    ) public view returns (LedgerCheckpoint memory checkpoint) {
        Anchor storage found = _anchors[ledgerId][size];
        if (found.root == 0) return checkpoint;
        return LedgerCheckpoint({
            ledgerId: ledgerId,
            size: size,
            root: found.root,
            blockNumber: found.blockNumber,
            blockHash: found.blockHash,
            seenAt: found.seenAt
        });
    }

    function _keep(LedgerCheckpoint calldata checkpoint, uint32 version) private {
        Ledger storage ledger = _ledgers[checkpoint.ledgerId];
        if (ledger.status != LedgerStatus.ACTIVE) {
            revert NationalAnchorStatusInvalid(checkpoint.ledgerId, ledger.status);
        }
        ledger.size = checkpoint.size;
        _anchors[checkpoint.ledgerId][checkpoint.size] = Anchor({
            root: checkpoint.root,
            blockHash: checkpoint.blockHash,
            blockNumber: checkpoint.blockNumber,
            seenAt: checkpoint.seenAt,
            version: version
        });
    }

    function _record(
        uint64 against,
        Conflict conflict,
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) private {
        ConflictEvidence memory evidence;
        evidence.checkpoint = checkpoint;
        evidence.known = checkpointOf(checkpoint.ledgerId, against);
        evidence.nodes = nodes;
        evidence.signers = signers;
        evidence.signatures = signatures;
        _markFork(checkpoint.ledgerId);
        bytes32 checkpointHash = checkpoint.checkpointHashOf();
        _conflicts[checkpointHash] = conflict;
        emit ConflictRecorded(checkpoint.ledgerId, checkpointHash, conflict, evidence);
    }

    function _markFork(bytes32 ledgerId) private {
        Ledger storage ledger = _ledgers[ledgerId];
        bool closed = ledger.status == LedgerStatus.CLOSED || ledger.status == LedgerStatus.CLOSED_FORKED;
        ledger.status = closed ? LedgerStatus.CLOSED_FORKED : LedgerStatus.FORKED;
        ++ledger.conflicts;
    }

    function _changeStatus(bytes32 ledgerId, LedgerStatus status, bytes32 reasonHash, bool resolved) private {
        if (!_isConfirmed(_COUNTRY)) return;
        Ledger storage ledger = _ledgers[ledgerId];
        // Two officers have looked at what there was against former lists: keys of those, lost since, stop nothing.
        if (resolved) ledger.heardFrom = ledger.version;
        ledger.status = status;
        emit LedgerStatusChanged(ledgerId, _ownAuthority(), status, reasonHash);
    }

    function _enterWitnesses(bytes32 ledgerId, bytes[] calldata witnesses, uint8 threshold) private {
        uint32 version = ++_ledgers[ledgerId].version;
        _thresholds[ledgerId][version] = threshold;
        for (uint256 i = 0; i < witnesses.length; ++i) _witnesses[ledgerId][version][keccak256(witnesses[i])] = true;
        emit WitnessesChanged(ledgerId, version, witnesses, threshold);
    }

    /// @dev What a checkpoint that witnesses of a list signed is beside the anchored one of a size; zero for none.
    function _compare(
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        uint64 against,
        uint32 version
    ) private view returns (Conflict conflict) {
        if (against == 0) {
            if (nodes.length != 0) revert NationalAnchorNodesInvalid(0, checkpoint.size);
            return Conflict.NONE;
        }
        Anchor storage known = _anchors[checkpoint.ledgerId][against];
        bool sameSize = checkpoint.size == against;
        if (sameSize && known.root != checkpoint.root) return Conflict.TWO_ROOTS;
        if (checkpoint.blockNumber == known.blockNumber && checkpoint.blockHash != known.blockHash) {
            return Conflict.TWO_BLOCKS;
        }
        if (sameSize) revert NationalAnchorRepeated(checkpoint.ledgerId, checkpoint.size);
        if (_hasGoneBack(checkpoint, known, against, known.version == version)) return Conflict.WENT_BACK;
        if (!_isPrefix(checkpoint, known.root, against, nodes)) return Conflict.NOT_A_PREFIX;
        if (checkpoint.seenAt < known.seenAt) revert NationalAnchorTimeBehind(checkpoint.seenAt, known.seenAt);
        return Conflict.NONE;
    }

    /// @dev A log only grows, and only with a block: more leaves were there later, in a later block. Clocks of two
    /// lists are not those of one, and nobody has to have signed both.
    function _hasGoneBack(
        LedgerCheckpoint calldata checkpoint,
        Anchor storage known,
        uint64 against,
        bool oneList
    ) private view returns (bool back) {
        if (checkpoint.size > against) {
            return (oneList && checkpoint.seenAt < known.seenAt) || checkpoint.blockNumber <= known.blockNumber;
        }
        return (oneList && checkpoint.seenAt > known.seenAt) || checkpoint.blockNumber >= known.blockNumber;
    }

    /// @dev Whether the smaller one of two trees is the beginning of the larger. What shows neither that nor the
    /// opposite is refused: a proof can be spoilt by anybody and convicts nobody.
    function _isPrefix(
        LedgerCheckpoint calldata checkpoint,
        bytes32 knownRoot,
        uint64 newest,
        bytes32[] calldata nodes
    ) private pure returns (bool prefix) {
        bool grows = checkpoint.size > newest;
        (uint64 smaller, uint64 larger) = grows ? (newest, checkpoint.size) : (checkpoint.size, newest);
        if (!grows && nodes.length == 0) {
            revert NationalAnchorStale(checkpoint.ledgerId, checkpoint.size, newest);
        }
        (bool complete, bytes32 older, bytes32 newer) = LogTree.rootsAlong(smaller, larger, nodes);
        if (!complete || newer != (grows ? checkpoint.root : knownRoot)) {
            revert NationalAnchorNodesInvalid(smaller, larger);
        }
        prefix = older == (grows ? knownRoot : checkpoint.root);
        if (prefix && !grows) revert NationalAnchorStale(checkpoint.ledgerId, checkpoint.size, newest);
    }

    function _requireForm(LedgerCheckpoint calldata checkpoint) private view {
        bool sized = checkpoint.size != 0 && checkpoint.size <= LogTree.MAX_SIZE;
        if (!sized || checkpoint.root == 0 || checkpoint.blockHash == 0) revert NationalAnchorCheckpointInvalid();
        uint64 latest = uint64(block.timestamp) + CLOCK_TOLERANCE;
        if (checkpoint.seenAt > latest) revert NationalAnchorTimeInvalid(checkpoint.seenAt, latest);
        bytes32 checkpointHash = checkpoint.checkpointHashOf();
        if (_conflicts[checkpointHash] != Conflict.NONE) revert NationalAnchorConflictKnown(checkpointHash);
    }

    function _requireQuorum(
        LedgerCheckpoint calldata checkpoint,
        uint32 version,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) private view {
        uint8 threshold = _thresholds[checkpoint.ledgerId][version];
        if (signers.length < threshold || signers.length != signatures.length) {
            revert NationalAnchorQuorumMissing(signers.length, signatures.length, threshold);
        }
        bytes32 digest = _hashTypedDataV4(checkpoint.checkpointHashOf());
        bytes32 last = 0;
        for (uint256 i = 0; i < signers.length; ++i) {
            bytes32 signerHash = keccak256(signers[i]);
            if (signerHash <= last) revert NationalAnchorSignersUnordered(i);
            if (!_witnesses[checkpoint.ledgerId][version][signerHash]) {
                revert NationalAnchorWitnessUnknown(checkpoint.ledgerId, signers[i]);
            }
            if (!SignatureChecker.isValidSignatureNow(signers[i], digest, signatures[i])) {
                revert NationalAnchorSignatureInvalid(signers[i]);
            }
            last = signerHash;
        }
    }

    /// @dev The version of the list that signed an anchored tree, if its conflicts are recorded.
    function _requireHeard(bytes32 ledgerId, uint64 against) private view returns (uint32 version) {
        if (_anchors[ledgerId][against].root == 0) revert NationalAnchorNotAnchored(ledgerId, against);
        version = _anchors[ledgerId][against].version;
        if (version < _ledgers[ledgerId].heardFrom) revert NationalAnchorListUnheard(ledgerId, version);
    }

    /// @dev The ledger was admitted and is not closed.
    function _requireOpen(bytes32 ledgerId) private view returns (LedgerStatus status) {
        status = _ledgers[ledgerId].status;
        bool open = status == LedgerStatus.ACTIVE || status == LedgerStatus.FORKED;
        if (!open) revert NationalAnchorStatusInvalid(ledgerId, status);
    }

    function _requireAdmitted(bytes32 ledgerId) private view {
        if (_ledgers[ledgerId].status == LedgerStatus.NONE) {
            revert NationalAnchorStatusInvalid(ledgerId, LedgerStatus.NONE);
        }
    }

    function _requireAnchor(
        LedgerIdentity calldata identity,
        uint64 size
    ) private view returns (Anchor storage found) {
        bytes32 ledgerId = identity.ledgerIdOf();
        LedgerStatus status = _ledgers[ledgerId].status;
        bool proves = status == LedgerStatus.ACTIVE || status == LedgerStatus.CLOSED;
        if (!proves) revert NationalAnchorStatusInvalid(ledgerId, status);
        found = _anchors[ledgerId][size];
        if (found.root == 0) revert NationalAnchorNotAnchored(ledgerId, size);
    }

    /// @dev Ascending hashes: no witness counts twice, and one list has one form.
    function _requireWitnesses(bytes[] calldata witnesses, uint8 threshold) private pure {
        uint256 count = witnesses.length;
        if (count == 0 || count > _MOST_WITNESSES) revert NationalAnchorWitnessesInvalid(count);
        bytes32 last = 0;
        for (uint256 i = 0; i < count; ++i) {
            bytes32 signerHash = keccak256(witnesses[i]);
            if (witnesses[i].length < _ACCOUNT_LENGTH || signerHash <= last) revert NationalAnchorWitnessesInvalid(i);
            last = signerHash;
        }
        if (2 * uint256(threshold) <= count || threshold > count) {
            revert NationalAnchorThresholdInvalid(threshold, count);
        }
    }

    function _decisionOf(
        bytes32[] memory topics,
        bytes memory data
    ) private pure returns (ProvenDecision memory decision) {
        bool decided;
        (decided, decision) = ProvincialLogs.decisionOf(topics, data);
        if (!decided) revert NationalAnchorNoDecision();
    }
}
