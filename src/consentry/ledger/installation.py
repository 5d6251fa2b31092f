"""Getting the embedded engine: found where it already is, else installed from npm by the committed lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from consentry.errors import ConfigurationError
from consentry.ledger.embedded.anvil import ANVIL_VERSION, anvil_version, npm_binary
from consentry.ledger.embedded.durable import explained, private_folder, sync_folder
from consentry.ledger.engines import definitions_folder

OVERRIDE = "CONSENTRY_ANVIL"
ENGINE_FOLDER = "engine"
_STAGING_PREFIX = "engine.installing-"
INSTALL_SECONDS = 600


def find_engine(state: Path, environ: Mapping[str, str]) -> Path | None:
    """The anvil binary that is already there: named by ``CONSENTRY_ANVIL``, installed, in the checkout, or on the path.

    Raises:
        ConfigurationError: ``CONSENTRY_ANVIL`` names something that is no anvil.
    """
    named = environ.get(OVERRIDE)
    if named:
        anvil_version(Path(named))
        return Path(named)
    places = (state / ENGINE_FOLDER / "node_modules", definitions_folder() / "embedded" / "node_modules")
    on_path = shutil.which("anvil", path=environ.get("PATH"))
    for found in (*map(npm_binary, places), Path(on_path) if on_path else None):
        if found and _is_pinned(found):
            return found
    return None


def provide_engine(state: Path, environ: Mapping[str, str]) -> Path:
    """The anvil binary, installed into the state folder if it is nowhere else.

    It grows in a folder of its own and is renamed when it is whole, so an interrupted one is simply begun again.

    Raises:
        ConfigurationError: npm is missing, fails, or the disk refuses.
    """
    found = find_engine(state, environ)
    if found:
        return found
    npm = shutil.which("npm", path=environ.get("PATH"))
    if npm is None:
        raise ConfigurationError(
            f"npm is missing: install Node 20 or later, or name an anvil {ANVIL_VERSION} in {OVERRIDE}"
        )
    with explained("installing the engine"):
        private_folder(state)
        for left in state.glob(_STAGING_PREFIX + "*"):
            shutil.rmtree(left, ignore_errors=True)
        staging = private_folder(state / f"{_STAGING_PREFIX}{os.getpid()}")
        _install(npm, staging, environ)
        target = state / ENGINE_FOLDER
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        sync_folder(state)
    installed = npm_binary(target / "node_modules")
    if installed is None:
        raise ConfigurationError(f"engine was installed, but holds no binary for this machine (see {target})")
    return installed


def _is_pinned(binary: Path) -> bool:
    """Whether the binary runs and is the locked version: another may derive other hashes from the same log."""
    try:
        return anvil_version(binary) == ANVIL_VERSION
    except ConfigurationError:
        return False


def _install(npm: str, staging: Path, environ: Mapping[str, str]) -> None:
    source = definitions_folder() / "embedded"
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(source / name, staging / name)
    # No scripts: the package's own script only looks for, or downloads, what the lock file already brings.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command,
            cwd=staging,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"npm ci of the engine does not end within {INSTALL_SECONDS} seconds") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[0]
        raise ConfigurationError(f"npm ci of the engine failed ({last[:200]})")
