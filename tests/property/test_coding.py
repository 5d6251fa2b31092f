"""The compiled coder gives and takes the same bytes as eth_abi, for every function, event and error of the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from eth_abi import abi as eth_abi
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.ledger.abi import CONTRACTS, MANAGER, VERIFIERS, artifact
from consentry.ledger.coding import CodingError, Row

Members = Sequence[Mapping[str, Any]]


def type_name(member: Mapping[str, Any]) -> str:
    kind = str(member["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(type_name, member['components']))}){kind.removeprefix('tuple')}"


def rows() -> dict[str, Members]:
    """Every list of members in the suite, by its types; those of logs without the indexed ones."""
    found: dict[str, Members] = {}
    for name in (MANAGER, *VERIFIERS, *CONTRACTS):
        made = artifact(name)
        for signature in (*made.functions.values(), *made.events.values(), *made.errors.values()):
            for members in (signature.inputs, signature.outputs):
                plain = [member for member in members if not member.get("indexed")]
                found.setdefault(",".join(map(type_name, plain)), plain)
    return {types: members for types, members in found.items() if members}


ROWS = rows()


def values(member: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    kind = str(member["type"])
    if kind.endswith("[]"):
        return st.lists(values({**member, "type": kind[:-2]}), max_size=3).map(tuple)
    if kind == "tuple":
        return st.tuples(*map(values, member["components"]))
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("bytes") and kind != "bytes":
        return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))
    plain: dict[str, st.SearchStrategy[Any]] = {
        "address": st.binary(min_size=20, max_size=20),
        "bool": st.booleans(),
        "bytes": st.binary(max_size=70),
        "string": st.text(max_size=40),
    }
    return plain[kind]


def judged(types: Sequence[str], data: bytes) -> tuple[Any, ...] | None:
    """What eth_abi decodes, with addresses as bytes; None if it does not."""
    try:
        return tuple(map(_bytes_for_text, types, eth_abi.decode(types, data)))
    except (DecodingError, OverflowError, UnicodeDecodeError):
        return None


def _bytes_for_text(kind: str, value: Any) -> Any:  # noqa: ANN401 - whatever a contract can give
    if kind.endswith("[]"):
        return tuple(_bytes_for_text(kind[:-2], item) for item in value)
    if kind.startswith("("):
        return tuple(_bytes_for_text(part, item) for part, item in zip(_parts(kind), value, strict=True))
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _parts(kind: str) -> list[str]:
    """The members of a tuple's type, which may be tuples themselves."""
    parts, depth, start, inner = [], 0, 0, kind[1:-1]
    for place, sign in enumerate(inner + ","):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(inner[start:place])
            start = place + 1
    return parts


def decoded(row: Row, data: bytes) -> tuple[Any, ...] | None:
    try:
        return row.decode(data)
    except CodingError:
        return None


@pytest.mark.parametrize("members", ROWS.values(), ids=[types[:60] for types in ROWS])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_coder_gives_and_takes_the_bytes_of_eth_abi(members: Members, data: st.DataObject) -> None:
    given_values = data.draw(st.tuples(*map(values, members)))
    types, row = [type_name(member) for member in members], Row(members)

    made = row.encode(given_values)

    assert made == eth_abi.encode(types, given_values)
    assert row.decode(made) == given_values


@pytest.mark.parametrize("members", ROWS.values(), ids=[types[:60] for types in ROWS])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_broken_bytes_are_decoded_by_neither_or_to_the_same(members: Members, data: st.DataObject) -> None:
    types, row = [type_name(member) for member in members], Row(members)
    made = bytearray(eth_abi.encode(types, data.draw(st.tuples(*map(values, members)))))
    for place in data.draw(st.lists(st.integers(0, len(made) - 1), min_size=1, max_size=3)):
        made[place] ^= data.draw(st.sampled_from([1, 0x20, 0x80, 0xFF]))
    broken = bytes(made[: len(made) - data.draw(st.sampled_from([0, 0, 1, 31, 32, 64]))])

    assert decoded(row, broken) == judged(types, broken)


@pytest.mark.parametrize("kind", ["string", "bytes", "uint8[]", "string[]"])
def test_pointer_among_the_pointers_is_followed_by_neither(kind: str) -> None:
    row, nothing = Row([{"type": kind}]), bytes(64)
    assert judged([kind], nothing) is None
    assert decoded(row, nothing) is None
    assert decoded(row, bytes(31) + b"\x20" + bytes(32)) is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint64", -1),
        ("uint64", "1"),
        ("bytes32", bytes(33)),
        ("bytes32", "0x00"),
        ("address", bytes(19)),
        ("bool", 2),
        ("bytes", "00"),
        ("string", b"text"),
        ("uint8[]", [1, 300]),
    ],
)
def test_value_that_does_not_fit_is_refused(kind: str, value: object) -> None:
    with pytest.raises(CodingError):
        Row([{"type": kind}]).encode([value])


def test_number_of_values_must_match() -> None:
    with pytest.raises(CodingError, match="number of values"):
        Row([{"type": "uint8"}]).encode([1, 2])


def test_type_of_no_contract_is_refused() -> None:
    with pytest.raises(CodingError, match="int8"):
        Row([{"type": "int8"}])
