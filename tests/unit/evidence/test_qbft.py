"""QBFT headers and proofs: a whole chain, headers of real networks, and what must be refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core.terms import Address
from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence import header as headers
from consentry.evidence import qbft, qbft_extra, qbft_proof
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.validator_trail import Anchor, Trail, follow
from tests.support.qbft_chain import CANCUN, EMPTY_TRIE, PARENT, Block, Chain, address_of, scalar
from tests.vectors.qbft import build_qbft
from tests.vectors.qbft.story import CHANGES, EPOCH, build

VECTORS = Path(build_qbft.__file__).parent
CHAIN = build()
BLOCKS = json.loads((VECTORS / "chain.json").read_text())["blocks"]
FORGED = json.loads((VECTORS / "forged.json").read_text())
REAL = json.loads((VECTORS / "real.json").read_text())
ENCODED = [bytes_of(block["header"]) for block in BLOCKS]
ANCHOR = Anchor(0, bytes_of(BLOCKS[0]["hash"], 32), EPOCH)
FORMAT = Path(__file__).parents[3] / "docs" / "formats" / "qbft-proof.md"


def _addresses(texts: Sequence[str]) -> list[bytes]:
    return [bytes_of(text, 20) for text in texts]


def _listed(number: int) -> set[str]:
    return {name for name in CHAIN.names if address_of(name) in qbft.decode(ENCODED[number]).extra.validators}


def _numbers(found: Sequence[bytes]) -> list[int]:
    return [qbft.decode(header).number for header in found]


def test_files_are_what_the_generator_writes() -> None:
    chain, forged = build_qbft.chain_vectors(CHAIN), build_qbft.forged_vectors(CHAIN)
    assert (VECTORS / "chain.json").read_text() == build_qbft.text_of(chain)
    assert (VECTORS / "forged.json").read_text() == build_qbft.text_of(forged)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block["number"]))
def test_decode_block_of_the_chain_gives_what_is_true_of_it(block: dict[str, Any]) -> None:
    found = qbft.decode(bytes_of(block["header"]))
    assert (found.number, hex_of(found.hash)) == (block["number"], block["hash"])
    assert hex_of(found.seal_hash) == block["sealHash"]
    assert [*found.extra.validators] == _addresses(block["validators"])
    assert found.extra.encode() in bytes_of(block["header"])
    if found.number:
        assert qbft.sealers(found, {*found.extra.validators}) == {*_addresses(block["sealers"])}
    of_bundles = headers.decode(bytes_of(block["header"]), "qbft")
    assert (of_bundles.hash, of_bundles.number, of_bundles.time) == (found.hash, found.number, found.time)


def test_chain_has_what_it_is_for() -> None:
    decoded = [qbft.decode(header) for header in ENCODED]
    assert len({header.extra.round for header in decoded}) >= 4
    assert all(len(header.extra.validators) >= 7 for header in decoded)
    assert {at: _listed(at) for at in range(1, 50) if _listed(at) != _listed(at - 1)} == {
        at: {*names} for at, names in CHANGES.items()
    }
    assert any(h.extra.vote for h in decoded if h.number % EPOCH == 0)


@pytest.mark.parametrize("real", REAL, ids=lambda real: real["name"])
def test_decode_header_of_a_real_network_gives_its_hashes_and_sealers(real: dict[str, Any]) -> None:
    answer = real.get("answer")
    encoded = headers.encode(answer, "qbft") if answer else bytes_of(real["header"])
    found = qbft.decode(encoded)
    assert found.number == real["number"]
    assert real["hash"] in {None, hex_of(found.hash)}
    assert real["sealHash"] in {None, hex_of(found.seal_hash)}
    assert [*found.extra.validators] == _addresses(real["validators"])
    if real["sealers"]:
        assert qbft.sealers(found, {*found.extra.validators}) == {*_addresses(real["sealers"])}


def test_real_headers_tell_both_hashes_apart() -> None:
    found = qbft.decode(bytes_of(REAL[1]["header"]))
    assert found.extra.round == 1
    assert found.hash != found.seal_hash


def test_extra_data_that_besu_publishes_is_read_as_it_was_written() -> None:
    """The known encoding of Besu's ``QbftExtraDataCodecTest``: two validators, a vote, a high round, two seals."""
    r, s = (1).to_bytes(32, "big"), (10).to_bytes(32, "big")
    one, two = (Address(bytes(19) + bytes([n])) for n in (1, 2))
    encoded = bytes.fromhex(
        "f8f0a00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20ea94" + one.hex() + "94" + two.hex()
        + "d794" + one.hex() + "81ff83fedcbaf886b841" + (r + s).hex() + "00b841" + (s + r).hex() + "00"
    )  # fmt: skip
    found = qbft_extra.decode(encoded)
    assert found == qbft_extra.ExtraData(
        vanity=bytes(range(1, 33)),
        validators=(one, two),
        vote=qbft_extra.Vote(one, add=True),
        round=0xFEDCBA,
        seals=(r + s + b"\0", s + r + b"\0"),
    )
    assert found.encode() == encoded


