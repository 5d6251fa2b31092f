// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRules} from "../libraries/ConsentRules.sol";
import {Reason} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {SubjectFacts, factsOfEnrolled} from "../types/SubjectFacts.sol";

/// @title What age does to a consent, and the word that holds it
contract AgeTest {
    /// @notice What a guardian granted in the minority ends with it. The same cases stand in `test_calendar.py`.
    function test_judgeAge_asksAnewForWhatAGuardianGrantedInTheMinorityAlone() external pure {
        bytes32 guardian = keccak256("appointment");
        _requireAge(bytes32(0), 99, 100, 200, false);
        _requireAge(guardian, 99, 100, 99, false);
        _requireAge(guardian, 99, 100, 100, true);
        _requireAge(guardian, 99, 100, 200, true);
        _requireAge(guardian, 100, 100, 200, false);
        _requireAge(guardian, 0, 0, 200, false);
        _requireAge(guardian, 99, 0, 200, false);
    }

    /// @notice The word of facts keeps each of its parts apart.
    /// @param custodian of the subject.
    /// @param minorUntil end of the minority.
    /// @param flags shielded, deceased, emergency forbidden, relatives forbidden.
    function testFuzz_subjectFacts_keepTheirParts(address custodian, uint64 minorUntil, bool[4] memory flags)
        external
        pure
    {
        SubjectFacts facts = factsOfEnrolled(custodian).withDirective(!flags[2], !flags[3]);
        facts = facts.withCircumstances(~minorUntil, !flags[0], !flags[1]);
        facts = facts.withCircumstances(minorUntil, flags[0], flags[1]).withDirective(flags[2], flags[3]);
        require(facts.custodianOf() == custodian && facts.minorUntilOf() == minorUntil, "who, or until when");
        require(facts.isShielded() == flags[0] && facts.isDeceased() == flags[1], "circumstances");
        require(facts.isEmergencyForbidden() == flags[2], "emergency");
        require(facts.areRelativesForbidden() == flags[3], "relatives");
        require(facts.maySignAt(false, 0) == !flags[1], "what takes back");
        bool grants = !flags[1] && (flags[0] || minorUntil == 0);
        require(facts.maySignAt(true, 0) == grants, "what grants");
    }

    function _requireAge(
        bytes32 guardian,
        uint64 grantedAt,
        uint64 minorUntil,
        uint64 blockTime,
        bool anew
    ) private pure {
        ConsentTerms memory terms;
        terms.guardian = guardian;
        SubjectFacts facts = factsOfEnrolled(address(1)).withCircumstances(minorUntil, false, false);
        Reason found = ConsentRules.judgeAge(terms, grantedAt, facts, blockTime);
        require(found == (anew ? Reason.RECONSENT_NEEDED : Reason.NONE), "another answer");
    }
}
