"""A real chain that stands still for a while: callers are told to come back, and nobody has to put it right."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.stage import CUSTODIAN, REQUESTER, Stage, open_stage
from consentry.client.hospital import Hospital
from consentry.client.transport import Later
from consentry.crypto.signing import sign
from consentry.evidence.notation import Json, hex_of, write

pytestmark = pytest.mark.slow


@contextmanager
def standing_still(stage: Stage) -> Iterator[None]:
    """Stops the engine of the chain in its tracks until the end of the block."""
    pid = json.loads((stage.network.chain_folder / "endpoint.json").read_text())["engine_pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("engine")
async def test_access_on_a_chain_that_stands_still_is_kept_and_decided_later() -> None:
    async with open_stage(1) as stage:
        hospital = stage.network.hospital(REQUESTER, CUSTODIAN)
        (place,) = stage.sought
        request = hospital.new_request(place.record, place.consent, practitioner=secrets.token_bytes(32))
        signature = sign(hospital.own.key, stage.domain("AccessLedger"), request)
        body = {"request": write(request), "scopeProof": [], "signature": hex_of(signature)}

        with standing_still(stage):
            answer = await hospital.transport.post_patiently("/v1/access", body, 1)
            assert answer == Later(1)

        permitted = await _opened_at_last(hospital, request_id=request.request_id, body=body)
        assert permitted["decision"]["permitted"]
        assert permitted["key"]["wrapped"]
        assert (await hospital.access(request)).entry.request == request, "the same decision for who asks again"


async def _opened_at_last(hospital: Hospital, *, request_id: int, body: Json) -> Json:
    while isinstance(await hospital.transport.get_patiently(f"/v1/access/{request_id}"), Later):  # noqa: ASYNC110 - as callers do
        await asyncio.sleep(0.05)
    answer = await hospital.transport.post_patiently("/v1/access", body, 30)
    assert not isinstance(answer, Later)
    return answer
