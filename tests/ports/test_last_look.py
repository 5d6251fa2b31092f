"""What a gateway asks again before it opens the vault, on each implementation of the ledger port."""

from __future__ import annotations

import secrets

import pytest

from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import Action, AuthorisationStatus, Category, LegalBasis, Purpose, bits
from consentry.core.terms import Address, AuthorisationId
from tests.support import samples
from tests.support.ledger_worlds import FAR, LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_nobody_belongs_to_a_group_that_nobody_keeps(world: LedgerWorld) -> None:
    seen = await world.seen(await world.case(), samples.group(world.hospital.address))
    assert seen.is_group_member is False


async def test_institution_belongs_to_a_group_from_its_joining_until_it_leaves(world: LedgerWorld) -> None:
    group, joined = samples.group(world.authority.address, 2), world.hospital.address
    case, change = await world.case(), world.change_membership

    async def is_member(group: bytes, institution: Address) -> bool:
        return (await world.seen(case, group, institution=institution)).is_group_member

    await change(group, joined, member=True)
    assert await is_member(group, joined) is True
    assert await is_member(group, world.clinic.address) is False
    assert await is_member(samples.group(world.authority.address, 3), joined) is False

    await change(group, joined, member=False)
    assert await is_member(group, joined) is False


async def test_authorisation_is_active_from_its_giving_until_it_is_withdrawn(world: LedgerWorld) -> None:
    now = (await world.ledger.head()).time
    given = StandingAuthorisation(
        authority=world.authority.address,
        institution=world.hospital.address,
        basis=LegalBasis.PUBLIC_HEALTH,
        purposes=bits(Purpose.PUBHLTH),
        categories=bits(Category.LABORATORY),
        actions=bits(Action.VIEW),
        max_sensitivity=3,
        data_from=0,
        data_until=1_000,
        valid_from=now,
        valid_until=now + samples.DAY,
        basis_text_hash=samples.word(1),
        nonce=secrets.randbits(64),
        sign_before=FAR,
    )
    case, named = await world.case(), authorisation_id(given)

    async def status(authorisation: AuthorisationId) -> AuthorisationStatus:
        return (await world.seen(case, authorisation_id=authorisation)).authorisation

    assert await status(named) is AuthorisationStatus.NONE

    await world.ledger.perform(given, [world.signed(world.authority, "Authorisations", given)])
    assert await status(named) is AuthorisationStatus.ACTIVE
    assert await status(AuthorisationId(samples.word(0xBAD))) is AuthorisationStatus.NONE

    withdrawal = AuthorisationWithdrawal(named, world.authority.address, world.hospital.address, FAR)
    await world.ledger.perform(withdrawal, [world.signed(world.authority, "Authorisations", withdrawal)])
    assert await status(named) is AuthorisationStatus.WITHDRAWN


async def test_no_silence_counts_where_a_block_comes_with_a_transaction(world: LedgerWorld) -> None:
    assert world.ledger.longest_silence() == 0
