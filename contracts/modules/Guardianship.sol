// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {
    ALL_SCOPES,
    BY_CUSTODIAN,
    BY_GUARDIAN,
    BY_SUBJECT,
    DIRECTIVE_ALLOW,
    DIRECTIVE_FORBID,
    GUARDIAN_DELEGATE,
    GUARDIAN_NEAR_RELATIVE,
    GUARDIAN_PARENT,
    SCOPE_CORRECT,
    SCOPE_GRANT,
    SCOPE_RECOVER,
    SCOPE_REVOKE,
    SCOPE_SEE
} from "../types/Codes.sol";
import {
    Appointment,
    Circumstances,
    Directive,
    GuardianAppointment,
    GuardianRemoval,
    ProofOfLife
} from "../types/Guardian.sol";
import {SubjectFacts} from "../types/SubjectFacts.sol";
import {SubjectFile} from "./SubjectFile.sol";

/// @title Guardians, and what bears on who may sign for a subject
/// @notice See `IGuardianship`.
abstract contract Guardianship is SubjectFile, IGuardianship {
    /// @dev Each appointment of a subject is looked at when another one is made. So many delegates can stand, and so
    /// many others: delegates lock nobody out whom the custodian appoints, which cannot remove them.
    uint256 private constant _MOST = 8;
    /// @dev Eighteen years, with all the leap days there can be in them, and a quarter: ends are rounded up.
    uint64 private constant _LONGEST_MINORITY = (18 * 365 + 5 + 92) * 1 days;
    /// @dev What a near relative may do: see, correct, take back (PIPL 49); never grant or recover.
    uint16 private constant _SCOPES_OF_RELATIVES =
        (uint16(1) << SCOPE_SEE) | (uint16(1) << SCOPE_CORRECT) | (uint16(1) << SCOPE_REVOKE);

    mapping(bytes32 appointment => Appointment) private _appointments;
    mapping(bytes32 subjectId => bytes32[] appointments) private _appointmentsOf;

    /// @inheritdoc IGuardianship
    function appointGuardian(GuardianAppointment calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.appointmentHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        SubjectFacts facts = _requireKnown(act.subjectId);
        _requireAppointable(act, facts);
        _requireRoom(act.subjectId, act.kind == GUARDIAN_DELEGATE);
        bytes memory appointer = act.kind == GUARDIAN_DELEGATE
            ? _ownSigner(act.subjectId, true)
            : _custodianSigner(facts);
        _requireSigned(actHash, 0, act.guardian, signatures[0]);
        _requireSigned(actHash, 1, appointer, signatures[1]);
        _appointments[actHash] = Appointment({
            subjectId: act.subjectId,
            kind: act.kind,
            scopes: act.scopes,
            validFrom: act.validFrom,
            validUntil: act.validUntil,
            ofMinor: facts.isMinorAt(block.timestamp),
            signer: act.guardian
        });
        _appointmentsOf[act.subjectId].push(actHash);
        emit GuardianAppointed(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IGuardianship
    function removeGuardian(GuardianRemoval calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.removalHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        Appointment storage appointment = _appointments[act.appointment];
        if (appointment.subjectId == bytes32(0) || appointment.subjectId != act.subjectId) {
            revert GuardianshipUnknown(act.appointment);
        }
        _requireSigned(actHash, 0, _remover(act, appointment), signatures[0]);
        delete _appointments[act.appointment];
        bytes32[] storage all = _appointmentsOf[act.subjectId];
        for (uint256 i = all.length; i > 0; --i) {
            if (all[i - 1] == act.appointment) _forgetAt(all, i - 1);
        }
        emit GuardianRemoved(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IGuardianship
    function noteCircumstances(Circumstances calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.circumstancesHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        SubjectFacts facts = _requireKnown(act.subjectId);
        _requireTrue(act, facts);
        if (act.evidenceHash == bytes32(0)) revert GuardianshipEvidenceMissing(act.subjectId);
        _requireSigned(actHash, 0, _custodianSigner(facts), signatures[0]);
        _setFacts(act.subjectId, facts.withCircumstances(act.minorUntil, act.shielded, act.deceased));
        emit CircumstancesNoted(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IGuardianship
    function proveLife(ProofOfLife calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.proofHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        SubjectFacts facts = _requireKnown(act.subjectId);
        if (!facts.isDeceased()) revert GuardianshipDeathInvalid(act.subjectId, false);
        if (act.evidenceHash == bytes32(0)) revert GuardianshipEvidenceMissing(act.subjectId);
        _requireSigned(actHash, 0, _custodianSigner(facts), signatures[0]);
        _requireSigned(actHash, 1, _signer(act.subjectId), signatures[1]);
        facts = facts.withCircumstances(facts.minorUntilOf(), facts.isShielded(), false);
        _setFacts(act.subjectId, facts);
        emit LifeProved(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IGuardianship
    function giveDirective(Directive calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.directiveHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        SubjectFacts facts = _requireKnown(act.subjectId);
        if (!_isAnswer(act.emergency) || !_isAnswer(act.relatives)) {
            revert GuardianshipDirectiveInvalid(act.emergency, act.relatives);
        }
        // What somebody wants for when it cannot be asked nobody else says; for a child somebody has to, unless its own
        // acts are shielded.
        bool child = facts.isMinorAt(block.timestamp) && !facts.isShielded();
        bool may = act.guardian == bytes32(0) || child;
        bytes memory signer = may ? signerFor(act.subjectId, act.guardian, SCOPE_GRANT) : bytes("");
        _requireSigned(actHash, 0, signer, signatures[0]);
        facts = facts.withDirective(act.emergency == DIRECTIVE_FORBID, act.relatives == DIRECTIVE_FORBID);
        _setFacts(act.subjectId, facts);
        emit DirectiveGiven(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IGuardianship
    function guardiansOf(bytes32 subjectId) external view returns (bytes32[] memory appointments) {
        return _appointmentsOf[subjectId];
    }

    /// @inheritdoc IGuardianship
    function appointmentOf(bytes32 appointment) external view returns (Appointment memory kept) {
        return _appointments[appointment];
    }

    /// @inheritdoc IGuardianship
    function factsOf(bytes32 subjectId) external view returns (SubjectFacts facts) {
        return _facts(subjectId);
    }

    /// @inheritdoc IGuardianship
    function signerFor(
        bytes32 subjectId,
        bytes32 guardian,
        uint8 scope
    ) public view returns (bytes memory signer) {
        if (guardian == bytes32(0)) return _ownSigner(subjectId, scope == SCOPE_GRANT);
        Appointment storage appointment = _appointments[guardian];
        if (appointment.subjectId != subjectId) return bytes("");
        bool now_ = block.timestamp >= appointment.validFrom && block.timestamp < appointment.validUntil;
        if (!now_ || (uint256(appointment.scopes) >> scope) & 1 == 0) return bytes("");
        return _stands(appointment, _facts(subjectId), scope) ? appointment.signer : bytes("");
    }

    /// @dev Takes out what no time brings back, and looks whether among those that stand one more has room.
    function _requireRoom(bytes32 subjectId, bool delegate) private {
        bytes32[] storage all = _appointmentsOf[subjectId];
        uint256 standing = 0;
        for (uint256 i = all.length; i > 0; --i) {
            Appointment storage each = _appointments[all[i - 1]];
            if (block.timestamp >= each.validUntil) {
                delete _appointments[all[i - 1]];
                _forgetAt(all, i - 1);
            } else if ((each.kind == GUARDIAN_DELEGATE) == delegate) {
                ++standing;
            }
        }
        if (standing == _MOST) revert GuardianshipFull(subjectId, _MOST);
    }

    function _forgetAt(bytes32[] storage all, uint256 place) private {
        all[place] = all[all.length - 1];
        all.pop();
    }

    /// @dev Whether a guardian stands beside its period and scopes.
    function _stands(
        Appointment storage appointment,
        SubjectFacts facts,
        uint8 scope
    ) private view returns (bool stands) {
        if (appointment.kind == GUARDIAN_NEAR_RELATIVE) return facts.isDeceased() && !facts.areRelativesForbidden();
        if (facts.isDeceased()) return false;
        if (appointment.ofMinor && !facts.isMinorAt(block.timestamp)) return false;
        // A delegate has no more than whom it stands for.
        if (appointment.kind == GUARDIAN_DELEGATE) return facts.maySignAt(scope == SCOPE_GRANT, block.timestamp);
        // With another key a guardian would get at what the shield keeps from it.
        return scope != SCOPE_RECOVER || !facts.isShieldedAt(block.timestamp);
    }

    function _requireAppointable(GuardianAppointment calldata act, SubjectFacts facts) private view {
        bool relative = act.kind == GUARDIAN_NEAR_RELATIVE;
        uint16 possible = relative ? _SCOPES_OF_RELATIVES : ALL_SCOPES;
        bool known = act.kind >= GUARDIAN_PARENT && act.kind <= GUARDIAN_NEAR_RELATIVE;
        if (!known || act.scopes == 0 || act.scopes & ~possible != 0) {
            revert GuardianshipScopesInvalid(act.kind, act.scopes);
        }
        bool own = keccak256(act.guardian) == keccak256(_signer(act.subjectId));
        if (own || !_members().isAcceptableSigner(act.guardian)) revert GuardianshipSignerInvalid(act.guardian);
        bool minor = facts.isMinorAt(block.timestamp);
        bool possibleNow = facts.isDeceased() == relative && !(relative && facts.areRelativesForbidden());
        if (!possibleNow || (act.kind == GUARDIAN_PARENT && !minor)) revert GuardianshipKindRefused(act.kind);
        uint64 latest = minor && !relative ? facts.minorUntilOf() : type(uint64).max;
        bool ahead = act.validUntil > act.validFrom && act.validUntil > block.timestamp;
        if (!ahead || act.validUntil > latest) {
            revert GuardianshipPeriodInvalid(act.validFrom, act.validUntil, latest);
        }
        if (act.kind != GUARDIAN_DELEGATE && act.evidenceHash == bytes32(0)) {
            revert GuardianshipEvidenceMissing(act.subjectId);
        }
    }

    /// @dev What a custodian cannot say, because it contradicts what was said or what can be.
    function _requireTrue(Circumstances calldata act, SubjectFacts facts) private view {
        uint64 current = facts.minorUntilOf();
        if (act.minorUntil != current) {
            bool over = current != 0 && block.timestamp >= current;
            bool ahead = act.minorUntil > block.timestamp &&
                act.minorUntil <= block.timestamp + _LONGEST_MINORITY &&
                Calendar.beginsQuarter(act.minorUntil);
            if (over || !ahead) revert GuardianshipMinorEndInvalid(act.minorUntil, current);
        }
        bool minor = act.minorUntil > block.timestamp;
        bool shielded = facts.isShielded();
        if ((act.shielded && !minor) || (minor && shielded && !act.shielded)) {
            revert GuardianshipShieldInvalid(act.shielded, act.minorUntil);
        }
        if (facts.isDeceased() && !act.deceased) revert GuardianshipDeathInvalid(act.subjectId, true);
    }

    /// @dev Gives the signer of the custodian, which must be active.
    function _custodianSigner(SubjectFacts facts) private view returns (bytes memory signer) {
        address custodian = facts.custodianOf();
        if (!_isActive(custodian)) revert GuardianshipCustodianInactive(custodian);
        return _members().institutionSigner(custodian);
    }

    /// @dev Gives the signer of who removes.
    function _remover(
        GuardianRemoval calldata act,
        Appointment storage appointment
    ) private view returns (bytes memory signer) {
        if (act.by == BY_SUBJECT) return _ownSigner(act.subjectId, false);
        if (act.by == BY_GUARDIAN) return appointment.signer;
        if (act.by != BY_CUSTODIAN || appointment.kind == GUARDIAN_DELEGATE) {
            revert GuardianshipRemoverInvalid(act.by);
        }
        return _custodianSigner(_facts(act.subjectId));
    }

    function _requireKnown(bytes32 subjectId) private view returns (SubjectFacts facts) {
        facts = _facts(subjectId);
        if (facts.custodianOf() == address(0)) revert GuardianshipSubjectUnknown(subjectId);
    }

    function _isAnswer(uint8 code) private pure returns (bool answer) {
        return code == DIRECTIVE_ALLOW || code == DIRECTIVE_FORBID;
    }
}
