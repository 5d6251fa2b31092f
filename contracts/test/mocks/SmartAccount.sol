// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A smart account with one owner
/// @notice Answers ERC-1271 for its owner's signatures. Told to burn, it uses up whatever gas it is given instead, as
/// an institution could that wants to spoil the batch of others.
contract SmartAccount is IERC1271 {
    address private immutable _owner;
    bool private _burning;

    /// @param owner whose signatures count.
    constructor(address owner) {
        _owner = owner;
    }

    /// @notice Makes every later question use up all gas.
    function burn() external {
        _burning = true;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4 magicValue) {
        while (_burning) {
            hash = keccak256(abi.encode(hash));
        }
        (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool valid = problem == ECDSA.RecoverError.NoError && recovered == _owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
