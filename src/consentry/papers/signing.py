"""Signing a paper: PAdES baseline B-B (ETSI EN 319 142-1), as a certification that permits no change after it.

The signature says who printed the paper and that nothing of it, neither a page nor what is inside, was changed since.
It says nothing about the access: that does the bundle. It holds no time stamp of a third party: the time in it is the
signer's own word.
"""

from __future__ import annotations

import io
from typing import Final

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter

from consentry.errors import ConfigurationError

FIELD: Final = "Consentry"
REASON: Final = "Printed from the evidence bundle that is attached"


class PaperSigner:
    """Whoever signs papers: the key and the certificates of a PKCS#12 file (RFC 7292).

    Raises:
        ConfigurationError: the file is none, the passphrase opens it not, or it holds no key with a certificate.
    """

    def __init__(self, pkcs12: bytes, passphrase: bytes) -> None:
        try:
            signer = signers.SimpleSigner.load_pkcs12_data(pkcs12, other_certs=(), passphrase=passphrase)
        except (ValueError, AttributeError, TypeError):  # the last two where the file holds no key or no certificate
            signer = None
        if signer is None or signer.signing_cert is None:
            raise ConfigurationError(
                "certificate of papers does not match (got no PKCS#12 file with key and certificate "
                "that its passphrase opens, expected one)"
            )
        self._signer = signer

    def sign(self, paper: bytes) -> bytes:
        """Signs a paper; the bytes of it stay, what is added stands behind them."""
        metadata = signers.PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            reason=REASON,
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(paper))
        signed = io.BytesIO()
        signers.PdfSigner(metadata, self._signer, new_field_spec=SigFieldSpec(FIELD)).sign_pdf(writer, output=signed)
        return signed.getvalue()
