"""What a witness answers over HTTP: the numbers of the standard, and nothing larger than it need be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from consentry.api.witnessing import create_witness
from consentry.evidence.checkpoint import LogSigner, checkpoint_note, verify_signature
from consentry.evidence.misbehaviour import verify_misbehaviour
from consentry.evidence.note import SignedNote, VerifierKey
from consentry.witness.submission import LARGEST_BODY, Submission
from tests.support.header_chain import HeaderChain
from tests.support.log_people import ORIGIN, key
from tests.unit.witness.kept import exhibits_in, expected_root, followed, shown, witness_in

CHAIN = HeaderChain().grow(20)


@dataclass
class Caller:
    """Calls the application, which follows no node meanwhile: its tree is as it was."""

    app: FastAPI

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._call("GET", path))

    def post(self, path: str, content: bytes) -> httpx.Response:
        return asyncio.run(self._call("POST", path, content))

    async def _call(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://witness") as client:
            return await client.request(method, path, content=content)


@pytest.fixture
def client(tmp_path: Path) -> Caller:
    exhibits = exhibits_in(tmp_path)
    witness = witness_in(tmp_path, followed(tmp_path, CHAIN), exhibits=exhibits)
    return Caller(create_witness(witness, CHAIN, exhibits))


def send(client: Caller, sent: Submission | bytes) -> tuple[int, str]:
    answer = client.post("/add-checkpoint", content=sent if isinstance(sent, bytes) else sent.to_bytes())
    return answer.status_code, answer.text


def test_cosignature_is_a_line_of_a_note(client: Caller) -> None:
    sent = shown(CHAIN, 0, 12)
    status, line = send(client, sent)
    note = SignedNote.from_bytes(sent.note.text + b"\n" + line.encode())
    witness_key = VerifierKey.parse(client.get("/key").text.strip())
    assert status == 200
    verify_signature(witness_key, note.text, note.signatures[0])
    assert SignedNote.from_bytes(client.get("/checkpoint").content).signature_of(witness_key) == note.signatures[0]


def test_numbers_are_those_of_the_standard(client: Caller) -> None:
    sent = shown(CHAIN, 0, 12)
    other = replace(sent.checkpoint, origin="other.example.org")
    stranger = LogSigner(ORIGIN, key(2)).sign(sent.checkpoint)
    assert client.get("/checkpoint").status_code == 404
    assert send(client, b"old 0\n")[0] == 400
    assert send(client, b"x" * (LARGEST_BODY + 1))[0] == 413
    assert send(client, replace(sent, note=checkpoint_note(other, LogSigner(ORIGIN, key(1)).sign(other))))[0] == 404
    assert send(client, replace(sent, note=checkpoint_note(sent.checkpoint, stranger)))[0] == 403
    assert send(client, replace(sent, proof=(bytes(32),)))[0] == 422
    assert send(client, sent)[0] == 200
    assert send(client, shown(CHAIN, 0, 13)) == (409, "12\n")
    assert send(client, replace(shown(CHAIN, 12, 13), proof=()))[0] == 422
    ahead = HeaderChain(list(CHAIN.blocks)).grow(4)
    assert send(client, shown(ahead, 12, len(ahead.leaves())))[0] == 503


def test_conflict_tells_the_size_in_its_own_type(client: Caller) -> None:
    answer = client.post("/add-checkpoint", content=shown(CHAIN, 3, 12).to_bytes())
    assert (answer.status_code, answer.text) == (409, "0\n")
    assert answer.headers["content-type"].startswith("text/x.tlog.size")


def test_tiles_tree_and_evidence_are_public(client: Caller) -> None:
    leaves = CHAIN.leaves()
    assert client.get("/tile/0/000.p/5").content == b"".join(leaves[:5])
    assert client.get("/tile/0/000").status_code == 404
    assert client.get("/tile/0/0").status_code == 400
    assert client.get("/tree").json() == {
        "size": len(leaves),
        "root": "0x" + expected_root(CHAIN).hex(),
        "block": 20,
        "trouble": None,
    }
    assert client.get("/evidence").json() == {"items": []}
    assert send(client, shown(CHAIN, 0, 15))[0] == 200
    assert send(client, shown(CHAIN.fork(3).grow(20, "two"), 0, 12))[0] == 403
    names = client.get("/evidence").json()["items"]
    assert [name.rpartition("-")[0] for name in names] == ["log-misbehaviour", "refused-checkpoint"]
    assert verify_misbehaviour(client.get(f"/evidence/{names[0]}").content).conclusive
    for name in ("none", "log-misbehaviour-" + "0" * 32, "..%2ftree%2fhead.json"):
        assert client.get(f"/evidence/{name}").status_code == 404
