"""What differs between the engines, one profile each.

All engines are spoken to by the same code; where it must know a difference, it asks the ``EngineProfile``. Profiles are
``profile.toml`` files beside the launchers, in ``hardhat-free-node/`` of a checkout and inside an installed package.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from consentry.errors import ConfigurationError

Finality = Literal["single-node", "validator-quorum"]
HeaderForm = Literal["ethereum", "qbft"]
ProofKind = Literal["none", "tries", "tries-and-seals"]
ENGINE_NAMES = ("in-process", "embedded", "besu")
_CHOICES = {"finality": get_args(Finality), "header_form": get_args(HeaderForm), "proof_kind": get_args(ProofKind)}
_PACKAGE_FOLDER = "engines"
_CHECKOUT_FOLDER = "hardhat-free-node"
_UP_TO_CHECKOUT = 3


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """One engine, as far as it differs from the others.

    Attributes:
        name: the engine's folder: in-process, embedded or besu.
        engine: the program behind it.
        hardfork: the EVM version it runs.
        finality: who agreed to a block that counts as final.
        header_form: how the block hash follows from the header.
        proof_kind: what can be proved offline.
        p256_precompile: whether P-256 signatures are verified at address 0x100 (EIP-7951).
        gas_price: what a transaction must offer, in wei.
        block_gas_limit: gas of one block.
        transaction_gas_limit: gas of one transaction.
        block_period_seconds: time between two blocks; 0 if a block is made when there is something to put in.
    """

    name: str
    engine: str
    hardfork: str
    finality: Finality
    header_form: HeaderForm
    proof_kind: ProofKind
    p256_precompile: bool
    gas_price: int
    block_gas_limit: int
    transaction_gas_limit: int
    block_period_seconds: int


def definitions_folder() -> Path:
    """The folder that holds one folder an engine.

    Raises:
        ConfigurationError: neither the package nor a checkout around it has them.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / _PACKAGE_FOLDER, here.parents[_UP_TO_CHECKOUT - 1] / _CHECKOUT_FOLDER):
        if (folder / ENGINE_NAMES[0] / "profile.toml").is_file():
            return folder
    raise ConfigurationError("definitions of the engines are missing: the installation is not complete")


def load_profile(name: str, folder: Path | None = None) -> EngineProfile:
    """Reads the profile of an engine.

    Args:
        name: one of ``ENGINE_NAMES``.
        folder: where the engines' folders are; found by itself if not given.

    Raises:
        ConfigurationError: there is no such engine, or its profile does not say what it must.
    """
    if name not in ENGINE_NAMES:
        raise ConfigurationError(f"engine does not match (got {name!r}, expected one of {', '.join(ENGINE_NAMES)})")
    path = (folder or definitions_folder()) / name / "profile.toml"
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"profile {path} cannot be read ({error})") from error
    expected = {field.name: field.type for field in fields(EngineProfile)}
    if content.keys() != expected.keys():
        differing = sorted(content.keys() ^ expected.keys())
        raise ConfigurationError(f"fields of profile {path} do not match (differing: {', '.join(differing)})")
    for key, value in content.items():
        _check_field(path, key, value, str(expected[key]))
    if content["name"] != name:
        raise ConfigurationError(f"name in profile {path} does not match (got {content['name']!r}, expected {name!r})")
    return EngineProfile(**content)


def _check_field(path: Path, key: str, value: object, kind: str) -> None:
    wanted: type = {"int": int, "bool": bool}.get(kind, str)
    if type(value) is not wanted or (isinstance(value, int) and value < 0):
        raise ConfigurationError(f"{key} in profile {path} does not match (got {value!r}, expected {wanted.__name__})")
    choices = _CHOICES.get(key)
    if choices and value not in choices:
        raise ConfigurationError(
            f"{key} in profile {path} does not match (got {value!r}, expected one of {', '.join(choices)})"
        )
