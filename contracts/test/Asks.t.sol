// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../Consents.sol";
import {IAsks} from "../interfaces/IAsks.sol";
import {IAssistedGrants} from "../interfaces/IAssistedGrants.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {AskDenial, CONSENT_ASK_TYPEHASH, ConsentAsk} from "../types/Ask.sol";
import {Assistance} from "../types/Assistance.sol";
import {AskStatus, ConsentStatus, Standing} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {Neighbours} from "./Neighbours.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of asks and of consents that staff prepared
contract AsksTest is Neighbours {
    uint64 private constant _COOL_DOWN = 30 days;

    Consents private _consents;

    /// @notice Runs before each test.
    function setUp() external {
        _consents = new Consents(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            address(0xB000),
            _COOL_DOWN
        );
    }

    /// @notice An active institution asks a known subject, for a time.
    function test_ask_revertsForAnUnfitOne() external {
        ConsentAsk memory act = _act();
        bytes4 selector;
        _scriptInstitution(Standing.SUSPENDED);
        _refuseAsk(act, abi.encodeWithSelector(IAsks.AsksInstitutionInactive.selector, _INSTITUTION));
        _scriptInstitution(Standing.ACTIVE);
        _scriptCustodian(address(0));
        _refuseAsk(act, abi.encodeWithSelector(IAsks.AsksSubjectUnknown.selector, _SUBJECT));
        _scriptCustodian(_INSTITUTION);
        selector = IAsks.AsksLapseInvalid.selector;
        act.lapsesAt = _NOW + 1 days - 1;
        _refuseAsk(act, abi.encodeWithSelector(selector, act.lapsesAt, _NOW + 1 days, _NOW + 90 days));
        act.lapsesAt = _NOW + 90 days + 1;
        _refuseAsk(act, abi.encodeWithSelector(selector, act.lapsesAt, _NOW + 1 days, _NOW + 90 days));
    }

    /// @notice One ask at a time; after a denial the subject has its peace.
    function test_denyAsk_keepsTheSameAskAway() external {
        ConsentAsk memory act = _act();
        act.actions = (1 << 1) | (1 << 2);
        _consents.ask(act, _one());
        bytes32 id = _idOf(act);
        require(_consents.lastAsk(_INSTITUTION, _SUBJECT, 1) == id, "another ask");
        ConsentAsk memory again = _act();
        _refuseAsk(again, abi.encodeWithSelector(IAsks.AsksStillOpen.selector, id));
        AskDenial memory no = AskDenial(id, _OTHER, bytes32(0), _NOW + 1);
        _refuseDenial(no, abi.encodeWithSelector(IAsks.AsksSubjectMismatch.selector, id, _OTHER));
        no.subjectId = _SUBJECT;
        _consents.denyAsk(no, _one());
        require(_consents.askOf(id).status == AskStatus.DENIED, "not denied");
        ++no.signBefore;
        _refuseDenial(no, abi.encodeWithSelector(IAsks.AsksNotOpen.selector, id, AskStatus.DENIED));
        uint64 ends = _consents.coolDownEnds(_INSTITUTION, _SUBJECT, 1);
        require(ends == _NOW + _COOL_DOWN, "another end");
        bytes4 selector = IAsks.AsksCoolingDown.selector;
        _refuseAsk(again, abi.encodeWithSelector(selector, _INSTITUTION, _SUBJECT, uint8(1), ends));
    }

    /// @notice An answer lies within the ask, is the subject's own, and comes before the ask lapses.
    function test_grant_answersAnAsk() external {
        ConsentAsk memory act = _act();
        _consents.ask(act, _one());
        ConsentTerms memory terms = _terms();
        terms.nonce = uint256(_idOf(act));
        terms.maxUses = act.maxUses + 1;
        _refuseGrant(terms, abi.encodeWithSelector(IAsks.AsksAnswerWider.selector, _idOf(act)));
        terms.maxUses = 1;
        terms.subjectId = _OTHER;
        _refuseGrant(terms, abi.encodeWithSelector(IAsks.AsksSubjectMismatch.selector, _idOf(act), _OTHER));
        terms.subjectId = _SUBJECT;
        VM.warp(act.lapsesAt);
        bytes4 selector = IAsks.AsksNotOpen.selector;
        _refuseGrant(terms, abi.encodeWithSelector(selector, _idOf(act), AskStatus.LAPSED));
        VM.warp(_NOW);
        _consents.grant(terms, "");
        require(_consents.askOf(_idOf(act)).status == AskStatus.ANSWERED, "not answered");
    }

    /// @notice What a shielded minor was asked no guardian answers; other terms it grants as before.
    function test_grant_keepsWhatAShieldedMinorWasAsked() external {
        ConsentAsk memory act = _act();
        _consents.ask(act, _one());
        bytes32 id = _idOf(act);
        ConsentTerms memory terms = _terms();
        (terms.nonce, terms.guardian, terms.assurance) = (uint256(id), _OTHER, 3);
        _scriptFacts(_NOW + 1, true);
        _refuseGrant(terms, abi.encodeWithSelector(IAsks.AsksShielded.selector, id, _OTHER));
        terms.nonce = 1;
        _consents.grant(terms, "");
        require(_consents.askOf(id).status == AskStatus.OPEN, "answered");
        terms.nonce = uint256(id);
        _scriptFacts(_NOW, true);
        _consents.grant(terms, "");
        require(_consents.askOf(id).status == AskStatus.ANSWERED, "not answered");
    }

    /// @notice Staff of an active institution help a known subject, leave evidence, and do so before the grant.
    function test_assist_revertsForAnUnfitOne() external {
        Assistance memory act = _help(_assisted());
        _scriptInstitution(Standing.SUSPENDED);
        bytes4 selector = IAssistedGrants.AssistedGrantsInstitutionInactive.selector;
        _refuseHelp(act, abi.encodeWithSelector(selector, _INSTITUTION));
        _scriptInstitution(Standing.ACTIVE);
        _scriptCustodian(address(0));
        selector = IAssistedGrants.AssistedGrantsSubjectUnknown.selector;
        _refuseHelp(act, abi.encodeWithSelector(selector, _SUBJECT));
        _scriptCustodian(_INSTITUTION);
        act.evidenceHash = bytes32(0);
        selector = IAssistedGrants.AssistedGrantsEvidenceMissing.selector;
        _refuseHelp(act, abi.encodeWithSelector(selector, act.practitioner, bytes32(0)));
        act = _help(_terms());
        _consents.grant(_terms(), "");
        selector = IAssistedGrants.AssistedGrantsTooLate.selector;
        _refuseHelp(act, abi.encodeWithSelector(selector, act.consentId, ConsentStatus.ACTIVE));
        act = _help(_assisted());
        _consents.assist(act, _one());
        ++act.nonce;
        selector = IAssistedGrants.AssistedGrantsAlreadyPrepared.selector;
        _refuseHelp(act, abi.encodeWithSelector(selector, act.consentId, _NOW + 24 hours));
    }

    /// @notice An assisted consent is short, narrow and prepared.
    function test_grant_revertsForAnUnfitAssistedOne() external {
        ConsentTerms memory terms = _assisted();
        bytes32 id = ConsentId.unwrap(terms.consentIdOf());
        _refuseGrant(terms, abi.encodeWithSelector(IAssistedGrants.AssistedGrantsNotPrepared.selector, id));
        terms.validUntil = _NOW + 91 days;
        bytes4 selector = IAssistedGrants.AssistedGrantsPeriodExceeded.selector;
        _refuseGrant(terms, abi.encodeWithSelector(selector, terms.validUntil, _NOW + 90 days));
        terms = _assisted();
        terms.maxSensitivity = 4;
        selector = IAssistedGrants.AssistedGrantsSensitivityExceeded.selector;
        _refuseGrant(terms, abi.encodeWithSelector(selector, uint8(4), uint8(3)));
        terms = _assisted();
        (terms.actions, terms.eraseBy) = (6, _NOW + 1);
        selector = IAssistedGrants.AssistedGrantsActionsExceeded.selector;
        _refuseGrant(terms, abi.encodeWithSelector(selector, uint8(6), uint8(2)));
        terms = _assisted();
        terms.purposes = 1 << 15;
        selector = IAssistedGrants.AssistedGrantsPurposesExceeded.selector;
        _refuseGrant(terms, abi.encodeWithSelector(selector, uint32(1 << 15), uint32(0xf2)));
    }

    /// @notice What was granted with help is counted, and so is what was soon undone.
    function test_assistedGrants_areCounted() external {
        ConsentTerms memory terms = _assisted();
        Assistance memory act = _help(terms);
        _consents.assist(act, _one());
        _consents.grant(terms, "");
        (address institution, uint64 lapsesAt, bool granted) = _consents.assistanceOf(act.consentId, _SUBJECT);
        require(institution == _INSTITUTION && lapsesAt == _NOW + 24 hours && granted, "another assistance");
        _consents.revoke(terms, bytes32(0), "");
        require(_consents.assistedCount(_INSTITUTION) == 1 && _consents.assistedUndone(_INSTITUTION) == 1, "not counted");
        // January 2027 lies in the 229th quarter since 1970.
        require(_consents.assistedCountIn(_INSTITUTION, 228) == 1, "another quarter");
    }

    function _refuseAsk(ConsentAsk memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.ask, (act, _one())), problem);
    }

    function _refuseDenial(AskDenial memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.denyAsk, (act, _one())), problem);
    }

    function _refuseHelp(Assistance memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.assist, (act, _one())), problem);
    }

    function _refuseGrant(ConsentTerms memory terms, bytes memory problem) private {
        bytes memory signature = "";
        _refuse(address(_consents), abi.encodeCall(_consents.grant, (terms, signature)), problem);
    }

    function _act() private pure returns (ConsentAsk memory act) {
        (act.institution, act.subjectId, act.purpose) = (_INSTITUTION, _SUBJECT, 1);
        (act.categories, act.actions, act.maxSensitivity) = (1 << 3, 1 << 1, 3);
        (act.dataUntil, act.validUntil, act.maxUses) = (1_000, _NOW + 30 days, 2);
        (act.noticeHash, act.noticeVersion) = (keccak256("notice"), 1);
        (act.lapsesAt, act.signBefore) = (_NOW + 2 days, _NOW + 1);
    }

    function _terms() private pure returns (ConsentTerms memory terms) {
        (terms.subjectId, terms.institution) = (_SUBJECT, _INSTITUTION);
        (terms.categories, terms.purposes, terms.actions) = (1 << 3, 1 << 1, 1 << 1);
        (terms.maxSensitivity, terms.dataUntil, terms.maxUses) = (3, 1_000, 2);
        (terms.validFrom, terms.validUntil) = (_NOW, _NOW + 30 days);
        (terms.noticeHash, terms.noticeVersion, terms.assurance) = (keccak256("notice"), 1, 1);
    }

    function _assisted() private pure returns (ConsentTerms memory terms) {
        terms = _terms();
        terms.assurance = 4;
    }

    function _help(ConsentTerms memory terms) private pure returns (Assistance memory act) {
        (act.consentId, act.subjectId) = (ConsentId.unwrap(terms.consentIdOf()), _SUBJECT);
        (act.institution, act.practitioner) = (_INSTITUTION, keccak256("practitioner"));
        (act.evidenceHash, act.signBefore) = (keccak256("evidence"), _NOW + 1);
    }

    function _idOf(ConsentAsk memory act) private pure returns (bytes32 id) {
        return keccak256(abi.encode(CONSENT_ASK_TYPEHASH, act));
    }
}
