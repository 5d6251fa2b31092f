"""Asks pushed to the patient: what is open, what comes, to whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from consentry.api import act_schemas, ask_stream, streams
from consentry.core.asks import AskDenial, ConsentAsk
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import SigningKey
from consentry.evidence.notation import bytes_of, hex_of
from tests.support.gateway_world import World, done
from tests.support.stream_caller import Streaming, streaming
from tests.unit.api.test_consent_life import ask_by, asked, send, soon
from tests.unit.api.test_guardians import note, parent_of

TARGET = "/v1/asks/events"


async def _token(world: World, key: SigningKey) -> str:
    caller = world.signer(key)
    done(await caller.get("/v1/subjects"), 200)
    return caller.token


def _stream(world: World, token: str, last: str = "", *, takes: bool = True) -> AbstractAsyncContextManager[Streaming]:
    more = {"last_event_id": last} if last else {}
    return streaming(world.app, TARGET, takes=takes, authorization=f"Bearer {token}", **more)


async def _ask(world: World, subject: SubjectId) -> ConsentAsk:
    """Has the hospital ask, and the bell rung as the projection's follower does."""
    ask = await asked(world, world.people.hospital, subject)
    world.context.bell.ring([subject])
    return ask


async def _enrolled_on_chain(world: World, key: SigningKey) -> SubjectId:
    """Enrols one more subject of a signer past the gateway, which would ask for another key."""
    enrolment, body = world.enrolment(key)
    signatures = bytes_of(body["subjectSignature"]), bytes_of(body["custodianSignature"])
    await world.context.ledger.enrol(enrolment, *signatures)
    return enrolment.subject_id


async def _opened(stream: Streaming) -> str:
    """Takes the beginning of a stream with nothing open; gives the place it goes on from."""
    assert await stream.piece() == "retry: 2000"
    head = await stream.piece()
    assert head.startswith("id: ")
    return head.removeprefix("id: ")


def _pushed(piece: str) -> tuple[str, act_schemas.AskItem]:
    place, name, data = piece.split("\n")
    assert name == "event: ask"
    return place.removeprefix("id: "), act_schemas.AskItem.model_validate(json.loads(data.removeprefix("data: ")))


