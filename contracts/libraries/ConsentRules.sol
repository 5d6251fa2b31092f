// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ConsentState} from "../interfaces/IConsents.sol";
import {AccessRequest} from "../types/AccessRequest.sol";
import {
    ACTION_STORE,
    ACTOR_HUMAN,
    ACTOR_MACHINE,
    BASIS_CONSENT,
    CLOCK_TOLERANCE,
    ConsentStatus,
    HIGHEST_PURPOSE,
    HIGHEST_SENSITIVITY,
    Reason,
    RecordStatus,
    Standing
} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {SubjectFacts} from "../types/SubjectFacts.sol";

/// @title The rules of an access decision
/// @notice Pure: everything that was read from state and the time come as arguments. `consentry.core` states the same
/// rules in Python, and one file of vectors runs through both.
/// @dev Each function gives the first reason that applies, in the order of `src/consentry/core/access.py`, or
/// `NONE`. Nothing here reverts, with whatever values: shifts beyond the width of a set give zero.
library ConsentRules {
    /// @notice Reasons that lie in the request as such.
    /// @param request what the institution signed.
    /// @param standing of the institution.
    /// @param releaseKeyHash SHA-256 of the institution's registered release key.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE`, or `INSTITUTION_SUSPENDED` … `LEGAL_BASIS_UNSUPPORTED`.
    function judgeRequest(
        AccessRequest memory request,
        Standing standing,
        bytes32 releaseKeyHash,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        if (standing != Standing.ACTIVE) return Reason.INSTITUTION_SUSPENDED;
        if (blockTime >= request.expiresAt) return Reason.REQUEST_EXPIRED;
        if (request.issuedAt > blockTime + CLOCK_TOLERANCE) return Reason.REQUEST_NOT_YET_VALID;
        if (request.releaseKeyHash != releaseKeyHash) return Reason.RELEASE_KEY_MISMATCH;
        if (request.purpose == 0 || request.purpose > HIGHEST_PURPOSE) return Reason.PURPOSE_UNKNOWN;
        if (request.action == 0 || request.action > ACTION_STORE) return Reason.ACTION_UNKNOWN;
        bool knownKind = request.actorKind == ACTOR_HUMAN || request.actorKind == ACTOR_MACHINE;
        if (!knownKind || request.practitioner == bytes32(0)) return Reason.ACTOR_UNKNOWN;
        if (request.legalBasis != BASIS_CONSENT) return Reason.LEGAL_BASIS_UNSUPPORTED;
        return Reason.NONE;
    }

    /// @notice Reasons that lie in the record.
    /// @param status of the record version that is asked for.
    /// @return reason `NONE` for the current version alone.
    function judgeRecord(RecordStatus status) internal pure returns (Reason reason) {
        if (status == RecordStatus.NONE) return Reason.RECORD_UNKNOWN;
        if (status == RecordStatus.RESTRICTED) return Reason.RECORD_RESTRICTED;
        if (status == RecordStatus.ERASED) return Reason.RECORD_ERASED;
        return status == RecordStatus.CURRENT ? Reason.NONE : Reason.RECORD_SUPERSEDED;
    }

    /// @notice Whether a record is one of those a consent names.
    /// @param scopeKey id of the first version of the record that is asked for.
    /// @param recordsRoot of the terms, not zero.
    /// @param scopeProof Merkle proof of the record; empty when it is the only one.
    /// @return named whether the proof holds.
    function isNamed(
        bytes32 scopeKey,
        bytes32 recordsRoot,
        bytes32[] memory scopeProof
    ) internal pure returns (bool named) {
        return MerkleProof.verify(scopeProof, recordsRoot, keccak256(abi.encode(scopeKey)));
    }

    /// @notice Reasons that lie in the consent.
    /// @param request what the institution signed.
    /// @param facts of the record that is asked for.
    /// @param terms of the consent that is invoked.
    /// @param state of that consent.
    /// @param groupMember whether the institution is a member of the group named, if one is.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE`, or `CONSENT_UNKNOWN` … `USES_EXHAUSTED`.
    function judgeConsent(
        AccessRequest memory request,
        RecordFacts facts,
        ConsentTerms memory terms,
        ConsentState memory state,
        bool groupMember,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        reason = _judgeForce(terms, state.status, blockTime);
        if (reason == Reason.NONE) reason = _judgeParties(request, facts, terms, groupMember);
        if (reason == Reason.NONE) reason = _judgeContent(facts, terms);
        if (reason != Reason.NONE) return reason;
        if (request.action == ACTION_STORE && blockTime >= terms.eraseBy) return Reason.ERASE_DATE_PASSED;
        if (state.uses >= terms.maxUses) return Reason.USES_EXHAUSTED;
        return Reason.NONE;
    }

    /// @notice Whether who came of age has to consent anew: what a guardian granted in its minority ends with it. What
    /// a delegate of the grown-up granted later does not.
    /// @param terms of the consent that is invoked.
    /// @param grantedAt block time of the grant.
    /// @param facts of the subject.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE` or `RECONSENT_NEEDED`.
    function judgeAge(
        ConsentTerms memory terms,
        uint64 grantedAt,
        SubjectFacts facts,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        uint64 end = facts.minorUntilOf();
        bool inMinority = terms.guardian != bytes32(0) && grantedAt < end;
        return inMinority && blockTime >= end ? Reason.RECONSENT_NEEDED : Reason.NONE;
    }

    /// @dev Whether the consent is in force at all.
    function _judgeForce(
        ConsentTerms memory terms,
        ConsentStatus status,
        uint64 blockTime
    ) private pure returns (Reason reason) {
        if (status == ConsentStatus.NONE) return Reason.CONSENT_UNKNOWN;
        if (status == ConsentStatus.REVOKED) return Reason.CONSENT_REVOKED;
        if (blockTime < terms.validFrom) return Reason.CONSENT_NOT_YET_VALID;
        if (blockTime >= terms.validUntil) return Reason.CONSENT_EXPIRED;
        return Reason.NONE;
    }

    /// @dev Who, to whom, for what.
    function _judgeParties(
        AccessRequest memory request,
        RecordFacts facts,
        ConsentTerms memory terms,
        bool groupMember
    ) private pure returns (Reason reason) {
        if (!facts.isOf(terms.subjectId)) return Reason.SUBJECT_MISMATCH;
        bool named = terms.group == bytes32(0) ? terms.institution == request.institution : groupMember;
        if (!named) return Reason.GRANTEE_MISMATCH;
        if (terms.practitioner != bytes32(0) && terms.practitioner != request.practitioner) {
            return Reason.PRACTITIONER_MISMATCH;
        }
        if (!_contains(terms.purposes, request.purpose)) return Reason.PURPOSE_NOT_GRANTED;
        if (!_contains(terms.actions, request.action)) return Reason.ACTION_NOT_GRANTED;
        return Reason.NONE;
    }

    /// @dev Which content. That a named record is one of those named was shown before.
    function _judgeContent(
        RecordFacts facts,
        ConsentTerms memory terms
    ) private pure returns (Reason reason) {
        bool wildcard = terms.recordsRoot == bytes32(0);
        if (wildcard && !_contains(terms.categories, facts.categoryOf())) return Reason.RECORD_NOT_IN_SCOPE;
        if (wildcard && facts.sensitivityOf() == HIGHEST_SENSITIVITY) return Reason.LEVEL_FIVE_WILDCARD;
        if (facts.sensitivityOf() > terms.maxSensitivity) return Reason.SENSITIVITY_EXCEEDED;
        uint16 month = facts.dataMonthOf();
        bool inPeriod = month >= terms.dataFrom && month <= terms.dataUntil;
        return inPeriod ? Reason.NONE : Reason.DATA_PERIOD_EXCEEDED;
    }

    /// @dev Whether a set of codes has bit `1 << code`.
    function _contains(uint256 set, uint8 code) private pure returns (bool contained) {
        return set & (uint256(1) << code) != 0;
    }
}
