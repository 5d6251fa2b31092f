"""Key files of witnesses: each says of which kind it is, and is never taken for the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.crypto.ed25519 import Ed25519Key
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import ConfigurationError
from consentry.ledger.keyfiles import load_key
from consentry.witness.cosigner_key import load_cosigner_key, load_or_create_cosigner_key


@pytest.mark.parametrize(("ml_dsa", "kind", "size"), [(False, Ed25519Key, 64), (True, MlDsa44Key, 74)])
def test_key_is_made_once_and_its_file_says_its_kind(tmp_path: Path, ml_dsa: bool, kind: type, size: int) -> None:  # noqa: FBT001 - a parameter
    file = tmp_path / "keys" / "witness"
    made = load_or_create_cosigner_key(file, ml_dsa=ml_dsa)

    assert type(made) is kind
    assert load_or_create_cosigner_key(file, ml_dsa=False) == load_cosigner_key(file) == made
    assert len(file.read_text()) == size
    assert file.stat().st_mode & 0o777 == 0o600


def test_key_of_one_kind_is_not_taken_for_the_other(tmp_path: Path) -> None:
    load_or_create_cosigner_key(tmp_path / "ed25519", ml_dsa=False)
    load_or_create_cosigner_key(tmp_path / "ml-dsa", ml_dsa=True)

    with pytest.raises(ConfigurationError, match=r"kind of key file ed25519 does not match \(got Ed25519"):
        load_or_create_cosigner_key(tmp_path / "ed25519", ml_dsa=True)
    with pytest.raises(ConfigurationError, match="ml-dsa does not hold 32 bytes"):
        load_key(tmp_path / "ml-dsa")


@pytest.mark.parametrize(
    "content", ["", "ml-dsa-44:", "ml-dsa-44:" + "ab" * 31, "ml-dsa-44:" + "AB" * 32, "ml-dsa-65:" + "ab" * 32, "xyz"]
)
def test_file_that_holds_no_key_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="key file key"):
        load_cosigner_key(file)


def test_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    load_or_create_cosigner_key(file, ml_dsa=True)
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read it"):
        load_cosigner_key(file)
