// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ConsentState} from "../interfaces/IConsents.sol";
import {CompactRequest, RequestCodes} from "../types/AccessRequest.sol";
import {
    ACTION_STORE,
    ACTOR_HUMAN,
    ACTOR_MACHINE,
    BASIS_PUBLIC_HEALTH,
    CLOCK_TOLERANCE,
    ConsentStatus,
    HIGHEST_PURPOSE,
    HIGHEST_SENSITIVITY,
    Reason,
    RecordStatus
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
    /// @param active whether the institution is not suspended.
    /// @param ownKey whether the release key of the request is the institution's registered one.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE`, or `INSTITUTION_SUSPENDED` … `LEGAL_BASIS_UNSUPPORTED`.
    function judgeRequest(
        CompactRequest calldata request,
        bool active,
        bool ownKey,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        RequestCodes codes = request.codes;
        if (!active) return Reason.INSTITUTION_SUSPENDED;
        if (blockTime >= codes.expiresAtOf()) return Reason.REQUEST_EXPIRED;
        if (codes.issuedAtOf() > uint256(blockTime) + CLOCK_TOLERANCE) return Reason.REQUEST_NOT_YET_VALID;
        if (!ownKey) return Reason.RELEASE_KEY_MISMATCH;
        if (codes.purposeOf() == 0 || codes.purposeOf() > HIGHEST_PURPOSE) return Reason.PURPOSE_UNKNOWN;
        if (codes.actionOf() == 0 || codes.actionOf() > ACTION_STORE) return Reason.ACTION_UNKNOWN;
        bool knownKind = codes.actorKindOf() == ACTOR_HUMAN || codes.actorKindOf() == ACTOR_MACHINE;
        if (!knownKind || request.practitioner == bytes32(0)) return Reason.ACTOR_UNKNOWN;
        bool knownBasis = codes.legalBasisOf() != 0 && codes.legalBasisOf() <= BASIS_PUBLIC_HEALTH;
        if (!knownBasis) return Reason.LEGAL_BASIS_UNSUPPORTED;
        return Reason.NONE;
    }

    /// @notice Reasons that lie in the record.
    /// @param status of the record version that is asked for.
    /// @return reason `NONE` for the current version alone.
    function judgeRecord(RecordStatus status) internal pure returns (Reason reason) {
        if (status == RecordStatus.CURRENT) return Reason.NONE;
        if (status == RecordStatus.NONE) return Reason.RECORD_UNKNOWN;
        if (status == RecordStatus.RESTRICTED) return Reason.RECORD_RESTRICTED;
        if (status == RecordStatus.ERASED) return Reason.RECORD_ERASED;
        return Reason.RECORD_SUPERSEDED;
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

    /// @notice Reasons that lie in the consent: whether it is in force; who, to whom, for what; which content; how
    /// often.
    /// @dev That a named record is one of those named was shown before.
    /// @param request what the institution signed.
    /// @param facts of the record that is asked for.
    /// @param terms of the consent that is invoked.
    /// @param state of that consent.
    /// @param bySubject whether the subject of the consent is that of the record.
    /// @param toGrantee whether the institution is the one named, or a member of the group named.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE`, or `CONSENT_UNKNOWN` … `USES_EXHAUSTED`.
    function judgeConsent(
        CompactRequest calldata request,
        RecordFacts facts,
        ConsentTerms memory terms,
        ConsentState memory state,
        bool bySubject,
        bool toGrantee,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        if (state.status != ConsentStatus.ACTIVE) {
            return state.status == ConsentStatus.NONE ? Reason.CONSENT_UNKNOWN : Reason.CONSENT_REVOKED;
        }
        if (blockTime < terms.validFrom) return Reason.CONSENT_NOT_YET_VALID;
        if (blockTime >= terms.validUntil) return Reason.CONSENT_EXPIRED;
        if (!bySubject) return Reason.SUBJECT_MISMATCH;
        if (!toGrantee) return Reason.GRANTEE_MISMATCH;
        bytes32 practitioner = terms.practitioner;
        if (practitioner != bytes32(0) && practitioner != request.practitioner) return Reason.PRACTITIONER_MISMATCH;
        uint8 action = request.codes.actionOf();
        if (!_contains(terms.purposes, request.codes.purposeOf())) return Reason.PURPOSE_NOT_GRANTED;
        if (!_contains(terms.actions, action)) return Reason.ACTION_NOT_GRANTED;
        uint8 sensitivity = facts.sensitivityOf();
        if (terms.recordsRoot == bytes32(0)) {
            if (!_contains(terms.categories, facts.categoryOf())) return Reason.RECORD_NOT_IN_SCOPE;
            if (sensitivity == HIGHEST_SENSITIVITY) return Reason.LEVEL_FIVE_WILDCARD;
        }
        if (sensitivity > terms.maxSensitivity) return Reason.SENSITIVITY_EXCEEDED;
        uint16 month = facts.dataMonthOf();
        if (month < terms.dataFrom || month > terms.dataUntil) return Reason.DATA_PERIOD_EXCEEDED;
        if (action == ACTION_STORE && blockTime >= terms.eraseBy) return Reason.ERASE_DATE_PASSED;
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

    /// @dev Whether a set of codes has bit `1 << code`.
    function _contains(uint256 set, uint8 code) private pure returns (bool contained) {
        return set & (uint256(1) << code) != 0;
    }
}
