"""Events as rows and back, driven by the fields of ``core.events``: no field is named twice."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import Row

from consentry.core import events
from consentry.core.act_table import BY_EVENT, EVENTS
from consentry.core.asks import ConsentAsk
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address, SubjectId
from consentry.directory.tables import EventRow

_KINDS: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in typing.get_args(events.LedgerEvent)}

_TYPES_OF: Final[dict[type[Any], list[Any]]] = {}


Columns = dict[str, Any]
"""The columns of an event's row by name, all of them."""


def to_row(event: events.LedgerEvent) -> EventRow:
    """Gives the row of an event."""
    return EventRow(**columns_of(event))


def columns_of(event: events.LedgerEvent) -> Columns:
    """Gives the columns of an event's row: many are written at a time, past the objects of a mapper."""
    if isinstance(event, events.ActPerformed):
        return _act_columns(event)
    place = event.place
    entry = event.entry if isinstance(event, events.AccessDecided) else None
    named: Any = entry or event
    return Columns(
        block_number=place.block.number,
        log_index=place.log_index,
        kind=type(event).__name__,
        transaction_hash=place.transaction_hash,
        subject_id=getattr(named, "subject_id", None),
        participant=_participant(event),
        record_id=entry.request.record_id if entry else getattr(event, "record_id", None),
        consent_id=entry.request.consent_id if entry else getattr(event, "consent_id", None),
        signer=event.signer if isinstance(event, events.SubjectEnrolled) else None,
        permitted=entry.reason == 0 if entry else None,
        act_hash=None,
        payload=json.dumps([_plain(v) for v in _members(event)], separators=(",", ":")),
    )


def asked_in(rows: Iterable[Columns]) -> frozenset[SubjectId]:
    """Gives the subjects that were asked for a consent in some rows."""
    return frozenset(SubjectId(row["subject_id"]) for row in rows if row["kind"] == EVENTS[ConsentAsk])


def from_row(row: EventRow | Row[*tuple[Any, ...]], block: BlockReference) -> Any:
    """Gives the event of a row; ``block`` is the one it stands in."""
    place = EventPlace(block, row.transaction_hash, row.log_index)
    if row.kind in BY_EVENT:
        return _performed(BY_EVENT[row.kind], place, json.loads(row.payload))
    kind = _KINDS[row.kind]
    types = _field_types(kind)[1:]
    return kind(place, *(_typed(t, v) for t, v in zip(types, json.loads(row.payload), strict=True)))


def _act_columns(event: events.ActPerformed) -> Columns:
    place, form = event.place, event.act.FORM
    members = [event.act_hash, event.subject_id, event.institution, event.act, list(event.signatures)]
    return Columns(
        block_number=place.block.number,
        log_index=place.log_index,
        kind=form.event,
        transaction_hash=place.transaction_hash,
        subject_id=event.subject_id if any(event.subject_id) else None,
        participant=event.institution if any(event.institution) else None,
        record_id=getattr(event.act, "record_id", None),
        consent_id=getattr(event.act, "consent_id", None),
        signer=_signer_of(event.act),
        permitted=None,
        act_hash=event.act_hash,
        payload=json.dumps([_plain(member) for member in members], separators=(",", ":")),
    )


def _signer_of(act: SignedAct) -> bytes | None:
    """Gives the signer an act introduces: a new one of a subject, or a guardian's."""
    return act.guardian if isinstance(act, GuardianAppointment) else getattr(act, "signer", None)


def _performed(kind: type[SignedAct], place: EventPlace, members: Any) -> events.ActPerformed:
    act_hash, subject_id, institution, act, signatures = members
    parties = SubjectId(bytes.fromhex(subject_id)), Address(bytes.fromhex(institution))
    signed = tuple(bytes.fromhex(signature) for signature in signatures)
    return events.ActPerformed(place, bytes.fromhex(act_hash), *parties, _typed(kind, act), signed)


def _participant(event: events.LedgerEvent) -> bytes | None:
    if isinstance(event, events.AccessDecided):
        return event.entry.request.institution
    for name in ("institution", "custodian", "authority", "relay"):
        found = getattr(event, name, None)
        if found is not None:
            return bytes(found)
    return None


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    """Gives the fields of an event or of a struct, without its place."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.name != "place")


def _members(value: Any) -> list[Any]:
    kind: Any = type(value)
    return [getattr(value, name) for name in _names_of(kind)]


_PLAIN: Final = frozenset({int, bool, str})
"""What stands in JSON as it is; a code is an int of another type."""


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if dataclasses.is_dataclass(value):
        return [_plain(member) for member in _members(value)]
    return value


def _field_types(kind: type[Any]) -> list[Any]:
    if kind not in _TYPES_OF:
        hints = typing.get_type_hints(kind)
        _TYPES_OF[kind] = [hints[f.name] for f in dataclasses.fields(kind)]
    return _TYPES_OF[kind]


def _typed(kind: Any, value: Any) -> Any:
    base = getattr(kind, "__supertype__", kind)
    if base is bytes:
        return bytes.fromhex(value)
    if dataclasses.is_dataclass(base) and isinstance(base, type):
        return base(*(_typed(t, v) for t, v in zip(_field_types(base), value, strict=True)))
    if isinstance(base, type) and issubclass(base, IntEnum):
        return base(value)
    return value
