"""Reads back what is printed on a PDF: its text by the fonts' own tables, and whether each glyph is inside.

A second reader beside what wrote the file: pyHanko takes the objects apart, content streams and ToUnicode
tables are read here, and fontTools looks into the embedded fonts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fontTools.ttLib import TTFont
from pyhanko.pdf_utils.reader import PdfFileReader

_START = re.compile(rb"<<|\(|<[0-9A-Fa-f\s]*>|/[^\s/<>\[\]()]+|[A-Za-z'\"*]+")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Shown:
    """One glyph on a page: the name of its font, its number in it, the text it stands for."""

    font: str
    glyph: int
    text: str
    in_footer: bool


def pages(content: bytes) -> list[Any]:
    """Gives the pages of a file, in their order."""
    return list(_leaves(PdfFileReader(io.BytesIO(content)).root["/Pages"]))


def _leaves(node: Any) -> Iterator[Any]:  # noqa: ANN401 - the reader's objects have no common type
    if node["/Type"] == "/Page":
        yield node
        return
    for kid in node["/Kids"]:
        yield from _leaves(kid.get_object())


def text_of(content: bytes) -> str:
    """Gives the text of all pages, then their footers, without any space: breaks are not part of what a text says."""
    glyphs = [shown for page in pages(content) for shown in glyphs_of(page)]
    bodies, footers = ([shown.text for shown in glyphs if shown.in_footer == which] for which in (False, True))
    return re.sub(r"\s", "", "".join((*bodies, *footers)))


def glyphs_of(page: Any) -> Iterator[Shown]:  # noqa: ANN401 - as `pages` gives it
    """Gives every glyph on a page, in the order of its content stream."""
    fonts = {str(name).lstrip("/"): font.get_object() for name, font in page["/Resources"]["/Font"].items()}
    tables = {name: _unicode_table(font["/ToUnicode"].data) for name, font in fonts.items()}
    name, current, marks = "", "", [False]
    for token in _tokens(page["/Contents"].data):
        if token.startswith(b"/"):
            name = token[1:].decode()
        elif token == b"Tf":
            current = name
        elif token in {b"BDC", b"BMC"}:
            marks.append(marks[-1] or name == "Footer")
        elif token == b"EMC":
            marks.pop()
        elif token.startswith((b"(", b"<")) and token[1:2] != b"<":
            raw = _unescaped(token[1:-1]) if token.startswith(b"(") else bytes.fromhex(token[1:-1].decode())
            for place in range(0, len(raw), 2):
                glyph = int.from_bytes(raw[place : place + 2], "big")
                base = str(fonts[current]["/BaseFont"]).lstrip("/")
                yield Shown(base, glyph, tables[current].get(glyph, ""), marks[-1])


def _tokens(stream: bytes) -> Iterator[bytes]:
    """Gives the tokens of a content stream; properties of marked content are one each, but for the kind of artifact."""
    place = 0
    while (found := _START.search(stream, place)) is not None:
        end = found.end()
        if found[0] == b"<<":
            end = stream.index(b">>", end) + 2
            while stream[end : end + 1] == b">":
                end += 1
            if b"/Subtype/Footer" in stream[found.start() : end]:
                yield b"/Footer"
        elif found[0] == b"(":
            end = _end_of_string(stream, end)
            yield stream[found.start() : end]
        else:
            yield found[0]
        place = end


def _end_of_string(stream: bytes, place: int) -> int:
    """Finds the bracket that closes a string; brackets that pair need no escape in it (ISO 32000-1, 7.3.4.2)."""
    depth = 1
    while depth:
        depth += {b"(": 1, b")": -1}.get(stream[place : place + 1], 0)
        place += 2 if stream[place : place + 1] == b"\\" else 1
    return place


def _unescaped(literal: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else _LETTERS.get(m[1], m[1]), literal)


def _unicode_table(table: bytes) -> dict[int, str]:
    """Reads a ToUnicode table (ISO 32000-1, 9.10.3): single codes and ranges."""
    found: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f\s]+)>", block):
            found[int(code, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            start = int(text, 16)
            for code in range(int(first, 16), int(last, 16) + 1):
                found[code] = chr(start + code - int(first, 16))
    return found


def embedded_outlines(content: bytes) -> dict[str, dict[int, bool]]:
    """Tells of each embedded TrueType font, by its name, which glyphs have an outline, by their numbers."""
    found: dict[str, dict[int, bool]] = {}
    for page in pages(content):
        for font in (entry.get_object() for entry in page["/Resources"]["/Font"].values()):
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            opened = TTFont(io.BytesIO(descriptor["/FontFile2"].data))
            glyphs = opened["glyf"]
            names = opened.getGlyphOrder()
            outlines = {number: glyphs[name].numberOfContours != 0 for number, name in enumerate(names)}
            found[str(font["/BaseFont"]).lstrip("/")] = outlines
    return found
