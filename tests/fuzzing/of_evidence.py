"""Parsers of evidence: files that verify offline, and what stands in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import rfc8785
import rlp
from eth_hash.auto import keccak

from consentry.core.log_tiles import Tile
from consentry.core.log_tree import inclusion_proof, nodes_of, prefix_nodes, roots_along, verify_inclusion
from consentry.core.nesting import parse_json
from consentry.core.terms import AccessRequest, Address, ConsentId, ConsentTerms, RecordLeaf
from consentry.crypto.ml_dsa import SIGNATURE_SIZE
from consentry.errors import ConsentryError
from consentry.evidence import (
    block_conflict,
    flat_rlp,
    header,
    misbehaviour,
    notation,
    qbft,
    qbft_extra,
    qbft_proof,
    state_proof,
    trie,
    trie_path,
    verify_completeness,
)
from consentry.evidence.block_conflict import BlockConflict
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint, checkpoint_note
from consentry.evidence.completeness import Statement
from consentry.evidence.log_proof import LogProof
from consentry.evidence.log_root import LogRoot
from consentry.evidence.misbehaviour import accuse
from consentry.evidence.note import NoteSignature, SignedNote, VerifierKey
from consentry.evidence.trust import TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.verify import verify
from consentry.evidence.witnesses import verify_checkpoint
from consentry.witness.submission import Submission
from tests.fuzzing.mutators import as_json, as_lines, as_rlp, in_parts, packed, padded, unpacked
from tests.fuzzing.parser import Parser, same_bytes
from tests.support.log_people import LOG, NOW, POLICY, QUANTUM_SAFE, ROOT, ROOT_HOLDERS, cosigned, head, leaves
from tests.vectors.bundles.vouched import CHECKED, Vouched, build_vouched
from tests.vectors.completeness.build_completeness import build
from tests.vectors.completeness.world import CHECKED as STATED
from tests.vectors.completeness.world import build_world

VECTORS: Final = Path(__file__).parents[1] / "vectors"
_WHERE: Final = bytes(32)


@cache
def _world() -> Vouched:
    return build_vouched()


@cache
def true_bundles() -> tuple[bytes, ...]:
    files = sorted((VECTORS / "bundles" / "true").glob("*.json"))
    return (*(bundle.to_json() for bundle in _world().bundles.values()), *(_shortened(file) for file in files))


def _shortened(file: Path) -> bytes:
    """Gives a bundle with but the first of many headers: it stays in form, and its other parts are spoilt as often."""
    document = json.loads(file.read_bytes())
    return rfc8785.dumps({**document, "headers": document["headers"][:1]})


@cache
def header_files() -> tuple[bytes, ...]:
    blocks = json.loads((VECTORS / "qbft" / "chain.json").read_text(encoding="utf-8"))["blocks"]
    real = json.loads((VECTORS / "qbft" / "real.json").read_text(encoding="utf-8"))
    found = [block["header"] for block in (*blocks[:30], *real) if "header" in block]
    return tuple(notation.bytes_of(header) for header in found)


def _documents() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(content) for content in true_bundles())


def _faithful(read: Callable[[bytes], Any], write: Callable[[Any], bytes]) -> Callable[[bytes], object]:
    """Gives a reader that also demands that what it read has this one form."""

    def read_back(content: bytes) -> object:
        found = read(content)
        same_bytes(write(found), content)
        return found

    return read_back


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _verify_bundle(content: bytes) -> object:
    return verify(content, _world().trust, now=CHECKED)


def _verify_statement(content: bytes) -> object:
    return verify_completeness.verify(content, build_world().trust, now=STATED)


def _seed_statements() -> Sequence[bytes]:
    return [content for name, content in build().items() if name.startswith("true/")]


def _verify_proof_of_blocks(content: bytes) -> object:
    return qbft_proof.verify(content, _anchor())


@cache
def _anchor() -> Anchor:
    return Anchor(0, qbft.decode(header_files()[0]).hash, 20)


def _seed_proofs_of_blocks() -> Sequence[bytes]:
    return [qbft_proof.to_json(qbft_proof.select(_anchor(), header_files()[:30], wanted)) for wanted in (0, 5, 20, 29)]


BOTH_KINDS = replace(POLICY, witnesses=(*POLICY.witnesses[:4], QUANTUM_SAFE.verifier_key))


def _note() -> SignedNote:
    return cosigned(head(39), {0: NOW, 1: NOW, 2: NOW})


def _seed_notes() -> Sequence[bytes]:
    lone = SignedNote(b"text\n\nof two parts\n", (NoteSignature("name", b"1234", b"5"),))
    # A true signature would be another in each run; one of zeros is read and checked as far.
    key, zeros = QUANTUM_SAFE.verifier_key, NOW.to_bytes(8, "big") + bytes(SIGNATURE_SIZE)
    false = checkpoint_note(head(2), LOG.sign(head(2)), NoteSignature(key.name, key.key_id, zeros))
    return [_note().to_bytes(), cosigned(head(1), {}).to_bytes(), lone.to_bytes(), false.to_bytes()]


def _seed_log_proofs() -> Sequence[bytes]:
    world = _world()
    return [world.log_proof(name).to_bytes() for name in world.bundles]


def _seed_submissions() -> Sequence[bytes]:
    at, checkpoint = 5, head(39)
    proof = inclusion_proof(at, 39, nodes_of(leaves(39)))
    return [
        Submission(at, proof, _note(), checkpoint).to_bytes(),
        Submission(0, (), cosigned(head(0), {}), head(0)).to_bytes(),
    ]


def _seed_trust_roots() -> Sequence[bytes]:
    return [_world().trust.to_json(), (VECTORS / "bundles" / "trust-root.json").read_bytes()]


def _seed_log_roots() -> Sequence[bytes]:
    return [ROOT.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1]).to_json(), _world().log_root.to_json()]


def _seed_accusations() -> Sequence[bytes]:
    one, other, later = (cosigned(made, {0: NOW}) for made in (head(7), head(7, 3), head(9, 2)))
    key, nodes = LOG.verifier_key, prefix_nodes(7, 9, nodes_of(leaves(9, 2)))
    return [
        accuse(key, one, other).to_json(),
        accuse(key, one, later).to_json(),
        accuse(key, one, later, nodes).to_json(),
    ]


def _seed_conflicts() -> Sequence[bytes]:
    first = header_files()[1]
    fields = flat_rlp.strings_of(first)
    second = bytes(rlp.encode([*fields[:3], bytes(32), *fields[4:]]))
    return [BlockConflict(7, form, first, second).to_json() for form in ("ethereum", "qbft")]


def _seed_extras() -> Sequence[bytes]:
    return [flat_rlp.strings_of(encoded)[12] for encoded in header_files()]


def _read_rlp(content: bytes) -> object:
    found = 0
    for read in (flat_rlp.members_of, flat_rlp.strings_of, flat_rlp.string_of):
        try:
            found += len(read(content))
        except ConsentryError:
            continue
    return found or flat_rlp.members_of(content)


def _members(kind: type, *path: str) -> Callable[[], list[bytes]]:
    """Gives the structs of that kind that stand at a place of the true bundles."""

    def found() -> list[bytes]:
        made = []
        for document in _documents():
            value: Any = document
            for name in path:
                value = (value or {}).get(name)
            if value:
                made.append(json.dumps(value).encode())
        assert made, kind
        return made

    return found


def _read_structs(content: bytes) -> object:
    value = notation_json(content)
    for kind in (AccessRequest, RecordLeaf, ConsentTerms):
        try:
            return notation.read(kind, value)
        except ConsentryError:
            continue
    return notation.read_entry(value)


def notation_json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Reads JSON as every reader of ours does."""
    return parse_json("value", content)


