"""An attack on the pseudonyms: which subject of hospital A is which subject of hospital B?

The attacker reads the public chain alone. It has two years of other people to learn from, of whom it knows the answer:
more than an outsider has. Each feature compares one subject of A with one of B; how telling a value is, is counted in
the years learnt from, and the logarithms are added up (naive Bayes). What comes out is the chance that a true pair
scores above a false one (AUC): 0.5 is guessing. Enrolments, records, grants, revocations and decisions are used, and
none of the signed acts beside them, some of which link by themselves: `docs/privacy.md`.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import log
from statistics import fmean
from typing import Final

from tests.promises.schedule import HOUR, Anchoring, Kind, Seen, Year, pseudonym
from tests.support.samples import DAY

BINS: Final = 8
Feature = Callable[["Trace", "Trace"], float]


@dataclass
class Trace:
    """All that is seen of one subject.

    Attributes:
        custodian: whose subject it is.
        events: in order of time.
        looks: times at which the other hospital looked, which is when it had the patient before it.
        written: times at which records of the subject were anchored.
        signed: times at which the subject signed something.
    """

    custodian: int
    events: list[Seen] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    signed: list[int] = field(default_factory=list)
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, event: Seen) -> None:
        """Takes one event."""
        self.events.append(event)
        if event.kind is Kind.ACCESS:
            self.looks.append(event.time)
        elif event.kind in {Kind.ANCHOR, Kind.SUPERSEDE}:
            self.written.append(event.time)
        else:
            self.signed.append(event.time)
        self.classes.update(bit for bit in range(1, 13) if event.categories >> bit & 1)

    @property
    def grants(self) -> list[Seen]:
        """Gives the grants."""
        return [event for event in self.events if event.kind is Kind.GRANT]


def traces(events: Iterable[Seen]) -> tuple[dict[bytes, Trace], dict[bytes, Trace]]:
    """Sorts events by subject: those of hospital A, those of B."""
    found: tuple[dict[bytes, Trace], dict[bytes, Trace]] = ({}, {})
    for event in events:
        found[event.custodian].setdefault(event.subject, Trace(event.custodian)).add(event)
    return found


def _near(ones: Sequence[int], others: Sequence[int], before: int, after: int) -> float:
    """Gives the share of times that have one of the other in a window around them."""
    hits = sum(bisect_right(others, time + after) > bisect_left(others, time - before) for time in ones)
    return hits / len(ones) if ones else -1


def visit(a: Trace, b: Trace) -> float:
    """One hospital looks at the other's record, and within a day it anchors one: the same visit?"""
    return max(_near(a.looks, b.written, HOUR, DAY), _near(b.looks, a.written, HOUR, DAY))


def visit_within_a_week(a: Trace, b: Trace) -> float:
    """The same, with a week and a day in between."""
    return max(_near(a.looks, b.written, HOUR, 8 * DAY), _near(b.looks, a.written, HOUR, 8 * DAY))


def visit_within_a_month(a: Trace, b: Trace) -> float:
    """The same, with a month and a day in between."""
    return max(_near(a.looks, b.written, HOUR, 31 * DAY), _near(b.looks, a.written, HOUR, 31 * DAY))


def enrolled_at_a_look(a: Trace, b: Trace) -> float:
    """One hospital enrols somebody, and within the hour it looks at the other's record."""
    first = (a.events[0].time, b.events[0].time)
    return max(_near(first[1:], a.looks, 0, HOUR), _near(first[:1], b.looks, 0, HOUR))


def signing_together(a: Trace, b: Trace) -> float:
    """How often the two sign within an hour of each other."""
    return _near(a.signed, b.signed, HOUR, HOUR)


def rhythm(a: Trace, b: Trace) -> float:
    """How often one has a record within two weeks of the other."""
    return _near(a.written, b.written, 15 * DAY, 15 * DAY)


def hour_of_day(a: Trace, b: Trace) -> float:
    """How far apart the hours are at which the two sign."""
    if not a.grants or not b.grants:
        return -1
    hours = [fmean(event.time % DAY / HOUR for event in trace.grants) for trace in (a, b)]
    return abs(hours[0] - hours[1])


def validity(a: Trace, b: Trace) -> float:
    """Whether the two choose the same validities."""
    chosen = [Counter(event.days for event in trace.grants) for trace in (a, b)]
    return _overlap(*chosen)


def classes(a: Trace, b: Trace) -> float:
    """How much the document classes have in common."""
    return _overlap(a.classes, b.classes)


def purposes(a: Trace, b: Trace) -> float:
    """Whether the two grant the same purposes."""
    return _overlap(*(Counter(event.purposes for event in trace.grants) for trace in (a, b)))


def size_of_consents(a: Trace, b: Trace) -> float:
    """How far apart the numbers of classes are that the two grant at once."""
    if not a.grants or not b.grants:
        return -1
    sizes = [fmean(event.categories.bit_count() for event in trace.grants) for trace in (a, b)]
    return abs(sizes[0] - sizes[1])


def device(a: Trace, b: Trace) -> float:
    """Whether the signers are of one kind, which their length tells; the bytes themselves never are the same."""
    return float(a.events[0].device == b.events[0].device)


def _overlap(one: Counter[int], other: Counter[int]) -> float:
    if not one or not other:
        return -1
    return sum(min(one[key] / one.total(), other[key] / other.total()) for key in one)


