"""How fast a record goes in and out of a gateway over HTTP: by the client of a hospital, whole and in parts.

In: from the file to the anchored leaf, with the file's digest first, as the client does it. Out: fetched, opened,
compared with the leaf and with its commitment, and written. A part is 1 MiB at a random place, in one signed request,
each chunk of it authentic. Client, gateway and chain share the machine.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.material import DATA_MONTH, terms_for
from benchmarks.stage import CUSTODIAN, REQUESTER, Stage, open_stage
from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital, NewRecord
from consentry.client.parts import RecordParts
from consentry.core.codes import Category
from consentry.core.terms import ConsentId, SubjectId
from consentry.core.typed_data import consent_id
from consentry.crypto.signing import AccountKey

MEBIBYTE: Final = 2**20
MEDIA_TYPE: Final = "application/octet-stream"
PARTS_A_ROUND: Final = 32


def run(*, quick: bool) -> dict[str, float]:
    """Measures one record after another; medians over the rounds, in 10^6 bytes a second.

    Returns:
        ``upload_mb_per_s``, ``download_mb_per_s`` and ``ranged_download_mb_per_s``.

    Raises:
        RuntimeError: a record, or a part of one, came out otherwise than it went in.
    """
    return asyncio.run(_run(64 * MEBIBYTE, 3 if quick else 5))


async def _run(size: int, rounds: int) -> dict[str, float]:
    async with open_stage(0) as stage:
        subject, consent = await _patient(stage)
        with tempfile.TemporaryDirectory(prefix="consentry-transfer-") as folder:
            record = _Record(secrets.token_bytes(size), Path(folder))
            record.file.write_bytes(record.content)
            await _round(stage, record, subject, consent)  # the first run loads code and opens connections
            found = [await _round(stage, record, subject, consent) for _ in range(rounds)]
    taken_in, given_out, parts = (statistics.median(rates) for rates in zip(*found, strict=True))
    return {"upload_mb_per_s": taken_in, "download_mb_per_s": given_out, "ranged_download_mb_per_s": parts}


@dataclass(frozen=True, slots=True)
class _Record:
    content: bytes
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "record"

    @property
    def opened(self) -> Path:
        return self.folder / "opened"

    def came_back(self) -> bool:
        """Tells whether what was written is the content, and removes it."""
        same = self.opened.read_bytes() == self.content
        self.opened.unlink()
        return same


async def _patient(stage: Stage) -> tuple[SubjectId, ConsentId]:
    subject, asks = SubjectId(secrets.token_bytes(32)), stage.network.institution(REQUESTER).address
    patient = stage.network.patient(AccountKey.generate(), CUSTODIAN)
    await stage.network.hospital(CUSTODIAN, CUSTODIAN).enrol(*await patient.sign_enrolment(subject))
    await patient.sign_in()
    terms, _ = await patient.prepare(terms_for(subject, asks), "en")
    await patient.grant(terms)
    return subject, consent_id(terms)


async def _round(stage: Stage, kept: _Record, subject: SubjectId, consent: ConsentId) -> tuple[float, float, float]:
    custodian, asking = stage.network.hospital(CUSTODIAN, CUSTODIAN), stage.network.hospital(REQUESTER, CUSTODIAN)
    described = NewRecord(subject, Category.IMAGING, 3, DATA_MONTH)
    begun = time.perf_counter()
    record, _ = await custodian.add_record(kept.file, MEDIA_TYPE, described)
    taken_in = time.perf_counter() - begun
    permitted = await asking.access(asking.new_request(record, consent, practitioner=secrets.token_bytes(32)))
    begun = time.perf_counter()
    await asking.download(permitted, kept.opened)
    given_out = time.perf_counter() - begun
    if not kept.came_back():
        raise RuntimeError("record came out otherwise than it went in")
    size = len(kept.content) / 1e6
    return size / taken_in, size / given_out, await _parts(asking, permitted, kept.content)


async def _parts(asking: Hospital, permitted: Permitted, content: bytes) -> float:
    record, places = await RecordParts.begin(asking, permitted), secrets.SystemRandom()
    offsets = [places.randrange(record.size - MEBIBYTE) for _ in range(PARTS_A_ROUND)]
    begun = time.perf_counter()
    parts = [await record.read(offset, MEBIBYTE) for offset in offsets]
    seconds = time.perf_counter() - begun
    if parts != [content[at : at + MEBIBYTE] for at in offsets]:
        raise RuntimeError("part of a record came out otherwise than it went in")
    return PARTS_A_ROUND * MEBIBYTE / seconds / 1e6
