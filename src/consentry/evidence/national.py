"""The file that leads from a decision to the national ledger, and its verification, offline.

``docs/formats/national-anchor.md`` describes the file. The steps go on where those of a bundle end:

16. Form. The bytes are the canonical JSON of a national proof.
17. Ledgers. The national chain and contract are those of the trust root, and the ledger is the bundle's.
18. Block. The block of the anchoring is sealed by validators of the nation, or leads to a checkpoint of it.
19. Anchoring. The national ledger anchored the checkpoint in that block.
20. Log. The decision is in the anchored log, and in no later block than the anchored one.

What the caller must still do: verify the bundle first. The national ledger checked the signatures of the witnesses and
that the log only grew; that it recorded no conflict since, no file can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from eth_abi.abi import encode
from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.anchors import MOST_WITNESSES
from consentry.core.chain import BlockReference
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.log_tree import HASH_SIZE, LONGEST_PATH, verify_inclusion
from consentry.core.terms import Address
from consentry.core.typed_data import members_of
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import header, notation, trie
from consentry.evidence.canonical import read_canonical
from consentry.evidence.header import Header
from consentry.evidence.included import NOWHERE
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import log_of
from consentry.evidence.notation import Json, bytes_of, hex_of
from consentry.evidence.steps import LAST, present, same, step
from consentry.evidence.trie import Log
from consentry.evidence.trust import NationalTrust, TrustRoot
from consentry.evidence.validator_trail import follow
from consentry.evidence.verify import VerifiedAccess

FORMAT: Final = "consentry.national-proof/v1"
FORM: Final = LAST + 1
LEDGERS: Final = LAST + 2
BLOCK: Final = LAST + 3
ANCHORING: Final = LAST + 4
LOG: Final = LAST + 5
LARGEST: Final = 1 << 24
"""Bytes of the largest file: headers may lead far."""

_CHECKPOINT: Final = f"({','.join(member.split(' ')[0] for member in members_of(LedgerCheckpoint))})"
_EVENT: Final = keccak(f"CheckpointAnchored(bytes32,uint64,{_CHECKPOINT},bytes[],bytes[])".encode())
_MEMBERS: Final = frozenset(
    {"format", "national", "ledger", "checkpoint", "signers", "signatures", "headers", "inclusion", "index", "path"}
)


@dataclass(frozen=True, slots=True)
class NationalChain:
    """Which national ledger: chain, hash of block 0, and the contract."""

    chain_id: int
    genesis_hash: bytes
    contract: Address


@dataclass(frozen=True, slots=True)
class NationalProof:
    """The file.

    Attributes:
        national: which national ledger anchored.
        ledger: which provincial ledger.
        checkpoint: what was anchored.
        signers: witnesses that signed it.
        signatures: theirs.
        headers: RLP of headers of the national chain, ascending: from the block of the anchoring to a checkpoint, or
            those of a proof of a QBFT block, which end with it.
        inclusion: where the event of the anchoring stands.
        index: place of the decision's leaf in the anchored log.
        path: its siblings from the leaf up.
    """

    national: NationalChain
    ledger: LedgerIdentity
    checkpoint: LedgerCheckpoint
    signers: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    headers: tuple[bytes, ...]
    inclusion: Inclusion
    index: int
    path: tuple[bytes, ...]

    def log(self) -> Log:
        """Gives the log that the national ledger emits when it anchors the checkpoint."""
        anchored = self.checkpoint
        members = (
            anchored.ledger_id,
            anchored.size,
            anchored.root,
            anchored.block_number,
            anchored.block_hash,
            anchored.seen_at,
        )
        data = encode([_CHECKPOINT, "bytes[]", "bytes[]"], [members, self.signers, self.signatures])
        topics = (_EVENT, anchored.ledger_id, anchored.size.to_bytes(32, "big"))
        return Log(self.national.contract, topics, data)

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        place, ledger = self.inclusion, self.ledger
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "national": {
                    "chainId": str(self.national.chain_id),
                    "genesisHash": hex_of(self.national.genesis_hash),
                    "contract": hex_of(self.national.contract),
                },
                "ledger": {
                    "origin": ledger.origin,
                    "chainId": str(ledger.chain_id),
                    "genesisHash": hex_of(ledger.genesis_hash),
                    "accessLedger": hex_of(ledger.access_ledger),
                },
                "checkpoint": notation.write(self.checkpoint),
                "signers": [hex_of(signer) for signer in self.signers],
                "signatures": [hex_of(signature) for signature in self.signatures],
                "headers": [hex_of(encoded) for encoded in self.headers],
                "inclusion": {
                    "blockHash": hex_of(place.block_hash),
                    "transactionIndex": place.transaction_index,
                    "logIndex": place.log_index,
                    "nodes": [hex_of(node) for node in place.nodes],
                },
                "index": str(self.index),
                "path": [hex_of(node) for node in self.path],
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> NationalProof:
        """Reads the file; nothing is checked yet.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("national proof", content, _read, largest=LARGEST)


