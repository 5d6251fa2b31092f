"""Compiles ``contracts/`` into ``src/consentry/ledger/artifacts/``; ``--check`` compares instead of writing.

The input names every source with its content, so the native compiler and the npm one get the same bytes and give the
same bytecode. Settings come from ``contracts/foundry.toml``, the compiler's version from ``contracts/package.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import solcx

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "src" / "consentry" / "ledger" / "artifacts"
MOCKS = ROOT / "tests" / "contracts" / "mocks"
OPENZEPPELIN = "@openzeppelin/contracts"
# Contracts we deploy as OpenZeppelin wrote them.
ADOPTED = (
    f"{OPENZEPPELIN}/utils/cryptography/verifiers/ERC7913P256Verifier.sol",
    f"{OPENZEPPELIN}/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol",
)
IMPORT = re.compile(r"""^\s*import\s+(?:[^;"']*?\bfrom\s+)?["']([^"']+)["']""", re.MULTILINE)

Json: TypeAlias = dict[str, Any]  # as the compiler speaks it


class CompileError(Exception):
    """The contracts cannot be compiled. Caller: print the message and exit with 1."""


def pinned(package: str) -> str:
    """Returns the exact version of an npm package that ``contracts/package.json`` pins."""
    version: str = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"][package]
    return version


def settings() -> Json:
    """Returns the compiler settings of ``contracts/foundry.toml`` in the compiler's own words."""
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"]
    return {
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "viaIR": profile["via_ir"],
        "metadata": {"bytecodeHash": profile["bytecode_hash"], "appendCBOR": profile["cbor_metadata"]},
    }


def entry_points() -> dict[str, Path]:
    """Returns the file of the artifact of each source unit whose contract of the same name gets one.

    Those of the suite travel with the package, those of mocks stay with the tests.
    """
    units = [path.name for path in CONTRACTS.glob("*.sol")] + list(ADOPTED)
    mocks = [f"test/mocks/{path.name}" for path in CONTRACTS.glob("test/mocks/*.sol")]
    return {
        **{unit: ARTIFACTS / f"{Path(unit).stem}.json" for unit in sorted(units)},
        **{unit: MOCKS / f"{Path(unit).stem}.json" for unit in sorted(mocks)},
    }


def source_path(unit: str) -> Path:
    """Returns the file of a source unit: ours by its place in ``contracts/``, others in ``node_modules``."""
    return CONTRACTS / "node_modules" / unit if unit.startswith("@") else CONTRACTS / unit


def gather(units: Iterable[str]) -> dict[str, str]:
    """Reads ``units`` and everything they import.

    Raises:
        CompileError: An import names no file.
    """
    found: dict[str, str] = {}
    waiting = list(units)
    while waiting:
        unit = waiting.pop()
        if unit in found:
            continue
        path = source_path(unit)
        if not path.is_file():
            raise CompileError(f"source does not match (got no file for {unit}, expected it below contracts/)")
        found[unit] = path.read_text()
        waiting += [resolve(unit, name) for name in IMPORT.findall(found[unit])]
    return dict(sorted(found.items()))


