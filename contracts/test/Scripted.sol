// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Answers each function with what it was told to
/// @notice Stands for the neighbours of a contract under proof: whatever is not scripted reverts.
contract Scripted {
    mapping(bytes4 selector => bytes) private _answers;
    mapping(bytes4 selector => bool) private _known;
    mapping(bytes4 selector => bool) private _caller;

    /// @notice Tells the answer to a function, whatever its arguments.
    /// @param selector of the function.
    /// @param answer its ABI-encoded result.
    function script(bytes4 selector, bytes calldata answer) external {
        _answers[selector] = answer;
        _known[selector] = true;
    }

    /// @notice Makes a function answer with the account that asks.
    /// @param selector of the function.
    function scriptCaller(bytes4 selector) external {
        _caller[selector] = true;
    }

    fallback(bytes calldata) external returns (bytes memory answer) {
        if (_caller[msg.sig]) return abi.encode(msg.sender);
        require(_known[msg.sig], "not scripted");
        return _answers[msg.sig];
    }
}
