// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Standing} from "../types/Codes.sol";

/// @title Who may act
/// @notice Institutions, authorities, relay accounts, groups and signature verifiers. Changes are `restricted` by an
/// OpenZeppelin `AccessManager`; an authority acts only within its own region.
///
/// Example: the national authority (region 0) admits the authority of Guangdong (440000). That one admits a hospital in
/// Shenzhen (440300), but cannot admit one in Beijing (110000).
///
/// NOTE: Suspending a participant takes effect in the same block: its relays no longer count as active, and its
/// requests are denied. What it did before stays valid.
///
/// WARNING: A consent that names a group covers whoever is a member at the time of the access, and any authority may
/// enter institutions of its own region. A patient who wants a closed circle names an institution.
/// @dev Regions are six-digit administrative codes (GB/T 2260); zero is the whole country. Region `r` is within `p`
/// when `p` is zero or both share the first two digits.
interface IParticipants {
    /// @notice No authority of this address may act for the region.
    /// @param authority the caller: unknown, suspended or of another region.
    /// @param region region of the participant concerned.
    error ParticipantsRegionForbidden(address authority, uint32 region);
    /// @notice A region is zero or has six digits.
    /// @param region the code given.
    error ParticipantsRegionInvalid(uint32 region);
    /// @notice The participant exists already.
    /// @param participant institution, authority, relay or verifier.
    error ParticipantsAlreadyAdmitted(address participant);
    /// @notice The participant was never admitted.
    /// @param participant institution, authority or relay.
    error ParticipantsUnknown(address participant);
    /// @notice The participant has another standing than the change needs.
    /// @param participant institution or authority.
    /// @param standing its present standing.
    /// @param needed the standing the change starts from.
    error ParticipantsStandingMismatch(address participant, Standing standing, Standing needed);
    /// @notice A signer of an institution is an account of 20 bytes or starts with an admitted verifier.
    /// @param signer the ERC-7913 signer given.
    error ParticipantsSignerInvalid(bytes signer);
    /// @notice A release key must not be empty.
    /// @param institution whose key was given.
    error ParticipantsReleaseKeyInvalid(address institution);
    /// @notice A zero address, group, name or version.
    error ParticipantsZeroValue();
    /// @notice Only the authority a group's name starts with changes who belongs to it.
    /// @param authority the caller.
    /// @param group the group it does not keep.
    error ParticipantsGroupForbidden(address authority, bytes32 group);

    /// @notice An authority may act from now on, within its region.
    /// @param authority its account.
    /// @param region where it may act; zero for the whole country.
    /// @param profileHash SHA-256 of its public profile.
    event AuthorityAdmitted(address indexed authority, uint32 region, bytes32 profileHash);
    /// @notice An authority was suspended or reinstated.
    /// @param authority its account.
    /// @param standing the new standing.
    /// @param reasonHash SHA-256 of the published reason.
    event AuthorityStandingChanged(address indexed authority, Standing standing, bytes32 reasonHash);
    /// @notice An institution may act from now on.
    /// @param institution its account.
    /// @param authority who admitted it.
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
    /// @param authority who changed its standing.
    /// @param standing the new standing.
    /// @param reasonHash SHA-256 of the published reason.
    event InstitutionStandingChanged(
        address indexed institution, address indexed authority, Standing standing, bytes32 reasonHash
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

    /// @notice Admits an authority. Role: NATIONAL.
    /// @param authority its account.
    /// @param region where it may act; zero for the whole country.
    /// @param profileHash SHA-256 of its public profile.
    function admitAuthority(address authority, uint32 region, bytes32 profileHash) external;
    /// @notice Suspends an active authority. Role: NATIONAL.
    /// @param authority its account.
    /// @param reasonHash SHA-256 of the published reason.
    function suspendAuthority(address authority, bytes32 reasonHash) external;
    /// @notice Reinstates a suspended authority. Role: NATIONAL.
    /// @param authority its account.
    /// @param reasonHash SHA-256 of the published reason.
    function reinstateAuthority(address authority, bytes32 reasonHash) external;
    /// @notice Admits an institution. Role: AUTHORITY, for the institution's region.
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
    /// @notice Suspends an active institution. Role: AUTHORITY, for the institution's region.
    /// @param institution its account.
    /// @param reasonHash SHA-256 of the published reason.
    function suspendInstitution(address institution, bytes32 reasonHash) external;
    /// @notice Reinstates a suspended institution. Role: AUTHORITY, for the institution's region.
    /// @param institution its account.
    /// @param reasonHash SHA-256 of the published reason.
    function reinstateInstitution(address institution, bytes32 reasonHash) external;
    /// @notice Lets an account submit signed acts. Role: AUTHORITY, for the member's region.
    /// @param relay the account; it belongs to one member at a time.
    /// @param member the institution or authority the relay account belongs to.
    function admitRelay(address relay, address member) external;
    /// @notice Stops an account from submitting signed acts. Role: AUTHORITY, for the member's region.
    /// @param relay the account.
    function removeRelay(address relay) external;
    /// @notice Enters an institution into a group or takes it out. Role: AUTHORITY, for the institution's region.
    /// A patient who consents to a group trusts the one authority that keeps it, so the name says which: no other can
    /// add a reader.
    /// @param group name of the group: the 20 bytes of the keeping authority's account, then 12 of its choice.
    /// @param institution an admitted institution.
    /// @param member true to enter.
    function changeGroupMembership(bytes32 group, address institution, bool member) external;
    /// @notice Lets signers name an ERC-7913 verifier. Role: NATIONAL.
    /// @param verifier a contract whose code was reviewed; it cannot be taken out again.
    function admitVerifier(address verifier) external;
    /// @notice Names a contract of the suite. Role: NATIONAL.
    /// @param name keccak-256 of the contract's name.
    /// @param deployment its address.
    /// @param version number of the deployment, from 1.
    function nameDeployment(bytes32 name, address deployment, uint32 version) external;

    /// @notice Gives standing and region of an authority.
    /// @param authority its account.
    /// @return standing `NONE` when it was never admitted.
    /// @return region zero for the whole country, and for an unknown one.
    function authorityStanding(address authority) external view returns (Standing standing, uint32 region);
    /// @notice Gives the standing of an institution.
    /// @param institution its account.
    /// @return standing `NONE` when it was never admitted.
    function institutionStanding(address institution) external view returns (Standing standing);
    /// @notice Gives the region of an institution.
    /// @param institution its account.
    /// @return region zero when it is unknown.
    function institutionRegion(address institution) external view returns (uint32 region);
    /// @notice All that a decision needs to know of an institution, in one call.
    /// @param institution its account.
    /// @return standing `NONE` when it was never admitted.
    /// @return releaseKeyHash SHA-256 of its release key.
    /// @return signer its ERC-7913 signer, empty when it is unknown.
    function institutionForDecision(address institution)
        external
        view
        returns (Standing standing, bytes32 releaseKeyHash, bytes memory signer);
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
