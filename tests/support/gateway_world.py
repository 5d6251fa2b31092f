"""A gateway with people around it: hospitals, authorities, patients; served without a socket."""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx
from fastapi import FastAPI

from consentry.api.app import create_app
from consentry.api.logs import json_log
from consentry.core.batch_tree import batch_of
from consentry.core.codes import (
    Action,
    ActorKind,
    Category,
    LegalBasis,
    Purpose,
    Retention,
    Standing,
    Suite,
)
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Enrolment,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import consent_id
from consentry.crypto.keywrap import new_release_seed, release_key_hash, release_public_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers, sign
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.demo.terms import treatment_terms
from consentry.evidence.notation import bytes_of, hex_of, write
from consentry.gateway.access import AccessDesk
from consentry.gateway.bell import Bell
from consentry.gateway.context import Context, Limits
from consentry.gateway.erasures import ErasureDesk
from consentry.gateway.person_ports import Persons
from tests.support.callers import HOST, ORIGIN, Anyone, SignedIn, Signing
from tests.support.memory_ledger import VERIFIERS, MemoryLedger
from tests.support.memory_persons import MemoryPersons
from tests.support.memory_projection import MemoryProjection
from tests.support.memory_vault import MemoryKeys, MemoryNonces, MemoryOutbox, MemoryVault

MONTH = 680
DAY = 86_400
BODY_LIMIT = 65_536
UPLOAD_LIMIT = 1_000_000
CONTENT = b"a chest radiograph without findings\n" * 4_000
Json = dict[str, Any]


@dataclass(frozen=True)
class Institution:
    """A hospital with its secrets; the gateway has none of them."""

    region: int
    key: AccountKey = field(default_factory=AccountKey.generate)
    seed: bytes = field(default_factory=new_release_seed)

    @property
    def address(self) -> Address:
        """Its address."""
        return self.key.address

    @property
    def release_key(self) -> bytes:
        """Its public release key."""
        return release_public_key(self.seed)


class Chain(Protocol):
    """What authorities do to the chain of a world."""

    async def admit_institution(self, institution: Institution) -> None:
        """Admits an institution."""
        ...

    async def admit_authority(self, key: AccountKey, region: int) -> None:
        """Admits an authority."""
        ...

    async def set_standing(self, institution: Institution, standing: Standing) -> None:
        """Suspends or reinstates an institution."""
        ...


@dataclass
class MemoryChain:
    """The authorities of a memory ledger."""

    ledger: MemoryLedger

    async def admit_institution(self, institution: Institution) -> None:
        self.ledger.admit_institution(
            institution.address, institution.region, institution.key.signer, institution.release_key
        )

    async def admit_authority(self, key: AccountKey, region: int) -> None:
        self.ledger.admit_authority(key.address, region)

    async def set_standing(self, institution: Institution, standing: Standing) -> None:
        self.ledger.set_standing(institution.address, standing)


@dataclass
class People:
    """Everybody; drawn anew for each world."""

    verifiers: Verifiers
    custodian: Institution = field(default_factory=lambda: Institution(440_100))
    hospital: Institution = field(default_factory=lambda: Institution(330_100))
    clinic: Institution = field(default_factory=lambda: Institution(440_300))
    national: AccountKey = field(default_factory=AccountKey.generate)
    province: AccountKey = field(default_factory=AccountKey.generate)
    patient: AccountKey = field(default_factory=AccountKey.generate)
    stranger: AccountKey = field(default_factory=AccountKey.generate)
    passkey: SoftwarePasskey = field(init=False)
    p256: P256Key = field(init=False)

    def __post_init__(self) -> None:
        made = SoftwarePasskey.generate(self.verifiers.webauthn)
        self.passkey = replace(made, rp_id="gateway.test", origin=ORIGIN)
        self.p256 = P256Key.generate(self.verifiers.p256)


