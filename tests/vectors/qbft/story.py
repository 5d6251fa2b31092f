"""The chain of the vectors: seven validators, rounds, votes in and out, votes that lapse, or are taken back."""

from __future__ import annotations

from typing import Final

from tests.support.qbft_chain import Chain, address_of

FIRST: Final = tuple(sorted("abcdefg", key=address_of, reverse=True))
"""Validators of the first block, not in order: nodes demand the order only of blocks that were sealed."""
EPOCH: Final = 20
CHANGES: Final = {8: "abcdefgh", 29: "abcdefh", 36: "abcdefhi", 47: "bcdefhi"}
"""Blocks that list other validators than the one before, and whom."""


def build() -> Chain:
    """Writes the chain, blocks 0 to 49."""
    chain = Chain(FIRST, "abcdefghij", EPOCH)
    for round_ in (0, 1, 300):
        chain.write(round_=round_)
    for voter in "abcd":  # h comes in with the fourth vote of seven
        chain.write(proposer=voter, vote=("h", True))
    chain.write(sealers=[name for name in chain.members() if name in "abcdh"] + ["e"])
    for _ in range(3):
        chain.write()
    for voter in "abch":
        chain.write(proposer=voter, vote=("g", False))
    for _ in range(4):
        chain.write()
    chain.write(proposer="d", vote=("g", False))  # the fifth of eight, but in block 20, where votes lapse
    _vote_g_out(chain)
    for voter in "abc":  # with the vote of g, who is gone, it would be a majority
        chain.write(proposer=voter, vote=("j", True))
    for voter in "abcd":
        chain.write(proposer=voter, vote=("i", True))
    while len(chain.blocks) < 42:
        chain.write(round_=len(chain.blocks) % 3)
    for voter in "bcdi":  # a goes with the fifth vote of eight; the first may be missing from a proof
        chain.write(proposer=voter, vote=("a", False))
    chain.write(proposer="e", vote=("a", False))
    chain.write()
    chain.write(sealers=chain.members())
    chain.write()
    return chain


def _vote_g_out(chain: Chain) -> None:
    """Blocks 21 to 28: five of eight, where one takes the vote back and casts it again; g votes for j meanwhile."""
    votes = (("a", "g", False), ("b", "g", False), ("a", "g", True), ("c", "g", False), ("g", "j", True))
    for voter, whom, come_in in (*votes, ("d", "g", False), ("e", "g", False)):
        chain.write(proposer=voter, vote=(whom, come_in))
    chain.write(proposer="a", vote=("g", False))
