// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";

/// @title Signatures of institutions
/// @notice An account is recovered from the signature without a call to whatever code it may have; a verifier is asked
/// with limited gas. So no institution can make a batch run out of gas.
library Signers {
    using Bytes for bytes;

    /// @dev Bytes of a signer that is an account, and of the address of a verifier in a longer one.
    uint256 private constant _ACCOUNT_LENGTH = 20;
    /// @dev Gas a verifier may use for one signature: P-256 takes 360,000 where the chain has no precompile.
    uint256 private constant _VERIFIER_GAS = 500_000;
    /// @dev Gas that must be left for a verifier to get its share, with 10,000 for the call itself.
    uint256 private constant _VERIFIER_GAS_LEFT = (_VERIFIER_GAS * 64) / 63 + 10_000;

    /// @notice Gives the account that signs, or zero where a verifier is asked.
    /// @param signer ERC-7913 signer of an institution.
    /// @return account that signs.
    function accountOf(bytes memory signer) internal pure returns (address account) {
        return signer.length == _ACCOUNT_LENGTH ? address(bytes20(signer)) : address(0);
    }

    /// @notice Whether an account signed a digest.
    /// @param account not zero.
    /// @param digest what was to be signed.
    /// @param signature r, s, v.
    /// @return signed whether it did.
    function isSignedBy(
        address account,
        bytes32 digest,
        bytes calldata signature
    ) internal pure returns (bool signed) {
        (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return problem == ECDSA.RecoverError.NoError && recovered == account;
    }

    /// @notice Whether a verifier holds a signature for that of its key.
    /// @dev As `SignatureChecker` asks a verifier, but with limited gas: a signature may be made so that a sound
    /// verifier uses up all it has, for instance by a place in it that lies far out, and the neighbours would pay for
    /// that.
    /// @param signer address of the verifier, then the key.
    /// @param digest what was to be signed.
    /// @param signature whatever the verifier takes.
    /// @return verified whether it does.
    function isVerified(
        bytes memory signer,
        bytes32 digest,
        bytes calldata signature
    ) internal view returns (bool verified) {
        if (signer.length <= _ACCOUNT_LENGTH) return false;
        bytes memory call = abi.encodeCall(
            IERC7913SignatureVerifier.verify,
            (signer.slice(_ACCOUNT_LENGTH), digest, signature)
        );
        // A call gets at most 63/64 of what is left (EIP-150), silently: with less, a true signature would look wrong.
        if (gasleft() < _VERIFIER_GAS_LEFT) {
            revert IAccessLedger.AccessLedgerGasMissing(gasleft(), _VERIFIER_GAS_LEFT);
        }
        (bool answered, bytes memory answer) = address(bytes20(signer)).staticcall{gas: _VERIFIER_GAS}(call);
        return
            answered &&
            answer.length >= 32 &&
            bytes32(answer) == bytes32(IERC7913SignatureVerifier.verify.selector);
    }
}
