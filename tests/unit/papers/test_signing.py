"""Signed papers: whoever changes a page, what is inside, or adds something is found; and the bundle comes out again."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from pyhanko.pdf_utils import generic, writer
from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers

from consentry.errors import ConfigurationError, InvalidInputError, VerificationError
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.papers.access import access_paper
from consentry.papers.blocks import ATTACHED
from consentry.papers.fonts import load_fonts
from consentry.papers.reading import LARGEST_PAPER, bundle_in, check_signature
from consentry.papers.signing import PaperSigner
from tests.support.certificates import authority
from tests.support.pdf_text import pages, text_of
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

TRUST = TrustRoot.from_json(TRUST_ROOT.read_bytes())
CONTENT = (TRUE / "permitted-passkey.json").read_bytes()
PAPER = access_paper(CONTENT, TRUST, load_fonts(), ("en",))
ROOT = authority("Authority of papers")
HOSPITAL = ROOT.vouch_for("Hospital B")
SIGNED = PaperSigner(HOSPITAL.pkcs12(b"secret"), b"secret").sign(PAPER)
Writer: Any = writer.PdfFileWriter
"""The library has no complete annotations."""
Change = Callable[[bytes], bytes]


def test_bundle_comes_out_of_a_paper_byte_for_byte_and_verifies() -> None:
    for paper in (PAPER, SIGNED):
        assert bundle_in(paper) == CONTENT
        assert verify(bundle_in(paper), TRUST).entry.reason == 0


def test_signature_leaves_the_paper_as_it_is_and_names_the_signer() -> None:
    assert SIGNED.startswith(PAPER)
    assert text_of(SIGNED) == text_of(PAPER)
    assert check_signature(PAPER) is None
    signed = check_signature(SIGNED, [ROOT.pem])
    assert signed is not None
    assert (signed.name, signed.is_vouched_for) == ("Common Name: Hospital B", True)


def test_signature_is_pades_and_permits_no_change() -> None:
    [signature] = PdfFileReader(io.BytesIO(SIGNED)).embedded_signatures

    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.docmdp_level is not None
    assert signature.docmdp_level.name == "NO_CHANGES"
    signed = {attribute["type"].native for attribute in signature.signer_info["signed_attrs"]}
    assert {"content_type", "message_digest", "signing_certificate_v2"} <= signed
    assert "signing_time" not in signed  # EN 319 142-1, 6.3: the time stands in entry M of the signature


def test_signer_nobody_vouches_for_is_told_or_refused_where_somebody_has_to() -> None:
    signed = check_signature(SIGNED)
    assert signed is not None
    assert not signed.is_vouched_for
    with pytest.raises(VerificationError, match=r"signer of the paper does not match .*Hospital B"):
        check_signature(SIGNED, [authority("Another").pem])
    with pytest.raises(VerificationError, match=r"signature of the paper does not match \(got none that is in force"):
        check_signature(PAPER, [ROOT.pem])


def _streams(paper: bytes) -> dict[str, Any]:
    reader = PdfFileReader(io.BytesIO(paper))
    names: Any = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    return {"attachment": names[1]["/EF"]["/F"], "text": pages(paper)[0]["/Contents"].get_object()}


def _flipped(what: str) -> Change:
    """Flips a bit in the middle of a stream as it stands in the file."""

    def change(paper: bytes) -> bytes:
        stream = _streams(paper)[what].encoded_data
        place = paper.index(stream) + len(stream) // 2
        return paper[:place] + bytes([paper[place] ^ 1]) + paper[place + 1 :]

    return change


def _stored_text(paper: bytes) -> bytes:
    """Puts another text of the same length in the place of the first page's: compressed anew, filled up with spaces."""
    stream = _streams(paper)["text"]
    changed = zlib.compress(stream.data.replace(b"/f1", b"/f0"), 9)
    old = stream.encoded_data
    assert len(changed) <= len(old)
    return paper.replace(old, changed + b" " * (len(old) - len(changed)))


def _updated(edit: Callable[[IncrementalPdfFileWriter], None]) -> Change:
    """Appends an update, as a program that changes a PDF would."""

    def change(paper: bytes) -> bytes:
        update: Any = IncrementalPdfFileWriter(io.BytesIO(paper))
        out = io.BytesIO()
        edit(update)
        update.write(out)
        return out.getvalue()

    return change


def _new_text(update: IncrementalPdfFileWriter) -> None:
    [page, *_] = [kid.get_object() for kid in update.root["/Pages"]["/Kids"]]
    page["/Contents"] = update.add_object(generic.StreamObject(stream_data=b"BT ET"))
    update.update_container(page)


def _new_attachment(update: IncrementalPdfFileWriter) -> None:
    names: Any = update.root["/Names"]["/EmbeddedFiles"]["/Names"]
    content = EmbeddedFileObject.from_file_data(update, data=b"{}").ef_stream_ref
    for place in ("/F", "/UF"):
        names[1]["/EF"][place] = content
    update.update_container(names[1])


