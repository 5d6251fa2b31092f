"""Key files: drawn once, private, and saying who signs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from consentry.cli.keys import load_signing_key
from consentry.core.chain import ChainIdentity
from consentry.core.terms import Address
from consentry.crypto.keywrap import release_public_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import Verifiers, verify
from consentry.crypto.webauthn import SoftwarePasskey, check_origin
from consentry.ledger.keyfiles import load_key
from consentry.ledger.manifest import Manifest
from tests.unit.cli.conftest import Run

VERIFIERS = Verifiers(p256=Address(b"\x01" * 20), webauthn=Address(b"\x02" * 20), council=Address(b"\x03" * 20))
ORIGIN = "https://gateway.test:8443"
DIGEST = b"\x07" * 32


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    contracts = (("ERC7913P256Verifier", VERIFIERS.p256), ("ERC7913WebAuthnVerifier", VERIFIERS.webauthn))
    path = tmp_path / "manifest.json"
    Manifest(ChainIdentity(1337, bytes(32), contracts, 1), ()).write(path)
    return path


@pytest.mark.parametrize("kind", ["account", "p256", "passkey"])
def test_new_key_signs_for_the_signer_it_shows(run: Run, tmp_path: Path, manifest: Path, kind: str) -> None:
    file = tmp_path / "key"

    ended = run("key", "new", str(file), "--kind", kind, "--manifest", str(manifest), "--json")

    assert ended.status == 0, ended
    key, shown = load_signing_key(file, ORIGIN), json.loads(ended.out)
    assert shown["signer"] == "0x" + key.signer.hex()
    verify(key.signer, DIGEST, key.sign_digest(DIGEST), VERIFIERS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip().split(" ")[-2:][0] not in ended.out
    assert run("key", "show", str(file), "--json").out == ended.out


def test_secret_of_pseudonyms_is_made_at_first_use_in_an_ordinary_folder(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "staff.secret"
    asked = ("key", "practitioner", "dr-li", "--secret", str(file), "--json")

    first, again = run(*asked), run(*asked)

    assert first.status == 0, first
    assert again.out == first.out
    assert (
        json.loads(first.out)["practitioner"] != json.loads(run(*asked[:2], "dr-wang", *asked[3:]).out)["practitioner"]
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_passkey_asserts_at_the_origin_of_the_gateway(run: Run, tmp_path: Path, manifest: Path) -> None:
    file = tmp_path / "key"
    run("key", "new", str(file), "--kind", "passkey", "--manifest", str(manifest))

    key = load_signing_key(file, ORIGIN)

    assert isinstance(key, SoftwarePasskey)
    check_origin(key.sign_digest(DIGEST), origins=frozenset({ORIGIN}), rp_id="gateway.test")


def test_p256_key_keeps_its_verifier(run: Run, tmp_path: Path, manifest: Path) -> None:
    file = tmp_path / "key"
    run("key", "new", str(file), "--kind", "p256", "--manifest", str(manifest))

    key = load_signing_key(file, ORIGIN)

    assert isinstance(key, P256Key)
    assert key.verifier == VERIFIERS.p256


def test_release_key_shows_its_public_half(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"

    ended = run("key", "new", str(file), "--kind", "release", "--json")

    assert json.loads(ended.out)["releaseKey"] == "0x" + release_public_key(load_key(file)).hex()
    assert run("key", "show", str(file), "--release", "--json").out == ended.out


def test_key_that_exists_is_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    run("key", "new", str(file))
    before = file.read_text()

    assert run("key", "new", str(file)).status == 2
    assert file.read_text() == before
