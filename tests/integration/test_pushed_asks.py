"""Asks pushed over a real connection, from the hospital's act on the chain to the patient's device."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.live import asked
from benchmarks.stage import CUSTODIAN, REQUESTER, open_stage
from consentry.core.terms import SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import NotAuthenticError
from consentry.evidence.notation import bytes_of

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("engine")
async def test_ask_reaches_the_device_once_whatever_breaks_off_until_it_signs_out() -> None:
    async with open_stage(0) as stage:
        verifier = stage.manifest.address("ERC7913WebAuthnVerifier")
        passkey = SoftwarePasskey(ec.generate_private_key(ec.SECP256R1()), verifier, origin=stage.origin)
        patient, subject = stage.network.patient(passkey, CUSTODIAN), SubjectId(secrets.token_bytes(32))
        await stage.network.hospital(CUSTODIAN, CUSTODIAN).enrol(*await patient.sign_enrolment(subject))
        await patient.sign_in()
        hospital = stage.network.hospital(REQUESTER, CUSTODIAN)

        async with aclosing(patient.asks_pushed()) as pushed:
            coming = asyncio.create_task(anext(pushed))
            first = await asked(hospital, subject)
            place, item = await coming
            assert bytes_of(item["askId"], 32) == struct_hash(first)
            assert place == f"{item['place']['blockNumber']}-{item['place']['logIndex']}"

            coming = asyncio.create_task(anext(pushed))
            await patient.sign_out()
            with pytest.raises(NotAuthenticError):
                await coming


@pytest.mark.usefixtures("engine")
async def test_gateway_that_stops_ends_its_streams_in_good_order() -> None:
    async with open_stage(0) as stage:
        patient = stage.network.patient(AccountKey.generate(), CUSTODIAN)
        await patient.sign_in()
        async with patient.transport.listen("/v1/asks/events", None, 60) as lines:
            assert await anext(lines) == "retry: 2000"
            await asyncio.to_thread(stage.network.stop_gateway, CUSTODIAN)
            rest = [line async for line in lines]
        assert rest[-1] == "", "ended, not broken off"
        log = await asyncio.to_thread((stage.network.folder(CUSTODIAN) / "gateway.log").read_text)
        assert "graceful shutdown exceeded" not in log
