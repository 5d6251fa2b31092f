// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

import {IAccessLedger} from "./interfaces/IAccessLedger.sol";
import {IAuthorisations} from "./interfaces/IAuthorisations.sol";
import {IConsents} from "./interfaces/IConsents.sol";
import {IEmergencies} from "./interfaces/IEmergencies.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {BasisRules} from "./libraries/BasisRules.sol";
import {ConsentRules} from "./libraries/ConsentRules.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Heads} from "./libraries/Heads.sol";
import {BatchFacts} from "./modules/BatchFacts.sol";
import {
    AccessEntry,
    CompactRequest,
    Material,
    Outcome,
    REQUEST_BATCH_TYPEHASH
} from "./types/AccessRequest.sol";
import {BASIS_CONSENT, BASIS_EMERGENCY, Reason} from "./types/Codes.sol";
import {RecordId} from "./types/RecordLeaf.sol";
import {SubjectFacts} from "./types/SubjectFacts.sol";

/// @title The access log that decides
/// @notice See `IAccessLedger` for the model and `ConsentRules` for the rules. This contract says what is authentic and
/// fresh, reads the facts, applies the rules, counts and logs.
/// @dev Nothing an institution puts into one item reverts the batch; a relay that composes a batch wrongly only hurts
/// its own. External calls go to contracts of the suite and, as static calls, to admitted verifiers. What a batch needs
/// more than once is read once, into `Batch`; memory used for one item is used again for the next.
contract AccessLedger is BatchFacts {
    using Heads for bytes32;

    /// @dev Bits of a count of permits; its day stands above two of them.
    uint256 private constant _COUNT_BITS = 32;

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
    ) BatchFacts(participants_, records_, consents_, emergencies_, authorisations_) {}

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
        bool forbidden = subjects.factsOf(item.subjectId).isEmergencyForbidden();
        return
            BasisRules.judgeEmergency(
                sent,
                forbidden,
                _isExcluded(item, sent),
                opened,
                item.requester.emergencyLimit
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
        if (reason == Reason.NONE && item.terms.guardian != bytes32(0)) {
            SubjectFacts subject = subjects.factsOf(item.terms.subjectId);
            reason = ConsentRules.judgeAge(item.terms, item.state.grantedAt, subject, blockTime);
        }
        if (reason == Reason.NONE && _isExcluded(item, sent)) return Reason.EXCLUDED;
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

    function _requireRelayAndSize(uint256 count, uint256 signatures) private view {
        if (!participants.isActiveRelay(msg.sender)) revert AccessLedgerRelayRequired(msg.sender);
        if (count == 0 || count != signatures) revert AccessLedgerBatchMalformed(count, signatures);
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

    /// @dev Whether the bit of a request id is set in the word it belongs to.
    function _contains(uint256 word, uint256 requestId) private pure returns (bool contained) {
        return word & (1 << (requestId & 0xff)) != 0;
    }
}
