"""Signatures: vectors good and bad, agreement with eth-account, and the backend in use."""

from __future__ import annotations

import json

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from eth_keys.backends import get_backend
from eth_keys.backends.coincurve import CoinCurveECCBackend

from consentry.core.terms import Address
from consentry.core.typed_data import Domain, SignedStruct, digest, document
from consentry.crypto import webauthn
from consentry.crypto.p256 import ORDER, P256Key
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers, recover, sign, verify
from consentry.errors import NotAuthenticError
from tests.support import samples
from tests.vectors.signatures.build_signatures import FILE, Vector, accounts, build, devices, passkeys

CONTENT = json.loads(FILE.read_text(encoding="utf-8"))
VERIFIERS = Verifiers(
    p256=Address(bytes.fromhex(CONTENT["p256Verifier"][2:])),
    webauthn=Address(bytes.fromhex(CONTENT["webauthnVerifier"][2:])),
    council=samples.address(0xC0),
)
DIGEST = bytes.fromhex(CONTENT["digest"][2:])
DOMAIN = Domain("Consentry Consents", 1337, samples.address(5))


def _named(vector: dict[str, object]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", CONTENT["vectors"], ids=_named)
def test_verify_vector_holds_or_is_refused(vector: dict[str, str]) -> None:
    signer, signature = bytes.fromhex(vector["signer"][2:]), bytes.fromhex(vector["signature"][2:])
    if vector["valid"]:
        verify(signer, DIGEST, signature, VERIFIERS)
    else:
        with pytest.raises(NotAuthenticError):
            verify(signer, DIGEST, signature, VERIFIERS)


def test_vector_file_is_what_the_generator_writes() -> None:
    assert build() == CONTENT


def test_vectors_differ_and_cover_both_outcomes() -> None:
    vectors: list[Vector] = [*accounts(), *devices(), *passkeys()]
    assert len({(v.signer, v.signature) for v in vectors}) == len(vectors)
    assert {v.valid for v in vectors} == {True, False}


@pytest.mark.parametrize(
    "value",
    [samples.leaf(), samples.terms(), samples.request(samples.word(1), samples.word(2), samples.word(3))],
    ids=lambda value: type(value).__name__,
)
def test_sign_agrees_with_eth_account(value: SignedStruct) -> None:
    key = AccountKey(keccak(b"key of a test"))
    signable = encode_typed_data(full_message=document(DOMAIN, value))
    theirs = Account.sign_message(signable, key.secret)
    ours = sign(key, DOMAIN, value)
    assert ours == bytes(theirs.signature)
    assert (
        "0x" + recover(digest(DOMAIN, value), ours).hex() == Account.recover_message(signable, signature=ours).lower()
    )


@pytest.mark.parametrize(
    "key",
    [AccountKey.generate(), P256Key.generate(VERIFIERS.p256), webauthn.SoftwarePasskey.generate(VERIFIERS.webauthn)],
    ids=lambda key: type(key).__name__,
)
def test_sign_then_verify_holds_for_every_kind_of_key(key: SigningKey) -> None:
    signature = sign(key, DOMAIN, samples.terms())
    verify(key.signer, digest(DOMAIN, samples.terms()), signature, VERIFIERS)
    other = Domain("Consentry Consents", 1338, samples.address(5))
    with pytest.raises(NotAuthenticError):
        verify(key.signer, digest(other, samples.terms()), signature, VERIFIERS)


def test_backend_of_eth_account_is_coincurve() -> None:
    assert isinstance(get_backend(), CoinCurveECCBackend)


def test_account_key_shows_no_secret() -> None:
    key = AccountKey(PrivateKey().secret)
    assert key.secret.hex() not in repr(key)
    assert str(key.secret) not in repr(key)


@pytest.mark.parametrize(
    ("origins", "rp_id"),
    [({"https://evil.example"}, "localhost"), ({"http://localhost"}, "evil.example"), (set(), "localhost")],
)
def test_check_origin_of_another_place_is_refused(origins: set[str], rp_id: str) -> None:
    signature = webauthn.SoftwarePasskey.generate(VERIFIERS.webauthn).sign_digest(DIGEST)
    webauthn.check_origin(signature, origins=frozenset({"http://localhost"}), rp_id="localhost")
    with pytest.raises(NotAuthenticError):
        webauthn.check_origin(signature, origins=frozenset(origins), rp_id=rp_id)


def test_assertion_of_browser_values_verifies() -> None:
    passkey = webauthn.SoftwarePasskey.generate(VERIFIERS.webauthn)
    made = webauthn.decode(passkey.sign_digest(DIGEST))
    r, s = int.from_bytes(made.r, "big"), int.from_bytes(made.s, "big")
    upper = encode_dss_signature(r, ORDER - s)
    taken = webauthn.Assertion.of(made.authenticator_data, made.client_data_json, upper)
    assert taken == made
    with pytest.raises(NotAuthenticError):
        webauthn.Assertion.of(made.authenticator_data, b"{}", upper)
