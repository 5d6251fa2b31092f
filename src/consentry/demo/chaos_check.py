"""What must hold after everything was killed: what clients were told, what stands on chain, what the vault gave out.

Nothing here asks anybody. The same facts give the same findings, so a test can plant each fault and see it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass

from consentry.audit.ports import KeptRelease
from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided, ConsentGranted, ConsentRevoked
from consentry.core.terms import AccessEntry, AccessRequest, Address, ConsentId

Key = tuple[Address, int]
"""An institution and the id of its request."""
Place = tuple[bytes, bytes, int]
"""Hash of the block, hash of the transaction, number of the log."""


def key_of(request: AccessRequest) -> Key:
    """Gives what a request is known by."""
    return request.institution, request.request_id


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as a client was told it; a permit came with the whole line of the log, and with a key."""

    request: AccessRequest
    reason: Reason
    place: Place
    entry: AccessEntry | None


@dataclass(frozen=True, slots=True)
class Act:
    """A grant or a revocation that was acknowledged; its transaction, unless the client only learnt that it is done."""

    granted: bool
    consent_id: ConsentId
    transaction_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is compared.

    Attributes:
        sent: every request that was ever sent.
        answered: those that ended in an answer.
        told: every decision a client was told; one request may have been told more than once.
        acts: what patients were told.
        events: every event of the chain, of which only decisions, grants and revocations are looked at.
        releases: the vault's rows.
    """

    sent: Mapping[Key, AccessRequest]
    answered: AbstractSet[Key]
    told: Sequence[Told]
    acts: Sequence[Act]
    events: Sequence[object]
    releases: Sequence[KeptRelease]


@dataclass(frozen=True, slots=True)
class Findings:
    """How many of each fault there are; every one must be zero."""

    lost: int
    """Decisions a client was told that do not stand at the place it was told."""
    changed: int
    """Decisions that stand there with another content."""
    decided_twice: int
    decided_unasked: int
    """Decisions about a request that nobody sent, or with another content than was sent."""
    released_without_decision: int
    """Releases for which no final, permitted decision on that very request stands on chain."""
    keys_without_release: int
    """Keys a client got of which the vault has no row."""
    acts_lost: int
    acts_twice: int
    unanswered: int

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(asdict(self).values())


def check(facts: Facts) -> Findings:
    """Compares everything with the chain."""
    decided = [event for event in facts.events if isinstance(event, AccessDecided)]
    lost, changed = _told(facts, decided)
    acts_lost, acts_twice = _acts(facts.acts, facts.events)
    released = {release.decision_id for release in facts.releases}
    keys = [told.entry for told in facts.told if told.entry is not None]
    return Findings(
        lost=lost,
        changed=changed,
        decided_twice=_more_than_once(key_of(event.entry.request) for event in decided),
        decided_unasked=sum(facts.sent.get(key_of(e.entry.request)) != e.entry.request for e in decided),
        released_without_decision=_without_decision(facts.releases, decided),
        keys_without_release=sum(heads.hash_of(entry) not in released for entry in keys),
        acts_lost=acts_lost,
        acts_twice=acts_twice,
        unanswered=len(set(facts.sent) - facts.answered),
    )


def _more_than_once(names: Iterable[object]) -> int:
    return sum(count - 1 for count in Counter(names).values())


def _told(facts: Facts, decided: Sequence[AccessDecided]) -> tuple[int, int]:
    """Counts what was told and does not stand where it was told to, and what stands there otherwise."""
    revoked = {event.consent_id for event in facts.events if isinstance(event, ConsentRevoked)}
    at = {_place_of(event): event.entry for event in decided}
    found = [(told, at.get(told.place)) for told in facts.told]
    changed = sum(entry is not None and not _is_same(told, entry, revoked) for told, entry in found)
    return sum(entry is None for _, entry in found), changed


def _place_of(event: AccessDecided) -> Place:
    return event.place.block.hash, event.place.transaction_hash, event.place.log_index


def _is_same(told: Told, entry: AccessEntry, revoked: Collection[ConsentId]) -> bool:
    """Whether an entry of the chain is what was told; the last look may turn away what was permitted, and say why."""
    if told.entry is not None:
        return told.entry == entry and told.reason == Reason.NONE
    turned_away = entry.reason == Reason.NONE and told.reason == Reason.CONSENT_REVOKED
    if turned_away and entry.request.consent_id not in revoked:
        return False
    return told.request == entry.request and (turned_away or told.reason == entry.reason != Reason.NONE)


def _without_decision(releases: Sequence[KeptRelease], decided: Sequence[AccessDecided]) -> int:
    permitted = {
        (heads.hash_of(event.entry), *key_of(event.entry.request), event.entry.request.record_id)
        for event in decided
        if event.entry.reason == Reason.NONE
    }
    named = ((one.decision_id, one.institution, one.request_id, one.record_id) for one in releases)
    return sum(name not in permitted for name in named)


def _acts(acts: Sequence[Act], events: Sequence[object]) -> tuple[int, int]:
    """Counts acknowledged acts that are not on chain, and acts that are there more than once."""
    kinds = {ConsentGranted: True, ConsentRevoked: False}
    done = [
        Act(kinds[type(event)], event.consent_id, event.place.transaction_hash)
        for event in events
        if isinstance(event, ConsentGranted | ConsentRevoked)
    ]
    names = [(act.granted, act.consent_id) for act in done]
    known, known_names = set(done), set(names)
    lost = sum(
        act not in known if act.transaction_hash is not None else (act.granted, act.consent_id) not in known_names
        for act in acts
    )
    return lost, _more_than_once(names)
