// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Standing} from "../types/Codes.sol";

/// @title Who may act
/// @notice Institutions, authorities, relay accounts, groups and signature verifiers. Changes are `restricted` by an
/// OpenZeppelin `AccessManager`; an authority acts only within its own region.
/// @dev Regions are six-digit administrative codes (GB/T 2260); zero is the whole country. Region `r` is within `p`
/// when `p` is zero or both share the first two digits.
interface IParticipants {
    /// @notice No authority of this address may act for the region.
    error ParticipantsRegionForbidden(address authority, uint32 region);
    /// @notice The participant exists already.
    error ParticipantsAlreadyAdmitted(address participant);
    /// @notice The participant was never admitted.
    error ParticipantsUnknown(address participant);
    /// @notice The participant has another standing than the change needs.
    error ParticipantsStandingMismatch(address participant, Standing standing, Standing needed);
    /// @notice A signer of an institution is an account of 20 bytes or starts with an admitted verifier.
    error ParticipantsSignerInvalid(bytes signer);
    /// @notice A release key must not be empty.
    error ParticipantsReleaseKeyInvalid(address institution);
    /// @notice A zero address, group or name.
    error ParticipantsZeroValue();

    event AuthorityAdmitted(address indexed authority, uint32 region, bytes32 profileHash);
    event AuthorityStandingChanged(address indexed authority, Standing standing, bytes32 reasonHash);
    event InstitutionAdmitted(
        address indexed institution, address indexed authority, uint32 region, bytes signer, bytes releaseKey, bytes32 profileHash
    );
    event InstitutionStandingChanged(
        address indexed institution, address indexed authority, Standing standing, bytes32 reasonHash
    );
    event RelayAdmitted(address indexed relay, address indexed member);
    event RelayRemoved(address indexed relay, address indexed member);
    event GroupMembershipChanged(bytes32 indexed group, address indexed institution, bool member);
    event VerifierAdmitted(address indexed verifier);
    event DeploymentNamed(bytes32 indexed name, address indexed deployment, uint32 version);

    function admitAuthority(address authority, uint32 region, bytes32 profileHash) external;
    function suspendAuthority(address authority, bytes32 reasonHash) external;
    function reinstateAuthority(address authority, bytes32 reasonHash) external;
    /// @param signer ERC-7913 signer of the institution's requests and anchors.
    /// @param releaseKey HPKE public key (MLKEM768-X25519, 1216 bytes); state keeps its SHA-256.
    function admitInstitution(
        address institution, uint32 region, bytes calldata signer, bytes calldata releaseKey, bytes32 profileHash
    ) external;
    function suspendInstitution(address institution, bytes32 reasonHash) external;
    function reinstateInstitution(address institution, bytes32 reasonHash) external;
    /// @param member the institution or authority the relay account belongs to.
    function admitRelay(address relay, address member) external;
    function removeRelay(address relay) external;
    function changeGroupMembership(bytes32 group, address institution, bool member) external;
    function admitVerifier(address verifier) external;
    function nameDeployment(bytes32 name, address deployment, uint32 version) external;

    function authorityStanding(address authority) external view returns (Standing standing, uint32 region);
    function institutionStanding(address institution) external view returns (Standing);
    function institutionRegion(address institution) external view returns (uint32);
    /// @notice All that a decision needs to know of an institution, in one call.
    function institutionForDecision(address institution)
        external view returns (Standing standing, bytes32 releaseKeyHash, bytes memory signer);
    function institutionSigner(address institution) external view returns (bytes memory);
    /// @notice Whether the account is a relay of a member whose standing is active.
    function isActiveRelay(address relay) external view returns (bool);
    function isGroupMember(bytes32 group, address institution) external view returns (bool);
    function isVerifier(address verifier) external view returns (bool);
    /// @notice Whether the bytes are an account of 20 bytes or start with an admitted verifier and carry a key.
    function isAcceptableSigner(bytes calldata signer) external view returns (bool);
    function deploymentOf(bytes32 name) external view returns (address deployment, uint32 version);
}
