"""The trust-root file: the little that a verifier must have from somewhere else than the bundle.

It names one chain, one deployment, and blocks somebody vouches for: a *checkpoint* is the number and hash of a block
the holder of the file believes to be final. Later forms will add validator sets and witness keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, get_args

import rfc8785

from consentry.core.nesting import parse_json
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from consentry.errors import InvalidInputError
from consentry.evidence.header import HeaderForm
from consentry.evidence.notation import bytes_of, hex_of

FORMAT: Final = "consentry.trust-root/v1"
CONTRACTS: Final = (
    "Participants",
    "Subjects",
    "Records",
    "Consents",
    "Emergencies",
    "Authorisations",
    "AccessLedger",
    "ERC7913P256Verifier",
    "ERC7913WebAuthnVerifier",
    "CouncilVerifier",
)
"""Contracts a trust root must name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that is believed to be final."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One deployment on one chain, and the blocks somebody vouches for."""

    chain_id: int
    genesis_hash: bytes
    header_form: HeaderForm
    contracts: tuple[tuple[str, Address], ...]
    checkpoints: tuple[Checkpoint, ...]

    def address(self, contract: str) -> Address:
        """Gives the address of a contract.

        Raises:
            InvalidInputError: the trust root does not name it.
        """
        found = dict(self.contracts).get(contract)
        if found is None:
            raise InvalidInputError(f"contract does not match (got {contract}, expected one of the trust root)")
        return found

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return Domain(f"Consentry {contract}", self.chain_id, self.address(contract))

    @property
    def verifiers(self) -> Verifiers:
        """Addresses of the ERC-7913 verifiers."""
        return Verifiers(
            p256=self.address("ERC7913P256Verifier"),
            webauthn=self.address("ERC7913WebAuthnVerifier"),
            council=self.address("CouncilVerifier"),
        )

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "chainId": str(self.chain_id),
                "genesisHash": hex_of(self.genesis_hash),
                "headerForm": self.header_form,
                "contracts": {name: hex_of(address) for name, address in self.contracts},
                "checkpoints": [{"number": c.number, "hash": hex_of(c.hash)} for c in self.checkpoints],
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> TrustRoot:
        """Reads the file; it may be indented by hand.

        Raises:
            InvalidInputError: it is no trust root, or lacks a contract or every checkpoint.
        """
        try:
            found: dict[str, Any] = parse_json("trust root", content)
            root = cls(
                chain_id=int(found["chainId"]),
                genesis_hash=bytes_of(found["genesisHash"], 32),
                header_form=found["headerForm"],
                contracts=tuple((n, Address(bytes_of(a, 20))) for n, a in sorted(found["contracts"].items())),
                checkpoints=tuple(Checkpoint(int(c["number"]), bytes_of(c["hash"], 32)) for c in found["checkpoints"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"trust root does not match (got no usable {error})") from error
        if found.get("format") != FORMAT or root.header_form not in get_args(HeaderForm):
            raise InvalidInputError(f"trust root does not match (got {found.get('format')!r}, expected {FORMAT})")
        missing = set(CONTRACTS) - {name for name, _ in root.contracts}
        if missing or not root.checkpoints:
            raise InvalidInputError(f"trust root does not match (got none of {sorted(missing)} or no checkpoint)")
        return root
