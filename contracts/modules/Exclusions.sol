// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IExclusions} from "../interfaces/IExclusions.sol";
import {BY_GUARDIAN, BY_SUBJECT, HIGHEST_CATEGORY, SCOPE_GRANT} from "../types/Codes.sol";
import {
    EXCLUDED_CATEGORY,
    EXCLUDED_GROUP,
    EXCLUDED_INSTITUTION,
    EXCLUDED_PRACTITIONER,
    Exclusion,
    ExclusionLift
} from "../types/Exclusion.sol";
import {Registers} from "./Registers.sol";

/// @title Named denies
/// @notice See `IExclusions`.
/// @dev One word a subject tells whether there is anything to look at: a decision about a subject without exclusions
/// reads that and no more.
abstract contract Exclusions is Registers, IExclusions {
    /// @dev Groups of one subject are asked one by one in a decision, so there are few.
    uint256 private constant _MOST_GROUPS = 8;
    /// @dev What one exclusion adds to a summary.
    uint256 private constant _ONE = 1 << 32;
    /// @dev Low bits of a summary: excluded classes, bit `1 << category`.
    uint256 private constant _CATEGORIES = type(uint32).max;

    mapping(bytes32 subjectId => uint256 summary) private _summaries;
    mapping(bytes32 subjectId => mapping(bytes32 mark => uint8 by)) private _excluded; // who made it; zero for none
    mapping(bytes32 subjectId => bytes32[] groups) private _excludedGroups;

    /// @inheritdoc IExclusions
    function exclude(Exclusion calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.exclusionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireTarget(act.subjectId, act.kind, act.target);
        uint8 by = act.guardian == bytes32(0) ? BY_SUBJECT : BY_GUARDIAN;
        uint8 made = _excluded[act.subjectId][_markOf(act.kind, act.target)];
        bool takenOver = made == BY_GUARDIAN && by == BY_SUBJECT;
        if (made != 0 && !takenOver) revert ExclusionsAlreadyMade(act.kind, act.target);
        if (!takenOver && act.kind == EXCLUDED_GROUP && _excludedGroups[act.subjectId].length == _MOST_GROUPS) {
            revert ExclusionsFull(act.kind, _MOST_GROUPS);
        }
        _requireUnshielded(act.subjectId, act.guardian);
        bytes memory signer = _register().signerFor(act.subjectId, act.guardian, SCOPE_GRANT);
        _requireSigned(actHash, 0, signer, signatures[0]);
        _excluded[act.subjectId][_markOf(act.kind, act.target)] = by;
        if (!takenOver) _summarise(act);
        emit ExclusionMade(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IExclusions
    function liftExclusion(ExclusionLift calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.liftHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireTarget(act.subjectId, act.kind, act.target);
        if (!isTargetExcluded(act.subjectId, act.kind, act.target)) revert ExclusionsNotMade(act.kind, act.target);
        bool own = _excluded[act.subjectId][_markOf(act.kind, act.target)] == BY_SUBJECT;
        if (own) _requireUnshielded(act.subjectId, act.guardian);
        bytes memory signer = _register().signerFor(act.subjectId, act.guardian, SCOPE_GRANT);
        _requireSigned(actHash, 0, signer, signatures[0]);
        delete _excluded[act.subjectId][_markOf(act.kind, act.target)];
        _summaries[act.subjectId] -= _ONE;
        if (act.kind == EXCLUDED_CATEGORY) _summaries[act.subjectId] &= ~(1 << uint256(act.target));
        if (act.kind == EXCLUDED_GROUP) _forgetGroup(act.subjectId, act.target);
        emit ExclusionLifted(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IExclusions
    function exclusionSummaries(bytes32[] calldata subjectIds) external view returns (uint256[] memory summaries) {
        uint256 count = subjectIds.length;
        summaries = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) summaries[i] = _summaries[subjectIds[i]];
    }

    /// @inheritdoc IExclusions
    function isExcluded(
        bytes32 subjectId,
        address institution,
        bytes32 practitioner,
        uint8 category
    ) external view returns (bool excluded) {
        uint256 summary = _summaries[subjectId];
        if (summary == 0) return false;
        if (summary & _CATEGORIES & (uint256(1) << category) != 0) return true;
        if (isTargetExcluded(subjectId, EXCLUDED_INSTITUTION, bytes32(uint256(uint160(institution))))) return true;
        if (isTargetExcluded(subjectId, EXCLUDED_PRACTITIONER, practitioner)) return true;
        bytes32[] storage groups = _excludedGroups[subjectId];
        for (uint256 i = 0; i < groups.length; ++i) {
            if (_members().isGroupMember(groups[i], institution)) return true;
        }
        return false;
    }

    /// @inheritdoc IExclusions
    function isTargetExcluded(
        bytes32 subjectId,
        uint8 kind,
        bytes32 target
    ) public view returns (bool excluded) {
        return _excluded[subjectId][_markOf(kind, target)] != 0;
    }

    function _summarise(Exclusion calldata act) private {
        _summaries[act.subjectId] += _ONE;
        if (act.kind == EXCLUDED_CATEGORY) _summaries[act.subjectId] |= 1 << uint256(act.target);
        if (act.kind == EXCLUDED_GROUP) _excludedGroups[act.subjectId].push(act.target);
    }

    function _forgetGroup(bytes32 subjectId, bytes32 group) private {
        bytes32[] storage groups = _excludedGroups[subjectId];
        uint256 last = groups.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (groups[i] == group) groups[i] = groups[last];
        }
        groups.pop();
    }

    /// @dev Guardians of a shielded minor exclude nobody, which would undo what it granted, and lift none of its own.
    function _requireUnshielded(bytes32 subjectId, bytes32 guardian) private view {
        if (_isKeptFrom(guardian, subjectId)) revert ExclusionsShielded(subjectId, guardian);
    }

    function _requireTarget(bytes32 subjectId, uint8 kind, bytes32 target) private view {
        if (_register().custodianOf(subjectId) == address(0)) revert ExclusionsSubjectUnknown(subjectId);
        bool valid = target != bytes32(0);
        if (kind == EXCLUDED_INSTITUTION) valid = valid && uint256(target) <= type(uint160).max;
        else if (kind == EXCLUDED_CATEGORY) valid = valid && uint256(target) <= HIGHEST_CATEGORY;
        else valid = valid && (kind == EXCLUDED_GROUP || kind == EXCLUDED_PRACTITIONER);
        if (!valid) revert ExclusionsTargetInvalid(kind, target);
    }

    function _markOf(uint8 kind, bytes32 target) private pure returns (bytes32) {
        return keccak256(abi.encode(kind, target));
    }
}
