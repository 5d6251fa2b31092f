"""Forges one bundle in every place: values flipped, members left out, added, of another type, or of another access.

The bundle has proofs, and its trust root names no checkpoint: all it is worth rests on them. Where a lie must be found
follows from the member it is in, by `STEPS`, which says what the format document says; where the log shows the events,
also from which of them a node or a checkpoint is needed for first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final

import rfc8785

from consentry.errors import ConsentryError
from consentry.evidence import notation, steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.claim import claim_of
from consentry.evidence.trust import TrustRoot
from tests.vectors.bundles.forgeries import Forgery
from tests.vectors.bundles.vouched import CHECKED

Json = dict[str, Any]
Path = tuple[str | int, ...]
Made = tuple[str, int, Path, bytes]
"""Name, step that must refuse it, place of the lie, and the file."""

STEPS: Final[tuple[tuple[str, int], ...]] = (
    ("format", steps.FORM),
    ("claim", steps.CLAIM),
    ("chain", steps.CHAIN),
    ("headers", steps.HEADERS),
    ("institution", steps.INSTITUTION),
    ("subject", steps.SUBJECT),
    ("record", steps.RECORD),
    ("consent/terms/subjectId", steps.SUBJECT),
    ("consent/terms/guardian", steps.SUBJECT),
    ("consent/terms/assurance", steps.CONSENT),
    ("consent", steps.CONSENT),
    ("requestSignature", steps.REQUEST),
    ("decision/entry/request/institution", steps.INSTITUTION),
    ("decision/entry/request", steps.REQUEST),
    ("decision/entry/subjectId", steps.RECORD),
    ("decision/entry", steps.DECISION),
    ("decision/inclusion/blockHash", steps.HEADERS),
    ("decision/inclusion", steps.DECISION),
    ("qbftProof", steps.SEALS),
    ("logProof", steps.WITNESSES),
    ("logNodes", steps.INSTITUTION),
)
"""Where a lie in a member is found; the first that fits counts."""

NULLABLE: Final[Mapping[str, int]] = {
    "subject": steps.SUBJECT,
    "record": steps.RECORD,
    "consent": steps.SUBJECT,
}
"""Members that may be `null` elsewhere, and where it is found that they may not here."""

INVENTED: Final[Mapping[str, tuple[Any, int]]] = {
    "rotation": ({}, steps.FORM),
    "batch": ({}, steps.FORM),
    "authorisation": ({}, steps.FORM),
    "debt": ({}, steps.FORM),
    "subjectKeys": ([{}], steps.FORM),
    "scopeProof": (["0x"], steps.FORM),
}
OTHER_TYPES: Final[tuple[Any, ...]] = (None, True, 7, 1.5, "0x", "7", [], {}, ["0x00"], {"0x": "0x"})


EVENTS: Final = ("institution", "record", "subject", "consent")
"""Members with an event, in the order in which they are asked for."""


def shares_nodes_as_written(document: Json) -> bool:
    """Tells whether each node stands once, in the order of its first use: the one form there is."""
    used: list[object] = []
    for _, value in places(dict(sorted(document.items()))):
        if isinstance(value, dict) and isinstance(value.get("path"), list):
            for place in value["path"]:
                used += [place] if place not in used else []
    nodes = document.get("logNodes", [])
    alike = isinstance(nodes, list) and any(nodes.count(node) > 1 for node in nodes)
    return isinstance(nodes, list) and used == [*range(len(nodes))] and not alike


def step_in(base: Json, document: Json, path: Path, usual: int) -> int:
    """Gives the step that must refuse a document whose events the log shows; ``usual`` is that of the place."""
    if "logNodes" not in base or usual == steps.FORM:
        return usual
    if not shares_nodes_as_written(document):
        return steps.FORM
    if path[:1] == ("logNodes",) and len(path) > 1:
        users = [name for name in EVENTS if path[1] in base[name]["inclusion"]["path"]]
        return min(step_of((name,)) for name in users)
    return usual


def step_of(path: Path) -> int:
    """Gives the step that must refuse a lie at a place of the file."""
    where = "/".join(str(part) for part in path)
    return next(step for prefix, step in STEPS if where == prefix or where.startswith(f"{prefix}/"))


def places(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Walks all values of a document, the outer before the inner."""
    yield path, value
    pairs: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        pairs = iter(value.items())
    elif isinstance(value, list):
        pairs = iter(enumerate(value))
    for name, inner in pairs:
        yield from places(inner, (*path, name))


