// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentState, IConsents} from "../interfaces/IConsents.sol";
import {ConsentStatus} from "../types/Codes.sol";
import {ConsentFacts} from "../types/ConsentFacts.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {Circumstances} from "../types/Guardian.sol";
import {Suite} from "./Suite.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of `Consents`, and what is kept of what it accepts
contract ConsentsTest {
    address private constant _STRANGER = address(0xDEAD);
    uint64 private constant _QUARTER = 1_806_537_600; // 1 April 2027
    bytes32 private constant _OTHER = bytes32(uint256(0x07));

    Suite private _suite;
    IConsents private _consents;

    /// @notice Runs before each test.
    function setUp() external {
        _suite = new Suite();
        _suite.addRelay(address(this));
        _consents = _suite.consents();
    }

    /// @notice A consent is granted once and never comes back after its revocation.
    function test_grant_revertsForWhatIsThereOrGone() external {
        ConsentTerms memory terms = _terms();
        bytes32 id = _idOf(terms);
        _consents.grant(terms, _granted(terms));
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsAlreadyGranted.selector, id));
        _consents.revoke(terms, bytes32(0), _revoked(terms));
        bytes memory problem = abi.encodeWithSelector(IConsents.ConsentsAlreadyRevoked.selector, id);
        _refuse(terms, problem);
        bytes memory signature = _revoked(terms);
        VM.expectRevert(problem);
        _consents.revoke(terms, bytes32(0), signature);
        ConsentState memory state = _consents.stateOf(ConsentId.wrap(id));
        require(_factsOf(id).statusOf() == ConsentStatus.REVOKED, "other facts");
        require(state.status == ConsentStatus.REVOKED && state.revokedAt == block.timestamp, "another state");
    }

    /// @notice What was revoked before it was granted never comes into force.
    function test_revoke_holdsForWhatWasNeverGranted() external {
        ConsentTerms memory terms = _terms();
        _consents.revoke(terms, bytes32(0), _revoked(terms));
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsAlreadyRevoked.selector, _idOf(terms)));
    }

    /// @notice Only a relay submits.
    function test_acts_revertFromAStranger() external {
        ConsentTerms memory terms = _terms();
        bytes memory problem = abi.encodeWithSelector(IConsents.ConsentsRelayRequired.selector, _STRANGER);
        VM.prank(_STRANGER);
        VM.expectRevert(problem);
        _consents.grant(terms, "");
        VM.prank(_STRANGER);
        VM.expectRevert(problem);
        _consents.revoke(terms, bytes32(0), "");
    }

    /// @notice An unknown subject grants nothing.
    function test_grant_revertsForAnUnknownSubject() external {
        ConsentTerms memory terms = _terms();
        terms.subjectId = _OTHER;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsSubjectUnknown.selector, _OTHER));
    }

    /// @notice One grantee, and a known one.
    function test_grant_revertsForAnUnfitGrantee() external {
        ConsentTerms memory terms = _terms();
        terms.group = _OTHER;
        bytes4 selector = IConsents.ConsentsGranteeInvalid.selector;
        _refuse(terms, abi.encodeWithSelector(selector, terms.institution, _OTHER, bytes32(0)));
        (terms.institution, terms.practitioner) = (address(0), _OTHER);
        _refuse(terms, abi.encodeWithSelector(selector, address(0), _OTHER, _OTHER));
        terms = _terms();
        terms.institution = _STRANGER;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsGranteeUnknown.selector, _STRANGER));
    }

    /// @notice A group can be named.
    function test_grant_succeedsForAGroup() external {
        ConsentTerms memory terms = _terms();
        (terms.institution, terms.group) = (address(0), _OTHER);
        _consents.grant(terms, _granted(terms));
        require(_consents.stateOf(ConsentId.wrap(_idOf(terms))).status == ConsentStatus.ACTIVE, "not granted");
    }

    /// @notice A scope is one of two kinds, of known codes.
    function test_grant_revertsForAnUnfitScope() external {
        ConsentTerms memory terms = _terms();
        (terms.recordsRoot, terms.categories) = (_OTHER, 2);
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsScopeInvalid.selector, _OTHER, uint32(2)));
        (terms.recordsRoot, terms.categories) = (0, 1);
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsScopeInvalid.selector, bytes32(0), uint32(1)));
        terms = _terms();
        terms.purposes = 1;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsPurposesInvalid.selector, uint32(1)));
        terms = _terms();
        terms.actions = 1;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsActionsInvalid.selector, uint8(1)));
        terms = _terms();
        (terms.dataFrom, terms.dataUntil) = (2, 1);
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsDataPeriodInvalid.selector, uint16(2), uint16(1)));
    }

    /// @notice The highest level needs its records named.
    function test_grant_revertsForLevelFiveByCategory() external {
        ConsentTerms memory terms = _terms();
        bytes4 selector = IConsents.ConsentsSensitivityInvalid.selector;
        terms.maxSensitivity = 5;
        _refuse(terms, abi.encodeWithSelector(selector, uint8(5)));
        (terms.recordsRoot, terms.categories) = (_OTHER, 0);
        _consents.grant(terms, _granted(terms));
        terms.maxSensitivity = 6;
        _refuse(terms, abi.encodeWithSelector(selector, uint8(6)));
    }

    /// @notice Period, uses, disclosure, notice and assurance must be fit.
    function test_grant_revertsForUnfitConditions() external {
        ConsentTerms memory terms = _terms();
        terms.validUntil = uint64(block.timestamp);
        bytes4 selector = IConsents.ConsentsPeriodInvalid.selector;
        _refuse(
            terms,
            abi.encodeWithSelector(selector, terms.validFrom, terms.validUntil, uint64(block.timestamp))
        );
        terms = _terms();
        terms.maxUses = 0;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsUsesInvalid.selector, uint32(0)));
        terms = _terms();
        terms.onwardDisclosure = true;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsOnwardDisclosureRefused.selector));
        terms = _terms();
        terms.noticeVersion = 0;
        selector = IConsents.ConsentsNoticeMissing.selector;
        _refuse(terms, abi.encodeWithSelector(selector, terms.noticeHash, uint32(0)));
        terms = _terms();
        terms.assurance = 9;
        _refuse(terms, abi.encodeWithSelector(IConsents.ConsentsAssuranceRefused.selector, uint8(9)));
    }

    /// @notice A copy has a day on which it is erased; where nothing is stored there is none.
    function test_grant_revertsForAnUnfitEraseDate() external {
        ConsentTerms memory terms = _terms();
        bytes4 selector = IConsents.ConsentsEraseDateInvalid.selector;
        terms.eraseBy = 1;
        _refuse(terms, abi.encodeWithSelector(selector, uint64(1), uint64(0)));
        terms.actions = 6;
        _refuse(terms, abi.encodeWithSelector(selector, uint64(1), uint64(block.timestamp + 1)));
        terms.eraseBy = uint64(block.timestamp + 1);
        _consents.grant(terms, _granted(terms));
    }

    /// @notice Only the subject's own signature, over exactly this act.
    function test_acts_revertWithAnotherSignature() external {
        ConsentTerms memory terms = _terms();
        bytes memory problem = abi.encodeWithSelector(
            IConsents.ConsentsSignatureInvalid.selector,
            _idOf(terms),
            terms.subjectId
        );
        (bytes memory granted, bytes memory revoked) = (_granted(terms), _revoked(terms));
        VM.expectRevert(problem);
        _consents.grant(terms, revoked);
        VM.expectRevert(problem);
        _consents.revoke(terms, bytes32(0), granted);
    }

    /// @notice What a shielded minor granted itself no guardian takes back, whoever that is; the minor does.
    function test_revoke_keepsWhatAShieldedMinorGranted() external {
        _note(true);
        ConsentTerms memory terms = _terms();
        ConsentId id = ConsentId.wrap(_idOf(terms));
        _consents.grant(terms, _granted(terms));
        bytes memory problem = abi.encodeWithSelector(IConsents.ConsentsShielded.selector, id, _OTHER);
        _refuseRevocation(terms, problem);
        require(_consents.stateOf(id).status == ConsentStatus.ACTIVE, "taken back");
        // Who has grown up has no shield; what stands in the way then is that nobody is this guardian.
        problem = abi.encodeWithSelector(IConsents.ConsentsSignatureInvalid.selector, id, terms.subjectId);
        VM.warp(_QUARTER);
        _refuseRevocation(terms, problem);
        _consents.revoke(terms, bytes32(0), _revoked(terms));
        require(_consents.stateOf(id).status == ConsentStatus.REVOKED, "not taken back");
    }

    /// @notice The shield keeps neither what a guardian granted nor what a minor without one did.
    function test_revoke_isForGuardiansWhereThereIsNoShield() external {
        _note(false);
        ConsentTerms memory terms = _terms();
        ConsentId id = ConsentId.wrap(_idOf(terms));
        bytes4 selector = IConsents.ConsentsSignatureInvalid.selector;
        _refuseRevocation(terms, abi.encodeWithSelector(selector, id, terms.subjectId));
        _note(true);
        terms.guardian = _OTHER;
        id = ConsentId.wrap(_idOf(terms));
        _refuseRevocation(terms, abi.encodeWithSelector(selector, id, terms.subjectId));
    }

    /// @notice The ledger alone counts uses, and only of a consent in force.
    function test_countUses_revertsForOthersAndWhatIsNotInForce() external {
        ConsentId id = ConsentId.wrap(_idOf(_terms()));
        address ledger = address(_suite.ledger());
        VM.expectRevert(
            abi.encodeWithSelector(IConsents.ConsentsLedgerRequired.selector, address(this), ledger)
        );
        _consents.countUses(_list(id), _counts(1));
        VM.prank(ledger);
        VM.expectRevert(abi.encodeWithSelector(IConsents.ConsentsNotActive.selector, id, ConsentStatus.NONE));
        _consents.countUses(_list(id), _counts(1));
        ConsentTerms memory terms = _terms();
        _consents.grant(terms, _granted(terms));
        VM.prank(ledger);
        _consents.countUses(_list(id), _counts(2));
        require(_consents.stateOf(id).uses == 2, "not counted");
        ConsentFacts facts = _factsOf(ConsentId.unwrap(id));
        require(facts.isActive() && facts.usesOf() == 2 && facts.grantedAtOf() == block.timestamp, "other facts");
        VM.prank(ledger);
        _consents.countUses(_list(id), _counts(0));
        require(_consents.stateOf(id).uses == 2, "counted for nothing");
    }

    /// @notice The wiring can be read.
    function test_wiring_isThatOfTheSuite() external view {
        require(address(_consents.participants()) == address(_suite.participants()), "other participants");
        require(address(_consents.subjects()) == address(_suite.subjects()), "other subjects");
        require(_consents.accessLedger() == address(_suite.ledger()), "another ledger");
    }

    function _list(ConsentId id) private pure returns (ConsentId[] memory ids) {
        ids = new ConsentId[](1);
        ids[0] = id;
    }

    function _counts(uint32 count) private pure returns (uint32[] memory counts) {
        counts = new uint32[](1);
        counts[0] = count;
    }

    function _factsOf(bytes32 id) private view returns (ConsentFacts facts) {
        return _consents.factsOf(_list(ConsentId.wrap(id)))[0];
    }

    function _refuse(ConsentTerms memory terms, bytes memory problem) private {
        bytes memory signature = _granted(terms);
        VM.expectRevert(problem);
        _consents.grant(terms, signature);
    }

    /// @dev Under an appointment there is not, with a signature of the subject.
    function _refuseRevocation(ConsentTerms memory terms, bytes memory problem) private {
        bytes32 structHash = _suite.hashes().revocationHash(_idOf(terms), terms.subjectId, _OTHER);
        bytes memory signature = _signed(structHash);
        VM.expectRevert(problem);
        _consents.revoke(terms, _OTHER, signature);
    }

    /// @dev Makes the first subject a minor.
    function _note(bool shielded) private {
        Circumstances memory act;
        (act.subjectId, act.minorUntil, act.shielded) = (_suite.subjectIds(0), _QUARTER, shielded);
        (act.evidenceHash, act.signBefore) = (_OTHER, _QUARTER);
        bytes32 structHash = _suite.hashes().circumstancesHash(act);
        address subjects = address(_suite.subjects());
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _suite.sign(_suite.hospitalKey(0), subjects, "Consentry Subjects", structHash);
        _suite.subjects().noteCircumstances(act, signatures);
    }

    function _terms() private view returns (ConsentTerms memory terms) {
        return _suite.termsOf(0, 1, 0);
    }

    function _idOf(ConsentTerms memory terms) private view returns (bytes32 id) {
        return _suite.hashes().consentId(terms);
    }

    function _granted(ConsentTerms memory terms) private view returns (bytes memory signature) {
        return _signed(_idOf(terms));
    }

    function _revoked(ConsentTerms memory terms) private view returns (bytes memory signature) {
        return _signed(_suite.hashes().revocationHash(_idOf(terms), terms.subjectId, bytes32(0)));
    }

    function _signed(bytes32 structHash) private view returns (bytes memory signature) {
        return _suite.sign(_suite.subjectKey(0), address(_consents), "Consentry Consents", structHash);
    }
}
