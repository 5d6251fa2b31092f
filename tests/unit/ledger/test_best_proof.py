"""All that can vouch for an access on a chain with seals: validators, witnesses, either, or neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from web3.providers.async_base import AsyncBaseProvider

from consentry.core.terms import Address
from consentry.errors import NotFoundError
from consentry.evidence.assemble import AccessHistory, ChainFacts, SealedBlock
from consentry.evidence.inclusion import Inclusion, LogInclusion
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.note import SignedNote
from consentry.evidence.trust import TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.ledger.best_proof import Proved, prove_best
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile
from consentry.ledger.proofs import Prover
from consentry.ledger.vouching import Wanted
from tests.support.log_people import cosigned
from tests.vectors.bundles.vouched import CHECKED, COSIGNED, build_vouched

WORLD = build_vouched()
NAME = "permitted-account"
HISTORY = WORLD.histories[NAME]
NOTE = WORLD.log_proof(NAME).note.to_bytes()
TOO_EARLY = cosigned(
    WORLD.head(len(WORLD.leaves)), dict.fromkeys(range(3), HISTORY.decided.place.block.time - 301)
).to_bytes()
PINNED = WORLD.trust.qbft_anchor


class SealedChain(Connection):
    """A node that has the headers of the vectors."""

    def __init__(self) -> None:
        super().__init__(AsyncBaseProvider(), load_profile("besu"))

    async def header_bytes(self, number: int) -> bytes:
        """Gives a header as the vectors have it."""
        return WORLD.headers[number]


class SealedProver(Prover):
    """Reads the chain of the vectors as it would a node."""

    def __init__(self) -> None:
        self._trust, self._connection = WORLD.trust, SealedChain()

    @property
    def facts(self) -> ChainFacts:
        return ChainFacts(self._trust.chain_id, self._trust.genesis_hash, "qbft", self._trust.contracts)

    async def trust_root(self) -> TrustRoot:
        newest = WORLD.chain.blocks[-1]
        checkpoints = (TrustedBlock(newest.number, newest.hash),)
        return replace(self._trust, checkpoints=checkpoints, qbft_anchor=None, log_root=None)

    async def history(self, institution: Address, request_id: int) -> AccessHistory:
        asked = HISTORY.decided.entry.request
        if (asked.institution, asked.request_id) != (institution, request_id):
            raise NotFoundError("decision is not known")
        return HISTORY

    async def log_tree(self, note: SignedNote) -> LogTree:
        return LogTree(note, WORLD.leaves)

    async def _block(self, number: int) -> SealedBlock:
        return WORLD.receipts[number]


async def proved(*, headers: bool = False, **wanted: Any) -> Proved:  # noqa: ANN401 - members by name
    asked, by = HISTORY.decided.entry.request, Wanted(**wanted)
    return await prove_best(SealedProver(), asked.institution, asked.request_id, by, CHECKED, headers=headers)


async def test_validators_and_witnesses_both_vouch_and_nothing_is_missing() -> None:
    found = await proved(log_root=WORLD.log_root, checkpoint=NOTE, pinned=PINNED)
    assert found.missing == ()
    assert found.verified.vouched.seals
    assert found.verified.vouched.witnesses
    assert isinstance(found.bundle.decision, Inclusion)
    assert all(isinstance(shown, LogInclusion) for shown in found.bundle.inclusions)
    assert found.trust.log_root == WORLD.log_root
    assert found.trust.qbft_anchor == PINNED


async def test_headers_are_there_too_for_who_believes_no_witnesses() -> None:
    found = await proved(log_root=WORLD.log_root, checkpoint=NOTE, pinned=PINNED, headers=True)
    assert found.missing == ()
    assert found.verified.vouched.witnesses
    assert all(isinstance(shown, Inclusion) for shown in found.bundle.inclusions)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"pinned": PINNED}, ("no witnesses vouch for it: no log root says whose cosignatures count",)),
        (
            {"log_root": WORLD.log_root, "checkpoint": NOTE},
            ("no seals vouch for it: no block is pinned to follow validators from",),
        ),
        (
            {"log_root": WORLD.log_root, "checkpoint": NOTE, "pinned": Anchor(10_000, bytes(32), 100)},
            ("no seals vouch for it: block does not match",),
        ),
        (
            {
                "log_root": WORLD.log_root,
                "checkpoint": cosigned(WORLD.head(5), dict.fromkeys(range(3), COSIGNED)).to_bytes(),
                "pinned": PINNED,
            },
            ("no witnesses vouch for it: the newest final checkpoint has 5 entries",),
        ),
        (
            {"log_root": WORLD.log_root, "checkpoint": TOO_EARLY, "pinned": PINNED},
            ("no witnesses vouch for it: number of witnesses does not match (got 0",),
        ),
    ],
)
async def test_what_is_missing_is_told_and_the_rest_is_there(wanted: dict[str, Any], says: tuple[str, ...]) -> None:
    found = await proved(**wanted)
    assert len(found.missing) == len(says)
    assert all(told.startswith(start) for told, start in zip(found.missing, says, strict=True))
    assert bool(found.verified.vouched.witnesses) == ("no witnesses" not in found.missing[0])
    assert bool(found.verified.vouched.seals) == ("no seals" not in found.missing[0])


async def test_decision_that_is_not_there_is_not_proved() -> None:
    with pytest.raises(NotFoundError):
        await prove_best(SealedProver(), Address(bytes(20)), 1, Wanted(), CHECKED)
