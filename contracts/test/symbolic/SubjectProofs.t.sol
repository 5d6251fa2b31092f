// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SubjectFacts, factsOfEnrolled} from "../../types/SubjectFacts.sol";

/// @title What is kept of a subject in one word, and what follows from it
contract SubjectProofs {
    /// @notice Who is enrolled has its custodian, and nothing else was said of it.
    /// @param custodian any.
    function check_subject_beginsWithItsCustodianAlone(address custodian) external pure {
        SubjectFacts facts = factsOfEnrolled(custodian);
        assert(facts.custodianOf() == custodian && facts.minorUntilOf() == 0);
        assert(!facts.isShielded() && !facts.isDeceased());
        assert(!facts.isEmergencyForbidden() && !facts.areRelativesForbidden());
    }

    /// @notice Circumstances come out as they went in, and change nothing beside them.
    /// @param facts any word.
    /// @param minorUntil any time.
    /// @param shielded either.
    /// @param deceased either.
    function check_circumstances_changeNothingElse(
        SubjectFacts facts,
        uint64 minorUntil,
        bool shielded,
        bool deceased
    ) external pure {
        SubjectFacts later = facts.withCircumstances(minorUntil, shielded, deceased);
        assert(later.minorUntilOf() == minorUntil);
        assert(later.isShielded() == shielded && later.isDeceased() == deceased);
        assert(later.custodianOf() == facts.custodianOf());
        assert(later.isEmergencyForbidden() == facts.isEmergencyForbidden());
        assert(later.areRelativesForbidden() == facts.areRelativesForbidden());
        // Whatever a later version keeps above the parts of today.
        assert(SubjectFacts.unwrap(later) >> 228 == SubjectFacts.unwrap(facts) >> 228);
    }

    /// @notice A directive comes out as it went in, and changes nothing beside it.
    /// @param facts any word.
    /// @param emergency either.
    /// @param relatives either.
    function check_directive_changesNothingElse(SubjectFacts facts, bool emergency, bool relatives) external pure {
        SubjectFacts later = facts.withDirective(emergency, relatives);
        assert(later.isEmergencyForbidden() == emergency && later.areRelativesForbidden() == relatives);
        assert(later.custodianOf() == facts.custodianOf() && later.minorUntilOf() == facts.minorUntilOf());
        assert(later.isShielded() == facts.isShielded() && later.isDeceased() == facts.isDeceased());
        assert(SubjectFacts.unwrap(later) >> 228 == SubjectFacts.unwrap(facts) >> 228);
    }

    /// @notice A minority is over from the second in which it ends.
    /// @param facts any word.
    /// @param time any.
    function check_minority_endsWithItsEnd(SubjectFacts facts, uint64 time) external pure {
        assert(facts.isMinorAt(time) != (time >= facts.minorUntilOf()));
    }

    /// @notice Nobody signs after death; a minor without a shield grants nothing; everybody else signs everything.
    /// @param facts any word.
    /// @param grants whether the act grants.
    /// @param time any.
    function check_subject_signsWhatItMay(SubjectFacts facts, bool grants, uint64 time) external pure {
        bool may = facts.maySignAt(grants, time);
        if (facts.isDeceased()) {
            assert(!may);
            return;
        }
        bool child = facts.isMinorAt(time) && !facts.isShielded();
        assert(may != (child && grants));
    }
}
