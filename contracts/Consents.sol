// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ConsentState, IConsents} from "./interfaces/IConsents.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {Asks} from "./modules/Asks.sol";
import {AssistedGrants} from "./modules/AssistedGrants.sol";
import {Exclusions} from "./modules/Exclusions.sol";
import {Revocations} from "./modules/Revocations.sol";
import {
    ACTION_STORE,
    ACTION_VIEW,
    ASSURANCE_CARD_AND_CODE,
    ASSURANCE_DEVICE_KEY,
    ASSURANCE_GUARDIAN,
    ASSURANCE_STAFF_ASSISTED,
    ConsentStatus,
    HIGHEST_CATEGORY,
    HIGHEST_PURPOSE,
    HIGHEST_SENSITIVITY,
    SCOPE_GRANT,
    SCOPE_REVOKE,
    Standing
} from "./types/Codes.sol";
import {ConsentFacts, factsOf as packed} from "./types/ConsentFacts.sol";
import {ConsentId, ConsentTerms, REVOCATION_TYPEHASH} from "./types/ConsentTerms.sol";

/// @title Consents: granted and revoked by the subject's own signature or a guardian's
/// @notice See `IConsents`. Terms travel in calldata and events; state keeps status, uses and times.
contract Consents is Asks, AssistedGrants, Exclusions, Revocations, IConsents {
    /// @dev Bits 1..HIGHEST_CATEGORY. Bit 0 stands for no code and is as unknown as any bit above.
    uint32 private constant _KNOWN_CATEGORIES = (uint32(2) << HIGHEST_CATEGORY) - 2;
    /// @dev Bits 1..HIGHEST_PURPOSE.
    uint32 private constant _KNOWN_PURPOSES = (uint32(2) << HIGHEST_PURPOSE) - 2;
    uint8 private constant _STORE = uint8(1) << ACTION_STORE;
    uint8 private constant _KNOWN_ACTIONS = (uint8(1) << ACTION_VIEW) | _STORE;

    /// @inheritdoc IConsents
    IParticipants public immutable participants;
    /// @inheritdoc IConsents
    ISubjects public immutable subjects;
    /// @inheritdoc IConsents
    address public immutable accessLedger;

    mapping(ConsentId consentId => ConsentState) private _states;

    /// @param participants_ who may act.
    /// @param subjects_ who may grant.
    /// @param accessLedger_ address the access ledger will have: it is deployed after this contract and checks it.
    /// @param coolDown_ seconds for which a denial keeps the same ask away.
    constructor(
        IParticipants participants_,
        ISubjects subjects_,
        address accessLedger_,
        uint64 coolDown_
    ) EIP712("Consentry Consents", "1") Asks(coolDown_) {
        participants = participants_;
        subjects = subjects_;
        accessLedger = accessLedger_;
    }

    /// @inheritdoc IConsents
    function grant(ConsentTerms calldata sent, bytes calldata signature) external returns (ConsentId consentId) {
        ConsentTerms memory terms = sent;
        consentId = terms.consentIdOf();
        _requireGrantable(consentId, terms);
        _requireValidScope(terms);
        _requireValidConditions(terms);
        _requireAssistable(ConsentId.unwrap(consentId), terms);
        _requireAnswerFits(terms);
        _requireGrantSigned(consentId, terms, signature);
        ConsentState storage state = _states[consentId];
        state.status = ConsentStatus.ACTIVE;
        state.grantedAt = uint64(block.timestamp);
        _countAssisted(ConsentId.unwrap(consentId), terms);
        _closeAsk(terms);
        emit ConsentGranted(consentId, terms.subjectId, terms, signature);
    }

    /// @inheritdoc IConsents
    function revoke(
        ConsentTerms calldata sent,
        bytes32 guardian,
        bytes calldata signature
    ) external returns (ConsentId consentId) {
        ConsentTerms memory terms = sent;
        _requireRelay();
        consentId = terms.consentIdOf();
        ConsentState storage state = _states[consentId];
        if (state.status == ConsentStatus.REVOKED) revert ConsentsAlreadyRevoked(consentId);
        _requireSubject(terms.subjectId);
        _requireUnshielded(consentId, terms, guardian);
        _requireRevocationSigned(consentId, terms.subjectId, guardian, signature);
        _follow(consentId, terms);
        state.status = ConsentStatus.REVOKED;
        state.revokedAt = uint64(block.timestamp);
        emit ConsentRevoked(consentId, terms.subjectId, guardian, signature);
    }

    /// @inheritdoc IConsents
    function countUses(ConsentId[] calldata consentIds, uint32[] calldata counts) external {
        if (msg.sender != accessLedger) revert ConsentsLedgerRequired(msg.sender, accessLedger);
        for (uint256 i = 0; i < consentIds.length; ++i) {
            if (counts[i] == 0) continue;
            ConsentState storage state = _states[consentIds[i]];
            if (state.status != ConsentStatus.ACTIVE) revert ConsentsNotActive(consentIds[i], state.status);
            state.uses += counts[i];
        }
    }

    /// @inheritdoc IConsents
    function stateOf(ConsentId consentId) external view returns (ConsentState memory state) {
        return _states[consentId];
    }

    /// @inheritdoc IConsents
    function factsOf(ConsentId[] calldata consentIds) external view returns (ConsentFacts[] memory facts) {
        uint256 count = consentIds.length;
        facts = new ConsentFacts[](count);
        for (uint256 i = 0; i < count; ++i) facts[i] = packed(_states[consentIds[i]]);
    }

    function _consentStatus(bytes32 consentId) internal view override returns (ConsentStatus status) {
        return _states[ConsentId.wrap(consentId)].status;
    }

    function _requireGrantableTerms(ConsentTerms memory terms) internal view override {
        _requireValidScope(terms);
        _requireValidConditions(terms);
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _register() internal view override returns (ISubjects register) {
        return subjects;
    }

    function _members() internal view override returns (IParticipants register) {
        return participants;
    }

    /// @dev What follows if it is a granted consent that is being revoked.
    function _follow(ConsentId consentId, ConsentTerms memory terms) private {
        ConsentState memory state = _states[consentId];
        if (state.status != ConsentStatus.ACTIVE) return;
        _countUndone(ConsentId.unwrap(consentId), terms.subjectId, state.grantedAt);
        _openDuties(ConsentId.unwrap(consentId), terms, state.uses != 0);
    }

    function _requireGrantable(ConsentId consentId, ConsentTerms memory terms) private view {
        _requireRelay();
        ConsentStatus status = _states[consentId].status;
        if (status == ConsentStatus.ACTIVE) revert ConsentsAlreadyGranted(consentId);
        if (status == ConsentStatus.REVOKED) revert ConsentsAlreadyRevoked(consentId);
        _requireSubject(terms.subjectId);
        bool one = (terms.institution == address(0)) != (terms.group == bytes32(0));
        if (!one || (terms.practitioner != bytes32(0) && terms.institution == address(0))) {
            revert ConsentsGranteeInvalid(terms.institution, terms.group, terms.practitioner);
        }
        bool named = terms.institution != address(0);
        if (named && participants.institutionStanding(terms.institution) == Standing.NONE) {
            revert ConsentsGranteeUnknown(terms.institution);
        }
    }

    /// @dev What is granted for when; the block time takes part.
    function _requireValidConditions(ConsentTerms memory terms) private view {
        uint64 blockTime = uint64(block.timestamp);
        if (terms.validFrom >= terms.validUntil || terms.validUntil <= blockTime) {
            revert ConsentsPeriodInvalid(terms.validFrom, terms.validUntil, blockTime);
        }
        if (terms.maxUses == 0) revert ConsentsUsesInvalid(terms.maxUses);
        if (terms.onwardDisclosure) revert ConsentsOnwardDisclosureRefused();
        _requireValidEraseDate(terms, blockTime);
        if (terms.noticeHash == bytes32(0) || terms.noticeVersion == 0) {
            revert ConsentsNoticeMissing(terms.noticeHash, terms.noticeVersion);
        }
        bool byGuardian = terms.guardian != bytes32(0);
        uint8 level = terms.assurance;
        bool known = level >= ASSURANCE_DEVICE_KEY && level <= ASSURANCE_STAFF_ASSISTED;
        bool fits = level == ASSURANCE_STAFF_ASSISTED || byGuardian == (level == ASSURANCE_GUARDIAN);
        if (!known || !fits) revert ConsentsAssuranceRefused(level);
    }

    /// @dev Whose signature a grant carries follows from its guardian and its assurance level.
    function _requireGrantSigned(
        ConsentId consentId,
        ConsentTerms memory terms,
        bytes calldata signature
    ) private view {
        bytes32 subjectId = terms.subjectId;
        bytes32 guardian = terms.guardian;
        bytes32 digest = _hashTypedDataV4(ConsentId.unwrap(consentId));
        uint8 level = terms.assurance;
        bool signed = false;
        if (level != ASSURANCE_CARD_AND_CODE) {
            bytes memory signer = subjects.signerFor(subjectId, guardian, SCOPE_GRANT);
            signed = SignatureChecker.isValidSignatureNow(signer, digest, signature);
        }
        bool cardCounts = level == ASSURANCE_CARD_AND_CODE || level == ASSURANCE_STAFF_ASSISTED;
        if (!signed && cardCounts && guardian == bytes32(0)) {
            bytes memory card = subjects.cardSignerFor(subjectId, SCOPE_GRANT);
            signed = SignatureChecker.isValidSignatureNow(card, digest, signature);
        }
        if (!signed) revert ConsentsSignatureInvalid(consentId, subjectId);
    }

    /// @dev What a shielded minor granted itself is not its guardians' to take back.
    function _requireUnshielded(ConsentId consentId, ConsentTerms memory terms, bytes32 guardian) private view {
        bool own = terms.guardian == bytes32(0);
        if (own && _isKeptFrom(guardian, terms.subjectId)) revert ConsentsShielded(consentId, guardian);
    }

    /// @dev Who granted with a card takes back with it, and everything else too: to take back needs the less.
    function _requireRevocationSigned(
        ConsentId consentId,
        bytes32 subjectId,
        bytes32 guardian,
        bytes calldata signature
    ) private view {
        bytes32 revocationHash = keccak256(abi.encode(REVOCATION_TYPEHASH, consentId, subjectId, guardian));
        bytes32 digest = _hashTypedDataV4(revocationHash);
        bytes memory signer = subjects.signerFor(subjectId, guardian, SCOPE_REVOKE);
        bool signed = SignatureChecker.isValidSignatureNow(signer, digest, signature);
        if (!signed && guardian == bytes32(0)) {
            bytes memory card = subjects.cardSignerFor(subjectId, SCOPE_REVOKE);
            signed = SignatureChecker.isValidSignatureNow(card, digest, signature);
        }
        if (!signed) revert ConsentsSignatureInvalid(consentId, subjectId);
    }

    function _requireSubject(bytes32 subjectId) private view {
        if (subjects.custodianOf(subjectId) == address(0)) revert ConsentsSubjectUnknown(subjectId);
    }

    function _requireRelay() private view {
        if (!participants.isActiveRelay(msg.sender)) revert ConsentsRelayRequired(msg.sender);
    }

    /// @dev What is granted; no time takes part.
    function _requireValidScope(ConsentTerms memory terms) private pure {
        bool one = (terms.recordsRoot == bytes32(0)) != (terms.categories == 0);
        if (!one || terms.categories & ~_KNOWN_CATEGORIES != 0) {
            revert ConsentsScopeInvalid(terms.recordsRoot, terms.categories);
        }
        if (terms.purposes == 0 || terms.purposes & ~_KNOWN_PURPOSES != 0) {
            revert ConsentsPurposesInvalid(terms.purposes);
        }
        if (terms.actions == 0 || terms.actions & ~_KNOWN_ACTIONS != 0) revert ConsentsActionsInvalid(terms.actions);
        bool wildcard = terms.recordsRoot == bytes32(0);
        uint8 highest = wildcard ? HIGHEST_SENSITIVITY - 1 : HIGHEST_SENSITIVITY;
        if (terms.maxSensitivity == 0 || terms.maxSensitivity > highest) {
            revert ConsentsSensitivityInvalid(terms.maxSensitivity);
        }
        if (terms.dataFrom > terms.dataUntil) revert ConsentsDataPeriodInvalid(terms.dataFrom, terms.dataUntil);
    }

    /// @dev `validFrom` is below `validUntil` here, so adding one cannot overflow.
    function _requireValidEraseDate(ConsentTerms memory terms, uint64 blockTime) private pure {
        if (terms.actions & _STORE == 0) {
            if (terms.eraseBy != 0) revert ConsentsEraseDateInvalid(terms.eraseBy, 0);
            return;
        }
        uint64 needed = (terms.validFrom > blockTime ? terms.validFrom : blockTime) + 1;
        if (terms.eraseBy < needed) revert ConsentsEraseDateInvalid(terms.eraseBy, needed);
    }
}
