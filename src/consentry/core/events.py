"""Every event of the contracts as a value, with its place in the chain.

Field names are those of ``contracts/interfaces`` in snake case; ``AccessDecided`` carries the whole line of the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from consentry.core.chain import EventPlace
from consentry.core.codes import Reason, Standing
from consentry.core.signed_act import SignedAct
from consentry.core.terms import AccessEntry, Address, ConsentId, ConsentTerms, RecordId, RecordLeaf, SubjectId


@dataclass(frozen=True, slots=True)
class AuthorityAdmitted:
    """An authority may act for a region; zero is the whole country."""

    place: EventPlace
    authority: Address
    region: int
    profile_hash: bytes


@dataclass(frozen=True, slots=True)
class AuthorityStandingChanged:
    """An authority was suspended or reinstated."""

    place: EventPlace
    authority: Address
    standing: Standing
    reason_hash: bytes


@dataclass(frozen=True, slots=True)
class ActProposed:
    """An act waits for a second officer; ``call`` is what that one has to call, ``lapses_at`` is in seconds."""

    place: EventPlace
    act: bytes
    selector: bytes
    proposer: Address
    lapses_at: int
    call: bytes


@dataclass(frozen=True, slots=True)
class ActConfirmed:
    """A second officer agreed; what the act changed follows in the same transaction."""

    place: EventPlace
    act: bytes
    officer: Address


@dataclass(frozen=True, slots=True)
class OfficerAppointed:
    """An account acts for an authority, or in further roles: bit ``1 << role``."""

    place: EventPlace
    authority: Address
    officer: Address
    roles: int


@dataclass(frozen=True, slots=True)
class OfficerDismissed:
    """An account acts for no authority any more, and has no role."""

    place: EventPlace
    authority: Address
    officer: Address


@dataclass(frozen=True, slots=True)
class InstitutionAdmitted:
    """An authority admitted an institution."""

    place: EventPlace
    institution: Address
    authority: Address
    region: int
    signer: bytes
    release_key: bytes
    profile_hash: bytes


@dataclass(frozen=True, slots=True)
class InstitutionStandingChanged:
    """An authority suspended or reinstated an institution."""

    place: EventPlace
    institution: Address
    authority: Address
    standing: Standing
    reason_hash: bytes


@dataclass(frozen=True, slots=True)
class InstitutionSuspendedInEmergency:
    """One officer suspended an institution, until block time ``until`` if nobody confirms."""

    place: EventPlace
    institution: Address
    authority: Address
    officer: Address
    until: int
    reason_hash: bytes


@dataclass(frozen=True, slots=True)
class InstitutionKeysRotated:
    """An institution has other keys; ``authority`` is zero when it rotated them itself, ``sign_before`` when not."""

    place: EventPlace
    institution: Address
    authority: Address
    signer: bytes
    release_key: bytes
    sign_before: int


@dataclass(frozen=True, slots=True)
class InstitutionLimited:
    """Officers set what an institution may do in a day; zero stands for the default."""

    place: EventPlace
    institution: Address
    authority: Address
    daily_limit: int
    emergency_limit: int


@dataclass(frozen=True, slots=True)
class RelayAdmitted:
    """An account may submit signed acts for a member."""

    place: EventPlace
    relay: Address
    member: Address


@dataclass(frozen=True, slots=True)
class RelayRemoved:
    """An account may no longer submit acts."""

    place: EventPlace
    relay: Address
    member: Address


@dataclass(frozen=True, slots=True)
class GroupMembershipChanged:
    """An institution joined or left a group."""

    place: EventPlace
    group: bytes
    institution: Address
    member: bool


@dataclass(frozen=True, slots=True)
class VerifierAdmitted:
    """A contract may verify signatures of ERC-7913 signers."""

    place: EventPlace
    verifier: Address


@dataclass(frozen=True, slots=True)
class DeploymentNamed:
    """A contract of the suite, or a later version of it, got its name."""

    place: EventPlace
    name: bytes
    deployment: Address
    version: int


@dataclass(frozen=True, slots=True)
class RecoveryDelaySet:
    """How long a recovery is public before it counts, in seconds; said once, at deployment."""

    place: EventPlace
    delay: int


@dataclass(frozen=True, slots=True)
class SubjectEnrolled:
    """A subject exists from here on."""

    place: EventPlace
    subject_id: SubjectId
    custodian: Address
    signer: bytes


@dataclass(frozen=True, slots=True)
class RecordAnchored:
    """A record version is committed to."""

    place: EventPlace
    record_id: RecordId
    subject_id: SubjectId
    custodian: Address
    leaf: RecordLeaf


@dataclass(frozen=True, slots=True)
class RecordSuperseded:
    """A newer version took the place of a record version."""

    place: EventPlace
    record_id: RecordId
    by: RecordId


@dataclass(frozen=True, slots=True)
class ConsentGranted:
    """A consent was granted; the signature is over the terms, of the subject or of the guardian the terms name."""

    place: EventPlace
    consent_id: ConsentId
    subject_id: SubjectId
    terms: ConsentTerms
    signature: bytes


@dataclass(frozen=True, slots=True)
class ConsentRevoked:
    """A consent was taken back, or refused before it was granted, by the guardian named or else by the subject."""

    place: EventPlace
    consent_id: ConsentId
    subject_id: SubjectId
    guardian: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class BatchSubmitted:
    """An institution signed once for the requests whose answers follow in the same transaction, in their order."""

    place: EventPlace
    institution: Address
    root: bytes
    size: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class AccessDecided:
    """One decision, permitted or denied."""

    place: EventPlace
    entry: AccessEntry


@dataclass(frozen=True, slots=True)
class RequestRejected:
    """An item about which nothing was decided."""

    place: EventPlace
    request_id: int
    institution: Address
    request_hash: bytes
    reason: Reason
    relay: Address


@dataclass(frozen=True, slots=True)
class ActPerformed:
    """A signed act of a life cycle was taken; on chain each has an event of its own, see `core.act_table`."""

    place: EventPlace
    act_hash: bytes
    subject_id: SubjectId
    institution: Address
    act: SignedAct
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DebtOpened:
    """An emergency access was permitted, just before in the same transaction."""

    place: EventPlace
    debt_id: bytes
    subject_id: SubjectId
    institution: Address
    request_id: int
    practitioner: bytes


@dataclass(frozen=True, slots=True)
class DebtClosed:
    """Of an emergency access, the patient was told and a second person reviewed it; the later act comes just before."""

    place: EventPlace
    debt_id: bytes
    subject_id: SubjectId
    institution: Address


LedgerEvent = (
    ActProposed
    | ActConfirmed
    | AuthorityAdmitted
    | AuthorityStandingChanged
    | OfficerAppointed
    | OfficerDismissed
    | InstitutionAdmitted
    | InstitutionStandingChanged
    | InstitutionSuspendedInEmergency
    | InstitutionKeysRotated
    | InstitutionLimited
    | RelayAdmitted
    | RelayRemoved
    | GroupMembershipChanged
    | VerifierAdmitted
    | DeploymentNamed
    | RecoveryDelaySet
    | SubjectEnrolled
    | RecordAnchored
    | RecordSuperseded
    | ConsentGranted
    | ConsentRevoked
    | BatchSubmitted
    | AccessDecided
    | RequestRejected
    | ActPerformed
    | DebtOpened
    | DebtClosed
)
