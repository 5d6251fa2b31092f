"""Wrapping of a record's keys to an institution: HPKE with MLKEM768-X25519, HKDF-SHA256, AES-256-GCM.

RFC 9180 base mode, single shot. ``info`` binds the wrapped keys to one access decision, so they open for that
institution and that decision alone. Base mode does not authenticate the sender: the access decision on chain does.

Release keys: the private key is the 32-byte X-Wing seed (draft-connolly-cfrg-xwing-kem, section 5.2: SHAKE-256 expands
it to 96 bytes, 64 for ML-KEM-768, 32 for X25519); the public key is the raw ML-KEM-768 key followed by the raw X25519
key.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from consentry.crypto.commitment import BLINDING_SIZE
from consentry.crypto.framing import check_length, length_prefixed, uint64, uint256
from consentry.crypto.sealing import KEY_SIZE
from consentry.errors import InvalidInputError, VerificationError

SEED_SIZE = 32
MLKEM_SEED_SIZE = 64
MLKEM_PUBLIC_KEY_SIZE = 1184
X25519_KEY_SIZE = 32
PUBLIC_KEY_SIZE = MLKEM_PUBLIC_KEY_SIZE + X25519_KEY_SIZE
ENCAPSULATION_SIZE = 1120
TAG_SIZE = 16
RECORD_KEYS_SIZE = KEY_SIZE + BLINDING_SIZE
WRAPPED_SIZE = ENCAPSULATION_SIZE + RECORD_KEYS_SIZE + TAG_SIZE

_LABEL = b"consentry/release/v1"
_ADDRESS_SIZE = 20
_ID_SIZE = 32
_KNOWN_KEYS = 10_000
"""Public release keys that are kept read: one an institution, some two kilobytes each."""


@dataclass(frozen=True, slots=True)
class RecordKeys:
    """What opens and checks one record version; secret, so it never shows itself."""

    data_key: bytes = field(repr=False)
    blinding: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_length("data key", self.data_key, KEY_SIZE)
        check_length("blinding value", self.blinding, BLINDING_SIZE)

    def to_bytes(self) -> bytes:
        """Data key followed by blinding value, 64 bytes."""
        return self.data_key + self.blinding

    @classmethod
    def from_bytes(cls, data: bytes) -> RecordKeys:
        """Reads what `to_bytes` wrote.

        Raises:
            InvalidInputError: ``data`` is not 64 bytes.
        """
        check_length("record keys", data, RECORD_KEYS_SIZE)
        return cls(data_key=data[:KEY_SIZE], blinding=data[KEY_SIZE:])


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """Everything a release is bound to; both sides build it from the chain, never from the other side's word.

    ``consent_id`` is 32 zero bytes where the legal basis is not consent. ``decision_id`` is the entry hash of the
    access decision, the value the heads of subject and institution are folded over.
    """

    chain_id: int
    access_ledger: bytes
    record_id: bytes
    record_version: int
    consent_id: bytes
    request_id: int
    decision_id: bytes
    release_key_hash: bytes

    def __post_init__(self) -> None:
        check_length("access ledger address", self.access_ledger, _ADDRESS_SIZE)
        check_length("record id", self.record_id, _ID_SIZE)
        check_length("consent id", self.consent_id, _ID_SIZE)
        check_length("decision id", self.decision_id, _ID_SIZE)
        check_length("release key hash", self.release_key_hash, _ID_SIZE)

    def info(self) -> bytes:
        """Encodes for HPKE ``info``: length-prefixed fields in the order of this class, behind the protocol label."""
        return length_prefixed(
            _LABEL,
            uint256(self.chain_id),
            self.access_ledger,
            self.record_id,
            uint64(self.record_version),
            self.consent_id,
            uint256(self.request_id),
            self.decision_id,
            self.release_key_hash,
        )


def new_release_seed() -> bytes:
    """Draws a new private release key: the 32-byte X-Wing seed. Keep it with mode 0600 or better."""
    return secrets.token_bytes(SEED_SIZE)


def release_public_key(seed: bytes) -> bytes:
    """Computes the 1,216-byte public release key of a seed.

    Raises:
        InvalidInputError: the seed is not 32 bytes.
    """
    mlkem, x25519 = _private_parts(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


@lru_cache(_KNOWN_KEYS)
def release_key_hash(public_key: bytes) -> bytes:
    """SHA-256 of a raw public release key, as registered on chain.

    Raises:
        InvalidInputError: the key is not 1,216 bytes.
    """
    check_length("release key", public_key, PUBLIC_KEY_SIZE)
    return hashlib.sha256(public_key).digest()


def wrap_record_keys(keys: RecordKeys, public_key: bytes, context: ReleaseContext) -> bytes:
    """Wraps the keys of one record version for one institution and one access decision.

    Returns:
        1,200 bytes: HPKE encapsulation followed by the ciphertext.

    Raises:
        InvalidInputError: the public key is malformed or is not the one the context names.
    """
    _check_key_hash(public_key, context)
    return _suite().encrypt(keys.to_bytes(), _public_key(public_key), info=context.info())


def unwrap_record_keys(wrapped: bytes, seed: bytes, context: ReleaseContext, *, step: int | None = None) -> RecordKeys:
    """Opens what `wrap_record_keys` made.

    Args:
        wrapped: the 1,200 wrapped bytes.
        seed: the institution's private release key.
        context: built by the institution itself from the access decision it verified.
        step: number of this check in the caller's plan of verification; None outside of one.

    Raises:
        VerificationError: the bytes were changed, are for another key, or belong to another decision.
        InvalidInputError: a length is wrong, or the context names another release key.
    """
    check_length("wrapped record keys", wrapped, WRAPPED_SIZE)
    _check_key_hash(release_public_key(seed), context)
    try:
        opened = _suite().decrypt(wrapped, MLKEM768X25519PrivateKey(*_private_parts(seed)), info=context.info())
    except InvalidTag:
        message = "wrapped record keys do not match this release key and access decision"
        raise VerificationError(message, step=step) from None
    return RecordKeys.from_bytes(opened)


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _check_key_hash(public_key: bytes, context: ReleaseContext) -> None:
    got = release_key_hash(public_key)
    if got != context.release_key_hash:
        raise InvalidInputError(
            f"release key hash does not match (got {got.hex()}, expected {context.release_key_hash.hex()})"
        )


def _private_parts(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    check_length("release key seed", seed, SEED_SIZE)
    expanded = hashlib.shake_256(seed).digest(MLKEM_SEED_SIZE + X25519_KEY_SIZE)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:MLKEM_SEED_SIZE]),
        X25519PrivateKey.from_private_bytes(expanded[MLKEM_SEED_SIZE:]),
    )


@lru_cache(_KNOWN_KEYS)
def _public_key(public_key: bytes) -> MLKEM768X25519PublicKey:
    check_length("release key", public_key, PUBLIC_KEY_SIZE)
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_key[:MLKEM_PUBLIC_KEY_SIZE]),
            X25519PublicKey.from_public_bytes(public_key[MLKEM_PUBLIC_KEY_SIZE:]),
        )
    except ValueError:
        raise InvalidInputError("release key is not a valid ML-KEM-768 and X25519 pair") from None
