"""Every implementation of the port ``gateway.ports.Ledger``, each with the people that act on it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from consentry.core.batch_tree import batch_of
from consentry.core.codes import Standing
from consentry.core.events import LedgerEvent
from consentry.core.participants import COUNTRY
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers, sign
from consentry.errors import ConsentryError
from consentry.gateway.ports import Conditions, ConditionsAtHead, Ledger
from consentry.ledger import node
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders, deploy
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Answer, Governance, Waiting
from consentry.ledger.manifest import Manifest
from tests.support import samples
from tests.support.in_process import InProcessProvider, SilentProvider
from tests.support.memory_ledger import VERIFIERS, MemoryLedger

REGION: Final = 440_300
FAR: Final = 2**40
"""A second that no clock of this century reaches."""
KEY_HASH: Final = hashlib.sha256(samples.RELEASE_KEY).digest()
SetStanding = Callable[[Address, Standing], Awaitable[None]]
ResetKeys = Callable[[Address, bytes, bytes], Awaitable[None]]
Events = Callable[[int, int], Awaitable[Sequence[LedgerEvent]]]


class ChangeMembership(Protocol):
    """Lets an authority take an institution into a group of its own, or put it out."""

    async def __call__(self, group: bytes, institution: Address, *, member: bool) -> None:
        """Changes it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One patient with one record and one consent."""

    key: SigningKey
    leaf: RecordLeaf
    terms: ConsentTerms

    @property
    def material(self) -> Material:
        """What a decision about it is made from."""
        return Material(self.leaf, self.terms)


@dataclass
class LedgerWorld:
    """A ledger and the people on it.

    Attributes:
        ledger: what the tests are about.
        verifiers: where signatures of other kinds than an account's are verified.
        unplugged: a ledger of the same kind whose node does not answer.
        admit: lets an authority admit an institution that signs with its own account.
        set_standing: lets an authority suspend or reinstate an institution.
        reset_keys: lets an authority give an institution another signer and release key.
        events: every event of some blocks, in chain order.
        change_membership: lets an authority take an institution into a group of its own, or put it out.
        authority: the national one, which authorises and keeps groups.
    """

    ledger: Ledger
    verifiers: Verifiers
    unplugged: Ledger
    admit: Callable[[Address], Awaitable[None]]
    set_standing: SetStanding
    reset_keys: ResetKeys
    events: Events
    change_membership: ChangeMembership
    authority: AccountKey
    custodian: AccountKey = field(default_factory=AccountKey.generate)
    hospital: AccountKey = field(default_factory=AccountKey.generate)
    clinic: AccountKey = field(default_factory=AccountKey.generate)

    async def populate(self) -> None:
        """Admits everybody."""
        for institution in (self.custodian, self.hospital, self.clinic):
            await self.admit(institution.address)

    def enrolment(self, key: SigningKey, **changes: Any) -> Enrolment:  # noqa: ANN401 - any member
        """Gives the enrolment of a new subject."""
        subject = SubjectId(secrets.token_bytes(32))
        return replace(Enrolment(subject, key.signer, self.custodian.address, FAR), **changes)

    def signed(self, key: SigningKey, contract: str, value: Any) -> bytes:  # noqa: ANN401 - any signed struct
        """Signs for a contract of this ledger."""
        return sign(key, self.ledger.domain(contract), value)

    def revocation(self, case: Case) -> bytes:
        """Signs the revocation of a case's consent."""
        return self.signed(case.key, "Consents", Revocation(consent_id(case.terms), case.terms.subject_id))

    async def enrolled(self, key: SigningKey) -> SubjectId:
        """Enrols a subject."""
        value = self.enrolment(key)
        signatures = (self.signed(key, "Subjects", value), self.signed(self.custodian, "Subjects", value))
        await self.ledger.enrol(value, *signatures)
        return value.subject_id

    async def case(self, key: SigningKey | None = None, **terms: Any) -> Case:  # noqa: ANN401 - members of the terms
        """Enrols a subject, anchors a record, grants."""
        key = key or AccountKey.generate()
        subject = await self.enrolled(key)
        leaf = replace(samples.leaf(), custodian=self.custodian.address, subject_id=subject)
        await self.ledger.anchor(leaf, self.signed(self.custodian, "Records", leaf))
        agreed = replace(
            samples.terms(), subject_id=subject, institution=self.hospital.address, valid_from=0, valid_until=FAR
        )
        agreed = replace(agreed, **terms)
        await self.ledger.grant(agreed, self.signed(key, "Consents", agreed))
        return Case(key, leaf, agreed)

    def request(self, case: Case, **changes: Any) -> AccessRequest:  # noqa: ANN401 - any member
        """Gives a request of the hospital that a case permits."""
        base = samples.request(record_id(case.leaf), consent_id(case.terms), KEY_HASH)
        own = {"institution": self.hospital.address, "request_id": secrets.randbits(256), "issued_at": 0}
        return replace(base, **{**own, "expires_at": FAR, **changes})

    def ground(self, case: Case, group: bytes = ZERO_32, **changes: Any) -> Conditions:  # noqa: ANN401 - any member
        """Gives what a request of the hospital about a case rests on."""
        return Conditions(self.request(case, **changes), case.leaf.subject_id, case.leaf.category, group)

    async def seen(self, case: Case, group: bytes = ZERO_32, **changes: Any) -> ConditionsAtHead:  # noqa: ANN401 - any member
        """Looks at what a request of the hospital about a case rests on."""
        return await self.ledger.seen(self.ground(case, group, **changes))

    async def decide(
        self, request: AccessRequest, material: Material, signer: SigningKey | None = None
    ) -> FinalReceipt:
        """Has a request decided that the hospital, or somebody else, signed."""
        signature = self.signed(signer or self.hospital, "AccessLedger", request)
        return await self.ledger.decide(request, signature, material)

    async def decide_batch(
        self, requests: Sequence[AccessRequest], material: Material, signer: SigningKey | None = None
    ) -> Sequence[FinalReceipt | ConsentryError]:
        """Has requests with the same material decided that the hospital, or somebody else, signed as a whole."""
        batch = batch_of(requests[0].institution, requests)
        signature = self.signed(signer or self.hospital, "AccessLedger", batch)
        return await self.ledger.decide_batch([(request, material) for request in requests], signature)


