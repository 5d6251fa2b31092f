// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry, AccessRequest, Material} from "../types/AccessRequest.sol";
import {Reason} from "../types/Codes.sol";
import {IConsents} from "./IConsents.sol";
import {IParticipants} from "./IParticipants.sol";
import {IRecords} from "./IRecords.sol";

/// @title The access log that decides
/// @notice Permit or deny is computed in the transaction that logs it. Each item of a batch is decided on its own: a
/// bad one is logged with its reason and never spoils its neighbours.
///
/// Example: a relay submits three signed requests. The first is permitted and counts one use. The second names a
/// revoked consent: denied, logged, its id used up. The third has a wrong signature: rejected, its id stays usable.
///
/// Heads. `head' = keccak256(abi.encode(key, head, entryHash))` with its low 48 bits replaced by the new sequence
/// number; `key` is the subjectId, or the institution's address as 32 bytes; a head starts as zero.
/// `entryHash = keccak256(abi.encode(requestHash, subjectId, reason, decidedAt))`.
///
/// NOTE: An institution with an account of 20 bytes signs its requests with that account's key; a contract there is not
/// asked, so that no institution can make a batch run out of gas. An admitted verifier gets 500,000 gas a signature.
///
/// A relay chooses leaves, terms and proofs, so none of them can make a denial of a request: wrong ones are rejected, and
/// the request can be submitted again with the right ones.
interface IAccessLedger {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error AccessLedgerRelayRequired(address account);
    /// @notice A batch is not empty and has one signature and one reference for each request.
    /// @param requests number of requests.
    /// @param signatures number of signatures.
    /// @param items number of references.
    error AccessLedgerBatchMalformed(uint256 requests, uint256 signatures, uint256 items);
    /// @notice Too little gas is left to ask a verifier; the whole batch is sent again with more, or in parts.
    /// @param left gas that is left.
    /// @param needed gas that must be left.
    error AccessLedgerGasMissing(uint256 left, uint256 needed);
    /// @notice The consents were wired to another access ledger.
    /// @param accessLedger the ledger that may count uses there.
    /// @param needed this contract.
    error AccessLedgerWiringMismatch(address accessLedger, address needed);

    /// @notice One decision, permitted or denied.
    /// @param requestId chosen by the client.
    /// @param subjectId pseudonym of the patient; zero when the record is unknown.
    /// @param institution who asked.
    /// @param entry the line of the log.
    event AccessDecided(
        uint256 indexed requestId, bytes32 indexed subjectId, address indexed institution, AccessEntry entry
    );
    /// @notice An item that was no authentic, fresh request with the right material. Nothing was decided.
    /// @param requestId as given.
    /// @param institution as given.
    /// @param requestHash EIP-712 struct hash of the request as given.
    /// @param reason one of `INSTITUTION_UNKNOWN` … `SCOPE_PROOF_INVALID`.
    /// @param relay who submitted it.
    event RequestRejected(
        uint256 indexed requestId, address indexed institution, bytes32 requestHash, Reason reason, address relay
    );

    /// @notice Decides a batch. An institution signs each EIP-712 `AccessRequest` in this contract's domain.
    /// @param requests what the institutions signed.
    /// @param signatures one for each request.
    /// @param material leaves and terms behind the requests, each once, and one reference for each request.
    function decide(AccessRequest[] calldata requests, bytes[] calldata signatures, Material calldata material)
        external;
    /// @notice Whether a request id is used up.
    /// @param institution who asked.
    /// @param requestId chosen by the client.
    /// @return decided true when it was permitted or denied; rejections leave it false.
    function isDecided(address institution, uint256 requestId) external view returns (bool decided);
    /// @notice Gives the head of a subject's log.
    /// @param subjectId its pseudonym.
    /// @return head of the subject's log; the low 48 bits are the sequence number of its latest entry.
    function subjectHead(bytes32 subjectId) external view returns (bytes32 head);
    /// @notice Gives the head of an institution's log.
    /// @param institution its account.
    /// @return head of the institution's log; the low 48 bits are the sequence number of its latest entry.
    function institutionHead(address institution) external view returns (bytes32 head);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of records.
    /// @return register the `Records` this contract was wired to.
    function records() external view returns (IRecords register);
    /// @notice Gives the register of consents.
    /// @return register the `Consents` this contract was wired to.
    function consents() external view returns (IConsents register);
}
