"""Logged accesses a second: the documentation's own loop, the node's ceiling, and ours by single and by bulk calls.

All in one run, in turns, with real signatures and sealed records. Ours count only accesses that were decided on chain,
final, and released after that; afterwards the chain is asked whether each of them is there, once, with its content.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_utils.address import to_checksum_address

from benchmarks import bare
from benchmarks.bare import Bare, open_bare
from benchmarks.load import Call, Outcome, closed_loop, open_loop, signed_call
from benchmarks.material import Signed, new_requests
from benchmarks.stage import Stage, open_stage
from consentry.core.batch_tree import batch_of
from consentry.core.terms import AccessRequest, Address
from consentry.crypto.keywrap import release_key_hash
from consentry.crypto.signing import sign
from consentry.evidence.notation import hex_of, write
from consentry.ledger.calldata import encode_decide_batch
from consentry.ledger.connection import Connection
from consentry.ledger.reader import ChainReader

SINGLE, BULK, NOOP = "/v1/access", "/v1/access:batch", "/healthz"
CALLERS: Final = 128
BULK_CALLERS: Final = 4
BATCH: Final = 400
LOADS: Final = (25, 50, 75)
LOAD_SECONDS: Final = 5
"""How long one lasts, at most; a load of calls that are only answered lasts twice as long."""
OTHERS: Final = {"naive_documented": "naive", "naive_tuned": "naive_tuned", "node_ceiling": "node_ceiling"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: rounds, and in each so many accesses of each kind."""

    rounds: int
    patients: int
    naive: int
    single: int
    batches: int
    open_loop: int


QUICK: Final = Size(rounds=2, patients=4, naive=30, single=300, batches=2, open_loop=80)
FULL: Final = Size(rounds=5, patients=40, naive=60, single=900, batches=5, open_loop=2000)


def run(*, quick: bool) -> dict[str, float]:
    """Measures; ratios are medians of those of each round.

    Raises:
        RuntimeError: an access failed, or the chain does not have every one of them.
    """
    return asyncio.run(_run(QUICK if quick else FULL))


async def _run(size: Size) -> dict[str, float]:
    async with open_stage(size.patients) as stage:
        return await on_stage(stage, size)


async def on_stage(stage: Stage, size: Size) -> dict[str, float]:
    """Measures on a stage that others may have measured on, or will."""
    with tempfile.TemporaryDirectory(prefix="consentry-naive-") as folder:
        async with open_bare(Path(folder), size.rounds * size.naive * 2) as naive:
            return await _measured(size, naive, stage)


async def _measured(size: Size, naive: Bare, stage: Stage) -> dict[str, float]:
    left, rates, sent = iter(naive.signed), dict[str, list[float]](), list[AccessRequest]()

    def note(name: str, value: float) -> None:
        rates.setdefault(name, []).append(value)

    for _ in range(size.rounds):
        note("naive_documented_per_s", await _naive(bare.documented, naive, list(islice(left, size.naive))))
        note("naive_tuned_per_s", await _naive(bare.tuned, naive, list(islice(left, size.naive))))
        note("single_per_s", await single_rate(stage, size, sent))
        note("bulk_per_s", await bulk_rate(stage, size, sent))
        note("node_ceiling_per_s", await _ceiling(stage, size, sent))
    results = {name: statistics.median(values) for name, values in rates.items()}
    for ours in ("single", "bulk"):
        for other, short in (
            ("naive_documented", "naive"),
            ("naive_tuned", "naive_tuned"),
            ("node_ceiling", "node_ceiling"),
        ):
            pairs = zip(rates[f"{ours}_per_s"], rates[f"{other}_per_s"], strict=True)
            results[f"decide_{ours}_over_{short}"] = statistics.median(mine / theirs for mine, theirs in pairs)
    results |= await _latencies(stage, size, results["single_per_s"], sent)
    await _check_on_chain(stage, sent)
    return results


async def _naive(way: Callable[[Bare, Sequence[Signed]], None], naive: Bare, signed: Sequence[Signed]) -> float:
    begun = time.perf_counter()
    await asyncio.to_thread(way, naive, signed)
    return len(signed) / (time.perf_counter() - begun)


def _asked(stage: Stage, count: int, sent: list[AccessRequest]) -> list[AccessRequest]:
    sought = [(one.record, one.consent) for one in islice(cycle(stage.sought), count)]
    own = stage.requester
    made = new_requests(own.address, release_key_hash(own.release_key), sought)
    sent += made
    return made


def single_calls(stage: Stage, count: int, sent: list[AccessRequest]) -> list[Call]:
    """Makes single calls, each with a request its institution signed."""
    domain, own = stage.domain("AccessLedger"), stage.requester
    return [
        signed_call(
            own,
            stage.url,
            SINGLE,
            {"request": write(asked), "scopeProof": [], "signature": hex_of(sign(own.key, domain, asked))},
        )
        for asked in _asked(stage, count, sent)
    ]


