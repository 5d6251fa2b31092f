"""Signing in: wallets by EIP-4361, passkeys and P-256 keys by a challenge."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from consentry.api.challenges import CHALLENGE_SECONDS, Challenges
from consentry.api.context import context_of
from consentry.api.policy import PUBLIC, SIGNER, Caller, bearer_token, sessions_of
from consentry.api.schemas import (
    PasskeyChallengeBody,
    PasskeySessionBody,
    SiweChallengeBody,
    SiweSessionBody,
    raw,
)
from consentry.api.streams import streams_of
from consentry.core.terms import Address
from consentry.crypto import webauthn
from consentry.crypto.sign_in import SignInMessage, passkey_digest, personal_digest
from consentry.crypto.signing import ACCOUNT_SIZE, recover, verify
from consentry.errors import InvalidInputError, NotAuthenticError

router = APIRouter(prefix="/v1/auth", tags=["sign in"])


def _challenges(request: Request) -> Challenges:
    found: Challenges = request.app.state.challenges
    return found


@router.post("/siwe/challenge")
async def siwe_challenge(
    request: Request, body: SiweChallengeBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Gives the EIP-4361 message an account signs."""
    context, now = context_of(request), sessions_of(request).now()
    address = Address(raw(body.address))
    message = SignInMessage(
        domain=urlsplit(context.origin).netloc,
        address=address,
        uri=context.origin,
        chain_id=context.ledger.domain("Consents").chain_id,
        nonce=_challenges(request).new(address, now).hex(),
        issued_at=now,
        expires_at=now + CHALLENGE_SECONDS,
    )
    return {"message": message.text()}


@router.post("/siwe/session")
async def siwe_session(
    request: Request, body: SiweSessionBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Opens a session for the account that signed the message."""
    context, now = context_of(request), sessions_of(request).now()
    message = SignInMessage.parse(body.message)
    if message.uri != context.origin or message.domain != urlsplit(context.origin).netloc:
        raise NotAuthenticError("origin of the sign-in message does not match this service")
    if message.chain_id != context.ledger.domain("Consents").chain_id or message.expires_at <= now:
        raise NotAuthenticError("chain or time of the sign-in message does not match")
    if recover(personal_digest(body.message), raw(body.signature)) != message.address:
        raise NotAuthenticError("signature is not that of the account in the message")
    await _challenges(request).spend(_nonce_bytes(message.nonce), message.address, now, context.nonces)
    return await _opened(request, message.address)


def _nonce_bytes(nonce: str) -> bytes:
    try:
        return bytes.fromhex(nonce)
    except ValueError:
        raise NotAuthenticError("nonce of the sign-in message is not one of this service") from None


@router.post("/passkey/challenge")
async def passkey_challenge(
    request: Request, body: PasskeyChallengeBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Gives a challenge. What is signed is the digest of label, origin and challenge, never the challenge itself."""
    signer = _key_signer(body.signer)
    challenge = _challenges(request).new(signer, sessions_of(request).now())
    return {"challenge": "0x" + challenge.hex(), "origin": context_of(request).origin}


@router.post("/passkey/session")
async def passkey_session(
    request: Request, body: PasskeySessionBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Opens a session for the passkey or P-256 key that signed."""
    context, now = context_of(request), sessions_of(request).now()
    signer, signature, challenge = _key_signer(body.signer), raw(body.signature), raw(body.challenge)
    verify(signer, passkey_digest(context.origin, challenge), signature, context.verifiers)
    if signer[:ACCOUNT_SIZE] == context.verifiers.webauthn:
        host = urlsplit(context.origin).hostname or ""
        webauthn.check_origin(signature, origins=frozenset({context.origin}), rp_id=host)
    await _challenges(request).spend(challenge, signer, now, context.nonces)
    return await _opened(request, signer)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
async def end_session(request: Request, _: Annotated[Caller, Depends(SIGNER)]) -> Response:
    """Ends the caller's session, and what is streamed to it."""
    token = bearer_token(request)
    sessions_of(request).close(token)
    streams_of(request).look_again(token)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _key_signer(text: str) -> bytes:
    signer = raw(text)
    if len(signer) <= ACCOUNT_SIZE:
        raise InvalidInputError("signer is an account: it signs in by EIP-4361")
    return signer


async def _opened(request: Request, signer: bytes) -> dict[str, Any]:
    token, expires_at = sessions_of(request).open(signer, known=await _is_known(request, signer))
    return {"token": token, "expiresAt": expires_at}


async def _is_known(request: Request, signer: bytes) -> bool:
    """Tells whether the chain names a signer: a subject's or guardian's, an institution, or an authority."""
    projection = context_of(request).projection
    if await projection.subjects_of_signer(signer) or await projection.appointments_of(signer):
        return True
    if len(signer) != ACCOUNT_SIZE:
        return False
    account = Address(signer)
    return await projection.institution(account) is not None or await projection.authority_region(account) is not None
