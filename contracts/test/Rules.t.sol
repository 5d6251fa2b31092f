// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRules} from "../libraries/ConsentRules.sol";
import {Reason, RecordStatus} from "../types/Codes.sol";

/// @title Rules that no act of the suite reaches yet
/// @notice The others are tested through `AccessLedger`.
contract RulesTest {
    /// @notice Only the current version of a record is permitted, and each other status has its own reason.
    function test_judgeRecord_permitsTheCurrentVersionAlone() external pure {
        _require(RecordStatus.NONE, Reason.RECORD_UNKNOWN);
        _require(RecordStatus.CURRENT, Reason.NONE);
        _require(RecordStatus.SUPERSEDED, Reason.RECORD_SUPERSEDED);
        _require(RecordStatus.RESTRICTED, Reason.RECORD_RESTRICTED);
        _require(RecordStatus.ERASED, Reason.RECORD_ERASED);
        require(type(RecordStatus).max == RecordStatus.ERASED, "a status without a case");
    }

    function _require(RecordStatus status, Reason reason) private pure {
        require(ConsentRules.judgeRecord(status) == reason, "another reason");
    }
}
