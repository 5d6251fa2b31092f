"""Who may call what. Every route declares one policy; an application with a route that does not refuses to start.

A policy decides by role. Which objects a role may see is decided in the route, by `subject_seen_by` and its like; what
is absent and what is another's give the same answer there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from consentry.api.context import context_of
from consentry.api.sessions import Sessions
from consentry.core.codes import Standing
from consentry.core.terms import Address, ConsentTerms, SubjectId
from consentry.crypto.sign_in import (
    BOUND_HEADERS,
    SignedRequest,
    body_sha256,
    parse_content_digest,
    parse_signature_header,
)
from consentry.crypto.signing import ACCOUNT_SIZE, verify
from consentry.errors import ConfigurationError, NotAuthenticError, NotFoundError, NotPermittedError
from consentry.gateway.context import Context
from consentry.gateway.guardians import GuardedSubject, guarded_subject

SIGNATURE_HEADER: Final = "Consentry-Signature"
DIGEST_HEADER: Final = "Content-Digest"
WINDOW_SECONDS: Final = 60
"""A signed HTTP request may be this old, or this far ahead of the gateway's clock."""
DOCUMENTATION: Final = frozenset({"/openapi.json", "/docs", "/docs/oauth2-redirect"})
"""Routes of the framework itself; they tell the interface and nothing else."""


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
    standing: Standing = Standing.NONE
    region: int = 0

    @property
    def name(self) -> str:
        """Gives a key for what is kept per caller."""
        return f"{self.role}:{(self.institution or self.signer).hex()}"

    def check_active(self) -> None:
        """Checks that an institution is not suspended.

        Raises:
            NotPermittedError: it is.
        """
        if self.standing != Standing.ACTIVE:
            raise NotPermittedError(f"standing of the institution does not match (got {self.standing.name})")


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
        caller = await self._caller(request)
        request.state.role = caller.role.value
        return caller

    async def _caller(self, request: Request) -> Caller:
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


