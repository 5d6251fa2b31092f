"""Finding and installing the engine, with a small npm of our own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from consentry.errors import ConfigurationError
from consentry.ledger import installation
from consentry.ledger.embedded.anvil import npm_binary
from consentry.ledger.engines import definitions_folder
from consentry.ledger.installation import find_engine, provide_engine

ANVIL = "#!/bin/sh\necho 'anvil Version: {version}-v1.7.1'\n"


def _script(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def _binary_place(modules: Path) -> Path:
    """Where npm puts the binary for this machine."""
    for system in ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"):
        place = modules / "@foundry-rs" / f"anvil-{system}" / "bin" / "anvil"
        _script(place, "")
        found = npm_binary(modules)
        shutil.rmtree(modules)
        if found == place:
            return place
    raise AssertionError("no place for this machine")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, with definitions that have nothing installed beside them."""
    definitions = tmp_path / "definitions" / "embedded"
    definitions.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(definitions_folder() / "embedded" / name, definitions)
    monkeypatch.setattr(installation, "definitions_folder", lambda: tmp_path / "definitions")
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def _npm(tools: Path, version: str = "1.7.1") -> None:
    """An npm whose ``ci`` checks its arguments and puts an engine in place."""
    place = _binary_place(tools / "node_modules").relative_to(tools)
    anvil = ANVIL.format(version=version)
    _script(
        tools / "npm",
        f'#!/bin/sh\nset -e\n[ "$1" = ci ] && [ -f package-lock.json ]\n/bin/mkdir -p {place.parent}\n'
        f"/bin/cat > {place} <<'END'\n{anvil}END\n/bin/chmod 755 {place}\n",
    )


def test_provide_without_npm_is_one_clear_error(tmp_path: Path, tools: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^npm is missing: install Node 20 or later"):
        provide_engine(tmp_path / "state", {"PATH": str(tools)})


def test_provide_installs_once_into_the_state_folder(tmp_path: Path, tools: Path) -> None:
    _npm(tools)
    environ = {"PATH": str(tools)}
    binary = provide_engine(tmp_path / "state", environ)
    assert binary.is_relative_to(tmp_path / "state" / "engine" / "node_modules")
    (tools / "npm").unlink()
    assert provide_engine(tmp_path / "state", environ) == binary
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["engine"]


def test_provide_after_an_interruption_begins_again(tmp_path: Path, tools: Path) -> None:
    _script(tools / "npm", "#!/bin/sh\n/bin/mkdir -p node_modules/half\nkill -9 $$\n")
    environ = {"PATH": str(tools)}
    with pytest.raises(ConfigurationError, match="npm ci of the engine failed"):
        provide_engine(tmp_path / "state", environ)
    assert find_engine(tmp_path / "state", environ) is None
    _npm(tools)
    assert provide_engine(tmp_path / "state", environ).exists()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["engine"]


def test_provide_damaged_installation_is_made_again(tmp_path: Path, tools: Path) -> None:
    _npm(tools)
    environ = {"PATH": str(tools)}
    binary = provide_engine(tmp_path / "state", environ)
    binary.write_bytes(b"\x7fELF")
    assert find_engine(tmp_path / "state", environ) is None
    assert provide_engine(tmp_path / "state", environ) == binary
    assert find_engine(tmp_path / "state", environ) == binary


def test_provide_failing_npm_tells_its_first_line(tmp_path: Path, tools: Path) -> None:
    _script(tools / "npm", "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\necho more >&2\nexit 1\n")
    with pytest.raises(ConfigurationError, match=r"npm ci of the engine failed \(npm error code ENOTFOUND\)"):
        provide_engine(tmp_path / "state", {"PATH": str(tools)})


@pytest.mark.parametrize(("version", "is_taken"), [("1.7.1", True), ("1.6.0", False)])
def test_find_on_the_path_takes_only_the_pinned_version(
    tmp_path: Path, tools: Path, version: str, *, is_taken: bool
) -> None:
    anvil = _script(tools / "anvil", ANVIL.format(version=version))
    assert find_engine(tmp_path / "state", {"PATH": str(tools)}) == (anvil if is_taken else None)


def test_find_named_binary_is_taken_or_refused(tmp_path: Path, tools: Path) -> None:
    anvil = _script(tools / "mine", ANVIL.format(version="1.6.0"))
    assert find_engine(tmp_path, {"CONSENTRY_ANVIL": str(anvil)}) == anvil
    with pytest.raises(ConfigurationError, match="cannot be run"):
        find_engine(tmp_path, {"CONSENTRY_ANVIL": str(tools / "absent")})


def test_lock_file_pins_the_version_with_hashes() -> None:
    lock = json.loads((definitions_folder() / "embedded" / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert {package["version"] for package in packages.values()} == {"1.7.1"}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
