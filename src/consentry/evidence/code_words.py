"""What people read for a code: one wording for papers and reports, and that of the notice where a notice has one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from consentry.evidence.notice import CURRENT_VERSION, words_of

_OF_THE_NOTICE: Final = {"action": "actions", "purpose": "purposes", "category": "categories"}
"""Tables that the notice has too, for the one who signs it: it says "your" where others read of a patient."""


@cache
def code_words(language: str) -> Mapping[str, Mapping[str, str]]:
    """Gives the words of a language by kind of code and name.

    Args:
        language: ``zh`` or ``en``.

    Returns:
        Tables ``action``, ``actor``, ``assurance``, ``basis``, ``category``, ``emergency``, ``purpose`` and ``reason``.
    """
    source = files("consentry.evidence") / "notices" / f"codes.{language}.toml"
    own = tomllib.loads(source.read_text(encoding="utf-8"))
    notice = words_of(CURRENT_VERSION, language)
    return own | {name: {**notice[table], **own.get(name, {})} for name, table in _OF_THE_NOTICE.items()}
