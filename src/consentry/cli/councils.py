"""Councils: a file names the members, and what is to be signed is passed round until enough of them have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.core.terms import Address
from consentry.crypto.council import Council
from consentry.crypto.signing import SigningKey, Verifiers
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, bytes_of, hex_of

AsCouncil = Annotated[
    Path | None, typer.Option(help="file of a council, from 'key council': the key signs as one of its members")
]


@dataclass
class Gathering:
    """A council's signature in the making: who signed so far, by the members' signers."""

    verifier: Address
    council: Council
    signed: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path, begun: object) -> Gathering:
        """Takes a council's file, and what was gathered for it so far, if anything.

        Raises:
            InvalidInputError: the file holds no council, or what was gathered is another council's.
        """
        content = values.read_document(file)
        members, threshold = content.get("members"), content.get("threshold")
        if not isinstance(members, list) or not isinstance(threshold, int):
            raise InvalidInputError(f"file {file} holds no council")
        verifier = Address(bytes_of(content.get("verifier"), values.ADDRESS_SIZE))
        made = cls(verifier, Council(threshold, tuple(bytes_of(member) for member in members)))
        if begun is None:
            return made
        if not isinstance(begun, dict) or begun.get("signer") != hex_of(made.signer):
            raise InvalidInputError("signatures so far are not those of this council")
        signed = begun.get("signed")
        if not isinstance(signed, dict):
            raise InvalidInputError("signatures so far cannot be read")
        made.signed = {bytes_of(member): bytes_of(signature) for member, signature in signed.items()}
        return made

    @property
    def signer(self) -> bytes:
        """The council as an ERC-7913 signer."""
        return self.verifier + self.council.key

    def add(self, key: SigningKey, digest: bytes) -> bytes | None:
        """Adds what a member signs; gives the signature of the council once there is enough.

        Raises:
            InvalidInputError: the key is no member's.
        """
        if key.signer not in self.council.members:
            raise InvalidInputError(f"key does not match the council (got 0x{key.signer.hex()}, expected a member's)")
        self.signed[key.signer] = key.sign_digest(digest)
        return self.council.signature(self.signed) if len(self.signed) >= self.council.threshold else None

    def written(self) -> Json:
        """Gives what has been gathered, as it stands in a file."""
        signed = {hex_of(member): hex_of(signature) for member, signature in self.signed.items()}
        return {"signer": hex_of(self.signer), "signed": signed}

    @property
    def missing(self) -> str:
        """How many members are still to sign, in words."""
        return f"{self.council.threshold - len(self.signed)} more of the council"


def found(out: Path, threshold: int, members: list[str], verifiers: Verifiers) -> Json:
    """Writes the file of a council; gives what it says.

    Raises:
        InvalidInputError: these can be no council.
    """
    council = Council(threshold, tuple(values.hexadecimal("member", member) for member in members))
    council.check((verifiers.p256, verifiers.webauthn))
    written: Json = {
        "threshold": threshold,
        "members": [hex_of(member) for member in council.members],
        "verifier": hex_of(verifiers.council),
    }
    values.write_document(out, written)
    return {"file": str(out), **written, "signer": hex_of(verifiers.council + council.key)}
