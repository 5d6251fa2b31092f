// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashing} from "../../libraries/Hashing.sol";
import {AccessRequest, CompactRequest, RequestCodes} from "../../types/AccessRequest.sol";
import {RecordStatus} from "../../types/Codes.sol";
import {RecordFacts, factsOf} from "../../types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "../../types/RecordLeaf.sol";

/// @title Nothing is lost or mixed up by packing
contract PackingProofs {
    /// @notice What was packed of a leaf comes out again.
    /// @param leaf any.
    /// @param anchoredAt any block time that fits.
    function check_facts_comeOutAsTheyWentIn(RecordLeaf memory leaf, uint48 anchoredAt) external pure {
        RecordFacts facts = factsOf(leaf, anchoredAt);
        assert(facts.statusOf() == RecordStatus.CURRENT);
        assert(facts.categoryOf() == leaf.category);
        assert(facts.sensitivityOf() == leaf.sensitivity);
        assert(facts.dataMonthOf() == leaf.dataMonth);
        assert(facts.anchoredAtOf() == anchoredAt);
        assert(facts.retentionOf() == leaf.retention);
        assert(facts.isOf(leaf.subjectId));
    }

    /// @notice A version belongs to nobody but the subject of whom 20 bytes of the hash stand in it.
    /// @param leaf any.
    /// @param anchoredAt any block time that fits.
    /// @param other any subject.
    function check_facts_belongToNobodyElse(
        RecordLeaf memory leaf,
        uint48 anchoredAt,
        bytes32 other
    ) external pure {
        bool same = bytes20(keccak256(abi.encode(leaf.subjectId))) == bytes20(keccak256(abi.encode(other)));
        assert(factsOf(leaf, anchoredAt).isOf(other) == same);
    }

    /// @notice Another status changes the status and nothing else.
    /// @param facts any.
    /// @param status any.
    function check_facts_keepAllButTheStatus(RecordFacts facts, RecordStatus status) external pure {
        RecordFacts later = facts.withStatus(status);
        assert(later.statusOf() == status);
        assert(RecordFacts.unwrap(later) >> 8 == RecordFacts.unwrap(facts) >> 8);
    }

    /// @notice Codes and times of a request come out as they went in.
    /// @param kinds purpose, action, legal basis, actor kind, reason code.
    /// @param issuedAt any time.
    /// @param expiresAt any time.
    /// @param beyond whatever stands in the bits that stand for nothing.
    function check_codes_comeOutAsTheyWentIn(
        uint8[5] memory kinds,
        uint64 issuedAt,
        uint64 expiresAt,
        uint88 beyond
    ) external pure {
        RequestCodes signed = _pack(kinds, issuedAt, expiresAt);
        RequestCodes codes = RequestCodes.wrap(RequestCodes.unwrap(signed) | (uint256(beyond) << 168));
        assert(codes.purposeOf() == kinds[0] && codes.actionOf() == kinds[1]);
        assert(codes.legalBasisOf() == kinds[2] && codes.actorKindOf() == kinds[3]);
        assert(codes.reasonCodeOf() == kinds[4]);
        assert(codes.issuedAtOf() == issuedAt && codes.expiresAtOf() == expiresAt);
        assert(RequestCodes.unwrap(codes.signedOf()) == RequestCodes.unwrap(signed));
    }

    /// @notice What is hashed of a request that travelled is exactly what was signed.
    /// @param request any, as signed.
    /// @param places whatever the relay put beside it.
    function check_request_isHashedAsItWasSigned(AccessRequest memory request, uint256 places) external view {
        uint8[5] memory kinds;
        (kinds[0], kinds[1], kinds[2]) = (request.purpose, request.action, request.legalBasis);
        (kinds[3], kinds[4]) = (request.actorKind, request.reasonCode);
        CompactRequest memory sent = CompactRequest({
            requestId: request.requestId,
            recordId: RecordId.wrap(request.recordId),
            codes: _pack(kinds, request.issuedAt, request.expiresAt),
            reasonHash: request.reasonHash,
            practitioner: request.practitioner,
            places: places
        });
        assert(this.hashOf(sent, request) == request.requestHashOf());
    }

    /// @notice Each place of a request stands alone.
    /// @param places any seven.
    function check_places_standAlone(uint16[7] memory places) external view {
        CompactRequest memory request;
        for (uint256 i = 0; i < 7; ++i) request.places |= uint256(places[i]) << (16 * i);
        for (uint256 i = 0; i < 7; ++i) assert(this.placeOf(request, i) == places[i]);
    }

    /// @notice Brings a request into calldata.
    /// @param request any.
    /// @param which of the places.
    /// @return place that stands there.
    function placeOf(CompactRequest calldata request, uint256 which) external pure returns (uint16 place) {
        return request.placeOf(which);
    }

    /// @notice Brings a request into calldata.
    /// @param sent as it travels.
    /// @param request what its places stand for.
    /// @return structHash as the ledger forms it.
    function hashOf(
        CompactRequest calldata sent,
        AccessRequest calldata request
    ) external pure returns (bytes32 structHash) {
        return
            Hashing.hashOf(
                sent,
                request.institution,
                request.consentId,
                request.authorisationId,
                request.releaseKeyHash
            );
    }

    /// @dev As the type says: five codes of 8 bits, then two times of 64.
    function _pack(
        uint8[5] memory kinds,
        uint64 issuedAt,
        uint64 expiresAt
    ) private pure returns (RequestCodes codes) {
        uint256 word = (uint256(expiresAt) << 104) | (uint256(issuedAt) << 40);
        for (uint256 i = 0; i < 5; ++i) word |= uint256(kinds[i]) << (8 * i);
        return RequestCodes.wrap(word);
    }
}
