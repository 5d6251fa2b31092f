"""Kept requests: stored before they are sent, so that a crash at any step is harmless. The ``Outbox`` port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import insert, tuple_
from sqlmodel import col, select, update

from consentry.core.terms import AccessRequest, Address, ConsentId
from consentry.crypto.framing import uint256
from consentry.errors import ConflictError
from consentry.gateway.ports import StoredRequest
from consentry.vault.batching import Batcher
from consentry.vault.database import Database
from consentry.vault.tables import KeptRequest, RequestState


def _now() -> int:
    return int(time.time())


_Key = tuple[bytes, bytes]


class RequestOutbox:
    """Access requests that must be decided exactly once; concurrent calls share a transaction."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._clock = clock
        self._keeping = Batcher(self._keep_all)
        self._settling = Batcher(self._settle_all)

    async def keep(self, item: StoredRequest) -> None:
        """Stores a request durably; the same again changes nothing.

        Raises:
            ConflictError: the institution used this request id with other content.
            VaultUnavailableError: the database does not answer; the request must not be sent.
        """
        await self._keeping.submit(item)

    async def settle(self, institution: Address, request_id: int) -> None:
        """Marks a request as decided; one that is not there changes nothing."""
        await self._settling.submit(_key(institution, request_id))

    async def unsettled(self) -> Sequence[StoredRequest]:
        """All requests that were kept and not settled, oldest first."""
        waiting = col(KeptRequest.state) == RequestState.RECEIVED.value
        order = col(KeptRequest.created_at), col(KeptRequest.request_id)
        async with self._database.reading() as session:
            rows = (await session.exec(select(KeptRequest).where(waiting).order_by(*order))).all()
        return [_decode(row.payload) for row in rows]

    async def _keep_all(self, items: Sequence[StoredRequest]) -> list[Exception | None]:
        now = self._clock()
        keys = [_key(item.request.institution, item.request.request_id) for item in items]
        payloads = [_encode(item) for item in items]
        async with self._database.writing() as session:
            columns = col(KeptRequest.institution), col(KeptRequest.request_id), col(KeptRequest.payload)
            found = await session.exec(select(*columns).where(_COLUMNS.in_(keys)))
            kept: dict[_Key, str] = {(institution, number): payload for institution, number, payload in found}
            new: dict[_Key, str] = {}
            for key, payload in zip(keys, payloads, strict=True):
                if key not in kept:
                    kept[key] = new[key] = payload
            if new:
                await session.exec(
                    insert(KeptRequest), params=[_row(key, payload, now) for key, payload in new.items()]
                )
        return [
            None if kept[key] == payload else _conflict(item)
            for item, key, payload in zip(items, keys, payloads, strict=True)
        ]

    async def _settle_all(self, keys: Sequence[_Key]) -> list[Exception | None]:
        decided = update(KeptRequest).where(_COLUMNS.in_(keys)).values(state=RequestState.DECIDED.value)
        async with self._database.writing() as session:
            await session.exec(decided)
        return [None] * len(keys)


_COLUMNS = tuple_(col(KeptRequest.institution), col(KeptRequest.request_id))


def _key(institution: Address, request_id: int) -> _Key:
    return bytes(institution), uint256(request_id)


def _row(key: _Key, payload: str, now: int) -> dict[str, Any]:
    state = RequestState.RECEIVED.value
    return {"institution": key[0], "request_id": key[1], "payload": payload, "state": state, "created_at": now}


def _conflict(item: StoredRequest) -> ConflictError:
    return ConflictError(f"content of request {item.request.request_id} does not match the one received before")


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
