// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Appointment,
    Circumstances,
    Directive,
    GuardianAppointment,
    GuardianRemoval,
    ProofOfLife
} from "../types/Guardian.sol";
import {SubjectFacts} from "../types/SubjectFacts.sol";
import {ISignedActs} from "./ISignedActs.sol";

/// @title Guardians, and what bears on who may sign for a subject
/// @notice A guardian acts under an appointment, which has a kind, scopes and a period. A parent stands while its child
/// is a minor, a delegate does no more than the subject itself may, a near relative stands after the subject's death
/// and never grants. Nobody stands for a subject beyond that: not the custodian, not an authority.
///
/// Example: a hospital enrols a child, notes the end of its minority (a quarter, so that no birthday is on chain) and
/// appoints a parent. The parent grants under the appointment until that quarter begins. From its first second on the
/// appointment gives no right any more, what was granted under it permits nothing more, and the patient signs alone.
///
/// NOTE: The custodian is taken at its word about age, death and parents, as it is about whom it enrolled. Whatever it
/// says stands in the history the subject sees, and the subject can remove any guardian.
interface IGuardianship is ISignedActs {
    /// @notice Nobody enrolled the subject.
    /// @param subjectId its pseudonym.
    error GuardianshipSubjectUnknown(bytes32 subjectId);
    /// @notice The kind is unknown, no scope is given, or one that a guardian of this kind cannot have.
    /// @param kind of guardian.
    /// @param scopes set of scopes.
    error GuardianshipScopesInvalid(uint8 kind, uint16 scopes);
    /// @notice A guardian's signer has the form of any other, and is not that of the subject.
    /// @param signer the ERC-7913 signer given.
    error GuardianshipSignerInvalid(bytes signer);
    /// @notice The period is empty, over, or longer than the guardian can stand.
    /// @param validFrom start, inclusive.
    /// @param validUntil end, exclusive.
    /// @param latest the latest end possible: that of the minority, if there is one.
    error GuardianshipPeriodInvalid(uint64 validFrom, uint64 validUntil, uint64 latest);
    /// @notice Nobody can be a guardian of this kind now: a parent only of a minor, a near relative only of somebody
    /// deceased who did not forbid it, all others only of the living.
    /// @param kind of guardian.
    error GuardianshipKindRefused(uint8 kind);
    /// @notice The act lacks the hash of its evidence.
    /// @param subjectId whom it is about.
    error GuardianshipEvidenceMissing(bytes32 subjectId);
    /// @notice A subject has as many delegates as can stand at once, or as many others.
    /// @param subjectId whose.
    /// @param most how many there can be.
    error GuardianshipFull(bytes32 subjectId, uint256 most);
    /// @notice The custodian is suspended.
    /// @param custodian of the subject.
    error GuardianshipCustodianInactive(address custodian);
    /// @notice The subject has no such appointment, it was removed, or it lapsed and was forgotten.
    /// @param appointment struct hash of an appointment.
    error GuardianshipUnknown(bytes32 appointment);
    /// @notice The appointment is not for this one to remove: a delegate is none of the custodian's.
    /// @param by who wants to.
    error GuardianshipRemoverInvalid(uint8 by);
    /// @notice A minority ends with the first second of a quarter that lies ahead, at most 18 years and a quarter. Once
    /// noted it is never taken back, and once over it stays over.
    /// @param minorUntil the end in the act.
    /// @param current the end that was noted; zero for none.
    error GuardianshipMinorEndInvalid(uint64 minorUntil, uint64 current);
    /// @notice Only a minor is shielded, and then until the end of its minority.
    /// @param shielded what the act says.
    /// @param minorUntil the end of the minority.
    error GuardianshipShieldInvalid(bool shielded, uint64 minorUntil);
    /// @notice A death is taken back by a proof of life alone, and only then.
    /// @param subjectId whose.
    /// @param deceased what is noted.
    error GuardianshipDeathInvalid(bytes32 subjectId, bool deceased);
    /// @notice A directive allows or forbids.
    /// @param emergency answer for emergencies.
    /// @param relatives answer for near relatives.
    error GuardianshipDirectiveInvalid(uint8 emergency, uint8 relatives);

