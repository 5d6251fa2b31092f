"""A node of the caller's own choice, to compare with what a gateway answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from consentry.client.answers import LOG_LINE, expect
from consentry.core import heads
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.persons import LinkStatus
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessEntry, AccessRequest, Address, ConsentId, RecordId, SubjectId
from consentry.core.typed_data import Domain
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, bytes_of, read

LAG_SECONDS: Final = 10.0
"""How long the own node may take to show a block another node has shown already."""
_POLL_SECONDS: Final = 0.1


class Chain(Protocol):
    """What a client reads from its own node; ``consentry.ledger.reader.ChainReader`` is one."""

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""

    async def consent_status(self, consent_id: ConsentId) -> ConsentStatus:
        """Reads how a consent stands at head."""

    async def is_instance(self, record_id: RecordId, digest: bytes, index: int, path: Sequence[bytes]) -> bool:
        """Asks the contract whether an image is one of a registered study."""

    async def record_status(self, record_id: RecordId) -> RecordStatus:
        """Reads how a record version stands at head."""

    async def link_status(self, link: bytes) -> LinkStatus:
        """Reads how a link between subjects stands at head."""

    async def institution_standing(self, institution: Address) -> Standing:
        """Reads how an institution stands at head."""

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        """Reads the head of a subject's log, 32 bytes."""

    async def institution_head(self, institution: Address) -> bytes:
        """Reads the head of an institution's log, 32 bytes."""

    async def find_decisions(self, institution: Address, request_ids: Sequence[int]) -> Mapping[int, FinalReceipt]:
        """Finds the final decisions on an institution's requests, by their ids."""


async def confirmed(look: Callable[[], Awaitable[bool]], refusal: str) -> None:
    """Waits until the own node shows what the gateway claims.

    Raises:
        VerificationError: it does not, even after ``LAG_SECONDS``.
    """
    for _ in range(int(LAG_SECONDS / _POLL_SECONDS)):
        if await look():
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise VerificationError(refusal)


def entry_of(line: Json) -> AccessEntry:
    """Reads one line of an access log.

    Raises:
        VerificationError: it is not one, or says of itself what its own reason does not say.
    """
    expect(line, LOG_LINE, "a line of the access log")
    entry = AccessEntry(
        request=read(AccessRequest, line["request"]),
        subject_id=SubjectId(bytes_of(line["subjectId"], 32)),
        reason=Reason[line["reason"]],
        decided_at=line["decidedAt"],
        subject_sequence=line["subjectSequence"],
        institution_sequence=line["institutionSequence"],
    )
    if line["permitted"] is not (entry.reason == Reason.NONE):
        raise VerificationError("line of the access log contradicts itself")
    return entry


def check_log(
    entries: Iterable[AccessEntry], key: bytes, sequence: Callable[[AccessEntry], int], head: bytes | None
) -> None:
    """Checks that a log is whole: numbered without a gap, and leading to the head the chain holds.

    Args:
        entries: the log in order, from the first.
        key: key of the hash chain, 32 bytes.
        sequence: which of an entry's numbers counts.
        head: read from the own node before the log was asked for; None if there is no such node.

    Raises:
        VerificationError: an entry is missing, changed, or out of order.
    """
    reached, seen = bytes(32), head in (None, bytes(32))
    for expected, entry in enumerate(entries, start=1):
        if sequence(entry) != expected:
            raise VerificationError("access log has a gap", expected=expected, got=sequence(entry))
        reached = heads.advance(key, reached, heads.hash_of(entry))
        # Decisions that came after the head was read may follow.
        seen = seen or reached == head
    if not seen:
        raise VerificationError("access log does not lead to the head on chain: something was left out or changed")
