"""Kept requests: stored before they are sent, so that a crash at any step is harmless. The ``Outbox`` port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, insert, tuple_
from sqlmodel import col, delete, select, update

from consentry.core.terms import AccessRequest, Address, ConsentId, RequestBatch
from consentry.crypto.framing import uint256
from consentry.errors import ConflictError
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest, Wanted
from consentry.vault.database import Database
from consentry.vault.tables import KeptBatch, KeptRequest, RequestState


def _now() -> int:
    return int(time.time())


_Key = tuple[bytes, bytes]


class RequestOutbox:
    """Access requests that must be decided exactly once; concurrent calls share a transaction."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._clock = clock
        self._keeping = database.commits.kind(self._keep_all)
        self._forgetting = database.commits.kind(_forget_all)
        self._settling = database.commits.kind(self._settle_all)
        self._dropping = database.commits.kind(_drop_all)
        self._keeping_batches = database.commits.kind(self._keep_batches)

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
        await self._forgetting.submit((*_key_of(item), _encode(item)))

    async def unsettled(self) -> Sequence[StoredRequest]:
        """All requests that were kept and not settled, oldest first."""
        waiting = col(KeptRequest.state) == RequestState.RECEIVED.value
        order = col(KeptRequest.created_at), col(KeptRequest.request_id)
        async with self._database.reading() as session:
            rows = (await session.exec(select(KeptRequest).where(waiting).order_by(*order))).all()
        return [_decode(row.payload) for row in rows]

    async def is_waiting(self, institution: Address, request_id: int) -> bool:
        """Tells whether a request was kept and not settled."""
        state = select(col(KeptRequest.state)).where(tuple_(*_KEY).in_([_key(institution, request_id)]))
        async with self._database.reading() as session:
            return (await session.exec(state)).one_or_none() == RequestState.RECEIVED.value

    async def keep_batch(self, batch: StoredBatch) -> None:
        """Stores a batch durably; the same again changes nothing, other proofs or another signature replace the former.

        Raises:
            VaultUnavailableError: the database does not answer; the batch must not be sent.
        """
        await self._keeping_batches.submit(batch)

    async def drop_batch(self, batch: StoredBatch) -> None:
        """Drops a batch whose requests were all answered; one kept in its place meanwhile stays."""
        await self._dropping.submit((bytes(batch.batch.institution), batch.batch.root, _encode_batch(batch)))

    async def batches(self) -> Sequence[StoredBatch]:
        """All batches that were kept and not dropped, oldest first."""
        async with self._database.reading() as session:
            rows = (
                await session.exec(select(KeptBatch).order_by(col(KeptBatch.created_at), col(KeptBatch.root)))
            ).all()
        return [_decode_batch(row) for row in rows]

    def _keep_all(self, connection: Connection, items: Sequence[StoredRequest]) -> list[Exception | None]:
        now, results = self._clock(), list[Exception | None]()
        wanted = tuple_(*_KEY).in_([_key_of(item) for item in items])
        found = connection.execute(select(*_KEY, col(KeptRequest.payload)).where(wanted))
        kept = {(institution, number): _decode(payload) for institution, number, payload in found}
        there, new = set(kept), dict[_Key, StoredRequest]()
        for item in items:
            known = kept.setdefault(key := _key_of(item), item)
            results.append(None if known.request == item.request else _conflict(item))
            if known is item or (known.request == item.request and known != item):
                kept[key] = new[key] = item
        if replaced := there & set(new):
            connection.execute(delete(KeptRequest).where(tuple_(*_KEY).in_(list(replaced))))
        if new:
            connection.execute(insert(KeptRequest), [_row(key, item, now) for key, item in new.items()])
        return results

    def _keep_batches(self, connection: Connection, batches: Sequence[StoredBatch]) -> list[Exception | None]:
        now = self._clock()
        for kept in batches:
            mine = col(KeptBatch.institution) == bytes(kept.batch.institution), col(KeptBatch.root) == kept.batch.root
            payload = _encode_batch(kept)
            if not connection.execute(update(KeptBatch).where(*mine).values(payload=payload)).rowcount:
                row = {"institution": bytes(kept.batch.institution), "root": kept.batch.root, "size": kept.batch.size}
                connection.execute(insert(KeptBatch), [{**row, "payload": payload, "created_at": now}])
        return [None] * len(batches)

    def _settle_all(self, connection: Connection, keys: Sequence[_Key]) -> list[Exception | None]:
        decided = update(KeptRequest).where(tuple_(*_KEY).in_(keys)).values(state=RequestState.DECIDED.value)
        connection.execute(decided)
        return [None] * len(keys)


