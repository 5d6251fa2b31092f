"""A small country to measure in: a chain, a gateway with sealed records, patients who granted, a hospital that asks.

Everything is real and a process of its own: the embedded chain with its durable log, the gateway behind HTTP, the
patients' and the hospital's signatures. Only the keys are drawn for the occasion.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.material import DATA_MONTH, terms_for
from consentry.client.hospital import Institution, NewRecord
from consentry.core.codes import Category, bits
from consentry.core.offices import Role
from consentry.core.terms import Address, ConsentId, Material, RecordId, SubjectId
from consentry.core.typed_data import Domain, consent_id
from consentry.crypto.signing import AccountKey
from consentry.demo.network import HOSPITALS, Network
from consentry.ledger.governance import Answer, Governance
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest

CUSTODIAN, REQUESTER = (party.name for party in HOSPITALS)
AUTHORITY: Final = "national"
AUDITORS: Final = ("auditor-1", "auditor-2")
DAILY_LIMIT: Final = 2**32 - 1
EMERGENCY_LIMIT: Final = 10
RECORD_BYTES: Final = 4096
TOGETHER: Final = 8
"""Patients who come at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """A record that may be asked for, the consent under which, what the chain needs to decide it, and whose it is."""

    record: RecordId
    consent: ConsentId
    material: Material
    patient: AccountKey


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, who asks, and what may be asked for."""

    network: Network
    manifest: Manifest
    requester: Institution
    sought: Sequence[Place]

    @property
    def url(self) -> str:
        """Where the custodian's gateway answers."""
        return self.network.hospital_url(CUSTODIAN)

    @property
    def origin(self) -> str:
        """Where the patients' page of the custodian is."""
        return self.network.settings(CUSTODIAN).origin

    @property
    def relay_key(self) -> bytes:
        """The key of a relay that no gateway uses here."""
        return load_or_create_key(self.network.folder(REQUESTER) / "keys" / "relay")

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {contract}", self.manifest.identity.chain_id, self.manifest.address(contract))


@asynccontextmanager
async def open_stage(patients: int, **given: object) -> AsyncIterator[Stage]:
    """Starts everything in a temporary folder, has patients enrolled, a record of each sealed, anchored and granted.

    ``given`` are further settings of the gateway.
    """
    with tempfile.TemporaryDirectory(prefix="consentry-bench-") as folder:
        # What is measured is how fast it is, and about a few patients; how often is lawful about one is another matter.
        limits = dict.fromkeys(("requests_about_subject", "connections_per_address", "unproven_per_address"), 0)
        network = Network(Path(folder), given=limits | given)
        try:
            network.start_chain()
            manifest = await network.deploy()
            await lift_limit(network, manifest)
            network.start_gateway(CUSTODIAN)
            sought = await _places(network, Path(folder), patients)
            yield Stage(network, manifest, network.institution(REQUESTER), sought)
        finally:
            await network.hang_up()
            network.stop()


async def lift_limit(network: Network, manifest: Manifest) -> None:
    """Lets the hospital ask as often as it is measured: a limit is set by two officers of the audit."""
    connection = network.connection()
    asks, authority = network.institution(REQUESTER).address, network.key(AUTHORITY).address
    auditors = [network.key(name) for name in AUDITORS]
    try:
        for auditor in auditors:
            office = partial(_appoint, authority, auditor.address)
            await network.by_two(connection, manifest, AUTHORITY, office)
        for auditor in auditors:
            await Governance(connection, manifest, auditor.secret).limit_institution(asks, DAILY_LIMIT, EMERGENCY_LIMIT)
    finally:
        await connection.close()


async def _appoint(authority: Address, officer: Address, by: Governance) -> Answer:
    return await by.appoint_officer(authority, officer, bits(Role.AUDIT))


async def _places(network: Network, folder: Path, count: int) -> Sequence[Place]:
    """Has so many patients come, some at a time."""
    turns = asyncio.Semaphore(TOGETHER)

    async def one(number: int) -> Place:
        async with turns:
            return await new_place(network, folder / f"record-{number}")

    return await asyncio.gather(*map(one, range(count)))


async def new_place(network: Network, file: Path) -> Place:
    """Has a patient enrolled, a record sealed and anchored, and a consent to it granted to the hospital."""
    key, subject = AccountKey.generate(), SubjectId(secrets.token_bytes(32))
    patient, custodian = network.patient(key, CUSTODIAN), network.hospital(CUSTODIAN, CUSTODIAN)
    enrolment, signature = await patient.sign_enrolment(subject)
    await custodian.enrol(enrolment, signature)
    await asyncio.to_thread(file.write_bytes, secrets.token_bytes(RECORD_BYTES))
    record, _ = await custodian.add_record(
        file, "application/octet-stream", NewRecord(subject, Category.IMAGING, 3, DATA_MONTH)
    )
    await patient.sign_in()
    terms, _ = await patient.prepare(terms_for(subject, network.institution(REQUESTER).address), "en")
    await patient.grant(terms)
    leaf = await custodian.leaf_of(subject, record)
    return Place(record, consent_id(terms), Material(leaf, terms, ()), key)
