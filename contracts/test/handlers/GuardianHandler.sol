// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {Circumstances, GuardianAppointment, GuardianRemoval} from "../../types/Guardian.sol";
import {Suite} from "../Suite.sol";
import {VM} from "../Vm.sol";

/// @title Random histories of guardians and of what they grant and take back
/// @notice Keeps its own account of who stands for whom, from what was accepted. Whatever is accepted that this account
/// does not allow is a forgery.
contract GuardianHandler {
    struct Kept {
        uint256 subject;
        uint256 key;
        uint8 kind;
        uint16 scopes;
        uint256 from;
        uint256 until;
        bool ofMinor;
        bool removed;
    }

    uint256 private constant _KEYS = 4;
    uint8 private constant _PARENT = 1;
    uint8 private constant _DELEGATE = 3;
    uint8 private constant _RELATIVE = 4;
    uint8 private constant _GRANT = 1;
    uint8 private constant _REVOKE = 2;
    uint8 private constant _ASSURED_BY_GUARDIAN = 3;
    /// @dev The five there are; near relatives may revoke, see and correct.
    uint16 private constant _SCOPES = 0x3e;
    uint16 private constant _SCOPES_OF_RELATIVES = 0x1c;
    /// @dev 1 April, July and October 2027, January 2028; the histories begin in January 2027.
    uint64[4] private _quarters = [1_806_537_600, 1_814_400_000, 1_822_348_800, 1_830_297_600];

    Suite private immutable _suite;

    /// @notice Appointments that were accepted, by their hashes.
    mapping(bytes32 name => Kept) private _kept;
    bytes32[] private _names;
    ConsentTerms[] private _granted;
    mapping(uint256 subject => uint256) private _minorUntil;
    mapping(uint256 subject => bool) private _shielded;
    mapping(uint256 subject => bool) private _deceased;
    uint256 private _nonce;

    /// @notice Accepted acts behind which nobody stood who may.
    uint256 public forgeries;
    /// @notice Consents that a guardian granted.
    uint256 public grants;
    /// @notice Consents that a guardian took back.
    uint256 public revocations;
    /// @notice Guardians appointed.
    uint256 public appointments;

    /// @param suite the contracts; this handler must be one of its relays.
    constructor(Suite suite) {
        _suite = suite;
    }

    /// @notice Tries to appoint; one in four is signed by the wrong side, one in eight not by the guardian itself.
    /// @param subject picks the subject.
    /// @param key picks the guardian.
    /// @param kind picks the kind, sometimes none.
    /// @param scopes picks the scopes, sometimes one that there is not.
    /// @param period picks the end; one in three may lie behind the minority, one in five is over at once.
    /// @param forger picks who signs.
    function appoint(
        uint256 subject,
        uint256 key,
        uint8 kind,
        uint16 scopes,
        uint256 period,
        uint256 forger
    ) external {
        subject %= 2;
        GuardianAppointment memory act;
        act.subjectId = _suite.subjectIds(subject);
        act.guardian = abi.encodePacked(VM.addr(guardianKey(key)));
        act.kind = kind % 6;
        act.scopes = scopes & (scopes % 2 == 0 ? _SCOPES : _SCOPES << 1);
        act.validFrom = uint64(block.timestamp);
        act.validUntil = _endOf(subject, period);
        act.evidenceHash = bytes32(uint256(1));
        act.nonce = ++_nonce;
        act.signBefore = type(uint64).max;
        bytes32 name = _suite.hashes().appointmentHash(act);
        bool bySubject = (act.kind == _DELEGATE) == (forger % 4 != 0);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _signed(guardianKey(forger % 8 == 6 ? key ^ 1 : key), name);
        signatures[1] = _signed(bySubject ? _suite.subjectKey(subject) : _suite.hospitalKey(0), name);
        try _suite.subjects().appointGuardian(act, signatures) {
            if (forger % 4 == 0 || forger % 8 == 6 || !_isAppointable(subject, act)) ++forgeries;
            bool minor = _isMinor(subject);
            _kept[name] = Kept(
                subject,
                guardianKey(key),
                act.kind,
                act.scopes,
                act.validFrom,
                act.validUntil,
                minor,
                false
            );
            _names.push(name);
            ++appointments;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to remove an appointment, sometimes as somebody who may not.
    /// @param index picks the appointment.
    /// @param by who says to remove.
    /// @param forger picks the key.
    function remove(uint256 index, uint8 by, uint256 forger) external {
        if (_names.length == 0) return;
        bytes32 name = _names[index % _names.length];
        Kept storage kept = _kept[name];
        GuardianRemoval memory act = GuardianRemoval({
            appointment: name,
            subjectId: _suite.subjectIds(kept.subject),
            by: by % 5,
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        uint256[4] memory keys = [uint256(0x99), _suite.subjectKey(kept.subject), _suite.hospitalKey(0), kept.key];
        uint256 key = forger % 3 == 0 ? keys[forger % 4] : keys[by % 4];
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(key, _suite.hashes().removalHash(act));
        try _suite.subjects().removeGuardian(act, signatures) {
            bool own = act.by > 0 && act.by < 4 && key == keys[act.by];
            if (act.by == 1 && _deceased[kept.subject]) own = false;
            if (act.by == 2 && kept.kind == _DELEGATE) own = false;
            if (!own || kept.removed) ++forgeries;
            kept.removed = true;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Notes a minority, its shield, or a death.
    /// @param subject picks the subject.
    /// @param quarter picks the end: a quarter, what was noted before, the day after a quarter, or none.
    /// @param shielded whether shielded.
    /// @param death one in eight notes a death, one in eight takes it back, one in eight is signed by another.
    function note(uint256 subject, uint256 quarter, bool shielded, uint256 death) external {
        subject %= 2;
        Circumstances memory act;
        act.subjectId = _suite.subjectIds(subject);
        act.minorUntil = _minorEnd(subject, quarter);
        act.shielded = shielded;
        act.deceased = death % 8 != 3 && (_deceased[subject] || death % 8 == 0);
        act.evidenceHash = bytes32(uint256(1));
        act.nonce = ++_nonce;
        act.signBefore = type(uint64).max;
        uint256[2] memory others = [_suite.subjectKey(subject), _suite.hospitalKey(1)];
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(
            death % 8 == 5 ? others[(death / 8) % 2] : _suite.hospitalKey(0),
            _suite.hashes().circumstancesHash(act)
        );
        try _suite.subjects().noteCircumstances(act, signatures) {
            if (death % 8 == 5 || !_isNotable(subject, act, quarter)) ++forgeries;
            _minorUntil[subject] = act.minorUntil;
            _shielded[subject] = act.shielded;
            _deceased[subject] = act.deceased;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to grant: as the subject, or under an appointment with its guardian's key or another; one in
    /// eight says wrongly whether a guardian grants.
    /// @param subject picks the subject.
    /// @param index picks the appointment.
    /// @param forger picks who signs.
    function grant(uint256 subject, uint256 index, uint256 forger) external {
        subject %= 2;
        ConsentTerms memory terms = _suite.termsOf(subject, 1, ++_nonce);
        terms.validUntil = type(uint64).max;
        uint256 key = _suite.subjectKey(subject);
        if (_names.length != 0 && index % 3 != 0) {
            terms.guardian = _names[index % _names.length];
            terms.assurance = _ASSURED_BY_GUARDIAN;
            key = _kept[terms.guardian].key;
        }
        if (forger % 8 == 3) terms.assurance = terms.assurance == 1 ? _ASSURED_BY_GUARDIAN : 1;
        if (forger % 4 == 0) key = forger % 8 == 0 ? _suite.hospitalKey(0) : guardianKey(forger / 8);
        bytes32 id = _suite.hashes().consentId(terms);
        bytes memory signature = _suite.sign(key, address(_suite.consents()), "Consentry Consents", id);
        try _suite.consents().grant(terms, signature) {
            if (forger % 8 == 3 || !_mayAct(subject, terms.guardian, key, _GRANT)) ++forgeries;
            _granted.push(terms);
            if (terms.guardian != bytes32(0)) ++grants;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to take back what was granted.
    /// @param index picks the consent.
    /// @param under picks the appointment.
    /// @param forger picks who signs.
    function revoke(uint256 index, uint256 under, uint256 forger) external {
        if (_granted.length == 0) return;
        ConsentTerms memory terms = _granted[index % _granted.length];
        uint256 subject = terms.subjectId == _suite.subjectIds(0) ? 0 : 1;
        uint256 key = _suite.subjectKey(subject);
        bytes32 guardian = bytes32(0);
        if (_names.length != 0 && under % 3 != 0) {
            guardian = _names[under % _names.length];
            key = _kept[guardian].key;
        }
        if (forger % 4 == 0) key = forger % 8 == 0 ? _suite.hospitalKey(0) : guardianKey(forger / 8);
        bytes32 structHash = _suite.hashes().revocationHash(
            _suite.hashes().consentId(terms),
            terms.subjectId,
            guardian
        );
        bytes memory signature = _suite.sign(key, address(_suite.consents()), "Consentry Consents", structHash);
        try _suite.consents().revoke(terms, guardian, signature) {
            bool shielded = _shielded[subject] && _isMinor(subject);
            bool hidden = guardian != bytes32(0) && terms.guardian == bytes32(0) && shielded;
            if (hidden || !_mayAct(subject, guardian, key, _REVOKE)) ++forgeries;
            if (guardian != bytes32(0)) ++revocations;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Lets time pass, sometimes to the edge of a quarter.
    /// @param duration seconds.
    function wait(uint256 duration) external {
        uint256 quarter = _quarters[duration % 4];
        bool edge = duration % 5 == 0 && quarter > block.timestamp + 1;
        VM.warp(edge ? quarter - 1 + (duration % 2) : block.timestamp + (duration % 20 days));
    }

    /// @notice Gives the private key of a guardian.
    /// @param index picks it.
    /// @return key its key.
    function guardianKey(uint256 index) public pure returns (uint256 key) {
        return 0xC000 + (index % _KEYS);
    }

    /// @dev Whether the account kept here lets a key sign such an act for a subject now.
    function _mayAct(uint256 subject, bytes32 guardian, uint256 key, uint8 scope) private view returns (bool may) {
        if (guardian == bytes32(0)) return key == _suite.subjectKey(subject) && _mayItself(subject, scope);
        Kept storage kept = _kept[guardian];
        bool named = kept.key == key && kept.subject == subject && !kept.removed && kept.key != 0;
        bool inTime = block.timestamp >= kept.from && block.timestamp < kept.until;
        if (!named || !inTime || kept.scopes & (uint16(1) << scope) == 0) return false;
        if (kept.kind == _RELATIVE) return _deceased[subject] && scope != _GRANT;
        if (kept.kind == _DELEGATE && !_mayItself(subject, scope)) return false;
        return !_deceased[subject] && (!kept.ofMinor || _isMinor(subject));
    }

    function _mayItself(uint256 subject, uint8 scope) private view returns (bool may) {
        if (_deceased[subject]) return false;
        return scope != _GRANT || !_isMinor(subject) || _shielded[subject];
    }

    /// @dev The end of an appointment, mostly within a minority.
    function _endOf(uint256 subject, uint256 period) private view returns (uint64 end) {
        if (period % 5 == 4) return uint64(block.timestamp);
        end = uint64(block.timestamp + (period % 400 days));
        bool within = period % 3 != 2 && _isMinor(subject);
        if (within && end > _minorUntil[subject]) end = uint64(_minorUntil[subject]);
    }

    /// @dev The end of a minority, mostly a quarter.
    function _minorEnd(uint256 subject, uint256 quarter) private view returns (uint64 end) {
        if (quarter % 7 == 6) return 0;
        if (quarter % 7 == 5) return _quarters[(quarter / 7) % 4] + 1 days;
        return quarter % 7 == 4 ? uint64(_minorUntil[subject]) : _quarters[quarter % 7];
    }

    function _isAppointable(
        uint256 subject,
        GuardianAppointment memory act
    ) private view returns (bool possible) {
        if (act.kind == 0 || act.kind > _RELATIVE || act.scopes == 0 || act.scopes & ~_SCOPES != 0) return false;
        if (act.validUntil <= block.timestamp) return false;
        if (act.kind == _RELATIVE) return _deceased[subject] && act.scopes & ~_SCOPES_OF_RELATIVES == 0;
        bool within = !_isMinor(subject) || act.validUntil <= _minorUntil[subject];
        return within && !_deceased[subject] && (act.kind != _PARENT || _isMinor(subject));
    }

    /// @dev Whether the account kept here lets a custodian note such circumstances now.
    function _isNotable(
        uint256 subject,
        Circumstances memory act,
        uint256 quarter
    ) private view returns (bool possible) {
        uint256 before = _minorUntil[subject];
        if (act.minorUntil != before) {
            bool over = before != 0 && block.timestamp >= before;
            if (over || act.minorUntil <= block.timestamp || quarter % 7 == 5) return false;
        }
        bool minor = act.minorUntil > block.timestamp;
        if (act.shielded && !minor) return false;
        if (_isMinor(subject) && _shielded[subject] && !act.shielded) return false;
        return act.deceased || !_deceased[subject];
    }

    function _isMinor(uint256 subject) private view returns (bool minor) {
        return block.timestamp < _minorUntil[subject];
    }

    function _signed(uint256 key, bytes32 structHash) private view returns (bytes memory signature) {
        return _suite.sign(key, address(_suite.subjects()), "Consentry Subjects", structHash);
    }
}
