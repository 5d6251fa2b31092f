"""The words of reports in each language: headings, sentences, codes.

They stand in `words.en.toml` and `words.zh.toml`, those of codes that papers have too in `evidence.code_words`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from consentry.errors import InvalidInputError
from consentry.evidence.code_words import code_words

LANGUAGES: Final = ("zh", "en")
KINDS: Final = ("findings", "patterns")
"""Parts with what is said of each kind: its title, and its sentence where the English one of the audit does not do."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        language: ``zh`` or ``en``.
        parts: of the file: ``columns``, ``sheets``, ``codes`` and so on, each words by name.
    """

    language: str
    parts: Mapping[str, Any]

    def column(self, name: str) -> str:
        """Gives the heading of a column or fact."""
        return self._in("columns", name)

    def sheet(self, name: str) -> str:
        """Gives the caption of a sheet."""
        return self._in("sheets", name)

    def document(self, kind: str) -> str:
        """Gives the title of a document."""
        return self._in("documents", kind)

    def note(self, name: str) -> str:
        """Gives a sentence that holds for a document."""
        return self._in("notes", name)

    def said(self, name: str) -> str:
        """Gives any other word."""
        return self._in("said", name)

    def code(self, family: str, name: str) -> str:
        """Gives the word of a code; a code without one, as of a number nobody knows, is shown as it is."""
        found: str = self.parts["codes"].get(family, {}).get(name, name)
        return found

    def pattern(self, kind: str, otherwise: str) -> str:
        """Gives the sentence of a pattern, with its thresholds still in braces; its own where it has no other."""
        return self._says("patterns", kind, otherwise)

    def finding(self, kind: str, otherwise: str) -> str:
        """Gives the sentence of a kind of finding of the audit itself; that of the audit where it has no other."""
        return self._says("findings", kind, otherwise)

    def of_audit(self, text: str) -> str:
        """Gives a sentence or phrase of the audit, found by its form with ``{}`` for ids and numbers; else as it is."""
        for form, translated in self.parts.get("audit", {}).items():
            found = _matching(form).fullmatch(text)
            if found:
                said: str = translated.format(*found.groups())
                return said
        return text

    def beyond(self, seconds: int) -> str:
        """Gives a moment that no calendar has: its number of seconds since 1970."""
        return self.said("beyond").format(seconds=seconds)

    def _says(self, part: str, kind: str, otherwise: str) -> str:
        found: str = self.parts[part].get(kind, {}).get("says", otherwise)
        return found

    def _in(self, part: str, name: str) -> str:
        found: str = self.parts[part][name]
        return found


@cache
def _matching(form: str) -> re.Pattern[str]:
    return re.compile(r"(\S+)".join(map(re.escape, form.split("{}"))))


@cache
def words_of(language: str) -> Words:
    """Gives the words of a language.

    Raises:
        InvalidInputError: there are none.
    """
    if language not in LANGUAGES:
        raise InvalidInputError(
            f"language does not match (got {language!r:.20}, expected one of {', '.join(LANGUAGES)})"
        )
    source = files("consentry.reports") / f"words.{language}.toml"
    own = tomllib.loads(source.read_text(encoding="utf-8"))
    titles = {kind: words["title"] for part in KINDS for kind, words in own[part].items()}
    return Words(language, {**own, "codes": {**own["codes"], **code_words(language), "kind": titles}})
