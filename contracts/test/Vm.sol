// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the tests ask of forge
/// @notice The cheat codes in use, so that no library of the tool is needed.
interface Vm {
    /// @notice One event, as recorded.
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    /// @notice Sets the block time, seconds.
    /// @param time seconds since the epoch.
    function warp(uint256 time) external;
    /// @notice Makes the next call come from another account.
    /// @param sender the account.
    function prank(address sender) external;
    /// @notice Demands that the next call reverts with exactly this data.
    /// @param revertData selector and arguments of a custom error.
    function expectRevert(bytes calldata revertData) external;
    /// @notice Starts to record events.
    function recordLogs() external;
    /// @notice Gives and forgets the recorded events.
    /// @return logs in the order of emission.
    function getRecordedLogs() external returns (Log[] memory logs);
    /// @notice Ends a fuzz run that has no meaning.
    /// @param condition false ends it.
    function assume(bool condition) external pure;
    /// @notice Signs with a secp256k1 key.
    /// @param key private key.
    /// @param digest what is signed.
    /// @return v parity of the signature.
    /// @return r of the signature.
    /// @return s of the signature.
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    /// @notice Gives the account of a secp256k1 key.
    /// @param key private key.
    /// @return account its address.
    function addr(uint256 key) external pure returns (address account);
    /// @notice Predicts the address of a deployment.
    /// @param deployer who deploys.
    /// @param nonce of the deploying transaction.
    /// @return deployment its address.
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address deployment);
    /// @notice Gives the nonce of an account.
    /// @param account whose.
    /// @return nonce of its next transaction.
    function getNonce(address account) external view returns (uint64 nonce);
}

/// @dev Where forge answers.
Vm constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
