// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordStatus} from "../types/Codes.sol";
import {Suite} from "./Suite.sol";
import {ErasureHandler} from "./handlers/ErasureHandler.sol";

/// @title P11: an erasure is final, and takes two officers
contract ErasuresTest {
    Suite private _suite;
    ErasureHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        _suite = new Suite();
        _handler = new ErasureHandler(_suite);
        _suite.addRelay(address(_handler));
    }

    /// @notice P11: what was erased stays erased, and nothing is permitted about it any more.
    function invariant_erasureIsFinal() external view {
        require(_handler.permitsAfterErasure() == 0, "permitted after an erasure");
        for (uint256 i = 0; i < 3; ++i) {
            bool gone = _handler.statusOf(i) == RecordStatus.ERASED;
            require(gone == _handler.erased(i), "a record came back, or went without an erasure");
        }
    }

    /// @notice P11: no record is erased but by two different officers of its custodian.
    function invariant_erasureTakesTwoOfficers() external view {
        require(_handler.forgeries() == 0, "an act was accepted that those concerned did not sign");
    }

    /// @notice Shows that the histories above are not empty: every outcome can come up.
    function test_erasureHandler_reachesEveryOutcome() external {
        _handler.ask(0); // permitted
        _handler.erase(0, 0, 1, 1); // no officers yet: refused
        _handler.admit(0, 0); // forged: refused
        _handler.admit(0, 1);
        _handler.admit(1, 1);
        _handler.restrict(0, true);
        _handler.erase(0, 0, 0, 1); // one person: refused
        _handler.erase(0, 0, 1, 4); // the first signed twice: refused
        require(!_handler.erased(0), "erased by one person");
        _handler.erase(0, 0, 1, 1);
        _handler.restrict(0, false); // refused
        _handler.ask(0); // denied
        _handler.remove(0);
        _handler.erase(1, 0, 1, 1); // no officer any more: refused
        require(_handler.outcomes(0) == 1, "nothing was permitted");
        require(_handler.outcomes(1) == 1, "nothing was restricted");
        require(_handler.outcomes(2) == 1, "nothing was erased");
        require(_handler.erased(0) && !_handler.erased(1), "another record was erased");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
