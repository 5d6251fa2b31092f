// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ISignedActs} from "../interfaces/ISignedActs.sol";

/// @title What every signed act has in common
/// @notice See `ISignedActs`.
abstract contract SignedActs is EIP712, ISignedActs {
    mapping(bytes32 actHash => bool) private _performed;

    /// @inheritdoc ISignedActs
    function isPerformed(bytes32 actHash) external view returns (bool performed) {
        return _performed[actHash];
    }

    /// @dev Checks what does not depend on the act, and keeps it from being done again.
    /// @param actHash EIP-712 struct hash.
    /// @param signBefore seconds since the epoch, exclusive.
    /// @param count signatures given.
    /// @param needed signatures the act needs.
    function _begin(bytes32 actHash, uint64 signBefore, uint256 count, uint256 needed) internal {
        if (!_isRelay(msg.sender)) revert ActRelayRequired(msg.sender);
        if (count != needed) revert ActSignaturesMismatch(count, needed);
        if (block.timestamp >= signBefore) revert ActExpired(signBefore, uint64(block.timestamp));
        if (_performed[actHash]) revert ActRepeated(actHash);
        _performed[actHash] = true;
    }

    /// @dev Whether an account may submit signed acts.
    function _isRelay(address account) internal view virtual returns (bool relay);

    /// @dev Checks one signature of an act. An empty signer, that of nobody, never signed anything.
    function _requireSigned(
        bytes32 actHash,
        uint256 place,
        bytes memory signer,
        bytes calldata signature
    ) internal view {
        if (!SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(actHash), signature)) {
            revert ActSignatureInvalid(actHash, place);
        }
    }
}
