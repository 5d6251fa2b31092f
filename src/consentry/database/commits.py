"""Writes of many kinds in one transaction: what waits while one is being committed goes along in the next.

A commit costs a sync of the disk, whatever it holds. A request passes several durable steps; those of the requests that
are under way share their commits, in whatever rooms they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from consentry.database.batching import Batcher
from consentry.errors import ConflictError, InvalidInputError

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


class Commits:
    """The shared transactions of one database."""

    def __init__(self, write: Write) -> None:
        """Takes how something is done in a transaction."""
        self._write = write
        self._batcher: Batcher[tuple[Kind[Any, Any], Any], Any] = Batcher(self._flush)

    def kind(self, flush: Flush[Item, Result]) -> Kind[Item, Result]:
        """Makes a kind of write."""
        return Kind(self._batcher.submit, flush)

    async def _flush(self, entries: Sequence[tuple[Kind[Any, Any], Any]]) -> list[Any]:
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
        except (ConflictError, InvalidInputError):
            # Nothing was written. What one kind cannot write must not cost the others their turn.
            for kind, places in parts.items():
                try:
                    await self._write(partial(fill, kind=kind))
                except (ConflictError, InvalidInputError) as error:
                    for place in places:
                        results[place] = type(error)(error.message, **error.details)
        return results
