"""Values of options, and what is shown of values."""

from __future__ import annotations

import pytest

from consentry.cli import values
from consentry.cli.output import listing, plain
from consentry.core.codes import UNLIMITED_USES, Category, Purpose
from consentry.errors import InvalidInputError
from consentry.evidence.notice import month_text


@pytest.mark.parametrize(("text", "count"), [("1970-01", 0), ("2004-01", 408), ("2026-12", 683), ("7431-04", 65535)])
def test_month_is_read_as_it_is_written(text: str, count: int) -> None:
    assert values.month("month", text) == count
    assert month_text(count) == text


@pytest.mark.parametrize("text", ["2004-1", "2004-00", "04-01", "2004-01-01", "7431-05", "", "٢٠٠٤-01"])
def test_other_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="YYYY-MM"):
        values.month("month", text)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2026-11-26", 1795651200),
        ("2026-11-26 01:02", 1795654920),
        ("2026-11-26 01:02:03", 1795654923),
        ("2026-11-26T01:02:03Z", 1795654923),
        ("2026-11-26 01:02:03 UTC", 1795654923),
        ("1795654923", 1795654923),
        ("0", 0),
    ],
)
def test_moment_is_read_as_it_is_shown_or_in_seconds(text: str, second: int) -> None:
    assert values.moment("lapses at", text) == second


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-11-26 25:00", "2026-11-26 01:02:03 CST", "-1", "9" * 30]
)
def test_other_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="lapses at does not match"):
        values.moment("lapses at", text)


def test_uses_are_a_number_or_unlimited() -> None:
    assert values.uses("3") == 3
    assert values.uses("unlimited") == UNLIMITED_USES
    for text in ("0", "-1", "1.5", "many", str(UNLIMITED_USES), "9" * 5000):
        with pytest.raises(InvalidInputError):
            values.uses(text)


def test_codes_are_found_by_name_in_either_case() -> None:
    assert values.codes("category", Category, ["imaging", "LABORATORY,summary"]) == [4, 3, 1]
    assert values.named(Category, 1 << 4 | 1 << 3) == "LABORATORY,IMAGING"
    assert (values.name_of(Purpose, 1), values.name_of(Purpose, 99)) == ("TREAT", "99")
    with pytest.raises(InvalidInputError, match="expected one of TREAT, ETREAT"):
        values.codes("purpose", Purpose, ["treatment"])


@pytest.mark.parametrize("text", ["0x1", "0xgg", "1 2", " 11", "0X11"])
def test_other_than_hexadecimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="id is not hexadecimal"):
        values.hexadecimal("id", text)


def test_text_of_a_gateway_cannot_steer_the_terminal() -> None:
    assert plain("denied\x1b[2J\nfor \u202egood") == "denied [2J for  good"


def test_table_shows_ids_whole_and_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    identifier = "0x" + "ab" * 32

    listing([], ("one", "two", "three"), [(identifier, "[bold]", identifier)], as_json=False)

    assert capsys.readouterr().out.splitlines()[1].split() == [identifier, "[bold]", identifier]
