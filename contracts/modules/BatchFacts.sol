// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {IAuthorisations} from "../interfaces/IAuthorisations.sol";
import {ConsentState, IConsents} from "../interfaces/IConsents.sol";
import {IEmergencies} from "../interfaces/IEmergencies.sol";
import {IExclusions} from "../interfaces/IExclusions.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {ConsentRules} from "../libraries/ConsentRules.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {Signers} from "../libraries/Signers.sol";
import {CompactRequest, Material} from "../types/AccessRequest.sol";
import {AuthorisationId, AuthorisationState, StandingAuthorisation} from "../types/Authorisation.sol";
import {RecordStatus, Standing} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts, markOf} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";

/// @title What stands behind a batch of requests
/// @notice The half of `AccessLedger` that reads: tables are opened once a batch, and each request is put together from
/// what its places stand for. Nothing here writes.
abstract contract BatchFacts is EIP712, IAccessLedger {
    /// @dev What is known of an institution.
    struct Requester {
        bool known;
        bool active;
        bytes32 releaseKeyHash;
        address account; // that signs; zero where a verifier is asked
        bytes signer; // ERC-7913
        uint256 dailyLimit; // permitted accesses a day
        uint256 emergencyLimit; // of them in an emergency
    }

    /// @dev Head, used request ids and permits of the institution whose turn it is: read when its turn comes, written
    /// when it ends.
    struct Turn {
        address institution;
        uint256 place; // of the word; `_NO_TURN` before the first
        uint256 word; // of request ids
        bytes32 head;
        uint256 accesses; // permitted today
        uint256 emergencies; // of them in an emergency
        bytes32 subjectId; // whose record was asked for last; zero for none
        bytes32 subjectHead;
    }

    /// @dev What a batch came with, and the facts behind it. Tables have the places of `Material`.
    struct Batch {
        bytes32 domain; // separator of EIP-712
        address[] institutions;
        Requester[] requesters;
        bytes32[] releaseKeyHashes;
        ConsentTerms[] terms;
        ConsentId[] consentIds;
        ConsentState[] states; // their uses go up as the batch is decided
        uint32[] usesBefore;
        RecordFacts[] facts; // of the record of each request
        StandingAuthorisation[] authorisations;
        AuthorisationId[] authorisationIds;
        AuthorisationState[] authorisationStates;
        uint256[] exclusions; // summaries: of the subject of each consent, then of each subject named
        Turn turn;
        ConsentTerms noTerms; // of a request without a consent
        ConsentState noState;
        StandingAuthorisation noAuthorisation;
        AuthorisationState noAuthorisationState;
    }

    /// @dev One item as it is being decided: what its places stand for.
    struct Item {
        bytes32 requestHash;
        bool signed;
        uint256 led; // places and legal basis that lead to what follows; zero before the first item
        bytes32 subjectId; // as the terms tell or the relay names it
        uint256 subjectMark;
        uint256 exclusions; // of that subject
        address institution;
        Requester requester;
        bytes32 releaseKeyHash; // that the request names
        RecordFacts facts;
        uint256 consent; // place of the terms, from 1; zero for none
        bytes32 ground;
        ConsentTerms terms;
        ConsentState state;
        uint256 mark; // of the subject of the terms
        StandingAuthorisation authorisation;
        AuthorisationState authorisationState;
    }

    /// @dev Places in `CompactRequest.places`.
    uint256 private constant _INSTITUTION = 0;
    uint256 private constant _RELEASE_KEY = 1;
    uint256 private constant _CONSENT = 2;
    uint256 private constant _SUBJECT = 3;
    uint256 private constant _LEAF = 4;
    uint256 private constant _SCOPE_PROOF = 5;
    uint256 private constant _AUTHORISATION = 6;
    /// @dev Bits of places that do not lead to a subject or a ground: leaf and scope proof.
    uint256 private constant _ASIDE = uint256(type(uint32).max) << 64;
    /// @dev Bit of `Item.led` that is always set.
    uint256 private constant _LOOKED_UP = 1 << 255;
    /// @dev Place of no word of request ids.
    uint256 internal constant _NO_TURN = type(uint256).max;

    /// @inheritdoc IAccessLedger
    IParticipants public immutable participants;
    /// @inheritdoc IAccessLedger
    IRecords public immutable records;
    /// @inheritdoc IAccessLedger
    ISubjects public immutable subjects;
    /// @inheritdoc IAccessLedger
    IConsents public immutable consents;
    /// @inheritdoc IAccessLedger
    IEmergencies public immutable emergencies;
    /// @inheritdoc IAccessLedger
    IAuthorisations public immutable authorisations;

    /// @param participants_ who may act.
    /// @param records_ what may be asked for.
    /// @param consents_ what was granted; it must name this contract as its access ledger.
    /// @param emergencies_ what emergency accesses owe; so must it.
    /// @param authorisations_ what authorities allow.
    constructor(
        IParticipants participants_,
        IRecords records_,
        IConsents consents_,
        IEmergencies emergencies_,
        IAuthorisations authorisations_
    ) EIP712("Consentry AccessLedger", "1") {
        _requireWired(consents_.accessLedger());
        _requireWired(emergencies_.accessLedger());
        participants = participants_;
        records = records_;
        consents = consents_;
        subjects = consents_.subjects();
        emergencies = emergencies_;
        authorisations = authorisations_;
    }

    /// @dev Reads what stands behind the requests and the tables.
    function _open(
        CompactRequest[] calldata requests,
        Material calldata material
    ) internal view returns (Batch memory batch) {
        batch.domain = _domainSeparatorV4();
        batch.turn.place = _NO_TURN;
        batch.institutions = material.institutions;
        batch.releaseKeyHashes = material.releaseKeyHashes;
        batch.terms = material.consents;
        uint256 count = batch.institutions.length;
        batch.requesters = new Requester[](count);
        for (uint256 i = 0; i < count; ++i) {
            Requester memory requester = batch.requesters[i];
            Standing standing;
            (
                standing,
                requester.releaseKeyHash,
                requester.signer,
                requester.dailyLimit,
                requester.emergencyLimit
            ) = participants.institutionForDecision(batch.institutions[i]);
            requester.known = standing != Standing.NONE;
            requester.active = standing == Standing.ACTIVE;
            requester.account = Signers.accountOf(requester.signer);
        }
        count = batch.terms.length;
        batch.consentIds = new ConsentId[](count);
        for (uint256 i = 0; i < count; ++i) batch.consentIds[i] = ConsentId.wrap(Hashing.hashOf(batch.terms[i]));
        _requireAscending(batch.consentIds);
        batch.states = consents.statesOf(batch.consentIds);
        batch.usesBefore = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) batch.usesBefore[i] = batch.states[i].uses;
        count = requests.length;
        RecordId[] memory recordIds = new RecordId[](count);
        for (uint256 i = 0; i < count; ++i) recordIds[i] = requests[i].recordId;
        batch.facts = records.factsOf(recordIds);
        _openSubjects(batch, material.subjects);
        if (material.authorisations.length != 0) _openAuthorisations(batch, material.authorisations);
    }

    /// @dev Most subjects exclude nothing, which their summary tells.
    function _isExcluded(Item memory item, CompactRequest calldata sent) internal view returns (bool excluded) {
        if (item.exclusions == 0) return false;
        return
            IExclusions(address(consents)).isExcluded(
                item.subjectId,
                item.institution,
                sent.practitioner,
                item.facts.categoryOf()
            );
    }

    function _isGrantee(address institution, ConsentTerms memory terms) internal view returns (bool grantee) {
        if (terms.group == bytes32(0)) return terms.institution == institution;
        return participants.isGroupMember(terms.group, institution);
    }

    function _isSigned(
        Requester memory requester,
        bytes32 domain,
        bytes32 structHash,
        bytes calldata signature
    ) internal view returns (bool signed) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        if (requester.account != address(0)) return Signers.isSignedBy(requester.account, digest, signature);
        return Signers.isVerified(requester.signer, digest, signature);
    }

    /// @dev Looks up in the tables what an item names by its places, unless the one before it named the same.
    function _lookUp(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        bytes32[] calldata named
    ) internal pure {
        uint256 led = (uint112(sent.places) & ~_ASIDE) | (uint256(sent.codes.legalBasisOf()) << 112) | _LOOKED_UP;
        if (item.led == led) return;
        item.led = led;
        uint256 institution = sent.placeOf(_INSTITUTION);
        item.institution = batch.institutions[institution];
        item.requester = batch.requesters[institution];
        item.releaseKeyHash = batch.releaseKeyHashes[sent.placeOf(_RELEASE_KEY)];
        uint256 consent = sent.codes.isByConsent() ? sent.placeOf(_CONSENT) : 0;
        bool none = consent == 0;
        item.consent = consent;
        item.ground = none ? bytes32(0) : ConsentId.unwrap(batch.consentIds[consent - 1]);
        item.terms = none ? batch.noTerms : batch.terms[consent - 1];
        item.state = none ? batch.noState : batch.states[consent - 1];
        item.mark = markOf(item.terms.subjectId);
        _lookUpSubject(item, sent.placeOf(_SUBJECT), batch, named);
        if (sent.codes.isByAuthority()) _lookUpAuthorisation(item, sent.placeOf(_AUTHORISATION), batch);
    }

    /// @dev The struct hash of what the institution signed.
    function _requestHashOf(
        Item memory item,
        CompactRequest calldata sent
    ) internal pure returns (bytes32 requestHash) {
        bool byAuthority = sent.codes.isByAuthority();
        bytes32 consentId = byAuthority ? bytes32(0) : item.ground;
        bytes32 authorisationId = byAuthority ? item.ground : bytes32(0);
        return Hashing.hashOf(sent, item.institution, consentId, authorisationId, item.releaseKeyHash);
    }

    function _requestHashesOf(
        CompactRequest[] calldata requests,
        Item memory item,
        Batch memory batch,
        bytes32[] calldata named
    ) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](requests.length);
        for (uint256 i = 0; i < hashes.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch, named);
            hashes[i] = _requestHashOf(item, sent);
        }
    }

    /// @dev The subject of the record, as the relay names it; that it is the right one follows from what was anchored.
    function _subjectOf(
        Item memory item,
        CompactRequest calldata sent
    ) internal pure returns (bytes32 subjectId) {
        if (item.facts.statusOf() == RecordStatus.NONE) return bytes32(0);
        subjectId = item.subjectId;
        if (!item.facts.isMarked(item.subjectMark)) revert AccessLedgerSubjectMismatch(sent.recordId, subjectId);
    }

    /// @dev A proof is the relay's material like a leaf: a wrong one must not become a denial.
    function _isShownToBeNamed(
        CompactRequest calldata sent,
        bytes32 root,
        Material calldata material
    ) internal pure returns (bool shown) {
        bytes32 scopeKey = RecordId.unwrap(sent.recordId);
        uint256 place = sent.placeOf(_LEAF);
        if (place != 0) {
            RecordLeaf memory leaf = material.leaves[place - 1];
            if (RecordId.unwrap(leaf.recordIdOf()) != scopeKey) return false;
            scopeKey = leaf.scopeKeyOf();
        }
        place = sent.placeOf(_SCOPE_PROOF);
        bytes32[] memory proof = place == 0 ? new bytes32[](0) : material.scopeProofs[place - 1];
        return ConsentRules.isNamed(scopeKey, root, proof);
    }

    /// @dev Reads what the subjects exclude: those the consents tell, then those the relay names.
    function _openSubjects(Batch memory batch, bytes32[] calldata named) private view {
        uint256 told = batch.terms.length;
        bytes32[] memory subjectIds = new bytes32[](told + named.length);
        for (uint256 i = 0; i < told; ++i) subjectIds[i] = batch.terms[i].subjectId;
        for (uint256 i = 0; i < named.length; ++i) subjectIds[told + i] = named[i];
        batch.exclusions = IExclusions(address(consents)).exclusionSummaries(subjectIds);
    }

    function _openAuthorisations(Batch memory batch, StandingAuthorisation[] calldata given) private view {
        batch.authorisations = given;
        uint256 count = given.length;
        batch.authorisationIds = new AuthorisationId[](count);
        for (uint256 i = 0; i < count; ++i) batch.authorisationIds[i] = batch.authorisations[i].authorisationIdOf();
        batch.authorisationStates = authorisations.statesOf(batch.authorisationIds);
    }

    function _requireWired(address accessLedger) private view {
        if (accessLedger != address(this)) revert AccessLedgerWiringMismatch(accessLedger, address(this));
    }

    /// @dev The subject of the record, as the relay names it or the terms tell it; see `_subjectOf`.
    function _lookUpSubject(
        Item memory item,
        uint256 place,
        Batch memory batch,
        bytes32[] calldata named
    ) private pure {
        bool told = place == 0;
        item.subjectId = told ? item.terms.subjectId : named[place - 1];
        item.subjectMark = told ? item.mark : markOf(item.subjectId);
        if (!told) item.exclusions = batch.exclusions[batch.terms.length + place - 1];
        else item.exclusions = item.consent == 0 ? 0 : batch.exclusions[item.consent - 1];
    }

    function _lookUpAuthorisation(Item memory item, uint256 place, Batch memory batch) private pure {
        bool none = place == 0;
        item.ground = none ? bytes32(0) : AuthorisationId.unwrap(batch.authorisationIds[place - 1]);
        item.authorisation = none ? batch.noAuthorisation : batch.authorisations[place - 1];
        item.authorisationState = none ? batch.noAuthorisationState : batch.authorisationStates[place - 1];
    }

    /// @dev The same consent twice in one batch would count its uses apart.
    function _requireAscending(ConsentId[] memory ids) private pure {
        for (uint256 i = 1; i < ids.length; ++i) {
            if (ConsentId.unwrap(ids[i]) <= ConsentId.unwrap(ids[i - 1])) revert AccessLedgerConsentsUnordered(ids[i]);
        }
    }
}
