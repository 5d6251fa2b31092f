"""Certificates of somebody who signs papers, made for one test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)
NO_USAGE = dict.fromkeys(
    (
        *("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
        *("encipher_only", "decipher_only", "digital_signature", "content_commitment"),
    ),
    False,
)


@dataclass(frozen=True)
class Holder:
    """A key, and the certificate of whoever holds it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def pkcs12(self, passphrase: bytes) -> bytes:
        """Gives key and certificate as a PKCS#12 file."""
        return serialize_key_and_certificates(
            b"papers", self.key, self.certificate, None, BestAvailableEncryption(passphrase)
        )

    def vouch_for(self, name: str) -> Holder:
        """Issues a certificate for signing papers."""
        return _issued(name, self)


def authority(name: str) -> Holder:
    """Makes an authority that vouches for itself."""
    return _issued(name, None)


def _issued(name: str, issuer: Holder | None) -> Holder:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = {"key_cert_sign": True, "crl_sign": True} if issuer is None else {"content_commitment": True}
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.KeyUsage(**{**NO_USAGE, **usage}), critical=True)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signing = issuer.key if issuer else key
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    return Holder(key, made.sign(signing, SHA256()))
