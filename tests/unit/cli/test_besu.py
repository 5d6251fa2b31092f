"""The commands that make and check the files of a consortium's chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consentry.cli.app import app
from consentry.errors import ConfigurationError
from consentry.ledger.engines import definitions_folder

EXAMPLE = definitions_folder() / "besu" / "participants.toml"


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    arguments = [str(EXAMPLE), str(tmp_path / "network"), "--keys", str(tmp_path / "keys"), "--json"]
    done = CliRunner().invoke(app, ["chain", "besu", "generate", *arguments])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sealsNeeded"] == 3
    return tmp_path / "network"


def test_generated_network_passes_the_check(generated: Path) -> None:
    done = CliRunner().invoke(app, ["chain", "besu", "check", str(generated), "--json"])

    assert done.exit_code == 0
    assert json.loads(done.stdout)["faultsBorne"] == 1
    assert len(json.loads(done.stdout)["validators"]) == 4


def test_network_changed_afterwards_is_refused(generated: Path) -> None:
    genesis = json.loads((generated / "genesis.json").read_text())
    genesis["config"]["chainId"] += 1
    (generated / "genesis.json").write_text(json.dumps(genesis))

    done = CliRunner().invoke(app, ["chain", "besu", "check", str(generated)])

    assert isinstance(done.exception, ConfigurationError)
