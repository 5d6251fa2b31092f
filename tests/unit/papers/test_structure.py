"""Foreign papers built by hand: what would cost a reader of PDF much more than a paper does is refused at once."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers

from consentry.errors import InvalidInputError
from consentry.papers.blocks import ATTACHED
from consentry.papers.metering import MeteredFile
from consentry.papers.reading import Paper, bundle_in, check_signature
from tests.support.certificates import Holder, authority

CATALOG = b"<< /Type /Catalog /Pages 2 0 R /Names 3 0 R %s >>"
PAGES = b"<< /Type /Pages /Kids [] /Count 0 >>"
NAMES = b"<< /EmbeddedFiles << /Names [(consentry-bundle.json) 4 0 R] >> >>"
FILE = b"<< /Type /Filespec /F (consentry-bundle.json) /UF (consentry-bundle.json) /EF << /F 5 0 R /UF 5 0 R >> >>"
CONTENT = b"{true}"


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _pdf(*more: bytes, catalog: bytes = b"", pages: bytes = PAGES, names: bytes = NAMES, file: bytes = FILE) -> bytes:
    """Writes a PDF of numbered objects: five that make a paper, then ``more``."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate((CATALOG % catalog, pages, names, file, _stream(CONTENT), *more), 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n" % (size, table, size)
        + b"startxref\n%d\n%%%%EOF\n" % len(body)
    )


def _form(fields: Sequence[bytes]) -> bytes:
    """Writes a paper with a form; its first field is object 6."""
    return _pdf(*fields, catalog=b"/AcroForm << /Fields [6 0 R] >>")


def _updated(updates: int) -> bytes:
    """Appends empty updates, each with a table of its own."""
    paper = _pdf()
    at = paper.index(b"xref\n")
    for _ in range(updates):
        paper, at = (
            paper
            + b"xref\n0 0\ntrailer\n<< /Size 6 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (at, len(paper)),
            len(paper),
        )
    return paper


def test_paper_by_hand_is_taken() -> None:
    assert ATTACHED.encode() in FILE
    assert bundle_in(_pdf()) == CONTENT
    assert check_signature(_pdf()) is None
    assert check_signature(_form([b"<< /T (a) /Kids [7 0 R] >>", b"<< /T (z) /FT /Tx >>"])) is None
    assert bundle_in(_updated(3)) == CONTENT


OTHER = FILE.replace(b"consentry-bundle.json", b"other.exe").replace(b"5 0 R", b"7 0 R")
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] %s >>"
ONE_PAGE = b"<< /Type /Pages /Kids [8 0 R] /Count 1 >>"


def _beside(page: bytes = b"", *, catalog: bytes = b"", names: bytes = NAMES, file: bytes = FILE) -> bytes:
    """Writes a paper of one page that also has another file, object 6, with its content, object 7."""
    return _pdf(OTHER, _stream(b"{another}"), PAGE % page, catalog=catalog, pages=ONE_PAGE, names=names, file=file)


@pytest.mark.parametrize("page", [b"", b"/Annots [<< /Subtype /Link /Rect [0 0 9 9] >>]", b"/Annots []"])
def test_paper_whose_other_files_nobody_is_shown_is_taken(page: bytes) -> None:
    assert bundle_in(_beside(page, catalog=b"/AF [4 0 R]")) == CONTENT


@pytest.mark.parametrize(
    "paper",
    [
        _beside(file=FILE.replace(b"/UF 5 0 R", b"/UF 7 0 R")),
        _beside(file=FILE.replace(b"/UF 5 0 R", b"/Unix 7 0 R")),
        _beside(file=FILE.replace(b"/F 5 0 R /UF 5 0 R", b"")),
        _beside(file=FILE.replace(b"/F (consentry-bundle.json)", b"/F (other.exe)")),
        _beside(file=FILE.replace(b"/EF", b"/Unix (other.exe) /EF")),
        _beside(file=FILE.replace(b"/EF", b"/RF << /F [(other.exe) 7 0 R] >> /EF")),
        _beside(names=NAMES.replace(b"4 0 R", b"%s" % FILE)),
        _beside(names=NAMES.replace(b"4 0 R]", b"4 0 R] /Kids [6 0 R]")),
        _beside(names=NAMES.replace(b"4 0 R]", b"4 0 R (other.exe) 6 0 R]")),
        _beside(names=NAMES.replace(b"4 0 R]", b"4 0 R (other.exe)]")),
        _beside(catalog=b"/AF [6 0 R]"),
        _beside(catalog=b"/AF [4 0 R 6 0 R]"),
        _beside(catalog=b"/AF [%s]" % FILE),
        _beside(catalog=b"/AF 6 0 R"),
        _beside(b"/AF [6 0 R]"),
        _beside(b"/Annots [<< /Subtype /FileAttachment /Rect [0 0 9 9] /FS 6 0 R >>]"),
        _beside(b"/Annots [<< /Subtype /RichMedia /Rect [0 0 9 9] >>]"),
        _beside(b"/Annots [<< /Subtype /Link /Rect [0 0 9 9] /AF [6 0 R] >>]"),
        _beside(b"/Annots [%s]" % (b"<< /Subtype /Link >> " * 5000)),
        _beside(b"/Annots 6 0 R"),
    ],
    ids=[
        *(
            "another-for-some",
            "another-for-unix",
            "no-content",
            "another-name",
            "name-for-unix",
            "related",
            "no-reference",
        ),
        *("tree", "second", "odd", "associated", "associated-too", "associated-alone", "associated-no-list"),
        *("of-page", "annotation", "media", "of-annotation", "many-annotations", "no-annotations"),
    ],
)
def test_other_attachment_is_found_wherever_a_reader_shows_it(paper: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"(attachments|annotations) of the paper do not match"):
        bundle_in(paper)


