"""Values of the contract ABI as bytes and back, with a coder compiled once for each list of members.

eth_abi does the same and works each type out anew with every value; it stays the judge: a test compares the two on
random values and on broken bytes. What it would not decode is not decoded here either: a word with bits beyond its
type, a pointer past the end, bytes whose padding is not zero.

Source: Solidity, "Contract ABI Specification", sections "Formal Specification of the Encoding" and "Strict Mode".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WORD: Final = 32
_ADDRESS: Final = 20
_SIZED: Final = re.compile(r"(u?int|bytes)(\d+)")
_ARRAY: Final = re.compile(r"(.*)\[(\d*)\]")
_ZEROS: Final = bytes(WORD)

Encode = Callable[[object], bytes]
Decode = Callable[[bytes, int], Any]


class CodingError(ValueError):
    """A value does not fit its type, or bytes are none of it."""


@dataclass(frozen=True, slots=True)
class Coder:
    """How values of one type stand in bytes.

    Attributes:
        head: bytes in the place where the value stands; a dynamic one has a pointer there.
        is_dynamic: whether the value itself stands behind.
        encode: gives the value's bytes, without pointer.
        decode: reads the value at an offset, without following a pointer.
    """

    head: int
    is_dynamic: bool
    encode: Encode
    decode: Decode


def _word(data: bytes, at: int) -> bytes:
    word = data[at : at + WORD]
    if len(word) != WORD:
        raise CodingError("bytes end before the value does")
    return word


def _number(bits: int) -> Coder:
    limit = 1 << bits

    def encode(value: object) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
            raise CodingError(f"value does not fit uint{bits}")
        return value.to_bytes(WORD, "big")

    def decode(data: bytes, at: int) -> int:
        value = int.from_bytes(_word(data, at), "big")
        if value >= limit:
            raise CodingError(f"word does not fit uint{bits}")
        return value

    return Coder(WORD, is_dynamic=False, encode=encode, decode=decode)


def _fixed_bytes(size: int) -> Coder:
    padding = bytes(WORD - size)

    def encode(value: object) -> bytes:
        if not isinstance(value, bytes) or len(value) > size:
            raise CodingError(f"value does not fit bytes{size}")
        return value.ljust(WORD, b"\0")

    def decode(data: bytes, at: int) -> bytes:
        word = _word(data, at)
        if word[size:] != padding:
            raise CodingError(f"word does not fit bytes{size}")
        return word[:size]

    return Coder(WORD, is_dynamic=False, encode=encode, decode=decode)


def _encode_address(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) != _ADDRESS:
        raise CodingError("value is no address")
    return value.rjust(WORD, b"\0")


def _decode_address(data: bytes, at: int) -> bytes:
    word = _word(data, at)
    if any(word[: WORD - _ADDRESS]):
        raise CodingError("word does not fit an address")
    return word[WORD - _ADDRESS :]


def _encode_bool(value: object) -> bytes:
    if not isinstance(value, bool):
        raise CodingError("value is no bool")
    return int(value).to_bytes(WORD, "big")


def _decode_bool(data: bytes, at: int) -> bool:
    value = int.from_bytes(_word(data, at), "big")
    if value > 1:
        raise CodingError("word does not fit a bool")
    return value == 1


def _encode_bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise CodingError("value is no bytes")
    return len(value).to_bytes(WORD, "big") + value + _ZEROS[: -len(value) % WORD]


def _decode_bytes(data: bytes, at: int) -> bytes:
    size = int.from_bytes(_word(data, at), "big")
    start, end = at + WORD, at + WORD + size
    padded = end + -size % WORD
    if padded > len(data) or any(data[end:padded]):
        raise CodingError("bytes are cut off, or padded with something")
    return data[start:end]


def _encode_string(value: object) -> bytes:
    if not isinstance(value, str):
        raise CodingError("value is no string")
    return _encode_bytes(value.encode())


def _decode_string(data: bytes, at: int) -> str:
    try:
        return _decode_bytes(data, at).decode()
    except UnicodeDecodeError:
        raise CodingError("string is no UTF-8") from None


def _items(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise CodingError("value is neither struct nor array")
    return value


def _encode_row(coders: Sequence[Coder], values: Sequence[object]) -> bytes:
    """Codes values side by side: heads first, then what the pointers among them lead to."""
    if len(coders) != len(values):
        raise CodingError("number of values does not match")
    heads: list[bytes] = []
    tails: list[bytes] = []
    behind = sum(coder.head for coder in coders)
    for coder, value in zip(coders, values, strict=True):
        content = coder.encode(value)
        if coder.is_dynamic:
            heads.append(behind.to_bytes(WORD, "big"))
            tails.append(content)
            behind += len(content)
        else:
            heads.append(content)
    return b"".join(heads + tails)


def _decode_row(coders: Sequence[Coder], data: bytes, base: int) -> list[Any]:
    values, at = [], base
    for coder in coders:
        if coder.is_dynamic:
            pointer = int.from_bytes(_word(data, at), "big")
            # As eth_abi has it: nothing that is coded as usual stands among the pointers.
            if not WORD * len(coders) <= pointer <= len(data):
                raise CodingError("pointer leads past the end, or among the pointers")
            values.append(coder.decode(data, base + pointer))
        else:
            values.append(coder.decode(data, at))
        at += coder.head
    return values


def _tuple(coders: Sequence[Coder]) -> Coder:
    is_dynamic = any(coder.is_dynamic for coder in coders)

    def encode(value: object) -> bytes:
        return _encode_row(coders, _items(value))

    def decode(data: bytes, at: int) -> tuple[Any, ...]:
        return tuple(_decode_row(coders, data, at))

    head = WORD if is_dynamic else sum(coder.head for coder in coders)
    return Coder(head, is_dynamic, encode, decode)


def _fixed_array(item: Coder, count: int) -> Coder:
    return _tuple([item] * count)


def _array(item: Coder) -> Coder:
    def encode(value: object) -> bytes:
        items = _items(value)
        return len(items).to_bytes(WORD, "big") + _encode_row([item] * len(items), items)

    def decode(data: bytes, at: int) -> tuple[Any, ...]:
        count = int.from_bytes(_word(data, at), "big")
        if count * item.head > len(data) - at - WORD:
            raise CodingError("array is cut off")
        return tuple(_decode_row([item] * count, data, at + WORD))

    return Coder(WORD, is_dynamic=True, encode=encode, decode=decode)


_PLAIN: Final = {
    "address": Coder(WORD, is_dynamic=False, encode=_encode_address, decode=_decode_address),
    "bool": Coder(WORD, is_dynamic=False, encode=_encode_bool, decode=_decode_bool),
    "bytes": Coder(WORD, is_dynamic=True, encode=_encode_bytes, decode=_decode_bytes),
    "string": Coder(WORD, is_dynamic=True, encode=_encode_string, decode=_decode_string),
}


def coder_of(member: Mapping[str, Any]) -> Coder:
    """Gives the coder of one member of an ABI.

    Raises:
        CodingError: no contract of the suite has such a type.
    """
    kind = str(member["type"])
    array = _ARRAY.fullmatch(kind)
    if array:
        item = coder_of({**member, "type": array[1]})
        return _fixed_array(item, int(array[2])) if array[2] else _array(item)
    if kind == "tuple":
        return _tuple([coder_of(part) for part in member["components"]])
    sized = _SIZED.fullmatch(kind)
    if kind in _PLAIN or sized is None or sized[1] == "int":
        if kind not in _PLAIN:
            raise CodingError(f"type {kind} is not coded here")
        return _PLAIN[kind]
    return _number(int(sized[2])) if sized[1] == "uint" else _fixed_bytes(int(sized[2]))


class Row:
    """Members side by side, as calls, answers and logs have them."""

    def __init__(self, members: Sequence[Mapping[str, Any]]) -> None:
        self._coders = [coder_of(member) for member in members]

    def encode(self, values: Sequence[object]) -> bytes:
        """Codes values; raises CodingError if one does not fit."""
        return _encode_row(self._coders, values)

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Decodes values; raises CodingError if the bytes are none of these."""
        return tuple(_decode_row(self._coders, data, 0))
