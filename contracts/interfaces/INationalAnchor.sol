// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ConflictEvidence,
    LedgerCheckpoint,
    LedgerIdentity,
    LogPlace,
    ProvenDecision,
    ReceiptPlace
} from "../types/LedgerCheckpoint.sol";
import {IAuthorities} from "./IAuthorities.sol";

/// @notice Life of a provincial ledger in the eyes of the nation.
enum LedgerStatus {
    NONE, // never admitted
    ACTIVE,
    FORKED, // a conflict was recorded, and two officers have not resolved it yet
    CLOSED, // for ever
    CLOSED_FORKED // for ever, with a conflict that two officers have not resolved
}

/// @notice How a checkpoint contradicts one that is anchored. Witnesses that keep to the rules never sign both.
enum Conflict {
    NONE,
    TWO_ROOTS, // the same size with another root
    NOT_A_PREFIX, // the smaller tree is not the beginning of the larger one
    TWO_BLOCKS, // the same block number with another hash
    WENT_BACK // more leaves at an earlier time or in no later block, or fewer at a later time or in no earlier block
}

/// @title The national ledger
/// @notice Lives on a chain of its own and takes checkpoints of provincial ledgers, each signed by a majority of the
/// witnesses that two officers of the national authority admitted for that ledger. It sees for itself that a ledger
/// only grows: each checkpoint comes with a consistency proof from the one before it. Whoever has a checkpoint here can
/// prove decisions of the province to a contract.
///
/// A checkpoint that enough witnesses signed and that contradicts an anchored one is no error: it is evidence, and the
/// call that brings it succeeds. The ledger is `FORKED` from then on, or `CLOSED_FORKED`: nothing is anchored and
/// nothing is proved until two officers have looked. Any two majorities of one list share a witness, so each conflict
/// of checkpoints of one list convicts at least one. Majorities of two lists need not: there, either all who signed one
/// of the two checkpoints did so against the rules, or the province showed two histories.
///
/// Who governs is as in `IAuthorities`. Acts that take two officers say so.
///
/// Example: three of five witnesses of Guangdong's ledger sign (size 1,000, root r). Anybody calls `anchor` with that,
/// the nodes from size 900, which is the newest here, and the three signatures.
interface INationalAnchor is IAuthorities {
    /// @notice The deployment began before.
    error NationalAnchorBegun();
    /// @notice A ledger has an origin, a chain id, a genesis block and a contract.
    error NationalAnchorIdentityInvalid();
    /// @notice The ledger was admitted before.
    /// @param ledgerId struct hash of its identity.
    /// @param status what it is.
    error NationalAnchorLedgerKnown(bytes32 ledgerId, LedgerStatus status);
    /// @notice The ledger has another status than the call needs.
    /// @param ledgerId struct hash of its identity.
    /// @param status what it is.
    error NationalAnchorStatusInvalid(bytes32 ledgerId, LedgerStatus status);
    /// @notice There are 1 to 32 witnesses, in ascending order of the hash of their signers, each a signer.
    /// @param place of the first that is not as it should be; their number where that is wrong.
    error NationalAnchorWitnessesInvalid(uint256 place);
    /// @notice More than half of the witnesses must sign, and no more than there are.
    /// @param threshold how many were to sign.
    /// @param count how many there are.
    error NationalAnchorThresholdInvalid(uint8 threshold, uint256 count);
    /// @notice A checkpoint has a size below 2^63 that is not zero, and neither root nor block hash is zero.
    error NationalAnchorCheckpointInvalid();
    /// @notice The checkpoint is ahead of the clock.
    /// @param seenAt when the witnesses say they saw it, in seconds.
    /// @param latest what would still be taken.
    error NationalAnchorTimeInvalid(uint64 seenAt, uint64 latest);
    /// @notice There are not as many signatures as signers, or fewer than must sign.
    /// @param signers how many are named.
    /// @param signatures how many signatures came.
    /// @param threshold how many must sign.
    error NationalAnchorQuorumMissing(uint256 signers, uint256 signatures, uint8 threshold);
    /// @notice Signers come in ascending order of their hash, each once.
    /// @param place of the first that does not.
    error NationalAnchorSignersUnordered(uint256 place);
    /// @notice The witnesses are others since, and their clocks are behind those of the witnesses before.
    /// @param seenAt when they say they saw it, in seconds.
    /// @param knownAt when those before saw the newest tree.
    error NationalAnchorTimeBehind(uint64 seenAt, uint64 knownAt);
    /// @notice Two officers resolved a fork after the list was replaced; its conflicts are recorded no longer.
    /// @param ledgerId struct hash of the identity.
    /// @param version of the list.
    error NationalAnchorListUnheard(bytes32 ledgerId, uint32 version);
    /// @notice The checkpoint does not contradict the anchored one.
    /// @param ledgerId struct hash of the identity.
    /// @param size of its tree.
    /// @param against size of the anchored one.
    error NationalAnchorNoConflict(bytes32 ledgerId, uint256 size, uint256 against);
    /// @notice The signer is no witness of this ledger in the list that must sign.
    /// @param ledgerId struct hash of the identity.
    /// @param signer ERC-7913.
    error NationalAnchorWitnessUnknown(bytes32 ledgerId, bytes signer);
    /// @notice A signature is not the signer's over this checkpoint.
    /// @param signer ERC-7913.
    error NationalAnchorSignatureInvalid(bytes signer);
    /// @notice This conflict was recorded before.
    /// @param checkpointHash struct hash of the checkpoint.
    error NationalAnchorConflictKnown(bytes32 checkpointHash);
    /// @notice A tree of this size and root is anchored already.
    /// @param ledgerId struct hash of the identity.
    /// @param size of the tree.
    error NationalAnchorRepeated(bytes32 ledgerId, uint256 size);
    /// @notice The checkpoint is of a smaller tree than the newest one, and shows no conflict.
    /// @param ledgerId struct hash of the identity.
    /// @param size of its tree.
    /// @param newest size of the newest one.
    error NationalAnchorStale(bytes32 ledgerId, uint256 size, uint256 newest);
    /// @notice The nodes do not lead to the root of the larger tree.
    /// @param smaller size of the smaller tree.
    /// @param larger size of the larger one.
    error NationalAnchorNodesInvalid(uint256 smaller, uint256 larger);
    /// @notice No tree of this size is anchored.
    /// @param ledgerId struct hash of the identity.
    /// @param size asked for.
    error NationalAnchorNotAnchored(bytes32 ledgerId, uint256 size);
    /// @notice The path does not lead from the event to the anchored root.
    /// @param leaf hash of the event's entry.
    /// @param root that is anchored.
    error NationalAnchorPathInvalid(bytes32 leaf, bytes32 root);
    /// @notice The headers do not begin with the anchored block, or one is not the parent of the one before it.
    /// @param blockHash that is anchored.
    error NationalAnchorHeadersInvalid(bytes32 blockHash);
    /// @notice The transaction failed, or has no such log, or the log is of another contract.
    /// @param transactionIndex as given.
    /// @param logIndex as given.
    error NationalAnchorLogMissing(uint256 transactionIndex, uint256 logIndex);
    /// @notice The event is no decision.
    error NationalAnchorNoDecision();

