"""What a gateway says was decided, against what was sent and, with a node of one's own, against the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.client.answers import DENIED, expect
from consentry.client.chain import Chain, confirmed
from consentry.core import heads
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessEntry, AccessRequest, Address, RecordLeaf
from consentry.core.typed_data import record_id
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, bytes_of, read

_ENDED_BY_TIME: Final = (Reason.CONSENT_EXPIRED, Reason.ERASE_DATE_PASSED)
_Holds = Callable[[FinalReceipt], Awaitable[bool]]
"""Whether a decision on chain is what was told."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """A permitted access as it came back.

    ``request_signature`` is the institution's own copy of what it signed: the request, or the batch it was one of.
    """

    entry: AccessEntry
    leaf: RecordLeaf
    wrapped_key: bytes
    object_id: bytes
    plaintext_size: int
    receipt: Json
    request_signature: bytes


def permitted_of(answer: Json, request: AccessRequest, signature: bytes) -> Permitted:
    """Reads a permitted access, of the shape ``answers.PERMITTED``.

    Raises:
        VerificationError: it contradicts itself, or is not about the request that was sent or its record.
    """
    decision, leaf = answer["decision"], read(RecordLeaf, answer["record"]["leaf"])
    if not decision["permitted"] or decision["reason"] != Reason.NONE.name:
        raise VerificationError("decision contradicts itself: a key came with a refusal")
    if read(AccessRequest, decision["request"]) != request:
        raise VerificationError("decision is not about the request that was sent")
    if record_id(leaf) != request.record_id:
        raise VerificationError("leaf does not hash to the record that was asked for")
    receipt = decision["receipt"]
    entry = AccessEntry(
        request=request,
        subject_id=leaf.subject_id,
        reason=0,
        decided_at=decision["decidedAt"],
        subject_sequence=receipt["subjectSequence"],
        institution_sequence=receipt["institutionSequence"],
    )
    key = answer["key"]
    wrapped, object_id = bytes_of(key["wrapped"]), bytes_of(key["objectId"], 32)
    return Permitted(entry, leaf, wrapped, object_id, key["plaintextSize"], receipt, signature)


async def confirm_permits(chain: Chain, permits: Sequence[Permitted]) -> None:
    """Looks decisions up on the own node: only a record anchored on chain can have been permitted there.

    Raises:
        VerificationError: one of them is not there.
    """

    def holds(entry: AccessEntry) -> _Holds:
        async def look(found: FinalReceipt) -> bool:
            return heads.hash_of(found.entry) == heads.hash_of(entry)

        return look

    claims = {permitted.entry.request.request_id: holds(permitted.entry) for permitted in permits}
    institutions = {permitted.entry.request.institution for permitted in permits}
    await _confirm(chain, institutions, claims, "the own node shows no such decision, whatever the gateway answers")


async def confirm_denials(chain: Chain, denials: Sequence[tuple[AccessRequest, Json]]) -> None:
    """Looks refusals up on the own node: a gateway must not turn anybody away in the name of the chain.

    What ended a consent after the decision is confirmed as far as a node shows it: a revocation, a suspension.

    Args:
        chain: the own node.
        denials: each request with what was told of it, of the shape ``answers.DENIED``.

    Raises:
        VerificationError: one of them is not there.
    """

    def holds(request: AccessRequest, told: Json) -> _Holds:
        async def look(found: FinalReceipt) -> bool:
            return found.entry.request == request and await _is_refused(chain, told, found)

        return look

    claims = {request.request_id: holds(request, told) for request, told in denials}
    institutions = {request.institution for request, _ in denials}
    await _confirm(chain, institutions, claims, "the own node shows no such refusal, whatever the gateway answers")


def denial_of(told: object) -> Json:
    """Reads reason and receipt of a denial.

    Raises:
        VerificationError: they are not there, or of another kind.
    """
    return expect(told, DENIED)


async def _confirm(chain: Chain, institutions: set[Address], claims: Mapping[int, _Holds], refusal: str) -> None:
    """Waits until the own node shows all that is claimed of the one institution's requests."""
    left = dict(claims)

    async def shown() -> bool:
        for institution in institutions:
            found = await chain.find_decisions(institution, list(left))
            for number, receipt in found.items():
                if number in left and await left[number](receipt):
                    del left[number]
        return not left

    await confirmed(shown, refusal)


async def _is_refused(chain: Chain, told: Json, found: FinalReceipt) -> bool:
    reason, request = Reason[told["reason"]], found.entry.request
    if not _is_receipt(told["receipt"], found):
        return False
    if found.entry.reason != Reason.NONE:
        return found.entry.reason == reason
    if reason == Reason.CONSENT_REVOKED:
        return await chain.consent_status(request.consent_id) != ConsentStatus.ACTIVE
    if reason == Reason.INSTITUTION_SUSPENDED:
        return await chain.institution_standing(request.institution) != Standing.ACTIVE
    if reason.name.startswith("RECORD_"):
        return await chain.record_status(request.record_id) != RecordStatus.CURRENT
    return reason in _ENDED_BY_TIME


def _is_receipt(told: Json, found: FinalReceipt) -> bool:
    place, entry = found.place, found.entry
    sequences = told["subjectSequence"], told["institutionSequence"]
    placed = bytes_of(told["blockHash"]), bytes_of(told["transactionHash"]), told["logIndex"]
    return (*placed, *sequences) == (
        *(place.block.hash, place.transaction_hash, place.log_index),
        *(entry.subject_sequence, entry.institution_sequence),
    )
