"""Kept requests: stored before they are sent, so that a crash at any step is harmless. The ``Outbox`` port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import insert, tuple_
from sqlmodel import col, delete, select, update

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

        The same request with another signature or proof takes the place of the former and waits anew: the former may
        have been rejected, and a passkey never signs twice alike.

        Raises:
            ConflictError: the institution used this request id for another request.
            VaultUnavailableError: the database does not answer; the request must not be sent.
        """
        await self._keeping.submit(item)

    async def settle(self, institution: Address, request_id: int) -> None:
        """Marks a request as decided; one that is not there changes nothing."""
        await self._settling.submit(_key(institution, request_id))

    async def forget(self, item: StoredRequest) -> None:
        """Drops a request about which nothing was decided: its id is free. One kept in its place meanwhile stays."""
        mine = tuple_(*_KEY, col(KeptRequest.payload)).in_([(*_key_of(item), _encode(item))])
        async with self._database.writing() as session:
            await session.exec(delete(KeptRequest).where(mine))

    async def unsettled(self) -> Sequence[StoredRequest]:
        """All requests that were kept and not settled, oldest first."""
        waiting = col(KeptRequest.state) == RequestState.RECEIVED.value
        order = col(KeptRequest.created_at), col(KeptRequest.request_id)
        async with self._database.reading() as session:
            rows = (await session.exec(select(KeptRequest).where(waiting).order_by(*order))).all()
        return [_decode(row.payload) for row in rows]

    async def _keep_all(self, items: Sequence[StoredRequest]) -> list[Exception | None]:
        now, results = self._clock(), list[Exception | None]()
        async with self._database.writing() as session:
            wanted = tuple_(*_KEY).in_([_key_of(item) for item in items])
            found = await session.exec(select(*_KEY, col(KeptRequest.payload)).where(wanted))
            kept = {(institution, number): _decode(payload) for institution, number, payload in found}
            new: dict[_Key, StoredRequest] = {}
            for item in items:
                known = kept.setdefault(key := _key_of(item), item)
                results.append(None if known.request == item.request else _conflict(item))
                if known is item or (known.request == item.request and known != item):
                    kept[key] = new[key] = item
            if new:
                await session.exec(delete(KeptRequest).where(tuple_(*_KEY).in_(list(new))))
                await session.exec(insert(KeptRequest), params=[_row(key, item, now) for key, item in new.items()])
        return results

    async def _settle_all(self, keys: Sequence[_Key]) -> list[Exception | None]:
        decided = update(KeptRequest).where(tuple_(*_KEY).in_(keys)).values(state=RequestState.DECIDED.value)
        async with self._database.writing() as session:
            await session.exec(decided)
        return [None] * len(keys)


_KEY = col(KeptRequest.institution), col(KeptRequest.request_id)


def _key_of(item: StoredRequest) -> _Key:
    return _key(item.request.institution, item.request.request_id)


def _key(institution: Address, request_id: int) -> _Key:
    return bytes(institution), uint256(request_id)


def _row(key: _Key, item: StoredRequest, now: int) -> dict[str, Any]:
    state = RequestState.RECEIVED.value
    return {"institution": key[0], "request_id": key[1], "payload": _encode(item), "state": state, "created_at": now}


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
