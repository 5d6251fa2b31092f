"""From blocks to a file: PDF/A-3a that also is PDF/UA-1, by typst.

PDF/A-3 is the part of ISO 19005 that lets a file of any kind be attached (PDF/A-2 takes PDF/A alone); level a means
that the text is tagged, so that it can be read aloud. The same document gives the same bytes: its date is that of what
it is about, not that of printing, and fonts of the machine take no part.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import typst

from consentry.errors import InvalidInputError
from consentry.evidence.notice import LAST_MOMENT
from consentry.papers.blocks import Attachment, Part, written

STANDARDS: Final[list[Any]] = ["a-3a", "ua-1"]
TEMPLATE: Final = "paper.typ"


@dataclass(frozen=True, slots=True)
class Document:
    """A paper before it is set.

    Attributes:
        title: of the file.
        moment: its date, in seconds since the epoch.
        footer: what stands on every page beside its number.
        parts: one for each language.
        attachment: the file inside, if there is one.
    """

    title: str
    moment: int
    footer: str
    parts: tuple[Part, ...]
    attachment: Attachment | None = None


def to_pdf(document: Document, fonts: typst.Fonts) -> bytes:
    """Sets a document as PDF/A-3a.

    Raises:
        InvalidInputError: its date lies outside the calendar, a drawing is none, or a character has no glyph.
    """
    moment = _moment(document)
    # What a signature appends has to begin on a line of its own (ISO 19005-3, 6.1.9).
    return _compiled(document, fonts, moment).rstrip() + b"\n"


def _moment(document: Document) -> datetime:
    if not 0 <= document.moment <= LAST_MOMENT:
        raise InvalidInputError(f"date of the paper does not match (got second {document.moment}, expected a date)")
    return datetime.fromtimestamp(document.moment, UTC)


def _compiled(document: Document, fonts: typst.Fonts, moment: datetime) -> bytes:
    folder = Path(str(files("consentry.papers"))) / "templates"
    try:
        made, warnings = typst.compile_with_warnings(
            folder / TEMPLATE,
            root=folder,
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs=_inputs(document),
            format="pdf",
            pdf_standards=STANDARDS,
            timestamp=moment,
        )
    except typst.TypstError as error:
        raise InvalidInputError(f"paper cannot be set: {error.message}") from None
    if warnings:
        raise InvalidInputError(f"paper cannot be set as it should be: {warnings[0].message}")
    return made


def _inputs(document: Document) -> dict[str, str]:
    """Gives what the template reads; an attachment goes beside the rest, as it is."""
    moment, attachment = _moment(document), document.attachment
    told: dict[str, Any] = {
        "title": document.title,
        "footer": document.footer,
        "date": [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second],
        "parts": [
            {
                "language": part.language,
                "region": part.region,
                "title": part.title,
                "subtitle": part.subtitle,
                "blocks": [written(block) for block in part.blocks],
            }
            for part in document.parts
        ],
    }
    if attachment is None:
        return {"paper": json.dumps(told)}
    told["attachment"] = {
        "name": attachment.name,
        "media": attachment.media_type,
        "description": attachment.description,
    }
    return {"paper": json.dumps(told), "attached": attachment.content.decode()}