    /// @notice A provincial ledger was admitted.
    /// @param ledgerId struct hash of its identity.
    /// @param authority for which the officers acted.
    /// @param identity of the ledger.
    event LedgerAdmitted(bytes32 indexed ledgerId, address indexed authority, LedgerIdentity identity);
    /// @notice A ledger has other witnesses.
    /// @param ledgerId struct hash of its identity.
    /// @param version of the list, from 1.
    /// @param witnesses ERC-7913 signers.
    /// @param threshold how many must sign.
    event WitnessesChanged(bytes32 indexed ledgerId, uint32 indexed version, bytes[] witnesses, uint8 threshold);
    /// @notice A ledger has another status, by two officers.
    /// @param ledgerId struct hash of its identity.
    /// @param authority for which the officers acted.
    /// @param status the new one.
    /// @param reasonHash hash of a reason.
    event LedgerStatusChanged(
        bytes32 indexed ledgerId, address indexed authority, LedgerStatus status, bytes32 reasonHash
    );
    /// @notice A checkpoint was anchored.
    /// @param ledgerId struct hash of the identity.
    /// @param size of the tree.
    /// @param checkpoint what was signed.
    /// @param signers ERC-7913 signers of witnesses.
    /// @param signatures theirs.
    event CheckpointAnchored(
        bytes32 indexed ledgerId,
        uint64 indexed size,
        LedgerCheckpoint checkpoint,
        bytes[] signers,
        bytes[] signatures
    );
    /// @notice Witnesses signed what contradicts an anchored checkpoint; the ledger is `FORKED`.
    /// @param ledgerId struct hash of the identity.
    /// @param checkpointHash struct hash of the checkpoint.
    /// @param conflict of which kind.
    /// @param evidence both checkpoints, and what shows the conflict.
    event ConflictRecorded(
        bytes32 indexed ledgerId,
        bytes32 indexed checkpointHash,
        Conflict indexed conflict,
        ConflictEvidence evidence
    );

