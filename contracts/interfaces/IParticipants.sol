// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Standing} from "../types/Codes.sol";
import {InstitutionKeys} from "../types/InstitutionKeys.sol";
import {IAuthorities} from "./IAuthorities.sol";

/// @notice The first facts of a deployment; see `IParticipants.begin`.
struct Founding {
    address authority; // for the whole country; its account is the first officer
    address secondOfficer; // of the same authority, so that two can act from the first block on
    bytes32 profileHash; // SHA-256 of the authority's public profile
    address[] verifiers; // ERC-7913 verifiers whose code was reviewed
    bytes32[] names; // keccak-256 of the names of the suite's contracts
    address[] deployments; // their addresses, in the same order
}

/// @title Who may act
/// @notice Institutions, relay accounts, groups and signature verifiers; `IAuthorities` says who governs them and
/// which acts take two officers. Changes are `restricted` by the `Governance`; an authority acts only within its own
/// region.
///
/// Example: the national authority (region 0) admits the authority of Guangdong (440000). Two officers of that one
/// admit a hospital in Shenzhen (440300), but cannot admit one in Beijing (110000).
///
/// Emergency. One officer alone suspends an institution at once (`suspendInEmergency`). A second one confirms within
/// 72 hours, or the suspension ends by itself: one person can stop harm, not shut a hospital for good. The same
/// officer cannot do it to the same institution again before two officers have suspended or reinstated it. So the
/// standing of an institution is a function of block time.
///
/// Keys. An institution replaces its signing and release key itself (`rotateInstitutionKeys`); two officers do it when
/// the old key is lost or stolen (`resetInstitutionKeys`). What was signed or wrapped before stays valid: the events
/// say which keys were in force at which block.
///
/// NOTE: Suspending a participant takes effect in the same block: its relays no longer count as active, and its
/// requests are denied. What it did before stays valid.
///
/// WARNING: A consent that names a group covers whoever is a member at the time of the access, and any authority may
/// enter institutions of its own region. A patient who wants a closed circle names an institution.
/// @dev Regions are six-digit administrative codes (GB/T 2260); zero is the whole country. Region `r` is within `p`
/// when `p` is zero or both share the first two digits.
interface IParticipants is IAuthorities {
    /// @notice A signer of an institution is an account of 20 bytes or starts with an admitted verifier.
    /// @param signer the ERC-7913 signer given.
    error ParticipantsSignerInvalid(bytes signer);
    /// @notice A release key must not be empty.
    /// @param institution whose key was given.
    error ParticipantsReleaseKeyInvalid(address institution);
    /// @notice Only officers of the authority a group's name starts with change who belongs to it.
    /// @param officer the caller.
    /// @param group the group its authority does not keep.
    error ParticipantsGroupForbidden(address officer, bytes32 group);
    /// @notice The first facts were entered before, or names and deployments differ in number.
    error ParticipantsFoundingInvalid();
    /// @notice The officer suspended this institution in emergency before, and no two officers have acted since.
    /// @param institution the institution.
    /// @param officer the caller.
    error ParticipantsEmergencyRepeated(address institution, address officer);
    /// @notice Only an active relay of a member may submit signed acts.
    /// @param account the caller.
    error ParticipantsRelayRequired(address account);
    /// @notice New keys come too late.
    /// @param signBefore seconds; the rotation had to be mined before.
    /// @param blockTime seconds.
    error ParticipantsKeysExpired(uint64 signBefore, uint64 blockTime);
    /// @notice This rotation was made before; each counts once.
    /// @param keysHash EIP-712 struct hash of the keys.
    error ParticipantsKeysUsed(bytes32 keysHash);
    /// @notice The signature of the institution's signer of today is not valid.
    /// @param institution whose keys they are.
    error ParticipantsSignatureInvalid(address institution);
    /// @notice The signature of the new signer is not valid.
    /// @param institution whose keys they are.
    error ParticipantsNewSignatureInvalid(address institution);

