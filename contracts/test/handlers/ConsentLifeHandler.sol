// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ASK_DENIAL_TYPEHASH, AskDenial, CONSENT_ASK_TYPEHASH, ConsentAsk} from "../../types/Ask.sol";
import {ASSISTANCE_TYPEHASH, Assistance} from "../../types/Assistance.sol";
import {ASSURANCE_STAFF_ASSISTED, ConsentStatus} from "../../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../../types/ConsentTerms.sol";
import {EXCLUSION_LIFT_TYPEHASH, EXCLUSION_TYPEHASH, Exclusion, ExclusionLift} from "../../types/Exclusion.sol";
import {
    REVOCATION_ACKNOWLEDGEMENT_TYPEHASH,
    RevocationAcknowledgement
} from "../../types/RevocationActs.sol";
import {Suite} from "../Suite.sol";
import {VM} from "../Vm.sol";

/// @title Random histories of what stands around a consent
/// @notice Exclusions, asks, denials, assisted grants and what follows revocations, some of them signed by the wrong
/// party. Keeps its own account of what must stand; the invariants compare it with the contract.
contract ConsentLifeHandler {
    uint64 private constant _COOL_DOWN = 30 days;
    string private constant _DOMAIN = "Consentry Consents";

    Suite private immutable _suite;
    uint256 private _nonce;

    /// @notice Whether the subject excluded an institution and did not lift it since.
    mapping(uint256 subject => mapping(uint256 hospital => bool)) public excluded;
    /// @notice When the subject denied an institution last.
    mapping(uint256 subject => mapping(uint256 hospital => uint64)) public deniedAt;
    /// @notice The last ask of an institution to a subject.
    mapping(uint256 subject => mapping(uint256 hospital => bytes32)) public lastAsk;
    mapping(bytes32 askId => ConsentAsk) private _asks;

    /// @notice Consents that were revoked.
    bytes32[] public revoked;
    /// @notice The assisted consents that were prepared, the last one of each subject.
    mapping(uint256 subject => ConsentTerms) private _prepared;

    /// @notice Acts taken that the one who must sign did not sign.
    uint256 public forgeries;
    /// @notice Asks taken within a cool-down.
    uint256 public asksTooSoon;
    /// @notice Answers taken that are wider than what was asked, or to an ask that is closed.
    uint256 public widerAnswers;
    /// @notice How often each thing came about: excluded, lifted, asked, denied, answered, assisted, revoked,
    /// acknowledged.
    uint256[8] public outcomes;

    /// @param suite the contracts; this handler must be one of its relays.
    constructor(Suite suite) {
        _suite = suite;
    }

    /// @notice Tries to exclude an institution; one in three is signed by an institution.
    /// @param subject picks the subject.
    /// @param hospital picks who is excluded.
    /// @param forger picks the signer.
    function exclude(uint256 subject, uint256 hospital, uint256 forger) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        Exclusion memory act = Exclusion({
            subjectId: _suite.subjectIds(subject),
            guardian: bytes32(0),
            kind: 1,
            target: bytes32(uint256(uint160(_suite.hospitals(hospital)))),
            nonce: ++_nonce,
            signBefore: uint64(block.timestamp + 1)
        });
        bool own = forger % 3 != 0;
        bytes[] memory signatures = _sign(subject, own, keccak256(abi.encode(EXCLUSION_TYPEHASH, act)));
        try _suite.consents().exclude(act, signatures) {
            if (!own) ++forgeries;
            excluded[subject][hospital] = true;
            ++outcomes[0];
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Tries to lift an exclusion; one in three is signed by an institution.
    /// @param subject picks the subject.
    /// @param hospital picks who was excluded.
    /// @param forger picks the signer.
    function lift(uint256 subject, uint256 hospital, uint256 forger) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        ExclusionLift memory act = ExclusionLift({
            subjectId: _suite.subjectIds(subject),
            guardian: bytes32(0),
            kind: 1,
            target: bytes32(uint256(uint160(_suite.hospitals(hospital)))),
            nonce: ++_nonce,
            signBefore: uint64(block.timestamp + 1)
        });
        bool own = forger % 3 != 0;
        bytes[] memory signatures = _sign(subject, own, keccak256(abi.encode(EXCLUSION_LIFT_TYPEHASH, act)));
        try _suite.consents().liftExclusion(act, signatures) {
            if (own) excluded[subject][hospital] = false;
            else ++forgeries;
            ++outcomes[1];
        } catch {
            // Refused.
        }
    }

    /// @notice Tries to ask.
    /// @param subject picks the subject.
    /// @param hospital picks who asks.
    /// @param open picks how long the ask is open.
    function ask(uint256 subject, uint256 hospital, uint256 open) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        ConsentAsk memory act;
        act.institution = _suite.hospitals(hospital);
        act.subjectId = _suite.subjectIds(subject);
        act.purpose = 1;
        act.categories = 1 << 3;
        act.actions = 1 << 1;
        act.maxSensitivity = 3;
        act.dataUntil = 1_000;
        act.validUntil = uint64(block.timestamp + 300 days);
        act.maxUses = 2;
        act.noticeHash = keccak256("notice");
        act.noticeVersion = 1;
        act.lapsesAt = uint64(block.timestamp + 1 days + (open % 89 days));
        act.nonce = ++_nonce;
        act.signBefore = uint64(block.timestamp + 1);
        bytes32 askId = keccak256(abi.encode(CONSENT_ASK_TYPEHASH, act));
        bytes[] memory signatures = _signWith(_suite.hospitalKey(hospital), askId);
        uint64 denied = deniedAt[subject][hospital];
        try _suite.consents().ask(act, signatures) {
            if (denied != 0 && block.timestamp < denied + _COOL_DOWN) ++asksTooSoon;
            lastAsk[subject][hospital] = askId;
            _asks[askId] = act;
            ++outcomes[2];
        } catch {
            // Refused.
        }
    }

    /// @notice Tries to deny the last ask; one in three is signed by an institution.
    /// @param subject picks the subject.
    /// @param hospital picks whose ask.
    /// @param forger picks the signer.
    function deny(uint256 subject, uint256 hospital, uint256 forger) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        AskDenial memory act = AskDenial({
            askId: lastAsk[subject][hospital],
            subjectId: _suite.subjectIds(subject),
            guardian: bytes32(0),
            signBefore: uint64(block.timestamp + 1)
        });
        bool own = forger % 3 != 0;
        bytes[] memory signatures = _sign(subject, own, keccak256(abi.encode(ASK_DENIAL_TYPEHASH, act)));
        try _suite.consents().denyAsk(act, signatures) {
            if (!own) ++forgeries;
            deniedAt[subject][hospital] = uint64(block.timestamp);
            delete _asks[act.askId];
            ++outcomes[3];
        } catch {
            // Refused.
        }
    }

    /// @notice Tries to answer the last ask, one in two times with more uses than were asked for.
    /// @param subject picks the subject.
    /// @param hospital picks whose ask.
    /// @param uses picks how many.
    function reply(uint256 subject, uint256 hospital, uint256 uses) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        bytes32 askId = lastAsk[subject][hospital];
        if (askId == bytes32(0)) return;
        ConsentAsk memory asked = _asks[askId];
        ConsentTerms memory terms = _suite.termsOf(subject, hospital, uint256(askId));
        terms.validUntil = uint64(block.timestamp + 1);
        terms.maxUses = uint32(1 + (uses % 4));
        bytes32 id = _suite.hashes().consentId(terms);
        bytes memory signature = _signWith(_suite.subjectKey(subject), id)[0];
        try _suite.consents().grant(terms, signature) {
            if (terms.maxUses > asked.maxUses || block.timestamp >= asked.lapsesAt) ++widerAnswers;
            delete _asks[askId];
            ++outcomes[4];
        } catch {
            // Refused.
        }
    }

    /// @notice Lets staff prepare terms.
    /// @param subject picks the subject.
    /// @param hospital picks whose staff.
    function prepare(uint256 subject, uint256 hospital) external {
        (subject, hospital) = (subject % 2, hospital % 2);
        ConsentTerms memory terms = _suite.termsOf(subject, hospital, ++_nonce);
        terms.assurance = ASSURANCE_STAFF_ASSISTED;
        terms.validUntil = uint64(block.timestamp + 30 days);
        Assistance memory act = Assistance({
            consentId: _suite.hashes().consentId(terms),
            subjectId: terms.subjectId,
            institution: _suite.hospitals(hospital),
            practitioner: keccak256("practitioner"),
            evidenceHash: keccak256("evidence"),
            nonce: _nonce,
            signBefore: uint64(block.timestamp + 1)
        });
        bytes32 actHash = keccak256(abi.encode(ASSISTANCE_TYPEHASH, act));
        try _suite.consents().assist(act, _signWith(_suite.hospitalKey(hospital), actHash)) {
            _prepared[subject] = terms;
        } catch {
            // Refused.
        }
    }

    /// @notice Tries to grant what was prepared; one in three is signed by the institution that prepared it.
    /// @param subject picks the subject.
    /// @param forger picks the signer.
    function complete(uint256 subject, uint256 forger) external {
        subject %= 2;
        ConsentTerms memory terms = _prepared[subject];
        if (terms.subjectId == bytes32(0)) return;
        bytes32 id = _suite.hashes().consentId(terms);
        bool own = forger % 3 != 0;
        bytes memory signature = _sign(subject, own, id)[0];
        try _suite.consents().grant(terms, signature) {
            if (!own) ++forgeries;
            ++outcomes[5];
        } catch {
            // Refused.
        }
    }

    /// @notice Takes the assisted consent of a subject back, and has it acknowledged.
    /// @param subject picks the subject.
    function undo(uint256 subject) external {
        subject %= 2;
        ConsentTerms memory terms = _prepared[subject];
        if (terms.subjectId == bytes32(0)) return;
        bytes32 id = _suite.hashes().consentId(terms);
        bytes32 structHash = _suite.hashes().revocationHash(id, terms.subjectId, bytes32(0));
        try _suite.consents().revoke(terms, bytes32(0), _signWith(_suite.subjectKey(subject), structHash)[0]) {
            revoked.push(id);
            ++outcomes[6];
        } catch {
            return;
        }
        RevocationAcknowledgement memory act = RevocationAcknowledgement({
            consentId: id,
            institution: _suite.hospitals(0),
            subjectId: terms.subjectId,
            copies: 0,
            signBefore: uint64(block.timestamp + 1)
        });
        bytes32 actHash = keccak256(abi.encode(REVOCATION_ACKNOWLEDGEMENT_TYPEHASH, act));
        try _suite.consents().acknowledgeRevocation(act, _signWith(_suite.hospitalKey(0), actHash)) {
            ++outcomes[7];
        } catch {
            // It was never granted, so there is nothing to acknowledge.
        }
    }

    /// @notice Lets time pass, up to a month.
    /// @param duration seconds.
    function wait(uint256 duration) external {
        VM.warp(block.timestamp + (duration % 30 days));
    }

    /// @notice Gives how many consents were revoked.
    /// @return count of them.
    function revokedCount() external view returns (uint256 count) {
        return revoked.length;
    }

    /// @notice Gives whether a revoked consent still is.
    /// @param index below `revokedCount`.
    /// @return held whether it is.
    function stayedRevoked(uint256 index) external view returns (bool held) {
        return _suite.consents().stateOf(ConsentId.wrap(revoked[index])).status == ConsentStatus.REVOKED;
    }

    function _sign(uint256 subject, bool own, bytes32 structHash) private view returns (bytes[] memory signatures) {
        return _signWith(own ? _suite.subjectKey(subject) : _suite.hospitalKey(subject), structHash);
    }

    function _signWith(uint256 key, bytes32 structHash) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = _suite.sign(key, address(_suite.consents()), _DOMAIN, structHash);
    }
}
