"""Signed acts sent to the contracts of a world, and what they leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from web3 import Web3

from consentry.core.acts import parties_of
from consentry.core.signed_act import SignedAct
from consentry.core.typed_data import members_of, struct_hash
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import World, values_of
from tests.support.signers import Signer


def signed(world: World, act: SignedAct, signers: Sequence[Signer]) -> list[bytes]:
    """Gives the signatures over an act."""
    return [world.sign(act.FORM.contract, act, signer) for signer in signers]


def perform(world: World, act: SignedAct, *signers: Signer) -> list[Event]:
    """Has an act taken; gives the events."""
    signatures = signed(world, act, signers)
    call = (act.FORM.contract, act.FORM.function)
    return world.suite.events(world.suite.send(*call, values_of(act), signatures, sender=world.relay))


def refused(world: World, act: SignedAct, *signers: Signer, sender: str | None = None) -> tuple[str, tuple[Value, ...]]:
    """Gives the error with which an act is refused."""
    signatures = signed(world, act, signers)
    call = (act.FORM.contract, act.FORM.function)
    return world.suite.refusal(*call, values_of(act), signatures, sender=sender or world.relay)


def event_of(act: SignedAct, signatures: Sequence[bytes]) -> Event:
    """Gives the event an act leaves, as the decoder shows it."""
    subject, institution = parties_of(act)
    names = [member.split(" ") for member in members_of(type(act))]
    values: dict[str, Any] = {}
    for (kind, name), value in zip(names, dataclasses.astuple(act), strict=True):
        values[name] = Web3.to_checksum_address(value) if kind == "address" else value
    args = {
        "actHash": struct_hash(act),
        "subjectId": subject,
        "institution": Web3.to_checksum_address(institution),
        "act": values,
        "signatures": list(signatures),
    }
    return Event(act.FORM.event, args)