    /// @notice An institution may act from now on.
    /// @param institution its account.
    /// @param authority whose officers admitted it.
    /// @param region where it stands.
    /// @param signer ERC-7913 signer of its requests, anchors and enrolments.
    /// @param releaseKey HPKE public key that data keys are wrapped for.
    /// @param profileHash SHA-256 of its public profile.
    event InstitutionAdmitted(
        address indexed institution,
        address indexed authority,
        uint32 region,
        bytes signer,
        bytes releaseKey,
        bytes32 profileHash
    );
    /// @notice An institution was suspended or reinstated.
    /// @param institution its account.
    /// @param authority of the officer who confirmed.
    /// @param standing the new standing.
    /// @param reasonHash SHA-256 of the published reason.
    event InstitutionStandingChanged(
        address indexed institution, address indexed authority, Standing standing, bytes32 reasonHash
    );
    /// @notice One officer suspended an institution at once.
    /// @param institution its account.
    /// @param authority the officer's.
    /// @param officer who did it.
    /// @param until seconds; from then on the suspension has ended, unless it was confirmed.
    /// @param reasonHash SHA-256 of the published reason.
    event InstitutionSuspendedInEmergency(
        address indexed institution,
        address indexed authority,
        address indexed officer,
        uint64 until,
        bytes32 reasonHash
    );
    /// @notice An institution has other keys from now on.
    /// @param institution its account.
    /// @param authority of the officers who reset them; zero when the institution rotated them itself.
    /// @param signer ERC-7913 signer of its requests, anchors and enrolments.
    /// @param releaseKey HPKE public key that data keys are wrapped for.
    /// @param signBefore of the signed `InstitutionKeys`; zero when officers reset them.
    event InstitutionKeysRotated(
        address indexed institution, address indexed authority, bytes signer, bytes releaseKey, uint64 signBefore
    );
    /// @notice An institution has other limits from now on.
    /// @param institution its account.
    /// @param authority of the officers who set them.
    /// @param dailyLimit permitted accesses a day; zero for the default.
    /// @param emergencyLimit accesses without consent in an emergency a day; zero for the default.
    event InstitutionLimited(
        address indexed institution, address indexed authority, uint32 dailyLimit, uint16 emergencyLimit
    );
    /// @notice An account may submit signed acts from now on.
    /// @param relay the account.
    /// @param member the institution or authority it belongs to.
    event RelayAdmitted(address indexed relay, address indexed member);
    /// @notice An account may no longer submit signed acts.
    /// @param relay the account.
    /// @param member the institution or authority it belonged to.
    event RelayRemoved(address indexed relay, address indexed member);
    /// @notice An institution entered or left a group.
    /// @param group name of the group, 32 bytes.
    /// @param institution who entered or left.
    /// @param member true when it entered.
    event GroupMembershipChanged(bytes32 indexed group, address indexed institution, bool member);
    /// @notice Signers may name this ERC-7913 verifier from now on, for ever.
    /// @param verifier a contract whose code was reviewed.
    event VerifierAdmitted(address indexed verifier);
    /// @notice A contract of the suite was named.
    /// @param name keccak-256 of the contract's name.
    /// @param deployment its address.
    /// @param version number of the deployment, from 1.
    event DeploymentNamed(bytes32 indexed name, address indexed deployment, uint32 version);

