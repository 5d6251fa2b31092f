"""Live authorisation (CN-26): from a hospital's ask to the record open in its hands, the patient's passkey between.

Asks are pushed to the patient's device, which keeps a stream open; the passkey is made in software.
The person's own time to read is not in it.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.material import DATA_MONTH
from benchmarks.stage import CUSTODIAN, RECORD_BYTES, REQUESTER, Stage, open_stage
from consentry.client.acts import send_act, sign_act
from consentry.client.hospital import Hospital, NewRecord
from consentry.client.patient import Patient
from consentry.core.asks import ConsentAsk, widest_answer
from consentry.core.codes import DAY, Action, Category, Purpose, bits
from consentry.core.terms import ZERO_32, ConsentTerms, RecordId, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.evidence.notation import Json, bytes_of

PATIENTS: Final = 4
QUICK_ROUNDS, ROUNDS = 2, 12


def run(*, quick: bool) -> dict[str, float]:
    """Measures one authorisation after another, by different patients in turn.

    Returns:
        ``live_authorisation_p50_s`` and ``live_authorisation_p95_s``.
    """
    return asyncio.run(_run(QUICK_ROUNDS if quick else ROUNDS))


async def _run(rounds: int) -> dict[str, float]:
    async with open_stage(0) as stage:
        return await on_stage(stage, rounds)


async def on_stage(stage: Stage, rounds: int) -> dict[str, float]:
    """Measures on a stage that others may have measured on, or will."""
    async with AsyncExitStack() as streams:
        with tempfile.TemporaryDirectory(prefix="consentry-live-") as folder:
            patients = [await _device(stage, Path(folder), streams) for _ in range(PATIENTS)]
            found = [await _authorised(stage, Path(folder), one) for _ in range(rounds) for one in patients]
    points = statistics.quantiles(found, n=20, method="inclusive")
    return {"live_authorisation_p50_s": statistics.median(found), "live_authorisation_p95_s": points[-1]}


@dataclass(frozen=True, slots=True)
class _Device:
    """A patient's device with its stream of asks, and what is asked for."""

    patient: Patient
    subject: SubjectId
    record: RecordId
    pushed: AsyncIterator[tuple[str, Json]]


async def _device(stage: Stage, folder: Path, streams: AsyncExitStack) -> _Device:
    verifier = stage.manifest.address("ERC7913WebAuthnVerifier")
    passkey = SoftwarePasskey(ec.generate_private_key(ec.SECP256R1()), verifier, origin=stage.origin)
    patient, subject = stage.network.patient(passkey, CUSTODIAN), SubjectId(secrets.token_bytes(32))
    custodian = stage.network.hospital(CUSTODIAN, CUSTODIAN)
    await custodian.enrol(*await patient.sign_enrolment(subject))
    file = folder / "record"
    file.write_bytes(secrets.token_bytes(RECORD_BYTES))
    described = NewRecord(subject, Category.IMAGING, 3, DATA_MONTH)
    record, _ = await custodian.add_record(file, "application/octet-stream", described)
    await patient.sign_in()
    pushed = await streams.enter_async_context(aclosing(patient.asks_pushed()))
    device = _Device(patient, subject, record, pushed)
    # The first round opens the stream; it is not counted.
    await _authorised(stage, folder, device)
    return device


async def _authorised(stage: Stage, folder: Path, device: _Device) -> float:
    hospital = stage.network.hospital(REQUESTER, CUSTODIAN)
    begun = time.perf_counter()
    ask = await asked(hospital, device.subject)
    terms = await _approved(device, ask)
    request = hospital.new_request(device.record, consent_id(terms), practitioner=secrets.token_bytes(32))
    permitted = await hospital.access(request)
    target = folder / "opened"
    await hospital.download(permitted, target)
    seconds = time.perf_counter() - begun
    if target.stat().st_size != RECORD_BYTES:
        raise RuntimeError("record came out with another size")
    target.unlink()
    return seconds


async def asked(hospital: Hospital, subject: SubjectId) -> ConsentAsk:
    """Has a hospital ask a patient for a look at its images."""
    now = int(time.time())
    ask = ConsentAsk(
        institution=hospital.own.address,
        subject_id=subject,
        practitioner=ZERO_32,
        purpose=Purpose.TREAT,
        categories=bits(Category.IMAGING),
        records_root=ZERO_32,
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=DATA_MONTH - 12,
        data_until=DATA_MONTH + 12,
        valid_until=now + 30 * DAY,
        max_uses=1,
        notice_hash=secrets.token_bytes(32),
        notice_version=1,
        lapses_at=now + 2 * DAY,
        nonce=secrets.randbits(256),
        sign_before=now + 600,
    )
    await send_act(hospital.transport, ask, [sign_act(await hospital.gateway(), ask, hospital.own.key)])
    return ask


async def _approved(device: _Device, ask: ConsentAsk) -> ConsentTerms:
    _, item = await anext(device.pushed)
    if bytes_of(item["askId"], 32) != struct_hash(ask):
        raise RuntimeError("another ask was pushed than the one that was made")
    wanted = replace(widest_answer(ask), valid_from=int(time.time()) - 60, notice_hash=ZERO_32, notice_version=0)
    terms, _ = await device.patient.prepare(wanted, "en")
    await device.patient.grant(terms)
    return terms
