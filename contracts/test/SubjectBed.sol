// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Subjects} from "../Subjects.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISignedActs} from "../interfaces/ISignedActs.sol";
import {DIRECTIVE_ALLOW, DIRECTIVE_FORBID, GUARDIAN_DELEGATE, GUARDIAN_NEAR_RELATIVE} from "../types/Codes.sol";
import {Enrolment} from "../types/Enrolment.sol";
import {
    Circumstances,
    DIRECTIVE_TYPEHASH,
    Directive,
    GuardianAppointment,
    PROOF_OF_LIFE_TYPEHASH,
    ProofOfLife
} from "../types/Guardian.sol";
import {Hashes} from "./Hashes.sol";
import {Neighbours} from "./Neighbours.sol";
import {VM, Vm} from "./Vm.sol";

/// @title The real register of subjects, with one subject, among members that are scripted
/// @notice Whoever signs does so with a key of its own: so it is the register that says whose signature counts.
abstract contract SubjectBed is Neighbours {
    uint256 internal constant _SUBJECT_KEY = 0xB000;
    uint256 internal constant _CUSTODIAN_KEY = 0xA000;
    uint256 internal constant _GUARDIAN_KEY = 0xC000;
    uint256 internal constant _STRANGER_KEY = 0xDEAD;
    uint64 internal constant _DELAY = 7 days;
    /// @dev 1 April 2027, the first quarter after `_NOW`.
    uint64 internal constant _QUARTER = 1_806_537_600;
    bytes32 internal constant _EVIDENCE = keccak256("evidence");

    Subjects internal _register;
    Hashes internal _hashes = new Hashes();
    uint256 internal _nonce;

    constructor() {
        _participants.script(IParticipants.institutionSigner.selector, abi.encode(_signerOf(_CUSTODIAN_KEY)));
        _scriptAcceptable(true);
        _register = new Subjects(IParticipants(address(_participants)), _DELAY);
        Enrolment memory enrolment = Enrolment(_SUBJECT, _signerOf(_SUBJECT_KEY), _INSTITUTION, _NOW + 1);
        bytes32 structHash = _hashes.enrolmentHash(enrolment);
        _register.enrol(enrolment, _sign(_SUBJECT_KEY, structHash), _sign(_CUSTODIAN_KEY, structHash));
    }

    function _scriptAcceptable(bool acceptable) internal {
        _participants.script(IParticipants.isAcceptableSigner.selector, abi.encode(acceptable));
    }

    function _note(uint64 minorUntil, bool shielded, bool deceased) internal {
        Circumstances memory act = _circumstances(minorUntil, shielded, deceased);
        _register.noteCircumstances(act, _by(_CUSTODIAN_KEY, _hashes.circumstancesHash(act)));
    }

    function _circumstances(uint64 minorUntil, bool shielded, bool deceased)
        internal
        returns (Circumstances memory act)
    {
        return Circumstances(_SUBJECT, minorUntil, shielded, deceased, _EVIDENCE, ++_nonce, type(uint64).max);
    }

    /// @dev An appointment with every scope a guardian of its kind can have, for thirty days.
    function _appointment(uint8 kind) internal returns (GuardianAppointment memory act) {
        uint16 scopes = kind == GUARDIAN_NEAR_RELATIVE ? 0x1c : 0x3e;
        bytes memory guardian = _signerOf(_GUARDIAN_KEY);
        uint64 until = _NOW + 30 days;
        uint64 signBefore = type(uint64).max;
        return GuardianAppointment(_SUBJECT, guardian, kind, scopes, _NOW, until, _EVIDENCE, ++_nonce, signBefore);
    }

    function _appoint(GuardianAppointment memory act) internal returns (bytes32 name) {
        name = _hashes.appointmentHash(act);
        _register.appointGuardian(act, _byBoth(_GUARDIAN_KEY, _appointer(act), name));
    }

    function _directive(bytes32 guardian, uint8 emergency, uint8 relatives) internal returns (Directive memory act) {
        return Directive(_SUBJECT, guardian, emergency, relatives, ++_nonce, type(uint64).max);
    }

    function _forbidRelatives() internal {
        Directive memory act = _directive(0, DIRECTIVE_ALLOW, DIRECTIVE_FORBID);
        _register.giveDirective(act, _by(_SUBJECT_KEY, _directiveHash(act)));
    }

    function _proveLife() internal {
        ProofOfLife memory act = _proof();
        _register.proveLife(act, _byBoth(_CUSTODIAN_KEY, _SUBJECT_KEY, _proofHash(act)));
    }

    function _proof() internal returns (ProofOfLife memory act) {
        return ProofOfLife(_SUBJECT, _EVIDENCE, ++_nonce, type(uint64).max);
    }

    /// @dev The key of who appoints: the subject a delegate, its custodian any other.
    function _appointer(GuardianAppointment memory act) internal pure returns (uint256 key) {
        return act.kind == GUARDIAN_DELEGATE ? _SUBJECT_KEY : _CUSTODIAN_KEY;
    }

    /// @dev The one event recorded is that of an act, with everything that was signed.
    function _requireLogged(bytes32 topic, bytes32 actHash, bytes memory data) internal {
        Vm.Log[] memory logs = VM.getRecordedLogs();
        require(logs.length == 1 && logs[0].topics.length == 4, "another number of events");
        require(logs[0].emitter == address(_register) && logs[0].topics[0] == topic, "another event");
        require(logs[0].topics[1] == actHash && logs[0].topics[2] == _SUBJECT, "another act or subject");
        require(logs[0].topics[3] == 0 && keccak256(logs[0].data) == keccak256(data), "another content");
        require(_register.isPerformed(actHash), "not performed");
    }

    function _requireSigner(bytes memory found, uint256 key) internal pure {
        require(keccak256(found) == keccak256(_signerOf(key)), "another signer");
    }

    function _requireNobody(bytes memory found) internal pure {
        require(found.length == 0, "somebody may");
    }

    function _by(uint256 key, bytes32 structHash) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = _sign(key, structHash);
    }

    function _byBoth(
        uint256 first,
        uint256 second,
        bytes32 structHash
    ) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (_sign(first, structHash), _sign(second, structHash));
    }

    function _sign(uint256 key, bytes32 structHash) internal view returns (bytes memory signature) {
        bytes32 digest = _hashes.digest(address(_register), "Consentry Subjects", structHash);
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _signerOf(uint256 key) internal pure returns (bytes memory signer) {
        return abi.encodePacked(VM.addr(key));
    }

    function _directiveHash(Directive memory act) internal pure returns (bytes32 structHash) {
        return keccak256(abi.encode(DIRECTIVE_TYPEHASH, act));
    }

    function _proofHash(ProofOfLife memory act) internal pure returns (bytes32 structHash) {
        return keccak256(abi.encode(PROOF_OF_LIFE_TYPEHASH, act));
    }

    function _unsigned(bytes32 actHash, uint256 place) internal pure returns (bytes memory problem) {
        return abi.encodeWithSelector(ISignedActs.ActSignatureInvalid.selector, actHash, place);
    }
}
