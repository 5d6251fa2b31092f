// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../interfaces/IConsents.sol";
import {BasisRules} from "../libraries/BasisRules.sol";
import {BatchTree} from "../libraries/BatchTree.sol";
import {ConsentRules} from "../libraries/ConsentRules.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Regions} from "../libraries/Regions.sol";
import {Retention} from "../libraries/Retention.sol";
import {AccessRequest} from "../types/AccessRequest.sol";
import {ConsentStatus, Reason, RecordStatus} from "../types/Codes.sol";
import {ConsentFacts} from "../types/ConsentFacts.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts, factsOf} from "../types/RecordFacts.sol";
import {RecordLeaf} from "../types/RecordLeaf.sol";

/// @title Every reason of the rules, one fault at a time
contract RulesTest {
    uint64 private constant _NOW = 1_800_000_000;
    bytes32 private constant _KEY = keccak256("release key");
    bytes32 private constant _OTHER = bytes32(uint256(0x07));

    /// @notice Each fault of a request has its reason.
    function test_judgeRequest_namesEachFault() external view {
        AccessRequest memory r = _request();
        _judgeRequest(r, _NOW, Reason.NONE);
        _judgeRequest(r, _NOW + 600, Reason.REQUEST_EXPIRED);
        _judgeRequest(r, _NOW - 61, Reason.REQUEST_NOT_YET_VALID);
        _same(this.judgeRequest(r, false, true, _NOW), Reason.INSTITUTION_SUSPENDED);
        _same(this.judgeRequest(r, true, false, _NOW), Reason.RELEASE_KEY_MISMATCH);
        _setCodes(r, 16, 1, 1, 1);
        _judgeRequest(r, _NOW, Reason.PURPOSE_UNKNOWN);
        _setCodes(r, 1, 3, 1, 1);
        _judgeRequest(r, _NOW, Reason.ACTION_UNKNOWN);
        _setCodes(r, 1, 1, 1, 3);
        _judgeRequest(r, _NOW, Reason.ACTOR_UNKNOWN);
        _setCodes(r, 1, 1, 99, 1);
        _judgeRequest(r, _NOW, Reason.LEGAL_BASIS_UNSUPPORTED);
        r = _request();
        r.reasonCode = 1;
        _judgeRequest(r, _NOW, Reason.LEGAL_BASIS_UNSUPPORTED);
        r.legalBasis = 2;
        _judgeRequest(r, _NOW, Reason.NONE);
        r = _request();
        r.practitioner = bytes32(0);
        _judgeRequest(r, _NOW, Reason.ACTOR_UNKNOWN);
    }

    /// @notice In the last minute of 64-bit time the tolerance does not run over.
    function test_judgeRequest_holdsInTheLastMinuteOfTime() external view {
        AccessRequest memory request = _request();
        uint256 last = type(uint64).max;
        (request.issuedAt, request.expiresAt) = (uint64(last - 1), uint64(last));
        _judgeRequest(request, type(uint64).max - 1, Reason.NONE);
        _judgeRequest(request, type(uint64).max - 62, Reason.REQUEST_NOT_YET_VALID);
    }

    /// @notice Only the current version of a record is permitted, and each other status has its own reason.
    function test_judgeRecord_permitsTheCurrentVersionAlone() external pure {
        _same(ConsentRules.judgeRecord(RecordStatus.NONE), Reason.RECORD_UNKNOWN);
        _same(ConsentRules.judgeRecord(RecordStatus.CURRENT), Reason.NONE);
        _same(ConsentRules.judgeRecord(RecordStatus.SUPERSEDED), Reason.RECORD_SUPERSEDED);
        _same(ConsentRules.judgeRecord(RecordStatus.RESTRICTED), Reason.RECORD_RESTRICTED);
        _same(ConsentRules.judgeRecord(RecordStatus.ERASED), Reason.RECORD_ERASED);
        require(type(RecordStatus).max == RecordStatus.ERASED, "a status without a case");
    }

    /// @notice A consent in order permits.
    function test_judgeConsent_permitsWhatIsInOrder() external view {
        _judge(_request(), _terms(), _state(), Reason.NONE);
    }

    /// @notice Each way of not being in force has its reason.
    function test_judgeConsent_namesWhatIsNotInForce() external view {
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
    function test_judgeConsent_namesTheWrongParty() external view {
        Reason reason = this.judgeConsent(_request(), _facts(2), _terms(), _state(), false, true);
        _same(reason, Reason.SUBJECT_MISMATCH);
        reason = this.judgeConsent(_request(), _facts(2), _terms(), _state(), true, false);
        _same(reason, Reason.GRANTEE_MISMATCH);
        ConsentTerms memory terms = _terms();
        terms.practitioner = _OTHER;
        _judge(_request(), terms, _state(), Reason.PRACTITIONER_MISMATCH);
        terms = _terms();
        terms.purposes = 1 << 2;
        _judge(_request(), terms, _state(), Reason.PURPOSE_NOT_GRANTED);
        terms = _terms();
        terms.actions = 1 << 2;
        _judge(_request(), terms, _state(), Reason.ACTION_NOT_GRANTED);
    }

    /// @notice Content out of scope has its reason.
    function test_judgeConsent_namesContentOutOfScope() external view {
        ConsentTerms memory terms = _terms();
        terms.categories = 1 << 4;
        _judge(_request(), terms, _state(), Reason.RECORD_NOT_IN_SCOPE);
        terms = _terms();
        terms.maxSensitivity = 5;
        Reason reason = this.judgeConsent(_request(), _facts(5), terms, _state(), true, true);
        _same(reason, Reason.LEVEL_FIVE_WILDCARD);
        terms.maxSensitivity = 1;
        _judge(_request(), terms, _state(), Reason.SENSITIVITY_EXCEEDED);
        terms = _terms();
        terms.dataUntil = 599;
        _judge(_request(), terms, _state(), Reason.DATA_PERIOD_EXCEEDED);
        (terms.dataFrom, terms.dataUntil) = (601, 700);
        _judge(_request(), terms, _state(), Reason.DATA_PERIOD_EXCEEDED);
    }

    /// @notice Nothing is stored on the day it would have to be erased.
    function test_judgeConsent_namesThePassedEraseDate() external view {
        AccessRequest memory request = _request();
        _setCodes(request, 1, 2, 1, 1);
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
    function test_rootOf_movesTheOddOneUp() external pure {
        bytes32[] memory hashes = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) hashes[i] = keccak256(abi.encode(i));
        bytes32 first = keccak256(abi.encodePacked(hex"00", hashes[0]));
        bytes32 second = keccak256(abi.encodePacked(hex"00", hashes[1]));
        bytes32 third = keccak256(abi.encodePacked(hex"00", hashes[2]));
        bytes32 left = keccak256(abi.encodePacked(hex"01", first, second));
        bytes32 root = keccak256(abi.encodePacked(hex"01", left, third));
        require(Hashing.rootOf(hashes) == root, "another root");
    }

    /// @notice A path leads from each leaf to the root, and from nothing else.
    function test_isAlong_holdsForEachLeaf() external view {
        bytes32[] memory hashes = new bytes32[](3);
        bytes32[3] memory leaves;
        for (uint256 i = 0; i < 3; ++i) {
            hashes[i] = keccak256(abi.encode(i));
            leaves[i] = keccak256(abi.encodePacked(hex"00", hashes[i]));
        }
        bytes32 left = keccak256(abi.encodePacked(hex"01", leaves[0], leaves[1]));
        bytes32 root = Hashing.rootOf(hashes);
        bytes32[] memory path = new bytes32[](2);
        (path[0], path[1]) = (leaves[1], leaves[2]);
        require(this.isAlong(root, hashes[0], 0, path), "the first is not along");
        path[0] = leaves[0];
        require(this.isAlong(root, hashes[1], 1, path), "the second is not along");
        require(!this.isAlong(root, hashes[1], 0, path), "along from another place");
        require(!this.isAlong(root, hashes[1], 3, path), "along from a place that is none");
        require(!this.isAlong(root, hashes[1], 1, new bytes32[](0)), "along without a path");
        path = new bytes32[](1);
        path[0] = left;
        require(this.isAlong(root, hashes[2], 2, path), "the odd one is not along");
    }

    /// @notice What the patient decided in advance beats an emergency, forbidding before excluding.
    function test_judgeEmergency_namesWhatWasDecidedInAdvance() external view {
        AccessRequest memory request = _request();
        _setCodes(request, 2, 1, 2, 1);
        request.reasonCode = 1;
        _same(this.judgeEmergency(request, false, false), Reason.EMERGENCY_INCOMPLETE);
        request.reasonHash = _OTHER;
        _same(this.judgeEmergency(request, false, false), Reason.NONE);
        _same(this.judgeEmergency(request, false, true), Reason.EXCLUDED);
        _same(this.judgeEmergency(request, true, true), Reason.EMERGENCY_FORBIDDEN);
    }

    /// @notice An authority of the country is everywhere, another in its province.
    function test_regions_areProvinces() external pure {
        require(Regions.isWithin(440_300, 0) && Regions.isWithin(440_300, 440_000), "not within");
        require(!Regions.isWithin(440_300, 110_000), "within another province");
    }

    /// @notice Fifteen years for outpatients, thirty for all others, from the end of the month.
    function test_retention_endsWithTheYears() external pure {
        require(Retention.endOf(0, 1) == 476_064_000, "not 1 February 1985");
        require(Retention.endOf(0, 2) - Retention.endOf(0, 1) == 5_478 days, "not fifteen years more");
    }

    /// @notice Brings a request into calldata.
    /// @param request what is asked.
    /// @param forbidden whether the patient forbids emergencies.
    /// @param excluded whether the patient excluded who asks.
    /// @return reason first that applies.
    function judgeEmergency(
        AccessRequest calldata request,
        bool forbidden,
        bool excluded
    ) external pure returns (Reason reason) {
        return BasisRules.judgeEmergency(request, forbidden, excluded, 0, 1);
    }

    /// @notice Brings a path into calldata.
    /// @param root of a tree of three leaves.
    /// @param hash what the leaf is made of.
    /// @param index place of the leaf.
    /// @param path siblings.
    /// @return along whether it leads to the root.
    function isAlong(
        bytes32 root,
        bytes32 hash,
        uint256 index,
        bytes32[] calldata path
    ) external pure returns (bool along) {
        return BatchTree.isAlong(root, hash, index, 3, path);
    }

    /// @notice Brings a request into calldata.
    /// @param request what is asked.
    /// @param active whether the institution is.
    /// @param ownKey whether the release key is its own.
    /// @param blockTime when.
    /// @return reason first that applies.
    function judgeRequest(
        AccessRequest memory request,
        bool active,
        bool ownKey,
        uint64 blockTime
    ) external pure returns (Reason reason) {
        return ConsentRules.judgeRequest(request, active, ownKey, blockTime);
    }

    /// @notice Brings a request into calldata.
    /// @param request what is asked.
    /// @param facts of the record.
    /// @param terms of the consent.
    /// @param state of the consent.
    /// @param bySubject whether the subject is that of the record.
    /// @param toGrantee whether the institution is the one named.
    /// @return reason first that applies.
    function judgeConsent(
        AccessRequest calldata request,
        RecordFacts facts,
        ConsentTerms calldata terms,
        ConsentState calldata state,
        bool bySubject,
        bool toGrantee
    ) external pure returns (Reason reason) {
        uint256 word = uint256(state.status) | (uint256(state.uses) << 8) | (uint256(state.grantedAt) << 40);
        ConsentFacts packed = ConsentFacts.wrap(word);
        return ConsentRules.judgeConsent(request, facts, terms, packed, bySubject, toGrantee, _NOW);
    }

    function _judgeRequest(AccessRequest memory request, uint64 blockTime, Reason needed) private view {
        _same(this.judgeRequest(request, true, true, blockTime), needed);
    }

    function _judge(
        AccessRequest memory request,
        ConsentTerms memory terms,
        ConsentState memory state,
        Reason needed
    ) private view {
        _same(this.judgeConsent(request, _facts(2), terms, state, true, true), needed);
    }

    function _request() private pure returns (AccessRequest memory request) {
        _setCodes(request, 1, 1, 1, 1);
        (request.issuedAt, request.expiresAt) = (_NOW, _NOW + 600);
        request.practitioner = keccak256("practitioner");
    }

    function _setCodes(
        AccessRequest memory request,
        uint8 purpose,
        uint8 action,
        uint8 legalBasis,
        uint8 actorKind
    ) private pure {
        (request.purpose, request.action) = (purpose, action);
        (request.legalBasis, request.actorKind) = (legalBasis, actorKind);
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
