"""A decision is followed to the national ledger; whatever lies is refused at the step that finds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core.ledger_checkpoint import LedgerIdentity, ledger_id
from consentry.core.terms import Address
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence import header, trie
from consentry.evidence.national import LARGEST, NationalProof, verify_anchoring
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.evidence.trust import TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.verify import verify
from tests.support.header_chain import receipt_of
from tests.support.qbft_chain import Chain
from tests.vectors.anchors.build_proof import BUNDLE, FOLDER, SIZE, build
from tests.vectors.bundles.build_bundles import TRUE

CONTENT = (FOLDER / "proof.json").read_bytes()
PROOF = NationalProof.from_json(CONTENT)
TRUST = TrustRoot.from_json((FOLDER / "trust-root.json").read_bytes())
ACCESS = verify(BUNDLE.read_bytes(), TRUST)
OTHER = keccak(b"another")
ELSEWHERE = Address(b"\x66" * 20)


def nation_with(**changes: Any) -> TrustRoot:  # noqa: ANN401 - of any member
    assert TRUST.national is not None
    return replace(TRUST, national=replace(TRUST.national, **changes))


def refused(proof: NationalProof | bytes, trust: TrustRoot = TRUST) -> VerificationError:
    """Gives the refusal."""
    content = proof if isinstance(proof, bytes) else proof.to_json()
    with pytest.raises(VerificationError, match=r"do(es)? not match") as caught:
        verify_anchoring(content, ACCESS, trust)
    return caught.value


def test_true_proof_leads_to_the_nation() -> None:
    found = verify_anchoring(CONTENT, ACCESS, TRUST)

    assert (found.checkpoint, found.signers, found.sealed) == (PROOF.checkpoint, 3, None)
    assert found.block.hash == header.decode(PROOF.headers[0]).hash
    assert found.in_words() == (
        "anchored by 3 witnesses in a log of 7 entries, "
        f"in block {found.block.number} of the national chain; it leads to a checkpoint of the trust root"
    )


def test_files_are_what_the_generator_writes() -> None:
    made = build()
    assert (made.proof.to_json(), made.trust) == (CONTENT, TRUST)
    assert TrustRoot.from_json(TRUST.to_json()) == TRUST


# Step 16


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", CONTENT + b"\n", CONTENT.replace(b'"index":"5"', b'"index":"05"'), b" " * (LARGEST + 1)],
    ids=["empty", "no-members", "list", "line-end", "zero-in-front", "too-large"],
)
def test_other_form_is_refused(content: bytes) -> None:
    assert refused(content).step == 16


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # noqa: ANN401 - any JSON
    """Gives the place of every value in a document, lists and objects too."""
    inner: list[tuple[str | int, ...]] = []
    if isinstance(value, dict):
        inner = [place for name, member in value.items() for place in paths(member, (*at, name))]
    elif isinstance(value, list):
        inner = [place for number, member in enumerate(value) for place in paths(member, (*at, number))]
    return [at, *inner] if at else inner


OTHERS: tuple[Any, ...] = (None, True, -1, 1.5, "", "0x", "7x", [], {}, [[]], {"a": 1}, 10**15)
PLACES = paths(json.loads(CONTENT))


def with_value(place: tuple[str | int, ...], change: Callable[[Any], Any]) -> bytes:
    document = json.loads(CONTENT)
    inside = document
    for name in place[:-1]:
        inside = inside[name]
    inside[place[-1]] = change(inside[place[-1]])
    return rfc8785.dumps(document)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_value_of_another_type_is_refused_wherever_it_stands(place: tuple[str | int, ...]) -> None:
    for other in OTHERS:
        content = with_value(place, lambda _, value=other: value)  # type: ignore[misc]  # bound in this round
        if content != CONTENT:
            assert refused(content).step in range(16, 21)


def flipped(text: str, bit: int) -> str:
    """Turns a bit of a byte string."""
    value = bytearray(bytes.fromhex(text[2:]))
    value[bit // 8 % len(value)] ^= 1 << bit % 8
    return "0x" + value.hex()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.integers(0, 2**16))
def test_turned_bit_is_refused_wherever_it_is(place: tuple[str | int, ...], bit: int) -> None:
    def turn(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
            return flipped(value, bit)
        if isinstance(value, str) and value.isdecimal():
            return str(int(value) ^ (1 << bit % 40))
        return value + 1 if isinstance(value, int) else value

    content = with_value(place, turn)
    if content != CONTENT:
        assert refused(content).step in range(16, 21)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_other_bytes_are_refused(content: bytes) -> None:
    assert refused(content).step == 16
    with pytest.raises(InvalidInputError):
        NationalCheckpoint.from_json(content)


# Step 17


@pytest.mark.parametrize(
    ("trust", "what"),
    [
        (replace(TRUST, national=None), "national ledger of the trust root"),
        (nation_with(chain_id=1), "national chain id"),
        (nation_with(genesis_hash=OTHER), "national genesis hash"),
        (nation_with(contract=ELSEWHERE), "national contract"),
        (nation_with(origin="ledger.example.org/hubei"), "origin of the ledger"),
        (replace(TRUST, chain_id=1), "chain id of the ledger"),
        (replace(TRUST, genesis_hash=OTHER), "genesis hash of the ledger"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_nation_or_ledger_is_refused(trust: TrustRoot, what: str) -> None:
    error = refused(PROOF, trust)
    assert (error.step, error.message.startswith(what)) == (17, True)


def test_ledger_of_another_contract_is_refused() -> None:
    other: LedgerIdentity = replace(PROOF.ledger, access_ledger=ELSEWHERE)
    assert refused(replace(PROOF, ledger=other)).message.startswith("contract of the ledger")
    checkpoint = replace(PROOF.checkpoint, ledger_id=ledger_id(other))
    assert refused(replace(PROOF, checkpoint=checkpoint)).message.startswith("ledger of the checkpoint")


# Step 18


def test_header_leads_to_a_checkpoint_of_the_nation() -> None:
    first, second, third = PROOF.headers
    newest = header.decode(third)
    for proof, trust in (
        (PROOF, nation_with(checkpoints=(TrustedBlock(newest.number, OTHER),))),
        (PROOF, nation_with(checkpoints=(TrustedBlock(newest.number + 1, newest.hash),))),
        (replace(PROOF, headers=(first, third)), TRUST),
        (replace(PROOF, headers=(second, third)), TRUST),
        (replace(PROOF, headers=(third, second, first)), TRUST),
        (replace(PROOF, headers=(second, first, second, third)), TRUST),
        (replace(PROOF, headers=(first,)), TRUST),
        (replace(PROOF, inclusion=replace(PROOF.inclusion, block_hash=OTHER)), TRUST),
    ):
        assert refused(proof, trust).step == 18
    own = nation_with(checkpoints=(TrustedBlock(header.decode(first).number, header.decode(first).hash),))
    assert verify_anchoring(replace(PROOF, headers=(first,)).to_json(), ACCESS, own).sealed is None


def sealed_proof() -> tuple[NationalProof, TrustRoot, Chain]:
    """Puts the anchoring into a block that seven validators sealed, and pins the first block."""
    log = PROOF.log()
    receipts = [receipt_of([(log.address, log.topics, log.data)]).encoded]
    chain = Chain("abcdefg", "abcdefg", 20)
    for _ in range(2):
        chain.write()
    members = chain.members()
    anchored = chain.write().put(5, trie.root_of(receipts)).sealed_by(members[:5])
    chain.blocks[-1] = anchored
    proof = replace(
        PROOF,
        headers=tuple(block.encoded for block in chain.blocks),
        inclusion=replace(PROOF.inclusion, block_hash=anchored.hash, nodes=trie.prove(receipts, 0)),
    )
    pinned = Anchor(0, chain.blocks[0].hash, 20)
    return proof, nation_with(header_form="qbft", checkpoints=(), qbft_anchor=pinned), chain


def test_validators_of_the_nation_seal_the_block() -> None:
    proof, trust, _ = sealed_proof()
    assert TrustRoot.from_json(trust.to_json()) == trust
    found = verify_anchoring(proof.to_json(), ACCESS, trust)
    assert (found.sealed, found.block.number) == (5, 3)
    assert found.in_words().endswith("5 validators sealed it")


def test_block_without_enough_seals_is_refused() -> None:
    proof, trust, chain = sealed_proof()
    block = chain.blocks[-1].sealed_by(chain.members()[:4])
    for changed in (
        replace(proof, headers=(*proof.headers[:-1], block.encoded)),
        replace(proof, headers=proof.headers[:-1]),
        replace(proof, headers=proof.headers[1:]),
        replace(proof, inclusion=replace(proof.inclusion, block_hash=OTHER)),
    ):
        assert refused(changed, trust).step == 18


# Step 19


@pytest.mark.parametrize("member", ["size", "root", "block_number", "block_hash", "seen_at"])
def test_other_checkpoint_was_not_anchored(member: str) -> None:
    value = getattr(PROOF.checkpoint, member)
    changed: dict[str, Any] = {member: value + 1 if isinstance(value, int) else OTHER}
    assert refused(replace(PROOF, checkpoint=replace(PROOF.checkpoint, **changed))).step == 19


def test_event_stands_where_the_proof_says_and_names_the_witnesses() -> None:
    place = PROOF.inclusion
    for proof in (
        replace(PROOF, inclusion=replace(place, log_index=1)),
        replace(PROOF, inclusion=replace(place, transaction_index=1)),
        replace(PROOF, inclusion=replace(place, nodes=())),
        replace(PROOF, signers=PROOF.signers[::-1]),
        replace(PROOF, signers=PROOF.signers[:2], signatures=PROOF.signatures[:2]),
        replace(PROOF, signatures=PROOF.signatures[::-1]),
    ):
        assert refused(proof).step == 19


# Step 20


def test_decision_of_another_bundle_is_not_in_the_log() -> None:
    for path in sorted(TRUE.glob("*.json")):
        if path != BUNDLE:
            other = verify(path.read_bytes(), TRUST)
            with pytest.raises(VerificationError) as caught:
                verify_anchoring(CONTENT, other, TRUST)
            assert caught.value.step == 20


def test_decision_stands_in_one_place() -> None:
    for index in {*range(SIZE + 2), 2**64, 2**200} - {PROOF.index}:
        assert refused(replace(PROOF, index=index)).step == 20
    for path in (PROOF.path[1:], (*PROOF.path, OTHER), PROOF.path[::-1], ()):
        assert refused(replace(PROOF, path=path)).step == 20


def test_decision_is_not_later_than_the_anchored_block() -> None:
    """A log that is anchored up to an earlier block cannot have the decision in it, whatever its root says."""
    block = ACCESS.block
    for number, what in (
        (PROOF.checkpoint.block_number + 1, "block of the decision"),
        (PROOF.checkpoint.block_number, "hash of the anchored block"),
    ):
        later = replace(ACCESS, block=replace(block, number=number))
        with pytest.raises(VerificationError, match=what) as caught:
            verify_anchoring(CONTENT, later, TRUST)
        assert caught.value.step == 20


# The trust root


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoints": []},
        {"headerForm": "clique"},
        {"more": 1},
        {"contract": "0x00"},
        {"qbftAnchor": {"number": 0, "hash": "0x" + "07" * 32, "epochLength": 20}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_trust_root_with_another_nation_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(TRUST.to_json())
    document["national"] |= change
    with pytest.raises(InvalidInputError):
        TrustRoot.from_json(rfc8785.dumps(document))


# The file of the witnesses


def test_file_of_witnesses_has_one_form() -> None:
    first = NationalCheckpoint(5, ELSEWHERE, PROOF.checkpoint)
    both = first.signed_by(PROOF.signers[1], b"one").signed_by(PROOF.signers[0], b"other")
    assert both.signatures == ((PROOF.signers[0], b"other"), (PROOF.signers[1], b"one"))
    assert both.signed_by(PROOF.signers[0], b"new").signatures[0] == (PROOF.signers[0], b"new")
    assert NationalCheckpoint.from_json(both.to_json()) == both
    for signatures in (both.signatures[::-1], both.signatures[:1] * 2):
        with pytest.raises(InvalidInputError, match="signatures do not match"):
            NationalCheckpoint.from_json(replace(both, signatures=signatures).to_json())
    document = json.loads(both.to_json())
    for spoilt in (document | {"more": 1}, document | {"format": "x"}, document | {"chainId": "05"}):
        with pytest.raises(InvalidInputError):
            NationalCheckpoint.from_json(rfc8785.dumps(spoilt))
