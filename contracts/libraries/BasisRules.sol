// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessRequest} from "../types/AccessRequest.sol";
import {AuthorisationStatus, StandingAuthorisation} from "../types/Authorisation.sol";
import {
    ACTION_VIEW,
    ACTOR_HUMAN,
    EMERGENCY_WINDOW,
    HIGHEST_EMERGENCY_REASON,
    HIGHEST_SENSITIVITY,
    PURPOSE_BTG,
    PURPOSE_ETREAT,
    Reason
} from "../types/Codes.sol";
import {RecordFacts} from "../types/RecordFacts.sol";

/// @title The rules of accesses that rest on no consent
/// @notice Pure, as `ConsentRules`: emergencies, statutory duties and public health. `consentry.core.bases` states the
/// same rules in Python.
/// @dev Each function gives the first reason that applies, or `NONE`. Nothing here reverts, with whatever values:
/// shifts beyond the width of a set give zero.
library BasisRules {
    /// @notice Reasons that lie in an emergency request, and in what the patient decided in advance.
    /// @param request what the institution signed.
    /// @param forbidden whether the patient forbids emergency accesses.
    /// @param excluded whether an exclusion of the patient names who asks, or the class of the record.
    /// @param opened emergency accesses of the institution that were permitted today.
    /// @param limit how many may be.
    /// @return reason `NONE`, `EMERGENCY_INCOMPLETE`, `EMERGENCY_FORBIDDEN`, `EXCLUDED` or `EMERGENCY_LIMIT`.
    function judgeEmergency(
        AccessRequest memory request,
        bool forbidden,
        bool excluded,
        uint256 opened,
        uint256 limit
    ) internal pure returns (Reason reason) {
        if (!_isComplete(request)) return Reason.EMERGENCY_INCOMPLETE;
        if (forbidden) return Reason.EMERGENCY_FORBIDDEN;
        if (excluded) return Reason.EXCLUDED;
        return opened >= limit ? Reason.EMERGENCY_LIMIT : Reason.NONE;
    }

    /// @notice Reasons that lie in the authorisation.
    /// @param request what the institution signed.
    /// @param facts of the record that is asked for.
    /// @param terms of the authorisation that is invoked.
    /// @param status of that authorisation.
    /// @param blockTime seconds since the epoch.
    /// @return reason `NONE`, or `AUTHORISATION_UNKNOWN` … `AUTHORISATION_SCOPE`.
    function judgeAuthorisation(
        AccessRequest memory request,
        RecordFacts facts,
        StandingAuthorisation memory terms,
        AuthorisationStatus status,
        uint64 blockTime
    ) internal pure returns (Reason reason) {
        if (status == AuthorisationStatus.NONE) return Reason.AUTHORISATION_UNKNOWN;
        if (status != AuthorisationStatus.ACTIVE) return Reason.AUTHORISATION_WITHDRAWN;
        bool inTime = blockTime >= terms.validFrom && blockTime < terms.validUntil;
        if (!inTime) return Reason.AUTHORISATION_EXPIRED;
        bool covered = terms.institution == request.institution;
        covered = covered && _coversRequest(request, terms) && _coversRecord(facts, terms);
        return covered ? Reason.NONE : Reason.AUTHORISATION_SCOPE;
    }

    /// @dev A person looks, for the treatment at hand, says why, and does so within a quarter of an hour.
    function _isComplete(AccessRequest memory request) private pure returns (bool complete) {
        bool forTreatment = request.purpose == PURPOSE_ETREAT || request.purpose == PURPOSE_BTG;
        bool explained = request.reasonCode != 0 && request.reasonCode <= HIGHEST_EMERGENCY_REASON;
        explained = explained && request.reasonHash != bytes32(0);
        bool seen = request.actorKind == ACTOR_HUMAN && request.action == ACTION_VIEW;
        bool brief = request.expiresAt <= uint256(request.issuedAt) + EMERGENCY_WINDOW;
        return forTreatment && explained && seen && brief;
    }

    /// @dev On which basis, for what.
    function _coversRequest(
        AccessRequest memory request,
        StandingAuthorisation memory terms
    ) private pure returns (bool covered) {
        covered = terms.basis == request.legalBasis && _contains(terms.purposes, request.purpose);
        return covered && _contains(terms.actions, request.action);
    }

    /// @dev Which content; an authorisation names classes, and level 5 is beyond every wildcard.
    function _coversRecord(
        RecordFacts facts,
        StandingAuthorisation memory terms
    ) private pure returns (bool covered) {
        uint8 sensitivity = facts.sensitivityOf();
        covered = sensitivity <= terms.maxSensitivity && sensitivity < HIGHEST_SENSITIVITY;
        uint16 month = facts.dataMonthOf();
        covered = covered && month >= terms.dataFrom && month <= terms.dataUntil;
        return covered && _contains(terms.categories, facts.categoryOf());
    }

    /// @dev Whether a set of codes has bit `1 << code`.
    function _contains(uint256 set, uint8 code) private pure returns (bool contained) {
        return set & (uint256(1) << code) != 0;
    }
}
