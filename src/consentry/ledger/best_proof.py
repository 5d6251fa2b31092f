"""The evidence about one access with all that can be had for it: witnesses of the ledger log, and seals of validators.

What is missing is told, each in one line, and the bundle is made with what there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from consentry.core.terms import Address
from consentry.evidence.assemble import AccessHistory, leaf_of_event
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import VerifiedAccess, verify
from consentry.ledger import vouching
from consentry.ledger.proofs import Prover
from consentry.ledger.vouching import Wanted


@dataclass(frozen=True, slots=True)
class Proved:
    """A bundle, the trust root it was verified against, what that showed, and what is missing in it."""

    bundle: Bundle
    trust: TrustRoot
    verified: VerifiedAccess
    missing: tuple[str, ...]


async def prove_best(
    prover: Prover, institution: Address, request_id: int, wanted: Wanted, now: int, *, headers: bool = False
) -> Proved:
    """Builds the bundle of one decision with all the proofs there are, and verifies it.

    Its trust root names the newest block of the node as a checkpoint, the log root and the pinned block.

    Args:
        prover: reads the node.
        institution: who asked.
        request_id: what it asked.
        wanted: what is to vouch for it.
        now: seconds since the epoch.
        headers: shows events by headers and receipts also where the log could: for readers who believe no witnesses.

    Raises:
        NotFoundError: no such decision.
        LedgerUnavailableError: the node does not give what is needed.
        VerificationError: what the node gives does not hang together.
    """
    trust, history = await prover.trust_root(), await prover.history(institution, request_id)
    missing: list[str] = []
    log = await _log(prover, history, wanted, now, missing)
    if log is not None and not headers:
        bundle = await prover.by_log(history, log)
    else:
        bundle = await prover.with_headers(history, trust.checkpoints[0].number)
        proof = log.proof_of(leaf_of_event(prover.facts, history.decided)) if log else None
        bundle = replace(bundle, log_proof=proof)
    if log is not None:
        trust = replace(trust, log_root=wanted.log_root)
    seals = await vouching.seals_of(prover, wanted, history.decided.place.block.number, missing)
    if seals is not None:
        bundle, trust = replace(bundle, qbft_proof=seals), replace(trust, qbft_anchor=wanted.pinned)
    return Proved(bundle, trust, verify(bundle.to_json(), trust, now=now), tuple(missing))


async def _log(prover: Prover, history: AccessHistory, wanted: Wanted, now: int, missing: list[str]) -> LogTree | None:
    """Gives the log up to the checkpoint, if that is final and has the decision in it."""
    found = await vouching.final_log(prover, wanted, now, missing)
    if found is None:
        return None
    log = found.tree
    if log.place_of(leaf_of_event(prover.facts, history.decided)) is None:
        missing.append(f"{vouching.NO_WITNESSES}: {_not_yet(found.checkpoint)}")
        return None
    return log if vouching.saw_it(wanted, history.decided.place.block.time, now, missing) else None


def _not_yet(final: Checkpoint) -> str:
    return f"the newest final checkpoint has {final.size} entries, and the decision comes later; try again in a moment"
