"""Verification of a completeness statement, offline: numbered steps, the same as in ``docs/formats/completeness.md``.

Steps

1. Form. The bytes are the canonical JSON of a statement.
2. Chain. Chain id, genesis and contracts are those of the trust root.
3. Block. Its header leads to a checkpoint of the trust root, or is left to steps 8 and 9.
4. State. The state of the block holds the head of the subject or institution.
5. Entries. Each is about it, none is later than the block or earlier than the one before it.
6. Order. There are as many as the head says, and their hashes in their order make the head.
7. Claim. The claim in words is the one this statement has.
8. Seals. Validators followed from the block the trust root pins sealed the block.
9. Witnesses. As many as the log root demands vouch for a log that has an entry of that block.

What the caller must still do: trust the trust root, and know whose the subject is. What happened after the block is not
stated, nor what was asked for and rejected before anything was decided: that has no sequence number.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from consentry.core import heads
from consentry.core.chain import BlockReference
from consentry.core.terms import Address, SubjectId
from consentry.errors import VerificationError
from consentry.evidence import header as headers
from consentry.evidence import state_proof, vouching
from consentry.evidence.completeness import Statement, Told, Whose, block_in_words, claim_of
from consentry.evidence.header import Header
from consentry.evidence.steps import same, step
from consentry.evidence.trust import TrustRoot
from consentry.evidence.vouching import Vouched

FORM: Final = 1
CHAIN: Final = 2
BLOCK: Final = 3
STATE: Final = 4
ENTRIES: Final = 5
ORDER: Final = 6
CLAIM: Final = 7
SEALS: Final = 8
WITNESSES: Final = 9
LAST: Final = WITNESSES


@dataclass(frozen=True, slots=True)
class VerifiedStatement:
    """A statement that is proved: whose accesses, all of them, up to which block, and who vouches for that."""

    whose: Whose
    key: bytes
    count: int
    head: bytes
    block: BlockReference
    claim: str
    vouched: Vouched

    def stated_up_to(self) -> str:
        """Says where the statement ends: who reads it must not take an old one for one of today."""
        return f"{block_in_words(self.block.number, self.block.time)}; nothing after it is stated"


def verify(
    content: bytes, trust: TrustRoot, *, log_roots: Sequence[bytes] = (), now: int | None = None
) -> VerifiedStatement:
    """Checks a completeness statement against a trust root, with nothing else.

    Args:
        content: bytes of the file.
        trust: whom to believe.
        log_roots: as of `consentry.evidence.verify.verify`.
        now: seconds since the epoch; by the clock of this machine if it is not given.

    Raises:
        VerificationError: the first step that fails, with what was found and what was expected.
    """
    with step(FORM):
        statement = Statement.from_json(content)
    vouching.check_chain(CHAIN, statement, trust)
    header, has_checkpoint = _trusted_header(statement, trust)
    head = _head(statement, trust, header)
    _check_entries(statement, header.time)
    _check_order(statement, head)
    count = len(statement.entries)
    expected = claim_of(statement.whose, statement.key, count, header.number, header.time)
    same(CLAIM, "claim", statement.claim, expected)
    block = BlockReference(header.number, header.hash, header.time)
    seals = vouching.sealed_by(SEALS, statement, trust, block)
    moment = int(time.time()) if now is None else now
    witnesses = vouching.witnessed_by(WITNESSES, statement.logged, trust, block, log_roots, moment)
    vouched = Vouched(trust.header_form, has_checkpoint, seals, witnesses)
    return VerifiedStatement(statement.whose, statement.key, count, head, block, statement.claim, vouched)


def _trusted_header(statement: Statement, trust: TrustRoot) -> tuple[Header, bool]:
    """Step 3: walks from the block on to the checkpoint, each header being the parent of the next."""
    with step(BLOCK):
        found = [headers.decode(encoded, trust.header_form) for encoded in statement.headers]
    if not found:
        raise VerificationError("headers do not match (got none, expected that of the block at least)", step=BLOCK)
    for before, after in pairwise(found):
        same(BLOCK, f"parent of block {after.number}", after.parent_hash, before.hash)
        same(BLOCK, "number of a header", after.number, before.number + 1)
    last = found[-1]
    for checkpoint in trust.checkpoints:
        if checkpoint.hash == last.hash:
            same(BLOCK, "number of a header", last.number, checkpoint.number)
            return found[0], True
    if len(found) > 1 or not vouching.is_left_to_proofs(statement, statement.logged, trust):
        raise VerificationError(
            f"header {last.number} does not match (got 0x{last.hash.hex()}, "
            "expected a checkpoint's; the trust root may be one of other blocks)",
            step=BLOCK,
        )
    return last, False


def _head(statement: Statement, trust: TrustRoot, header: Header) -> bytes:
    """Step 4."""
    with step(STATE):
        ledger = trust.address("AccessLedger")
        if statement.whose == "subject":
            subject = SubjectId(statement.key)
            return state_proof.subject_head(header.state_root, ledger, subject, statement.proof)
        return state_proof.institution_head(header.state_root, ledger, Address(statement.key), statement.proof)


def _check_entries(statement: Statement, block_time: int) -> None:
    """Step 5; of a subject every entry is told, as nobody may be hidden from it."""
    latest = 0
    for number, entry in enumerate(statement.entries, start=1):
        if not isinstance(entry, Told):
            same(ENTRIES, f"whose entry {number} is withheld", statement.whose, "institution")
            continue
        if statement.whose == "institution":
            same(ENTRIES, f"institution of entry {number}", entry.request.institution, statement.key)
        if not latest <= entry.decided_at <= block_time:
            raise VerificationError(
                f"time of entry {number} does not match (got {entry.decided_at}, "
                f"expected {latest} or later, and at most {block_time})",
                step=ENTRIES,
            )
        latest = entry.decided_at


def _check_order(statement: Statement, head: bytes) -> None:
    """Step 6."""
    same(ORDER, "number of entries", len(statement.entries), heads.sequence_of(head))
    key = statement.key.rjust(32, b"\0")
    made = bytes(32)
    for entry in statement.entries:
        made = heads.advance(key, made, entry.hash)
    same(ORDER, "head that the entries make", made, head)
