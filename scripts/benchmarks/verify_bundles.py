"""How many evidence bundles one core verifies in a second, each of another access, as ``access prove`` writes them.

Accesses are asked for one after another on a real chain; each is proved at once, under a checkpoint that two of three
witnesses signed. So the log shows the events, and the trust root holds the log root. The same accesses are measured
once more with all headers from the admission of the hospital to the newest block, which the trust root vouches for:
these are as many as the chain had blocks then, and verifying takes longer the more they are. What is counted is
processor time, so that what else runs on the machine is not.
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
from consentry.core.codes import DAY
from consentry.core.log_tree import nodes_of, root_of
from consentry.core.terms import AccessRequest
from consentry.crypto.ed25519 import Ed25519Key
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint, Cosigner, LogSigner, checkpoint_note
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.log_root import LogRoot
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.evidence.witnesses import WitnessPolicy
from consentry.ledger.best_proof import prove_best
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.ledger.vouching import Wanted
from consentry.witness.gateway_log import followed_log

ORIGIN: Final = "benchmark.example/log"
ROUNDS: Final = 5
PATIENTS: Final = 4


def run(*, quick: bool) -> dict[str, float]:
    """Measures in rounds over all bundles of both forms, by turns; the median of the rounds.

    Returns:
        ``verify_bundles_per_s`` and ``bundle_bytes``, and of the same accesses with headers
        ``verify_bundles_with_headers_per_s``, ``bundle_headers`` and ``bundle_with_headers_bytes``; sizes are those of
        a bundle in the middle.

    Raises:
        RuntimeError: two bundles are the same.
    """
    by_log, with_headers = asyncio.run(_prove(20 if quick else 40))
    for made in (by_log, with_headers):
        if len({content for content, _ in made}) != len(made):
            raise RuntimeError("a bundle was made twice")
        _seconds(made)  # the first run loads code
    rounds = [(len(by_log) / _seconds(by_log), len(with_headers) / _seconds(with_headers)) for _ in range(ROUNDS)]
    return {
        "verify_bundles_per_s": statistics.median(one for one, _ in rounds),
        "bundle_bytes": statistics.median(len(content) for content, _ in by_log),
        "verify_bundles_with_headers_per_s": statistics.median(other for _, other in rounds),
        "bundle_headers": statistics.median(len(Bundle.from_json(content).headers) for content, _ in with_headers),
        "bundle_with_headers_bytes": statistics.median(len(content) for content, _ in with_headers),
    }


Made = list[tuple[bytes, TrustRoot]]


async def _prove(count: int) -> tuple[Made, Made]:
    async with open_stage(PATIENTS) as stage:
        sent: list[AccessRequest] = []
        calls = single_calls(stage, count, sent)
        connection = stage.network.connection()
        ledger = await ChainLedger.connect(connection, stage.manifest, stage.network.key(AUTHORITY).secret)
        prover, people = Prover(connection, stage.manifest, ledger), LogPeople(stage.manifest)
        try:
            made: tuple[Made, Made] = [], []
            for call, asked in zip(calls, sent, strict=True):
                await closed_loop(stage.url, [call], 1)
                checkpoint = people.cosigned(await _leaves(stage, connection))
                for bundles, headers in zip(made, (False, True), strict=True):
                    wanted = Wanted(people.root if not headers else None, checkpoint)
                    request = asked.request_id
                    who, now = stage.requester.address, int(time.time())
                    proved = await prove_best(prover, who, request, wanted, now, headers=headers)
                    bundles.append((proved.bundle.to_json(), proved.trust))
            return made
        finally:
            await ledger.close()


async def _leaves(stage: Stage, connection: Connection) -> list[bytes]:
    identity = stage.manifest.identity
    contracts = [address for _, address in identity.contracts]
    return [*leaves_of(identity.chain_id, contracts, await connection.logs(contracts, 0, None))]


class LogPeople:
    """A log and three witnesses, two of which make a checkpoint final."""

    def __init__(self, manifest: Manifest) -> None:
        """Draws their keys, and signs a log root that names them."""
        self._log = LogSigner(ORIGIN, Ed25519Key.generate())
        self._witnesses = [Cosigner(f"{name}.example/witness", Ed25519Key.generate()) for name in "abc"]
        followed, holder, now = followed_log(manifest), Ed25519Key.generate(), int(time.time())
        keys = tuple(witness.verifier_key for witness in self._witnesses)
        policy = WitnessPolicy(ORIGIN, (self._log.verifier_key,), keys, 2, now, now + DAY)
        chain = followed.chain_id, followed.genesis_hash, followed.contracts
        self.root = LogRoot(1, *chain, policy, (holder.public,), 1).sign(holder)

    def cosigned(self, leaves: Sequence[bytes]) -> bytes:
        """Gives the checkpoint of a log, signed by it and by two witnesses."""
        head = Checkpoint(ORIGIN, len(leaves), root_of(len(leaves), nodes_of(leaves)))
        lines = [witness.cosign(head, int(time.time())) for witness in self._witnesses[:2]]
        return checkpoint_note(head, self._log.sign(head), *lines).to_bytes()


def _seconds(made: Sequence[tuple[bytes, TrustRoot]]) -> float:
    begun = time.process_time()
    for content, trust in made:
        verify(content, trust)
    return time.process_time() - begun
