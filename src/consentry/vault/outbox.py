"""Kept requests: stored before they are sent, so that a crash at any step is harmless. The ``Outbox`` port."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select, update

from consentry.core.terms import AccessRequest, ConsentId
from consentry.crypto.framing import uint256
from consentry.errors import ConflictError
from consentry.gateway.ports import StoredRequest
from consentry.vault.tables import KeptRequest, RequestState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consentry.core.terms import Address
    from consentry.vault.database import Database


def _now() -> int:
    return int(time.time())


class RequestOutbox:
    """Access requests that must be decided exactly once."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, item: StoredRequest) -> None:
        """Store a request durably; the same again changes nothing.

        Raises:
            ConflictError: The institution used this request id with other content.
            VaultUnavailableError: The database does not answer; the request must not be sent.
        """
        payload = _encode(item)
        key = (bytes(item.request.institution), uint256(item.request.request_id))
        async with self._database.writing() as session:
            row = await session.get(KeptRequest, key)
            if row is None:
                session.add(
                    KeptRequest(
                        institution=key[0],
                        request_id=key[1],
                        payload=payload,
                        state=RequestState.RECEIVED.value,
                        created_at=self._clock(),
                    )
                )
            elif row.payload != payload:
                raise ConflictError(
                    f"content of request {item.request.request_id} does not match the one received before"
                )

    async def settle(self, institution: Address, request_id: int) -> None:
        """Mark a request as decided; one that is not there changes nothing."""
        mine = col(KeptRequest.institution) == bytes(institution), col(KeptRequest.request_id) == uint256(request_id)
        async with self._database.writing() as session:
            await session.exec(update(KeptRequest).where(*mine).values(state=RequestState.DECIDED.value))

    async def unsettled(self) -> Sequence[StoredRequest]:
        """All requests that were kept and not settled, oldest first."""
        waiting = col(KeptRequest.state) == RequestState.RECEIVED.value
        order = col(KeptRequest.created_at), col(KeptRequest.request_id)
        async with self._database.reading() as session:
            rows = (await session.exec(select(KeptRequest).where(waiting).order_by(*order))).all()
        return [_decode(row.payload) for row in rows]


_NUMBERS = frozenset(field.name for field in fields(AccessRequest) if field.type == "int")


def _encode(item: StoredRequest) -> str:
    request = {name: value if name in _NUMBERS else value.hex() for name, value in asdict(item.request).items()}
    return json.dumps(
        {
            "request": request,
            "signature": item.signature.hex(),
            "consent_id": item.consent_id.hex(),
            "scope_proof": [node.hex() for node in item.scope_proof],
        },
        sort_keys=True,
    )


def _decode(payload: str) -> StoredRequest:
    kept = json.loads(payload)
    request: dict[str, Any] = {
        name: value if name in _NUMBERS else bytes.fromhex(value) for name, value in kept["request"].items()
    }
    return StoredRequest(
        request=AccessRequest(**request),
        signature=bytes.fromhex(kept["signature"]),
        consent_id=ConsentId(bytes.fromhex(kept["consent_id"])),
        scope_proof=tuple(bytes.fromhex(node) for node in kept["scope_proof"]),
    )
