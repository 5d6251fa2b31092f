"""How much of a foreign PDF is walked at all.

A reader of PDF follows references wherever they lead: the same object a thousand times, objects within objects, and a
table of contents that stands for a billion of them in a hundred bytes. What is bounded here is bounded before the
reader goes there, and far above what a paper of this package has.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import process_data_at_eof
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.pdf_utils.xref import XRefBuilder

from consentry.errors import InvalidInputError

MOST_UPDATES: Final = 16
"""Tables of contents in one file: a paper has one, a signed one two."""
MOST_FIELDS: Final = 16
DEEPEST_FIELD: Final = 4
"""A field of the form itself is at depth one."""
MOST_PAGES: Final = 4096
"""With the nodes of the tree they are in."""
DEEPEST_PAGE: Final = 16
MOST_ANNOTATIONS: Final = 4096
"""On all pages together."""
_ANNOTATIONS: Final = frozenset({"/Link", "/Widget"})
"""Kinds that show no file of their own; a signature is a widget."""
_PLACES: Final = frozenset({"/F", "/UF"})
_OTHER_PLACES: Final = frozenset({"/DOS", "/Mac", "/Unix", "/RF"})
MOST_CERTIFICATES: Final = 8
"""In one signature; ways from a signer to an authority multiply with certificates of the same name."""


class _Tables(XRefBuilder):
    """The table of contents and those before it, each written as a table (ISO 32000-2, 7.5.4).

    In a stream (7.5.8) the entries may have no width: then their number is not bounded by the size of the file. Objects
    within object streams can be found by such a stream alone.
    """

    def _read_xref_stream_object(self) -> Any:  # noqa: ANN401 - as in the library
        raise InvalidInputError("table of contents of the paper does not match (got a stream, expected a table)")

    def _read_xref_table(self, declared_startxref: int) -> Any:  # noqa: ANN401 - as in the library
        if len(self.sections) >= MOST_UPDATES:
            raise InvalidInputError(f"updates of the paper do not match (got more than {MOST_UPDATES})")
        return super()._read_xref_table(declared_startxref)


def check_tables(stream: io.BytesIO) -> None:
    """Checks the tables of contents; no object is read.

    Args:
        stream: bytes of the file.

    Raises:
        InvalidInputError: one is a stream, or there are too many.
        Exception: of the library, where there is none that can be read.
    """
    stream.seek(-1, os.SEEK_END)
    tables: Any = _Tables(PdfHandler(), stream, strict=True, last_startxref=process_data_at_eof(stream))
    tables.read_xrefs()


def check_form(root: DictionaryObject) -> None:
    """Checks the fields of the form, in which signatures stand.

    Raises:
        InvalidInputError: there are too many, they nest too deep, or are no tree.
    """
    if "/AcroForm" not in root or "/Fields" not in root["/AcroForm"]:
        return
    for _ in walk("fields", root["/AcroForm"]["/Fields"], most=MOST_FIELDS, deepest=DEEPEST_FIELD):
        pass


def check_certificates(found: int) -> None:
    """Checks how many certificates a signature brings along.

    Raises:
        InvalidInputError: too many.
    """
    if found > MOST_CERTIFICATES:
        raise InvalidInputError(
            f"certificates of the signature do not match (got {found}, expected at most {MOST_CERTIFICATES})"
        )


def attachment(root: DictionaryObject, name: str) -> StreamObject:
    """Gives the content of the only file that a program shows as attached to the document.

    Which of the names and places of a file is shown depends on the program; so they all have to say the same.

    Args:
        root: catalog of the document.
        name: that the file has to have.

    Raises:
        InvalidInputError: there is another one, or a page has one.
        Exception: of the library, where there is none.
    """
    tree: Any = root["/Names"]["/EmbeddedFiles"]
    names: Any = tree["/Names"]
    named = [str(names[place]) for place in range(0, min(len(names), 16), 2)]
    if "/Kids" in tree or named != [name]:
        raise InvalidInputError(f"attachments of the paper do not match (got {named!r:.120}, expected {name} alone)")
    _check_associated(root, names.raw_get(1))
    _check_pages(root)
    return _only_content(names[1], name)


def _only_content(file: DictionaryObject, name: str) -> StreamObject:
    content: Any = file["/EF"]
    if _OTHER_PLACES & file.keys() or any(str(file[place]) != name for place in _PLACES & file.keys()):
        raise InvalidInputError(f"attachments of the paper do not match (expected {name} alone, by each of its names)")
    places = [content.raw_get(place) for place in content]
    if not content.keys() <= _PLACES or not places or any(place != places[0] for place in places):
        raise InvalidInputError("attachments of the paper do not match (expected one content for every program)")
    found: StreamObject = content["/F"]
    return found


def _check_associated(root: DictionaryObject, file: object) -> None:
    """Checks that what is associated with the document (ISO 32000-2, 14.13) is the attachment, if anything."""
    listed: Any = root["/AF"] if "/AF" in root else ArrayObject()
    if not isinstance(file, IndirectObject) or not isinstance(listed, ArrayObject) or list(listed) not in ([], [file]):
        raise InvalidInputError("attachments of the paper do not match (expected what is associated to be the bundle)")


def _check_pages(root: DictionaryObject) -> None:
    """Checks that no page has a file of its own."""
    left = MOST_ANNOTATIONS
    for page in walk("pages", ArrayObject([root.raw_get("/Pages")]), most=MOST_PAGES, deepest=DEEPEST_PAGE):
        if "/AF" in page:
            raise InvalidInputError("attachments of the paper do not match (got one of a page, expected none)")
        listed: Any = page["/Annots"] if "/Annots" in page else ArrayObject()
        if not isinstance(listed, ArrayObject) or len(listed) > left:
            raise InvalidInputError(f"annotations of the paper do not match (expected at most {MOST_ANNOTATIONS})")
        left -= len(listed)
        for annotation in listed:
            found = annotation.get_object()
            if found["/Subtype"] not in _ANNOTATIONS or "/AF" in found:
                raise InvalidInputError("annotations of the paper do not match (expected links and signatures alone)")


def walk(what: str, listed: object, *, most: int, deepest: int) -> Iterator[DictionaryObject]:
    """Walks a tree of objects whose branches are in ``/Kids``, and checks that it is one.

    Args:
        what: name of the objects, for messages.
        listed: references to those at the root.
        most: of them that are walked.
        deepest: level that is reached; those at the root have level one.

    Raises:
        InvalidInputError: there are more, they lie deeper, one is reached twice, or something is no reference.
    """
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[object, int]] = [(listed, 1)]
    while waiting:
        references, level = waiting.pop()
        if not isinstance(references, ArrayObject):
            raise InvalidInputError(f"{what} of the paper do not match (got no list, expected one)")
        for reference in references:
            if not isinstance(reference, IndirectObject):
                raise InvalidInputError(f"{what} of the paper do not match (got no reference, expected one)")
            name = (reference.idnum, reference.generation)
            if name in seen or len(seen) >= most or level > deepest:
                raise InvalidInputError(
                    f"{what} of the paper do not match (expected at most {most}, {deepest} deep, each once)"
                )
            seen.add(name)
            found: Any = reference.reference.get_object()
            if not isinstance(found, DictionaryObject):
                raise InvalidInputError(f"{what} of the paper do not match (got no dictionary, expected one)")
            if "/Kids" in found:
                waiting.append((found["/Kids"], level + 1))
            yield found
