"""Calls of the access ledger, read by columns: what they say of each request, beside what its log says.

`ledger.calldata` reads any call the contract reads. Here a call that is coded as a relay of ours does it is read at
once; of any other nothing is told, and it is read the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from consentry.audit.columns import (
    ADDRESS,
    CODES,
    GROUND,
    INSTITUTION,
    KEY_HASH,
    PRACTITIONER,
    REASON_HASH,
    RECORD,
    REQUEST,
    WORD,
    Bytes,
)
from consentry.audit.prepare import Call
from consentry.core.access import is_shown_to_be_named
from consentry.core.packing import PLACE_BITS, Places
from consentry.core.terms import ZERO_32, Address, ConsentTerms
from consentry.core.typed_data import consent_id
from consentry.errors import InvalidInputError
from consentry.ledger.abi import artifact
from consentry.ledger.calldata import submitted_in
from consentry.ledger.coding import CodingError, Row

_SELECTOR: Final = 4
_REQUEST_WORDS: Final = 3
_TABLE: Final = {name: number for number, name in enumerate(Places._fields)}
_PLACES: Final = slice(WORD - len(_TABLE) * PLACE_BITS // 8, WORD)
"""Bytes of the last word of a request."""
_FIRST: Final = np.zeros((1, WORD), np.uint8)
_MOST_TERMS: Final = 1 << 15


class _UnusualCallError(ValueError):
    """A call is not coded as usual."""


class _Call:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, at: int) -> int:
        """Gives the number at a place, which lies within the call."""
        if not 0 <= at <= len(self._data) - WORD:
            raise _UnusualCallError("a place lies outside the call")
        return int.from_bytes(self._data[at : at + WORD], "big")

    def extent(self, base: int, pointer: int, size: int) -> tuple[int, int]:
        """Gives where the array behind a pointer begins, and how many values of ``size`` bytes it has."""
        start = base + self.number(pointer)
        count = self.number(start)
        if count * size > len(self._data) - start - WORD:
            raise _UnusualCallError("an array leads out of the call")
        return start + WORD, count

    def words(self, base: int, pointer: int, words: int = 1) -> Bytes:
        """Gives the values behind a pointer, of so many words each."""
        start, count = self.extent(base, pointer, words * WORD)
        content = np.frombuffer(self._data, np.uint8, count * words * WORD, start)
        return content.reshape(count, words * WORD)

    def bytes_at(self, base: int, pointer: int) -> bytes:
        """Gives the ``bytes`` behind a pointer."""
        start, length = self.extent(base, pointer, 1)
        return self._data[start : start + length]


@lru_cache
def _functions() -> tuple[bytes, bytes, Row, int]:
    """Gives the selectors of ``decide`` and ``decideBatch``, and the coder and words of consent terms."""
    functions = artifact("AccessLedger").functions
    _, _, material = functions["decide"].inputs
    parts = material["components"][_TABLE["consent"]]["components"]
    return functions["decide"].selector, functions["decideBatch"].selector, Row(parts), len(parts)


@lru_cache(_MOST_TERMS)
def _terms(raw: bytes) -> tuple[bytes, bool]:
    """Gives the id of a consent by its terms as coded, and whether they name records."""
    _, _, row, _ = _functions()
    try:
        terms = ConsentTerms(*row.decode(raw))
    except CodingError:
        raise _UnusualCallError("terms cannot be read") from None
    return consent_id(terms), terms.records_root != ZERO_32


def call_in(data: bytes, count: int) -> Call | None:
    """Reads a call that had so many requests answered, each of which invokes a consent; none if it is not as usual."""
    one, many, _, _ = _functions()
    if data[:_SELECTOR] not in (one, many):
        return None
    try:
        return _read(_Call(data), data, count, is_batch=data[:_SELECTOR] == many)
    except _UnusualCallError:
        return None


def _read(call: _Call, data: bytes, count: int, *, is_batch: bool) -> Call:
    requests = call.words(_SELECTOR, _SELECTOR, _REQUEST_WORDS).reshape(-1, _REQUEST_WORDS, WORD)
    base = _SELECTOR + call.number(_SELECTOR + 2 * WORD)
    if len(requests) != count or requests[:, 2, : _PLACES.start].any():
        raise _UnusualCallError("requests are others than were answered")
    # Sixteen bits each, the first in the lowest.
    places = np.ascontiguousarray(requests[:, 2, _PLACES]).view(">u2")[:, ::-1].astype(np.int64)

    def named(name: str, *, from_one: bool = False) -> Bytes:
        number = _TABLE[name]
        table = call.words(base, base + number * WORD)
        return _at(np.concatenate([_FIRST, table]) if from_one else table, places[:, number])

    institutions = call.words(base, base + _TABLE["institution"] * WORD)
    same = {
        REQUEST: requests[:, 0],
        RECORD: requests[:, 1],
        INSTITUTION: named("institution"),
        GROUND: _grounds(call, base, places[:, _TABLE["consent"]], data),
        REASON_HASH: named("reason", from_one=True),
        PRACTITIONER: named("practitioner"),
        KEY_HASH: named("release_key"),
        CODES: named("codes"),
    }
    if not is_batch:
        return Call(same, _signatures(call, count), None)
    if institutions[0, : ADDRESS.start].any():
        raise _UnusualCallError("an address has another size")
    signature = call.bytes_at(_SELECTOR, _SELECTOR + WORD)
    return Call(same, (signature,), Address(institutions[0, ADDRESS].tobytes()))


def _at(table: Bytes, places: NDArray[np.int64]) -> Bytes:
    if not len(places) or int(places.max()) >= len(table):
        raise _UnusualCallError("a place lies beyond its table")
    found: Bytes = table[places]
    return found


def _signatures(call: _Call, count: int) -> tuple[bytes, ...]:
    start, given = call.extent(_SELECTOR, _SELECTOR + WORD, WORD)
    if given != count:
        raise _UnusualCallError("requests and signatures differ in number")
    return tuple(call.bytes_at(start, start + number * WORD) for number in range(count))


def _grounds(call: _Call, base: int, places: NDArray[np.int64], data: bytes) -> Bytes:
    """Gives the consent each request invokes; a scope proof that is needed holds."""
    _, _, _, words = _functions()
    table = call.words(base, base + _TABLE["consent"] * WORD, words)
    if not places.all():
        raise _UnusualCallError("a request invokes nothing")
    used = sorted(set(places.tolist()))
    if used[-1] > len(table):
        raise _UnusualCallError("a place lies beyond its table")
    told = {place: _terms(table[place - 1].tobytes()) for place in used}
    naming = [place for place, (_, names) in told.items() if names]
    if naming:
        _check_named(data, np.flatnonzero(np.isin(places, naming)).tolist())
    ids = np.zeros((used[-1] + 1, WORD), np.uint8)
    ids[used] = np.frombuffer(b"".join(told[place][0] for place in used), np.uint8).reshape(-1, WORD)
    found: Bytes = ids[places]
    return found


def _check_named(data: bytes, rows: Sequence[int]) -> None:
    try:
        items = submitted_in(data)
    except InvalidInputError as error:
        raise _UnusualCallError(error.message) from None
    for row in rows:
        item = items[row] if items else None
        terms = item.shown.terms if item else None
        if item is None or terms is None or not is_shown_to_be_named(item.request, terms.records_root, item.shown):
            raise _UnusualCallError("a scope proof does not hold")
