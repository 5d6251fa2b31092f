"""Keys of a subject, by rotation, card and recovery: `contracts/modules/SignerKeys.sol`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import GuardianScope, RecoveryObjector, RecoveryProposer
from consentry.core.participants import ADDRESS_SIZE, is_acceptable_signer, is_active_over
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, own_signer, signer_for
from consentry.core.subject_facts import Recovery
from consentry.core.terms import ZERO_32, Address, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

_NEW_SIGNER: Final = ("bytes32 subjectId", "bytes signer", "uint256 nonce", "uint64 signBefore")


def _check_enrolled(state: LedgerState, subject_id: SubjectId) -> None:
    if subject_id not in state.subjects:
        raise refusal("SignerKeysSubjectUnknown", subject_id)


def _check_new_signer(state: LedgerState, subject_id: SubjectId, signer: bytes) -> None:
    _check_enrolled(state, subject_id)
    held = signer in (state.subjects[subject_id].signer, state.keys.cards.get(subject_id))
    if held or not is_acceptable_signer(signer, state.verifiers):
        raise refusal("SignerKeysSignerInvalid", signer)


def _set_signer(state: LedgerState, subject_id: SubjectId, signer: bytes) -> None:
    known = state.subjects.get(subject_id)
    if known:
        state.subjects[subject_id] = replace(known, signer=signer)
    state.keys.recoveries.pop(subject_id, None)


def _open(state: LedgerState, subject_id: SubjectId, recovery: bytes, now: int) -> Recovery:
    _check_enrolled(state, subject_id)
    found = state.keys.open_at(subject_id, now)
    if found is None or found.recovery_id != recovery:
        raise refusal("SignerKeysRecoveryUnknown", recovery)
    return found


def _proposer(state: LedgerState, subject_id: SubjectId, by: int, proposer: bytes, now: int) -> bytes:
    """Gives the signer of who proposes a recovery, who must be able to now."""
    signer = b""
    if by == RecoveryProposer.GUARDIAN and proposer != ZERO_32:
        signer = signer_for(state, subject_id, proposer, GuardianScope.RECOVER, now)
    elif by == RecoveryProposer.AUTHORITY and not any(proposer[:-ADDRESS_SIZE]):
        signer = _authority(state, subject_id, Address(proposer[-ADDRESS_SIZE:]))
    if not signer:
        raise refusal("SignerKeysProposerInvalid", by, proposer)
    return signer


def _check_handed_over(act: SignerRotation | CardRegistration, state: LedgerState, holds: Holds, now: int) -> None:
    """Checks that a key may become the subject's, and that the subject's signer and the new one signed."""
    _check_new_signer(state, act.subject_id, act.signer)
    check_signed(act, 0, own_signer(state, act.subject_id, now, grants=False), holds)
    check_signed(act, 1, act.signer, holds)


def _authority(state: LedgerState, subject_id: SubjectId, authority: Address) -> bytes:
    """Gives the account of an active authority over the custodian's region; empty for any other."""
    return authority if is_active_over(state, authority, state.custodian_of(subject_id)) else b""


@dataclass(frozen=True, slots=True)
class SignerRotation(SignedAct):
    """Gives a subject another signer; an open recovery ends with it."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="rotateSigner",
        event="SignerRotated",
        signers=("subject's signer", "new signer"),
        members=_NEW_SIGNER,
        help="Gives a subject another signer.",
        optional=frozenset(),
    )

    subject_id: SubjectId
    signer: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the new signer, and that old and new one signed."""
        _check_handed_over(self, state, holds, now)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Puts the new signer in place."""
        _set_signer(state, self.subject_id, self.signer)


@dataclass(frozen=True, slots=True)
class CardRegistration(SignedAct):
    """Gives a subject a card, in place of any other."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="registerCard",
        event="CardRegistered",
        signers=("subject", "card"),
        members=_NEW_SIGNER,
        help="Gives a subject a second signer, a card used with a code.",
        optional=frozenset(),
    )

    subject_id: SubjectId
    signer: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the card, and that subject and card signed."""
        _check_handed_over(self, state, holds, now)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Keeps the card."""
        state.keys.cards[self.subject_id] = self.signer