    /// @notice Enters the first facts of a deployment: the authority for the whole country with two officers
    /// (NATIONAL, AUTHORITY, SECURITY), verifiers, and version 1 of each contract. Role: ADMIN, once.
    /// @dev Errors, in this order: FoundingInvalid, ZeroValue, OfficerInvalid, AlreadyAdmitted.
    /// @param founding the facts.
    function begin(Founding calldata founding) external;
    /// @notice Admits an institution. Role: AUTHORITY, two officers over the institution's region.
    /// @dev Errors, in this order: ZeroValue, RegionInvalid, RegionForbidden, AlreadyAdmitted, SignerInvalid,
    /// ReleaseKeyInvalid, SecondOfficerRequired.
    /// @param institution its account.
    /// @param region where it stands.
    /// @param signer ERC-7913 signer of its requests, anchors and enrolments.
    /// @param releaseKey HPKE public key (MLKEM768-X25519, 1216 bytes); state keeps its SHA-256.
    /// @param profileHash SHA-256 of its public profile.
    function admitInstitution(
        address institution,
        uint32 region,
        bytes calldata signer,
        bytes calldata releaseKey,
        bytes32 profileHash
    ) external;
    /// @notice Suspends an institution, or confirms its suspension in emergency. Role: SECURITY, two officers over the
    /// institution's region.
    /// @dev Errors, in this order: Unknown, StandingMismatch, RegionForbidden, SecondOfficerRequired.
    /// @param institution its account.
    /// @param reasonHash SHA-256 of the published reason.
    function suspendInstitution(address institution, bytes32 reasonHash) external;
    /// @notice Suspends an institution at once, for 72 hours. At the same time it proposes `suspendInstitution` with
    /// the same arguments; who confirms that makes the suspension last. Role: SECURITY, one officer over the region.
    /// @dev Errors, in this order: Unknown, StandingMismatch, RegionForbidden, EmergencyRepeated.
    /// @param institution its account.
    /// @param reasonHash SHA-256 of the published reason.
    function suspendInEmergency(address institution, bytes32 reasonHash) external;
    /// @notice Reinstates an institution that is suspended, in emergency or by two officers. Role: SECURITY, two
    /// officers over the institution's region.
    /// @dev Errors as of `suspendInstitution`.
    /// @param institution its account.
    /// @param reasonHash SHA-256 of the published reason.
    function reinstateInstitution(address institution, bytes32 reasonHash) external;
    /// @notice Gives an institution other keys when its own are lost or stolen. Role: SECURITY, two officers over the
    /// institution's region.
    /// @dev Errors, in this order: Unknown, RegionForbidden, SignerInvalid, ReleaseKeyInvalid, SecondOfficerRequired.
    /// @param institution its account.
    /// @param signer the new ERC-7913 signer.
    /// @param releaseKey the new HPKE public key.
    function resetInstitutionKeys(address institution, bytes calldata signer, bytes calldata releaseKey) external;
    /// @notice Sets how much an institution may do in a day. Role: AUDIT, two officers over the institution's region.
    /// @dev Errors, in this order: Unknown, RegionForbidden, SecondOfficerRequired.
    /// @param institution its account.
    /// @param dailyLimit permitted accesses a day; zero for the default of 100,000.
    /// @param emergencyLimit accesses without consent in an emergency a day; zero for the default of 50.
    function limitInstitution(address institution, uint32 dailyLimit, uint16 emergencyLimit) external;
    /// @notice Gives an institution the keys that it chose itself. Any active relay may pass this on; both signers
    /// sign the EIP-712 `InstitutionKeys` in this contract's domain.
    /// @dev Errors, in this order: RelayRequired, Unknown, StandingMismatch, SignerInvalid, ReleaseKeyInvalid,
    /// KeysExpired, KeysUsed, SignatureInvalid, NewSignatureInvalid. A suspended institution cannot rotate: whoever
    /// stole its key could.
    /// @param keys the new ones.
    /// @param signature of the signer of today.
    /// @param newSignature of the new signer.
    function rotateInstitutionKeys(
        InstitutionKeys calldata keys,
        bytes calldata signature,
        bytes calldata newSignature
    ) external;
    /// @notice Lets an account submit signed acts. Role: AUTHORITY, two officers over the member's region.
    /// @dev Errors, in this order: ZeroValue, Unknown, RegionForbidden, AlreadyAdmitted, SecondOfficerRequired.
    /// @param relay the account; it belongs to one member at a time.
    /// @param member the institution or authority the relay account belongs to.
    function admitRelay(address relay, address member) external;
    /// @notice Stops an account from submitting signed acts, at once. Role: SECURITY, one officer over the member's
    /// region.
    /// @param relay the account.
    function removeRelay(address relay) external;
    /// @notice Enters an institution into a group or takes it out. Role: AUTHORITY, one officer over the institution's
    /// region. A patient who consents to a group trusts the one authority that keeps it, so the name says which: no
    /// other can add a reader.
    /// @param group name of the group: the 20 bytes of the keeping authority's account, then 12 of its choice.
    /// @param institution an admitted institution.
    /// @param member true to enter.
    function changeGroupMembership(bytes32 group, address institution, bool member) external;
    /// @notice Lets signers name an ERC-7913 verifier. Role: SYSTEM, two officers for the whole country, each after
    /// the delay.
    /// @dev Errors, in this order: RegionForbidden, ZeroValue, AlreadyAdmitted, SecondOfficerRequired.
    /// @param verifier a contract whose code was reviewed; it cannot be taken out again.
    function admitVerifier(address verifier) external;
    /// @notice Names a contract of the suite. Role: SYSTEM, two officers for the whole country, each after the delay.
    /// @dev Errors, in this order: RegionForbidden, ZeroValue, SecondOfficerRequired.
    /// @param name keccak-256 of the contract's name.
    /// @param deployment its address.
    /// @param version number of the deployment, from 1.
    function nameDeployment(bytes32 name, address deployment, uint32 version) external;

