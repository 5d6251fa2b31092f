"""An answer that lacks a member, or holds one of another kind, is refused by an error of ours, whatever was asked."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from consentry.client import chain
from consentry.client.bulk import Sought
from consentry.client.hospital import Hospital, NewRecord
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.core.codes import Category
from consentry.core.terms import ConsentId, RecordId, SubjectId
from consentry.errors import ConsentryError, GatewayUnavailableError, VerificationError
from consentry.evidence.notation import Json
from tests.support.callers import ORIGIN
from tests.support.gateway_world import MONTH
from tests.unit.client.conftest import Callers

OTHERS: tuple[object, ...] = (None, [], {}, "text", 7, True, 1.5)
NOT_NEEDED = {"contracts.Participants: 'nothing'"}
"""Nothing is signed for this contract."""
MAY_BE_NULL = {"projectedTo", "notice"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LAG_SECONDS", 0.2)


@dataclass
class Desk:
    """What the calls below are about: a subject with a record, a consent and an access."""

    callers: Callers
    folder: Path
    patient: Patient
    hospital: Hospital
    custodian: Hospital
    subject: SubjectId
    record: RecordId
    consent: ConsentId
    made: dict[str, Any] = field(default_factory=dict)

    def newcomer(self, key: str) -> Patient:
        """Gives somebody who is not signed in."""
        return self.callers.patient(getattr(self.callers.world.people, key))

    def kept(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever a call is about
        """Gives what was made at the first call: the lies are about the same act as the honest answer."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    async def enrol(self) -> object:
        """Enrols somebody."""
        if "enrolment" not in self.made:
            newcomer = self.newcomer("stranger")
            self.made["enrolment"] = await newcomer.sign_enrolment(SubjectId(b"\x33" * 32))
        return await self.custodian.enrol(*self.made["enrolment"])

    async def add_record(self) -> object:
        """Takes a record in."""
        path = self.folder / "record"
        path.write_bytes(b"a letter")
        return await self.custodian.add_record(path, "text/plain", NewRecord(self.subject, Category.IMAGING, 2, MONTH))

    async def access(self) -> object:
        """Asks for a record."""
        made = self.kept(
            "request", lambda: self.hospital.new_request(self.record, self.consent, practitioner=b"\x9a" * 32)
        )
        return await self.hospital.access(made)

    async def access_many(self) -> object:
        """Asks for what is permitted, denied and rejected."""
        if "batch" not in self.made:
            places = ((self.record, self.consent), (self.record, bytes(32)), (b"\x44" * 32, self.consent))
            sought = [Sought(RecordId(record), ConsentId(consent)) for record, consent in places]
            self.made["batch"] = self.hospital.new_requests(sought, practitioner=b"\x9a" * 32)
        return await self.hospital.access_many(self.made["batch"], one_signature=False)

    async def prepare(self) -> object:
        """Has a notice made."""
        world = self.callers.world
        wanted = self.kept(
            "wanted", lambda: world.terms(self.subject, notice_hash=bytes(32), notice_version=0, nonce=0)
        )
        return await self.patient.prepare(wanted, "en")

    async def grant(self) -> object:
        """Grants."""
        return await self.patient.grant(self.kept("terms", lambda: self.callers.world.terms(self.subject)))

    async def revoke(self) -> object:
        """Grants once, and takes back."""
        if "revoked" not in self.made:
            self.made["revoked"] = self.callers.world.terms(self.subject)
            await self.patient.grant(self.made["revoked"])
        return await self.patient.revoke(self.made["revoked"])


Call = Callable[[Desk], Awaitable[object]]
CALLS: dict[str, tuple[str, Call]] = {
    "about": ("/v1/about", lambda desk: desk.newcomer("patient").gateway()),
    "account-challenge": ("/siwe/challenge", lambda desk: desk.newcomer("patient").sign_in()),
    "account-session": ("/siwe/session", lambda desk: desk.newcomer("patient").sign_in()),
    "passkey-challenge": ("/passkey/challenge", lambda desk: desk.newcomer("passkey").sign_in()),
    "passkey-session": ("/passkey/session", lambda desk: desk.newcomer("passkey").sign_in()),
    "subjects": ("/v1/subjects", lambda desk: desk.patient.subjects()),
    "records": ("/records", lambda desk: desk.patient.records(desk.subject)),
    "records-of-a-grantee": ("/records", lambda desk: desk.hospital.records(desk.subject)),
    "consents": ("/consents", lambda desk: desk.patient.consents(desk.subject)),
    "history": ("/accesses", lambda desk: desk.patient.history(desk.subject)),
    "own-accesses": ("/accesses", lambda desk: desk.hospital.accesses()),
    "prepare": ("/consents/prepare", Desk.prepare),
    "grant": ("/v1/consents", Desk.grant),
    "terms": ("/revocation/prepare", lambda desk: desk.patient.terms_of(desk.consent)),
    "revoke": ("/revocation", Desk.revoke),
    "enrol": ("/v1/subjects", Desk.enrol),
    "upload": ("/records/content", Desk.add_record),
    "anchor": ("/v1/records", Desk.add_record),
    "access": ("/v1/access", Desk.access),
    "access-many": ("/v1/access:batch", Desk.access_many),
}


