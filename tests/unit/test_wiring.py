"""What a gateway is built from: secrets that only its account may read, state that only its account may read."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consentry.cli import service
from consentry.config import Settings, load_settings
from consentry.core.chain import ChainIdentity
from consentry.database.engine import Database
from consentry.errors import ConfigurationError, ObjectMissingError
from consentry.gateway.background import ROUND_SECONDS, Background
from consentry.ledger import keyfiles
from consentry.ledger.manifest import Manifest
from consentry.vault.idempotency import IdempotencyStore
from consentry.vault.objects import CUT_OFF_SECONDS, open_object_store
from consentry.vault.schema import upgrade
from consentry.wiring.adapters import create_passphrase, database_url, object_store, open_key_service, open_keyring
from consentry.wiring.audits import open_checkpoints
from consentry.wiring.gateways import log_plan, tidying
from tests.support.openbao import OpenBao
from tests.support.s3_server import S3Server
from tests.support.soft_hsm import SoftHsm


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The umask of most accounts."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A gateway's settings with every secret in place."""
    made = load_settings(state_dir=tmp_path / "state", database_url_file=tmp_path / "url")
    create_passphrase(made)
    keyfiles.load_or_create_key(made.relay_key)
    (tmp_path / "url").write_text(f"sqlite+aiosqlite:///{tmp_path}/gateway.db\n")
    (tmp_path / "url").chmod(0o600)
    return made


def url_file(settings: Settings) -> Path:
    assert settings.database_url_file is not None
    return settings.database_url_file


