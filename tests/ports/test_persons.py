"""The directory of persons, in memory and in tables: entries that begin and end, openings that are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consentry.core.identifiers import IdentifierKind
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.database.engine import Database
from consentry.directory.persons import PersonStore
from consentry.directory.schema import SCHEMA
from consentry.errors import ConflictError
from consentry.gateway.person_ports import LinkOpening, Period, Persons, UnlinkOpening
from tests.support import samples
from tests.support.memory_persons import MemoryPersons
from tests.support.postgresql import PostgresServer

K = IdentifierKind
A, B, C = (SubjectId(samples.word(0x50 + number)) for number in (1, 2, 3))
AUTHORITY = Address(samples.address(7))
LINK = LinkOpening(SubjectLink(AUTHORITY, samples.word(0x71), 2_000), (A, B), samples.word(0x81))
OTHER = LinkOpening(SubjectLink(AUTHORITY, samples.word(0x72), 2_000), (B, C), samples.word(0x82))
UNLINK = UnlinkOpening(
    SubjectUnlink(AUTHORITY, struct_hash(LINK.act), samples.word(0x73), 3_000), "a wrong one", samples.word(0x83)
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def persons(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Persons]:
    if request.param == "memory":
        yield MemoryPersons()
        return
    server: PostgresServer | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    url = server.make_database() if server else f"sqlite+aiosqlite:///{tmp_path / 'directory.db'}"
    await SCHEMA.upgrade(url)
    database = Database(url)
    yield PersonStore(database, bytes(range(32)))
    await database.close()
    if server:
        server.drop_database(url)


async def test_code_stands_from_entry_to_end(persons: Persons) -> None:
    assert await persons.period(K.INSURANCE, "440106", A) is None
    await persons.add(K.INSURANCE, "440106", A, 1_000)
    assert await persons.subjects_of(K.INSURANCE, "440106") == [A]
    assert await persons.period(K.INSURANCE, "440106", A) == Period(1_000, None)

    await persons.end(K.INSURANCE, "440106", A, 1_500)

    assert await persons.subjects_of(K.INSURANCE, "440106") == []
    assert await persons.period(K.INSURANCE, "440106", A) == Period(1_000, 1_500)
    await persons.end(K.INSURANCE, "440106", A, 1_700)
    assert await persons.period(K.INSURANCE, "440106", A) == Period(1_000, 1_500)


async def test_code_that_ended_is_entered_again_beside_the_old_entry(persons: Persons) -> None:
    await persons.add(K.PASSPORT, "CHNE12345", A, 1_000)
    await persons.end(K.PASSPORT, "CHNE12345", A, 1_500)
    await persons.add(K.PASSPORT, "CHNE12345", A, 2_000)

    assert await persons.period(K.PASSPORT, "CHNE12345", A) == Period(2_000, None)
    assert await persons.subjects_of(K.PASSPORT, "CHNE12345") == [A]


async def test_code_that_stands_is_not_entered_twice(persons: Persons) -> None:
    await persons.add(K.INSURANCE, "440106", A, 1_000)

    with pytest.raises(ConflictError):
        await persons.add(K.INSURANCE, "440106", A, 1_001)


async def test_code_is_one_with_its_kind_and_may_stand_for_several_subjects(persons: Persons) -> None:
    await persons.add(K.INSURANCE, "440106", B, 1_000)
    await persons.add(K.HEALTH_CARD, "440106", C, 1_001)
    await persons.add(K.INSURANCE, "440106", A, 1_002)
    await persons.end(K.HEALTH_CARD, "440106", A, 1_003)

    assert await persons.subjects_of(K.INSURANCE, "440106") == [B, A]
    assert await persons.subjects_of(K.HEALTH_CARD, "440106") == [C]
    assert await persons.subjects_of(K.INSURANCE, "440107") == []


async def test_openings_are_found_by_hash_and_by_subject(persons: Persons) -> None:
    await persons.keep_link(LINK)
    await persons.keep_link(OTHER)
    await persons.keep_link(LINK)
    await persons.keep_unlink(UNLINK)
    await persons.keep_unlink(UNLINK)

    assert await persons.link(struct_hash(LINK.act)) == LINK
    assert await persons.links_of(A) == [LINK]
    assert {opening.subjects for opening in await persons.links_of(B)} == {(A, B), (B, C)}
    assert await persons.unlink(struct_hash(UNLINK.act)) == UNLINK
    assert await persons.link(struct_hash(UNLINK.act)) is None
    assert await persons.unlink(struct_hash(LINK.act)) is None


async def test_forgotten_subject_leaves_no_code_and_nothing_that_opens_its_links(persons: Persons) -> None:
    for subject in (A, C):
        await persons.add(K.INSURANCE, "440106", subject, 1_000)
    await persons.end(K.INSURANCE, "440106", A, 1_500)
    await persons.keep_link(LINK)
    await persons.keep_link(OTHER)
    await persons.keep_unlink(UNLINK)

    await persons.forget(A)

    assert await persons.period(K.INSURANCE, "440106", A) is None
    assert await persons.subjects_of(K.INSURANCE, "440106") == [C]
    assert await persons.links_of(A) == []
    assert await persons.link(struct_hash(LINK.act)) == LinkOpening(LINK.act, (B,), b"")
    assert await persons.unlink(struct_hash(UNLINK.act)) == UnlinkOpening(UNLINK.act, "", b"")
    assert await persons.link(struct_hash(OTHER.act)) == OTHER


async def test_fingerprint_is_a_keyed_digest_of_the_content(persons: Persons) -> None:
    one, other = persons.fingerprint(b"content"), persons.fingerprint(b"contents")

    assert (len(one), one == persons.fingerprint(b"content"), one == other) == (32, True, False)
