"""Officers on a chain in this process: what waits, what is done, what is announced first."""

from __future__ import annotations

import pytest

from consentry.core.chain import ActReceipt
from consentry.core.codes import Standing, bits
from consentry.core.offices import Role
from consentry.core.terms import InstitutionKeys
from consentry.crypto.signing import AccountKey, sign
from consentry.errors import ConsentryError
from consentry.ledger.abi import SYSTEM_DELAY
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.governance import Announced, Governance, Waiting, pending, rotate_keys
from consentry.ledger.reader import ChainReader
from tests.support import samples
from tests.support.in_process import InProcessProvider
from tests.support.ledger_worlds import FAR, REGION, Deployed, deployed, people
from tests.support.samples import word

SYSTEM = AccountKey(word(0x51))
HOSPITAL, NEW_KEY = AccountKey(word(0x52)), AccountKey(word(0x53))


@pytest.fixture
async def made() -> Deployed:
    """A deployment on a chain of its own."""
    payers = people()
    return await deployed(InProcessProvider([*payers, SYSTEM]).connection(), payers)


def second(made: Deployed) -> Governance:
    """Gives what the second officer may do."""
    return Governance(made.connection, made.manifest, made.second.secret)


async def test_act_waits_is_listed_and_then_done(made: Deployed) -> None:
    reader, first = ChainReader(made.connection, made.manifest), made.manifest.identity.deployed_in
    facts = HOSPITAL.address, REGION, HOSPITAL.signer, samples.RELEASE_KEY

    waits = await made.governance.admit_institution(*facts)
    listed = await pending(reader, first)
    done = await second(made).admit_institution(*facts)

    assert isinstance(waits, Waiting)
    [found] = listed
    assert (found.act, found.function, found.lapses_at) == (waits.act, "admitInstitution", waits.lapses_at)
    assert found.arguments["institution"] == HOSPITAL.address
    assert found.proposer == made.national.address
    assert isinstance(done, ActReceipt)
    assert await pending(reader, first) == []
    assert await reader.institution_standing(HOSPITAL.address) == Standing.ACTIVE


async def test_emergency_waits_for_who_makes_it_last(made: Deployed) -> None:
    reader = ChainReader(made.connection, made.manifest)
    await made.by_two(lambda own: own.admit_institution(HOSPITAL.address, REGION, HOSPITAL.signer, b"key"))

    waits = await made.governance.suspend_in_emergency(HOSPITAL.address)
    standing = await reader.institution_standing(HOSPITAL.address)
    [found] = await pending(reader, made.manifest.identity.deployed_in)

    assert isinstance(waits, Waiting)
    assert standing == Standing.SUSPENDED
    assert (found.act, found.function) == (waits.act, "suspendInstitution")


async def test_act_of_the_system_is_announced_and_refused_before_its_time(made: Deployed) -> None:
    own = Governance(made.connection, made.manifest, SYSTEM.secret)
    national = made.national.address
    await made.by_two(lambda by: by.appoint_officer(national, SYSTEM.address, bits(Role.SYSTEM)))

    announced = await own.name_deployment(word(1), national, 2)
    again = await own.name_deployment(word(1), national, 2)

    head = await made.connection.header()
    assert isinstance(announced, Announced)
    assert announced == again
    assert head is not None
    assert 0 <= head.block.time + SYSTEM_DELAY - announced.ready_at <= SYSTEM_DELAY


async def test_officers_state_is_read_from_both_contracts(made: Deployed) -> None:
    reader, national = ChainReader(made.connection, made.manifest), made.national.address

    state = await reader.officer_state(made.second.address)
    nobody = await reader.officer_state(SYSTEM.address)

    assert (state.authority, state.roles) == (national, bits(Role.NATIONAL, Role.AUTHORITY, Role.SECURITY))
    assert (nobody.authority, nobody.roles) == (bytes(20), 0)


async def test_institution_rotates_its_keys_through_a_relay(made: Deployed) -> None:
    reader = ChainReader(made.connection, made.manifest)
    await made.by_two(lambda own: own.admit_institution(HOSPITAL.address, REGION, HOSPITAL.signer, b"key"))
    keys = InstitutionKeys(HOSPITAL.address, NEW_KEY.signer, b"new key", FAR)
    signatures = [sign(key, reader.domain("Participants"), keys) for key in (HOSPITAL, NEW_KEY)]
    relay = SendingAccount(made.connection, made.relay.secret)

    await rotate_keys(relay, made.manifest, keys, *signatures)

    assert (await reader.institution_state(HOSPITAL.address)).signer == NEW_KEY.signer
    with pytest.raises(ConsentryError) as caught:
        await rotate_keys(relay, made.manifest, keys, *signatures)
    assert caught.value.details["solidity"] == "ParticipantsKeysUsed"
