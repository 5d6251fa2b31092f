"""Events as the logs a node gives: the other direction of `consentry.ledger.events.decode_log`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any

from consentry.core import events
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.terms import AccessEntry, Address
from consentry.ledger.abi import CONTRACTS, Signature, artifact, values_of
from consentry.ledger.events import Log
from tests.support.answers import encode_members


@cache
def _signatures() -> Mapping[str, Signature]:
    return {s.name: s for name in CONTRACTS for s in artifact(name).events.values()}


def encode_log(event: events.LedgerEvent, addresses: Mapping[str, Address]) -> Log:
    """Gives the log of an event, at its place."""
    name = event.act.FORM.event if isinstance(event, events.ActPerformed) else type(event).__name__
    signature = _signatures()[name]
    pairs = list(zip(signature.inputs, _values(event), strict=True))
    heads = tuple(encode_members([member], [value]) for member, value in pairs if member["indexed"])
    plain = [(member, value) for member, value in pairs if not member["indexed"]]
    data = encode_members([member for member, _ in plain], [value for _, value in plain])
    block = event.place.block
    return Log(
        address=addresses[signature.contract],
        topics=(signature.digest, *heads),
        data=data,
        block_number=block.number,
        block_hash=block.hash,
        transaction_hash=event.place.transaction_hash,
        log_index=event.place.log_index,
    )


def _values(event: events.LedgerEvent) -> list[Any]:
    if isinstance(event, events.AccessDecided):
        return _decided(event.entry)
    names = [field.name for field in dataclasses.fields(event) if field.name != "place"]
    return [_plain(getattr(event, name)) for name in names]


def _plain(value: Any) -> Any:  # noqa: ANN401 - a member of any event
    if isinstance(value, IntEnum):
        return int(value)
    return values_of(value) if dataclasses.is_dataclass(value) else value


def _decided(entry: AccessEntry) -> list[Any]:
    asked = entry.request
    outcome = pack_outcome(entry.reason, entry.decided_at, entry.subject_sequence, entry.institution_sequence)
    line = (
        asked.record_id,
        ground_of(asked),
        asked.reason_hash,
        asked.practitioner,
        asked.release_key_hash,
        pack_codes(asked),
        outcome,
    )
    return [asked.request_id, entry.subject_id, asked.institution, line]
