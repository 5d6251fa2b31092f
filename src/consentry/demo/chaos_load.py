"""Clients that do not give up: they ask, grant and take back through the SDK, each until it has an answer."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from consentry.client.bulk import Answer, Asked, Sought
from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital, NewRecord
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.core.codes import Category, Reason
from consentry.core.terms import AccessRequest, ConsentId, ConsentTerms, RecordId, SubjectId
from consentry.core.typed_data import consent_id
from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Act
from consentry.demo.chaos_parts import GATEWAYS, A, Site
from consentry.demo.network import HOSPITALS
from consentry.demo.terms import treatment_terms
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
    ConsentryError,
    GatewayUnavailableError,
    LedgerUnavailableError,
    NotAuthenticError,
    OverloadError,
    VaultUnavailableError,
)
from consentry.evidence.notation import Json, bytes_of

B: Final = HOSPITALS[1].name
SUBJECTS: Final = 4
ASKERS: Final = 8
MOST_IN_BULK: Final = 8
MONTH: Final = 660
"""Month of the records, counted from January 1970."""
AGAIN: Final = (GatewayUnavailableError, LedgerUnavailableError, VaultUnavailableError, OverloadError)
"""What tells a caller to send the same again."""
LONGEST_PAUSE: Final = 0.5
SINGLE: Final = 0.6
TWICE: Final = 0.7
SIGNED_ONCE: Final = 0.85
"""Bounds of a number from 0 to 1: one request, one at both gateways at a time, many under one signature; else many."""
UNCOVERED: Final = 0.25
"""Share of requests for a record that no consent covers."""
MOST_SIGN_INS: Final = 5
_T = TypeVar("_T")
_Patients = Mapping[str, Patient]
"""One patient at each of the gateways."""


@dataclass(frozen=True, slots=True)
class Case:
    """A subject, who acts for it, an image that is asked for under a lasting consent, a finding no consent covers."""

    subject: SubjectId
    patients: _Patients
    image: RecordId
    finding: RecordId
    consent: ConsentId


class Load:
    """The clients of one site."""

    def __init__(self, site: Site, book: Book, seed: int, pause: float) -> None:
        """Takes the site, where to write things down, which course to take, and a client's mean pause in seconds."""
        self._book = book
        self._chance = random.Random(seed)  # noqa: S311 - a seeded exercise, not a key
        self._pause = pause
        self._ending = asyncio.Event()
        self._network = site.network
        self._urls = {name: site.url(name) for name in GATEWAYS}
        self._transports: list[Transport] = []
        self._hospitals = {name: self._hospital(B, name) for name in GATEWAYS}
        self._practitioner = secrets.token_bytes(32)
        self._cases: list[Case] = []
        self._clients: list[asyncio.Task[None]] = []

    def _hospital(self, name: str, gateway: str) -> Hospital:
        own = self._network.institution(name)
        return Hospital(self._kept(Transport(self._urls[gateway], institution=own.address, key=own.key)), own)

    def _kept(self, transport: Transport) -> Transport:
        self._transports.append(transport)
        return transport

    async def prepare(self, folder: Path) -> None:
        """Enrols subjects, anchors their records, has each grant a consent that lasts; before anything is killed."""
        custodian = self._hospital(A, A)
        for number in range(SUBJECTS):
            key, subject = self._network.key(f"patient-{number}"), SubjectId(secrets.token_bytes(32))
            patients = {name: Patient(self._kept(Transport(self._urls[name])), key) for name in GATEWAYS}
            await custodian.enrol(*await patients[A].sign_enrolment(subject))
            records = []
            for category in (Category.IMAGING, Category.LABORATORY):
                path = folder / f"record-{number}-{category}"
                path.write_bytes(self._chance.randbytes(4096))
                described = NewRecord(subject, category, 3, MONTH)
                records.append((await custodian.add_record(path, "application/octet-stream", described))[0])
            terms = await self._granted(subject, patients)
            self._cases.append(Case(subject, patients, records[0], records[1], consent_id(terms)))

    def begin(self) -> None:
        """Has all clients begin."""
        lives = [self._ask] * ASKERS + [lambda case=case: self._grant_and_revoke(case) for case in self._cases]
        self._clients = [asyncio.create_task(self._live(once)) for once in lives]

    async def end(self, seconds: float) -> None:
        """Has all clients end once they have the answers they wait for; after so many seconds they are cut off."""
        self._ending.set()
        ended, left = await asyncio.wait(self._clients, timeout=seconds)
        for client in left:
            client.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for transport in self._transports:
            await transport.close()
        for client in ended:
            # One that ended by a fault of its own asked for less than it should: nothing may be concluded then.
            client.result()

    async def _live(self, once: Callable[[], Awaitable[None]]) -> None:
        while not self._ending.is_set():
            try:
                await once()
            except ConsentryError as error:
                self._book.wonder(once.__name__, error)
            await asyncio.sleep(self._chance.expovariate(1 / self._pause))

    async def _until_answered(self, ask: Callable[[str], Awaitable[_T]]) -> _T:
        """Asks one gateway after the other until one gives an answer."""
        for name in itertools.cycle(self._chance.sample(GATEWAYS, len(GATEWAYS))):
            self._book.calls += 1
            try:
                return await ask(name)
            except AGAIN:
                await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE))
        raise AssertionError("a cycle does not end")

    async def _ask(self) -> None:
        how = self._chance.random()
        if how < SINGLE:
            await self._access(self._request())
        elif how < TWICE:
            # The same at both gateways at a time: it must be decided once, and both must say the same.
            request = self._request()
            await asyncio.gather(*(self._access(request) for _ in GATEWAYS))
        else:
            await self._access_many(one_signature=how < SIGNED_ONCE)

    def _sought(self) -> Sought:
        case = self._chance.choice(self._cases)
        return Sought(case.finding if self._chance.random() < UNCOVERED else case.image, case.consent)

    def _request(self, sought: Sought | None = None) -> AccessRequest:
        one = sought or self._sought()
        return self._hospitals[A].new_request(one.record, one.consent, practitioner=self._practitioner)

    async def _access(self, request: AccessRequest) -> Answer:
        began = time.monotonic()
        self._book.send([request])

        async def ask(name: str) -> Answer:
            try:
                return await self._hospitals[name].access(request)
            except AGAIN:
                raise
            except ConsentryError as error:
                return error

        answer = await self._until_answered(ask)
        self._book.note(request, answer, began)
        return answer

    async def _access_many(self, *, one_signature: bool) -> None:
        sought = [self._sought() for _ in range(self._chance.randint(2, MOST_IN_BULK))]
        asked = self._hospitals[A].new_requests(sought, practitioner=self._practitioner)
        began = time.monotonic()
        self._book.send([one.request for one in asked])

        async def ask(name: str) -> None:
            answers = await self._answers(name, asked, one_signature=one_signature)
            left = [answer for answer in answers if isinstance(answer, AGAIN)]
            for one, answer in zip(asked, answers, strict=True):
                if not isinstance(answer, AGAIN):
                    self._book.note(one.request, answer, began)
            if left:
                raise left[0]

        await self._until_answered(ask)

    async def _answers(self, name: str, asked: Sequence[Asked], *, one_signature: bool) -> Sequence[Answer]:
        try:
            return await self._hospitals[name].access_many(asked, one_signature=one_signature)
        except ConsentryError as error:
            return [error] * len(asked)

    async def _grant_and_revoke(self, case: Case) -> None:
        """Grants a consent, has it used, takes it back; from the revocation on nothing is permitted under it."""
        terms = await self._granted(case.subject, case.patients)
        sought = Sought(case.image, consent_id(terms))
        answer = await self._access(self._request(sought))
        # A request that waited out an outage may expire before it is decided; that says nothing about the consent.
        if isinstance(answer, AccessDeniedError) and answer.details["reason"] != Reason.REQUEST_EXPIRED.name:
            self._book.unforeseen.append(f"a consent that was granted permits nothing: {answer.details['reason']}")
        await self._done(case.patients, sought.consent, lambda patient: patient.revoke(terms), granted=False)
        if isinstance(await self._access(self._request(sought)), Permitted):
            self._book.permitted_after_revocation += 1

    async def _granted(self, subject: SubjectId, patients: _Patients) -> ConsentTerms:
        wanted = self._terms(subject)
        terms, _ = await self._patiently(patients, lambda patient: patient.prepare(wanted, "en"))
        await self._done(patients, consent_id(terms), lambda patient: patient.grant(terms), granted=True)
        return terms

    async def _done(
        self, patients: _Patients, consent: ConsentId, act: Callable[[Patient], Awaitable[Json]], *, granted: bool
    ) -> None:
        tries = itertools.count()

        async def attempt(patient: Patient) -> Json | None:
            first = next(tries) == 0
            try:
                return await act(patient)
            except ConflictError:
                if first:
                    raise
                # An earlier call did it, and its answer was lost.
                return None

        answer = await self._patiently(patients, attempt)
        place = bytes_of(answer["anchor"]["transactionHash"], 32) if answer else None
        self._book.acts.append(Act(granted, consent, place))

    async def _patiently(self, patients: _Patients, act: Callable[[Patient], Awaitable[_T]]) -> _T:
        """Does an act at one gateway after the other; who restarted has forgotten who was signed in."""

        async def signed_in(name: str) -> _T:
            patient, left = patients[name], MOST_SIGN_INS
            while True:
                try:
                    if patient.transport.token is None:
                        await patient.sign_in()
                    return await act(patient)
                except NotAuthenticError:
                    patient.transport.token, left = None, left - 1
                    if not left:
                        raise

        return await self._until_answered(signed_in)

    def _terms(self, subject: SubjectId) -> ConsentTerms:
        return treatment_terms(subject, self._network.institution(B).address, MONTH)
