// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BASIS_CONSENT, BASIS_EMERGENCY} from "../../types/Codes.sol";
import {LedgerBed} from "./LedgerBed.sol";

/// @title The ledger never permits what the patient excluded
/// @notice The register of exclusions calls whatever is asked excluded.
contract LedgerProofs is LedgerBed {
    /// @notice Runs before each proof.
    function setUp() external {
        _lay(true, 1_000);
    }

    /// @notice Under a consent, whatever was asked.
    /// @param codes any purpose, action, actor and times.
    /// @param practitioner any.
    function check_excluded_isNeverPermittedByConsent(uint256 codes, bytes32 practitioner) external {
        _decide(1, codes, BASIS_CONSENT, practitioner);
        (uint256 accesses, ) = _permits();
        assert(accesses == 0);
    }

    /// @notice In an emergency, whatever was asked.
    /// @param codes any purpose, action, actor, reason and times.
    /// @param practitioner any.
    function check_excluded_isNeverPermittedInEmergency(uint256 codes, bytes32 practitioner) external {
        _decide(1, codes, BASIS_EMERGENCY, practitioner);
        (uint256 accesses, ) = _permits();
        assert(accesses == 0);
    }
}
