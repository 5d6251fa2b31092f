"""Callers of the HTTP interface, byte by byte: what a test sends is what it says, right or wrong."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from consentry.core.terms import Address
from consentry.crypto.sign_in import (
    SignedRequest,
    SignInMessage,
    body_sha256,
    bound_headers,
    content_digest,
    passkey_digest,
    personal_digest,
)
from consentry.crypto.signing import ACCOUNT_SIZE, SigningKey
from consentry.evidence.notation import bytes_of, hex_of

HOST = "gateway.test:18080"
ORIGIN = f"http://{HOST}"


def encoded(body: object) -> bytes:
    """Gives the bytes of a JSON body as they are sent and signed."""
    return json.dumps(body, separators=(",", ":")).encode()


@dataclass
class Anyone:
    """A caller that proves no identity."""

    http: httpx.AsyncClient

    async def proof(self, method: str, target: str, content: bytes, sent: Mapping[str, str]) -> dict[str, str]:
        """Gives the headers that prove who calls."""
        del method, target, content, sent
        return {}

    async def get(self, target: str, **headers: str) -> httpx.Response:
        """Asks."""
        return await self.http.get(target, headers=headers | await self.proof("GET", target, b"", headers))

    async def delete(self, target: str) -> httpx.Response:
        """Deletes."""
        return await self.http.delete(target, headers=await self.proof("DELETE", target, b"", {}))

    async def send(self, target: str, content: bytes, **headers: str) -> httpx.Response:
        """Posts bytes, without an idempotency key of its own."""
        proof = await self.proof("POST", target, content, headers)
        return await self.http.post(target, content=content, headers={**headers, **proof})

    async def post(self, target: str, body: object, key: str | None = None) -> httpx.Response:
        """Posts JSON under an idempotency key, a fresh one if none is given."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or secrets.token_hex(16)}
        return await self.send(target, encoded(body), **headers)


@dataclass
class SignedIn(Anyone):
    """A signer with a session; the first call signs in."""

    key: SigningKey = field(kw_only=True)
    token: str = ""

    async def proof(self, method: str, target: str, content: bytes, sent: Mapping[str, str]) -> dict[str, str]:
        del method, target, content, sent
        if not self.token:
            answer = await self.sign_in()
            assert answer.status_code == httpx.codes.OK, answer.text
            self.token = answer.json()["token"]
        return {"Authorization": f"Bearer {self.token}"}

    async def sign_in(self) -> httpx.Response:
        """Asks for a challenge and answers it."""
        path, body = await self.signed_challenge()
        return await self.http.post(path, json=body)

    async def signed_challenge(self) -> tuple[str, dict[str, Any]]:
        """Gives where a session is opened and the body that opens it."""
        signer = self.key.signer
        if len(signer) == ACCOUNT_SIZE:
            asked = await self.http.post("/v1/auth/siwe/challenge", json={"address": hex_of(signer)})
            text = asked.json()["message"]
            assert SignInMessage.parse(text).address == signer
            signature = hex_of(self.key.sign_digest(personal_digest(text)))
            return "/v1/auth/siwe/session", {"message": text, "signature": signature}
        asked = await self.http.post("/v1/auth/passkey/challenge", json={"signer": hex_of(signer)})
        challenge = asked.json()["challenge"]
        digest = passkey_digest(asked.json()["origin"], bytes_of(challenge, 32))
        signature = hex_of(self.key.sign_digest(digest))
        return "/v1/auth/passkey/session", {
            "signer": hex_of(signer),
            "challenge": challenge,
            "signature": signature,
        }


@dataclass
class Signing(Anyone):
    """An institution that signs each request."""

    address: Address = field(kw_only=True)
    key: SigningKey = field(kw_only=True)
    host: str = HOST

    async def proof(self, method: str, target: str, content: bytes, sent: Mapping[str, str]) -> dict[str, str]:
        return self.headers(method, target, content, bound=bound_headers(sent))

    def headers(self, method: str, target: str, content: bytes, /, **changes: Any) -> dict[str, str]:  # noqa: ANN401 - any part
        """Signs a request; ``changes`` replace parts of what is signed."""
        parts: dict[str, Any] = {
            "institution": self.address,
            "method": method,
            "host": self.host,
            "target": target,
            "body_sha256": body_sha256(content),
            "created": int(time.time()),
            "nonce": secrets.token_hex(16),
        }
        signed = SignedRequest(**(parts | changes))
        return {
            "Consentry-Signature": signed.header(self.key.sign_digest(signed.digest())),
            "Content-Digest": content_digest(body_sha256(content)),
        }
