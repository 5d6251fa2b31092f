"""Log, then release: the one way a data key leaves the vault (promises P2, P4, P5).

`request` is to be read from top to bottom; each line may be the last before a crash, and nothing is lost or released
wrongly then. The vault takes a `FinalReceipt`, which only the ledger room can make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consentry.core.codes import ConsentStatus, Reason, Standing
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Address, Material
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
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
    """The parts an access passes through, at the gateway of one custodian."""

    custodian: Address
    ledger: Ledger
    projection: Projection
    vault: Vault
    outbox: Outbox

    async def request(self, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()) -> Access:
        """Has a request decided on chain, and releases the key only if the chain said yes.

        Calling it again with the same request gives the same decision.

        Raises:
            AccessDeniedError: the contract denied, and logged it; ``details`` carry reason and receipt.
            NotAuthenticError: the contract rejected the request; nothing was decided.
            NotFoundError: no such record, or no such consent, here.
            ConflictError: the request id was used for another request, or its decision is older than the lease.
            LedgerUnavailableError: not known whether it was decided; ask again with the same request.
        """
        record, material = await self._material(request, scope_proof)
        await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
        receipt = await self._decide(request, signature, material)
        if not receipt.permitted:
            raise denied(receipt)
        await self._still_in_force(receipt)
        institution = await self.projection.institution(request.institution)
        if institution is None:
            raise LedgerUnavailableError("projection lags behind the chain")
        key = await self.vault.release(receipt, institution.release_key, self.ledger.domain("AccessLedger"))
        return Access(receipt, record, key)

    async def resume(self) -> int:
        """Has everything decided that was kept and not settled before a crash; releases nothing.

        Returns:
            How many requests were settled.
        """
        settled = 0
        for item in await self.outbox.unsettled():
            try:
                _, material = await self._material(item.request, item.scope_proof)
                await self._decide(item.request, item.signature, material)
            except (NotAuthenticError, ConflictError, NotFoundError):
                await self.outbox.settle(item.request.institution, item.request.request_id)
            settled += 1
        return settled

    async def _decide(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        try:
            receipt = await self.ledger.decide(request, signature, material)
        except NotAuthenticError:
            await self.outbox.settle(request.institution, request.request_id)
            raise
        await self.outbox.settle(request.institution, request.request_id)
        return receipt

    async def _material(self, request: AccessRequest, proof: tuple[bytes, ...]) -> tuple[RecordView, Material]:
        """Finds leaf and terms; what is not known cannot be submitted, so it is refused before anything is kept."""
        await self.projection.wait_for((await self.ledger.head()).number)
        record = await self.projection.record(request.record_id)
        if record is None or record.leaf.custodian != self.custodian:
            raise NotFoundError("record is not known to this custodian")
        consent: ConsentView | None = None
        if any(request.consent_id):
            consent = await self.projection.consent(request.consent_id)
            if consent is None:
                raise NotFoundError("consent is not known")
        return record, Material(record.leaf, consent.terms if consent else None, proof)

    async def _still_in_force(self, receipt: FinalReceipt) -> None:
        """The last look at head before a key is unwrapped: a revocation may have been mined since the decision."""
        request = receipt.entry.request
        age = (await self.ledger.head()).time - receipt.place.block.time
        if age > LEASE_SECONDS:
            raise ConflictError(f"age of the decision does not match (got {age} s, expected at most {LEASE_SECONDS} s)")
        if await self.ledger.consent_status(request.consent_id) != ConsentStatus.ACTIVE:
            raise denied(receipt, Reason.CONSENT_REVOKED)
        if await self.ledger.institution_standing(request.institution) != Standing.ACTIVE:
            raise denied(receipt, Reason.INSTITUTION_SUSPENDED)


def denied(receipt: FinalReceipt, reason: Reason | None = None) -> AccessDeniedError:
    """Gives the error for a refusal; with ``reason`` for one that came after a permit, just before the release."""
    why = reason or Reason(receipt.entry.reason)
    return AccessDeniedError(f"access was denied ({why.name})", reason=why.name, receipt=receipt)
