"""Signing in: wallets by EIP-4361, passkeys and P-256 keys by a challenge."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request

from consentry.api.context import context_of
from consentry.api.policy import PUBLIC, Caller, sessions_of
from consentry.api.schemas import (
    PasskeyChallengeBody,
    PasskeySessionBody,
    SiweChallengeBody,
    SiweSessionBody,
    raw,
)
from consentry.api.sessions import CHALLENGE_SECONDS
from consentry.core.terms import Address
from consentry.crypto import webauthn
from consentry.crypto.sign_in import SignInMessage, passkey_digest, personal_digest
from consentry.crypto.signing import ACCOUNT_SIZE, recover, verify
from consentry.errors import InvalidInputError, NotAuthenticError

router = APIRouter(prefix="/v1/auth", tags=["sign in"])


@router.post("/siwe/challenge")
async def siwe_challenge(
    request: Request, body: SiweChallengeBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Gives the EIP-4361 message an account signs."""
    context, sessions = context_of(request), sessions_of(request)
    identity = await context.ledger.identity()
    now = sessions.now()
    message = SignInMessage(
        domain=urlsplit(context.origin).netloc,
        address=Address(raw(body.address)),
        uri=context.origin,
        chain_id=identity.chain_id,
        nonce=sessions.new_challenge(),
        issued_at=now,
        expires_at=now + CHALLENGE_SECONDS,
    )
    return {"message": message.text()}


@router.post("/siwe/session")
async def siwe_session(
    request: Request, body: SiweSessionBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Opens a session for the account that signed the message."""
    context, sessions = context_of(request), sessions_of(request)
    message = SignInMessage.parse(body.message)
    if message.uri != context.origin or message.domain != urlsplit(context.origin).netloc:
        raise NotAuthenticError("origin of the sign-in message does not match this service")
    if message.chain_id != (await context.ledger.identity()).chain_id or message.expires_at <= sessions.now():
        raise NotAuthenticError("chain or time of the sign-in message does not match")
    if recover(personal_digest(body.message), raw(body.signature)) != message.address:
        raise NotAuthenticError("signature is not that of the account in the message")
    sessions.spend_challenge(message.nonce)
    return _opened(request, message.address)


@router.post("/passkey/challenge")
async def passkey_challenge(
    request: Request, body: PasskeyChallengeBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Gives a challenge. What is signed is the digest of label, origin and challenge, never the challenge itself."""
    if len(raw(body.signer)) <= ACCOUNT_SIZE:
        raise InvalidInputError("signer is an account: it signs in by EIP-4361")
    return {"challenge": "0x" + sessions_of(request).new_challenge(), "origin": context_of(request).origin}


@router.post("/passkey/session")
async def passkey_session(
    request: Request, body: PasskeySessionBody, _: Annotated[Caller, Depends(PUBLIC)]
) -> dict[str, Any]:
    """Opens a session for the passkey or P-256 key that signed."""
    context = context_of(request)
    signer, signature, challenge = raw(body.signer), raw(body.signature), raw(body.challenge)
    if len(signer) <= ACCOUNT_SIZE:
        raise InvalidInputError("signer is an account: it signs in by EIP-4361")
    verify(signer, passkey_digest(context.origin, challenge), signature, context.verifiers)
    if signer[:ACCOUNT_SIZE] == context.verifiers.webauthn:
        host = urlsplit(context.origin).hostname or ""
        webauthn.check_origin(signature, origins=frozenset({context.origin}), rp_id=host)
    sessions_of(request).spend_challenge(challenge.hex())
    return _opened(request, signer)


def _opened(request: Request, signer: bytes) -> dict[str, Any]:
    token, expires_at = sessions_of(request).open(signer)
    return {"token": token, "expiresAt": expires_at}