@pytest.mark.parametrize(
    "pages",
    [[b"[6 0 R 6 0 R]", b"[]"], [b"[6 0 R]", b"[2 0 R]"], [b"[%d 0 R]" % n for n in range(6, 30)]],
    ids=["one-page-twice", "circle", "deep"],
)
def test_pages_that_are_no_tree_are_refused(pages: list[bytes]) -> None:
    nodes = [b"<< /Type /Pages /Kids %s /Count 0 >>" % kids for kids in pages]

    with pytest.raises(InvalidInputError, match="pages of the paper do not match"):
        bundle_in(_pdf(*nodes[1:], PAGE % b"", pages=nodes[0]))


@pytest.mark.parametrize(
    "fields",
    [
        [*(b"<< /T (a) /Kids [%d 0 R %d 0 R] >>" % (n, n) for n in (7, 8, 9)), b"<< /T (z) >>"],
        [b"<< /T (a) /Kids [6 0 R] >>"],
        [*(b"<< /T (a) /Kids [%d 0 R] >>" % n for n in range(7, 11)), b"<< /T (z) >>"],
        [b"<< /T (a) /Kids [%s] >>" % b" ".join(b"%d 0 R" % n for n in range(7, 23)), *[b"<< /T (z) >>"] * 16],
        [b"<< /T (a) /Kids [<< /T (z) >>] >>"],
        [b"<< /T (a) /Kids 7 0 R >>", b"<< /T (z) >>"],
    ],
    ids=["one-field-twice", "circle", "deep", "many", "no-reference", "no-list"],
)
def test_form_that_is_no_small_tree_is_refused(fields: list[bytes]) -> None:
    with pytest.raises(InvalidInputError, match="fields of the paper do not match"):
        check_signature(_form(fields))


def test_doubled_fields_are_refused_before_the_reader_follows_them() -> None:
    doubled = [b"<< /T (a) /Kids [%d 0 R %d 0 R] >>" % (n + 7, n + 7) for n in range(200)]

    with pytest.raises(InvalidInputError, match="fields of the paper do not match"):
        check_signature(_form([*doubled, b"<< /T (z) >>"]))


def test_table_of_contents_as_a_stream_is_refused() -> None:
    entries = b"<< /Type /XRef /Size 5000 /W [0 0 0] /Root 1 0 R /Length 0 >>\nstream\n\nendstream"
    body = b"%PDF-1.7\n"
    alone = body + b"5 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (entries, len(body))
    beside = _pdf(entries)
    at = beside.index(b"6 0 obj")
    beside = beside.replace(b"trailer\n<< ", b"trailer\n<< /XRefStm %d " % at)

    for paper in (alone, beside):
        for read in (bundle_in, check_signature):
            with pytest.raises(InvalidInputError, match="table of contents of the paper does not match"):
                read(paper)


def test_endless_updates_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="updates of the paper do not match"):
        check_signature(_updated(20))


def test_signature_with_a_crowd_of_certificates_is_refused() -> None:
    holder: Holder = authority("Root").vouch_for("Hospital B")
    crowd = [authority("Root").certificate for _ in range(9)]
    pkcs12 = serialize_key_and_certificates(
        b"papers", holder.key, holder.certificate, crowd, BestAvailableEncryption(b"secret")
    )
    signer = signers.SimpleSigner.load_pkcs12_data(pkcs12, other_certs=(), passphrase=b"secret")
    out = io.BytesIO()
    paper = _pdf(
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>", pages=b"<< /Type /Pages /Kids [6 0 R] /Count 1 >>"
    )
    metadata = signers.PdfSignatureMetadata(field_name="Consentry")
    signers.PdfSigner(metadata, signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(paper)), output=out)

    with pytest.raises(InvalidInputError, match="certificates of the signature do not match"):
        check_signature(out.getvalue())


def _catalog_of(value: bytes) -> bytes:
    return _pdf(catalog=b"/X " + value)


