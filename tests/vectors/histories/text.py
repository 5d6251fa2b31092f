"""Histories as JSON and back.

A file holds ``defaults``, the usual members of each struct, and ``histories``; a struct in a history names only the
members that differ. ``README.md`` beside the folder describes the members of a step.
"""

from __future__ import annotations

from typing import Any, Final

from consentry.core.act_table import BY_NAME, name_of
from consentry.core.signed_act import SignedAct
from consentry.core.terms import AccessRequest, ConsentTerms, Enrolment, InstitutionKeys, RecordLeaf
from consentry.core.typed_data import SignedStruct
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.support import samples
from tests.vectors.histories.story import ACCEPTED, RELAY, Asked, Step, Story

DEFAULTS: Final[dict[str, Json]] = {
    "AccessRequest": notation.write(samples.request(bytes(32), bytes(32), samples.RELEASE_KEY_HASH)),
    "ConsentTerms": notation.write(samples.terms()),
    "RecordLeaf": notation.write(samples.leaf()),
}
STRUCTS: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (AccessRequest, ConsentTerms, Enrolment, InstitutionKeys, RecordLeaf, *BY_NAME.values())
}


def _written(value: SignedStruct) -> Json:
    usual = DEFAULTS.get(type(value).__name__, {})
    members = {name: member for name, member in notation.write(value).items() if usual.get(name) != member}
    return {"type": type(value).__name__, **members}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return notation.hex_of(value)
    return value


def _item(item: Asked) -> Json:
    material = item.material
    return {
        "request": _written(item.request),
        "leaf": _written(material.leaf),
        "terms": _written(material.terms) if material.terms else None,
        "scopeProof": [notation.hex_of(node) for node in material.scope_proof],
        **({"authorisation": _written(material.authorisation)} if material.authorisation else {}),
        "key": item.key,
        "answer": item.answer.name,
    }


def _step(step: Step) -> Json:
    shown: Json = {"do": step.do}
    for name, value in step.values.items():
        is_struct = hasattr(value, "__dataclass_fields__")
        shown[name] = _written(value) if is_struct else _plain(value)
    if isinstance(step.values.get("struct"), SignedAct):
        shown["act"] = name_of(type(step.values["struct"]))
    more = {
        "keys": list(step.keys),
        "items": [_item(item) for item in step.items],
        "by": step.by if step.by != RELAY else None,
        "officers": list(step.officers),
        "left_out": [_written(request) for request in step.left_out],
        "refused": [step.expect[0], *map(_shown, step.expect[1])] if step.expect != ACCEPTED else None,
    }
    found = {} if step.found is None else {"found": [_shown(value) for value in step.found]}
    return shown | {name: value for name, value in more.items() if value} | found


def _shown(argument: bytes | int) -> object:
    """Numbers as text: some are wider than JSON's."""
    return notation.hex_of(argument) if isinstance(argument, bytes) else str(int(argument))


def written(story: Story) -> Json:
    """Gives a history as JSON."""
    return {"name": story.name, "steps": [_step(step) for step in story.steps]}
