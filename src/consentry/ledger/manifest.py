"""The manifest of a deployment: the chain it is on and the addresses of its contracts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consentry.core.chain import ChainIdentity
from consentry.core.nesting import parse_json
from consentry.core.terms import Address
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.ledger.embedded.durable import write_synced

MANIFEST_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which deployment on which chain; ``code_hashes`` are keccak-256 of the code at each address."""

    identity: ChainIdentity
    code_hashes: tuple[tuple[str, bytes], ...]
    _addresses: Mapping[str, Address] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Puts the contracts in order."""
        object.__setattr__(self, "_addresses", dict(self.identity.contracts))

    def address(self, name: str) -> Address:
        """Gives the address of a contract of the suite."""
        return self._addresses[name]

    def write(self, path: Path) -> None:
        """Writes the manifest whole or not at all."""
        content = {
            "version": MANIFEST_VERSION,
            "chainId": self.identity.chain_id,
            "genesisHash": "0x" + self.identity.genesis_hash.hex(),
            "deployedIn": self.identity.deployed_in,
            "contracts": {name: "0x" + address.hex() for name, address in self.identity.contracts},
            "codeHashes": {name: "0x" + digest.hex() for name, digest in self.code_hashes},
        }
        write_synced(path, json.dumps(content, indent=2).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Reads a manifest.

        Raises:
            ConfigurationError: there is none, or it is not one.
        """
        try:
            content = parse_json("manifest", path.read_text().encode())
            identity = ChainIdentity(
                chain_id=int(content["chainId"]),
                genesis_hash=_bytes(content["genesisHash"]),
                contracts=tuple((n, Address(_bytes(a))) for n, a in content["contracts"].items()),
                deployed_in=int(content["deployedIn"]),
            )
            return cls(identity, tuple((n, _bytes(d)) for n, d in content["codeHashes"].items()))
        except FileNotFoundError:
            said = "'consentry deploy' writes it once for a chain, and everybody else is given that file"
            raise ConfigurationError(f"no deployment manifest {path}: {said}") from None
        except (OSError, ValueError, OverflowError, LookupError, TypeError, AttributeError, InvalidInputError) as error:
            raise ConfigurationError(f"deployment manifest {path.name} cannot be read") from error


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