def bearer_token(request: Request) -> str:
    """Gives the session token of a request.

    Raises:
        NotAuthenticError: there is none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticError("no identity was proved")
    return token


async def _signed_in(request: Request, context: Context) -> Caller:
    signer = sessions_of(request).find(bearer_token(request)).signer
    if len(signer) == ACCOUNT_SIZE:
        region = await context.projection.authority_region(Address(signer))
        if region is not None:
            return Caller(Role.AUTHORITY, signer, region=region)
    return Caller(Role.SIGNER, signer)


async def _institution(request: Request, context: Context, *, streams_body: bool) -> Caller:
    address, created, nonce, signature = parse_signature_header(request.headers[SIGNATURE_HEADER])
    digest = parse_content_digest(request.headers.get(DIGEST_HEADER, ""))
    host, now = request.headers.get("Host", ""), sessions_of(request).now()
    if host not in context.hosts:
        raise NotAuthenticError("host of the signed request does not match this gateway's")
    if abs(now - created) > WINDOW_SECONDS:
        raise NotAuthenticError(f"time of the signed request does not match (got {created}, expected about {now})")
    institution = await context.projection.institution(address)
    if institution is None:
        raise NotAuthenticError("institution is not known")
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # A header that came twice is none of those that were signed.
    bound = tuple(", ".join(request.headers.getlist(name)) for name in BOUND_HEADERS)
    signed = SignedRequest(address, request.method, host, target, digest, created, nonce, bound)
    verify(institution.signer, signed.digest(), signature, context.verifiers)
    if not streams_body and body_sha256(await request.body()) != digest:
        raise NotAuthenticError("body does not match its signed digest")
    await context.nonces.spend(address, nonce, created + 2 * WINDOW_SECONDS)
    return Caller(Role.INSTITUTION, institution.signer, address, institution.standing)


PUBLIC: Final = Policy(frozenset({Role.ANYONE}))
SIGNER: Final = Policy(frozenset({Role.SIGNER}))
INSTITUTION: Final = Policy(frozenset({Role.INSTITUTION}))
INSTITUTION_UPLOAD: Final = Policy(frozenset({Role.INSTITUTION}), streams_body=True)
INSTITUTION_OR_AUTHORITY: Final = Policy(frozenset({Role.INSTITUTION, Role.AUTHORITY}))
AUTHORITY: Final = Policy(frozenset({Role.AUTHORITY}))
MEMBER: Final = Policy(frozenset({Role.SIGNER, Role.INSTITUTION, Role.AUTHORITY}))
SUBJECT_SIDE: Final = Policy(frozenset({Role.SIGNER, Role.INSTITUTION}))


def policy_of(route: APIRoute) -> Policy | None:
    """Gives the policy a route declares, None if it declares none or several."""
    found = [d.call for d in _all_dependencies(route.dependant) if isinstance(d.call, Policy)]
    return found[0] if len(found) == 1 else None


def _all_dependencies(dependant: Dependant) -> list[Dependant]:
    return [inner for d in dependant.dependencies for inner in (d, *_all_dependencies(d))]


def all_routes(routes: Sequence[object]) -> Iterator[object]:
    """Gives every route of an application, those of included routers and mounts too."""
    for route in routes:
        inner = getattr(route, "original_router", None) or (None if isinstance(route, APIRoute) else route)
        nested = getattr(inner, "routes", None)
        if nested:
            yield from all_routes(nested)
        else:
            yield route


def demand_policies(app: FastAPI) -> None:
    """Refuses an application with an open route, of whatever kind.

    Raises:
        ConfigurationError: a route declares no policy, or more than one.
    """
    open_routes = []
    for route in all_routes(app.routes):
        path = str(getattr(route, "path", repr(route)))
        declared = policy_of(route) if isinstance(route, APIRoute) else None
        if declared is None and (isinstance(route, APIRoute) or path not in DOCUMENTATION):
            open_routes.append(path)
    if open_routes:
        raise ConfigurationError(f"routes declare no policy: {', '.join(sorted(open_routes))}")


def check_custodian(context: Context, caller: Caller) -> None:
    """Lets this gateway's own institution through, and authorities where the policy does.

    Raises:
        NotPermittedError: the caller is another institution, or suspended.
    """
    if caller.role == Role.INSTITUTION:
        caller.check_active()
        if caller.institution != context.custodian:
            raise NotPermittedError("only this gateway's own institution may do this")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees of a subject: its own side all, a guardian not what is a shielded minor's own."""

    guarded: GuardedSubject | None = None
    now: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is kept from the caller."""
        return self.guarded is None or not self.guarded.facts.is_shielded_minor(self.now)

    def shows_terms(self, terms: ConsentTerms) -> bool:
        """Tells whether the caller sees a consent."""
        return self.guarded is None or not self.guarded.keeps_from_guardians(terms, self.now)


def check_institution_seen_by(caller: Caller, institution: bytes) -> None:
    """Checks that an institution asks about itself, or that an authority asks.

    Raises:
        NotFoundError: neither is so.
    """
    if caller.role != Role.AUTHORITY and caller.institution != institution:
        raise NotFoundError("institution is not known")


async def subject_seen_by(context: Context, caller: Caller, subject_id: SubjectId, clock: int) -> Sight:
    """Lets the subject's signer, its custodian, and guardians who may see what concerns the subject; no others.

    Args:
        context: the gateway's parts.
        caller: who asks.
        subject_id: about whom; for all others it does not exist.
        clock: the gateway's time in seconds since the epoch.

    Raises:
        NotFoundError: no such subject, or not the caller's.
        NotPermittedError: the caller is an institution that is suspended; it sees nothing of any subject.
    """
    if caller.role == Role.INSTITUTION:
        caller.check_active()
    subject = await context.projection.subject(subject_id)
    if subject is not None:
        if caller.role == Role.INSTITUTION and caller.institution == subject.custodian:
            return Sight()
        if caller.role == Role.SIGNER:
            if caller.signer == subject.signer:
                return Sight()
            # Without new blocks the time of the chain stands still, and an appointment would seem to last.
            now = max((await context.ledger.head()).time, clock)
            guarded = await guarded_subject(context.projection, subject_id)
            if guarded is not None and guarded.sees(caller.signer, now):
                return Sight(guarded, now)
    raise NotFoundError("subject is not known")
