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
import {LogLines} from "./libraries/LogLines.sol";
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
            _lookUp(item, sent, batch);
            item.facts = batch.facts[i];
            item.requestHash = _requestHashOf(item, sent);
            item.signed = _isSigned(item.requester, batch.domain, item.requestHash, signatures[i]);
            _decideItem(item, sent, batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _close(item, batch);
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
        bytes32[] memory hashes = new bytes32[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch);
            hashes[i] = _requestHashOf(item, sent);
        }
        item.signed = _isBatchSigned(hashes, batch, signature);
        Memory.Pointer start = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < requests.length; ++i) {
            CompactRequest calldata sent = requests[i];
            _lookUp(item, sent, batch);
            item.facts = batch.facts[i];
            item.requestHash = hashes[i];
            _decideItem(item, sent, batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _close(item, batch);
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
        address institution = batch.requesters[0].institution;
        bytes32 root = Hashing.rootOf(hashes);
        emit BatchSubmitted(institution, root, uint32(hashes.length), signature);
        bytes32 batchHash = keccak256(abi.encode(REQUEST_BATCH_TYPEHASH, institution, root, hashes.length));
        return _isSigned(batch.requesters[0], batch.domain, batchHash, signature);
    }

    function _decideItem(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        Material calldata material
    ) private {
        Turn memory turn = batch.turn;
        if (item.weighed != item.named) _weigh(item, sent, batch, material);
        Reason reason = _rejection(item, sent, turn, material);
        if (reason != Reason.NONE) {
            emit RequestRejected(sent.requestId, item.request.institution, item.requestHash, reason, msg.sender);
            return;
        }
        turn.word |= 1 << (sent.requestId & 0xff);
        bytes32 subjectId = _subjectOf(item, sent);
        reason = _judge(item, turn);
        _log(item, sent, subjectId, reason, turn);
        if (reason == Reason.NONE) _countPermit(item, sent, turn);
    }

    /// @dev Counts a permitted access; one in an emergency opens a debt.
    function _countPermit(Item memory item, CompactRequest calldata sent, Turn memory turn) private {
        unchecked {
            ++turn.accesses; // is below the limit, which has 32 bits
        }
        uint8 basis = item.request.legalBasis;
        if (basis == BASIS_CONSENT) {
            item.state = item.state.used(1);
        } else if (basis == BASIS_EMERGENCY) {
            ++turn.emergencies;
            emergencies.open(item.request.institution, sent.requestId, item.subjectId, item.request.practitioner);
        }
    }

    /// @dev Moves the heads and writes the line.
    function _log(
        Item memory item,
        CompactRequest calldata sent,
        bytes32 subjectId,
        Reason reason,
        Turn memory turn
    ) private {
        address institution = item.request.institution;
        bytes32 entryHash = Heads.entryHashOf(item.requestHash, subjectId, reason, block.timestamp);
        bytes32 head = turn.head.advance(bytes32(uint256(uint160(institution))), entryHash);
        turn.head = head;
        uint256 outcome = uint256(reason) | (uint256(uint64(block.timestamp)) << 8) | (head.sequenceOf() << 120);
        if (subjectId != bytes32(0)) {
            if (turn.subjectId != subjectId) _turnToSubject(turn, subjectId);
            head = turn.subjectHead.advance(subjectId, entryHash);
            turn.subjectHead = head;
            outcome |= head.sequenceOf() << 72;
        }
        AccessEntry memory entry = item.entry;
        entry.recordId = RecordId.unwrap(sent.recordId);
        entry.outcome = Outcome.wrap(outcome);
        LogLines.write(sent.requestId, subjectId, institution, entry);
    }

    /// @dev Writes what is left, and the uses of the batch.
    function _close(Item memory item, Batch memory batch) private {
        _endConsent(item, batch);
        _endTurn(batch.turn);
        _endSubject(batch.turn);
        if (batch.uses.length != 0) consents.countUses(batch.consentIds, batch.uses);
    }

    /// @dev Reads what an institution has asked so far.
    function _turnTo(Turn memory turn, address institution, uint256 place) private {
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
        if (!item.signed) return item.requester.known ? Reason.SIGNATURE_INVALID : Reason.INSTITUTION_UNKNOWN;
        uint256 place = sent.requestId >> 8;
        address institution = item.request.institution;
        if (turn.place != place || turn.institution != institution) _turnTo(turn, institution, place);
        if (_contains(turn.word, sent.requestId)) return Reason.REQUEST_REPLAYED;
        bytes32 root = item.consent == 0 ? bytes32(0) : item.terms.recordsRoot;
        if (root == bytes32(0)) return Reason.NONE;
        return _isShownToBeNamed(sent, root, material) ? Reason.NONE : Reason.SCOPE_PROOF_INVALID;
    }

    /// @dev Reads what the rules need, no more than the answer takes.
    function _judge(Item memory item, Turn memory turn) private view returns (Reason reason) {
        reason = item.reason;
        if (reason != Reason.NONE) return reason;
        if (!item.facts.isCurrent()) return ConsentRules.judgeRecord(item.facts.statusOf());
        uint8 basis = item.request.legalBasis;
        if (basis == BASIS_CONSENT) reason = _judgeConsent(item);
        else if (basis == BASIS_EMERGENCY) reason = _judgeEmergency(item, turn.emergencies);
        else reason = _judgeAuthorisation(item);
        if (reason != Reason.NONE) return reason;
        return turn.accesses >= item.requester.dailyLimit ? Reason.INSTITUTION_LIMIT : Reason.NONE;
    }

    function _judgeEmergency(Item memory item, uint256 opened) private view returns (Reason reason) {
        bool forbidden = subjects.factsOf(item.subjectId).isEmergencyForbidden();
        bool excluded = item.exclusions != 0 && _isExcluded(item);
        return BasisRules.judgeEmergency(item.request, forbidden, excluded, opened, item.requester.emergencyLimit);
    }

    function _judgeConsent(Item memory item) private view returns (Reason reason) {
        if (item.consent == 0) return Reason.CONSENT_MISSING;
        reason = ConsentRules.judgeConsent(
            item.request,
            item.facts,
            item.terms,
            item.state,
            item.facts.isMarked(item.mark),
            item.toGrantee,
            block.timestamp
        );
        if (reason == Reason.NONE && item.terms.guardian != bytes32(0)) {
            SubjectFacts subject = subjects.factsOf(item.terms.subjectId);
            reason = ConsentRules.judgeAge(item.terms, item.state.grantedAtOf(), subject, block.timestamp);
        }
        if (item.exclusions == 0 || reason != Reason.NONE) return reason;
        return _isExcluded(item) ? Reason.EXCLUDED : Reason.NONE;
    }

    function _judgeAuthorisation(Item memory item) private view returns (Reason reason) {
        if (item.authorisation == 0) return Reason.AUTHORISATION_MISSING;
        return
            BasisRules.judgeAuthorisation(
                item.request,
                item.facts,
                item.authority,
                item.authorityState.status,
                uint64(block.timestamp)
            );
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

    /// @dev Whether the bit of a request id is set in the word it belongs to.
    function _contains(uint256 word, uint256 requestId) private pure returns (bool contained) {
        return word & (1 << (requestId & 0xff)) != 0;
    }
}