def _seed_structs() -> Sequence[bytes]:
    parts = (("decision", "entry", "request"), ("record", "leaf"), ("consent", "terms"), ("decision", "entry"))
    return [made for path in parts for made in _members(object, *path)()[:3]]


def _way_down(content: bytes) -> object:
    """The root is that of the first node, so that a spoilt one is looked into and not refused by its hash."""
    key, *nodes = unpacked(content) or [b""]
    return trie_path.value_at(keccak(nodes[0]) if nodes else trie_path.EMPTY, key, nodes)


def _seed_ways() -> Sequence[bytes]:
    receipts = [bytes([2]) + bytes(rlp.encode([b"\1", b"", bytes(256), []])) + bytes([n]) * 40 for n in range(40)]
    ways = [(bytes(rlp.encode(n)), trie.prove(receipts, n)) for n in (0, 1, 17, 39)]
    return [packed(key, *nodes[at:]) for key, nodes in ways for at in range(len(nodes)) if not at or len(key) == 1]


def _hanging(value: bytes, key: bytes) -> tuple[bytes, tuple[bytes]]:
    """Gives root and node of a trie with one value."""
    node = bytes(rlp.encode([b"\x20" + keccak(key), value]))
    return keccak(node), (node,)


def _state(content: bytes) -> object:
    """A value of a trie that holds it alone: as an account, as a word, and as what stands in a slot."""
    account, word = padded(unpacked(content), 2)[:2]
    contract, key = Address(bytes(20)), state_proof.slot_in(state_proof.CONSENT_STATES, _WHERE)
    root, nodes = _hanging(account, contract)
    found = state_proof.account_at(root, contract, nodes)
    storage_root, storage = _hanging(word, key)
    slot = state_proof.slot_at(storage_root, key, storage)
    return found, slot


