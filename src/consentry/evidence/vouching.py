"""Who vouches for the block a decision stands in: validators that sealed it, witnesses of the ledger log, or neither.

Receipts and headers show that a bundle hangs together. That its block is that of the chain, somebody else has to say:
the trust root by a checkpoint, two thirds of the validators by their seals, or as many witnesses as a log root demands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consentry.core.chain import BlockReference
from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import log_proof, log_root
from consentry.evidence.completeness import LoggedBlock
from consentry.evidence.header import HeaderForm
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import FinalEntry, LogProof
from consentry.evidence.log_root import LogRoot
from consentry.evidence.steps import same, step
from consentry.evidence.trie import Log
from consentry.evidence.trust import LogRootPin, TrustRoot
from consentry.evidence.validator_trail import Anchor, follow
from consentry.evidence.witnesses import AHEAD


class OfDeployment(Protocol):
    """A file that says of which deployment it is, and may have a proof of its block's seals."""

    @property
    def chain_id(self) -> int:
        """Id of the chain."""
        ...

    @property
    def genesis_hash(self) -> bytes:
        """Hash of block 0."""
        ...

    @property
    def contracts(self) -> tuple[tuple[str, Address], ...]:
        """Contracts by their names."""
        ...

    @property
    def qbft_proof(self) -> tuple[bytes, ...] | None:
        """Headers from the pinned block on; None where there is no proof."""
        ...


