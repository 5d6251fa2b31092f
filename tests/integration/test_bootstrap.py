"""What setup does on a machine that is not as it should be, and after it was interrupted.

Nothing is downloaded here: ``node`` and ``npm`` are stand-ins on a PATH of their own, and where packages would be
installed, `Installer` stands in for pip, venv and npm. The real installation is what ran before this suite could start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import bootstrap

SCRIPTS = Path(bootstrap.__file__).parent


class Installer:
    """Stands in for venv, pip and npm: makes the folders they would make; stops at the step named in ``stop_at``."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.stop_at = ""

    def run(self, what: str, command: Sequence[str | Path], cwd: Path) -> None:
        self.steps.append(what)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        if "npm" in command:
            (cwd / "node_modules").mkdir(exist_ok=True)
        if self.stop_at and self.stop_at in what:
            raise KeyboardInterrupt


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Puts an `Installer` in the place of the real steps."""
    stand_in = Installer()
    monkeypatch.setattr(bootstrap, "run", stand_in.run)
    monkeypatch.setattr(bootstrap, "check_node", lambda: None)
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", ""))
    return stand_in


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Makes a checkout with the scripts and empty locks."""
    root = tmp_path / "checkout"
    shutil.copytree(SCRIPTS, root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for lock in ("runtime.txt", "dev.txt", "slither.txt", "halmos.txt", "servers.txt"):
        (root / "requirements").mkdir(exist_ok=True)
        (root / "requirements" / lock).write_text(f"# {lock}\n")
    for folder in ("contracts", "hardhat-free-node/embedded", "src/consentry/papers/fonts"):
        (root / folder).mkdir(parents=True)
        (root / folder / "package-lock.json").write_text("{}\n")
    return root


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Makes the only folder on the PATH: bash, dirname, this Python, and stand-ins for Node 20 and npm."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("bash", "dirname", "env"):
        (folder / name).symlink_to(shutil.which(name) or name)
    (folder / "python3").symlink_to(sys.executable)
    write_program(folder / "node", "echo v20.19.0")
    write_program(folder / "npm", "exit 0")
    return folder


def write_program(path: Path, body: str) -> None:
    """Writes a bash program."""
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


def set_up(checkout: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """Runs ``scripts/setup`` of ``checkout`` with nothing but ``programs`` on the PATH."""
    environment = {"PATH": str(programs), "HOME": str(programs.parent)}
    command = [str(checkout / "scripts" / "setup"), "run"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], saying: str) -> None:
    """Checks for exit status 1 and exactly one line that says why."""
    assert done.returncode == 1
    assert saying in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_setup_without_node_says_so(checkout: Path, programs: Path) -> None:
    (programs / "node").unlink()

    assert_refused(set_up(checkout, programs), "Node.js does not match (got no node on the PATH")


def test_setup_without_npm_says_so(checkout: Path, programs: Path) -> None:
    (programs / "npm").unlink()

    assert_refused(set_up(checkout, programs), "Node.js does not match (got no npm on the PATH")


def test_setup_with_old_node_says_so(checkout: Path, programs: Path) -> None:
    write_program(programs / "node", "echo v18.20.0")

    assert_refused(set_up(checkout, programs), "(got v18.20.0, expected 20 or newer)")


def test_setup_with_old_python_says_so(checkout: Path, programs: Path) -> None:
    (programs / "python3").unlink()
    write_program(programs / "python3", '[[ "$1" == --version ]] && echo Python 3.9.2 || exit 1')

    assert_refused(set_up(checkout, programs), "Python does not match (got Python 3.9.2, expected 3.11 or newer)")


def test_setup_without_python_says_so(checkout: Path, programs: Path) -> None:
    (programs / "python3").unlink()

    assert_refused(set_up(checkout, programs), "Python does not match (got none, expected 3.11 or newer)")


def test_setup_that_cannot_write_says_so(checkout: Path, programs: Path) -> None:
    # A file where the folder should be: unlike permissions, that also stops a superuser.
    (checkout / ".cache").write_text("")

    assert_refused(set_up(checkout, programs), "expected a writable folder")


def test_setup_on_full_disk_says_so(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"free disk space does not match \(got \d+ MB, expected"):
        bootstrap.check_space(tmp_path, needed=10**18)


def test_setup_of_unknown_part_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["everything"]) == 2
    assert "part does not match (got everything" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            "Collecting a\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nmore\n",
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES",
        ),
        ("ERROR: broken\nOSError: [Errno 28] No space left on device\n", "OSError: [Errno 28] No space left on device"),
        ("npm error code EINTEGRITY\nnpm error log\n", "npm error code EINTEGRITY"),
        ("one\ntwo\n", "two"),
        ("", "no output"),
    ],
)
def test_failed_step_names_the_reason(output: str, line: str) -> None:
    assert bootstrap.reason(output) == line


def test_failed_step_raises_with_the_tools_own_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('ERROR: no such package'); raise SystemExit(1)"]

    with pytest.raises(bootstrap.SetupError, match="installing failed: ERROR: no such package"):
        bootstrap.run("installing", command, tmp_path)


def test_second_setup_installs_nothing(checkout: Path, installer: Installer) -> None:
    part = bootstrap.parts(checkout)["lint"]
    bootstrap.prepare(part, checkout)
    assert installer.steps
    installer.steps.clear()

    bootstrap.prepare(part, checkout)

    assert installer.steps == []


@pytest.mark.parametrize("step", ["creating .venv", "dev.txt", "consentry", "npm packages of contracts"])
def test_setup_after_an_interruption_starts_that_step_again(checkout: Path, installer: Installer, step: str) -> None:
    part = bootstrap.parts(checkout)["test"]
    installer.stop_at = step
    with pytest.raises(KeyboardInterrupt):
        bootstrap.prepare(part, checkout)
    installer.stop_at = ""
    (checkout / ".venv" / "half-installed").touch()
    npm_was_next = step.startswith("npm")

    bootstrap.prepare(part, checkout)

    assert (checkout / ".venv" / "half-installed").exists() == npm_was_next
    assert (checkout / ".venv" / bootstrap.MARKER).exists()
    assert (checkout / "contracts" / "node_modules" / bootstrap.MARKER).exists()


def test_setup_after_a_changed_lock_makes_the_environment_anew(checkout: Path, installer: Installer) -> None:
    part = bootstrap.parts(checkout)["run"]
    bootstrap.prepare(part, checkout)
    (checkout / ".venv" / "left-over").touch()
    (checkout / "requirements" / "runtime.txt").write_text("# newer\n")

    bootstrap.prepare(part, checkout)

    assert not (checkout / ".venv" / "left-over").exists()
    assert installer.steps.count("creating .venv") == 2


def test_setup_for_tests_adds_to_what_the_demo_installed(checkout: Path, installer: Installer) -> None:
    bootstrap.prepare(bootstrap.parts(checkout)["run"], checkout)
    installer.steps.clear()

    bootstrap.prepare(bootstrap.parts(checkout)["test"], checkout)
    bootstrap.prepare(bootstrap.parts(checkout)["run"], checkout)

    assert installer.steps[:2] == ["installing dev.txt into .venv", "installing consentry"]
    assert "creating .venv" not in installer.steps


def test_setup_leaves_linked_npm_packages_alone(checkout: Path, installer: Installer, tmp_path: Path) -> None:
    (checkout / "contracts" / "node_modules").symlink_to(tmp_path)

    bootstrap.prepare(bootstrap.parts(checkout)["test"], checkout)

    assert "installing npm packages of contracts" not in installer.steps
