// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {IRecords} from "./interfaces/IRecords.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {Erasures} from "./modules/Erasures.sol";
import {Registers} from "./modules/Registers.sol";
import {SignedActs} from "./modules/SignedActs.sol";
import {HIGHEST_CATEGORY, HIGHEST_SENSITIVITY, RecordStatus, Standing} from "./types/Codes.sol";
import {RecordFacts, factsOf as packed} from "./types/RecordFacts.sol";
import {RecordId, RecordLeaf} from "./types/RecordLeaf.sol";

/// @title Anchored record versions
/// @notice See `IRecords`. Leaves travel in calldata and events; state keeps what decisions need of each version in one
/// word, see `RecordFacts`.
contract Records is Erasures, IRecords {
    /// @dev The only suite so far: Cobblestone-256 with SHA-256.
    uint16 private constant _HIGHEST_SUITE = 1;
    /// @dev 1 outpatient, 2 inpatient.
    uint8 private constant _HIGHEST_RETENTION = 2;

    /// @inheritdoc IRecords
    IParticipants public immutable participants;
    /// @inheritdoc IRecords
    ISubjects public immutable subjects;

    mapping(RecordId recordId => RecordFacts) private _facts;

    /// @param participants_ who may act.
    /// @param subjects_ whose records these are.
    constructor(IParticipants participants_, ISubjects subjects_) EIP712("Consentry Records", "1") {
        participants = participants_;
        subjects = subjects_;
    }

    /// @inheritdoc IRecords
    function anchor(RecordLeaf calldata leaf, bytes calldata signature) external returns (RecordId recordId) {
        recordId = leaf.recordIdOf();
        _requireAnchorable(recordId, leaf);
        if (leaf.previous != bytes32(0)) revert RecordsPreviousMismatch(leaf.previous, bytes32(0));
        if (leaf.version != 1) revert RecordsVersionInvalid(leaf.version, 1);
        if (leaf.lineage != bytes32(0)) revert RecordsLineageMismatch(leaf.lineage, bytes32(0));
        _requireLeafSigned(recordId, leaf.custodian, signature);
        _write(recordId, leaf);
    }

    /// @inheritdoc IRecords
    function supersede(
        RecordLeaf calldata previous,
        RecordLeaf calldata leaf,
        bytes calldata signature
    ) external returns (RecordId recordId) {
        recordId = leaf.recordIdOf();
        _requireAnchorable(recordId, leaf);
        RecordId previousId = previous.recordIdOf();
        _requireSuccessor(previousId, previous, leaf);
        _requireLeafSigned(recordId, leaf.custodian, signature);
        _setStatus(previousId, RecordStatus.SUPERSEDED);
        emit RecordSuperseded(previousId, recordId);
        _write(recordId, leaf);
    }

    /// @inheritdoc IRecords
    function statusOf(RecordId recordId) external view returns (RecordStatus status) {
        return _facts[recordId].statusOf();
    }

    /// @inheritdoc IRecords
    function factsOf(RecordId[] calldata recordIds) external view returns (RecordFacts[] memory facts) {
        uint256 count = recordIds.length;
        facts = new RecordFacts[](count);
        for (uint256 i = 0; i < count; ++i) facts[i] = _facts[recordIds[i]];
    }

    /// @inheritdoc IRecords
    function anchoredAt(RecordId recordId) external view returns (uint64 time) {
        return _facts[recordId].anchoredAtOf();
    }

    /// @inheritdoc Erasures
    function _setStatus(RecordId recordId, RecordStatus status) internal override {
        _facts[recordId] = _facts[recordId].withStatus(status);
    }

    /// @inheritdoc Erasures
    function _factsOf(RecordId recordId) internal view override returns (RecordFacts facts) {
        return _facts[recordId];
    }

    /// @inheritdoc Registers
    function _register() internal view override returns (ISubjects register) {
        return subjects;
    }

    /// @inheritdoc Registers
    function _members() internal view override returns (IParticipants register) {
        return participants;
    }

    /// @inheritdoc SignedActs
    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _write(RecordId recordId, RecordLeaf calldata leaf) private {
        _facts[recordId] = packed(leaf, uint48(block.timestamp));
        emit RecordAnchored(recordId, leaf.subjectId, leaf.custodian, leaf);
    }

    function _requireAnchorable(RecordId recordId, RecordLeaf calldata leaf) private view {
        if (!participants.isActiveRelay(msg.sender)) revert RecordsRelayRequired(msg.sender);
        if (_facts[recordId].statusOf() != RecordStatus.NONE) revert RecordsAlreadyAnchored(recordId);
        if (participants.institutionStanding(leaf.custodian) != Standing.ACTIVE) {
            revert RecordsCustodianInactive(leaf.custodian);
        }
        address needed = subjects.custodianOf(leaf.subjectId);
        if (leaf.custodian != needed) revert RecordsSubjectMismatch(leaf.subjectId, leaf.custodian, needed);
        _requireValidContent(leaf);
    }

    function _requireLeafSigned(RecordId recordId, address custodian, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(RecordId.unwrap(recordId));
        bytes memory signer = participants.institutionSigner(custodian);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) {
            revert RecordsSignatureInvalid(recordId, custodian);
        }
    }

    /// @dev `previous` is trusted only from where it is known to be anchored, so its version cannot overflow.
    function _requireSuccessor(
        RecordId previousId,
        RecordLeaf calldata previous,
        RecordLeaf calldata leaf
    ) private view {
        if (leaf.previous != RecordId.unwrap(previousId)) {
            revert RecordsPreviousMismatch(leaf.previous, RecordId.unwrap(previousId));
        }
        RecordStatus status = _facts[previousId].statusOf();
        if (status != RecordStatus.CURRENT) revert RecordsPreviousNotCurrent(previousId, status);
        if (leaf.subjectId != previous.subjectId) revert RecordsSubjectChanged(leaf.subjectId, previous.subjectId);
        uint32 version = previous.version + 1;
        if (leaf.version != version) revert RecordsVersionInvalid(leaf.version, version);
        bytes32 lineage = previous.scopeKeyOf();
        if (leaf.lineage != lineage) revert RecordsLineageMismatch(leaf.lineage, lineage);
        if (leaf.sensitivity < previous.sensitivity) {
            revert RecordsSensitivityLowered(leaf.sensitivity, previous.sensitivity);
        }
    }

    function _requireValidContent(RecordLeaf calldata leaf) private pure {
        if (leaf.category == 0 || leaf.category > HIGHEST_CATEGORY) revert RecordsCategoryInvalid(leaf.category);
        if (leaf.sensitivity == 0 || leaf.sensitivity > HIGHEST_SENSITIVITY) {
            revert RecordsSensitivityInvalid(leaf.sensitivity);
        }
        if (leaf.suite == 0 || leaf.suite > _HIGHEST_SUITE) revert RecordsSuiteUnknown(leaf.suite);
        if (leaf.retention == 0 || leaf.retention > _HIGHEST_RETENTION) revert RecordsRetentionUnknown(leaf.retention);
        bool missing = leaf.ciphertextDigest == bytes32(0) || leaf.commitment == bytes32(0) || leaf.ciphertextSize == 0;
        if (missing) revert RecordsDigestMissing();
    }
}
