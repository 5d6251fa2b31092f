// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {CouncilVerifier} from "../CouncilVerifier.sol";
import {VM} from "./Vm.sol";
import {FaultyVerifier} from "./mocks/FaultyVerifier.sol";
import {SmartAccount} from "./mocks/SmartAccount.sol";

/// @title What is a council, and how many of it sign
contract CouncilVerifierTest {
    bytes32 private constant _DIGEST = keccak256("digest");
    bytes4 private constant _INVALID = 0xffffffff;

    CouncilVerifier private _verifier;
    /// @dev Stands for a verifier of keys: the first byte of a key says what it answers, 0 for yes.
    FaultyVerifier private _keys = new FaultyVerifier();
    FaultyVerifier private _passkeys = new FaultyVerifier();

    /// @notice Runs before each test.
    function setUp() external {
        _verifier = new CouncilVerifier(address(_keys), address(_passkeys));
    }

    /// @notice So many members sign as its key says, or more, in any order; fewer do not.
    function test_verify_countsTheMembersThatSign() external view {
        bytes memory key = abi.encode(uint64(2), _members(3));
        _require(key, _signed(_pick(0, 1)), true);
        _require(key, _signed(_pick(1, 0)), true);
        _require(key, _signed(_members(3)), true);
        _require(key, _signed(_one(_member(0))), false);
        _require(key, _signed(new bytes[](0)), false);
        require(SignatureChecker.isValidSignatureNow(_signer(key), _DIGEST, _signed(_pick(2, 0))), "not a signer");
    }

    /// @notice Nobody counts twice, nobody from outside counts, and there are no more signers than members.
    function test_verify_countsEachMemberOnce() external view {
        bytes memory key = abi.encode(uint64(2), _members(3));
        _require(key, _signed(_pick(1, 1)), false);
        _require(key, _signed(_pick(0, 7)), false);
        bytes[] memory signers = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) signers[i] = _member(i % 3);
        _require(key, _signed(signers), false);
    }

    /// @notice Each signature is that of its signer over this digest, and each signer has one.
    function test_verify_wantsEachSignature() external view {
        bytes memory key = abi.encode(uint64(2), _members(3));
        bytes[] memory signers = _pick(0, 1);
        bytes[] memory signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (_sign(0, _DIGEST), _sign(1, keccak256("another digest")));
        _require(key, abi.encode(signers, signatures), false);
        (signatures[0], signatures[1]) = (_sign(1, _DIGEST), _sign(0, _DIGEST));
        _require(key, abi.encode(signers, signatures), false);
        _require(key, abi.encode(signers, _one(_sign(0, _DIGEST))), false);
    }

    /// @notice Keys of the two verifiers are members as accounts are; whatever their verifier answers counts.
    function test_verify_asksTheVerifiersOfItsMembers() external view {
        bytes[] memory members = new bytes[](3);
        members[0] = _member(0);
        members[1] = abi.encodePacked(_keys, hex"00");
        members[2] = abi.encodePacked(_passkeys, hex"01");
        bytes memory key = abi.encode(uint64(2), members);
        (bytes[] memory signers, bytes[] memory signatures) = (new bytes[](2), new bytes[](2));
        (signers[0], signers[1], signatures[0]) = (members[0], members[1], _sign(0, _DIGEST));
        _require(key, abi.encode(signers, signatures), true);
        signers[1] = members[2];
        _require(key, abi.encode(signers, signatures), false);
    }

    /// @notice A threshold is at least one and at most all.
    function test_verify_refusesAnUnfitThreshold() external view {
        _require(abi.encode(uint64(0), _members(3)), _signed(_members(3)), false);
        _require(abi.encode(uint64(4), _members(3)), _signed(_members(3)), false);
        _require(abi.encode(uint64(3), _members(3)), _signed(_members(3)), true);
        _require(abi.encode(uint64(1), _members(3)), _signed(_one(_member(2))), true);
    }

    /// @notice From two to eight members, each of them once.
    function test_verify_refusesWhatIsNoCouncil() external view {
        _require(abi.encode(uint64(1), _members(1)), _signed(_members(1)), false);
        _require(abi.encode(uint64(2), _members(2)), _signed(_members(2)), true);
        _require(abi.encode(uint64(8), _members(8)), _signed(_members(8)), true);
        _require(abi.encode(uint64(8), _members(9)), _signed(_members(8)), false);
        bytes[] memory members = _members(3);
        members[2] = members[0];
        _require(abi.encode(uint64(1), members), _signed(_one(members[1])), false);
    }

    /// @notice A member is an account or a key of one of the two verifiers: no other code, and no council.
    function test_verify_refusesOtherMembers() external {
        _refuseMember(hex"00");
        _refuseMember(abi.encodePacked(bytes19(bytes20(VM.addr(0xA000)))));
        _refuseMember(abi.encodePacked(new FaultyVerifier(), hex"00"));
        _refuseMember(abi.encodePacked(new SmartAccount(VM.addr(0xA000))));
        _refuseMember(_signer(abi.encode(uint64(1), _members(2))));
    }

    /// @notice Key and signature have one form each: bytes at their end make others of them.
    function test_verify_refusesAnotherEncoding() external view {
        bytes memory key = abi.encode(uint64(2), _members(2));
        bytes memory signature = _signed(_members(2));
        _require(key, signature, true);
        _require(bytes.concat(key, bytes32(0)), signature, false);
        _require(key, bytes.concat(signature, bytes32(0)), false);
    }

    /// @notice What does not decode reverts, which whoever asks takes for a wrong signature.
    function test_verify_revertsForWhatDoesNotDecode() external view {
        bytes memory key = abi.encode(uint64(2), _members(2));
        (bool answered, ) = address(_verifier).staticcall(abi.encodeCall(_verifier.verify, ("", _DIGEST, "")));
        require(!answered, "a key that is none was taken");
        (answered, ) = address(_verifier).staticcall(abi.encodeCall(_verifier.verify, (key, _DIGEST, "")));
        require(!answered, "a signature that is none was taken");
        require(!SignatureChecker.isValidSignatureNow(_signer(key), _DIGEST, ""), "signed by nobody");
    }

    /// @notice The two verifiers can be read.
    function test_wiring_isWhatWasGiven() external view {
        require(_verifier.p256Verifier() == address(_keys), "another verifier of keys");
        require(_verifier.webAuthnVerifier() == address(_passkeys), "another verifier of passkeys");
    }

    /// @dev A list in which all else is in order, and of which a sound member signs.
    function _refuseMember(bytes memory member) private view {
        bytes[] memory members = _members(3);
        members[2] = member;
        _require(abi.encode(uint64(1), members), _signed(_one(_member(0))), false);
    }

    function _require(bytes memory key, bytes memory signature, bool valid) private view {
        bytes4 expected = valid ? IERC7913SignatureVerifier.verify.selector : _INVALID;
        require(_verifier.verify(key, _DIGEST, signature) == expected, "another answer");
    }

    function _signer(bytes memory key) private view returns (bytes memory signer) {
        return abi.encodePacked(_verifier, key);
    }

    /// @dev What accounts sign together, each over the digest.
    function _signed(bytes[] memory signers) private pure returns (bytes memory signature) {
        bytes[] memory signatures = new bytes[](signers.length);
        for (uint256 i = 0; i < signers.length; ++i) signatures[i] = _sign(_indexOf(signers[i]), _DIGEST);
        return abi.encode(signers, signatures);
    }

    function _sign(uint256 index, bytes32 digest) private pure returns (bytes memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(0xA000 + index, digest);
        return abi.encodePacked(r, s, v);
    }

    function _indexOf(bytes memory signer) private pure returns (uint256 index) {
        while (keccak256(_member(index)) != keccak256(signer)) ++index;
    }

    function _member(uint256 index) private pure returns (bytes memory signer) {
        return abi.encodePacked(VM.addr(0xA000 + index));
    }

    function _members(uint256 count) private pure returns (bytes[] memory members) {
        members = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) members[i] = _member(i);
    }

    function _pick(uint256 first, uint256 second) private pure returns (bytes[] memory members) {
        members = new bytes[](2);
        (members[0], members[1]) = (_member(first), _member(second));
    }

    function _one(bytes memory item) private pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = item;
    }
}
