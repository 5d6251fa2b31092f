"""Requests and log lines as the contract packs them: ``contracts/types/AccessRequest.sol``, word for word.

What repeats in a batch stands once in its tables; a request names it by its place. The tables are made here, so that
sequencer, tests and auditor agree on them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple, TypeVar

from consentry.core.access import shown_of
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.codes import BY_AUTHORITY, WITHOUT_CONSENT, LegalBasis, Reason
from consentry.core.terms import (
    ZERO_32,
    AccessEntry,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Material,
    RecordId,
    RecordLeaf,
    Shown,
    SubjectId,
)
from consentry.core.typed_data import consent_id
from consentry.errors import InvalidInputError

PLACE_BITS: Final = 16
_CODE_BITS: Final = 8
_TIME_BITS: Final = 64
_SEQUENCE_BITS: Final = 48
_CODES: Final = (*(_CODE_BITS,) * 5, *(_TIME_BITS,) * 2)
_OUTCOME: Final = (_CODE_BITS, _TIME_BITS, _SEQUENCE_BITS, _SEQUENCE_BITS)
_COUNTED_FROM: Final = (0, 0, 1, 1, 1, 1, 1, 0, 0, 1)
"""What the first value of each table counts as, in the order of `Places`: zero is for none where it is one."""
_PLACES: Final = (PLACE_BITS,) * len(_COUNTED_FROM)
_CONSENTS: Final = 2

Value = TypeVar("Value", bound=Hashable)


class CodeBytes(NamedTuple):
    """Which bytes of the word of codes each of them has."""

    purpose: slice
    action: slice
    legal_basis: slice
    actor_kind: slice
    reason_code: slice
    issued_at: slice
    expires_at: slice
    unused: slice


class OutcomeBytes(NamedTuple):
    """Which bytes of the word of the outcome each part has."""

    reason: slice
    decided_at: slice
    subject_sequence: slice
    institution_sequence: slice
    unused: slice


def _spans(widths: Sequence[int]) -> tuple[slice, ...]:
    """Gives the bytes of each value of a packed word, the first value in the last bytes, and those of none."""
    size = len(ZERO_32)
    ends = [size - bits // 8 for bits in accumulate(widths, initial=0)]
    return (*(slice(start, end) for end, start in pairwise(ends)), slice(0, ends[-1]))


IN_CODES: Final = CodeBytes(*_spans(_CODES))
IN_OUTCOME: Final = OutcomeBytes(*_spans(_OUTCOME))
"""For whoever reads the words of many decisions at once."""


def _pack(widths: Sequence[int], values: Sequence[int]) -> int:
    word, shift = 0, 0
    for width, value in zip(widths, values, strict=True):
        if not 0 <= value < 1 << width:
            raise ValueError(f"number does not fit its bits (got {value}, expected at most {width} bits)")
        word |= value << shift
        shift += width
    return word


def _unpack(widths: Sequence[int], word: int) -> tuple[int, ...]:
    values = []
    for width in widths:
        values.append(word & ((1 << width) - 1))
        word >>= width
    return tuple(values)


def pack_codes(request: AccessRequest) -> int:
    """Packs codes and times of a request into one word.

    Raises:
        ValueError: one does not fit.
    """
    codes = (request.purpose, request.action, request.legal_basis, request.actor_kind, request.reason_code)
    return _pack(_CODES, (*codes, request.issued_at, request.expires_at))


def unpack_codes(word: int) -> tuple[int, ...]:
    """Gives purpose, action, legal basis, actor kind, reason code, issued-at and expires-at."""
    return _unpack(_CODES, word)


def ground_of(request: AccessRequest) -> bytes:
    """Gives what a request invokes, a consent or an authorisation: the legal basis tells which.

    Raises:
        InvalidInputError: it names one that its basis has no room for; the contract decides no such request.
    """
    grounds: tuple[bytes, ...] = (request.consent_id, request.authorisation_id)
    if request.legal_basis == LegalBasis.EMERGENCY:
        invoked, others = ZERO_32, grounds
    else:
        which = int(request.legal_basis in BY_AUTHORITY)
        invoked, others = grounds[which], grounds[:which] + grounds[which + 1 :]
    for other in others:
        if other != ZERO_32:
            raise InvalidInputError(f"ground of a request does not match its legal basis (got 0x{other.hex()})")
    return invoked


def split_ground(legal_basis: int, ground: bytes) -> tuple[ConsentId, AuthorisationId]:
    """Gives the consent and the authorisation of a request, one of which is none."""
    if legal_basis in BY_AUTHORITY:
        return ConsentId(ZERO_32), AuthorisationId(ground)
    return ConsentId(ground), AuthorisationId(ZERO_32)


def pack_outcome(reason: int, decided_at: int, subject_sequence: int, institution_sequence: int) -> int:
    """Packs what the ledger adds to a request into one word.

    Raises:
        ValueError: one does not fit.
    """
    return _pack(_OUTCOME, (reason, decided_at, subject_sequence, institution_sequence))


def unpack_outcome(word: int) -> tuple[int, ...]:
    """Gives reason, block time in seconds, and the places in the subject's and in the institution's log."""
    return _unpack(_OUTCOME, word)


def entry_of(request_id: int, subject_id: SubjectId, institution: Address, line: Sequence[Any]) -> AccessEntry:
    """Gives the line of the log that the event of a decision tells.

    Args:
        request_id: its first topic, as the two behind it.
        subject_id: the second.
        institution: the third.
        line: its data: record, ground, hash of the reason, practitioner, hash of the release key, codes, outcome; the
            last two are packed.

    Raises:
        ValueError: the reason is none that the ledger gives.
    """
    record_id, ground, reason_hash, practitioner, release_key_hash, codes, outcome = line
    purpose, action, legal_basis, actor_kind, reason_code, issued_at, expires_at = unpack_codes(codes)
    consent, authorisation = split_ground(legal_basis, ground)
    reason, decided_at, subject_sequence, institution_sequence = unpack_outcome(outcome)
    request = AccessRequest(
        request_id=request_id,
        institution=institution,
        record_id=record_id,
        consent_id=consent,
        authorisation_id=authorisation,
        purpose=purpose,
        action=action,
        legal_basis=legal_basis,
        actor_kind=actor_kind,
        reason_code=reason_code,
        reason_hash=reason_hash,
        practitioner=practitioner,
        release_key_hash=release_key_hash,
        issued_at=issued_at,
        expires_at=expires_at,
    )
    return AccessEntry(request, subject_id, Reason(reason), decided_at, subject_sequence, institution_sequence)


@dataclass(frozen=True, slots=True)
class CompactRequest:
    """A request as it travels; see `Places` for the places."""

    request_id: int
    record_id: RecordId
    places: int


class Places(NamedTuple):
    """Where a request finds its values in the tables; see `_COUNTED_FROM`."""

    institution: int
    release_key: int
    consent: int
    subject: int
    leaf: int
    scope_proof: int
    authorisation: int
    codes: int
    practitioner: int
    reason: int


@dataclass(frozen=True, slots=True)
class Tables:
    """Every distinct value of a batch once; consents in ascending order of their ids, codes as of `pack_codes`."""

    institutions: Sequence[Address]
    release_key_hashes: Sequence[bytes]
    consents: Sequence[ConsentTerms]
    subjects: Sequence[SubjectId]
    leaves: Sequence[RecordLeaf]
    scope_proofs: Sequence[Sequence[bytes]]
    authorisations: Sequence[StandingAuthorisation]
    codes: Sequence[int]
    practitioners: Sequence[bytes]
    reason_hashes: Sequence[bytes]


def _distinct(values: Iterable[Value]) -> dict[Value, int]:
    return {value: place for place, value in enumerate(dict.fromkeys(values))}


def _there(values: Iterable[Value | None]) -> dict[Value, int]:
    """Gives the places of the values that are there."""
    return _distinct(value for value in values if value is not None)


def _subject_told(leaf: RecordLeaf, shown: Shown) -> SubjectId | None:
    """Gives the subject of a record where the terms do not tell it."""
    told = shown.terms is not None and shown.terms.subject_id == leaf.subject_id
    return None if told else leaf.subject_id


def _values_of(request: AccessRequest, shown: Shown, subject: SubjectId | None) -> tuple[Hashable, ...]:
    """Gives what a request names, in the order of `Places`; none where it names nothing."""
    return (
        request.institution,
        request.release_key_hash,
        shown.terms,
        subject,
        shown.leaf,
        tuple(shown.scope_proof) or None,
        shown.authorisation,
        pack_codes(request),
        request.practitioner,
        None if request.reason_hash == ZERO_32 else request.reason_hash,
    )


def pack_batch(items: Sequence[tuple[AccessRequest, Material]]) -> tuple[list[CompactRequest], Tables]:
    """Packs a batch.

    Raises:
        ValueError: a number does not fit, or a table is too long.
    """
    all_shown = [shown_of(request, material) for request, material in items]
    told = _subjects_told(items, all_shown)
    rows = [_values_of(request, shown, who) for (request, _), shown, who in zip(items, all_shown, told, strict=True)]
    tables: list[dict[Any, int]] = [_there(row[place] for row in rows) for place in range(len(_PLACES))]
    tables[_CONSENTS] = _distinct(sorted(tables[_CONSENTS], key=consent_id))
    packed = []
    for (request, _), row in zip(items, rows, strict=True):
        places = [
            0 if value is None else table[value] + first
            for value, table, first in zip(row, tables, _COUNTED_FROM, strict=True)
        ]
        packed.append(CompactRequest(request.request_id, request.record_id, _pack(_PLACES, places)))
    return packed, Tables(*map(tuple, tables))


def _subjects_told(
    items: Sequence[tuple[AccessRequest, Material]], all_shown: Sequence[Shown]
) -> list[SubjectId | None]:
    return [_subject_told(material.leaf, shown) for (_, material), shown in zip(items, all_shown, strict=True)]


def places_of(packed: CompactRequest) -> Places:
    """Gives the places a request names."""
    return Places(*_unpack(_PLACES, packed.places))


def unpack_request(packed: CompactRequest, tables: Tables) -> AccessRequest:
    """Puts a request together from what travelled, as the contract does.

    Raises:
        IndexError: a place lies beyond its table.
    """
    places = places_of(packed)
    codes = unpack_codes(tables.codes[places.codes])
    purpose, action, legal_basis, actor_kind, reason_code, issued_at, expires_at = codes
    terms, given = _grounds(legal_basis, places, tables)
    return AccessRequest(
        request_id=packed.request_id,
        institution=tables.institutions[places.institution],
        record_id=packed.record_id,
        consent_id=ConsentId(ZERO_32) if terms is None else consent_id(terms),
        authorisation_id=AuthorisationId(ZERO_32) if given is None else authorisation_id(given),
        purpose=purpose,
        action=action,
        legal_basis=legal_basis,
        actor_kind=actor_kind,
        reason_code=reason_code,
        reason_hash=_at(tables.reason_hashes, places.reason) or ZERO_32,
        practitioner=tables.practitioners[places.practitioner],
        release_key_hash=tables.release_key_hashes[places.release_key],
        issued_at=issued_at,
        expires_at=expires_at,
    )


def unpack_shown(packed: CompactRequest, tables: Tables) -> Shown:
    """Gives what came with a request, of the tables no more than it names and the contract may need.

    Raises:
        IndexError: a place lies beyond its table.
    """
    places = places_of(packed)
    _, _, legal_basis, *_ = unpack_codes(tables.codes[places.codes])
    terms, given = _grounds(legal_basis, places, tables)
    if terms is None or terms.records_root == ZERO_32:
        return Shown(terms, None, (), given)
    return Shown(terms, _at(tables.leaves, places.leaf), _at(tables.scope_proofs, places.scope_proof) or (), given)


def _grounds(
    legal_basis: int, places: Places, tables: Tables
) -> tuple[ConsentTerms | None, StandingAuthorisation | None]:
    terms = None if legal_basis in WITHOUT_CONSENT else _at(tables.consents, places.consent)
    given = _at(tables.authorisations, places.authorisation) if legal_basis in BY_AUTHORITY else None
    return terms, given


def _at(table: Sequence[Value], place: int) -> Value | None:
    return table[place - 1] if place else None
