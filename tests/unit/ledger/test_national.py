"""A node says who signed what is anchored, and is believed where the signatures hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
from web3.providers.async_base import AsyncBaseProvider

from consentry.core.chain import ChainIdentity
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity
from consentry.core.terms import ZERO_ADDRESS, Address
from consentry.core.typed_data import digest
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey
from consentry.errors import LedgerUnavailableError
from consentry.evidence import trie
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.national import NationalChain, NationalProof
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.abi import NATIONAL, artifact, values_of
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile
from consentry.ledger.events import Log
from consentry.ledger.manifest import Manifest
from consentry.ledger.national import WITNESS_VERIFIER, NationalLedger

Key = AccountKey | P256Key
NATION: Final = Address(b"\x77" * 20)
VERIFIER: Final = Address(b"\x78" * 20)
LEDGER: Final = b"\x4c" * 32
ANCHORED: Final = LedgerCheckpoint(LEDGER, 12, b"\x01" * 32, 7, b"\x07" * 32, 1_800_000_000)
OTHER: Final = replace(ANCHORED, root=b"\x02" * 32)
ACCOUNT: Final = AccountKey(b"\x11" * 32)
HONEST: Final = AccountKey(b"\x12" * 32)
CURVE: Final = P256Key.generate(VERIFIER)
FOREIGN: Final = P256Key.generate(Address(b"\x79" * 20))


def signed(checkpoint: LedgerCheckpoint, *keys: Key) -> NationalCheckpoint:
    """Gives a checkpoint that these signed."""
    made = NationalCheckpoint(5, NATION, checkpoint)
    for key in keys:
        made = made.signed_by(key.signer, key.sign_digest(digest(made.domain, checkpoint)))
    return made


def emitted(checkpoint: LedgerCheckpoint, said: Sequence[tuple[bytes, bytes]]) -> trie.Log:
    """Gives the event of an anchoring, whoever signed."""
    proof = NationalProof(
        national=NationalChain(5, bytes(32), NATION),
        ledger=LedgerIdentity("ledger.example.org/44", 5, bytes(32), NATION),
        checkpoint=checkpoint,
        signers=tuple(signer for signer, _ in said),
        signatures=tuple(signature for _, signature in said),
        headers=(),
        inclusion=Inclusion(bytes(32), 0, 0, ()),
        index=0,
        path=(),
    )
    return proof.log()


class Saying(Connection):
    """A node that says who signed the anchored checkpoint, and which that is."""

    def __init__(self, signatures: Sequence[tuple[bytes, bytes]], anchored: LedgerCheckpoint = ANCHORED) -> None:
        super().__init__(AsyncBaseProvider(), load_profile("embedded"))
        self._said, self._anchored = signatures, anchored

    async def logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Any] = ()
    ) -> tuple[Log, ...]:
        """Gives the event of the anchoring."""
        assert (list(addresses), first, last, list(topics[1:])) == ([NATION], 0, None, [LEDGER, bytes(31) + b"\x0c"])
        made = emitted(self._anchored, self._said)
        return (Log(NATION, made.topics, made.data, 3, bytes(32), bytes(32), 0),)

    async def call(
        self,
        target: Address,
        data: bytes,
        sender: Address = ZERO_ADDRESS,
        *,
        in_next_block: bool = False,
        block: int | None = None,
    ) -> bytes:
        """Gives what it takes for the anchored checkpoint."""
        assert (target, sender, in_next_block, block) == (NATION, ZERO_ADDRESS, False, None)
        assert data.startswith(artifact(NATIONAL).functions["checkpointOf"].encode_call((LEDGER, 12))[:4])
        return b"".join(v if isinstance(v, bytes) else v.to_bytes(32, "big") for v in values_of(self._anchored))


def ledger_on(node: Connection) -> NationalLedger:
    """Gives the national ledger as this node has it."""
    addresses = ((NATIONAL, NATION), (WITNESS_VERIFIER, VERIFIER))
    return NationalLedger(node, Manifest(ChainIdentity(5, bytes(32), addresses, 0), ()))


async def both(node: Saying, other: NationalCheckpoint) -> frozenset[bytes]:
    """Gives whom it names."""
    return await ledger_on(node).signed_both(ANCHORED, other)


async def test_who_signed_both_is_named_by_account_or_curve() -> None:
    node = Saying(signed(ANCHORED, ACCOUNT, CURVE, HONEST).signatures)

    assert await both(node, signed(OTHER, ACCOUNT, CURVE)) == {ACCOUNT.signer, CURVE.signer}


@pytest.mark.parametrize("accused", [ACCOUNT, CURVE])
async def test_lying_node_gets_nobody_named_who_did_not_sign(accused: Key) -> None:
    other = signed(OTHER, accused, HONEST)
    [theirs] = signed(OTHER, accused).signatures
    [stolen] = signed(ANCHORED, HONEST).signatures
    for lie in (theirs[1], stolen[1], b"", b"\x01" * 65, b"\xff" * 64):
        assert await both(Saying([(accused.signer, lie), stolen]), other) == {HONEST.signer}


async def test_file_with_a_signature_that_does_not_hold_accuses_nobody() -> None:
    [wrong] = signed(ANCHORED, ACCOUNT).signatures

    assert await both(Saying([wrong]), NationalCheckpoint(5, NATION, OTHER, (wrong,))) == frozenset()


@pytest.mark.parametrize(
    "signer",
    [FOREIGN.signer, b"\x01" * 20, b"\x01" * 7, VERIFIER, VERIFIER + b"\x01" * 64],
    ids=["foreign", "account", "short", "verifier", "verifier-and-key"],
)
async def test_signer_that_only_the_chain_could_check_is_left_out(signer: bytes) -> None:
    made = digest(signed(ANCHORED).domain, ANCHORED)
    node = Saying([(signer, FOREIGN.sign_digest(made))])

    assert await both(node, signed(OTHER, ACCOUNT, FOREIGN).signed_by(signer, FOREIGN.sign_digest(made))) == frozenset()


async def test_who_signed_the_same_again_contradicts_nothing() -> None:
    again = replace(ANCHORED, seen_at=ANCHORED.seen_at + 60)

    assert await both(Saying(signed(ANCHORED, ACCOUNT).signatures), signed(again, ACCOUNT)) == frozenset()


@pytest.mark.parametrize("other", [replace(ANCHORED, size=11), replace(ANCHORED, ledger_id=b"\x4d" * 32)])
async def test_checkpoint_that_was_not_asked_for_is_refused(other: LedgerCheckpoint) -> None:
    node = Saying(signed(ANCHORED, ACCOUNT).signatures, other)

    with pytest.raises(LedgerUnavailableError, match="another checkpoint than the one asked for"):
        await ledger_on(node).checkpoint(LEDGER, 12)
    assert await ledger_on(Saying([], ANCHORED)).checkpoint(LEDGER, 12) == ANCHORED
