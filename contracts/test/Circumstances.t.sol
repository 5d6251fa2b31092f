// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {
    DIRECTIVE_ALLOW,
    DIRECTIVE_FORBID,
    GUARDIAN_COURT_APPOINTED,
    GUARDIAN_DELEGATE,
    GUARDIAN_PARENT,
    SCOPE_SEE,
    Standing
} from "../types/Codes.sol";
import {Circumstances, Directive, GuardianAppointment, ProofOfLife} from "../types/Guardian.sol";
import {SubjectFacts} from "../types/SubjectFacts.sol";
import {SubjectBed} from "./SubjectBed.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of what `Guardianship` notes of a subject itself: circumstances, proof of life, directive
contract CircumstancesTest is SubjectBed {
    /// @notice What is noted takes the place of what was, and leaves custodian and directive as they are.
    function test_noteCircumstances_keepsWhatWasSigned() external {
        _forbidRelatives();
        Circumstances memory act = _circumstances(_QUARTER, true, false);
        bytes32 actHash = _hashes.circumstancesHash(act);
        bytes[] memory signatures = _by(_CUSTODIAN_KEY, actHash);
        VM.recordLogs();
        _register.noteCircumstances(act, signatures);
        _requireLogged(IGuardianship.CircumstancesNoted.selector, actHash, abi.encode(act, signatures));
        _requireFacts(_QUARTER, true, false);
        _note(_QUARTER, true, true);
        _requireFacts(_QUARTER, true, true);
        SubjectFacts facts = _register.factsOf(_SUBJECT);
        require(facts.custodianOf() == _INSTITUTION && facts.areRelativesForbidden(), "something else changed");
    }

    /// @notice A minority ends with a quarter that lies ahead, at most eighteen years and a quarter.
    function test_noteCircumstances_revertsForAnUnfitEnd() external {
        _refuseEnd(_QUARTER + 1, 0);
        _refuseEnd(_QUARTER + 1 days, 0);
        _refuseEnd(_QUARTER - 90 days, 0); // 1 January 2027, which is over
        _refuseEnd(2_382_480_000, 0); // 1 July 2045
        VM.warp(_QUARTER);
        _refuseEnd(_QUARTER, 0);
        VM.warp(_QUARTER - 1);
        _note(2_374_617_600, false, false); // 1 April 2045
        _note(_QUARTER, false, false);
        _refuseEnd(0, _QUARTER);
        _requireFacts(_QUARTER, false, false);
    }

    /// @notice The longest minority has eighteen years and a quarter, not a second more.
    function test_noteCircumstances_measuresTheLongestMinority() external {
        uint64 end = 2_374_617_600; // 1 April 2045
        uint64 longest = (18 * 365 + 5 + 92) * 1 days;
        VM.warp(end - longest - 1);
        _refuseEnd(end, 0);
        VM.warp(end - longest);
        _note(end, false, false);
        _requireFacts(end, false, false);
    }

    /// @notice Who came of age stays so, whatever a custodian says later; all else can be noted.
    function test_noteCircumstances_revertsForASecondMinority() external {
        _note(_QUARTER, false, false);
        VM.warp(_QUARTER);
        _refuseEnd(1_814_400_000, _QUARTER); // 1 July 2027
        _refuseEnd(0, _QUARTER);
        _note(_QUARTER, false, true);
        _requireFacts(_QUARTER, false, true);
    }

    /// @notice Only a minor is shielded, and until it has come of age.
    function test_noteCircumstances_revertsForAnUnfitShield() external {
        bytes4 selector = IGuardianship.GuardianshipShieldInvalid.selector;
        _refuseNote(_circumstances(0, true, false), abi.encodeWithSelector(selector, true, uint64(0)));
        _note(_QUARTER, true, false);
        Circumstances memory act = _circumstances(_QUARTER, false, false);
        _refuseNote(act, abi.encodeWithSelector(selector, false, _QUARTER));
        VM.warp(_QUARTER);
        _refuseNote(_circumstances(_QUARTER, true, false), abi.encodeWithSelector(selector, true, _QUARTER));
        _note(_QUARTER, false, false);
        _requireFacts(_QUARTER, false, false);
    }

    /// @notice A known subject, evidence, an active custodian and its signature; no note takes a death back.
    function test_noteCircumstances_revertsForAnUnfitOne() external {
        Circumstances memory act = _circumstances(0, false, true);
        act.subjectId = _OTHER;
        _refuseNote(act, abi.encodeWithSelector(IGuardianship.GuardianshipSubjectUnknown.selector, _OTHER));
        act = _circumstances(0, false, true);
        act.evidenceHash = 0;
        _refuseNote(act, abi.encodeWithSelector(IGuardianship.GuardianshipEvidenceMissing.selector, _SUBJECT));
        act.evidenceHash = _EVIDENCE;
        bytes32 actHash = _hashes.circumstancesHash(act);
        bytes memory call = abi.encodeCall(_register.noteCircumstances, (act, _by(_SUBJECT_KEY, actHash)));
        _refuse(address(_register), call, _unsigned(actHash, 0));
        _scriptInstitution(Standing.SUSPENDED);
        bytes4 selector = IGuardianship.GuardianshipCustodianInactive.selector;
        _refuseNote(act, abi.encodeWithSelector(selector, _INSTITUTION));
        _scriptInstitution(Standing.ACTIVE);
        _note(0, false, true);
        selector = IGuardianship.GuardianshipDeathInvalid.selector;
        _refuseNote(_circumstances(0, false, false), abi.encodeWithSelector(selector, _SUBJECT, true));
        _requireFacts(0, false, true);
    }

    /// @notice Who is alive signs again; age and shield stay as they were.
    function test_proveLife_takesTheDeathBackAlone() external {
        _note(_QUARTER, true, true);
        _requireNobody(_register.signerFor(_SUBJECT, 0, SCOPE_SEE));
        ProofOfLife memory act = _proof();
        bytes32 actHash = _proofHash(act);
        bytes[] memory signatures = _byBoth(_CUSTODIAN_KEY, _SUBJECT_KEY, actHash);
        VM.recordLogs();
        _register.proveLife(act, signatures);
        _requireLogged(IGuardianship.LifeProved.selector, actHash, abi.encode(act, signatures));
        _requireFacts(_QUARTER, true, false);
        _requireSigner(_register.signerFor(_SUBJECT, 0, SCOPE_SEE), _SUBJECT_KEY);
    }

    /// @notice Only a noted death is taken back, with evidence, by an active custodian and the subject together.
    function test_proveLife_revertsForAnUnfitOne() external {
        ProofOfLife memory act = _proof();
        bytes4 selector = IGuardianship.GuardianshipDeathInvalid.selector;
        _refuseProof(act, abi.encodeWithSelector(selector, _SUBJECT, false));
        _note(0, false, true);
        act.evidenceHash = 0;
        _refuseProof(act, abi.encodeWithSelector(IGuardianship.GuardianshipEvidenceMissing.selector, _SUBJECT));
        act = _proof();
        act.subjectId = _OTHER;
        _refuseProof(act, abi.encodeWithSelector(IGuardianship.GuardianshipSubjectUnknown.selector, _OTHER));
        act = _proof();
        bytes32 actHash = _proofHash(act);
        bytes[] memory signatures = _byBoth(_SUBJECT_KEY, _SUBJECT_KEY, actHash);
        _refuse(address(_register), abi.encodeCall(_register.proveLife, (act, signatures)), _unsigned(actHash, 0));
        signatures = _byBoth(_CUSTODIAN_KEY, _CUSTODIAN_KEY, actHash);
        _refuse(address(_register), abi.encodeCall(_register.proveLife, (act, signatures)), _unsigned(actHash, 1));
        _scriptInstitution(Standing.SUSPENDED);
        selector = IGuardianship.GuardianshipCustodianInactive.selector;
        _refuseProof(act, abi.encodeWithSelector(selector, _INSTITUTION));
        _requireFacts(0, false, true);
    }

    /// @notice A directive takes the place of the one before, and leaves the rest as it is.
    function test_giveDirective_keepsWhatWasSigned() external {
        _note(_QUARTER, true, false);
        for (uint8 answers = 0; answers < 4; ++answers) {
            bool emergency = answers & 1 != 0;
            bool relatives = answers & 2 != 0;
            Directive memory act = _directive(0, _answer(emergency), _answer(relatives));
            bytes32 actHash = _directiveHash(act);
            bytes[] memory signatures = _by(_SUBJECT_KEY, actHash);
            VM.recordLogs();
            _register.giveDirective(act, signatures);
            _requireLogged(IGuardianship.DirectiveGiven.selector, actHash, abi.encode(act, signatures));
            SubjectFacts facts = _register.factsOf(_SUBJECT);
            require(facts.isEmergencyForbidden() == emergency, "another answer for emergencies");
            require(facts.areRelativesForbidden() == relatives, "another answer for relatives");
            _requireFacts(_QUARTER, true, false);
        }
    }

    /// @notice Each of the two answers is one of the two there are.
    function test_giveDirective_revertsForUnknownAnswers() external {
        _refuseAnswers(0, DIRECTIVE_ALLOW);
        _refuseAnswers(DIRECTIVE_ALLOW, DIRECTIVE_FORBID + 1);
        Directive memory act = _directive(0, DIRECTIVE_ALLOW, DIRECTIVE_ALLOW);
        act.subjectId = _OTHER;
        bytes4 selector = IGuardianship.GuardianshipSubjectUnknown.selector;
        _refuseDirective(act, _SUBJECT_KEY, abi.encodeWithSelector(selector, _OTHER));
    }

    /// @notice For a child a guardian says it who may grant; the child itself does not.
    function test_giveDirective_isForAGuardianOfAMinor() external {
        _note(_QUARTER, false, false);
        bytes32 parent = _appoint(_appointment(GUARDIAN_PARENT));
        GuardianAppointment memory narrow = _appointment(GUARDIAN_PARENT);
        narrow.scopes = uint16(1) << SCOPE_SEE;
        bytes32 onlooker = _appoint(narrow);
        _refuseUnsigned(_directive(0, DIRECTIVE_FORBID, DIRECTIVE_FORBID), _SUBJECT_KEY);
        _refuseUnsigned(_directive(onlooker, DIRECTIVE_FORBID, DIRECTIVE_FORBID), _GUARDIAN_KEY);
        Directive memory act = _directive(parent, DIRECTIVE_FORBID, DIRECTIVE_ALLOW);
        _register.giveDirective(act, _by(_GUARDIAN_KEY, _directiveHash(act)));
        require(_register.factsOf(_SUBJECT).isEmergencyForbidden(), "not kept");
    }

    /// @notice For a child a delegate does not say it, and for one whose acts are shielded nobody else does.
    function test_giveDirective_isForNoDelegateAndNotForAShieldedMinor() external {
        bytes32 delegate = _appoint(_appointment(GUARDIAN_DELEGATE));
        _note(_QUARTER, false, false);
        bytes32 parent = _appoint(_appointment(GUARDIAN_PARENT));
        _refuseUnsigned(_directive(delegate, DIRECTIVE_FORBID, DIRECTIVE_ALLOW), _GUARDIAN_KEY);
        _note(_QUARTER, true, false);
        _refuseUnsigned(_directive(parent, DIRECTIVE_FORBID, DIRECTIVE_ALLOW), _GUARDIAN_KEY);
        require(!_register.factsOf(_SUBJECT).isEmergencyForbidden(), "kept");
        Directive memory act = _directive(0, DIRECTIVE_FORBID, DIRECTIVE_ALLOW);
        _register.giveDirective(act, _by(_SUBJECT_KEY, _directiveHash(act)));
        require(_register.factsOf(_SUBJECT).isEmergencyForbidden(), "not kept");
    }

    /// @notice For a grown-up nobody says it, neither a delegate nor a court's guardian.
    function test_giveDirective_isForNoGuardianOfAGrownUp() external {
        bytes32 delegate = _appoint(_appointment(GUARDIAN_DELEGATE));
        bytes32 court = _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
        _refuseUnsigned(_directive(delegate, DIRECTIVE_FORBID, DIRECTIVE_ALLOW), _GUARDIAN_KEY);
        _refuseUnsigned(_directive(court, DIRECTIVE_FORBID, DIRECTIVE_ALLOW), _GUARDIAN_KEY);
        require(!_register.factsOf(_SUBJECT).isEmergencyForbidden(), "kept");
    }

    function _refuseEnd(uint64 minorUntil, uint64 current) private {
        bytes4 selector = IGuardianship.GuardianshipMinorEndInvalid.selector;
        Circumstances memory act = _circumstances(minorUntil, false, false);
        _refuseNote(act, abi.encodeWithSelector(selector, minorUntil, current));
    }

    function _refuseNote(Circumstances memory act, bytes memory problem) private {
        bytes[] memory signatures = _by(_CUSTODIAN_KEY, _hashes.circumstancesHash(act));
        _refuse(address(_register), abi.encodeCall(_register.noteCircumstances, (act, signatures)), problem);
    }

    function _refuseProof(ProofOfLife memory act, bytes memory problem) private {
        bytes[] memory signatures = _byBoth(_CUSTODIAN_KEY, _SUBJECT_KEY, _proofHash(act));
        _refuse(address(_register), abi.encodeCall(_register.proveLife, (act, signatures)), problem);
    }

    function _refuseAnswers(uint8 emergency, uint8 relatives) private {
        bytes4 selector = IGuardianship.GuardianshipDirectiveInvalid.selector;
        Directive memory act = _directive(0, emergency, relatives);
        _refuseDirective(act, _SUBJECT_KEY, abi.encodeWithSelector(selector, emergency, relatives));
    }

    function _refuseUnsigned(Directive memory act, uint256 key) private {
        _refuseDirective(act, key, _unsigned(_directiveHash(act), 0));
    }

    function _refuseDirective(Directive memory act, uint256 key, bytes memory problem) private {
        bytes[] memory signatures = _by(key, _directiveHash(act));
        _refuse(address(_register), abi.encodeCall(_register.giveDirective, (act, signatures)), problem);
    }

    function _requireFacts(uint64 minorUntil, bool shielded, bool deceased) private view {
        SubjectFacts facts = _register.factsOf(_SUBJECT);
        require(facts.minorUntilOf() == minorUntil, "another end of minority");
        require(facts.isShielded() == shielded && facts.isDeceased() == deceased, "other circumstances");
    }

    function _answer(bool forbidden) private pure returns (uint8 code) {
        return forbidden ? DIRECTIVE_FORBID : DIRECTIVE_ALLOW;
    }
}
