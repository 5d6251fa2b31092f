"""The notice a subject reads before signing, rendered from the terms and nothing else (CN-01, CN-02).

The same terms, version and language give the same bytes; their SHA-256 is in the signed terms, so what was shown can be
shown again and checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from consentry.core.codes import UNLIMITED_USES, Action, Category, Purpose
from consentry.core.participants import keeper_of
from consentry.core.terms import ConsentTerms
from consentry.errors import InvalidInputError, NotFoundError

CURRENT_VERSION: Final = 2
LANGUAGES: Final = ("zh", "en")
_MONTHS: Final = 12
_EPOCH_YEAR: Final = 1970
_ANY: Final = "*"
_LAST_MOMENT: Final = 253_402_300_799
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
    named = any(terms.records_root)
    return source.read_text(encoding="utf-8").format(
        grantee="group 0x" + terms.group.hex() if any(terms.group) else "0x" + terms.institution.hex(),
        group=_about_group(terms.group, version, language),
        practitioner="0x" + terms.practitioner.hex() if any(terms.practitioner) else _ANY,
        actions=_listed(terms.actions, Action),
        purposes=_listed(terms.purposes, Purpose),
        records="0x" + terms.records_root.hex() if named else _listed(terms.categories, Category),
        max_sensitivity=terms.max_sensitivity,
        data_from=month_text(terms.data_from),
        data_until=month_text(terms.data_until),
        valid_from=moment_text(terms.valid_from),
        valid_until=moment_text(terms.valid_until),
        max_uses=_ANY if terms.max_uses == UNLIMITED_USES else terms.max_uses,
        erase_by=moment_text(terms.erase_by) if terms.erase_by else "-",
    )


def _file(name: str) -> Traversable:
    return files("consentry.evidence") / "notices" / f"{name}.txt"


def _about_group(group: bytes, version: int, language: str) -> str:
    """Tells who may let others into a group; the first version of the notice did not."""
    source = _file(f"notice-{version}-group.{language}")
    if not any(group) or not source.is_file():
        return ""
    return source.read_text(encoding="utf-8").format(keeper="0x" + keeper_of(group).hex())


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


def _listed(mask: int, kind: type[Action | Purpose | Category]) -> str:
    return ", ".join(code.name for code in kind if mask & (1 << code))


def month_text(count: int) -> str:
    """Writes a month counted from January 1970."""
    return f"{_EPOCH_YEAR + count // _MONTHS:04d}-{count % _MONTHS + 1:02d}"


def moment_text(seconds: int) -> str:
    """Writes a moment in seconds since the epoch.

    Raises:
        InvalidInputError: it lies beyond the calendar.
    """
    if seconds > _LAST_MOMENT:
        raise InvalidInputError(f"moment does not match (got {seconds}, expected at most {_LAST_MOMENT})")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