def resolve(unit: str, name: str) -> str:
    """Returns the source unit that ``name`` means in an import of ``unit``."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(unit), name)) if name.startswith(".") else name


def compiler() -> Path:
    """Finds the compiler: ``CONSENTRY_SOLC=native`` or ``npm``; without it the native one if it is installed.

    Raises:
        CompileError: The one asked for is not installed in the pinned version.
    """
    choice = os.environ.get("CONSENTRY_SOLC", "")
    if choice not in {"", "native", "npm"}:
        raise CompileError(f"CONSENTRY_SOLC does not match (got {choice}, expected native or npm)")
    native = native_compiler()
    if choice == "native" and native is None:
        raise CompileError(f"solc does not match (got no native {pinned('solc')}, expected it on the PATH)")
    if native is not None and choice != "npm":
        return native
    return CONTRACTS / "tooling" / "solc.mjs"


def native_compiler() -> Path | None:
    """Returns the native compiler of the pinned version, from py-solc-x or the PATH."""
    version = pinned("solc")
    if version in map(str, solcx.get_installed_solc_versions()):
        return Path(solcx.install.get_executable(version))
    found = shutil.which("solc")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return Path(found) if f"Version: {version}+" in said else None


def compile_sources(sources: dict[str, str], units: Iterable[str]) -> Json:
    """Compiles ``units`` among ``sources`` and returns the compiler's output.

    All sources are given, whatever is asked for: their number has a say in the order of functions in the code.

    Raises:
        CompileError: The compiler found errors.
    """
    wanted = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "storageLayout", "metadata"]
    wanted += ["evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {**settings(), "outputSelection": {unit: {"*": wanted} for unit in units}},
    }
    try:
        output: Json = solcx.compile_standard(request, solc_binary=compiler())
    except solcx.exceptions.SolcError as error:
        raise CompileError(str(error)) from error
    for problem in output.get("errors", []):
        foreign = problem.get("sourceLocation", {}).get("file", "").startswith("@")  # a library's own affair
        if problem["severity"] == "warning" and not foreign:
            print(problem["formattedMessage"].strip(), file=sys.stderr)
    return output


def source_hash(contributing: list[str]) -> str:
    """Returns the SHA-256 over the named sources of ours and the versions of compiler and OpenZeppelin.

    Sources of OpenZeppelin are covered by its version: the npm lock pins it by hash. A source that is gone counts as an
    empty one.
    """
    said = hashlib.sha256()
    for unit in sorted(contributing):
        if not unit.startswith("@"):
            path = source_path(unit)
            content = path.read_bytes() if path.is_file() else b""
            said.update(f"{unit} {hashlib.sha256(content).hexdigest()}\n".encode())
    said.update(f"{OPENZEPPELIN} {pinned(OPENZEPPELIN)}\nsolc {pinned('solc')}\n".encode())
    said.update(json.dumps(settings(), sort_keys=True).encode())
    return said.hexdigest()


def storage_layout(layout: Json) -> Json:
    """Drops the syntax-tree ids from a storage layout; they move when an unrelated source changes."""
    text = re.sub(r"(t_(?:struct|enum|contract|userDefinedValueType)\([^()]*\))\d+", r"\1", json.dumps(layout))
    clean: Json = json.loads(text)
    slots = list(clean["storage"])
    for kind in (clean["types"] or {}).values():
        slots += kind.get("members", [])
    for slot in slots:
        slot.pop("astId", None)
    return clean


def artifact(unit: str, compiled: Json) -> Json:
    """Builds the artifact of the contract that ``unit`` defines.

    Raises:
        CompileError: The contract needs a library linked; ours are inlined.
    """
    code, deployed = compiled["evm"]["bytecode"], compiled["evm"]["deployedBytecode"]
    if code["linkReferences"]:
        raise CompileError(f"bytecode does not match (got open links in {unit}, expected none)")
    contributing = sorted(json.loads(compiled["metadata"])["sources"])
    spots = [spot for spots in deployed.get("immutableReferences", {}).values() for spot in spots]
    return {
        "contractName": Path(unit).stem,
        "sourceName": unit,
        "sources": contributing,
        "sourceHash": source_hash(contributing),
        "compiler": {"version": pinned("solc"), "settings": settings()},
        "openzeppelin": pinned(OPENZEPPELIN),
        "abi": compiled["abi"],
        "bytecode": "0x" + code["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutables": sorted(spots, key=lambda spot: spot["start"]),
        "storageLayout": storage_layout(compiled["storageLayout"]),
    }


def build(*, kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Compiles everything, or what is not ``kept``; returns the text of each artifact file by its name.

    Raises:
        CompileError: The sources do not compile.
    """
    points, files = entry_points(), dict(kept or {})
    wanted = [unit for unit, file in points.items() if file.name not in files]
    if not wanted:
        return files
    output = compile_sources(gather(points), wanted)
    for unit in wanted:
        file = points[unit]
        made = artifact(unit, output["contracts"][unit][file.stem])
        files[file.name] = json.dumps(made, indent=1, sort_keys=True) + "\n"
    return files


def fresh() -> dict[str, str]:
    """Gives the artifacts on disk whose sources are what they were made of."""
    old = set(stale_sources())
    return {name: text for name, text in on_disk().items() if name not in old}


def on_disk() -> dict[str, str]:
    """Returns the text of each artifact on disk by the name of its file."""
    return {path.name: path.read_text() for folder in (ARTIFACTS, MOCKS) for path in folder.glob("*.json")}


def stale(files: dict[str, str]) -> list[str]:
    """Names the artifacts on disk that differ from ``files``, are missing, or should not be there."""
    there = on_disk()
    return sorted(name for name in there.keys() | files.keys() if there.get(name) != files.get(name))


def stale_sources() -> list[str]:
    """Names the artifacts whose sources changed since they were compiled; needs no compiler."""
    expected = {file.name for file in entry_points().values()}
    there = {name: json.loads(text) for name, text in on_disk().items()}
    changed = {name for name, made in there.items() if made["sourceHash"] != source_hash(made["sources"])}
    return sorted(changed | (expected ^ there.keys()))


def main() -> int:
    """Runs the command; returns the exit status: 0, or 1 if stale or not compilable."""
    parser = argparse.ArgumentParser(prog="scripts/compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if an artifact is stale")
    check: bool = parser.parse_args().check
    try:
        files = build() if check else build(kept=fresh())
    except CompileError as error:
        print(f"compile: {error}", file=sys.stderr)
        return 1
    changed = stale(files)
    if check:
        print(f"compile: stale: {', '.join(changed)}" if changed else f"compile: {len(files)} artifacts are fresh")
        return 1 if changed else 0
    folders = {file.name: file.parent for file in entry_points().values()}
    for name in changed:
        folder = folders.get(name, ARTIFACTS if (ARTIFACTS / name).exists() else MOCKS)
        folder.mkdir(parents=True, exist_ok=True)
        if name in files:
            (folder / name).write_text(files[name])
        else:
            (folder / name).unlink()
    print(f"compile: {len(files)} artifacts, {len(changed)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
