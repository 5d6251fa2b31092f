// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What every signed act has in common
/// @notice An act is a struct that those concerned sign as EIP-712 typed data in the domain of the contract that takes
/// it. Any active relay passes it on. Its struct hash is its name: the same act counts once, and only before its time
/// is over.
///
/// Every function that takes one has the form `function(Act act, bytes[] signatures)`, and leaves one event of the form
/// `(actHash, subjectId, institution, act, signatures)`, where subject and institution are zero if none is concerned.
/// The log thus holds all that is needed to check the act again.
///
/// Errors of every such function come in this order: those below, up to `ActRepeated`; those of the function itself;
/// `ActSignatureInvalid` for each signature in turn.
interface ISignedActs {
    /// @notice Only an active relay of a member may submit.
    /// @param account the caller.
    error ActRelayRequired(address account);
    /// @notice An act comes with one signature for each who has to sign.
    /// @param count signatures given.
    /// @param needed signatures the act needs.
    error ActSignaturesMismatch(uint256 count, uint256 needed);
    /// @notice The act came too late.
    /// @param signBefore seconds since the epoch, exclusive.
    /// @param blockTime seconds since the epoch.
    error ActExpired(uint64 signBefore, uint64 blockTime);
    /// @notice The very same act was done before.
    /// @param actHash its EIP-712 struct hash.
    error ActRepeated(bytes32 actHash);
    /// @notice A signature is not that of the signer it should be of.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param place of the signature, from 0.
    error ActSignatureInvalid(bytes32 actHash, uint256 place);

    /// @notice Whether an act was done.
    /// @param actHash its EIP-712 struct hash.
    /// @return performed true once it was.
    function isPerformed(bytes32 actHash) external view returns (bool performed);
}
