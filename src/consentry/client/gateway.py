"""What every client knows of a gateway: its chain, its contracts, its institutions."""

from __future__ import annotations

from dataclasses import dataclass

from consentry.client.transport import Transport
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.evidence.notation import bytes_of


@dataclass(frozen=True, slots=True)
class About:
    """A gateway as it describes itself; a careful client compares chain and contracts with its own trust root."""

    custodian: Address
    origin: str
    chain_id: int
    contracts: dict[str, Address]

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {contract}", self.chain_id, self.contracts[contract])


async def about(transport: Transport) -> About:
    """Asks a gateway who it is."""
    body = await transport.get("/v1/about")
    contracts = {name: Address(bytes_of(address, 20)) for name, address in body["contracts"].items()}
    return About(Address(bytes_of(body["custodian"], 20)), body["origin"], body["chainId"], contracts)
