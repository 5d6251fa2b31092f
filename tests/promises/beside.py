"""What a year brings beside visits: it is played in the gaps between the acts of the year, one act a second at most."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from consentry.core.signed_act import SignedAct
from consentry.core.terms import AccessRequest, Address, ConsentTerms, Material
from consentry.crypto.pseudonyms import practitioner_of, reason_of
from consentry.crypto.signing import SigningKey
from tests.promises.recorded import STAFF, Clinic, Hospital
from tests.promises.schedule import HOUR, Act
from tests.support.evm import PAYER
from tests.support.suite import plain

Step = Callable[..., None]
"""Plays one act; takes its time in seconds and what else was put down."""

WORDS: Final = (
    "blood group noted wrongly",
    "two people of one name",
    "looked because the patient was not awake",
    "1.2.156.112605.14038005400576.230104011835.2.8364.103317",
)
"""Reasons, and the UID of a study: none of them may stand on the chain."""


@dataclass
class Agenda:
    """Steps that wait for their time."""

    _steps: list[tuple[int, int, Step, tuple[Any, ...]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _last: int = 0

    def later(self, time: int, step: Step, *arguments: Any) -> None:  # noqa: ANN401 - whatever the function takes
        """Puts a step down for a time, or soon after."""
        heapq.heappush(self._steps, (time, next(self._numbers), step, arguments))

    def play_until(self, end: float, last: int = 0) -> None:
        """Plays what is due before ``end``; ``last`` is when something was played last."""
        self._last = max(self._last, last)
        while self._steps and (time := max(self._steps[0][0], self._last + 1)) < end:
            self._last = time
            _, _, step, arguments = heapq.heappop(self._steps)
            step(time, *arguments)


@dataclass
class Beside:
    """A clinic, an agenda, and what both need to play signed acts.

    Attributes:
        clinic: where the acts are played.
        random: draws what is not told by the year.
        agenda: what is still to be played.
        accesses: requests that were made beside those of the year.
    """

    clinic: Clinic
    random: Random
    agenda: Agenda = field(default_factory=Agenda)
    accesses: int = 0

    def happens(self, chance: float) -> bool:
        """Draws whether something happens."""
        return self.random.random() < chance

    def nonce(self) -> int:
        """Draws a number that makes equal acts distinct."""
        return self.random.getrandbits(256)

    def hospital(self, number: int) -> Hospital:
        """Gives a hospital by its number."""
        return self.clinic.hospitals[number]

    def perform(self, now: int, act: SignedAct, *keys: SigningKey) -> None:
        """Has an act taken that the keys sign."""
        form = act.FORM
        signatures = [self.clinic.signature(key, form.contract, act) for key in keys]
        self.clinic.send(form.contract, form.function, plain(act), signatures, time=now)

    def grant(self, now: int, terms: ConsentTerms, key: SigningKey) -> None:
        """Has a consent granted."""
        signature = self.clinic.signature(key, "Consents", terms)
        self.clinic.send("Consents", "grant", plain(terms), signature, time=now)

    def staff(self, number: int, who: int = 0) -> bytes:
        """Gives the pseudonym of somebody who works at a hospital."""
        return practitioner_of(self.hospital(number).secret, STAFF[who])

    def reason(self, number: int, text: str) -> bytes:
        """Gives what stands on chain for a reason a hospital has."""
        return reason_of(self.hospital(number).secret, text)

    def request(self, now: int, number: int, act: Act, **members: Any) -> AccessRequest:  # noqa: ANN401 - members by name
        """Gives a request of the other hospital for a record; ``members`` say on which basis."""
        other = replace(act, institution=1 - act.custodian, target=number, consent=-1, time=now)
        return replace(self.clinic.request(other), **members)

    def send(self, now: int, act: Act, request: AccessRequest, material: Material) -> None:
        """Submits a request of the other hospital."""
        self.accesses += 1
        self.clinic.ask(replace(act, institution=1 - act.custodian, time=now), request, material)

    @property
    def authority(self) -> Address:
        """The account of the national authority."""
        return PAYER.address


def soon(now: int) -> int:
    """Gives until when an act that is played now may be taken."""
    return now + HOUR
