// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {AccessEntry} from "../types/AccessRequest.sol";

// Assembly: ADR 0026.
/* solhint-disable no-inline-assembly */

/// @title Lines of the access log, without copies
/// @dev See ADR 0026.
library LogLines {
    /// @dev Bytes of the seven members of `AccessEntry`.
    uint256 private constant _ENTRY_BYTES = 7 * 32;

    /// @notice Does what `emit AccessDecided(requestId, subjectId, institution, entry)` does.
    /// @dev A struct of static members lies in memory as the event carries it.
    /// @param requestId chosen by the client.
    /// @param subjectId pseudonym of the patient; zero when the record is unknown.
    /// @param institution who asked.
    /// @param entry the line of the log.
    function write(
        uint256 requestId,
        bytes32 subjectId,
        address institution,
        AccessEntry memory entry
    ) internal {
        bytes32 selector = IAccessLedger.AccessDecided.selector;
        bytes32 asker = bytes32(uint256(uint160(institution)));
        assembly ("memory-safe") {
            log4(entry, _ENTRY_BYTES, selector, requestId, subjectId, asker)
        }
    }
}