    /// @notice Enters the national authority with its two first officers. Role: ADMIN, once.
    /// @dev Errors, in this order: Begun, then those of `IAuthorities`.
    /// @param authority its account, which is its first officer.
    /// @param secondOfficer another account.
    /// @param profileHash hash of its public description.
    function begin(address authority, address secondOfficer, bytes32 profileHash) external;
    /// @notice Admits a ledger with its witnesses. Role: NATIONAL, two officers.
    /// @dev Errors, in this order: ParticipantsRegionForbidden, IdentityInvalid, LedgerKnown, WitnessesInvalid,
    /// ThresholdInvalid.
    /// @param identity of the ledger.
    /// @param witnesses 1 to 32 ERC-7913 signers in ascending order of their keccak-256.
    /// @param threshold how many must sign: more than half.
    function admitLedger(LedgerIdentity calldata identity, bytes[] calldata witnesses, uint8 threshold) external;
    /// @notice Replaces the witnesses of a ledger that is not closed. Role: NATIONAL, two officers.
    /// @dev What the old ones signed is anchored no longer; see `recordConflict`. Errors, in this order:
    /// ParticipantsRegionForbidden, StatusInvalid, WitnessesInvalid, ThresholdInvalid.
    /// @param ledgerId struct hash of its identity.
    /// @param witnesses 1 to 32 ERC-7913 signers in ascending order of their keccak-256.
    /// @param threshold how many must sign: more than half.
    function changeWitnesses(bytes32 ledgerId, bytes[] calldata witnesses, uint8 threshold) external;
    /// @notice Lets a forked ledger go on from what is anchored; one that is closed stays so and proves again. Role:
    /// NATIONAL, two officers.
    /// @dev Former lists are heard no longer. Errors, in this order: ParticipantsRegionForbidden, StatusInvalid.
    /// @param ledgerId struct hash of its identity.
    /// @param reasonHash hash of what was found.
    function resolveFork(bytes32 ledgerId, bytes32 reasonHash) external;
    /// @notice Closes a ledger for ever: nothing more is anchored; what is stays, and proves unless the ledger is
    /// forked then or a conflict is recorded later. Role: NATIONAL, two officers.
    /// @dev Errors, in this order: ParticipantsRegionForbidden, StatusInvalid.
    /// @param ledgerId struct hash of its identity.
    /// @param reasonHash hash of a reason.
    function closeLedger(bytes32 ledgerId, bytes32 reasonHash) external;