@dataclass(frozen=True, slots=True)
class NationallyAnchored:
    """What is proved: the nation anchored a log that has the decision in it.

    Attributes:
        checkpoint: what was anchored.
        block: of the national chain, in which it was.
        signers: how many witnesses signed it.
        sealed: how many validators of the nation sealed that block; None where a checkpoint of the trust root stands
            for it.
    """

    checkpoint: LedgerCheckpoint
    block: BlockReference
    signers: int
    sealed: int | None

    def in_words(self) -> str:
        """Says it in one sentence."""
        by = (
            "it leads to a checkpoint of the trust root"
            if self.sealed is None
            else f"{self.sealed} validators sealed it"
        )
        return (
            f"anchored by {self.signers} witnesses in a log of {self.checkpoint.size} entries, "
            f"in block {self.block.number} of the national chain; {by}"
        )


def verify_anchoring(content: bytes, access: VerifiedAccess, trust: TrustRoot) -> NationallyAnchored:
    """Checks that the national ledger anchored a log that has a verified decision in it.

    Args:
        content: bytes of the file.
        access: what the verification of the bundle gave.
        trust: whom to believe; it must name a national ledger.

    Raises:
        VerificationError: the first step that fails, with what was found and what was expected.
    """
    with step(FORM):
        proof = NationalProof.from_json(content)
    national = present(LEDGERS, "national ledger of the trust root", trust.national)
    _check_ledgers(proof, trust, national)
    block, sealed = _block(proof, national)
    _check_event(proof, block)
    _check_log(proof, access, trust)
    reference = BlockReference(block.number, block.hash, block.time)
    return NationallyAnchored(proof.checkpoint, reference, len(proof.signers), sealed)


def _check_ledgers(proof: NationalProof, trust: TrustRoot, national: NationalTrust) -> None:
    """Step 17."""
    same(LEDGERS, "national chain id", proof.national.chain_id, national.chain_id)
    same(LEDGERS, "national genesis hash", proof.national.genesis_hash, national.genesis_hash)
    same(LEDGERS, "national contract", proof.national.contract, national.contract)
    same(LEDGERS, "origin of the ledger", proof.ledger.origin, national.origin)
    same(LEDGERS, "chain id of the ledger", proof.ledger.chain_id, trust.chain_id)
    same(LEDGERS, "genesis hash of the ledger", proof.ledger.genesis_hash, trust.genesis_hash)
    same(LEDGERS, "contract of the ledger", proof.ledger.access_ledger, trust.address("AccessLedger"))
    same(LEDGERS, "ledger of the checkpoint", proof.checkpoint.ledger_id, ledger_id(proof.ledger))


def _block(proof: NationalProof, national: NationalTrust) -> tuple[Header, int | None]:
    """Step 18: gives the block of the anchoring, and how many sealed it."""
    if national.qbft_anchor is not None:
        with step(BLOCK):
            last = follow(national.qbft_anchor, proof.headers)[-1]
            found = header.decode(proof.headers[-1], national.header_form)
        same(BLOCK, "last header of the proof", found.hash, proof.inclusion.block_hash)
        return found, len(last.extra.seals)
    with step(BLOCK):
        found_headers = [header.decode(encoded, national.header_form) for encoded in proof.headers]
    return _led_to(found_headers, proof.inclusion.block_hash, national), None


def _led_to(headers: Sequence[Header], wanted: bytes, national: NationalTrust) -> Header:
    """Walks from the newest header down: the first is a checkpoint, each other the parent of the one before."""
    pinned = {checkpoint.hash: checkpoint.number for checkpoint in national.checkpoints}
    for found in reversed(headers):
        expected = pinned.pop(found.hash, None)
        if expected is None:
            raise VerificationError(
                f"national header {found.number} does not match (got 0x{found.hash.hex()}, expected a checkpoint's)",
                step=BLOCK,
            )
        same(BLOCK, "number of a national header", found.number, expected)
        if found.hash == wanted:
            same(BLOCK, "first national header", headers[0].hash, wanted)
            return found
        pinned[found.parent_hash] = found.number - 1
    raise VerificationError(
        f"block of the anchoring does not match (got 0x{wanted.hex()}, expected that of a header)", step=BLOCK
    )