def _state_words(content: bytes) -> object:
    word = content[:32].rjust(32, b"\0")
    contract = Address(bytes(20))

    def proved(mapping: int, key: bytes) -> tuple[bytes, state_proof.SlotProof]:
        number = word.lstrip(b"\0")
        storage_root, storage = _hanging(bytes(rlp.encode(number)), state_proof.slot_in(mapping, key))
        root, nodes = _hanging(bytes(rlp.encode([b"\1", b"", storage_root, bytes(32)])), contract)
        return root, state_proof.SlotProof(nodes, storage)

    root, proof = proved(state_proof.CONSENT_STATES, _WHERE)
    consent = state_proof.consent_state(root, contract, ConsentId(_WHERE), proof)
    root, proof = proved(state_proof.INSTITUTIONS, contract)
    return consent, state_proof.institution_state(root, contract, contract, proof)


def _seed_states() -> Sequence[bytes]:
    account = bytes(rlp.encode([b"\1", b"\x05", bytes(32), b"\x07" * 32]))
    return [packed(account, bytes(rlp.encode(b"\x0a" * size))) for size in (1, 8, 32)]


def _seed_receipts() -> Sequence[bytes]:
    found = []
    for document in _documents()[:6]:
        last = document["decision"]["inclusion"]["nodes"][-1]
        found.append(flat_rlp.string_of(flat_rlp.members_of(notation.bytes_of(last))[-1]))
    return found


def _tree(content: bytes) -> object:
    """Proofs of the log: what a path leads to, whatever numbers stand with it."""
    numbers, *path = unpacked(content) or [b""]
    old, new = int.from_bytes(numbers[:8], "big"), int.from_bytes(numbers[8:16], "big")
    with suppress(ConsentryError):
        verify_inclusion(_WHERE, old, new, path, _WHERE)
    return roots_along(old, new, path)


def _seed_trees() -> Sequence[bytes]:
    nodes = nodes_of(leaves(39))
    made = [
        (5, 39, prefix_nodes(5, 39, nodes)),
        (32, 39, prefix_nodes(32, 39, nodes)),
        (5, 39, inclusion_proof(5, 39, nodes)),
    ]
    return [packed(old.to_bytes(8, "big") + new.to_bytes(8, "big"), *path) for old, new, path in made]


def _header(content: bytes) -> object:
    return header.decode(content, "ethereum"), qbft.decode(content)


JSON_FILES: Final = (as_json,)

