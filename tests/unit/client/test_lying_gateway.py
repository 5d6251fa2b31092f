"""A gateway that lies: nothing it says is believed where the chain, or what was signed, differs (P4, P8)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest

from consentry.client import chain
from consentry.client.transport import Transport
from consentry.core.terms import AccessRequest, ConsentTerms, SubjectId
from consentry.core.typed_data import Domain, document
from consentry.errors import GatewayUnavailableError, VerificationError
from consentry.evidence.notation import Json, read, write
from tests.support import samples
from tests.support.callers import ORIGIN
from tests.support.gateway_world import World, done
from tests.unit.client.conftest import Callers

LOOKS = 3


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LAG_SECONDS", 0.2)


async def looked_at(world: World) -> SubjectId:
    """Gives a subject whose record was looked at three times."""
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    for _ in range(LOOKS):
        done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    return subject


async def test_honest_history_is_whole(callers: Callers) -> None:
    subject = await looked_at(callers.world)
    patient = callers.patient(callers.world.people.patient)
    await patient.sign_in()

    assert [line["subjectSequence"] for line in await patient.history(subject)] == [1, 2, 3]
    assert len(await callers.hospital(callers.world.people.hospital).accesses()) == LOOKS


def _changed(line: Json, **members: object) -> Json:
    return {**line, **members}


LIES: dict[str, Callable[[list[Json]], list[Json]]] = {
    "newest-left-out": lambda lines: lines[:-1],
    "first-left-out": lambda lines: lines[1:],
    "middle-left-out": lambda lines: [lines[0], lines[2]],
    "renumbered": lambda lines: [lines[0], _changed(lines[2], subjectSequence=2, institutionSequence=2)],
    "reordered": lambda lines: [lines[1], lines[0], lines[2]],
    "nothing": lambda _: [],
    "another-time": lambda lines: [_changed(lines[0], decidedAt=1), *lines[1:]],
    "denied-instead": lambda lines: [_changed(lines[0], permitted=False, reason="CONSENT_REVOKED"), *lines[1:]],
    "contradiction": lambda lines: [_changed(lines[0], permitted=False), *lines[1:]],
    "another-purpose": lambda lines: [
        _changed(lines[0], request=write(replace(read(AccessRequest, lines[0]["request"]), purpose=2))),
        *lines[1:],
    ],
    "invented": lambda lines: [*lines, {"subjectSequence": LOOKS + 1, "permitted": False}],
    "of-another-subject": lambda lines: [_changed(line, subjectId="0x" + "77" * 32) for line in lines],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
async def test_history_that_is_not_the_chains_is_refused(
    callers: Callers, lie: Callable[[list[Json]], list[Json]]
) -> None:
    subject = await looked_at(callers.world)
    patient = callers.patient(callers.world.people.patient)
    await patient.sign_in()
    callers.between.lies["/accesses"] = lambda body: {"items": lie(body["items"])}

    with pytest.raises(VerificationError):
        await patient.history(subject)
    with pytest.raises(VerificationError):
        await callers.hospital(callers.world.people.hospital).accesses()


async def test_revocation_that_was_never_mined_is_noticed(callers: Callers) -> None:
    world, key = callers.world, callers.world.people.patient
    terms = world.terms(await world.enrol(key))
    await world.grant(key, terms)
    patient = callers.patient(key)
    await patient.sign_in()
    callers.between.invented["/revocation"] = {"anchor": {"state": "final", "blockNumber": 1}}

    with pytest.raises(VerificationError, match="not REVOKED on chain"):
        await patient.revoke(terms)


async def test_grant_that_was_never_mined_is_noticed(callers: Callers) -> None:
    world, key = callers.world, callers.world.people.patient
    terms = world.terms(await world.enrol(key))
    patient = callers.patient(key)
    await patient.sign_in()
    callers.between.invented["/consents"] = {"anchor": {"state": "final", "blockNumber": 1}}

    with pytest.raises(VerificationError, match="not ACTIVE on chain"):
        await patient.grant(terms)


async def test_gateway_that_passes_the_sign_in_of_another_on_gets_no_signature(callers: Callers) -> None:
    key = callers.world.people.patient

    with pytest.raises(VerificationError, match="origin of the gateway"):
        await callers.patient(key, at="http://another.test").sign_in()

    assert [url.path for url in callers.between.asked] == ["/v1/about"]


@pytest.mark.parametrize("field", ["domain", "uri", "chain"])
async def test_sign_in_message_for_somewhere_else_is_not_signed(callers: Callers, field: str) -> None:
    replaced = {
        "domain": ("gateway.test:18080 wants", "another.test wants"),
        "uri": (f"URI: {ORIGIN}", "URI: http://another.test"),
        "chain": ("Chain ID: ", "Chain ID: 9"),
    }[field]
    callers.between.lies["/siwe/challenge"] = lambda body: {"message": body["message"].replace(*replaced)}

    with pytest.raises(VerificationError, match="sign-in message"):
        await callers.patient(callers.world.people.patient).sign_in()


@pytest.mark.parametrize("contract", ["Subjects", "Records", "Consents", "AccessLedger"])
async def test_gateway_with_contracts_of_its_own_is_refused(callers: Callers, contract: str) -> None:
    callers.between.lies["/about"] = lambda body: {
        **body,
        "contracts": {**body["contracts"], contract: "0x" + "66" * 20},
    }

    with pytest.raises(VerificationError, match="chain or contracts"):
        await callers.patient(callers.world.people.patient).gateway()


def _other_text(body: Json) -> Json:
    text = "You allow nothing. This only confirms your appointment."
    terms = {**body["terms"], "noticeHash": "0x" + hashlib.sha256(text.encode()).hexdigest()}
    made = read(ConsentTerms, terms)
    signed = {**body["document"], "message": document(Domain("", 0, samples.HOSPITAL), made)["message"]}
    return {**body, "terms": terms, "document": signed, "notice": {**body["notice"], "text": text}}


def _in_terms(**members: object) -> Callable[[Json], Json]:
    return lambda body: {**body, "terms": {**body["terms"], **members}}


PREPARED: dict[str, Callable[[Json], Json]] = {
    "another-notice": _other_text,
    "another-text": lambda body: {**body, "notice": {**body["notice"], "text": "Nothing."}},
    "more-uses": _in_terms(maxUses=1000),
    "longer": _in_terms(validUntil="4000000000"),
    "another-grantee": _in_terms(institution="0x" + "66" * 20),
    "another-document": lambda body: {
        **body,
        "document": {**body["document"], "message": {**body["document"]["message"], "maxUses": "1000"}},
    },
}


@pytest.mark.parametrize("lie", PREPARED.values(), ids=list(PREPARED))
async def test_prepared_consent_that_is_not_the_wanted_one_is_not_signed(
    callers: Callers, lie: Callable[[Json], Json]
) -> None:
    world, key = callers.world, callers.world.people.patient
    wanted = replace(world.terms(await world.enrol(key)), notice_hash=bytes(32), notice_version=0, nonce=0)
    patient = callers.patient(key)
    await patient.sign_in()
    honest, _ = await patient.prepare(wanted, "en")
    callers.between.lies["/prepare"] = lie

    assert honest.notice_hash != bytes(32)
    with pytest.raises(VerificationError):
        await patient.prepare(wanted, "en")


@pytest.mark.parametrize("link", ["http://169.254.169.254/latest", "//169.254.169.254/latest", "https://another.test/"])
async def test_next_page_elsewhere_is_not_asked_for(callers: Callers, link: str) -> None:
    subject = await looked_at(callers.world)
    patient = callers.patient(callers.world.people.patient)
    await patient.sign_in()
    callers.between.lies["/accesses"] = lambda body: body
    callers.between.links.append(f'<{link}>; rel="next"')

    with pytest.raises(VerificationError, match="leads away"):
        await patient.history(subject)

    assert {url.host for url in callers.between.asked} == {"gateway.test"}


@pytest.mark.parametrize(
    "said", [{}, {"contracts": 1}, {"custodian": "0x1", "contracts": {}, "origin": ORIGIN, "chainId": 1}]
)
async def test_gateway_that_does_not_say_what_it_is_is_refused(callers: Callers, said: Json) -> None:
    callers.between.invented["/v1/about"] = said

    with pytest.raises(VerificationError, match="cannot be read"):
        await callers.patient(callers.world.people.patient).sign_in()


async def test_answer_of_something_else_than_a_gateway_is_refused() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))

    with pytest.raises(VerificationError, match="cannot be read"):
        await Transport(ORIGIN, carrier=page).get("/v1/about")


async def test_download_that_breaks_off_is_an_error_of_the_gateway() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"begin"
            raise httpx.ReadError("connection lost")

    transport = Transport(ORIGIN, carrier=httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken())))

    with pytest.raises(GatewayUnavailableError, match="ReadError"):
        async with transport.download("/v1/records/0x/ciphertext") as answer:
            await answer.aread()


async def test_terms_of_another_consent_are_not_revoked(callers: Callers) -> None:
    world, key = callers.world, callers.world.people.patient
    terms = world.terms(await world.enrol(key))
    asked = await world.grant(key, terms)
    patient = callers.patient(key)
    await patient.sign_in()
    assert await patient.terms_of(asked) == terms

    callers.between.lies["/revocation/prepare"] = lambda body: {**body, "terms": write(replace(terms, max_uses=7))}

    with pytest.raises(VerificationError, match="do not hash to the consent"):
        await patient.terms_of(asked)
