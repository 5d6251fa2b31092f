// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentStatus} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";

/// @notice One storage slot a consent.
struct ConsentState {
    ConsentStatus status;
    uint32 uses; // permitted accesses so far
    uint64 grantedAt; // block time, seconds
    uint64 revokedAt; // block time, seconds; zero while not revoked
}

/// @title Consents: granted and revoked by the subject's own signature
interface IConsents {
    error ConsentsRelayRequired(address account);
    error ConsentsAlreadyGranted(ConsentId consentId);
    error ConsentsAlreadyRevoked(ConsentId consentId);
    error ConsentsSubjectUnknown(bytes32 subjectId);
    error ConsentsGranteeInvalid(address institution, bytes32 group, bytes32 practitioner);
    error ConsentsGranteeUnknown(address institution);
    error ConsentsScopeInvalid(bytes32 recordsRoot, uint32 categories);
    error ConsentsPurposesInvalid(uint32 purposes);
    error ConsentsActionsInvalid(uint8 actions);
    error ConsentsSensitivityInvalid(uint8 maxSensitivity);
    error ConsentsDataPeriodInvalid(uint16 dataFrom, uint16 dataUntil);
    error ConsentsPeriodInvalid(uint64 validFrom, uint64 validUntil, uint64 blockTime);
    error ConsentsUsesInvalid(uint32 maxUses);
    error ConsentsOnwardDisclosureRefused();
    error ConsentsEraseDateInvalid(uint64 eraseBy, uint64 needed);
    error ConsentsNoticeMissing(bytes32 noticeHash, uint32 noticeVersion);
    error ConsentsAssuranceRefused(uint8 assurance);
    error ConsentsSignatureInvalid(ConsentId consentId, bytes32 subjectId);
    error ConsentsLedgerRequired(address account, address needed);
    error ConsentsNotActive(ConsentId consentId, ConsentStatus status);

    event ConsentGranted(ConsentId indexed consentId, bytes32 indexed subjectId, ConsentTerms terms, bytes signature);
    event ConsentRevoked(ConsentId indexed consentId, bytes32 indexed subjectId, bytes signature);

    /// @notice Grants; the subject signed the EIP-712 `ConsentTerms` in this contract's domain.
    function grant(ConsentTerms calldata terms, bytes calldata signature) external returns (ConsentId);
    /// @notice Takes back, also before the grant was mined; the subject signed the EIP-712 `Revocation`.
    function revoke(ConsentTerms calldata terms, bytes calldata signature) external returns (ConsentId);
    /// @notice Counts one permitted access. Only the access ledger may call.
    function countUse(ConsentId consentId) external;
    function stateOf(ConsentId consentId) external view returns (ConsentState memory);
    /// @return the one contract that may count uses.
    function accessLedger() external view returns (address);
}
