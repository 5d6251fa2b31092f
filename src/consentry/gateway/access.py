"""Log, then release: the one way a data key leaves the vault (promises P2, P4, P5).

`AccessDesk.request_within` is to be read from top to bottom; each line may be the last before a crash, and nothing is
lost or released wrongly then. The vault takes a `FinalReceipt`, which only the ledger room can make, and the last look
at head: it writes the release down, looks, and unwraps at once.

`AccessDesk.request_batch` is the same for many requests under one signature: they are kept and decided together, and
released one by one, each after a last look of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, overload

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.codes import Reason
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Address, Material, RequestBatch
from consentry.core.typed_data import consent_id, digest, record_id, struct_hash
from consentry.crypto.keywrap import release_key_hash
from consentry.crypto.signing import Verifiers, verify
from consentry.errors import (
    ConflictError,
    ConsentryError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotFoundError,
    OverloadError,
)
from consentry.gateway.last_look import check_still_in_force, denied, machine_time
from consentry.gateway.outbox_ports import Outbox, StoredBatch, StoredRequest, Wanted
from consentry.gateway.patience import Behind
from consentry.gateway.ports import ConsentView, Ledger, RecordView, ReleasedKey, Vault
from consentry.gateway.remembered import Facts, Remembered
from consentry.gateway.together import all_of, batch_over, check_count, each

NOTHING_DECIDED: Final = (
    *(NotAuthenticError, ConflictError, NotFoundError, InvalidInputError, LedgerRejectedError),
    OverloadError,
)
"""Of what ends so nothing was decided, and nothing will be unless it is sent again."""

Found = tuple[RecordView, Material]
_Key = tuple[Address, int | bytes]
"""An institution with the id of a request, or with the root of a batch."""


@dataclass(frozen=True, slots=True)
class Access:
    """A permitted access: the decision, the record, and the key wrapped for the requester."""

    receipt: FinalReceipt
    record: RecordView
    key: ReleasedKey


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """The parts an access passes through; one desk a gateway.

    ``clock`` gives the time in seconds since the epoch; only tests have another than the machine's.
    """

    ledger: Ledger
    projection: Facts
    vault: Vault
    outbox: Outbox
    custodian: Address
    verifiers: Verifiers
    clock: Callable[[], int] = machine_time
    _under_way: Counter[_Key] = field(default_factory=Counter)
    _behind: Behind = field(default_factory=Behind)
    _looks: dict[Address, _Look] = field(default_factory=dict)

    async def request(self, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()) -> Access:
        """Has a request decided on chain, and releases the key only if the chain said yes.

        Calling it again with the same request gives the same decision.

        Raises:
            AccessDeniedError: the contract denied, and logged it, or the consent ended since, or the institution was
                suspended; ``details`` carry reason and receipt.
            InvalidInputError: signature or proof is longer than any that is needed; nothing was decided.
            NotAuthenticError: signature or material is wrong; nothing was decided.
            NotFoundError: no such record, or no such consent, here; nothing was decided.
            ConflictError: the request id was used for another request, or its decision is older than the lease, or the
                request expired since: ask anew under a new id.
            LedgerUnavailableError: not known whether it was decided; ask again with the same request.
            OverloadError: too many wait; nothing was kept.
        """
        return await self.request_within(None, request, signature, scope_proof)

    @overload
    async def request_within(
        self, seconds: None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access: ...

    @overload
    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access | None: ...

    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access | None:
        """Does `request`, unless the decision is not final within so many seconds; raises what `request` raises.

        Args:
            seconds: how long the caller waits for the decision; ``None`` for as long as it takes.
            request: what is asked for.
            signature: of the institution over the request.
            scope_proof: that the record is one of those its consent names; empty where it is the only one.

        Returns:
            None if it is not: the request is kept and goes on being decided. No key is released for it until the
            institution asks again with the same request.
        """
        _check_size(signature, scope_proof)
        await self._check_signed(request, signature)
        found = await self._material(request, scope_proof)
        # Before it is kept, and before anybody is told that it is.
        self.ledger.check_room(request.institution, 1)
        with ExitStack() as mark:
            mark.enter_context(self._marked(request.institution, request.request_id))
            await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
            deciding = self._decided(request, signature, found[1])
            receipt = await self._behind.within(seconds, deciding, mark.pop_all().close)
        return None if receipt is None else await self._released(found, receipt)

    async def is_waiting(self, institution: Address, request_id: int) -> bool:
        """Tells whether a request is kept and nothing is known of its decision yet."""
        return bool(self._under_way[institution, request_id]) or await self.outbox.is_waiting(institution, request_id)

    async def request_each(self, signed: Sequence[tuple[Wanted, bytes]]) -> list[Access | ConsentryError]:
        """Does `request` for each of some requests that are each signed; gives in their order what came of each.

        Raises:
            InvalidInputError: there are none, or too many.
        """
        check_count(len(signed))
        desk = self._remembering()
        return await each(signed, lambda one: desk.request(one[0].request, one[1], one[0].scope_proof))

    async def request_batch(self, items: Sequence[Wanted], signature: bytes) -> list[Access | ConsentryError]:
        """Has requests decided that their institution signed as a whole, and releases the key of each permitted one.

        Calling it again with the same batch gives the same decisions.

        Returns:
            For each request, in order, the access or why there is none: an error of `request`, of that one alone.

        Raises:
            InvalidInputError: it is no batch of one institution, or what came with it is longer than any that is
                needed, or it may be too much for one transaction; nothing was decided.
            NotAuthenticError: the signature is not over this batch; nothing was decided.
            NotFoundError: a record or a consent is not known here; nothing was decided about any of them.
            LedgerUnavailableError: not known whether they were decided; ask again with the same batch.
        """
        stored = StoredBatch(batch_over(items), tuple(items), signature)
        for item in items:
            _check_size(signature, item.scope_proof)
        await self._check_signed(stored.batch, signature)
        desk = self._remembering()
        found = await desk._materials(stored)  # noqa: SLF001 - this very desk, but for what it remembers
        self.ledger.check_room(stored.batch.institution, len(items))
        with self._marked(stored.batch.institution, stored.batch.root):
            await self.outbox.keep_batch(stored)
            answers = await self._decided_batch(stored, found)
        return await each(list(zip(found, answers, strict=True)), desk._answered)  # noqa: SLF001 - this very desk

    async def resume(self) -> int:
        """Has everything decided that was kept and not settled; releases nothing.

        A request whose answer was lost is looked up first, so that it is not sent twice. What is under way is left.

        Returns:
            How many requests were settled.

        Raises:
            LedgerUnavailableError: the node does not answer; what is left stays kept.
            NotPermittedError: the relay may not pass anything on; what is left stays kept.
        """
        settled = 0
        for item in await self.outbox.unsettled():
            key: _Key = item.request.institution, item.request.request_id
            if not self._under_way[key]:
                # Once more for the call that kept it and may have been told that it goes on.
                with self._marked(*key), self._marked(*key):
                    await self._resume_request(item)
                settled += 1
        for stored in await self.outbox.batches():
            key = stored.batch.institution, stored.batch.root
            if not self._under_way[key]:
                with self._marked(*key), self._marked(*key):
                    await self._resume_batch(stored)
                settled += len(stored.items)
        return settled

    async def _resume_request(self, item: StoredRequest) -> None:
        asked = item.request
        try:
            if await self.ledger.find_decision(asked.institution, asked.request_id) is None:
                _, material = await self._material(asked, item.scope_proof)
                await self._decided(asked, item.signature, material)
            else:
                await self.outbox.settle(asked.institution, asked.request_id)
        except OverloadError:
            raise
        except NOTHING_DECIDED:
            # Nothing can be decided about it, now or later; left kept, it would stand in the way of the others.
            await self.outbox.forget(item)

    async def _resume_batch(self, stored: StoredBatch) -> None:
        ids = [item.request.request_id for item in stored.items]
        try:
            if len(await self.ledger.find_decisions(stored.batch.institution, ids)) < len(ids):
                await self._decided_batch(stored, await self._materials(stored))
            else:
                await self.outbox.drop_batch(stored)
        except OverloadError:
            raise
        except NOTHING_DECIDED:
            await self.outbox.drop_batch(stored)

    @contextmanager
    def _marked(self, institution: Address, name: int | bytes) -> Iterator[None]:
        """Marks a request or a batch as under way, from before it is kept until after it is settled.

        The same may be under way more than once; the last to end takes the mark away.
        """
        self._under_way[institution, name] += 1
        try:
            yield
        finally:
            self._under_way[institution, name] -= 1
            if not self._under_way[institution, name]:
                del self._under_way[institution, name]

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        """Gives the final decision; settles the kept request once the chain has decided it, forgets a rejected one."""
        try:
            receipt = await self.ledger.decide(request, signature, material)
        except NOTHING_DECIDED as error:
            if not self._was_promised(error, request.institution, request.request_id):
                await self.outbox.forget(StoredRequest(request, signature, request.consent_id, material.scope_proof))
            raise
        if not _is_about(receipt, request):
            raise _mixed_up()
        await self.outbox.settle(request.institution, request.request_id)
        return receipt

    def _was_promised(self, error: Exception, institution: Address, name: int | bytes) -> bool:
        """Tells whether what finds no room now was kept for another call, which may have been told that it goes on."""
        return isinstance(error, OverloadError) and self._under_way[institution, name] > 1

    async def _decided_batch(
        self, stored: StoredBatch, found: Sequence[Found]
    ) -> Sequence[FinalReceipt | ConsentryError]:
        """Gives the final decision on each request, or why there is none; drops the kept batch once all is known."""
        requests = [item.request for item in stored.items]
        pairs = [(request, material) for request, (_, material) in zip(requests, found, strict=True)]
        try:
            told = await self.ledger.decide_batch(pairs, stored.signature)
        except NOTHING_DECIDED as error:
            if not self._was_promised(error, stored.batch.institution, stored.batch.root):
                await self.outbox.drop_batch(stored)
            raise
        if len(told) != len(requests):
            raise _mixed_up()
        answers = [
            _mixed_up() if isinstance(answer, FinalReceipt) and not _is_about(answer, request) else answer
            for request, answer in zip(requests, told, strict=True)
        ]
        if not any(isinstance(answer, LedgerUnavailableError) for answer in answers):
            await self.outbox.drop_batch(stored)
        return answers

    async def _answered(self, decided: tuple[Found, FinalReceipt | ConsentryError]) -> Access:
        found, answer = decided
        if isinstance(answer, ConsentryError):
            raise answer
        return await self._released(found, answer)

    async def _released(self, found: Found, receipt: FinalReceipt) -> Access:
        """Releases what was decided with yes; the last look at head comes between the vault's note and its unwrapping.

        Raises:
            AccessDeniedError: the decision was no, or what it rested on ended since.
        """
        if not receipt.permitted:
            raise denied(receipt)
        record, material = found
        release_key, domain = await self._release_key(receipt.entry.request), self.ledger.domain("AccessLedger")
        last_look = partial(self._check_still_in_force, receipt, material)
        key = await self.vault.release(receipt, record.leaf, release_key, domain, last_look)
        return Access(receipt, record, key)

    async def _check_signed(self, signed: AccessRequest | RequestBatch, signature: bytes) -> None:
        """Refuses early what the contract would reject: a wrong signature must not cost a batch its gas."""
        digest_ = digest(self.ledger.domain("AccessLedger"), signed)
        try:
            verify(await self._signer(signed), digest_, signature, self.verifiers)
        except NotAuthenticError:
            # The signer may have been admitted a moment ago.
            await self._catch_up(signed.institution)
            verify(await self._signer(signed), digest_, signature, self.verifiers)

    async def _catch_up(self, institution: Address) -> None:
        """Waits for the projection, once a second for one institution: a wrong signature must cost no call each."""
        look = self._looks.setdefault(institution, _Look())
        async with look.lock:
            if look.at != self.clock():
                await self.projection.wait_for((await self.ledger.head()).number)
                look.at = self.clock()

    async def _signer(self, signed: AccessRequest | RequestBatch) -> bytes:
        institution = await self.projection.institution(signed.institution)
        if institution is None:
            raise NotAuthenticError("institution of the request is not known", reason=Reason.INSTITUTION_UNKNOWN.name)
        return institution.signer

    def _remembering(self) -> AccessDesk:
        """Gives this desk for one call over many requests."""
        return replace(self, projection=Remembered(self.projection))

    async def _materials(self, stored: StoredBatch) -> list[Found]:
        """Finds leaf and terms of every request: one that cannot be submitted keeps the whole batch from it."""
        return all_of(await each(stored.items, lambda item: self._material(item.request, item.scope_proof)))

    async def _material(self, request: AccessRequest, proof: tuple[bytes, ...]) -> Found:
        """Finds leaf and terms; what cannot be submitted, or not be served, is refused before anything is kept."""
        known = await self._known(request)
        if known.lacks(request):
            # Another gateway may have anchored or granted a moment ago.
            await self.projection.wait_for((await self.ledger.head()).number)
            known = await self._known(request)
        if known.record is None or known.record.leaf.custodian != self.custodian:
            raise NotFoundError("record is not known to this custodian")
        lacking = known.lacks(request)
        if lacking:
            raise NotFoundError(f"{lacking} is not known")
        _check_ids(request, known)
        terms = known.consent.terms if known.consent else None
        return known.record, Material(known.record.leaf, terms, proof, known.authorisation)

    async def _known(self, request: AccessRequest) -> _Known:
        consent = await self.projection.consent(request.consent_id) if any(request.consent_id) else None
        given = await self.projection.act(request.authorisation_id) if any(request.authorisation_id) else None
        authorisation = given.act if given and isinstance(given.act, StandingAuthorisation) else None
        return _Known(await self.projection.record(request.record_id), consent, authorisation)

    async def _release_key(self, request: AccessRequest) -> bytes:
        """Gives the key the request names. The institution may have rotated its keys a moment ago."""
        found = await self._has_release_key(request)
        if found is None:
            await self.projection.wait_for((await self.ledger.head()).number)
            found = await self._has_release_key(request)
        if found is None:
            raise LedgerUnavailableError("projection lags behind the chain, or the institution has another key by now")
        return found

    async def _has_release_key(self, request: AccessRequest) -> bytes | None:
        known = await self.projection.institution(request.institution)
        return known.release_key if known and release_key_hash(known.release_key) == request.release_key_hash else None

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        """The last look at head before a key is unwrapped."""
        await check_still_in_force(self.ledger, receipt, material, self.clock)


def _is_about(receipt: FinalReceipt, request: AccessRequest) -> bool:
    return struct_hash(receipt.entry.request) == struct_hash(request)


def _mixed_up() -> LedgerUnavailableError:
    return LedgerUnavailableError("decision does not match the request: the node mixes answers up")


@dataclass(slots=True)
class _Look:
    """When the projection was last waited for; one waits at a time, and who came meanwhile waited with it."""

    at: int = -1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the projection tells of what a request names."""

    record: RecordView | None
    consent: ConsentView | None
    authorisation: StandingAuthorisation | None

    def lacks(self, request: AccessRequest) -> str:
        """Says what the request names and the projection does not have; empty if nothing."""
        if self.record is None:
            return "record"
        if self.consent is None and any(request.consent_id):
            return "consent"
        return "authorisation" if self.authorisation is None and any(request.authorisation_id) else ""


def _check_ids(request: AccessRequest, known: _Known) -> None:
    """A row that somebody changed must neither be submitted nor be looked at when a key is given."""
    record, consent, given = known.record, known.consent, known.authorisation
    same = record is not None and record_id(record.leaf) == request.record_id
    same = same and (consent is None or consent_id(consent.terms) == request.consent_id)
    if not same or (given is not None and authorisation_id(given) != request.authorisation_id):
        raise LedgerUnavailableError("leaf or terms of the projection do not match their ids")


def _check_size(signature: bytes, scope_proof: tuple[bytes, ...]) -> None:
    """Refuses what would take room of the neighbours' in a batch, and is never needed."""
    if len(signature) > MOST_SIGNATURE_BYTES:
        raise InvalidInputError(f"signature is too long (got {len(signature)} bytes, at most {MOST_SIGNATURE_BYTES})")
    if len(scope_proof) > MOST_PROOF_NODES:
        raise InvalidInputError(f"scope proof is too long (got {len(scope_proof)} nodes, at most {MOST_PROOF_NODES})")
