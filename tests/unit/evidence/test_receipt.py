"""What a receipt says: a transaction that failed logged nothing, and what is no receipt is none of one that failed."""

from __future__ import annotations

import pytest
import rlp

from consentry.errors import InvalidInputError
from consentry.evidence.trie import emitted_in, logs_of

LOG = [b"\xaa" * 20, [b"\x11" * 32], b"\x12\x34"]


def receipt(status: object, logs: object, kind: bytes = b"\x02") -> bytes:
    return kind + bytes(rlp.encode([status, b"\x52\x08", bytes(256), logs]))


@pytest.mark.parametrize("kind", [b"", b"\x01", b"\x02", b"\x04"])
def test_transaction_that_succeeded_logged_what_its_receipt_holds(kind: bytes) -> None:
    for logs in ([], [LOG], [LOG, LOG]):
        content = receipt(b"\x01", logs, kind)
        assert [[log.address, [*log.topics], log.data] for log in emitted_in(content)] == logs
        assert logs_of(content) == emitted_in(content)


def test_transaction_that_failed_logged_nothing() -> None:
    content = receipt(b"", [])
    assert emitted_in(content) == ()
    with pytest.raises(InvalidInputError, match="got a failed transaction"):
        logs_of(content)


@pytest.mark.parametrize(
    "content",
    [
        receipt(b"", [LOG]),
        receipt(b"\0", []),
        receipt(b"\x02", [LOG]),
        receipt(b"\x01\x01", [LOG]),
        receipt(bytes(32), [LOG]),
        receipt([b"\x01"], [LOG]),
        receipt(b"\x01", [LOG])[:-1],
        receipt(b"\x01", [LOG]) + b"\0",
        receipt(b"\x01", b""),
        receipt(b"\x01", [LOG[:2]]),
        bytes(rlp.encode([b"\x01", b"\x52\x08", [LOG]])),
        b"\x02",
        b"",
    ],
    ids=[
        "failed and logged",
        "status with a leading zero",
        "status 2",
        "status of two bytes",
        "state root, as before EIP-658",
        "status that is a list",
        "cut off",
        "more behind",
        "logs that are no list",
        "log without data",
        "no bloom",
        "type alone",
        "nothing",
    ],
)
def test_what_is_no_receipt_is_not_taken_for_one_that_failed(content: bytes) -> None:
    for read in (emitted_in, logs_of):
        with pytest.raises(InvalidInputError, match="does not match"):
            read(content)
