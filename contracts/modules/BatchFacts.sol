// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {IAuthorisations} from "../interfaces/IAuthorisations.sol";
import {IConsents} from "../interfaces/IConsents.sol";
import {IEmergencies} from "../interfaces/IEmergencies.sol";
import {IExclusions} from "../interfaces/IExclusions.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {ConsentRules} from "../libraries/ConsentRules.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {RecordReads} from "../libraries/RecordReads.sol";
import {Signers} from "../libraries/Signers.sol";
import {AccessEntry, AccessRequest, CompactRequest, Material, RequestCodes} from "../types/AccessRequest.sol";
import {AuthorisationId, AuthorisationState, StandingAuthorisation} from "../types/Authorisation.sol";
import {Reason, Standing} from "../types/Codes.sol";
import {ConsentFacts} from "../types/ConsentFacts.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts, markOf} from "../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";

/// @title What stands behind a batch of requests
/// @notice The half of `AccessLedger` that reads: tables are opened once a batch, and each request is put together from
/// what its places stand for. Nothing here writes.
abstract contract BatchFacts is EIP712, IAccessLedger {
    /// @dev What is known of an institution.
    struct Requester {
        address institution;
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

    /// @dev The facts behind a batch. Tables have the places of `Material`, but are counted from 0.
    struct Batch {
        bytes32 domain; // separator of EIP-712
        Requester[] requesters;
        bytes32[] releaseKeyHashes;
        RequestCodes[] codes;
        bytes32[] practitioners;
        bytes32[] reasonHashes;
        ConsentId[] consentIds;
        ConsentFacts[] states; // of the consents, as before the batch
        uint32[] uses; // of each consent in the batch, once its turn is over
        uint256[] exclusions; // summaries: of the subject of each consent, then of each subject named
        RecordFacts[] facts; // of the record of each request
        StandingAuthorisation[] authorisations;
        AuthorisationId[] authorisationIds;
        AuthorisationState[] authorisationStates;
        Turn turn;
    }

    /// @dev One item as it is being decided. It serves all items of a batch one after another, and what one names by
    /// the same places as the one before it is not looked up again. Nothing in it may lead to memory that was taken for
    /// one item: that is used again for the next.
    struct Item {
        uint256 asked; // places that lead to who asks, and how; zero before the first item
        uint256 named; // places that lead to the request; likewise
        AccessRequest request; // as it was signed; id and record once it was hashed
        AccessEntry entry; // as it is logged
        Requester requester;
        bool withoutConsent; // as its codes tell
        bool byAuthority; // likewise
        uint256 consent; // place of the consent, from 1; zero for none
        uint256 authorisation; // likewise
        bytes32 requestHash;
        bool signed;
        uint256 judged; // places of who asks, and how, that led to the reason; zero before the first item
        Reason reason; // that lies in the request, whatever it invokes and is for
        uint256 weighed; // places that led to what follows; likewise
        uint256 turn; // place of the consent whose turn it is, from 1; zero for none
        ConsentTerms terms; // of that consent
        ConsentFacts state; // of it, with its uses in the batch
        uint256 mark; // of the subject of the terms
        bool toGrantee; // whether the institution is one the terms name
        bytes32 subjectId; // as the terms tell or the relay names it
        uint256 subjectMark;
        uint256 exclusions; // of that subject
        StandingAuthorisation authority; // terms of the authorisation
        AuthorisationState authorityState;
        RecordFacts facts;
    }

    /// @dev Places in `CompactRequest.places`.
    uint256 private constant _INSTITUTION = 0;
    uint256 private constant _RELEASE_KEY = 1;
    uint256 private constant _CONSENT = 2;
    uint256 private constant _SUBJECT = 3;
    uint256 private constant _LEAF = 4;
    uint256 private constant _SCOPE_PROOF = 5;
    uint256 private constant _AUTHORISATION = 6;
    uint256 private constant _CODES = 7;
    uint256 private constant _PRACTITIONER = 8;
    uint256 private constant _REASON = 9;
    /// @dev Bits of `Item.named` that lead to who asks, and how: institution, release key, codes, practitioner, reason.
    uint256 private constant _ASKING = type(uint32).max | (uint256(type(uint48).max) << 112) | _LOOKED_UP;
    /// @dev Bits of places that lead to what is looked up: all but leaf and scope proof.
    uint256 private constant _LEADING = uint256(type(uint160).max) ^ (uint256(type(uint32).max) << 64);
    /// @dev Bit of `Item.named` that is always set, so that it is not zero.
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
        batch.releaseKeyHashes = material.releaseKeyHashes;
        batch.codes = material.codes;
        batch.practitioners = material.practitioners;
        batch.reasonHashes = material.reasonHashes;
        _openInstitutions(batch, material.institutions);
        _openConsents(batch, material.consents, material.subjects);
        batch.facts = RecordReads.factsOf(records, requests);
        if (material.authorisations.length != 0) _openAuthorisations(batch, material.authorisations);
    }

    /// @dev Looks up what stands behind a request, where it is not the same as for the item before it.
    function _weigh(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        Material calldata material
    ) internal view {
        item.weighed = item.named;
        if (item.judged != item.asked) {
            item.judged = item.asked;
            Requester memory requester = item.requester;
            bool ownKey = item.request.releaseKeyHash == requester.releaseKeyHash;
            item.reason = ConsentRules.judgeRequest(item.request, requester.active, ownKey, block.timestamp);
        }
        if (item.consent != item.turn) _weighConsent(item, batch, material.consents);
        if (item.consent != 0) item.toGrantee = _isGrantee(item.request.institution, item.terms);
        _weighSubject(item, sent.placeOf(_SUBJECT), batch, material.subjects);
        uint256 place = item.authorisation;
        if (place == 0) return;
        item.authority = batch.authorisations[place - 1];
        item.authorityState = batch.authorisationStates[place - 1];
    }

    /// @dev Whoever calls this saw that the summary of the subject is not zero: most exclude nothing.
    function _isExcluded(Item memory item) internal view returns (bool excluded) {
        return
            IExclusions(address(consents)).isExcluded(
                item.subjectId,
                item.request.institution,
                item.request.practitioner,
                item.facts.categoryOf()
            );
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

    /// @dev Looks up in the tables what a request names by its places, unless the one before it named the same.
    function _lookUp(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch
    ) internal pure {
        uint256 named = (sent.places & _LEADING) | _LOOKED_UP;
        if (item.named == named) return;
        item.named = named;
        uint256 asked = named & _ASKING;
        if (item.asked != asked) {
            item.asked = asked;
            _lookUpAsking(item, sent, batch);
        }
        uint256 consent = item.withoutConsent ? 0 : sent.placeOf(_CONSENT);
        uint256 authorisation = item.byAuthority ? sent.placeOf(_AUTHORISATION) : 0;
        if (consent == item.consent && authorisation == item.authorisation) return;
        item.consent = consent;
        item.authorisation = authorisation;
        _lookUpGround(item, batch);
    }

    /// @dev The struct hash of what the institution signed.
    function _requestHashOf(
        Item memory item,
        CompactRequest calldata sent
    ) internal pure returns (bytes32 requestHash) {
        AccessRequest memory request = item.request;
        request.requestId = sent.requestId;
        request.recordId = RecordId.unwrap(sent.recordId);
        return Hashing.hashOf(request);
    }

    /// @dev Keeps the uses of the consent whose turn it was.
    function _endConsent(Item memory item, Batch memory batch) internal pure {
        uint256 place = item.turn;
        if (place == 0) return;
        batch.uses[place - 1] = item.state.usesOf() - batch.states[place - 1].usesOf();
    }

    /// @dev The subject of the record, as the relay names it; that it is the right one follows from what was anchored.
    function _subjectOf(
        Item memory item,
        CompactRequest calldata sent
    ) internal pure returns (bytes32 subjectId) {
        if (item.facts.isKnown()) {
            subjectId = item.subjectId;
            if (!item.facts.isMarked(item.subjectMark)) revert AccessLedgerSubjectMismatch(sent.recordId, subjectId);
        }
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

    function _openInstitutions(Batch memory batch, address[] calldata institutions) private view {
        uint256 count = institutions.length;
        batch.requesters = new Requester[](count);
        for (uint256 i = 0; i < count; ++i) {
            Requester memory requester = batch.requesters[i];
            Standing standing;
            requester.institution = institutions[i];
            (
                standing,
                requester.releaseKeyHash,
                requester.signer,
                requester.dailyLimit,
                requester.emergencyLimit
            ) = participants.institutionForDecision(institutions[i]);
            requester.known = standing != Standing.NONE;
            requester.active = standing == Standing.ACTIVE;
            requester.account = Signers.accountOf(requester.signer);
        }
    }

    /// @dev Reads the consents, and what the subjects exclude: those the consents tell, then those the relay names.
    /// Consents come in ascending order of their ids, because the same one twice would count its uses apart.
    function _openConsents(Batch memory batch, ConsentTerms[] calldata table, bytes32[] calldata named) private view {
        uint256 count = table.length;
        ConsentId[] memory ids = new ConsentId[](count);
        bytes32[] memory subjectIds = new bytes32[](count + named.length);
        bytes32 last = bytes32(0);
        for (uint256 i = 0; i < count; ++i) {
            ConsentTerms calldata terms = table[i];
            bytes32 id = Hashing.hashOf(terms);
            if (id <= last) revert AccessLedgerConsentsUnordered(ConsentId.wrap(id));
            last = id;
            ids[i] = ConsentId.wrap(id);
            subjectIds[i] = terms.subjectId;
        }
        for (uint256 i = 0; i < named.length; ++i) subjectIds[count + i] = named[i];
        batch.consentIds = ids;
        batch.states = consents.factsOf(ids);
        batch.uses = new uint32[](count);
        batch.exclusions = IExclusions(address(consents)).exclusionSummaries(subjectIds);
    }

    function _openAuthorisations(Batch memory batch, StandingAuthorisation[] calldata given) private view {
        batch.authorisations = given;
        uint256 count = given.length;
        batch.authorisationIds = new AuthorisationId[](count);
        for (uint256 i = 0; i < count; ++i) batch.authorisationIds[i] = batch.authorisations[i].authorisationIdOf();
        batch.authorisationStates = authorisations.statesOf(batch.authorisationIds);
    }

    /// @dev Where no consent is invoked, none of this is asked for.
    function _weighConsent(Item memory item, Batch memory batch, ConsentTerms[] calldata table) private pure {
        uint256 place = item.consent;
        _endConsent(item, batch);
        item.turn = place;
        if (place == 0) return;
        Hashing.copy(table[place - 1], item.terms);
        item.state = batch.states[place - 1].used(batch.uses[place - 1]);
        item.mark = markOf(item.terms.subjectId);
    }

    function _isGrantee(address institution, ConsentTerms memory terms) private view returns (bool grantee) {
        if (terms.group == bytes32(0)) return terms.institution == institution;
        return participants.isGroupMember(terms.group, institution);
    }

    function _requireWired(address accessLedger) private view {
        if (accessLedger != address(this)) revert AccessLedgerWiringMismatch(accessLedger, address(this));
    }

    /// @dev Who asks, and how: the same for many requests of a batch.
    function _lookUpAsking(Item memory item, CompactRequest calldata sent, Batch memory batch) private pure {
        AccessRequest memory request = item.request;
        AccessEntry memory entry = item.entry;
        item.requester = batch.requesters[sent.placeOf(_INSTITUTION)];
        request.institution = item.requester.institution;
        bytes32 hash = batch.releaseKeyHashes[sent.placeOf(_RELEASE_KEY)];
        request.releaseKeyHash = hash;
        entry.releaseKeyHash = hash;
        hash = batch.practitioners[sent.placeOf(_PRACTITIONER)];
        request.practitioner = hash;
        entry.practitioner = hash;
        uint256 place = sent.placeOf(_REASON);
        hash = place == 0 ? bytes32(0) : batch.reasonHashes[place - 1];
        request.reasonHash = hash;
        entry.reasonHash = hash;
        RequestCodes codes = batch.codes[sent.placeOf(_CODES)].signedOf();
        if (RequestCodes.unwrap(codes) != RequestCodes.unwrap(entry.codes)) _spread(item, codes);
    }

    function _lookUpGround(Item memory item, Batch memory batch) private pure {
        uint256 place = item.consent;
        bytes32 consentId = place == 0 ? bytes32(0) : ConsentId.unwrap(batch.consentIds[place - 1]);
        place = item.authorisation;
        bytes32 authorisationId = place == 0 ? bytes32(0) : AuthorisationId.unwrap(batch.authorisationIds[place - 1]);
        item.request.consentId = consentId;
        item.request.authorisationId = authorisationId;
        item.entry.ground = consentId | authorisationId; // one of which is zero
    }

    /// @dev Codes that are zero need no call: nor is anything else of this set for them.
    function _spread(Item memory item, RequestCodes codes) private pure {
        item.entry.codes = codes;
        item.withoutConsent = !codes.isByConsent();
        item.byAuthority = codes.isByAuthority();
        AccessRequest memory request = item.request;
        request.purpose = codes.purposeOf();
        request.action = codes.actionOf();
        request.legalBasis = codes.legalBasisOf();
        request.actorKind = codes.actorKindOf();
        request.reasonCode = codes.reasonCodeOf();
        request.issuedAt = codes.issuedAtOf();
        request.expiresAt = codes.expiresAtOf();
    }

    /// @dev The subject of the record, as the relay names it or the terms tell it; see `_subjectOf`.
    function _weighSubject(
        Item memory item,
        uint256 place,
        Batch memory batch,
        bytes32[] calldata named
    ) private pure {
        if (place != 0) {
            item.subjectId = named[place - 1];
            item.subjectMark = markOf(item.subjectId);
            item.exclusions = batch.exclusions[batch.states.length + place - 1];
            return;
        }
        bool told = item.consent != 0;
        item.subjectId = told ? item.terms.subjectId : bytes32(0);
        item.subjectMark = told ? item.mark : markOf(bytes32(0));
        item.exclusions = told ? batch.exclusions[item.consent - 1] : 0;
    }
}
