"""The national ledger in this process beside its rules in Python: each act goes to both, who must agree."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from eth_hash.auto import keccak

from consentry.core.anchors import Anchors, Conflict, signer_order
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.core.log_tree import nodes_of, prefix_nodes, root_of
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import Domain, digest
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers, verify
from consentry.errors import LedgerRejectedError, NotAuthenticError
from tests.support.contract_suite import ROOT
from tests.support.evm import SECOND, Evm, Outcome
from tests.support.log_people import ORIGIN, leaves

WIRING: Final = ROOT / "contracts" / "national.json"
START: Final = 1_600_000_000
"""Seconds at which witnesses saw the empty log; the in-process chain is later."""
IDENTITY: Final = LedgerIdentity(ORIGIN, 131277322940537, b"\x07" * 32, Address(b"\x0a" * 20))
LEDGER: Final = ledger_id(IDENTITY)
THRESHOLD: Final = 3


def accounts(name: str, count: int) -> list[AccountKey]:
    """Gives keys of accounts, the same each time."""
    return [AccountKey(keccak(f"{name} {number}".encode())) for number in range(count)]


def in_order(keys: Sequence[SigningKey]) -> list[SigningKey]:
    """Puts keys as lists of signers ascend."""
    return sorted(keys, key=lambda key: signer_order(key.signer))


def checkpoint(size: int, *, fork: int | None = None, ledger: bytes = LEDGER, **changes: Any) -> LedgerCheckpoint:  # noqa: ANN401 - of any member
    """Gives a checkpoint of a log of that size: a block and a second for each leaf.

    Args:
        size: leaves.
        fork: from which leaf on they are of another history.
        ledger: of which.
        changes: members that are to be others.
    """
    block = f"block {size} {fork is not None and size > fork}"
    root = root_of(size, nodes_of(leaves(size, fork)))
    made = LedgerCheckpoint(ledger, size, root, size, keccak(block.encode()), START + size)
    return dataclasses.replace(made, **changes)


def nodes_between(one: int, other: int, fork: int | None = None) -> tuple[bytes, ...]:
    """Gives the nodes for two sizes in the larger tree."""
    larger = max(one, other)
    return prefix_nodes(min(one, other), larger, nodes_of(leaves(larger, fork)))


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a checkpoint: a conflict or none, or the refusal."""

    outcome: Outcome
    conflict: Conflict | None

    @property
    def refusal(self) -> tuple[str, tuple[Any, ...]]:
        """Name and arguments of the error."""
        return self.outcome.error, self.outcome.arguments


