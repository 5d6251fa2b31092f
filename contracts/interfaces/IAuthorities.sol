// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Standing} from "../types/Codes.sol";

/// @title Authorities, their officers, and acts that take two of them
/// @notice The half of `Participants` that governs. An authority acts through its officers: accounts that two officers
/// of the national authority appointed. Its own account is its first officer. Where an officer may act follows from
/// the region and standing of the authority, what kind of act from the roles that `Governance` keeps.
///
/// Two persons. An act that says so takes two officers. The first one calls the function: nothing happens but
/// `ActProposed`. A second one, who has the role and the region too, calls it with the same arguments within seven
/// days: `ActConfirmed`, and the act is done. Everything is checked both times. A proposal whose proposer has lost
/// role, office or standing meanwhile is void; the second call then proposes anew.
///
/// Example: officer A of Guangdong calls `admitInstitution(hospital, 440300, …)`. The act waits under the hash of the
/// call. Officer B calls the same: the hospital is admitted.
///
/// WARNING: With two national officers, the loss of one key leaves nobody who could appoint another. Appoint a third.
/// @dev An officer calls `Participants` itself. A call through `Governance.execute` comes from the `Governance`,
/// which is no officer and is never appointed, so that one person cannot appear as two.
interface IAuthorities {
    /// @notice The officer's authority may not act for the region.
    /// @param officer the caller: no officer, or of an authority that is suspended or of another region.
    /// @param region region of the participant concerned; zero for what concerns the whole country.
    error ParticipantsRegionForbidden(address officer, uint32 region);
    /// @notice A region is zero or has six digits.
    /// @param region the code given.
    error ParticipantsRegionInvalid(uint32 region);
    /// @notice The participant exists already, or the officer is another authority's.
    /// @param participant institution, authority, relay, verifier or officer.
    error ParticipantsAlreadyAdmitted(address participant);
    /// @notice The participant was never admitted, or the officer never appointed.
    /// @param participant institution, authority, relay or officer.
    error ParticipantsUnknown(address participant);
    /// @notice The participant has another standing than the change needs.
    /// @param participant institution or authority.
    /// @param standing its present standing.
    /// @param needed the standing the change starts from.
    error ParticipantsStandingMismatch(address participant, Standing standing, Standing needed);
    /// @notice A zero address, group, name or version.
    error ParticipantsZeroValue();
    /// @notice The account cannot be an officer: it is the `Governance`, or is named as first and second officer.
    /// @param officer the account.
    error ParticipantsOfficerInvalid(address officer);
    /// @notice A set of roles is not empty, has only roles for officers, and NATIONAL and SYSTEM only for the country.
    /// @param roles the set given.
    error ParticipantsRolesInvalid(uint8 roles);
    /// @notice Officers of an authority do not change its own standing.
    /// @param authority theirs.
    error ParticipantsOwnStanding(address authority);
    /// @notice The officer proposed this act; another one has to confirm it.
    /// @param act hash of the call.
    /// @param officer who proposed it.
    error ParticipantsSecondOfficerRequired(bytes32 act, address officer);

    /// @notice An act waits for a second officer.
    /// @param act keccak-256 of the call.
    /// @param selector the function, first four bytes of the call.
    /// @param proposer the first officer.
    /// @param lapsesAt seconds; from then on it cannot be confirmed.
    /// @param call what a second officer has to call.
    event ActProposed(
        bytes32 indexed act, bytes4 indexed selector, address indexed proposer, uint64 lapsesAt, bytes call
    );
    /// @notice A second officer agreed to an act; what it changed follows in the same transaction.
    /// @param act keccak-256 of the call.
    /// @param officer the second officer.
    event ActConfirmed(bytes32 indexed act, address indexed officer);
    /// @notice An authority may act from now on, within its region.
    /// @param authority its account, which is its first officer.
    /// @param region where it may act; zero for the whole country.
    /// @param profileHash SHA-256 of its public profile.
    event AuthorityAdmitted(address indexed authority, uint32 region, bytes32 profileHash);
    /// @notice An authority was suspended or reinstated.
    /// @param authority its account.
    /// @param standing the new standing.
    /// @param reasonHash SHA-256 of the published reason.
    event AuthorityStandingChanged(address indexed authority, Standing standing, bytes32 reasonHash);
    /// @notice An account acts for an authority from now on, or in further roles.
    /// @param authority whose officer it is.
    /// @param officer the account.
    /// @param roles the roles added: bit `1 << role`.
    event OfficerAppointed(address indexed authority, address indexed officer, uint8 roles);
    /// @notice An account acts for no authority any more, and has no role.
    /// @param authority whose officer it was.
    /// @param officer the account.
    event OfficerDismissed(address indexed authority, address indexed officer);

    /// @notice Admits an authority with its own account as first officer (AUTHORITY, SECURITY). Role: NATIONAL, two
    /// officers.
    /// @dev Errors, in this order: RegionForbidden, ZeroValue, RegionInvalid, AlreadyAdmitted, OfficerInvalid,
    /// SecondOfficerRequired; then those of `Governance` when roles are granted.
    /// @param authority its account.
    /// @param region where it may act; zero for the whole country.
    /// @param profileHash SHA-256 of its public profile.
    function admitAuthority(address authority, uint32 region, bytes32 profileHash) external;
    /// @notice Suspends an active authority. Role: NATIONAL, two officers of another authority.
    /// @dev Errors, in this order: RegionForbidden, OwnStanding, Unknown, StandingMismatch, SecondOfficerRequired.
    /// @param authority its account.
    /// @param reasonHash SHA-256 of the published reason.
    function suspendAuthority(address authority, bytes32 reasonHash) external;
    /// @notice Reinstates a suspended authority. Role: NATIONAL, two officers of another authority.
    /// @dev Errors as of `suspendAuthority`.
    /// @param authority its account.
    /// @param reasonHash SHA-256 of the published reason.
    function reinstateAuthority(address authority, bytes32 reasonHash) external;
    /// @notice Makes an account an officer of an authority, or adds roles. Role: NATIONAL, two officers.
    /// @dev Errors, in this order: RegionForbidden, Unknown, ZeroValue, AlreadyAdmitted, OfficerInvalid, RolesInvalid,
    /// SecondOfficerRequired; then those of `Governance` when roles are granted.
    /// @param authority whose officer it becomes.
    /// @param officer the account; of one authority at a time.
    /// @param roles what it may do: bit `1 << role`.
    function appointOfficer(address authority, address officer, uint8 roles) external;
    /// @notice Ends the office of an account and takes all its roles. Role: NATIONAL, two officers.
    /// @dev Errors, in this order: RegionForbidden, Unknown, SecondOfficerRequired.
    /// @param officer the account.
    function dismissOfficer(address officer) external;

    /// @notice Gives standing and region of an authority.
    /// @param authority its account.
    /// @return standing `NONE` when it was never admitted.
    /// @return region zero for the whole country, and for an unknown one.
    function authorityStanding(address authority) external view returns (Standing standing, uint32 region);
    /// @notice Gives the authority an officer acts for.
    /// @param officer the account.
    /// @return authority zero when it is no officer.
    function authorityOf(address officer) external view returns (address authority);
    /// @notice Gives the proposal of an act; one that was confirmed leaves nothing.
    /// @param act keccak-256 of the call.
    /// @return proposer the first officer; zero when nobody proposed it.
    /// @return lapsesAt seconds; from then on it cannot be confirmed.
    function proposalOf(bytes32 act) external view returns (address proposer, uint64 lapsesAt);
}
