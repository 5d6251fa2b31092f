// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";

import {IAuthorities} from "../interfaces/IAuthorities.sol";
import {Regions} from "../libraries/Regions.sol";
import {Standing} from "../types/Codes.sol";
import {COUNTRYWIDE_OFFICES, FIRST_OFFICES, HIGHEST_OFFICE, OFFICES, ROLE_NATIONAL} from "../types/Roles.sol";

/// @title Authorities, their officers, and acts that take two of them
/// @notice See `IAuthorities`.
abstract contract Authorities is AccessManaged, IAuthorities {
    struct Authority {
        Standing standing;
        uint32 region; // administrative code, zero for the whole country
    }

    struct Proposal {
        address proposer;
        uint64 lapsesAt; // seconds
    }

    /// @dev Region of what concerns no province alone.
    uint32 internal constant _COUNTRY = 0;
    /// @dev Time in which a second officer can confirm an act.
    uint64 private constant _PROPOSAL_TIME = 7 days;
    uint32 private constant _LOWEST_REGION = 100_000;
    uint32 private constant _HIGHEST_REGION = 999_999;

    mapping(address authority => Authority) private _authorities;
    /// @dev The authority an officer acts for; zero when it is none.
    mapping(address officer => address authority) private _officers;
    mapping(bytes32 act => Proposal) private _proposals;

    /// @inheritdoc IAuthorities
    function admitAuthority(address authority_, uint32 region, bytes32 profileHash) external restricted {
        _requireOfficerOver(_COUNTRY);
        _requireNewAuthority(authority_, region);
        if (!_isConfirmed(_COUNTRY)) return;
        _enterAuthority(authority_, region, profileHash, FIRST_OFFICES);
    }

    /// @inheritdoc IAuthorities
    function suspendAuthority(address authority_, bytes32 reasonHash) external restricted {
        _changeAuthority(authority_, Standing.ACTIVE, Standing.SUSPENDED, reasonHash);
    }

    /// @inheritdoc IAuthorities
    function reinstateAuthority(address authority_, bytes32 reasonHash) external restricted {
        _changeAuthority(authority_, Standing.SUSPENDED, Standing.ACTIVE, reasonHash);
    }

    /// @inheritdoc IAuthorities
    function appointOfficer(address authority_, address officer, uint8 roles) external restricted {
        _requireOfficerOver(_COUNTRY);
        Authority storage entry = _authorities[authority_];
        if (entry.standing == Standing.NONE) revert ParticipantsUnknown(authority_);
        _requireAppointable(authority_, officer);
        bool known = roles != 0 && roles & ~OFFICES == 0;
        bool within = roles & COUNTRYWIDE_OFFICES == 0 || entry.region == _COUNTRY;
        if (!known || !within) revert ParticipantsRolesInvalid(roles);
        if (!_isConfirmed(_COUNTRY)) return;
        _appoint(authority_, officer, roles);
    }

    /// @inheritdoc IAuthorities
    function dismissOfficer(address officer) external restricted {
        _requireOfficerOver(_COUNTRY);
        address authority_ = _officers[officer];
        if (authority_ == address(0)) revert ParticipantsUnknown(officer);
        if (!_isConfirmed(_COUNTRY)) return;
        delete _officers[officer];
        emit OfficerDismissed(authority_, officer);
        for (uint64 role = ROLE_NATIONAL; role <= HIGHEST_OFFICE; ++role) {
            IAccessManager(authority()).revokeRole(role, officer);
        }
    }

    /// @inheritdoc IAuthorities
    function authorityStanding(address authority_) external view returns (Standing standing, uint32 region) {
        Authority storage entry = _authorities[authority_];
        return (entry.standing, entry.region);
    }

    /// @inheritdoc IAuthorities
    function authorityOf(address officer) external view returns (address authority_) {
        return _officers[officer];
    }

    /// @inheritdoc IAuthorities
    function proposalOf(bytes32 act) external view returns (address proposer, uint64 lapsesAt) {
        Proposal storage proposal = _proposals[act];
        return (proposal.proposer, proposal.lapsesAt);
    }

    /// @dev Whether this call is the second one of an act; the first one proposes it and changes nothing else. To be
    /// asked when everything else is checked.
    function _isConfirmed(uint32 region) internal returns (bool confirmed) {
        bytes32 act = keccak256(msg.data);
        Proposal storage proposal = _proposals[act];
        address proposer = proposal.proposer;
        if (block.timestamp >= proposal.lapsesAt || !_mayStillPropose(proposer, region)) {
            _propose(msg.data, uint64(block.timestamp) + _PROPOSAL_TIME);
            return false;
        }
        if (proposer == msg.sender) revert ParticipantsSecondOfficerRequired(act, msg.sender);
        delete _proposals[act];
        emit ActConfirmed(act, msg.sender);
        return true;
    }

    /// @dev Lets an act wait for a second officer until `lapsesAt`.
    function _propose(bytes memory call, uint64 lapsesAt) internal {
        bytes32 act = keccak256(call);
        _proposals[act] = Proposal({proposer: msg.sender, lapsesAt: lapsesAt});
        emit ActProposed(act, bytes4(call), msg.sender, lapsesAt, call);
    }

    /// @dev Enters an authority whose form was checked, with its own account as first officer.
    function _enterAuthority(address authority_, uint32 region, bytes32 profileHash, uint8 roles) internal {
        _authorities[authority_] = Authority({standing: Standing.ACTIVE, region: region});
        emit AuthorityAdmitted(authority_, region, profileHash);
        _appoint(authority_, authority_, roles);
    }

    /// @dev The separation of roles is checked where `Governance` grants them.
    function _appoint(address authority_, address officer, uint8 roles) internal {
        _officers[officer] = authority_;
        emit OfficerAppointed(authority_, officer, roles);
        for (uint64 role = ROLE_NATIONAL; role <= HIGHEST_OFFICE; ++role) {
            if ((roles >> role) & 1 != 0) IAccessManager(authority()).grantRole(role, officer, 0);
        }
    }

    /// @dev The authority of the calling officer.
    function _ownAuthority() internal view returns (address authority_) {
        return _officers[msg.sender];
    }

    /// @dev The caller is an officer of an active authority and the region lies within that one's.
    function _requireOfficerOver(uint32 region) internal view {
        if (!_isOfficerOver(msg.sender, region)) revert ParticipantsRegionForbidden(msg.sender, region);
    }

    function _requireNewAuthority(address authority_, uint32 region) internal view {
        _requireNonZero(authority_);
        _requireValidRegion(region);
        if (_authorities[authority_].standing != Standing.NONE) revert ParticipantsAlreadyAdmitted(authority_);
        _requireAppointable(authority_, authority_);
    }

    function _requireAppointable(address authority_, address officer) internal view {
        _requireNonZero(officer);
        address other = _officers[officer];
        if (other != address(0) && other != authority_) revert ParticipantsAlreadyAdmitted(officer);
        if (officer == authority()) revert ParticipantsOfficerInvalid(officer);
    }

    function _isActiveAuthority(address authority_) internal view returns (bool active) {
        return _authorities[authority_].standing == Standing.ACTIVE;
    }

    /// @dev Reverts for an authority that was never admitted.
    function _regionOfAuthority(address authority_) internal view returns (uint32 region) {
        Authority storage entry = _authorities[authority_];
        if (entry.standing == Standing.NONE) revert ParticipantsUnknown(authority_);
        return entry.region;
    }

    function _requireStanding(address participant, Standing standing, Standing needed) internal pure {
        if (standing == Standing.NONE) revert ParticipantsUnknown(participant);
        if (standing != needed) revert ParticipantsStandingMismatch(participant, standing, needed);
    }

    function _requireValidRegion(uint32 region) internal pure {
        bool valid = region == _COUNTRY || (region >= _LOWEST_REGION && region <= _HIGHEST_REGION);
        if (!valid) revert ParticipantsRegionInvalid(region);
    }

    function _requireNonZero(address value) internal pure {
        if (value == address(0)) revert ParticipantsZeroValue();
    }

    function _changeAuthority(address authority_, Standing from, Standing to, bytes32 reasonHash) private {
        _requireOfficerOver(_COUNTRY);
        if (authority_ == _ownAuthority()) revert ParticipantsOwnStanding(authority_);
        Authority storage entry = _authorities[authority_];
        _requireStanding(authority_, entry.standing, from);
        if (!_isConfirmed(_COUNTRY)) return;
        entry.standing = to;
        emit AuthorityStandingChanged(authority_, to, reasonHash);
    }

    /// @dev Whether who proposed an act has the role and the region for it to this day.
    function _mayStillPropose(address proposer, uint32 region) private view returns (bool may) {
        if (!_isOfficerOver(proposer, region)) return false;
        (bool immediate, uint32 delay) = IAccessManager(authority()).canCall(proposer, address(this), msg.sig);
        return immediate || delay != 0;
    }

    function _isOfficerOver(address officer, uint32 region) private view returns (bool over) {
        Authority storage entry = _authorities[_officers[officer]];
        bool within = Regions.isWithin(region, entry.region);
        return entry.standing == Standing.ACTIVE && within;
    }
}
