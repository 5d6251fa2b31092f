"""What clients are told is written down as what it is."""

from __future__ import annotations

import time
from dataclasses import replace

from consentry.core.codes import Reason
from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Told, key_of
from consentry.errors import AccessDeniedError, ConflictError, InvalidInputError
from consentry.evidence.notation import hex_of
from tests.support import samples

REQUEST = samples.request(samples.word(0x4E), samples.word(0xC5), samples.RELEASE_KEY_HASH)
EXPIRED = replace(REQUEST, expires_at=int(time.time()) - 1)
LASTING = replace(REQUEST, expires_at=int(time.time()) + samples.DAY)
RECEIPT = {"blockHash": hex_of(samples.word(1)), "transactionHash": hex_of(samples.word(2)), "logIndex": 3}


def test_denial_is_told_with_its_place() -> None:
    book = Book()

    book.note(REQUEST, AccessDeniedError("no", reason="CONSENT_REVOKED", receipt=RECEIPT), 0.0)

    place = samples.word(1), samples.word(2), 3
    assert book.told == [Told(REQUEST, Reason.CONSENT_REVOKED, place, None)]
    assert book.answered == {key_of(REQUEST)}
    assert not book.unforeseen


def test_conflict_of_a_request_that_expired_came_too_late() -> None:
    book = Book()

    book.note(EXPIRED, ConflictError("request has expired"), 0.0)

    assert (book.too_late, book.unforeseen, book.answered) == (1, [], {key_of(EXPIRED)})


def test_any_other_answer_is_unforeseen() -> None:
    book = Book()

    book.note(LASTING, ConflictError("request id was used before"), 0.0)
    book.note(LASTING, InvalidInputError("status 500"), 0.0)

    assert book.unforeseen == [
        "request: conflict: request id was used before",
        "request: input.invalid: status 500",
    ]
    assert book.too_late == 0