@pytest.fixture
async def desk(callers: Callers, tmp_path: Path) -> Desk:
    """Everybody at work."""
    world, people = callers.world, callers.world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    await world.ask(world.request(record, consent, people.hospital), people.hospital)
    patient = callers.patient(people.patient)
    await patient.sign_in()
    hospitals = callers.hospital(people.hospital), callers.hospital(people.custodian)
    return Desk(callers, tmp_path, patient, *hospitals, subject, record, consent)


def _places(value: object, *above: object) -> Iterator[tuple[object, ...]]:
    """Gives the way to every member, that of an item of a list too; a document is compared as a whole."""
    members: Iterator[tuple[object, object]] = iter(())
    if isinstance(value, dict) and above[-1:] != ("document",):
        members = iter(value.items())
    elif isinstance(value, list) and value:
        # Items of a list are alike, but for those that say what came of them.
        members = iter(list(enumerate(value)) if "outcome" in value[0] else [(0, value[0])])
    for name, inner in members:
        yield (*above, name)
        yield from _places(inner, *above, name)


def _spoiled(honest: Json) -> Iterator[tuple[str, Json]]:
    for place in _places(honest):
        for other in ("nothing", *OTHERS):
            lie = copy.deepcopy(honest)
            inner: Any = lie
            for name in place[:-1]:
                inner = inner[name]
            if other == "nothing":
                del inner[place[-1]]
            elif type(inner[place[-1]]) is type(other) or (other is None and place[-1] in MAY_BE_NULL):
                continue
            else:
                inner[place[-1]] = other
            if lie != {"items": []}:
                yield f"{'.'.join(map(str, place))}: {other!r}", lie


@pytest.mark.parametrize(("path", "call"), CALLS.values(), ids=list(CALLS))
async def test_answer_with_a_member_gone_or_of_another_kind_is_refused(desk: Desk, path: str, call: Call) -> None:
    between, honest = desk.callers.between, list[Json]()

    def kept(body: Json) -> Json:
        honest.append(copy.deepcopy(body))
        return body

    between.lies[path] = kept
    await call(desk)
    taken, tried = [], 0
    for what, lie in _spoiled(honest[0]):
        tried += 1
        between.invented[path] = lie
        try:
            await call(desk)
        except ConsentryError:
            continue
        taken.append(what)
    assert set(taken) <= NOT_NEEDED
    assert tried > 5


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", "7", "<html>", "[" * 10_000, "{", '{"items":{}}', '{"items":[1]}']
)
async def test_answer_that_is_no_list_is_refused(callers: Callers, answer: str) -> None:
    carrier = httpx.MockTransport(lambda _: httpx.Response(200, text=answer))
    with pytest.raises(VerificationError):
        await Patient(Transport(ORIGIN, carrier=carrier), callers.world.people.patient).subjects()


@pytest.mark.parametrize("token", ["", "line\nbreak", "caf\u00e9", "a" * 5_000])
async def test_token_that_no_header_takes_is_refused(callers: Callers, token: str) -> None:
    callers.between.lies["/session"] = lambda body: {**body, "token": token}
    with pytest.raises(VerificationError, match="token"):
        await callers.patient(callers.world.people.patient).sign_in()


@pytest.mark.parametrize("link", ["/\x00", "/v1?" + "a" * 70_000, "/v1/[", "/:99999999/"])
async def test_next_page_that_is_no_address_is_refused(link: str) -> None:
    headers = [(b"Link", f'<{link}>; rel="next"'.encode())]
    carrier = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": []}, headers=headers))
    pages = 0

    class Counting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal pages
            pages += 1
            if pages > 1:
                raise httpx.ConnectError("gone")
            return await carrier.handle_async_request(request)

    with pytest.raises((VerificationError, GatewayUnavailableError)):
        await Transport(ORIGIN, carrier=Counting()).get_all("/v1/subjects", {})


@pytest.mark.parametrize("status", [302, 400, 499, 503, 599])
@pytest.mark.parametrize("body", ["", "[]", '{"code":7,"detail":[]}', '{"code":"evidence.invalid","step":"x"}'])
async def test_refusal_of_any_form_is_an_error_of_ours(status: int, body: str) -> None:
    carrier = httpx.MockTransport(lambda _: httpx.Response(status, text=body))
    with pytest.raises(ConsentryError):
        await Transport(ORIGIN, carrier=carrier).get("/v1/about")


async def _no_pieces() -> AsyncIterator[bytes]:
    yield b""


async def _downloaded(transport: Transport) -> None:
    async with transport.download("/v1/records/0x/ciphertext") as answer:
        await answer.aread()


REACHING: dict[str, Callable[[Transport], Awaitable[object]]] = {
    "get": lambda transport: transport.get("/v1/about"),
    "post": lambda transport: transport.post("/v1/consents", {}),
    "upload": lambda transport: transport.upload("/v1/records/content", _no_pieces(), bytes(32), {}),
    "download": _downloaded,
}


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
@pytest.mark.parametrize("reach", REACHING.values(), ids=list(REACHING))
async def test_gateway_that_does_not_answer_is_one_error(
    reach: Callable[[Transport], Awaitable[object]], error: type[httpx.TransportError]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error("no answer")

    with pytest.raises(GatewayUnavailableError, match=error.__name__):
        await reach(Transport(ORIGIN, carrier=httpx.MockTransport(fail)))