def _within_each_other(objects: int) -> bytes:
    """Writes pages that each lie in a string of the page before: every one of them is read up to the end."""
    start, end = b"%d 0 obj\n<< /Type /Pages /Count 0 /X (", b") >>\nendobj\n"
    inner = b"".join(start % number for number in range(7, 7 + objects)) + end * objects
    kids = b" ".join(b"%d 0 R" % number for number in range(7, 7 + objects))
    paper = _pdf(b"(\n%s)" % inner, pages=b"<< /Type /Pages /Kids [%s] /Count 0 >>" % kids)
    places = b"".join(b"%010d 00000 n \n" % paper.index(b"%d 0 obj" % number) for number in range(7, 7 + objects))
    return paper.replace(b"xref\n0 7\n", b"xref\n0 %d\n" % (7 + objects)).replace(
        b"trailer\n<< /Size 7", b"%strailer\n<< /Size %d" % (places, 7 + objects)
    )


def _streams_within_each_other(objects: int, *, filling: int) -> bytes:
    """Writes pages that are streams, each of which holds the pages behind it and the same filling."""
    inner = b"\0" * filling
    for number in reversed(range(6, 6 + objects)):
        head = b"<< /Type /Pages /Count 0 /Length %d >>\nstream\n" % len(inner)
        inner = head + inner + b"\nendstream"
        if number > 6:
            inner = b"%d 0 obj\n%s\nendobj" % (number, inner)
    kids = b" ".join(b"%d 0 R" % number for number in range(6, 6 + objects))
    paper = _pdf(inner, pages=b"<< /Type /Pages /Kids [%s] /Count 0 >>" % kids)
    places = b"".join(b"%010d 00000 n \n" % paper.index(b"%d 0 obj" % number) for number in range(7, 6 + objects))
    return paper.replace(b"xref\n0 7\n", b"xref\n0 %d\n" % (6 + objects)).replace(
        b"trailer\n<< /Size 7", b"%strailer\n<< /Size %d" % (places, 6 + objects)
    )


@pytest.mark.parametrize(
    "paper",
    [
        _catalog_of(b"0." + b"1" * 1_500_000),
        _catalog_of(b"-" * 5000),
        _catalog_of(b"<" + b"a" * 3_000_000 + b">"),
        _catalog_of(b"/" + b"#41" * 1_500_000),
        _pdf(catalog=b"".join(b"/%x 1" % number for number in range(300_000))),
        _catalog_of(b"[" + b"1 " * 1_000_000 + b"]"),
        _catalog_of(b"[" + b"(a)" * 1_000_000 + b"]"),
        _catalog_of(b"(<< /Length 3000000 >>\nstream\n" + b"a" * 3_000_000 + b"\nendstream)"),
        _catalog_of(b"%" + b"a" * 3_000_000 + b"\n1"),
        _pdf().replace(b"startxref\n", b"startxref" + b" " * 3_000_000),
        _within_each_other(1000),
        _streams_within_each_other(100, filling=1_000_000),
    ],
    ids=[
        *("real", "signs", "hex-string", "name", "keys", "numbers", "strings", "string-like-a-stream", "comment"),
        *("line-at-the-end", "objects-in-objects", "streams-in-streams"),
    ],
)
def test_paper_that_is_long_to_parse_is_refused(paper: bytes) -> None:
    for read in (bundle_in, check_signature):
        if read is bundle_in or b"/Kids []" in paper:  # the pages are of no interest to a signature
            with pytest.raises(InvalidInputError, match="objects of the paper do not match"):
                read(paper)


def test_large_streams_and_what_nothing_leads_to_cost_nothing() -> None:
    filler = b"<" + b"a" * 3_000_000 + b">"
    paper = _pdf(filler, _stream(bytes(20_000_000)), _stream(b"1" * 1_000_000))

    assert bundle_in(paper) == CONTENT
    assert check_signature(paper) is None


def test_paper_is_read_once_for_all_that_is_asked() -> None:
    paper = Paper(_pdf())

    assert paper.signed() is None
    assert paper.bundle() == CONTENT


def test_reading_the_same_bytes_over_and_over_is_refused_for_good() -> None:
    file, buffer = MeteredFile(bytes(1000)), bytearray(1000)
    for _ in range(4):
        file.seek(0)
        assert file.readinto(buffer) == len(buffer)
    file.seek(0)
    with pytest.raises(InvalidInputError, match="more bytes of streams than the file has"):
        file.readinto(buffer)
    for refused in (file.check, file.read):
        with pytest.raises(InvalidInputError, match="objects of the paper do not match"):
            refused()


def test_end_of_the_file_is_not_read_for_ever() -> None:
    file = MeteredFile(b"")

    with pytest.raises(InvalidInputError, match="bytes to parse"):
        list(iter(lambda: file.read(1), b"something"))