    /// @notice Somebody became a guardian.
    /// @param actHash EIP-712 struct hash of the act: the name of the appointment.
    /// @param subjectId for whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures two: the guardian's, then the appointer's.
    event GuardianAppointed(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        GuardianAppointment act,
        bytes[] signatures
    );
    /// @notice An appointment was taken back.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId for whom it stood.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: of who removed.
    event GuardianRemoved(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        GuardianRemoval act,
        bytes[] signatures
    );
    /// @notice A custodian said what it knows of a subject.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the custodian's.
    event CircumstancesNoted(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Circumstances act,
        bytes[] signatures
    );
    /// @notice The note of a death was taken back.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId of whom.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures two: the custodian's, then the subject's.
    event LifeProved(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        ProofOfLife act,
        bytes[] signatures
    );
    /// @notice A subject said what it wants for when it cannot be asked.
    /// @param actHash EIP-712 struct hash of the act.
    /// @param subjectId whose directive it is.
    /// @param institution zero.
    /// @param act what was signed.
    /// @param signatures one: the subject's, or that of a minor's guardian.
    event DirectiveGiven(
        bytes32 indexed actHash,
        bytes32 indexed subjectId,
        address indexed institution,
        Directive act,
        bytes[] signatures
    );

    /// @notice Makes somebody a guardian.
    /// @dev Errors of its own, in this order: SubjectUnknown, ScopesInvalid, SignerInvalid, KindRefused, PeriodInvalid,
    /// EvidenceMissing, Full, CustodianInactive. A delegate needs neither evidence nor an active custodian.
    /// @param act what was signed.
    /// @param signatures two: by the guardian, then by the subject for a delegate, else by the custodian.
    function appointGuardian(GuardianAppointment calldata act, bytes[] calldata signatures) external;
    /// @notice Takes an appointment back; what was done under it stands.
    /// @dev Errors of its own, in this order: Unknown, RemoverInvalid, CustodianInactive.
    /// @param act what was signed.
    /// @param signatures one: by whom `act.by` names.
    function removeGuardian(GuardianRemoval calldata act, bytes[] calldata signatures) external;
    /// @notice Notes what the custodian knows of a subject.
    /// @dev Errors of its own, in this order: SubjectUnknown, MinorEndInvalid, ShieldInvalid, DeathInvalid,
    /// EvidenceMissing, CustodianInactive.
    /// @param act what was signed.
    /// @param signatures one: by the custodian.
    function noteCircumstances(Circumstances calldata act, bytes[] calldata signatures) external;
    /// @notice Takes the note of a death back.
    /// @dev Errors of its own, in this order: SubjectUnknown, DeathInvalid, EvidenceMissing, CustodianInactive.
    /// @param act what was signed.
    /// @param signatures two: by the custodian, then by the subject's signer.
    function proveLife(ProofOfLife calldata act, bytes[] calldata signatures) external;
    /// @notice Gives a directive in place of the one before.
    /// @dev Errors of its own, in this order: SubjectUnknown, DirectiveInvalid.
    /// @param act what was signed.
    /// @param signatures one: by the subject, or by a guardian of a minor who may grant.
    function giveDirective(Directive calldata act, bytes[] calldata signatures) external;
    /// @notice Gives the signer that may act for a subject now.
    /// @param subjectId its pseudonym.
    /// @param guardian appointment under which a guardian acts; zero when the subject does.
    /// @param scope what the act is about: `SCOPE_GRANT` … `SCOPE_RECOVER`.
    /// @return signer ERC-7913 signer, empty when nobody may act so.
    function signerFor(bytes32 subjectId, bytes32 guardian, uint8 scope) external view returns (bytes memory signer);
    /// @notice Gives the appointments of a subject that were not removed; those whose period is over go when the next
    /// one is made.
    /// @param subjectId its pseudonym.
    /// @return appointments their struct hashes, in no order.
    function guardiansOf(bytes32 subjectId) external view returns (bytes32[] memory appointments);
    /// @notice Gives an appointment.
    /// @param appointment its struct hash.
    /// @return kept all zero when there is none any more.
    function appointmentOf(bytes32 appointment) external view returns (Appointment memory kept);
    /// @notice Gives the facts of a subject.
    /// @param subjectId its pseudonym.
    /// @return facts zero for an unknown subject.
    function factsOf(bytes32 subjectId) external view returns (SubjectFacts facts);
}
