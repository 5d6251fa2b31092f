// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Exclusion, ExclusionLift} from "../types/Exclusion.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title Named denies
/// @notice A subject excludes an institution, a group of institutions, a practitioner or a class of documents. Whatever
/// rests on the subject's will (a consent) or need (an emergency) gives way to an exclusion; what rests on law does
/// not. An exclusion stays with its subject, whatever happens to the person's other subjects.
///
/// Example: a patient works at a hospital and does not want colleagues to look. The patient excludes the hospital; a
/// consent to a group that the hospital belongs to does not open anything to it from that block on.
interface IExclusions is ISignedActs {
    /// @notice Nobody enrolled the subject.
    /// @param subjectId its pseudonym.
    error ExclusionsSubjectUnknown(bytes32 subjectId);
    /// @notice The kind is unknown, or the target is none of that kind.
    /// @param kind what is excluded.
    /// @param target which.
    error ExclusionsTargetInvalid(uint8 kind, bytes32 target);
    /// @notice The same target is excluded already.
    /// @param kind what is excluded.
    /// @param target which.
    error ExclusionsAlreadyMade(uint8 kind, bytes32 target);
    /// @notice The target is not excluded.
    /// @param kind what is excluded.
    /// @param target which.
    error ExclusionsNotMade(uint8 kind, bytes32 target);
    /// @notice A subject has as many exclusions of this kind as can be kept.
    /// @param kind what is excluded.
    /// @param most how many there can be.
    error ExclusionsFull(uint8 kind, uint256 most);
    /// @notice A guardian cannot exclude anything for a shielded minor, nor lift what that excluded itself.
    /// @param subjectId the pseudonym in the act.
    /// @param guardian appointment of the guardian.
    error ExclusionsShielded(bytes32 subjectId, bytes32 guardian);

    /// @notice A subject excluded something.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose exclusion it is.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the subject's or its guardian's.
    event ExclusionMade(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Exclusion act,
        bytes[] signatures
    );
    /// @notice A subject took an exclusion back.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose exclusion it was.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the subject's or its guardian's.
    event ExclusionLifted(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ExclusionLift act,
        bytes[] signatures
    );

    /// @notice Excludes; counts from the next decision on. What a guardian excluded the subject may exclude again,
    /// which makes it the subject's own. For a shielded minor no guardian excludes.
    /// @dev Errors of its own, in this order: SubjectUnknown, TargetInvalid, AlreadyMade, Full, Shielded.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer, or by a guardian who may grant.
    function exclude(Exclusion calldata act, bytes[] calldata signatures) external;
    /// @notice Takes an exclusion back.
    /// @dev Errors of its own, in this order: SubjectUnknown, TargetInvalid, NotMade, Shielded.
    /// @param act what was signed.
    /// @param signatures one: by the subject's signer, or by a guardian who may grant.
    function liftExclusion(ExclusionLift calldata act, bytes[] calldata signatures) external;
    /// @notice Whether a target is excluded.
    /// @param subjectId whose exclusions.
    /// @param kind what.
    /// @param target which.
    /// @return excluded true while an exclusion stands.
    function isTargetExcluded(bytes32 subjectId, uint8 kind, bytes32 target) external view returns (bool excluded);
    /// @notice Gives which subjects have exclusions at all, for decisions.
    /// @param subjectIds some subjects.
    /// @return summaries a word for each in the same order; zero when nothing is excluded.
    function exclusionSummaries(bytes32[] calldata subjectIds) external view returns (uint256[] memory summaries);
    /// @notice Whether an access is excluded.
    /// @param subjectId whose record it is.
    /// @param institution who asks.
    /// @param practitioner the person who asks.
    /// @param category class of the record.
    /// @return excluded whether any exclusion names one of them, or a group of the institution.
    function isExcluded(
        bytes32 subjectId,
        address institution,
        bytes32 practitioner,
        uint8 category
    ) external view returns (bool excluded);
}