async def _in_memory() -> LedgerWorld:
    ledger, unplugged, authority = MemoryLedger(), MemoryLedger(), AccountKey.generate()
    unplugged.down = True
    ledger.admit_authority(authority.address, COUNTRY)

    async def admit(institution: Address) -> None:
        ledger.admit_institution(institution, REGION, institution, samples.RELEASE_KEY)

    async def set_standing(institution: Address, standing: Standing) -> None:
        ledger.set_standing(institution, standing)

    async def events(first: int, last: int) -> Sequence[LedgerEvent]:
        return [event for event in ledger.log if first <= event.place.block.number <= last]

    async def reset_keys(institution: Address, signer: bytes, release_key: bytes) -> None:
        ledger.rotate_keys(institution, signer, release_key)

    async def change_membership(group: bytes, institution: Address, *, member: bool) -> None:
        ledger.set_membership(group, institution, member=member)

    acts = (admit, set_standing, reset_keys, events, change_membership)
    return LedgerWorld(ledger, VERIFIERS, unplugged, *acts, authority)


@dataclass(frozen=True, slots=True)
class Deployed:
    """The suite on some node: who governs, and whose account relays."""

    connection: Connection
    manifest: Manifest
    national: AccountKey
    second: AccountKey
    relay: AccountKey

    @property
    def governance(self) -> Governance:
        """What the first officer of the national authority may do."""
        return Governance(self.connection, self.manifest, self.national.secret)

    async def by_two(self, act: Callable[[Governance], Awaitable[Answer]]) -> Answer:
        """Has both officers of the national authority make the same call."""
        waits = await act(self.governance)
        assert isinstance(waits, Waiting)
        return await act(Governance(self.connection, self.manifest, self.second.secret))


async def deployed(connection: Connection, people: Sequence[AccountKey]) -> Deployed:
    """Deploys; ``people`` are deployer, both officers of the national authority, and relay."""
    deployer, national, second, relay = people
    founders = Founders(national.address, second.address)
    manifest = await deploy(connection, SendingAccount(connection, deployer.secret), founders)
    made = Deployed(connection, manifest, national, second, relay)
    await made.by_two(lambda own: own.admit_relay(relay.address, national.address))
    return made


async def world_on(made: Deployed) -> LedgerWorld:
    """Gives the ledger of a deployment, with nobody admitted but its relay."""
    connection = made.connection
    ledger = await ChainLedger.connect(connection, made.manifest, made.relay.secret)
    silent = Connection(SilentProvider(), connection.profile)
    unplugged = ChainLedger(silent, made.manifest, SendingAccount(silent, made.relay.secret))

    async def admit(institution: Address) -> None:
        keys = institution, samples.RELEASE_KEY
        await made.by_two(lambda own: own.admit_institution(institution, REGION, *keys))

    async def set_standing(institution: Address, standing: Standing) -> None:
        def act(own: Governance) -> Awaitable[Answer]:
            suspends = standing == Standing.SUSPENDED
            return (own.suspend_institution if suspends else own.reinstate_institution)(institution)

        await made.by_two(act)

    async def reset_keys(institution: Address, signer: bytes, release_key: bytes) -> None:
        await made.by_two(lambda own: own.reset_keys(institution, signer, release_key))

    async def change_membership(group: bytes, institution: Address, *, member: bool) -> None:
        await made.governance.change_membership(group, institution, member=member)

    acts = (admit, set_standing, reset_keys, ledger.events, change_membership)
    return LedgerWorld(ledger, ledger.verifiers(), unplugged, *acts, made.national)


def people() -> list[AccountKey]:
    """Draws deployer, both officers of the national authority, and relay."""
    return [AccountKey.generate() for _ in range(4)]


@asynccontextmanager
async def embedded_node(folder: Path) -> AsyncIterator[Connection]:
    """Starts an embedded chain for as long as the block lasts."""
    status = await asyncio.to_thread(node.up, folder, 0)
    connection = DirectConnection(str(status.url), load_profile("embedded"))
    try:
        yield connection
    finally:
        await connection.close()
        await asyncio.to_thread(node.down, folder)


@asynccontextmanager
async def open_world(kind: str, folder: Path) -> AsyncIterator[LedgerWorld]:
    """Gives a populated world: ``memory``, ``in-process`` or ``embedded``."""
    match kind:
        case "memory":
            world = await _in_memory()
            await world.populate()
            yield world
        case "in-process":
            payers = people()
            world = await world_on(await deployed(InProcessProvider(payers).connection(), payers))
            await world.populate()
            yield world
        case _:
            async with embedded_node(folder) as connection:
                world = await world_on(await deployed(connection, people()))
                await world.populate()
                yield world
