// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {Standing} from "./types/Codes.sol";

/// @title Who may act
/// @notice See `IParticipants`. Every change goes through the `AccessManager` given at deployment.
contract Participants is AccessManaged, IParticipants {
    struct Authority {
        Standing standing;
        uint32 region; // administrative code, zero for the whole country
    }

    struct Institution {
        Standing standing;
        uint32 region; // administrative code
        bytes32 releaseKeyHash; // SHA-256 of the HPKE public key
        bytes signer; // ERC-7913; an account of 20 bytes takes one slot
    }

    struct Deployment {
        address target;
        uint32 version; // from 1
    }

    /// @dev Digits of a region code below those of the province.
    uint32 private constant _PROVINCE = 10_000;
    uint32 private constant _LOWEST_REGION = 100_000;
    uint32 private constant _HIGHEST_REGION = 999_999;
    /// @dev Bytes of an account, and of the verifier address that starts a longer signer.
    uint256 private constant _ACCOUNT_LENGTH = 20;

    mapping(address authority => Authority) private _authorities;
    mapping(address institution => Institution) private _institutions;
    /// @dev The institution or authority a relay belongs to; zero when it is none.
    mapping(address relay => address member) private _members;
    mapping(bytes32 group => mapping(address institution => bool)) private _groups;
    mapping(address verifier => bool) private _verifiers;
    mapping(bytes32 name => Deployment) private _deployments;

    /// @param manager the `AccessManager` that says which account may call what.
    constructor(address manager) AccessManaged(manager) {}

    /// @inheritdoc IParticipants
    function admitAuthority(address authority_, uint32 region, bytes32 profileHash) external restricted {
        _requireNonZero(authority_);
        _requireValidRegion(region);
        Authority storage entry = _authorities[authority_];
        if (entry.standing != Standing.NONE) revert ParticipantsAlreadyAdmitted(authority_);
        entry.standing = Standing.ACTIVE;
        entry.region = region;
        emit AuthorityAdmitted(authority_, region, profileHash);
    }

    /// @inheritdoc IParticipants
    function suspendAuthority(address authority_, bytes32 reasonHash) external restricted {
        _changeAuthority(authority_, Standing.ACTIVE, Standing.SUSPENDED, reasonHash);
    }

    /// @inheritdoc IParticipants
    function reinstateAuthority(address authority_, bytes32 reasonHash) external restricted {
        _changeAuthority(authority_, Standing.SUSPENDED, Standing.ACTIVE, reasonHash);
    }

    /// @inheritdoc IParticipants
    function admitInstitution(
        address institution,
        uint32 region,
        bytes calldata signer,
        bytes calldata releaseKey,
        bytes32 profileHash
    ) external restricted {
        _requireNonZero(institution);
        _requireValidRegion(region);
        _requireAuthorityOver(region);
        if (_institutions[institution].standing != Standing.NONE) revert ParticipantsAlreadyAdmitted(institution);
        if (!_isAcceptableSigner(signer)) revert ParticipantsSignerInvalid(signer);
        if (releaseKey.length == 0) revert ParticipantsReleaseKeyInvalid(institution);
        _institutions[institution] = Institution({
            standing: Standing.ACTIVE,
            region: region,
            releaseKeyHash: sha256(releaseKey),
            signer: signer
        });
        emit InstitutionAdmitted(institution, msg.sender, region, signer, releaseKey, profileHash);
    }

    /// @inheritdoc IParticipants
    function suspendInstitution(address institution, bytes32 reasonHash) external restricted {
        _changeInstitution(institution, Standing.ACTIVE, Standing.SUSPENDED, reasonHash);
    }

    /// @inheritdoc IParticipants
    function reinstateInstitution(address institution, bytes32 reasonHash) external restricted {
        _changeInstitution(institution, Standing.SUSPENDED, Standing.ACTIVE, reasonHash);
    }

    /// @inheritdoc IParticipants
    function admitRelay(address relay, address member) external restricted {
        _requireNonZero(relay);
        _requireAuthorityOver(_regionOfMember(member));
        if (_members[relay] != address(0)) revert ParticipantsAlreadyAdmitted(relay);
        _members[relay] = member;
        emit RelayAdmitted(relay, member);
    }

    /// @inheritdoc IParticipants
    function removeRelay(address relay) external restricted {
        address member = _members[relay];
        if (member == address(0)) revert ParticipantsUnknown(relay);
        _requireAuthorityOver(_regionOfMember(member));
        delete _members[relay];
        emit RelayRemoved(relay, member);
    }

    /// @inheritdoc IParticipants
    function changeGroupMembership(bytes32 group, address institution, bool member) external restricted {
        if (group == bytes32(0)) revert ParticipantsZeroValue();
        if (address(bytes20(group)) != msg.sender) revert ParticipantsGroupForbidden(msg.sender, group);
        Institution storage entry = _institutions[institution];
        if (entry.standing == Standing.NONE) revert ParticipantsUnknown(institution);
        _requireAuthorityOver(entry.region);
        if (_groups[group][institution] == member) return;
        _groups[group][institution] = member;
        emit GroupMembershipChanged(group, institution, member);
    }

    /// @inheritdoc IParticipants
    function admitVerifier(address verifier) external restricted {
        _requireNonZero(verifier);
        if (_verifiers[verifier]) revert ParticipantsAlreadyAdmitted(verifier);
        _verifiers[verifier] = true;
        emit VerifierAdmitted(verifier);
    }

    /// @inheritdoc IParticipants
    function nameDeployment(bytes32 name, address deployment, uint32 version) external restricted {
        _requireNonZero(deployment);
        if (name == bytes32(0) || version == 0) revert ParticipantsZeroValue();
        _deployments[name] = Deployment({target: deployment, version: version});
        emit DeploymentNamed(name, deployment, version);
    }

    /// @inheritdoc IParticipants
    function authorityStanding(address authority_) external view returns (Standing standing, uint32 region) {
        Authority storage entry = _authorities[authority_];
        return (entry.standing, entry.region);
    }

    /// @inheritdoc IParticipants
    function institutionStanding(address institution) external view returns (Standing standing) {
        return _institutions[institution].standing;
    }

    /// @inheritdoc IParticipants
    function institutionRegion(address institution) external view returns (uint32 region) {
        return _institutions[institution].region;
    }

    /// @inheritdoc IParticipants
    function institutionForDecision(
        address institution
    ) external view returns (Standing standing, bytes32 releaseKeyHash, bytes memory signer) {
        Institution storage entry = _institutions[institution];
        return (entry.standing, entry.releaseKeyHash, entry.signer);
    }

    /// @inheritdoc IParticipants
    function institutionSigner(address institution) external view returns (bytes memory signer) {
        return _institutions[institution].signer;
    }

    /// @inheritdoc IParticipants
    function isActiveRelay(address relay) external view returns (bool active) {
        address member = _members[relay];
        return
            _institutions[member].standing == Standing.ACTIVE || _authorities[member].standing == Standing.ACTIVE;
    }

    /// @inheritdoc IParticipants
    function isGroupMember(bytes32 group, address institution) external view returns (bool member) {
        return _groups[group][institution];
    }

    /// @inheritdoc IParticipants
    function isVerifier(address verifier) external view returns (bool admitted) {
        return _verifiers[verifier];
    }

    /// @inheritdoc IParticipants
    function isAcceptableSigner(bytes calldata signer) external view returns (bool acceptable) {
        return _isAcceptableSigner(signer);
    }

    /// @inheritdoc IParticipants
    function deploymentOf(bytes32 name) external view returns (address deployment, uint32 version) {
        Deployment storage entry = _deployments[name];
        return (entry.target, entry.version);
    }

    function _changeAuthority(address authority_, Standing from, Standing to, bytes32 reasonHash) private {
        Authority storage entry = _authorities[authority_];
        _requireStanding(authority_, entry.standing, from);
        entry.standing = to;
        emit AuthorityStandingChanged(authority_, to, reasonHash);
    }

    function _changeInstitution(address institution, Standing from, Standing to, bytes32 reasonHash) private {
        Institution storage entry = _institutions[institution];
        _requireStanding(institution, entry.standing, from);
        _requireAuthorityOver(entry.region);
        entry.standing = to;
        emit InstitutionStandingChanged(institution, msg.sender, to, reasonHash);
    }

    /// @dev The caller is an active authority and the region lies within its own.
    function _requireAuthorityOver(uint32 region) private view {
        Authority storage caller = _authorities[msg.sender];
        bool within = caller.region == 0 || caller.region / _PROVINCE == region / _PROVINCE;
        if (caller.standing != Standing.ACTIVE || !within) revert ParticipantsRegionForbidden(msg.sender, region);
    }

    /// @dev An institution comes first where one account is both.
    function _regionOfMember(address member) private view returns (uint32 region) {
        Institution storage institution = _institutions[member];
        if (institution.standing != Standing.NONE) return institution.region;
        Authority storage entry = _authorities[member];
        if (entry.standing == Standing.NONE) revert ParticipantsUnknown(member);
        return entry.region;
    }

    function _isAcceptableSigner(bytes calldata signer) private view returns (bool acceptable) {
        if (signer.length < _ACCOUNT_LENGTH) return false;
        address head = address(bytes20(signer));
        return signer.length == _ACCOUNT_LENGTH ? head != address(0) : _verifiers[head];
    }

    function _requireStanding(address participant, Standing standing, Standing needed) private pure {
        if (standing == Standing.NONE) revert ParticipantsUnknown(participant);
        if (standing != needed) revert ParticipantsStandingMismatch(participant, standing, needed);
    }

    function _requireValidRegion(uint32 region) private pure {
        bool valid = region == 0 || (region >= _LOWEST_REGION && region <= _HIGHEST_REGION);
        if (!valid) revert ParticipantsRegionInvalid(region);
    }

    function _requireNonZero(address value) private pure {
        if (value == address(0)) revert ParticipantsZeroValue();
    }
}