@pytest.mark.parametrize(
    ("validators", "needed"),
    [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (8, 6), (9, 6), (10, 7), (100, 67)],
)
def test_quorum_is_two_thirds_rounded_up(validators: int, needed: int) -> None:
    assert qbft.quorum(validators) == needed


def test_follow_whole_chain_proves_every_block() -> None:
    found = follow(ANCHOR, ENCODED)
    assert [hex_of(header.hash) for header in found] == [block["hash"] for block in BLOCKS]


def test_trail_knows_who_seals_the_next_block() -> None:
    trail = Trail(ANCHOR, qbft.decode(ENCODED[0]))
    for number in range(1, len(ENCODED)):
        assert trail.validators == {*_addresses(BLOCKS[number]["validators"])}
        trail.take(qbft.decode(ENCODED[number]))
    assert trail.validators == {address_of(name) for name in CHAIN.members()}


@pytest.mark.parametrize("wanted", range(50))
def test_selected_headers_prove_the_block(wanted: int) -> None:
    chosen = qbft_proof.select(ANCHOR, ENCODED, wanted)
    assert hex_of(follow(ANCHOR, chosen)[-1].hash) == BLOCKS[wanted]["hash"]
    assert hex_of(qbft_proof.verify(qbft_proof.to_json(chosen), ANCHOR)[-1].hash) == BLOCKS[wanted]["hash"]


@pytest.mark.parametrize(
    ("wanted", "needed"),
    [
        (0, [0]),
        (7, [0, 7]),
        (28, [0, 28]),
        (35, [0, *range(22, 29), 35]),
        (46, [0, *range(22, 29), 46]),
        (47, [0, *range(22, 29), *range(42, 48)]),
        (48, [0, *range(22, 29), 36, 48]),
        (49, [0, *range(22, 29), 36, 48, 49]),
    ],
)
def test_select_takes_changes_that_seals_prove_and_runs_of_votes_else(wanted: int, needed: list[int]) -> None:
    assert _numbers(qbft_proof.select(ANCHOR, ENCODED, wanted)) == needed


def test_each_selected_header_is_needed() -> None:
    chosen = qbft_proof.select(ANCHOR, ENCODED, 47)
    for place in range(len(chosen) - 1):
        with pytest.raises(VerificationError, match=r"do(es)? not match"):
            follow(ANCHOR, (*chosen[:place], *chosen[place + 1 :]))


def test_proof_from_a_later_block_needs_nothing_before_it() -> None:
    anchor = Anchor(30, bytes_of(BLOCKS[30]["hash"]), EPOCH)
    chosen = qbft_proof.select(anchor, ENCODED[30:], 40)
    assert _numbers(chosen) == [30, 40]
    assert hex_of(follow(anchor, chosen)[-1].hash) == BLOCKS[40]["hash"]


def test_votes_lapse_by_the_epoch_of_the_trust_root_alone() -> None:
    """With a longer epoch the vote of block 20 would have counted: the true block 21 is refused."""
    with pytest.raises(VerificationError, match=r"validators of block 21 .*the one that the vote of block 20 made"):
        follow(Anchor(0, ANCHOR.hash, 1000), ENCODED)


def test_select_without_votes_or_seals_is_refused() -> None:
    """As where a transition in the operator's genesis file names validators."""
    chain = Chain("abcdefg", "abcdefgxyz", 20)
    chain.write()
    chain.first = "abcxyz"
    chain.write()
    anchor = Anchor(0, chain.blocks[0].hash, 20)
    with pytest.raises(InvalidInputError, match=r"validators of block 2 .*neither votes nor seals explain"):
        qbft_proof.select(anchor, [block.encoded for block in chain.blocks], 2)
    with pytest.raises(InvalidInputError, match=r"block does not match \(got 3, expected one of the 3 given\)"):
        qbft_proof.select(anchor, [block.encoded for block in chain.blocks], 3)


