"""Writes ``proof.json`` and ``trust-root.json`` beside it: a true bundle's decision, followed to a national ledger.

Run it with ``python -m tests.vectors.anchors.build_proof``. The decision is that of the bundle ``permitted-account``,
in a log of seven leaves; the national ledger is the contract on a chain in this process, two blocks later.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentry.core import events
from consentry.core.anchors import Conflict
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity
from consentry.core.log_tree import inclusion_proof, nodes_of, root_of
from consentry.core.terms import ZERO_32
from consentry.evidence import header, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.header import Header
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import log_of
from consentry.evidence.national import NationalChain, NationalProof
from consentry.evidence.trust import NationalTrust, TrustedBlock, TrustRoot
from tests.support.log_people import ORIGIN, leaves
from tests.support.national import START, National
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT

FOLDER: Final = Path(__file__).parent
BUNDLE: Final = TRUE / "permitted-account.json"
SIZE: Final = 7
INDEX: Final = 5
_NOWHERE: Final = EventPlace(BlockReference(0, ZERO_32, 0), ZERO_32, 0)


@dataclass(frozen=True)
class Followed:
    """The file, and whom to believe."""

    proof: NationalProof
    trust: TrustRoot


def _decided(bundle: Bundle) -> Header:
    found = (header.decode(encoded) for encoded in bundle.headers)
    return next(one for one in found if one.hash == bundle.decision.block_hash)


def _tree(bundle: Bundle, identity: LedgerIdentity) -> list[bytes]:
    block = _decided(bundle)
    log = log_of(events.AccessDecided(_NOWHERE, bundle.entry), identity.access_ledger)
    tree = leaves(SIZE)
    tree[INDEX] = leaf_of(identity.chain_id, block.number, block.hash, log)
    return tree


def build() -> Followed:
    """Makes both: the nation anchors, then two more blocks are sealed there."""
    bundle, known = Bundle.from_json(BUNDLE.read_bytes()), TrustRoot.from_json(TRUST_ROOT.read_bytes())
    identity = LedgerIdentity(ORIGIN, bundle.chain_id, bundle.genesis_hash, known.address("AccessLedger"))
    tree, newest = _tree(bundle, identity), known.checkpoints[0]
    national = National()
    ledger = national.admit(identity)
    root = root_of(SIZE, nodes_of(tree))
    made = LedgerCheckpoint(ledger, SIZE, root, newest.number, newest.hash, START)
    brought = national.bring(made)
    assert brought.conflict == Conflict.NONE
    number = brought.outcome.block_number
    for _ in range(2):
        national.must(national.send("closeLedger", ledger, ZERO_32))
        national.evm.travel(national.evm.time + 8 * 86_400)
    signed = national.sign(made)
    return Followed(*_written(national, identity, made, signed, number, tree, known))


def _written(
    national: National,
    identity: LedgerIdentity,
    made: LedgerCheckpoint,
    signed: list[tuple[bytes, bytes]],
    number: int,
    tree: list[bytes],
    known: TrustRoot,
) -> tuple[NationalProof, TrustRoot]:
    blocks = [national.evm.sealed_block(one) for one in range(number, national.evm.height + 1)]
    headers = [header.decode(block.header) for block in blocks]
    genesis = header.decode(national.evm.sealed_block(0).header).hash
    chain = NationalChain(national.evm.chain_id, genesis, national.contract)
    proof = NationalProof(
        national=chain,
        ledger=identity,
        checkpoint=made,
        signers=tuple(one for one, _ in signed),
        signatures=tuple(other for _, other in signed),
        headers=tuple(block.header for block in blocks),
        inclusion=Inclusion(headers[0].hash, 0, 0, trie.prove(blocks[0].receipts, 0)),
        index=INDEX,
        path=inclusion_proof(INDEX, SIZE, nodes_of(tree)),
    )
    pinned = (TrustedBlock(headers[-1].number, headers[-1].hash),)
    nation = NationalTrust(chain.chain_id, genesis, "ethereum", chain.contract, ORIGIN, pinned)
    return proof, dataclasses.replace(known, national=nation)


def main() -> None:
    """Writes the files."""
    made = build()
    (FOLDER / "proof.json").write_bytes(made.proof.to_json())
    (FOLDER / "trust-root.json").write_bytes(made.trust.to_json())


if __name__ == "__main__":
    main()
