"""Log, then release: the one way a data key leaves the vault (promises P2, P4, P5).

`AccessDesk.request` is to be read from top to bottom; each line may be the last before a crash, and nothing is lost or
released wrongly then. The vault takes a `FinalReceipt`, which only the ledger room can make, and the last look at head:
it writes the release down, looks, and unwraps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.chain import BlockReference
from consentry.core.codes import Action, ConsentStatus, Reason, Standing
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Address, ConsentTerms, Material
from consentry.core.typed_data import consent_id, digest, record_id, struct_hash
from consentry.crypto.keywrap import release_key_hash
from consentry.crypto.signing import Verifiers, verify
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotFoundError,
)
from consentry.gateway.ports import (
    ConsentView,
    Ledger,
    Outbox,
    Projection,
    RecordView,
    ReleasedKey,
    StoredRequest,
    Vault,
)

LEASE_SECONDS: Final = 900
"""A decision opens the vault this long after its block; later the institution asks anew, under a new request id."""


@dataclass(frozen=True, slots=True)
class Access:
    """A permitted access: the decision, the record, and the key wrapped for the requester."""

    receipt: FinalReceipt
    record: RecordView
    key: ReleasedKey


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """The parts an access passes through; one desk a gateway."""

    ledger: Ledger
    projection: Projection
    vault: Vault
    outbox: Outbox
    custodian: Address
    verifiers: Verifiers
    _under_way: set[tuple[Address, int]] = field(default_factory=set)

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
        """
        _check_size(signature, scope_proof)
        await self._check_signed(request, signature)
        record, material = await self._material(request, scope_proof)
        with self._marked(request):
            await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
            receipt = await self._decided(request, signature, material)
        if not receipt.permitted:
            raise denied(receipt)
        release_key, domain = await self._release_key(request), self.ledger.domain("AccessLedger")
        last_look = partial(self._check_still_in_force, receipt, material.terms)
        key = await self.vault.release(receipt, record.leaf, release_key, domain, last_look)
        return Access(receipt, record, key)

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
            asked = item.request
            if (asked.institution, asked.request_id) in self._under_way:
                continue
            try:
                if await self.ledger.find_decision(asked.institution, asked.request_id) is None:
                    _, material = await self._material(asked, item.scope_proof)
                    await self._decided(asked, item.signature, material)
                else:
                    await self.outbox.settle(asked.institution, asked.request_id)
            except (NotAuthenticError, ConflictError, NotFoundError, InvalidInputError, LedgerRejectedError):
                # Nothing can be decided about it, now or later; left kept, it would stand in the way of the others.
                await self.outbox.forget(item)
            settled += 1
        return settled

    @contextmanager
    def _marked(self, request: AccessRequest) -> Iterator[None]:
        """Marks a request as under way, from before it is kept until after it is settled."""
        key = request.institution, request.request_id
        self._under_way.add(key)
        try:
            yield
        finally:
            self._under_way.discard(key)

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        """Gives the final decision; settles the kept request once the chain has decided it, forgets a rejected one."""
        try:
            receipt = await self.ledger.decide(request, signature, material)
        except (NotAuthenticError, ConflictError, InvalidInputError, LedgerRejectedError):
            await self.outbox.forget(StoredRequest(request, signature, request.consent_id, material.scope_proof))
            raise
        if struct_hash(receipt.entry.request) != struct_hash(request):
            raise LedgerUnavailableError("decision does not match the request: the node mixes answers up")
        await self.outbox.settle(request.institution, request.request_id)
        return receipt

    async def _check_signed(self, request: AccessRequest, signature: bytes) -> None:
        """Refuses early what the contract would reject: a wrong signature must not cost a batch its gas."""
        digest_ = digest(self.ledger.domain("AccessLedger"), request)
        try:
            verify(await self._signer(request), digest_, signature, self.verifiers)
        except NotAuthenticError:
            # The signer may have been admitted a moment ago.
            await self.projection.wait_for((await self.ledger.head()).number)
            verify(await self._signer(request), digest_, signature, self.verifiers)

    async def _signer(self, request: AccessRequest) -> bytes:
        institution = await self.projection.institution(request.institution)
        if institution is None:
            raise NotAuthenticError("institution of the request is not known", reason=Reason.INSTITUTION_UNKNOWN.name)
        return institution.signer

    async def _material(self, request: AccessRequest, proof: tuple[bytes, ...]) -> tuple[RecordView, Material]:
        """Finds leaf and terms; what cannot be submitted, or not be served, is refused before anything is kept."""
        record, consent = await self._known(request)
        if record is None or (consent is None and any(request.consent_id)):
            # Another gateway may have anchored or granted a moment ago.
            await self.projection.wait_for((await self.ledger.head()).number)
            record, consent = await self._known(request)
        if record is None or record.leaf.custodian != self.custodian:
            raise NotFoundError("record is not known to this custodian")
        if consent is None and any(request.consent_id):
            raise NotFoundError("consent is not known")
        _check_ids(request, record, consent)
        return record, Material(record.leaf, consent.terms if consent else None, proof)

    async def _known(self, request: AccessRequest) -> tuple[RecordView | None, ConsentView | None]:
        consent = await self.projection.consent(request.consent_id) if any(request.consent_id) else None
        return await self.projection.record(request.record_id), consent

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

    async def _check_still_in_force(self, receipt: FinalReceipt, terms: ConsentTerms | None) -> None:
        """The last look at head before a key is unwrapped: time has passed, and a revocation may have been mined."""
        request = receipt.entry.request
        head = await self.ledger.head()
        _check_lease(receipt, head)
        if terms is None:  # nothing is permitted without a consent; closed when in doubt
            raise denied(receipt, Reason.CONSENT_MISSING)
        if terms.subject_id != receipt.entry.subject_id:  # a second line: the contract compares them too
            raise denied(receipt, Reason.SUBJECT_MISMATCH)
        ended = _ended(request, terms, head.time)
        if ended != Reason.NONE:
            raise denied(receipt, ended)
        if await self.ledger.consent_status(request.consent_id) != ConsentStatus.ACTIVE:
            raise denied(receipt, Reason.CONSENT_REVOKED)
        if await self.ledger.institution_standing(request.institution) != Standing.ACTIVE:
            raise denied(receipt, Reason.INSTITUTION_SUSPENDED)
        if await self.ledger.release_key_hash(request.institution) != request.release_key_hash:
            raise denied(receipt, Reason.RELEASE_KEY_MISMATCH)


