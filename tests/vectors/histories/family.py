"""A patient, its custodian and those who may act for it: the cast and the usual acts of the topics about guardians."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import Assurance, DirectiveAnswer, GuardianKind, GuardianRemover, GuardianScope, bits
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.story import START, Story, key_of, leaf_of, subject_of, terms_of

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "family/hospital"
PATIENT: Final = "family/patient"
OTHER: Final = "family/other patient"
MOTHER: Final = "family/mother"
UNCLE: Final = "family/uncle"
SUBJECT: Final = subject_of(PATIENT)
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
OF_AGE: Final = 1_806_537_600
"""1 April 2027, the first second of a quarter, in which the patient comes of age where it is noted as a minor."""
LATER: Final = NOW + 400 * DAY
NEVER: Final = 2**64 - 1
EVIDENCE: Final = samples.word(0x3E)
EVERYTHING: Final = bits(*GuardianScope)
OF_RELATIVES: Final = bits(GuardianScope.SEE, GuardianScope.CORRECT, GuardianScope.REVOKE)


def signer(name: str) -> bytes:
    """Gives the signer of a name."""
    return bytes(key_of(name).signer)


def begun(name: str) -> Story:
    """Begins a history: the patient is of age, alive, and has nobody who acts for it."""
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def note(**changes: Any) -> Circumstances:  # noqa: ANN401 - members
    """Gives the note that the patient is a minor."""
    usual = Circumstances(
        SUBJECT, OF_AGE, shielded=False, deceased=False, evidence_hash=EVIDENCE, nonce=1, sign_before=LATER
    )
    return replace(usual, **changes)


DEATH: Final = note(minor_until=0, deceased=True, nonce=2)
MINORITY: Final = note()
SHIELD: Final = note(shielded=True)


def noted(name: str, act: Circumstances) -> Story:
    """Begins a history in which something is noted in the second before `NOW`."""
    return begun(name).travel(NOW - 1).act(act, CUSTODIAN)


def appointment(kind: int = GuardianKind.DELEGATE, who: str = MOTHER, **changes: Any) -> GuardianAppointment:  # noqa: ANN401 - members by name
    """Gives an appointment for sixty days, with all the scopes its kind can have."""
    usual = GuardianAppointment(
        subject_id=SUBJECT,
        guardian=signer(who),
        kind=kind,
        scopes=OF_RELATIVES if kind == GuardianKind.NEAR_RELATIVE else EVERYTHING,
        valid_from=NOW,
        valid_until=NOW + 60 * DAY,
        evidence_hash=EVIDENCE,
        nonce=1,
        sign_before=LATER,
    )
    return replace(usual, **changes)


def appointers(act: GuardianAppointment, who: str = MOTHER) -> tuple[str, str]:
    """Gives who signs an appointment."""
    return who, PATIENT if act.kind == GuardianKind.DELEGATE else CUSTODIAN


DELEGATE: Final = appointment()
PARENT: Final = appointment(GuardianKind.PARENT)
COURT: Final = appointment(GuardianKind.COURT_APPOINTED)
RELATIVE: Final = appointment(GuardianKind.NEAR_RELATIVE)


def with_delegate(name: str, act: GuardianAppointment = DELEGATE) -> Story:
    """Begins a history in which the patient has a delegate."""
    return begun(name).act(act, MOTHER, PATIENT)


def with_parent(name: str, circumstances: Circumstances = MINORITY, act: GuardianAppointment = PARENT) -> Story:
    """Begins a history in which the patient is a minor with a guardian."""
    return noted(name, circumstances).act(act, MOTHER, CUSTODIAN)


def with_relative(name: str, act: GuardianAppointment = RELATIVE) -> Story:
    """Begins a history in which the patient died and a near relative acts for it."""
    return noted(name, DEATH).act(act, MOTHER, CUSTODIAN)


def guarded(act: SignedAct, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - members
    """Gives terms that a guardian grants under an appointment."""
    usual = {"guardian": struct_hash(act), "assurance": Assurance.GUARDIAN, "valid_until": NOW + 100 * DAY}
    return terms_of(PATIENT, HOSPITAL, **(usual | changes))


def removal(act: GuardianAppointment, by: int = GuardianRemover.SUBJECT, **changes: Any) -> GuardianRemoval:  # noqa: ANN401 - members by name
    """Takes an appointment back."""
    return replace(GuardianRemoval(struct_hash(act), SUBJECT, by, 1, LATER), **changes)


def directive(
    emergency: int = DirectiveAnswer.FORBID,
    relatives: int = DirectiveAnswer.ALLOW,
    **changes: Any,  # noqa: ANN401 - members
) -> Directive:
    """Gives what a patient wants for when it cannot be asked."""
    return replace(Directive(SUBJECT, ZERO_32, emergency, relatives, 1, LATER), **changes)


PROOF: Final = ProofOfLife(SUBJECT, EVIDENCE, 1, LATER)
