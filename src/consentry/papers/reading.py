"""Taking a paper apart: the bundle inside it, and whether its signature holds.

A paper is foreign bytes. It is read strictly and within bounds, and whatever a reader of PDF trips over is no paper.
Bounded are the file (:data:`LARGEST_PAPER`), what of it is read (``metering``), what its streams are unpacked to
(``_LIMITS``) and what is walked of its objects (``structure``). Objects within streams are never read, as only a table
of contents in a stream could name them.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from asn1crypto import pem
from asn1crypto.x509 import Certificate
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.bundle import LARGEST
from consentry.papers.blocks import ATTACHED
from consentry.papers.metering import MeteredFile
from consentry.papers.structure import attachment, check_certificates, check_form, check_tables

START: Final = b"%PDF-"
LARGEST_PAPER: Final = 2 * LARGEST
"""Bytes; a larger file is refused before it is parsed."""
_TRACE: Final = b"/ByteRange"
"""What every signature has, uncompressed, and nothing else."""
_NAMES: Final = "/Names"
_STREAMS: Final = StreamDecodeLimits(max_output_size=LARGEST)
_LIMITS: Final = DecodeLimits(
    per_stream=_STREAMS, document_budget=DocumentDecodeBudget(base_allowance=4 * LARGEST, max_ratio=1)
)
_USAGE: Final = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
Found = TypeVar("Found")
# What does not hold is raised here; without a handler the library would write it to the error stream as well.
logging.getLogger("pyhanko").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a paper.

    Attributes:
        name: of the signer, as the certificate has it.
        at: when, by the signer's own word.
        is_vouched_for: whether an authority that was named vouches for the certificate.
    """

    name: str
    at: datetime | None
    is_vouched_for: bool


def is_paper(content: bytes) -> bool:
    """Tells a PDF file from a bundle."""
    return content.startswith(START)


class Paper:
    """A paper, read once for all that is asked of it."""

    def __init__(self, content: bytes) -> None:
        """Reads what the file has to say of itself, and no more.

        Args:
            content: bytes of the file.

        Raises:
            InvalidInputError: the file is no PDF that can be read within bounds.
        """
        if not is_paper(content) or len(content) > LARGEST_PAPER:
            raise InvalidInputError(f"paper does not match (expected a PDF file of at most {LARGEST_PAPER} bytes)")
        self._has_trace = _TRACE in content
        self._file = MeteredFile(content)
        self._reader = self._guarded(self._open)

    def bundle(self) -> bytes:
        """Takes the bundle out of it; it is not verified here.

        Raises:
            InvalidInputError: the paper cannot be read within bounds, or does not hold just one bundle.
            VerificationError: what is attached was changed, so that it cannot be unpacked.
        """
        return self._guarded(lambda: _attached(self._reader))

    def signed(self, authorities: Sequence[bytes] = ()) -> Signed | None:
        """Checks the signature.

        Args:
            authorities: certificates, PEM or DER; if any is given, somebody they vouch for has to have signed.

        Returns:
            Who signed; None if nobody did.

        Raises:
            InvalidInputError: the paper cannot be read within bounds, or an authority is no certificate.
            VerificationError: it is signed more than once, something of it was changed or added since, or none of the
                authorities given vouches for the signer.
        """
        roots = [_certificate(content) for content in authorities]
        signed = self._guarded(lambda: _signed(self._reader, roots))
        if signed is None and (roots or self._has_trace):
            # A file that lost its signature to a change of its table of contents is not one that never had any.
            raise VerificationError("signature of the paper does not match (got none that is in force, expected one)")
        return signed

    def _open(self) -> PdfFileReader:
        check_tables(self._file)
        return PdfFileReader(self._file, strict=True, decode_limits=_LIMITS)

    def _guarded(self, read: Callable[[], Found]) -> Found:
        try:
            found = read()
        except ConsentryError:
            raise
        except RecursionError:
            raise InvalidInputError("paper does not match (got objects nested too deep, expected a PDF file)") from None
        except Exception as error:  # noqa: BLE001 - foreign bytes: whatever the library trips over, it is no paper
            self._file.check()
            raise InvalidInputError(f"paper does not match (got {str(error)!r:.120}, expected a PDF file)") from None
        self._file.check()
        return found


def bundle_in(paper: bytes) -> bytes:
    """Takes the bundle out of a paper of which nothing else is asked, as :meth:`Paper.bundle` does.

    Raises:
        InvalidInputError: the file is no PDF that can be read within bounds, or does not hold just one bundle.
        VerificationError: what is attached was changed, so that it cannot be unpacked.
    """
    return Paper(paper).bundle()


def check_signature(paper: bytes, authorities: Sequence[bytes] = ()) -> Signed | None:
    """Checks the signature of a paper of which nothing else is asked, as :meth:`Paper.signed` does.

    Raises:
        InvalidInputError: the file is no PDF that can be read within bounds, or an authority is no certificate.
        VerificationError: the signature does not hold.
    """
    return Paper(paper).signed(authorities)


def _attached(reader: PdfFileReader) -> bytes:
    if _NAMES not in reader.root:
        raise InvalidInputError(
            f"paper does not match (got a PDF file with nothing attached, expected {ATTACHED} in it)"
        )
    found = attachment(reader.root, ATTACHED)
    try:
        content: bytes = found.data
    except zlib.error:
        # What was packed has a checksum: it was another when it was attached.
        raise VerificationError(
            "evidence in the paper does not match (got changed bytes, expected those packed)"
        ) from None
    return content


def _signed(reader: PdfFileReader, roots: Sequence[Certificate]) -> Signed | None:
    check_form(reader.root)
    signatures = reader.embedded_signatures
    if not signatures:
        return None
    if len(signatures) != 1:
        raise VerificationError(f"number of signatures does not match (got {len(signatures)}, expected one)")
    check_certificates(len(signatures[0].signed_data["certificates"]))
    context = ValidationContext(trust_roots=list(roots), allow_fetching=False)
    status = validate_pdf_signature(signatures[0], context, key_usage_settings=_USAGE, skip_diff=True)
    name = status.signing_cert.subject.human_friendly
    _check_status(status, name, is_asked=bool(roots))
    return Signed(name, status.signer_reported_dt, status.trusted)


def _check_status(status: PdfSignatureStatus, name: str, *, is_asked: bool) -> None:
    if not status.intact or not status.valid:
        raise VerificationError(
            f"signature of the paper does not match (got other bytes than {name!r:.120} signed, expected the same)"
        )
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        raise VerificationError("signature of the paper does not match (got bytes it does not cover, expected none)")
    if is_asked and not status.trusted:
        raise VerificationError(
            f"signer of the paper does not match (got {name!r:.120}, expected one an authority vouches for)"
        )


def _certificate(content: bytes) -> Certificate:
    try:
        if pem.detect(content):
            _, _, content = pem.unarmor(content)
        certificate = Certificate.load(content, strict=True)
        certificate.subject.native  # noqa: B018 - what is loaded is parsed only when it is looked at
    except (ValueError, TypeError):
        raise InvalidInputError("authority does not match (got no certificate, expected one, PEM or DER)") from None
    return certificate
