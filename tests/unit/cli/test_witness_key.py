"""``consentry witness key``: makes a key of either kind, and shows what the file holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consentry.evidence.note import KeyKind, VerifierKey
from tests.unit.cli.conftest import Run

NAME = "witness.example.org/one"


def shown(run: Run, file: Path, *more: str) -> VerifierKey:
    ended = run("witness", "key", "--key", str(file), "--name", NAME, *more, "--json")
    assert ended.status == 0, ended.err
    return VerifierKey.parse(json.loads(ended.out)["key"])


@pytest.mark.parametrize(
    ("more", "kind"), [((), KeyKind.COSIGNATURE), (("--ml-dsa",), KeyKind.ML_DSA_COSIGNATURE), (("--log",), 1)]
)
def test_key_is_made_of_the_kind_asked_for_and_shown_again(
    run: Run, tmp_path: Path, more: tuple[str, ...], kind: int
) -> None:
    made = shown(run, tmp_path / "key", *more)

    assert (made.name, made.kind) == (NAME, kind)
    assert shown(run, tmp_path / "key", *more) == made


def test_key_that_is_there_keeps_its_kind(run: Run, tmp_path: Path) -> None:
    made = shown(run, tmp_path / "ml-dsa", "--ml-dsa")
    shown(run, tmp_path / "ed25519")

    assert shown(run, tmp_path / "ml-dsa") == made
    for file, more, status in (("ed25519", "--ml-dsa", 3), ("ml-dsa", "--log", 3)):
        ended = run("witness", "key", "--key", str(tmp_path / file), "--name", NAME, more)
        assert ended.status == status


@pytest.mark.parametrize("more", [(), ("--ml-dsa",)])
def test_key_in_a_folder_open_to_others_is_refused_with_what_to_do(run: Run, tmp_path: Path, more: tuple[str]) -> None:
    tmp_path.chmod(0o755)

    ended = run("witness", "key", "--key", str(tmp_path / "key"), "--name", NAME, *more)

    assert ended.status == 3
    assert f"mode of folder {tmp_path} does not match (got 0755, expected 0700: " in ended.err
    assert "run chmod 700 on it, or name a folder that is not there yet" in ended.err
    assert shown(run, tmp_path / "keys" / "key", *more).name == NAME


def test_log_has_no_key_of_ml_dsa(run: Run, tmp_path: Path) -> None:
    ended = run("witness", "key", "--key", str(tmp_path / "key"), "--name", NAME, "--log", "--ml-dsa")

    assert ended.status == 2
    assert "a log signs with Ed25519" in ended.err
    assert not (tmp_path / "key").exists()
