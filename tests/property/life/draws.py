"""Signed acts in random histories: drawn by the makers of each life cycle, sent to both sides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Final, cast

from cryptography.hazmat.primitives.asymmetric import ec

from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, Address, ConsentTerms, SubjectId
from consentry.core.typed_data import SignedStruct
from consentry.crypto.signing import AccountKey, SigningKey
from tests.property.agreement import Agreement
from tests.property.life.makers import MAKERS
from tests.support import samples
from tests.support.evm import PAYER

if TYPE_CHECKING:
    from tests.property.histories import History

GROUPS: Final = (samples.group(PAYER.address, 1), samples.group(PAYER.address, 2))
PEOPLE: Final = (samples.PRACTITIONER, samples.word(0x9B), samples.word(0x9C))
HOUR: Final = 3600
RECENT: Final = 40
"""Acts are drawn from the latest so many records and consents, so that they meet."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An institution and the key it signs with; its address stays when the key changes."""

    address: Address
    key: AccountKey

    @property
    def signer(self) -> bytes:
        """The signer of the key."""
        return self.key.signer

    def sign_digest(self, digest: bytes) -> bytes:
        """Signs 32 bytes."""
        return self.key.sign_digest(digest)


@dataclass
class LifeDraws:
    """What makers draw from, and the step that sends what they made."""

    random: Random
    words: Random = field(default_factory=lambda: Random(0))
    ledger: Agreement = field(init=False)
    patients: dict[SubjectId, SigningKey] = field(default_factory=dict)
    granted: list[ConsentTerms] = field(default_factory=list)
    prepared: list[ConsentTerms] = field(default_factory=list)
    keys: dict[bytes, SigningKey] = field(default_factory=dict)
    performed: list[tuple[SignedAct, list[bytes]]] = field(default_factory=list)

    def _chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def _word(self) -> bytes:
        return self.words.randbytes(32)

    def account(self) -> AccountKey:
        """Draws a key that nobody knows."""
        raise NotImplementedError

    def institution(self) -> Address:
        """Draws an institution; now and then a stranger."""
        raise NotImplementedError

    def key_of(self, institution: Address) -> AccountKey:
        """Gives the key an institution signs with today."""
        raise NotImplementedError

    @property
    def institutions(self) -> dict[Address, Seat]:
        """Every institution with the key it signs with today."""
        return {address: Seat(address, self.key_of(address)) for address in self.ledger.state.institutions}

    def relay(self) -> Address:
        """Picks who submits, now and then somebody who may not."""
        return self.ledger.stranger.address if self._chance(4) else self.ledger.suite.evm.payer

    def signature(self, key: SigningKey, contract: str, value: SignedStruct, wrong: float = 3) -> bytes:
        """Signs, now and then wrongly."""
        raise NotImplementedError

    def chance(self, percent: float) -> bool:
        """Tells whether something happens that does so in so many of a hundred cases."""
        return self._chance(percent)

    def word(self) -> bytes:
        """Draws 32 bytes unlike all others."""
        return self._word()

    def number(self) -> int:
        """Draws a number unlike all others."""
        return self.words.getrandbits(256)

    def deadline(self) -> int:
        """Draws until when an act must be sent; now and then that is over."""
        return self.ledger.now + (self.random.choice([-1, 0, 1]) if self._chance(4) else HOUR)

    def any_subject(self) -> tuple[SubjectId, SigningKey]:
        """Draws a subject and the key of its signer; now and then nobody's."""
        if self._chance(3) or not self.patients:
            return SubjectId(self._word()), self.account()
        subject = self.random.choice(list(self.patients)[-RECENT:])
        return subject, self.own_key(subject)

    def p256_secret(self) -> ec.EllipticCurvePrivateKey:
        """Draws a key from the history's own words: one that is run again must be the same."""
        return ec.derive_private_key(self.words.randrange(1, 1 << 255), ec.SECP256R1())

    def in_force(self, terms: ConsentTerms) -> ConsentTerms:
        """Gives terms that nothing is wrong with: of the first subject, to the first institution, from now on."""
        subject, seat, now = next(iter(self.patients)), next(iter(self.institutions)), self.ledger.now
        named = replace(terms, subject_id=subject, institution=seat, group=ZERO_32)
        return replace(named, valid_from=now, valid_until=now + 5 * 86400)

    def new_key(self) -> AccountKey:
        """Draws the key of a signer that may come to sign for somebody."""
        key = self.account()
        self.keys[key.signer] = key
        return key

    def own_key(self, subject: SubjectId) -> SigningKey:
        """Gives the key of the signer a subject has."""
        known = self.ledger.state.subjects.get(subject)
        own = self.keys.get(known.signer) if known else None
        return own or self.patients.get(subject, self.ledger.stranger)

    def guardian_of(self, subject: SubjectId) -> tuple[bytes, SigningKey]:
        """Draws an appointment of a subject with the guardian's key; zero and the subject's own if there is none."""
        kept = list(self.ledger.state.guardians.appointments_of(subject).items())
        if not kept or self._chance(5):
            return ZERO_32, self.own_key(subject)
        name, appointment = self.random.choice(kept)
        return name, self.keys[appointment.signer]

    def custodian_of(self, subject: SubjectId) -> SigningKey:
        """Gives the key of the custodian of a subject."""
        return self.institutions.get(self.ledger.state.custodian_of(subject), self.ledger.stranger)

    def any_authority(self) -> AccountKey:
        """Draws an authority: the national one or that of the province."""
        return self.random.choice([PAYER, self.ledger.province])

    def any_institution(self) -> Seat:
        """Draws an institution with the key it signs with today; now and then a stranger."""
        address = self.institution()
        known = address in self.ledger.state.institutions
        return Seat(address, self.key_of(address) if known else self.account())

    def _terms(self) -> ConsentTerms:
        raise NotImplementedError

    def any_terms(self) -> ConsentTerms:
        """Draws terms that could be granted, mostly."""
        return self._terms()

    def any_group(self) -> bytes:
        """Draws a group."""
        return self.random.choice(GROUPS)

    def any_practitioner(self) -> bytes:
        """Draws a practitioner."""
        return self.random.choice(PEOPLE)

    def perform(self) -> None:
        """Sends a signed act, sometimes with too few or wrong signatures, or again."""
        if self.performed and self._chance(4):
            act, signatures = self.random.choice(self.performed[-RECENT:])
            self.ledger.perform(act, signatures, self.relay())
            return
        [maker] = self.random.choices([maker for _, maker in MAKERS], [weight for weight, _ in MAKERS])
        act, keys = maker(cast("History", self))
        signatures = [self.signature(key, act.FORM.contract, act) for key in keys]
        if self._chance(2):
            signatures = signatures[1:] if self._chance(50) else [*signatures, b""]
        if self.ledger.perform(act, signatures, self.relay()):
            self.performed.append((act, signatures))
