// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IAccessLedger} from "./interfaces/IAccessLedger.sol";
import {IAuthorisations} from "./interfaces/IAuthorisations.sol";
import {ConsentState, IConsents} from "./interfaces/IConsents.sol";
import {IEmergencies} from "./interfaces/IEmergencies.sol";
import {IExclusions} from "./interfaces/IExclusions.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {BasisRules} from "./libraries/BasisRules.sol";
import {ConsentRules} from "./libraries/ConsentRules.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Heads} from "./libraries/Heads.sol";
import {Signers} from "./libraries/Signers.sol";
import {
    AccessEntry,
    CompactRequest,
    Material,
    Outcome,
    REQUEST_BATCH_TYPEHASH
} from "./types/AccessRequest.sol";
import {AuthorisationId, AuthorisationState, StandingAuthorisation} from "./types/Authorisation.sol";
import {BASIS_CONSENT, BASIS_EMERGENCY, Reason, RecordStatus, Standing} from "./types/Codes.sol";
import {ConsentId, ConsentTerms} from "./types/ConsentTerms.sol";
import {RecordFacts, markOf} from "./types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "./types/RecordLeaf.sol";

/// @title The access log that decides
/// @notice See `IAccessLedger` for the model and `ConsentRules` for the rules. This contract says what is authentic and
/// fresh, reads the facts, applies the rules, counts and logs.
/// @dev Nothing an institution puts into one item reverts the batch; a relay that composes a batch wrongly only hurts
/// its own. External calls go to contracts of the suite and, as static calls, to admitted verifiers. What a batch needs
/// more than once is read once, into `Batch`; memory used for one item is used again for the next.
contract AccessLedger is EIP712, IAccessLedger {
    using Heads for bytes32;

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
        uint256 named; // places and legal basis that lead to what follows; zero before the first item
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
    /// @dev Bits of a count of permits; its day stands above two of them.
    uint256 private constant _COUNT_BITS = 32;
    /// @dev Bit of `Item.named` that is always set.
    uint256 private constant _LOOKED_UP = 1 << 255;
    /// @dev Place of no word of request ids.
    uint256 private constant _NO_TURN = type(uint256).max;

    /// @inheritdoc IAccessLedger
    IParticipants public immutable participants;
    /// @inheritdoc IAccessLedger
    IRecords public immutable records;
    /// @inheritdoc IAccessLedger
    IConsents public immutable consents;
    /// @inheritdoc IAccessLedger
    IEmergencies public immutable emergencies;
    /// @inheritdoc IAccessLedger
    IAuthorisations public immutable authorisations;

    /// @dev Bit `requestId & 0xff` of word `requestId >> 8` is set once the request was decided.
    mapping(address institution => mapping(uint256 word => uint256)) private _decided;
    mapping(bytes32 subjectId => bytes32) private _subjectHeads;
    mapping(address institution => bytes32) private _institutionHeads;
    /// @dev Permitted accesses of the latest day with any, from the lowest bit: emergencies (32 bits), all (32), day.
    mapping(address institution => uint256) private _permits;

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
        emergencies = emergencies_;
        authorisations = authorisations_;
    }

    /// @inheritdoc IAccessLedger
    function decide(
        CompactRequest[] calldata requests,
        bytes[] calldata signatures,
        Material calldata material
    ) external {
        _requireRelayAndSize(requests.length, signatures.length);
        Batch memory batch = _open(requests, material);
        Item memory item;
        Memory.Pointer start = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < requests.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch, material.subjects);
            item.facts = batch.facts[i];
            item.requestHash = _requestHashOf(item, sent);
            item.signed = _isSigned(item.requester, batch.domain, item.requestHash, signatures[i]);
            _decideItem(item, sent, batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _close(batch);
    }

    /// @inheritdoc IAccessLedger
    function decideBatch(
        CompactRequest[] calldata requests,
        bytes calldata signature,
        Material calldata material
    ) external {
        _requireRelayAndSize(requests.length, requests.length);
        if (material.institutions.length != 1) revert AccessLedgerInstitutionsInvalid(material.institutions.length);
        Batch memory batch = _open(requests, material);
        Item memory item;
        bytes32[] memory hashes = _requestHashesOf(requests, item, batch, material.subjects);
        item.signed = _isBatchSigned(hashes, batch, signature);
        Memory.Pointer start = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < requests.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch, material.subjects);
            item.facts = batch.facts[i];
            item.requestHash = hashes[i];
            _decideItem(item, sent, batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _close(batch);
    }

    /// @inheritdoc IAccessLedger
    function isDecided(address institution, uint256 requestId) external view returns (bool decided) {
        return _contains(_decided[institution][requestId >> 8], requestId);
    }

    /// @inheritdoc IAccessLedger
    function subjectHead(bytes32 subjectId) external view returns (bytes32 head) {
        return _subjectHeads[subjectId];
    }

    /// @inheritdoc IAccessLedger
    function institutionHead(address institution) external view returns (bytes32 head) {
        return _institutionHeads[institution];
    }

    /// @inheritdoc IAccessLedger
    function permitsToday(address institution) external view returns (uint256 accesses, uint256 inEmergency) {
        return _permitsOn(institution, _today());
    }

    /// @dev Whether the one institution of the batch signed the tree over its requests; says in the log what it should
    /// be.
    function _isBatchSigned(
        bytes32[] memory hashes,
        Batch memory batch,
        bytes calldata signature
    ) private returns (bool signed) {
        bytes32 root = Hashing.rootOf(hashes);
        emit BatchSubmitted(batch.institutions[0], root, uint32(hashes.length), signature);
        bytes32 batchHash = keccak256(abi.encode(REQUEST_BATCH_TYPEHASH, batch.institutions[0], root, hashes.length));
        return _isSigned(batch.requesters[0], batch.domain, batchHash, signature);
    }

    function _decideItem(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        Material calldata material
    ) private {
        Reason reason = _rejection(item, sent, batch.turn, material);
        if (reason != Reason.NONE) {
            emit RequestRejected(sent.requestId, item.institution, item.requestHash, reason, msg.sender);
            return;
        }
        batch.turn.word |= 1 << (sent.requestId & 0xff);
        bytes32 subjectId = _subjectOf(item, sent);
        reason = _judge(item, sent, batch.turn);
        _log(item, sent, subjectId, reason, batch.turn);
        if (reason == Reason.NONE) _countPermit(item, sent, batch.turn);
    }

    /// @dev Counts a permitted access; one in an emergency opens a debt.
    function _countPermit(Item memory item, CompactRequest calldata sent, Turn memory turn) private {
        ++turn.accesses;
        uint8 basis = sent.codes.legalBasisOf();
        if (basis == BASIS_CONSENT) ++item.state.uses;
        if (basis != BASIS_EMERGENCY) return;
        ++turn.emergencies;
        emergencies.open(item.institution, sent.requestId, item.subjectId, sent.practitioner);
    }

    /// @dev Moves the heads and emits the entry.
    function _log(
        Item memory item,
        CompactRequest calldata sent,
        bytes32 subjectId,
        Reason reason,
        Turn memory turn
    ) private {
        bytes32 entryHash = Heads.entryHashOf(item.requestHash, subjectId, reason, block.timestamp);
        bytes32 head = turn.head.advance(bytes32(uint256(uint160(item.institution))), entryHash);
        turn.head = head;
        uint256 outcome = uint256(reason) | (uint256(uint64(block.timestamp)) << 8) | (head.sequenceOf() << 120);
        if (subjectId != bytes32(0)) {
            if (turn.subjectId != subjectId) _turnToSubject(turn, subjectId);
            head = turn.subjectHead.advance(subjectId, entryHash);
            turn.subjectHead = head;
            outcome |= head.sequenceOf() << 72;
        }
        emit AccessDecided(
            sent.requestId,
            subjectId,
            item.institution,
            AccessEntry({
                recordId: RecordId.unwrap(sent.recordId),
                ground: item.ground,
                reasonHash: sent.reasonHash,
                practitioner: sent.practitioner,
                releaseKeyHash: item.releaseKeyHash,
                codes: sent.codes.signedOf(),
                outcome: Outcome.wrap(outcome)
            })
        );
    }

    /// @dev Writes what is left, and the uses of the batch, one consent at a time.
    function _close(Batch memory batch) private {
        _endTurn(batch.turn);
        _endSubject(batch.turn);
        for (uint256 i = 0; i < batch.states.length; ++i) {
            uint32 counted = batch.states[i].uses - batch.usesBefore[i];
            if (counted != 0) consents.countUses(batch.consentIds[i], counted);
        }
    }

    /// @dev Reads what an institution has asked so far, unless it is its turn already.
    function _turnTo(Turn memory turn, address institution, uint256 place) private {
        if (turn.place == place && turn.institution == institution) return;
        _endTurn(turn);
        turn.institution = institution;
        turn.place = place;
        turn.word = _decided[institution][place];
        turn.head = _institutionHeads[institution];
        (turn.accesses, turn.emergencies) = _permitsOn(institution, _today());
    }

    function _endTurn(Turn memory turn) private {
        if (turn.place == _NO_TURN) return;
        _decided[turn.institution][turn.place] = turn.word;
        _institutionHeads[turn.institution] = turn.head;
        if (turn.accesses == 0) return;
        uint256 counts = (turn.accesses << _COUNT_BITS) | turn.emergencies;
        _permits[turn.institution] = (_today() << (2 * _COUNT_BITS)) | counts;
    }

    function _turnToSubject(Turn memory turn, bytes32 subjectId) private {
        _endSubject(turn);
        turn.subjectId = subjectId;
        turn.subjectHead = _subjectHeads[subjectId];
    }

    function _endSubject(Turn memory turn) private {
        if (turn.subjectId != bytes32(0)) _subjectHeads[turn.subjectId] = turn.subjectHead;
    }

    /// @dev Whether the item is an authentic, fresh request that came with the right material.
    function _rejection(
        Item memory item,
        CompactRequest calldata sent,
        Turn memory turn,
        Material calldata material
    ) private returns (Reason reason) {
        if (!item.requester.known) return Reason.INSTITUTION_UNKNOWN;
        if (!item.signed) return Reason.SIGNATURE_INVALID;
        _turnTo(turn, item.institution, sent.requestId >> 8);
        if (_contains(turn.word, sent.requestId)) return Reason.REQUEST_REPLAYED;
        bytes32 root = item.terms.recordsRoot;
        if (root != bytes32(0) && !_isShownToBeNamed(sent, root, material)) return Reason.SCOPE_PROOF_INVALID;
        return Reason.NONE;
    }

    /// @dev Reads what stands behind the requests and the tables.
    function _open(
        CompactRequest[] calldata requests,
        Material calldata material
    ) private view returns (Batch memory batch) {
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

    /// @dev Reads what the rules need, no more than the answer takes.
    function _judge(
        Item memory item,
        CompactRequest calldata sent,
        Turn memory turn
    ) private view returns (Reason reason) {
        uint64 blockTime = uint64(block.timestamp);
        bool ownKey = item.releaseKeyHash == item.requester.releaseKeyHash;
        reason = ConsentRules.judgeRequest(sent, item.requester.active, ownKey, blockTime);
        if (reason == Reason.NONE) reason = ConsentRules.judgeRecord(item.facts.statusOf());
        if (reason != Reason.NONE) return reason;
        uint8 basis = sent.codes.legalBasisOf();
        if (basis == BASIS_CONSENT) reason = _judgeConsent(item, sent, blockTime);
        else if (basis == BASIS_EMERGENCY) reason = _judgeEmergency(item, sent, turn.emergencies);
        else reason = _judgeAuthorisation(item, sent, blockTime);
        if (reason != Reason.NONE) return reason;
        return turn.accesses >= item.requester.dailyLimit ? Reason.INSTITUTION_LIMIT : Reason.NONE;
    }

    function _judgeEmergency(
        Item memory item,
        CompactRequest calldata sent,
        uint256 opened
    ) private view returns (Reason reason) {
        bool forbidden = _isEmergencyForbidden(item.subjectId);
        return
            BasisRules.judgeEmergency(
                sent,
                forbidden,
                _isExcluded(item, sent),
                opened,
                item.requester.emergencyLimit
            );
    }

    /// @dev Most subjects exclude nothing, which their summary tells.
    function _isExcluded(Item memory item, CompactRequest calldata sent) private view returns (bool excluded) {
        if (item.exclusions == 0) return false;
        return
            IExclusions(address(consents)).isExcluded(
                item.subjectId,
                item.institution,
                sent.practitioner,
                item.facts.categoryOf()
            );
    }

    function _judgeConsent(
        Item memory item,
        CompactRequest calldata sent,
        uint64 blockTime
    ) private view returns (Reason reason) {
        if (item.consent == 0) return Reason.CONSENT_MISSING;
        reason =
            ConsentRules.judgeConsent(
                sent,
                item.facts,
                item.terms,
                item.state,
                item.facts.isMarked(item.mark),
                _isGrantee(item.institution, item.terms),
                blockTime
            );
        if (reason == Reason.NONE && _isExcluded(item, sent)) return Reason.EXCLUDED;
    }

    function _isGrantee(address institution, ConsentTerms memory terms) private view returns (bool grantee) {
        if (terms.group == bytes32(0)) return terms.institution == institution;
        return participants.isGroupMember(terms.group, institution);
    }

    function _permitsOn(address institution, uint256 day) private view returns (uint256 accesses, uint256 inEmergency) {
        uint256 word = _permits[institution];
        if (word >> (2 * _COUNT_BITS) != day) return (0, 0);
        return (uint32(word >> _COUNT_BITS), uint32(word));
    }

    /// @dev Days are counted since the epoch and begin at midnight UTC.
    function _today() private view returns (uint256 day) {
        return block.timestamp / 1 days;
    }

    function _requireWired(address accessLedger) private view {
        if (accessLedger != address(this)) revert AccessLedgerWiringMismatch(accessLedger, address(this));
    }

    function _requireRelayAndSize(uint256 count, uint256 signatures) private view {
        if (!participants.isActiveRelay(msg.sender)) revert AccessLedgerRelayRequired(msg.sender);
        if (count == 0 || count != signatures) revert AccessLedgerBatchMalformed(count, signatures);
    }

    function _isSigned(
        Requester memory requester,
        bytes32 domain,
        bytes32 structHash,
        bytes calldata signature
    ) private view returns (bool signed) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        if (requester.account != address(0)) return Signers.isSignedBy(requester.account, digest, signature);
        return Signers.isVerified(requester.signer, digest, signature);
    }

    /// @dev Looks up in the tables what an item names by its places, unless the one before it named the same.
    function _lookUp(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        bytes32[] calldata subjects
    ) private pure {
        uint256 named = (uint112(sent.places) & ~_ASIDE) | (uint256(sent.codes.legalBasisOf()) << 112) | _LOOKED_UP;
        if (item.named == named) return;
        item.named = named;
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
        _lookUpSubject(item, sent.placeOf(_SUBJECT), batch, subjects);
        if (sent.codes.isByAuthority()) _lookUpAuthorisation(item, sent.placeOf(_AUTHORISATION), batch);
    }

    /// @dev The subject of the record, as the relay names it or the terms tell it; see `_subjectOf`.
    function _lookUpSubject(
        Item memory item,
        uint256 place,
        Batch memory batch,
        bytes32[] calldata subjects
    ) private pure {
        bool told = place == 0;
        item.subjectId = told ? item.terms.subjectId : subjects[place - 1];
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

    function _judgeAuthorisation(
        Item memory item,
        CompactRequest calldata sent,
        uint64 blockTime
    ) private pure returns (Reason reason) {
        if (item.ground == bytes32(0)) return Reason.AUTHORISATION_MISSING;
        return
            BasisRules.judgeAuthorisation(
                sent,
                item.institution,
                item.facts,
                item.authorisation,
                item.authorisationState.status,
                blockTime
            );
    }

    /// @dev Whether a subject forbids emergency accesses.
    function _isEmergencyForbidden(bytes32) private pure returns (bool forbidden) {
        return false;
    }

    /// @dev The struct hash of what the institution signed.
    function _requestHashOf(
        Item memory item,
        CompactRequest calldata sent
    ) private pure returns (bytes32 requestHash) {
        bool byAuthority = sent.codes.isByAuthority();
        bytes32 consentId = byAuthority ? bytes32(0) : item.ground;
        bytes32 authorisationId = byAuthority ? item.ground : bytes32(0);
        return Hashing.hashOf(sent, item.institution, consentId, authorisationId, item.releaseKeyHash);
    }

    function _requestHashesOf(
        CompactRequest[] calldata requests,
        Item memory item,
        Batch memory batch,
        bytes32[] calldata subjects
    ) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](requests.length);
        for (uint256 i = 0; i < hashes.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch, subjects);
            hashes[i] = _requestHashOf(item, sent);
        }
    }

    /// @dev The subject of the record, as the relay names it; that it is the right one follows from what was anchored.
    function _subjectOf(
        Item memory item,
        CompactRequest calldata sent
    ) private pure returns (bytes32 subjectId) {
        if (item.facts.statusOf() == RecordStatus.NONE) return bytes32(0);
        subjectId = item.subjectId;
        if (!item.facts.isMarked(item.subjectMark)) revert AccessLedgerSubjectMismatch(sent.recordId, subjectId);
    }

    /// @dev A proof is the relay's material like a leaf: a wrong one must not become a denial.
    function _isShownToBeNamed(
        CompactRequest calldata sent,
        bytes32 root,
        Material calldata material
    ) private pure returns (bool shown) {
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

    /// @dev The same consent twice in one batch would count its uses apart.
    function _requireAscending(ConsentId[] memory ids) private pure {
        for (uint256 i = 1; i < ids.length; ++i) {
            if (ConsentId.unwrap(ids[i]) <= ConsentId.unwrap(ids[i - 1])) revert AccessLedgerConsentsUnordered(ids[i]);
        }
    }

    /// @dev Whether the bit of a request id is set in the word it belongs to.
    function _contains(uint256 word, uint256 requestId) private pure returns (bool contained) {
        return word & (1 << (requestId & 0xff)) != 0;
    }
}
