// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";

/// @title An ERC-7913 verifier that misbehaves as its key tells it
/// @notice First byte of the key: 0 says yes, 1 says no, 2 reverts, 3 panics, 4 answers with another selector.
contract FaultyVerifier is IERC7913SignatureVerifier {
    /// @notice What mode 2 reverts with.
    error FaultyVerifierRefused();

    /// @inheritdoc IERC7913SignatureVerifier
    function verify(bytes calldata key, bytes32, bytes calldata) external pure returns (bytes4) {
        uint8 mode = uint8(key[0]);
        if (mode == 2) revert FaultyVerifierRefused();
        if (mode == 3) assert(false);
        if (mode == 4) return bytes4(0x12345678);
        return mode == 0 ? IERC7913SignatureVerifier.verify.selector : bytes4(0xffffffff);
    }
}
