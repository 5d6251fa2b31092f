// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry, CompactRequest, Material} from "../types/AccessRequest.sol";
import {Reason} from "../types/Codes.sol";
import {ConsentId} from "../types/ConsentTerms.sol";
import {RecordId} from "../types/RecordLeaf.sol";
import {IAuthorisations} from "./IAuthorisations.sol";
import {IConsents} from "./IConsents.sol";
import {IEmergencies} from "./IEmergencies.sol";
import {IParticipants} from "./IParticipants.sol";
import {IRecords} from "./IRecords.sol";
import {ISubjects} from "./ISubjects.sol";

/// @title The access log that decides
/// @notice Permit or deny is computed in the transaction that logs it. Each item of a batch is decided on its own: a
/// bad one is logged with its reason and never spoils its neighbours.
///
/// Example: a relay submits three signed requests. The first is permitted and counts one use. The second names a
/// revoked consent: denied, logged, its id used up. The third has a wrong signature: rejected, its id stays usable.
///
/// Two forms. In `decide` an institution signs each request; in `decideBatch` it signs once the root of a tree over all
/// of them, and everything else is the same: each request is decided and logged on its own, and a path in the tree
/// proves later that the institution asked for just that one.
///
/// Packing. A request travels as `CompactRequest`; what repeats stands in the tables of `Material`. The signed
/// `AccessRequest` is put together from both, so whatever a relay changes makes it one that nobody signed.
///
/// Ground. A request invokes a consent or, where a statutory duty or public health is its legal basis, an authorisation
/// of an authority; never both, and in an emergency neither. The legal basis tells which of the two stands in the log.
/// Whoever signs a ground that does not go with the basis signs a request that cannot be put together.
///
/// Emergencies. Whoever looks without a consent because a life is at stake opens a debt, see `IEmergencies`.
///
/// Limits. A day begins at midnight UTC. An institution has a number of permitted accesses a day, and of them one of
/// emergencies; the next is denied, whatever else speaks for it.
///
/// Heads. `head' = keccak256(abi.encode(key, head, entryHash))` with its low 48 bits replaced by the new sequence
/// number; `key` is the subjectId, or the institution's address as 32 bytes; a head starts as zero.
/// `entryHash = keccak256(abi.encode(requestHash, subjectId, reason, decidedAt))`.
///
/// NOTE: An institution with an account of 20 bytes signs its requests with that account's key; a contract there is not
/// asked, so that no institution can make a batch run out of gas. An admitted verifier gets 500,000 gas a signature.
///
/// A relay chooses terms, leaves and proofs, so none of them can make a denial of a request: wrong ones are rejected,
/// and the request can be submitted again with the right ones.
///
/// WARNING: A place beyond its table, or a wrong subject, is a mistake of the relay alone and reverts its whole batch;
/// the former with `Panic(0x32)`.
interface IAccessLedger {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error AccessLedgerRelayRequired(address account);
    /// @notice A batch is not empty; where each request is signed, there is one signature for each.
    /// @param requests number of requests.
    /// @param signatures number of signatures.
    error AccessLedgerBatchMalformed(uint256 requests, uint256 signatures);
    /// @notice A batch under one signature is of exactly one institution.
    /// @param institutions number of institutions in the table.
    error AccessLedgerInstitutionsInvalid(uint256 institutions);
    /// @notice Consents of a batch come in ascending order of their ids, so that none comes twice.
    /// @param consentId the first that does not come after the one before it.
    error AccessLedgerConsentsUnordered(ConsentId consentId);
    /// @notice The subject a relay names is not that of the record.
    /// @param recordId what is asked for.
    /// @param subjectId as named; zero when none is.
    error AccessLedgerSubjectMismatch(RecordId recordId, bytes32 subjectId);
    /// @notice Too little gas is left to ask a verifier; the whole batch is sent again with more, or in parts.
    /// @param left gas that is left.
    /// @param needed gas that must be left.
    error AccessLedgerGasMissing(uint256 left, uint256 needed);
    /// @notice The consents or the emergencies were wired to another access ledger.
    /// @param accessLedger the ledger that may count uses or open debts there.
    /// @param needed this contract.
    error AccessLedgerWiringMismatch(address accessLedger, address needed);

    /// @notice A batch under one signature was submitted; the answers to its requests follow in their order.
    /// @param institution who asked.
    /// @param root of the tree over the struct hashes of the requests.
    /// @param size number of requests.
    /// @param signature over the EIP-712 `RequestBatch`; when it does not hold, every request is rejected.
    event BatchSubmitted(address indexed institution, bytes32 root, uint32 size, bytes signature);
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
    /// @dev Errors, in this order: RelayRequired, BatchMalformed, ConsentsUnordered, GasMissing, SubjectMismatch.
    /// @param requests what the institutions signed, packed.
    /// @param signatures one for each request.
    /// @param material terms and what else stands behind the requests, each once.
    function decide(CompactRequest[] calldata requests, bytes[] calldata signatures, Material calldata material)
        external;
    /// @notice Decides a batch of one institution, which signs the EIP-712 `RequestBatch` in this contract's domain.
    /// @dev Errors, in this order: RelayRequired, BatchMalformed, InstitutionsInvalid, ConsentsUnordered, GasMissing,
    /// SubjectMismatch.
    /// @param requests what the institution asks for, packed.
    /// @param signature over the batch.
    /// @param material terms and what else stands behind the requests, each once.
    function decideBatch(CompactRequest[] calldata requests, bytes calldata signature, Material calldata material)
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
    /// @notice Counts the permitted accesses of an institution today.
    /// @param institution its account.
    /// @return accesses all of them.
    /// @return inEmergency those in an emergency.
    function permitsToday(address institution) external view returns (uint256 accesses, uint256 inEmergency);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
    /// @notice Gives the register of records.
    /// @return register the `Records` this contract was wired to.
    function records() external view returns (IRecords register);
    /// @notice Gives the register of subjects.
    /// @return register the `Subjects` the register of consents was wired to.
    function subjects() external view returns (ISubjects register);
    /// @notice Gives the register of consents.
    /// @return register the `Consents` this contract was wired to.
    function consents() external view returns (IConsents register);
    /// @notice Gives the register of what emergency accesses owe.
    /// @return register the `Emergencies` this contract was wired to.
    function emergencies() external view returns (IEmergencies register);
    /// @notice Gives the register of what authorities allow.
    /// @return register the `Authorisations` this contract was wired to.
    function authorisations() external view returns (IAuthorisations register);
}
