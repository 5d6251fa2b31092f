// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../interfaces/IConsents.sol";
import {BatchTree} from "../libraries/BatchTree.sol";
import {ConsentRules} from "../libraries/ConsentRules.sol";
import {AccessRequest} from "../types/AccessRequest.sol";
import {ConsentStatus, Reason, RecordStatus, Standing} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts, factsOf} from "../types/RecordFacts.sol";
import {RecordLeaf} from "../types/RecordLeaf.sol";

/// @title Every reason of the rules, one fault at a time
contract RulesTest {
    uint64 private constant _NOW = 1_800_000_000;
    bytes32 private constant _KEY = keccak256("release key");
    bytes32 private constant _OTHER = bytes32(uint256(0x07));

    /// @notice Each fault of a request has its reason.
    function test_judgeRequest_namesEachFault() external pure {
        AccessRequest memory r = _request();
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW), Reason.NONE);
        _same(ConsentRules.judgeRequest(r, Standing.SUSPENDED, _KEY, _NOW), Reason.INSTITUTION_SUSPENDED);
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, r.expiresAt), Reason.REQUEST_EXPIRED);
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW - 61), Reason.REQUEST_NOT_YET_VALID);
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _OTHER, _NOW), Reason.RELEASE_KEY_MISMATCH);
        r.purpose = 16;
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW), Reason.PURPOSE_UNKNOWN);
        r = _request();
        r.action = 3;
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW), Reason.ACTION_UNKNOWN);
        r = _request();
        r.actorKind = 3;
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW), Reason.ACTOR_UNKNOWN);
        r = _request();
        r.legalBasis = 99;
        _same(ConsentRules.judgeRequest(r, Standing.ACTIVE, _KEY, _NOW), Reason.LEGAL_BASIS_UNSUPPORTED);
    }

    /// @notice Each status of a record has its reason.
    function test_judgeRecord_namesEachStatus() external pure {
        _same(ConsentRules.judgeRecord(RecordStatus.NONE), Reason.RECORD_UNKNOWN);
        _same(ConsentRules.judgeRecord(RecordStatus.CURRENT), Reason.NONE);
        _same(ConsentRules.judgeRecord(RecordStatus.SUPERSEDED), Reason.RECORD_SUPERSEDED);
    }

    /// @notice A consent in order permits.
    function test_judgeConsent_permitsWhatIsInOrder() external pure {
        _judge(_request(), _terms(), _state(), Reason.NONE);
    }

    /// @notice Each way of not being in force has its reason.
    function test_judgeConsent_namesWhatIsNotInForce() external pure {
        ConsentState memory state = _state();
        state.status = ConsentStatus.NONE;
        _judge(_request(), _terms(), state, Reason.CONSENT_UNKNOWN);
        state.status = ConsentStatus.REVOKED;
        _judge(_request(), _terms(), state, Reason.CONSENT_REVOKED);
        ConsentTerms memory terms = _terms();
        terms.validFrom = _NOW + 1;
        _judge(_request(), terms, _state(), Reason.CONSENT_NOT_YET_VALID);
        terms = _terms();
        terms.validUntil = _NOW;
        _judge(_request(), terms, _state(), Reason.CONSENT_EXPIRED);
        state = _state();
        state.uses = 2;
        _judge(_request(), _terms(), state, Reason.USES_EXHAUSTED);
    }

    /// @notice Each party that is another has its reason.
    function test_judgeConsent_namesTheWrongParty() external pure {
        ConsentTerms memory terms = _terms();
        terms.subjectId = _OTHER;
        _judge(_request(), terms, _state(), Reason.SUBJECT_MISMATCH);
        terms = _terms();
        terms.institution = address(0xDEAD);
        _judge(_request(), terms, _state(), Reason.GRANTEE_MISMATCH);
        terms.group = _OTHER;
        _judge(_request(), terms, _state(), Reason.GRANTEE_MISMATCH);
        terms = _terms();
        terms.practitioner = _OTHER;
        _judge(_request(), terms, _state(), Reason.PRACTITIONER_MISMATCH);
        terms = _terms();
        terms.purposes = 1 << 2;
        _judge(_request(), terms, _state(), Reason.PURPOSE_NOT_GRANTED);
        terms = _terms();
        terms.actions = 1 << 2;
        _judge(_request(), terms, _state(), Reason.ACTION_NOT_GRANTED);
    }

    /// @notice A member of the group named is a grantee.
    function test_judgeConsent_permitsAMemberOfTheGroup() external pure {
        ConsentTerms memory terms = _terms();
        (terms.institution, terms.group) = (address(0), _OTHER);
        Reason reason = ConsentRules.judgeConsent(_request(), _facts(2), terms, _state(), true, _NOW);
        _same(reason, Reason.NONE);
    }

    /// @notice Content out of scope has its reason.
    function test_judgeConsent_namesContentOutOfScope() external pure {
        ConsentTerms memory terms = _terms();
        terms.categories = 1 << 4;
        _judge(_request(), terms, _state(), Reason.RECORD_NOT_IN_SCOPE);
        terms = _terms();
        terms.maxSensitivity = 5;
        Reason reason = ConsentRules.judgeConsent(_request(), _facts(5), terms, _state(), false, _NOW);
        _same(reason, Reason.LEVEL_FIVE_WILDCARD);
        terms.maxSensitivity = 1;
        _judge(_request(), terms, _state(), Reason.SENSITIVITY_EXCEEDED);
        terms = _terms();
        terms.dataUntil = 599;
        _judge(_request(), terms, _state(), Reason.DATA_PERIOD_EXCEEDED);
    }

    /// @notice Nothing is stored on the day it would have to be erased.
    function test_judgeConsent_namesThePassedEraseDate() external pure {
        AccessRequest memory request = _request();
        request.action = 2;
        ConsentTerms memory terms = _terms();
        (terms.actions, terms.eraseBy) = (1 << 2, _NOW);
        _judge(request, terms, _state(), Reason.ERASE_DATE_PASSED);
    }

    /// @notice The only record of a consent is named by itself.
    function test_isNamed_knowsTheOnlyRecord() external pure {
        bytes32 root = keccak256(abi.encode(_OTHER));
        require(ConsentRules.isNamed(_OTHER, root, new bytes32[](0)), "not named");
        require(!ConsentRules.isNamed(_KEY, root, new bytes32[](0)), "another is named");
    }

    /// @notice Three requests make a full tree on the left and one beside it.
    function test_consumedRootOf_movesTheOddOneUp() external pure {
        bytes32[] memory hashes = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) hashes[i] = keccak256(abi.encode(i));
        bytes32 first = keccak256(abi.encodePacked(hex"00", hashes[0]));
        bytes32 second = keccak256(abi.encodePacked(hex"00", hashes[1]));
        bytes32 third = keccak256(abi.encodePacked(hex"00", hashes[2]));
        bytes32 left = keccak256(abi.encodePacked(hex"01", first, second));
        bytes32 root = keccak256(abi.encodePacked(hex"01", left, third));
        require(BatchTree.consumedRootOf(hashes) == root, "another root");
    }

    function _judge(
        AccessRequest memory request,
        ConsentTerms memory terms,
        ConsentState memory state,
        Reason needed
    ) private pure {
        _same(ConsentRules.judgeConsent(request, _facts(2), terms, state, false, _NOW), needed);
    }

    function _request() private pure returns (AccessRequest memory request) {
        request.institution = address(0xB000);
        (request.purpose, request.action, request.legalBasis, request.actorKind) = (1, 1, 1, 1);
        request.practitioner = keccak256("practitioner");
        request.releaseKeyHash = _KEY;
        (request.issuedAt, request.expiresAt) = (_NOW, _NOW + 600);
    }

    function _terms() private pure returns (ConsentTerms memory terms) {
        (terms.subjectId, terms.institution) = (keccak256("subject"), address(0xB000));
        (terms.categories, terms.purposes, terms.actions) = (1 << 3, 1 << 1, 1 << 1);
        (terms.maxSensitivity, terms.dataUntil, terms.maxUses) = (3, 1_000, 2);
        (terms.validFrom, terms.validUntil) = (_NOW, _NOW + 1);
    }

    function _state() private pure returns (ConsentState memory state) {
        state.status = ConsentStatus.ACTIVE;
    }

    function _facts(uint8 sensitivity) private pure returns (RecordFacts facts) {
        RecordLeaf memory leaf;
        leaf.subjectId = keccak256("subject");
        (leaf.category, leaf.sensitivity, leaf.dataMonth) = (3, sensitivity, 600);
        return factsOf(leaf, uint48(_NOW));
    }

    function _same(Reason reason, Reason needed) private pure {
        require(reason == needed, "another reason");
    }
}
