"""The contracts in this process, on py-evm: one block a transaction, exact revert data, block time at will.

Below the web3 layer on purpose: the comparison of rules needs thousands of acts, and revert bytes as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import rlp
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from eth_keys.main import KeyAPI
from eth_tester.backends.pyevm.main import PyEVMBackend, generate_genesis_state_for_keys

from consentry.core.terms import Address
from consentry.crypto.signing import AccountKey
from consentry.evidence.assemble import SealedBlock

ARTIFACTS: Final = Path(__file__).parents[2] / "src" / "consentry" / "ledger" / "artifacts"
GAS_LIMIT: Final = 400_000_000
GAS_PRICE: Final = 10**10
FIRST_BLOCK: Final = 1_700_000_000


def _type_of(member: dict[str, Any]) -> str:
    kind = str(member["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in member['components'])}){kind.removeprefix('tuple')}"


@dataclass(frozen=True)
class Signature:
    """A function, event or error of an ABI: its name and the types of its members."""

    name: str
    inputs: tuple[str, ...]
    indexed: tuple[bool, ...]
    outputs: tuple[str, ...]

    @cached_property
    def digest(self) -> bytes:
        """Keccak-256 of the canonical form; its first four bytes are the selector."""
        return keccak(f"{self.name}({','.join(self.inputs)})".encode())


class Interface:
    """The ABI of one contract, for encoding and decoding without web3."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.bytecode = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        self.functions: dict[str, Signature] = {}
        self.errors: dict[bytes, Signature] = {}
        self.events: dict[bytes, Signature] = {}
        self.constructor: tuple[str, ...] = ()
        for entry in artifact["abi"]:
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        members = entry.get("inputs", [])
        signature = Signature(
            entry.get("name", ""),
            tuple(_type_of(m) for m in members),
            tuple(bool(m.get("indexed")) for m in members),
            tuple(_type_of(m) for m in entry.get("outputs", [])),
        )
        if entry["type"] == "function":
            self.functions[signature.name] = signature
        elif entry["type"] == "error":
            self.errors[signature.digest[:4]] = signature
        elif entry["type"] == "event":
            self.events[signature.digest] = signature
        elif entry["type"] == "constructor":
            self.constructor = signature.inputs

    @classmethod
    def named(cls, name: str) -> Interface:
        """Reads a committed artifact."""
        return cls(json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Log:
    """One event as emitted: its name and all members in the order of the declaration."""

    contract: Address
    name: str
    members: tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """What a transaction did: its events, or the error it reverted with."""

    logs: tuple[Log, ...]
    error: str
    arguments: tuple[Any, ...]
    time: int
    gas_used: int
    block_number: int


PAYER: Final = AccountKey(keccak(b"payer of the tests"))
SECOND: Final = AccountKey(keccak(b"second officer of the tests"))
SYSTEM: Final = (AccountKey(keccak(b"system officer 1")), AccountKey(keccak(b"system officer 2")))
AUDIT: Final = (AccountKey(keccak(b"audit officer 1")), AccountKey(keccak(b"audit officer 2")))
"""Officers of the national authority, whose account is the payer's."""


class Evm:
    """A chain in memory. The payer deploys and sends unless another of the funded ``others`` does."""

    def __init__(self, *others: AccountKey) -> None:
        self._sender = PAYER
        self._keys = {
            key.address: KeyAPI.PrivateKey(key.secret) for key in (self._sender, SECOND, *SYSTEM, *AUDIT, *others)
        }
        parameters = PyEVMBackend.generate_genesis_params({"gas_limit": GAS_LIMIT, "timestamp": FIRST_BLOCK})
        state = generate_genesis_state_for_keys(list(self._keys.values()))
        self._chain = PyEVMBackend(genesis_parameters=parameters, genesis_state=state).chain
        self._nonces: dict[bytes, int] = {}
        self._interfaces: dict[Address, Interface] = {}
        self._errors: dict[bytes, Signature] = {}
        self.travel(FIRST_BLOCK + 1)

    @property
    def payer(self) -> Address:
        """The account that deploys and sends unless another one does."""
        return self._sender.address

    @property
    def chain_id(self) -> int:
        """Chain id as contracts see it."""
        return int(self._chain.chain_id)

    @property
    def height(self) -> int:
        """Number of the newest block."""
        return int(self._chain.header.block_number) - 1

    @property
    def time(self) -> int:
        """Time of the block that is being filled, in seconds; never that of the machine."""
        return int(self._chain.header.timestamp)

    def travel(self, time: int) -> None:
        """Sets the time of the next block; it must lie after that of the last one."""
        self._chain.header = self._chain.header.copy(timestamp=time)

    def mark(self) -> object:
        """Gives where the chain stands, for `put_back`."""
        return self._chain.header, dict(self._nonces)

    def put_back(self, mark: object) -> None:
        """Goes back to where the chain stood; what happened since never did."""
        header, nonces = cast("tuple[Any, dict[bytes, int]]", mark)
        self._chain.header, self._nonces = header, dict(nonces)

    def next_address(self, ahead: int = 0) -> Address:
        """Gives the address of the contract the payer deploys after ``ahead`` more transactions."""
        nonce = self._nonces.get(self.payer, 0) + ahead
        return Address(keccak(rlp.encode([self.payer, nonce]))[12:])

    def deploy(self, name: str, *arguments: Any) -> Address:  # noqa: ANN401 - whatever the constructor takes
        """Deploys an artifact and gives its address."""
        interface = Interface.named(name)
        address = self.next_address()
        self._interfaces[address] = interface
        self._errors |= interface.errors
        outcome = self._mine(b"", interface.bytecode + encode(interface.constructor, arguments), self.payer)
        assert not outcome.error, (name, outcome)
        return address

    def send(
        self,
        contract: Address,
        function: str,
        *arguments: Any,  # noqa: ANN401 - whatever the function takes
        time: int | None = None,
        sender: Address | None = None,
        gas: int = GAS_LIMIT,
    ) -> Outcome:
        """Calls a function in a block of its own, at ``time`` seconds or one second after the last block."""
        if time is not None:
            self.travel(time)
        signature = self._interfaces[contract].functions[function]
        return self._mine(
            contract, signature.digest[:4] + encode(signature.inputs, arguments), sender or self.payer, gas
        )

    def read(self, contract: Address, function: str, *arguments: Any) -> tuple[Any, ...]:  # noqa: ANN401 - whatever the function takes
        """Calls a view function on the latest state."""
        computation = self._execute(contract, function, arguments)
        assert computation.is_success, (function, computation.output)
        return tuple(decode(self._interfaces[contract].functions[function].outputs, computation.output))

    def attempt(self, contract: Address, function: str, *arguments: Any, time: int) -> tuple[str, tuple[Any, ...]]:  # noqa: ANN401 - whatever the function takes
        """Tries a call at ``time`` and undoes it; gives the name and arguments of the error, an empty name if none."""
        self.travel(time)
        computation = self._execute(contract, function, arguments)
        return ("", ()) if computation.is_success else self._error(computation.output)

    def _execute(self, contract: Address, function: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - of no type of its own
        signature = self._interfaces[contract].functions[function]
        vm = self._chain.get_vm(self._chain.header)
        code = vm.state.get_code(contract)
        snapshot = vm.state.snapshot()
        computation = vm.execute_bytecode(
            origin=self.payer,
            gas_price=GAS_PRICE,
            gas=GAS_LIMIT,
            to=contract,
            sender=self.payer,
            value=0,
            data=signature.digest[:4] + encode(signature.inputs, arguments),
            code=code,
        )
        vm.state.revert(snapshot)
        return computation

    def _mine(self, to: bytes, data: bytes, sender: Address, gas: int = GAS_LIMIT) -> Outcome:
        nonce = self._nonces.get(sender, 0)
        transaction = self._chain.create_unsigned_transaction(
            nonce=nonce, gas_price=GAS_PRICE, gas=gas, to=to, value=0, data=data
        ).as_signed_transaction(self._keys[sender])
        time = self.time
        number = int(self._chain.header.block_number)
        _, receipt, computation = self._chain.apply_transaction(transaction)
        self._chain.mine_block()
        self.travel(time + 1)
        self._nonces[sender] = nonce + 1
        if computation.is_error:
            return Outcome((), *self._error(computation.output), time, receipt.gas_used, number)
        return Outcome(tuple(self._log(log) for log in receipt.logs), "", (), time, receipt.gas_used, number)

    def sealed_block(self, number: int) -> SealedBlock:
        """Gives a block as bytes."""
        block = self._chain.get_canonical_block_by_number(number)
        receipts = block.get_receipts(self._chain.chaindb)
        return SealedBlock(rlp.encode(block.header), tuple(receipt.encode() for receipt in receipts))

    def _error(self, output: bytes) -> tuple[str, tuple[Any, ...]]:
        signature = self._errors.get(output[:4])
        if signature is None:
            return f"unknown 0x{output[:4].hex()}", ()
        return signature.name, tuple(decode(signature.inputs, output[4:]))

    def _log(self, log: Any) -> Log:  # noqa: ANN401 - of no type of its own
        signature = self._interfaces[log.address].events[log.topics[0].to_bytes(32, "big")]
        plain = [t for t, i in zip(signature.inputs, signature.indexed, strict=True) if not i]
        data, topics = iter(decode(plain, log.data)), iter(log.topics[1:])
        members = [
            decode([kind], next(topics).to_bytes(32, "big"))[0] if indexed else next(data)
            for kind, indexed in zip(signature.inputs, signature.indexed, strict=True)
        ]
        return Log(Address(log.address), signature.name, tuple(members))