def _check_event(proof: NationalProof, block: Header) -> None:
    """Step 19."""
    place, expected = proof.inclusion, proof.log()
    with step(ANCHORING):
        logs = trie.logs_of(trie.receipt_at(block.receipts_root, place.transaction_index, place.nodes))
    if place.log_index >= len(logs):
        raise VerificationError(
            f"log index does not match (got {place.log_index}, expected one below {len(logs)})", step=ANCHORING
        )
    found = logs[place.log_index]
    same(ANCHORING, "emitter of CheckpointAnchored", found.address, expected.address)
    same(ANCHORING, "topics of CheckpointAnchored", found.topics, expected.topics)
    same(ANCHORING, "data of CheckpointAnchored", found.data, expected.data)


def _check_log(proof: NationalProof, access: VerifiedAccess, trust: TrustRoot) -> None:
    """Step 20."""
    anchored, block = proof.checkpoint, access.block
    if block.number > anchored.block_number:
        raise VerificationError(
            f"block of the decision does not match (got {block.number}, expected at most {anchored.block_number})",
            step=LOG,
        )
    if block.number == anchored.block_number:
        same(LOG, "hash of the anchored block", anchored.block_hash, block.hash)
    log = log_of(events.AccessDecided(NOWHERE, access.entry), trust.address("AccessLedger"))
    leaf = leaf_of(trust.chain_id, block.number, block.hash, log)
    with step(LOG):
        verify_inclusion(leaf, proof.index, anchored.size, proof.path, anchored.root)


def _require(value: Any, *names: str) -> Json:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict) or value.keys() != {*names}:
        raise InvalidInputError(f"members of the national proof do not match (expected {sorted(names)})")
    return value


def _number(text: object) -> int:
    """Reads a decimal; that it is written so and no other way, the canonical form of the file tells."""
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > 78:  # noqa: PLR2004 - digits of 2**256
        raise InvalidInputError(f"number does not match (got {text!r:.80}, expected decimal digits)")
    return int(text)


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise InvalidInputError(f"index does not match (got {value!r:.80}, expected a number from 0)")
    return value


def _list(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInputError(f"list of the national proof does not match (expected one of at most {most})")
    return value


def _read(value: Any) -> NationalProof:  # noqa: ANN401 - any JSON
    found = _require(value, *_MEMBERS)
    if found["format"] != FORMAT:
        raise InvalidInputError(f"format does not match (got {found['format']!r:.80}, expected {FORMAT})")
    national = _require(found["national"], "chainId", "genesisHash", "contract")
    ledger = _require(found["ledger"], "origin", "chainId", "genesisHash", "accessLedger")
    place = _require(found["inclusion"], "blockHash", "transactionIndex", "logIndex", "nodes")
    if not isinstance(ledger["origin"], str):
        raise InvalidInputError("origin does not match (expected a text)")
    headers = tuple(bytes_of(encoded) for encoded in _list(found["headers"], LARGEST))
    if not headers:
        raise InvalidInputError("number of headers does not match (got 0, expected at least 1)")
    return NationalProof(
        national=NationalChain(
            _number(national["chainId"]),
            bytes_of(national["genesisHash"], HASH_SIZE),
            Address(bytes_of(national["contract"], 20)),
        ),
        ledger=LedgerIdentity(
            ledger["origin"],
            _number(ledger["chainId"]),
            bytes_of(ledger["genesisHash"], HASH_SIZE),
            Address(bytes_of(ledger["accessLedger"], 20)),
        ),
        checkpoint=notation.read(LedgerCheckpoint, found["checkpoint"]),
        signers=tuple(bytes_of(signer) for signer in _list(found["signers"], MOST_WITNESSES)),
        signatures=tuple(bytes_of(signature) for signature in _list(found["signatures"], MOST_WITNESSES)),
        headers=headers,
        inclusion=Inclusion(
            bytes_of(place["blockHash"], HASH_SIZE),
            _index(place["transactionIndex"]),
            _index(place["logIndex"]),
            tuple(bytes_of(node) for node in _list(place["nodes"], LARGEST)),
        ),
        index=_number(found["index"]),
        path=tuple(bytes_of(node, HASH_SIZE) for node in _list(found["path"], LONGEST_PATH)),
    )