async def single_rate(stage: Stage, size: Size, sent: list[AccessRequest]) -> float:
    """Asks by single calls; gives how many were decided, final and released in a second."""
    calls = single_calls(stage, size.single, sent)
    outcome = await closed_loop(stage.url, calls, CALLERS)
    return _permitted(outcome) / outcome.seconds


async def bulk_rate(stage: Stage, size: Size, sent: list[AccessRequest]) -> float:
    """Does the same by bulk calls."""
    domain, own, calls = stage.domain("AccessLedger"), stage.requester, []
    for _ in range(size.batches):
        asked = _asked(stage, BATCH, sent)
        signature = hex_of(sign(own.key, domain, batch_of(own.address, asked)))
        items = [{"request": write(one), "scopeProof": []} for one in asked]
        calls.append(signed_call(own, stage.url, BULK, {"requests": items, "signature": signature}))
    outcome = await closed_loop(stage.url, calls, BULK_CALLERS)
    answers = [item for body in outcome.bodies for item in json.loads(body)["items"]]
    if any(item["outcome"] != "permitted" or not item["key"]["wrapped"] for item in answers):
        raise RuntimeError("an access of a batch was not permitted, or came without its key")
    return len(answers) / outcome.seconds


def _permitted(outcome: Outcome) -> int:
    answers = [json.loads(body) for body in outcome.bodies]
    if any(not answer["decision"]["permitted"] or not answer["key"]["wrapped"] for answer in answers):
        raise RuntimeError("an access was not permitted, or came without its key")
    return len(answers)


async def _ceiling(stage: Stage, size: Size, sent: list[AccessRequest]) -> float:
    """Sends the same kind of batches to the same node by a bare loop, calls coded and signed beforehand."""
    domain, own = stage.domain("AccessLedger"), stage.requester
    materials = {place.record: place.material for place in stage.sought}
    connection, calls = stage.network.connection(), []
    for _ in range(size.batches):
        asked = _asked(stage, BATCH, sent)
        signature = sign(own.key, domain, batch_of(own.address, asked))
        calls.append(encode_decide_batch([(one, materials[one.record_id]) for one in asked], signature))
    try:
        raws = await _presigned(stage, connection, calls)
        begun = time.perf_counter()
        await asyncio.gather(*map(connection.send, raws))
        seconds = time.perf_counter() - begun
    finally:
        await connection.close()
    return BATCH * size.batches / seconds


async def _presigned(stage: Stage, connection: Connection, calls: Sequence[bytes]) -> list[bytes]:
    account = Account.from_key(stage.relay_key)
    nonce = await connection.next_nonce(Address(bytes.fromhex(account.address[2:])))
    fixed = {"to": to_checksum_address(stage.manifest.address("AccessLedger")), "value": 0, "maxFeePerGas": 0}
    fixed |= {"maxPriorityFeePerGas": 0, "chainId": stage.manifest.identity.chain_id}
    fixed |= {"gas": connection.profile.transaction_gas_limit}
    made = [
        account.sign_transaction({**fixed, "nonce": nonce + place, "data": call}) for place, call in enumerate(calls)
    ]
    return [bytes(one.raw_transaction) for one in made]


async def _latencies(stage: Stage, size: Size, most: float, sent: list[AccessRequest]) -> dict[str, float]:
    """Measures the answers at a part of the highest rate, beside a route that only answers."""
    results: dict[str, float] = {}
    for load in LOADS:
        rate = most * load / 100
        count = min(size.open_loop, int(rate * LOAD_SECONDS))
        outcome = await open_loop(stage.url, single_calls(stage, count, sent), rate)
        _permitted(outcome)
        for share in (50, 95, 99):
            results[f"single_p{share}_ms_at_{load}_percent"] = 1000 * outcome.percentile(share)
    count = min(size.open_loop, int(most * LOAD_SECONDS))
    noop = await open_loop(stage.url, [Call(NOOP, b"", {})] * count, most / 2)
    results["noop_p99_ms"] = 1000 * noop.percentile(99)
    results["p99_minus_block_over_noop"] = results["single_p99_ms_at_50_percent"] / results["noop_p99_ms"]
    return results


async def _check_on_chain(stage: Stage, sent: Sequence[AccessRequest]) -> None:
    connection = stage.network.connection()
    try:
        ledger = ChainReader(connection, stage.manifest)
        found = await ledger.find_decisions(stage.requester.address, [one.request_id for one in sent])
    finally:
        await connection.close()
    wrong = [one for one in sent if one.request_id not in found or found[one.request_id].entry.request != one]
    if wrong or not all(receipt.permitted for receipt in found.values()):
        raise RuntimeError(f"chain does not have {len(wrong)} of {len(sent)} accesses as they were asked for")
