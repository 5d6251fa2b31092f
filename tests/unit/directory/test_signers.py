"""Which subjects a key was ever shown with, whatever became of it since."""

from __future__ import annotations

import itertools

from consentry.core.chain import BlockReference, EventPlace
from consentry.core.events import ActPerformed, LedgerEvent, SubjectEnrolled
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import CardRegistration, CardRemoval, RecoveryProposal, SignerRotation
from consentry.core.terms import ZERO_32, SubjectId
from consentry.database.engine import Database
from consentry.directory.codec import to_row
from consentry.directory.projection import Follower
from consentry.directory.tables import BlockRow
from consentry.directory.views import Directory
from tests.support.forking_source import ForkingSource
from tests.support.samples import address, word
from tests.unit.directory.conftest import MakeDatabase

OWN, OTHER = SubjectId(word(1)), SubjectId(word(2))
FIRST, ROTATED, CARD, PROPOSED, GUARDIAN, STRANGER = (address(number) for number in range(6))
BLOCK = BlockReference(7, word(7), 7)


def _acts() -> list[SignedAct]:
    return [
        SignerRotation(OWN, ROTATED, 1, 9),
        CardRegistration(OWN, CARD, 1, 9),
        CardRemoval(OWN, 1, 9),
        RecoveryProposal(OWN, PROPOSED, 1, ZERO_32, ZERO_32, 1, 9),
        GuardianAppointment(OWN, GUARDIAN, 1, 2, 0, 9, ZERO_32, 1, 9),
    ]


async def test_key_is_known_by_every_subject_it_was_shown_with(make_database: MakeDatabase) -> None:
    places = (EventPlace(BLOCK, word(8), index) for index in itertools.count())
    story: list[LedgerEvent] = [SubjectEnrolled(next(places), OWN, address(9), FIRST)]
    story += [ActPerformed(next(places), word(n), OWN, address(9), act, ()) for n, act in enumerate(_acts())]
    story += [SubjectEnrolled(next(places), OTHER, address(9), CARD)]
    database, source = Database(make_database()), ForkingSource()
    try:
        async with database.writing() as session:
            session.add(BlockRow(number=BLOCK.number, hash=BLOCK.hash, time=BLOCK.time))
            session.add_all([to_row(event) for event in story])
        views = Directory(database, Follower(database, source, source.known_as))
        asked = (FIRST, ROTATED, PROPOSED, GUARDIAN, CARD, STRANGER)
        found = [{view.subject_id for view in await views.subjects_shown_with(key)} for key in asked]
        own = [view.subject_id for view in await views.subjects_of_signer(FIRST)]
    finally:
        await database.close()

    assert found == [{OWN}, {OWN}, {OWN}, {OWN}, {OWN, OTHER}, set()]
    assert own == []
