"""Signing in: EIP-4361 for accounts, challenges for passkeys and P-256 keys; sessions that end."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from consentry.api.challenges import CHALLENGE_SECONDS, Challenges
from consentry.api.sessions import MOST_OF_ONE, MOST_OF_STRANGERS, Sessions
from consentry.core.terms import Address
from consentry.crypto import p256, webauthn
from consentry.crypto.sign_in import SignInMessage, passkey_digest, personal_digest
from consentry.crypto.signing import AccountKey, SigningKey, verify
from consentry.errors import InvalidInputError, NotAuthenticError
from consentry.evidence.notation import bytes_of, hex_of
from tests.support.callers import ORIGIN
from tests.support.gateway_world import World, done
from tests.support.memory_ledger import VERIFIERS
from tests.support.memory_vault import MemoryNonces

NOW = 1_800_000_000
SESSION = "/v1/auth/siwe/session"


@pytest.mark.parametrize("kind", ["patient", "passkey", "p256"])
async def test_signer_signs_in_and_out(world: World, kind: str) -> None:
    caller = world.signer(getattr(world.people, kind))
    assert done(await caller.get("/v1/subjects"), 200) == {"items": []}
    assert (await caller.delete("/v1/auth/session")).status_code == 204
    assert (await caller.get("/v1/subjects")).status_code == 401


@pytest.mark.parametrize("kind", ["patient", "passkey", "p256"])
async def test_answer_to_a_challenge_is_good_once(world: World, kind: str) -> None:
    path, body = await world.signer(getattr(world.people, kind)).signed_challenge()
    assert (await world.http.post(path, json=body)).status_code == 200
    assert (await world.http.post(path, json=body)).status_code == 401


async def message_of(world: World, **changes: Any) -> tuple[AccountKey, SignInMessage]:  # noqa: ANN401 - any member
    """Gives a fresh message of the patient with some members changed."""
    key = world.people.patient
    asked = await world.http.post("/v1/auth/siwe/challenge", json={"address": hex_of(key.signer)})
    return key, replace(SignInMessage.parse(asked.json()["message"]), **changes)


def signed(key: AccountKey, text: str) -> dict[str, str]:
    """Gives the body that answers with a text."""
    return {"message": text, "signature": hex_of(key.sign_digest(personal_digest(text)))}


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "evil.test"},
        {"uri": "http://evil.test"},
        {"chain_id": 1},
        {"nonce": "00" * 32},
        {"nonce": "notahexadecimalnonce"},
        {"expires_at": 1},
        {"address": Address(b"\x22" * 20)},
    ],
    ids=lambda changes: f"{next(iter(changes))}",
)
async def test_changed_sign_in_message_is_refused(world: World, changes: dict[str, Any]) -> None:
    key, message = await message_of(world, **changes)
    answer = await world.http.post(SESSION, json=signed(key, message.text()))
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")


async def test_challenge_of_one_account_does_not_sign_in_another(world: World) -> None:
    _, message = await message_of(world)
    stranger = world.people.stranger
    text = replace(message, address=stranger.address).text()
    assert (await world.http.post(SESSION, json=signed(stranger, text))).status_code == 401


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("This gives no consent.", "This gives consent."),
        ("\n\nURI", "\nURI"),
        ("Version: 1", "Version: 2"),
        ("Expiration Time: ", "Not Before: "),
        ("Nonce: ", "Nonce:  "),
        (" wants", "\u2028 wants"),
    ],
)
async def test_message_of_another_form_is_refused(world: World, old: str, new: str) -> None:
    key, message = await message_of(world)
    text = message.text().replace(old, new)
    assert text != message.text()
    answer = await world.http.post(SESSION, json=signed(key, text))
    assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")


@given(
    st.from_regex(r"[a-z0-9.:-]{1,60}", fullmatch=True),
    st.binary(min_size=20, max_size=20),
    st.integers(1, 2**63),
    st.from_regex(r"[0-9a-zA-Z]{8,64}", fullmatch=True),
    st.integers(0, 4_000_000_000),
)
def test_sign_in_message_reads_back_as_written(domain: str, address: bytes, chain: int, nonce: str, at: int) -> None:
    message = SignInMessage(domain, Address(address), f"https://{domain}", chain, nonce, at, at + 300)
    assert SignInMessage.parse(message.text()) == message


@given(st.text(max_size=300))
def test_any_other_text_is_no_sign_in_message(text: str) -> None:
    with pytest.raises(InvalidInputError):
        SignInMessage.parse(text)


async def test_passkey_of_another_origin_is_refused(world: World) -> None:
    caller = world.signer(replace(world.people.passkey, origin="http://evil.test"))
    assert (await caller.sign_in()).status_code == 401
    caller = world.signer(replace(world.people.passkey, rp_id="evil.test"))
    assert (await caller.sign_in()).status_code == 401


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "no-object": lambda told: b"[] " + told,
    "cut-off": lambda told: b"{" + told,
    "no-origin": lambda told: b"{" + told + b"}",
    "origin-a-list": lambda told: b'{"origin":[],' + told + b"}",
    "origin-an-object": lambda told: b'{"origin":{},' + told + b"}",
    "origin-a-number": lambda told: b'{"origin":1,' + told + b"}",
    "origin-null": lambda told: b'{"origin":null,' + told + b"}",
    "a-list": lambda told: b"[{" + told + b"}]",
    "a-text": lambda told: b'"' + told + b'"',
    "no-utf-8": lambda told: b'{"origin":"\xff",' + told + b"}",
    "deep": lambda told: b"[" * 3_500 + told,
    "deep-inside": lambda told: b'{"a":' + b"[" * 3_500 + b"]" * 3_500 + b"," + told + b"}",
    "long-number": lambda told: b'{"origin":' + b"1" * 5_000 + b"," + told + b"}",
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=list(MALFORMED))
async def test_malformed_client_data_are_not_authentic(world: World, form: Callable[[bytes], bytes]) -> None:
    key = world.people.passkey
    asked = done(await world.http.post("/v1/auth/passkey/challenge", json={"signer": hex_of(key.signer)}), 200)
    signed_digest = passkey_digest(ORIGIN, bytes_of(asked["challenge"], 32))
    told = b'"type":"webauthn.get","challenge":"' + webauthn.challenge_of(signed_digest).encode() + b'"'
    client = form(told)
    data = hashlib.sha256(key.rp_id.encode()).digest() + bytes(
        [webauthn.USER_PRESENT | webauthn.USER_VERIFIED, *bytes(4)]
    )
    raw = p256.sign(key.private, hashlib.sha256(data + hashlib.sha256(client).digest()).digest())
    places = client.find(b'"challenge":"'), client.find(b'"type":"webauthn.get"')
    assertion = webauthn.Assertion(raw[:32], raw[32:], *places, data, client)

    body = {"signer": hex_of(key.signer), "challenge": asked["challenge"], "signature": hex_of(assertion.encoded())}
    answer = await world.http.post("/v1/auth/passkey/session", json=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")


async def test_passkey_answer_under_another_signer_is_refused(world: World) -> None:
    path, body = await world.signer(world.people.passkey).signed_challenge()
    body["signer"] = hex_of(world.people.p256.signer)
    assert (await world.http.post(path, json=body)).status_code == 401


async def test_account_cannot_sign_in_as_a_key(world: World) -> None:
    body = {"signer": hex_of(world.people.patient.signer)}
    assert (await world.http.post("/v1/auth/passkey/challenge", json=body)).status_code == 422


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic cGF0aWVudA==", "nonsense"])
async def test_anything_but_a_live_token_is_refused(world: World, header: str) -> None:
    answer = await world.http.get("/v1/subjects", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")


def test_session_ends_in_time_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = NOW
    sessions = Sessions(900, lambda: now)
    token, ends = sessions.open(b"signer", known=True)
    assert (sessions.find(token).signer, ends) == (b"signer", NOW + 900)
    now += 899
    assert sessions.find(token).signer == b"signer"
    now += 1
    with pytest.raises(NotAuthenticError):
        sessions.find(token)
    monkeypatch.setattr("consentry.api.sessions.MOST_SESSIONS", 2)
    first, second, third = (sessions.open(b"signer", known=True)[0] for _ in range(3))
    with pytest.raises(NotAuthenticError):
        sessions.find(first)
    assert {sessions.find(token).signer for token in (second, third)} == {b"signer"}


def test_token_is_kept_as_a_digest_alone() -> None:
    sessions = Sessions(900)
    token, _ = sessions.open(b"signer", known=True)
    assert token not in repr(vars(sessions))
    assert token.encode() not in b"".join(sessions._known)


def test_strangers_push_out_strangers_alone() -> None:
    sessions = Sessions(900, lambda: NOW)
    patient, _ = sessions.open(b"patient", known=True)
    first, _ = sessions.open(b"first", known=False)
    for number in range(MOST_OF_STRANGERS + 1):
        sessions.open(number.to_bytes(20, "big"), known=False)
    assert sessions.find(patient).signer == b"patient"
    with pytest.raises(NotAuthenticError):
        sessions.find(first)
    assert len(sessions._strangers) == len(sessions._of) - 1 == MOST_OF_STRANGERS


def test_signer_with_many_sessions_loses_its_own_oldest() -> None:
    sessions = Sessions(900, lambda: NOW)
    another, _ = sessions.open(b"another", known=True)
    tokens = [sessions.open(b"signer", known=True)[0] for _ in range(MOST_OF_ONE + 2)]
    for token in tokens[:2]:
        with pytest.raises(NotAuthenticError):
            sessions.find(token)
    assert {sessions.find(token).signer for token in tokens[2:]} == {b"signer"}
    assert sessions.find(another).signer == b"another"
    for token in (another, *tokens):
        sessions.close(token)
    assert not sessions._of


async def test_subjects_and_members_are_no_strangers(world: World) -> None:
    people = world.people
    await world.enrol(people.p256)
    sessions = world.app.state.sessions
    known: list[SigningKey] = [people.p256, people.hospital.key, people.national]
    for key in known:
        assert (await world.signer(key).sign_in()).status_code == 200
    assert (len(sessions._known), len(sessions._strangers)) == (3, 0)
    strangers: list[SigningKey] = [people.stranger, people.passkey]
    for key in strangers:
        assert (await world.signer(key).sign_in()).status_code == 200
    assert (len(sessions._known), len(sessions._strangers)) == (3, 2)


async def test_challenge_is_for_one_signer_one_time_and_one_process() -> None:
    challenges, nonces = Challenges(), MemoryNonces()
    challenge = challenges.new(b"signer", NOW)
    for made, signer, now in (
        (challenge, b"another", NOW),
        (challenge, b"signer", NOW + CHALLENGE_SECONDS),
        (challenge[:-1] + bytes([challenge[-1] ^ 1]), b"signer", NOW),
        (bytes([challenge[0] ^ 1]) + challenge[1:], b"signer", NOW),
        (challenge[:-1], b"signer", NOW),
        (b"", b"signer", NOW),
    ):
        with pytest.raises(NotAuthenticError):
            await challenges.spend(made, signer, now, nonces)
    with pytest.raises(NotAuthenticError):
        await Challenges().spend(challenge, b"signer", NOW, nonces)
    await challenges.spend(challenge, b"signer", NOW + CHALLENGE_SECONDS - 1, nonces)
    with pytest.raises(NotAuthenticError):
        await challenges.spend(challenge, b"signer", NOW, nonces)


def judged_by_library(key: bytes, digest: bytes, signature: bytes, origin: str, rp_id: str) -> bool:
    """Has the library that browsers' makers test with judge an assertion."""
    made = webauthn.decode(signature)
    der = encode_dss_signature(int.from_bytes(made.r, "big"), int.from_bytes(made.s, "big"))

    def text(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    cose = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + key[:32] + b"\x22\x58\x20" + key[32:]
    credential = {
        "id": text(b"credential"),
        "rawId": text(b"credential"),
        "type": "public-key",
        "response": {
            "clientDataJSON": text(made.client_data_json),
            "authenticatorData": text(made.authenticator_data),
            "signature": text(der),
        },
    }
    try:
        verify_authentication_response(
            credential=json.dumps(credential),
            expected_challenge=digest,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=cose,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except WebAuthnException:
        return False
    return True


def judged_by_us(signer: bytes, digest: bytes, signature: bytes, origin: str, rp_id: str) -> bool:
    """Judges an assertion as the sign-in does."""
    try:
        verify(signer, digest, signature, VERIFIERS)
        webauthn.check_origin(signature, origins=frozenset({origin}), rp_id=rp_id)
    except (NotAuthenticError, InvalidInputError):
        return False
    return True


def test_passkey_check_agrees_with_an_independent_library() -> None:
    key = replace(webauthn.SoftwarePasskey.generate(VERIFIERS.webauthn), rp_id="gateway.test", origin=ORIGIN)
    digest = passkey_digest(ORIGIN, b"\x01" * 32)
    signature = key.sign_digest(digest)
    other = hashlib.sha256(b"other").digest()
    cases = [
        (signature, digest, ORIGIN, "gateway.test", True),
        (signature, other, ORIGIN, "gateway.test", False),
        (signature, digest, "http://evil.test", "gateway.test", False),
        (signature, digest, ORIGIN, "evil.test", False),
        (replace(key, origin="http://evil.test").sign_digest(digest), digest, ORIGIN, "gateway.test", False),
        (replace(key, rp_id="evil.test").sign_digest(digest), digest, ORIGIN, "gateway.test", False),
        (webauthn.SoftwarePasskey.generate(VERIFIERS.webauthn).sign_digest(digest), digest, ORIGIN, "localhost", False),
    ]
    for made, expected, origin, rp_id, holds in cases:
        assert judged_by_library(key.signer[20:], expected, made, origin, rp_id) is holds
        assert judged_by_us(key.signer, expected, made, origin, rp_id) is holds
    assert bytes_of(hex_of(signature)) == signature
