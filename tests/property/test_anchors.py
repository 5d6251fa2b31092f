"""Random histories through the contract of the national ledger and through its rules, which must agree on each step.

And whatever was brought, what is anchored is one history: every tree is the beginning of every larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core.anchors import Conflict, LedgerStatus
from consentry.core.log_tree import nodes_of, prefix_nodes, root_of
from consentry.core.terms import ZERO_32
from tests.support.log_people import leaves
from tests.support.national import (
    IDENTITY,
    LEDGER,
    START,
    THRESHOLD,
    National,
    accounts,
    checkpoint,
    in_order,
    nodes_between,
)

MOST: Final = 12
ACTS: Final = ["resolve"] * 3 + ["change"] * 5 + ["close"]
LISTS: Final = [accounts("witness of the comparison", 5), accounts("other witness of the comparison", 5)]
FORKS: Final = st.one_of(st.none(), st.none(), st.integers(0, 6))


@dataclass(frozen=True, slots=True)
class Bring:
    """A checkpoint, from which history its nodes are, and how many witnesses sign it.

    Where ``former`` holds, the list before today's signs, and it is to be recorded as a conflict with the tree of that
    size, or the newest.
    """

    size: int
    fork: int | None
    block: int
    other_block: bool
    seen: int
    nodes: int | None
    shown: bool
    signers: int
    former: bool


@cache
def deployed() -> National:
    """Deploys the national ledger once and admits a province; only accounts witness: they are cheap to check here."""
    national = National()
    national.witnesses = in_order(LISTS[0])
    national.admit()
    return national


def brought() -> st.SearchStrategy[Bring]:
    """Gives steps; most go on from the size in block and time, as honest witnesses do."""
    sizes = st.integers(1, MOST)

    def usual(size: int) -> st.SearchStrategy[int]:
        return st.one_of(*[st.just(size)] * 8, sizes)

    def step(size: int) -> st.SearchStrategy[Bring]:
        of = st.just(size), FORKS, usual(size), st.integers(0, 9).map(lambda n: n == 0), usual(size), FORKS
        signers = st.sampled_from([3] * 8 + [5, 2])
        return st.builds(Bring, *of, st.integers(0, 6).map(bool), signers, st.integers(0, 2).map(lambda n: n == 0))

    return sizes.flatmap(step)


def nodes_for(known: int, step: Bring) -> Sequence[bytes]:
    """Gives the nodes of a step for the tree it stands beside, if it shows any."""
    if not step.shown or not known or known == step.size:
        return ()
    fork = step.fork if step.nodes is None else step.nodes
    return nodes_between(known, step.size, fork)


def check_one_history(national: National) -> None:
    """Every anchored tree is the beginning of the next larger one, by the leaves of the history it has."""
    known = national.rules.of(LEDGER)
    sizes = sorted(known.anchors)
    for smaller, larger in pairwise(sizes):
        histories = [leaves(larger, fork) for fork in (None, *range(larger))]
        roots = {root_of(larger, nodes_of(one)): root_of(smaller, nodes_of(one)) for one in histories}
        assert roots[known.anchors[larger].root] == known.anchors[smaller].root
        assert known.anchors[smaller].block_number < known.anchors[larger].block_number


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(brought(), brought(), brought(), st.sampled_from(ACTS)), max_size=9))
def test_contract_and_rules_agree_and_anchor_one_history(steps: list[Bring | str]) -> None:
    national = deployed()
    mark = national.evm.mark()
    national.rules, national.witnesses = type(national.rules)(), in_order(LISTS[0])
    national.rules.admit(IDENTITY, [key.signer for key in national.witnesses], THRESHOLD)
    try:
        for step in steps:
            take(national, step)
        check_one_history(national)
    finally:
        national.evm.put_back(mark)


def take(national: National, step: Bring | str) -> None:
    """Takes one step on both sides."""
    if not isinstance(step, Bring):
        govern(national, step)
        return
    made = checkpoint(
        step.size,
        fork=step.fork,
        block_number=step.block,
        block_hash=keccak(f"block {step.block} {step.other_block}".encode()),
        seen_at=START + step.seen,
    )
    known = national.rules.of(LEDGER)
    # The trees that are anchored lie around the size; the next smaller one is as good as any to be held against.
    against = max((size for size in known.anchors if size <= step.size), default=known.size) if step.former else None
    keys = LISTS[(known.versions.get(against, 1) - 1) % 2] if against is not None else national.witnesses
    signed = national.sign(made, *in_order(keys)[: step.signers])
    nodes = nodes_for(known.size if against is None else against, step)
    brought = national.bring(made, nodes, signed, against)
    if brought.conflict not in {None, Conflict.NONE}:
        assert known.status in {LedgerStatus.FORKED, LedgerStatus.CLOSED_FORKED}


def govern(national: National, act: str) -> None:
    """Has two officers act; contract and rules must both do it or both refuse."""
    status = national.rules.of(LEDGER).status
    is_open = status in {LedgerStatus.ACTIVE, LedgerStatus.FORKED}
    if act == "change" and is_open:
        national.change(LISTS[national.rules.of(LEDGER).version % 2], THRESHOLD)
    elif act == "close" and is_open:
        national.must(national.by_two("closeLedger", LEDGER, ZERO_32))
        national.rules.close(LEDGER)
    elif act == "resolve":
        outcome = national.by_two("resolveFork", LEDGER, ZERO_32)
        assert (outcome.error == "") == (status in {LedgerStatus.FORKED, LedgerStatus.CLOSED_FORKED})
        if not outcome.error:
            national.rules.resolve(LEDGER)
    national.agree(LEDGER)


def test_nodes_of_the_comparison_are_those_of_a_tree() -> None:
    assert nodes_between(3, 7) == prefix_nodes(3, 7, nodes_of(leaves(7)))
