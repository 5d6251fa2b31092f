"""What the national ledger costs: gas of a transaction, for logs as long as those of a province in some years.

Such a log is never built. Whatever nodes there are lead to some roots, and those are anchored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from consentry.core.anchors import Conflict
from consentry.core.ledger_checkpoint import LedgerCheckpoint, ledger_id
from consentry.core.log_tree import leaf_hash, node_hash, roots_along
from consentry.errors import VerificationError
from consentry.evidence.log_entry import entry_of
from tests.contracts.test_national_proofs import of_bundle, synthetic
from tests.support.evm import Outcome
from tests.support.national import IDENTITY, LEDGER, National, checkpoint

LONG: Final = 1 << 33
"""Leaves of a log of a large province in some years: eight thousand million."""


def some(count: int) -> list[bytes]:
    """Gives hashes."""
    return [keccak(b"%d" % number) for number in range(count)]


def nodes_for(smaller: int, larger: int) -> list[bytes]:
    """Gives nodes, as many as these sizes have."""
    for count in range(1, 130):
        try:
            roots_along(smaller, larger, some(count))
        except VerificationError:
            continue
        return some(count)
    raise AssertionError(f"nodes do not match (got none for {smaller} and {larger})")


def sized(size: int, root: bytes, block: int, ledger: bytes = LEDGER) -> LedgerCheckpoint:
    """Gives a checkpoint of a log that is not there."""
    return dataclasses.replace(checkpoint(1, ledger=ledger), size=size, root=root, block_number=block)


def _gas(national: National, made: LedgerCheckpoint, nodes: Sequence[bytes] = (), signers: int = 3) -> int:
    signed = national.sign(made, *[key for key in national.witnesses if len(key.signer) == 20][:signers])
    brought = national.bring(made, nodes, signed)
    assert brought.conflict is not None, brought
    return brought.outcome.gas_used


def _must(outcome: Outcome) -> int:
    return National.must(outcome).gas_used


def measure_anchors(national: National) -> dict[str, int]:
    """Measures checkpoints of three accounts of five."""
    signers = [key.signer for key in national.witnesses]
    admitted = national.by_two("admitLedger", dataclasses.astuple(IDENTITY), signers, 3)
    national.rules.admit(IDENTITY, signers, 3)
    nodes = nodes_for(LONG - 1_000_001, LONG + 1_000)
    older, newer = roots_along(LONG - 1_000_001, LONG + 1_000, nodes)
    costs = {
        "admit_ledger_five_witnesses": _must(admitted),
        "anchor_first": _gas(national, sized(LONG - 1_000_001, older, 1)),
        "anchor_next": _gas(national, sized(LONG + 1_000, newer, 2), nodes),
        "anchor_nodes": len(nodes),
        "record_conflict": _gas(national, sized(LONG + 1_000, older, 2)),
    }
    assert national.rules.of(LEDGER).conflicts == 1
    return costs


def measure_proofs(national: National) -> dict[str, int]:
    """Measures the proof of a decision by a long log, and by a block of three hundred transactions two blocks back."""
    province = synthetic(national)
    province.anchor()
    by_chain = _must(province.by_chain())
    real, _ = of_bundle(national, "permitted-account")
    identity = dataclasses.replace(real.identity, origin="long.example.org")
    node = leaf_hash(entry_of(identity.chain_id, real.block.number, real.block.hash, real.log))
    path = some(LONG.bit_length() - 1)
    for sibling in path:
        node = node_hash(node, sibling)
    ledger = national.admit(identity)
    assert national.bring(sized(LONG, node, 1, ledger_id(identity))).conflict == Conflict.NONE
    assert ledger == ledger_id(identity)
    place = (real.block.number, real.block.hash, 0)
    by_log = national.send(
        "verifyLoggedDecision",
        dataclasses.astuple(identity),
        LONG,
        place,
        real.log.topics,
        real.log.data,
        path,
    )
    return {"verify_by_log": _must(by_log), "verify_by_chain": by_chain}


def measure() -> dict[str, int]:
    """Measures everything."""
    return dict(sorted((measure_anchors(National()) | measure_proofs(National())).items()))
