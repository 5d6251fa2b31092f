"""What an audit could not read is told, and does not grow with whoever wants to fill the report."""

from __future__ import annotations

from consentry.audit.unread import MORE, MOST_LINES, Unread


def test_what_could_not_be_read_is_told_in_order() -> None:
    unread = Unread()
    unread.transaction("0x01")
    unread.rejection(7, "0x02")
    first, second = unread.limits()
    assert "0x01" in first
    assert "request 7 of transaction 0x02" in second


def test_most_is_counted_and_not_kept() -> None:
    unread = Unread()
    for number in range(MOST_LINES + 250):
        unread.rejection(number, "0x01")
    assert len(unread.lines) == MOST_LINES
    assert unread.limits()[-1] == MORE.format(250)