def test_last_validator_that_votes_itself_out_leaves_nobody_to_vouch_for_others() -> None:
    chain = Chain("a", "ab", EPOCH)
    chain.write(vote=("a", False))
    anchor = Anchor(0, chain.blocks[0].hash, EPOCH)
    others = Chain("b", "ab", EPOCH)
    for _ in range(3):
        others.write()
    for place in (2, 3):
        stranger = others.blocks[place]
        if place == 2:
            stranger = stranger.put(PARENT, chain.blocks[1].hash).sealed_by("b")
        with pytest.raises(VerificationError, match=r"validators of block \d do not match \(got another list"):
            follow(anchor, [chain.blocks[0].encoded, chain.blocks[1].encoded, stranger.encoded])


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: forged["name"])
def test_follow_forgery_is_refused_with_its_reason(forged: dict[str, Any]) -> None:
    encoded = [ENCODED[item] if isinstance(item, int) else bytes_of(item) for item in forged["headers"]]
    with pytest.raises((VerificationError, InvalidInputError), match=forged["says"]):
        follow(ANCHOR, encoded)


def test_forgeries_are_many_and_distinct() -> None:
    assert len({json.dumps(forged["headers"]) for forged in FORGED}) == len(FORGED) >= 80


def test_flipping_any_byte_of_a_header_is_refused() -> None:
    header = ENCODED[5]
    for place in range(len(header)):
        flipped = header[:place] + bytes([header[place] ^ 1 << place % 8]) + header[place + 1 :]
        with pytest.raises(ConsentryError, match=r"do(es)? not match"):
            follow(ANCHOR, [ENCODED[0], flipped])


def test_changing_any_field_of_a_header_is_refused_unless_it_is_sealed_anew() -> None:
    block = CHAIN.blocks[5]
    names = [name for name in qbft.FIELDS if name != "extraData"][: len(block.fields)]
    for place, name in enumerate(names):
        was = block.fields[place]
        changed = Block(
            (*block.fields[:place], was[:-1] + bytes([(was or b"\0")[-1] ^ 0x40]), *block.fields[place + 1 :]),
            block.validators,
            block.vote,
            block.round,
            block.seals,
        )
        with pytest.raises(ConsentryError, match=r"do(es)? not match"):
            follow(ANCHOR, [ENCODED[0], changed.encoded])
        if name not in {"miner", "difficulty", "number", "mixHash"}:
            assert follow(ANCHOR, [ENCODED[0], changed.sealed_by("abcde").encoded])[-1].hash == changed.hash


BEACON, REQUESTS = b"\5" * 32, b"\6" * 32
SERVED = ("0x0", hex_of(EMPTY_TRIE), "0x0", "0x0", hex_of(BEACON), hex_of(REQUESTS))
LATER = dict(zip(qbft.FIELDS[15:], SERVED, strict=True))


