// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {Participants} from "../Participants.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {Standing} from "../types/Codes.sol";

/// @title Every refusal of `Participants`, and what is kept of what it accepts
/// @notice The test is admin of the manager, so no role stands in its way; it becomes an authority as each test needs.
contract ParticipantsTest {
    uint32 private constant _GUANGDONG = 440_000;
    uint32 private constant _SHENZHEN = 440_300;
    uint32 private constant _BEIJING = 110_000;
    address private constant _HOSPITAL = address(0xA000);
    address private constant _RELAY = address(0xD000);
    address private constant _VERIFIER = address(0xE000);
    bytes32 private constant _NAME = bytes32(uint256(0x07));

    IParticipants private _participants;

    /// @notice Runs before each test.
    function setUp() external {
        _participants = new Participants(address(new AccessManager(address(this))));
    }

    /// @notice An authority is admitted once, for a region.
    function test_admitAuthority_keepsRegionAndStanding() external {
        _admitSelf(_GUANGDONG);
        (Standing standing, uint32 region) = _participants.authorityStanding(address(this));
        require(standing == Standing.ACTIVE && region == _GUANGDONG, "another standing");
        _refuse(
            abi.encodeCall(_participants.admitAuthority, (address(this), 0, _NAME)),
            abi.encodeWithSelector(IParticipants.ParticipantsAlreadyAdmitted.selector, address(this))
        );
    }

    /// @notice A region has six digits or is the whole country; an authority is not nobody.
    function test_admitAuthority_revertsForAnUnfitRegionOrNobody() external {
        bytes4 selector = IParticipants.ParticipantsRegionInvalid.selector;
        _refuse(
            abi.encodeCall(_participants.admitAuthority, (address(this), 99_999, _NAME)),
            abi.encodeWithSelector(selector, uint32(99_999))
        );
        _refuse(
            abi.encodeCall(_participants.admitAuthority, (address(this), 1_000_000, _NAME)),
            abi.encodeWithSelector(selector, uint32(1_000_000))
        );
        _refuseZero(abi.encodeCall(_participants.admitAuthority, (address(0), 0, _NAME)));
    }

    /// @notice An authority is suspended and reinstated, each from the other.
    function test_suspendAuthority_changesItsStanding() external {
        bytes memory suspend = abi.encodeCall(_participants.suspendAuthority, (address(this), _NAME));
        _refuseUnknown(suspend, address(this));
        _admitSelf(0);
        _participants.suspendAuthority(address(this), _NAME);
        bytes4 selector = IParticipants.ParticipantsStandingMismatch.selector;
        _refuse(
            suspend,
            abi.encodeWithSelector(selector, address(this), Standing.SUSPENDED, Standing.ACTIVE)
        );
        _refuseRegion(_admission(_HOSPITAL, _SHENZHEN, hex"01"), _SHENZHEN);
        _participants.reinstateAuthority(address(this), _NAME);
        _admit(_HOSPITAL, _SHENZHEN);
    }

    /// @notice An institution is kept as it was admitted.
    function test_admitInstitution_keepsWhatADecisionNeeds() external {
        _admitSelf(_GUANGDONG);
        _admit(_HOSPITAL, _SHENZHEN);
        (Standing standing, bytes32 key, bytes memory signer) = _participants.institutionForDecision(_HOSPITAL);
        require(standing == Standing.ACTIVE && key == sha256("key"), "another standing or key");
        require(keccak256(signer) == keccak256(abi.encodePacked(_HOSPITAL)), "another signer");
        require(keccak256(_participants.institutionSigner(_HOSPITAL)) == keccak256(signer), "two signers");
        require(_participants.institutionStanding(_HOSPITAL) == Standing.ACTIVE, "two standings");
        require(_participants.institutionRegion(_HOSPITAL) == _SHENZHEN, "another region");
    }

    /// @notice An institution is somebody, of the authority's region, with signer and release key, once.
    function test_admitInstitution_revertsForAnUnfitOne() external {
        _admitSelf(_GUANGDONG);
        _refuseZero(_admission(address(0), _SHENZHEN, hex"01"));
        _refuseRegion(_admission(_HOSPITAL, _BEIJING, hex"01"), _BEIJING);
        bytes memory release = "";
        _refuse(
            abi.encodeCall(
                _participants.admitInstitution,
                (_HOSPITAL, _SHENZHEN, abi.encodePacked(_HOSPITAL), release, _NAME)
            ),
            abi.encodeWithSelector(IParticipants.ParticipantsReleaseKeyInvalid.selector, _HOSPITAL)
        );
        bytes memory signer = hex"01";
        _refuse(
            _admission(_HOSPITAL, _SHENZHEN, signer),
            abi.encodeWithSelector(IParticipants.ParticipantsSignerInvalid.selector, signer)
        );
        _admit(_HOSPITAL, _SHENZHEN);
        _refuse(
            _admission(_HOSPITAL, _SHENZHEN, abi.encodePacked(_HOSPITAL)),
            abi.encodeWithSelector(IParticipants.ParticipantsAlreadyAdmitted.selector, _HOSPITAL)
        );
    }

    /// @notice A signer is an account that is somebody, or starts with an admitted verifier.
    function test_admitVerifier_makesItsKeysAcceptable() external {
        bytes memory signer = abi.encodePacked(_VERIFIER, "key");
        require(!_participants.isAcceptableSigner(signer), "an unknown verifier counts");
        _participants.admitVerifier(_VERIFIER);
        require(_participants.isAcceptableSigner(signer) && _participants.isVerifier(_VERIFIER), "not admitted");
        require(_participants.isAcceptableSigner(abi.encodePacked(_HOSPITAL)), "an account is refused");
        require(!_participants.isAcceptableSigner(abi.encodePacked(address(0))), "nobody signs");
        _refuse(
            abi.encodeCall(_participants.admitVerifier, (_VERIFIER)),
            abi.encodeWithSelector(IParticipants.ParticipantsAlreadyAdmitted.selector, _VERIFIER)
        );
        _refuseZero(abi.encodeCall(_participants.admitVerifier, (address(0))));
    }

    /// @notice A suspended institution is known and does not act; its relays neither.
    function test_suspendInstitution_stopsItsRelays() external {
        _admitSelf(_GUANGDONG);
        _admit(_HOSPITAL, _SHENZHEN);
        _participants.admitRelay(_RELAY, _HOSPITAL);
        require(_participants.isActiveRelay(_RELAY), "not active");
        _participants.suspendInstitution(_HOSPITAL, _NAME);
        require(!_participants.isActiveRelay(_RELAY), "still active");
        _participants.reinstateInstitution(_HOSPITAL, _NAME);
        require(_participants.isActiveRelay(_RELAY), "not active again");
    }

    /// @notice A relay belongs to one member, institution or authority, until it is removed.
    function test_admitRelay_bindsItToItsMember() external {
        _admitSelf(_GUANGDONG);
        _refuseZero(abi.encodeCall(_participants.admitRelay, (address(0), address(this))));
        _refuseUnknown(abi.encodeCall(_participants.admitRelay, (_RELAY, _HOSPITAL)), _HOSPITAL);
        _participants.admitRelay(_RELAY, address(this));
        require(_participants.isActiveRelay(_RELAY), "not active");
        _refuse(
            abi.encodeCall(_participants.admitRelay, (_RELAY, address(this))),
            abi.encodeWithSelector(IParticipants.ParticipantsAlreadyAdmitted.selector, _RELAY)
        );
        _participants.removeRelay(_RELAY);
        require(!_participants.isActiveRelay(_RELAY), "still active");
        _refuseUnknown(abi.encodeCall(_participants.removeRelay, (_RELAY)), _RELAY);
    }

    /// @notice The authority a group's name starts with says who belongs to it.
    function test_changeGroupMembership_isTheKeepersAlone() external {
        _admitSelf(_GUANGDONG);
        bytes32 group = bytes32(bytes20(address(this)));
        _refuseZero(abi.encodeCall(_participants.changeGroupMembership, (bytes32(0), _HOSPITAL, true)));
        _refuse(
            abi.encodeCall(_participants.changeGroupMembership, (_NAME, _HOSPITAL, true)),
            abi.encodeWithSelector(IParticipants.ParticipantsGroupForbidden.selector, address(this), _NAME)
        );
        _refuseUnknown(abi.encodeCall(_participants.changeGroupMembership, (group, _HOSPITAL, true)), _HOSPITAL);
        _admit(_HOSPITAL, _SHENZHEN);
        _participants.changeGroupMembership(group, _HOSPITAL, true);
        _participants.changeGroupMembership(group, _HOSPITAL, true);
        require(_participants.isGroupMember(group, _HOSPITAL), "no member");
    }

    /// @notice A deployment has a name, a place and a version.
    function test_nameDeployment_keepsPlaceAndVersion() external {
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (_NAME, address(0), 1)));
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (bytes32(0), _RELAY, 1)));
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (_NAME, _RELAY, 0)));
        _participants.nameDeployment(_NAME, _RELAY, 2);
        (address deployment, uint32 version) = _participants.deploymentOf(_NAME);
        require(deployment == _RELAY && version == 2, "another deployment");
    }

    function _admitSelf(uint32 region) private {
        _participants.admitAuthority(address(this), region, _NAME);
    }

    function _admit(address hospital, uint32 region) private {
        _participants.admitInstitution(hospital, region, abi.encodePacked(hospital), "key", _NAME);
    }

    function _refuseUnknown(bytes memory call, address participant) private {
        _refuse(call, abi.encodeWithSelector(IParticipants.ParticipantsUnknown.selector, participant));
    }

    function _refuseRegion(bytes memory call, uint32 region) private {
        bytes4 selector = IParticipants.ParticipantsRegionForbidden.selector;
        _refuse(call, abi.encodeWithSelector(selector, address(this), region));
    }

    function _refuseZero(bytes memory call) private {
        _refuse(call, abi.encodeWithSelector(IParticipants.ParticipantsZeroValue.selector));
    }

    function _refuse(bytes memory call, bytes memory problem) private {
        (bool done, bytes memory answer) = address(_participants).call(call);
        require(!done && keccak256(answer) == keccak256(problem), "another answer");
    }

    function _admission(
        address hospital,
        uint32 region,
        bytes memory signer
    ) private view returns (bytes memory call) {
        bytes memory release = "key";
        return abi.encodeCall(_participants.admitInstitution, (hospital, region, signer, release, _NAME));
    }
}
