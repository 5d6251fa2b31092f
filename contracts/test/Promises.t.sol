// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState} from "../interfaces/IConsents.sol";
import {ConsentStatus} from "../types/Codes.sol";
import {Suite} from "./Suite.sol";
import {AccessHandler} from "./handlers/AccessHandler.sol";

/// @title The promises that hold whatever happens
/// @notice P1 no forged consent, P4 revocation wins, P5 every request counts once, P8 gaps show.
contract PromisesTest {
    Suite private _suite;
    AccessHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        _suite = new Suite();
        _handler = new AccessHandler(_suite);
        _suite.addRelay(address(_handler));
    }

    /// @notice P1: no consent changes without the signature of its subject over exactly that act.
    function invariant_noConsentIsForged() external view {
        require(_handler.forgeries() == 0, "an act was accepted that the subject did not sign");
        for (uint256 i = 0; i < _handler.triedCount(); ++i) {
            bytes32 id = _handler.tried(i);
            ConsentState memory state = _handler.stateOf(id);
            require(state.grantedAt == 0 || _handler.grantSigned(id), "granted without a signature");
            require(state.revokedAt == 0 || _handler.revocationSigned(id), "revoked without a signature");
        }
    }

    /// @notice P4: a revoked consent stays revoked, and nothing is permitted under it.
    function invariant_revocationWins() external view {
        require(_handler.permitsAfterRevocation() == 0, "permitted after revocation");
        for (uint256 i = 0; i < _handler.triedCount(); ++i) {
            bytes32 id = _handler.tried(i);
            bool held = !_handler.revoked(id) || _handler.stateOf(id).status == ConsentStatus.REVOKED;
            require(held, "a revoked consent came back");
        }
    }

    /// @notice P5: a request id is decided at most once, and each permitted access counts one use.
    function invariant_everyRequestCountsOnce() external view {
        require(_handler.repeats() == 0, "a request was decided twice");
        for (uint256 i = 0; i < _handler.triedCount(); ++i) {
            bytes32 id = _handler.tried(i);
            ConsentState memory state = _handler.stateOf(id);
            require(state.uses == _handler.permits(id), "uses and permitted accesses differ");
            require(state.uses <= 2, "more uses than granted");
        }
    }

    /// @notice P8: the heads on chain are those that follow from the events, without a gap.
    function invariant_gapsShow() external view {
        require(_handler.gaps() == 0, "a sequence number is missing or comes twice");
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 subjectId = _suite.subjectIds(i);
            bool same = _suite.ledger().subjectHead(subjectId) == _handler.heads(subjectId);
            require(same, "the head of a subject differs");
            address hospital = _suite.hospitals(i);
            bytes32 key = bytes32(uint256(uint160(hospital)));
            same = _suite.ledger().institutionHead(hospital) == _handler.heads(key);
            require(same, "the head of an institution differs");
        }
    }

    /// @notice Shows that the histories above are not empty: every outcome can come up.
    function test_handler_reachesEveryOutcome() external {
        _handler.ask(0, 0, 0, 0, 1); // no consent yet: denied
        _handler.grant(0, 0, 0, 3); // forged: refused
        _handler.grant(0, 0, 0, 1);
        _handler.ask(0, 0, 0, 1, 3); // permitted, and the same again: rejected
        _handler.revoke(0, 0, 0, 1);
        _handler.ask(0, 0, 0, 2, 1); // denied
        require(_handler.outcomes(0) == 1, "nothing was permitted");
        require(_handler.outcomes(1) == 2, "nothing was denied");
        require(_handler.outcomes(2) == 1, "nothing was rejected");
        require(_handler.revoked(_handler.tried(0)), "nothing was revoked");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
