"""Taking a record in: seal first, anchor second, tie the two third.

A crash after the first step leaves a sealed object that no record names, unreadable by anybody. A crash after the
second leaves a record whose object is not tied to it; the same call, resumed, ties it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from consentry.core.chain import EventPlace
from consentry.core.terms import Address, RecordId, RecordLeaf, SubjectId
from consentry.core.typed_data import record_id
from consentry.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from consentry.gateway.ports import Ledger, Projection, SealedRecord, Vault


@dataclass(frozen=True, slots=True)
class Upload:
    """A record as it comes in: whom it is about, what it is, which version, and the content in pieces."""

    subject_id: SubjectId
    media_type: str
    version: int
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class SignedLeaf:
    """A leaf with the custodian's signature; ``previous`` is the leaf of the version before."""

    leaf: RecordLeaf
    signature: bytes
    previous: RecordLeaf | None = None


async def take_content(projection: Projection, vault: Vault, custodian: Address, upload: Upload) -> SealedRecord:
    """Seals an upload; gives what the custodian needs to make and sign the leaf.

    Raises:
        NotFoundError: the custodian has no such subject.
    """
    subject = await projection.subject(upload.subject_id)
    if subject is None or subject.custodian != custodian:
        raise NotFoundError("subject is not known to this custodian")
    await vault.create_subject(upload.subject_id)
    return await vault.seal(
        upload.content, subject_id=upload.subject_id, media_type=upload.media_type, version=upload.version
    )


@dataclass(frozen=True, slots=True)
class Intake:
    """The parts a record passes through on its way in."""

    ledger: Ledger
    projection: Projection
    vault: Vault
    custodian: Address

    async def anchor(
        self, object_id: bytes, signed: SignedLeaf, *, resumed: bool = False
    ) -> tuple[RecordId, EventPlace]:
        """Anchors a signed leaf and ties the sealed object to it.

        Args:
            object_id: the sealed object.
            signed: the leaf made of it.
            resumed: an earlier call may have gone through; then it is no conflict.

        Raises:
            NotPermittedError: the leaf names another custodian than this gateway's.
            NotFoundError: nothing was sealed under the object id.
            InvalidInputError: the leaf is not that of the object, or a later version came without the leaf it follows.
            NotAuthenticError: the custodian's signature does not hold.
            ConflictError: the record is anchored already.
        """
        leaf = signed.leaf
        if leaf.custodian != self.custodian:
            raise NotPermittedError("custodian of the leaf does not match this gateway's")
        if (signed.previous is None) != (leaf.version == 1):
            raise InvalidInputError(f"version {leaf.version} does not match the presence of a previous leaf")
        check_leaf(leaf, await self.vault.sealed(object_id))
        anchored = record_id(leaf)
        try:
            place = await self._put_on_chain(signed)
        except ConflictError:
            known = await self.projection.record(anchored) if resumed else None
            if known is None:
                raise
            place = known.place
        await self.vault.attach(object_id, anchored)
        return anchored, place

    async def _put_on_chain(self, signed: SignedLeaf) -> EventPlace:
        if signed.previous is None:
            return (await self.ledger.anchor(signed.leaf, signed.signature)).place
        return (await self.ledger.supersede(signed.previous, signed.leaf, signed.signature)).place


def check_leaf(leaf: RecordLeaf, sealed: SealedRecord) -> None:
    """Checks that a leaf describes a sealed object: what is anchored must be what can be released.

    Raises:
        InvalidInputError: it does not; the message names the first member that differs.
    """
    pairs = (
        ("subject", leaf.subject_id, sealed.subject_id),
        ("version", leaf.version, sealed.version),
        ("ciphertext digest", leaf.ciphertext_digest, sealed.ciphertext_digest),
        ("ciphertext size", leaf.ciphertext_size, sealed.ciphertext_size),
        ("commitment", leaf.commitment, sealed.commitment),
    )
    for name, got, expected in pairs:
        if got != expected:
            raise InvalidInputError(f"{name} of the leaf does not match the sealed object's")
