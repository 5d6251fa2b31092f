// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRecords} from "../interfaces/IRecords.sol";
import {CompactRequest} from "../types/AccessRequest.sol";
import {RecordFacts} from "../types/RecordFacts.sol";

// Assembly: ADR 0026.
/* solhint-disable no-inline-assembly */

/// @title Facts of the records of a batch, read without copies
/// @dev See ADR 0026.
library RecordReads {
    /// @dev Bytes of a request as it travels, and of what stands in it before the id of its record.
    uint256 private constant _REQUEST_BYTES = 3 * 32;
    uint256 private constant _BEFORE_RECORD = 32;
    /// @dev Bytes of a call before the items of its one array: selector, place and length.
    uint256 private constant _HEAD_BYTES = 4 + 2 * 32;

    /// @notice Gives what `records.factsOf(ids)` gives, for the ids of the records that are asked for.
    /// @dev The call is laid out from calldata behind the free memory pointer, and the answer put in its place: a word
    /// that leads to the array, its length, its items. The last two are the array that is given; the free memory
    /// begins behind it. The register is one of the suite; any other answer than it would give reverts.
    /// @param records the register.
    /// @param requests as they travelled.
    /// @return facts in the same order.
    function factsOf(
        IRecords records,
        CompactRequest[] calldata requests
    ) internal view returns (RecordFacts[] memory facts) {
        bytes32 selector = IRecords.factsOf.selector;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, selector)
            mstore(add(start, 0x04), 0x20)
            mstore(add(start, 0x24), requests.length)
            let to := add(start, _HEAD_BYTES)
            let from := add(requests.offset, _BEFORE_RECORD)
            let end := add(from, mul(requests.length, _REQUEST_BYTES))
            for {} lt(from, end) {} {
                mstore(to, calldataload(from))
                to := add(to, 0x20)
                from := add(from, _REQUEST_BYTES)
            }
            let answered := staticcall(gas(), records, start, sub(to, start), 0, 0)
            if iszero(answered) {
                returndatacopy(start, 0, returndatasize())
                revert(start, returndatasize())
            }
            let size := add(0x40, shl(5, requests.length))
            if lt(returndatasize(), size) {
                revert(0, 0)
            }
            returndatacopy(start, 0, size)
            facts := add(start, 0x20)
            if iszero(and(eq(mload(start), 0x20), eq(mload(facts), requests.length))) {
                revert(0, 0)
            }
            mstore(0x40, add(start, size))
        }
    }
}
