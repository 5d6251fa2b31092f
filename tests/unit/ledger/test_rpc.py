"""What the embedded chain passes on to its engine, and what it does when the engine takes its time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from consentry.ledger.embedded import rpc
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.form import TRANSACTION_GAS_LIMIT
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.records import Genesis
from consentry.ledger.embedded.rpc import BATCH_LIMIT, CALLS, PROOF_KEYS, READ_LIMIT, ChainRpc
from consentry.ledger.embedded.sealer import Sealer

GENESIS = Genesis(1_900_000_001, 1_700_000_000, 300_000_000, "osaka", "anvil/1.7.1", bytes(32))
NOBODY = "0x" + "11" * 20


class SlowLink:
    """An engine that notes what it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.may_answer = asyncio.Event()

    async def raw(self, method: str, params: object) -> bytes:
        """Answers with nothing, once it may."""
        self.asked.append((method, params))
        await self.may_answer.wait()
        return b'"result":null}'

    async def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """Answers with a number, once it may."""
        await self.raw(method, params)
        return "0x0"


@pytest.fixture
async def link() -> SlowLink:
    """The engine."""
    return SlowLink()


@pytest.fixture
async def chain(link: SlowLink, tmp_path: Path) -> ChainRpc:
    """The JSON-RPC side with one connection."""
    log = BlockLog.create(tmp_path / "blocks.log", GENESIS)
    log.close()
    engine = cast("EngineLink", link)
    return ChainRpc(Sealer(log, engine), log, [engine])


async def ask(chain: ChainRpc, method: str, *params: object, own_turn: asyncio.Lock | None = None) -> dict[str, Any]:
    """One call through the JSON-RPC side, as of a body of its own unless one is named."""
    call = {"id": 1, "method": method, "params": list(params)}
    answer: dict[str, Any] = json.loads(b"".join(await chain._handle(call, own_turn or asyncio.Lock())))
    return answer


@pytest.mark.parametrize("method", sorted(CALLS))
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0x7fffffffffffffff", TRANSACTION_GAS_LIMIT),
        (None, TRANSACTION_GAS_LIMIT),
        ("0x1000001", TRANSACTION_GAS_LIMIT),
        ("0x5208", 21_000),
    ],
)
async def test_call_gas_is_at_most_that_of_a_transaction(
    chain: ChainRpc, link: SlowLink, method: str, given: str | None, expected: int
) -> None:
    link.may_answer.set()
    call = {"to": NOBODY} | ({} if given is None else {"gas": given})
    assert (await ask(chain, method, call, "latest"))["result"] is None
    assert link.asked == [(method, [{"to": NOBODY, "gas": hex(expected)}, "latest"])]


@pytest.mark.parametrize("method", sorted(CALLS))
@pytest.mark.parametrize(
    "params",
    [
        [{"to": NOBODY}, "latest", {NOBODY: {"code": "0x5b5f56"}}],
        [{"to": NOBODY}, "latest", None, {"gasLimit": "0x7fffffffffffffff"}],
        [{"to": NOBODY, "gasLimit": "0x7fffffffffffffff"}, "latest"],
        [{"to": NOBODY, "gas": 9 * 10**18}, "latest"],
        [{"to": NOBODY, "gas": "much"}],
        ["0x", "latest"],
        [],
    ],
)
async def test_call_with_what_could_cost_more_never_reaches_the_engine(
    chain: ChainRpc, link: SlowLink, method: str, params: list[object]
) -> None:
    assert (await ask(chain, method, *params))["error"]["code"] == -32602
    assert not link.asked


@pytest.mark.parametrize(
    "params", [[NOBODY, ["0x0"] * (PROOF_KEYS + 1), "latest"], [NOBODY, {}, "latest"], [NOBODY], []], ids=len
)
async def test_proof_of_too_many_keys_never_reaches_the_engine(
    chain: ChainRpc, link: SlowLink, params: list[object]
) -> None:
    assert (await ask(chain, "eth_getProof", *params))["error"]["code"] == -32602
    assert not link.asked


