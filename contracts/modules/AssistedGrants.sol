// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAssistedGrants} from "../interfaces/IAssistedGrants.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {Assistance} from "../types/Assistance.sol";
import {ACTION_VIEW, ASSURANCE_STAFF_ASSISTED, ConsentStatus, Standing} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {Registers} from "./Registers.sol";

/// @title Consents that staff prepared
/// @notice See `IAssistedGrants`.
abstract contract AssistedGrants is Registers, IAssistedGrants {
    /// @dev One slot: who prepared a consent, and whether it was granted.
    struct Prepared {
        address institution;
        uint64 lapsesAt; // seconds since the epoch, exclusive
        bool granted;
    }

    /// @dev One slot an institution.
    struct Counts {
        uint64 granted;
        uint64 undone;
    }

    /// @dev How long what was prepared can be granted.
    uint64 private constant _TIME_TO_GRANT = 24 hours;
    /// @dev How long a revocation counts as undoing.
    uint64 private constant _TIME_TO_UNDO = 72 hours;
    /// @dev Caps of an assisted consent.
    uint64 private constant _LONGEST = 90 days;
    uint8 private constant _HIGHEST_LEVEL = 3;
    uint8 private constant _ACTIONS = uint8(1) << ACTION_VIEW;
    /// @dev TREAT, COC, CAREMGT, HPAYMT, HOPERAT.
    uint32 private constant _PURPOSES = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7);

    mapping(bytes32 consentId => mapping(bytes32 subjectId => Prepared)) private _prepared;
    mapping(address institution => Counts) private _counts;
    mapping(address institution => mapping(uint32 quarter => uint64)) private _inQuarter;

    /// @inheritdoc IAssistedGrants
    function assist(Assistance calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.assistanceHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        (Standing standing, , bytes memory signer, , ) = _members().institutionForDecision(act.institution);
        if (standing != Standing.ACTIVE) revert AssistedGrantsInstitutionInactive(act.institution);
        if (_register().custodianOf(act.subjectId) == address(0)) revert AssistedGrantsSubjectUnknown(act.subjectId);
        if (act.practitioner == bytes32(0) || act.evidenceHash == bytes32(0)) {
            revert AssistedGrantsEvidenceMissing(act.practitioner, act.evidenceHash);
        }
        ConsentStatus status = _consentStatus(act.consentId);
        if (status != ConsentStatus.NONE) revert AssistedGrantsTooLate(act.consentId, status);
        Prepared storage prepared = _prepared[act.consentId][act.subjectId];
        if (block.timestamp < prepared.lapsesAt) {
            revert AssistedGrantsAlreadyPrepared(act.consentId, prepared.lapsesAt);
        }
        _requireSigned(actHash, 0, signer, signatures[0]);
        prepared.institution = act.institution;
        prepared.lapsesAt = uint64(block.timestamp) + _TIME_TO_GRANT;
        emit ConsentPrepared(actHash, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IAssistedGrants
    function assistanceOf(
        bytes32 consentId,
        bytes32 subjectId
    ) external view returns (address institution, uint64 lapsesAt, bool granted) {
        Prepared storage prepared = _prepared[consentId][subjectId];
        return (prepared.institution, prepared.lapsesAt, prepared.granted);
    }

    /// @inheritdoc IAssistedGrants
    function assistedCount(address institution) external view returns (uint64 count) {
        return _counts[institution].granted;
    }

    /// @inheritdoc IAssistedGrants
    function assistedCountIn(address institution, uint32 quarter) external view returns (uint64 count) {
        return _inQuarter[institution][quarter];
    }

    /// @inheritdoc IAssistedGrants
    function assistedUndone(address institution) external view returns (uint64 count) {
        return _counts[institution].undone;
    }

    /// @dev Counts a grant if it is an assisted one.
    function _countAssisted(bytes32 consentId, ConsentTerms memory terms) internal {
        if (terms.assurance != ASSURANCE_STAFF_ASSISTED) return;
        Prepared storage prepared = _prepared[consentId][terms.subjectId];
        prepared.granted = true;
        ++_counts[prepared.institution].granted;
        ++_inQuarter[prepared.institution][Calendar.quarterOf(uint64(block.timestamp))];
    }

    /// @dev Counts a revocation if it undoes an assisted grant; `grantedAt` in seconds since the epoch.
    function _countUndone(bytes32 consentId, bytes32 subjectId, uint64 grantedAt) internal {
        Prepared storage prepared = _prepared[consentId][subjectId];
        if (!prepared.granted || block.timestamp >= grantedAt + _TIME_TO_UNDO) return;
        ++_counts[prepared.institution].undone;
    }

    /// @dev Checks what an assisted consent needs beside what every consent does.
    function _requireAssistable(bytes32 consentId, ConsentTerms memory terms) internal view {
        if (terms.assurance != ASSURANCE_STAFF_ASSISTED) return;
        uint64 latest = uint64(block.timestamp) + _LONGEST;
        if (terms.validUntil > latest) revert AssistedGrantsPeriodExceeded(terms.validUntil, latest);
        if (terms.maxSensitivity > _HIGHEST_LEVEL) {
            revert AssistedGrantsSensitivityExceeded(terms.maxSensitivity, _HIGHEST_LEVEL);
        }
        if (terms.actions & ~_ACTIONS != 0) revert AssistedGrantsActionsExceeded(terms.actions, _ACTIONS);
        if (terms.purposes & ~_PURPOSES != 0) revert AssistedGrantsPurposesExceeded(terms.purposes, _PURPOSES);
        if (block.timestamp >= _prepared[consentId][terms.subjectId].lapsesAt) {
            revert AssistedGrantsNotPrepared(consentId);
        }
    }

    /// @dev Status of a consent.
    function _consentStatus(bytes32 consentId) internal view virtual returns (ConsentStatus status);
}