Use = Callable[[Settings], object]
SECRETS: dict[str, tuple[Callable[[Settings], Path], Use]] = {
    "passphrase": (lambda known: known.passphrase, open_keyring),
    "relay key": (lambda known: known.relay_key, lambda known: keyfiles.load_key(known.relay_key)),
    "database url": (url_file, database_url),
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_secret_that_others_reach_is_refused(settings: Settings, name: str, mode: int) -> None:
    place, use = SECRETS[name]
    place(settings).chmod(mode)
    with pytest.raises(ConfigurationError, match="mode of"):
        use(settings)


@pytest.mark.parametrize("name", SECRETS)
def test_secret_of_another_account_is_refused(settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(ConfigurationError, match="owner of"):
        SECRETS[name][1](settings)


@pytest.mark.parametrize("name", SECRETS)
def test_secret_that_is_empty_is_refused(settings: Settings, name: str) -> None:
    place, use = SECRETS[name]
    place(settings).write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        use(settings)


def test_database_url_stands_in_its_file_or_in_the_settings(settings: Settings) -> None:
    assert database_url(settings) == url_file(settings).read_text().strip()
    assert database_url(settings.model_copy(update={"database_url_file": None})) == settings.database
    url_file(settings).unlink()
    with pytest.raises(ConfigurationError, match="is missing"):
        database_url(settings)


def test_missing_passphrase_is_refused_with_what_to_do(settings: Settings) -> None:
    settings.passphrase.unlink()
    with pytest.raises(ConfigurationError, match="put it back"):
        open_keyring(settings)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


async def test_upgrade_makes_a_database_that_only_its_owner_reads(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    await upgrade(url)
    database = Database(url)
    async with database.writing() as session:
        await (await session.connection()).exec_driver_sql("DELETE FROM spent_nonces")
        assert modes(tmp_path) == {0o600}
    await database.close()


async def test_upgrade_closes_a_database_that_others_could_read(tmp_path: Path) -> None:
    made = sqlite3.connect(tmp_path / "gateway.db")
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE of_another_room (id INTEGER)")
    assert modes(tmp_path) == {0o644}
    await upgrade(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    assert modes(tmp_path) == {0o600}
    made.close()


async def test_tidying_clears_the_upload_a_crash_cut_off_and_no_other(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    await upgrade(url)
    database, objects = Database(url), open_object_store(f"file://{tmp_path}/objects")
    cut_off, under_way = (tmp_path / "objects" / "incoming" / name for name in ("cut-off#1", "under-way#1"))
    for path in (cut_off, under_way):
        path.touch()
    os.utime(cut_off, (0, time.time() - CUT_OFF_SECONDS - 60))
    background = Background(lambda what, why: pytest.fail(f"{what}: {why}"))
    deeds = tidying(IdempotencyStore(database, b"one"), objects)
    for deed in deeds:
        await background.attempt(deed)
    assert (cut_off.exists(), under_way.exists()) == (False, True)
    assert {deed.turns * ROUND_SECONDS for deed in deeds} == {3_600}
    await database.close()


def test_serve_makes_nothing_that_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 - as the server
        (tmp_path / "state" / "made-while-serving").touch()

    monkeypatch.setattr(service, "run_gateway", run)
    monkeypatch.setenv("CONSENTRY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CONSENTRY_CUSTODIAN", "0x" + "1a" * 20)
    monkeypatch.setenv("CONSENTRY_PORT", "0")
    service.serve()
    assert modes(tmp_path / "state") == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["only-one-line\n", "one\ntwo\nthree\n"])
def test_keys_of_the_object_store_that_are_not_two_lines_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").write_text(content)
    (tmp_path / "keys").chmod(0o600)
    settings = load_settings(object_store="s3://bucket", object_store_keys_file=tmp_path / "keys")
    with pytest.raises(ConfigurationError, match="key id and secret") as raised:
        object_store(settings)
    assert "only-one" not in str(raised.value)


async def test_bucket_of_the_settings_is_used_with_the_keys_of_its_file(s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{s3.access.key_id}\n{s3.access.secret}\n")
    (tmp_path / "keys").chmod(0o600)
    settings = load_settings(
        object_store=s3.make_bucket(),
        object_store_endpoint=s3.access.endpoint,
        object_store_region=s3.access.region,
        object_store_keys_file=tmp_path / "keys",
    )
    with pytest.raises(ObjectMissingError):
        await object_store(settings).size("ab/none")


def test_log_is_kept_in_the_bucket_of_the_settings_and_else_beside_what_it_signed(tmp_path: Path) -> None:
    given: dict[str, Any] = {"state_dir": tmp_path, "log_origin": "gateway.example.org/log"}
    Manifest(ChainIdentity(1337, bytes(32), (), 0), ()).write(tmp_path / "deployment.json")
    places = [log_plan(load_settings(**given, log_store=url)).tiles.place for url in ("", "s3://bucket/log")]
    assert places == [str(tmp_path / "log" / "tree"), "s3://bucket/log"]


def secret_in(folder: Path, content: str) -> Path:
    path = folder / "secret"
    path.write_text(content + "\n")
    path.chmod(0o600)
    return path


async def wraps(settings: Settings) -> bool:
    async with open_key_service(settings) as kms:
        await kms.create_subject_key(bytes(32))
        return await kms.unwrap(bytes(32), await kms.wrap(bytes(32), b"secret", b"context"), b"context") == b"secret"


async def test_token_of_the_settings_is_the_key_service(soft_hsm: SoftHsm, tmp_path: Path) -> None:
    token = soft_hsm.empty_token()
    settings = load_settings(
        state_dir=tmp_path / "state",
        key_service=f"pkcs11:{token.module}?token={token.label}",
        key_service_secret_file=secret_in(tmp_path, token.pin()),
    )
    assert await wraps(settings)
    create_passphrase(settings)
    assert not settings.passphrase.exists()


async def test_server_of_the_settings_is_the_key_service(openbao: OpenBao, tmp_path: Path) -> None:
    server = await openbao.empty_engine()
    settings = load_settings(
        key_service=f"openbao:{server.address}/{server.mount}",
        key_service_secret_file=secret_in(tmp_path, server.token()),
    )
    assert await wraps(settings)


async def test_key_service_without_its_secret_is_refused(openbao: OpenBao) -> None:
    server = await openbao.empty_engine()
    with pytest.raises(ConfigurationError, match="key_service_secret_file is not set"):
        await wraps(load_settings(key_service=f"openbao:{server.address}/{server.mount}"))


async def test_certificate_of_an_authority_that_is_none_is_refused(tmp_path: Path) -> None:
    settings = load_settings(
        key_service="openbao:https://bao.test:8200/transit",
        key_service_secret_file=secret_in(tmp_path, "token"),
        key_service_ca_file=tmp_path / "none.pem",
    )
    with pytest.raises(ConfigurationError, match="authority"):
        await wraps(settings)


@pytest.mark.parametrize(
    "named", ["", "vault:https://bao/transit", "pkcs11:module.so?token=a", "pkcs11:/module.so", "openbao:https://bao"]
)
def test_key_service_that_is_not_named_as_expected_is_refused(named: str) -> None:
    with pytest.raises(ConfigurationError, match="key_service"):
        load_settings(key_service=named)


def test_key_of_checkpoints_is_drawn_once_and_is_private(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path / "state")
    first, second = (open_checkpoints(settings, tmp_path / "audit") for _ in range(2))
    assert (first.path, len(first.key), first.key) == (tmp_path / "audit" / "checkpoint", 32, second.key)
    assert stat.S_IMODE(settings.audit_key.stat().st_mode) == 0o600
    assert open_checkpoints(load_settings(state_dir=tmp_path / "other"), tmp_path / "audit").key != first.key


@pytest.mark.parametrize("folder", ["state", "state/keys", ".", "link"])
def test_key_of_checkpoints_within_the_folder_of_tables_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "state")
    with pytest.raises(ConfigurationError, match="key of checkpoints does not match"):
        open_checkpoints(load_settings(state_dir=tmp_path / "state"), tmp_path / folder)
    assert not (tmp_path / "state").exists()


def test_checkpoint_of_another_key_is_refused_with_the_file_of_the_key_that_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "checkpoint").write_bytes(bytes(100))
    expected = re.escape(f"{tmp_path / '.consentry' / 'keys' / 'audit'}")
    with pytest.raises(ConfigurationError, match=f"tried the key in {expected}: set state_dir"):
        open_checkpoints(load_settings(), Path("audit")).load()


def test_key_of_checkpoints_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path / "state")
    open_checkpoints(settings, tmp_path / "audit")
    settings.audit_key.chmod(0o640)
    with pytest.raises(ConfigurationError, match="mode of key file audit"):
        open_checkpoints(settings, tmp_path / "audit")