@dataclass(frozen=True, slots=True)
class CardRemoval(SignedAct):
    """Takes the card of a subject out of use."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="removeCard",
        event="CardRemoved",
        signers=("subject",),
        members=("bytes32 subjectId", "uint256 nonce", "uint64 signBefore"),
        help="Takes the card of a subject out of use.",
        optional=frozenset(),
    )

    subject_id: SubjectId
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that there is a card, and that the subject signed."""
        _check_enrolled(state, self.subject_id)
        if self.subject_id not in state.keys.cards:
            raise refusal("SignerKeysCardMissing", self.subject_id)
        check_signed(self, 0, own_signer(state, self.subject_id, now, grants=False), holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Forgets the card."""
        state.keys.cards.pop(self.subject_id, None)


@dataclass(frozen=True, slots=True)
class RecoveryProposal(SignedAct):
    """Opens a recovery: unless somebody objects, it can be completed after the public delay."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="proposeRecovery",
        event="RecoveryProposed",
        signers=("new signer", "guardian or authority that proposes"),
        members=(
            "bytes32 subjectId",
            "bytes signer",
            "uint8 by",
            "bytes32 proposer",
            "bytes32 evidenceHash",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Asks for another signer for a subject who lost its key; counts after a public delay.",
        codes={"by": RecoveryProposer},
        optional=frozenset({"evidence_hash"}),
    )

    subject_id: SubjectId
    signer: bytes
    by: int
    proposer: bytes
    evidence_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the new signer, that no recovery is open, who proposes, and both signatures."""
        _check_new_signer(state, self.subject_id, self.signer)
        still = state.keys.open_at(self.subject_id, now)
        if still is not None:
            raise refusal("SignerKeysRecoveryOpen", still.recovery_id)
        proposer = _proposer(state, self.subject_id, self.by, self.proposer, now)
        if self.by == RecoveryProposer.AUTHORITY and self.evidence_hash == ZERO_32:
            raise refusal("SignerKeysEvidenceMissing", self.subject_id)
        check_signed(self, 0, self.signer, holds)
        check_signed(self, 1, proposer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Opens the recovery."""
        effective = event.place.block.time + state.keys.delay
        recovery = Recovery(event.act_hash, effective, self.by, self.proposer, self.signer)
        state.keys.recoveries[self.subject_id] = recovery


@dataclass(frozen=True, slots=True)
class RecoveryObjection(SignedAct):
    """Stops a recovery."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="objectToRecovery",
        event="RecoveryObjected",
        signers=("subject's signer or card",),
        members=("bytes32 subjectId", "bytes32 recovery", "uint8 by", "uint256 nonce", "uint64 signBefore"),
        help="Stops a recovery that is open.",
        codes={"by": RecoveryObjector},
        optional=frozenset(),
    )

    subject_id: SubjectId
    recovery: bytes
    by: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that the recovery is open, and who objects: whoever does is alive, whatever was noted."""
        _open(state, self.subject_id, self.recovery, now)
        if self.by not in set(RecoveryObjector):
            raise refusal("SignerKeysObjectorInvalid", self.by)
        card = state.keys.cards.get(self.subject_id, b"")
        own = state.subjects[self.subject_id].signer
        check_signed(self, 0, card if self.by == RecoveryObjector.CARD else own, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Forgets the recovery."""
        state.keys.recoveries.pop(self.subject_id, None)


@dataclass(frozen=True, slots=True)
class RecoveryCompletion(SignedAct):
    """Carries a recovery out once its delay is over; everybody who had to sign did so before."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="completeRecovery",
        event="RecoveryCompleted",
        signers=(),
        members=("bytes32 subjectId", "bytes32 recovery", "uint64 signBefore"),
        help="Carries out a recovery whose public delay is over.",
        optional=frozenset(),
    )

    subject_id: SubjectId
    recovery: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that the recovery is open, its delay over, and who proposed it still able to."""
        found = _open(state, self.subject_id, self.recovery, now)
        if now < found.effective_at:
            raise refusal("SignerKeysRecoveryEarly", found.effective_at, now)
        _proposer(state, self.subject_id, found.by, found.proposer, now)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Puts the signer in place that was proposed."""
        found = state.keys.recoveries.get(self.subject_id)
        if found:
            _set_signer(state, self.subject_id, found.signer)


NAMING: Final = (SignerRotation, RecoveryCompletion)
"""Acts from which on a subject has another signer."""
INTRODUCING: Final = (SignerRotation, RecoveryProposal)
"""Acts in which such a signer stands."""
