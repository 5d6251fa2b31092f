"""A witness signs for the nation only what its tree and node bear out, and never back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from consentry.core.codes import CLOCK_TOLERANCE
from consentry.core.ledger_checkpoint import LedgerCheckpoint
from consentry.core.terms import Address
from consentry.core.typed_data import digest
from consentry.crypto.signing import AccountKey, recover
from consentry.errors import ConfigurationError, VerificationError
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.witness.keeper import LogKeeper
from consentry.witness.national import SKEW_SECONDS, NationalWitness
from tests.support.header_chain import HeaderChain
from tests.support.log_people import NOW
from tests.unit.witness.kept import expected_root, follow, followed

LEDGER = keccak(b"a ledger")
NATION = Address(b"\x77" * 20)
KEY = AccountKey(keccak(b"a witness of the nation"))
OTHER = AccountKey(keccak(b"another witness of the nation"))


@pytest.fixture
def chain() -> HeaderChain:
    return HeaderChain().grow(40)


def witness_in(folder: Path, keeper: LogKeeper, chain: HeaderChain, key: AccountKey = KEY) -> NationalWitness:
    return NationalWitness(folder / "national" / "checkpoint", keeper, chain.log, key)


def proposal(checkpoint: LedgerCheckpoint) -> NationalCheckpoint:
    return NationalCheckpoint(5, NATION, checkpoint)


def at(chain: HeaderChain, block: int, now: int = NOW) -> LedgerCheckpoint:
    """Gives the true checkpoint of a block, by the leaves of the chain."""
    known = HeaderChain(chain.blocks[: block + 1])
    size = len(known.leaves())
    return LedgerCheckpoint(LEDGER, size, expected_root(chain, size), block, known.blocks[-1].hash, now)


def cosign(witness: NationalWitness, made: LedgerCheckpoint, chain: HeaderChain, now: int = NOW) -> NationalCheckpoint:
    return asyncio.run(witness.cosign(proposal(made), chain, now))


def test_witness_proposes_and_signs_the_newest_block(tmp_path: Path, chain: HeaderChain) -> None:
    witness = witness_in(tmp_path, followed(tmp_path, chain), chain)
    made = witness.propose(LEDGER, NOW)
    assert made == at(chain, 40)

    signed = cosign(witness, made, chain)

    [(signer, signature)] = signed.signatures
    assert signer == KEY.address == recover(digest(signed.domain, made), signature)
    assert NationalCheckpoint.from_json(signed.to_json()) == signed


@pytest.mark.parametrize("block", [40, 39, 24, 23, 7, 1])
def test_another_witness_signs_what_its_own_tree_had_at_that_block(
    tmp_path: Path, chain: HeaderChain, block: int
) -> None:
    witness = witness_in(tmp_path, followed(tmp_path, chain), chain, OTHER)
    first = proposal(at(chain, block)).signed_by(KEY.signer, b"one")

    both = asyncio.run(witness.cosign(first, chain, NOW))

    assert dict(both.signatures).keys() == {KEY.signer, OTHER.signer}
    assert list(both.signatures) == sorted(both.signatures, key=lambda one: keccak(one[0]))


def test_log_without_events_is_not_proposed(tmp_path: Path) -> None:
    chain = HeaderChain()
    with pytest.raises(VerificationError, match="size of the log"):
        witness_in(tmp_path, followed(tmp_path, chain), chain).propose(LEDGER, NOW)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"size": 7}, "size of the checkpoint"),
        ({"root": keccak(b"x")}, "root of the checkpoint"),
        ({"block_hash": keccak(b"x")}, "block hash of the checkpoint"),
        ({"block_number": 38}, "of the checkpoint"),
        ({"block_number": 41}, "block of the checkpoint"),
        ({"seen_at": NOW + CLOCK_TOLERANCE + 1}, "time of the checkpoint"),
        ({"seen_at": NOW - SKEW_SECONDS - 1}, "time of the checkpoint"),
    ],
)
def test_what_the_node_does_not_bear_out_is_not_signed(
    tmp_path: Path, chain: HeaderChain, changes: dict[str, Any], what: str
) -> None:
    witness = witness_in(tmp_path, followed(tmp_path, chain), chain)
    with pytest.raises(VerificationError, match=what):
        cosign(witness, replace(at(chain, 39), **changes), chain)
    assert not (tmp_path / "national" / "checkpoint").exists()
    cosign(witness, at(chain, 39), chain)


def test_node_that_shows_other_blocks_behind_gets_no_signature(tmp_path: Path, chain: HeaderChain) -> None:
    witness = witness_in(tmp_path, followed(tmp_path, chain), chain)
    lying = chain.fork(35).grow(5, "another")
    with pytest.raises(VerificationError, match="hash of block 40"):
        cosign(witness, at(chain, 30), lying)


def test_witness_whose_node_contradicts_itself_signs_nothing(tmp_path: Path, chain: HeaderChain) -> None:
    keeper = followed(tmp_path, chain)
    with pytest.raises(VerificationError, match="hash of block 40"):
        follow(keeper, chain.fork(37).grow(5, "another"))
    with pytest.raises(VerificationError, match="does not bear the tree out"):
        cosign(witness_in(tmp_path, keeper, chain), at(chain, 40), chain)


def said_after(tmp_path: Path, chain: HeaderChain, last: LedgerCheckpoint, made: LedgerCheckpoint) -> str:
    """Gives with what a witness that signed one checkpoint and started anew refuses the next; nothing if it signs."""
    keeper = followed(tmp_path, chain)
    cosign(witness_in(tmp_path, keeper, chain), last, chain)
    again = witness_in(tmp_path, followed(tmp_path, chain), chain)
    try:
        cosign(again, made, chain)
    except VerificationError as error:
        return error.message
    return ""


def test_witness_never_signs_back(tmp_path: Path, chain: HeaderChain) -> None:
    for number, (last, made, refused) in enumerate(
        (
            (at(chain, 30), at(chain, 31), False),
            (at(chain, 30), at(chain, 30), False),
            (at(chain, 30), at(chain, 30, NOW + 1), False),
            (at(chain, 31), at(chain, 32), False),
            (at(chain, 30), at(chain, 27), True),
            (at(chain, 30), at(chain, 31, NOW - 1), True),
            (at(chain, 30), at(chain, 30, NOW - 1), True),
            (at(chain, 30), replace(at(chain, 31), ledger_id=keccak(b"x")), True),
        )
    ):
        said = said_after(tmp_path / str(number), chain, last, made)
        assert ("what was signed before" in said, bool(said)) == (refused, refused), number


def test_last_signed_that_cannot_be_read_stops_the_witness(tmp_path: Path, chain: HeaderChain) -> None:
    keeper = followed(tmp_path, chain)
    cosign(witness_in(tmp_path, keeper, chain), at(chain, 30), chain)
    (tmp_path / "national" / "checkpoint").write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        witness_in(tmp_path, keeper, chain)
