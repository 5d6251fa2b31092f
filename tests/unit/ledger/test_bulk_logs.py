"""Logs read by their layout are those that JSON has, whatever a node says and however it writes it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.errors import LedgerUnavailableError
from consentry.ledger import bulk_logs
from consentry.ledger.abi import artifact
from consentry.ledger.bulk_layouts import Wanted, take_rows
from consentry.ledger.bulk_logs import LogReader, Sent

TOPICS = {signature.name: "0x" + digest.hex() for digest, signature in artifact("AccessLedger").events.items()}
LEDGER = "0x" + "5b" * 20
WANTED = Wanted(LEDGER, TOPICS["AccessDecided"])
Log = dict[str, Any]


def digits(drawn: random.Random, size: int) -> str:
    return "0x" + drawn.randbytes(size).hex()


def log(drawn: random.Random, place: tuple[int, str, int], kind: str = "AccessDecided", words: int = 7) -> Log:
    """Gives a log at a block, transaction and index as the embedded chain writes it."""
    block, transaction, index = place
    return {
        "address": LEDGER,
        "topics": [TOPICS[kind], *(digits(drawn, 32) for _ in range(3 if kind == "AccessDecided" else 2))],
        "data": digits(drawn, 32 * words),
        "blockHash": "0x" + f"{block:064x}",
        "blockNumber": hex(block),
        "blockTimestamp": "0x6565",
        "transactionHash": transaction,
        "transactionIndex": "0x0",
        "logIndex": hex(index),
        "removed": False,
    }


def chain(seed: int, blocks: int = 4, most: int = 40) -> list[Log]:
    """Gives logs of a chain with a batch in each block, and a single decision behind it."""
    drawn, found = random.Random(seed), list[Log]()
    for block in range(250, 250 + blocks):
        batch, single, size = digits(drawn, 32), digits(drawn, 32), drawn.randrange(1, most)
        found.append(log(drawn, (block, batch, 0), "BatchSubmitted", 5))
        found += [log(drawn, (block, batch, index)) for index in range(1, size + 1)]
        found.append(log(drawn, (block, single, size + 1)))
    return found


def written(logs: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": logs}, separators=(",", ":")).encode()


def by_layout(answer: bytes) -> list[Sent] | None:
    return LogReader(WANTED)._in_rows(answer)


def by_json(answer: bytes) -> list[Sent]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LogReader, "_in_rows", lambda *_: None)
        return LogReader(WANTED).logs_in(answer)


def told(found: Sequence[Sent]) -> list[tuple[object, ...]]:
    """Gives all that can be asked of transactions."""
    return [
        (
            sent.hash,
            sent.block,
            sent.block_hash,
            sent.is_in_a_row,
            [sent.log(number) for number in range(len(sent))],
            [sent.words(first) for first in range(len(sent) + 1)],
        )
        for sent in found
    ]


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_give_the_same(seed: int) -> None:
    answer = written(chain(seed))
    found = by_layout(answer)
    assert found is not None
    assert told(found) == told(by_json(answer))
    assert [sent.words(1) is not None for sent in found] == [True, False] * 4


def test_words_are_topics_and_data() -> None:
    [decided] = chain(3, blocks=1)[-1:]
    found = by_layout(written([decided]))
    assert found is not None
    words = "".join(value[2:] for value in (*decided["topics"][1:], decided["data"]))
    assert [sent.words(0) for sent in found] == [bytes.fromhex(words)]


def changed(change: Callable[[list[Log]], object]) -> bytes:
    logs = chain(1)
    change(logs)
    return written(logs)


OTHERS: dict[str, Callable[..., object]] = {
    "address": lambda logs: logs[5].update(address="0x" + "5c" * 20),
    "event": lambda logs: logs[5]["topics"].__setitem__(0, TOPICS["RequestRejected"]),
    "topic fewer": lambda logs: logs[5]["topics"].pop(),
    "word more": lambda logs: logs[5].update(data=logs[5]["data"] + "00" * 32),
    "half a byte": lambda logs: logs[5].update(data=logs[5]["data"] + "0"),
    "capital digits": lambda logs: logs[5].update(data=logs[5]["data"].upper().replace("0X", "0x")),
    "blanks": lambda logs: logs[5].update(data="0x" + " " * 448),
    "no data": lambda logs: logs[5].pop("data"),
    "another name": lambda logs: logs[5].update(dat4=logs[5].pop("data")),
    "no number": lambda logs: logs[5].update(logIndex=None),
    "long number": lambda logs: logs[5].update(logIndex="0x1" + "0" * 16),
    "negative number": lambda logs: logs[5].update(logIndex="-0x5"),
    "short hash": lambda logs: logs[5].update(transactionHash="0x7"),
    "a name with an escape": lambda logs: logs.__setitem__(5, {"\u00e9": "0x1", **logs[5]}),
    "lists in lists": lambda logs: logs.__setitem__(5, {"a": ["0x1", [1, 2], "0x2"], **logs[5]}),
    **{
        f"topics1 of its own, {len(value)}": lambda logs, value=value: logs.__setitem__(
            slice(5, None), [{**each, "topics1": value} for each in logs[5:]]
        )
        for value in ("0x", "0x" + "11" * 32, "0x" + "1" * 65, "0x" + "cc" * 2000)
    },
    "a topic short and data long": lambda logs: logs[5].update(
        topics=[*logs[5]["topics"][:3], logs[5]["topics"][3][:-2]], data=logs[5]["data"] + "00"
    ),
    "zero in front of an index": lambda logs: logs[5].update(logIndex="0x0" + logs[5]["logIndex"][2:]),
    "zero in front of a block": lambda logs: [
        each.update(blockNumber="0x0" + each["blockNumber"][2:]) for each in logs
    ],
    **{
        f"{depth} lists in one another": lambda logs, deep="[" * depth + "]" * depth: logs[5].update(
            deep=json.loads(deep)
        )
        for depth in (150, 197, 198, 199, 200)
    },
    "hash in a list": lambda logs: [each.update(transactionHash=[each["transactionHash"]]) for each in logs],
    "data in a list": lambda logs: logs[5].update(data=[logs[5]["data"]]),
    "data in a list of all": lambda logs: [each.update(data=[each["data"]]) for each in logs],
    "another block's hash": lambda logs: logs[5].update(blockHash="0x" + "ee" * 32),
    "another block's number": lambda logs: logs[5].update(blockNumber="0xff"),
    "a later block's number": lambda logs: [logs.pop(), logs[-1].update(blockNumber="0xfff")],
    "short hash of a block": lambda logs: logs[5].update(blockHash="0x7"),
    "long hashes": lambda logs: [each.update(transactionHash=each["transactionHash"] + "00") for each in logs],
    "blocks past all numbers": lambda logs: [each.update(blockNumber=f"0x1{250:017x}") for each in logs],
    "blocks without a digit": lambda logs: [each.update(blockNumber="0x") for each in logs],
    "very long": lambda logs: logs[5].update(more="0x" + "00" * 5000),
    "nested": lambda logs: logs[5].update(removed={"a": 1}),
    "removed": lambda logs: logs[5].update(removed=True),
    "no object": lambda logs: logs.__setitem__(5, 7),
    "another order of names": lambda logs: logs.__setitem__(5, dict(sorted(logs[5].items()))),
    "backwards": lambda logs: logs.reverse(),
    "twice": lambda logs: logs.insert(5, logs[5]),
    "a gap": lambda logs: logs.pop(5),
    "another block": lambda logs: logs[5].update(blockNumber="0xfb"),
    "far block": lambda logs: [each.update(blockNumber="0x1" + "0" * 9) for each in logs],
    "nothing": lambda logs: logs.clear(),
}


READ_BY_LAYOUT = {
    *("address", "event", "topic fewer", "word more", "half a byte", "a name with an escape", "another block's hash"),
    *(f"topics1 of its own, {size}" for size in (2, 66, 67)),
    *("a topic short and data long", "data in a list", "data in a list of all", "a later block's number", "removed"),
    *("another order of names", "a gap"),
}
"""What has a layout of its own; of the others it is seen that they are left to JSON."""


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_written_otherwise_is_read_as_json_has_it(name: str) -> None:
    answer = changed(OTHERS[name])
    assert is_laid_out(answer) == (name in READ_BY_LAYOUT)
    assert outcome(lambda: LogReader(WANTED).logs_in(answer)) == outcome(lambda: by_json(answer))


def test_logs_written_in_turns_are_read_as_json_before_long(monkeypatch: pytest.MonkeyPatch) -> None:
    tried, real = list[int](), take_rows

    def counting(*given: Any) -> tuple[int, int]:  # noqa: ANN401 - as compiled code has it
        tried.append(1)
        return real(*given)

    monkeypatch.setattr(bulk_logs, "take_rows", counting)
    drawn, transaction = random.Random(6), "0x" + "77" * 32
    logs = [log(drawn, (250, transaction, index)) for index in range(16, 216)]
    logs = [dict(random.Random(drawn.randrange(10)).sample([*each.items()], len(each))) for each in logs]
    assert LogReader(WANTED)._in_rows(written(logs)) is None
    assert len(tried) < 64 + 3 * len(logs)
    assert told(LogReader(WANTED).logs_in(written(logs))) == told(by_json(written(logs)))


@pytest.mark.parametrize("seed", range(6))
def test_what_other_answers_were_laid_out_like_changes_nothing(seed: int) -> None:
    reader, drawn = LogReader(WANTED), random.Random(seed)
    for number in range(30):
        answer = written(chain(drawn.randrange(1000), blocks=1, most=30))
        if number % 3:
            answer = changed(OTHERS[drawn.choice([*OTHERS])])
        assert outcome(partial(reader.logs_in, answer)) == outcome(partial(by_json, answer))


def test_no_more_layouts_are_kept_than_a_few() -> None:
    reader, drawn = LogReader(WANTED), random.Random(5)
    for _ in range(40):
        logs = [log(drawn, (250, "0x" + "77" * 32, 16))]
        logs = [dict(drawn.sample([*each.items()], len(each))) for each in logs]
        assert reader._in_rows(written(logs)) is not None
    assert len(reader._layouts) == 16
    # What comes in the order in which it came before is tried once.
    again = written(chain(7, blocks=4))
    assert told(reader.logs_in(again)) == told(by_json(again))


def test_logs_that_are_very_long_are_read_as_json() -> None:
    answer = changed(OTHERS["very long"])
    assert LogReader(WANTED)._in_rows(answer) is None


def test_what_is_said_twice_is_what_json_has_of_it() -> None:
    said = {**chain(3, blocks=1)[-1], "data": "0x" + "22" * 224}
    once = f'"data":"{said["data"]}"'.encode()
    twice = written([said]).replace(once, once + b"," + once.replace(b"22", b"11"))
    assert told(LogReader(WANTED).logs_in(twice)) == told(by_json(twice))


@pytest.mark.parametrize("spoiled", [b'"', b"\\", b"\xff", b"\n", b"g", b"}"], ids=repr)
@pytest.mark.parametrize("name", ["blockHash", "blockTimestamp", "logIndex", "blockNumber", "data", "transactionHash"])
def test_characters_that_are_no_digits_are_what_they_are_to_json(name: str, spoiled: bytes) -> None:
    logs = chain(1, blocks=1)
    answer, at = written(logs), written(logs[:5]).rindex(b'"' + name.encode()) + len(name) + 6
    wrong = answer[:at] + spoiled + answer[at + 1 :]
    assert outcome(lambda: LogReader(WANTED).logs_in(wrong)) == outcome(lambda: by_json(wrong))


def test_digits_of_half_a_byte_more_are_looked_at() -> None:
    logs = [{**each, "topics1": "0x" + "1" * 65} for each in chain(1)[1:5]]
    spoiled = written(logs).replace(b"1" * 65, b"1" * 64 + b'"', 1)
    with pytest.raises(ValueError, match="column"):
        LogReader(WANTED).logs_in(spoiled)


def is_laid_out(answer: bytes) -> bool:
    """Tells whether an answer is read by layouts, not as JSON."""
    return unless_refused(lambda: by_layout(answer)) is not None


def outcome(read: Callable[[], list[Sent]]) -> object:
    try:
        return told(read())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return type(error)


@given(st.data())
def test_spoiled_answers_are_read_as_json_has_them(data: st.DataObject) -> None:
    answer = bytearray(written(chain(2, blocks=2, most=4)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(answer) - 1))
        answer[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"0", b"f", b"A", b'"', b"}", b"{", b",", b"]", b"[", b"\\", b" ", b"},{", b"\xff"])
        )
    found = unless_refused(lambda: by_layout(bytes(answer)))
    if found is not None:
        assert found == unless_refused(lambda: by_json(bytes(answer)))


def unless_refused(read: Callable[[], list[Sent] | None]) -> object:
    try:
        found = read()
    except (ValueError, LookupError, TypeError, AttributeError, LedgerUnavailableError):
        return None
    return None if found is None else told(found)


HEADS = ['{"id":0,"result":', '{"id":0,"result": ', '{"id":0,"x":{"result":', '{"x":["result",', '["result":', "["]
PLAIN_TAILS = {"}", ',"x":[]}', "}\n", "} "}
TAILS = ["}", ',"x":[]}', '},"result":[]}', ',"result":[]}', ',"r\\u0065sult":[]}', "]}", '"}', "}\n", "} ", "}}", ""]


@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("tail", TAILS, ids=repr)
def test_what_is_around_the_logs_is_an_answer(head: str, tail: str) -> None:
    answer = (head + json.dumps(chain(4, blocks=1), separators=(",", ":")) + tail).encode()
    assert is_laid_out(answer) == (head == HEADS[0] and tail in PLAIN_TAILS)
    assert outcome(lambda: LogReader(WANTED).logs_in(answer)) == outcome(lambda: by_json(answer))


def test_refusals_beside_logs_are_refusals() -> None:
    answer = json.dumps({"id": 0, "result": chain(4), "error": {"code": 5}}, separators=(",", ":")).encode()
    with pytest.raises(LedgerUnavailableError):
        LogReader(WANTED).logs_in(answer)


@pytest.mark.parametrize("said", [None, 5, True, "0x", {}], ids=repr)
def test_logs_that_are_no_list_are_none(said: object) -> None:
    with pytest.raises(TypeError):
        LogReader(WANTED).logs_in(written(said))
