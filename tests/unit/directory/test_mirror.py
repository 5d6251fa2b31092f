"""Views in memory say what the tables say, whoever wrote the tables."""

from __future__ import annotations

from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.codes import ConsentStatus, Reason
from consentry.core.terms import ZERO_32, AccessEntry, ConsentId
from consentry.database.engine import Database
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower
from consentry.directory.views import Directory
from tests.support import samples
from tests.support.forking_source import Block, ForkingSource
from tests.unit.directory.conftest import MakeDatabase

CONSENT = ConsentId(samples.word(0x300))


def add(source: ForkingSource, *, revokes: bool) -> None:
    """Seals a block in which a consent is granted, or taken back."""
    source.add(0)
    place = EventPlace(source.blocks[-1].reference, samples.word(source.height), 0)
    granted = events.ConsentGranted(place, CONSENT, samples.SUBJECT, samples.terms(), b"signed")
    revoked = events.ConsentRevoked(place, CONSENT, samples.SUBJECT, ZERO_32, b"signed")
    source.blocks[-1] = Block(place.block, (revoked if revokes else granted,))


def decide(source: ForkingSource, reason: Reason) -> None:
    """Seals a block in which an access under the consent is decided."""
    source.add(0)
    place = EventPlace(source.blocks[-1].reference, samples.word(source.height), 0)
    asked = samples.request(samples.word(0x200), CONSENT, ZERO_32)
    entry = AccessEntry(asked, samples.SUBJECT, reason, samples.NOW, 1, 1)
    source.blocks[-1] = Block(place.block, (events.AccessDecided(place, entry),))


async def test_view_is_dropped_when_a_block_was_taken_back_and_came_again(make_database: MakeDatabase) -> None:
    source, url = ForkingSource(), make_database()
    databases = [Database(url) for _ in range(2)]
    own, other = (Follower(database, source, source.known_as) for database in databases)
    mirror = Mirror(databases[0], own)
    try:
        add(source, revokes=False)
        add(source, revokes=True)
        await own.catch_up()
        # Another process is shown fewer blocks for a moment, as by a node that just began anew.
        last = source.blocks.pop()
        await other.catch_up()
        seen = await mirror.consent(CONSENT)
        assert seen is not None
        assert seen.status == ConsentStatus.ACTIVE
        source.blocks.append(last)
        await other.catch_up()
        await own.catch_up()
        now = await mirror.consent(CONSENT)
        assert now is not None
        assert now.status == ConsentStatus.REVOKED
    finally:
        for database in databases:
            await database.close()


async def test_view_is_kept_until_an_event_touches_it(make_database: MakeDatabase) -> None:
    source, database = ForkingSource(), Database(make_database())
    follower = Follower(database, source, source.known_as)
    mirror = Mirror(database, follower)
    try:
        add(source, revokes=False)
        await follower.catch_up()
        kept = await mirror.consent(CONSENT)
        assert await mirror.consent(CONSENT) is kept
        add(source, revokes=True)
        await follower.catch_up()
        changed = await mirror.consent(CONSENT)
        assert changed is not None
        assert changed.status == ConsentStatus.REVOKED
    finally:
        await database.close()


async def test_uses_of_a_kept_consent_are_counted_along(make_database: MakeDatabase) -> None:
    source, database = ForkingSource(), Database(make_database())
    follower = Follower(database, source, source.known_as)
    mirror, tables = Mirror(database, follower), Directory(database, follower)
    try:
        add(source, revokes=False)
        await follower.catch_up()
        assert await mirror.consent(CONSENT) is not None
        for reason in (Reason.NONE, Reason.USES_EXHAUSTED, Reason.NONE):
            decide(source, reason)
            await follower.catch_up()
        counted = await mirror.consent(CONSENT)
        assert counted is not None
        assert counted.uses == 2
        assert counted == await tables.consent(CONSENT)
    finally:
        await database.close()
