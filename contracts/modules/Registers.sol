// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {SignedActs} from "./SignedActs.sol";

/// @title Signed acts that ask the registers
/// @dev Says once what the modules of a contract need from it.
abstract contract Registers is SignedActs {
    /// @dev The register of subjects.
    function _register() internal view virtual returns (ISubjects register);

    /// @dev The register of who may act.
    function _members() internal view virtual returns (IParticipants register);

    /// @dev Whether a guardian acts, and for a minor whose own matters are kept from its guardians.
    function _isKeptFrom(bytes32 guardian, bytes32 subjectId) internal view returns (bool kept) {
        return guardian != bytes32(0) && _register().factsOf(subjectId).isShieldedAt(block.timestamp);
    }
}
