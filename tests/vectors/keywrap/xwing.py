"""HPKE base mode over X-Wing with chosen randomness: a second implementation, for vectors alone.

ML-KEM-768 encapsulation after FIPS 203 (algorithm numbers beside the functions), the combiner after
draft-connolly-cfrg-xwing-kem section 5.3, the key schedule after RFC 9180 section 5.1. Slow, and not constant in time.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Q, N, K = 3329, 256, 3
ETA, DU, DV = 2, 10, 4
SUITE: Final = b"HPKE" + (0x647A).to_bytes(2, "big") + (0x0001).to_bytes(2, "big") + (0x0002).to_bytes(2, "big")
XWING_LABEL: Final = b"\\.//^\\"

Poly = list[int]


def _reversed_bits(value: int) -> int:
    return int(f"{value:07b}"[::-1], 2)


ZETAS: Final = [pow(17, _reversed_bits(i), Q) for i in range(128)]
GAMMAS: Final = [pow(17, 2 * _reversed_bits(i) + 1, Q) for i in range(128)]


def _ntt(poly: Poly) -> Poly:
    """Algorithm 9."""
    out, i = list(poly), 1
    length = 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * out[j + length] % Q
                out[j + length], out[j] = (out[j] - t) % Q, (out[j] + t) % Q
        length //= 2
    return out


def _inverse_ntt(poly: Poly) -> Poly:
    """Algorithm 10."""
    out, i = list(poly), 127
    length = 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = out[j]
                out[j] = (t + out[j + length]) % Q
                out[j + length] = zeta * (out[j + length] - t) % Q
        length *= 2
    return [value * 3303 % Q for value in out]


def _product(left: Poly, right: Poly) -> Poly:
    """Algorithms 11 and 12: the product of two polynomials in the NTT domain."""
    out: Poly = []
    for i in range(128):
        a0, a1, b0, b1 = left[2 * i], left[2 * i + 1], right[2 * i], right[2 * i + 1]
        out += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return out


def _sum(*polys: Poly) -> Poly:
    return [sum(values) % Q for values in zip(*polys, strict=True)]


def _sample_ntt(seed: bytes) -> Poly:
    """Algorithm 7; 1,344 bytes of SHAKE-128 are enough but with a chance nobody will see."""
    stream, out = hashlib.shake_128(seed).digest(1344), []
    for at in range(0, len(stream), 3):
        low = stream[at] + 256 * (stream[at + 1] % 16)
        high = stream[at + 1] // 16 + 16 * stream[at + 2]
        out += [value for value in (low, high) if value < Q]
    return out[:N]


def _sample_cbd(randomness: bytes, counter: int) -> Poly:
    """Algorithm 8 over the PRF of equation 4.3."""
    stream = hashlib.shake_256(randomness + bytes([counter])).digest(64 * ETA)
    bits = [stream[i // 8] >> (i % 8) & 1 for i in range(8 * len(stream))]
    pairs = [bits[2 * ETA * i : 2 * ETA * (i + 1)] for i in range(N)]
    return [(sum(pair[:ETA]) - sum(pair[ETA:])) % Q for pair in pairs]


def _encode(poly: Poly, width: int) -> bytes:
    """Algorithm 5."""
    return sum(value << (width * i) for i, value in enumerate(poly)).to_bytes(32 * width, "little")


def _decode(data: bytes, width: int) -> Poly:
    """Algorithm 6."""
    number = int.from_bytes(data, "little")
    return [number >> (width * i) & ((1 << width) - 1) for i in range(N)]


def _compress(poly: Poly, width: int) -> Poly:
    return [((value << width) + Q // 2) // Q % (1 << width) for value in poly]


def mlkem_encapsulate(public_key: bytes, message: bytes) -> tuple[bytes, bytes]:
    """Algorithm 17: shared secret and ciphertext for a chosen 32-byte message."""
    expanded = hashlib.sha3_512(message + hashlib.sha3_256(public_key).digest()).digest()
    shared, randomness = expanded[:32], expanded[32:]
    t = [_decode(public_key[384 * i : 384 * (i + 1)], 12) for i in range(K)]
    rho = public_key[384 * K :]
    y = [_ntt(_sample_cbd(randomness, i)) for i in range(K)]
    u = []
    for i in range(K):
        column = [_product(_sample_ntt(rho + bytes([i, j])), y[j]) for j in range(K)]
        u.append(_sum(_inverse_ntt(_sum(*column)), _sample_cbd(randomness, K + i)))
    mu = [bit * ((Q + 1) // 2) for bit in _decode(message, 1)]
    inner = _inverse_ntt(_sum(*(_product(t[j], y[j]) for j in range(K))))
    v = _sum(inner, _sample_cbd(randomness, 2 * K), mu)
    return shared, b"".join(_encode(_compress(poly, DU), DU) for poly in u) + _encode(_compress(v, DV), DV)


def xwing_encapsulate(public_key: bytes, randomness: bytes) -> tuple[bytes, bytes]:
    """Shared secret and encapsulation for 64 chosen bytes: the ML-KEM message, then the X25519 key."""
    mlkem_key, x_key = public_key[:1184], public_key[1184:]
    mlkem_shared, mlkem_ct = mlkem_encapsulate(mlkem_key, randomness[:32])
    ephemeral = X25519PrivateKey.from_private_bytes(randomness[32:])
    x_ct = ephemeral.public_key().public_bytes_raw()
    x_shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(x_key))
    return hashlib.sha3_256(mlkem_shared + x_shared + x_ct + x_key + XWING_LABEL).digest(), mlkem_ct + x_ct


def _extract(salt: bytes, label: bytes, value: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE + label + value, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info
    return hmac.digest(secret, labelled + b"\x01", "sha256")[:length]


def hpke_seal(plaintext: bytes, public_key: bytes, info: bytes, randomness: bytes) -> bytes:
    """Encapsulation followed by the AES-256-GCM ciphertext of the first message."""
    shared, encapsulation = xwing_encapsulate(public_key, randomness)
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    secret = _extract(shared, b"secret", b"")
    key, nonce = _expand(secret, b"key", context, 32), _expand(secret, b"base_nonce", context, 12)
    return encapsulation + AESGCM(key).encrypt(nonce, plaintext, None)
