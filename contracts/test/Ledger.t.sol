// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessLedger} from "../AccessLedger.sol";
import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {IAuthorisations} from "../interfaces/IAuthorisations.sol";
import {IConsents} from "../interfaces/IConsents.sol";
import {IEmergencies} from "../interfaces/IEmergencies.sol";
import {IExclusions} from "../interfaces/IExclusions.sol";
import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {AccessEntry, CompactRequest, Material, Outcome, RequestCodes} from "../types/AccessRequest.sol";
import {AuthorisationState, AuthorisationStatus, StandingAuthorisation} from "../types/Authorisation.sol";
import {ConsentStatus, Reason, RecordStatus, Standing} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts, factsOf} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {SubjectFacts, factsOfEnrolled} from "../types/SubjectFacts.sol";
import {Scripted} from "./Scripted.sol";
import {VM, Vm} from "./Vm.sol";

/// @title Every path of the ledger, among neighbours that say what they are told
/// @notice The one institution signs with a verifier whose answer is scripted, so what is signed matters nowhere here.
contract LedgerTest {
    uint64 private constant _NOW = 1_800_000_000;
    address private constant _INSTITUTION = address(0xA000);
    bytes32 private constant _SUBJECT = keccak256("subject");
    bytes32 private constant _KEY = keccak256("release key");
    bytes32 private constant _OTHER = bytes32(uint256(0x07));
    bytes4 private constant _VERIFY = bytes4(keccak256("verify(bytes,bytes32,bytes)"));

    Scripted private _participants;
    Scripted private _records;
    Scripted private _consents;
    Scripted private _subjects;
    Scripted private _emergencies;
    Scripted private _authorisations;
    Scripted private _verifier;
    AccessLedger private _ledger;
    RecordLeaf private _leaf;

    /// @notice Runs before each test.
    function setUp() external {
        VM.warp(_NOW);
        (_participants, _records, _consents) = (new Scripted(), new Scripted(), new Scripted());
        (_emergencies, _authorisations, _verifier) = (new Scripted(), new Scripted(), new Scripted());
        _subjects = new Scripted();
        _emergencies.scriptCaller(IEmergencies.accessLedger.selector);
        _emergencies.script(IEmergencies.open.selector, "");
        _verifier.script(_VERIFY, abi.encode(_VERIFY));
        (_leaf.subjectId, _leaf.version, _leaf.category, _leaf.sensitivity) = (_SUBJECT, 1, 3, 2);
        _leaf.dataMonth = 600;
        _participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        _participants.script(IParticipants.isGroupMember.selector, abi.encode(true));
        _scriptInstitution(Standing.ACTIVE, abi.encodePacked(_verifier, "key"));
        _scriptFacts(factsOf(_leaf, uint48(_NOW)));
        _scriptState(ConsentStatus.ACTIVE);
        _consents.script(IConsents.countUses.selector, "");
        _scriptExcluded(0, false);
        _consents.scriptCaller(IConsents.accessLedger.selector);
        _consents.script(IConsents.subjects.selector, abi.encode(_subjects));
        _scriptSubject(factsOfEnrolled(_INSTITUTION));
        _ledger = _deploy();
    }

    /// @notice The consents must name the ledger that is built on them.
    function test_constructor_revertsOnConsentsOfAnotherLedger() external {
        Scripted consents = new Scripted();
        consents.script(IConsents.accessLedger.selector, abi.encode(_INSTITUTION));
        _consents = consents;
        try this.deploy() {
            revert("built");
        } catch (bytes memory problem) {
            // The second argument is the address of what could not be built.
            require(bytes4(problem) == IAccessLedger.AccessLedgerWiringMismatch.selector, "another problem");
        }
    }

    /// @notice Builds a ledger on the scripted neighbours.
    function deploy() external {
        _deploy();
    }

    /// @notice The wiring can be read.
    function test_wiring_isThatOfTheConstructor() external view {
        require(address(_ledger.participants()) == address(_participants), "other participants");
        require(address(_ledger.records()) == address(_records), "other records");
        require(address(_ledger.consents()) == address(_consents), "other consents");
        require(address(_ledger.subjects()) == address(_subjects), "other subjects");
    }

    /// @notice Only a relay submits.
    function test_decide_revertsFromAStranger() external {
        _participants.script(IParticipants.isActiveRelay.selector, abi.encode(false));
        bytes4 selector = IAccessLedger.AccessLedgerRelayRequired.selector;
        _refuse(_requests(), 1, _material(), abi.encodeWithSelector(selector, address(this)));
    }

    /// @notice A batch is not empty and has a signature for each request.
    function test_decide_revertsForAMalformedBatch() external {
        bytes4 selector = IAccessLedger.AccessLedgerBatchMalformed.selector;
        _refuse(new CompactRequest[](0), 0, _material(), abi.encodeWithSelector(selector, 0, 0));
        _refuse(_requests(), 2, _material(), abi.encodeWithSelector(selector, 1, 2));
    }

    /// @notice One signature is of one institution.
    function test_decideBatch_revertsForTwoInstitutions() external {
        Material memory material = _material();
        material.institutions = new address[](2);
        bytes4 selector = IAccessLedger.AccessLedgerInstitutionsInvalid.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, 2));
        _ledger.decideBatch(_requests(), "", material);
    }

    /// @notice No consent comes twice.
    function test_decide_revertsForConsentsOutOfOrder() external {
        Material memory material = _material();
        material.consents = new ConsentTerms[](2);
        (material.consents[0], material.consents[1]) = (_terms(), _terms());
        ConsentId id = _terms().consentIdOf();
        bytes4 selector = IAccessLedger.AccessLedgerConsentsUnordered.selector;
        _refuse(_requests(), 1, material, abi.encodeWithSelector(selector, id));
    }

    /// @notice The relay names the right subject or none.
    function test_decide_revertsForAnotherSubject() external {
        Material memory material = _material();
        material.subjects = new bytes32[](1);
        material.subjects[0] = _OTHER;
        CompactRequest[] memory requests = _requests();
        requests[0].places |= uint256(1) << 48;
        bytes4 selector = IAccessLedger.AccessLedgerSubjectMismatch.selector;
        _refuse(requests, 1, material, abi.encodeWithSelector(selector, requests[0].recordId, _OTHER));
        material.subjects[0] = _SUBJECT;
        require(_decided(requests, material) == Reason.NONE, "not permitted");
    }

    /// @notice A verifier gets its share of gas or the batch is sent again.
    function test_decide_revertsWithTooLittleGas() external {
        bytes memory call = abi.encodeCall(_ledger.decide, (_requests(), new bytes[](1), _material()));
        (bool done, bytes memory problem) = address(_ledger).call{gas: 400_000}(call);
        require(!done && bytes4(problem) == IAccessLedger.AccessLedgerGasMissing.selector, "another problem");
    }

    /// @notice A fit request is permitted and counted, in both forms.
    function test_decide_permitsWhatIsInOrder() external {
        require(_decided(_requests(), _material()) == Reason.NONE, "not permitted");
        require(_ledger.isDecided(_INSTITUTION, 1), "not decided");
        require(_rejected(_requests(), _material()) == Reason.REQUEST_REPLAYED, "decided twice");
        CompactRequest[] memory requests = _requests();
        requests[0].requestId = 2;
        _ledger.decideBatch(requests, "", _material());
        require(_ledger.isDecided(_INSTITUTION, 2), "batch not decided");
        require(uint48(uint256(_ledger.subjectHead(_SUBJECT))) == 2, "head of the subject stands still");
        require(uint48(uint256(_ledger.institutionHead(_INSTITUTION))) == 2, "head of the institution stands still");
    }

    /// @notice A member of a group is asked about where a group is named.
    function test_decide_asksForTheGroup() external {
        Material memory material = _material();
        (material.consents[0].institution, material.consents[0].group) = (address(0), _OTHER);
        require(_decided(_requests(), material) == Reason.NONE, "not permitted");
    }

    /// @notice What is not signed, or by nobody known, is rejected.
    function test_decide_rejectsTheUnsigned() external {
        _verifier.script(_VERIFY, abi.encode(bytes4(0xffffffff)));
        require(_rejected(_requests(), _material()) == Reason.SIGNATURE_INVALID, "a no is a yes");
        _verifier.script(_VERIFY, hex"00");
        require(_rejected(_requests(), _material()) == Reason.SIGNATURE_INVALID, "a short answer is a yes");
        _scriptInstitution(Standing.ACTIVE, hex"00");
        require(_rejected(_requests(), _material()) == Reason.SIGNATURE_INVALID, "a short signer signed");
        _scriptInstitution(Standing.ACTIVE, abi.encodePacked(_INSTITUTION));
        require(_rejected(_requests(), _material()) == Reason.SIGNATURE_INVALID, "an empty signature counts");
        _scriptInstitution(Standing.NONE, "");
        require(_rejected(_requests(), _material()) == Reason.INSTITUTION_UNKNOWN, "a stranger is heard");
    }

    /// @notice Where nothing is known or invoked, that is the answer.
    function test_decide_deniesWhatIsUnknown() external {
        CompactRequest[] memory requests = _requests();
        requests[0].places = 0;
        Material memory material = _material();
        material.subjects = new bytes32[](1);
        material.subjects[0] = _SUBJECT;
        requests[0].places = uint256(1) << 48;
        require(_decided(requests, material) == Reason.CONSENT_MISSING, "permitted without a consent");
        requests[0].requestId = 2;
        _scriptFacts(RecordFacts.wrap(0));
        require(_decided(requests, material) == Reason.RECORD_UNKNOWN, "another reason");
        requests[0].requestId = 3;
        material.codes[0] = RequestCodes.wrap(0);
        require(_decided(requests, material) == Reason.REQUEST_EXPIRED, "another reason");
    }

    /// @notice An exclusion beats a consent and an emergency; nobody else is asked about.
    function test_decide_deniesWhatIsExcluded() external {
        _scriptExcluded(1, true);
        require(_decided(_requests(), _material()) == Reason.EXCLUDED, "a consent is stronger");
        CompactRequest[] memory requests = _inEmergency(2);
        require(_decided(requests, _material()) == Reason.EXCLUDED, "an emergency is stronger");
        _scriptExcluded(1, false);
        requests = _requests();
        requests[0].requestId = 3;
        require(_decided(requests, _material()) == Reason.NONE, "an exclusion of others counts");
    }

    /// @notice Emergencies and accesses have limits a day; the day after both begin again.
    function test_decide_keepsTheLimitsOfADay() external {
        require(_decided(_inEmergency(1), _material()) == Reason.NONE, "an emergency is not permitted");
        require(_decided(_inEmergency(2), _material()) == Reason.EMERGENCY_LIMIT, "two emergencies");
        CompactRequest[] memory requests = _requests();
        requests[0].requestId = 3;
        require(_decided(requests, _material()) == Reason.NONE, "no second access");
        requests[0].requestId = 4;
        require(_decided(requests, _material()) == Reason.INSTITUTION_LIMIT, "three accesses");
        (uint256 accesses, uint256 emergencies) = _ledger.permitsToday(_INSTITUTION);
        require(accesses == 2 && emergencies == 1, "other counts");
        VM.warp(_NOW + 1 days);
        (accesses, emergencies) = _ledger.permitsToday(_INSTITUTION);
        require(accesses == 0 && emergencies == 0, "counts of yesterday");
    }

    /// @notice On the basis of a duty, what counts is the authorisation that is invoked.
    function test_decide_looksAtTheAuthorisation() external {
        CompactRequest[] memory requests = _requests();
        requests[0].places |= uint256(1) << 48;
        Material memory material = _material();
        material.codes[0] = _codes(0x01030101);
        require(_decided(requests, material) == Reason.AUTHORISATION_MISSING, "none is needed");
        material.authorisations = new StandingAuthorisation[](1);
        StandingAuthorisation memory terms = material.authorisations[0];
        (terms.institution, terms.basis, terms.purposes, terms.categories) = (_INSTITUTION, 3, 1 << 1, 1 << 3);
        (terms.actions, terms.maxSensitivity, terms.dataUntil, terms.validUntil) = (1 << 1, 4, 1_000, _NOW + 1);
        requests[0].places |= uint256(1) << 96;
        AuthorisationState[] memory states = new AuthorisationState[](1);
        _authorisations.script(IAuthorisations.statesOf.selector, abi.encode(states));
        requests[0].requestId = 2;
        require(_decided(requests, material) == Reason.AUTHORISATION_UNKNOWN, "an unknown one counts");
        states[0].status = AuthorisationStatus.WITHDRAWN;
        _authorisations.script(IAuthorisations.statesOf.selector, abi.encode(states));
        requests[0].requestId = 3;
        require(_decided(requests, material) == Reason.AUTHORISATION_WITHDRAWN, "a withdrawn one counts");
        states[0].status = AuthorisationStatus.ACTIVE;
        _authorisations.script(IAuthorisations.statesOf.selector, abi.encode(states));
        requests[0].requestId = 4;
        require(_decided(requests, material) == Reason.NONE, "not permitted");
        terms.institution = address(0xDEAD);
        requests[0].requestId = 5;
        require(_decided(requests, material) == Reason.AUTHORISATION_SCOPE, "that of another counts");
        terms.validUntil = _NOW;
        requests[0].requestId = 6;
        require(_decided(requests, material) == Reason.AUTHORISATION_EXPIRED, "an old one counts");
    }

    /// @notice An emergency says why, and only a person looks.
    function test_decide_deniesAnIncompleteEmergency() external {
        CompactRequest[] memory requests = _inEmergency(1);
        requests[0].places &= ~(uint256(1) << 144);
        require(_decided(requests, _material()) == Reason.EMERGENCY_INCOMPLETE, "nobody says why");
    }

    /// @notice An item without a consent behind one with it has nothing of that consent, and the uses are counted.
    function test_decide_keepsNothingOfTheItemBefore() external {
        CompactRequest[] memory requests = new CompactRequest[](2);
        (requests[0], requests[1]) = (_requests()[0], _inEmergency(2)[0]);
        RecordFacts[] memory facts = new RecordFacts[](2);
        (facts[0], facts[1]) = (factsOf(_leaf, uint48(_NOW)), factsOf(_leaf, uint48(_NOW)));
        _records.script(IRecords.factsOf.selector, abi.encode(facts));
        VM.recordLogs();
        _ledger.decide(requests, new bytes[](2), _material());
        Vm.Log[] memory logs = VM.getRecordedLogs();
        AccessEntry memory first = abi.decode(logs[0].data, (AccessEntry));
        AccessEntry memory second = abi.decode(logs[1].data, (AccessEntry));
        require(uint8(Outcome.unwrap(first.outcome)) == 0 && first.ground != bytes32(0), "the first");
        require(uint8(Outcome.unwrap(second.outcome)) == 0 && second.ground == bytes32(0), "the second");
    }

    /// @notice What a patient forbids in advance is not done in an emergency.
    function test_decide_deniesWhatTheDirectiveForbids() external {
        _scriptSubject(factsOfEnrolled(_INSTITUTION).withDirective(true, false));
        require(_decided(_inEmergency(1), _material()) == Reason.EMERGENCY_FORBIDDEN, "another reason");
    }

    /// @notice What a guardian granted in a minority ends with it; what another grants does not.
    function test_decide_asksAnewWhoCameOfAge() external {
        _scriptSubject(factsOfEnrolled(_INSTITUTION).withCircumstances(_NOW, false, false));
        Material memory material = _material();
        require(_decided(_requests(), material) == Reason.NONE, "not the subject's own");
        material.consents[0].guardian = _OTHER;
        CompactRequest[] memory requests = _requests();
        requests[0].requestId = 2;
        require(_decided(requests, material) == Reason.RECONSENT_NEEDED, "not ended");
        _scriptSubject(factsOfEnrolled(_INSTITUTION).withCircumstances(_NOW + 1, false, false));
        requests[0].requestId = 3;
        require(_decided(requests, material) == Reason.NONE, "ended too early");
    }

    /// @notice A consent that was never granted, or names nothing, is no consent.
    function test_decide_deniesWithoutAConsent() external {
        CompactRequest[] memory requests = _requests();
        _scriptState(ConsentStatus.NONE);
        require(_decided(requests, _material()) == Reason.CONSENT_UNKNOWN, "another reason");
    }

    /// @notice A record is shown to be named by itself, by a proof, or by the leaf of a later version.
    function test_decide_permitsTheNamedRecord() external {
        CompactRequest[] memory requests = _requests();
        Material memory material = _material();
        (material.consents[0].recordsRoot, material.consents[0].categories) = (_node(_idOf(_leaf)), 0);
        require(_decided(requests, material) == Reason.NONE, "the only record is not named");
        RecordLeaf memory later = _leaf;
        (later.version, later.lineage) = (2, _idOf(_leaf));
        material.leaves = new RecordLeaf[](1);
        material.leaves[0] = later;
        (requests[0].requestId, requests[0].recordId) = (2, RecordId.wrap(_idOf(later)));
        requests[0].places |= uint256(1) << 64;
        require(_decided(requests, material) == Reason.NONE, "a later version is not named");
    }

    /// @notice A wrong leaf or proof is the relay's fault and no denial.
    function test_decide_rejectsWrongMaterial() external {
        CompactRequest[] memory requests = _requests();
        Material memory material = _material();
        (material.consents[0].recordsRoot, material.consents[0].categories) = (_OTHER, 0);
        material.scopeProofs = new bytes32[][](1);
        material.scopeProofs[0] = new bytes32[](1);
        requests[0].places |= uint256(1) << 80;
        require(_rejected(requests, material) == Reason.SCOPE_PROOF_INVALID, "a wrong proof holds");
        material.leaves = new RecordLeaf[](1);
        requests[0].places |= uint256(1) << 64;
        require(_rejected(requests, material) == Reason.SCOPE_PROOF_INVALID, "a wrong leaf holds");
    }

    function _deploy() private returns (AccessLedger ledger) {
        return
            new AccessLedger(
                IParticipants(address(_participants)),
                IRecords(address(_records)),
                IConsents(address(_consents)),
                IEmergencies(address(_emergencies)),
                IAuthorisations(address(_authorisations))
            );
    }

    function _scriptInstitution(Standing standing, bytes memory signer) private {
        _participants.script(IParticipants.institutionForDecision.selector, abi.encode(standing, _KEY, signer, 2, 1));
    }

    function _scriptSubject(SubjectFacts facts) private {
        _subjects.script(IGuardianship.factsOf.selector, abi.encode(facts));
    }

    function _scriptExcluded(uint256 summary, bool excluded) private {
        uint256[] memory summaries = new uint256[](2);
        (summaries[0], summaries[1]) = (summary, summary);
        _consents.script(IExclusions.exclusionSummaries.selector, abi.encode(summaries));
        _consents.script(IExclusions.isExcluded.selector, abi.encode(excluded));
    }

    function _scriptFacts(RecordFacts facts) private {
        RecordFacts[] memory all = new RecordFacts[](1);
        all[0] = facts;
        _records.script(IRecords.factsOf.selector, abi.encode(all));
    }

    function _scriptState(ConsentStatus status) private {
        uint256[] memory all = new uint256[](1);
        all[0] = uint256(status);
        _consents.script(IConsents.factsOf.selector, abi.encode(all));
    }

    function _refuse(
        CompactRequest[] memory requests,
        uint256 signatures,
        Material memory material,
        bytes memory problem
    ) private {
        VM.expectRevert(problem);
        _ledger.decide(requests, new bytes[](signatures), material);
    }

    function _decided(CompactRequest[] memory requests, Material memory material) private returns (Reason reason) {
        Vm.Log memory log = _logOf(requests, material);
        require(log.topics.length == 4 && log.topics[2] != _OTHER, "not decided");
        return Reason(uint8(Outcome.unwrap(abi.decode(log.data, (AccessEntry)).outcome)));
    }

    function _rejected(CompactRequest[] memory requests, Material memory material) private returns (Reason reason) {
        Vm.Log memory log = _logOf(requests, material);
        require(log.topics[0] == IAccessLedger.RequestRejected.selector, "not rejected");
        (, reason, ) = abi.decode(log.data, (bytes32, Reason, address));
    }

    function _logOf(CompactRequest[] memory requests, Material memory material) private returns (Vm.Log memory log) {
        VM.recordLogs();
        _ledger.decide(requests, new bytes[](1), material);
        return VM.getRecordedLogs()[0];
    }

    function _requests() private view returns (CompactRequest[] memory requests) {
        requests = new CompactRequest[](1);
        requests[0].requestId = 1;
        requests[0].recordId = RecordId.wrap(_idOf(_leaf));
        requests[0].places = uint256(1) << 32;
    }

    /// @dev For emergency treatment, with a reason.
    function _inEmergency(uint256 requestId) private view returns (CompactRequest[] memory requests) {
        requests = _requests();
        requests[0].requestId = requestId;
        // No consent is invoked, so the relay names the subject; codes of their own, and a reason.
        requests[0].places = (uint256(1) << 48) | (uint256(1) << 112) | (uint256(1) << 144);
    }

    function _codes(uint256 kinds) private pure returns (RequestCodes codes) {
        return RequestCodes.wrap((uint256(_NOW + 600) << 104) | (uint256(_NOW) << 40) | kinds);
    }

    function _material() private pure returns (Material memory material) {
        material.institutions = new address[](1);
        material.institutions[0] = _INSTITUTION;
        material.releaseKeyHashes = new bytes32[](1);
        material.releaseKeyHashes[0] = _KEY;
        material.consents = new ConsentTerms[](1);
        material.consents[0] = _terms();
        material.subjects = new bytes32[](1);
        material.subjects[0] = _SUBJECT;
        material.codes = new RequestCodes[](2);
        (material.codes[0], material.codes[1]) = (_codes(0x01010101), _codes(0x0101020102));
        material.practitioners = new bytes32[](1);
        material.practitioners[0] = _OTHER;
        material.reasonHashes = new bytes32[](1);
        material.reasonHashes[0] = keccak256("reason");
    }

    function _terms() private pure returns (ConsentTerms memory terms) {
        (terms.subjectId, terms.institution) = (_SUBJECT, _INSTITUTION);
        (terms.categories, terms.purposes, terms.actions) = (1 << 3, 1 << 1, 1 << 1);
        (terms.maxSensitivity, terms.dataUntil, terms.maxUses) = (3, 1_000, 2);
        (terms.validFrom, terms.validUntil) = (_NOW, _NOW + 1);
    }

    function _idOf(RecordLeaf memory leaf) private pure returns (bytes32 id) {
        return RecordId.unwrap(leaf.recordIdOf());
    }

    function _node(bytes32 scopeKey) private pure returns (bytes32 node) {
        return keccak256(abi.encode(scopeKey));
    }
}
