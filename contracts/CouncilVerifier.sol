// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Signatures of a council: so many of several signers
/// @notice An ERC-7913 verifier without state. The key of a council is `abi.encode(uint64 threshold, bytes[] signers)`,
/// its signature `abi.encode(bytes[] signers, bytes[] signatures)`: those members that signed, and what they signed, in
/// the same order. Both come in the one canonical encoding, so that a council has one name.
///
/// Example: both grandparents and an uncle are a council of 3 with a threshold of 2. The council is one guardian; any
/// two of them sign for it, and whoever holds the evidence can check that without asking a chain.
/// @dev The engine is `SignatureChecker.areValidSignaturesNow`, as in OpenZeppelin's `MultiSignerERC7913`, which keeps
/// its members in the state of an account. Members are accounts or keys of the two verifiers given at deployment: no
/// code of somebody's choice takes part, and no council is a member of one.
contract CouncilVerifier is IERC7913SignatureVerifier {
    uint256 private constant _FEWEST = 2;
    uint256 private constant _MOST = 8;
    /// @dev Bytes of an account, and of the verifier address that starts a longer signer.
    uint256 private constant _ACCOUNT_LENGTH = 20;
    bytes4 private constant _INVALID = 0xffffffff;

    /// @notice Verifier of P-256 keys.
    address public immutable p256Verifier;
    /// @notice Verifier of passkeys.
    address public immutable webAuthnVerifier;

    /// @param p256Verifier_ verifier of P-256 keys.
    /// @param webAuthnVerifier_ verifier of passkeys.
    constructor(address p256Verifier_, address webAuthnVerifier_) {
        p256Verifier = p256Verifier_;
        webAuthnVerifier = webAuthnVerifier_;
    }

    /// @inheritdoc IERC7913SignatureVerifier
    /// @dev Reverts where key or signature do not decode, which whoever asks takes for a wrong signature.
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature) external view returns (bytes4 magic) {
        (uint64 threshold, bytes[] memory members) = abi.decode(key, (uint64, bytes[]));
        if (keccak256(abi.encode(threshold, members)) != keccak256(key)) return _INVALID;
        if (threshold == 0 || threshold > members.length || !_isCouncil(members)) return _INVALID;
        (bytes[] memory signers, bytes[] memory signatures) = abi.decode(signature, (bytes[], bytes[]));
        if (keccak256(abi.encode(signers, signatures)) != keccak256(signature)) return _INVALID;
        if (signers.length < threshold || signers.length > members.length) return _INVALID;
        for (uint256 i = 0; i < signers.length; ++i) {
            if (!_isAmong(members, members.length, signers[i])) return _INVALID;
        }
        bool valid = SignatureChecker.areValidSignaturesNow(hash, signers, signatures);
        return valid ? IERC7913SignatureVerifier.verify.selector : _INVALID;
    }

    /// @dev Whether there are enough members and not too many, each of a known form, none twice.
    function _isCouncil(bytes[] memory members) private view returns (bool council) {
        if (members.length < _FEWEST || members.length > _MOST) return false;
        for (uint256 i = 0; i < members.length; ++i) {
            if (!_isMember(members[i]) || _isAmong(members, i, members[i])) return false;
        }
        return true;
    }

    function _isMember(bytes memory signer) private view returns (bool member) {
        // A contract answers with code of somebody's choice, and its answer cannot be repeated.
        if (signer.length == _ACCOUNT_LENGTH) return address(bytes20(signer)).code.length == 0;
        if (signer.length < _ACCOUNT_LENGTH) return false;
        address verifier = address(bytes20(signer));
        return verifier == p256Verifier || verifier == webAuthnVerifier;
    }

    /// @dev Whether a signer is one of the first so many of a list.
    function _isAmong(
        bytes[] memory list,
        uint256 count,
        bytes memory signer
    ) private pure returns (bool among) {
        for (uint256 i = 0; i < count; ++i) {
            if (keccak256(list[i]) == keccak256(signer)) return true;
        }
        return false;
    }
}
