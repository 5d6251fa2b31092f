// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuthorisations} from "./interfaces/IAuthorisations.sol";
import {IParticipants} from "./interfaces/IParticipants.sol";
import {Regions} from "./libraries/Regions.sol";
import {SignedActs} from "./modules/SignedActs.sol";
import {
    AUTHORISATION_PERIOD,
    AuthorisationId,
    AuthorisationState,
    AuthorisationStatus,
    AuthorisationWithdrawal,
    StandingAuthorisation
} from "./types/Authorisation.sol";
import {
    ACTION_STORE,
    ACTION_VIEW,
    BASIS_PUBLIC_HEALTH,
    BASIS_STATUTORY_DUTY,
    HIGHEST_CATEGORY,
    HIGHEST_PURPOSE,
    HIGHEST_SENSITIVITY,
    Standing
} from "./types/Codes.sol";

/// @title Standing authorisations
/// @notice See `IAuthorisations`. Terms travel in calldata and events; state keeps status, times, and who is concerned.
contract Authorisations is SignedActs, IAuthorisations {
    /// @dev Bits 1..HIGHEST_CATEGORY. Bit 0 stands for no code and is as unknown as any bit above.
    uint32 private constant _KNOWN_CATEGORIES = (uint32(2) << HIGHEST_CATEGORY) - 2;
    /// @dev Bits 1..HIGHEST_PURPOSE.
    uint32 private constant _KNOWN_PURPOSES = (uint32(2) << HIGHEST_PURPOSE) - 2;
    uint8 private constant _KNOWN_ACTIONS = (uint8(1) << ACTION_VIEW) | (uint8(1) << ACTION_STORE);

    /// @inheritdoc IAuthorisations
    IParticipants public immutable participants;

    mapping(AuthorisationId authorisationId => AuthorisationState) private _states;
    /// @dev Who may look; no decision reads it.
    mapping(AuthorisationId authorisationId => address institution) private _holders;

    /// @param participants_ who may act.
    constructor(IParticipants participants_) EIP712("Consentry Authorisations", "1") {
        participants = participants_;
    }

    /// @inheritdoc IAuthorisations
    function authorise(StandingAuthorisation calldata act, bytes[] calldata signatures) external {
        AuthorisationId authorisationId = act.authorisationIdOf();
        bytes32 actHash = AuthorisationId.unwrap(authorisationId);
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireAuthority(act.authority, act.institution);
        _requireValidScope(act);
        _requireValidPeriod(act.validFrom, act.validUntil);
        _requireSigned(actHash, 0, _signerOf(act.authority), signatures[0]);
        _states[authorisationId] = AuthorisationState({
            status: AuthorisationStatus.ACTIVE,
            givenAt: uint40(block.timestamp),
            withdrawnAt: 0,
            authority: act.authority
        });
        _holders[authorisationId] = act.institution;
        emit AuthorisationGiven(actHash, bytes32(0), act.institution, act, signatures);
    }

    /// @inheritdoc IAuthorisations
    function withdraw(AuthorisationWithdrawal calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.withdrawalHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        AuthorisationId authorisationId = AuthorisationId.wrap(act.authorisationId);
        AuthorisationState storage state = _states[authorisationId];
        if (state.status == AuthorisationStatus.NONE || _holders[authorisationId] != act.institution) {
            revert AuthorisationsUnknown(act.authorisationId, act.institution);
        }
        if (state.status == AuthorisationStatus.WITHDRAWN) revert AuthorisationsAlreadyWithdrawn(act.authorisationId);
        if (!_mayWithdraw(act.authority, state.authority)) {
            revert AuthorisationsAuthorityForbidden(act.authority, act.institution);
        }
        _requireSigned(actHash, 0, _signerOf(act.authority), signatures[0]);
        state.status = AuthorisationStatus.WITHDRAWN;
        state.withdrawnAt = uint40(block.timestamp);
        emit AuthorisationWithdrawn(actHash, bytes32(0), act.institution, act, signatures);
    }

    /// @inheritdoc IAuthorisations
    function statesOf(
        AuthorisationId[] calldata authorisationIds
    ) external view returns (AuthorisationState[] memory states) {
        uint256 count = authorisationIds.length;
        states = new AuthorisationState[](count);
        for (uint256 i = 0; i < count; ++i) states[i] = _states[authorisationIds[i]];
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _requireAuthority(address authority, address institution) private view {
        if (participants.institutionStanding(institution) == Standing.NONE) {
            revert AuthorisationsInstitutionUnknown(institution);
        }
        if (!Regions.isActiveOver(participants, authority, participants.institutionRegion(institution))) {
            revert AuthorisationsAuthorityForbidden(authority, institution);
        }
    }

    function _mayWithdraw(address authority, address giver) private view returns (bool may) {
        (Standing standing, uint32 region) = participants.authorityStanding(authority);
        return standing == Standing.ACTIVE && (authority == giver || region == 0);
    }

    function _requireValidPeriod(uint64 validFrom, uint64 validUntil) private view {
        bool valid = validFrom < validUntil && validUntil > block.timestamp;
        if (!valid || validUntil - validFrom > AUTHORISATION_PERIOD) {
            revert AuthorisationsPeriodInvalid(validFrom, validUntil, uint64(block.timestamp));
        }
    }

    function _requireValidScope(StandingAuthorisation calldata act) private pure {
        if (act.basis != BASIS_STATUTORY_DUTY && act.basis != BASIS_PUBLIC_HEALTH) {
            revert AuthorisationsBasisInvalid(act.basis);
        }
        if (act.basisTextHash == bytes32(0)) revert AuthorisationsBasisTextMissing();
        bool valid = act.purposes != 0 && act.purposes & ~_KNOWN_PURPOSES == 0;
        valid = valid && act.categories != 0 && act.categories & ~_KNOWN_CATEGORIES == 0;
        valid = valid && act.actions != 0 && act.actions & ~_KNOWN_ACTIONS == 0;
        if (!valid || act.maxSensitivity == 0 || act.maxSensitivity >= HIGHEST_SENSITIVITY) {
            revert AuthorisationsScopeInvalid(act.purposes, act.categories, act.actions, act.maxSensitivity);
        }
        if (act.dataFrom > act.dataUntil) revert AuthorisationsDataPeriodInvalid(act.dataFrom, act.dataUntil);
    }

    /// @dev Who signs for an authority: its own account.
    function _signerOf(address authority) private pure returns (bytes memory signer) {
        return abi.encodePacked(authority);
    }
}
