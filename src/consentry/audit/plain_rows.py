"""Rows of the decisions of a plain transaction, made by columns: the same as `audit.rows` makes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from consentry.audit.columns import (
    ADDRESS,
    GROUND,
    INSTITUTION,
    PRACTITIONER,
    REASON_HASH,
    RECORD,
    REQUEST,
    ROW,
    SUBJECT,
    WORD,
    Bytes,
    Plain,
    codes_of,
)
from consentry.core.state import LedgerState, RecordState
from consentry.core.terms import Address, RecordId

_LATEST: Final = 2**63 - 1


def _fixed(column: Bytes, *, nullable: bool = False) -> pa.Array:
    """Gives a column of bytes; zero ones are none if that may be."""
    count, size = column.shape
    valid = None
    if nullable:
        there = column.any(axis=1)
        valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little").tobytes())
    content = pa.py_buffer(np.ascontiguousarray(column).tobytes())
    return pa.Array.from_buffers(pa.binary(size), count, [valid, content])


def _repeated(value: bytes, count: int) -> pa.Array:
    return pa.Array.from_buffers(pa.binary(len(value)), count, [None, pa.py_buffer(value * count)])


def _places(number: int, plain: Plain) -> dict[str, pa.Array]:
    count, place = len(plain), plain.place
    return {
        "number": pa.array(np.arange(number, number + count)),
        "block": pa.array(np.full(count, place.block.number)),
        "time": pa.array(np.full(count, place.block.time)),
        "transaction": _repeated(place.transaction_hash, count),
        "log_index": pa.array(np.arange(place.log_index, place.log_index + count)),
    }


def events(number: int, plain: Plain) -> dict[str, object]:
    """Gives the columns of table `events`; ``number`` is the place of the first in chain order."""
    matrix, count = plain.matrix(), len(plain)
    requests = np.ascontiguousarray(matrix[:, REQUEST]).tobytes()
    ends = pa.py_buffer(np.arange(0, (count + 1) * WORD, WORD, dtype=np.int32).tobytes())
    return {
        **_places(number, plain),
        "name": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int16)), pa.array(["AccessDecided"])),
        "about": pa.Array.from_buffers(pa.binary(), count, [None, ends, pa.py_buffer(requests)]),
        "subject": _fixed(matrix[:, SUBJECT], nullable=True),
        "institution": _fixed(matrix[:, INSTITUTION, ADDRESS], nullable=True),
    }


def decisions(number: int, plain: Plain, expected: Sequence[int], state: LedgerState) -> dict[str, object]:
    """Gives the columns of table `decisions`.

    Args:
        number: place of the first in chain order, from 0.
        plain: the transaction.
        expected: what the rules say of each, as codes.
        state: what the events amount to.
    """
    matrix, codes = plain.matrix(), codes_of(plain.matrix())
    entries = np.frombuffer(plain.entry_hashes, np.uint8).reshape(-1, WORD)
    return {
        **_places(number, plain),
        "decision": _fixed(entries),
        "request": _fixed(matrix[:, REQUEST]),
        "institution": _fixed(matrix[:, INSTITUTION, ADDRESS]),
        **_known(plain, state),
        "subject": _fixed(matrix[:, SUBJECT], nullable=True),
        "record": _fixed(matrix[:, RECORD]),
        "consent": _fixed(matrix[:, GROUND], nullable=True),
        "authorisation": pa.nulls(len(plain), pa.binary(WORD)),
        "purpose_code": pa.array(codes.purpose),
        "action_code": pa.array(codes.action),
        "basis_code": pa.array(codes.basis),
        "actor_code": pa.array(codes.actor),
        "emergency_code": pa.array(codes.emergency, mask=codes.emergency == 0),
        "reason_code": pa.array(codes.reason),
        "permitted": pa.array(codes.reason == 0),
        "expected_code": pa.array(expected, pa.int16()),
        "practitioner": _fixed(matrix[:, PRACTITIONER], nullable=True),
        "reason_hash": _fixed(matrix[:, REASON_HASH], nullable=True),
        "issued": pa.array(np.minimum(codes.issued, _LATEST).astype(np.int64)),
        "expires": pa.array(np.minimum(codes.expires, _LATEST).astype(np.int64)),
        "subject_sequence": pa.array(codes.subject_sequence.astype(np.int64)),
        "institution_sequence": pa.array(codes.institution_sequence.astype(np.int64)),
    }


def _known(plain: Plain, state: LedgerState) -> dict[str, object]:
    """Gives what the state knows of records and institutions."""
    words, record_at, asked_at = plain.words, RECORD * WORD, INSTITUTION * WORD + ADDRESS.start
    end = (INSTITUTION + 1) * WORD - asked_at
    records = [state.records.get(RecordId(words[at : at + WORD])) for at in range(record_at, len(words), ROW)]
    asked = [state.institutions.get(Address(words[at : at + end])) for at in range(asked_at, len(words), ROW)]
    custodians, categories, sensitivities = zip(*map(_of_record, records), strict=True)
    return {
        "region": [known.region if known else None for known in asked],
        "custodian": custodians,
        "category_code": categories,
        "sensitivity": sensitivities,
    }


def _of_record(record: RecordState | None) -> tuple[bytes | None, int | None, int | None]:
    if record is None:
        return None, None, None
    return record.leaf.custodian, record.leaf.category, record.leaf.sensitivity