@pytest.mark.parametrize(
    "change",
    [
        _flipped("attachment"),
        _flipped("text"),
        _stored_text,
        _updated(_new_text),
        _updated(_new_attachment),
        lambda paper: paper + b"\n% more\n",
    ],
    ids=["bit-of-attachment", "bit-of-text", "text-in-place", "text-by-update", "attachment-by-update", "bytes-behind"],
)
def test_tampering_with_a_signed_paper_is_found(change: Change) -> None:
    changed = change(SIGNED)

    assert changed != SIGNED
    with pytest.raises((VerificationError, InvalidInputError), match="does not match"):
        check_signature(changed)


def test_tampering_that_can_still_be_read_is_found_by_the_signature_alone() -> None:
    changed = _updated(_new_text)(SIGNED)

    assert bundle_in(changed) == CONTENT
    assert text_of(changed) != text_of(SIGNED)
    with pytest.raises(VerificationError, match="got bytes it does not cover"):
        check_signature(changed)


def test_attachment_changed_by_an_update_is_found_by_the_signature() -> None:
    changed = _updated(_new_attachment)(SIGNED)

    assert bundle_in(changed) == b"{}"
    with pytest.raises(VerificationError, match="got bytes it does not cover"):
        check_signature(changed)


def test_signature_that_is_taken_out_of_force_is_missed() -> None:
    at = SIGNED.rindex(b"/Root ") + len(b"/Root ")
    changed = SIGNED[:at] + b"1" + SIGNED[SIGNED.index(b" ", at) :]

    assert not PdfFileReader(io.BytesIO(changed)).embedded_signatures
    with pytest.raises(VerificationError, match="got none that is in force"):
        check_signature(changed)


def test_any_changed_byte_beside_the_signature_itself_is_found() -> None:
    start = SIGNED.index(b"/Contents <")
    end = SIGNED.index(b">", start)
    chosen = Random(49)
    for _ in range(200):
        place = chosen.choice((chosen.randrange(start), chosen.randrange(end + 1, len(SIGNED))))
        changed = bytearray(SIGNED)
        changed[place] ^= 1 << chosen.randrange(8)
        with pytest.raises((VerificationError, InvalidInputError)):
            check_signature(bytes(changed))


def test_two_signatures_are_refused() -> None:
    signed = PAPER
    for field in ("first", "second"):
        out, pkcs12 = io.BytesIO(), HOSPITAL.pkcs12(b"secret")
        signer = signers.SimpleSigner.load_pkcs12_data(pkcs12, other_certs=(), passphrase=b"secret")
        metadata = signers.PdfSignatureMetadata(field_name=field)
        signers.PdfSigner(metadata, signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(signed)), output=out)
        signed = out.getvalue()

    with pytest.raises(VerificationError, match=r"number of signatures does not match \(got 2, expected one\)"):
        check_signature(signed)


@pytest.mark.parametrize("passphrase", [b"wrong", b""])
def test_certificate_that_does_not_open_is_refused(passphrase: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"certificate of papers does not match \(got no PKCS#12 file"):
        PaperSigner(HOSPITAL.pkcs12(b"secret"), passphrase)
    with pytest.raises(ConfigurationError, match="certificate of papers does not match"):
        PaperSigner(b"nothing of the kind", b"secret")


def test_authority_that_is_no_certificate_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"authority does not match \(got no certificate"):
        check_signature(SIGNED, [b"-----BEGIN CERTIFICATE-----\n"])


def _with_attachments(*names: str) -> bytes:
    made, out = Writer(stream_xrefs=False), io.BytesIO()
    for name in names:
        file = EmbeddedFileObject.from_file_data(made, data=b"{}", mime_type="application/json")
        embed_file(made, FileSpec(name, file_name=name, embedded_data=file))
    made.write(out)
    return out.getvalue()


@pytest.mark.parametrize("names", [(), ("other.json",), (ATTACHED, "other.json")])
def test_pdf_without_just_one_bundle_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match="match"):
        bundle_in(_with_attachments(*names))


def test_pdf_with_nothing_attached_is_said_to_be_one() -> None:
    with pytest.raises(InvalidInputError, match="nothing attached"):
        bundle_in(_with_attachments())


def test_pdf_of_another_program_with_the_bundle_is_taken() -> None:
    assert bundle_in(_with_attachments(ATTACHED)) == b"{}"


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"[" * 100_000, PAPER[:-700], PAPER[: len(PAPER) // 2]],
    ids=["empty", "bundle", "head", "nested", "tail-cut", "half"],
)
def test_broken_pdf_is_refused_in_one_line(content: bytes) -> None:
    for read in (bundle_in, check_signature):
        with pytest.raises(InvalidInputError, match="paper does not match") as caught:
            read(content)
        assert len(caught.value.message) < 300


def test_too_large_pdf_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidInputError, match=f"at most {LARGEST_PAPER} bytes"):
        bundle_in(b"%PDF-" + bytes(LARGEST_PAPER))


def test_attachment_that_unpacks_without_bound_is_refused() -> None:
    made, out = Writer(stream_xrefs=False), io.BytesIO()
    file = EmbeddedFileObject.from_file_data(made, data=bytes(40 * 1024 * 1024), mime_type="application/json")
    embed_file(made, FileSpec(ATTACHED, file_name=ATTACHED, embedded_data=file))
    made.write(out)

    assert len(out.getvalue()) < 100_000
    with pytest.raises(InvalidInputError, match="paper does not match"):
        bundle_in(out.getvalue())
