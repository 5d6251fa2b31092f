"""The notice a subject reads before signing, rendered from the terms and nothing else (CN-01, CN-02).

The same terms, version and language give the same bytes; their SHA-256 is in the signed terms, so what was shown can be
shown again and checked.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from consentry.core.codes import UNLIMITED_USES, Action, Assurance, Category, Purpose
from consentry.core.participants import keeper_of
from consentry.core.terms import ConsentTerms
from consentry.errors import InvalidInputError, NotFoundError

CURRENT_VERSION: Final = 4
LANGUAGES: Final = ("zh", "en")
_MONTHS: Final = 12
_EPOCH_YEAR: Final = 1970
Words = Mapping[str, Any]
"""Words of a notice for what the terms hold as ids and codes; the last members are tables by the code's name."""
_CODES: Final[Words] = {
    "group": "group {name}",
    "institution": "{name}",
    "anybody": "*",
    "somebody": "{name}",
    "named": "{name}",
    "once": "1",
    "times": "{count}",
    "unlimited": "*",
    "erase": "{moment}",
    "none": "-",
    "actions": {},
    "purposes": {},
    "categories": {},
    "assurance": {},
}
_FIRST_ABOUT_GROUPS: Final = 2
_FIRST_IN_WORDS: Final = 3
LAST_MOMENT: Final = 253_402_300_799
"""The end of the year 9999, in seconds since the epoch."""


def render(terms: ConsentTerms, version: int, language: str) -> str:
    """Renders the notice of some terms; ``notice_hash`` and ``nonce`` take no part.

    Raises:
        NotFoundError: there is no such notice.
        InvalidInputError: a moment or month of the terms lies outside the calendar.
    """
    source = _file(f"notice-{version}.{language}")
    if language not in LANGUAGES or not source.is_file():
        raise NotFoundError(f"notice {version} in language {language!r} does not exist")
    text = source.read_text(encoding="utf-8").format(
        group=_about_group(terms.group, version, language),
        max_sensitivity=terms.max_sensitivity,
        data_from=month_text(terms.data_from),
        data_until=month_text(terms.data_until),
        valid_from=moment_text(terms.valid_from),
        valid_until=moment_text(terms.valid_until),
        **_in_words(terms, words_of(version, language)),
    )
    return text + _about_guardian(terms.guardian, version, language)


def _in_words(terms: ConsentTerms, words: Words) -> dict[str, str]:
    """Writes what stands in the terms as ids and codes."""
    kind, name = ("group", terms.group) if any(terms.group) else ("institution", terms.institution)
    one, root = terms.practitioner, terms.records_root
    often = {1: words["once"], UNLIMITED_USES: words["unlimited"]}
    return {
        "grantee": words[kind].format(name="0x" + name.hex()),
        "practitioner": words["somebody"].format(name="0x" + one.hex()) if any(one) else words["anybody"],
        "actions": _listed(terms.actions, Action, words["actions"]),
        "purposes": _listed(terms.purposes, Purpose, words["purposes"]),
        "records": words["named"].format(name="0x" + root.hex())
        if any(root)
        else _listed(terms.categories, Category, words["categories"]),
        "max_uses": often.get(terms.max_uses, words["times"].format(count=terms.max_uses)),
        "assurance": words.get("assurance", {}).get(*_named(Assurance, terms.assurance)),
        "erase_by": words["erase"].format(moment=moment_text(terms.erase_by)) if terms.erase_by else words["none"],
    }


@cache
def words_of(version: int, language: str) -> Words:
    """Gives the words of a notice; the first two versions had none and showed the codes."""
    source = files("consentry.evidence") / "notices" / f"words-{version}.{language}.toml"
    return _CODES if version < _FIRST_IN_WORDS else tomllib.loads(source.read_text(encoding="utf-8"))


def _file(name: str) -> Traversable:
    return files("consentry.evidence") / "notices" / f"{name}.txt"


def _about_group(group: bytes, version: int, language: str) -> str:
    """Tells who may let others into a group; the first version of the notice did not."""
    source = _file(f"notice-{version}-group.{language}")
    if not any(group) or version < _FIRST_ABOUT_GROUPS:
        return ""
    return source.read_text(encoding="utf-8").format(keeper="0x" + keeper_of(group).hex())


def _about_guardian(guardian: bytes, version: int, language: str) -> str:
    """Tells that a guardian signs; notices before the fourth know no guardians."""
    if not any(guardian):
        return ""
    source = _file(f"notice-{version}-guardian.{language}")
    if not source.is_file():
        raise NotFoundError(f"notice {version} for guardians in language {language!r} does not exist")
    return source.read_text(encoding="utf-8").format(guardian="0x" + guardian.hex())


def with_notice(terms: ConsentTerms, language: str) -> tuple[ConsentTerms, str]:
    """Gives the terms with hash and version of the current notice, and its text."""
    text = render(terms, CURRENT_VERSION, language)
    digest = hashlib.sha256(text.encode()).digest()
    return replace(terms, notice_hash=digest, notice_version=CURRENT_VERSION), text


def shown_text(terms: ConsentTerms) -> tuple[str, str] | None:
    """Gives language and text of the notice that was shown, found by its hash.

    None if the text is not one of this gateway's: the subject granted elsewhere.
    """
    for language in LANGUAGES:
        try:
            text = render(terms, terms.notice_version, language)
        except (NotFoundError, InvalidInputError):
            continue
        if hashlib.sha256(text.encode()).digest() == terms.notice_hash:
            return language, text
    return None


def _named(kind: type[Assurance], code: int) -> tuple[str, str]:
    """Gives the name of a code, and what to show where there is no word for it."""
    name = next((member.name for member in kind if member == code), str(code))
    return name, name


def _listed(mask: int, kind: type[Action | Purpose | Category], words: Mapping[str, str]) -> str:
    return ", ".join(words.get(code.name, code.name) for code in kind if mask & (1 << code))


def month_text(count: int) -> str:
    """Writes a month counted from January 1970."""
    return f"{_EPOCH_YEAR + count // _MONTHS:04d}-{count % _MONTHS + 1:02d}"


def moment_text(seconds: int) -> str:
    """Writes a moment in seconds since the epoch.

    Raises:
        InvalidInputError: it lies beyond the calendar.
    """
    if seconds > LAST_MOMENT:
        raise InvalidInputError(f"moment does not match (got {seconds}, expected at most {LAST_MOMENT})")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
