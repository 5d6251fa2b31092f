"""What a paper is made of. A block holds text only, never markup: whatever stands in it is printed, not obeyed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Language = Literal["zh", "en"]
ATTACHED: Final = "consentry-bundle.json"
"""Name of an evidence bundle inside its paper."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title, which is of level 1."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one thing a reader has to take away, in a frame; the word says it too, not the colour alone."""

    word: str
    text: str
    tone: Literal["good", "bad", "plain"] = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case: a name and a value each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a head; it goes on over pages, and its head is repeated.

    Attributes:
        head: names of the columns.
        rows: as many cells each.
        widths: share of the width each column takes; 0 for as much as it needs.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text whose lines and words are another's, as they are."""

    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing as SVG, what it shows in words for whoever does not see it, and a line below; width in millimetres."""

    svg: str
    shows: str
    caption: str
    width: int


Block = Heading | Paragraph | Verdict | Facts | Table | Points | Verbatim | Picture


@dataclass(frozen=True, slots=True)
class Part:
    """A paper in one language; a paper in two has two of them, each from a new page on."""

    language: Language
    region: str
    title: str
    subtitle: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text file that travels inside the paper."""

    name: str
    content: bytes
    media_type: str
    description: str


def written(block: Block) -> dict[str, Any]:
    """Gives a block as the template takes it."""
    return {"kind": type(block).__name__.lower(), **asdict(block)}
