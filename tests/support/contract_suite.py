"""The contracts on an in-process chain: deployed from the committed artifacts and wired from ``governance.json``."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from eth_abi.abi import decode
from eth_hash.auto import keccak
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3._utils.events import get_event_data
from web3.contract import Contract
from web3.types import TxParams, TxReceipt

from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.ledger.abi import SETTINGS, VERIFIERS, WIRING

Value: TypeAlias = Any  # an argument or result as the ABI encodes it

ROOT: Final = Path(__file__).resolve().parents[2]
ARTIFACTS: Final = ROOT / "src" / "consentry" / "ledger" / "artifacts"
MOCKS: Final = ROOT / "tests" / "contracts" / "mocks"
GOVERNANCE: Final = ROOT / "contracts" / "governance.json"
NOW: Final = 2_000_000_000
"""Seconds since the epoch at which the in-process chain begins to be used."""
GAS_LIMIT: Final = 400_000_000
SYSTEM_DELAY: Final = 2 * 86_400
"""Seconds a system administrator waits."""
FIRST_ROLES: Final = 1 << 2 | 1 << 4


@cache
def artifact(name: str) -> Mapping[str, Any]:
    """Reads the artifact of a contract of the suite or of a mock."""
    path = ARTIFACTS / f"{name}.json"
    made: Mapping[str, Any] = json.loads((path if path.exists() else MOCKS / f"{name}.json").read_text())
    return made


def _type_of(member: Mapping[str, Any]) -> str:
    kind: str = member["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in member['components'])}){kind[len('tuple') :]}"


def signature_of(entry: Mapping[str, Any]) -> str:
    """Gives the canonical signature of an ABI entry."""
    return f"{entry['name']}({','.join(_type_of(member) for member in entry['inputs'])})"


@cache
def custom_errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Gives name and argument types of every custom error of the suite by its selector."""
    errors = {}
    for path in ARTIFACTS.glob("*.json"):
        for entry in artifact(path.stem)["abi"]:
            if entry["type"] == "error":
                types = tuple(_type_of(member) for member in entry["inputs"])
                errors[keccak(signature_of(entry).encode())[:4]] = (entry["name"], types)
    return errors


def decode_revert(failure: TransactionFailed) -> tuple[str, tuple[Value, ...]]:
    """Tells which custom error made a call fail, and its arguments; addresses as checksummed text.

    The in-process chain gives the revert data only as the printed form of its bytes.
    """
    _, _, printed = str(failure.args[0]).partition("execution reverted: ")
    data = ast.literal_eval(printed)
    name, types = custom_errors()[data[:4]]
    values = decode(list(types), data[4:])
    shown = (Web3.to_checksum_address(v) if t == "address" else v for t, v in zip(types, values, strict=True))
    return name, tuple(shown)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a contract, with its arguments by name."""

    name: str
    args: Mapping[str, Any]


class Clock(Protocol):
    """Whatever moves the time of a chain."""

    def time_travel(self, timestamp: int) -> None:
        """Sets the time of the next block, in seconds."""
        ...


@dataclass(slots=True)
class ContractSuite:
    """The deployed suite and the accounts that govern it; accounts as checksummed text."""

    w3: Web3
    clock: Clock
    contracts: dict[str, Contract] = field(default_factory=dict)

    @property
    def accounts(self) -> list[str]:
        """Accounts the in-process chain signs for."""
        return [str(account) for account in self.w3.eth.accounts]

    @property
    def admin(self) -> str:
        """Admin of the `Governance` until everything is wired, and deployer."""
        return self.accounts[0]

    @property
    def national(self) -> str:
        """Authority for the whole country, and its first officer."""
        return self.accounts[1]

    @property
    def second(self) -> str:
        """Second officer of the national authority."""
        return self.accounts[6]

    def __getitem__(self, name: str) -> Contract:
        return self.contracts[name]

    def address(self, name: str) -> Address:
        """Gives the address of a contract: 20 bytes."""
        return Address(bytes.fromhex(self.contracts[name].address[2:]))

    def domain(self, name: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {name}", self.w3.eth.chain_id, self.address(name))

    def deploy(self, name: str, *arguments: Value) -> Contract:
        """Deploys a contract from its artifact."""
        made = artifact(name)
        factory = self.w3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        sent = factory.constructor(*arguments).transact(
            {"from": Web3.to_checksum_address(self.admin), "gas": 10_000_000}
        )
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1, name
        address = receipt["contractAddress"]
        assert address is not None
        return self.w3.eth.contract(address=address, abi=made["abi"])

    def send(self, name: str, function: str, *arguments: Value, sender: str) -> TxReceipt:
        """Calls a function in a transaction; it must succeed."""
        call = self.contracts[name].functions[function](*arguments)
        sent = call.transact({"from": Web3.to_checksum_address(sender), "gas": GAS_LIMIT // 2})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1, function
        return receipt

    def read(self, name: str, function: str, *arguments: Value, sender: str | None = None) -> Value:
        """Calls a function without a transaction."""
        origin: TxParams = {"from": Web3.to_checksum_address(sender or self.admin), "gas": GAS_LIMIT // 2}
        return self.contracts[name].functions[function](*arguments).call(origin, "pending")

    def refusal(self, name: str, function: str, *arguments: Value, sender: str) -> tuple[str, tuple[Value, ...]]:
        """Gives the custom error and its arguments with which a call reverts.

        Raises:
            AssertionError: the call does not revert.
        """
        try:
            self.read(name, function, *arguments, sender=sender)
        except TransactionFailed as failure:
            return decode_revert(failure)
        raise AssertionError(f"call of {function} does not match (got success, expected a revert)")

    def deployment_refusal(self, name: str, *arguments: Value) -> tuple[str, tuple[Value, ...]]:
        """Gives the custom error and its arguments with which a deployment reverts.

        Raises:
            AssertionError: the deployment does not revert.
        """
        made = artifact(name)
        factory = self.w3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        data = factory.constructor(*arguments).data_in_transaction
        try:
            self.w3.eth.call({"from": Web3.to_checksum_address(self.admin), "data": data, "gas": GAS_LIMIT // 2})
        except TransactionFailed as failure:
            return decode_revert(failure)
        raise AssertionError(f"deployment of {name} does not match (got success, expected a revert)")

    def events(self, receipt: TxReceipt, contract: str | None = None) -> list[Event]:
        """Decodes the events of the suite, or of one contract, in a receipt."""
        names = {contract.address: name for name, contract in self.contracts.items()}
        return [
            Event(entry["name"], get_event_data(self.w3.codec, entry, log)["args"])
            for log in receipt["logs"]
            if contract in {None, names[log["address"]]}
            for entry in artifact(names[log["address"]])["abi"]
            if entry["type"] == "event" and keccak(signature_of(entry).encode()) == bytes(log["topics"][0])
        ]

    def now(self) -> int:
        """Gives the time of the block that is made next, in seconds."""
        return int(self.w3.eth.get_block("pending")["timestamp"])

    def travel(self, time: int) -> None:
        """Moves the chain's clock forward to a time in seconds."""
        self.clock.time_travel(time)


