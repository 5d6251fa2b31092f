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
FORKS: Final = st.one_of(st.none(), st.none(), st.integers(0, 6))


@dataclass(frozen=True, slots=True)
class Bring:
    """A checkpoint, from which history its nodes are, and how many witnesses sign it."""

    size: int
    fork: int | None
    block: int
    other_block: bool
    seen: int
    nodes: int | None
    shown: bool
    signers: int


@cache
def deployed() -> National:
    """Deploys the national ledger once and admits a province; only accounts witness: they are cheap to check here."""
    national = National()
    national.witnesses = in_order(accounts("witness of the comparison", 5))
    national.admit()
    return national


def brought() -> st.SearchStrategy[Bring]:
    """Gives steps; most go on from the size in block and time, as honest witnesses do."""
    sizes = st.integers(1, MOST)

    def usual(size: int) -> st.SearchStrategy[int]:
        return st.one_of(*[st.just(size)] * 8, sizes)

    def step(size: int) -> st.SearchStrategy[Bring]:
        of = st.just(size), FORKS, usual(size), st.integers(0, 9).map(lambda n: n == 0), usual(size), FORKS
        return st.builds(Bring, *of, st.integers(0, 6).map(bool), st.sampled_from([3] * 8 + [5, 2]))

    return sizes.flatmap(step)


def nodes_for(national: National, step: Bring) -> Sequence[bytes]:
    """Gives the nodes of a step for the newest tree, if it shows any."""
    newest = national.rules.of(LEDGER).size
    if not step.shown or not newest or newest == step.size:
        return ()
    fork = step.fork if step.nodes is None else step.nodes
    return nodes_between(newest, step.size, fork)


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
@given(st.lists(st.one_of(brought(), brought(), brought(), st.just("resolve")), max_size=9))
def test_contract_and_rules_agree_and_anchor_one_history(steps: list[Bring | str]) -> None:
    national = deployed()
    mark = national.evm.mark()
    national.rules = type(national.rules)()
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
        outcome = national.by_two("resolveFork", LEDGER, ZERO_32)
        assert (outcome.error == "") == (national.rules.of(LEDGER).status == LedgerStatus.FORKED)
        if not outcome.error:
            national.rules.resolve(LEDGER)
        return
    made = checkpoint(
        step.size,
        fork=step.fork,
        block_number=step.block,
        block_hash=keccak(f"block {step.block} {step.other_block}".encode()),
        seen_at=START + step.seen,
    )
    brought = national.bring(made, nodes_for(national, step), national.sign(made, *national.witnesses[: step.signers]))
    if brought.conflict not in {None, Conflict.NONE}:
        assert national.rules.of(LEDGER).status == LedgerStatus.FORKED


def test_nodes_of_the_comparison_are_those_of_a_tree() -> None:
    assert nodes_between(3, 7) == prefix_nodes(3, 7, nodes_of(leaves(7)))