EVIDENCE: Final = (
    Parser(
        "bundle",
        "evidence.bundle.Bundle.from_json",
        _faithful(Bundle.from_json, Bundle.to_json),
        true_bundles,
        JSON_FILES,
    ),
    Parser("bundle-verify", "evidence.verify.verify", _verify_bundle, lambda: true_bundles()[:2], JSON_FILES),
    Parser(
        "statement",
        "evidence.completeness.Statement.from_json",
        _faithful(Statement.from_json, Statement.to_json),
        _seed_statements,
        JSON_FILES,
    ),
    Parser("statement-verify", "evidence.verify_completeness.verify", _verify_statement, _seed_statements, JSON_FILES),
    Parser("trust-root", "evidence.trust.TrustRoot.from_json", TrustRoot.from_json, _seed_trust_roots, JSON_FILES),
    Parser(
        "log-root",
        "evidence.log_root.LogRoot.from_json",
        _faithful(LogRoot.from_json, LogRoot.to_json),
        _seed_log_roots,
        JSON_FILES,
    ),
    Parser(
        "misbehaviour",
        "evidence.misbehaviour.verify_misbehaviour",
        misbehaviour.verify_misbehaviour,
        _seed_accusations,
        JSON_FILES,
    ),
    Parser(
        "block-conflict",
        "evidence.block_conflict.verify_block_conflict",
        block_conflict.verify_block_conflict,
        _seed_conflicts,
        JSON_FILES,
    ),
    Parser("structs", "evidence.notation.read, read_entry", _read_structs, _seed_structs, JSON_FILES),
    Parser(
        "note",
        "evidence.note.SignedNote.from_bytes",
        _faithful(SignedNote.from_bytes, SignedNote.to_bytes),
        _seed_notes,
        (as_lines,),
    ),
    Parser(
        "verifier-key",
        "evidence.note.VerifierKey.parse",
        lambda content: VerifierKey.parse(_text(content)),
        lambda: [str(key).encode() for key in (LOG.verifier_key, *POLICY.witnesses, QUANTUM_SAFE.verifier_key)],
        (as_lines,),
    ),
    Parser(
        "checkpoint",
        "evidence.checkpoint.Checkpoint.parse",
        _faithful(Checkpoint.parse, lambda found: found.text),
        lambda: [_note().text, head(0).text],
        (as_lines,),
    ),
    Parser(
        "cosigned",
        "evidence.witnesses.verify_checkpoint",
        lambda content: verify_checkpoint(content, BOTH_KINDS, NOW + 100),
        _seed_notes,
        (as_lines,),
    ),
    Parser(
        "log-proof",
        "evidence.log_proof.LogProof.from_bytes",
        _faithful(LogProof.from_bytes, LogProof.to_bytes),
        _seed_log_proofs,
        (as_lines,),
    ),
    Parser(
        "submission",
        "witness.submission.Submission.from_bytes",
        _faithful(Submission.from_bytes, Submission.to_bytes),
        _seed_submissions,
        (as_lines,),
    ),
    Parser(
        "tile-path",
        "core.log_tiles.Tile.from_path",
        lambda content: Tile.from_path(_text(content)),
        lambda: [b"tile/0/x001/x234/067", b"tile/3/000.p/17"],
        (as_lines,),
    ),
    Parser("log-tree", "core.log_tree.roots_along, verify_inclusion", _tree, _seed_trees, (in_parts(as_lines),)),
    Parser("rlp", "evidence.flat_rlp", _read_rlp, header_files, (as_rlp,)),
    Parser("header", "evidence.header.decode, qbft.decode", _header, header_files, (as_rlp,)),
    Parser("qbft-extra", "evidence.qbft_extra.decode", qbft_extra.decode, _seed_extras, (as_rlp,)),
    Parser("qbft-proof", "evidence.qbft_proof.verify", _verify_proof_of_blocks, _seed_proofs_of_blocks, JSON_FILES),
    Parser("trie-path", "evidence.trie_path.value_at", _way_down, _seed_ways, (in_parts(as_rlp),)),
    Parser("receipt", "evidence.trie.logs_of", trie.logs_of, _seed_receipts, (as_rlp,)),
    Parser("state-proof", "evidence.state_proof.account_at, slot_at", _state, _seed_states, (in_parts(as_rlp),)),
    Parser(
        "state-words",
        "evidence.state_proof.consent_state, institution_state",
        _state_words,
        lambda: [b"\1", bytes(15) + b"\1" * 17, bytes(11) + b"\2" * 21, b"\xff" * 32],
        (),
    ),
)
"""All of them, by the order of the documents."""
