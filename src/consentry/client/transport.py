"""HTTP to one gateway: signed or signed-in requests, problems turned back into errors."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from pydantic_core import from_json

from consentry import errors
from consentry.client.answers import Shape, expect
from consentry.core.terms import Address
from consentry.crypto.sign_in import SignedRequest, body_sha256, bound_headers, content_digest
from consentry.crypto.signing import SigningKey
from consentry.evidence.notation import Json

_PATH: Final = re.compile(r"/(?![/\\])")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
TIMEOUT_SECONDS: Final = 90.0
MOST_RETRY_SECONDS: Final = 60
"""A gateway that wants its caller back later than that is asked all the same."""
_MORE: Final = ("reason", "receipt", "places", "most", "solidity", "trace_id")
"""Members of a problem that its error keeps."""
_FALLBACK: Final[dict[int, type[errors.ConsentryError]]] = {
    HTTPStatus.UNAUTHORIZED: errors.NotAuthenticError,
    HTTPStatus.FORBIDDEN: errors.NotPermittedError,
    HTTPStatus.NOT_FOUND: errors.NotFoundError,
    HTTPStatus.CONFLICT: errors.ConflictError,
    HTTPStatus.SERVICE_UNAVAILABLE: errors.GatewayUnavailableError,
}


def _by_code(root: type[errors.ConsentryError]) -> dict[str, type[errors.ConsentryError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_by_code(child))
    return found


def error_of(status: int, body: Json) -> errors.ConsentryError:
    """Gives the error a problem document stands for."""
    message = str(body.get("detail", f"gateway answers with status {status}"))
    more = {name: body[name] for name in _MORE if name in body}
    code = str(body.get("code", ""))
    if code == errors.VerificationError.code:
        step = body.get("step")
        return errors.VerificationError(message, step=step if isinstance(step, int) else None)
    kind = _by_code(errors.ConsentryError).get(code) or _FALLBACK.get(status, errors.InvalidInputError)
    return kind(message, **more)


@dataclass(frozen=True, slots=True)
class Later:
    """What a gateway answers that has no answer yet (202): to come back after some seconds."""

    seconds: int


class Transport:
    """One gateway, called by nobody known, by a signed-in signer, or by an institution that signs each request."""

    def __init__(
        self,
        base_url: str,
        *,
        institution: Address | None = None,
        key: SigningKey | None = None,
        clock: Callable[[], float] = time.time,
        carrier: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Takes the gateway's address; with an institution and its key every request is signed.

        ``carrier`` takes the place of the network, for instance a proxy of the hospital.
        """
        self.base_url = base_url.rstrip("/")
        address = urlsplit(self.base_url)
        self.origin = f"{address.scheme}://{address.netloc}"
        self._http = httpx.AsyncClient(
            base_url=self.base_url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=carrier
        )
        self._institution = institution
        self._key = key
        self._clock = clock
        self.token: str | None = None

    async def close(self) -> None:
        """Closes kept connections."""
        await self._http.aclose()

    def _proof(self, method: str, target: str, digest: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        if self._institution is not None and self._key is not None:
            signed = SignedRequest(
                institution=self._institution,
                method=method,
                host=urlsplit(self.base_url).netloc,
                target=target,
                body_sha256=digest,
                created=int(self._clock()),
                nonce=secrets.token_hex(16),
                bound=bound_headers(headers),
            )
            signature = self._key.sign_digest(signed.digest())
            return {"Consentry-Signature": signed.header(signature), "Content-Digest": content_digest(digest)}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def get(self, target: str) -> Any:  # noqa: ANN401 - JSON
        """Asks; gives the JSON answer."""
        return (await self.get_page(target))[0]

    async def get_page(self, target: str) -> tuple[Any, str | None]:
        """Asks for a page; gives the JSON answer and the target of the next page."""
        answer = await self._send("GET", target, b"", {})
        try:
            following = answer.links.get("next", {}).get("url")
        except ValueError:
            raise errors.VerificationError("header Link of a list cannot be read") from None
        if following is not None and not _PATH.match(following):
            raise errors.VerificationError("next page of a list leads away from the gateway")
        return _json(answer), following

    async def get_all(self, target: str, shape: Shape) -> list[Json]:
        """Asks for every page of a list, whose items have a shape of ``answers``."""
        items: list[Json] = []
        following: str | None = target
        while following:
            body, following = await self.get_page(following)
            if not isinstance(body.get("items"), list):
                raise errors.VerificationError("list of the gateway cannot be read")
            items.extend(expect(item, shape, "an item") for item in body["items"])
        return items

    async def post(self, target: str, body: Json, *, idempotency_key: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Sends JSON. The same idempotency key makes a retry harmless; one is drawn if none is given."""
        content = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return _json(await self._send("POST", target, content, headers))

    async def delete(self, target: str) -> None:
        """Has something ended."""
        await self._send("DELETE", target, b"", {})

    async def post_patiently(self, target: str, body: Json, seconds: int) -> Json | Later:
        """Sends JSON whose answer may take long, and waits so many seconds for it."""
        content = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "Prefer": f"wait={seconds}"}
        return _in_time(await self._send("POST", target, content, headers))

    async def get_patiently(self, target: str) -> Json | Later:
        """Asks for what may take long to be there."""
        return _in_time(await self._send("GET", target, b"", {}))

    async def _send(self, method: str, target: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        signed = self._proof(method, target, body_sha256(content), headers)
        async with _reached():
            answer = await self._http.request(method, target, content=content, headers={**headers, **signed})
        return _accepted(answer)

    async def upload(self, target: str, pieces: AsyncIterator[bytes], digest: bytes, headers: dict[str, str]) -> Json:
        """Streams a body whose SHA-256 is known."""
        signed = self._proof("POST", target, digest, headers)
        async with _reached():
            answer = await self._http.post(target, content=pieces, headers={**headers, **signed})
        body: Json = _json(_accepted(answer))
        return body

    @asynccontextmanager
    async def download(self, target: str, span: tuple[int, int] | None = None) -> AsyncIterator[httpx.Response]:
        """Opens a streamed answer; ``span`` is the first byte and the one after the last.

        Raises:
            GatewayUnavailableError: the gateway does not answer, or the stream breaks off while it is read.
        """
        headers = self._proof("GET", target, body_sha256(b""), {})
        if span is not None:
            headers["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        async with _reached(), self._http.stream("GET", target, headers=headers) as answer:
            if not answer.is_success:
                await answer.aread()
                _accepted(answer)
            yield answer

    @asynccontextmanager
    async def listen(self, target: str, last: str | None, silence: float) -> AsyncIterator[AsyncIterator[str]]:
        """Opens a stream of server-sent events; gives its lines, the first of them once the gateway has taken it.

        Args:
            target: where it is.
            last: id of the last event that arrived, if one did.
            silence: seconds without anything after which the line counts as dead.

        Raises:
            GatewayUnavailableError: the gateway does not answer, falls silent, or breaks off.
        """
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        headers |= self._proof("GET", target, body_sha256(b""), headers)
        patience = httpx.Timeout(TIMEOUT_SECONDS, read=silence)
        async with _reached(), self._http.stream("GET", target, headers=headers, timeout=patience) as answer:
            if not answer.is_success:
                await answer.aread()
                _accepted(answer)
            yield answer.aiter_lines()


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    """Turns every failure of the network into one error.

    Raises:
        GatewayUnavailableError: the gateway does not answer, or breaks off.
        VerificationError: where it sent the caller is no address.
    """
    try:
        yield
    except httpx.HTTPError as error:
        raise errors.GatewayUnavailableError(f"gateway does not answer ({type(error).__name__})") from error
    except httpx.InvalidURL:
        raise errors.VerificationError("next page of a list is no address") from None


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    """Reads a JSON answer; at the address something else than a gateway may answer.

    Nesting is bounded: the parser of the standard library follows it until the process ends, for libraries of the chain
    take the interpreter's own bound away.
    """
    try:
        body = from_json(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.VerificationError("answer of the gateway cannot be read")
    return body


def _in_time(answer: httpx.Response) -> Json | Later:
    if answer.status_code != HTTPStatus.ACCEPTED:
        body: Json = _json(answer)
        return body
    told = answer.headers.get("Retry-After", "")
    return Later(min(max(int(told), 1), MOST_RETRY_SECONDS) if _SECONDS.fullmatch(told) else 1)


def _accepted(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        body = from_json(answer.content)
    except ValueError:
        body = {}
    raise error_of(answer.status_code, body if isinstance(body, dict) else {})
