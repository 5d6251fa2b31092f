"""Behaviour of the ledger port when an act is only tried, on each implementation."""

from __future__ import annotations

import pytest

from consentry.core.signer_keys import SignerRotation
from consentry.crypto.signing import AccountKey
from consentry.errors import ConflictError, LedgerUnavailableError, NotAuthenticError
from tests.support.ledger_worlds import FAR, LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_rehearsal_judges_as_the_contract_does_and_changes_nothing(world: LedgerWorld) -> None:
    key, new, stranger = (AccountKey.generate() for _ in range(3))
    enrolment = world.enrolment(key)
    by = [world.signed(signer, "Subjects", enrolment) for signer in (key, world.custodian, stranger)]
    before = await world.ledger.head()

    await world.ledger.rehearse(enrolment, by[:2])
    with pytest.raises(NotAuthenticError):
        await world.ledger.rehearse(enrolment, by[1:])

    assert await world.ledger.head() == before
    await world.ledger.enrol(enrolment, *by[:2])
    with pytest.raises(ConflictError):
        await world.ledger.rehearse(enrolment, by[:2])
    act = SignerRotation(enrolment.subject_id, new.signer, 1, FAR)
    old, fresh, wrong = (world.signed(signer, "Subjects", act) for signer in (key, new, stranger))
    await world.ledger.rehearse(act, [old, fresh])
    with pytest.raises(NotAuthenticError):
        await world.ledger.rehearse(act, [old, wrong])
    await world.ledger.perform(act, [old, fresh])
    with pytest.raises(LedgerUnavailableError):
        await world.unplugged.rehearse(act, [old, fresh])
