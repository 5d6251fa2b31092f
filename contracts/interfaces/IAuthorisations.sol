// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AuthorisationId,
    AuthorisationState,
    AuthorisationWithdrawal,
    StandingAuthorisation
} from "../types/Authorisation.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title Standing authorisations
/// @notice Where a law obliges an institution to look at records, or public health needs it, no consent is asked for,
/// and none is recorded. An authority over the institution signs instead who may look at what, why, and until when, for
/// a year at most. Every access then names the authorisation as its legal basis.
///
/// Example: a province orders a hospital to report a disease. The authority authorises it to view laboratory reports of
/// the last six months for public health until the end of the year, and names the text of the order by its hash.
///
/// NOTE: Records of sensitivity level 5 are beyond any authorisation: it names classes of documents, and such a record
/// is never covered by a wildcard. An authorisation outlasts a suspension of the authority that gave it; one for the
/// whole country may withdraw it then.
interface IAuthorisations is ISignedActs {
    /// @notice The institution was never admitted.
    /// @param institution as given.
    error AuthorisationsInstitutionUnknown(address institution);
    /// @notice The authority is not active, or its region does not cover that of the institution.
    /// @param authority as given.
    /// @param institution who may or might look.
    error AuthorisationsAuthorityForbidden(address authority, address institution);
    /// @notice The legal basis is neither a statutory duty nor public health.
    /// @param basis as given.
    error AuthorisationsBasisInvalid(uint8 basis);
    /// @notice The text of the law or order is not named.
    error AuthorisationsBasisTextMissing();
    /// @notice A set is empty or has a code that is unknown, or the sensitivity is not 1..4.
    /// @param purposes set of purposes.
    /// @param categories set of document classes.
    /// @param actions set of actions.
    /// @param maxSensitivity highest level.
    error AuthorisationsScopeInvalid(uint32 purposes, uint32 categories, uint8 actions, uint8 maxSensitivity);
    /// @notice The data period ends before it begins.
    /// @param dataFrom first month.
    /// @param dataUntil last month.
    error AuthorisationsDataPeriodInvalid(uint16 dataFrom, uint16 dataUntil);
    /// @notice The period is empty, over, or longer than a year.
    /// @param validFrom seconds since the epoch.
    /// @param validUntil seconds since the epoch.
    /// @param blockTime seconds since the epoch.
    error AuthorisationsPeriodInvalid(uint64 validFrom, uint64 validUntil, uint64 blockTime);
    /// @notice Nobody gave such an authorisation to the institution.
    /// @param authorisationId which.
    /// @param institution as given.
    error AuthorisationsUnknown(bytes32 authorisationId, address institution);
    /// @notice It was withdrawn before.
    /// @param authorisationId which.
    error AuthorisationsAlreadyWithdrawn(bytes32 authorisationId);

    /// @notice An authority authorised an institution.
    /// @param actHash EIP-712 struct hash of the act: the id of the authorisation.
    /// @param subjectId zero.
    /// @param institution who may look.
    /// @param act what was signed.
    /// @param signatures one.
    event AuthorisationGiven(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        StandingAuthorisation act,
        bytes[] signatures
    );
    /// @notice An authority took an authorisation back.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId zero.
    /// @param institution who may look no more.
    /// @param act what was signed.
    /// @param signatures one.
    event AuthorisationWithdrawn(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        AuthorisationWithdrawal act,
        bytes[] signatures
    );

    /// @notice Authorises an institution.
    /// @dev Errors of its own, in this order: InstitutionUnknown, AuthorityForbidden, BasisInvalid, BasisTextMissing,
    /// ScopeInvalid, DataPeriodInvalid, PeriodInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the account of the authority.
    function authorise(StandingAuthorisation calldata act, bytes[] calldata signatures) external;
    /// @notice Takes an authorisation back; counts from the next decision on.
    /// @dev Errors of its own, in this order: Unknown, AlreadyWithdrawn, AuthorityForbidden.
    /// @param act what was signed.
    /// @param signatures one: by an active authority: the one that gave it, or one for the whole country.
    function withdraw(AuthorisationWithdrawal calldata act, bytes[] calldata signatures) external;
    /// @notice Gives the states of authorisations, for decisions.
    /// @param authorisationIds some authorisations.
    /// @return states one for each in the same order; all zero when nobody gave it.
    function statesOf(
        AuthorisationId[] calldata authorisationIds
    ) external view returns (AuthorisationState[] memory states);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
}
