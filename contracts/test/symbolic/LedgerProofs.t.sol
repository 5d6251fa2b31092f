// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessLedger} from "../../AccessLedger.sol";
import {ConsentState, IConsents} from "../../interfaces/IConsents.sol";
import {IParticipants} from "../../interfaces/IParticipants.sol";
import {IRecords} from "../../interfaces/IRecords.sol";
import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {AccessRequest, CompactRequest, Material, RequestCodes} from "../../types/AccessRequest.sol";
import {CLOCK_TOLERANCE, Reason, RecordStatus, Standing} from "../../types/Codes.sol";
import {RecordFacts} from "../../types/RecordFacts.sol";
import {RecordId} from "../../types/RecordLeaf.sol";
import {Scripted} from "../Scripted.sol";

/// @notice What the proofs ask of their tool.
interface Svm {
    /// @notice Lets the storage of a contract hold anything.
    /// @param account the contract.
    function enableSymbolicStorage(address account) external;
}

/// @title What travels is what is logged, and heads count one up
/// @notice The real ledger, after any history, among scripted neighbours: its institution signs with a verifier that
/// says yes, its one record is current. No consent is named, so every decision is a denial; what a permit needs is
/// proven of the rules.
contract LedgerProofs {
    Svm private constant _SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
    address private constant _INSTITUTION = address(0xA000);
    bytes32 private constant _SUBJECT = keccak256("subject");
    bytes32 private constant _RELEASE_KEY_HASH = keccak256("release key");

    AccessLedger private _ledger;
    bytes32 private _before;
    bytes32 private _subjectBefore;

    /// @notice Runs before each proof.
    function setUp() external {
        Scripted verifier = new Scripted();
        Scripted participants = new Scripted();
        Scripted records = new Scripted();
        Scripted consents = new Scripted();
        // ERC-7913: an answer of the function's own selector means yes.
        bytes4 verify = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
        verifier.script(verify, abi.encode(verify));
        bytes memory institution = abi.encode(Standing.ACTIVE, _RELEASE_KEY_HASH, abi.encodePacked(verifier, "key"));
        participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        participants.script(IParticipants.institutionForDecision.selector, institution);
        RecordFacts[] memory facts = new RecordFacts[](1);
        uint256 mark = uint256(keccak256(abi.encode(_SUBJECT))) >> 96 << 96;
        facts[0] = RecordFacts.wrap(mark | uint256(RecordStatus.CURRENT));
        records.script(IRecords.factsOf.selector, abi.encode(facts));
        consents.script(IConsents.statesOf.selector, abi.encode(new ConsentState[](0)));
        consents.scriptCaller(IConsents.accessLedger.selector);
        _ledger = new AccessLedger(
            IParticipants(address(participants)),
            IRecords(address(records)),
            IConsents(address(consents))
        );
        _SVM.enableSymbolicStorage(address(_ledger));
    }

    /// @notice A decision moves both heads to one chained over the request exactly as it was signed.
    /// @param request any; made to be of the one institution and without a consent.
    function check_decision_isChainedOverExactlyWhatWasSigned(AccessRequest memory request) external {
        if (!_submit(request)) return;
        bytes32 entry = keccak256(abi.encode(request.requestHashOf(), _SUBJECT, _reason(request), block.timestamp));
        bytes32 key = bytes32(uint256(uint160(_INSTITUTION)));
        uint256 chained = uint256(keccak256(abi.encode(key, _before, entry)));
        assert(uint256(_ledger.institutionHead(_INSTITUTION)) >> 48 == chained >> 48);
        chained = uint256(keccak256(abi.encode(_SUBJECT, _subjectBefore, entry)));
        assert(uint256(_ledger.subjectHead(_SUBJECT)) >> 48 == chained >> 48);
    }

    /// @notice A decision counts both sequences one up and uses its request id up.
    /// @param request any; made to be of the one institution and without a consent.
    function check_decision_countsOneUp(AccessRequest memory request) external {
        if (!_submit(request)) return;
        assert(_sequence(_ledger.institutionHead(_INSTITUTION)) == _sequence(_before) + 1);
        assert(_sequence(_ledger.subjectHead(_SUBJECT)) == _sequence(_subjectBefore) + 1);
        assert(_ledger.isDecided(_INSTITUTION, request.requestId));
    }

    /// @notice What was decided before moves nothing.
    /// @param request any; made to be of the one institution and without a consent.
    function check_replay_movesNothing(AccessRequest memory request) external {
        if (!_ledger.isDecided(_INSTITUTION, request.requestId)) return;
        _submit(request);
        assert(_ledger.institutionHead(_INSTITUTION) == _before);
        assert(_ledger.subjectHead(_SUBJECT) == _subjectBefore);
    }

    /// @dev Submits a request and says whether it is new; keeps the heads from before.
    function _submit(AccessRequest memory request) private returns (bool fresh) {
        request.institution = _INSTITUTION;
        request.consentId = bytes32(0);
        request.releaseKeyHash = _RELEASE_KEY_HASH;
        fresh = !_ledger.isDecided(_INSTITUTION, request.requestId);
        _before = _ledger.institutionHead(_INSTITUTION);
        _subjectBefore = _ledger.subjectHead(_SUBJECT);
        // No log gets that long, and no block that late: 2^48 entries, 2^64 seconds.
        uint256 last = type(uint48).max;
        bool early = block.timestamp <= type(uint64).max - CLOCK_TOLERANCE;
        if (!early || _sequence(_before) == last || _sequence(_subjectBefore) == last) return false;
        CompactRequest[] memory requests = new CompactRequest[](1);
        requests[0] = CompactRequest({
            requestId: request.requestId,
            recordId: RecordId.wrap(request.recordId),
            codes: _codesOf(request),
            reasonHash: request.reasonHash,
            practitioner: request.practitioner,
            places: uint256(1) << 48 // the first subject of the table
        });
        Material memory material;
        material.institutions = new address[](1);
        material.institutions[0] = _INSTITUTION;
        material.releaseKeyHashes = new bytes32[](1);
        material.releaseKeyHashes[0] = _RELEASE_KEY_HASH;
        material.subjects = new bytes32[](1);
        material.subjects[0] = _SUBJECT;
        _ledger.decide(requests, new bytes[](1), material);
    }

    function _reason(AccessRequest memory request) private view returns (Reason reason) {
        uint64 time = uint64(block.timestamp);
        reason = ConsentRules.judgeRequest(request, Standing.ACTIVE, _RELEASE_KEY_HASH, time);
        return reason == Reason.NONE ? Reason.CONSENT_MISSING : reason;
    }

    /// @dev As the type says: four codes of 8 bits, then two times of 64.
    function _codesOf(AccessRequest memory request) private pure returns (RequestCodes codes) {
        uint256 word = (uint256(request.expiresAt) << 96) | (uint256(request.issuedAt) << 32);
        word |= (uint256(request.actorKind) << 24) | (uint256(request.legalBasis) << 16);
        return RequestCodes.wrap(word | (uint256(request.action) << 8) | request.purpose);
    }

    function _sequence(bytes32 head) private pure returns (uint256 sequence) {
        return uint48(uint256(head));
    }
}
