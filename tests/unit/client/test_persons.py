"""Codes and links from the client's side: what comes back is opened, and compared with the own node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consentry.client import chain, persons
from consentry.client.acts import sign_act
from consentry.client.persons import Link, Unlink
from consentry.core.identifiers import IdentifierKind
from consentry.core.terms import SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import NotFoundError, VerificationError
from consentry.evidence.notation import Json, hex_of
from tests.unit.client.conftest import Callers

ID_NUMBER, REASON = "11010519491231002X", "two patients of one name"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LAG_SECONDS", 0.2)


async def signed(callers: Callers, made: Link | Unlink) -> Json:
    """Has a province sign and send."""
    authority = callers.patient(callers.world.people.province)
    await authority.sign_in()
    signature = sign_act(await authority.gateway(), made.act, callers.world.people.province)
    return await persons.perform(authority.transport, made, signature, authority.chain)


async def linked(callers: Callers) -> tuple[SubjectId, SubjectId, Link]:
    """Links two subjects."""
    people = callers.world.people
    first, second = await callers.world.enrol(people.patient), await callers.world.enrol(people.passkey)
    custodian = callers.hospital(people.custodian)
    made = await persons.prepare_link(custodian.transport, people.province.address, [first, second])
    await signed(callers, made)
    return first, second, made


async def test_code_is_entered_resolved_and_ended(callers: Callers) -> None:
    own = callers.hospital(callers.world.people.custodian).transport
    subject, kind = await callers.world.enrol(callers.world.people.patient), IdentifierKind.ID_NUMBER

    entered = await persons.identify(own, kind, ID_NUMBER, subject)
    found = await persons.resolve(own, kind, ID_NUMBER)
    ended = await persons.end(own, kind, ID_NUMBER, subject)

    assert (entered["until"], ended["since"]) == (None, entered["since"])
    assert [one["subjectId"] for one in found] == [hex_of(subject)]
    with pytest.raises(NotFoundError):
        await persons.resolve(own, kind, ID_NUMBER)


async def test_life_of_a_link_is_seen_by_the_patient(callers: Callers) -> None:
    people = callers.world.people
    first, _, made = await linked(callers)
    patient, custodian = callers.patient(people.patient), callers.hospital(people.custodian)
    await patient.sign_in()
    (line,) = await persons.links(patient.transport, first, patient.chain)
    assert (line["status"], line["undone"]) == ("STANDING", None)

    wanted = struct_hash(made.act)
    await signed(callers, await persons.prepare_unlink(custodian.transport, people.province.address, wanted, REASON))

    (line,) = await persons.links(patient.transport, first, patient.chain)
    assert (line["status"], line["undone"]["reason"]) == ("UNDONE", REASON)
    assert await persons.keep(custodian.transport, persons.link_of(line)) == {"actHash": hex_of(wanted)}


def _line(change: Callable[[Any], None]) -> Callable[[Json], Json]:
    def lie(body: Json) -> Json:
        change(body["items"][0])
        return body

    return lie


LIES: dict[str, Callable[[Json], Json]] = {
    "other-subjects": _line(lambda line: line["subjects"].__setitem__(0, "0x" + "5c" * 32)),
    "one-subject-less": _line(lambda line: line["subjects"].pop()),
    "other-blinding": _line(lambda line: line.update(blinding="0x" + "5c" * 32)),
    "other-hash": _line(lambda line: line.update(actHash="0x" + "5c" * 32)),
    "other-act": _line(lambda line: line["act"].update(commitment="0x" + "5c" * 32)),
    "undone-by-word": _line(lambda line: line.update(status="UNDONE")),
    "no-act": _line(lambda line: line.update(act={})),
    "no-place": _line(lambda line: line.pop("place")),
    "undone-by-nothing": _line(lambda line: line.update(undone={})),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
async def test_link_that_is_not_what_was_signed_is_refused(callers: Callers, lie: Callable[[Json], Json]) -> None:
    first, _, _ = await linked(callers)
    patient = callers.patient(callers.world.people.patient)
    await patient.sign_in()
    callers.between.lies["/links"] = lie

    with pytest.raises(VerificationError):
        await persons.links(patient.transport, first)


async def test_undone_link_shown_as_standing_is_noticed_with_a_node_of_ones_own(callers: Callers) -> None:
    people = callers.world.people
    first, _, made = await linked(callers)
    custodian, patient = callers.hospital(people.custodian), callers.patient(people.patient)
    parts = people.province.address, struct_hash(made.act), REASON
    await signed(callers, await persons.prepare_unlink(custodian.transport, *parts))
    await patient.sign_in()
    callers.between.lies["/links"] = _line(lambda line: line.update(status="STANDING", undone=None))

    assert len(await persons.links(patient.transport, first)) == 1
    with pytest.raises(VerificationError, match="not STANDING on chain"):
        await persons.links(patient.transport, first, patient.chain)


async def test_link_that_was_never_mined_is_noticed(callers: Callers) -> None:
    people = callers.world.people
    subjects = [await callers.world.enrol(key) for key in (people.patient, people.passkey)]
    custodian = callers.hospital(people.custodian)
    made = await persons.prepare_link(custodian.transport, people.province.address, subjects)
    place = dict.fromkeys(("blockNumber", "blockTime", "logIndex"), 1)
    hashes = dict.fromkeys(("blockHash", "transactionHash"), "0x" + "5c" * 32)
    anchor = {"state": "final", **place, **hashes}
    callers.between.invented["/links"] = {"actHash": hex_of(struct_hash(made.act)), "anchor": anchor}

    with pytest.raises(VerificationError, match="not STANDING on chain"):
        await signed(callers, made)


@pytest.mark.parametrize(
    "lie",
    [
        lambda body: body | {"subjects": ["0x" + "5c" * 32, *body["subjects"][1:]]},
        lambda body: body | {"blinding": "0x" + "5c" * 32},
        lambda body: body | {"act": body["act"] | {"authority": "0x" + "5c" * 20}},
    ],
)
async def test_prepared_link_about_others_is_not_signed(callers: Callers, lie: Callable[[Json], Json]) -> None:
    people = callers.world.people
    subjects = [await callers.world.enrol(key) for key in (people.patient, people.passkey)]
    callers.between.lies["/prepare"] = lie

    with pytest.raises(VerificationError):
        await persons.prepare_link(callers.hospital(people.custodian).transport, people.province.address, subjects)


@pytest.mark.parametrize("body", [{}, {"subjects": []}, {"subjects": [{"subjectId": "0x"}]}, {"subjects": "all"}])
async def test_malformed_resolution_is_refused(callers: Callers, body: Json) -> None:
    callers.between.invented["/resolve"] = body

    with pytest.raises(VerificationError):
        await persons.resolve(
            callers.hospital(callers.world.people.hospital).transport, IdentifierKind.ID_NUMBER, ID_NUMBER
        )
