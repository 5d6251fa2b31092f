// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SubjectLink, SubjectUnlink} from "../types/PersonLink.sol";
import {IParticipants} from "./IParticipants.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @notice Life of a link.
enum LinkStatus {
    NONE, // never made
    STANDING,
    UNDONE
}

/// @title Receipts of links between the subjects of one person
/// @notice One person may be several subjects: one at each hospital, or two at one that did not recognise the patient.
/// Which they are is known off chain alone, to the directories concerned. The chain keeps the receipt: an authority
/// answers for each link, a link can be undone, and neither can be denied later.
///
/// Consents and exclusions stay with their subject whatever is linked: a link tells where to look, and opens nothing.
interface IPersons is ISignedActs {
    /// @notice The authority is unknown or suspended.
    /// @param authority who signed.
    error PersonsAuthorityInactive(address authority);
    /// @notice A link and an unlink commit to something.
    error PersonsCommitmentMissing();
    /// @notice The same commitment was receipted before.
    /// @param commitment the commitment.
    error PersonsCommitmentUsed(bytes32 commitment);
    /// @notice There is no such link, or it was undone.
    /// @param link hash of the link.
    /// @param status what it is.
    error PersonsLinkNotStanding(bytes32 link, LinkStatus status);
    /// @notice The link was made by another authority, and this one is not for the whole country.
    /// @param authority who signed.
    /// @param needed who made the link.
    error PersonsLinkOfAnother(address authority, address needed);

    /// @notice Subjects were linked.
    /// @param actHash EIP-712 struct hash of the act; the link's name.
    /// @param subjectId zero: the chain does not know them.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the authority's.
    event SubjectsLinked(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        SubjectLink act,
        bytes[] signatures
    );
    /// @notice A link was undone; what was decided meanwhile stands.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId zero.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the authority's.
    event SubjectsUnlinked(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        SubjectUnlink act,
        bytes[] signatures
    );

    /// @notice Receipts a link.
    /// @dev Errors of its own, in this order: AuthorityInactive, CommitmentMissing, CommitmentUsed.
    /// @param act what was signed.
    /// @param signatures one: by the authority's account.
    function link(SubjectLink calldata act, bytes[] calldata signatures) external;
    /// @notice Receipts that a link was undone.
    /// @dev Errors of its own, in this order: AuthorityInactive, CommitmentMissing, CommitmentUsed, LinkNotStanding,
    /// LinkOfAnother.
    /// @param act what was signed.
    /// @param signatures one: by the authority's account.
    function unlink(SubjectUnlink calldata act, bytes[] calldata signatures) external;
    /// @notice Gives the status of a link.
    /// @param actHash hash of the link.
    /// @return status `NONE` when it was never made.
    function linkStatus(bytes32 actHash) external view returns (LinkStatus status);
    /// @notice Gives the register of who may act.
    /// @return register the `Participants` this contract was wired to.
    function participants() external view returns (IParticipants register);
}