_KEY = col(KeptRequest.institution), col(KeptRequest.request_id)
_BATCH = col(KeptBatch.institution), col(KeptBatch.root), col(KeptBatch.payload)


def _forget_all(connection: Connection, rows: Sequence[tuple[bytes, bytes, str]]) -> list[None]:
    connection.execute(delete(KeptRequest).where(tuple_(*_KEY, col(KeptRequest.payload)).in_(rows)))
    return [None] * len(rows)


def _drop_all(connection: Connection, rows: Sequence[tuple[bytes, bytes, str]]) -> list[None]:
    connection.execute(delete(KeptBatch).where(tuple_(*_BATCH).in_(rows)))
    return [None] * len(rows)


def _key_of(item: StoredRequest) -> _Key:
    return _key(item.request.institution, item.request.request_id)


def _key(institution: Address, request_id: int) -> _Key:
    return bytes(institution), uint256(request_id)


def _row(key: _Key, item: StoredRequest, now: int) -> dict[str, Any]:
    state = RequestState.RECEIVED.value
    return {"institution": key[0], "request_id": key[1], "payload": _encode(item), "state": state, "created_at": now}


def _conflict(item: StoredRequest) -> ConflictError:
    return ConflictError(f"content of request {item.request.request_id} does not match the one received before")


_NAMES = tuple(field.name for field in fields(AccessRequest))
_NUMBERS = frozenset(field.name for field in fields(AccessRequest) if field.type == "int")


def _encode(item: StoredRequest) -> str:
    return json.dumps(
        {
            "request": _request_json(item.request),
            "signature": item.signature.hex(),
            "consent_id": item.consent_id.hex(),
            "scope_proof": [node.hex() for node in item.scope_proof],
        },
        sort_keys=True,
    )


def _decode(payload: str) -> StoredRequest:
    kept = json.loads(payload)
    return StoredRequest(
        request=_request_of(kept["request"]),
        signature=bytes.fromhex(kept["signature"]),
        consent_id=ConsentId(bytes.fromhex(kept["consent_id"])),
        scope_proof=tuple(bytes.fromhex(node) for node in kept["scope_proof"]),
    )


def _encode_batch(batch: StoredBatch) -> str:
    items = [
        {"request": _request_json(item.request), "scope_proof": [node.hex() for node in item.scope_proof]}
        for item in batch.items
    ]
    return json.dumps({"items": items, "signature": batch.signature.hex()}, sort_keys=True)


def _decode_batch(row: KeptBatch) -> StoredBatch:
    kept = json.loads(row.payload)
    items = tuple(
        Wanted(_request_of(item["request"]), tuple(bytes.fromhex(node) for node in item["scope_proof"]))
        for item in kept["items"]
    )
    batch = RequestBatch(Address(row.institution), row.root, row.size)
    return StoredBatch(batch, items, bytes.fromhex(kept["signature"]))


def _request_json(request: AccessRequest) -> dict[str, Any]:
    return {name: getattr(request, name) if name in _NUMBERS else getattr(request, name).hex() for name in _NAMES}


def _request_of(kept: dict[str, Any]) -> AccessRequest:
    members: dict[str, Any] = {
        name: value if name in _NUMBERS else bytes.fromhex(value) for name, value in kept.items()
    }
    return AccessRequest(**members)
