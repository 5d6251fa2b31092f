"""The OpenAPI document tells what FastAPI cannot know: who may call a route, and which problems it answers with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from consentry.api.policy import SIGNATURE_HEADER, Policy, Role, all_routes, policy_of
from consentry.api.problems import MEDIA_TYPE

SCHEMES: Final[dict[str, dict[str, str]]] = {
    "Session": {
        "type": "http",
        "scheme": "bearer",
        "description": "token of a session: sign in at /v1/auth with a wallet (EIP-4361) or a passkey",
    },
    "SignedRequest": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "each request signed by the institution, with its body's digest: docs/formats/http-request.md",
    },
}
_PROVED_BY: Final = {Role.SIGNER: "Session", Role.AUTHORITY: "Session", Role.INSTITUTION: "SignedRequest"}
_TELLS: Final[dict[HTTPStatus, str]] = {
    HTTPStatus.UNAUTHORIZED: "no identity is proved, or a wrong one",
    HTTPStatus.FORBIDDEN: "the role, the standing or a denied access does not allow it",
    HTTPStatus.NOT_FOUND: "does not exist, or not for this caller",
    HTTPStatus.CONFLICT: "does not fit what stands already, or the contract refused it",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than the gateway takes",
    HTTPStatus.UNPROCESSABLE_ENTITY: "malformed, or contradicts what was signed",
    HTTPStatus.SERVICE_UNAVAILABLE: "the ledger or the vault does not answer; nothing is decided, try again",
}


def complete_document(app: FastAPI) -> None:
    """Lets the OpenAPI document say how callers of each route prove who they are, and what else it may answer."""
    undocumented = app.openapi

    def documented() -> dict[str, Any]:
        schema = undocumented()
        schema.setdefault("components", {})["securitySchemes"] = SCHEMES
        for route in all_routes(app.routes):
            policy = policy_of(route) if isinstance(route, APIRoute) else None
            if policy is None or not isinstance(route, APIRoute):
                continue
            for method in route.methods or ():
                operation = schema["paths"].get(route.path_format, {}).get(method.lower())
                if operation is not None:
                    _complete(operation, policy)
        return schema

    app.openapi = documented  # type: ignore[method-assign]  # the way FastAPI documents for extending its document


def _complete(operation: dict[str, Any], policy: Policy) -> None:
    ways = sorted({_PROVED_BY[role] for role in policy.roles if role in _PROVED_BY})
    operation["security"] = [{way: []} for way in ways]
    answers = operation["responses"]
    schema = next(iter(answers["default"]["content"].values()))
    answers["default"]["content"] = {MEDIA_TYPE: schema}
    for status in _problems(operation, identified=bool(ways)):
        answers[str(int(status))] = {"description": _TELLS[status], "content": {MEDIA_TYPE: schema}}


def _problems(operation: dict[str, Any], *, identified: bool) -> list[HTTPStatus]:
    """Gives the statuses that callers of a route have to expect."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    found = [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE] if identified else []
    if "path" in places:
        found.append(HTTPStatus.NOT_FOUND)
    if "requestBody" in operation:
        found += [HTTPStatus.REQUEST_ENTITY_TOO_LARGE, *([HTTPStatus.CONFLICT] if identified else [])]
    if places or "requestBody" in operation:
        found.append(HTTPStatus.UNPROCESSABLE_ENTITY)
    return sorted(found)
