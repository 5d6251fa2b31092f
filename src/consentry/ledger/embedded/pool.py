"""Transactions that wait for a block: decoded, one a sender and nonce, taken in nonce order."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak

from consentry.errors import ConflictError, InvalidInputError, LedgerUnavailableError
from consentry.ledger.embedded.form import LEGACY, RAW_LIMIT, check_form, read_form

_FIRST_LEGACY_BYTE = 0xC0
_WORD_BYTES = 32
# Two hundred of the longest transactions, or forty thousand of the usual ones.
WAITING_BYTES = 100 << 20


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the sealer needs to know of one raw signed transaction; ``sender`` is an address in lower case."""

    raw: bytes
    hash: bytes
    sender: str
    nonce: int
    gas: int


def decode_transaction(raw: bytes, chain_id: int) -> Transaction:
    """Decodes a raw transaction and recovers its sender. What is returned only the state can still refuse.

    Args:
        raw: the transaction as it came.
        chain_id: which chain it must be for.

    Raises:
        InvalidInputError: it is none, is of a type this chain does not take (blobs, authorisations), or can be in no
            block of it.
    """
    if len(raw) > RAW_LIMIT:
        raise InvalidInputError(f"raw transaction is too long (got {len(raw)} bytes, at most {RAW_LIMIT})")
    try:
        kind = raw[0] if raw[0] < _FIRST_LEGACY_BYTE else LEGACY
        fields = rlp.decode(raw if kind == LEGACY else raw[1:], strict=True)
        form = read_form(kind, fields)
        if kind == LEGACY:
            message = bytes(rlp.encode([*fields[:6], form.chain_id, b"", b""]))
        else:
            message = bytes([kind]) + bytes(rlp.encode(fields[:-3]))
        signature = b"".join(part.rjust(_WORD_BYTES, b"\0") for part in fields[-2:]) + bytes([form.parity])
        public_key = PublicKey.from_signature_and_message(signature, keccak(message), hasher=None)
    except InvalidInputError:
        raise
    # coincurve raises a plain Exception for a signature without a public key.
    except Exception as error:
        raise InvalidInputError("raw transaction cannot be decoded, or its type is not taken here") from error
    check_form(form, chain_id)
    sender = "0x" + keccak(public_key.format(compressed=False)[1:])[12:].hex()
    return Transaction(raw, keccak(raw), sender, form.nonce, form.gas)


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
        self._bytes = 0

    def add(self, transaction: Transaction, deadline: float) -> Waiting:
        """Lets a transaction wait; the same one again joins the one that waits already.

        Raises:
            ConflictError: another transaction of that sender and nonce waits.
            LedgerUnavailableError: too much waits already.
        """
        place = transaction.sender, transaction.nonce
        known = self._under_way.get(place) or self._senders.get(transaction.sender, {}).get(transaction.nonce)
        if known is not None:
            if known.transaction.hash != transaction.hash:
                raise ConflictError(f"nonce {transaction.nonce} of {transaction.sender} waits with another transaction")
            return known
        if self._bytes + len(transaction.raw) > WAITING_BYTES:
            raise LedgerUnavailableError(f"more than {WAITING_BYTES} bytes of transactions wait already")
        self._bytes += len(transaction.raw)
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
        if self._under_way.pop((waiting.transaction.sender, waiting.transaction.nonce), None) is not None:
            self._bytes -= len(waiting.transaction.raw)

    def put_back(self, waiting: Waiting) -> None:
        """Lets a taken transaction wait again."""
        self.release(waiting)
        self._bytes += len(waiting.transaction.raw)
        self._senders.setdefault(waiting.transaction.sender, {})[waiting.transaction.nonce] = waiting

    def take_stale(self, nonces: Mapping[str, int], now: float) -> list[Waiting]:
        """Removes and returns what can never go in: a used nonce, or a gap that was not filled by the deadline."""
        stale = [w for w in self if w.transaction.nonce < nonces.get(w.transaction.sender, 0) or w.deadline <= now]
        for waiting in stale:
            del self._senders[waiting.transaction.sender][waiting.transaction.nonce]
            self._bytes -= len(waiting.transaction.raw)
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
