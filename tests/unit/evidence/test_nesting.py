"""Bytes of strangers that nest a million deep, in a process whose limit of recursion a library has raised."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consentry.core.nesting import DEEPEST, check_nesting, parse_json
from consentry.errors import InvalidInputError

SOURCES = Path(__file__).parents[3] / "src"

# Each parser in turn; what ends the process leaves the name of the one before as the last.
PROGRAM = """
import sys
import tempfile
from pathlib import Path

import web3  # raises the limit

from consentry.cli.values import read_document
from consentry.client.transport import _json
from consentry.core.nesting import parse_json
from consentry.crypto.webauthn import Assertion, check_origin
from consentry.errors import ConsentryError
from consentry.evidence import flat_rlp, header, qbft_proof, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.log_proof import LogProof
from consentry.evidence.log_root import LogRoot
from consentry.evidence.misbehaviour import Misbehaviour
from consentry.evidence.note import SignedNote
from consentry.evidence.trust import TrustRoot
from consentry.ledger.embedded.pool import decode_transaction
from consentry.ledger.embedded.questions import read_json

assert sys.getrecursionlimit() > 10_000
DEEP = 1_000_000


def rlp_nested():
    item = b""
    heads = []
    length = 0
    for _ in range(DEEP):
        if length <= 55:
            head = bytes([0xC0 + length])
        else:
            size = (length.bit_length() + 7) // 8
            head = bytes([0xF7 + size]) + length.to_bytes(size, "big")
        heads.append(head)
        length += len(head)
    return b"".join(reversed(heads))


class Answer:
    content = b""


def answered(content):
    answer = Answer()
    answer.content = content
    return _json(answer)


def from_file(content):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        return read_document(Path(file.name))


def asserted(content):
    signature = Assertion(bytes(32), bytes(32), 0, 0, bytes(37), content).encoded()
    return check_origin(signature, origins=frozenset(), rp_id="x")


OF_JSON = {
    "bundle": Bundle.from_json,
    "trust root": TrustRoot.from_json,
    "log root": LogRoot.from_json,
    "misbehaviour": Misbehaviour.from_json,
    "qbft proof": qbft_proof.from_json,
    "log proof": LogProof.from_bytes,
    "note": SignedNote.from_bytes,
    "passkey": asserted,
    "rpc": read_json,
    "any": lambda content: parse_json("it", content),
    "file": from_file,
    "answer": answered,
}
OF_RLP = {
    "header": header.decode,
    "sealed header": lambda content: header.decode(content, "qbft"),
    "receipt": trie.logs_of,
    "raw transaction": lambda content: decode_transaction(content, 1),
    "typed transaction": lambda content: decode_transaction(b"\\2" + content, 1),
}
quoted = '["\\u2200",'.encode("utf-16-le") + ("[" * DEEP).encode("utf-16-le")
documents = [b"[" * DEEP, b'{"a":' * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"format":' + b"[" * DEEP, quoted]
refused = []
for name, read, contents in [
    *((name, read, documents) for name, read in OF_JSON.items()),
    *((name, read, [rlp_nested()]) for name, read in OF_RLP.items()),
]:
    for content in contents:
        try:
            read(content)
        except ConsentryError:
            pass
        else:
            sys.exit(f"{name} was read")
    refused.append(name)
    print(name, file=sys.stderr, flush=True)
assert refused == [*OF_JSON, *OF_RLP]
print(len(refused))
"""


def test_deep_nesting_is_refused_by_every_parser_where_recursion_is_unbounded() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, f"ended with {done.returncode} behind {done.stderr[-300:]}"
    assert ast.literal_eval(done.stdout) > 15


@pytest.mark.parametrize(
    "content",
    [
        b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
        b'["\\"",' + b"[" * DEEPEST + b"]" * DEEPEST + b"]",
    ],
)
def test_nesting_past_the_limit_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError, match=f"got {DEEPEST + 1} levels, expected at most {DEEPEST}"):
        check_nesting("it", content)


@pytest.mark.parametrize(
    "content", [b"[" * DEEPEST + b"]" * DEEPEST, b'"' + b"[" * 1000 + b'"', b"[" + b"[]," * 1000 + b"[]]"]
)
def test_what_does_not_nest_deeper_is_parsed(content: bytes) -> None:
    parse_json("it", content)


@pytest.mark.parametrize("form", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_json_in_another_encoding_is_refused(form: str) -> None:
    with pytest.raises(InvalidInputError, match="got no usable JSON"):
        parse_json("it", '["\u2200"]'.encode(form))


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'[{"b":{"a":1,"c":[],"a":2}}]',
        b"[NaN]",
        b'{"a":-Infinity}',
        b"Infinity",
    ],
)
def test_json_that_may_be_read_in_two_ways_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError, match="got no usable JSON"):
        parse_json("it", content)


def test_names_may_come_again_in_another_object() -> None:
    assert parse_json("it", b'{"a":{"a":1},"b":[{"a":2},{"a":3}]}') == {"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}