@dataclass
class World:
    """A served gateway and its surroundings."""

    app: FastAPI
    http: httpx.AsyncClient
    context: Context
    people: People
    chain: Chain
    lines: io.StringIO

    @property
    def logged(self) -> list[Json]:
        """Every line of the service's log."""
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]

    def anyone(self) -> Anyone:
        """A caller nobody knows."""
        return Anyone(self.http)

    def signer(self, key: SigningKey) -> SignedIn:
        """A caller that signs in."""
        return SignedIn(self.http, key=key)

    def institution(self, institution: Institution) -> Signing:
        """A caller that signs each request."""
        return Signing(self.http, address=institution.address, key=institution.key)

    # Acts, each done by whoever does it in life.

    def enrolment(self, key: SigningKey, subject: SubjectId | None = None) -> tuple[Enrolment, Json]:
        """Gives an enrolment with the custodian and the body that submits it."""
        subject = subject or SubjectId(secrets.token_bytes(32))
        custodian = self.people.custodian
        enrolment = Enrolment(subject, key.signer, custodian.address, int(time.time()) + 600)
        domain = self.context.ledger.domain("Subjects")
        return enrolment, {
            "enrolment": write(enrolment),
            "subjectSignature": hex_of(sign(key, domain, enrolment)),
            "custodianSignature": hex_of(sign(custodian.key, domain, enrolment)),
        }

    async def enrol(self, key: SigningKey) -> SubjectId:
        """Enrols a subject."""
        enrolment, body = self.enrolment(key)
        done(await self.institution(self.people.custodian).post("/v1/subjects", body), 201)
        return enrolment.subject_id

    async def upload(self, subject: SubjectId, content: bytes = CONTENT, version: int = 1) -> Json:
        """Has content sealed."""
        headers = {
            "Consentry-Subject": hex_of(subject),
            "Content-Type": "application/dicom",
            "Consentry-Record-Version": str(version),
        }
        answer = await self.institution(self.people.custodian).send("/v1/records/content", content, **headers)
        return done(answer, 201)

    def leaf(self, subject: SubjectId, sealed: Json, **changes: Any) -> RecordLeaf:  # noqa: ANN401 - any member
        """Gives the leaf of a sealed object."""
        leaf = RecordLeaf(
            custodian=self.people.custodian.address,
            subject_id=subject,
            previous=ZERO_32,
            lineage=ZERO_32,
            version=sealed["version"],
            category=Category.IMAGING,
            sensitivity=2,
            data_month=MONTH,
            suite=Suite.COBBLESTONE_256_SHA_256,
            retention=Retention.OUTPATIENT,
            ciphertext_digest=bytes_of(sealed["ciphertextDigest"], 32),
            ciphertext_size=sealed["ciphertextSize"],
            commitment=bytes_of(sealed["commitment"], 32),
        )
        return replace(leaf, **changes)

    def anchor_body(self, sealed: Json, leaf: RecordLeaf, previous: RecordLeaf | None = None) -> Json:
        """Gives the body that anchors a leaf, signed by the custodian."""
        signature = sign(self.people.custodian.key, self.context.ledger.domain("Records"), leaf)
        body = {"objectId": sealed["objectId"], "leaf": write(leaf), "signature": hex_of(signature)}
        return body | ({"previous": write(previous)} if previous else {})

    async def add_record(self, subject: SubjectId, content: bytes = CONTENT, **changes: Any) -> RecordId:  # noqa: ANN401 - members by name
        """Seals and anchors a record."""
        sealed = await self.upload(subject, content)
        body = self.anchor_body(sealed, self.leaf(subject, sealed, **changes))
        answer = done(await self.institution(self.people.custodian).post("/v1/records", body), 201)
        return RecordId(bytes_of(answer["recordId"], 32))

    def terms(self, subject: SubjectId, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
        """Gives terms that let the hospital view images of the subject for 30 days."""
        own: dict[str, Any] = {
            "max_sensitivity": 3,
            "valid_from": int(time.time()) - 3_600,
            "notice_hash": b"\x0e" * 32,
            "notice_version": 1,
            "nonce": secrets.randbits(256),
        }
        return replace(treatment_terms(subject, self.people.hospital.address, MONTH), **own | changes)

    def grant_body(self, key: SigningKey, terms: ConsentTerms) -> Json:
        """Gives the body of a signed consent."""
        signature = sign(key, self.context.ledger.domain("Consents"), terms)
        return {"terms": write(terms), "signature": hex_of(signature)}

    async def grant(self, key: SigningKey, terms: ConsentTerms) -> ConsentId:
        """Grants."""
        done(await self.signer(key).post("/v1/consents", self.grant_body(key, terms)), 201)
        return consent_id(terms)

    def revocation_body(self, key: SigningKey, terms: ConsentTerms) -> Json:
        """Gives the body of a signed revocation."""
        act = Revocation(consent_id(terms), terms.subject_id)
        return {"signature": hex_of(sign(key, self.context.ledger.domain("Consents"), act))}

    async def revoke(self, key: SigningKey, terms: ConsentTerms) -> None:
        """Takes a consent back."""
        target = f"/v1/consents/{hex_of(consent_id(terms))}/revocation"
        done(await self.signer(key).post(target, self.revocation_body(key, terms)), 200)

    def request(self, record: RecordId, consent: bytes, institution: Institution, **changes: Any) -> AccessRequest:  # noqa: ANN401 - members by name
        """Gives an access request of a human of the institution, for treatment."""
        now = int(time.time())
        request = AccessRequest(
            request_id=secrets.randbits(256),
            institution=institution.address,
            record_id=record,
            consent_id=ConsentId(consent),
            authorisation_id=AuthorisationId(ZERO_32),
            purpose=Purpose.TREAT,
            action=Action.VIEW,
            legal_basis=LegalBasis.CONSENT,
            actor_kind=ActorKind.HUMAN,
            reason_code=0,
            reason_hash=ZERO_32,
            practitioner=b"\x9a" * 32,
            release_key_hash=release_key_hash(institution.release_key),
            issued_at=now,
            expires_at=now + 300,
        )
        return replace(request, **changes)

    def access_body(self, request: AccessRequest, institution: Institution) -> Json:
        """Gives the body of a signed access request."""
        signature = sign(institution.key, self.context.ledger.domain("AccessLedger"), request)
        return {"request": write(request), "signature": hex_of(signature), "scopeProof": []}

    async def ask(self, request: AccessRequest, institution: Institution) -> httpx.Response:
        """Asks for access."""
        return await self.institution(institution).post("/v1/access", self.access_body(request, institution))

    def batch_body(
        self, requests: Sequence[AccessRequest], institution: Institution, *, one_signature: bool = True
    ) -> Json:
        """Gives the body of many requests, signed by an institution as a whole or one by one."""
        domain = self.context.ledger.domain("AccessLedger")
        items: list[Json] = [{"request": write(asked), "scopeProof": []} for asked in requests]
        if one_signature:
            batch = batch_of(requests[0].institution, requests)
            return {"requests": items, "signature": hex_of(sign(institution.key, domain, batch))}
        signatures = [{"signature": hex_of(sign(institution.key, domain, asked))} for asked in requests]
        return {"requests": [item | signed for item, signed in zip(items, signatures, strict=True)]}

    async def ask_many(
        self, requests: Sequence[AccessRequest], institution: Institution, *, one_signature: bool = True
    ) -> httpx.Response:
        """Asks for many accesses at a time."""
        body = self.batch_body(requests, institution, one_signature=one_signature)
        return await self.institution(institution).post("/v1/access:batch", body)


def done(answer: httpx.Response, status: int) -> Json:
    """Gives the JSON of an answer that has the status."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    body: Json = answer.json()
    return body


async def populate(chain: Chain, people: People) -> None:
    """Admits everybody."""
    for institution in (people.custodian, people.hospital, people.clinic):
        await chain.admit_institution(institution)
    await chain.admit_authority(people.province, 440_000)


@asynccontextmanager
async def served(context: Context, people: People, chain: Chain) -> AsyncIterator[World]:
    """Serves a gateway without a socket."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Context]:
        yield context

    lines = io.StringIO()
    app = create_app(given, context.limits.body, log=json_log(lines))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http,
    ):
        yield World(app, http, context, people, chain, lines)


