"""Makes the checkout ready to run: Python packages in ``.venv``, npm packages beside their lock files.

Standard library only, because it runs before anything is installed. Every installation ends with a marker that holds
the hash of what was installed. A missing or different marker means the installation was interrupted or the lock
changed: it is thrown away and made again, so that what is installed is always exactly the lock.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE_AT_LEAST = 20
MARKER = ".consentry-installed"
# Bytes; an environment with everything takes about 0.9 GB and its download cache 0.3 GB (measured on Linux x86-64).
SPACE_NEEDED = 1_500_000_000


class SetupError(Exception):
    """Setup cannot go on. Caller: print the one line and exit with 1."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment and the locks it is made from; a later lock includes the earlier ones."""

    folder: Path
    locks: tuple[Path, ...]
    editable: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of work needs."""

    environments: tuple[Environment, ...]
    npm: tuple[str, ...]


def parts(root: Path) -> dict[str, Part]:
    """Returns what ``run``, ``test``, ``lint``, ``prove`` and ``fuzz`` need in the checkout at ``root``."""
    locks = root / "requirements"
    run = Environment(root / ".venv", (locks / "runtime.txt",), editable=True)
    test = Environment(root / ".venv", (locks / "runtime.txt", locks / "dev.txt"), editable=True)
    slither = Environment(root / ".venv-slither", (locks / "slither.txt",), editable=False)
    halmos = Environment(root / ".venv-halmos", (locks / "halmos.txt",), editable=False)
    servers = Environment(root / ".venv-servers", (locks / "servers.txt",), editable=False)
    fuzz = Environment(root / ".venv-fuzz", (locks / "fuzz.txt",), editable=False)
    chain, contracts, fonts = "hardhat-free-node/embedded", "contracts", "src/consentry/papers/fonts"
    return {
        "run": Part((run,), (chain, fonts)),
        "test": Part((test, servers), (chain, contracts, fonts)),
        "lint": Part((test, slither), (chain, contracts)),
        "prove": Part((test, halmos), (chain, contracts)),
        "fuzz": Part((test, fuzz), (chain, contracts)),
    }


def check_node() -> None:
    """Checks that Node and npm can be run.

    Raises:
        SetupError: Node is missing or older than 20, or npm is missing.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing = "node" if shutil.which("node") is None else "npm"
        raise SetupError(f"Node.js does not match (got no {missing} on the PATH, expected version 20 or newer)")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)\.", said)
    if major is None or int(major[1]) < NODE_AT_LEAST:
        raise SetupError(f"Node.js does not match (got {said or 'no version'}, expected {NODE_AT_LEAST} or newer)")


def check_space(folder: Path, needed: int = SPACE_NEEDED) -> None:
    """Checks that ``folder``'s disk has ``needed`` bytes left.

    Raises:
        SetupError: It has less.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(f"free disk space does not match (got {free // 10**6} MB, expected {needed // 10**6} MB)")


def run(what: str, command: Sequence[str | Path], cwd: Path) -> None:
    """Runs one installation step and shows how long it took.

    Raises:
        SetupError: It failed; the message holds the line in which the tool said why.
    """
    print(f"setup: {what} …", flush=True)
    began = time.monotonic()
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=pipe, stderr=both, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{what} failed: {reason(done.stdout)}")
    print(f"setup: {what}: {time.monotonic() - began:.0f} s", flush=True)


def reason(output: str) -> str:
    """Picks the line in which pip, npm or venv said why it failed; the first that names an error, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in (r"no space left|ENOSPC|ensurepip is not", r"hashes|integrity|EINTEGRITY", r"^error|^npm err"):
        for line in lines:
            if re.search(pattern, line, re.IGNORECASE):
                return line
    return lines[-1] if lines else "no output"


def fingerprint(environment: Environment, lock: Path) -> str:
    """Returns the hash that tells whether ``lock`` is installed: lock, interpreter and place."""
    said = hashlib.sha256(lock.read_bytes())
    said.update(f"{sys.version}\n{sys.base_prefix}\n{environment.folder}".encode())
    return said.hexdigest()


def install_environment(environment: Environment, root: Path) -> None:
    """Makes one Python environment equal to its locks, unless it is already.

    Raises:
        SetupError: pip failed or the disk is too full.
    """
    marker = environment.folder / MARKER
    wanted = [fingerprint(environment, lock) for lock in environment.locks]
    installed = marker.read_text().split() if marker.exists() else []
    if wanted == installed[: len(wanted)]:
        return
    check_space(root)
    marker.unlink(missing_ok=True)
    if not installed or wanted[: len(installed)] != installed:
        shutil.rmtree(environment.folder, ignore_errors=True)
        run(f"creating {environment.folder.name}", [sys.executable, "-m", "venv", environment.folder], root)
    pip: list[str | Path] = [environment.folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
    lock = environment.locks[-1]
    run(f"installing {lock.name} into {environment.folder.name}", [*pip, "--require-hashes", "-r", lock], root)
    if environment.editable:
        run("installing consentry", [*pip, "--no-build-isolation", "--no-deps", "--editable", root], root)
    write_whole(marker, "\n".join(wanted))


def install_npm(folder: Path) -> None:
    """Installs the npm packages of ``folder`` from its lock, unless they are there; a linked folder is left alone.

    Raises:
        SetupError: npm failed.
    """
    modules = folder / "node_modules"
    marker = modules / MARKER
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if modules.is_symlink() or (marker.exists() and marker.read_text() == wanted):
        return
    marker.unlink(missing_ok=True)
    # Nothing we install needs its install script, and a script is code that no hash of ours covers.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run(f"installing npm packages of {folder.name}", command, folder)
    write_whole(marker, wanted)


def write_whole(path: Path, text: str) -> None:
    """Writes ``text`` to ``path`` so that a crash leaves the old or the new file, never a part."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text)
    draft.replace(path)


def prepare(part: Part, root: Path) -> None:
    """Installs one part while holding the checkout's lock, so that two commands started at once do not mix.

    Raises:
        SetupError: Something it needs is missing or an installation failed.
        OSError: The checkout cannot be written.
    """
    cache = root / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        temporary = cache / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        os.environ["TMPDIR"] = str(temporary)
        check_node()
        for environment in part.environments:
            install_environment(environment, root)
        for folder in part.npm:
            install_npm(root / folder)


def explain(error: OSError) -> str:
    """Says in one line what a failed write means for the user."""
    meanings = {errno.EROFS: "read-only", errno.EACCES: "not writable", errno.ENOSPC: "full"}
    meaning = meanings.get(error.errno or 0, error.strerror or "not usable")
    return f"the checkout does not match (got {meaning} at {error.filename or ROOT}, expected a writable folder)"


def main(arguments: Sequence[str]) -> int:
    """Prepares the part named by the first argument; returns the exit status."""
    name = arguments[0] if arguments else "test"
    known = parts(ROOT)
    if name not in known:
        print(f"setup: part does not match (got {name}, expected one of {', '.join(known)})", file=sys.stderr)
        return 2
    try:
        prepare(known[name], ROOT)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next run starts this step again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
