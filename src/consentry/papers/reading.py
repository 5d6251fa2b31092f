"""Taking a paper apart: the bundle inside it, and whether its signature holds.

A paper is foreign bytes. It is read strictly and within bounds, and whatever a reader of PDF trips over is no paper.
"""

from __future__ import annotations

import io
import logging
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
from consentry.papers.structure import attachment, check_certificates, check_form, check_tables

START: Final = b"%PDF-"
LARGEST_PAPER: Final = 2 * LARGEST
"""Bytes; a larger file is refused before it is parsed."""
_TRACE: Final = b"/ByteRange"
"""What every signature has, uncompressed, and nothing else."""
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


def bundle_in(paper: bytes) -> bytes:
    """Takes the bundle out of a paper; it is not verified here.

    Raises:
        InvalidInputError: the file is no PDF that can be read within bounds, or does not hold just one bundle.
    """
    return _guarded(lambda: _attached(_open(paper)))


def check_signature(paper: bytes, authorities: Sequence[bytes] = ()) -> Signed | None:
    """Checks the signature of a paper.

    Args:
        paper: bytes of the file.
        authorities: certificates, PEM or DER; if any is given, somebody they vouch for has to have signed.

    Returns:
        Who signed; None if nobody did.

    Raises:
        InvalidInputError: the file is no PDF that can be read within bounds, or an authority is no certificate.
        VerificationError: it is signed more than once, something of it was changed or added since, or none of the
            authorities given vouches for the signer.
    """
    roots = [_certificate(content) for content in authorities]
    signed = _guarded(lambda: _signed(_open(paper), roots))
    if signed is None and (roots or _TRACE in paper):
        # A file that lost its signature to a change of its table of contents is not the same as one that never had any.
        raise VerificationError("signature of the paper does not match (got none that is in force, expected one)")
    return signed


def _guarded(read: Callable[[], Found]) -> Found:
    try:
        return read()
    except ConsentryError:
        raise
    except RecursionError:
        raise InvalidInputError("paper does not match (got objects nested too deep, expected a PDF file)") from None
    except Exception as error:  # noqa: BLE001 - foreign bytes: whatever the library trips over, it is no paper
        raise InvalidInputError(f"paper does not match (got {str(error)!r:.120}, expected a PDF file)") from None


def _open(paper: bytes) -> PdfFileReader:
    if not is_paper(paper) or len(paper) > LARGEST_PAPER:
        raise InvalidInputError(f"paper does not match (expected a PDF file of at most {LARGEST_PAPER} bytes)")
    check_tables(paper)
    return PdfFileReader(io.BytesIO(paper), strict=True, decode_limits=_LIMITS)


def _attached(reader: PdfFileReader) -> bytes:
    content: bytes = attachment(reader.root, ATTACHED).data
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
