"""The auditor takes the signer that was in force: guardians in their time, keys before and after they changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from consentry.audit.findings import Kind
from consentry.audit.replay import Replay
from consentry.core import events
from consentry.core.calendar import end_of_minority
from consentry.core.chain import EventPlace
from consentry.core.codes import Assurance, GuardianKind, GuardianScope, Standing, bits
from consentry.core.guardianship import Circumstances, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration, CardRemoval, SignerRotation
from consentry.core.terms import ZERO_32, ConsentTerms, Revocation
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.signing import AccountKey, SigningKey, sign
from tests.support import memory_reader, samples
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, PATIENT, SUBJECT, VERIFIERS, domain

NEW, PARENT = (AccountKey.generate() for _ in range(2))
NOW = samples.NOW
DOMAINS = ("Participants", "Subjects", "Consents")
END = end_of_minority(2027, 2, 1, 1)


@dataclass
class Story:
    """A replay that is told events as the chain would."""

    replay: Replay = field(
        default_factory=lambda: Replay(
            {name: domain(name) for name in ("Participants", "Subjects", "Consents")}, VERIFIERS
        )
    )
    time: int = 0
    number: int = 0
    signed_before: int = 0

    def __post_init__(self) -> None:
        before = memory_reader.Story()
        before.prepare()
        for event in before.chain:
            self.take(event)
        self.time, self.number = event.place.block.time + 1, event.place.block.number
        self.signed_before = self.replay.signatures

    def place(self) -> EventPlace:
        self.number += 1
        return samples.place(self.time, self.number)

    def take(self, event: events.LedgerEvent) -> None:
        self.replay.take(event)

    def perform(self, act: SignedAct, *keys: SigningKey) -> bytes:
        signatures = tuple(sign(key, domain("Subjects"), act) for key in keys)
        self.take(events.ActPerformed(self.place(), struct_hash(act), SUBJECT, samples.address(0), act, signatures))
        return struct_hash(act)

    def grant(self, key: SigningKey, guardian: bytes = ZERO_32, nonce: int = 1) -> ConsentTerms:
        assurance = Assurance.GUARDIAN if any(guardian) else Assurance.DEVICE_KEY
        terms = replace(
            samples.terms(),
            subject_id=SUBJECT,
            institution=HOSPITAL.address,
            guardian=guardian,
            assurance=assurance,
            nonce=nonce,
            valid_until=END + 10**6,
        )
        signature = sign(key, domain("Consents"), terms)
        self.take(events.ConsentGranted(self.place(), consent_id(terms), SUBJECT, terms, signature))
        return terms

    def revoke(self, key: SigningKey, terms: ConsentTerms, guardian: bytes = ZERO_32) -> None:
        act = Revocation(consent_id(terms), SUBJECT, guardian)
        signature = sign(key, domain("Consents"), act)
        self.take(events.ConsentRevoked(self.place(), consent_id(terms), SUBJECT, guardian, signature))

    def note(self, *, shielded: bool = False) -> None:
        act = Circumstances(
            SUBJECT, END, shielded, deceased=False, evidence_hash=b"\1" * 32, nonce=1, sign_before=2**40
        )
        self.perform(act, CUSTODIAN)

    def appoint(self) -> bytes:
        scopes = bits(GuardianScope.GRANT, GuardianScope.REVOKE)
        act = GuardianAppointment(SUBJECT, PARENT.signer, GuardianKind.PARENT, scopes, NOW, END, b"\1" * 32, 1, 2**40)
        return self.perform(act, PARENT, CUSTODIAN)

    @property
    def kinds(self) -> list[Kind]:
        return [finding.kind for finding in self.replay.findings]


def test_guardians_and_rotated_keys_are_found_in_order() -> None:
    story = Story()
    old = story.grant(PATIENT, nonce=1)
    story.perform(SignerRotation(SUBJECT, NEW.signer, 1, 2**40), PATIENT, NEW)
    story.revoke(NEW, old)
    story.note()
    name = story.appoint()
    theirs = story.grant(PARENT, name, nonce=2)
    story.revoke(PARENT, theirs, name)
    story.time = END
    story.grant(NEW, nonce=3)
    assert story.kinds == []
    assert story.replay.signatures - story.signed_before == 10
    assert CUSTODIAN.address != samples.CUSTODIAN
    assert story.replay.state.institution_standing(CUSTODIAN.address, END) == Standing.ACTIVE


def test_old_key_is_a_finding_after_the_rotation() -> None:
    story = Story()
    story.perform(SignerRotation(SUBJECT, NEW.signer, 1, 2**40), PATIENT, NEW)
    story.grant(PATIENT)
    assert story.kinds == [Kind.SIGNATURE]


def test_card_takes_back_and_one_that_was_removed_is_a_finding() -> None:
    story = Story()
    first, second, third = (story.grant(PATIENT, nonce=nonce) for nonce in (1, 2, 3))
    story.perform(CardRegistration(SUBJECT, NEW.signer, 1, 2**40), PATIENT, NEW)
    story.revoke(NEW, first)
    assert story.kinds == []
    story.revoke(PARENT, second)
    story.perform(CardRemoval(SUBJECT, 1, 2**40), PATIENT)
    story.revoke(NEW, third)
    assert story.kinds == [Kind.SIGNATURE, Kind.SIGNATURE]


def test_child_and_a_parent_of_a_grown_up_are_findings() -> None:
    story = Story()
    story.note()
    name = story.appoint()
    story.grant(PATIENT, nonce=1)
    story.time = END
    story.grant(PARENT, name, nonce=2)
    assert story.kinds == [Kind.SIGNATURE, Kind.SIGNATURE]


def test_guardian_that_takes_back_what_a_shielded_minor_granted_is_a_finding() -> None:
    story = Story()
    story.note(shielded=True)
    name = story.appoint()
    own = story.grant(PATIENT)
    assert story.kinds == []
    story.revoke(PARENT, own, name)
    assert story.kinds == [Kind.ACT]