@dataclass
class MemoryParts:
    """The memory adapters of one gateway; they outlive it, as chain and disks do."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    vault: MemoryVault = field(default_factory=MemoryVault)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    persons: Persons = field(default_factory=MemoryPersons)
    nonces: MemoryNonces = field(default_factory=MemoryNonces)
    projection: MemoryProjection = field(init=False)

    def __post_init__(self) -> None:
        self.projection = MemoryProjection(self.ledger)

    def context(self, custodian: Address) -> Context:
        """Builds the gateway of a custodian."""
        return Context(
            custodian=custodian,
            origin=ORIGIN,
            hosts=frozenset({HOST}),
            ledger=self.ledger,
            projection=self.projection,
            vault=self.vault,
            persons=self.persons,
            desk=AccessDesk(self.ledger, self.projection, self.vault, self.outbox, custodian, VERIFIERS),
            erasures=ErasureDesk(self.ledger, self.projection, self.vault, custodian),
            idempotency=self.keys,
            nonces=self.nonces,
            verifiers=VERIFIERS,
            limits=Limits(BODY_LIMIT, UPLOAD_LIMIT),
            session_seconds=900,
            wait_seconds=10,
            bell=Bell(),
            check_ready=self.check_ready,
        )

    async def check_ready(self) -> None:
        """Asks chain and vault."""
        await self.ledger.head()
        await self.vault.create_subject(SubjectId(bytes(32)))
