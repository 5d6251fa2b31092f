"""Acts of officers as the suites of `Participants` and `Governance` try them."""

from __future__ import annotations

from eth_hash.auto import keccak
from web3 import Web3

from consentry.core.terms import ZERO_ADDRESS
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import World

REASON = keccak(b"reason")
PROFILE = keccak(b"profile")
SIGNER = bytes(range(1, 21))
NEWCOMER = Web3.to_checksum_address(bytes.fromhex("11" * 20))
ZERO = Web3.to_checksum_address(ZERO_ADDRESS)
WEEK = 7 * 86_400


def checksummed(address: bytes) -> str:
    return Web3.to_checksum_address(address)


def refusal(world: World, sender: str, function: str, *arguments: Value) -> tuple[str, tuple[Value, ...]]:
    return world.suite.refusal("Participants", function, *arguments, sender=sender)


def send(world: World, sender: str, function: str, *arguments: Value) -> list[Event]:
    return world.suite.events(world.suite.send("Participants", function, *arguments, sender=sender), "Participants")


def two(world: World, authority: str, function: str, *arguments: Value) -> list[Event]:
    """Has two officers do an act and gives the events of the act itself."""
    receipt = world.by_two(authority, function, *arguments)
    confirmed, *events = world.suite.events(receipt, "Participants")
    assert (confirmed.name, confirmed.args["officer"]) == ("ActConfirmed", world.deputies[authority])
    return events


def read(world: World, function: str, *arguments: Value) -> Value:
    return world.suite.read("Participants", function, *arguments)


def act_of(world: World, function: str, *arguments: Value) -> tuple[bytes, bytes]:
    """Gives a call of `Participants` and its hash."""
    call = bytes.fromhex(world.suite["Participants"].encode_abi(function, args=list(arguments))[2:])
    return call, keccak(call)


def is_held(world: World, role: int, account: str) -> bool:
    """Tells whether an account holds a role now."""
    return bool(world.suite.read("Governance", "hasRole", role, account)[0])
