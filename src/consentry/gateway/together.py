"""Many at a time: what a batch must be before it is looked at, and work on its items side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from consentry.core.batch_tree import batch_of
from consentry.core.terms import RequestBatch
from consentry.errors import ConsentryError, InvalidInputError, LedgerUnavailableError
from consentry.gateway.outbox_ports import Wanted

MOST_REQUESTS: Final = 500
"""Requests of one call."""
_SIDE_BY_SIDE: Final = 64
"""Items of one call that are under way at the same time; as many as share a transaction where each is signed."""
_SHOWN: Final = 10

Given = TypeVar("Given")
Made = TypeVar("Made")


def batch_over(items: Sequence[Wanted]) -> RequestBatch:
    """Gives what an institution signs for all of these requests.

    Raises:
        InvalidInputError: there are none or too many, they are of several institutions, or a request id comes twice.
    """
    check_count(len(items))
    if len({item.request.institution for item in items}) != 1:
        raise InvalidInputError("institutions of a batch do not match (expected one)")
    if len({item.request.request_id for item in items}) != len(items):
        raise InvalidInputError("request ids of a batch do not match (expected each once)")
    return batch_of(items[0].request.institution, [item.request for item in items])


def check_count(count: int) -> None:
    """Checks how many requests come at a time.

    Raises:
        InvalidInputError: none, or too many.
    """
    if not 0 < count <= MOST_REQUESTS:
        raise InvalidInputError(f"number of requests does not match (got {count}, expected 1 to {MOST_REQUESTS})")


async def each(items: Sequence[Given], do: Callable[[Given], Awaitable[Made]]) -> list[Made | ConsentryError]:
    """Does something with every item, several at a time; gives in their order what came of each, also an error of ours.

    Whatever is no error of ours ends all of them.
    """
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(item: Given) -> Made | ConsentryError:
        async with gate:
            try:
                return await do(item)
            except ConsentryError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


def all_of(found: Sequence[Made | ConsentryError]) -> list[Made]:
    """Gives what was made of every item of a batch.

    Raises:
        ConsentryError: of one item, in the name of all, because a batch is decided as a whole or not at all;
            ``details["items"]`` are the places, from 0, of those that failed.
    """
    errors = {place: value for place, value in enumerate(found) if isinstance(value, ConsentryError)}
    if errors:
        # What may pass by itself is told first: the caller need not change anything then.
        error = min(errors.values(), key=lambda other: not isinstance(other, LedgerUnavailableError))
        places = [place for place, other in errors.items() if type(other) is type(error)]
        listed = ", ".join(map(str, places[:_SHOWN])) + (" …" if len(places) > _SHOWN else "")
        raise type(error)(f"{error.message} (requests {listed} of the batch)", **{**error.details, "items": places})
    return [value for value in found if not isinstance(value, ConsentryError)]
