"""The whole suite of contracts, deployed and governed, with one relay; acts take values of `core`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.codes import bits
from consentry.core.offices import CALLS, Role, selector_of
from consentry.core.packing import pack_batch
from consentry.core.terms import ZERO_32, AccessRequest, Address, ConsentTerms, Enrolment, Material, RecordLeaf
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from consentry.ledger.abi import SETTINGS, VERIFIERS, WIRING
from tests.support.evm import AUDIT, GAS_LIMIT, SECOND, SYSTEM, Evm, Outcome

DOMAINS: Final = (
    "Participants",
    "Subjects",
    "Records",
    "Consents",
    "Emergencies",
    "Authorisations",
    "AccessLedger",
    "Recognitions",
)


def plain(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any signed struct
    """Gives a signed struct as the tuple the ABI encoder takes; fields stand in the order of the Solidity struct."""
    return tuple(getattr(value, f.name) for f in dataclasses.fields(value))


@dataclass
class Suite:
    """The contracts, the verifiers and the Governance.

    The payer is the national authority, one of its officers and the relay; `SECOND` is another officer.
    """

    evm: Evm = field(default_factory=Evm)
    chain_id: int = 0
    addresses: dict[str, Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        evm, at = self.evm, self.addresses
        at["Governance"] = evm.deploy("Governance", evm.payer, 0)
        for name, needed in VERIFIERS.items():
            at[name] = evm.deploy(name, *(at[other] for other in needed))
        at |= {name: evm.next_address(ahead) for ahead, name in enumerate(WIRING)}
        known = {**SETTINGS, **at}
        for name, needed in WIRING.items():
            assert evm.deploy(name, *(known[other] for other in needed)) == at[name]
        self.chain_id = evm.chain_id
        self._govern()

    def _govern(self) -> None:
        target, payer = self.addresses["Participants"], self.evm.payer
        for role in Role:
            selectors = [selector_of(function) for function, (needed, _) in CALLS.items() if needed == role]
            self.must(self.act("Governance", "setTargetFunctionRole", target, selectors, role))
            if role not in {Role.ADMIN, Role.REGISTER}:
                self.must(self.act("Governance", "setRoleAdmin", role, Role.REGISTER))
        self.must(self.act("Governance", "grantRole", Role.REGISTER, target, 0))
        verifiers = [self.addresses[name] for name in VERIFIERS]
        names = [keccak(name.encode()) for name in DOMAINS]
        deployments = [self.addresses[name] for name in DOMAINS]
        founding = (payer, SECOND.address, ZERO_32, verifiers, names, deployments)
        self.must(self.act("Participants", "begin", founding))
        for role, keys in ((Role.SYSTEM, SYSTEM), (Role.AUDIT, AUDIT)):
            for key in keys:
                self.by_two("appointOfficer", payer, key.address, bits(role))
        self.by_two("admitRelay", payer, payer)

    def by_two(self, function: str, *arguments: Any) -> Outcome:  # noqa: ANN401 - whatever the function takes
        """Has the payer propose an act of `Participants` and the second officer confirm it."""
        self.must(self.act("Participants", function, *arguments))
        address = self.addresses["Participants"]
        return self.must(self.evm.send(address, function, *arguments, sender=SECOND.address))

    @staticmethod
    def must(outcome: Outcome) -> Outcome:
        """Gives the outcome back if the act went through."""
        assert not outcome.error, outcome
        return outcome

    @property
    def verifiers(self) -> Verifiers:
        """Addresses of the ERC-7913 verifiers."""
        return Verifiers(*(self.addresses[name] for name in VERIFIERS))

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {contract}", self.chain_id, self.addresses[contract])

    def act(self, contract: str, function: str, *arguments: Any, time: int | None = None) -> Outcome:  # noqa: ANN401 - whatever the function takes
        """Sends any call from the payer."""
        return self.evm.send(self.addresses[contract], function, *arguments, time=time)

    def read(self, contract: str, function: str, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        """Reads one value."""
        values = self.evm.read(self.addresses[contract], function, *arguments)
        return values[0] if len(values) == 1 else values

    def answers(self, contract: str, function: str, *arguments: Any) -> bool:  # noqa: ANN401 - whatever the function takes
        """Tells whether a call comes back at all."""
        address, now = self.addresses[contract], self.evm.time
        return self.evm.attempt(address, function, *arguments, time=now)[0] == ""

    def enrol(self, enrolment: Enrolment, subject: bytes, custodian: bytes, time: int | None = None) -> Outcome:
        """Enrols a subject with both signatures."""
        return self.act("Subjects", "enrol", plain(enrolment), subject, custodian, time=time)

    def anchor(self, leaf: RecordLeaf, signature: bytes, time: int | None = None) -> Outcome:
        """Anchors a first version."""
        return self.act("Records", "anchor", plain(leaf), signature, time=time)

    def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes, time: int | None = None) -> Outcome:
        """Anchors a next version."""
        return self.act("Records", "supersede", plain(previous), plain(leaf), signature, time=time)

    def grant(self, terms: ConsentTerms, signature: bytes, time: int | None = None) -> Outcome:
        """Grants a consent."""
        return self.act("Consents", "grant", plain(terms), signature, time=time)

    def revoke(self, terms: ConsentTerms, signature: bytes, time: int | None = None) -> Outcome:
        """Revokes a consent."""
        return self.act("Consents", "revoke", plain(terms), ZERO_32, signature, time=time)

    def decide(
        self,
        items: Sequence[tuple[AccessRequest, bytes, Material]],
        time: int | None = None,
        sender: Address | None = None,
        gas: int = GAS_LIMIT,
    ) -> Outcome:
        """Decides a batch in which each request is signed."""
        requests, tables = _packed([(request, material) for request, _, material in items])
        signatures = [signature for _, signature, _ in items]
        ledger = self.addresses["AccessLedger"]
        return self.evm.send(ledger, "decide", requests, signatures, tables, time=time, sender=sender, gas=gas)

    def decide_batch(
        self,
        items: Sequence[tuple[AccessRequest, Material]],
        signature: bytes,
        time: int | None = None,
        sender: Address | None = None,
    ) -> Outcome:
        """Decides a batch of one institution that signed it as a whole."""
        requests, tables = _packed(items)
        ledger = self.addresses["AccessLedger"]
        return self.evm.send(ledger, "decideBatch", requests, signature, tables, time=time, sender=sender)


def _packed(items: Sequence[tuple[AccessRequest, Material]]) -> tuple[list[Any], tuple[Any, ...]]:
    packed, tables = pack_batch(items)
    members = list(plain(tables))
    members[2], members[4] = [plain(terms) for terms in tables.consents], [plain(leaf) for leaf in tables.leaves]
    members[6] = [plain(given) for given in tables.authorisations]
    return [plain(request) for request in packed], tuple(members)
