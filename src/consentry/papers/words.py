"""The words of a paper in one language: those of its own file, and those that codes have everywhere."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from consentry.core.codes import Action, Category, Purpose
from consentry.evidence.code_words import code_words
from consentry.evidence.notice import LAST_MOMENT
from consentry.papers.blocks import Language

_BEIJING: Final = 8 * 3600
"""Seconds that Beijing is ahead of UTC; it has no summer time."""
_SHOWN: Final = (10, 4)
"""Characters of an identifier that are shown at its start, with 0x, and at its end."""
_FORM: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Words:
    """Words by table and name."""

    language: Language
    tables: Mapping[str, Any]

    @property
    def region(self) -> str:
        """Which form of the language it is: a country, as ISO 3166-1 has it, in small letters."""
        return str(self.tables["region"])

    @property
    def title(self) -> str:
        """The title of the paper."""
        return str(self.tables["title"])

    @property
    def subtitle(self) -> str:
        """The line below it."""
        return str(self.tables["subtitle"])

    def __call__(self, table: str, name: str, **put_in: object) -> str:
        """Gives a text, with values put in."""
        text: str = self.tables[table][name]
        return text.format(**put_in) if put_in else text

    def of(self, table: str, kind: type[IntEnum], code: int) -> str:
        """Gives the word for a code; a number that is none stands for itself."""
        return self(table, kind(code).name) if code in set(kind) else str(code)

    def each_of(self, table: str, kind: type[Action | Category | Purpose], mask: int) -> str:
        """Gives the words of the codes in a bit mask."""
        listed = [self.of(table, kind, code) for code in kind if mask >> code & 1]
        return self.listed(listed) or str(self.tables["none"])

    def listed(self, texts: Sequence[str]) -> str:
        """Writes some texts one behind the other."""
        return str(self.tables["and"]).join(texts)

    def period(self, since: int, until: int) -> str:
        """Writes a period between two moments in seconds."""
        return self("facts", "period", since=self.moment(since), until=self.moment(until))

    def moment(self, seconds: int) -> str:
        """Writes a moment in UTC and as it is in Beijing; one beyond the calendar as its number."""
        if seconds > LAST_MOMENT - _BEIJING:
            return str(self.tables["beyond"]).format(seconds=seconds)
        utc, beijing = (datetime.fromtimestamp(at, UTC).strftime(_FORM) for at in (seconds, seconds + _BEIJING))
        return str(self.tables["moment"]).format(utc=utc, beijing=beijing)


@cache
def words(language: Language) -> Words:
    """Reads the words of a language."""
    source = files("consentry.papers") / "words" / f"{language}.toml"
    return Words(language, {**tomllib.loads(source.read_text(encoding="utf-8")), **code_words(language)})


def short(identifier: bytes) -> str:
    """Shortens an identifier for reading; the annex has it whole."""
    text, (start, end) = "0x" + identifier.hex(), _SHOWN
    return f"{text[:start]}…{text[-end:]}"
