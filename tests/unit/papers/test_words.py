"""The words of papers: complete, and the same in both languages."""

from __future__ import annotations

import string
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import pytest

from consentry.core.codes import (
    Action,
    ActorKind,
    Assurance,
    Category,
    EmergencyReason,
    LegalBasis,
    Purpose,
    Reason,
)
from consentry.evidence import steps
from consentry.papers.blocks import Language
from consentry.papers.words import short, words

LANGUAGES: tuple[Language, ...] = ("zh", "en")
CODES: tuple[tuple[str, type[IntEnum]], ...] = (
    ("action", Action),
    ("asked", Action),
    ("actor", ActorKind),
    ("assurance", Assurance),
    ("basis", LegalBasis),
    ("category", Category),
    ("emergency", EmergencyReason),
    ("purpose", Purpose),
    ("reason", Reason),
)


def _texts(tables: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for name, value in tables.items():
        found |= {(name, key): text for key, text in value.items()} if isinstance(value, dict) else {(name,): value}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_word(language: Language) -> None:
    tables = words(language).tables

    for table, kind in CODES:
        assert set(tables[table]) == {code.name for code in kind}, table
    assert set(tables["steps"]) == {str(number) for number in range(steps.FORM, steps.LAST + 1)}


def test_both_languages_say_the_same_and_put_in_the_same() -> None:
    chinese, english = (_texts(words(language).tables) for language in LANGUAGES)
    fields = [
        {name: {field for _, field, _, _ in string.Formatter().parse(text) if field} for name, text in texts.items()}
        for texts in (chinese, english)
    ]

    assert fields[0] == fields[1]
    assert [name for name, text in chinese.items() if text == english[name] and name != ("check", "command")] == []


def test_moment_beyond_the_calendar_is_told_as_a_number() -> None:
    say = words("en")

    assert say.moment(1_800_000_000) == "2027-01-15 08:00:00 UTC (2027-01-15 16:00:00 in Beijing)"
    assert say.moment(2**64 - 1) == "second 18446744073709551615 since 1970"
    assert "9999-12-31 23:59:59 in Beijing" in say.moment(253_402_300_799 - 8 * 3600)
    assert say.moment(253_402_300_800 - 8 * 3600) == "second 253402272000 since 1970"


def test_unknown_code_stands_for_itself() -> None:
    assert words("en").of("purpose", Purpose, 31) == "31"


def test_short_identifier_keeps_its_start_and_end() -> None:
    assert short(bytes(range(32))) == "0x00010203…1e1f"
