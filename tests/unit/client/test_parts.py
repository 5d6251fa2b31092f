"""Parts of a permitted record: any range of it, and nothing of what a gateway sends instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital, Institution
from consentry.client.parts import RecordParts
from consentry.client.transport import Transport
from consentry.crypto.random_access import chunk_offset
from consentry.crypto.sealing import CHUNK_SIZE, HEADER_SIZE, sealed_size
from consentry.errors import (
    ConsentryError,
    InvalidInputError,
    ObjectCorruptError,
    ObjectSwappedError,
    VerificationError,
)
from tests.support.callers import ORIGIN
from tests.unit.client.conftest import Callers

CONTENT = os.urandom(5 * CHUNK_SIZE + 77)
SOMEBODY = b"\x9a" * 32
Change = Callable[[httpx.Response, bytes], httpx.Response]


class Ranges(httpx.AsyncBaseTransport):
    """Passes calls on, keeps the ranges asked for, and changes those that come back once it is told how."""

    def __init__(self, honest: httpx.AsyncBaseTransport) -> None:
        self.honest = honest
        self.asked: list[str] = []
        self.change: Change | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one call."""
        answer = await self.honest.handle_async_request(request)
        if "Range" not in request.headers:
            return answer
        self.asked.append(request.headers["Range"])
        return self.change(answer, await answer.aread()) if self.change else answer


@dataclass
class Viewer:
    """A hospital that was permitted a record, and what lies between it and the gateway."""

    ranges: Ranges
    hospital: Hospital
    permitted: Permitted

    async def begin(self) -> RecordParts:
        """Begins to read parts of the record."""
        return await RecordParts.begin(self.hospital, self.permitted)


@pytest.fixture
async def viewer(callers: Callers) -> Viewer:
    """A viewer of `CONTENT`."""
    world, people = callers.world, callers.world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject, CONTENT)
    consent = await world.grant(people.patient, world.terms(subject))
    own, ranges = people.hospital, Ranges(callers.between)
    transport = Transport(ORIGIN, institution=own.address, key=own.key, carrier=ranges)
    hospital = Hospital(transport, Institution(own.address, own.key, own.seed), callers.parts.ledger)
    return Viewer(ranges, hospital, await hospital.access(hospital.new_request(record, consent, practitioner=SOMEBODY)))


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, 1),
        (0, CHUNK_SIZE),
        (CHUNK_SIZE - 1, 2),
        (CHUNK_SIZE, 2 * CHUNK_SIZE),
        (3 * CHUNK_SIZE + 5, 100),
        (5 * CHUNK_SIZE + 70, 500),
        (0, 10 * CHUNK_SIZE),
        (len(CONTENT), 1),
        (7, 0),
    ],
)
async def test_part_is_that_slice_of_the_record(viewer: Viewer, offset: int, length: int) -> None:
    parts = await viewer.begin()
    assert parts.size == len(CONTENT)
    assert await parts.read(offset, length) == CONTENT[offset : offset + length]


async def test_part_costs_one_call_for_its_chunks_alone(viewer: Viewer) -> None:
    end = sealed_size(len(CONTENT))
    parts = await viewer.begin()
    assert viewer.ranges.asked == [f"bytes=0-{HEADER_SIZE - 1}", f"bytes={chunk_offset(5)}-{end - 1}"]

    await parts.read(CHUNK_SIZE + 3, CHUNK_SIZE)
    await parts.read(5 * CHUNK_SIZE, 1)
    await parts.read(len(CONTENT), 1)

    assert viewer.ranges.asked[2:] == [
        f"bytes={chunk_offset(1)}-{chunk_offset(3) - 1}",
        f"bytes={chunk_offset(5)}-{end - 1}",
    ]


async def test_negative_range_is_refused_before_anything_is_asked(viewer: Viewer) -> None:
    parts = await viewer.begin()
    for offset, length in ((-1, 5), (5, -1)):
        with pytest.raises(InvalidInputError, match="expected no negative"):
            await parts.read(offset, length)
    assert len(viewer.ranges.asked) == 2


def again(answer: httpx.Response, content: bytes, status: int = 206) -> httpx.Response:
    """Gives an answer with another content."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return httpx.Response(status, content=content, headers=headers)


LIES: dict[str, tuple[Change, type[ConsentryError]]] = {
    "one byte changed": (
        lambda answer, got: again(answer, got[:9] + bytes([got[9] ^ 1]) + got[10:]),
        ObjectCorruptError,
    ),
    "cut": (lambda answer, got: again(answer, got[:-1]), VerificationError),
    "empty": (lambda answer, _: again(answer, b""), VerificationError),
    "more than asked for": (lambda answer, got: again(answer, got + got), VerificationError),
    "the whole": (lambda answer, got: again(answer, got, 200), VerificationError),
}


@pytest.mark.parametrize("lie", LIES)
async def test_part_that_was_changed_is_refused(viewer: Viewer, lie: str) -> None:
    parts = await viewer.begin()
    viewer.ranges.change, error = LIES[lie]
    with pytest.raises(error):
        await parts.read(CHUNK_SIZE, CHUNK_SIZE)
    viewer.ranges.change = None
    assert await parts.read(CHUNK_SIZE, 5) == CONTENT[CHUNK_SIZE : CHUNK_SIZE + 5]


async def test_chunk_of_another_place_is_refused(viewer: Viewer) -> None:
    parts, kept = await viewer.begin(), list[bytes]()

    def keep(answer: httpx.Response, content: bytes) -> httpx.Response:
        kept.append(content)
        return again(answer, content)

    viewer.ranges.change = keep
    await parts.read(CHUNK_SIZE, CHUNK_SIZE)
    viewer.ranges.change = lambda answer, _: again(answer, kept[0])
    with pytest.raises(ObjectCorruptError, match="chunk 2"):
        await parts.read(2 * CHUNK_SIZE, CHUNK_SIZE)


async def test_object_of_another_record_is_refused_at_once(viewer: Viewer) -> None:
    viewer.ranges.change = lambda answer, got: again(answer, bytes(len(got)))
    with pytest.raises(ObjectSwappedError):
        await viewer.begin()


async def test_keys_of_another_decision_open_nothing(viewer: Viewer) -> None:
    viewer.permitted = replace(viewer.permitted, entry=replace(viewer.permitted.entry, decided_at=1))
    with pytest.raises(VerificationError):
        await viewer.begin()
    assert not viewer.ranges.asked