def _check_ids(request: AccessRequest, record: RecordView, consent: ConsentView | None) -> None:
    """A row that somebody changed must neither be submitted nor be looked at when a key is given."""
    same_record = record_id(record.leaf) == request.record_id
    if not same_record or (consent is not None and consent_id(consent.terms) != request.consent_id):
        raise LedgerUnavailableError("leaf or terms of the projection do not match their ids")


def _check_lease(receipt: FinalReceipt, head: BlockReference) -> None:
    """Checks that a decision is young enough to open the vault, and that its request is still valid."""
    request, decided = receipt.entry.request, receipt.place.block
    if head.number < decided.number:
        raise LedgerUnavailableError(
            f"head of the node is stale (got {head.number}, expected {decided.number} at least)"
        )
    age = head.time - decided.time
    if age > LEASE_SECONDS:
        raise ConflictError(f"age of the decision does not match (got {age} s, expected at most {LEASE_SECONDS} s)")
    if head.time >= request.expires_at:
        raise ConflictError(f"request has expired (got {head.time}, expected a time before {request.expires_at})")


def _ended(request: AccessRequest, terms: ConsentTerms, now: int) -> Reason:
    """Tells why terms that once permitted a request do so no more at block time ``now``."""
    if now >= terms.valid_until:
        return Reason.CONSENT_EXPIRED
    if request.action == Action.STORE and now >= terms.erase_by:
        return Reason.ERASE_DATE_PASSED
    return Reason.NONE


def _check_size(signature: bytes, scope_proof: tuple[bytes, ...]) -> None:
    """Refuses what would take room of the neighbours' in a batch, and is never needed."""
    if len(signature) > MOST_SIGNATURE_BYTES:
        raise InvalidInputError(f"signature is too long (got {len(signature)} bytes, at most {MOST_SIGNATURE_BYTES})")
    if len(scope_proof) > MOST_PROOF_NODES:
        raise InvalidInputError(f"scope proof is too long (got {len(scope_proof)} nodes, at most {MOST_PROOF_NODES})")


def denied(receipt: FinalReceipt, reason: Reason | None = None) -> AccessDeniedError:
    """Gives the error for a refusal; with ``reason`` for one that came after a permit, just before the release."""
    why = reason or Reason(receipt.entry.reason)
    return AccessDeniedError(f"access was denied ({why.name})", reason=why.name, receipt=receipt)
