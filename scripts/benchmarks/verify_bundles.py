"""How many evidence bundles one core verifies in a second, each of another access, as ``access prove`` writes them.

Accesses are asked for one after another on a real chain; each is proved at once, with all headers from the admission of
the hospital to the newest block, which the trust root vouches for. So the headers of a bundle are as many as the chain
had blocks then, and verifying takes longer the more they are: how many is reported beside the figure. What is counted
is processor time, so that what else runs on the machine is not.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.decide import single_calls
from benchmarks.load import closed_loop
from benchmarks.stage import AUTHORITY, Stage, open_stage
from consentry.core.terms import AccessRequest
from consentry.evidence.bundle import Bundle
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.ledger.chain import ChainLedger
from consentry.ledger.proofs import Prover

ROUNDS: Final = 7
PATIENTS: Final = 4


def run(*, quick: bool) -> dict[str, float]:
    """Measures in rounds over all bundles; the median of the rounds.

    Returns:
        ``verify_bundles_per_s``, and of a bundle in the middle ``bundle_headers`` and ``bundle_bytes``.

    Raises:
        RuntimeError: two bundles are the same.
    """
    made = asyncio.run(_prove(20 if quick else 40))
    contents = [content for content, _ in made]
    if len(set(contents)) != len(contents):
        raise RuntimeError("a bundle was made twice")
    _seconds(made)  # the first run loads code
    return {
        "verify_bundles_per_s": statistics.median(len(made) / _seconds(made) for _ in range(ROUNDS)),
        "bundle_headers": statistics.median(len(Bundle.from_json(content).headers) for content in contents),
        "bundle_bytes": statistics.median(len(content) for content in contents),
    }


async def _prove(count: int) -> list[tuple[bytes, TrustRoot]]:
    async with open_stage(PATIENTS) as stage:
        sent: list[AccessRequest] = []
        calls = single_calls(stage, count, sent)
        connection = stage.network.connection()
        ledger = await ChainLedger.connect(connection, stage.manifest, stage.network.key(AUTHORITY).secret)
        prover = Prover(connection, stage.manifest, ledger)
        try:
            made = []
            for call, asked in zip(calls, sent, strict=True):
                await closed_loop(stage.url, [call], 1)
                made.append(await _proved(prover, stage, asked))
            return made
        finally:
            await ledger.close()


async def _proved(prover: Prover, stage: Stage, asked: AccessRequest) -> tuple[bytes, TrustRoot]:
    trust = await prover.trust_root()
    bundle = await prover.prove(stage.requester.address, asked.request_id, checkpoint=trust.checkpoints[0].number)
    return bundle.to_json(), trust


def _seconds(made: Sequence[tuple[bytes, TrustRoot]]) -> float:
    begun = time.process_time()
    for content, trust in made:
        verify(content, trust)
    return time.process_time() - begun