async def test_proof_of_as_many_keys_as_allowed_is_asked_for(chain: ChainRpc, link: SlowLink) -> None:
    link.may_answer.set()
    assert "result" in await ask(chain, "eth_getProof", NOBODY, ["0x0"] * PROOF_KEYS, "latest")


async def post(chain: ChainRpc, asked: object) -> httpx.Response:
    """One body through the web application."""
    transport = httpx.ASGITransport(chain.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/", content=json.dumps(asked))


def call_of(method: str, size: int) -> dict[str, object]:
    """A call of as many bytes, or a little more."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": [{"to": NOBODY, "data": "0x" + "00" * (size // 2)}]}


async def test_serve_long_body_that_is_not_of_raw_transactions_never_reaches_the_engine(
    chain: ChainRpc, link: SlowLink
) -> None:
    link.may_answer.set()
    long, raw = call_of("eth_call", READ_LIMIT), call_of("eth_sendRawTransaction", READ_LIMIT)
    for asked in (long, [long], [raw, call_of("eth_call", 2)], [raw, 1], [raw, {"method": []}], "x" * READ_LIMIT):
        answer = await post(chain, asked)
        assert (answer.status_code, answer.text[:29]) == (413, "body without raw transactions")
    assert not link.asked
    assert (await post(chain, call_of("eth_call", READ_LIMIT - 1000))).json()["result"] is None


async def test_serve_long_body_of_brackets_is_not_even_decoded(
    chain: ChainRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "read_json", None)
    assert (await post(chain, [[]] * (READ_LIMIT // 4 + 1))).status_code == 413


async def test_serve_long_body_of_raw_transactions_is_read(chain: ChainRpc) -> None:
    raw = call_of("eth_sendRawTransaction", READ_LIMIT)
    batch = [raw, *[call_of("eth_sendRawTransaction", 2)] * (BATCH_LIMIT - 1)]
    for answers in ([(await post(chain, raw)).json()], (await post(chain, batch)).json()):
        assert {answer["error"]["message"] for answer in answers} == {"raw transaction is not hexadecimal"}


@pytest.mark.parametrize("method", ["debug_traceCall", "debug_traceTransaction"])
async def test_trace_is_not_offered(chain: ChainRpc, link: SlowLink, method: str) -> None:
    assert (await ask(chain, method, {"to": NOBODY}, "latest", {"tracer": "{}"}))["error"]["code"] == -32601
    assert not link.asked


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_call", [{"to": NOBODY}, "latest"]),
        ("eth_blockNumber", []),
        ("eth_getTransactionCount", [NOBODY, "pending"]),
    ],
)
async def test_read_that_takes_too_long_is_told_so(
    chain: ChainRpc, link: SlowLink, monkeypatch: pytest.MonkeyPatch, method: str, params: list[object]
) -> None:
    monkeypatch.setattr(rpc, "READ_SECONDS", 0.05)
    assert (await ask(chain, method, *params))["error"] == {
        "code": -32002,
        "message": "engine has not answered within 0.05 seconds",
    }
    link.may_answer.set()
    assert "result" in await ask(chain, method, *params), "what came late is in nobody's way"


async def test_costly_read_holds_its_place_until_the_engine_is_done_with_it(
    chain: ChainRpc, link: SlowLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "READ_SECONDS", 0.05)
    answers = [await ask(chain, "eth_call", {"to": NOBODY}, "latest") for _ in range(3)]
    assert {answer["error"]["code"] for answer in answers} == {-32002}
    assert len(link.asked) == 1, "the engine got a second one while it worked on the first"
    link.may_answer.set()
    assert "result" in await ask(chain, "eth_call", {"to": NOBODY}, "latest")
    assert len(link.asked) == 2


async def test_costly_reads_of_one_body_let_another_body_in_between(chain: ChainRpc, link: SlowLink) -> None:
    link.may_answer.set()
    many, other = asyncio.Lock(), asyncio.Lock()
    bodies = [ask(chain, "eth_call", {"to": NOBODY, "data": f"0x0{n}"}, own_turn=many) for n in range(5)]
    await asyncio.gather(*bodies, ask(chain, "eth_call", {"to": NOBODY, "data": "0xff"}, own_turn=other))
    order = [params[0]["data"] for _, params in link.asked]
    assert order.index("0xff") <= 1