FEATURES: Final[tuple[Feature, ...]] = (
    *(visit, visit_within_a_week, visit_within_a_month, enrolled_at_a_look, signing_together, rhythm),
    *(hour_of_day, validity, classes, purposes, size_of_consents, device),
)


@dataclass(frozen=True)
class Pairs:
    """Every pair of a subject of A and one of B: the values of its features, and whether they are one person."""

    values: list[tuple[float, ...]]
    same: list[bool]
    width: int
    """Subjects of B: so many pairs in a row are of one subject of A."""

    @classmethod
    def of(cls, events: Iterable[Seen], truth: set[tuple[bytes, bytes]]) -> Pairs:
        """Compares everybody with everybody."""
        ours, theirs = traces(events)
        pairs = list(product(ours.items(), theirs.items()))
        values = [tuple(feature(a, b) for feature in FEATURES) for (_, a), (_, b) in pairs]
        return cls(values, [(one, other) in truth for (one, _), (other, _) in pairs], len(theirs))


def truth_of(year: Year) -> set[tuple[bytes, bytes]]:
    """Gives the true pairs."""
    return {(pseudonym(year.seed, person, 0), pseudonym(year.seed, person, 1)) for person in range(year.size)}


class Attacker:
    """Learns how telling each value of each feature is."""

    def __init__(self, known: Sequence[Pairs]) -> None:
        self._tables = [self._learn(known, which) for which in range(len(FEATURES))]

    @staticmethod
    def _learn(known: Sequence[Pairs], which: int) -> tuple[list[float], list[float]]:
        """Cuts the values of true pairs into parts of one size, and weighs each part."""
        true = sorted(v[which] for pairs in known for v, same in zip(pairs.values, pairs.same, strict=True) if same)
        cuts = sorted({true[len(true) * part // BINS] for part in range(BINS)})
        counts: dict[bool, Counter[int]] = defaultdict(Counter)
        for pairs in known:
            for values, same in zip(pairs.values, pairs.same, strict=True):
                counts[same][bisect_right(cuts, values[which])] += 1
        parts = range(len(cuts) + 1)
        totals = {same: counts[same].total() + len(parts) for same in (True, False)}
        shares = {same: [(counts[same][part] + 1) / totals[same] for part in parts] for same in (True, False)}
        return cuts, [log(true_ / false) for true_, false in zip(shares[True], shares[False], strict=True)]

    def scores(self, pairs: Pairs, only: int | None = None) -> list[float]:
        """Weighs each pair by all features, or by one."""
        chosen = range(len(FEATURES)) if only is None else (only,)
        tables = [(which, *self._tables[which]) for which in chosen]
        return [
            sum(weights[bisect_right(cuts, values[which])] for which, cuts, weights in tables)
            for values in pairs.values
        ]


def auc(scores: Sequence[float], same: Sequence[bool]) -> float:
    """Gives the chance that a true pair scores above a false one; equal scores count half."""
    false = sorted(score for score, is_same in zip(scores, same, strict=True) if not is_same)
    true = [score for score, is_same in zip(scores, same, strict=True) if is_same]
    below = sum(bisect_left(false, score) + bisect_right(false, score) for score in true)
    return below / (2 * len(true) * len(false))


@dataclass(frozen=True)
class Result:
    """How well the attack did: with all features, with each alone, and how often its best guess is right."""

    whole: float
    alone: dict[str, float]
    first_guess: float


def attack(size: int, seed: int, anchoring: Anchoring, *, uniform: bool = False) -> Result:
    """Learns from two years of other people and attacks a third."""
    years = [Year(size, seed * 10 + number, anchoring, uniform) for number in range(3)]
    learnt = [Pairs.of(year.seen(), truth_of(year)) for year in years[:2]]
    return judge(Attacker(learnt), Pairs.of(years[2].seen(), truth_of(years[2])))


def judge(attacker: Attacker, pairs: Pairs) -> Result:
    """Measures an attack on pairs it has not seen."""
    scores = attacker.scores(pairs)
    alone = {f.__name__: auc(attacker.scores(pairs, which), pairs.same) for which, f in enumerate(FEATURES)}
    rows = [range(start, start + pairs.width) for start in range(0, len(scores), pairs.width)]
    guesses = [pairs.same[max(row, key=scores.__getitem__)] for row in rows if any(pairs.same[i] for i in row)]
    return Result(auc(scores, pairs.same), alone, fmean(guesses))


def main() -> int:
    """Prints the figures of `docs/privacy.md`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/linkage", description="Tries to link patients across hospitals.")
    parser.add_argument("--people", type=int, nargs="+", default=[36, 150])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    ways = [*((anchoring, False) for anchoring in Anchoring), (Anchoring.MONTHLY, True), (Anchoring.WHEN_ASKED, True)]
    for size, (anchoring, uniform) in product(arguments.people, ways):
        results = [attack(size, seed, anchoring, uniform=uniform) for seed in range(1, arguments.seeds + 1)]
        whole = [result.whole for result in results]
        first = fmean(result.first_guess for result in results)
        sys.stdout.write(f"{size} people, {anchoring.value}{', uniform terms' * uniform}: AUC {fmean(whole):.2f} ")
        sys.stdout.write(f"({min(whole):.2f} to {max(whole):.2f}), first guess right {first:.0%}\n")
        for name in results[0].alone:
            sys.stdout.write(f"    {name}: {fmean(result.alone[name] for result in results):.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
