"""The file in which witnesses collect signatures for the national ledger; ``docs/formats/national-anchor.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import rfc8785

from consentry.core.anchors import MOST_WITNESSES, signer_order
from consentry.core.ledger_checkpoint import LedgerCheckpoint
from consentry.core.terms import Address
from consentry.core.typed_data import Domain, digest
from consentry.crypto import p256
from consentry.crypto.signing import ACCOUNT_SIZE, recover
from consentry.errors import InvalidInputError, NotAuthenticError
from consentry.evidence import notation
from consentry.evidence.canonical import read_canonical
from consentry.evidence.notation import bytes_of, hex_of

FORMAT: Final = "consentry.national-checkpoint/v1"
CONTRACT: Final = "NationalAnchor"
_MEMBERS: Final = frozenset({"format", "chainId", "contract", "checkpoint", "signatures"})


@dataclass(frozen=True, slots=True)
class NationalCheckpoint:
    """A checkpoint for one national ledger, and the signatures so far, ascending by signer as the contract takes them.

    ``chain_id`` and ``contract`` are those of the national ledger.
    """

    chain_id: int
    contract: Address
    checkpoint: LedgerCheckpoint
    signatures: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def domain(self) -> Domain:
        """EIP-712 domain in which witnesses sign."""
        return Domain(f"Consentry {CONTRACT}", self.chain_id, self.contract)

    def signed_by(self, signer: bytes, signature: bytes) -> NationalCheckpoint:
        """Adds a signature, in place of an earlier one of the same signer."""
        return replace(self, signatures=_ordered({**dict(self.signatures), signer: signature}.items()))

    def signers(self, verifier: Address) -> frozenset[bytes]:
        """Gives whose signature holds, as far as that shows without the chain.

        Accounts and P-256 keys are checked. A smart account (ERC-1271) and a key of another verifier are left out: only
        the chain could say whether they signed.

        Args:
            verifier: address that P-256 signers begin with, on the national chain.
        """
        signed = digest(self.domain, self.checkpoint)
        return frozenset(one for one, other in self.signatures if _holds(one, signed, other, verifier))

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "chainId": str(self.chain_id),
                "contract": hex_of(self.contract),
                "checkpoint": notation.write(self.checkpoint),
                "signatures": [{"signer": hex_of(one), "signature": hex_of(other)} for one, other in self.signatures],
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> NationalCheckpoint:
        """Reads the file; no signature is checked.

        Raises:
            InvalidInputError: it is none, too large, out of order, or not in canonical form.
        """
        return read_canonical("national checkpoint", content, _read)


def _holds(signer: bytes, signed: bytes, signature: bytes, verifier: Address) -> bool:
    try:
        if len(signer) == ACCOUNT_SIZE:
            return recover(signed, signature) == signer
        if signer[:ACCOUNT_SIZE] == verifier:
            p256.verify(signer[ACCOUNT_SIZE:], signed, signature)
            return True
    except NotAuthenticError:
        pass
    return False


def _ordered(signatures: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(sorted(signatures, key=lambda one: signer_order(one[0])))


def _read(found: dict[str, Any]) -> NationalCheckpoint:
    if found.keys() != _MEMBERS or found["format"] != FORMAT:
        raise InvalidInputError(f"members of the national checkpoint do not match (expected those of {FORMAT})")
    listed = found["signatures"]
    if len(listed) > MOST_WITNESSES or any(one.keys() != {"signer", "signature"} for one in listed):
        raise InvalidInputError("signatures do not match (got too many, or other members)")
    signatures = tuple((bytes_of(one["signer"]), bytes_of(one["signature"])) for one in listed)
    if signatures != _ordered(dict(signatures).items()):
        raise InvalidInputError("signatures do not match (got another order, or a signer twice)")
    checkpoint = notation.read(LedgerCheckpoint, found["checkpoint"])
    return NationalCheckpoint(int(found["chainId"]), Address(bytes_of(found["contract"], 20)), checkpoint, signatures)
