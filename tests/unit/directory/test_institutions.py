"""What the projection says of an institution: the keys it has today, and a standing that may end by itself."""

from __future__ import annotations

import pytest

from consentry.core.codes import Standing
from consentry.database.engine import Database
from consentry.directory.projection import Follower
from consentry.directory.schema import SCHEMA
from consentry.directory.views import Directory
from consentry.gateway.ports import InstitutionView
from tests.support import samples
from tests.support.memory_reader import DEPUTY, HOSPITAL, PATIENT, Story, honest_story
from tests.support.samples import AUTHORITY, address

HOURS_72 = 72 * 3_600
MINUTE = 60
"""From one block of a story to the next."""


@pytest.fixture
def story() -> Story:
    """The honest story, to be told on."""
    return honest_story()


async def _seen(story: Story, database_url: str) -> InstitutionView:
    """Projects the story and gives the hospital."""
    await SCHEMA.upgrade(database_url)
    opened = Database(database_url)
    try:
        reader = story.reader()
        follower = Follower(opened, reader, await reader.identity())
        await follower.catch_up()
        view = await Directory(opened, follower).institution(HOSPITAL.address)
    finally:
        await opened.close()
    assert view is not None
    return view


async def test_institution_has_the_keys_of_its_admission(story: Story, database_url: str) -> None:
    view = await _seen(story, database_url)

    assert (view.signer, view.release_key, view.standing) == (
        HOSPITAL.signer,
        samples.RELEASE_KEY,
        Standing.ACTIVE,
    )


async def test_institution_has_the_keys_of_its_last_rotation(story: Story, database_url: str) -> None:
    story.rotate(HOSPITAL.address, PATIENT.address, b"second key")
    story.by_two("reset_keys", HOSPITAL.address, address(0x55), b"third key")

    view = await _seen(story, database_url)

    assert (view.signer, view.release_key) == (address(0x55), b"third key")


async def test_suspension_in_emergency_is_seen_while_it_lasts(story: Story, database_url: str) -> None:
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    story.waited += HOURS_72 - MINUTE - 1
    story.anchor(story.leaf(50))

    assert (await _seen(story, database_url)).standing == Standing.SUSPENDED


async def test_suspension_in_emergency_that_ended_is_none(story: Story, database_url: str) -> None:
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    story.waited += HOURS_72 - MINUTE
    story.anchor(story.leaf(50))

    assert (await _seen(story, database_url)).standing == Standing.ACTIVE


async def test_confirmed_suspension_lasts(story: Story, database_url: str) -> None:
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    story.by_one("change_institution", HOSPITAL.address, Standing.SUSPENDED, officer=DEPUTY)
    story.waited += 2 * HOURS_72
    story.anchor(story.leaf(50))

    assert (await _seen(story, database_url)).standing == Standing.SUSPENDED


async def test_reinstatement_ends_a_suspension_in_emergency(story: Story, database_url: str) -> None:
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    story.by_two("change_institution", HOSPITAL.address, Standing.ACTIVE)

    assert (await _seen(story, database_url)).standing == Standing.ACTIVE
