"""A batch under one signature is what its transaction says it is, or the audit finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind
from consentry.audit.ports import SubmittedRequest
from consentry.core import batch_tree, events
from consentry.core.access import shown_of
from consentry.core.acts import Acts, Item
from consentry.core.events import LedgerEvent
from consentry.core.terms import Enrolment, Material, SubjectId
from consentry.crypto.signing import sign
from tests.support import samples
from tests.support.memory_ledger import RELAY
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, MemoryReader, Story, domain, honest_story

SIZE = 3


def whole(
    signature: bytes | None = None, *, calldata: bool = True, valid: bool = True
) -> tuple[Story, list[LedgerEvent]]:
    """Tells a story in which the hospital signs once for three requests; gives the events of that transaction."""
    story = honest_story()
    leaf = story.leaf(3)
    story.anchor(leaf)
    terms = story.terms(nonce=77)
    story.grant(terms)
    place = story.place()
    # The hospital's account is the signer of a subject too, as of somebody of its staff.
    enrolment = Enrolment(SubjectId(samples.word(4242)), HOSPITAL.signer, CUSTODIAN.address, place.block.time + 1)
    signed_by = {"subject_signature_valid": True, "custodian_signature_valid": True}
    story.log(Acts(story.state).enrol(enrolment, **signed_by, relay=RELAY, place=place))
    requests = [story.request(100 + number, leaf, terms) for number in range(SIZE)]
    batch, material = batch_tree.batch_of(HOSPITAL.address, requests), Material(leaf, terms)
    signed = sign(HOSPITAL, domain("AccessLedger"), batch) if signature is None else signature
    place = story.place()
    if calldata:
        paths = batch_tree.paths_of(batch, requests)
        story.calldata[place.transaction_hash] = [
            SubmittedRequest(request, signed, shown_of(request, material), path)
            for request, path in zip(requests, paths, strict=True)
        ]
    items = [Item(request, material, signature_valid=valid) for request in requests]
    return story, list(Acts(story.state).decide_batch(items, signed, relay=RELAY, place=place))


async def kinds(reader: MemoryReader) -> set[Kind]:
    return {finding.kind for finding in (await Audit(reader).run()).findings}


@pytest.mark.parametrize("calldata", [True, False])
async def test_honest_batch_gives_no_finding(calldata: bool) -> None:  # noqa: FBT001 - a case of the test
    story, made = whole(calldata=calldata)
    story.log(*made)

    assert await kinds(story.reader()) == set()


Lie = Callable[[events.BatchSubmitted], events.BatchSubmitted]
LIES: dict[str, Lie] = {
    "root": lambda event: replace(event, root=samples.word(5)),
    "institution": lambda event: replace(event, institution=CUSTODIAN.address),
    "size": lambda event: replace(event, size=SIZE + 1),
}


@pytest.mark.parametrize("calldata", [True, False])
@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
async def test_batch_that_is_said_to_be_another_is_found(lie: Lie, calldata: bool) -> None:  # noqa: FBT001 - a parameter of the test
    story, (event, *answers) = whole(calldata=calldata)
    assert isinstance(event, events.BatchSubmitted)
    story.log(lie(event), *answers)

    assert await kinds(story.reader()) == {Kind.BATCH}


async def test_signature_in_the_event_that_is_not_that_of_the_calldata_is_found() -> None:
    story, (event, *answers) = whole()
    assert isinstance(event, events.BatchSubmitted)
    story.log(replace(event, signature=bytes(65)), *answers)

    assert await kinds(story.reader()) == {Kind.BATCH}


async def test_batch_without_its_event_is_found() -> None:
    story, (_, *answers) = whole()
    story.log(*answers)

    assert await kinds(story.reader()) == {Kind.BATCH}


async def test_event_without_answers_is_found() -> None:
    story = honest_story()
    story.log(events.BatchSubmitted(story.place(), HOSPITAL.address, samples.word(1), 5, b"made up"))

    assert await kinds(story.reader()) == {Kind.BATCH}


async def test_forged_signature_of_a_batch_is_found_and_not_excused_by_code_at_the_account() -> None:
    story, made = whole(signature=bytes(65))
    story.log(*made)
    reader = story.reader()
    reader.smart_accounts.add(HOSPITAL.address)

    assert await kinds(reader) == {Kind.REQUEST_SIGNATURE}


async def test_decided_request_that_cannot_be_read_is_found_alone() -> None:
    story, made = whole()
    story.log(*made)
    reader = story.reader()
    reader.unreadable.append(reader.calldata[made[0].place.transaction_hash][0].request)

    [found] = (await Audit(reader).run()).findings
    assert found.kind == Kind.MATERIAL
    assert found.about.endswith(f"{100:064x}")
    assert found.place is not None
    assert found.place.log_index == 1, "the first answer, behind the batch"


async def test_batch_of_which_nothing_can_be_read_is_compared_with_its_answers() -> None:
    story, (event, *answers) = whole()
    assert isinstance(event, events.BatchSubmitted)
    story.log(replace(event, root=samples.word(5)), *answers)
    reader = story.reader()
    reader.unreadable += [item.request for item in reader.calldata[event.place.transaction_hash]]

    found = (await Audit(reader).run()).findings
    assert [each.kind for each in found] == [Kind.BATCH, *[Kind.MATERIAL] * SIZE]


async def test_rejected_request_that_cannot_be_read_is_a_limit() -> None:
    story, made = whole(b"signed by nobody", valid=False)
    story.log(*made)
    reader = story.reader()
    reader.unreadable.append(reader.calldata[made[0].place.transaction_hash][1].request)

    report = await Audit(reader).run()
    assert report.findings == ()
    assert [limit for limit in report.limits if "request 101 " in limit]
