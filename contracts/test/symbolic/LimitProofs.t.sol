// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BASIS_CONSENT, BASIS_EMERGENCY} from "../../types/Codes.sol";
import {VM} from "../Vm.sol";
import {LedgerBed} from "./LedgerBed.sol";

/// @title The ledger permits no more a day than the limits of an institution say
/// @notice Its limits are one access a day, and one emergency; nothing is excluded.
contract LimitProofs is LedgerBed {
    /// @notice Runs before each proof.
    function setUp() external {
        _lay(false, 1);
    }

    /// @notice Whatever two requests of one day ask for, and whichever of them rests on an emergency.
    /// @param codes any purpose, action, actor, reason and times of the first.
    /// @param others those of the second.
    /// @param emergency whether the second is one.
    function check_limit_permitsOneADay(uint256 codes, uint256 others, bool emergency) external {
        _decide(1, codes, BASIS_CONSENT, keccak256("practitioner"));
        _decide(2, others, emergency ? BASIS_EMERGENCY : BASIS_CONSENT, keccak256("practitioner"));
        (uint256 accesses, uint256 inEmergency) = _permits();
        assert(accesses <= 1 && inEmergency <= accesses);
    }

    /// @notice A new day begins at midnight, whatever was permitted before it.
    /// @param codes any purpose, action, actor, reason and times.
    function check_limit_countsAnewEachDay(uint256 codes) external {
        VM.warp(10 days - 1);
        _decide(1, codes, BASIS_CONSENT, keccak256("practitioner"));
        VM.warp(10 days);
        (uint256 accesses, uint256 inEmergency) = _permits();
        assert(accesses == 0 && inEmergency == 0);
    }
}
