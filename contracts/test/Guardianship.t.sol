// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {
    BY_CUSTODIAN,
    BY_GUARDIAN,
    BY_SUBJECT,
    GUARDIAN_COURT_APPOINTED,
    GUARDIAN_DELEGATE,
    GUARDIAN_NEAR_RELATIVE,
    GUARDIAN_PARENT,
    SCOPE_CORRECT,
    SCOPE_GRANT,
    SCOPE_RECOVER,
    SCOPE_REVOKE,
    SCOPE_SEE,
    Standing
} from "../types/Codes.sol";
import {Appointment, GuardianAppointment, GuardianRemoval} from "../types/Guardian.sol";
import {SubjectBed} from "./SubjectBed.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of appointments and their removal, and what is kept of those accepted
contract GuardianshipTest is SubjectBed {
    /// @notice An appointment is kept as it was signed, and its guardian may act.
    function test_appointGuardian_keepsWhatWasSigned() external {
        _note(_QUARTER, false, false);
        GuardianAppointment memory act = _appointment(GUARDIAN_PARENT);
        bytes32 name = _hashes.appointmentHash(act);
        bytes[] memory signatures = _byBoth(_GUARDIAN_KEY, _CUSTODIAN_KEY, name);
        VM.recordLogs();
        _register.appointGuardian(act, signatures);
        _requireLogged(IGuardianship.GuardianAppointed.selector, name, abi.encode(act, signatures));
        Appointment memory kept = _register.appointmentOf(name);
        require(kept.subjectId == _SUBJECT && kept.kind == GUARDIAN_PARENT && kept.scopes == 0x3e, "another one");
        require(kept.validFrom == _NOW && kept.validUntil == _NOW + 30 days && kept.ofMinor, "another time");
        _requireSigner(kept.signer, _GUARDIAN_KEY);
        _requireNames(name, 1);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_GRANT), _GUARDIAN_KEY);
    }

    /// @notice Nobody stands for a subject that nobody enrolled.
    function test_appointGuardian_revertsForAnUnknownSubject() external {
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        act.subjectId = _OTHER;
        _refuseAppointment(act, abi.encodeWithSelector(IGuardianship.GuardianshipSubjectUnknown.selector, _OTHER));
    }

    /// @notice A kind is known, and its scopes are some of those it can have.
    function test_appointGuardian_revertsForUnfitScopes() external {
        _refuseScopes(0, 0x3e);
        _refuseScopes(GUARDIAN_NEAR_RELATIVE + 1, 0x3e);
        _refuseScopes(GUARDIAN_DELEGATE, 0);
        _refuseScopes(GUARDIAN_DELEGATE, 1);
        _refuseScopes(GUARDIAN_DELEGATE, uint16(1) << (SCOPE_RECOVER + 1));
        _refuseScopes(GUARDIAN_NEAR_RELATIVE, uint16(1) << SCOPE_GRANT);
        _refuseScopes(GUARDIAN_NEAR_RELATIVE, uint16(1) << SCOPE_RECOVER);
    }

    /// @notice A guardian has a signer of its own, of a form that counts.
    function test_appointGuardian_revertsForAnUnfitSigner() external {
        bytes4 selector = IGuardianship.GuardianshipSignerInvalid.selector;
        GuardianAppointment memory act = _appointment(GUARDIAN_DELEGATE);
        act.guardian = _signerOf(_SUBJECT_KEY);
        _refuseAppointment(act, abi.encodeWithSelector(selector, act.guardian));
        act = _appointment(GUARDIAN_DELEGATE);
        _scriptAcceptable(false);
        _refuseAppointment(act, abi.encodeWithSelector(selector, act.guardian));
    }

    /// @notice A parent is one of a minor, a near relative one of the deceased, and all others are of the living.
    function test_appointGuardian_revertsForAKindThatCannotBe() external {
        _refuseKind(GUARDIAN_PARENT);
        _refuseKind(GUARDIAN_NEAR_RELATIVE);
        _note(0, false, true);
        _refuseKind(GUARDIAN_COURT_APPOINTED);
        _refuseKind(GUARDIAN_DELEGATE);
        bytes32 name = _appoint(_appointment(GUARDIAN_NEAR_RELATIVE));
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_SEE), _GUARDIAN_KEY);
    }

    /// @notice Who forbade its relatives has none after its death.
    function test_appointGuardian_revertsForARelativeThatWasForbidden() external {
        _forbidRelatives();
        _note(0, false, true);
        _refuseKind(GUARDIAN_NEAR_RELATIVE);
    }

    /// @notice A period has a beginning before its end, an end ahead, and none beyond the minority.
    function test_appointGuardian_revertsForAnUnfitPeriod() external {
        _refusePeriod(_NOW + 1, _NOW + 1, type(uint64).max);
        _refusePeriod(_NOW - 1, _NOW, type(uint64).max);
        _note(_QUARTER, false, false);
        _refusePeriod(_NOW, _QUARTER + 1, _QUARTER);
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        act.validUntil = _QUARTER;
        require(_register.appointmentOf(_appoint(act)).validUntil == _QUARTER, "not until the end of the minority");
    }

    /// @notice The end of a minority does not bind the relatives of a child that died.
    function test_appointGuardian_bindsNoRelativeToAMinority() external {
        _note(_QUARTER, false, true);
        GuardianAppointment memory act = _appointment(GUARDIAN_NEAR_RELATIVE);
        act.validUntil = _QUARTER + 1;
        bytes32 name = _appoint(act);
        VM.warp(_QUARTER);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_SEE), _GUARDIAN_KEY);
    }

    /// @notice A custodian saw something, and is active; a delegate needs neither.
    function test_appointGuardian_asksEvidenceOfAnActiveCustodian() external {
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        act.evidenceHash = 0;
        bytes4 selector = IGuardianship.GuardianshipEvidenceMissing.selector;
        _refuseAppointment(act, abi.encodeWithSelector(selector, _SUBJECT));
        _scriptInstitution(Standing.SUSPENDED);
        selector = IGuardianship.GuardianshipCustodianInactive.selector;
        act = _appointment(GUARDIAN_COURT_APPOINTED);
        _refuseAppointment(act, abi.encodeWithSelector(selector, _INSTITUTION));
        act = _appointment(GUARDIAN_DELEGATE);
        act.evidenceHash = 0;
        _requireNames(_appoint(act), 1);
    }

    /// @notice Eight stand at once; what lapsed makes room and is gone, what did not stays.
    function test_appointGuardian_revertsForANinth() external {
        bytes32[] memory names = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            GuardianAppointment memory each = _appointment(GUARDIAN_DELEGATE);
            if (i == 2) each.validUntil = _NOW + 1 days;
            names[i] = _appoint(each);
        }
        GuardianAppointment memory ninth = _appointment(GUARDIAN_DELEGATE);
        VM.warp(_NOW + 1 days - 1);
        _refuseAppointment(ninth, abi.encodeWithSelector(IGuardianship.GuardianshipFull.selector, _SUBJECT, 8));
        VM.warp(_NOW + 1 days);
        bytes32 last = _appoint(ninth);
        require(_register.appointmentOf(names[2]).subjectId == 0, "what lapsed is still kept");
        names[2] = last;
        for (uint256 i = 0; i < 8; ++i) _requireNames(names[i], 8);
    }

    /// @notice Eight delegates take no room from those whom the custodian appoints, and the other way round.
    function test_appointGuardian_countsDelegatesApart() external {
        for (uint256 i = 0; i < 8; ++i) _appoint(_appointment(GUARDIAN_DELEGATE));
        bytes32 last;
        for (uint256 i = 0; i < 8; ++i) last = _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
        _requireNames(last, 16);
        bytes memory problem = abi.encodeWithSelector(IGuardianship.GuardianshipFull.selector, _SUBJECT, 8);
        _refuseAppointment(_appointment(GUARDIAN_COURT_APPOINTED), problem);
        _refuseAppointment(_appointment(GUARDIAN_DELEGATE), problem);
    }

    /// @notice The guardian signs, and who appoints: of a delegate the subject, and no minor that is not shielded.
    function test_appointGuardian_revertsWithoutEitherSignature() external {
        GuardianAppointment memory act = _appointment(GUARDIAN_DELEGATE);
        bytes32 name = _hashes.appointmentHash(act);
        _refuseSigned(act, _byBoth(_STRANGER_KEY, _SUBJECT_KEY, name), _unsigned(name, 0));
        _refuseSigned(act, _byBoth(_GUARDIAN_KEY, _CUSTODIAN_KEY, name), _unsigned(name, 1));
        GuardianAppointment memory court = _appointment(GUARDIAN_COURT_APPOINTED);
        bytes32 other = _hashes.appointmentHash(court);
        _refuseSigned(court, _byBoth(_GUARDIAN_KEY, _SUBJECT_KEY, other), _unsigned(other, 1));
        _note(_QUARTER, false, false);
        _refuseAppointment(act, _unsigned(name, 1));
        _note(_QUARTER, true, false);
        _requireNames(_appoint(act), 1);
    }

    /// @notice The subject, the guardian itself and the custodian each take an appointment back.
    function test_removeGuardian_leavesNothingOfIt() external {
        uint256[3] memory keys = [_SUBJECT_KEY, _CUSTODIAN_KEY, _GUARDIAN_KEY];
        bytes32[3] memory names;
        for (uint256 i = 0; i < 3; ++i) names[i] = _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
        for (uint8 by = BY_SUBJECT; by <= BY_GUARDIAN; ++by) {
            bytes32 name = names[by - 1];
            GuardianRemoval memory act = _removal(name, by);
            bytes32 actHash = _hashes.removalHash(act);
            bytes[] memory signatures = _by(keys[by - 1], actHash);
            VM.recordLogs();
            _register.removeGuardian(act, signatures);
            _requireLogged(IGuardianship.GuardianRemoved.selector, actHash, abi.encode(act, signatures));
            require(_register.appointmentOf(name).subjectId == 0, "still kept");
            _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_SEE));
            for (uint8 left = by; left < 3; ++left) _requireNames(names[left], 3 - by);
        }
        require(_register.guardiansOf(_SUBJECT).length == 0, "somebody is left");
    }

    /// @notice Only what the subject has is removed, and once.
    function test_removeGuardian_revertsForWhatTheSubjectDoesNotHave() external {
        bytes4 selector = IGuardianship.GuardianshipUnknown.selector;
        bytes32 name = _appoint(_appointment(GUARDIAN_DELEGATE));
        _refuseRemoval(_removal(_OTHER, BY_SUBJECT), _SUBJECT_KEY, abi.encodeWithSelector(selector, _OTHER));
        GuardianRemoval memory act = _removal(name, BY_GUARDIAN);
        act.subjectId = _OTHER;
        _refuseRemoval(act, _GUARDIAN_KEY, abi.encodeWithSelector(selector, name));
        act = _removal(_OTHER, BY_SUBJECT);
        act.subjectId = 0;
        _refuseRemoval(act, _SUBJECT_KEY, abi.encodeWithSelector(selector, _OTHER));
        act = _removal(name, BY_SUBJECT);
        _register.removeGuardian(act, _by(_SUBJECT_KEY, _hashes.removalHash(act)));
        _refuseRemoval(_removal(name, BY_SUBJECT), _SUBJECT_KEY, abi.encodeWithSelector(selector, name));
    }

    /// @notice A delegate is none of the custodian's; a suspended custodian removes nobody, nor does anybody else.
    function test_removeGuardian_revertsForOthers() external {
        bytes32 delegate = _appoint(_appointment(GUARDIAN_DELEGATE));
        bytes4 selector = IGuardianship.GuardianshipRemoverInvalid.selector;
        bytes memory problem = abi.encodeWithSelector(selector, BY_CUSTODIAN);
        _refuseRemoval(_removal(delegate, BY_CUSTODIAN), _CUSTODIAN_KEY, problem);
        _refuseRemoval(_removal(delegate, 0), _SUBJECT_KEY, abi.encodeWithSelector(selector, uint8(0)));
        _refuseRemoval(_removal(delegate, 4), _SUBJECT_KEY, abi.encodeWithSelector(selector, uint8(4)));
        GuardianRemoval memory act = _removal(delegate, BY_SUBJECT);
        _refuseRemoval(act, _GUARDIAN_KEY, _unsigned(_hashes.removalHash(act), 0));
        bytes32 court = _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
        _scriptInstitution(Standing.SUSPENDED);
        problem = abi.encodeWithSelector(IGuardianship.GuardianshipCustodianInactive.selector, _INSTITUTION);
        _refuseRemoval(_removal(court, BY_CUSTODIAN), _CUSTODIAN_KEY, problem);
        require(_register.guardiansOf(_SUBJECT).length == 2, "somebody was removed");
    }

    /// @notice An appointment counts for its subject, from its first second to before its last, within its scopes.
    function test_signerFor_keepsToSubjectPeriodAndScopes() external {
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        (act.validFrom, act.scopes) = (_NOW + 1, uint16(1) << SCOPE_SEE);
        bytes32 name = _appoint(act);
        _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_SEE));
        VM.warp(act.validFrom);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_SEE), _GUARDIAN_KEY);
        _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_GRANT));
        _requireNobody(_register.signerFor(_SUBJECT, name, 0));
        _requireNobody(_register.signerFor(_SUBJECT, name, type(uint8).max));
        _requireNobody(_register.signerFor(_OTHER, name, SCOPE_SEE));
        _requireNobody(_register.signerFor(_SUBJECT, _OTHER, SCOPE_SEE));
        VM.warp(act.validUntil - 1);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_SEE), _GUARDIAN_KEY);
        VM.warp(act.validUntil);
        _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_SEE));
    }

    /// @notice After death nobody stands but near relatives, who see, correct and take back.
    function test_signerFor_givesRelativesAloneAfterDeath() external {
        bytes32 court = _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
        bytes32 delegate = _appoint(_appointment(GUARDIAN_DELEGATE));
        _note(0, false, true);
        bytes32 relative = _appoint(_appointment(GUARDIAN_NEAR_RELATIVE));
        for (uint8 scope = SCOPE_GRANT; scope <= SCOPE_RECOVER; ++scope) {
            _requireNobody(_register.signerFor(_SUBJECT, court, scope));
            _requireNobody(_register.signerFor(_SUBJECT, delegate, scope));
            _requireNobody(_register.signerFor(_SUBJECT, 0, scope));
            bytes memory found = _register.signerFor(_SUBJECT, relative, scope);
            if (scope == SCOPE_GRANT || scope == SCOPE_RECOVER) _requireNobody(found);
            else _requireSigner(found, _GUARDIAN_KEY);
        }
    }

    /// @notice Who turns out to be alive has no near relative that acts, and forbids them for good.
    function test_signerFor_givesNoRelativeOfTheLivingOrWhereForbidden() external {
        _note(0, false, true);
        bytes32 relative = _appoint(_appointment(GUARDIAN_NEAR_RELATIVE));
        _proveLife();
        _requireNobody(_register.signerFor(_SUBJECT, relative, SCOPE_SEE));
        _forbidRelatives();
        _note(0, false, true);
        _requireNobody(_register.signerFor(_SUBJECT, relative, SCOPE_SEE));
    }

    /// @notice A guardian of a minor stands no longer than the minority, also where that ends sooner than was noted.
    function test_signerFor_endsWithTheMinority() external {
        _note(_QUARTER + 91 days, false, false);
        GuardianAppointment memory act = _appointment(GUARDIAN_PARENT);
        act.validUntil = _QUARTER + 91 days;
        bytes32 name = _appoint(act);
        _note(_QUARTER, false, false);
        VM.warp(_QUARTER - 1);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_GRANT), _GUARDIAN_KEY);
        _requireNobody(_register.signerFor(_SUBJECT, 0, SCOPE_GRANT));
        VM.warp(_QUARTER);
        for (uint8 scope = SCOPE_GRANT; scope <= SCOPE_RECOVER; ++scope) {
            _requireNobody(_register.signerFor(_SUBJECT, name, scope));
        }
        _requireSigner(_register.signerFor(_SUBJECT, 0, SCOPE_GRANT), _SUBJECT_KEY);
    }

    /// @notice A delegate may do no more than whom it stands for, which grants nothing while it is a minor.
    function test_signerFor_givesADelegateNoMoreThanItsSubject() external {
        bytes32 name = _appoint(_appointment(GUARDIAN_DELEGATE));
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_GRANT), _GUARDIAN_KEY);
        _note(_QUARTER, false, false);
        _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_GRANT));
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_REVOKE), _GUARDIAN_KEY);
        _note(_QUARTER, true, false);
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_GRANT), _GUARDIAN_KEY);
    }

    /// @notice A guardian of a shielded minor comes by no other key for it; all else it may.
    function test_signerFor_keepsTheKeyOfAShieldedMinor() external {
        _note(_QUARTER, false, false);
        bytes32 name = _appoint(_appointment(GUARDIAN_PARENT));
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_RECOVER), _GUARDIAN_KEY);
        _note(_QUARTER, true, false);
        _requireNobody(_register.signerFor(_SUBJECT, name, SCOPE_RECOVER));
        for (uint8 scope = SCOPE_GRANT; scope <= SCOPE_CORRECT; ++scope) {
            _requireSigner(_register.signerFor(_SUBJECT, name, scope), _GUARDIAN_KEY);
        }
    }

    /// @notice A shield is one of minors: who grew up under it and needs a guardian then is recovered by it.
    function test_signerFor_recoversTheKeyOfWhoGrewUp() external {
        _note(_QUARTER, true, false);
        VM.warp(_QUARTER);
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        act.validUntil = _QUARTER + 1 days;
        bytes32 name = _appoint(act);
        require(!_register.appointmentOf(name).ofMinor, "taken for a minor");
        _requireSigner(_register.signerFor(_SUBJECT, name, SCOPE_RECOVER), _GUARDIAN_KEY);
    }

    function _refuseScopes(uint8 kind, uint16 scopes) private {
        GuardianAppointment memory act = _appointment(kind);
        act.scopes = scopes;
        bytes4 selector = IGuardianship.GuardianshipScopesInvalid.selector;
        _refuseAppointment(act, abi.encodeWithSelector(selector, kind, scopes));
    }

    function _refuseKind(uint8 kind) private {
        bytes4 selector = IGuardianship.GuardianshipKindRefused.selector;
        _refuseAppointment(_appointment(kind), abi.encodeWithSelector(selector, kind));
    }

    function _refusePeriod(uint64 from, uint64 until, uint64 latest) private {
        GuardianAppointment memory act = _appointment(GUARDIAN_COURT_APPOINTED);
        (act.validFrom, act.validUntil) = (from, until);
        bytes4 selector = IGuardianship.GuardianshipPeriodInvalid.selector;
        _refuseAppointment(act, abi.encodeWithSelector(selector, from, until, latest));
    }

    function _refuseAppointment(GuardianAppointment memory act, bytes memory problem) private {
        bytes32 name = _hashes.appointmentHash(act);
        _refuseSigned(act, _byBoth(_GUARDIAN_KEY, _appointer(act), name), problem);
    }

    function _refuseSigned(GuardianAppointment memory act, bytes[] memory signatures, bytes memory problem) private {
        _refuse(address(_register), abi.encodeCall(_register.appointGuardian, (act, signatures)), problem);
    }

    function _refuseRemoval(GuardianRemoval memory act, uint256 key, bytes memory problem) private {
        bytes[] memory signatures = _by(key, _hashes.removalHash(act));
        _refuse(address(_register), abi.encodeCall(_register.removeGuardian, (act, signatures)), problem);
    }

    function _removal(bytes32 name, uint8 by) private returns (GuardianRemoval memory act) {
        return GuardianRemoval(name, _SUBJECT, by, ++_nonce, _NOW + 1);
    }

    /// @dev A name is among those of the subject, of which there are so many.
    function _requireNames(bytes32 name, uint256 count) private view {
        bytes32[] memory names = _register.guardiansOf(_SUBJECT);
        require(names.length == count, "another number of guardians");
        bool found = false;
        for (uint256 i = 0; i < count; ++i) found = found || names[i] == name;
        require(found, "not among the guardians");
    }
}
