"""Taking a record in: seal first, anchor second, tie the two third.

A crash between any two steps leaves a sealed object that no record names. It is unreadable by anybody, and harmless.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from consentry.core.chain import ActReceipt
from consentry.core.terms import Address, RecordId, RecordLeaf, SubjectId
from consentry.core.typed_data import record_id
from consentry.errors import InvalidInputError, NotFoundError, NotPermittedError
from consentry.gateway.ports import Ledger, Projection, SealedRecord, Vault


async def take_content(
    projection: Projection,
    vault: Vault,
    custodian: Address,
    subject_id: SubjectId,
    plaintext: AsyncIterator[bytes],
    media_type: str,
) -> SealedRecord:
    """Seals an upload; gives what the custodian needs to make and sign the leaf.

    Raises:
        NotFoundError: the custodian has no such subject.
    """
    subject = await projection.subject(subject_id)
    if subject is None or subject.custodian != custodian:
        raise NotFoundError("subject is not known to this custodian")
    return await vault.seal(plaintext, subject_id=subject_id, media_type=media_type)


async def anchor(
    ledger: Ledger,
    vault: Vault,
    custodian: Address,
    object_id: bytes,
    leaf: RecordLeaf,
    signature: bytes,
    previous: RecordLeaf | None,
) -> tuple[RecordId, ActReceipt]:
    """Anchors a signed leaf and ties the sealed object to it.

    Raises:
        NotPermittedError: the leaf names another custodian than this gateway's.
        InvalidInputError: a later version came without the leaf it follows.
        NotAuthenticError: the custodian's signature does not hold.
        ConflictError: the record is anchored already.
    """
    if leaf.custodian != custodian:
        raise NotPermittedError("custodian of the leaf does not match this gateway's")
    if (previous is None) != (leaf.version == 1):
        raise InvalidInputError(f"version {leaf.version} does not match the presence of a previous leaf")
    receipt = (
        await ledger.anchor(leaf, signature) if previous is None else await ledger.supersede(previous, leaf, signature)
    )
    anchored = record_id(leaf)
    await vault.attach(object_id, anchored)
    return anchored, receipt
