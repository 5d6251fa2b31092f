"""Writes of many kinds in one transaction: what waits while one is being committed goes along in the next.

A commit costs a sync of the disk, whatever it holds. A request passes several durable steps; those of the requests that
are under way share their commits, in whatever rooms they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from consentry.database.batching import Batcher
from consentry.errors import VaultUnavailableError

Item = TypeVar("Item")
Result = TypeVar("Result")

Flush = Callable[[Connection, Sequence[Item]], Sequence[Result | Exception]]
"""Writes some items; gives one result an item, in order. An exception among them is that item's caller's alone."""


class Write(Protocol):
    """Does something in one writing transaction; see `consentry.database.engine.Database.write`."""

    def __call__(self, work: Callable[[Connection], Result], /) -> Awaitable[Result]:
        """Does it, and gives what came of it once that is durable."""
        ...


class Kind(Generic[Item, Result]):
    """Writes of one kind. Made by `Commits.kind`."""

    def __init__(self, submit: Callable[[tuple[Any, Any]], Awaitable[Result]], flush: Flush[Item, Result]) -> None:
        self._submit = submit
        self.flush = flush

    async def submit(self, item: Item) -> Result:
        """Has one item written; returns when it is durable.

        Raises:
            ConsentryError: as the kind of write, or the database, has it.
        """
        return await self._submit((self, item))


_Entry = tuple[Kind[Any, Any], Any]


class Commits:
    """The shared transactions of one database."""

    def __init__(self, write: Write) -> None:
        """Takes how something is done in a transaction."""
        self._write = write
        self._batcher: Batcher[_Entry, Any] = Batcher(self._flush)

    def kind(self, flush: Flush[Item, Result]) -> Kind[Item, Result]:
        """Makes a kind of write."""
        return Kind(self._batcher.submit, flush)

    async def _flush(self, entries: Sequence[_Entry]) -> list[Any]:
        parts: dict[Kind[Any, Any], list[int]] = {}
        for place, (kind, _) in enumerate(entries):
            parts.setdefault(kind, []).append(place)
        results: list[Any] = [None] * len(entries)

        def fill(connection: Connection, kind: Kind[Any, Any]) -> None:
            told = kind.flush(connection, [entries[place][1] for place in parts[kind]])
            for place, result in zip(parts[kind], told, strict=True):
                results[place] = result

        def write_all(connection: Connection) -> None:
            for kind in parts:
                fill(connection, kind)

        try:
            await self._write(write_all)
        except VaultUnavailableError:
            # Whether it was written is not known, of any of them.
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with one kind, or one item, is told to its callers below
            # Nothing was written. What one cannot write must not cost the others their turn.
            for kind, places in parts.items():
                await self._apart(kind, places, entries, results)
        return results

    async def _apart(
        self,
        kind: Kind[Any, Any],
        places: Sequence[int],
        entries: Sequence[_Entry],
        results: list[Any],
    ) -> None:
        """Writes what is of one kind by itself; item by item where that fails as well."""
        items = [entries[place][1] for place in places]
        try:
            told = await self._write(lambda connection: kind.flush(connection, items))
        except VaultUnavailableError as error:
            told = [VaultUnavailableError(error.message, **error.details) for _ in places]
        except Exception as error:  # noqa: BLE001 - told to whoever wrote, whatever it is
            if len(places) > 1:
                for place in places:
                    await self._apart(kind, [place], entries, results)
                return
            told = [error]
        for place, result in zip(places, told, strict=True):
            results[place] = result
