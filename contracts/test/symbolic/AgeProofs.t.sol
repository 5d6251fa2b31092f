// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {Reason} from "../../types/Codes.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {SubjectFacts} from "../../types/SubjectFacts.sol";

/// @title What coming of age does to a consent, for every consent and every subject there can be
contract AgeProofs {
    /// @notice From the first second after its minority nothing is permitted that a guardian granted in it.
    /// @param terms any.
    /// @param grantedAt any time.
    /// @param facts of any subject.
    /// @param blockTime any time.
    function check_age_endsWhatAGuardianGrantedInTheMinority(
        ConsentTerms memory terms,
        uint64 grantedAt,
        SubjectFacts facts,
        uint64 blockTime
    ) external pure {
        if (terms.guardian == bytes32(0) || !facts.isMinorAt(grantedAt) || facts.isMinorAt(blockTime)) return;
        assert(ConsentRules.judgeAge(terms, grantedAt, facts, blockTime) == Reason.RECONSENT_NEEDED);
    }

    /// @notice What the subject granted itself is never touched, whenever that was.
    /// @param terms any.
    /// @param grantedAt any time.
    /// @param facts of any subject.
    /// @param blockTime any time.
    function check_age_neverTouchesWhatTheSubjectGranted(
        ConsentTerms memory terms,
        uint64 grantedAt,
        SubjectFacts facts,
        uint64 blockTime
    ) external pure {
        terms.guardian = bytes32(0);
        assert(ConsentRules.judgeAge(terms, grantedAt, facts, blockTime) == Reason.NONE);
    }

    /// @notice Nothing is touched while the minority lasts, nor what was granted when it was over or never was.
    /// @param terms any.
    /// @param grantedAt any time.
    /// @param facts of any subject.
    /// @param blockTime any time.
    function check_age_touchesNothingElse(
        ConsentTerms memory terms,
        uint64 grantedAt,
        SubjectFacts facts,
        uint64 blockTime
    ) external pure {
        if (facts.isMinorAt(grantedAt) && !facts.isMinorAt(blockTime)) return;
        assert(ConsentRules.judgeAge(terms, grantedAt, facts, blockTime) == Reason.NONE);
    }
}
