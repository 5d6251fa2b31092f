"""Codes that name a person, brought to one form: the same code has the same text however it was typed.

A code is personal. Nothing here repeats one in a message; whoever calls keeps it out of logs.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from enum import IntEnum
from typing import Final

from consentry.errors import InvalidInputError


class IdentifierKind(IntEnum):
    """What a code is; off chain only, the numbers stand in rows of the directory."""

    ID_NUMBER = 1
    """Chinese ID number, the main index (GB 11643)."""
    HEALTH_CARD = 2
    """Electronic health card."""
    INSURANCE = 3
    """Code of the medical insurance."""
    PASSPORT = 4
    """Issuing state in the three letters of ICAO 9303, then the number."""
    HOSPITAL_NUMBER = 5
    """Of the custodian itself."""
    NETWORK_NUMBER = 6
    """Of the national network identity service."""


MOST_CHARACTERS: Final = 64
_SEPARATORS: Final = re.compile(r"[\s\-\u2010\u2013\u2014]")
_FORMS: Final = {
    IdentifierKind.ID_NUMBER: (re.compile(r"[0-9]{17}[0-9X]"), "18 characters with the check character of GB 11643"),
    IdentifierKind.HEALTH_CARD: (re.compile(r"[0-9A-Z]{6,64}"), "6 to 64 letters and digits"),
    IdentifierKind.INSURANCE: (re.compile(r"[0-9A-Z]{6,64}"), "6 to 64 letters and digits"),
    IdentifierKind.PASSPORT: (
        re.compile(r"[A-Z][A-Z<]{2}[0-9A-Z]{5,9}"),
        "three letters of the issuing state, then 5 to 9 letters and digits",
    ),
}
"""Kinds whose separators and case mean nothing, with the form that is left."""
_MODULUS: Final = 11
_TEN: Final = "X"


def normalised(kind: IdentifierKind, code: str) -> str:
    """Gives the one form of a code.

    Characters of full width become plain ones (NFKC). In the kinds of `_FORMS`, spaces and hyphens go and letters
    become upper case; a hospital's or network number only loses the space around it, since its case may tell two apart.

    Raises:
        InvalidInputError: the code has not the form of its kind; the message does not repeat it.
    """
    plain = unicodedata.normalize("NFKC", code)
    form, wanted = _FORMS.get(kind, (None, f"1 to {MOST_CHARACTERS} printable characters"))
    if form is None:
        found = plain.strip()
        fits = 0 < len(found) <= MOST_CHARACTERS and found.isprintable()
    else:
        found = _SEPARATORS.sub("", plain).upper()
        fits = form.fullmatch(found) is not None and (kind != IdentifierKind.ID_NUMBER or _is_id_number(found))
    if not fits:
        raise InvalidInputError(f"code of kind {kind.name} does not match (expected {wanted})")
    return found


def _is_id_number(code: str) -> bool:
    """Checks date and check character: GB 11643, ISO 7064 MOD 11-2, where the weighted sum of all 18 leaves 1."""
    try:
        date(int(code[6:10]), int(code[10:12]), int(code[12:14]))
    except ValueError:
        return False
    total = 0
    for character in code:
        total = (2 * total + (10 if character == _TEN else int(character))) % _MODULUS
    return total == 1
