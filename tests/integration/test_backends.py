"""A gateway on PostgreSQL, a bucket and a key service: from an empty state folder to an access, a restart, an audit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consentry.config import Settings
from consentry.demo.network import QUICK, Network
from tests.integration.test_commands import A, B, Desk, anchored, asking, enrolled, granted
from tests.support.openbao import OpenBao
from tests.support.postgresql import PostgresServer
from tests.support.s3_server import S3Server
from tests.support.soft_hsm import SoftHsm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def secret_file(folder: Path, name: str, content: str) -> str:
    """Writes a file that only its owner reads; gives its path."""
    path = folder / name
    path.touch(0o600)
    path.write_text(content + "\n")
    return str(path)


@pytest.fixture(params=["pkcs11", "openbao"])
def key_service(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of each key service."""
    if request.param == "pkcs11":
        soft_hsm: SoftHsm = request.getfixturevalue("soft_hsm")
        token = soft_hsm.empty_token()
        named, secret = f"pkcs11:{token.module}?token={token.label}", token.pin()
    else:
        openbao: OpenBao = request.getfixturevalue("openbao")
        server = asyncio.run(openbao.empty_engine())
        named, secret = f"openbao:{server.address}/{server.mount}", server.token()
    return {"key_service": named, "key_service_secret_file": secret_file(tmp_path, "key-service", secret)}


@pytest.fixture
def backends(key_service: dict[str, str], postgresql: PostgresServer, s3: S3Server, tmp_path: Path) -> dict[str, str]:
    """The settings of all backends."""
    keys = f"{s3.access.key_id}\n{s3.access.secret}"
    return {
        "database_url_file": secret_file(tmp_path, "database-url", postgresql.make_database()),
        "object_store": f"{s3.make_bucket()}/hospital-a",
        "object_store_endpoint": s3.access.endpoint,
        "object_store_region": s3.access.region,
        "object_store_keys_file": secret_file(tmp_path, "bucket-keys", keys),
        **key_service,
    }


@pytest.fixture
def network(tmp_path: Path, engine: Path) -> Iterator[Network]:  # noqa: ARG001 - must be installed first
    """A chain with everybody admitted, and no gateway."""
    made = Network(tmp_path / "network")
    try:
        made.start_chain()
        asyncio.run(made.deploy(QUICK))
        yield made
    finally:
        made.stop()


def write_settings(place: Path, known: Settings, backends: dict[str, str]) -> None:
    """Writes the file that `consentry serve` is given."""
    own = {name: str(getattr(known, name)) for name in ("state_dir", "node_url", "manifest", "custodian")}
    lines = [f"{name} = {json.dumps(value)}" for name, value in {**own, **backends}.items()]
    place.write_text("\n".join([*lines, f"port = {known.port}\n"]))


@contextmanager
def served(settings: Path, environment: dict[str, str]) -> Iterator[None]:
    """Serves the gateway in a process of its own until the end of the block."""
    log = settings.with_suffix(".log")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "consentry", "serve", "--settings", settings],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        # Nothing more is printed until it ends: the whole answer is there once it is ready.
        assert any("ready" in line for line in process.stdout), log.read_text()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_life_of_a_consent_on_the_backends_for_production(
    backends: dict[str, str], network: Network, tmp_path: Path
) -> None:
    known, settings = network.settings(A), tmp_path / "gateway.toml"
    write_settings(settings, known, backends)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
    own = {
        "CONSENTRY_STATE_DIR": str(network.folder(B)),
        "CONSENTRY_GATEWAY_URL": f"http://localhost:{known.port}",
        "CONSENTRY_NODE_URL": known.node_url,
        "NO_COLOR": "1",
    }
    (tmp_path / "desk").mkdir()
    desk = Desk(tmp_path / "desk", network, environment | own)

    with served(settings, environment):
        image = anchored(desk, enrolled(desk, "patient"))
        consent = granted(desk, image, "patient.key", "consent.json", "--category", "IMAGING")
        desk.must(*asking(desk, image, consent, "--out", "first.dcm", *desk.node))
    with served(settings, environment):
        desk.must(*asking(desk, image, consent, "--out", "second.dcm", *desk.node))
        audited = desk.run("audit", "--settings", str(settings))
        rebuilt = desk.run("rebuild", "--settings", str(settings))

    for name in ("first.dcm", "second.dcm"):
        assert (desk.folder / name).read_bytes() == image.content.read_bytes()
    assert (audited.returncode, rebuilt.returncode) == (0, 0), (audited.stderr, rebuilt.stderr)
    kept = {path.name for path in known.state_dir.rglob("*")}
    assert not kept & {"gateway.db", "objects", "keyring", "passphrase"}
    told = settings.with_suffix(".log").read_text()
    for path in (value for name, value in backends.items() if name.endswith("_file")):
        assert not [secret for secret in Path(path).read_text().split() if secret in told]
