// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../../interfaces/IConsents.sol";
import {AccessEntry, AccessRequest, CompactRequest, Material, Outcome} from "../../types/AccessRequest.sol";
import {Reason} from "../../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../../types/ConsentTerms.sol";
import {Suite} from "../Suite.sol";
import {VM, Vm} from "../Vm.sol";

/// @title Random histories of grants, revocations and accesses
/// @notice Keeps its own account of who signed what and of every decision, from events alone. The invariants compare
/// that account with the contracts.
contract AccessHandler {
    uint256 private constant _NONCES = 2;
    uint256 private constant _REQUEST_IDS = 12;
    bytes32 private constant _DECIDED = keccak256(
        "AccessDecided(uint256,bytes32,address,(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256))"
    );

    bytes32 private constant _REJECTED = keccak256("RequestRejected(uint256,address,bytes32,uint8,address)");

    Suite private immutable _suite;

    /// @notice All consents ever tried.
    bytes32[] public tried;
    mapping(bytes32 consentId => bool) private _known;
    /// @notice Whether the subject signed a grant of exactly these terms.
    mapping(bytes32 consentId => bool) public grantSigned;
    /// @notice Whether the subject signed a revocation.
    mapping(bytes32 consentId => bool) public revocationSigned;
    /// @notice Whether a revocation was accepted.
    mapping(bytes32 consentId => bool) public revoked;
    /// @notice Permitted accesses by consent.
    mapping(bytes32 consentId => uint256) public permits;
    /// @notice Heads as recomputed, by subjectId or by address as 32 bytes.
    mapping(bytes32 key => bytes32) public heads;
    /// @notice Decisions by institution and request id.
    mapping(address institution => mapping(uint256 requestId => uint256)) public decisions;

    /// @notice Accepted acts that no signature of the subject stood behind.
    uint256 public forgeries;
    /// @notice Accesses permitted under a revoked consent.
    uint256 public permitsAfterRevocation;
    /// @notice Request ids decided more than once.
    uint256 public repeats;
    /// @notice Entries of which the sequence numbers leave a gap or come twice.
    uint256 public gaps;
    /// @notice How often each outcome came up: permitted, denied, rejected.
    uint256[3] public outcomes;

    /// @param suite the contracts; this handler must be one of its relays.
    constructor(Suite suite) {
        _suite = suite;
    }

    /// @notice Tries to grant; one in three is signed by somebody else, one in six over other terms.
    /// @param subject picks the subject.
    /// @param hospital picks the grantee.
    /// @param nonce picks the nonce.
    /// @param forger picks the signer.
    function grant(uint256 subject, uint256 hospital, uint256 nonce, uint256 forger) external {
        (ConsentTerms memory terms, bytes32 id) = _pick(subject, hospital, nonce);
        uint256 key = _signer(subject, forger);
        bytes32 signed = forger % 6 == 5 ? keccak256(abi.encode(id)) : id;
        bool own = key == _suite.subjectKey(subject % 2) && signed == id;
        bytes memory signature = _suite.sign(key, address(_suite.consents()), "Consentry Consents", signed);
        try _suite.consents().grant(terms, signature) {
            if (!own) ++forgeries;
            grantSigned[id] = grantSigned[id] || own;
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Tries to revoke; one in three is signed by somebody else.
    /// @param subject picks the subject.
    /// @param hospital picks the grantee.
    /// @param nonce picks the nonce.
    /// @param forger picks the signer.
    function revoke(uint256 subject, uint256 hospital, uint256 nonce, uint256 forger) external {
        (ConsentTerms memory terms, bytes32 id) = _pick(subject, hospital, nonce);
        uint256 key = _signer(subject, forger);
        bool own = key == _suite.subjectKey(subject % 2);
        bytes32 structHash = _suite.hashes().revocationHash(id, terms.subjectId, bytes32(0));
        bytes memory signature = _suite.sign(key, address(_suite.consents()), "Consentry Consents", structHash);
        try _suite.consents().revoke(terms, bytes32(0), signature) {
            if (!own) ++forgeries;
            revocationSigned[id] = revocationSigned[id] || own;
            revoked[id] = true;
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Submits the same request once or twice in one batch, often one that was submitted before.
    /// @param hospital picks who asks.
    /// @param record picks what for; its subject decides whose consent is invoked.
    /// @param nonce picks the consent.
    /// @param requestId picks the request id.
    /// @param fault picks who signs, whether as a batch, and whether the item comes twice.
    function ask(uint256 hospital, uint256 record, uint256 nonce, uint256 requestId, uint256 fault) external {
        record %= 3;
        (ConsentTerms memory terms, bytes32 id) = _pick(record, hospital, nonce);
        AccessRequest memory request = _suite.requestOf(hospital % 2, record, id, requestId % _REQUEST_IDS);
        if (fault % 8 == 7) request.purpose = 2;
        uint256 key = fault % 5 == 4 ? _suite.subjectKey(0) : _suite.hospitalKey(hospital % 2);
        bytes32 requestHash = _suite.hashes().requestHash(request);
        bool whole = fault % 7 >= 4;
        bytes32 signed = whole ? _suite.hashes().batchHash(request.institution, requestHash) : requestHash;
        bytes memory signature = _suite.sign(key, address(_suite.ledger()), "Consentry AccessLedger", signed);
        VM.recordLogs();
        _submit(request, signature, terms, whole);
        if (fault % 3 == 0) _submit(request, signature, terms, whole);
        _follow(VM.getRecordedLogs(), request, requestHash);
    }

    /// @notice Lets time pass, up to a month.
    /// @param duration seconds.
    function wait(uint256 duration) external {
        VM.warp(block.timestamp + (duration % 30 days));
    }

    /// @notice Tries what an administrator might: counting uses past the ledger.
    /// @param index picks a consent.
    function meddle(uint256 index) external {
        if (tried.length == 0) return;
        bytes32 id = tried[index % tried.length];
        VM.prank(address(_suite));
        try _suite.consents().countUses(ConsentId.wrap(id), 1) {
            ++forgeries;
        } catch {
            // Refused, as it must be.
        }
    }

    /// @notice Gives how many consents were tried.
    /// @return count of them.
    function triedCount() external view returns (uint256 count) {
        return tried.length;
    }

    /// @notice Gives the state of a consent.
    /// @param id of the consent.
    /// @return state on chain.
    function stateOf(bytes32 id) external view returns (ConsentState memory state) {
        return _suite.consents().stateOf(ConsentId.wrap(id));
    }

    function _submit(
        AccessRequest memory request,
        bytes memory signature,
        ConsentTerms memory terms,
        bool whole
    ) private {
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, terms);
        if (whole) {
            _suite.ledger().decideBatch(requests, signature, material);
            return;
        }
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature;
        _suite.ledger().decide(requests, signatures, material);
    }

    function _pick(
        uint256 subject,
        uint256 hospital,
        uint256 nonce
    ) private returns (ConsentTerms memory terms, bytes32 id) {
        terms = _suite.termsOf(subject % 2, hospital % 2, nonce % _NONCES);
        id = _suite.hashes().consentId(terms);
        if (!_known[id]) {
            _known[id] = true;
            tried.push(id);
        }
    }

    /// @dev Moves the own heads past the decisions in the log and keeps the count.
    function _follow(Vm.Log[] memory logs, AccessRequest memory request, bytes32 requestHash) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == _REJECTED) ++outcomes[2];
            if (logs[i].topics[0] != _DECIDED) continue;
            AccessEntry memory entry = abi.decode(logs[i].data, (AccessEntry));
            bytes32 subjectId = logs[i].topics[2];
            uint256 outcome = Outcome.unwrap(entry.outcome);
            bool permitted = uint8(outcome) == uint8(Reason.NONE);
            ++outcomes[permitted ? 0 : 1];
            if (permitted) ++permits[entry.ground];
            if (permitted && revoked[entry.ground]) ++permitsAfterRevocation;
            if (++decisions[request.institution][request.requestId] > 1) ++repeats;
            bytes32 line = keccak256(abi.encode(requestHash, subjectId, uint8(outcome), uint64(outcome >> 8)));
            _advance(bytes32(uint256(uint160(request.institution))), line, uint48(outcome >> 120));
            _advance(subjectId, line, uint48(outcome >> 72));
        }
    }

    function _advance(bytes32 key, bytes32 line, uint48 sequence) private {
        bytes32 head = heads[key];
        uint48 needed = uint48(uint256(head)) + 1;
        if (sequence != needed) ++gaps;
        bytes32 chained = keccak256(abi.encode(key, head, line));
        heads[key] = bytes32((uint256(chained) >> 48 << 48) | needed);
    }

    function _signer(uint256 subject, uint256 forger) private view returns (uint256 key) {
        if (forger % 3 != 0) return _suite.subjectKey(subject % 2);
        return forger % 2 == 0 ? _suite.subjectKey(1 - (subject % 2)) : _suite.hospitalKey(subject % 2);
    }
}
