"""Evidence of two blocks of one number: what convicts, what only shows, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.terms import Address
from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.block_conflict import BlockConflict, verify_block_conflict
from tests.support.header_chain import CHAIN_ID, HeaderChain
from tests.support.qbft_chain import Chain, address_of

ONE = HeaderChain().grow(6)
OTHER = ONE.fork(3).grow(4, "two")
FILE = BlockConflict(CHAIN_ID, "ethereum", ONE.blocks[5].header, OTHER.blocks[5].header)


def test_two_blocks_of_one_number_are_shown() -> None:
    dispute = verify_block_conflict(FILE.to_json())
    assert (dispute.number, dispute.first, dispute.second) == (5, ONE.blocks[5].hash, OTHER.blocks[5].hash)
    assert dispute.sealed_both == frozenset()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (replace(FILE, second=FILE.first), "hashes do not match"),
        (replace(FILE, second=OTHER.blocks[6].header), "numbers do not match"),
    ],
)
def test_what_contradicts_nothing_is_refused(changed: BlockConflict, message: str) -> None:
    with pytest.raises(VerificationError, match=message):
        verify_block_conflict(changed.to_json())


def test_headers_without_seals_convict_no_validator() -> None:
    with pytest.raises(VerificationError, match="form of the headers"):
        verify_block_conflict(FILE.to_json(), frozenset({Address(b"\x01" * 20)}))


def test_quorums_of_both_blocks_name_who_sealed_both() -> None:
    names = [f"validator {number}" for number in range(7)]
    chain = Chain(names, names, 1000)
    members = chain.members()
    one = chain.write(sealers=members[:5])
    chain.blocks.pop()
    other = chain.write(sealers=members[2:], proposer=members[3])
    content = BlockConflict(CHAIN_ID, "qbft", one.encoded, other.encoded).to_json()
    validators = frozenset(Address(address_of(name)) for name in names)

    assert verify_block_conflict(content, validators).sealed_both == {address_of(name) for name in members[2:5]}
    assert verify_block_conflict(content).sealed_both == frozenset()
    too_few = BlockConflict(CHAIN_ID, "qbft", one.encoded, other.sealed_by(members[3:]).encoded)
    with pytest.raises(VerificationError, match=r"got 4, expected 5 of 7 validators"):
        verify_block_conflict(too_few.to_json(), validators)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        FILE.to_json() + b"\n",
        FILE.to_json().replace(b"block-conflict/v1", b"block-conflict/v2"),
        FILE.to_json().replace(b'"ethereum"', b'"other"'),
        FILE.to_json().replace(b'"131277"', b'"0131277"'),
        FILE.to_json().replace(b'"131277"', b'"0"'),
        FILE.to_json().replace(b'"131277"', b"131277"),
        replace(FILE, first=b"").to_json(),
        replace(FILE, first=FILE.first[:-1]).to_json(),
        replace(FILE, first=FILE.first + b"\x00").to_json(),
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        verify_block_conflict(content)


def test_no_bit_can_be_turned_unseen() -> None:
    content = FILE.to_json()
    for place in range(0, len(content), 7):
        turned = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        try:
            dispute = verify_block_conflict(turned)
        except ConsentryError:
            continue
        # What is still a conflict is one of other blocks, or of another chain.
        assert (dispute.first, dispute.second) != (ONE.blocks[5].hash, OTHER.blocks[5].hash) or b"131277" not in turned
