// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISignerKeys} from "../interfaces/ISignerKeys.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {Standing} from "../types/Codes.sol";
import {SubjectFacts, factsOfEnrolled} from "../types/SubjectFacts.sol";
import {Scripted} from "./Scripted.sol";
import {VM} from "./Vm.sol";

/// @title Registers that say what they are told
/// @notice Everybody is known and active, and whoever signs does so with a verifier whose answer is scripted: so what
/// is refused is refused by the contract under test itself.
abstract contract Neighbours {
    uint64 internal constant _NOW = 1_800_000_000;
    address internal constant _INSTITUTION = address(0xA000);
    bytes32 internal constant _SUBJECT = keccak256("subject");
    bytes32 internal constant _OTHER = bytes32(uint256(0x07));
    bytes4 private constant _VERIFY = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
    bytes4 private constant _IS_VALID = bytes4(keccak256("isValidSignature(bytes32,bytes)"));

    Scripted internal _participants;
    Scripted internal _subjects;
    Scripted internal _verifier;
    address internal _authority;

    constructor() {
        VM.warp(_NOW);
        (_participants, _subjects, _verifier) = (new Scripted(), new Scripted(), new Scripted());
        _authority = address(_verifier);
        bytes memory signer = abi.encodePacked(_verifier, "key");
        _scriptSigned(true);
        _scriptRelay(true);
        _scriptInstitution(Standing.ACTIVE);
        _scriptAuthority(Standing.ACTIVE, 0);
        _scriptCustodian(_INSTITUTION);
        _participants.script(IParticipants.institutionRegion.selector, abi.encode(440_300));
        _participants.script(IParticipants.institutionSigner.selector, abi.encode(signer));
        _participants.script(IParticipants.isGroupMember.selector, abi.encode(true));
        _subjects.script(IGuardianship.signerFor.selector, abi.encode(signer));
        _subjects.script(IGuardianship.factsOf.selector, abi.encode(uint256(0)));
        _subjects.script(ISignerKeys.cardSignerFor.selector, abi.encode(signer));
        _subjects.script(ISubjects.isSignedBy.selector, abi.encode(true));
    }

    function _scriptSigned(bool signed) internal {
        bytes4 no = 0xffffffff;
        _verifier.script(_VERIFY, abi.encode(signed ? _VERIFY : no));
        _verifier.script(_IS_VALID, abi.encode(signed ? _IS_VALID : no));
    }

    function _scriptRelay(bool relay) internal {
        _participants.script(IParticipants.isActiveRelay.selector, abi.encode(relay));
    }

    function _scriptInstitution(Standing standing) internal {
        bytes memory signer = abi.encodePacked(_verifier, "key");
        bytes memory all = abi.encode(standing, keccak256("release key"), signer, 1_000, 1_000);
        _participants.script(IParticipants.institutionForDecision.selector, all);
        _participants.script(IParticipants.institutionStanding.selector, abi.encode(standing));
    }

    function _scriptAuthority(Standing standing, uint32 region) internal {
        bytes4 selector = bytes4(keccak256("authorityStanding(address)"));
        _participants.script(selector, abi.encode(standing, region));
    }

    function _scriptCustodian(address custodian) internal {
        _subjects.script(ISubjects.custodianOf.selector, abi.encode(custodian));
    }

    function _scriptFacts(uint64 minorUntil, bool shielded) internal {
        SubjectFacts facts = factsOfEnrolled(_INSTITUTION).withCircumstances(minorUntil, shielded, false);
        _subjects.script(IGuardianship.factsOf.selector, abi.encode(facts));
    }

    function _refuse(address target, bytes memory call, bytes memory problem) internal {
        (bool done, bytes memory answer) = target.call(call);
        require(!done && keccak256(answer) == keccak256(problem), "another answer");
    }

    function _one() internal pure returns (bytes[] memory signatures) {
        return new bytes[](1);
    }
}
