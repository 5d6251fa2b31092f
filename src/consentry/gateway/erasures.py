"""Erasing a record: first the chain, for ever; then the keys; then the object (promise P11).

The two officers sign a report of what is to be destroyed before anything is. Once the chain has their act, nothing is
asked any more: whoever passed it on, this gateway carries out what concerns its own vault, and after a crash goes on
where it stopped. That the chain says so is read at head, past the tables: keys are never destroyed for a row's sake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from consentry.core.chain import EventPlace
from consentry.core.codes import RecordStatus
from consentry.core.erasures import Erasure
from consentry.core.terms import Address, RecordId
from consentry.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from consentry.gateway import acts
from consentry.gateway.ports import Ledger, Projection, Remains, Vault

_PAGE: Final = 200
Cursor = tuple[int, int]


def report_of(record_id: RecordId, remains: Remains) -> str:
    """Gives the report of what an erasure destroys, as officers sign its SHA-256: JSON, members in order, no spaces."""
    content = {
        "format": "consentry.destruction-report/v1",
        "recordId": "0x" + record_id.hex(),
        "objectId": "0x" + remains.object_id.hex(),
        "version": remains.version,
        "ciphertextDigest": "0x" + remains.ciphertext_digest.hex(),
        "ciphertextSize": remains.ciphertext_size,
        "destroyed": ["data key", "blinding value", "object"],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def digest_of(report: str) -> bytes:
    """Gives the SHA-256 of a report: ``keysDestroyed`` of the act."""
    return hashlib.sha256(report.encode()).digest()


@dataclass(slots=True)
class Progress:
    """How far this gateway has looked through the erasures on chain, and what it could not finish."""

    after: Cursor | None = None
    left: set[RecordId] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """The parts an erasure passes through; one desk a gateway."""

    ledger: Ledger
    projection: Projection
    vault: Vault
    custodian: Address
    progress: Progress = field(default_factory=Progress)

    async def erase(
        self, act: Erasure, signatures: Sequence[bytes], *, resumed: bool = False
    ) -> tuple[EventPlace, Remains]:
        """Has an erasure taken by the chain and carries it out.

        Args:
            act: what both officers signed.
            signatures: of the first officer and of the second.
            resumed: an earlier call may have gone through; then it is no conflict.

        Raises:
            NotPermittedError: it is another custodian's, or the retention runs, or who signed is no officer.
            NotFoundError: this vault does not hold the record.
            InvalidInputError: the act names another report than that of what would be destroyed.
            VaultUnavailableError: the record is erased on chain; what is left here is done later, without being asked.
        """
        if act.institution != self.custodian:
            raise NotPermittedError("custodian of the record does not match this gateway's")
        expected = digest_of(report_of(act.record_id, await self.vault.remains(act.record_id)))
        if act.keys_destroyed != expected:
            raise InvalidInputError("digest of the destruction report does not match what would be destroyed")
        place = await acts.perform(self.ledger, self.projection, act, signatures, resumed=resumed)
        return place, await self.finish(act.record_id)

    async def finish(self, record_id: RecordId) -> Remains:
        """Destroys what is left of a record that the chain says is erased.

        Raises:
            ConflictError: the chain does not say so.
            NotFoundError: this vault does not hold the record.
        """
        if await self.ledger.record_status(record_id) != RecordStatus.ERASED:
            raise ConflictError("record is not erased on chain")
        return await self.vault.erase(record_id)

    async def carry_out(self) -> int:
        """Carries out the erasures on chain that concern this vault, in their order; one that fails stays for later.

        Returns:
            How many were looked at.

        Raises:
            ConsentryError: the first that could not be finished; the others are done all the same.
        """
        await self._look_further()
        failed: Exception | None = None
        looked_at = 0
        for record_id in sorted(self.progress.left):
            looked_at += 1
            try:
                await self.finish(record_id)
            except NotFoundError:
                # Held by another vault of the same custodian, or never tied to an object: nothing here opens it.
                self.progress.left.discard(record_id)
            except Exception as error:  # noqa: BLE001 - one object that cannot be deleted must not keep the others
                failed = failed or error
            else:
                self.progress.left.discard(record_id)
        if failed is not None:
            raise failed
        return looked_at

    async def _look_further(self) -> None:
        while True:
            found = await self.projection.acts(
                institution=self.custodian, kinds=(Erasure,), after=self.progress.after, limit=_PAGE
            )
            for event in found:
                if isinstance(event.act, Erasure):
                    self.progress.left.add(event.act.record_id)
                self.progress.after = event.place.block.number, event.place.log_index
            if len(found) < _PAGE:
                return
