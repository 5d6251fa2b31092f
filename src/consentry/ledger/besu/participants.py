"""``participants.toml``: who takes part in a network, and where. Read strictly: what is unknown is refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from eth_utils.address import is_checksum_address

from consentry.errors import ConfigurationError
from consentry.ledger.besu.validators import FEWEST_VALIDATORS, PUBLIC_KEY_BYTES

# Earlier ones drop transactions at price zero from accounts without balance: free-gas networks make empty blocks only.
OLDEST_BESU = (26, 7, 1)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_IMAGE = re.compile(r"[a-z0-9./-]+:(\d+)\.(\d+)\.(\d+)(@sha256:[0-9a-f]{64})?")
_MOST_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Validator:
    """One validator node.

    Attributes:
        name: short name; also the name of its key file and of its service.
        organisation: who runs it.
        ip: its address as the other nodes reach it; Besu's enode addresses name no hosts.
        p2p_port: TCP port for the other nodes.
        rpc_port: TCP port for JSON-RPC, published on the loopback interface only.
        public_key: node identity, if the key is held elsewhere; empty if a key file is kept here.
    """

    name: str
    organisation: str
    ip: str
    p2p_port: int
    rpc_port: int
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class Relay:
    """An account that may send transactions, and whose it is."""

    name: str
    account: str


@dataclass(frozen=True, slots=True)
class Participants:
    """A network, as its members agreed on it.

    Attributes:
        name: short name of the network.
        chain_id: its own chain id.
        image: Besu's container image with its version, better with its digest too.
        subnet: address range of the container network, in CIDR form.
        block_period_seconds: time between two blocks.
        request_timeout_seconds: time until a new proposer is tried.
        validators: at least four.
        relays: whose transactions the nodes accept.
    """

    name: str
    chain_id: int
    image: str
    subnet: str
    block_period_seconds: int
    request_timeout_seconds: int
    validators: Sequence[Validator]
    relays: Sequence[Relay]


_Made = TypeVar("_Made", Validator, Relay, Participants)


def read_participants(path: Path) -> Participants:
    """Reads and checks the list.

    Raises:
        ConfigurationError: it cannot be read, or what it says cannot be a network.
    """
    try:
        content = tomllib.loads(path.read_text())
        network: dict[str, Any] = dict(content.pop("network"))
        validators = [_make(Validator, one) for one in content.pop("validator")]
        relays = [_make(Relay, one) for one in content.pop("relay")]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"list {path} cannot be read ({error})") from error
    if content:
        raise ConfigurationError(f"sections of {path} do not match (unknown: {', '.join(content)})")
    participants = _make(Participants, {**network, "validators": tuple(validators), "relays": tuple(relays)})
    check_participants(participants)
    return participants


def check_participants(participants: Participants) -> None:
    """Refuses what cannot be a network.

    Raises:
        ConfigurationError: naming what is wrong.
    """
    validators = participants.validators
    if len(validators) < FEWEST_VALIDATORS:
        raise ConfigurationError(f"number of validators does not match (got {len(validators)}, expected 4 or more)")
    if not participants.relays:
        raise ConfigurationError("relay accounts are missing: nobody could send a transaction")
    if not 0 < participants.block_period_seconds < participants.request_timeout_seconds:
        raise ConfigurationError(
            "block period does not match (expected 1 second or more, less than the request timeout)"
        )
    if not 0 < participants.chain_id < 2**53:
        raise ConfigurationError(f"chain id does not match (got {participants.chain_id}, expected 1 to 2^53 - 1)")
    _check_image(participants.image)
    for validator in validators:
        _check_validator(validator)
    for relay in participants.relays:
        if not is_checksum_address(relay.account):
            raise ConfigurationError(
                f"account of relay {relay.name} does not match (expected an address with checksum)"
            )
    _check_each_once(participants)


def _check_each_once(participants: Participants) -> None:
    validators, relays = participants.validators, participants.relays
    _check_unique("names", [participants.name, *(one.name for one in validators), *(one.name for one in relays)])
    _check_unique("peer addresses", [f"{one.ip}:{one.p2p_port}" for one in validators])
    _check_unique("JSON-RPC ports", [str(one.rpc_port) for one in validators])
    _check_unique("node identities", [one.public_key for one in validators if one.public_key])
    _check_unique("relay accounts", [one.account for one in relays])


def _check_image(image: str) -> None:
    match = _IMAGE.fullmatch(image)
    if match is None or tuple(map(int, match.groups()[:3])) < OLDEST_BESU:
        raise ConfigurationError(f"image does not match (got {image!r}, expected Besu 26.7.1 or later, by its version)")


def _check_validator(validator: Validator) -> None:
    who = f"validator {validator.name}"
    try:
        IPv4Address(validator.ip)
    except AddressValueError as error:
        raise ConfigurationError(
            f"ip of {who} does not match (got {validator.ip!r}, expected an IPv4 address)"
        ) from error
    for port in (validator.p2p_port, validator.rpc_port):
        if not 0 < port <= _MOST_PORTS:
            raise ConfigurationError(f"port of {who} does not match (got {port}, expected 1 to {_MOST_PORTS})")
    if validator.public_key and not re.fullmatch(rf"[0-9a-f]{{{2 * PUBLIC_KEY_BYTES}}}", validator.public_key):
        raise ConfigurationError(f"public key of {who} does not match (expected 64 bytes in lower-case hexadecimal)")


def _check_unique(what: str, values: Sequence[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ConfigurationError(f"{what} do not match (expected each once, twice: {', '.join(twice)})")


def _make(kind: type[_Made], content: dict[str, Any]) -> _Made:
    """A dataclass from a table that has exactly its fields, each of its type; fields with a default may be absent."""
    known = {field.name: field for field in fields(kind)}
    required = {name for name, field in known.items() if field.default is MISSING}
    differing = sorted((content.keys() - known.keys()) | (required - content.keys()))
    what = kind.__name__.lower()
    if differing:
        raise ConfigurationError(f"fields of {what} do not match (differing: {', '.join(differing)})")
    for name, value in content.items():
        wanted = {"str": str, "int": int}.get(str(known[name].type))
        if wanted is not None and type(value) is not wanted:
            raise ConfigurationError(f"{name} of {what} does not match (got {value!r}, expected {wanted.__name__})")
    if not _NAME.fullmatch(content["name"]):
        raise ConfigurationError(
            f"name of {what} does not match (got {content['name']!r}, expected a-z, 0-9 and hyphens)"
        )
    return kind(**content)
