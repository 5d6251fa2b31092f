// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {Participants} from "../Participants.sol";
import {IAuthorities} from "../interfaces/IAuthorities.sol";
import {Founding, IParticipants} from "../interfaces/IParticipants.sol";
import {Standing} from "../types/Codes.sol";
import {InstitutionKeys} from "../types/InstitutionKeys.sol";
import {FIRST_OFFICES, ROLE_AUDIT, ROLE_NATIONAL, ROLE_SECURITY} from "../types/Roles.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of `Participants`, and what is kept of what it accepts
/// @notice The test, a second officer and an officer of a province are admins of the manager, so no role stands in
/// their way: what is refused is refused by the contract itself.
contract ParticipantsTest {
    uint32 private constant _GUANGDONG = 440_000;
    uint32 private constant _SHENZHEN = 440_300;
    uint32 private constant _BEIJING = 110_000;
    uint256 private constant _KEY = 0xA000;
    uint256 private constant _NEW_KEY = 0xA001;
    address private constant _SECOND = address(0xC000);
    address private constant _PROVINCIAL = address(0xC001);
    address private constant _RELAY = address(0xD000);
    address private constant _VERIFIER = address(0xE000);
    bytes32 private constant _NAME = bytes32(uint256(0x07));

    address private _hospital;
    AccessManager private _manager;
    IParticipants private _participants;

    /// @notice Runs before each test.
    function setUp() external {
        VM.warp(1_800_000_000);
        _hospital = VM.addr(_KEY);
        _manager = new AccessManager(address(this));
        _participants = new Participants(address(_manager));
        address[4] memory admins = [address(_participants), _SECOND, _PROVINCIAL, _hospital];
        for (uint256 i = 0; i < admins.length; ++i) _manager.grantRole(0, admins[i], 0);
        _participants.begin(_founding());
    }

    /// @notice A deployment begins once, with two officers, verifiers and names.
    function test_begin_happensOnce() external {
        require(_participants.isVerifier(address(0xE001)), "no verifier");
        (address deployment, uint32 version) = _participants.deploymentOf(keccak256("name"));
        require(deployment == address(0xE002) && version == 1, "no name");
        bytes memory problem = abi.encodeWithSelector(IParticipants.ParticipantsFoundingInvalid.selector);
        _refuse(abi.encodeCall(_participants.begin, (_founding())), problem);
        IParticipants other = new Participants(address(_manager));
        Founding memory founding = _founding();
        founding.names = new bytes32[](0);
        VM.expectRevert(problem);
        other.begin(founding);
        founding = _founding();
        founding.secondOfficer = founding.authority;
        VM.expectRevert(abi.encodeWithSelector(IAuthorities.ParticipantsOfficerInvalid.selector, address(this)));
        other.begin(founding);
        founding = _founding();
        founding.authority = address(_manager);
        VM.expectRevert(abi.encodeWithSelector(IAuthorities.ParticipantsOfficerInvalid.selector, address(_manager)));
        other.begin(founding);
    }

    /// @notice An authority is admitted once, for a region.
    function test_admitAuthority_keepsRegionAndStanding() external {
        _admitProvince();
        (Standing standing, uint32 region) = _participants.authorityStanding(_PROVINCIAL);
        require(standing == Standing.ACTIVE && region == _GUANGDONG, "another standing");
        require(_participants.authorityOf(_PROVINCIAL) == _PROVINCIAL, "another authority");
        _refuseAdmitted(abi.encodeCall(_participants.admitAuthority, (_PROVINCIAL, 0, _NAME)), _PROVINCIAL);
        _refuseAdmitted(abi.encodeCall(_participants.admitAuthority, (_SECOND, 0, _NAME)), _SECOND);
        bytes memory call = abi.encodeCall(_participants.admitAuthority, (_RELAY, 0, _NAME));
        VM.prank(_PROVINCIAL);
        _refuse(call, abi.encodeWithSelector(IAuthorities.ParticipantsRegionForbidden.selector, _PROVINCIAL, 0));
    }

    /// @notice An act waits for a second officer, who is another one and still may, for seven days.
    function test_acts_takeTwoOfficers() external {
        bytes memory call = _admission(_hospital, _SHENZHEN, abi.encodePacked(_hospital));
        bytes32 act = keccak256(call);
        _pass(call);
        (address proposer, uint64 lapsesAt) = _participants.proposalOf(act);
        require(proposer == address(this) && lapsesAt == block.timestamp + 7 days, "not proposed");
        bytes4 selector = IAuthorities.ParticipantsSecondOfficerRequired.selector;
        _refuse(call, abi.encodeWithSelector(selector, act, address(this)));
        VM.warp(lapsesAt);
        VM.prank(_SECOND);
        _pass(call);
        (proposer, ) = _participants.proposalOf(act);
        require(proposer == _SECOND, "a lapsed proposal was confirmed");
        _manager.revokeRole(0, _SECOND);
        _pass(call);
        (proposer, ) = _participants.proposalOf(act);
        require(proposer == address(this), "confirmed whose proposer has no role left");
        _manager.grantRole(0, _SECOND, 0);
        VM.prank(_SECOND);
        _pass(call);
        require(_participants.institutionStanding(_hospital) == Standing.ACTIVE, "not admitted");
    }

    /// @notice What an officer proposed whose authority was suspended since is not confirmed.
    function test_acts_lapseWithTheOfficeOfWhoProposed() external {
        _admitProvince();
        bytes memory call = _admission(_hospital, _SHENZHEN, abi.encodePacked(_hospital));
        VM.prank(_PROVINCIAL);
        _pass(call);
        _do(abi.encodeCall(_participants.suspendAuthority, (_PROVINCIAL, _NAME)));
        _pass(call);
        (address proposer, ) = _participants.proposalOf(keccak256(call));
        require(proposer == address(this), "confirmed whose proposer has no office left");
    }

    /// @notice Officers are appointed for roles their authority can give, and dismissed with all of them.
    function test_appointOfficer_givesRolesUntilDismissal() external {
        _admitProvince();
        uint8 security = uint8(1 << ROLE_SECURITY);
        _refuseUnknown(abi.encodeCall(_participants.appointOfficer, (_RELAY, _VERIFIER, security)), _RELAY);
        bytes4 selector = IAuthorities.ParticipantsRolesInvalid.selector;
        uint8[3] memory unfit = [0, 1, uint8(1 << ROLE_NATIONAL)];
        for (uint256 i = 0; i < unfit.length; ++i) {
            _refuse(
                abi.encodeCall(_participants.appointOfficer, (_PROVINCIAL, _VERIFIER, unfit[i])),
                abi.encodeWithSelector(selector, unfit[i])
            );
        }
        _do(abi.encodeCall(_participants.appointOfficer, (_PROVINCIAL, _VERIFIER, uint8(1 << ROLE_AUDIT))));
        (bool member, ) = _manager.hasRole(ROLE_AUDIT, _VERIFIER);
        require(member && _participants.authorityOf(_VERIFIER) == _PROVINCIAL, "not appointed");
        _refuseUnknown(abi.encodeCall(_participants.dismissOfficer, (_RELAY)), _RELAY);
        _do(abi.encodeCall(_participants.dismissOfficer, (_VERIFIER)));
        (member, ) = _manager.hasRole(ROLE_AUDIT, _VERIFIER);
        require(!member && _participants.authorityOf(_VERIFIER) == address(0), "not dismissed");
        (member, ) = _manager.hasRole(ROLE_SECURITY, _PROVINCIAL);
        require(member && FIRST_OFFICES & security != 0, "first officer without its roles");
    }

    /// @notice A region has six digits or is the whole country; an authority is not nobody.
    function test_admitAuthority_revertsForAnUnfitRegionOrNobody() external {
        bytes4 selector = IAuthorities.ParticipantsRegionInvalid.selector;
        _refuse(
            abi.encodeCall(_participants.admitAuthority, (_PROVINCIAL, 99_999, _NAME)),
            abi.encodeWithSelector(selector, uint32(99_999))
        );
        _refuse(
            abi.encodeCall(_participants.admitAuthority, (_PROVINCIAL, 1_000_000, _NAME)),
            abi.encodeWithSelector(selector, uint32(1_000_000))
        );
        _refuseZero(abi.encodeCall(_participants.admitAuthority, (address(0), 0, _NAME)));
    }

    /// @notice An authority is suspended and reinstated, each from the other, and never by its own officers.
    function test_suspendAuthority_changesItsStanding() external {
        bytes memory suspend = abi.encodeCall(_participants.suspendAuthority, (_PROVINCIAL, _NAME));
        _refuseUnknown(suspend, _PROVINCIAL);
        _admitProvince();
        _do(suspend);
        bytes4 selector = IAuthorities.ParticipantsStandingMismatch.selector;
        _refuse(suspend, abi.encodeWithSelector(selector, _PROVINCIAL, Standing.SUSPENDED, Standing.ACTIVE));
        bytes memory call = _admission(_hospital, _SHENZHEN, abi.encodePacked(_hospital));
        selector = IAuthorities.ParticipantsRegionForbidden.selector;
        VM.prank(_PROVINCIAL);
        _refuse(call, abi.encodeWithSelector(selector, _PROVINCIAL, _SHENZHEN));
        _do(abi.encodeCall(_participants.reinstateAuthority, (_PROVINCIAL, _NAME)));
        VM.prank(_PROVINCIAL);
        _pass(call);
        _refuse(
            abi.encodeCall(_participants.suspendAuthority, (address(this), _NAME)),
            abi.encodeWithSelector(IAuthorities.ParticipantsOwnStanding.selector, address(this))
        );
    }

    /// @notice An institution is kept as it was admitted.
    function test_admitInstitution_keepsWhatADecisionNeeds() external {
        _admit(_hospital, _SHENZHEN);
        (Standing standing, bytes32 key, bytes memory signer, uint32 daily, uint16 emergency) = _participants
            .institutionForDecision(_hospital);
        require(standing == Standing.ACTIVE && key == sha256("key"), "another standing or key");
        require(keccak256(signer) == keccak256(abi.encodePacked(_hospital)), "another signer");
        require(keccak256(_participants.institutionSigner(_hospital)) == keccak256(signer), "two signers");
        require(_participants.institutionStanding(_hospital) == Standing.ACTIVE, "two standings");
        require(_participants.institutionRegion(_hospital) == _SHENZHEN, "another region");
        require(daily == 100_000 && emergency == 50, "other limits");
        _do(abi.encodeCall(_participants.limitInstitution, (_hospital, 7, 3)));
        (, , , daily, emergency) = _participants.institutionForDecision(_hospital);
        require(daily == 7 && emergency == 3, "not limited");
        _refuseUnknown(abi.encodeCall(_participants.limitInstitution, (_RELAY, 7, 3)), _RELAY);
    }

    /// @notice An institution is somebody, of the authority's region, with signer and release key, once.
    function test_admitInstitution_revertsForAnUnfitOne() external {
        _refuseZero(_admission(address(0), _SHENZHEN, hex"01"));
        _admitProvince();
        bytes memory call = _admission(_hospital, _BEIJING, hex"01");
        bytes4 selector = IAuthorities.ParticipantsRegionForbidden.selector;
        VM.prank(_PROVINCIAL);
        _refuse(call, abi.encodeWithSelector(selector, _PROVINCIAL, _BEIJING));
        bytes memory release = "";
        _refuse(
            abi.encodeCall(
                _participants.admitInstitution,
                (_hospital, _SHENZHEN, abi.encodePacked(_hospital), release, _NAME)
            ),
            abi.encodeWithSelector(IParticipants.ParticipantsReleaseKeyInvalid.selector, _hospital)
        );
        bytes memory signer = hex"01";
        _refuse(
            _admission(_hospital, _SHENZHEN, signer),
            abi.encodeWithSelector(IParticipants.ParticipantsSignerInvalid.selector, signer)
        );
        _admit(_hospital, _SHENZHEN);
        _refuseAdmitted(_admission(_hospital, _SHENZHEN, abi.encodePacked(_hospital)), _hospital);
    }

    /// @notice A signer is an account that is somebody, or starts with an admitted verifier.
    function test_admitVerifier_makesItsKeysAcceptable() external {
        bytes memory signer = abi.encodePacked(_VERIFIER, "key");
        require(!_participants.isAcceptableSigner(signer), "an unknown verifier counts");
        _do(abi.encodeCall(_participants.admitVerifier, (_VERIFIER)));
        require(_participants.isAcceptableSigner(signer) && _participants.isVerifier(_VERIFIER), "not admitted");
        require(_participants.isAcceptableSigner(abi.encodePacked(_hospital)), "an account is refused");
        require(!_participants.isAcceptableSigner(abi.encodePacked(address(0))), "nobody signs");
        _refuseAdmitted(abi.encodeCall(_participants.admitVerifier, (_VERIFIER)), _VERIFIER);
        _refuseZero(abi.encodeCall(_participants.admitVerifier, (address(0))));
    }

    /// @notice A suspended institution is known and does not act; its relays neither.
    function test_suspendInstitution_stopsItsRelays() external {
        _admit(_hospital, _SHENZHEN);
        _do(abi.encodeCall(_participants.admitRelay, (_RELAY, _hospital)));
        require(_participants.isActiveRelay(_RELAY), "not active");
        _do(abi.encodeCall(_participants.suspendInstitution, (_hospital, _NAME)));
        require(!_participants.isActiveRelay(_RELAY), "still active");
        _do(abi.encodeCall(_participants.reinstateInstitution, (_hospital, _NAME)));
        require(_participants.isActiveRelay(_RELAY), "not active again");
    }

    /// @notice One officer suspends for 72 hours, once, and so proposes what two can decide.
    function test_suspendInEmergency_endsByItself() external {
        _admit(_hospital, _SHENZHEN);
        _participants.suspendInEmergency(_hospital, _NAME);
        require(_participants.institutionStanding(_hospital) == Standing.SUSPENDED, "not suspended");
        (address officer, uint64 until) = _participants.emergencyOf(_hospital);
        require(officer == address(this) && until == block.timestamp + 72 hours, "another emergency");
        VM.warp(until);
        require(_participants.institutionStanding(_hospital) == Standing.ACTIVE, "for longer than 72 hours");
        _refuse(
            abi.encodeCall(_participants.suspendInEmergency, (_hospital, _NAME)),
            abi.encodeWithSelector(IParticipants.ParticipantsEmergencyRepeated.selector, _hospital, address(this))
        );
    }

    /// @notice An institution changes its keys with the old and the new one, through a relay, once.
    function test_rotateInstitutionKeys_takesBothKeys() external {
        InstitutionKeys memory keys = _keys();
        _refuseRotation(keys, IParticipants.ParticipantsRelayRequired.selector, abi.encode(address(this)));
        _do(abi.encodeCall(_participants.admitRelay, (address(this), address(this))));
        _refuseRotation(keys, IAuthorities.ParticipantsUnknown.selector, abi.encode(_hospital));
        _admit(_hospital, _SHENZHEN);
        keys.signBefore = uint64(block.timestamp);
        bytes memory needed = abi.encode(block.timestamp, block.timestamp);
        _refuseRotation(keys, IParticipants.ParticipantsKeysExpired.selector, needed);
        keys = _keys();
        bytes memory signature = _signed(_KEY, keys);
        VM.expectRevert(abi.encodeWithSelector(IParticipants.ParticipantsNewSignatureInvalid.selector, _hospital));
        _participants.rotateInstitutionKeys(keys, signature, signature);
        bytes memory newSignature = _signed(_NEW_KEY, keys);
        VM.expectRevert(abi.encodeWithSelector(IParticipants.ParticipantsSignatureInvalid.selector, _hospital));
        _participants.rotateInstitutionKeys(keys, newSignature, newSignature);
        _participants.rotateInstitutionKeys(keys, signature, newSignature);
        require(_participants.isKeysUsed(this.keysHash(keys)), "not used up");
        require(keccak256(_participants.institutionSigner(_hospital)) == keccak256(keys.signer), "another signer");
        _refuseRotation(keys, IParticipants.ParticipantsKeysUsed.selector, abi.encode(this.keysHash(keys)));
    }

    /// @notice Two officers give an institution new keys when it lost its own.
    function test_resetInstitutionKeys_replacesThem() external {
        bytes memory signer = abi.encodePacked(_SECOND);
        bytes memory release = "new key";
        bytes memory call = abi.encodeCall(_participants.resetInstitutionKeys, (_hospital, signer, release));
        _refuseUnknown(call, _hospital);
        _admit(_hospital, _SHENZHEN);
        _do(call);
        require(keccak256(_participants.institutionSigner(_hospital)) == keccak256(signer), "another signer");
    }

    /// @notice A relay belongs to one member, institution or authority, until it is removed.
    function test_admitRelay_bindsItToItsMember() external {
        _refuseZero(abi.encodeCall(_participants.admitRelay, (address(0), address(this))));
        _refuseUnknown(abi.encodeCall(_participants.admitRelay, (_RELAY, _hospital)), _hospital);
        _do(abi.encodeCall(_participants.admitRelay, (_RELAY, address(this))));
        require(_participants.isActiveRelay(_RELAY), "not active");
        _refuseAdmitted(abi.encodeCall(_participants.admitRelay, (_RELAY, address(this))), _RELAY);
        _participants.removeRelay(_RELAY);
        require(!_participants.isActiveRelay(_RELAY), "still active");
        _refuseUnknown(abi.encodeCall(_participants.removeRelay, (_RELAY)), _RELAY);
    }

    /// @notice The authority a group's name starts with says who belongs to it.
    function test_changeGroupMembership_isTheKeepersAlone() external {
        bytes32 group = bytes32(bytes20(address(this)));
        _refuseZero(abi.encodeCall(_participants.changeGroupMembership, (bytes32(0), _hospital, true)));
        _refuse(
            abi.encodeCall(_participants.changeGroupMembership, (_NAME, _hospital, true)),
            abi.encodeWithSelector(IParticipants.ParticipantsGroupForbidden.selector, address(this), _NAME)
        );
        _refuseUnknown(abi.encodeCall(_participants.changeGroupMembership, (group, _hospital, true)), _hospital);
        _admit(_hospital, _SHENZHEN);
        _participants.changeGroupMembership(group, _hospital, true);
        _participants.changeGroupMembership(group, _hospital, true);
        require(_participants.isGroupMember(group, _hospital), "no member");
    }

    /// @notice A deployment has a name, a place and a version.
    function test_nameDeployment_keepsPlaceAndVersion() external {
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (_NAME, address(0), 1)));
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (bytes32(0), _RELAY, 1)));
        _refuseZero(abi.encodeCall(_participants.nameDeployment, (_NAME, _RELAY, 0)));
        _do(abi.encodeCall(_participants.nameDeployment, (_NAME, _RELAY, 2)));
        (address deployment, uint32 version) = _participants.deploymentOf(_NAME);
        require(deployment == _RELAY && version == 2, "another deployment");
    }

    /// @notice Brings keys into calldata.
    /// @param keys what is hashed.
    /// @return hash their EIP-712 struct hash.
    function keysHash(InstitutionKeys calldata keys) external pure returns (bytes32 hash) {
        return keys.institutionKeysHashOf();
    }

    function _admitProvince() private {
        _do(abi.encodeCall(_participants.admitAuthority, (_PROVINCIAL, _GUANGDONG, _NAME)));
    }

    function _admit(address hospital, uint32 region) private {
        _do(_admission(hospital, region, abi.encodePacked(hospital)));
    }

    /// @dev Two officers make the same call.
    function _do(bytes memory call) private {
        _pass(call);
        VM.prank(_SECOND);
        _pass(call);
    }

    function _pass(bytes memory call) private {
        (bool done, ) = address(_participants).call(call);
        require(done, "refused");
    }

    function _refuseRotation(InstitutionKeys memory keys, bytes4 selector, bytes memory needed) private {
        _refuse(abi.encodeCall(_participants.rotateInstitutionKeys, (keys, "", "")), bytes.concat(selector, needed));
    }

    function _refuseAdmitted(bytes memory call, address participant) private {
        _refuse(call, abi.encodeWithSelector(IAuthorities.ParticipantsAlreadyAdmitted.selector, participant));
    }

    function _refuseUnknown(bytes memory call, address participant) private {
        _refuse(call, abi.encodeWithSelector(IAuthorities.ParticipantsUnknown.selector, participant));
    }

    function _refuseZero(bytes memory call) private {
        _refuse(call, abi.encodeWithSelector(IAuthorities.ParticipantsZeroValue.selector));
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

    function _signed(uint256 key, InstitutionKeys memory keys) private view returns (bytes memory signature) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Consentry Participants"),
                keccak256("1"),
                block.chainid,
                _participants
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(
            key,
            keccak256(abi.encodePacked(hex"1901", domain, this.keysHash(keys)))
        );
        return abi.encodePacked(r, s, v);
    }

    function _keys() private view returns (InstitutionKeys memory keys) {
        keys.institution = _hospital;
        keys.signer = abi.encodePacked(VM.addr(_NEW_KEY));
        keys.releaseKey = "new key";
        keys.signBefore = uint64(block.timestamp + 1);
    }

    function _founding() private view returns (Founding memory founding) {
        founding.authority = address(this);
        founding.secondOfficer = _SECOND;
        founding.verifiers = new address[](1);
        founding.verifiers[0] = address(0xE001);
        founding.names = new bytes32[](1);
        founding.names[0] = keccak256("name");
        founding.deployments = new address[](1);
        founding.deployments[0] = address(0xE002);
    }
}
