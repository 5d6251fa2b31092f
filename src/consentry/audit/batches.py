"""Batches under one signature: what a transaction's ``BatchSubmitted`` says against the answers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import SubmittedRequest
from consentry.core import events
from consentry.core.batch_tree import root_of
from consentry.core.events import AccessDecided, LedgerEvent, RequestRejected
from consentry.core.terms import Address
from consentry.core.typed_data import struct_hash

Answer = AccessDecided | RequestRejected
Said = tuple[Address, bytes, int, bytes | None]
"""Institution, root, size, and the signature where it is known."""
NO_BATCH: Final = "no batch"


def check_batch(together: Sequence[LedgerEvent], submitted: Sequence[SubmittedRequest | None] | None) -> list[Finding]:
    """Compares the batch a transaction claims with its calldata, or where that is not known with its answers.

    Args:
        together: every event of one transaction, in order.
        submitted: the items of its calldata, none for one that cannot be read; none if they are not known.
    """
    claimed = [event for event in together if isinstance(event, events.BatchSubmitted)]
    answers = [event for event in together if isinstance(event, Answer)]
    expected = _expected(claimed, answers, submitted)
    if _holds(claimed, expected, together):
        return []
    place = (claimed or answers)[0].place
    message = "a transaction says of a batch under one signature what is not so"
    shown = _shown(expected[1], expected[2]) if expected else NO_BATCH
    got = ", ".join(_shown(event.root, event.size) for event in claimed) or NO_BATCH
    return [Finding(Kind.BATCH, "0x" + place.transaction_hash.hex(), message, shown, got, place)]


def _expected(
    claimed: Sequence[events.BatchSubmitted],
    answers: Sequence[Answer],
    submitted: Sequence[SubmittedRequest | None] | None,
) -> Said | None:
    if read := next(filter(None, submitted or ()), None):
        return _in_calldata(read)
    return _in_answers(answers) if claimed and answers else None


def _holds(claimed: Sequence[events.BatchSubmitted], expected: Said | None, together: Sequence[LedgerEvent]) -> bool:
    if expected is None:
        return not claimed
    if len(claimed) != 1 or isinstance(together[0], Answer):
        return False
    [event] = claimed
    institution, root, size, signature = expected
    same = (event.institution, event.root, event.size) == (institution, root, size)
    return same and signature in (None, event.signature)


def _shown(root: bytes, size: int) -> str:
    return f"one of {size} requests with root 0x{root.hex()}"


def _in_calldata(item: SubmittedRequest) -> Said | None:
    """What any one item says: the batch is that of all of them."""
    within = item.within
    if within is None:
        return None
    return within.batch.institution, within.batch.root, within.batch.size, item.signature


def _in_answers(answers: Sequence[Answer]) -> Said:
    """What a batch over these answers would be; its signature cannot be known from them."""
    hashes = [
        struct_hash(answer.entry.request) if isinstance(answer, AccessDecided) else answer.request_hash
        for answer in answers
    ]
    first = answers[0]
    institution = first.entry.request.institution if isinstance(first, AccessDecided) else first.institution
    return institution, root_of(hashes), len(hashes), None
