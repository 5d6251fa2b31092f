// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../../interfaces/IConsents.sol";
import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {CompactRequest} from "../../types/AccessRequest.sol";
import {ACTION_STORE, ConsentStatus, HIGHEST_SENSITIVITY, Reason} from "../../types/Codes.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {RecordFacts} from "../../types/RecordFacts.sol";

/// @title What a permit means, for every consent there can be
/// @notice Each `check_` holds for all values of its arguments at once; a solver looks for values that break it. The
/// conditions are written here a second time, in another form than in the rules.
contract ConsentProofs {
    /// @notice Everything the rules are told.
    struct Case {
        CompactRequest request;
        RecordFacts facts;
        ConsentTerms terms;
        ConsentState state;
        bool bySubject;
        bool toGrantee;
        uint64 blockTime;
    }

    /// @notice Nothing is permitted under a consent that was never granted or was taken back.
    /// @param c any case.
    function check_permit_needsAnActiveConsent(Case calldata c) external pure {
        assert(!_permits(c) || c.state.status == ConsentStatus.ACTIVE);
    }

    /// @notice The first second counts, the last does not.
    /// @param c any case.
    function check_permit_needsTheTimeWithinThePeriod(Case calldata c) external pure {
        assert(!_permits(c) || _isInPeriod(c));
    }

    /// @notice Subject, institution or group, and practitioner are those of the terms.
    /// @param c any case.
    function check_permit_needsTheNamedParties(Case calldata c) external pure {
        assert(!_permits(c) || _isBetweenTheNamed(c));
    }

    /// @notice Purpose and action are members of the sets of the terms.
    /// @param c any case.
    function check_permit_needsPurposeAndActionInTheSets(Case calldata c) external pure {
        assert(!_permits(c) || _isForWhatWasGranted(c));
    }

    /// @notice The level is never above the highest of the terms.
    /// @param c any case.
    function check_permit_needsALevelWithinBounds(Case calldata c) external pure {
        assert(!_permits(c) || c.facts.sensitivityOf() <= c.terms.maxSensitivity);
    }

    /// @notice A record of the highest level is covered only by a consent that names it, whatever the terms say.
    /// @param c any case.
    function check_permit_neverCoversLevelFiveByCategory(Case calldata c) external pure {
        bool highest = c.facts.sensitivityOf() == HIGHEST_SENSITIVITY;
        assert(!_permits(c) || !highest || c.terms.recordsRoot != bytes32(0));
    }

    /// @notice Where no records are named the class is a member of the set; the month lies in the period of content.
    /// @param c any case.
    function check_permit_needsContentInScope(Case calldata c) external pure {
        assert(!_permits(c) || _isInScope(c));
    }

    /// @notice A use is left.
    /// @param c any case.
    function check_permit_needsAUseLeft(Case calldata c) external pure {
        assert(!_permits(c) || c.state.uses < c.terms.maxUses);
    }

    /// @notice A copy is stored only before the day it would have to be erased.
    /// @param c any case.
    function check_permit_storesOnlyBeforeTheEraseDate(Case calldata c) external pure {
        assert(!_permits(c) || c.request.codes.actionOf() != ACTION_STORE || c.blockTime < c.terms.eraseBy);
    }

    /// @notice The other way round: where all of the above holds, the answer is a permit.
    /// @param c any case.
    function check_permit_followsWhereEverythingIsInOrder(Case calldata c) external pure {
        bool inOrder = c.state.status == ConsentStatus.ACTIVE && _isInPeriod(c) && c.state.uses < c.terms.maxUses;
        inOrder = inOrder && _isBetweenTheNamed(c) && _isForWhatWasGranted(c) && _isInScope(c);
        inOrder = inOrder && c.facts.sensitivityOf() <= c.terms.maxSensitivity;
        bool wildcard = c.terms.recordsRoot == bytes32(0);
        inOrder = inOrder && !(wildcard && c.facts.sensitivityOf() == HIGHEST_SENSITIVITY);
        inOrder = inOrder && (c.request.codes.actionOf() != ACTION_STORE || c.blockTime < c.terms.eraseBy);
        assert(!inOrder || _permits(c));
    }

    /// @notice A denial about the state of a consent names what is the case.
    /// @param c any case.
    function check_denial_namesTheStateThatIsThere(Case calldata c) external pure {
        Reason reason = _judge(c);
        assert(reason != Reason.CONSENT_UNKNOWN || c.state.status == ConsentStatus.NONE);
        assert(reason != Reason.CONSENT_REVOKED || c.state.status == ConsentStatus.REVOKED);
        assert(reason != Reason.CONSENT_NOT_YET_VALID || c.blockTime < c.terms.validFrom);
        assert(reason != Reason.CONSENT_EXPIRED || c.blockTime >= c.terms.validUntil);
        assert(reason != Reason.ERASE_DATE_PASSED || c.blockTime >= c.terms.eraseBy);
        assert(reason != Reason.USES_EXHAUSTED || c.state.uses >= c.terms.maxUses);
    }

    /// @notice Revoked is the answer to everything that is asked under a revoked consent.
    /// @param c any case.
    function check_denial_saysRevokedBeforeAnythingElse(Case calldata c) external pure {
        assert(c.state.status != ConsentStatus.REVOKED || _judge(c) == Reason.CONSENT_REVOKED);
    }

    function _permits(Case calldata c) private pure returns (bool permitted) {
        return _judge(c) == Reason.NONE;
    }

    function _judge(Case calldata c) private pure returns (Reason reason) {
        return
            ConsentRules.judgeConsent(
                c.request,
                c.facts,
                c.terms,
                c.state,
                c.bySubject,
                c.toGrantee,
                c.blockTime
            );
    }

    function _isInPeriod(Case calldata c) private pure returns (bool inPeriod) {
        return c.terms.validFrom <= c.blockTime && c.blockTime < c.terms.validUntil;
    }

    function _isBetweenTheNamed(Case calldata c) private pure returns (bool named) {
        bool person = c.terms.practitioner == bytes32(0) || c.request.practitioner == c.terms.practitioner;
        return c.bySubject && c.toGrantee && person;
    }

    function _isForWhatWasGranted(Case calldata c) private pure returns (bool granted) {
        return _has(c.terms.purposes, c.request.codes.purposeOf()) && _has(c.terms.actions, c.request.codes.actionOf());
    }

    function _isInScope(Case calldata c) private pure returns (bool inScope) {
        bool named = c.terms.recordsRoot != bytes32(0);
        uint16 month = c.facts.dataMonthOf();
        bool inPeriod = !(month < c.terms.dataFrom) && !(month > c.terms.dataUntil);
        return inPeriod && (named || _has(c.terms.categories, c.facts.categoryOf()));
    }

    /// @dev Looks at the bit by moving the set down, where the rules move the bit up.
    function _has(uint32 set, uint8 code) private pure returns (bool contained) {
        return (uint256(set) >> code) % 2 == 1;
    }
}