@pytest.mark.parametrize(
    ("optional", "served"),
    [
        ((), []),
        ((b"",), ["baseFeePerGas"]),
        ((b"", EMPTY_TRIE), ["baseFeePerGas", "withdrawalsRoot"]),
        ((b"", EMPTY_TRIE), ["baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "requestsHash"]),
        ((b"", EMPTY_TRIE), ["baseFeePerGas", "withdrawalsRoot", "excessBlobGas", "parentBeaconBlockRoot"]),
        (CANCUN, ["baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"]),
        (CANCUN, ["baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "requestsHash"]),
        ((*CANCUN, BEACON), [*LATER][:5]),
        ((*CANCUN, BEACON, REQUESTS), [*LATER]),
    ],
)
def test_encode_ends_a_header_before_the_first_field_it_lacks(optional: tuple[bytes, ...], served: list[str]) -> None:
    """Besu hashes nothing after a field that is absent, whatever its answer shows."""
    chain = Chain("abcd", "abcd", EPOCH, optional)
    block = chain.write(round_=2)
    names = [name for name in qbft.FIELDS[:15] if name != "extraData"]
    numbers = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp"}
    answer = {
        name: hex(int.from_bytes(value, "big")) if name in numbers else hex_of(value)
        for name, value in zip(names, block.fields, strict=False)
    } | {name: LATER[name] for name in served}
    answer |= {"extraData": hex_of(block.extra(round_=2, seals=block.seals)), "hash": hex_of(block.hash)}
    assert headers.encode(answer, "qbft") == block.encoded
    assert follow(Anchor(0, chain.blocks[0].hash, EPOCH), [chain.blocks[0].encoded, block.encoded])


PROOF = qbft_proof.to_json(ENCODED[:2])


def test_proof_is_read_as_it_was_written() -> None:
    assert qbft_proof.from_json(PROOF) == tuple(ENCODED[:2])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "got another document or notation"),
        (b"[" * 100_000, "got another document or notation"),
        (PROOF.replace(b"/v1", b"/v2"), "got another document or notation"),
        (PROOF.replace(b'"headers"', b'"header"'), "got another document or notation"),
        (b'{"format":"consentry.qbft-proof/v1","headers":[]}', "got another document or notation"),
        (b'{"format":"consentry.qbft-proof/v1","headers":["]}', "got another document or notation"),
        (b'{"format":"consentry.qbft-proof/v1","headers":[""]}', "hexadecimal text"),
        (PROOF.replace(b"0xf9", b"0xF9"), "hexadecimal text"),
        (PROOF.replace(b"0xf9", b"0x\xff9"), "hexadecimal text"),
        (PROOF.replace(b'","0x', b'", "0x'), "hexadecimal text"),
        (PROOF + b"\n", "got another document or notation"),
        (PROOF.replace(b":", b": ", 1), "got another document or notation"),
        (bytes(qbft_proof.LARGEST + 1), "size of the proof"),
    ],
)
def test_proof_in_another_form_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        qbft_proof.from_json(content)


def test_anchor_without_an_epoch_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"epoch length does not match \(got 0, expected 1 or more\)"):
        Anchor(0, bytes(32), 0)


def test_format_document_shows_a_proof_of_the_vectors() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert example
    anchor = re.search(r"block (\d+), hash `(0x[0-9a-f]{64})`, epoch length (\d+)", text)
    assert anchor
    assert Anchor(int(anchor[1]), bytes_of(anchor[2]), int(anchor[3])) == ANCHOR
    shown = json.loads(example[1])
    chosen = qbft_proof.select(ANCHOR, ENCODED, 28)
    assert shown["format"] == qbft_proof.FORMAT
    for cut, header in zip(shown["headers"], chosen, strict=True):
        start, _, end = cut.partition("…")
        assert hex_of(header).startswith(start)
        assert hex_of(header).endswith(end)


def _votes() -> st.SearchStrategy[list[tuple[int, str, bool, bool]]]:
    """Who proposes (by place), about whom, in or out, and whether all seal; most votes are about few."""
    vote = st.tuples(
        st.integers(0, 9), st.sampled_from("ggghhhi"), st.booleans(), st.integers(0, 5).map(lambda n: n == 0)
    )
    return st.lists(vote, max_size=24)


@settings(max_examples=30, deadline=None)
@given(votes=_votes(), epoch=st.sampled_from([5, 9, 1000]))
def test_random_votes_end_in_the_same_validators_and_in_proofs_of_every_block(
    votes: list[tuple[int, str, bool, bool]], epoch: int
) -> None:
    chain = Chain("abcdefg", "abcdefghi", epoch)
    for voter, whom, come_in, all_seal in votes:
        members = chain.members()
        sealers = members if all_seal else None
        chain.write(proposer=members[voter % len(members)], vote=(whom, come_in), sealers=sealers)
    anchor = Anchor(0, chain.blocks[0].hash, epoch)
    encoded = [block.encoded for block in chain.blocks]
    trail = Trail(anchor, qbft.decode(encoded[0]))
    for header in encoded[1:]:
        trail.take(qbft.decode(header))
    assert trail.validators == {address_of(name) for name in chain.members()}
    last = len(encoded) - 1
    assert follow(anchor, qbft_proof.select(anchor, encoded, last))[-1].hash == chain.blocks[-1].hash


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda start, cut, put: start[:cut] + put + start[cut + len(put) :],
            st.sampled_from(ENCODED),
            st.integers(0, 1200),
            st.binary(min_size=1, max_size=8),
        ),
    )
)
def test_decode_whatever_bytes_gives_a_header_or_refuses(content: bytes) -> None:
    try:
        found = qbft.decode(content)
    except InvalidInputError:
        return
    items = rlp.decode(content, strict=True)
    assert rlp.encode(items) == content
    assert scalar(found.number) == items[8]
    assert found.extra.encode() == items[12]
