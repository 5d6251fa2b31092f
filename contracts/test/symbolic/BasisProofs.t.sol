// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BasisRules} from "../../libraries/BasisRules.sol";
import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {CompactRequest, RequestCodes} from "../../types/AccessRequest.sol";
import {AuthorisationStatus, StandingAuthorisation} from "../../types/Authorisation.sol";
import {
    ACTION_VIEW,
    ACTOR_HUMAN,
    CLOCK_TOLERANCE,
    HIGHEST_EMERGENCY_REASON,
    HIGHEST_SENSITIVITY,
    PURPOSE_BTG,
    PURPOSE_ETREAT,
    Reason
} from "../../types/Codes.sol";
import {DEBT_PERIOD, Debt} from "../../types/Emergency.sol";
import {RecordFacts} from "../../types/RecordFacts.sol";

/// @title When an access needs no consent, for every request there can be
/// @notice The arithmetic of times is done here in 256 bits, where nothing can run over.
contract BasisProofs {
    /// @notice Everything the rules are told of an emergency.
    struct Emergency {
        CompactRequest request;
        bool forbidden;
        bool excluded;
        uint256 opened;
        uint256 limit;
    }

    /// @notice Everything the rules are told of an access under an authorisation.
    struct Authorised {
        CompactRequest request;
        address institution;
        RecordFacts facts;
        StandingAuthorisation terms;
        AuthorisationStatus status;
        uint64 blockTime;
    }

    /// @notice There is a permit exactly where the request is complete, nothing was decided in advance, and the day has
    /// room for one more.
    /// @param c any case.
    function check_emergency_isPermittedExactlyWhereItMayBe(Emergency calldata c) external pure {
        bool may = _isComplete(c.request) && !c.forbidden && !c.excluded && c.opened < c.limit;
        assert((_judge(c) == Reason.NONE) == may);
    }

    /// @notice What the patient decided comes before what the institution used up; the reason says which it was.
    /// @param c any case.
    function check_emergency_namesThePatientsDecisionFirst(Emergency calldata c) external pure {
        Reason reason = _judge(c);
        assert(reason != Reason.EMERGENCY_FORBIDDEN || c.forbidden);
        assert(reason != Reason.EXCLUDED || (c.excluded && !c.forbidden));
        assert(reason != Reason.EMERGENCY_LIMIT || (!c.excluded && !c.forbidden && c.opened >= c.limit));
        if (_isComplete(c.request) && c.forbidden) assert(reason == Reason.EMERGENCY_FORBIDDEN);
    }

    /// @notice Nobody looks later than a quarter of an hour after the request was signed, by whatever clock.
    /// @param c any case.
    /// @param active whether the institution may act.
    /// @param blockTime any.
    function check_emergency_isOverWithinAQuarterOfAnHour(
        Emergency calldata c,
        bool active,
        uint64 blockTime
    ) external pure {
        bool heard = ConsentRules.judgeRequest(c.request, active, true, blockTime) == Reason.NONE;
        if (!heard || _judge(c) != Reason.NONE) return;
        uint256 issuedAt = c.request.codes.issuedAtOf();
        assert(uint256(blockTime) < issuedAt + 15 minutes);
        assert(uint256(blockTime) + CLOCK_TOLERANCE >= issuedAt);
    }

    /// @notice A debt is overdue from the end of its period on, and no second earlier, until it is paid.
    /// @param debt any.
    /// @param blockTime any.
    function check_debt_isOverdueFromTheEndOfItsPeriod(Debt memory debt, uint64 blockTime) external pure {
        bool paid = debt.noticed && debt.reviewed;
        assert(debt.isOverdue(blockTime) == (!paid && uint256(blockTime) >= uint256(debt.openedAt) + 72 hours));
        assert(DEBT_PERIOD == 72 hours);
    }

    /// @notice An authorisation permits exactly what it covers, to whom it names, while it stands.
    /// @param c any case.
    function check_authorisation_permitsExactlyWhatItCovers(Authorised calldata c) external pure {
        bool stands = c.status == AuthorisationStatus.ACTIVE;
        bool inTime = c.terms.validFrom <= c.blockTime && c.blockTime < c.terms.validUntil;
        bool named = c.terms.institution == c.institution && c.terms.basis == c.request.codes.legalBasisOf();
        bool may = stands && inTime && named && _isAsked(c) && _isContent(c);
        assert((_judgeAuthorised(c) == Reason.NONE) == may);
    }

    /// @notice No authorisation, whatever it says, reaches the highest level.
    /// @param c any case.
    function check_authorisation_neverReachesLevelFive(Authorised calldata c) external pure {
        assert(_judgeAuthorised(c) != Reason.NONE || c.facts.sensitivityOf() < HIGHEST_SENSITIVITY);
    }

    function _judge(Emergency calldata c) private pure returns (Reason reason) {
        return BasisRules.judgeEmergency(c.request, c.forbidden, c.excluded, c.opened, c.limit);
    }

    function _judgeAuthorised(Authorised calldata c) private pure returns (Reason reason) {
        return BasisRules.judgeAuthorisation(c.request, c.institution, c.facts, c.terms, c.status, c.blockTime);
    }

    /// @dev A person looks, for the treatment at hand, says why, within a quarter of an hour.
    function _isComplete(CompactRequest calldata request) private pure returns (bool complete) {
        RequestCodes codes = request.codes;
        uint8 purpose = codes.purposeOf();
        uint8 reason = codes.reasonCodeOf();
        bool said = reason >= 1 && reason <= HIGHEST_EMERGENCY_REASON && request.reasonHash != bytes32(0);
        bool seen = codes.actorKindOf() == ACTOR_HUMAN && codes.actionOf() == ACTION_VIEW;
        bool brief = uint256(codes.expiresAtOf()) <= uint256(codes.issuedAtOf()) + 15 minutes;
        return (purpose == PURPOSE_ETREAT || purpose == PURPOSE_BTG) && said && seen && brief;
    }

    function _isAsked(Authorised calldata c) private pure returns (bool asked) {
        return _has(c.terms.purposes, c.request.codes.purposeOf()) && _has(c.terms.actions, c.request.codes.actionOf());
    }

    function _isContent(Authorised calldata c) private pure returns (bool content) {
        uint16 month = c.facts.dataMonthOf();
        uint8 level = c.facts.sensitivityOf();
        bool inMonths = c.terms.dataFrom <= month && month <= c.terms.dataUntil;
        bool inLevels = level <= c.terms.maxSensitivity && level < HIGHEST_SENSITIVITY;
        return inMonths && inLevels && _has(c.terms.categories, c.facts.categoryOf());
    }

    /// @dev By division, where the contract shifts.
    function _has(uint256 set, uint8 code) private pure returns (bool has) {
        return code < 32 && (set >> code) % 2 == 1;
    }
}