    /// @notice Gives the standing of an institution at the time of this block.
    /// @param institution its account.
    /// @return standing `NONE` when it was never admitted.
    function institutionStanding(address institution) external view returns (Standing standing);
    /// @notice Gives the region of an institution.
    /// @param institution its account.
    /// @return region zero when it is unknown.
    function institutionRegion(address institution) external view returns (uint32 region);
    /// @notice All that a decision needs to know of an institution, in one call.
    /// @param institution its account.
    /// @return standing at the time of this block; `NONE` when it was never admitted.
    /// @return releaseKeyHash SHA-256 of its release key.
    /// @return signer its ERC-7913 signer, empty when it is unknown.
    /// @return dailyLimit permitted accesses a day.
    /// @return emergencyLimit accesses without consent in an emergency a day.
    function institutionForDecision(address institution)
        external
        view
        returns (
            Standing standing,
            bytes32 releaseKeyHash,
            bytes memory signer,
            uint32 dailyLimit,
            uint16 emergencyLimit
        );
    /// @notice Gives the last suspension of an institution in emergency, if no two officers have acted since.
    /// @param institution its account.
    /// @return officer who did it; zero when there is none.
    /// @return until seconds; from then on it has ended.
    function emergencyOf(address institution) external view returns (address officer, uint64 until);
    /// @notice Whether a rotation was made.
    /// @param keysHash EIP-712 struct hash of the keys.
    /// @return used true when it was; it cannot be made again.
    function isKeysUsed(bytes32 keysHash) external view returns (bool used);
    /// @notice Gives the signer of an institution.
    /// @param institution its account.
    /// @return signer its ERC-7913 signer, empty when it is unknown.
    function institutionSigner(address institution) external view returns (bytes memory signer);
    /// @notice Whether the account is a relay of a member whose standing is active.
    /// @param relay the account.
    /// @return active false when it is unknown, removed, or its member suspended.
    function isActiveRelay(address relay) external view returns (bool active);
    /// @notice Whether an institution belongs to a group.
    /// @param group name of the group.
    /// @param institution its account.
    /// @return member false when either is unknown.
    function isGroupMember(bytes32 group, address institution) external view returns (bool member);
    /// @notice Whether signers may name this verifier.
    /// @param verifier address of an ERC-7913 verifier.
    /// @return admitted false when it is unknown.
    function isVerifier(address verifier) external view returns (bool admitted);
    /// @notice Whether the bytes are an account of 20 bytes or start with an admitted verifier and carry a key.
    /// @param signer ERC-7913 signer.
    /// @return acceptable false for the zero account, for fewer than 20 bytes, and for an unknown verifier.
    function isAcceptableSigner(bytes calldata signer) external view returns (bool acceptable);
    /// @notice Gives the latest deployment of a contract of the suite.
    /// @param name keccak-256 of the contract's name.
    /// @return deployment zero when nothing has the name.
    /// @return version zero when nothing has the name.
    function deploymentOf(bytes32 name) external view returns (address deployment, uint32 version);
}
