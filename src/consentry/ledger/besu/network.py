"""A folder of files for one network: generated from ``participants.toml``, and checked fact by fact."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consentry.errors import ConfigurationError
from consentry.ledger.besu.files import (
    BFT_MIX_HASH,
    GENESIS_NAME,
    PERMISSIONS_NAME,
    STATIC_NODES_NAME,
    VALIDATORS_NAME,
    enode,
    network_files,
)
from consentry.ledger.besu.participants import Participants, read_participants
from consentry.ledger.besu.validators import decode_extra_data, node_address, provide_key, quorum, read_key, tolerated
from consentry.ledger.embedded.durable import explained, write_synced

PARTICIPANTS_NAME = "participants.toml"


@dataclass(frozen=True, slots=True)
class Network:
    """A generated or checked network.

    Attributes:
        chain_id: its chain id.
        addresses: the validators' accounts, by name.
        quorum: how many of them must seal a block.
        tolerated: how many of them may fail or lie.
    """

    chain_id: int
    addresses: Mapping[str, str]
    quorum: int
    tolerated: int


def generate(participants_path: Path, folder: Path, keys: Path) -> Network:
    """Writes the files of a network, and draws the keys of validators that have none yet.

    Existing keys are used and never changed. The same list and keys give the same files.

    Args:
        participants_path: the list.
        folder: where the files go; holds nothing secret.
        keys: where key files are, one a validator, mode 0600; outside of ``folder`` and of version control.

    Raises:
        ConfigurationError: the list does not hold, a key cannot be used, or the disk refuses.
    """
    participants = read_participants(participants_path)
    _check_place(keys.absolute(), folder.absolute())
    with explained("writing the network"):
        identities = {
            validator.name: validator.public_key or provide_key(keys / validator.name)
            for validator in participants.validators
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in network_files(participants, identities).items():
            write_synced(folder / name, content.encode())
            (folder / name).chmod(0o644)
        if participants_path.resolve() != (folder / PARTICIPANTS_NAME).resolve():
            shutil.copyfile(participants_path, folder / PARTICIPANTS_NAME)
    return check(folder, keys)


def check(folder: Path, keys: Path | None = None) -> Network:
    """Checks that the files of a network agree with each other, with its list, and with the keys if they are at hand.

    Args:
        folder: what ``generate`` wrote, or what another member sent.
        keys: the folder of key files; only those that are there are compared, without it none.

    Raises:
        ConfigurationError: naming the first thing that does not agree.
    """
    participants = read_participants(folder / PARTICIPANTS_NAME)
    identities = _identities(folder, participants)
    _check_genesis(_read_json(folder / GENESIS_NAME), participants, identities)
    _check_lists(folder, participants, identities)
    for name, content in network_files(participants, identities).items():
        if _read(folder / name) != content:
            raise ConfigurationError(f"file {folder / name} does not match the list: generate the network again")
    for validator in participants.validators:
        path = keys / validator.name if keys else None
        if path and path.exists() and read_key(path) != identities[validator.name]:
            raise ConfigurationError(
                f"key of validator {validator.name} does not match its identity in {VALIDATORS_NAME}"
            )
    count = len(participants.validators)
    addresses = {name: node_address(identity) for name, identity in identities.items()}
    return Network(participants.chain_id, addresses, quorum(count), tolerated(count))


def _check_place(keys: Path, folder: Path) -> None:
    """Keys must not travel with the files: not inside their folder, and not where version control would take them."""
    if keys.is_relative_to(folder):
        raise ConfigurationError(f"folder of keys {keys} lies inside the folder of the network: keep them apart")
    checkout = next((parent for parent in keys.parents if (parent / ".git").exists()), None)
    if checkout and not keys.relative_to(checkout).parts[0].startswith("."):
        raise ConfigurationError(f"folder of keys {keys} lies in a checkout: keep keys out of version control")


def _identities(folder: Path, participants: Participants) -> dict[str, str]:
    content = _read_json(folder / VALIDATORS_NAME)
    try:
        found = {str(one["name"]): str(one["public_key"]) for one in content["validators"]}
        addresses = {str(one["name"]): str(one["address"]) for one in content["validators"]}
        derived = {name: node_address(identity) for name, identity in found.items()}
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigurationError(f"file {folder / VALIDATORS_NAME} is not in its form") from error
    if addresses != derived:
        raise ConfigurationError(f"addresses in {VALIDATORS_NAME} do not follow from the public keys")
    _check_identities(found, participants)
    return found


def _check_identities(found: Mapping[str, str], participants: Participants) -> None:
    names = [validator.name for validator in participants.validators]
    if list(found) != names:
        raise ConfigurationError(f"validators do not match (got {', '.join(found)}, expected {', '.join(names)})")
    if len(set(found.values())) != len(found):
        raise ConfigurationError("node identities do not match (expected each once)")
    for validator in participants.validators:
        if validator.public_key and validator.public_key != found[validator.name]:
            raise ConfigurationError(f"identity of validator {validator.name} does not match the list")


def _check_genesis(genesis: Any, participants: Participants, identities: Mapping[str, str]) -> None:  # noqa: ANN401 - JSON
    try:
        config, named = genesis["config"], decode_extra_data(genesis["extraData"])
        facts = {
            "chain id": (config["chainId"], participants.chain_id),
            "base fee": (config["zeroBaseFee"], True),
            "first Osaka block": (config["osakaTime"], 0),
            "difficulty": (int(genesis["difficulty"], 16), 1),
            "mixHash": (genesis["mixHash"], BFT_MIX_HASH),
            "funded accounts": (list(genesis["alloc"]), []),
            "block period": (config["qbft"]["blockperiodseconds"], participants.block_period_seconds),
        }
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigurationError(f"genesis file is not in its form ({type(error).__name__}: {error})") from error
    expected = sorted((node_address(identity) for identity in identities.values()), key=str.lower)
    if named != expected:
        raise ConfigurationError(f"validators in extraData do not match the keys (got {named}, expected {expected})")
    for what, (got, wanted) in facts.items():
        if got != wanted:
            raise ConfigurationError(f"{what} of the genesis file does not match (got {got}, expected {wanted})")


def _check_lists(folder: Path, participants: Participants, identities: Mapping[str, str]) -> None:
    wanted = {enode(validator, identities[validator.name]) for validator in participants.validators}
    accounts = {relay.account.lower() for relay in participants.relays}
    try:
        permissions = tomllib.loads(_read(folder / PERMISSIONS_NAME))
        lists = {
            STATIC_NODES_NAME: (set(_read_json(folder / STATIC_NODES_NAME)), wanted),
            "nodes-allowlist": (set(permissions["nodes-allowlist"]), wanted),
            "accounts-allowlist": (set(permissions["accounts-allowlist"]), accounts),
        }
    except (tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        raise ConfigurationError(f"file {folder / PERMISSIONS_NAME} is not in its form ({error})") from error
    for what, (got, expected) in lists.items():
        if got != expected:
            raise ConfigurationError(
                f"{what} is not complete or names strangers "
                f"(missing: {sorted(expected - got)}, unknown: {sorted(map(str, got - expected))})"
            )


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"file {path} cannot be read ({type(error).__name__})") from error


def _read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise ConfigurationError(f"file {path} is no JSON") from error
