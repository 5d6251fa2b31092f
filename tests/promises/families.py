"""Guardians, circumstances, directives and keys, as they come up in a year.

They are played on subjects of their own, so that those of the year keep the signers they were enrolled with.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from consentry.core.calendar import end_of_minority
from consentry.core.codes import (
    Assurance,
    DirectiveAnswer,
    GuardianKind,
    GuardianRemover,
    GuardianScope,
    RecoveryObjector,
    RecoveryProposer,
    bits,
)
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.subject_facts import RECOVERY_DELAY
from consentry.core.terms import ZERO_32, Enrolment, Revocation, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.signing import AccountKey
from tests.promises.beside import Beside, soon
from tests.promises.people import ADULT, Person
from tests.promises.schedule import Act, Kind
from tests.support.evm import PAYER
from tests.support.samples import DAY
from tests.support.suite import plain

_HOSPITAL: Final = 0
_APART: Final = 3_600
"""Seconds between two families."""


@dataclass
class Ward:
    """Somebody another acts for, with the keys of both."""

    person: Person
    subject: SubjectId
    key: AccountKey
    guardian: AccountKey
    appointment: bytes = ZERO_32
    minor_until: int = 0


class Families:
    """Plays a family for each of the people: a minor and its parents, or a grown-up with a delegate."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self._open: dict[SubjectId, bytes] = {}

    def begin(self, now: int) -> None:
        """Puts down what every family does."""
        for place, person in enumerate(self._beside.clinic.people):
            self._beside.agenda.later(now + place * _APART, self._enrol, person)

    def _key(self) -> AccountKey:
        return AccountKey(self._beside.random.randbytes(32))

    def _evidence(self, person: Person) -> bytes:
        secret = self._beside.random.randbytes(32)
        return hmac.digest(secret, f"{person.card} {person.name} {person.chinese_name}".encode(), "sha256")

    @property
    def _own(self) -> AccountKey:
        return self._beside.hospital(_HOSPITAL).key

    def _enrol(self, now: int, person: Person) -> None:
        beside = self._beside
        ward = Ward(person, SubjectId(beside.random.randbytes(32)), self._key(), self._key())
        enrolment = Enrolment(ward.subject, ward.key.signer, self._own.address, soon(now))
        signatures = [beside.clinic.signature(key, "Subjects", enrolment) for key in (ward.key, self._own)]
        beside.clinic.send("Subjects", "enrol", plain(enrolment), *signatures, time=now, hospital=_HOSPITAL)
        minor = person.is_minor(datetime.fromtimestamp(now, UTC).date())
        beside.agenda.later(now + DAY, self._note_minority if minor else self._choose_delegate, ward)
        for days, step in ((3, self._grant), (60, self._lose_key), (120, self._live_on)):
            beside.agenda.later(now + days * DAY, step, ward)

    # Guardians.

    def _note_minority(self, now: int, ward: Ward) -> None:
        born = ward.person.born
        end = end_of_minority(born.year, born.month, born.day, ADULT)
        evidence, nonce = self._evidence(ward.person), self._beside.nonce()
        noted = Circumstances(ward.subject, end, False, False, evidence, nonce, soon(now))  # noqa: FBT003 - a member of the act
        self._beside.perform(now, noted, self._own)
        ward.minor_until = end
        self._beside.agenda.later(now + 60, self._appoint, ward, GuardianKind.PARENT, end)

    def _choose_delegate(self, now: int, ward: Ward) -> None:
        answers = DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW
        wish = Directive(ward.subject, ZERO_32, *answers, self._beside.nonce(), soon(now))
        self._beside.perform(now, wish, ward.key)
        self._beside.agenda.later(now + 60, self._appoint, ward, GuardianKind.DELEGATE, now + 300 * DAY)

    def _appoint(self, now: int, ward: Ward, kind: GuardianKind, until: int) -> None:
        delegate = kind is GuardianKind.DELEGATE
        evidence = ZERO_32 if delegate else self._evidence(ward.person)
        scopes = bits(*GuardianScope)
        act = GuardianAppointment(
            *(ward.subject, ward.guardian.signer, kind, scopes, now, until, evidence, self._beside.nonce(), soon(now))
        )
        self._beside.perform(now, act, ward.guardian, ward.key if delegate else self._own)
        ward.appointment = struct_hash(act)

    def _grant(self, now: int, ward: Ward) -> None:
        beside = self._beside
        act = Act(now, Kind.GRANT, ward.person.number, _HOSPITAL, 1, categories=1 << 3, purposes=2, days=20)
        drawn = beside.clinic.terms(act)
        terms = replace(
            drawn,
            subject_id=ward.subject,
            guardian=ward.appointment,
            assurance=Assurance.GUARDIAN,
            nonce=beside.nonce(),
        )
        beside.grant(now, terms, ward.guardian)
        if beside.happens(0.5):
            revocation = Revocation(consent_id(terms), ward.subject, ward.appointment)
            signature = beside.clinic.signature(ward.guardian, "Consents", revocation)
            later = (ward.appointment, signature)
            beside.agenda.later(now + DAY, self._take_back, plain(terms), *later)

    def _take_back(self, now: int, terms: tuple[object, ...], guardian: bytes, signature: bytes) -> None:
        self._beside.clinic.send("Consents", "revoke", terms, guardian, signature, time=now)

    # Keys.

    def _lose_key(self, now: int, ward: Ward) -> None:
        beside, card, new = self._beside, self._key(), self._key()
        taken = CardRegistration(ward.subject, card.signer, beside.nonce(), soon(now))
        beside.perform(now, taken, ward.key, card)
        beside.agenda.later(now + DAY, self._propose, ward, new, RecoveryProposer.GUARDIAN)
        beside.agenda.later(now + 2 * DAY, self._object, ward, card)
        beside.agenda.later(now + 3 * DAY, self._propose, ward, new, RecoveryProposer.AUTHORITY)
        beside.agenda.later(now + 4 * DAY + RECOVERY_DELAY, self._complete, ward, new)
        removal = CardRemoval(ward.subject, beside.nonce(), now + 90 * DAY)
        beside.agenda.later(now + 5 * DAY + RECOVERY_DELAY, beside.perform, removal, new)
        beside.agenda.later(now + 6 * DAY + RECOVERY_DELAY, self._rotate, ward)

    def _propose(self, now: int, ward: Ward, new: AccountKey, by: RecoveryProposer) -> None:
        guardian = by is RecoveryProposer.GUARDIAN
        who = ward.appointment if guardian else PAYER.address.rjust(32, b"\0")
        evidence = ZERO_32 if guardian else self._evidence(ward.person)
        act = RecoveryProposal(ward.subject, new.signer, by, who, evidence, self._beside.nonce(), soon(now))
        self._beside.perform(now, act, new, ward.guardian if guardian else PAYER)
        self._open[ward.subject] = struct_hash(act)

    def _object(self, now: int, ward: Ward, card: AccountKey) -> None:
        about = ward.subject, self._open[ward.subject]
        act = RecoveryObjection(*about, RecoveryObjector.CARD, self._beside.nonce(), soon(now))
        self._beside.perform(now, act, card)

    def _complete(self, now: int, ward: Ward, new: AccountKey) -> None:
        self._beside.perform(now, RecoveryCompletion(ward.subject, self._open[ward.subject], soon(now)))
        ward.key = new

    def _rotate(self, now: int, ward: Ward) -> None:
        newest = self._key()
        act = SignerRotation(ward.subject, newest.signer, self._beside.nonce(), soon(now))
        self._beside.perform(now, act, ward.key, newest)
        ward.key = newest

    # An error about a death, and the end of an appointment.

    def _live_on(self, now: int, ward: Ward) -> None:
        beside = self._beside
        evidence = self._evidence(ward.person)
        noted = Circumstances(ward.subject, ward.minor_until, False, True, evidence, beside.nonce(), soon(now))  # noqa: FBT003 - a member of the act
        beside.perform(now, noted, self._own)
        alive = ProofOfLife(ward.subject, self._evidence(ward.person), beside.nonce(), now + 90 * DAY)
        beside.agenda.later(now + 3 * DAY, beside.perform, alive, self._own, ward.key)
        gone = GuardianRemoval(ward.appointment, ward.subject, GuardianRemover.GUARDIAN, beside.nonce(), now + 90 * DAY)
        beside.agenda.later(now + 9 * DAY, beside.perform, gone, ward.guardian)
