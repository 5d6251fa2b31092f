"""Signatures of a council, so many of several signers: `contracts/CouncilVerifier.sol`, checked without a chain.

The key of a council names threshold and members, its signature those members that signed. Both are ABI-encoded in the
one canonical form, so that a council has one name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from consentry.core.keccak import keccak
from consentry.core.terms import Address
from consentry.errors import InvalidInputError, NotAuthenticError

FEWEST: Final = 2
MOST: Final = 8
_ACCOUNT_SIZE: Final = 20
_KEY: Final = ("uint64", "bytes[]")
_SIGNATURE: Final = ("bytes[]", "bytes[]")


class MemberKey(Protocol):
    """A key that signs for one member."""

    @property
    def signer(self) -> bytes:
        """The member's ERC-7913 signer."""
        ...

    def sign_digest(self, digest_: bytes) -> bytes:
        """Signs 32 bytes."""
        ...


CheckMember = Callable[[bytes, bytes], None]
"""Checks a signature of a member, given its signer and the signature; raises `NotAuthenticError`."""


@dataclass(frozen=True, slots=True)
class Council:
    """So many of these signers: 2 to 8 of them, accounts or keys of the two basic verifiers, none twice."""

    threshold: int
    members: tuple[bytes, ...]

    @property
    def key(self) -> bytes:
        """What follows the verifier's address in the council's signer."""
        return encode(_KEY, (self.threshold, self.members))

    def check(self, verifiers: Sequence[Address]) -> None:
        """Checks that the verifier takes the council.

        Args:
            verifiers: that members may be keys of.

        Raises:
            InvalidInputError: it has too few or too many members, one twice or of a wrong form, or a wrong threshold.
        """
        count = len(self.members)
        if not FEWEST <= count <= MOST or len(set(self.members)) != count:
            raise InvalidInputError(f"members do not match (got {count}, expected {FEWEST} to {MOST}, none twice)")
        if not 1 <= self.threshold <= count:
            raise InvalidInputError(f"threshold does not match (got {self.threshold}, expected 1 to {count})")
        for member in self.members:
            if len(member) < _ACCOUNT_SIZE or (len(member) > _ACCOUNT_SIZE and member[:_ACCOUNT_SIZE] not in verifiers):
                raise InvalidInputError(f"member does not match (got 0x{member.hex()}, expected an account or a key)")

    def signature(self, signed: Mapping[bytes, bytes]) -> bytes:
        """Puts a signature together; members come in the order of their hashes, which the chain checks fastest.

        Args:
            signed: what each member signed, by its signer.

        Raises:
            InvalidInputError: too few signed, or somebody who is no member.
        """
        strangers = set(signed) - set(self.members)
        if strangers or len(signed) < self.threshold:
            found = f"got {len(signed)}, expected {self.threshold}, all of members"
            raise InvalidInputError(f"signatures do not match ({found})")
        order = sorted(signed, key=keccak)
        return encode(_SIGNATURE, (order, [signed[signer] for signer in order]))


@dataclass(frozen=True, slots=True)
class CouncilKey:
    """Keys of enough members in one place, which sign as the council does; elsewhere members sign one after another."""

    verifier: Address
    council: Council
    keys: tuple[MemberKey, ...] = field(repr=False)

    @property
    def signer(self) -> bytes:
        """ERC-7913 signer: verifier address and council."""
        return self.verifier + self.council.key

    def sign_digest(self, digest_: bytes) -> bytes:
        """Signs 32 bytes with every key."""
        return self.council.signature({key.signer: key.sign_digest(digest_) for key in self.keys})


def read_key(key: bytes) -> Council:
    """Reads a council from what follows the verifier's address in its signer.

    Raises:
        NotAuthenticError: these bytes name no council.
    """
    threshold, members = _canonical("key", _KEY, key)
    return Council(threshold, tuple(members))


def verify(key: bytes, signature: bytes, verifiers: Sequence[Address], check_member: CheckMember) -> None:
    """Checks a signature of a council.

    Args:
        key: what follows the verifier's address in the council's signer.
        signature: those members that signed, and their signatures.
        verifiers: that members may be keys of.
        check_member: checks the signature of one member.

    Raises:
        NotAuthenticError: the verifier would not take it.
    """
    council = read_key(key)
    try:
        council.check(verifiers)
    except InvalidInputError as error:
        raise NotAuthenticError(error.message) from None
    signers, signatures = _canonical("signature", _SIGNATURE, signature)
    fit = len(signers) == len(signatures) >= council.threshold
    if not fit or len(set(signers)) != len(signers) or not set(signers) <= set(council.members):
        raise NotAuthenticError(
            f"signers of the council do not match (got {len(signers)}, expected {council.threshold} of its members)"
        )
    for signer, made in zip(signers, signatures, strict=True):
        check_member(signer, made)


def _canonical(what: str, types: Sequence[str], content: bytes) -> tuple[Any, ...]:
    """Decodes bytes that are the one encoding of what they say."""
    try:
        values: tuple[Any, ...] = decode(types, content)
    except (DecodingError, OverflowError, ValueError):
        values = ()
    if not values or encode(types, values) != content:
        raise NotAuthenticError(f"{what} of the council does not match (got another form, expected the canonical one)")
    return values
