"""Under which conditions an access to a record under a consent is permitted, prepared once and compared by columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from consentry.audit.chains import places_of
from consentry.audit.columns import (
    GROUND,
    INSTITUTION,
    PRACTITIONER,
    RECORD,
    SUBJECT,
    WORD,
    Bytes,
    Codes,
    same_words,
)
from consentry.core.codes import HIGHEST_SENSITIVITY, UNLIMITED_USES, Action, ConsentStatus, RecordStatus
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, ConsentId, ConsentTerms, RecordId, RecordLeaf

MOST_PREPARED: Final = 1 << 17
"""Pairs of record and consent that are kept."""
_PAIR: Final = 2 * WORD
_FIRST_ROOM: Final = 1 << 8
_BITS: Final = np.uint64(63)
_KEPT: Final = np.dtype(
    [
        ("subject", np.uint8, WORD),
        ("institution", np.uint8, WORD),
        ("practitioner", np.uint8, WORD),
        ("purposes", np.uint64),
        ("actions", np.uint64),
        ("valid_from", np.uint64),
        ("valid_until", np.uint64),
        ("erase_by", np.uint64),
        ("anybody", np.bool_),
    ],
    align=True,
)


@dataclass
class Conditions:
    """What was prepared of a state; it has to be forgotten when a record, consent or exclusion changes."""

    state: LedgerState
    _kept: NDArray[np.void] = field(default_factory=lambda: np.zeros(_FIRST_ROOM, _KEPT))
    _places: dict[bytes, int] = field(default_factory=dict)
    _filled: int = 0

    def forget(self) -> None:
        """Forgets everything."""
        self._places.clear()
        self._filled = 0

    def permit(self, matrix: Bytes, codes: Codes, now: int) -> NDArray[np.bool_]:
        """Tells which accesses record and consent permit, and belong to the subject they name.

        What is not permitted here may be so by a further look: a group, a guardian, a limited number of uses.

        Args:
            matrix: words of the decisions.
            codes: their codes.
            now: block time in seconds.
        """
        if len(self._places) > MOST_PREPARED:
            self.forget()
        pairs, known = np.ascontiguousarray(matrix[:, RECORD : GROUND + 1]).reshape(-1, _PAIR), self._places
        slots, firsts = places_of(pairs)
        content = pairs[firsts].tobytes()
        named = [content[start : start + _PAIR] for start in range(0, len(content), _PAIR)]
        places = np.array([known[pair] if pair in known else self._prepare(pair) for pair in named])[slots]
        # Below zero it is the last one, whatever that is, and counts for nothing.
        kept = self._kept[places]
        whoever = kept["anybody"] | same_words(kept["practitioner"], matrix[:, PRACTITIONER])
        found: NDArray[np.bool_] = (
            (places >= 0)
            & same_words(kept["subject"], matrix[:, SUBJECT])
            & same_words(kept["institution"], matrix[:, INSTITUTION])
            & whoever
            & (kept["valid_from"] <= now)
            & (kept["valid_until"] > now)
            & _has(kept["purposes"], codes.purpose)
            & _has(kept["actions"], codes.action)
            & ((codes.action != Action.STORE) | (kept["erase_by"] > now))
        )
        return found

    def _prepare(self, pair: bytes) -> int:
        """Prepares a record and a consent; gives the place, below zero where it takes a further look."""
        place = -1
        if (made := _prepared(self.state, RecordId(pair[:WORD]), ConsentId(pair[WORD:]))) is not None:
            place, self._filled = self._filled, self._filled + 1
            if place == len(self._kept):
                self._kept = np.concatenate([self._kept, np.zeros(len(self._kept), _KEPT)])
            self._kept[place] = tuple(made[name] for name in _KEPT.fields or ())
        self._places[pair] = place
        return place


def _has(masks: NDArray[np.uint64], codes: Bytes) -> NDArray[np.bool_]:
    numbers = codes.astype(np.uint64)
    found: NDArray[np.bool_] = (numbers <= _BITS) & (masks >> np.minimum(numbers, _BITS) & np.uint64(1) == 1)
    return found


def _prepared(state: LedgerState, record_id: RecordId, consent: ConsentId) -> Mapping[str, object] | None:
    """Gives the members of `_KEPT`; none where a record and a consent take a further look."""
    record, known = state.records.get(record_id), state.consents.get(consent)
    if record is None or known is None or known.terms is None:
        return None
    leaf, terms = record.leaf, known.terms
    excluded = state.exclusions.of(leaf.subject_id)
    if excluded or (record.status, known.status) != (RecordStatus.CURRENT, ConsentStatus.ACTIVE):
        return None
    if not (_is_own(terms, leaf) and _covers(terms, leaf)):
        return None
    return {
        "subject": np.frombuffer(leaf.subject_id, np.uint8),
        "institution": np.frombuffer(terms.institution.rjust(WORD, b"\0"), np.uint8),
        "practitioner": np.frombuffer(terms.practitioner, np.uint8),
        "purposes": terms.purposes,
        "actions": terms.actions,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "erase_by": terms.erase_by,
        "anybody": terms.practitioner == ZERO_32,
    }


def _is_own(terms: ConsentTerms, leaf: RecordLeaf) -> bool:
    """Tells whether terms are the subject's own, for one institution, as often as it likes."""
    others = terms.group, terms.guardian, terms.max_uses
    return terms.subject_id == leaf.subject_id and others == (ZERO_32, ZERO_32, UNLIMITED_USES)


def _covers(terms: ConsentTerms, leaf: RecordLeaf) -> bool:
    """Tells whether terms cover a record; that it is one of those named was seen in calldata."""
    in_class = terms.categories >> leaf.category & 1 and leaf.sensitivity != HIGHEST_SENSITIVITY
    in_scope = bool(in_class) or terms.records_root != ZERO_32
    in_period = terms.data_from <= leaf.data_month <= terms.data_until
    return in_scope and in_period and leaf.sensitivity <= terms.max_sensitivity
