"""Who may call what. Every route declares one policy; an application with a route that does not refuses to start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from consentry.api.context import context_of
from consentry.api.sessions import Sessions
from consentry.core.codes import Standing
from consentry.core.terms import Address, SubjectId
from consentry.crypto.sign_in import SignedRequest, body_sha256, parse_content_digest, parse_signature_header
from consentry.crypto.signing import ACCOUNT_SIZE, verify
from consentry.errors import ConfigurationError, NotAuthenticError, NotFoundError, NotPermittedError
from consentry.gateway.context import Context

SIGNATURE_HEADER: Final = "Consentry-Signature"
DIGEST_HEADER: Final = "Content-Digest"


class Role(StrEnum):
    """Kinds of callers."""

    ANYONE = "anyone"
    SIGNER = "signer"
    INSTITUTION = "institution"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an institution by its address, a signed-in signer, an authority with its region, or nobody known."""

    role: Role
    signer: bytes = b""
    institution: Address | None = None
    region: int = 0

    @property
    def name(self) -> str:
        """Gives a key for what is kept per caller."""
        return f"{self.role}:{(self.institution or self.signer).hex()}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Lets some roles through. Used as the route's dependency, it gives the caller.

    Raises:
        NotAuthenticError: the caller proves no identity, or a wrong one.
        NotPermittedError: the caller is somebody, but of no role that may do this.
    """

    roles: frozenset[Role]
    streams_body: bool = False

    async def __call__(self, request: Request) -> Caller:
        """Finds out who calls."""
        if Role.ANYONE in self.roles:
            return Caller(Role.ANYONE)
        context = context_of(request)
        if SIGNATURE_HEADER in request.headers:
            caller = await _institution(request, context, streams_body=self.streams_body)
        else:
            caller = await _signed_in(request, context)
        if caller.role == Role.AUTHORITY and Role.AUTHORITY not in self.roles and Role.SIGNER in self.roles:
            return Caller(Role.SIGNER, caller.signer)
        if caller.role not in self.roles:
            raise NotPermittedError("this kind of caller may not do this")
        return caller


def sessions_of(request: Request) -> Sessions:
    """Gives the sessions of the application a request came to."""
    return cast("Sessions", request.app.state.sessions)


async def _signed_in(request: Request, context: Context) -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticError("no identity was proved")
    signer = sessions_of(request).find(token).signer
    if len(signer) == ACCOUNT_SIZE:
        region = await context.projection.authority_region(Address(signer))
        if region is not None:
            return Caller(Role.AUTHORITY, signer, region=region)
    return Caller(Role.SIGNER, signer)


async def _institution(request: Request, context: Context, *, streams_body: bool) -> Caller:
    address, created, nonce, signature = parse_signature_header(request.headers[SIGNATURE_HEADER])
    institution = await context.projection.institution(address)
    if institution is None or institution.standing == Standing.NONE:
        raise NotAuthenticError("institution is not known")
    digest = parse_content_digest(request.headers.get(DIGEST_HEADER, ""))
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    signed = SignedRequest(address, request.method, context.authority, target, digest, created, nonce)
    verify(institution.signer, signed.digest(), signature, context.verifiers)
    if not streams_body and body_sha256(await request.body()) != digest:
        raise NotAuthenticError("body does not match its signed digest")
    sessions_of(request).spend_nonce(address, nonce, created)
    return Caller(Role.INSTITUTION, institution.signer, address)


PUBLIC: Final = Policy(frozenset({Role.ANYONE}))
SIGNER: Final = Policy(frozenset({Role.SIGNER}))
INSTITUTION: Final = Policy(frozenset({Role.INSTITUTION}))
INSTITUTION_UPLOAD: Final = Policy(frozenset({Role.INSTITUTION}), streams_body=True)
AUTHORITY: Final = Policy(frozenset({Role.AUTHORITY}))
MEMBER: Final = Policy(frozenset({Role.SIGNER, Role.INSTITUTION, Role.AUTHORITY}))
SUBJECT_SIDE: Final = Policy(frozenset({Role.SIGNER, Role.INSTITUTION}))


def policy_of(route: APIRoute) -> Policy | None:
    """Gives the policy a route declares, None if it declares none."""
    found = [d.call for d in _all_dependencies(route.dependant) if isinstance(d.call, Policy)]
    return found[0] if len(found) == 1 else None


def _all_dependencies(dependant: Dependant) -> list[Dependant]:
    return [inner for d in dependant.dependencies for inner in (d, *_all_dependencies(d))]


def all_routes(routes: Sequence[object]) -> list[APIRoute]:
    """Gives every route of an application, those of included routers too."""
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif (inner := getattr(route, "original_router", None)) is not None:
            found.extend(all_routes(inner.routes))
    return found


def demand_policies(app: FastAPI) -> None:
    """Refuses an application with an open route.

    Raises:
        ConfigurationError: a route declares no policy, or more than one.
    """
    open_routes = [r.path for r in all_routes(app.routes) if policy_of(r) is None]
    if open_routes:
        raise ConfigurationError(f"routes declare no policy: {', '.join(sorted(open_routes))}")


async def subject_seen_by(context: Context, caller: Caller, subject_id: SubjectId) -> None:
    """Lets the subject's signer and its custodian see what concerns the subject; for all others it does not exist.

    Raises:
        NotFoundError: no such subject, or not the caller's.
    """
    subject = await context.projection.subject(subject_id)
    own = subject is not None and (
        (caller.role == Role.SIGNER and caller.signer == subject.signer)
        or (caller.role == Role.INSTITUTION and caller.institution == subject.custodian)
    )
    if not own:
        raise NotFoundError("subject is not known")
