// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Debt} from "../types/Emergency.sol";
import {Suite} from "./Suite.sol";
import {DebtHandler} from "./handlers/DebtHandler.sol";

/// @title Break-glass is a debt
/// @notice P10: a permitted emergency stays open until the patient knows and a second person reviewed it, and nothing
/// else opens or closes a debt.
contract DebtsTest {
    Suite private _suite;
    DebtHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        _suite = new Suite();
        _handler = new DebtHandler(_suite);
        _suite.addRelay(address(_handler));
    }

    /// @notice P10: every permitted emergency has its debt, paid as far as somebody with the right signed for it.
    function invariant_breakGlassIsADebt() external view {
        require(_handler.forgeries() == 0, "an act was taken that nobody with the right signed");
        require(_handler.inventions() == 0, "a debt was opened past the ledger");
        for (uint256 i = 0; i < _handler.owedCount(); ++i) {
            DebtHandler.Owed memory owed = _handler.owedAt(i);
            Debt memory debt = _suite.emergencies().debtOf(owed.debtId);
            require(debt.openedAt == owed.openedAt, "a permitted emergency has no debt");
            require(debt.subjectId == _suite.subjectIds(owed.subject), "the debt is about another subject");
            require(debt.noticed == owed.noticed, "notice without an act, or an act without notice");
            require(debt.reviewed == owed.reviewed, "review without an act, or an act without review");
        }
    }

    /// @notice P10: what is open and overdue by the contract is what the history says, for each institution.
    function invariant_debtsAreCounted() external view {
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 unpaid, uint256 late) = _handler.owedBy(i);
            address hospital = _suite.hospitals(i);
            require(_suite.emergencies().openCount(hospital) == unpaid, "open debts differ");
            require(_suite.emergencies().overdueCount(hospital) == late, "overdue debts differ");
            (bytes32[] memory ids, Debt[] memory debts) = _suite.emergencies().openDebts(hospital, 0, unpaid + 1);
            require(ids.length == unpaid && debts.length == unpaid, "not all open debts are listed");
        }
    }

    /// @notice Shows that the histories above are not empty: a debt can be opened and paid.
    function test_handler_opensAndPays() external {
        _handler.ask(0, 0, 0, 0);
        _handler.review(0, 0, 1); // by the person who looked: refused
        _handler.review(0, 0, 2);
        _handler.notify(0, 0, 1);
        require(_handler.outcomes(0) == 1, "nothing was permitted");
        require(_handler.outcomes(1) == 1, "nothing was paid");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
