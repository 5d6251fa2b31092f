"""Live authorisation (CN-26): from a hospital's ask to the record open in its hands, the patient's passkey between.

A patient's device looks for asks twenty times a second, as nothing is pushed to it; the passkey is made in software.
The person's own time to read is not in it.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from dataclasses import replace
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
from consentry.evidence.notation import bytes_of

LOOK_SECONDS: Final = 0.05
PATIENTS: Final = 4


def run(*, quick: bool) -> dict[str, float]:
    """Measures one authorisation after another, by different patients in turn.

    Returns:
        ``live_authorisation_p50_s`` and ``live_authorisation_p95_s``.
    """
    return asyncio.run(_run(5 if quick else 15))


async def _run(rounds: int) -> dict[str, float]:
    async with open_stage(0) as stage:
        with tempfile.TemporaryDirectory(prefix="consentry-live-") as folder:
            patients = [await _patient(stage, Path(folder)) for _ in range(PATIENTS)]
            found = [await _authorised(stage, Path(folder), *one) for _ in range(rounds) for one in patients]
    points = statistics.quantiles(found, n=20, method="inclusive")
    return {"live_authorisation_p50_s": statistics.median(found), "live_authorisation_p95_s": points[-1]}


async def _patient(stage: Stage, folder: Path) -> tuple[Patient, SubjectId, RecordId]:
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
    return patient, subject, record


async def _authorised(stage: Stage, folder: Path, patient: Patient, subject: SubjectId, record: RecordId) -> float:
    hospital = stage.network.hospital(REQUESTER, CUSTODIAN)
    begun = time.perf_counter()
    ask = await _asked(hospital, subject)
    terms = await _approved(patient, ask)
    request = hospital.new_request(record, consent_id(terms), practitioner=secrets.token_bytes(32))
    permitted = await hospital.access(request)
    target = folder / "opened"
    await hospital.download(permitted, target)
    seconds = time.perf_counter() - begun
    if target.stat().st_size != RECORD_BYTES:
        raise RuntimeError("record came out with another size")
    target.unlink()
    return seconds


async def _asked(hospital: Hospital, subject: SubjectId) -> ConsentAsk:
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


async def _approved(patient: Patient, ask: ConsentAsk) -> ConsentTerms:
    while not await _shows(patient, ask):  # noqa: ASYNC110 - nothing tells the device
        await asyncio.sleep(LOOK_SECONDS)
    wanted = replace(widest_answer(ask), valid_from=int(time.time()) - 60, notice_hash=ZERO_32, notice_version=0)
    terms, _ = await patient.prepare(wanted, "en")
    await patient.grant(terms)
    return terms


async def _shows(patient: Patient, ask: ConsentAsk) -> bool:
    return any(bytes_of(item["askId"], 32) == struct_hash(ask) for item in await patient.asks(ask.subject_id))
