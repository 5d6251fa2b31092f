"""A year of two hospitals: who comes when, what is written down, and what everybody sees of it on the chain.

How people behave is assumed here, in the open: habits of hour, of validity and of device go with the person to both
hospitals, illness shifts the classes of documents, and a referral brings the same person to the other hospital within
two weeks. `docs/privacy.md` says what follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from random import Random
from typing import Final, NamedTuple

from consentry.core.codes import Category, Purpose, bits
from tests.support.samples import DAY

START: Final = 1_798_761_600
"""1 January 2027, 00:00 UTC: the year begins; nothing that is known of a person lies after it."""
YEAR: Final = 365 * DAY
HOUR: Final = 3600
HOSPITALS: Final = 2
VALIDITIES: Final = (30, 90, 180, 365)
DEVICES: Final = ("account", "account", "account", "P-256", "passkey")
MONTH_OF_START: Final = (2027 - 1970) * 12
_CATEGORIES: Final = tuple(Category)
_COMMON: Final = {Category.ENCOUNTER: 25, Category.LABORATORY: 30, Category.IMAGING: 14, Category.MEDICATION: 14}
_WEIGHTS: Final = tuple(_COMMON.get(category, 2) for category in _CATEGORIES)
"""How common the classes are; what is rare tells more."""


class Kind(Enum):
    """What happens."""

    ENROL = "enrol"
    ANCHOR = "anchor"
    SUPERSEDE = "supersede"
    GRANT = "grant"
    REVOKE = "revoke"
    ACCESS = "access"


class Anchoring(Enum):
    """When a hospital puts on chain what it wrote down, and in the last two cases whom it enrolled."""

    AT_ONCE = "at once"
    NIGHTLY = "each night"
    WEEKLY = "each week"
    MONTHLY = "each month"
    WHEN_ASKED = "when first asked for"


_PERIODS: Final = {Anchoring.NIGHTLY: DAY, Anchoring.WEEKLY: 7 * DAY, Anchoring.MONTHLY: 30 * DAY}


@dataclass(frozen=True, slots=True)
class Act:
    """One act; which members count depends on the kind.

    Attributes:
        time: seconds since the epoch.
        kind: what happens.
        person: number of the person concerned.
        custodian: hospital whose subject the person is here.
        institution: who is named or asks; the custodian itself where nobody else takes part.
        categories: set of document classes.
        purposes: set of purposes.
        days: validity in days.
        device: what the person signs with.
        target: number of the act that is taken back, replaced or asked for.
        consent: number of the grant that is invoked; -1 where none is.
    """

    time: int
    kind: Kind
    person: int
    custodian: int
    institution: int
    categories: int = 0
    purposes: int = 0
    days: int = 0
    device: str = ""
    target: int = -1
    consent: int = -1


class Seen(NamedTuple):
    """What everybody sees of an act: the event, with the pseudonym in the place of the person."""

    time: int
    kind: Kind
    subject: bytes
    custodian: int
    institution: int
    categories: int
    purposes: int
    days: int
    device: str


@dataclass
class _Habits:
    """What goes with a person wherever it goes."""

    hour: float
    days: int
    device: str
    categories: tuple[Category, ...]
    home: int
    both: bool


@dataclass
class Year:
    """Draws the acts of a year.

    Attributes:
        size: number of people.
        seed: the same seed gives the same year.
        anchoring: when records go on chain.
        uniform: everybody signs the same kind of terms with the same kind of signer.
        acts: what was drawn, in no order; targets are places in this list.
    """

    size: int
    seed: int
    anchoring: Anchoring = Anchoring.AT_ONCE
    uniform: bool = False
    acts: list[Act] = field(default_factory=list)

    def __post_init__(self) -> None:
        for person in range(self.size):  # acts that were given stay as they are
            _Life(self, person, Random(f"{self.seed} {person}")).live()

    def in_order(self) -> Iterator[tuple[int, Act]]:
        """Gives the acts with their numbers, one a second at most: each has a block of its own."""
        last = 0
        for number, act in sorted(enumerate(self.acts), key=lambda pair: (pair[1].time, pair[0])):
            last = max(last + 1, act.time)
            yield number, replace(act, time=last)

    def seen(self) -> list[Seen]:
        """Gives what everybody sees, as it would stand on the chain."""
        return [
            Seen(
                act.time,
                act.kind,
                pseudonym(self.seed, act.person, act.custodian),
                act.custodian,
                act.institution,
                act.categories,
                act.purposes,
                act.days,
                act.device,
            )
            for _, act in self.in_order()
        ]


def pseudonym(seed: int, person: int, custodian: int) -> bytes:
    """Gives the id of a subject: chance, and another at each custodian."""
    return Random(f"subject {seed} {person} {custodian}").randbytes(32)


class _Life:
    """Draws what one person does in the year."""

    def __init__(self, year: Year, person: int, random: Random) -> None:
        self._year, self._person, self._random = year, person, random
        self._habits = _Habits(
            hour=random.uniform(7, 22),
            days=random.choice(VALIDITIES),
            device=random.choice(DEVICES),
            categories=tuple(random.choices(_CATEGORIES, _WEIGHTS, k=2)),
            home=random.randrange(HOSPITALS),
            both=random.random() < 0.8,
        )
        self._enrolled: dict[int, int] = {}
        self._records: dict[int, list[int]] = {0: [], 1: []}
        self._waiting: dict[int, list[Category]] = {0: [], 1: []}  # written down, not on chain
        self._consents: dict[int, int] = {}  # number of the grant, by custodian

    def live(self) -> None:
        """Draws the visits, in order of time."""
        visits = []
        for _ in range(self._random.randrange(2, 7)):
            day = self._random.randrange(5, 340)
            other = self._habits.both and self._random.random() < 0.35
            visits.append((day, 1 - self._habits.home if other else self._habits.home))
            if self._habits.both and self._random.random() < 0.4:  # a referral
                visits.append((day + self._random.randrange(1, 15), 1 - visits[-1][1]))
        for day, hospital in sorted(set(visits)):
            self._visit(START + day * DAY + self._random.randrange(8 * HOUR, 17 * HOUR), hospital)

    def _add(self, time: int, kind: Kind, custodian: int, institution: int, **more: int | str) -> int:
        act = Act(int(time), kind, self._person, custodian, institution, **more)  # type: ignore[arg-type]  # members by name
        self._year.acts.append(act)
        return len(self._year.acts) - 1

    def _visit(self, time: int, hospital: int) -> None:
        if hospital not in self._enrolled and not self._lazy:
            monthly = self._year.anchoring is Anchoring.MONTHLY
            # A month's enrolments come in the hour before its records.
            self._enrol(self._anchored(time) - HOUR if monthly else time - 1200, hospital)
        self._look(time, 1 - hospital, hospital)
        for _ in range(self._random.randrange(1, 3)):
            self._write_down(time + self._random.randrange(HOUR // 2, 8 * HOUR), hospital)
        if not self._lazy and self._random.random() < 0.15:
            self._correct(time + self._random.randrange(3 * HOUR, 20 * HOUR), hospital)

    @property
    def _lazy(self) -> bool:
        return self._year.anchoring is Anchoring.WHEN_ASKED

    def _enrol(self, time: int, hospital: int) -> None:
        self._enrolled[hospital] = time
        device = self._habits.device if self._random.random() < 0.85 else self._random.choice(DEVICES)
        self._add(time, Kind.ENROL, hospital, hospital, device=DEVICES[0] if self._year.uniform else device)

    def _appear(self, time: int, hospital: int) -> None:
        """Only now that somebody asks does the patient of a hospital appear on chain."""
        if self._waiting[hospital] and hospital not in self._enrolled:
            self._enrol(time - 1000, hospital)
        for category in self._waiting[hospital][-2:]:
            at = time - self._random.randrange(400, 900)
            self._records[hospital].append(self._add(at, Kind.ANCHOR, hospital, hospital, categories=bits(category)))
        self._waiting[hospital].clear()

    def _look(self, time: int, custodian: int, hospital: int) -> None:
        """The hospital visited asks for what the other one has; now and then nobody asked the patient."""
        self._appear(time, custodian)
        there = [record for record in self._records[custodian] if self._year.acts[record].time < time - 300]
        if not there:
            return
        granted = self._consents.get(custodian, -1)
        over = granted < 0 or time > self._year.acts[granted].time + (self._year.acts[granted].days - 1) * DAY
        if over and self._random.random() < 0.9:
            granted = self._consents[custodian] = self._grant(time, custodian, hospital)
        for _ in range(self._random.randrange(1, 3)):
            asked = time + self._random.randrange(120, 1800)
            self._ask(asked, custodian, hospital, granted, self._random.choice(there[-6:]))
        if granted >= 0 and self._random.random() < 0.12:
            later = time + self._random.randrange(2 * HOUR, 40 * DAY)
            self._add(later, Kind.REVOKE, custodian, hospital, target=granted)
            self._consents.pop(custodian, None)

    def _grant(self, time: int, custodian: int, hospital: int) -> int:
        """The evening before, at the person's own hour, or at the desk."""
        evening = (time - START) // DAY * DAY + START - DAY + int(self._random.gauss(self._habits.hour, 1) * HOUR)
        at_desk = self._random.random() < 0.4 or evening <= self._enrolled[custodian]
        days = self._habits.days if self._random.random() < 0.7 else self._random.choice(VALIDITIES)
        chosen = {*self._habits.categories, *self._random.choices(_CATEGORIES, _WEIGHTS, k=2)}
        purposes = bits(Purpose.TREAT) if self._random.random() < 0.7 else bits(Purpose.TREAT, Purpose.COC)
        if self._year.uniform:
            days, chosen, purposes = VALIDITIES[-1], {*_CATEGORIES}, bits(Purpose.TREAT)
        made = time - self._random.randrange(60, 300) if at_desk else evening
        terms: dict[str, int | str] = {"categories": bits(*chosen), "purposes": purposes, "days": days}
        return self._add(made, Kind.GRANT, custodian, hospital, **terms)

    def _ask(self, time: int, custodian: int, hospital: int, granted: int, record: int) -> None:
        act = self._year.acts[record]
        purposes = bits(Purpose.TREAT)
        named: dict[str, int | str] = {"categories": act.categories, "purposes": purposes}
        self._add(time, Kind.ACCESS, custodian, hospital, target=record, consent=granted, **named)

    def _write_down(self, time: int, hospital: int) -> None:
        [category] = self._random.choices(_CATEGORIES, _WEIGHTS)
        if self._random.random() < 0.4:
            category = self._random.choice(self._habits.categories)
        if self._lazy:
            self._waiting[hospital].append(category)
            return
        number = self._add(self._anchored(time), Kind.ANCHOR, hospital, hospital, categories=bits(category))
        self._records[hospital].append(number)

    def _correct(self, time: int, hospital: int) -> None:
        record = self._records[hospital].pop()
        old = self._year.acts[record]
        made = self._anchored(max(time, old.time + HOUR))
        number = self._add(made, Kind.SUPERSEDE, hospital, hospital, categories=old.categories, target=record)
        self._records[hospital].append(number)

    def _anchored(self, time: int) -> int:
        """When it goes on chain: at once, or shuffled with the rest of its period in the hours after two at night."""
        period = _PERIODS.get(self._year.anchoring)
        if period is None:
            return time
        return (time - START) // period * period + START + period + 2 * HOUR + self._random.randrange(2 * HOUR)
