"""What can be told of decisions without a state: hashes, the batch they are of, who signed.

It is computed once and beside the audit, in other processes. Whatever is not as usual is no plain transaction, and is
decided again the long way, from its events and its calldata: nothing is found here, so nothing can be overlooked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from consentry.audit.columns import (
    ADDRESS,
    CODES,
    GROUND,
    INSTITUTION,
    KEY_HASH,
    OUTCOME,
    PRACTITIONER,
    REASON_HASH,
    RECORD,
    REQUEST,
    SUBJECT,
    WORD,
    WORDS,
    Bytes,
    Plain,
)
from consentry.audit.digests import digests_by
from consentry.audit.keccak_rows import fold_rows, hash_padded, hash_rows, padded
from consentry.core.batch_tree import LEAF, NODE
from consentry.core.chain import EventPlace
from consentry.core.codes import LegalBasis, Reason
from consentry.core.events import BatchSubmitted
from consentry.core.keccak import keccak
from consentry.core.packing import IN_CODES, IN_OUTCOME
from consentry.core.terms import AccessRequest, Address, RequestBatch
from consentry.core.typed_data import Domain, domain_separator, struct_hash, type_hash
from consentry.crypto.signing import recover
from consentry.errors import NotAuthenticError

MOST_ROWS: Final = 4096
"""Decisions of a plain transaction, at most: more than have gas in one, and few enough to compare each with all."""
_REQUEST_WORDS: Final = 16
_LEAF, _NODE = (np.frombuffer(prefix, np.uint8).reshape(1, -1) for prefix in (LEAF, NODE))


@dataclass(frozen=True, slots=True)
class Call:
    """What a call of ``decide`` or ``decideBatch`` says of each request, as arrays of words.

    Attributes:
        same: words of the log it tells, with what it says of each.
        signatures: one for the batch, or one for each request.
        institution: of the batch: that of the first request in the tables; none if each is signed.
    """

    same: dict[int, Bytes]
    signatures: tuple[bytes, ...]
    institution: Address | None


def prepare(
    place: EventPlace, batch: BatchSubmitted | None, words: bytes, call: Call, domain: Domain, key: bytes
) -> Plain | None:
    """Looks at a transaction of decisions; gives none if it is not plain.

    Args:
        place: of the first decision.
        batch: the event in front, if there is one.
        words: of each decision ten words.
        call: what was submitted, request for request.
        domain: of the access ledger.
        key: of the digests of request ids.
    """
    matrix = np.frombuffer(words, np.uint8).reshape(-1, WORDS, WORD)
    said_alike = all(np.array_equal(matrix[:, word], said) for word, said in call.same.items())
    if not (_is_usual(matrix) and said_alike):
        return None
    if (batch is None) != (call.institution is None):
        return None
    hashes = _request_hashes(matrix)
    if batch is not None and not _is_batch(batch, call, matrix, hashes):
        return None
    own = [hashed.tobytes() for hashed in hashes] if batch is None else []
    signed = [struct_hash(RequestBatch(batch.institution, batch.root, batch.size))] if batch else own
    signers = _signers(signed, call.signatures, domain)
    if signers is None:
        return None
    digests = digests_by(key, matrix[:, INSTITUTION, ADDRESS], matrix[:, REQUEST])
    return Plain(place, batch, words, _entry_hashes(matrix, hashes).tobytes(), digests.tobytes(), signers)


def _is_usual(matrix: Bytes) -> bool:
    """Tells whether words are not too many, and coded as usual: with a known reason, and each invokes a consent."""
    if len(matrix) > MOST_ROWS:
        return False
    codes, outcome = matrix[:, CODES], matrix[:, OUTCOME]
    is_by_consent = codes[:, IN_CODES.legal_basis] == LegalBasis.CONSENT
    is_known = is_by_consent & (outcome[:, IN_OUTCOME.reason] <= max(Reason))
    in_front = codes[:, IN_CODES.unused], outcome[:, IN_OUTCOME.unused], matrix[:, INSTITUTION, : ADDRESS.start]
    return bool(is_known.all()) and not any(part.any() for part in in_front)


def _is_batch(batch: BatchSubmitted, call: Call, matrix: Bytes, hashes: Bytes) -> bool:
    institution = np.frombuffer(batch.institution.rjust(WORD, b"\0"), np.uint8)
    one = bool((matrix[:, INSTITUTION] == institution).all()) and call.institution == batch.institution
    said = (batch.size, batch.signature) == (len(hashes), call.signatures[0])
    return one and said and batch.root == root_over(hashes).tobytes()


def _signers(hashes: Sequence[bytes], signatures: Sequence[bytes], domain: Domain) -> tuple[Address, ...] | None:
    prefix = b"\x19\x01" + domain_separator(domain)
    try:
        return tuple(
            recover(keccak(prefix + signed), signature) for signed, signature in zip(hashes, signatures, strict=True)
        )
    except (NotAuthenticError, ValueError):
        return None


def _request_hashes(matrix: Bytes) -> Bytes:
    """Gives the struct hash of each request: `core.typed_data.struct_hash`, all at once."""
    room = padded(len(matrix), _REQUEST_WORDS * WORD)
    made = room.reshape(len(matrix), -1, WORD)
    made[:, 0] = np.frombuffer(type_hash(AccessRequest), np.uint8)
    # The authorisation, member 5, is zero: the request invokes a consent.
    for member, word in ((1, REQUEST), (2, INSTITUTION), (3, RECORD), (4, GROUND)):
        made[:, member] = matrix[:, word]
    codes = matrix[:, CODES]
    for member, where in enumerate(IN_CODES[:5], start=6):
        made[:, member, -1:] = codes[:, where]
    for member, word in ((11, REASON_HASH), (12, PRACTITIONER), (13, KEY_HASH)):
        made[:, member] = matrix[:, word]
    for member, where in ((14, IN_CODES.issued_at), (15, IN_CODES.expires_at)):
        made[:, member, where.start - where.stop :] = codes[:, where]
    return hash_padded(room)


def _entry_hashes(matrix: Bytes, hashes: Bytes) -> Bytes:
    """Gives the entry hash of each decision: `core.heads.entry_hash`, all at once."""
    outcome = matrix[:, OUTCOME]
    words = (_as_words(outcome[:, where]) for where in (IN_OUTCOME.reason, IN_OUTCOME.decided_at))
    return hash_rows(hashes, matrix[:, SUBJECT], *words)


def _as_words(numbers: Bytes) -> Bytes:
    words = np.zeros((len(numbers), WORD), np.uint8)
    words[:, -numbers.shape[1] :] = numbers
    return words


def root_over(hashes: Bytes) -> Bytes:
    """Gives the root over the struct hashes of a batch: `core.batch_tree.root_of`, all at once."""
    return fold_rows(_NODE, hash_rows(_LEAF, hashes))
