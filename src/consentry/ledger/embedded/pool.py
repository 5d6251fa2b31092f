"""Transactions that wait for a block: decoded, one a sender and nonce, taken in nonce order."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak

from consentry.errors import ConflictError, InvalidInputError

# Where nonce and gas limit stand in a transaction's fields, by EIP-2718 type; 0 means a legacy transaction.
_PLACES = {0: (0, 2), 1: (1, 3), 2: (1, 4), 4: (1, 4)}
_FIRST_LEGACY_BYTE = 0xC0
_LEGACY_FIELDS = 9
# EIP-155: v = 2 * chain id + 35 + parity. A smaller one names no chain and could be replayed on any.
_FIRST_BOUND_V = 35
_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the sealer needs to know of one raw signed transaction; ``sender`` is an address in lower case."""

    raw: bytes
    hash: bytes
    sender: str
    nonce: int
    gas: int


def decode_transaction(raw: bytes) -> Transaction:
    """Decodes a raw transaction and recovers its sender. Whether it can be executed is for the engine to say.

    Raises:
        InvalidInputError: it is none, is of a kind this chain does not take (blobs), or names no chain.
    """
    try:
        kind = raw[0] if raw[0] < _FIRST_LEGACY_BYTE else 0
        fields = rlp.decode(raw[1:] if kind else raw, strict=True)
        nonce, gas = (int.from_bytes(fields[place]) for place in _PLACES[kind])
        message, parity = _typed_message(kind, fields) if kind else _legacy_message(fields)
        signature = b"".join(bytes(part).rjust(_WORD_BYTES, b"\0") for part in fields[-2:]) + bytes([parity])
        public_key = PublicKey.from_signature_and_message(signature, keccak(message), hasher=None)
    except InvalidInputError:
        raise
    # coincurve raises a plain Exception for a signature without a public key.
    except Exception as error:
        raise InvalidInputError("raw transaction cannot be decoded, or its type is not taken here") from error
    return Transaction(raw, keccak(raw), "0x" + keccak(public_key.format(compressed=False)[1:])[12:].hex(), nonce, gas)


def _typed_message(kind: int, fields: Sequence[Any]) -> tuple[bytes, int]:
    """What was signed, and the parity of the signature: EIP-2718 envelopes end in parity, r, s."""
    return bytes([kind]) + bytes(rlp.encode(fields[:-3])), int.from_bytes(fields[-3])


def _legacy_message(fields: Sequence[Any]) -> tuple[bytes, int]:
    if len(fields) != _LEGACY_FIELDS:
        raise ValueError("not nine fields")
    chain_id, parity = divmod(int.from_bytes(fields[6]) - _FIRST_BOUND_V, 2)
    if chain_id < 0:
        raise InvalidInputError("chain id of the raw transaction is missing (expected an EIP-155 signature)")
    return bytes(rlp.encode([*fields[:6], chain_id, b"", b""])), parity


@dataclass(slots=True)
class Waiting:
    """A transaction in the pool; ``done`` gets its hash once it is in a synced block. ``deadline`` is loop time."""

    transaction: Transaction
    deadline: float
    done: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pool:
    """The waiting transactions of all senders."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._senders: dict[str, dict[int, Waiting]] = {}
        self._under_way: dict[tuple[str, int], Waiting] = {}

    def add(self, transaction: Transaction, deadline: float) -> Waiting:
        """Lets a transaction wait; the same one again joins the one that waits already.

        Raises:
            ConflictError: another transaction of that sender and nonce waits.
        """
        place = transaction.sender, transaction.nonce
        known = self._under_way.get(place) or self._senders.get(transaction.sender, {}).get(transaction.nonce)
        if known is not None:
            if known.transaction.hash != transaction.hash:
                raise ConflictError(f"nonce {transaction.nonce} of {transaction.sender} waits with another transaction")
            return known
        waiting = Waiting(transaction, deadline)
        self._senders.setdefault(transaction.sender, {})[transaction.nonce] = waiting
        self.arrived.set()
        return waiting

    def senders(self) -> list[str]:
        """Who has transactions waiting, first come first."""
        return list(self._senders)

    def take(self, nonces: Mapping[str, int], gas_limit: int, count_limit: int) -> list[Waiting]:
        """Returns what can go into the next block; it is under way until ``release`` or ``put_back``.

        Args:
            nonces: the next nonce of each sender, as the chain has it.
            gas_limit: the block's gas limit; the sum of the transactions' own limits stays within it.
            count_limit: the most transactions to take.

        Returns:
            For each sender an unbroken run from its next nonce on.
        """
        taken: list[Waiting] = []
        for sender, of_sender in self._senders.items():
            # A sender whose nonce is not known came while the others' were asked for: it goes into the next block.
            nonce = nonces.get(sender, -1)
            while (waiting := of_sender.get(nonce)) and len(taken) < count_limit:
                gas_limit -= waiting.transaction.gas
                if gas_limit < 0 and taken:
                    break
                taken.append(of_sender.pop(nonce))
                nonce += 1
            if gas_limit < 0:
                break
        self._under_way |= {(one.transaction.sender, one.transaction.nonce): one for one in taken}
        self._forget_idle()
        return taken

    def release(self, waiting: Waiting) -> None:
        """Forgets a taken transaction: it is in a block, or refused."""
        self._under_way.pop((waiting.transaction.sender, waiting.transaction.nonce), None)

    def put_back(self, waiting: Waiting) -> None:
        """Lets a taken transaction wait again."""
        self.release(waiting)
        self._senders.setdefault(waiting.transaction.sender, {})[waiting.transaction.nonce] = waiting

    def take_stale(self, nonces: Mapping[str, int], now: float) -> list[Waiting]:
        """Removes and returns what can never go in: a used nonce, or a gap that was not filled by the deadline."""
        stale = [w for w in self if w.transaction.nonce < nonces.get(w.transaction.sender, 0) or w.deadline <= now]
        for waiting in stale:
            del self._senders[waiting.transaction.sender][waiting.transaction.nonce]
        self._forget_idle()
        return stale

    def next_nonce(self, sender: str, nonce: int) -> int:
        """The nonce after the unbroken run that is here for a sender whose next nonce on the chain is ``nonce``."""
        of_sender: Container[int] = self._senders.get(sender, {})
        while nonce in of_sender or (sender, nonce) in self._under_way:
            nonce += 1
        return nonce

    def __iter__(self) -> Iterator[Waiting]:
        return iter([waiting for of_sender in self._senders.values() for waiting in of_sender.values()])

    def __len__(self) -> int:
        return sum(map(len, self._senders.values()))

    def _forget_idle(self) -> None:
        self._senders = {sender: of_sender for sender, of_sender in self._senders.items() if of_sender}
