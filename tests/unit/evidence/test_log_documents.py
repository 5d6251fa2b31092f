"""The documents of the ledger log and of checkpoints against the code: examples, hashes, members."""

from __future__ import annotations

import json
import re
from pathlib import Path

import rfc8785

from consentry.core import log_tree
from consentry.core.log_tiles import Tile, partial_tiles
from consentry.core.log_tree import CompactRange
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.evidence import trie
from consentry.evidence.checkpoint import Cosigner, cosigned_head, cosigned_message, verify_signature
from consentry.evidence.log_entry import entry_of, leaf_of
from consentry.evidence.log_proof import verify_entry
from consentry.evidence.log_root import LogRoot, verify_root
from consentry.evidence.misbehaviour import Kind, verify_misbehaviour
from consentry.evidence.notation import bytes_of
from consentry.evidence.note import NoteSignature, SignedNote
from consentry.evidence.witnesses import verify_checkpoint
from tests.support.log_people import NOW, POLICY, QUANTUM_SAFE, ROOT, head, leaves

FORMATS = Path(__file__).parents[3] / "docs" / "formats"
LEDGER_LOG = (FORMATS / "ledger-log.md").read_text(encoding="utf-8")
CHECKPOINT = (FORMATS / "checkpoint.md").read_text(encoding="utf-8")


def _fenced(text: str, kind: str = "") -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for named, block in found if named == kind]


def test_entry_of_the_example_is_the_one_shown() -> None:
    example = json.loads(_fenced(LEDGER_LOG, "json")[0])
    chain_id = int(re.findall(r"The log of chain (\d+)", LEDGER_LOG)[0])
    shown = "".join(re.findall(r"has the entry\n\n```\n(.*?)```", LEDGER_LOG, re.DOTALL)[0].split())
    log = trie.Log(
        bytes_of(example["address"]), tuple(bytes_of(topic) for topic in example["topics"]), bytes_of(example["data"])
    )
    block = example["blockNumber"], bytes_of(example["blockHash"])

    assert entry_of(chain_id, *block, log).hex() == shown
    assert f"and the leaf hash `{leaf_of(chain_id, *block, log).hex()}`" in LEDGER_LOG


def test_roots_of_the_table_are_those_of_the_tree() -> None:
    rows = re.findall(r"^\| (\d) \| `([^`]*)` \| `([0-9a-f]{64})` \|$", LEDGER_LOG, re.MULTILINE)
    growing = CompactRange()
    for size, entry, root in rows:
        growing.append(log_tree.leaf_hash(bytes.fromhex(entry.replace("(empty)", ""))))
        assert (growing.size, growing.root().hex()) == (int(size), root)
    assert growing.size == 8
    assert f"`{log_tree.EMPTY_ROOT.hex()}`" in LEDGER_LOG


def test_paths_of_the_table_are_those_of_the_tiles() -> None:
    rows = re.findall(r"^\| level (\d), index (\d+), (\w+)(?: wide)? \| `(.*)` \|$", LEDGER_LOG, re.MULTILINE)
    assert len(rows) == 3
    for level, index, width, path in rows:
        assert Tile.from_path(path) == Tile(int(level), int(index), 256 if width == "full" else int(width))
    assert [tile.width for tile in partial_tiles(70_000)] == [112, 17, 1]


def test_checkpoint_of_the_example_is_final() -> None:
    content = _fenced(CHECKPOINT)[0].encode()

    final = verify_checkpoint(content, POLICY, NOW)

    assert final.checkpoint == head(5)
    assert leaves(5)[4] == log_tree.leaf_hash(b"4 0")
    message = next(block for block in _fenced(CHECKPOINT) if block.startswith("cosignature"))
    assert cosigned_message(SignedNote.from_bytes(content).text, NOW).decode() == message


def test_cosignature_of_ml_dsa_of_the_example_is_that_of_its_checkpoint() -> None:
    key, line, message = _fenced(CHECKPOINT.partition("### 3.2")[2].partition("## 4.")[0])
    text = SignedNote.from_bytes(_fenced(CHECKPOINT)[0].encode()).text
    seed = int(re.findall(r"whose seed is the byte (\d+), 32 times", CHECKPOINT)[0])
    witness = Cosigner(QUANTUM_SAFE.name, MlDsa44Key(bytes([seed]) * 32))

    assert str(witness.verifier_key) == key.strip()
    assert verify_signature(witness.verifier_key, text, NoteSignature.parse(line.rstrip())) == NOW
    assert cosigned_head(witness.name, text, NOW).hex() == "".join(message.split())
    described = re.findall(r"^\| .* \| (\d+)(?: to 256)? \| .* \|$", CHECKPOINT.partition("| field |")[2], re.MULTILINE)
    assert [int(size) for size in described] == [12, 2, 8, 2, 8, 8, 32]


def test_log_root_of_the_example_holds_and_every_member_is_described() -> None:
    example = json.loads(_fenced(CHECKPOINT, "json")[0])
    root = LogRoot.from_json(rfc8785.dumps(example))
    verify_root(root)

    described = re.findall(r"^\| `(\w+)` \|", CHECKPOINT.partition("## 5.")[0], re.MULTILINE)
    assert set(described) == set(example["signed"])
    assert len(described) == len(example["signed"])
    assert (root.policy, root.contracts) == (POLICY, ROOT.contracts)


def test_evidence_of_the_example_convicts_and_every_kind_is_described() -> None:
    found = verify_misbehaviour(rfc8785.dumps(json.loads(_fenced(CHECKPOINT, "json")[1])))

    assert (found.kind, found.conclusive) == (Kind.NOT_A_PREFIX, True)
    described = re.findall(r"^\| `([a-z-]+)` \| the ", CHECKPOINT.partition("## 6.")[2], re.MULTILINE)
    assert described == [str(kind) for kind in Kind]


def test_proof_of_the_example_holds_under_the_checkpoint_of_the_other() -> None:
    shown = next(block for block in _fenced(LEDGER_LOG) if block.startswith("c2sp.org"))
    content = shown.replace("<checkpoint>\n", _fenced(CHECKPOINT)[0]).encode()

    assert verify_entry(content, log_tree.leaf_hash(b"1 0"), POLICY, NOW).index == 1
