"""A refusal in the name of the chain is believed only if the own node shows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consentry.client import chain
from consentry.client.hospital import Hospital
from consentry.core.codes import Standing
from consentry.core.terms import AccessRequest, RecordId, SubjectId
from consentry.errors import AccessDeniedError, ConsentryError, VerificationError
from consentry.evidence.notation import Json
from tests.unit.client.conftest import Callers


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LAG_SECONDS", 0.2)


async def _record(callers: Callers) -> tuple[SubjectId, RecordId]:
    subject = await callers.world.enrol(callers.world.people.patient)
    return subject, await callers.world.add_record(subject)


async def _permitted(callers: Callers) -> tuple[Hospital, AccessRequest, Json]:
    """Gives a request that was permitted, and a refusal a gateway could make up with its receipt."""
    people, world = callers.world.people, callers.world
    subject, record = await _record(callers)
    consent = await world.grant(people.patient, world.terms(subject))
    hospital = callers.hospital(people.hospital)
    made = hospital.new_request(record, consent, practitioner=b"\x9a" * 32)
    permitted = await hospital.access(made)
    return hospital, made, {"code": "access.denied", "reason": "CONSENT_REVOKED", "receipt": permitted.receipt}


def _refuse(callers: Callers, refusal: Json) -> None:
    callers.between.invented["/v1/access"] = refusal
    callers.between.status = 403


async def test_denial_on_chain_is_told_as_one(callers: Callers) -> None:
    _, record = await _record(callers)
    hospital = callers.hospital(callers.world.people.hospital)
    made = hospital.new_request(record, consent=bytes(32), practitioner=b"\x9a" * 32)  # type: ignore[arg-type]  # none

    with pytest.raises(AccessDeniedError) as caught:
        await hospital.access(made)

    assert caught.value.details["reason"] == "CONSENT_MISSING"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: {**body, "reason": "USES_EXHAUSTED"},
        lambda body: {**body, "reason": "NONE"},
        lambda body: {**body, "receipt": {**body["receipt"], "subjectSequence": 7}},
        lambda body: {**body, "receipt": {**body["receipt"], "transactionHash": "0x" + "77" * 32}},
    ],
    ids=["another-reason", "no-reason", "another-number", "another-transaction"],
)
async def test_changed_denial_is_refused(callers: Callers, change: Callable[[Json], Json]) -> None:
    _, record = await _record(callers)
    hospital = callers.hospital(callers.world.people.hospital)
    made = hospital.new_request(record, consent=bytes(32), practitioner=b"\x9a" * 32)  # type: ignore[arg-type]  # none
    callers.between.lies["/v1/access"] = change

    with pytest.raises(VerificationError, match="no such refusal"):
        await hospital.access(made)


@pytest.mark.parametrize("reason", ["CONSENT_REVOKED", "INSTITUTION_SUSPENDED", "CONSENT_MISSING", "NONE"])
async def test_refusal_made_up_for_a_permit_is_refused(callers: Callers, reason: str) -> None:
    hospital, made, refusal = await _permitted(callers)
    _refuse(callers, {**refusal, "reason": reason})

    with pytest.raises(VerificationError, match="no such refusal"):
        await hospital.access(made)


async def test_refusal_made_up_for_a_request_that_was_never_decided_is_refused(callers: Callers) -> None:
    hospital, made, refusal = await _permitted(callers)
    other = hospital.new_request(made.record_id, made.consent_id, practitioner=b"\x9a" * 32)
    _refuse(callers, refusal)

    with pytest.raises(VerificationError, match="no such refusal"):
        await hospital.access(other)


@pytest.mark.parametrize("reason", ["CONSENT_REVOKED", "INSTITUTION_SUSPENDED"])
async def test_refusal_after_a_permit_is_told_if_the_chain_shows_why(callers: Callers, reason: str) -> None:
    hospital, made, refusal = await _permitted(callers)
    world, people = callers.world, callers.world.people
    view = await world.context.projection.consent(made.consent_id)
    assert view is not None
    if reason == "CONSENT_REVOKED":
        await world.revoke(people.patient, view.terms)
    else:
        await world.chain.set_standing(people.hospital, Standing.SUSPENDED)
    _refuse(callers, {**refusal, "reason": reason})

    with pytest.raises(AccessDeniedError):
        await hospital.access(made)


@pytest.mark.parametrize("member", ["reason", "receipt"])
@pytest.mark.parametrize("value", [None, 7, "text", [], {}])
async def test_malformed_denial_is_an_error_of_ours(callers: Callers, member: str, value: object) -> None:
    hospital, made, refusal = await _permitted(callers)
    _refuse(callers, {**refusal, member: value})
    with pytest.raises(VerificationError, match="cannot be read"):
        await hospital.access(made)
    _refuse(callers, {name: kept for name, kept in refusal.items() if name != member})
    with pytest.raises(ConsentryError, match="cannot be read"):
        await hospital.access(made)
