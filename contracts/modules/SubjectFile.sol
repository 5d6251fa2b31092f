// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParticipants} from "../interfaces/IParticipants.sol";
import {Standing} from "../types/Codes.sol";
import {SubjectFacts} from "../types/SubjectFacts.sol";
import {SignedActs} from "./SignedActs.sol";

/// @title What is kept of each subject
/// @notice State that the modules of `Subjects` share: one word of facts, and the signer.
abstract contract SubjectFile is SignedActs {
    struct Subject {
        SubjectFacts facts;
        bytes signer; // ERC-7913; an account of 20 bytes takes one slot
    }

    mapping(bytes32 subjectId => Subject) private _subjects;

    /// @dev Keeps the facts of a subject.
    function _setFacts(bytes32 subjectId, SubjectFacts facts) internal {
        _subjects[subjectId].facts = facts;
    }

    /// @dev Keeps the signer of a subject.
    function _setSigner(bytes32 subjectId, bytes memory signer) internal {
        _subjects[subjectId].signer = signer;
    }

    /// @dev Gives the facts of a subject, zero if it is unknown.
    function _facts(bytes32 subjectId) internal view returns (SubjectFacts facts) {
        return _subjects[subjectId].facts;
    }

    /// @dev Gives the signer a subject has, whatever it may sign; empty if the subject is unknown.
    function _signer(bytes32 subjectId) internal view returns (bytes memory signer) {
        return _subjects[subjectId].signer;
    }

    /// @dev Gives the subject's own signer if it may sign now; empty otherwise.
    function _ownSigner(bytes32 subjectId, bool grants) internal view returns (bytes memory signer) {
        Subject storage subject = _subjects[subjectId];
        return subject.facts.maySignAt(grants, block.timestamp) ? subject.signer : bytes("");
    }

    /// @dev Whether an institution is active.
    function _isActive(address institution) internal view returns (bool active) {
        return _members().institutionStanding(institution) == Standing.ACTIVE;
    }

    /// @dev The register of who may act.
    function _members() internal view virtual returns (IParticipants register);
}
