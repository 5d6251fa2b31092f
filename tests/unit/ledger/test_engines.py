"""The engine profiles: those that are shipped, and how a wrong one is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from consentry.errors import ConfigurationError
from consentry.ledger.engines import ENGINE_NAMES, definitions_folder, load_profile


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_load_shipped_profile_agrees_with_its_folder(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.transaction_gas_limit <= profile.block_gas_limit
    assert (
        (profile.header_form == "qbft")
        == (profile.finality == "validator-quorum")
        == (profile.proof_kind == "tries-and-seals")
    )
    assert profile.p256_precompile == (profile.hardfork == "osaka")


def test_load_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="got 'hardhat'"):
        load_profile("hardhat")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('finality = "single-node"', 'finality = "soon"', "finality"),
        ("gas_price = 0", "gas_price = -1", "gas_price"),
        ("gas_price = 0", 'gas_price = "0"', "gas_price"),
        ("p256_precompile = true", "p256_precompile = 1", "p256_precompile"),
        ("gas_price = 0", "", "differing: gas_price"),
        ("gas_price = 0", "gas_price = 0\ncolour = 1", "differing: colour"),
        ('name = "embedded"', 'name = "besu"', "name"),
        ('name = "embedded"', "name =", "cannot be read"),
    ],
)
def test_load_altered_profile_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    folder = tmp_path / "engines"
    (folder / "embedded").mkdir(parents=True)
    shutil.copy(definitions_folder() / "embedded" / "profile.toml", folder / "embedded")
    path = folder / "embedded" / "profile.toml"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(ConfigurationError, match=complaint):
        load_profile("embedded", folder)