    /// @notice Anchors a checkpoint, or records that it contradicts an anchored one. Anybody may bring one.
    /// @dev The conflicts are tried in the order of `Conflict`, `NOT_A_PREFIX` last. Errors, in this order:
    /// StatusInvalid (never admitted), CheckpointInvalid, TimeInvalid, ConflictKnown, QuorumMissing, then
    /// for each signer SignersUnordered, WitnessUnknown, SignatureInvalid, then Repeated, Stale, NodesInvalid, and for
    /// what is no conflict TimeBehind (of other witnesses than the newest), StatusInvalid (forked, or closed).
    /// @param checkpoint what was signed.
    /// @param nodes of the larger one of this tree and the newest anchored one: a consistency proof whose first node is
    /// never left out. None for the first checkpoint of a ledger; none are needed for other conflicts than
    /// `NOT_A_PREFIX`.
    /// @param signers ERC-7913 signers of witnesses, in ascending order of their keccak-256.
    /// @param signatures theirs, in the same order.
    /// @return conflict `NONE` where it was anchored.
    function anchor(
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external returns (Conflict conflict);

    /// @notice Records that a checkpoint contradicts an anchored one whose witnesses are of the same list, be it a
    /// former one. Anybody may bring one; nothing is anchored by it.
    /// @dev Errors, in this order: StatusInvalid (never admitted), CheckpointInvalid, TimeInvalid, ConflictKnown,
    /// NotAnchored, ListUnheard, then as `anchor`, from QuorumMissing to NodesInvalid, then NoConflict.
    /// @param against size of the anchored tree.
    /// @param checkpoint what was signed.
    /// @param nodes of the larger one of the two trees, as for `anchor`.
    /// @param signers ERC-7913 signers of witnesses of that list, in ascending order of their keccak-256.
    /// @param signatures theirs, in the same order.
    /// @return conflict which one.
    function recordConflict(
        uint64 against,
        LedgerCheckpoint calldata checkpoint,
        bytes32[] calldata nodes,
        bytes[] calldata signers,
        bytes[] calldata signatures
    ) external returns (Conflict conflict);

    /// @notice Proves a decision by the log of its ledger.
    /// @dev Errors, in this order: StatusInvalid (never admitted, or with an open conflict), NotAnchored, PathInvalid,
    /// NoDecision.
    /// @param identity of the ledger.
    /// @param size of the anchored tree.
    /// @param place of the event.
    /// @param topics of the event.
    /// @param data of the event.
    /// @param path siblings from the leaf up.
    /// @return decision what was decided.
    function verifyLoggedDecision(
        LedgerIdentity calldata identity,
        uint64 size,
        LogPlace calldata place,
        bytes32[] calldata topics,
        bytes calldata data,
        bytes32[] calldata path
    ) external view returns (ProvenDecision memory decision);
    /// @notice Proves a decision by the chain of its ledger.
    /// @dev Errors, in this order: StatusInvalid (never admitted, or with an open conflict), NotAnchored,
    /// HeadersInvalid, those of OpenZeppelin's `TrieProof` and `RLP`, LogMissing, NoDecision.
    /// @param identity of the ledger.
    /// @param size of the anchored tree, whose block the headers begin with.
    /// @param headers RLP: the anchored block, its parent, and so on to the block of the decision. Those of QBFT blocks
    /// without seals, as their hash is taken.
    /// @param place of the log in the receipts of the last one.
    /// @param nodes of the receipt trie from the root to the receipt.
    /// @return decision what was decided.
    function verifyDecisionReceipt(
        LedgerIdentity calldata identity,
        uint64 size,
        bytes[] calldata headers,
        ReceiptPlace calldata place,
        bytes[] calldata nodes
    ) external view returns (ProvenDecision memory decision);

    /// @notice Gives what is known of a ledger.
    /// @param ledgerId struct hash of its identity.
    /// @return status what it is.
    /// @return size of the newest anchored tree; zero for none.
    /// @return conflicts how many were recorded.
    /// @return version of its list of witnesses.
    /// @return threshold how many of them must sign.
    function ledgerOf(
        bytes32 ledgerId
    )
        external
        view
        returns (LedgerStatus status, uint64 size, uint32 conflicts, uint32 version, uint8 threshold);
    /// @notice Gives the anchored checkpoint of a size.
    /// @param ledgerId struct hash of its identity.
    /// @param size of the tree.
    /// @return checkpoint all zero where there is none.
    function checkpointOf(bytes32 ledgerId, uint64 size) external view returns (LedgerCheckpoint memory checkpoint);
    /// @notice Gives the kind of conflict a checkpoint was recorded for.
    /// @param checkpointHash its struct hash.
    /// @return conflict `NONE` for none.
    function conflictOf(bytes32 checkpointHash) external view returns (Conflict conflict);
    /// @notice Whether a signer is a witness of a ledger today.
    /// @param ledgerId struct hash of its identity.
    /// @param signer ERC-7913.
    /// @return witness whether it is.
    function isWitness(bytes32 ledgerId, bytes calldata signer) external view returns (bool witness);
}
