"""Guardians, circumstances, directives and keys of subjects, as they come up once a year is over.

They come last because they change who may sign: a minor that is noted as one grants no more by itself.
"""

from __future__ import annotations

import hmac
from datetime import UTC, date, datetime
from typing import Final

from consentry.core.codes import (
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
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey
from tests.promises.beside import Beside, soon
from tests.promises.people import ADULT, Person
from tests.promises.schedule import HOUR, Act
from tests.support.evm import PAYER
from tests.support.samples import DAY

DELAY: Final = 8 * DAY
"""Longer than a recovery is public for."""


class Wards:
    """Plays what concerns who signs for a subject."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside

    def live(self, now: int, act: Act) -> None:
        """Plays what comes up for the person whom an act enrolled."""
        person = self._beside.clinic.people[act.person]
        minor = person.is_minor(datetime.fromtimestamp(now, UTC).date())
        steps = (self._grow_up,) if minor else (self._lose_keys, self._appoint, self._be_taken_for_dead)
        for number, step in enumerate(steps):
            self._beside.agenda.later(now + number * 30 * DAY, step, act)

    def _new_key(self) -> AccountKey:
        return AccountKey(self._beside.random.randbytes(32))

    def _evidence(self, act: Act) -> bytes:
        """A paper that names the person is kept; its hash is blinded."""
        name = self._beside.clinic.people[act.person].name.encode()
        return hmac.digest(self._beside.random.randbytes(32), name, "sha256")

    def _grow_up(self, now: int, act: Act) -> None:
        """A minor is noted with the end of the quarter it comes of age in, and gets a parent."""
        beside, own = self._beside, self._beside.hospital(act.custodian).key
        subject, until = beside.clinic.subject(act), end_of_minority(beside.clinic.people[act.person])
        parent = self._new_key()
        noted = Circumstances(
            subject,
            until,
            shielded=False,
            deceased=False,
            evidence_hash=self._evidence(act),
            nonce=beside.nonce(),
            sign_before=soon(now),
        )
        beside.perform(now, noted, own)
        scopes = bits(GuardianScope.GRANT, GuardianScope.REVOKE)
        period = now, until
        kind, evidence = GuardianKind.PARENT, self._evidence(act)
        appointed = GuardianAppointment(
            *(subject, parent.signer, kind, scopes, *period, evidence, beside.nonce(), now + DAY)
        )
        beside.agenda.later(now + 60, beside.perform, appointed, parent, own)
        answers = DirectiveAnswer.ALLOW, DirectiveAnswer.FORBID
        wish = Directive(subject, struct_hash(appointed), *answers, beside.nonce(), now + DAY)
        beside.agenda.later(now + HOUR, beside.perform, wish, parent)

    def _appoint(self, now: int, act: Act) -> None:
        """A grown-up appoints somebody, says what it wants, and takes the appointment back."""
        beside, key, person = self._beside, self._beside.clinic.signer_of(act), self._new_key()
        subject, scopes = beside.clinic.subject(act), bits(GuardianScope.GRANT, GuardianScope.RECOVER)
        period = now, now + 300 * DAY
        appointed = GuardianAppointment(
            *(subject, person.signer, GuardianKind.DELEGATE, scopes, *period, ZERO_32, beside.nonce(), soon(now))
        )
        beside.perform(now, appointed, person, key)
        answers = DirectiveAnswer.FORBID, DirectiveAnswer.ALLOW
        beside.agenda.later(
            *(now + 60, beside.perform, Directive(subject, ZERO_32, *answers, beside.nonce(), now + DAY), key)
        )
        by = GuardianRemover.SUBJECT
        removal = GuardianRemoval(struct_hash(appointed), subject, by, beside.nonce(), now + 30 * DAY)
        beside.agenda.later(now + 10 * DAY, beside.perform, removal, key)

    def _be_taken_for_dead(self, now: int, act: Act) -> None:
        """A custodian notes a death by mistake, and takes it back with the person."""
        beside, own = self._beside, self._beside.hospital(act.custodian).key
        subject, key = beside.clinic.subject(act), beside.clinic.signer_of(act)
        noted = Circumstances(
            subject,
            0,
            shielded=False,
            deceased=True,
            evidence_hash=self._evidence(act),
            nonce=beside.nonce(),
            sign_before=soon(now),
        )
        beside.perform(now, noted, own)
        back = ProofOfLife(subject, self._evidence(act), beside.nonce(), now + 3 * DAY)
        beside.agenda.later(now + DAY, beside.perform, back, own, key)

    def _lose_keys(self, now: int, act: Act) -> None:
        """Somebody gets a card, another device and a recovery that is stopped; then the device is lost for good."""
        beside, old, subject = self._beside, self._beside.clinic.signer_of(act), self._beside.clinic.subject(act)
        card, device, stranger, found = (self._new_key() for _ in range(4))
        later, end = beside.agenda.later, now + 60 * DAY
        later(now, beside.perform, CardRegistration(subject, card.signer, beside.nonce(), end), old, card)
        later(now + HOUR, beside.perform, SignerRotation(subject, device.signer, beside.nonce(), end), old, device)
        wrong, right = self._recovery(act, stranger, end), self._recovery(act, found, end)
        later(now + 2 * HOUR, beside.perform, wrong, stranger, PAYER)
        stop = RecoveryObjection(subject, struct_hash(wrong), RecoveryObjector.CARD, beside.nonce(), end)
        later(now + DAY, beside.perform, stop, card)
        later(now + 2 * DAY, beside.perform, CardRemoval(subject, beside.nonce(), end), device)
        later(now + 3 * DAY, beside.perform, right, found, PAYER)
        later(now + 3 * DAY + DELAY, beside.perform, RecoveryCompletion(subject, struct_hash(right), end))
        later(now + 3 * DAY + DELAY, lambda _: beside.clinic.take_key(act, found))

    def _recovery(self, act: Act, key: AccountKey, end: int) -> RecoveryProposal:
        beside = self._beside
        who = RecoveryProposer.AUTHORITY, beside.authority.rjust(32, b"\0")
        return RecoveryProposal(
            *(beside.clinic.subject(act), key.signer, *who, self._evidence(act), beside.nonce(), end)
        )


def end_of_minority(person: Person) -> int:
    """Gives the first second of the quarter after the one in which somebody comes of age, by UTC."""
    year, month = person.born.year + ADULT, (person.born.month - 1) // 3 * 3 + 4
    first = date(year + month // 13, 1 if month > 12 else month, 1)
    return int(datetime(first.year, first.month, 1, tzinfo=UTC).timestamp())
