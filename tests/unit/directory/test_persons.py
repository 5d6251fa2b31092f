"""Codes of persons in tables: hashed under the custodian's key, no part of what a rebuild makes anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from consentry.core.identifiers import IdentifierKind
from consentry.core.terms import SubjectId
from consentry.crypto.pseudonyms import identifier_of
from consentry.database.engine import Database
from consentry.directory.persons import PersonStore
from consentry.directory.projection import Follower
from consentry.directory.schema import SCHEMA
from consentry.errors import ConfigurationError
from tests.support import samples
from tests.support.forking_source import ForkingSource
from tests.unit.directory.conftest import MakeDatabase

CODE, KEY, SUBJECT = "11010519491231002X", bytes(range(32)), SubjectId(samples.word(0x51))


def kept_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("projection-0.db*")))


async def test_tables_after_all_migrations_are_those_of_the_code(make_database: MakeDatabase) -> None:
    url = make_database()
    await SCHEMA.check(url)

    await SCHEMA.downgrade(url, "0003")
    await SCHEMA.upgrade(url)

    await SCHEMA.check(url)


async def test_file_holds_the_keyed_hash_and_nothing_a_code_could_be_guessed_from(
    make_sqlite: MakeDatabase, tmp_path: Path
) -> None:
    url = make_sqlite()
    database = Database(url)
    store = PersonStore(database, KEY)
    await store.add(IdentifierKind.ID_NUMBER, CODE, SUBJECT, 1_000)
    await store.end(IdentifierKind.ID_NUMBER, CODE, SUBJECT, 2_000)
    await database.close()

    held = kept_in(tmp_path)

    assert identifier_of(KEY, IdentifierKind.ID_NUMBER, CODE) in held
    for trace in (CODE.encode(), CODE.encode().hex().encode(), hashlib.sha256(CODE.encode()).digest(), KEY):
        assert trace not in held


async def test_another_key_is_refused_before_a_code_seems_unknown(make_database: MakeDatabase) -> None:
    database = Database(make_database())
    await PersonStore(database, KEY).check_key()
    await PersonStore(database, KEY).check_key()

    with pytest.raises(ConfigurationError, match="directory key"):
        await PersonStore(database, KEY[::-1]).check_key()
    await database.close()


async def test_projection_made_anew_leaves_codes_where_they_are(make_database: MakeDatabase) -> None:
    database, source = Database(make_database()), ForkingSource()
    store = PersonStore(database, KEY)
    await store.add(IdentifierKind.ID_NUMBER, CODE, SUBJECT, 1_000)

    await Follower(database, source, source.known_as).start_over()

    assert await store.subjects_of(IdentifierKind.ID_NUMBER, CODE) == [SUBJECT]
    await database.close()
