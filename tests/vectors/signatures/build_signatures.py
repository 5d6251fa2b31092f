"""Writes `signatures.json`: one digest signed in every way, well and badly.

Run ``PYTHONPATH=src:. python tests/vectors/signatures/build_signatures.py``. Keys are fixed and protect nothing; all
signatures are deterministic, so a second run writes the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from eth_hash.auto import keccak

from consentry.core.terms import Address
from consentry.crypto import p256, webauthn
from consentry.crypto.signing import AccountKey

FILE: Final = Path(__file__).with_name("signatures.json")
DIGEST: Final = keccak(b"consentry signature vectors")
OTHER_DIGEST: Final = keccak(b"another digest")
P256_VERIFIER: Final = Address(bytes.fromhex("0256" * 10))
WEBAUTHN_VERIFIER: Final = Address(bytes.fromhex("aa01" * 10))
SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

ACCOUNT: Final = AccountKey(keccak(b"account of the vectors"))
STRANGER: Final = AccountKey(keccak(b"stranger of the vectors"))


@dataclass(frozen=True)
class Vector:
    """One signature and whether it holds."""

    name: str
    signer: bytes
    signature: bytes
    valid: bool = False


def _p256_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(keccak(seed), "big") % p256.ORDER, ec.SECP256R1())


DEVICE: Final = p256.P256Key(_p256_key(b"device of the vectors"), P256_VERIFIER)
PASSKEY: Final = webauthn.SoftwarePasskey(_p256_key(b"passkey of the vectors"), WEBAUTHN_VERIFIER)


def _flip(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def _upper(signature: bytes, order: int) -> bytes:
    s = order - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big")


def accounts() -> Iterator[Vector]:
    """Signatures of accounts."""
    good, signer = ACCOUNT.sign_digest(DIGEST), ACCOUNT.signer
    yield Vector("account", signer, good, valid=True)
    yield Vector("account-other-digest", signer, ACCOUNT.sign_digest(OTHER_DIGEST))
    yield Vector("account-other-key", signer, STRANGER.sign_digest(DIGEST))
    yield Vector("account-upper-s", signer, _upper(good, SECP256K1_ORDER) + bytes([55 - good[64]]))
    yield Vector("account-other-v", signer, good[:64] + bytes([55 - good[64]]))
    yield Vector("account-v-from-zero", signer, good[:64] + bytes([good[64] - 27]))
    yield Vector("account-without-v", signer, good[:64])
    yield Vector("account-with-a-tail", signer, good + b"\0")
    yield Vector("account-empty", signer, b"")
    yield Vector("account-zero-r", signer, bytes(32) + good[32:])
    yield Vector("account-zero-s", signer, good[:32] + bytes(32) + good[64:])
    yield Vector("account-flipped-r", signer, _flip(good, 5))
    yield Vector("account-hashed-again", signer, ACCOUNT.sign_digest(keccak(DIGEST)))
    yield Vector("signer-too-short", signer[:19], good)
    yield Vector("signer-of-unknown-verifier", STRANGER.signer + DEVICE.signer[20:], DEVICE.sign_digest(DIGEST))


def devices() -> Iterator[Vector]:
    """Raw P-256 signatures."""
    good, signer = DEVICE.sign_digest(DIGEST), DEVICE.signer
    yield Vector("p256", signer, good, valid=True)
    yield Vector("p256-with-a-tail", signer, good + b"\x1b", valid=True)
    yield Vector("p256-other-digest", signer, DEVICE.sign_digest(OTHER_DIGEST))
    yield Vector("p256-other-key", P256_VERIFIER + PASSKEY.signer[20:], good)
    yield Vector("p256-upper-s", signer, _upper(good, p256.ORDER))
    yield Vector("p256-hashed-again", signer, DEVICE.sign_digest(hashlib.sha256(DIGEST).digest()))
    yield Vector("p256-truncated", signer, good[:63])
    yield Vector("p256-empty", signer, b"")
    yield Vector("p256-zero-r", signer, bytes(32) + good[32:])
    yield Vector("p256-zero-s", signer, good[:32] + bytes(32))
    yield Vector("p256-flipped-s", signer, _flip(good, 60))
    yield Vector("p256-key-off-the-curve", _flip(signer, 83), good)
    yield Vector("p256-key-truncated", signer[:-1], good)
    yield Vector("p256-key-of-zeros", P256_VERIFIER + bytes(64), good)
    yield Vector("p256-by-account", signer, ACCOUNT.sign_digest(DIGEST))


def _asserted(assertion: webauthn.Assertion) -> bytes:
    signed = hashlib.sha256(assertion.authenticator_data + hashlib.sha256(assertion.client_data_json).digest()).digest()
    raw = p256.sign(PASSKEY.private, signed)
    return replace(assertion, r=raw[:32], s=raw[32:]).encoded()


def _with_flags(assertion: webauthn.Assertion, flags: int) -> bytes:
    data = assertion.authenticator_data
    return _asserted(replace(assertion, authenticator_data=data[:32] + bytes([flags]) + data[33:]))


def passkeys() -> Iterator[Vector]:
    """WebAuthn assertions."""
    encoded, signer = PASSKEY.sign_digest(DIGEST), PASSKEY.signer
    good = webauthn.decode(encoded)
    yield Vector("passkey", signer, encoded, valid=True)
    yield Vector("passkey-backed-up", signer, _with_flags(good, 0x1D), valid=True)
    yield Vector("passkey-other-digest", signer, PASSKEY.sign_digest(OTHER_DIGEST))
    yield Vector("passkey-user-not-verified", signer, _with_flags(good, 0x01))
    yield Vector("passkey-user-not-present", signer, _with_flags(good, 0x04))
    yield Vector("passkey-backed-up-but-not-eligible", signer, _with_flags(good, 0x15))
    client = good.client_data_json
    created = client.replace(b"webauthn.get", b"webauthn.new")
    yield Vector("passkey-other-type", signer, _asserted(replace(good, client_data_json=created)))
    yield Vector("passkey-challenge-index-off", signer, replace(good, challenge_index=0).encoded())
    yield Vector("passkey-type-index-off", signer, replace(good, type_index=2**255).encoded())
    yield Vector("passkey-short-authenticator-data", signer, _asserted(replace(good, authenticator_data=bytes(36))))
    yield Vector("passkey-flipped-client-data", signer, replace(good, client_data_json=_flip(client, 90)).encoded())
    yield Vector("passkey-counter-changed", signer, _flip(encoded, encoded.index(good.authenticator_data) + 36))
    yield Vector("passkey-upper-s", signer, _upper(encoded, p256.ORDER) + encoded[64:])
    yield Vector("passkey-truncated", signer, encoded[:191])
    yield Vector("passkey-place-beyond-the-end", signer, encoded[:128] + (2**200).to_bytes(32, "big") + encoded[160:])
    yield Vector("passkey-raw-p256", signer, p256.sign(PASSKEY.private, DIGEST))
    yield Vector("passkey-as-p256-key", P256_VERIFIER + signer[20:], encoded)


def build() -> dict[str, object]:
    """Gives the content of the file."""
    vectors = [*accounts(), *devices(), *passkeys()]
    return {
        "digest": "0x" + DIGEST.hex(),
        "p256Verifier": "0x" + P256_VERIFIER.hex(),
        "webauthnVerifier": "0x" + WEBAUTHN_VERIFIER.hex(),
        "vectors": [
            {"name": v.name, "signer": "0x" + v.signer.hex(), "signature": "0x" + v.signature.hex(), "valid": v.valid}
            for v in vectors
        ],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(build(), indent=1) + "\n", encoding="utf-8")
