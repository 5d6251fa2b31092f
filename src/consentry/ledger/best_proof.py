"""The evidence about one access with all that can be had for it: witnesses of the ledger log, and seals of validators.

What is missing is told, each in one line, and the bundle is made with what there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from consentry.core.terms import Address
from consentry.errors import ConsentryError, InvalidInputError, LedgerUnavailableError
from consentry.evidence.assemble import AccessHistory, leaf_of_event
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.log_root import LogRoot
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.note import SignedNote
from consentry.evidence.trust import TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.verify import VerifiedAccess, verify
from consentry.evidence.witnesses import AHEAD, verify_checkpoint, verify_note
from consentry.ledger.proofs import Prover

NO_WITNESSES: Final = "no witnesses vouch for it"
NO_SEALS: Final = "no seals vouch for it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to vouch for an access, as far as there is any.

    Attributes:
        log_root: whose cosignatures count; none where nobody says.
        checkpoint: bytes of the newest checkpoint of that log, with its signatures; none where there is none.
        pinned: block that seals are followed from; none where nobody says.
        headers: shows events by headers and receipts also where the log could: for readers who believe no witnesses.
    """

    log_root: LogRoot | None = None
    checkpoint: bytes | None = None
    pinned: Anchor | None = None
    headers: bool = False


@dataclass(frozen=True, slots=True)
class Proved:
    """A bundle, the trust root it was verified against, what that showed, and what is missing in it."""

    bundle: Bundle
    trust: TrustRoot
    verified: VerifiedAccess
    missing: tuple[str, ...]


async def prove_best(prover: Prover, institution: Address, request_id: int, wanted: Wanted, now: int) -> Proved:
    """Builds the bundle of one decision with all the proofs there are, and verifies it.

    Its trust root names the newest block of the node as a checkpoint, the log root and the pinned block.

    Args:
        prover: reads the node.
        institution: who asked.
        request_id: what it asked.
        wanted: what is to vouch for it.
        now: seconds since the epoch.

    Raises:
        NotFoundError: no such decision.
        LedgerUnavailableError: the node does not give what is needed.
        VerificationError: what the node gives does not hang together.
    """
    trust, history = await prover.trust_root(), await prover.history(institution, request_id)
    missing: list[str] = []
    log = await _log(prover, history, wanted, now, missing)
    if log is not None and not wanted.headers:
        bundle = await prover.by_log(history, log)
    else:
        bundle = await prover.with_headers(history, trust.checkpoints[0].number)
        proof = log.proof_of(leaf_of_event(prover.facts, history.decided)) if log else None
        bundle = replace(bundle, log_proof=proof)
    if log is not None:
        trust = replace(trust, log_root=wanted.log_root)
    seals = await _seals(prover, history, wanted, missing)
    if seals is not None:
        bundle, trust = replace(bundle, qbft_proof=seals), replace(trust, qbft_anchor=wanted.pinned)
    return Proved(bundle, trust, verify(bundle.to_json(), trust, now=now), tuple(missing))


async def _log(prover: Prover, history: AccessHistory, wanted: Wanted, now: int, missing: list[str]) -> LogTree | None:
    """Gives the log up to the checkpoint, if that is final and has the decision in it."""
    if wanted.log_root is None:
        missing.append(f"{NO_WITNESSES}: no log root says whose cosignatures count")
        return None
    if wanted.checkpoint is None:
        missing.append(f"{NO_WITNESSES}: no checkpoint of the log is there")
        return None
    try:
        final = verify_checkpoint(wanted.checkpoint, wanted.log_root.policy, now).checkpoint
        log = await prover.log_tree(SignedNote.from_bytes(wanted.checkpoint))
    except LedgerUnavailableError:
        raise
    except ConsentryError as error:
        missing.append(f"{NO_WITNESSES}: {error.message}")
        return None
    if log.place_of(leaf_of_event(prover.facts, history.decided)) is None:
        missing.append(f"{NO_WITNESSES}: {_not_yet(final)}")
        return None
    return log if _saw_it(wanted, history, now, missing) else None


def _saw_it(wanted: Wanted, history: AccessHistory, now: int, missing: list[str]) -> bool:
    """Tells whether enough witnesses cosigned when the decision was there to be seen, as who verifies it will ask."""
    if wanted.log_root is None or wanted.checkpoint is None:
        return False
    note, since = SignedNote.from_bytes(wanted.checkpoint), history.decided.place.block.time - AHEAD
    try:
        verify_note(note, wanted.log_root.policy, now, since=since)
    except ConsentryError as error:
        missing.append(f"{NO_WITNESSES}: {error.message}")
        return False
    return True


def _not_yet(final: Checkpoint) -> str:
    return f"the newest final checkpoint has {final.size} entries, and the decision comes later; try again in a moment"


async def _seals(
    prover: Prover, history: AccessHistory, wanted: Wanted, missing: list[str]
) -> tuple[bytes, ...] | None:
    if prover.facts.header_form != "qbft":
        missing.append(f"{NO_SEALS}: blocks of this chain have none")
        return None
    if wanted.pinned is None:
        missing.append(f"{NO_SEALS}: no block is pinned to follow validators from")
        return None
    try:
        return await prover.seals(wanted.pinned, history.decided.place.block.number)
    except InvalidInputError as error:
        missing.append(f"{NO_SEALS}: {error.message}")
        return None
