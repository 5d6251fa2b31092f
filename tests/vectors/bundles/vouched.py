"""Two true accesses on a QBFT chain with seven, later eight validators, in a ledger log that five witnesses watch.

The events are those of the true bundles, each in a block of its own. The chain is written by hand
(`tests.support.qbft_chain`); its eighth validator came in by votes before the first of the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from consentry.core.chain import BlockReference, EventPlace
from consentry.core.events import AccessDecided
from consentry.core.log_tree import inclusion_proof, leaf_hash, nodes_of, root_of
from consentry.evidence import qbft_proof, trie
from consentry.evidence.assemble import AccessHistory, ChainFacts, SealedBlock, assemble
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import LogProof
from consentry.evidence.log_root import LogRoot
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.logs import ProvableEvent
from consentry.evidence.note import SignedNote
from consentry.evidence.trust import TrustRoot
from consentry.evidence.validator_trail import Anchor
from tests.support.log_people import NOW, ORIGIN, ROOT, ROOT_HOLDERS, cosigned
from tests.support.qbft_chain import RECEIPTS, TIME, Block, Chain, address_of, scalar
from tests.vectors.bundles.real import HOSPITAL, PATIENT, RealBundles, build_real
from tests.vectors.bundles.rogue import Rogue

EPOCH: Final = 100
FIRST: Final = tuple("abcdefg")
NEWCOMER: Final = "h"
EARLIER_LEAVES: Final = 30
COSIGNED: Final = NOW + 100
CHECKED: Final = NOW + 200
"""When the bundles are verified, in seconds."""
SEALERS: Final = 6
"""Of eight validators, as many must seal."""


def seal(block: Block, receipt: bytes, time: int, sealers: Sequence[str]) -> Block:
    """Gives a block another receipt and time, and seals it anew."""
    return block.put(RECEIPTS, trie.root_of([receipt])).put(TIME, scalar(time)).sealed_by(sealers)


@dataclass(frozen=True)
class Vouched:
    """What is verified, against what, and what it was made of."""

    trust: TrustRoot
    log_root: LogRoot
    bundles: dict[str, Bundle]
    chain: Chain
    leaves: tuple[bytes, ...]
    places: dict[str, int]
    by_log: dict[str, Bundle] = field(default_factory=dict)
    """The same accesses, assembled with the log in place of receipts."""
    histories: dict[str, AccessHistory] = field(default_factory=dict)
    receipts: dict[int, SealedBlock] = field(default_factory=dict)
    """Blocks with events, by number."""

    @property
    def headers(self) -> list[bytes]:
        """RLP of all headers of the chain."""
        return [block.encoded for block in self.chain.blocks]

    def log_proof(
        self, name: str, *, size: int | None = None, note: SignedNote | None = None, index: int | None = None
    ) -> LogProof:
        """Proves the decision of an access, or another leaf, under a checkpoint of some size."""
        size, at = size or len(self.leaves), self.places[name] if index is None else index
        proof = inclusion_proof(at, size, nodes_of(self.leaves))
        return LogProof(at, proof, note or cosigned(self.head(size), dict.fromkeys(range(3), COSIGNED)))

    def head(self, size: int) -> Checkpoint:
        """Gives the head of the log at that size."""
        return Checkpoint(ORIGIN, size, root_of(size, nodes_of(self.leaves[:size])))


class _Writer:
    """Writes blocks with events, and the leaves of their logs."""

    def __init__(self, real: RealBundles) -> None:
        self.real = real
        self.chain = Chain(FIRST, (*FIRST, NEWCOMER), EPOCH)
        self.leaves = [leaf_hash(b"earlier %d" % number) for number in range(EARLIER_LEAVES)]
        self.blocks: dict[int, SealedBlock] = {}
        for proposer in ("a", "b", "c", "d", "e"):
            self.chain.write(proposer=proposer, vote=(NEWCOMER, True) if proposer != "e" else None)

    def put(self, rogue: Rogue, event: ProvableEvent) -> ProvableEvent:
        """Writes a block with one event; gives the event at its place."""
        block, receipt = self.chain.write(), rogue.receipt_of(event)
        members = self.chain.members()
        turning = [members[(block.number + place) % len(members)] for place in range(SEALERS)]
        decided = event.entry.decided_at if isinstance(event, AccessDecided) else 0
        time = max(decided, int.from_bytes(self.chain.blocks[-2].fields[TIME], "big"))
        assert address_of(NEWCOMER) in block.validators
        block = self.chain.blocks[-1] = seal(block, receipt, time, turning)
        self.blocks[block.number] = SealedBlock(block.encoded, (receipt,))
        reference = BlockReference(block.number, block.hash, time)
        [log] = trie.logs_of(receipt)
        self.leaves.append(leaf_of(self.real.trust.chain_id, block.number, block.hash, log))
        return replace(event, place=EventPlace(reference, bytes(32), 0))


def _with_block_0(real: RealBundles, chain: Chain) -> TrustRoot:
    root = replace(
        ROOT,
        chain_id=real.trust.chain_id,
        genesis_hash=chain.blocks[0].hash,
        contracts=tuple(sorted(address for _, address in real.trust.contracts)),
    )
    return TrustRoot(
        chain_id=real.trust.chain_id,
        genesis_hash=chain.blocks[0].hash,
        header_form="qbft",
        contracts=real.trust.contracts,
        checkpoints=(),
        qbft_anchor=Anchor(0, chain.blocks[0].hash, EPOCH),
        log_root=root.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1]),
    )


@cache
def build_vouched() -> Vouched:
    """Writes the chain and the log, and proves both accesses."""
    real = build_real()
    writer = _Writer(real)
    histories: dict[str, AccessHistory] = {}
    places: dict[str, int] = {}
    admitted: Any = None
    for name in ("permitted-account", "permitted-passkey"):
        bundle = real.bundles[name]
        rogue = Rogue(bundle, real.trust, HOSPITAL, PATIENT)
        found = rogue.all_events()
        admitted = admitted or writer.put(rogue, found["admitted"])
        parts: dict[str, Any] = {
            part: writer.put(rogue, found[part]) for part in ("enrolled", "anchored", "granted", "decided")
        }
        places[name] = len(writer.leaves) - 1
        histories[name] = AccessHistory(
            admitted, None, **parts, scope_proof=bundle.scope_proof, request_signature=bundle.request_signature
        )
    trust = _with_block_0(real, writer.chain)
    assert isinstance(trust.log_root, LogRoot)
    bare = Vouched(trust, trust.log_root, {}, writer.chain, tuple(writer.leaves), places)
    facts = ChainFacts(trust.chain_id, trust.genesis_hash, "qbft", trust.contracts)
    bundles = {name: _proved(bare, name, history, facts, writer.blocks) for name, history in histories.items()}
    by_log = {name: _shown_by_log(bare, name, history, facts, writer.blocks) for name, history in histories.items()}
    return replace(bare, bundles=bundles, by_log=by_log, histories=histories, receipts=writer.blocks)


def _shown_by_log(
    world: Vouched, name: str, history: AccessHistory, facts: ChainFacts, blocks: dict[int, SealedBlock]
) -> Bundle:
    last = history.decided.place.block.number
    tree = LogTree(world.log_proof(name).note, world.leaves)
    return assemble(history, facts, {last: blocks[last]}, log=tree)


def _proved(
    world: Vouched, name: str, history: AccessHistory, facts: ChainFacts, blocks: dict[int, SealedBlock]
) -> Bundle:
    anchor, last = world.trust.qbft_anchor, history.decided.place.block.number
    assert anchor
    first = min(history.blocks())
    bundle = assemble(
        history, facts, {number: blocks[number] for number in history.blocks()}, world.headers[first : last + 1]
    )
    headers = qbft_proof.select(anchor, world.headers, last)
    return replace(bundle, qbft_proof=headers, log_proof=world.log_proof(name))
