"""Whoever signs for the log: never less than before, and only cosignatures that hold are kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest

from consentry.api.witnessing import create_witness
from consentry.errors import ConfigurationError, ConsentryError
from consentry.evidence.checkpoint import Checkpoint, verify_signature
from consentry.evidence.note import VerifierKey
from consentry.witness.keeper import LogKeeper
from consentry.witness.operator import AskedWitness, LogOperator
from tests.support.header_chain import HeaderChain
from tests.support.log_people import LOG, NOW, ORIGIN, WITNESSES
from tests.unit.witness.kept import Drip, exhibits_in, expected_root, follow, followed, witness_in

ASKED = AskedWitness("http://witness", WITNESSES[0].verifier_key)
HONEST = AskedWitness("http://honest", WITNESSES[1].verifier_key)
LONGEST = 20
"""Seconds after which a test that waits for a witness without end is a failure."""

Handler = Callable[[httpx.Request], httpx.Response]


def operator_in(folder: Path, keeper: LogKeeper) -> LogOperator:
    return LogOperator(folder / "signed" / "checkpoint", keeper, LOG)


def ask(
    operator: LogOperator, transport: httpx.AsyncBaseTransport, witnesses: Sequence[AskedWitness] = (ASKED,)
) -> dict[str, ConsentryError]:
    async def asking() -> dict[str, ConsentryError]:
        async with asyncio.timeout(LONGEST), httpx.AsyncClient(transport=transport) as client:
            return await operator.ask(witnesses, client)

    return asyncio.run(asking())


def lines_of(operator: LogOperator, key: VerifierKey) -> int:
    return sum(line.is_of(key) for line in operator.note.signatures)


@pytest.fixture
def chain() -> HeaderChain:
    return HeaderChain().grow(12)


def test_signs_the_tree_as_it_is_and_never_less(tmp_path: Path, chain: HeaderChain) -> None:
    keeper = followed(tmp_path, chain)
    operator = operator_in(tmp_path, keeper)
    with pytest.raises(ConfigurationError, match="no checkpoint was signed yet"):
        _ = operator.note
    first = operator.checkpoint()
    assert first == Checkpoint(ORIGIN, keeper.size, expected_root(chain))
    assert verify_signature(LOG.verifier_key, operator.note.text, operator.note.signatures[0]) is None
    assert operator_in(tmp_path, keeper).checkpoint() == first
    follow(keeper, chain.grow(3))
    assert operator_in(tmp_path, keeper).checkpoint().root == expected_root(chain)

    behind = followed(tmp_path / "behind", HeaderChain(chain.blocks[:5]))
    with pytest.raises(ConfigurationError, match="checkpoint does not match"):
        operator_in(tmp_path, behind).checkpoint()
    forked = followed(tmp_path / "forked", chain.fork(3).grow(30, "two"))
    with pytest.raises(ConfigurationError, match=r"root at size \d+ does not match"):
        operator_in(tmp_path, forked).checkpoint()


def test_witness_is_asked_from_where_it_stands(tmp_path: Path, chain: HeaderChain) -> None:
    keeper = followed(tmp_path / "log", chain)
    operator = operator_in(tmp_path / "log", keeper)
    witness = witness_in(tmp_path / "other", followed(tmp_path / "other", chain))
    transport = httpx.ASGITransport(create_witness(witness, chain, exhibits_in(tmp_path / "other")))
    for _ in range(2):
        for _ in range(2):
            operator.checkpoint()
            assert ask(operator, transport) == {}
            assert lines_of(operator, ASKED.key) == lines_of(operator, LOG.verifier_key) == 1
        assert witness.last is not None
        assert witness.last.text == operator.note.text
        follow(keeper, chain.grow(2))
        follow(witness.keeper, chain)


def _cosigned_by(number: int, name: str | None = None) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        text = request.content.partition(b"\n\n")[2].rpartition(b"\n\n")[0] + b"\n"
        line = WITNESSES[number].cosign(Checkpoint.parse(text), NOW).line()
        return httpx.Response(200, text=line.replace(WITNESSES[number].name, name or WITNESSES[number].name))

    return answer


def _away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_away, "does not answer"),
        (lambda _: httpx.Response(503), "it answered 503"),
        (lambda _: httpx.Response(409, text="1\n"), "goes on while it is asked"),
        (lambda _: httpx.Response(409, text="99999\n"), "size at the witness"),
        (lambda _: httpx.Response(409, text="-1\n"), "size at the witness"),
        (lambda _: httpx.Response(409, text="٣\n"), "size at the witness"),
        (lambda _: httpx.Response(409, text="9" * 5000), "size at the witness"),
        (lambda _: httpx.Response(409, text="0" * 5000), "size at the witness"),
        (lambda _: httpx.Response(409, text="0" * 19 + "1"), "size at the witness"),
        (lambda _: httpx.Response(200, content=b"x" * 70_000), "over 65536 bytes"),
        (lambda _: httpx.Response(200, text="yes\n"), "signature line"),
        (_cosigned_by(1), "got none of"),
        (_cosigned_by(1, WITNESSES[0].name), "got none of"),
    ],
)
def test_witness_that_gives_no_cosignature_is_told(
    tmp_path: Path, chain: HeaderChain, answer: Handler, message: str
) -> None:
    operator = operator_in(tmp_path, followed(tmp_path, chain))
    operator.checkpoint()
    note = operator.note

    failed = ask(operator, httpx.MockTransport(answer))

    assert message in failed[ASKED.key.name].message
    assert operator.note == note


def test_cosignature_that_does_not_hold_is_not_kept(tmp_path: Path, chain: HeaderChain) -> None:
    operator = operator_in(tmp_path, followed(tmp_path, chain))
    operator.checkpoint()
    other = WITNESSES[0].cosign(Checkpoint(ORIGIN, 1, bytes(32)), NOW).line()
    failed = ask(operator, httpx.MockTransport(lambda _: httpx.Response(200, text=other)))
    assert "does not hold" in failed[ASKED.key.name].message
    assert lines_of(operator, ASKED.key) == 0


def _breaks(_: httpx.Request) -> httpx.Response:
    raise RuntimeError("a fault nobody thought of")


def _drips(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=Drip())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_breaks, "unforeseen RuntimeError"),
        (_drips, "does not answer"),
        (lambda _: httpx.Response(409, text="0" * 5000), "size at the witness"),
    ],
)
def test_witness_that_does_wrong_takes_no_cosignature_of_another(
    tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch, answer: Handler, message: str
) -> None:
    monkeypatch.setattr("consentry.witness.operator.WITNESS_SECONDS", 0.2)
    operator = operator_in(tmp_path, followed(tmp_path, chain))
    operator.checkpoint()
    honest = _cosigned_by(1)

    def either(request: httpx.Request) -> httpx.Response:
        return honest(request) if request.url.host == "honest" else answer(request)

    failed = ask(operator, httpx.MockTransport(either), [ASKED, HONEST])

    assert list(failed) == [ASKED.key.name]
    assert message in failed[ASKED.key.name].message
    again = operator_in(tmp_path, followed(tmp_path, chain))
    assert lines_of(again, LOG.verifier_key) == lines_of(again, HONEST.key) == 1
    assert lines_of(again, ASKED.key) == 0


def test_time_of_a_witness_is_that_of_all_its_answers(
    tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentry.witness.operator.WITNESS_SECONDS", 0.4)
    operator = operator_in(tmp_path, followed(tmp_path, chain))
    operator.checkpoint()

    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.25)
        return httpx.Response(409, text="1\n")

    failed = ask(operator, httpx.MockTransport(slow))
    assert "does not answer (TimeoutError)" in failed[ASKED.key.name].message


def test_time_of_the_own_tiles_is_not_that_of_a_witness(
    tmp_path: Path, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentry.witness.operator.WITNESS_SECONDS", 0.2)
    keeper = followed(tmp_path, chain)
    operator = operator_in(tmp_path, keeper)
    operator.checkpoint()
    real = keeper.consistency

    def slow(old: int, new: int) -> tuple[bytes, ...]:
        time.sleep(0.4)
        return real(old, new)

    monkeypatch.setattr(keeper, "consistency", slow)
    assert ask(operator, httpx.MockTransport(_cosigned_by(0))) == {}
    assert lines_of(operator, ASKED.key) == 1


def test_asking_that_is_ended_keeps_nothing(tmp_path: Path, chain: HeaderChain) -> None:
    operator = operator_in(tmp_path, followed(tmp_path, chain))
    operator.checkpoint()
    note, begun = operator.note, asyncio.Event()

    async def waits(_: httpx.Request) -> httpx.Response:
        begun.set()
        await asyncio.sleep(LONGEST)
        raise AssertionError("nobody ended it")

    async def ended() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(waits)) as client:
            asking = asyncio.create_task(operator.ask([ASKED, HONEST], client))
            await begun.wait()
            asking.cancel()
            await asking

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ended())
    assert operator.note == note
