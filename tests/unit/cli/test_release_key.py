"""The public release key of an institution to be admitted: from the command line or a file, never the secret one."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.crypto.keywrap import release_public_key
from consentry.ledger.keyfiles import load_key
from tests.unit.cli.conftest import Run

ADMIT = ("institution", "admit", "0x" + "1a" * 20, "--region", "440300")


@pytest.fixture
def folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an authority's key and a release key; nothing is deployed."""
    monkeypatch.setenv("CONSENTRY_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run("key", "new", "authority")
    run("key", "new", "--kind", "release", "release")
    return tmp_path


@pytest.mark.parametrize("form", ["hexadecimal", "lines", "json"])
def test_public_key_is_read_from_a_file(run: Run, folder: Path, form: str) -> None:
    public = {
        "hexadecimal": release_public_key(load_key(folder / "release")).hex() + "\n",
        "lines": run("key", "show", "--release", "release").out,
        "json": run("key", "show", "--release", "release", "--json").out,
    }
    (folder / "public").write_text(public[form])

    ended = run(*ADMIT, "--release-key-file", "public", "--key", "authority")

    # Past the options: what is missing is the deployment.
    assert (ended.status, "deployment" in ended.err) == (3, True), ended.err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--release-key-file", "release"), 2, "size of the release key does not match (got 32 bytes, expected 1216)"),
        (("--release-key", "ab"), 2, "size of the release key does not match (got 1 bytes, expected 1216)"),
        (("--release-key-file", "missing"), 3, "file missing cannot be read"),
        ((), 2, "expected one of --release-key and --release-key-file"),
        (("--release-key", "ab", "--release-key-file", "release"), 2, "expected one of"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_release_key_that_cannot_be_used_is_refused(run: Run, options: tuple[str, ...], status: int, said: str) -> None:
    ended = run(*ADMIT, *options, "--key", "authority")

    assert ended.status == status
    assert said in ended.err