@dataclass
class National:
    """Contract and rules; the payer of the chain and `SECOND` are the officers, and five keys are witnesses.

    The fifth witness has a P-256 key.
    """

    evm: Evm = field(default_factory=Evm)
    rules: Anchors = field(default_factory=Anchors)
    contract: Address = field(init=False)
    governance: Address = field(init=False)
    verifiers: Verifiers = field(init=False)
    witnesses: list[SigningKey] = field(init=False)

    def __post_init__(self) -> None:
        evm = self.evm
        self.governance = evm.deploy("Governance", evm.payer, 0)
        p256 = evm.deploy("ERC7913P256Verifier")
        self.verifiers = Verifiers(p256, Address(b"\x01" * 20), Address(b"\x02" * 20))
        self.contract = evm.deploy("NationalAnchor", self.governance)
        self._wire()
        fifth = P256Key(ec.derive_private_key(5, ec.SECP256R1()), p256)
        self.witnesses = in_order([*accounts("witness", 4), fifth])

    def _wire(self) -> None:
        for role in json.loads(WIRING.read_text())["roles"]:
            if role["adminRole"]:
                self._govern("setRoleAdmin", role["id"], role["adminRole"])
            selectors = [keccak(function.encode())[:4] for function in role["functions"]]
            self._govern("setTargetFunctionRole", self.contract, selectors, role["id"])
        self._govern("grantRole", 6, self.contract, 0)
        self.must(self.send("begin", self.evm.payer, SECOND.address, ZERO_32))
        self._govern("renounceRole", 0, self.evm.payer)

    def _govern(self, function: str, *arguments: Any) -> None:  # noqa: ANN401 - whatever the function takes
        self.must(self.evm.send(self.governance, function, *arguments))

    @staticmethod
    def must(outcome: Outcome) -> Outcome:
        """Gives the outcome back if the act went through."""
        assert not outcome.error, outcome
        return outcome

    @property
    def domain(self) -> Domain:
        """EIP-712 domain of the contract."""
        return Domain("Consentry NationalAnchor", self.evm.chain_id, self.contract)

    def send(self, function: str, *arguments: Any, sender: Address | None = None) -> Outcome:  # noqa: ANN401 - whatever the function takes
        """Calls a function, from the payer unless another account is named."""
        return self.evm.send(self.contract, function, *arguments, sender=sender)

    def read(self, function: str, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        """Reads a value, or several."""
        values = self.evm.read(self.contract, function, *arguments)
        return values[0] if len(values) == 1 else values

    def by_two(self, function: str, *arguments: Any) -> Outcome:  # noqa: ANN401 - whatever the function takes
        """Has one officer propose an act and the other confirm it; gives what came of the second call."""
        first = self.send(function, *arguments)
        return first if first.error else self.send(function, *arguments, sender=SECOND.address)

    def admit(self, identity: LedgerIdentity = IDENTITY, threshold: int = THRESHOLD) -> bytes:
        """Admits a ledger with the witnesses, here and in the rules; gives its id."""
        signers = [key.signer for key in self.witnesses]
        self.must(self.by_two("admitLedger", dataclasses.astuple(identity), signers, threshold))
        return self.rules.admit(identity, signers, threshold)

    def sign(self, signed: LedgerCheckpoint, *keys: SigningKey) -> list[tuple[bytes, bytes]]:
        """Has witnesses sign a checkpoint: the first three unless others are named."""
        chosen = in_order(keys or self.witnesses[:THRESHOLD])
        return [(key.signer, key.sign_digest(digest(self.domain, signed))) for key in chosen]

    def holds(self, made: LedgerCheckpoint, signer: bytes, signature: bytes) -> bool:
        """Tells whether a signature is the signer's over a checkpoint, without the chain."""
        try:
            verify(signer, digest(self.domain, made), signature, self.verifiers)
        except NotAuthenticError:
            return False
        return True

    def bring(
        self,
        made: LedgerCheckpoint,
        nodes: Sequence[bytes] = (),
        signed: Sequence[tuple[bytes, bytes]] | None = None,
        against: int | None = None,
    ) -> Brought:
        """Brings a checkpoint to contract and rules, who must say the same and know the same after it.

        Where ``against`` names the size of an anchored tree, it is to be recorded as a conflict with that.
        """
        signed = self.sign(made) if signed is None else signed
        now = self.evm.time
        signers, signatures = [one for one, _ in signed], [other for _, other in signed]
        function, first = ("anchor", ()) if against is None else ("recordConflict", (against,))
        outcome = self.send(function, *first, dataclasses.astuple(made), list(nodes), signers, signatures)
        conflict, refusal = None, ("", ())
        try:
            act = self.rules.anchor if against is None else partial(self.rules.record_conflict, against)
            conflict = act(made, nodes, signed, lambda *one: self.holds(made, *one), now)
        except LedgerRejectedError as error:
            refusal = error.details["solidity"], tuple(error.details["arguments"])
        assert (outcome.error, outcome.arguments) == refusal
        recorded = [log.members[2] for log in outcome.logs if log.name == "ConflictRecorded"]
        assert recorded == ([conflict] if conflict else [])
        self.agree(made.ledger_id)
        return Brought(outcome, conflict)

    def change(self, keys: Sequence[SigningKey], threshold: int) -> None:
        """Replaces the witnesses of the ledger of the tests, here and in the rules."""
        self.witnesses = in_order(keys)
        signers = [key.signer for key in self.witnesses]
        self.must(self.by_two("changeWitnesses", LEDGER, signers, threshold))
        self.rules.change_witnesses(LEDGER, signers, threshold)

    def agree(self, ledger: bytes) -> None:
        """Compares all that contract and rules know of a ledger."""
        known = self.rules.of(ledger)
        facts = (known.status, known.size, known.conflicts, known.version, known.threshold)
        assert self.read("ledgerOf", ledger) == facts
        if known.size:
            assert self.read("checkpointOf", ledger, known.size) == dataclasses.astuple(known.anchors[known.size])


def grown(national: National, *sizes: int) -> None:
    """Anchors trees of one history, each the beginning of the next."""
    for before, size in zip((0, *sizes), sizes, strict=False):
        assert national.bring(checkpoint(size), nodes_between(before, size) if before else ()).conflict == Conflict.NONE


def status_of(national: National) -> int:
    """Gives the status of the ledger of the tests, as the contract has it."""
    return int(national.read("ledgerOf", LEDGER)[0])
