"""The demonstration's own words: refusals before anything starts, an interruption, and commands that run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from consentry.cli import demo
from consentry.demo.network import Network
from tests.unit.cli.conftest import Run


def test_full_disk_is_told_before_anything_starts(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=31 * 2**20))

    ended = run("demo", "--state", str(tmp_path))

    assert ended.status == 3
    assert "free disk space" in ended.err
    assert "got 31 MiB, expected 96 MiB at least" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert list((tmp_path / "demo").iterdir()) == []


@pytest.mark.parametrize("as_json", [False, True])
def test_interruption_is_told_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, as_json: bool
) -> None:
    stopped: list[bool] = []

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "material", interrupted)
    monkeypatch.setattr(Network, "stop", lambda _: stopped.append(True))

    ended = run("demo", "--state", str(tmp_path), *(["--json"] if as_json else []))

    assert ended.status == 130
    assert ended.err == "consentry: interrupted; the next start goes on with what is there\n"
    assert len(stopped) == 1
    assert not as_json or json.loads(ended.out)["error"] == "interrupted"


@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("printed", [False, True])
def test_end_says_where_the_evidence_is_and_how_to_check_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, leave: bool, printed: bool
) -> None:
    async def told(network: Network, *_: object) -> None:
        (network.state / "evidence.pdf").write_bytes(b"%PDF-") if printed else None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "_run", told)
    monkeypatch.setattr(demo, "program", lambda: "./consentry")
    monkeypatch.setattr(Network, "stop", lambda _: None)
    monkeypatch.setattr(Network, "hospital_url", lambda *_: "http://localhost:1")

    ended = run("demo", "--state", "state", *(["--exit"] if leave else []))

    assert ended.status == 0
    lines = [line.strip() for line in ended.out.splitlines()]
    evidence, trust = "./state/demo/evidence.json", "./state/demo/trust-root.json"
    assert {evidence, trust, f"./consentry verify {evidence} --trust-root {trust}"} <= set(lines)
    assert ("./state/demo/evidence.pdf" in lines) is printed
    assert ("http://localhost:1/docs" in lines, "./consentry demo --state ./state --stop" in lines) == (not leave,) * 2


def test_program_is_named_as_it_runs_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "a b" / "bin"
    folder.mkdir(parents=True)
    (folder / "consentry").touch()
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    monkeypatch.chdir(tmp_path)
    assert demo.program() == "'./a b/bin/consentry'"
    monkeypatch.chdir("/")
    assert demo.program() == f"'./{folder.relative_to('/')}/consentry'"


def test_program_without_a_script_is_the_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["__main__.py"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert demo.program() == f"{tmp_path}/python -m consentry"
