// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {Duty, IRevocations} from "../interfaces/IRevocations.sol";
import {ACTION_STORE, COPIES_ERASED, DUTY_ACKNOWLEDGE, DUTY_ERASE} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {ErasureAttestation, RevocationAcknowledgement} from "../types/RevocationActs.sol";
import {Registers} from "./Registers.sol";

/// @title What follows a revocation
/// @notice See `IRevocations`.
/// @dev Nothing here touches the state of a consent: it stays revoked. The terms are in calldata when a consent is
/// revoked and not later, so what later acts need of them is written down then: two slots, and two more for each
/// institution that gets a duty. That is most of the price of a revocation; a grant pays nothing for it.
abstract contract Revocations is Registers, IRevocations {
    using EnumerableSet for EnumerableSet.Bytes32Set;

    /// @dev Of a granted consent that was revoked; two slots, three where a group was named.
    struct Revoked {
        bytes32 subjectId;
        address grantee; // zero when a group was named
        uint64 revokedAt; // block time, seconds
        bytes32 group;
    }

    /// @dev What one institution did about one revocation.
    struct Answers {
        uint64 eraseDue; // seconds since the epoch; zero when no erasure is owed
        bool acknowledged;
        bool erased;
    }

    /// @dev How long an institution may take to acknowledge.
    uint64 private constant _TIME_TO_ACKNOWLEDGE = 24 hours;
    /// @dev How long a grantee may take to erase, unless the terms say sooner.
    uint64 private constant _TIME_TO_ERASE = 7 days;

    mapping(bytes32 consentId => Revoked) private _revoked;
    mapping(bytes32 consentId => mapping(address institution => Answers)) private _answers;
    mapping(address institution => EnumerableSet.Bytes32Set consentIds) private _open;

    /// @inheritdoc IRevocations
    function acknowledgeRevocation(RevocationAcknowledgement calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.acknowledgementHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireRevoked(act.consentId, act.subjectId);
        bool concerned = _isGrantee(act.consentId, act.institution);
        concerned = concerned || _register().custodianOf(act.subjectId) == act.institution;
        if (!concerned) revert RevocationsNotConcerned(act.consentId, act.institution);
        if (act.copies > COPIES_ERASED) revert RevocationsCopiesUnknown(act.copies);
        Answers storage answers = _answers[act.consentId][act.institution];
        if (answers.acknowledged) revert RevocationsAlreadyDone(act.consentId, act.institution, DUTY_ACKNOWLEDGE);
        _requireSigned(actHash, 0, _members().institutionSigner(act.institution), signatures[0]);
        answers.acknowledged = true;
        _closeIfDone(act.consentId, act.institution);
        emit RevocationAcknowledged(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IRevocations
    function attestErasure(ErasureAttestation calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.attestationHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireRevoked(act.consentId, act.subjectId);
        if (!_isGrantee(act.consentId, act.institution)) {
            revert RevocationsNotConcerned(act.consentId, act.institution);
        }
        if (act.practitioner == bytes32(0) || act.erasedAt == 0 || act.erasedAt > block.timestamp) {
            revert RevocationsErasureInvalid(act.practitioner, act.erasedAt, uint64(block.timestamp));
        }
        Answers storage answers = _answers[act.consentId][act.institution];
        if (answers.erased) revert RevocationsAlreadyDone(act.consentId, act.institution, DUTY_ERASE);
        _requireSigned(actHash, 0, _members().institutionSigner(act.institution), signatures[0]);
        answers.erased = true;
        _closeIfDone(act.consentId, act.institution);
        emit ErasureAttested(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IRevocations
    function overdueDuties(address institution) external view returns (Duty[] memory duties) {
        return _dutiesOf(institution, 0, type(uint256).max, uint64(block.timestamp));
    }

    /// @inheritdoc IRevocations
    function openDuties(
        address institution,
        uint256 first,
        uint256 end
    ) external view returns (Duty[] memory duties) {
        return _dutiesOf(institution, first, end, type(uint64).max);
    }

    /// @inheritdoc IRevocations
    function openDutyCount(address institution) external view returns (uint256 count) {
        return _open[institution].length();
    }

    /// @inheritdoc IRevocations
    function answersOf(
        bytes32 consentId,
        address institution
    ) external view returns (bool acknowledged, bool erased) {
        Answers storage answers = _answers[consentId][institution];
        return (answers.acknowledged, answers.erased);
    }

    /// @dev Opens the duties that follow the revocation of a consent that was granted; it is `used` if anything was
    /// permitted under it.
    function _openDuties(bytes32 consentId, ConsentTerms memory terms, bool used) internal {
        Revoked storage revoked = _revoked[consentId];
        revoked.subjectId = terms.subjectId;
        revoked.revokedAt = uint64(block.timestamp);
        _open[_register().custodianOf(terms.subjectId)].add(consentId);
        if (terms.institution == address(0)) {
            revoked.group = terms.group;
            return;
        }
        revoked.grantee = terms.institution;
        _open[terms.institution].add(consentId);
        if (used && terms.actions & (uint8(1) << ACTION_STORE) != 0) {
            uint64 due = uint64(block.timestamp) + _TIME_TO_ERASE;
            _answers[consentId][terms.institution].eraseDue = terms.eraseBy < due ? terms.eraseBy : due;
        }
    }

    function _closeIfDone(bytes32 consentId, address institution) private {
        Answers storage answers = _answers[consentId][institution];
        if (answers.acknowledged && (answers.erased || answers.eraseDue == 0)) _open[institution].remove(consentId);
    }

    /// @dev The duties of some consents that are due by a moment.
    function _dutiesOf(
        address institution,
        uint256 first,
        uint256 end,
        uint64 dueBy
    ) private view returns (Duty[] memory duties) {
        bytes32[] memory consentIds = _open[institution].values(first, end);
        Duty[] memory found = new Duty[](2 * consentIds.length);
        uint256 size = 0;
        for (uint256 i = 0; i < consentIds.length; ++i) {
            bytes32 consentId = consentIds[i];
            Answers storage answers = _answers[consentId][institution];
            uint64 due = _revoked[consentId].revokedAt + _TIME_TO_ACKNOWLEDGE;
            if (!answers.acknowledged && due <= dueBy) {
                found[size] = Duty(consentId, DUTY_ACKNOWLEDGE, due);
                ++size;
            }
            due = answers.eraseDue;
            if (due != 0 && !answers.erased && due <= dueBy) {
                found[size] = Duty(consentId, DUTY_ERASE, due);
                ++size;
            }
        }
        duties = new Duty[](size);
        for (uint256 i = 0; i < size; ++i) duties[i] = found[i];
    }

    function _requireRevoked(bytes32 consentId, bytes32 subjectId) private view {
        Revoked storage revoked = _revoked[consentId];
        if (revoked.revokedAt == 0 || revoked.subjectId != subjectId) {
            revert RevocationsNotRevoked(consentId, subjectId);
        }
    }

    /// @dev Whether the consent was granted to the institution, by name or as a member of the group.
    function _isGrantee(bytes32 consentId, address institution) private view returns (bool grantee) {
        Revoked storage revoked = _revoked[consentId];
        if (revoked.group == bytes32(0)) return revoked.grantee == institution;
        return _members().isGroupMember(revoked.group, institution);
    }
}
