"""What every client knows of a gateway: its chain, its contracts, its institutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consentry.client.answers import ABOUT, expect
from consentry.client.chain import Chain
from consentry.client.transport import Transport
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.errors import VerificationError
from consentry.evidence.notation import bytes_of

SIGNED: Final = (
    *("Subjects", "Records", "Consents", "Authorisations", "Emergencies", "AccessLedger"),
    *("Persons", "Recognitions"),
)
"""Contracts whose acts are signed."""


@dataclass(frozen=True, slots=True)
class About:
    """A gateway as it describes itself."""

    custodian: Address
    origin: str
    chain_id: int
    contracts: dict[str, Address]

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {contract}", self.chain_id, self.contracts[contract])


async def about(transport: Transport, chain: Chain | None = None) -> About:
    """Asks a gateway who it is, and believes it as far as that can be checked.

    Args:
        transport: the gateway.
        chain: a node of one's own; the gateway must serve the same chain and contracts.

    Raises:
        VerificationError: the gateway answers for another address, chain or deployment.
    """
    body = expect(await transport.get("/v1/about"), ABOUT)
    contracts = {name: Address(bytes_of(address, 20)) for name, address in body["contracts"].items()}
    if not set(SIGNED) <= set(contracts):
        raise VerificationError("gateway does not say what it is: a contract is missing")
    found = About(Address(bytes_of(body["custodian"], 20)), body["origin"], body["chainId"], contracts)
    if found.origin != transport.origin:
        # Whoever signs in here must not open a session somewhere else.
        raise VerificationError(
            "origin of the gateway does not match its address", expected=transport.origin, got=found.origin
        )
    if chain is not None and any(found.domain(name) != chain.domain(name) for name in SIGNED):
        raise VerificationError("chain or contracts of the gateway do not match those of the own node")
    return found
