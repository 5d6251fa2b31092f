"""The comparison after the kills finds every fault it is there to find, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from consentry.audit.ports import KeptRelease
from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided, ConsentGranted, ConsentRevoked
from consentry.core.terms import AccessEntry, ConsentId
from consentry.demo.chaos_check import Act, Facts, Told, check, key_of
from tests.support import samples

CONSENT = ConsentId(samples.word(0xC5))
ASKED = [
    replace(samples.request(samples.word(0x4E), CONSENT, samples.RELEASE_KEY_HASH), request_id=number)
    for number in (1, 2, 3)
]
REASONS = (Reason.NONE, Reason.RECORD_NOT_IN_SCOPE, Reason.NONE)


def decided(number: int, reason: Reason, *, block: int | None = None) -> AccessDecided:
    """The decision on one of the requests, in a block of its own."""
    entry = AccessEntry(ASKED[number], samples.SUBJECT, int(reason), samples.NOW, number + 1, number + 1)
    return AccessDecided(samples.place(number=number + 10 if block is None else block), entry)


DECISIONS = [decided(number, reason) for number, reason in enumerate(REASONS)]


def foreign() -> AccessDecided:
    """A decision on a request that nobody sent."""
    event = decided(1, REASONS[1], block=98)
    return replace(event, entry=replace(event.entry, request=replace(ASKED[1], request_id=7)))


def told(event: AccessDecided, reason: Reason | None = None) -> Told:
    """A decision as a client is told it; with a reason, as one that the last look turned away."""
    place, own = event.place, Reason(event.entry.reason)
    named = place.block.hash, place.transaction_hash, place.log_index
    with_key = own == Reason.NONE and reason is None
    return Told(event.entry.request, reason or own, named, event.entry if with_key else None)


def release(event: AccessDecided) -> KeptRelease:
    """The vault's row of a release."""
    request = event.entry.request
    return KeptRelease(request.record_id, request.institution, request.request_id, heads.hash_of(event.entry))


def granted(block: int = 1) -> ConsentGranted:
    """The grant of the consent."""
    return ConsentGranted(samples.place(number=block), CONSENT, samples.SUBJECT, samples.terms(), b"")


def revoked(block: int = 20) -> ConsentRevoked:
    """Its revocation."""
    return ConsentRevoked(samples.place(number=block), CONSENT, samples.SUBJECT, bytes(32), b"")


def acts() -> list[Act]:
    """What the patient was told: the grant with its transaction, the revocation only that it is done."""
    return [Act(True, CONSENT, granted().place.transaction_hash), Act(False, CONSENT, None)]  # noqa: FBT003 - a fact


def sound() -> Facts:
    """Two permits, of which the last look turned one away, and a denial: all as it should be."""
    return Facts(
        sent={key_of(request): request for request in ASKED},
        answered={key_of(request) for request in ASKED},
        told=[told(DECISIONS[0]), told(DECISIONS[1]), told(DECISIONS[2], Reason.CONSENT_REVOKED)],
        acts=acts(),
        events=[granted(), *DECISIONS, revoked()],
        releases=[release(DECISIONS[0]), release(DECISIONS[2])],
    )


def without(facts: Facts, *gone: object) -> Facts:
    """The same, but for events that are not there."""
    return replace(facts, events=[event for event in facts.events if event not in gone])


def with_event(facts: Facts, *more: object) -> Facts:
    """The same, with events that should not be there."""
    return replace(facts, events=[*facts.events, *more])


def in_place_of(facts: Facts, old: AccessDecided, new: AccessEntry) -> Facts:
    """The same, with another entry where one was told."""
    changed = AccessDecided(old.place, new)
    return replace(facts, events=[changed if event == old else event for event in facts.events])


PLANTED: dict[str, tuple[Callable[[Facts], Facts], dict[str, int]]] = {
    "acknowledged denial is gone": (lambda f: without(f, DECISIONS[1]), {"lost": 1}),
    "acknowledged permit is gone, its key was given out": (
        lambda f: without(f, DECISIONS[0]),
        {"lost": 1, "released_without_decision": 1},
    ),
    "decision stands in another block than was told": (
        lambda f: with_event(without(f, DECISIONS[1]), decided(1, REASONS[1], block=99)),
        {"lost": 1},
    ),
    "denial has another reason than was told": (
        lambda f: in_place_of(f, DECISIONS[1], replace(DECISIONS[1].entry, reason=int(Reason.CONSENT_EXPIRED))),
        {"changed": 1},
    ),
    "permit stands with another sequence number": (
        lambda f: in_place_of(f, DECISIONS[0], replace(DECISIONS[0].entry, subject_sequence=9)),
        {"changed": 1},
    ),
    "permit was told as a denial that no revocation explains": (
        lambda f: without(f, revoked()),
        {"changed": 1, "acts_lost": 1},
    ),
    "permit is a denial on chain, its key was given out": (
        lambda f: in_place_of(f, DECISIONS[0], replace(DECISIONS[0].entry, reason=int(Reason.CONSENT_REVOKED))),
        {"changed": 1, "released_without_decision": 1},
    ),
    "request was decided twice": (
        lambda f: with_event(f, decided(1, REASONS[1], block=99)),
        {"decided_twice": 1},
    ),
    "two clients were told different decisions on one request": (
        lambda f: replace(f, told=[*f.told, told(decided(0, Reason.NONE, block=99))]),
        {"lost": 1},
    ),
    "request nobody sent was decided": (lambda f: with_event(f, foreign()), {"decided_unasked": 1}),
    "request was decided with another content than was sent": (
        lambda f: replace(f, sent={**f.sent, key_of(ASKED[1]): replace(ASKED[1], purpose=7)}),
        {"decided_unasked": 1},
    ),
    "release names no decision": (
        lambda f: replace(f, releases=[*f.releases, replace(f.releases[0], decision_id=bytes(32))]),
        {"released_without_decision": 1},
    ),
    "release rests on a denial": (
        lambda f: replace(f, releases=[*f.releases, release(DECISIONS[1])]),
        {"released_without_decision": 1},
    ),
    "release names the decision on another request": (
        lambda f: replace(f, releases=[*f.releases, replace(f.releases[0], request_id=2)]),
        {"released_without_decision": 1},
    ),
    "key was given out without a row": (
        lambda f: replace(f, releases=f.releases[1:]),
        {"keys_without_release": 1},
    ),
    "acknowledged grant is gone": (lambda f: without(f, granted()), {"acts_lost": 1}),
    "grant stands in another transaction than was told": (
        lambda f: with_event(without(f, granted()), granted(block=2)),
        {"acts_lost": 1},
    ),
    "consent was granted twice": (lambda f: with_event(f, granted(block=2)), {"acts_twice": 1}),
    "consent was revoked twice": (lambda f: with_event(f, revoked(block=21)), {"acts_twice": 1}),
    "request has no answer": (
        lambda f: replace(f, answered=f.answered - {key_of(ASKED[1])}),
        {"unanswered": 1},
    ),
}


def test_nothing_is_found_where_everything_holds() -> None:
    assert not any(asdict(check(sound())).values())


@pytest.mark.parametrize("name", PLANTED)
def test_planted_fault_is_found_and_no_other(name: str) -> None:
    plant, expected = PLANTED[name]

    found = asdict(check(plant(sound())))

    assert {kind: count for kind, count in found.items() if count} == expected


def test_every_fault_is_planted() -> None:
    planted = {kind for _, expected in PLANTED.values() for kind in expected}

    assert planted == set(asdict(check(sound())))