@dataclass(frozen=True, slots=True)
class Seals:
    """What seals show: from which pinned block the validators were followed to those who sealed the block."""

    pinned: int
    block: int
    sealed: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a log proof shows: the place of the decision's log, and the witnesses of a policy that vouch for it."""

    entry: FinalEntry
    of: int


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who vouches for the block of a decision.

    Attributes:
        form: of the chain's headers; only those of ``qbft`` have seals.
        leads_to_trusted_block: the trust root does, by a checkpoint of it that the block leads to.
        seals: what its validators say; None where they were not asked.
        witnesses: what witnesses of the log say; None where they were not asked.
    """

    form: HeaderForm
    leads_to_trusted_block: bool
    seals: Seals | None
    witnesses: Witnessed | None

    def in_words(self) -> str:
        """Says it in one sentence."""
        found = []
        if self.seals is not None:
            found.append(
                f"{self.seals.sealed} validators sealed its block, followed from pinned block {self.seals.pinned}"
            )
        if self.witnesses is not None:
            final = self.witnesses.entry.final
            found.append(
                f"{len(final.witnesses)} of {self.witnesses.of} witnesses vouch for it "
                f"in a log of {final.checkpoint.size} entries"
            )
        if self.leads_to_trusted_block:
            found.append("it leads to a checkpoint of the trust root")
        if self.seals is None and self.witnesses is None:
            found.insert(0, "consistent, but neither validators nor witnesses vouch for its block")
        if self.form != "qbft":
            found.append("blocks of this chain have no seals")
        return "; ".join(found)


def check_chain(number: int, file: OfDeployment, trust: TrustRoot) -> None:
    """Compares chain and contracts of a file with those of the trust root.

    Args:
        number: of the step.
        file: what is verified.
        trust: whom to believe.

    Raises:
        VerificationError: one is another.
    """
    same(number, "chain id", file.chain_id, trust.chain_id)
    same(number, "genesis hash", file.genesis_hash, trust.genesis_hash)
    trusted = dict(trust.contracts)
    for name, address in file.contracts:
        same(number, f"address of {name}", address, trusted.get(name))
    same(number, "set of contracts", {name for name, _ in file.contracts}, set(trusted))


def is_left_to_proofs(file: OfDeployment, logged: object | None, trust: TrustRoot) -> bool:
    """Tells whether seals or witnesses, looked at in later steps, will say whether a block is that of the chain.

    Args:
        file: what is verified.
        logged: what shows the block in the ledger log, if the file has that.
        trust: whom to believe.
    """
    by_seals = file.qbft_proof is not None and trust.qbft_anchor is not None
    by_witnesses = logged is not None and trust.log_root is not None
    return by_seals or by_witnesses


def sealed_by(number: int, file: OfDeployment, trust: TrustRoot, block: BlockReference) -> Seals | None:
    """Follows the seals of a block, where the file has a proof and the trust root pins a block.

    Args:
        number: of the step.
        file: what is verified.
        trust: whom to believe.
        block: the one it is about.

    Raises:
        VerificationError: blocks of that chain have no seals, or as of `check_seals`.
    """
    if file.qbft_proof is None:
        return None
    same(number, "form of blocks that have seals", trust.header_form, "qbft")
    if trust.qbft_anchor is None:
        return None
    with step(number):
        return check_seals(file.qbft_proof, trust.qbft_anchor, block)


def witnessed_by(
    number: int,
    logged: LoggedBlock | None,
    trust: TrustRoot,
    block: BlockReference,
    log_roots: Sequence[bytes],
    now: int,
) -> Witnessed | None:
    """Counts who vouches for the log, where a file has a proof and the trust root names a log root.

    Args:
        number: of the step.
        logged: the log the file has a proof of.
        trust: whom to believe.
        block: where the log stands.
        log_roots: as of `log_root_of`.
        now: seconds since the epoch.

    Raises:
        VerificationError: no contract of the log root emits that log, or as of `log_root_of` and `check_witnesses`.
    """
    if logged is None or trust.log_root is None:
        return None
    with step(number):
        root = log_root_of(trust, log_roots)
        if logged.log.address not in root.contracts:
            raise VerificationError(
                f"emitter of the log does not match (got 0x{logged.log.address.hex()}, expected a contract)"
            )
        return check_witnesses(logged.proof, root, block, logged.log, now)


def check_seals(headers: Sequence[bytes], anchor: Anchor, block: BlockReference) -> Seals:
    """Proves the block of the decision from the pinned one (step 14).

    Args:
        headers: those of a proof of a QBFT block.
        anchor: the pinned block.
        block: where the decision stands.

    Raises:
        InvalidInputError: a header is none.
        VerificationError: a header is not proved, or the last is that of another block.
    """
    last = follow(anchor, headers)[-1]
    if (last.number, last.hash) != (block.number, block.hash):
        raise VerificationError(
            f"last header of the proof does not match (got block {last.number} 0x{last.hash.hex()}, "
            f"expected block {block.number} 0x{block.hash.hex()})"
        )
    return Seals(anchor.number, last.number, len(last.extra.seals))


def log_root_of(trust: TrustRoot, files: Sequence[bytes]) -> LogRoot:
    """Finds the log root that a trust root names, and goes on to later versions that are given.

    Args:
        trust: which file it names, or holds.
        files: the named file, unless the trust root holds it, and the versions after it in their order.

    Raises:
        InvalidInputError: a file is none, or the trust root names none.
        VerificationError: the file is another, is about another chain, or is not signed by enough of its keys.
    """
    named = trust.log_root
    if named is None:
        raise InvalidInputError("log root does not match (got none in the trust root, expected one)")
    if isinstance(named, LogRootPin):
        if not files:
            raise VerificationError(
                f"log root does not match (got no file, expected version {named.version} "
                f"with SHA-256 0x{named.sha256.hex()})"
            )
        named, files = named.open(files[0]), files[1:]
    log_root.verify_root(named)
    _check_deployment(named, trust)
    return log_root.follow(named, files)


def _check_deployment(root: LogRoot, trust: TrustRoot) -> None:
    for what, got, expected in (
        ("chain id", root.chain_id, trust.chain_id),
        ("genesis hash", root.genesis_hash.hex(), trust.genesis_hash.hex()),
    ):
        if got != expected:
            raise VerificationError(f"{what} of the log root does not match (got {got}, expected {expected})")
    foreign = {address.hex() for address in root.contracts} - {address.hex() for _, address in trust.contracts}
    ledger = trust.address("AccessLedger")
    if foreign or ledger not in root.contracts:
        raise VerificationError(
            f"contracts of the log root do not match (got {sorted(foreign)} beside them, "
            f"expected those of the trust root and 0x{ledger.hex()} among them)"
        )


def check_witnesses(proof: LogProof, root: LogRoot, block: BlockReference, log: Log, now: int) -> Witnessed:
    """Proves that witnesses vouch for the log of the decision (step 15), and did so when it was there to be seen.

    Args:
        proof: place of the leaf, path and checkpoint.
        root: whom to believe.
        block: where the decision stands; what was cosigned more than `AHEAD` seconds before its time does not count.
        log: what the contract emitted for it.
        now: seconds since the epoch.

    Raises:
        InvalidInputError: the proof holds no checkpoint.
        VerificationError: the checkpoint is not final, or the decision is not in its log at that place.
    """
    leaf = leaf_of(root.chain_id, block.number, block.hash, log)
    entry = log_proof.verify_proof(proof, leaf, root.policy, now, since=block.time - AHEAD)
    return Witnessed(entry, len(root.policy.witnesses))
