// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAccessLedger} from "./interfaces/IAccessLedger.sol";
import {IConsents} from "./interfaces/IConsents.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {ConsentRules} from "./libraries/ConsentRules.sol";
import {AccessEntry, AccessRequest, ItemReference, Material} from "./types/AccessRequest.sol";
import {Reason, RecordStatus, Standing} from "./types/Codes.sol";
import {ConsentId, ConsentTerms} from "./types/ConsentTerms.sol";
import {RecordId} from "./types/RecordLeaf.sol";

/// @title The access log that decides
/// @notice See `IAccessLedger` for the model and `ConsentRules` for the rules. This contract says what is authentic and
/// fresh, reads the facts, applies the rules, counts and logs.
/// @dev Nothing an institution or relay puts into one item reverts the batch. External calls go to contracts of the
/// suite and, as static calls, to admitted verifiers.
contract AccessLedger is EIP712, IAccessLedger {
    using Bytes for bytes;

    /// @dev What is known of an institution, read once for each run of its requests.
    struct Requester {
        address account;
        Standing standing;
        bytes32 releaseKeyHash;
        bytes signer; // ERC-7913
    }

    /// @dev Ids of the tables of a batch, computed once.
    struct Ids {
        bytes32[] consents;
        bytes32[] records;
    }

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
        AccessRequest[] calldata requests,
        bytes[] calldata signatures,
        Material calldata material
    ) external {
        if (!participants.isActiveRelay(msg.sender)) revert AccessLedgerRelayRequired(msg.sender);
        uint256 count = requests.length;
        if (count == 0 || count != signatures.length || count != material.items.length) {
            revert AccessLedgerBatchMalformed(count, signatures.length, material.items.length);
        }
        Ids memory ids = _idsOf(material);
        Requester memory requester = _requesterOf(requests[0].institution);
        for (uint256 i = 0; i < count; ++i) {
            address institution = requests[i].institution;
            if (institution != requester.account) requester = _requesterOf(institution);
            _decideItem(requests[i], signatures[i], material, material.items[i], ids, requester);
        }
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

    function _decideItem(
        AccessRequest calldata request,
        bytes calldata signature,
        Material calldata material,
        ItemReference calldata item,
        Ids memory ids,
        Requester memory requester
    ) private {
        bytes32 requestHash = request.requestHashOf();
        Reason reason = _judgeItem(request, requestHash, signature, ids, requester, item);
        if (reason == Reason.NONE && !_isShownToBeNamed(request, material, item)) reason = Reason.SCOPE_PROOF_INVALID;
        if (reason != Reason.NONE) {
            emit RequestRejected(request.requestId, request.institution, requestHash, reason, msg.sender);
            return;
        }
        _decided[request.institution][request.requestId >> 8] |= 1 << (request.requestId & 0xff);
        RecordStatus status = records.statusOf(RecordId.wrap(request.recordId));
        reason = _judge(request, material, item, requester, status);
        if (reason == Reason.NONE) consents.countUse(ConsentId.wrap(request.consentId));
        bytes32 subjectId = status == RecordStatus.NONE ? bytes32(0) : material.records[item.record].subjectId;
        _log(request, requestHash, subjectId, reason);
    }

    /// @dev Moves the heads and emits the entry.
    function _log(AccessRequest calldata request, bytes32 requestHash, bytes32 subjectId, Reason reason) private {
        uint64 decidedAt = uint64(block.timestamp);
        bytes32 entryHash = keccak256(abi.encode(requestHash, subjectId, reason, decidedAt));
        bytes32 institutionKey = bytes32(uint256(uint160(request.institution)));
        bytes32 head = _nextHead(institutionKey, _institutionHeads[request.institution], entryHash);
        _institutionHeads[request.institution] = head;
        uint48 institutionSequence = _sequenceOf(head);
        uint48 subjectSequence = 0;
        if (subjectId != bytes32(0)) {
            head = _nextHead(subjectId, _subjectHeads[subjectId], entryHash);
            _subjectHeads[subjectId] = head;
            subjectSequence = _sequenceOf(head);
        }
        emit AccessDecided(
            request.requestId,
            subjectId,
            request.institution,
            AccessEntry({
                recordId: request.recordId,
                consentId: request.consentId,
                purpose: request.purpose,
                action: request.action,
                legalBasis: request.legalBasis,
                actorKind: request.actorKind,
                reasonHash: request.reasonHash,
                practitioner: request.practitioner,
                releaseKeyHash: request.releaseKeyHash,
                issuedAt: request.issuedAt,
                expiresAt: request.expiresAt,
                reason: uint8(reason),
                decidedAt: decidedAt,
                subjectSequence: subjectSequence,
                institutionSequence: institutionSequence
            })
        );
    }

    /// @dev Whether the item is an authentic, fresh request that came with the right material.
    function _judgeItem(
        AccessRequest calldata request,
        bytes32 requestHash,
        bytes calldata signature,
        Ids memory ids,
        Requester memory requester,
        ItemReference calldata item
    ) private view returns (Reason reason) {
        if (requester.standing == Standing.NONE) return Reason.INSTITUTION_UNKNOWN;
        if (!_isSigned(requester.signer, requestHash, signature)) return Reason.SIGNATURE_INVALID;
        if (_isDecided(request.institution, request.requestId)) return Reason.REQUEST_REPLAYED;
        if (!_matches(ids.records, item.record, request.recordId)) return Reason.LEAF_MISMATCH;
        bool invoked = request.consentId != bytes32(0);
        if (invoked && !_matches(ids.consents, item.consent, request.consentId)) return Reason.TERMS_MISMATCH;
        return Reason.NONE;
    }

    /// @dev Reads what the rules need, no more than the answer takes.
    function _judge(
        AccessRequest calldata request,
        Material calldata material,
        ItemReference calldata item,
        Requester memory requester,
        RecordStatus status
    ) private view returns (Reason reason) {
        uint64 blockTime = uint64(block.timestamp);
        reason = ConsentRules.judgeRequest(request, requester.standing, requester.releaseKeyHash, blockTime);
        if (reason == Reason.NONE) reason = ConsentRules.judgeRecord(status);
        if (reason != Reason.NONE) return reason;
        if (request.consentId == bytes32(0)) return Reason.CONSENT_MISSING;
        ConsentTerms calldata terms = material.consents[item.consent];
        bool groupMember = terms.group != bytes32(0) && participants.isGroupMember(terms.group, request.institution);
        return
            ConsentRules.judgeConsent(
                request,
                material.records[item.record],
                terms,
                consents.stateOf(ConsentId.wrap(request.consentId)),
                groupMember,
                blockTime
            );
    }

    /// @dev An account is recovered from the signature without a call to whatever code it may have.
    function _isSigned(
        bytes memory signer,
        bytes32 requestHash,
        bytes calldata signature
    ) private view returns (bool signed) {
        bytes32 digest = _hashTypedDataV4(requestHash);
        if (signer.length != _ACCOUNT_LENGTH) return _isVerified(signer, digest, signature);
        (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return problem == ECDSA.RecoverError.NoError && recovered == address(bytes20(signer));
    }

    /// @dev As `SignatureChecker` asks a verifier, but with limited gas: a signature may be made so that a sound verifier
    /// uses up all it has, for instance by a place in it that lies far out, and the neighbours would pay for that.
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

    /// @dev A proof is the relay's material like leaf and terms: a wrong one must not become a denial.
    function _isShownToBeNamed(
        AccessRequest calldata request,
        Material calldata material,
        ItemReference calldata item
    ) private pure returns (bool shown) {
        if (request.consentId == bytes32(0)) return true;
        bytes32 root = material.consents[item.consent].recordsRoot;
        return root == bytes32(0) || ConsentRules.isNamed(material.records[item.record], root, item.scopeProof);
    }

    function _isDecided(address institution, uint256 requestId) private view returns (bool decided) {
        return _decided[institution][requestId >> 8] & (1 << (requestId & 0xff)) != 0;
    }

    function _requesterOf(address institution) private view returns (Requester memory requester) {
        requester.account = institution;
        (requester.standing, requester.releaseKeyHash, requester.signer) = participants.institutionForDecision(
            institution
        );
    }

    function _idsOf(Material calldata material) private pure returns (Ids memory ids) {
        uint256 count = material.consents.length;
        ids.consents = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids.consents[i] = ConsentId.unwrap(material.consents[i].consentIdOf());
        }
        count = material.records.length;
        ids.records = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids.records[i] = RecordId.unwrap(material.records[i].recordIdOf());
        }
    }

    /// @dev Whether the table has the id at that place; a place beyond its end has none.
    function _matches(bytes32[] memory ids, uint256 place, bytes32 id) private pure returns (bool matched) {
        return place < ids.length && ids[place] == id;
    }

    function _nextHead(bytes32 key, bytes32 head, bytes32 entryHash) private pure returns (bytes32 next) {
        uint256 sequence = (uint256(head) & _SEQUENCE_MASK) + 1;
        uint256 chained = uint256(keccak256(abi.encode(key, head, entryHash)));
        return bytes32((chained & ~_SEQUENCE_MASK) | sequence);
    }

    function _sequenceOf(bytes32 head) private pure returns (uint48 sequence) {
        return uint48(uint256(head));
    }
}
