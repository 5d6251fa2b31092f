// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Authorities} from "./governance/Authorities.sol";
import {Founding, IParticipants} from "./interfaces/IParticipants.sol";
import {Standing} from "./types/Codes.sol";
import {InstitutionKeys} from "./types/InstitutionKeys.sol";
import {FOUNDING_OFFICES} from "./types/Roles.sol";

/// @title Who may act
/// @notice See `IParticipants` and `IAuthorities`. Every change but an institution's own goes through the `Governance`
/// given at deployment.
contract Participants is Authorities, EIP712, IParticipants {
    struct Institution {
        Standing standing; // as two officers left it
        uint32 region; // administrative code
        uint64 suspendedUntil; // seconds; a suspension in emergency, over once this is reached
        uint32 dailyLimit; // zero for the default
        uint16 emergencyLimit; // zero for the default
        bytes32 releaseKeyHash; // SHA-256 of the HPKE public key
        bytes signer; // ERC-7913; an account of 20 bytes takes one slot
    }

    struct Deployment {
        address target;
        uint32 version; // from 1
    }

    /// @dev How long one officer alone can suspend an institution.
    uint64 private constant _EMERGENCY_TIME = 72 hours;
    /// @dev Permitted accesses of an institution a day, where none are set.
    uint32 private constant _DAILY_LIMIT = 100_000;
    /// @dev Accesses without consent in an emergency a day, where none are set.
    uint16 private constant _EMERGENCY_LIMIT = 50;
    /// @dev Bytes of an account, and of the verifier address that starts a longer signer.
    uint256 private constant _ACCOUNT_LENGTH = 20;

    mapping(address institution => Institution) private _institutions;
    /// @dev Who suspended it in emergency last; zero once two officers have suspended or reinstated it.
    mapping(address institution => address officer) private _emergencyOfficers;
    /// @dev The institution or authority a relay belongs to; zero when it is none.
    mapping(address relay => address member) private _members;
    mapping(bytes32 group => mapping(address institution => bool)) private _groups;
    mapping(address verifier => bool) private _verifiers;
    mapping(bytes32 name => Deployment) private _deployments;
    mapping(bytes32 keysHash => bool) private _usedKeys;
    bool private _hasBegun;

    /// @param manager the `Governance` that says which account may call what.
    constructor(address manager) AccessManaged(manager) EIP712("Consentry Participants", "1") {}

    /// @inheritdoc IParticipants
    function begin(Founding calldata founding) external restricted {
        uint256 count = founding.names.length;
        if (_hasBegun || count != founding.deployments.length) revert ParticipantsFoundingInvalid();
        _hasBegun = true;
        _requireNewAuthority(founding.authority, _COUNTRY);
        if (founding.secondOfficer == founding.authority) revert ParticipantsOfficerInvalid(founding.secondOfficer);
        _requireAppointable(founding.authority, founding.secondOfficer);
        _enterAuthority(founding.authority, _COUNTRY, founding.profileHash, FOUNDING_OFFICES);
        _appoint(founding.authority, founding.secondOfficer, FOUNDING_OFFICES);
        for (uint256 i = 0; i < founding.verifiers.length; ++i) {
            _requireNewVerifier(founding.verifiers[i]);
            _enterVerifier(founding.verifiers[i]);
        }
        for (uint256 i = 0; i < count; ++i) {
            _requireNameable(founding.names[i], founding.deployments[i], 1);
            _name(founding.names[i], founding.deployments[i], 1);
        }
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
        _requireOfficerOver(region);
        Institution storage entry = _institutions[institution];
        if (entry.standing != Standing.NONE) revert ParticipantsAlreadyAdmitted(institution);
        _requireKeys(institution, signer, releaseKey);
        if (!_isConfirmed(region)) return;
        entry.standing = Standing.ACTIVE;
        entry.region = region;
        entry.releaseKeyHash = sha256(releaseKey);
        entry.signer = signer;
        emit InstitutionAdmitted(institution, _ownAuthority(), region, signer, releaseKey, profileHash);
    }

    /// @inheritdoc IParticipants
    function suspendInstitution(address institution, bytes32 reasonHash) external restricted {
        // During a suspension in emergency the standing is still active as two officers left it.
        _requireStanding(institution, _institutions[institution].standing, Standing.ACTIVE);
        _changeInstitution(institution, Standing.SUSPENDED, reasonHash);
    }

    /// @inheritdoc IParticipants
    function suspendInEmergency(address institution, bytes32 reasonHash) external restricted {
        Institution storage entry = _institutions[institution];
        _requireStanding(institution, _standingOf(entry), Standing.ACTIVE);
        _requireOfficerOver(entry.region);
        if (_emergencyOfficers[institution] == msg.sender) {
            revert ParticipantsEmergencyRepeated(institution, msg.sender);
        }
        uint64 until = uint64(block.timestamp) + _EMERGENCY_TIME;
        entry.suspendedUntil = until;
        _emergencyOfficers[institution] = msg.sender;
        emit InstitutionSuspendedInEmergency(institution, _ownAuthority(), msg.sender, until, reasonHash);
        _propose(abi.encodeCall(this.suspendInstitution, (institution, reasonHash)), until);
    }

    /// @inheritdoc IParticipants
    function reinstateInstitution(address institution, bytes32 reasonHash) external restricted {
        _requireStanding(institution, _standingOf(_institutions[institution]), Standing.SUSPENDED);
        _changeInstitution(institution, Standing.ACTIVE, reasonHash);
    }

    /// @inheritdoc IParticipants
    function resetInstitutionKeys(
        address institution,
        bytes calldata signer,
        bytes calldata releaseKey
    ) external restricted {
        Institution storage entry = _knownInstitution(institution);
        _requireOfficerOver(entry.region);
        _requireKeys(institution, signer, releaseKey);
        if (!_isConfirmed(entry.region)) return;
        _replaceKeys(institution, _ownAuthority(), signer, releaseKey, 0);
    }

    /// @inheritdoc IParticipants
    function limitInstitution(
        address institution,
        uint32 dailyLimit,
        uint16 emergencyLimit
    ) external restricted {
        Institution storage entry = _knownInstitution(institution);
        _requireOfficerOver(entry.region);
        if (!_isConfirmed(entry.region)) return;
        entry.dailyLimit = dailyLimit;
        entry.emergencyLimit = emergencyLimit;
        emit InstitutionLimited(institution, _ownAuthority(), dailyLimit, emergencyLimit);
    }

    /// @inheritdoc IParticipants
    function rotateInstitutionKeys(
        InstitutionKeys calldata keys,
        bytes calldata signature,
        bytes calldata newSignature
    ) external {
        if (!_isActiveRelay(msg.sender)) revert ParticipantsRelayRequired(msg.sender);
        Institution storage entry = _institutions[keys.institution];
        _requireStanding(keys.institution, _standingOf(entry), Standing.ACTIVE);
        _requireKeys(keys.institution, keys.signer, keys.releaseKey);
        if (block.timestamp >= keys.signBefore) {
            revert ParticipantsKeysExpired(keys.signBefore, uint64(block.timestamp));
        }
        bytes32 keysHash = keys.institutionKeysHashOf();
        if (_usedKeys[keysHash]) revert ParticipantsKeysUsed(keysHash);
        bytes32 digest = _hashTypedDataV4(keysHash);
        if (!SignatureChecker.isValidSignatureNow(entry.signer, digest, signature)) {
            revert ParticipantsSignatureInvalid(keys.institution);
        }
        if (!SignatureChecker.isValidSignatureNow(keys.signer, digest, newSignature)) {
            revert ParticipantsNewSignatureInvalid(keys.institution);
        }
        _usedKeys[keysHash] = true;
        _replaceKeys(keys.institution, address(0), keys.signer, keys.releaseKey, keys.signBefore);
    }

    /// @inheritdoc IParticipants
    function admitRelay(address relay, address member) external restricted {
        _requireNonZero(relay);
        uint32 region = _regionOfMember(member);
        _requireOfficerOver(region);
        if (_members[relay] != address(0)) revert ParticipantsAlreadyAdmitted(relay);
        if (!_isConfirmed(region)) return;
        _members[relay] = member;
        emit RelayAdmitted(relay, member);
    }

    /// @inheritdoc IParticipants
    function removeRelay(address relay) external restricted {
        address member = _members[relay];
        if (member == address(0)) revert ParticipantsUnknown(relay);
        _requireOfficerOver(_regionOfMember(member));
        delete _members[relay];
        emit RelayRemoved(relay, member);
    }

    /// @inheritdoc IParticipants
    function changeGroupMembership(bytes32 group, address institution, bool member) external restricted {
        if (group == bytes32(0)) revert ParticipantsZeroValue();
        if (address(bytes20(group)) != _ownAuthority()) revert ParticipantsGroupForbidden(msg.sender, group);
        _requireOfficerOver(_knownInstitution(institution).region);
        if (_groups[group][institution] == member) return;
        _groups[group][institution] = member;
        emit GroupMembershipChanged(group, institution, member);
    }

    /// @inheritdoc IParticipants
    function admitVerifier(address verifier) external restricted {
        _requireOfficerOver(_COUNTRY);
        _requireNewVerifier(verifier);
        if (!_isConfirmed(_COUNTRY)) return;
        _enterVerifier(verifier);
    }

    /// @inheritdoc IParticipants
    function nameDeployment(bytes32 name, address deployment, uint32 version) external restricted {
        _requireOfficerOver(_COUNTRY);
        _requireNameable(name, deployment, version);
        if (!_isConfirmed(_COUNTRY)) return;
        _name(name, deployment, version);
    }

    /// @inheritdoc IParticipants
    function institutionStanding(address institution) external view returns (Standing standing) {
        return _standingOf(_institutions[institution]);
    }

    /// @inheritdoc IParticipants
    function institutionRegion(address institution) external view returns (uint32 region) {
        return _institutions[institution].region;
    }

    /// @inheritdoc IParticipants
    function institutionForDecision(
        address institution
    )
        external
        view
        returns (
            Standing standing,
            bytes32 releaseKeyHash,
            bytes memory signer,
            uint32 dailyLimit,
            uint16 emergencyLimit
        )
    {
        Institution storage entry = _institutions[institution];
        dailyLimit = entry.dailyLimit == 0 ? _DAILY_LIMIT : entry.dailyLimit;
        emergencyLimit = entry.emergencyLimit == 0 ? _EMERGENCY_LIMIT : entry.emergencyLimit;
        return (_standingOf(entry), entry.releaseKeyHash, entry.signer, dailyLimit, emergencyLimit);
    }

    /// @inheritdoc IParticipants
    function emergencyOf(address institution) external view returns (address officer, uint64 until) {
        return (_emergencyOfficers[institution], _institutions[institution].suspendedUntil);
    }

    /// @inheritdoc IParticipants
    function isKeysUsed(bytes32 keysHash) external view returns (bool used) {
        return _usedKeys[keysHash];
    }

    /// @inheritdoc IParticipants
    function institutionSigner(address institution) external view returns (bytes memory signer) {
        return _institutions[institution].signer;
    }

    /// @inheritdoc IParticipants
    function isActiveRelay(address relay) external view returns (bool active) {
        return _isActiveRelay(relay);
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

    /// @dev The standing the change starts from was checked; any suspension in emergency is settled by it.
    function _changeInstitution(address institution, Standing to, bytes32 reasonHash) private {
        Institution storage entry = _institutions[institution];
        _requireOfficerOver(entry.region);
        if (!_isConfirmed(entry.region)) return;
        entry.standing = to;
        entry.suspendedUntil = 0;
        delete _emergencyOfficers[institution];
        emit InstitutionStandingChanged(institution, _ownAuthority(), to, reasonHash);
    }

    function _replaceKeys(
        address institution,
        address by,
        bytes calldata signer,
        bytes calldata releaseKey,
        uint64 signBefore
    ) private {
        Institution storage entry = _institutions[institution];
        entry.signer = signer;
        entry.releaseKeyHash = sha256(releaseKey);
        emit InstitutionKeysRotated(institution, by, signer, releaseKey, signBefore);
    }

    function _enterVerifier(address verifier) private {
        _verifiers[verifier] = true;
        emit VerifierAdmitted(verifier);
    }

    function _name(bytes32 name, address deployment, uint32 version) private {
        _deployments[name] = Deployment({target: deployment, version: version});
        emit DeploymentNamed(name, deployment, version);
    }

    function _requireNewVerifier(address verifier) private view {
        _requireNonZero(verifier);
        if (_verifiers[verifier]) revert ParticipantsAlreadyAdmitted(verifier);
    }

    function _requireKeys(address institution, bytes calldata signer, bytes calldata releaseKey) private view {
        if (!_isAcceptableSigner(signer)) revert ParticipantsSignerInvalid(signer);
        if (releaseKey.length == 0) revert ParticipantsReleaseKeyInvalid(institution);
    }

    /// @dev Reverts for an institution that was never admitted.
    function _knownInstitution(address institution) private view returns (Institution storage entry) {
        entry = _institutions[institution];
        if (entry.standing == Standing.NONE) revert ParticipantsUnknown(institution);
    }

    /// @dev An institution comes first where one account is both.
    function _regionOfMember(address member) private view returns (uint32 region) {
        Institution storage institution = _institutions[member];
        return institution.standing == Standing.NONE ? _regionOfAuthority(member) : institution.region;
    }

    function _isActiveRelay(address relay) private view returns (bool active) {
        address member = _members[relay];
        return _standingOf(_institutions[member]) == Standing.ACTIVE || _isActiveAuthority(member);
    }

    function _isAcceptableSigner(bytes calldata signer) private view returns (bool acceptable) {
        if (signer.length < _ACCOUNT_LENGTH) return false;
        address head = address(bytes20(signer));
        return signer.length == _ACCOUNT_LENGTH ? head != address(0) : _verifiers[head];
    }

    /// @dev Standing at the time of this block: a suspension in emergency ends by itself.
    function _standingOf(Institution storage entry) private view returns (Standing standing) {
        standing = entry.standing;
        if (standing == Standing.ACTIVE && block.timestamp < entry.suspendedUntil) return Standing.SUSPENDED;
    }

    function _requireNameable(bytes32 name, address deployment, uint32 version) private pure {
        _requireNonZero(deployment);
        if (name == bytes32(0) || version == 0) revert ParticipantsZeroValue();
    }
}