def changed(base: Json, path: Path, change: Callable[[Any, Any], None]) -> bytes:
    """Writes the document with a change to what holds the place; the claim is made to fit what it then says."""
    found = deepcopy(base)
    target: Any = found
    for part in path[:-1]:
        target = target[part]
    change(target, path[-1])
    if path[0] == "decision":
        with suppress(ConsentryError, KeyError, TypeError, ValueError, AttributeError):
            found["claim"] = claim_of(notation.read_entry(found["decision"]["entry"]))
    return rfc8785.dumps(found)


def _put(value: object) -> Callable[[Any, Any], None]:
    def change(target: Any, name: Any) -> None:  # noqa: ANN401 - any part of a document
        target[name] = value

    return change


def _drop(target: Any, name: Any) -> None:  # noqa: ANN401 - any part of a document
    del target[name]


def _twice(target: Any, name: Any) -> None:  # noqa: ANN401 - any part of a document
    target.insert(name, target[name])


def _flipped_hex(text: str, nibble: int) -> str:
    at = 2 + nibble
    return text[:at] + f"{int(text[at], 16) ^ 1:x}" + text[at + 1 :]


def _flips(path: Path, value: object) -> Iterator[tuple[str, object]]:
    """Gives values in the same form with one bit or letter changed, and what was done."""
    if isinstance(value, bool):
        yield "negated", not value
    elif isinstance(value, int):
        yield "flipped", value ^ 1
    elif isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        # What a header has behind its first half may be seals, which `headers` are not asked about.
        for nibble in (1, len(value) // 3) if path[0] == "headers" else (1, len(value) // 2, len(value) - 3):
            yield f"flipped-at-{nibble}", _flipped_hex(value, nibble)
    elif isinstance(value, str) and value.isdecimal():
        yield "flipped", str(int(value) ^ 1)


def _of_values(base: Json) -> Iterator[Made]:
    for path, value in places(base):
        name = "-".join(str(part) for part in path)
        if not path or path[0] == "logProof":
            continue
        for what, other in _flips(path, value):
            yield f"flip-{name}-{what}", step_of(path), path, changed(base, path, _put(other))


def _of_log_proof(base: Json) -> Iterator[Made]:
    """One letter of each line of the log proof, so that it stays what such a line may be."""
    lines = base["logProof"].split("\n")
    for number, line in enumerate(lines[1:], start=1):
        if not line:
            continue
        at = len(line) - 1 if line[-1].isdecimal() else len(line) // 2
        other = str(int(line[at]) ^ 1) if line[at].isdecimal() else "B" if line[at] != "B" else "C"
        text = "\n".join([*lines[:number], line[:at] + other + line[at + 1 :], *lines[number + 1 :]])
        yield (
            f"flip-logProof-line-{number}",
            _step_of_line(base, number, lines),
            ("logProof",),
            changed(base, ("logProof",), _put(text)),
        )


def _of_members(base: Json) -> Iterator[Made]:
    """Members left out and added everywhere; contracts are a table, so that is no matter of form there."""
    for path, value in places(base):
        name = "-".join(str(part) for part in path)
        if isinstance(value, dict):
            step = steps.CHAIN if path == ("chain", "contracts") else steps.FORM
            yield f"added-{name or 'file'}", step, path, changed(base, (*path, "Note"), _put("0x" + "11" * 20))
        if path and isinstance(path[-1], str) and path[0] not in {"qbftProof", "logProof"}:
            step = steps.CHAIN if path[:2] == ("chain", "contracts") and len(path) > 2 else steps.FORM
            yield f"dropped-{name}", step, path, changed(base, path, _drop)


def _of_types(base: Json) -> Iterator[Made]:
    for path, value in places(base):
        if not path or value is None or value == []:
            continue
        name = "-".join(str(part) for part in path)
        for number, other in enumerate(OTHER_TYPES):
            if _may_be(path, value, other):
                continue
            step = NULLABLE[str(path[0])] if other is None and len(path) == 1 and path[0] in NULLABLE else steps.FORM
            yield f"type-{name}-{number}", step, path, changed(base, path, _put(other))
    for name, (other, step) in INVENTED.items():
        yield f"invented-{name}", step, (name,), changed(base, (name,), _put(other))


def _may_be(path: Path, value: object, other: object) -> bool:
    """Tells whether a value is of the kind that stands there, so that it is another lie than one of type."""
    alike = type(value) is type(other) and not isinstance(value, dict)
    empty = path in {("headers",), ("chain", "contracts")} or path[-1] == "nodes"
    return alike or (empty and isinstance(other, list | dict)) or path[-1] == "chainId"


def _of_lists(base: Json) -> Iterator[Made]:
    """Items of lists left out and doubled."""
    for path, _ in places(base):
        if not path or not isinstance(path[-1], int):
            continue
        name = "-".join(str(part) for part in path)
        # Nothing leads through the oldest header: it is missed where its event is looked for.
        step = _oldest_missed(base) if path == ("headers", 0) else step_of(path)
        yield f"item-dropped-{name}", step, path, changed(base, path, _drop)
        if path[0] != "headers":
            yield f"item-twice-{name}", step_of(path), path, changed(base, path, _twice)


def _of_swaps(base: Json, other: Json) -> Iterator[Made]:
    """Every part of another true access put in place of the one here."""
    for path, value in places(other):
        if not path or not _has(base, path) or _at(base, path) == value or path[0] in {"qbftProof", "logProof"}:
            continue
        if path[0] == "headers" and len(path) > 1:
            continue
        name = "-".join(str(part) for part in path)
        step = SWAPPED.get(path) or step_of(path)
        yield f"swap-{name}", step, path, changed(base, path, _put(value))
    for name, step in (("qbftProof", steps.SEALS), ("logProof", _step_of_place(base))):
        if name in base:
            yield f"swap-{name}", step, (name,), changed(base, (name,), _put(other[name]))


SWAPPED: Final[Mapping[Path, int]] = {
    ("decision",): steps.HEADERS,
    ("decision", "inclusion"): steps.HEADERS,
    ("decision", "entry"): steps.REQUEST,
    ("consent",): steps.SUBJECT,
    ("consent", "terms"): steps.SUBJECT,
}
"""Where parts that hold others are found that are refused in different steps."""


def _has(document: Any, path: Path) -> bool:  # noqa: ANN401 - JSON
    try:
        _at(document, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _at(document: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    for part in path:
        document = document[part]
    return document


def _oldest_missed(base: Json) -> int:
    """Gives the step that asks for the oldest header first."""
    return steps.DECISION if "logNodes" in base else steps.INSTITUTION


def _step_of_place(base: Json) -> int:
    """Gives the step that asks for the place of the decision in the log."""
    return steps.DECISION if "path" in base["decision"]["inclusion"] else steps.WITNESSES


def _step_of_line(base: Json, number: int, lines: list[str]) -> int:
    """Gives the step that a line of the log proof is needed for: the index and path, then the checkpoint's root."""
    end = lines.index("")
    if number < end:
        return _step_of_place(base)
    of_root = number == end + 3
    return steps.INSTITUTION if of_root and "logNodes" in base else steps.WITNESSES


def forge(bundles: Mapping[str, Bundle], trust: TrustRoot, mark: str = "") -> list[Forgery]:
    """Gives every forgery of the first access that is made without its keys, each once; ``mark`` ends their names."""
    base: Json = json.loads(bundles["permitted-account"].to_json())
    other: Json = json.loads(bundles["permitted-passkey"].to_json())
    values = (_of_values(base), _of_log_proof(base))
    made = (*values, _of_members(base), _of_types(base), _of_lists(base), _of_swaps(base, other))
    found: dict[bytes, Forgery] = {}
    for group in made:
        for name, usual, path, content in group:
            step = step_in(base, json.loads(content), path, usual)
            found.setdefault(content, Forgery(name + mark, step, content, trust, now=CHECKED))
    return [*found.values()]
