"""What happened under load, in numbers: who was killed, what was asked meanwhile, how long until service went on."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median

from consentry.core.events import AccessDecided
from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Facts


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill that counts, and when, by the monotonic clock."""

    victim: str
    moment: float


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long something took, of all kills."""

    median: float
    longest: float


@dataclass(frozen=True, slots=True)
class Course:
    """What happened.

    Attributes:
        kills: by victim.
        seconds: from the first client to the last answer.
        starts: by part; each begins with one.
        requests: that were sent, each with an id of its own.
        calls: of clients, with those that were sent again.
        decisions: on chain.
        told: decisions that clients were told; a request that was sent twice at a time is told twice.
        keys: how many of these came with a key.
        too_late: requests that were decided, but told after they had expired.
        grants: and revocations that were acknowledged.
        decided_again: from a kill to the next decision on a request that was sent after it.
        whole_again: from a kill until everything was ready, of kills during which nothing else was killed.
        alone: how many these are.
    """

    kills: dict[str, int]
    seconds: float
    starts: dict[str, int]
    requests: int
    calls: int
    decisions: int
    told: int
    keys: int
    too_late: int
    grants: int
    revocations: int
    decided_again: Seconds
    whole_again: Seconds
    alone: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What was seen of the parts.

    Attributes:
        kills: in their order.
        whole: moments at which everything was ready, in their order, by the monotonic clock.
        seconds: from the first client to the last answer.
        starts: by part.
    """

    kills: Sequence[Kill]
    whole: Sequence[float]
    seconds: float
    starts: dict[str, int]


def course_of(book: Book, facts: Facts, seen: Witnessed) -> Course:
    """Counts and measures."""
    alone = list(_whole_again(seen))
    return Course(
        kills=dict(Counter(kill.victim for kill in seen.kills)),
        seconds=round(seen.seconds, 1),
        starts=seen.starts,
        requests=len(book.sent),
        calls=book.calls,
        decisions=sum(isinstance(event, AccessDecided) for event in facts.events),
        told=len(book.told),
        keys=sum(told.entry is not None for told in book.told),
        too_late=book.too_late,
        grants=sum(act.granted for act in book.acts),
        revocations=sum(not act.granted for act in book.acts),
        decided_again=_seconds(list(_decided_again(book, seen))),
        whole_again=_seconds(alone),
        alone=len(alone),
    )


def _decided_again(book: Book, seen: Witnessed) -> Iterator[float]:
    for kill in seen.kills:
        ended = min((end for began, end in book.spans if began >= kill.moment), default=None)
        if ended is not None:
            yield ended - kill.moment


def _whole_again(seen: Witnessed) -> Iterator[float]:
    """Gives how long each kill was felt, unless another one came meanwhile."""
    for moment, following in pairwise([*(kill.moment for kill in seen.kills), inf]):
        first = bisect_left(seen.whole, moment)
        if first < len(seen.whole) and seen.whole[first] < following:
            yield seen.whole[first] - moment


def _seconds(measured: Sequence[float]) -> Seconds:
    return Seconds(round(median(measured), 2), round(max(measured), 2)) if measured else Seconds(0.0, 0.0)
