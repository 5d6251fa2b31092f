// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../Consents.sol";
import {IConsents} from "../interfaces/IConsents.sol";
import {AccessRequest, CompactRequest, Material, RequestCodes} from "../types/AccessRequest.sol";
import {ConsentStatus} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordId} from "../types/RecordLeaf.sol";
import {Suite} from "./Suite.sol";
import {VM, Vm} from "./Vm.sol";

/// @title Whatever is not exactly what was signed is refused
contract SignaturesTest {
    Suite private _suite;

    /// @notice Runs before each test.
    function setUp() external {
        _suite = new Suite();
        _suite.addRelay(address(this));
    }

    /// @notice The honest grant works, so that the refusals below mean something.
    function test_grant_succeedsWithTheSubjectsSignature() external {
        ConsentTerms memory terms = _suite.termsOf(0, 1, 0);
        bytes32 id = _suite.hashes().consentId(terms);
        _suite.consents().grant(terms, _signature(_suite.subjectKey(0), id));
        ConsentStatus status = _suite.consents().stateOf(ConsentId.wrap(id)).status;
        require(status == ConsentStatus.ACTIVE, "not granted");
    }

    /// @notice No other key can grant.
    /// @param key any private key.
    function testFuzz_grant_revertsWithAnyOtherKey(uint256 key) external {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        key = 1 + (key % (order - 1));
        VM.assume(key != _suite.subjectKey(0));
        ConsentTerms memory terms = _suite.termsOf(0, 1, 0);
        _requireRefused(terms, _signature(key, _suite.hashes().consentId(terms)));
    }

    /// @notice No change to the signature survives.
    /// @param position picks the byte.
    /// @param change what it is mixed with, not zero.
    function testFuzz_grant_revertsWithAChangedSignature(uint256 position, uint8 change) external {
        VM.assume(change != 0);
        ConsentTerms memory terms = _suite.termsOf(0, 1, 0);
        bytes memory signature = _signature(_suite.subjectKey(0), _suite.hashes().consentId(terms));
        position %= signature.length;
        signature[position] = bytes1(uint8(signature[position]) ^ change);
        _requireRefused(terms, signature);
    }

    /// @notice No bytes of any length pass for a signature.
    /// @param signature anything.
    function testFuzz_grant_revertsWithAnyBytes(bytes calldata signature) external {
        ConsentTerms memory terms = _suite.termsOf(0, 1, 0);
        _requireRefused(terms, signature);
    }

    /// @notice A batch is never spoiled, and nothing unsigned is ever decided.
    /// @param request anything; every second time from a known institution.
    /// @param terms anything; the request names them or none.
    /// @param signature anything.
    /// @param known picks the institution.
    function testFuzz_decide_neverRevertsAndRejectsTheUnsigned(
        AccessRequest memory request,
        ConsentTerms memory terms,
        bytes memory signature,
        bool known
    ) external {
        if (known) request.institution = _suite.hospitals(1);
        bytes32 institutionHead = _suite.ledger().institutionHead(request.institution);
        _decide(request, signature, terms);
        require(!_suite.ledger().isDecided(request.institution, request.requestId), "decided");
        require(_suite.ledger().institutionHead(request.institution) == institutionHead, "head moved");
    }

    /// @notice Whatever a known institution signs is dealt with without a revert, and leaves exactly one event.
    /// @param request anything; its record is unknown.
    /// @param terms anything; the request names them.
    /// @param proof anything.
    function testFuzz_decide_logsWhateverIsSigned(
        AccessRequest memory request,
        ConsentTerms memory terms,
        bytes32[] memory proof
    ) external {
        // Half of the consents name records: those need a proof that holds; a wrong one is refused unlogged.
        bool named = uint256(terms.recordsRoot) & 1 == 1;
        if (!named) terms.recordsRoot = bytes32(0);
        request.institution = _suite.hospitals(1);
        request.consentId = _suite.hashes().consentId(terms);
        request.authorisationId = bytes32(0);
        if (!_suite.codesOf(request).isByConsent()) {
            request.consentId = bytes32(0);
            named = false;
        }
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, terms);
        material.scopeProofs = new bytes32[][](1);
        material.scopeProofs[0] = proof;
        requests[0].places |= uint256(1) << 80;
        VM.recordLogs();
        _suite.ledger().decide(requests, _signed(request), material);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        require(logs.length == 1, "not exactly one entry");
        bool decided = _suite.ledger().isDecided(request.institution, request.requestId);
        require(decided != named, "a wrong proof is decided, or a right request is not");
        uint48 sequence = uint48(uint256(_suite.ledger().institutionHead(request.institution)));
        require(sequence == (named ? 0 : 1), "head does not follow what was logged");
    }

    /// @notice Whatever a relay changes in what travels makes a request that nobody signed, or reverts its own batch.
    /// @param place picks the word that is changed.
    /// @param change what it is mixed with.
    function testFuzz_decide_neverDecidesWhatWasChangedOnTheWay(uint256 place, uint256 change) external {
        ConsentTerms memory terms = _suite.termsOf(0, 1, 0);
        bytes32 id = _suite.hashes().consentId(terms);
        AccessRequest memory request = _suite.requestOf(1, 0, id, 1);
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, terms);
        bytes32 own = _suite.hashes().requestHash(request);
        _change(requests[0], material, place % 6, change);
        try _suite.ledger().decide(requests, _signed(request), material) {
            // Decided, rejected or, with bits that stand for nothing, the same request.
        } catch {
            return;
        }
        bool same = _suite.hashes().requestHash(_changed(request, requests[0], material)) == own;
        require(same || !_suite.ledger().isDecided(request.institution, 1), "another request was decided");
    }

    function _decide(AccessRequest memory request, bytes memory signature, ConsentTerms memory terms) private {
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, terms);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature;
        _suite.ledger().decide(requests, signatures, material);
    }

    function _signed(AccessRequest memory request) private view returns (bytes[] memory signatures) {
        bytes32 structHash = _suite.hashes().requestHash(request);
        uint256 key = _suite.hospitalKey(1);
        signatures = new bytes[](1);
        signatures[0] = _suite.sign(key, address(_suite.ledger()), "Consentry AccessLedger", structHash);
    }

    function _change(
        CompactRequest memory compact,
        Material memory material,
        uint256 place,
        uint256 change
    ) private pure {
        if (place == 0) compact.requestId ^= change;
        if (place == 1) compact.recordId = RecordId.wrap(RecordId.unwrap(compact.recordId) ^ bytes32(change));
        if (place == 2) material.codes[0] = RequestCodes.wrap(RequestCodes.unwrap(material.codes[0]) ^ change);
        if (place == 3) {
            material.reasonHashes = new bytes32[](1);
            material.reasonHashes[0] = bytes32(change);
            compact.places |= uint256(1) << 144;
        }
        if (place == 4) material.practitioners[0] ^= bytes32(change);
        if (place == 5) compact.places ^= change;
    }

    /// @dev What the signed request is with the changed words.
    function _changed(
        AccessRequest memory request,
        CompactRequest memory compact,
        Material memory material
    ) private pure returns (AccessRequest memory changed) {
        uint256 codes = RequestCodes.unwrap(material.codes[0]);
        bool named = uint16(compact.places >> 32) == 1;
        bool explained = uint16(compact.places >> 144) == 1 && material.reasonHashes.length == 1;
        changed = AccessRequest({
            requestId: compact.requestId,
            institution: request.institution,
            recordId: RecordId.unwrap(compact.recordId),
            consentId: named && !material.codes[0].isByAuthority() ? request.consentId : bytes32(0),
            authorisationId: bytes32(0),
            purpose: uint8(codes),
            action: uint8(codes >> 8),
            legalBasis: uint8(codes >> 16),
            actorKind: uint8(codes >> 24),
            reasonCode: uint8(codes >> 32),
            reasonHash: explained ? material.reasonHashes[0] : bytes32(0),
            practitioner: material.practitioners[0],
            releaseKeyHash: request.releaseKeyHash,
            issuedAt: uint64(codes >> 40),
            expiresAt: uint64(codes >> 104)
        });
    }

    function _requireRefused(ConsentTerms memory terms, bytes memory signature) private {
        Consents consents = _suite.consents();
        bytes32 id = _suite.hashes().consentId(terms);
        bytes4 selector = IConsents.ConsentsSignatureInvalid.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, id, terms.subjectId));
        consents.grant(terms, signature);
    }

    function _signature(uint256 key, bytes32 structHash) private view returns (bytes memory signature) {
        return _suite.sign(key, address(_suite.consents()), "Consentry Consents", structHash);
    }
}