async def test_open_asks_come_first_then_new_ones_as_they_are_made(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    denied = await _ask(world, subject)
    done(await send(world, AskDenial(struct_hash(denied), subject, ZERO_32, soon()), people.patient), 201)
    first = await asked(world, people.clinic, subject)

    async with _stream(world, await _token(world, people.patient)) as stream:
        assert await stream.piece() == "retry: 2000"
        place, shown = _pushed(await stream.piece())
        assert (await stream.piece()).startswith("id: ")
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert "content-length" not in stream.headers
        assert (shown.ask_id, shown.status) == (hex_of(struct_hash(first)), "OPEN")
        assert place == f"{shown.place.block_number}-{shown.place.log_index}"
        second = await asked(world, people.custodian, subject)
        assert await stream.is_silent()
        world.context.bell.ring([subject])
        assert _pushed(await stream.piece())[1].ask_id == hex_of(struct_hash(second))

    listed = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/asks"), 200)
    assert [item["status"] for item in listed["items"]] == ["DENIED", "OPEN", "OPEN"]


async def test_stream_goes_on_after_the_last_event_that_arrived(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    token = await _token(world, people.patient)
    async with _stream(world, token) as stream:
        start = await _opened(stream)
        await _ask(world, subject)
        place, first = _pushed(await stream.piece())
    missed = await asked(world, people.clinic, subject)
    denial = AskDenial(struct_hash(missed), subject, ZERO_32, soon())
    done(await send(world, denial, people.patient), 201)

    async with _stream(world, token, place) as stream:
        assert await stream.piece() == "retry: 2000"
        shown = _pushed(await stream.piece())[1]
        assert (shown.ask_id, shown.status) == (hex_of(struct_hash(missed)), "DENIED"), "what was missed, as it stands"
        assert await stream.is_silent()
    async with _stream(world, token, start) as stream:
        assert await stream.piece() == "retry: 2000"
        assert [_pushed(await stream.piece())[1].ask_id for _ in range(2)] == [first.ask_id, shown.ask_id]


async def test_asks_to_all_subjects_a_signer_stands_for_come_in_chain_order_and_others_do_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentry.gateway.asks._STEP", 2)
    people = world.people
    own = [await _enrolled_on_chain(world, people.patient) for _ in range(2)]
    others = await world.enrol(people.stranger)
    made = []
    for number, subject in enumerate([own[0], own[0], own[1], own[0], own[1], own[1], own[0]]):
        institution, purpose = (people.hospital, people.clinic)[number % 2], (1, 4)[number // 2 % 2]
        for target in (subject, others) if number < 4 else (subject,):
            ask = ask_by(institution, target, purpose=purpose)
            done(await send(world, ask, institution.key, institution), 201)
            made += [hex_of(struct_hash(ask))] if target == subject else []

    async with _stream(world, await _token(world, people.patient)) as stream:
        assert await stream.piece() == "retry: 2000"
        assert [_pushed(await stream.piece())[1].ask_id for _ in made] == made
        assert (await stream.piece()).startswith("id: ")
        await asked(world, people.custodian, others)
        world.context.bell.ring(None)
        assert await stream.is_silent()


@pytest.mark.parametrize("shielded", [False, True])
async def test_guardian_is_told_of_asks_to_a_child_and_none_of_a_shielded_minor(
    world: World, *, shielded: bool
) -> None:
    subject = await world.enrol(world.people.patient)
    parent, _ = await parent_of(world, subject, await note(world, subject, shielded=shielded))

    async with _stream(world, await _token(world, parent)) as stream:
        await _opened(stream)
        await _ask(world, subject)
        world.context.bell.ring(None)
        if shielded:
            assert await stream.is_silent()
        else:
            assert _pushed(await stream.piece())[1].status == "OPEN"


async def test_stream_ends_when_its_caller_signs_out(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    caller = world.signer(world.people.patient)
    done(await caller.get("/v1/subjects"), 200)
    async with _stream(world, caller.token) as stream:
        await _opened(stream)
        assert (await caller.delete("/v1/auth/session")).status_code == 204
        assert await stream.piece() == "event: end\ndata: session ended"
        assert await stream.piece() == ""
        await _ask(world, subject)
        await asyncio.wait_for(stream.has_ended.wait(), 30)
        assert await stream.is_silent()


async def test_nothing_is_pushed_once_the_session_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = await world.enrol(world.people.patient)
    async with _stream(world, await _token(world, world.people.patient)) as stream:
        await _opened(stream)
        await asked(world, world.people.hospital, subject)
        monkeypatch.setattr(world.app.state.sessions, "now", lambda: soon() + 10**6)
        world.context.bell.ring([subject])
        assert await stream.piece() == "event: end\ndata: session ended"


async def test_session_has_few_streams_and_gets_another_when_one_is_over(world: World) -> None:
    await world.enrol(world.people.patient)
    token = await _token(world, world.people.patient)
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(_stream(world, token)) for _ in range(streams.MOST_OF_SESSION)]
        for stream in opened:
            await _opened(stream)
        async with _stream(world, token) as refused:
            assert json.loads(await refused.piece())["code"] == "gateway.too-many-waiting"
            assert refused.status == 429
        opened[0].leave()
        await asyncio.wait_for(opened[0].has_ended.wait(), 30)
        async with _stream(world, token) as stream:
            await _opened(stream)
            assert stream.status == 200


async def test_gateway_has_a_bounded_number_of_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 1)
    people = world.people
    async with _stream(world, await _token(world, people.patient)) as stream:
        await _opened(stream)
        async with _stream(world, await _token(world, people.stranger)) as refused:
            assert json.loads(await refused.piece())["code"] == "gateway.overloaded"
            assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    async with _stream(world, await _token(world, people.stranger)) as stream:
        await _opened(stream)


async def test_strangers_leave_room_for_patients(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OF_STRANGERS", 1)
    people = world.people
    await world.enrol(people.patient)
    async with _stream(world, await _token(world, people.stranger)) as stranger:
        await _opened(stranger)
        async with _stream(world, await _token(world, people.passkey)) as refused:
            assert json.loads(await refused.piece())["code"] == "gateway.overloaded"
        async with _stream(world, await _token(world, people.patient)) as stream:
            await _opened(stream)
    async with _stream(world, await _token(world, people.passkey)) as another:
        await _opened(another)


async def test_reader_that_takes_nothing_in_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.01)
    async with _stream(world, await _token(world, world.people.patient), takes=False) as stream:
        await asyncio.wait_for(stream.has_ended.wait(), 30)
    assert not world.app.state.streams._open


async def test_silence_is_broken_by_comments(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_stream, "HEARTBEAT_SECONDS", 0.01)
    async with _stream(world, await _token(world, world.people.patient)) as stream:
        await _opened(stream)
        assert [await stream.piece() for _ in range(6)] == [":"] * 6


async def test_new_ward_is_found_between_two_asks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_stream, "HEARTBEAT_SECONDS", 0.01)
    async with _stream(world, await _token(world, world.people.patient)) as stream:
        await _opened(stream)
        await asked(world, world.people.hospital, await world.enrol(world.people.patient))
        while (piece := await stream.piece()) == ":":
            pass
        assert _pushed(piece)[1].status == "OPEN"


async def test_streams_end_when_the_gateway_stops(world: World) -> None:
    token = await _token(world, world.people.patient)
    async with _stream(world, token) as stream:
        await _opened(stream)
        streams.end_streams(world.app)
        await asyncio.wait_for(stream.has_ended.wait(), 30)
    async with _stream(world, token) as refused:
        assert refused.status == 503 or json.loads(await refused.piece())["status"] == 503


async def test_stream_is_opened_to_signers_alone(world: World) -> None:
    assert (await world.anyone().get(TARGET)).status_code == 401
    assert (await world.institution(world.people.hospital).get(TARGET)).status_code == 403
    malformed = await world.signer(world.people.patient).get(TARGET, **{"Last-Event-ID": "yesterday"})
    assert malformed.status_code == 422
    assert not world.app.state.streams._open


async def test_document_tells_of_the_stream(world: World) -> None:
    operation = done(await world.http.get("/openapi.json"), 200)["paths"][TARGET]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
    assert [next(iter(way)) for way in operation["security"]] == ["Session"]
    assert "Last-Event-ID" in {parameter["name"] for parameter in operation["parameters"]}
