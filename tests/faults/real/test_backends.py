"""A full disk, a database that ends in mid-transaction, a key service that is away, an object store that is slow.

The gateway is a real process on each; a hospital keeps asking until it is answered.
"""

from __future__ import annotations

import asyncio
import errno
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from consentry.errors import ConsentryError
from tests.faults.real.proxy import Wire, wire_to
from tests.faults.real.town import Town, town
from tests.integration.test_backends import secret_file
from tests.support.openbao import OpenBao
from tests.support.postgresql import OWNER, PostgresServer
from tests.support.s3_server import S3Server
from tests.support.soft_hsm import SoftHsm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("engine")]
DISK = "224m"
AWAY_SECONDS = 4.0
LATE_SECONDS = 2.0
"""How late the object store answers: long beside what an access takes when nothing is slow."""
TERMINATED = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = '{name}' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""
KILLS = 25


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mounts a small disk until the end of the block."""
    folder.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "none", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", folder], check=True)


def fill(file: Path) -> int:
    """Fills the disk of a file; gives how many bytes that took."""
    size = 0
    with file.open("wb", buffering=0) as filling:
        for piece in (1 << 20, 4096, 1):
            while True:
                try:
                    size += filling.write(bytes(piece))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
    return size


async def test_full_disk_stops_releases_and_none_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with town(disk) as place:
            await place.ask()
            filling = disk / "filling"
            async with place.busy():
                await asyncio.sleep(0.5)
                fill(filling)
                await asyncio.sleep(1)
                before = len(place.acknowledged)
                await asyncio.sleep(AWAY_SECONDS)
                meanwhile = len(place.acknowledged) - before
                filling.unlink()
                begun = time.monotonic()
                await place.ask()
                back = round(time.monotonic() - begun, 2)
            await place.tell_all(
                "disk full", thoroughly=True, full_s=AWAY_SECONDS, answered_while_full=meanwhile, back_after_s=back
            )
            assert place.refusals["vault.unavailable"]
            assert not meanwhile


async def test_database_that_ends_in_mid_transaction_loses_nothing(tmp_path: Path, postgresql: PostgresServer) -> None:
    url = postgresql.make_database()
    ended = 0
    async with town(tmp_path, database_url=url) as place:
        statement = TERMINATED.format(name=postgresql.name_of(url))
        async with place.busy(6):
            for _ in range(KILLS):
                await asyncio.sleep(0.05)
                ended += await asyncio.to_thread(_count, postgresql, statement)
        await place.tell_all("database ends transactions", thoroughly=True, ended_in_a_transaction=ended)
    assert ended


def _count(server: PostgresServer, statement: str) -> int:
    import psycopg  # noqa: PLC0415 - this one place

    where = psycopg.conninfo.make_conninfo(
        host=str(server.folder), port=str(server.port), user=OWNER, dbname="postgres"
    )
    with psycopg.connect(where, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


@asynccontextmanager
async def town_on_a_wire(tmp_path: Path, openbao: OpenBao) -> AsyncIterator[tuple[Town, Wire]]:
    """A town whose key service is at the end of a wire."""
    server = await openbao.empty_engine()
    async with wire_to(int(server.address.rpartition(":")[2])) as wire:
        secret = secret_file(tmp_path, "token", server.token())
        address = f"openbao:http://127.0.0.1:{wire.port}/{server.mount}"
        async with town(tmp_path, key_service=address, key_service_secret_file=secret) as place:
            yield place, wire


async def test_key_service_that_is_away_stops_releases_and_none_is_lost(tmp_path: Path, openbao: OpenBao) -> None:
    async with town_on_a_wire(tmp_path, openbao) as (place, wire):
        await _away_and_back(place, "key service away", wire.cut, wire.mend)


async def test_token_that_is_taken_out_stops_releases_and_none_is_lost(tmp_path: Path, soft_hsm: SoftHsm) -> None:
    token = soft_hsm.empty_token()
    secret = secret_file(tmp_path, "pin", token.pin())
    address = f"pkcs11:{token.module}?token={token.label}"
    elsewhere = tmp_path / "taken-out"
    async with town(tmp_path, key_service=address, key_service_secret_file=secret) as place:
        await _away_and_back(
            place, "token away", lambda: soft_hsm.folder.rename(elsewhere), lambda: elsewhere.rename(soft_hsm.folder)
        )


async def _away_and_back(
    place: Town, fault: str, take_away: Callable[[], object], bring_back: Callable[[], object]
) -> None:
    await place.ask()
    async with place.busy():
        await asyncio.sleep(0.5)
        take_away()
        await asyncio.sleep(1)
        before = len(place.acknowledged)
        await asyncio.sleep(AWAY_SECONDS)
        meanwhile = len(place.acknowledged) - before
        bring_back()
        begun = time.monotonic()
        await place.ask()
        back = round(time.monotonic() - begun, 2)
    figures = {"away_s": AWAY_SECONDS, "answered_meanwhile": meanwhile, "back_after_s": back}
    await place.tell_all(fault, thoroughly=True, **figures)
    assert place.refusals["vault.unavailable"]
    assert not meanwhile


async def test_object_store_that_is_slow_delays_objects_and_no_decision(tmp_path: Path, s3: S3Server) -> None:
    async with wire_to(int(s3.access.endpoint.rpartition(":")[2])) as wire:
        settings = {
            "object_store": f"{s3.make_bucket()}/hospital-a",
            "object_store_endpoint": f"http://127.0.0.1:{wire.port}",
            "object_store_region": s3.access.region,
            "object_store_keys_file": secret_file(tmp_path, "keys", f"{s3.access.key_id}\n{s3.access.secret}"),
        }
        async with town(tmp_path, **settings) as place:
            quick = await _download(place, tmp_path)
            place.count_anew()
            wire.delay = LATE_SECONDS
            async with place.busy(2):
                slow = await _download(place, tmp_path)
            usual = statistics.median(place.waits)
            wire.delay = 0.0
            wire.cut()
            with pytest.raises(ConsentryError):
                await _download(place, tmp_path)
            await place.ask()
            wire.mend()
            again = await _download(place, tmp_path)
            figures = {"download_s": quick, "download_when_slow_s": slow, "download_after_s": again}
            figures["access_when_slow_s"] = round(usual, 2)
            await place.tell_all("object store slow, then away", thoroughly=True, late_s=LATE_SECONDS, **figures)
            assert slow >= LATE_SECONDS > usual


async def _download(place: Town, folder: Path) -> float:
    one, begun, target = place.sought[0], time.monotonic(), folder / f"opened-{time.monotonic_ns()}"
    request = place.hospital.new_request(one.record, one.consent, practitioner=bytes(31) + b"\x02")
    await place.hospital.download(await place.hospital.access(request), target)
    place.acknowledged.add(request.request_id)
    assert target.stat().st_size
    return round(time.monotonic() - begun, 2)
