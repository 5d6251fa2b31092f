"""What must hold, whatever fails: P2, P4, P5 and P12 at every moment, and at the end that nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from consentry.core import events
from consentry.core.codes import Reason, Standing
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Address
from consentry.core.typed_data import struct_hash
from consentry.errors import ConflictError, ConsentryError, NotAuthenticError
from consentry.gateway.last_look import LEASE_SECONDS
from tests.faults.node import Node

Key = tuple[Address, int]


class BrokenPromiseError(AssertionError):
    """A promise is broken."""


def demand(held: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raises if a promise does not hold."""
    if not held:
        raise BrokenPromiseError(promise)


def key_of(request: AccessRequest) -> Key:
    """Names a request."""
    return request.institution, request.request_id


@dataclass
class Release:
    """A release under way: what its last look could see."""

    receipt: FinalReceipt
    clock: int
    served: list[int]
    looked_from: int | None = None
    began: float = 0.0
    mark: int = 0
    unanswered: bool = False

    def begin_look(self, height: int) -> None:
        """Notes what there was to be seen when the look began."""
        self.looked_from, self.mark = height, len(self.served)
        self.began = asyncio.get_running_loop().time()

    def seen(self) -> int:
        """Gives how many blocks the look saw at least."""
        assert self.looked_from is not None
        return min([self.looked_from, *self.served[self.mark :]])


RELEASING: ContextVar[Release] = ContextVar("RELEASING")


@dataclass
class Promises:
    """Watches one story.

    Attributes:
        broken: the first promise that was broken; told at the end, because whoever calls may be gone.
        released: every release.
        kept: every request that an outbox took, by its content.
        tried: every request that an outbox was given; where its answer was lost, it may have taken it.
        told: every decision that a caller was given.
        waiting: for which requests somebody waits, and how many.
    """

    node: Node
    broken: BrokenPromiseError | None = None
    released: list[Key] = field(default_factory=list)
    kept: dict[bytes, AccessRequest] = field(default_factory=dict)
    tried: set[bytes] = field(default_factory=set)
    told: list[tuple[AccessRequest, FinalReceipt]] = field(default_factory=list)
    rejected: list[AccessRequest] = field(default_factory=list)
    waiting: Counter[Key] = field(default_factory=Counter)

    @contextmanager
    def waiting_for(self, *requests: AccessRequest) -> Iterator[None]:
        """Notes that somebody waits for what comes of requests."""
        keys = [key_of(request) for request in requests]
        self.waiting.update(keys)
        try:
            yield
        finally:
            self.waiting.subtract(keys)

    def blame(self, error: BrokenPromiseError) -> None:
        """Keeps the first broken promise."""
        self.broken = self.broken or error

    def check_release(self) -> None:
        """At the moment at which a key leaves: P2, P4, P12."""
        try:
            self._check_release(RELEASING.get(None))
        except BrokenPromiseError as error:
            self.blame(error)

    def _check_release(self, release: Release | None) -> None:
        demand(release is not None, "P2: a key was unwrapped for no decision")
        assert release is not None
        receipt, asked = release.receipt, release.receipt.entry.request
        self.released.append(key_of(asked))
        demand(self.waiting[key_of(asked)] > 0, "P4: released although nobody waited for the decision any more")
        found = [event for event in self.node.decisions().get(key_of(asked), []) if event.place == receipt.place]
        demand(bool(found), "P2: released without a decision on the chain")
        demand(found[0].entry == receipt.entry, "P2: released for another decision than the one on the chain")
        demand(found[0].entry.reason == Reason.NONE, "P2: released although the chain said no")
        demand(release.looked_from is not None, "P4: released without a last look")
        seen = release.seen()
        demand(not self._revoked(receipt, seen), "P4: released under a consent revoked before the last look")
        demand(self._was_active(asked.institution, seen), "P4: released to a suspended institution")
        demand(not release.unanswered, "P12: released although the node did not answer the last look")
        demand(not self.node.down or self.node.down_since > release.began, "P12: released while the node was down")
        demand(release.clock - receipt.place.block.time <= LEASE_SECONDS, "P4: released past the lease")
        demand(release.clock < asked.expires_at, "P4: released for a request that had expired")

    def _shown(self, kind: type[events.LedgerEvent], height: int) -> Iterable[events.LedgerEvent]:
        return (e for e in self.node.rules.log if isinstance(e, kind) and e.place.block.number < height)

    def _revoked(self, receipt: FinalReceipt, height: int) -> bool:
        consent = receipt.entry.request.consent_id
        return any(getattr(e, "consent_id", None) == consent for e in self._shown(events.ConsentRevoked, height))

    def _was_active(self, institution: Address, height: int) -> bool:
        """Tells whether an institution was in good standing when a look of so many blocks began, or was since."""
        standing = Standing.ACTIVE
        for event in self.node.rules.log:
            if isinstance(event, events.InstitutionStandingChanged) and event.institution == institution:
                if event.place.block.number >= height and Standing.ACTIVE in (standing, event.standing):
                    return True
                standing = event.standing
        return standing == Standing.ACTIVE

    def take_answer(self, request: AccessRequest, answer: object) -> None:
        """Takes what a caller was given for a request: a receipt, or an error of ours."""
        if isinstance(answer, FinalReceipt):
            self.told.append((request, answer))
        elif isinstance(answer, NotAuthenticError):
            self.rejected.append(request)
        elif not isinstance(answer, ConsentryError):
            self.blame(BrokenPromiseError(f"P12: a caller was given {type(answer).__name__}: {answer}"))

    def check_always(self) -> None:
        """At any moment: P5, and that every answer stands on the chain.

        Raises:
            BrokenPromiseError: the first that is broken.
        """
        if self.broken:
            raise self.broken
        decisions = self.node.decisions()
        demand(all(len(found) == 1 for found in decisions.values()), "P5: a request was decided twice")
        for request, receipt in self.told:
            demand(struct_hash(receipt.entry.request) == struct_hash(request), "P5: an answer is about another request")
            found = decisions.get(key_of(request), [])
            same = any((e.entry, e.place) == (receipt.entry, receipt.place) for e in found)
            demand(same, "P5: an answer does not stand on the chain")
        sent = {struct_hash(found[0].entry.request) for found in decisions.values()}
        demand(sent <= self.tried, "P5: a request was sent before it was kept")

    def check_end(self) -> None:
        """At the end, after everything works again: nothing is lost."""
        self.check_always()
        decisions = self.node.decisions()
        rejected = {e.request_hash for e in self.node.rules.log if isinstance(e, events.RequestRejected)}
        for request in self.rejected:
            demand(struct_hash(request) in rejected, "P5: a caller was told of a rejection that is not on the chain")
        for content, request in self.kept.items():
            done = key_of(request) in decisions or content in rejected or key_of(request) in self.node.failed
            demand(done, "nothing lost: a kept request was never decided")


def is_final(answer: object) -> bool:
    """Tells whether asking again would bring nothing."""
    return isinstance(answer, FinalReceipt | NotAuthenticError | ConflictError)
