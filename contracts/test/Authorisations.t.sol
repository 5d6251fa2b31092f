// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Authorisations} from "../Authorisations.sol";
import {IAuthorisations} from "../interfaces/IAuthorisations.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {
    AuthorisationId,
    AuthorisationState,
    AuthorisationStatus,
    AuthorisationWithdrawal,
    StandingAuthorisation
} from "../types/Authorisation.sol";
import {Standing} from "../types/Codes.sol";
import {Neighbours} from "./Neighbours.sol";

/// @title Every refusal of `Authorisations`
contract AuthorisationsTest is Neighbours {
    Authorisations private _authorisations;

    /// @notice Runs before each test.
    function setUp() external {
        _authorisations = new Authorisations(IParticipants(address(_participants)));
    }

    /// @notice An authority gives it to a known institution of its region.
    function test_authorise_revertsForUnfitParties() external {
        StandingAuthorisation memory act = _act();
        _scriptInstitution(Standing.NONE);
        bytes4 selector = IAuthorisations.AuthorisationsInstitutionUnknown.selector;
        _refuseAct(act, abi.encodeWithSelector(selector, _INSTITUTION));
        _scriptInstitution(Standing.ACTIVE);
        selector = IAuthorisations.AuthorisationsAuthorityForbidden.selector;
        bytes memory problem = abi.encodeWithSelector(selector, _authority, _INSTITUTION);
        _scriptAuthority(Standing.ACTIVE, 110_000);
        _refuseAct(act, problem);
        _scriptAuthority(Standing.SUSPENDED, 0);
        _refuseAct(act, problem);
    }

    /// @notice Basis, its text, sets, level, months and period must be fit.
    function test_authorise_revertsForUnfitTerms() external {
        StandingAuthorisation memory act = _act();
        act.basis = 1;
        _refuseAct(act, abi.encodeWithSelector(IAuthorisations.AuthorisationsBasisInvalid.selector, uint8(1)));
        act = _act();
        act.basisTextHash = bytes32(0);
        _refuseAct(act, abi.encodeWithSelector(IAuthorisations.AuthorisationsBasisTextMissing.selector));
        act = _act();
        act.maxSensitivity = 5;
        _refuseScope(act);
        act = _act();
        act.categories = 1;
        _refuseScope(act);
        act = _act();
        (act.dataFrom, act.dataUntil) = (2, 1);
        _refuseAct(act, abi.encodeWithSelector(IAuthorisations.AuthorisationsDataPeriodInvalid.selector, 2, 1));
        act = _act();
        act.validUntil = act.validFrom + 5_000 days;
        bytes4 selector = IAuthorisations.AuthorisationsPeriodInvalid.selector;
        _refuseAct(act, abi.encodeWithSelector(selector, act.validFrom, act.validUntil, _NOW));
    }

    /// @notice It stands until its authority, or one for the whole country, takes it back.
    function test_withdraw_endsIt() external {
        StandingAuthorisation memory act = _act();
        bytes32 id = AuthorisationId.unwrap(act.authorisationIdOf());
        AuthorisationWithdrawal memory end = AuthorisationWithdrawal(id, _authority, _INSTITUTION, _NOW + 1);
        bytes4 selector = IAuthorisations.AuthorisationsUnknown.selector;
        _refuseEnd(end, abi.encodeWithSelector(selector, id, _INSTITUTION));
        _authorisations.authorise(act, _one());
        require(_stateOf(id).status == AuthorisationStatus.ACTIVE, "not active");
        _scriptAuthority(Standing.ACTIVE, 440_000);
        end.authority = address(0xB000);
        selector = IAuthorisations.AuthorisationsAuthorityForbidden.selector;
        _refuseEnd(end, abi.encodeWithSelector(selector, end.authority, _INSTITUTION));
        end.authority = _authority;
        _authorisations.withdraw(end, _one());
        require(_stateOf(id).withdrawnAt == _NOW, "not withdrawn");
        ++end.signBefore;
        _refuseEnd(end, abi.encodeWithSelector(IAuthorisations.AuthorisationsAlreadyWithdrawn.selector, id));
    }

    function _refuseScope(StandingAuthorisation memory act) private {
        bytes4 selector = IAuthorisations.AuthorisationsScopeInvalid.selector;
        _refuseAct(
            act,
            abi.encodeWithSelector(selector, act.purposes, act.categories, act.actions, act.maxSensitivity)
        );
    }

    function _refuseAct(StandingAuthorisation memory act, bytes memory problem) private {
        _refuse(address(_authorisations), abi.encodeCall(_authorisations.authorise, (act, _one())), problem);
    }

    function _refuseEnd(AuthorisationWithdrawal memory act, bytes memory problem) private {
        _refuse(address(_authorisations), abi.encodeCall(_authorisations.withdraw, (act, _one())), problem);
    }

    function _stateOf(bytes32 id) private view returns (AuthorisationState memory state) {
        AuthorisationId[] memory ids = new AuthorisationId[](1);
        ids[0] = AuthorisationId.wrap(id);
        return _authorisations.statesOf(ids)[0];
    }

    function _act() private view returns (StandingAuthorisation memory act) {
        (act.authority, act.institution, act.basis) = (_authority, _INSTITUTION, 3);
        (act.purposes, act.categories, act.actions, act.maxSensitivity) = (1 << 1, 1 << 3, 1 << 1, 4);
        (act.dataUntil, act.validFrom, act.validUntil) = (1_000, _NOW, _NOW + 1 days);
        (act.basisTextHash, act.signBefore) = (keccak256("law"), _NOW + 1);
    }
}
