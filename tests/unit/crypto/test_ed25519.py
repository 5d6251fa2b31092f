"""Ed25519: the vectors of RFC 8032, section 7.1, and keys under which anybody can sign."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consentry.crypto import ed25519
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import InvalidInputError, NotAuthenticError

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME
IDENTITY = (0, 1)
Point = tuple[int, int]


def added(one: Point, other: Point) -> Point:
    """The addition of RFC 8032, section 5.1.4, in affine coordinates."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


def point(encoded: bytes) -> Point:
    """The point of one of the two signs; order does not depend on the sign."""
    y = int.from_bytes(encoded, "little") % 2**255 % PRIME
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    root = pow(square, (PRIME + 3) // 8, PRIME)
    if root * root % PRIME != square:
        root = root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    assert root * root % PRIME == square
    return root, y


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_published_signature_is_made_and_holds(seed: str, public: str, message: str, signature: str) -> None:
    held = Ed25519Key(bytes.fromhex(seed))

    assert held.public.hex() == public
    assert held.sign(bytes.fromhex(message)).hex() == signature
    ed25519.verify(held.public, bytes.fromhex(message), bytes.fromhex(signature))


def test_signature_with_any_bit_flipped_does_not_hold() -> None:
    _, public, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    for bit in range(8 * len(signature)):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotAuthenticError):
            ed25519.verify(public, message, bytes(flipped))
    with pytest.raises(NotAuthenticError):
        ed25519.verify(public, message + b"\0", signature)


@pytest.mark.parametrize(("key", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 64)])
def test_key_or_signature_of_another_size_is_refused(key: int, signature: int) -> None:
    with pytest.raises(InvalidInputError, match="length of Ed25519"):
        ed25519.verify(b"\5" * key, b"", b"\0" * signature)


def test_weak_keys_are_the_points_of_order_at_most_eight() -> None:
    found = set()
    for encoded in ed25519._WEAK:
        eight = start = point(encoded)
        for _ in range(3):
            eight = added(eight, eight)
        assert eight == IDENTITY
        found.add(start[1])
    # Eight points: those of order 8 have two values of y, those of order 4 one, and the other two one each.
    assert len(found) == 5


@pytest.mark.parametrize("sign", [0, 0x80])
def test_key_of_small_order_is_refused(sign: int) -> None:
    for encoded in ed25519._WEAK:
        with pytest.raises(InvalidInputError, match="small order"):
            ed25519.verify(encoded[:-1] + bytes([encoded[-1] | sign]), b"", b"\0" * 64)


def test_key_of_small_order_would_let_anybody_sign() -> None:
    identity = b"\1" + b"\0" * 31
    anybodys = identity + b"\0" * 32

    Ed25519PublicKey.from_public_bytes(identity).verify(anybodys, b"whatever it says")
    with pytest.raises(InvalidInputError, match="small order"):
        ed25519.verify(identity, b"whatever it says", anybodys)
