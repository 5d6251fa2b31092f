// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {GuardianAppointment} from "../../types/Guardian.sol";
import {
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation
} from "../../types/SubjectKeys.sol";
import {KeyHashes} from "../KeyHashes.sol";
import {Suite} from "../Suite.sol";
import {VM} from "../Vm.sol";

/// @title Random histories of keys that are rotated, lost and recovered
/// @notice Keeps its own account of who holds a subject, from what was accepted. Whatever is accepted that this account
/// does not allow is a theft.
contract KeyHandler {
    struct Open {
        bytes32 id;
        uint256 key; // the new one
        uint256 due;
    }

    uint256 private constant _NONE = 0;
    uint256 private constant _KEYS = 6;
    uint256 private constant _GUARDIAN = 0xD0D0;
    uint256 private constant _STRANGER = 0x99;

    Suite private immutable _suite;
    KeyHashes private immutable _hashes = new KeyHashes();

    mapping(uint256 subject => uint256) private _held;
    mapping(uint256 subject => uint256) private _card;
    mapping(uint256 subject => Open) private _open;
    mapping(uint256 subject => bytes32) private _proposed; // last, open or not
    mapping(uint256 subject => bytes32) private _appointment;
    uint256 private _nonce;

    /// @notice Accepted acts behind which nobody stood who may.
    uint256 public thefts;
    /// @notice Accepted: rotations, cards, proposals, objections, completions, grants by card.
    uint256[6] public outcomes;

    /// @param suite the contracts; this handler must be one of its relays.
    constructor(Suite suite) {
        _suite = suite;
        for (uint256 i = 0; i < 2; ++i) _held[i] = suite.subjectKey(i);
    }

    /// @notice Has each subject appoint the guardian who may recover its key; once.
    function appointGuardians() external {
        if (_appointment[0] != bytes32(0)) return;
        for (uint256 i = 0; i < 2; ++i) {
            GuardianAppointment memory act;
            act.subjectId = _suite.subjectIds(i);
            act.guardian = _signerOf(_GUARDIAN);
            act.kind = 3;
            act.scopes = 1 << 5;
            act.validUntil = type(uint64).max;
            act.signBefore = type(uint64).max;
            bytes32 name = _suite.hashes().appointmentHash(act);
            _suite.subjects().appointGuardian(act, _both(_GUARDIAN, _held[i], name));
            _appointment[i] = name;
        }
    }

    /// @notice Tries to rotate; now and then signed by a wrong key on either side.
    /// @param subject picks the subject.
    /// @param key picks the new key.
    /// @param forger picks who signs.
    function rotate(uint256 subject, uint256 key, uint256 forger) external {
        subject %= 2;
        SignerRotation memory act = SignerRotation(
            _suite.subjectIds(subject),
            _signerOf(keyAt(key)),
            ++_nonce,
            type(uint64).max
        );
        (uint256 old, uint256 new_) = _pair(subject, keyAt(key), forger);
        try _suite.subjects().rotateSigner(act, _both(old, new_, _hashes.rotationHash(act))) {
            if (old != _held[subject] || new_ != keyAt(key)) ++thefts;
            _held[subject] = keyAt(key);
            delete _open[subject];
            ++outcomes[0];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to register a card.
    /// @param subject picks the subject.
    /// @param key picks the card.
    /// @param forger picks who signs.
    function register(uint256 subject, uint256 key, uint256 forger) external {
        subject %= 2;
        CardRegistration memory act = CardRegistration(
            _suite.subjectIds(subject),
            _signerOf(keyAt(key)),
            ++_nonce,
            type(uint64).max
        );
        (uint256 own, uint256 card) = _pair(subject, keyAt(key), forger);
        try _suite.subjects().registerCard(act, _both(own, card, _hashes.registrationHash(act))) {
            if (own != _held[subject] || card != keyAt(key)) ++thefts;
            _card[subject] = keyAt(key);
            ++outcomes[1];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to take a card out of use.
    /// @param subject picks the subject.
    /// @param forger picks who signs.
    function unregister(uint256 subject, uint256 forger) external {
        subject %= 2;
        CardRemoval memory act = CardRemoval(_suite.subjectIds(subject), ++_nonce, type(uint64).max);
        uint256 key = _signing(_held[subject], forger);
        try _suite.subjects().removeCard(act, _one(key, _hashes.cardRemovalHash(act))) {
            if (key != _held[subject] || _card[subject] == _NONE) ++thefts;
            _card[subject] = _NONE;
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to propose a recovery, sometimes under the other subject's appointment.
    /// @param subject picks the subject.
    /// @param key picks the new key.
    /// @param forger picks who signs.
    function propose(uint256 subject, uint256 key, uint256 forger) external {
        subject %= 2;
        RecoveryProposal memory act = RecoveryProposal({
            subjectId: _suite.subjectIds(subject),
            signer: _signerOf(keyAt(key)),
            by: 1,
            proposer: _appointment[forger % 5 == 0 ? 1 - subject : subject],
            evidenceHash: bytes32(0),
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        uint256 guardian = _signing(_GUARDIAN, forger);
        bytes32 id = _hashes.proposalHash(act);
        try _suite.subjects().proposeRecovery(act, _both(keyAt(key), guardian, id)) {
            bool free = !_isOpen(_open[subject]);
            if (!free || guardian != _GUARDIAN || forger % 5 == 0) ++thefts;
            _open[subject] = Open(id, keyAt(key), block.timestamp + 7 days);
            _proposed[subject] = id;
            ++outcomes[2];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to object to a recovery, as signer or with the card.
    /// @param subject picks the subject.
    /// @param by who says to object.
    /// @param forger picks who signs.
    function object(uint256 subject, uint8 by, uint256 forger) external {
        subject %= 2;
        Open memory open = _open[subject];
        RecoveryObjection memory act = RecoveryObjection(
            _suite.subjectIds(subject),
            open.id,
            by % 4,
            ++_nonce,
            type(uint64).max
        );
        uint256 able = act.by == 2 ? _card[subject] : _held[subject];
        uint256 key = _signing(able == _NONE ? _STRANGER : able, forger);
        try _suite.subjects().objectToRecovery(act, _one(key, _hashes.objectionHash(act))) {
            bool known = act.by == 1 || act.by == 2;
            if (!known || !_isOpen(open) || key != able) ++thefts;
            delete _open[subject];
            ++outcomes[3];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to complete a recovery; nobody signs.
    /// @param subject picks the subject.
    /// @param guess two in five name another recovery: none, or the last one whatever became of it.
    function complete(uint256 subject, uint256 guess) external {
        subject %= 2;
        Open memory open = _open[subject];
        bytes32 named = guess % 5 == 0 ? bytes32(guess) : open.id;
        if (guess % 5 == 2) named = _proposed[subject];
        RecoveryCompletion memory act = RecoveryCompletion(_suite.subjectIds(subject), named, type(uint64).max);
        try _suite.subjects().completeRecovery(act, new bytes[](0)) {
            if (named != open.id || !_isOpen(open) || block.timestamp < open.due) ++thefts;
            _held[subject] = open.key;
            delete _open[subject];
            ++outcomes[4];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Tries to grant with the card, or at its level with another key.
    /// @param subject picks the subject.
    /// @param forger picks who signs.
    function grantByCard(uint256 subject, uint256 forger) external {
        subject %= 2;
        ConsentTerms memory terms = _suite.termsOf(subject, 1, ++_nonce);
        terms.assurance = 2;
        uint256 card = _card[subject] == _NONE ? _held[subject] : _card[subject];
        uint256 key = _signing(card, forger);
        bytes32 id = _suite.hashes().consentId(terms);
        bytes memory signature = _suite.sign(key, address(_suite.consents()), "Consentry Consents", id);
        try _suite.consents().grant(terms, signature) {
            if (key != _card[subject]) ++thefts;
            ++outcomes[5];
        } catch {
            // Refused: nothing changed.
        }
    }

    /// @notice Lets time pass, sometimes until a recovery is due, or to the second before.
    /// @param duration picks how long.
    function wait(uint256 duration) external {
        uint256 due = _open[duration % 2].due;
        bool edge = duration % 3 == 0 && due > block.timestamp + 1;
        uint256 most = duration % 7 == 0 ? 40 days : 5 days;
        VM.warp(edge ? due - 1 + ((duration / 6) % 2) : block.timestamp + (duration % most));
    }

    /// @notice Whether both subjects have the signers and cards this account knows.
    /// @return same true when they do.
    function isAsKept() external view returns (bool same) {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 id = _suite.subjectIds(i);
            if (keccak256(_suite.subjects().signerOf(id)) != keccak256(_signerOf(_held[i]))) return false;
            bytes memory card = _card[i] == _NONE ? bytes("") : _signerOf(_card[i]);
            if (keccak256(_suite.subjects().cardSignerOf(id)) != keccak256(card)) return false;
        }
        return true;
    }

    /// @notice Gives the private key of a possible signer.
    /// @param index picks it.
    /// @return key its key.
    function keyAt(uint256 index) public pure returns (uint256 key) {
        return 0xE000 + (index % _KEYS);
    }

    /// @dev The right keys of two sides, or now and then one wrong one.
    function _pair(
        uint256 subject,
        uint256 new_,
        uint256 forger
    ) private view returns (uint256 first, uint256 second) {
        bool swapped = forger % 8 == 4;
        first = swapped ? new_ : _signing(_held[subject], forger);
        second = forger % 8 == 2 ? _held[subject] : new_;
    }

    function _isOpen(Open memory recovery) private view returns (bool open) {
        return recovery.id != bytes32(0) && block.timestamp < recovery.due + 30 days;
    }

    function _both(
        uint256 first,
        uint256 second,
        bytes32 structHash
    ) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        signatures[0] = _one(first, structHash)[0];
        signatures[1] = _one(second, structHash)[0];
    }

    function _one(uint256 key, bytes32 structHash) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = _suite.sign(key, address(_suite.subjects()), "Consentry Subjects", structHash);
    }

    /// @dev The right key, or now and then a stranger's or the hospital's.
    function _signing(uint256 right, uint256 forger) private view returns (uint256 key) {
        if (forger % 4 != 0) return right;
        return forger % 8 == 0 ? _suite.hospitalKey(0) : _STRANGER;
    }

    function _signerOf(uint256 key) private pure returns (bytes memory signer) {
        return abi.encodePacked(VM.addr(key));
    }
}
