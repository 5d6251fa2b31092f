// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAccessLedger} from "./interfaces/IAccessLedger.sol";
import {ConsentState, IConsents} from "./interfaces/IConsents.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {BatchTree} from "./libraries/BatchTree.sol";
import {ConsentRules} from "./libraries/ConsentRules.sol";
import {
    AccessEntry,
    AccessRequest,
    CompactRequest,
    Material,
    Outcome,
    REQUEST_BATCH_TYPEHASH,
    RequestCodes
} from "./types/AccessRequest.sol";
import {Reason, RecordStatus, Standing} from "./types/Codes.sol";
import {ConsentId, ConsentTerms} from "./types/ConsentTerms.sol";
import {RecordFacts} from "./types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "./types/RecordLeaf.sol";

/// @title The access log that decides
/// @notice See `IAccessLedger` for the model and `ConsentRules` for the rules. This contract says what is authentic and
/// fresh, reads the facts, applies the rules, counts and logs.
/// @dev Nothing an institution puts into one item reverts the batch; a relay that composes a batch wrongly only hurts
/// its own. External calls go to contracts of the suite and, as static calls, to admitted verifiers. What a batch needs
/// more than once is read once, into `Batch`; memory used for one item is used again for the next.
contract AccessLedger is EIP712, IAccessLedger {
    using Bytes for bytes;
    using BatchTree for bytes32[];

    /// @dev What is known of an institution.
    struct Requester {
        Standing standing;
        bytes32 releaseKeyHash;
        bytes signer; // ERC-7913
    }

    /// @dev What a batch came with, and the facts behind it. Tables have the places of `Material`.
    struct Batch {
        address[] institutions;
        Requester[] requesters;
        bytes32[] releaseKeyHashes;
        ConsentTerms[] terms;
        ConsentId[] consentIds;
        ConsentState[] states; // their uses go up as the batch is decided
        uint32[] counted; // uses that this batch adds
        RecordFacts[] facts; // of the record of each request
    }

    /// @dev One item as it is being decided.
    struct Item {
        AccessRequest request;
        bytes32 requestHash;
        RequestCodes codes;
        RecordFacts facts;
        uint256 consent; // place of the terms, from 1; zero for none
    }

    /// @dev Places in `CompactRequest.places`.
    uint256 private constant _INSTITUTION = 0;
    uint256 private constant _RELEASE_KEY = 1;
    uint256 private constant _CONSENT = 2;
    uint256 private constant _SUBJECT = 3;
    uint256 private constant _LEAF = 4;
    uint256 private constant _SCOPE_PROOF = 5;

    /// @dev Bytes of a signer that is an account.
    uint256 private constant _ACCOUNT_LENGTH = 20;
    /// @dev Gas a verifier may use for one signature: P-256 takes 360,000 where the chain has no precompile.
    uint256 private constant _VERIFIER_GAS = 500_000;
    /// @dev Gas that must be left for a verifier to get its share, with 10,000 for the call itself.
    uint256 private constant _VERIFIER_GAS_LEFT = (_VERIFIER_GAS * 64) / 63 + 10_000;
    /// @dev Low 48 bits of a head: the sequence number.
    uint256 private constant _SEQUENCE_MASK = type(uint48).max;

    /// @inheritdoc IAccessLedger
    IParticipants public immutable participants;
    /// @inheritdoc IAccessLedger
    IRecords public immutable records;
    /// @inheritdoc IAccessLedger
    IConsents public immutable consents;

    /// @dev Bit `requestId & 0xff` of word `requestId >> 8` is set once the request was decided.
    mapping(address institution => mapping(uint256 word => uint256)) private _decided;
    mapping(bytes32 subjectId => bytes32) private _subjectHeads;
    mapping(address institution => bytes32) private _institutionHeads;

    /// @param participants_ who may act.
    /// @param records_ what may be asked for.
    /// @param consents_ what was granted; it must name this contract as its access ledger.
    constructor(
        IParticipants participants_,
        IRecords records_,
        IConsents consents_
    ) EIP712("Consentry AccessLedger", "1") {
        address wired = consents_.accessLedger();
        if (wired != address(this)) revert AccessLedgerWiringMismatch(wired, address(this));
        participants = participants_;
        records = records_;
        consents = consents_;
    }

    /// @inheritdoc IAccessLedger
    function decide(
        CompactRequest[] calldata requests,
        bytes[] calldata signatures,
        Material calldata material
    ) external {
        uint256 count = requests.length;
        _requireRelayAndSize(count, signatures.length);
        Batch memory batch = _open(requests, material);
        Memory.Pointer start = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < count; ++i) {
            CompactRequest calldata sent = requests[i];
            Item memory item = _itemOf(sent, batch.facts[i], batch);
            Requester memory requester = batch.requesters[sent.placeOf(_INSTITUTION)];
            bool signed = _isSigned(requester.signer, item.requestHash, signatures[i]);
            _decideItem(item, sent, signed, requester, batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _count(batch);
    }

    /// @inheritdoc IAccessLedger
    function decideBatch(
        CompactRequest[] calldata requests,
        bytes calldata signature,
        Material calldata material
    ) external {
        uint256 count = requests.length;
        _requireRelayAndSize(count, count);
        if (material.institutions.length != 1) revert AccessLedgerInstitutionsInvalid(material.institutions.length);
        Batch memory batch = _open(requests, material);
        Item[] memory items = new Item[](count);
        for (uint256 i = 0; i < count; ++i) items[i] = _itemOf(requests[i], batch.facts[i], batch);
        bool signed = _isBatchSigned(items, batch, signature);
        Memory.Pointer start = Memory.getFreeMemoryPointer();
        for (uint256 i = 0; i < count; ++i) {
            _decideItem(items[i], requests[i], signed, batch.requesters[0], batch, material);
            Memory.unsafeSetFreeMemoryPointer(start);
        }
        _count(batch);
    }

    /// @inheritdoc IAccessLedger
    function isDecided(address institution, uint256 requestId) external view returns (bool decided) {
        return _isDecided(institution, requestId);
    }

    /// @inheritdoc IAccessLedger
    function subjectHead(bytes32 subjectId) external view returns (bytes32 head) {
        return _subjectHeads[subjectId];
    }

    /// @inheritdoc IAccessLedger
    function institutionHead(address institution) external view returns (bytes32 head) {
        return _institutionHeads[institution];
    }

    /// @dev Whether the one institution of the batch signed the tree over its requests; says in the log what it should
    /// be.
    function _isBatchSigned(
        Item[] memory items,
        Batch memory batch,
        bytes calldata signature
    ) private returns (bool signed) {
        uint256 count = items.length;
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) hashes[i] = items[i].requestHash;
        bytes32 root = hashes.consumedRootOf();
        emit BatchSubmitted(batch.institutions[0], root, uint32(count), signature);
        bytes32 batchHash = keccak256(abi.encode(REQUEST_BATCH_TYPEHASH, batch.institutions[0], root, count));
        return _isSigned(batch.requesters[0].signer, batchHash, signature);
    }

    function _decideItem(
        Item memory item,
        CompactRequest calldata sent,
        bool signed,
        Requester memory requester,
        Batch memory batch,
        Material calldata material
    ) private {
        AccessRequest memory request = item.request;
        Reason reason = _rejection(item, sent, signed, requester, batch, material);
        if (reason != Reason.NONE) {
            emit RequestRejected(request.requestId, request.institution, item.requestHash, reason, msg.sender);
            return;
        }
        _decided[request.institution][request.requestId >> 8] |= 1 << (request.requestId & 0xff);
        reason = _judge(item, requester, batch);
        if (reason == Reason.NONE) {
            ++batch.states[item.consent - 1].uses;
            ++batch.counted[item.consent - 1];
        }
        _log(item, _subjectOf(item, sent, batch, material), reason);
    }

    /// @dev Moves the heads and emits the entry.
    function _log(Item memory item, bytes32 subjectId, Reason reason) private {
        AccessRequest memory request = item.request;
        bytes32 entryHash = keccak256(abi.encode(item.requestHash, subjectId, reason, block.timestamp));
        bytes32 institutionKey = bytes32(uint256(uint160(request.institution)));
        bytes32 head = _nextHead(institutionKey, _institutionHeads[request.institution], entryHash);
        _institutionHeads[request.institution] = head;
        uint256 outcome = uint256(reason) | (uint256(uint64(block.timestamp)) << 8);
        outcome |= (uint256(head) & _SEQUENCE_MASK) << 120;
        if (subjectId != bytes32(0)) {
            head = _nextHead(subjectId, _subjectHeads[subjectId], entryHash);
            _subjectHeads[subjectId] = head;
            outcome |= (uint256(head) & _SEQUENCE_MASK) << 72;
        }
        emit AccessDecided(
            request.requestId,
            subjectId,
            request.institution,
            AccessEntry({
                recordId: request.recordId,
                ground: request.groundOf(),
                reasonHash: request.reasonHash,
                practitioner: request.practitioner,
                releaseKeyHash: request.releaseKeyHash,
                codes: item.codes,
                outcome: Outcome.wrap(outcome)
            })
        );
    }

    /// @dev Writes the uses of the batch, one consent at a time.
    function _count(Batch memory batch) private {
        for (uint256 i = 0; i < batch.counted.length; ++i) {
            if (batch.counted[i] != 0) consents.countUses(batch.consentIds[i], batch.counted[i]);
        }
    }

    /// @dev Reads what stands behind the requests and the tables.
    function _open(
        CompactRequest[] calldata requests,
        Material calldata material
    ) private view returns (Batch memory batch) {
        batch.institutions = material.institutions;
        batch.releaseKeyHashes = material.releaseKeyHashes;
        batch.terms = material.consents;
        uint256 count = batch.institutions.length;
        batch.requesters = new Requester[](count);
        for (uint256 i = 0; i < count; ++i) {
            Requester memory requester = batch.requesters[i];
            (requester.standing, requester.releaseKeyHash, requester.signer, , ) = participants
                .institutionForDecision(batch.institutions[i]);
        }
        count = batch.terms.length;
        batch.consentIds = new ConsentId[](count);
        for (uint256 i = 0; i < count; ++i) batch.consentIds[i] = batch.terms[i].consentIdOf();
        _requireAscending(batch.consentIds);
        batch.states = consents.statesOf(batch.consentIds);
        batch.counted = new uint32[](count);
        count = requests.length;
        RecordId[] memory recordIds = new RecordId[](count);
        for (uint256 i = 0; i < count; ++i) recordIds[i] = requests[i].recordId;
        batch.facts = records.factsOf(recordIds);
    }

    /// @dev Whether the item is an authentic, fresh request that came with the right material.
    function _rejection(
        Item memory item,
        CompactRequest calldata sent,
        bool signed,
        Requester memory requester,
        Batch memory batch,
        Material calldata material
    ) private view returns (Reason reason) {
        if (requester.standing == Standing.NONE) return Reason.INSTITUTION_UNKNOWN;
        if (!signed) return Reason.SIGNATURE_INVALID;
        if (_isDecided(item.request.institution, item.request.requestId)) return Reason.REQUEST_REPLAYED;
        if (item.consent == 0) return Reason.NONE;
        bytes32 root = batch.terms[item.consent - 1].recordsRoot;
        if (root != bytes32(0) && !_isShownToBeNamed(sent, root, material)) return Reason.SCOPE_PROOF_INVALID;
        return Reason.NONE;
    }

    /// @dev Reads what the rules need, no more than the answer takes.
    function _judge(
        Item memory item,
        Requester memory requester,
        Batch memory batch
    ) private view returns (Reason reason) {
        uint64 blockTime = uint64(block.timestamp);
        AccessRequest memory request = item.request;
        reason = ConsentRules.judgeRequest(request, requester.standing, requester.releaseKeyHash, blockTime);
        if (reason == Reason.NONE) reason = ConsentRules.judgeRecord(item.facts.statusOf());
        if (reason != Reason.NONE) return reason;
        if (item.consent == 0) return Reason.CONSENT_MISSING;
        ConsentTerms memory terms = batch.terms[item.consent - 1];
        bool groupMember = terms.group != bytes32(0) && participants.isGroupMember(terms.group, request.institution);
        ConsentState memory state = batch.states[item.consent - 1];
        return ConsentRules.judgeConsent(request, item.facts, terms, state, groupMember, blockTime);
    }

    function _requireRelayAndSize(uint256 count, uint256 signatures) private view {
        if (!participants.isActiveRelay(msg.sender)) revert AccessLedgerRelayRequired(msg.sender);
        if (count == 0 || count != signatures) revert AccessLedgerBatchMalformed(count, signatures);
    }

    /// @dev An account is recovered from the signature without a call to whatever code it may have.
    function _isSigned(
        bytes memory signer,
        bytes32 structHash,
        bytes calldata signature
    ) private view returns (bool signed) {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (signer.length != _ACCOUNT_LENGTH) return _isVerified(signer, digest, signature);
        (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return problem == ECDSA.RecoverError.NoError && recovered == address(bytes20(signer));
    }

    /// @dev As `SignatureChecker` asks a verifier, but with limited gas: a signature may be made so that a sound
    /// verifier uses up all it has, for instance by a place in it that lies far out, and the neighbours would pay for
    /// that.
    function _isVerified(
        bytes memory signer,
        bytes32 digest,
        bytes calldata signature
    ) private view returns (bool verified) {
        if (signer.length < _ACCOUNT_LENGTH) return false;
        bytes memory call = abi.encodeCall(
            IERC7913SignatureVerifier.verify,
            (signer.slice(_ACCOUNT_LENGTH), digest, signature)
        );
        // A call gets at most 63/64 of what is left (EIP-150), silently: with less, a true signature would look wrong.
        if (gasleft() < _VERIFIER_GAS_LEFT) revert AccessLedgerGasMissing(gasleft(), _VERIFIER_GAS_LEFT);
        (bool answered, bytes memory answer) = address(bytes20(signer)).staticcall{gas: _VERIFIER_GAS}(call);
        return
            answered &&
            answer.length >= 32 &&
            bytes32(answer) == bytes32(IERC7913SignatureVerifier.verify.selector);
    }

    function _isDecided(address institution, uint256 requestId) private view returns (bool decided) {
        return _decided[institution][requestId >> 8] & (1 << (requestId & 0xff)) != 0;
    }

    /// @dev Puts the signed request together from what travelled and the tables.
    function _itemOf(
        CompactRequest calldata sent,
        RecordFacts facts,
        Batch memory batch
    ) private pure returns (Item memory item) {
        uint256 codes = RequestCodes.unwrap(sent.codes);
        uint256 consent = sent.codes.isByAuthority() ? 0 : sent.placeOf(_CONSENT);
        AccessRequest memory request = AccessRequest({
            requestId: sent.requestId,
            institution: batch.institutions[sent.placeOf(_INSTITUTION)],
            recordId: RecordId.unwrap(sent.recordId),
            consentId: consent == 0 ? bytes32(0) : ConsentId.unwrap(batch.consentIds[consent - 1]),
            authorisationId: bytes32(0), // none can be shown yet, so whoever signed one signed another request
            purpose: uint8(codes),
            action: uint8(codes >> 8),
            legalBasis: uint8(codes >> 16),
            actorKind: uint8(codes >> 24),
            reasonCode: uint8(codes >> 32),
            reasonHash: sent.reasonHash,
            practitioner: sent.practitioner,
            releaseKeyHash: batch.releaseKeyHashes[sent.placeOf(_RELEASE_KEY)],
            issuedAt: uint64(codes >> 40),
            expiresAt: uint64(codes >> 104)
        });
        return
            Item({
                request: request,
                requestHash: request.requestHashOf(),
                codes: RequestCodes.wrap(uint168(codes)), // what is not signed is not logged
                facts: facts,
                consent: consent
            });
    }

    /// @dev The subject of the record, as the relay names it; that it is the right one follows from what was anchored.
    function _subjectOf(
        Item memory item,
        CompactRequest calldata sent,
        Batch memory batch,
        Material calldata material
    ) private pure returns (bytes32 subjectId) {
        if (item.facts.statusOf() == RecordStatus.NONE) return bytes32(0);
        uint256 place = sent.placeOf(_SUBJECT);
        if (place != 0) subjectId = material.subjects[place - 1];
        else if (item.consent != 0) subjectId = batch.terms[item.consent - 1].subjectId;
        if (!item.facts.isOf(subjectId)) revert AccessLedgerSubjectMismatch(sent.recordId, subjectId);
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

    function _nextHead(bytes32 key, bytes32 head, bytes32 entryHash) private pure returns (bytes32 next) {
        uint256 sequence = (uint256(head) & _SEQUENCE_MASK) + 1;
        uint256 chained = uint256(keccak256(abi.encode(key, head, entryHash)));
        return bytes32((chained & ~_SEQUENCE_MASK) | sequence);
    }
}