def selectors_of(functions: Sequence[str]) -> list[bytes]:
    """Gives the selectors of function signatures."""
    return [keccak(function.encode())[:4] for function in functions]


def start_chain() -> ContractSuite:
    """Starts an in-process chain with a block large enough for any batch."""
    genesis = PyEVMBackend.generate_genesis_params({"gas_limit": GAS_LIMIT})
    tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
    tester.time_travel(NOW)
    return ContractSuite(Web3(EthereumTesterProvider(tester)), tester)


def deploy_suite(suite: ContractSuite) -> None:
    """Deploys the contracts and wires their governance, as ``contracts/README.md`` describes."""
    put = suite.contracts
    put["Governance"] = suite.deploy("Governance", suite.admin, SYSTEM_DELAY)
    for name, needed in VERIFIERS.items():
        put[name] = suite.deploy(name, *(put[other].address for other in needed))
    known: dict[str, Value] = {name: predict_address(suite, offset) for offset, name in enumerate(WIRING)}
    known |= {**SETTINGS, "Governance": put["Governance"].address}
    for name, needed in WIRING.items():
        put[name] = suite.deploy(name, *(known[other] for other in needed))
    wire_governance(suite)


def predict_address(suite: ContractSuite, offset: int) -> str:
    """Gives the address of the contract that the admin deploys ``offset`` transactions after the next one."""
    nonce = suite.w3.eth.get_transaction_count(Web3.to_checksum_address(suite.admin)) + offset
    assert 0 < nonce < 128, "longer nonces have another RLP form"
    return Web3.to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(suite.admin[2:]) + bytes([nonce]))[12:])


def wire_governance(suite: ContractSuite) -> None:
    """Gives each role its functions, begins with the national authority and two officers, and lets the admin go."""
    target = suite["Participants"].address
    for role in json.loads(GOVERNANCE.read_text())["roles"]:
        suite.send("Governance", "labelRole", role["id"], role["name"], sender=suite.admin)
        for function, other in (("setRoleAdmin", "adminRole"), ("setRoleGuardian", "guardianRole")):
            if role[other]:
                suite.send("Governance", function, role["id"], role[other], sender=suite.admin)
        if role["functions"]:
            selectors = selectors_of(role["functions"])
            suite.send("Governance", "setTargetFunctionRole", target, selectors, role["id"], sender=suite.admin)
    suite.send("Governance", "grantRole", 6, target, 0, sender=suite.admin)
    suite.send("Participants", "begin", founding(suite), sender=suite.admin)
    suite.send("Governance", "renounceRole", 0, suite.admin, sender=suite.admin)


def founding(suite: ContractSuite, **changes: Value) -> tuple[Value, ...]:
    """Gives the first facts of the deployment."""
    names = ("Participants", "Subjects", "Records", "Consents", "AccessLedger")
    members: dict[str, Value] = {
        "authority": suite.national,
        "second": suite.second,
        "profile": bytes(32),
        "verifiers": [suite[name].address for name in VERIFIERS],
        "names": [keccak(name.encode()) for name in names],
        "deployments": [suite[name].address for name in names],
    }
    return tuple({**members, **changes}.values())


def by_two(suite: ContractSuite, officers: Sequence[str], function: str, *arguments: Value) -> TxReceipt:
    """Has one officer propose an act of `Participants` and the next one confirm it."""
    first, second = officers[:2]
    suite.send("Participants", function, *arguments, sender=first)
    return suite.send("Participants", function, *arguments, sender=second)


def appoint_authority(suite: ContractSuite, authority: str, region: int, deputy: str) -> None:
    """Admits an authority for a region and gives it a second officer."""
    national = (suite.national, suite.second)
    by_two(suite, national, "admitAuthority", authority, region, bytes(32))
    by_two(suite, national, "appointOfficer", authority, deputy, FIRST_ROLES)
