"""The committed artifacts are what the sources compile to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import compile_contracts


def test_artifacts_name_their_sources() -> None:
    assert compile_contracts.stale_sources() == []


def test_artifacts_are_what_the_compiler_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    # The npm compiler is pinned by hash and there after setup; a native one must give the same bytes.
    monkeypatch.setenv("CONSENTRY_SOLC", "npm")

    assert compile_contracts.stale(compile_contracts.build()) == []


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies sources and artifacts to where a test may change them; returns the root of the copy."""
    ignored = shutil.ignore_patterns("node_modules", "out", "cache")
    shutil.copytree(compile_contracts.CONTRACTS, tmp_path / "contracts", ignore=ignored)
    shutil.copytree(compile_contracts.ARTIFACTS, tmp_path / "artifacts")
    monkeypatch.setattr(compile_contracts, "CONTRACTS", tmp_path / "contracts")
    monkeypatch.setattr(compile_contracts, "ARTIFACTS", tmp_path / "artifacts")
    shutil.copytree(compile_contracts.MOCKS, tmp_path / "mocks")
    monkeypatch.setattr(compile_contracts, "MOCKS", tmp_path / "mocks")
    return tmp_path


def test_changed_source_makes_its_artifact_stale(copied: Path) -> None:
    source = copied / "contracts" / "AccessLedger.sol"
    source.write_text(source.read_text() + "\n")

    assert compile_contracts.stale_sources() == ["AccessLedger.json"]


def test_new_source_without_artifact_is_stale(copied: Path) -> None:
    (copied / "contracts" / "More.sol").write_text("pragma solidity 0.8.37;\ncontract More {}\n")

    assert compile_contracts.stale_sources() == ["More.json"]


def test_changed_settings_make_every_artifact_stale(copied: Path) -> None:
    project = copied / "contracts" / "foundry.toml"
    project.write_text(project.read_text().replace("optimizer_runs = 500", "optimizer_runs = 501"))

    assert compile_contracts.stale_sources() == sorted(compile_contracts.on_disk())


def test_changed_bytecode_is_stale(copied: Path) -> None:
    files = compile_contracts.on_disk()
    made = json.loads(files["Records.json"])
    made["bytecode"] = made["bytecode"][:-2] + "00"
    (copied / "artifacts" / "Records.json").write_text(json.dumps(made))

    assert compile_contracts.stale(files) == ["Records.json"]


def test_removed_source_makes_what_it_contributed_to_stale(copied: Path) -> None:
    (copied / "contracts" / "libraries" / "ConsentRules.sol").unlink()

    assert "AccessLedger.json" in compile_contracts.stale_sources()
