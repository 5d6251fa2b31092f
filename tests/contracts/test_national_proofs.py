"""Decisions of a province, proved to the national ledger by the log and by the chain; and what proves nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import rlp
from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.anchors import Conflict, LedgerStatus
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.ledger_checkpoint import LedgerIdentity, ledger_id
from consentry.core.log_tree import inclusion_proof, nodes_of, root_of
from consentry.core.packing import pack_codes, pack_outcome
from consentry.core.terms import ZERO_32, AccessEntry, Address
from consentry.evidence import header, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.logs import log_of
from consentry.evidence.trie import Log
from tests.support.evm import Outcome
from tests.support.header_chain import header_of, receipt_of
from tests.support.log_people import ORIGIN, leaves
from tests.support.national import START, National, checkpoint
from tests.support.qbft_chain import Chain

BUNDLES: Final = Path(__file__).parents[1] / "vectors" / "bundles" / "true"
NAMES: Final = sorted(path.stem for path in BUNDLES.glob("*.json"))
NOWHERE: Final = EventPlace(BlockReference(0, ZERO_32, 0), ZERO_32, 0)
OTHER: Final = keccak(b"another")
INDEX: Final = 5
RECEIPTS_ROOT: Final = 5
"""Place in a header."""
SIZE: Final = 7


@dataclass
class Province:
    """A decision in block and log of a ledger whose checkpoint is anchored; what proves it can be spoilt."""

    national: National
    identity: LedgerIdentity
    log: Log
    block: BlockReference
    headers: list[bytes]
    transaction_index: int
    log_index: int
    nodes: Sequence[bytes]
    index: int = INDEX
    size: int = SIZE

    @property
    def tree(self) -> list[bytes]:
        """Leaf hashes of the log: the decision among others."""
        found = leaves(SIZE)
        found[self.index] = leaf_of(self.identity.chain_id, self.block.number, self.block.hash, self.log)
        return found

    def anchor(self) -> None:
        """Admits the ledger and anchors its checkpoint, in the block of the first header."""
        national, newest = self.national, header.decode(self.headers[0])
        named = national.admit(self.identity)
        root = root_of(SIZE, nodes_of(self.tree))
        changes: dict[str, Any] = {"root": root, "block_number": newest.number, "block_hash": newest.hash}
        assert national.bring(dataclasses.replace(checkpoint(SIZE, ledger=named), **changes)).conflict == Conflict.NONE

    def by_log(self, **changes: Any) -> Outcome:  # noqa: ANN401 - of any argument
        """Proves the decision by the log, with arguments that are to be others."""
        given: dict[str, Any] = {
            "identity": dataclasses.astuple(self.identity),
            "size": self.size,
            "place": (self.block.number, self.block.hash, self.index),
            "topics": self.log.topics,
            "data": self.log.data,
            "path": inclusion_proof(self.index, SIZE, nodes_of(self.tree)),
        }
        return self.national.send("verifyLoggedDecision", *{**given, **changes}.values())

    def by_chain(self, **changes: Any) -> Outcome:  # noqa: ANN401 - as by_log
        """Proves the decision by the chain, with arguments that are to be others."""
        given: dict[str, Any] = {
            "identity": dataclasses.astuple(self.identity),
            "size": self.size,
            "headers": self.headers,
            "place": (self.transaction_index, self.log_index),
            "nodes": self.nodes,
        }
        return self.national.send("verifyDecisionReceipt", *{**given, **changes}.values())


def of_bundle(national: National, name: str) -> tuple[Province, AccessEntry]:
    """Takes the decision of a true bundle: real contracts made it."""
    bundle = Bundle.from_json((BUNDLES / f"{name}.json").read_bytes())
    ledger = dict(bundle.contracts)["AccessLedger"]
    found = sorted(bundle.headers, key=lambda one: -header.decode(one).number)
    decision = bundle.decision
    assert isinstance(decision, Inclusion)
    place = next(n for n, one in enumerate(found) if header.decode(one).hash == decision.block_hash)
    of = header.decode(found[place])
    province = Province(
        national,
        LedgerIdentity(ORIGIN, bundle.chain_id, bundle.genesis_hash, ledger),
        log_of(events.AccessDecided(NOWHERE, bundle.entry), ledger),
        BlockReference(of.number, of.hash, of.time),
        found[: place + 1],
        decision.transaction_index,
        decision.log_index,
        decision.nodes,
    )
    return province, bundle.entry


def synthetic(
    national: National,
    *,
    index: int = 200,
    log: Log | None = None,
    succeeded: bool = True,
    legacy: bool = False,
) -> Province:
    """Puts a decision into a block of three hundred transactions, with two blocks after it."""
    real, _ = of_bundle(national, "permitted-account")
    log = log or real.log
    others = [(b"\xfe" * 20, (OTHER,), b"%d" % number) for number in range(3)]
    made = receipt_of([*others, (log.address, log.topics, log.data)], succeeded=succeeded).encoded
    receipts = [receipt_of(others).encoded] * 300
    receipts[index] = made[1:] if legacy else made
    decided = header_of(40, OTHER, trie.root_of(receipts))
    after = header_of(41, keccak(decided), OTHER)
    newest = header_of(42, keccak(after), OTHER)
    block = BlockReference(40, keccak(decided), 0)
    headers = [newest, after, decided]
    return Province(national, real.identity, log, block, headers, index, 3, trie.prove(receipts, index))


@pytest.fixture(scope="module")
def deployed() -> National:
    """Deploys the national ledger once."""
    return National()


@pytest.fixture
def national(deployed: National) -> Iterator[National]:
    """Lends it to one test and takes back whatever that did."""
    mark = deployed.evm.mark()
    deployed.rules = type(deployed.rules)()
    yield deployed
    deployed.evm.put_back(mark)


@pytest.fixture
def province(national: National) -> Province:
    """Gives a synthetic decision that is proved."""
    made = synthetic(national)
    made.anchor()
    return made


@pytest.mark.parametrize("name", NAMES)
def test_decision_of_real_contracts_is_proved_by_log_and_chain(national: National, name: str) -> None:
    province, entry = of_bundle(national, name)
    province.anchor()
    request = entry.request
    expected = (
        request.request_id,
        entry.subject_id,
        "0x" + request.institution.hex(),
        (
            request.record_id,
            province.log.data[32:64],
            request.reason_hash,
            request.practitioner,
            request.release_key_hash,
            pack_codes(request),
            pack_outcome(entry.reason, entry.decided_at, entry.subject_sequence, entry.institution_sequence),
        ),
    )
    identity = dataclasses.astuple(province.identity)
    path = inclusion_proof(INDEX, SIZE, nodes_of(province.tree))
    place = (province.block.number, province.block.hash, INDEX)

    logged = national.read("verifyLoggedDecision", identity, SIZE, place, province.log.topics, province.log.data, path)
    mined = national.read(
        "verifyDecisionReceipt",
        identity,
        SIZE,
        province.headers,
        (province.transaction_index, province.log_index),
        province.nodes,
    )

    assert logged == mined == expected


@pytest.mark.parametrize("index", [0, 1, 127, 128, 255, 256, 299])
def test_decision_is_proved_at_any_place_of_its_block(national: National, index: int) -> None:
    province = synthetic(national, index=index)
    province.anchor()

    assert (province.by_log().error, province.by_chain().error) == ("", "")


def test_receipt_without_type_is_read(national: National) -> None:
    province = synthetic(national, legacy=True)
    province.anchor()

    assert province.by_chain().error == ""


def test_header_of_a_qbft_block_travels_without_seals(national: National) -> None:
    real, _ = of_bundle(national, "permitted-account")
    receipts = [receipt_of([(real.log.address, real.log.topics, real.log.data)]).encoded]
    chain = Chain("abcd", "abcd", 20)
    decided = chain.write().put(RECEIPTS_ROOT, trie.root_of(receipts))
    chain.blocks[-1] = decided
    newest = chain.write(round_=3)
    served = [newest.encoded, decided.encoded]
    headers = [block.with_extra(block.extra(round_=0, seals=[])) for block in (newest, decided)]
    block = BlockReference(1, decided.hash, 0)
    province = Province(national, real.identity, real.log, block, headers, 0, 0, trie.prove(receipts, 0))
    province.anchor()

    assert (province.by_log().error, province.by_chain().error) == ("", "")
    refused = province.by_chain(headers=served)
    assert (refused.error, refused.arguments) == ("NationalAnchorHeadersInvalid", (newest.hash,))


# By the log


@pytest.mark.parametrize(
    "changes",
    [
        {"place": (41, keccak(b""), INDEX)},
        {"topics": ()},
        {"data": b""},
        {"path": ()},
    ],
    ids=str,
)
def test_other_event_is_not_in_the_log(province: Province, changes: dict[str, Any]) -> None:
    assert province.by_log(**changes).error == "NationalAnchorPathInvalid"


@pytest.mark.parametrize("index", [0, 4, 6, 7, INDEX + 8, 2**64 - 1])
def test_event_stands_in_one_place(province: Province, index: int) -> None:
    place = (province.block.number, province.block.hash, index)
    refused = province.by_log(place=place)

    root = root_of(SIZE, nodes_of(province.tree))
    assert (refused.error, refused.arguments) == ("NationalAnchorPathInvalid", (province.tree[INDEX], root))


@pytest.mark.parametrize("index", range(SIZE - 1))
def test_last_event_stands_nowhere_else(national: National, index: int) -> None:
    """Its path is shorter than those of others: that of place 3 begins with siblings on the same sides."""
    province = synthetic(national)
    province.index = SIZE - 1
    province.anchor()
    place = (province.block.number, province.block.hash, index)

    assert province.by_log().error == ""
    assert province.by_log(place=place).error == "NationalAnchorPathInvalid"


def test_path_has_one_length(province: Province) -> None:
    path = list(inclusion_proof(INDEX, SIZE, nodes_of(province.tree)))
    for other in (path[:-1], [*path, OTHER], [*path[:-1], OTHER], path[::-1]):
        assert province.by_log(path=other).error == "NationalAnchorPathInvalid"


def test_size_that_is_not_anchored_proves_nothing(province: Province) -> None:
    for refused in (province.by_log(size=6), province.by_chain(size=6)):
        assert refused.error == "NationalAnchorNotAnchored"
        assert refused.arguments == (ledger_id(province.identity), 6)


@pytest.mark.parametrize("member", ["chain_id", "origin", "genesis_hash", "access_ledger"])
def test_other_ledger_proves_nothing(province: Province, member: str) -> None:
    others: dict[str, Any] = {"chain_id": 1, "origin": "x", "genesis_hash": OTHER, "access_ledger": b"\x01" * 20}
    identity = dataclasses.replace(province.identity, **{member: others[member]})
    given = dataclasses.astuple(identity)

    for refused in (province.by_log(identity=given), province.by_chain(identity=given)):
        assert refused.error == "NationalAnchorStatusInvalid"
        assert refused.arguments == (ledger_id(identity), LedgerStatus.NONE)


def test_forked_ledger_proves_nothing(province: Province) -> None:
    other = dataclasses.replace(checkpoint(SIZE, ledger=ledger_id(province.identity)), root=OTHER, seen_at=START)
    assert province.national.bring(other).conflict == Conflict.TWO_ROOTS

    for refused in (province.by_log(), province.by_chain()):
        assert refused.arguments == (ledger_id(province.identity), LedgerStatus.FORKED)


def test_ledger_closed_while_forked_proves_nothing(province: Province) -> None:
    other = dataclasses.replace(checkpoint(SIZE, ledger=ledger_id(province.identity)), root=OTHER, seen_at=START)
    assert province.national.bring(other).conflict == Conflict.TWO_ROOTS
    province.national.must(province.national.by_two("closeLedger", ledger_id(province.identity), OTHER))

    for refused in (province.by_log(), province.by_chain()):
        assert refused.error == "NationalAnchorStatusInvalid"
        assert refused.arguments == (ledger_id(province.identity), LedgerStatus.CLOSED_FORKED)


def test_conflict_after_closing_ends_the_proofs(province: Province) -> None:
    national = province.national
    national.must(national.by_two("closeLedger", ledger_id(province.identity), OTHER))
    national.rules.close(ledger_id(province.identity))
    other = dataclasses.replace(checkpoint(SIZE, ledger=ledger_id(province.identity)), root=OTHER, seen_at=START)
    assert national.bring(other).conflict == Conflict.TWO_ROOTS

    for refused in (province.by_log(), province.by_chain()):
        assert refused.arguments == (ledger_id(province.identity), LedgerStatus.CLOSED_FORKED)


def test_closed_ledger_still_proves_what_was_anchored(province: Province) -> None:
    national = province.national
    national.must(national.by_two("closeLedger", ledger_id(province.identity), OTHER))

    assert (province.by_log().error, province.by_chain().error) == ("", "")


@pytest.mark.parametrize("by", ["log", "chain"])
@pytest.mark.parametrize("what", ["event", "topics", "data"])
def test_other_event_of_the_ledger_is_no_decision(national: National, what: str, by: str) -> None:
    real, _ = of_bundle(national, "permitted-account")
    topics, data = real.log.topics, real.log.data
    spoilt = {
        "event": Log(real.log.address, (OTHER, *topics[1:]), data),
        "topics": Log(real.log.address, topics[:3], data),
        "data": Log(real.log.address, topics, data + bytes(32)),
    }[what]
    province = synthetic(national, log=spoilt)
    province.anchor()

    refused = province.by_log() if by == "log" else province.by_chain()
    assert (refused.error, refused.arguments) == ("NationalAnchorNoDecision", ())


# By the chain


def test_headers_begin_with_the_anchored_block_and_are_linked(province: Province) -> None:
    newest, after, decided = province.headers
    for headers in (
        [],
        [after, decided],
        [newest, decided],
        [newest, after, header_of(40, OTHER, OTHER)],
        [decided, after, newest],
        [newest[:-1] + b"\x01", after, decided],
    ):
        refused = province.by_chain(headers=headers)
        assert (refused.error, refused.arguments) == ("NationalAnchorHeadersInvalid", (keccak(newest),))


def test_receipt_of_another_block_is_not_proved(province: Province) -> None:
    assert province.by_chain(headers=province.headers[:2]).error == "TrieProofTraversalError"


def test_nodes_lead_from_the_root_to_the_receipt(province: Province) -> None:
    nodes = list(province.nodes)
    assert len(nodes) > 2
    for other in ([], nodes[:-1], nodes[1:], nodes[::-1], [*nodes, nodes[-1]]):
        assert province.by_chain(nodes=other).error == "TrieProofTraversalError"
    assert province.by_chain(place=(201, 3)).error in {"TrieProofTraversalError", "RLPInvalidEncoding"}


def test_failed_transaction_decided_nothing(national: National) -> None:
    province = synthetic(national, succeeded=False)
    province.anchor()
    refused = province.by_chain()

    assert (refused.error, refused.arguments) == ("NationalAnchorLogMissing", (200, 3))


@pytest.mark.parametrize("log_index", [0, 2, 4, 2**200])
def test_log_stands_in_one_place_of_its_receipt(province: Province, log_index: int) -> None:
    refused = province.by_chain(place=(200, log_index))

    assert (refused.error, refused.arguments) == ("NationalAnchorLogMissing", (200, log_index))


def test_event_of_another_contract_is_no_decision(national: National) -> None:
    real, _ = of_bundle(national, "permitted-account")
    province = synthetic(national, log=Log(Address(b"\xaa" * 20), real.log.topics, real.log.data))
    province.anchor()

    assert province.by_chain().error == "NationalAnchorLogMissing"
    assert province.by_log().error == "NationalAnchorPathInvalid"


def test_what_is_no_receipt_is_refused(national: National) -> None:
    province = synthetic(national)
    odd = [bytes(rlp.encode([b"\x01", b"", b""])), bytes(rlp.encode([b"\x01", b"", b"", [], b""]))]
    decided = header_of(40, OTHER, trie.root_of(odd))
    province.headers = [decided]
    province.anchor()
    for index in range(2):
        refused = province.by_chain(place=(index, 0), nodes=trie.prove(odd, index))
        assert refused.error == "NationalAnchorLogMissing"


def test_what_is_no_header_is_refused_though_its_hash_is_anchored(national: National) -> None:
    """Witnesses that vouch for such a hash prove nothing with it."""
    short, garbage = bytes(rlp.encode([OTHER] * 3)), b"\xf8\x01"
    for number, odd in enumerate((short, garbage)):
        identity = dataclasses.replace(synthetic(national).identity, chain_id=number + 2)
        made = checkpoint(SIZE, ledger=national.admit(identity), block_hash=keccak(odd))
        assert national.bring(made).conflict == Conflict.NONE
        refused = national.send("verifyDecisionReceipt", dataclasses.astuple(identity), SIZE, [odd], (0, 0), [b"\xc0"])
        if number == 0:
            assert refused.error == "FieldNotPresentInBlockHeader"
        else:
            assert refused.error == "RLPInvalidEncoding"


def test_log_of_one_event_has_one_place(national: National) -> None:
    province = synthetic(national)
    leaf = province.tree[INDEX]
    named = national.admit(province.identity)
    assert national.bring(dataclasses.replace(checkpoint(1, ledger=named), root=leaf)).conflict == Conflict.NONE

    places = [(province.block.number, province.block.hash, index) for index in range(3)]
    answers = [province.by_log(size=1, place=place, path=[]).error for place in places]

    assert answers == ["", "NationalAnchorPathInvalid", "NationalAnchorPathInvalid"]
