"""Desks that are wrong in one place, for more than one suite to find."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from consentry.core.terms import AccessRequest
from consentry.gateway.access import Access, AccessDesk


@dataclass(frozen=True, slots=True)
class ReleasesBehind(AccessDesk):
    """Releases the key of a decision that came after its caller had stopped waiting."""

    async def request_within(  # type: ignore[override]  # waits longer behind the caller's back
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access | None:
        whole = asyncio.create_task(AccessDesk.request_within(self, None, request, signature, scope_proof))
        done, _ = await asyncio.wait({whole}, timeout=seconds)
        return whole.result() if done else None
