// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordStatus} from "../types/Codes.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";

/// @title Anchored record versions
interface IRecords {
    error RecordsRelayRequired(address account);
    error RecordsAlreadyAnchored(RecordId recordId);
    error RecordsCustodianInactive(address custodian);
    error RecordsSubjectMismatch(bytes32 subjectId, address custodian, address needed);
    error RecordsCategoryInvalid(uint8 category);
    error RecordsSensitivityInvalid(uint8 sensitivity);
    error RecordsSuiteUnknown(uint16 suite);
    error RecordsRetentionUnknown(uint8 retention);
    error RecordsDigestMissing();
    error RecordsVersionInvalid(uint32 version, uint32 needed);
    error RecordsLineageMismatch(bytes32 lineage, bytes32 needed);
    error RecordsPreviousMismatch(bytes32 previous, bytes32 needed);
    error RecordsPreviousNotCurrent(RecordId previous, RecordStatus status);
    error RecordsSignatureInvalid(RecordId recordId, address custodian);

    event RecordAnchored(RecordId indexed recordId, bytes32 indexed subjectId, address indexed custodian, RecordLeaf leaf);
    event RecordSuperseded(RecordId indexed recordId, RecordId indexed by);

    /// @notice Anchors a first version; the custodian signed the EIP-712 `RecordLeaf` in this contract's domain.
    function anchor(RecordLeaf calldata leaf, bytes calldata signature) external returns (RecordId);
    /// @notice Anchors the next version of a record; `previous` is the full leaf of the current version.
    function supersede(RecordLeaf calldata previous, RecordLeaf calldata leaf, bytes calldata signature) external returns (RecordId);
    function statusOf(RecordId recordId) external view returns (RecordStatus);
    /// @return block time in seconds, zero when never anchored.
    function anchoredAt(RecordId recordId) external view returns (uint64);
}
