"""A chain on which five accesses were decided, with the state that holds their heads; nothing of it made by the reader.

Heads are folded, slots placed and tries built here, by the documents. Seven validators seal the blocks, and the ledger
log, which five witnesses watch, has a log of the block that is about nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import rlp
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from consentry.core.codes import Reason
from consentry.core.log_tree import inclusion_proof, leaf_hash, nodes_of, root_of
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.completeness import LoggedBlock, Statement, Told, Whose
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import LogProof
from consentry.evidence.state_proof import SlotProof
from consentry.evidence.trie import Log
from consentry.evidence.trust import CONTRACTS, TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from tests.support import samples
from tests.support.log_people import NOW, ORIGIN, ROOT, ROOT_HOLDERS, cosigned
from tests.support.qbft_chain import STATE, TIME, Chain, scalar

CHECKED: Final = NOW + 200
"""When statements are verified, in seconds."""
CHAIN_ID: Final = 131277322940537
ADDRESSES: Final = tuple(sorted((name, Address(bytes([n + 1]) * 20)) for n, name in enumerate(CONTRACTS)))
LEDGER: Final = dict(ADDRESSES)["AccessLedger"]
SUBJECTS: Final = (SubjectId(samples.word(0x51)), SubjectId(samples.word(0x52)))
NOBODY: Final = SubjectId(samples.word(0x53))
HOSPITALS: Final = (samples.HOSPITAL, samples.CUSTODIAN)
PLACES: Final[dict[Whose, int]] = {"subject": 3, "institution": 4}
_WHO: Final = ((0, 0, 0), (0, 1, 3), (1, 0, 5), (0, 0, 8), (1, 1, 8))
"""Subject, hospital and second of each decision."""
PROVED: Final = 4
"""Number of the block whose state is proved; two more follow."""


def decisions() -> tuple[Told, ...]:
    """Gives the five decisions in the order of the chain; the second was a refusal."""
    made = []
    for number, (subject, hospital, second) in enumerate(_WHO):
        asked = samples.request(samples.word(0x900 + number), samples.word(0x800 + subject), samples.word(7))
        request = replace(asked, request_id=number + 1, institution=HOSPITALS[hospital])
        reason = Reason.CONSENT_REVOKED if number == 1 else Reason.NONE
        made.append(Told(request, SUBJECTS[subject], int(reason), NOW + second))
    return tuple(made)


def _entry_hash(told: Told) -> bytes:
    numbers = told.reason.to_bytes(32, "big") + told.decided_at.to_bytes(32, "big")
    return keccak(struct_hash(told.request) + told.subject_id + numbers)


def fold(key: bytes, entries: list[bytes]) -> bytes:
    """Gives the head of a chain, by the header of ``IAccessLedger.sol``."""
    head, word = bytes(32), key.rjust(32, b"\0")
    for number, entry in enumerate(entries, start=1):
        head = keccak(word + head + entry)[:26] + number.to_bytes(6, "big")
    return head


def key_in(told: Told, whose: Whose) -> bytes:
    """Gives whose decision it is."""
    return bytes(told.subject_id if whose == "subject" else told.request.institution)


def _slot(whose: Whose, key: bytes) -> bytes:
    return keccak(key.rjust(32, b"\0") + PLACES[whose].to_bytes(32, "big"))


def _nodes(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    return tuple(bytes(rlp.encode(node)) for node in trie.get_proof(key))  # type: ignore[no-untyped-call]  # the library has no complete annotations


@dataclass(frozen=True)
class State:
    """The state of one block."""

    storage: HexaryTrie
    accounts: HexaryTrie

    def proof(self, whose: Whose, key: bytes, contract: Address = LEDGER) -> SlotProof:
        """Gives what ``eth_getProof`` gives for a head."""
        return SlotProof(_nodes(self.accounts, keccak(contract)), _nodes(self.storage, keccak(_slot(whose, key))))


def state_of(told: tuple[Told, ...], holder: Address = LEDGER) -> State:
    """Gives the state after some decisions; a contract holds the heads."""
    storage, accounts = HexaryTrie({}), HexaryTrie({})
    for whose in PLACES:
        for key in {key_in(each, whose) for each in told}:
            head = fold(key, [_entry_hash(each) for each in told if key_in(each, whose) == key])
            storage[keccak(_slot(whose, key))] = bytes(rlp.encode(head.lstrip(b"\0")))
    storage[keccak(bytes(32))] = b"\x07"
    for _, address in ADDRESSES:
        root = storage.root_hash if address == holder else HexaryTrie({}).root_hash
        accounts[keccak(address)] = bytes(rlp.encode([b"\x01", b"", bytes(root), keccak(address)]))
    return State(storage, accounts)


@dataclass(frozen=True)
class World:
    """Chain, log, and whom to believe about both."""

    chain: Chain
    state: State
    earlier: State
    trust: TrustRoot
    logged: LoggedBlock
    leaves: tuple[bytes, ...]

    @property
    def headers(self) -> tuple[bytes, ...]:
        """RLP of all headers."""
        return tuple(block.encoded for block in self.chain.blocks)

    def believing(self, *numbers: int) -> TrustRoot:
        """Gives a trust root that knows the hashes of some blocks, and nobody else."""
        blocks = self.chain.blocks
        known = tuple(TrustedBlock(number, blocks[number].hash) for number in numbers)
        return replace(self.trust, checkpoints=known, qbft_anchor=None, log_root=None)

    def statement(self, whose: Whose, key: bytes) -> Statement:
        """Gives a true statement with both proofs."""
        entries = tuple(each for each in decisions() if key_in(each, whose) == key)
        block = self.chain.blocks[PROVED]
        moment = "2027-01-15T08:00:10Z"
        count = len(entries)
        found = {0: "no access was", 1: "1 access was"}.get(count, f"{count} accesses were")
        ending = "this is all" if count else "there is none"
        claim = f"Up to block {PROVED} of {moment}, {found} decided of {whose} 0x{key.hex()}: {ending}."
        return Statement(
            whose=whose,
            key=key,
            claim=claim,
            chain_id=CHAIN_ID,
            genesis_hash=self.chain.blocks[0].hash,
            contracts=ADDRESSES,
            headers=(block.encoded,),
            proof=self.state.proof(whose, key),
            entries=entries,
            qbft_proof=(self.headers[0], self.headers[PROVED]),
            logged=self.logged,
        )


def _chain(states: dict[int, State]) -> Chain:
    chain = Chain(tuple("abcdefg"), tuple("abcdefg"), 100)
    for number in range(1, PROVED + 3):
        block = chain.write()
        state = states.get(number)
        if state is not None:
            block = block.put(STATE, bytes(state.accounts.root_hash)).put(TIME, scalar(NOW + 2 * number + 2))
        later = block.put(TIME, scalar(NOW + 2 * number + 2))
        members = chain.members()
        turning = [members[(number + place) % len(members)] for place in range(5)]
        chain.blocks[-1] = later.sealed_by(turning)
    return chain


@cache
def build_world() -> World:
    """Writes the chain and the log."""
    told = decisions()
    earlier, state = state_of(told[:3]), state_of(told)
    chain = _chain({PROVED - 1: earlier, PROVED: state, PROVED + 1: state})
    block = chain.blocks[PROVED]
    log = Log(dict(ADDRESSES)["Participants"], (keccak(b"RelayAdmitted(address,address)"),), bytes(64))
    leaves = [*(leaf_hash(b"earlier %d" % n) for n in range(11)), leaf_of(CHAIN_ID, block.number, block.hash, log)]
    nodes = nodes_of(leaves)
    head = Checkpoint(ORIGIN, len(leaves), root_of(len(leaves), nodes))
    note = cosigned(head, dict.fromkeys(range(3), NOW + 100))
    root = replace(
        ROOT,
        chain_id=CHAIN_ID,
        genesis_hash=chain.blocks[0].hash,
        contracts=tuple(sorted(address for _, address in ADDRESSES)),
    )
    trust = TrustRoot(
        chain_id=CHAIN_ID,
        genesis_hash=chain.blocks[0].hash,
        header_form="qbft",
        contracts=ADDRESSES,
        checkpoints=(),
        qbft_anchor=Anchor(0, chain.blocks[0].hash, 100),
        log_root=root.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1]),
    )
    proof = LogProof(len(leaves) - 1, inclusion_proof(len(leaves) - 1, len(leaves), nodes), note)
    return World(chain, state, earlier, trust, LoggedBlock(log, proof), tuple(leaves))
