"""The part of the projection that every access asks for, kept in memory and exact.

A view is kept from the first time it is asked for until an event touches it. The follower tells of every row it has
committed, so a view never says more or less than the tables do; what another process committed is not told, so then
everything is forgotten, and nothing is kept until this process has caught up. What is not there is never kept, nor an
institution that is suspended: its suspension may end with time alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from consentry.core.codes import Standing
from consentry.core.events import ActPerformed
from consentry.core.terms import Address, ConsentId, RecordId
from consentry.database.engine import Database
from consentry.directory.codec import Columns
from consentry.directory.projection import Follower
from consentry.directory.views import Directory
from consentry.gateway.ports import ConsentView, InstitutionView, RecordView

MOST_VIEWS: Final = 100_000
"""Views of one kind; about a kilobyte each."""
_DECISIONS: Final = frozenset({"AccessDecided", "RequestRejected"})

View = TypeVar("View")


class _Shelf(OrderedDict[bytes, Any]):
    """Views of one kind by id; the one that came first goes when there are too many.

    Ordered, because to find the first of a plain dictionary one walks over everything that was dropped before it.
    """

    def keep(self, key: bytes, view: object) -> None:
        self[key] = view
        if len(self) > MOST_VIEWS:
            self.popitem(last=False)


class Mirror(Directory):
    """The projection, with what is asked for again and again in memory."""

    def __init__(self, database: Database, follower: Follower) -> None:
        """Takes the database and the follower that fills it, and listens to the follower."""
        super().__init__(database, follower)
        self._institutions, self._records, self._consents, self._acts = (_Shelf() for _ in range(4))
        self._changes = 0
        follower.watch(self._take_note)

    async def institution(self, address: Address) -> InstitutionView | None:
        """Gives an institution, None if it was never admitted."""

        async def look() -> InstitutionView | None:
            return await super(Mirror, self).institution(address)

        return await self._found(self._institutions, address, look, lambda view: view.standing == Standing.ACTIVE)

    async def record(self, record_id: RecordId) -> RecordView | None:
        """Gives an anchored record version."""

        async def look() -> RecordView | None:
            return await super(Mirror, self).record(record_id)

        return await self._found(self._records, record_id, look)

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        """Gives a consent that was granted."""

        async def look() -> ConsentView | None:
            return await super(Mirror, self).consent(consent_id)

        return await self._found(self._consents, consent_id, look)

    async def act(self, act_hash: bytes) -> ActPerformed | None:
        """Gives the act of a struct hash."""

        async def look() -> ActPerformed | None:
            return await super(Mirror, self).act(act_hash)

        return await self._found(self._acts, act_hash, look)

    async def _found(
        self,
        shelf: _Shelf,
        key: bytes,
        look: Callable[[], Awaitable[View | None]],
        lasts: Callable[[View], bool] = lambda _view: True,
    ) -> View | None:
        kept: View | None = shelf.get(key)
        if kept is not None:
            return kept
        changes, current = self._changes, await self._follower.is_current()
        found = await look()
        # What another process wrote is not told here, and it may be taken back without a trace: a node that shows fewer
        # blocks for a moment is enough. So a view is kept only if the tables stood where this process knows them to.
        current = current and found is not None and lasts(found) and await self._follower.is_current()
        # What changed while it was read may have been this.
        if current and changes == self._changes:
            shelf.keep(key, found)
        return found

    def _take_note(self, rows: Sequence[Columns] | None) -> None:
        """Drops what committed rows touch; all of it if the rows are not known."""
        self._changes += 1
        if rows is None:
            for shelf in (self._institutions, self._records, self._consents, self._acts):
                shelf.clear()
            return
        for row in rows:
            if row["kind"] in _DECISIONS:
                self._count(row)
                continue
            for shelf, key in (
                (self._institutions, row["participant"]),
                (self._records, row["record_id"]),
                (self._consents, row["consent_id"]),
            ):
                shelf.pop(key or b"", None)

    def _count(self, row: Columns) -> None:
        view: ConsentView | None = self._consents.get(row["consent_id"] or b"")
        if view is not None and row["permitted"]:
            self._consents[view.consent_id] = replace(view, uses=view.uses + 1)
