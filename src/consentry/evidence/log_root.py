"""The log-root file: which log of which deployment, and whose signatures make its checkpoints final.

Whoever holds version n accepts version n + 1 if enough of the root keys of n signed it, and enough of its own (the rule
of The Update Framework, section 5.3). So witnesses and root keys can be exchanged, and nobody is believed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import rfc8785

from consentry.core.terms import Address
from consentry.crypto import ed25519
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.canonical import read_canonical
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.note import VerifierKey
from consentry.evidence.witnesses import WitnessPolicy

FORMAT: Final = "consentry.log-root/v1"
_MOST_KEYS: Final = 100
_HIGHEST_NUMBER: Final = (1 << 53) - 1
_MEMBERS: Final = frozenset(
    {
        "version",
        "chainId",
        "genesisHash",
        "contracts",
        "origin",
        "logKeys",
        "witnesses",
        "threshold",
        "validFrom",
        "validUntil",
        "rootKeys",
        "rootThreshold",
    }
)


@dataclass(frozen=True, slots=True)
class LogRoot:
    """One version of the file.

    Attributes:
        version: 1, 2, 3 … without gaps.
        chain_id: as in EIP-155.
        genesis_hash: hash of block 0.
        contracts: addresses whose logs are the leaves, ascending.
        policy: the log and its witnesses.
        root_keys: Ed25519 public keys that decide about the next version, ascending.
        root_threshold: how many of them must sign.
        signatures: public key and signature, ascending by key.

    Raises:
        InvalidInputError: no such root can be kept, a root key is none, or a list is not ascending.
    """

    version: int
    chain_id: int
    genesis_hash: bytes
    contracts: tuple[Address, ...]
    policy: WitnessPolicy
    root_keys: tuple[bytes, ...]
    root_threshold: int
    signatures: tuple[tuple[bytes, bytes], ...] = ()

    def __post_init__(self) -> None:
        if self.version < 1 or not 1 <= self.root_threshold <= len(self.root_keys) <= _MOST_KEYS:
            raise InvalidInputError(
                f"log root does not match (got version {self.version}, {self.root_threshold} of "
                f"{len(self.root_keys)} root keys, expected version 1 or later and a threshold that can be met)"
            )
        if not 0 < self.chain_id < 1 << 256 or not self.contracts or len(self.policy.witnesses) > _MOST_KEYS:
            raise InvalidInputError("log root does not match (got no chain, no contract, or more than 100 witnesses)")
        for key in self.root_keys:
            ed25519.check_public(key)
        signers = tuple(key for key, _ in self.signatures)
        for what, listed in (("contracts", self.contracts), ("root keys", self.root_keys), ("signatures", signers)):
            if any(one >= other for one, other in pairwise(listed)):
                raise InvalidInputError(f"order of {what} does not match (got another, expected ascending, each once)")

    @property
    def signed_bytes(self) -> bytes:
        """What the root keys sign: the name of the format, a line end, and the canonical JSON without signatures."""
        return FORMAT.encode() + b"\n" + rfc8785.dumps(self._written())

    def sign(self, key: Ed25519Key) -> LogRoot:
        """Gives the same root with the signature of one more key."""
        others = [pair for pair in self.signatures if pair[0] != key.public]
        return replace(self, signatures=tuple(sorted([*others, (key.public, key.sign(self.signed_bytes))])))

    def _written(self) -> dict[str, Any]:
        policy = self.policy
        return {
            "version": self.version,
            "chainId": str(self.chain_id),
            "genesisHash": hex_of(self.genesis_hash),
            "contracts": [hex_of(address) for address in self.contracts],
            "origin": policy.origin,
            "logKeys": [str(key) for key in policy.log_keys],
            "witnesses": [str(key) for key in policy.witnesses],
            "threshold": policy.threshold,
            "validFrom": policy.valid_from,
            "validUntil": policy.valid_until,
            "rootKeys": [hex_of(key) for key in self.root_keys],
            "rootThreshold": self.root_threshold,
        }

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        signatures = [{"key": hex_of(key), "signature": hex_of(made)} for key, made in self.signatures]
        return rfc8785.dumps({"format": FORMAT, "signed": self._written(), "signatures": signatures})

    @classmethod
    def from_json(cls, content: bytes) -> LogRoot:
        """Reads the file; no signature is checked yet.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("log root", content, _read)


def _number(found: Mapping[str, Any], name: str) -> int:
    value = found[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_NUMBER:
        raise InvalidInputError(f"{name} does not match (got {value!r:.80}, expected a number below 2**53)")
    return value


def _read(content: dict[str, Any]) -> LogRoot:
    if content.get("format") != FORMAT:
        raise InvalidInputError(f"format does not match (got {content.get('format')!r:.80}, expected {FORMAT})")
    found = content["signed"]
    if content.keys() != {"format", "signed", "signatures"} or found.keys() != _MEMBERS:
        raise InvalidInputError("members of a log root do not match (got more or fewer, expected those of the format)")
    policy = WitnessPolicy(
        origin=found["origin"],
        log_keys=tuple(VerifierKey.parse(text) for text in found["logKeys"]),
        witnesses=tuple(VerifierKey.parse(text) for text in found["witnesses"]),
        threshold=_number(found, "threshold"),
        valid_from=_number(found, "validFrom"),
        valid_until=_number(found, "validUntil"),
    )
    return LogRoot(
        version=_number(found, "version"),
        chain_id=int(found["chainId"]),
        genesis_hash=bytes_of(found["genesisHash"], 32),
        contracts=tuple(Address(bytes_of(text, 20)) for text in found["contracts"]),
        policy=policy,
        root_keys=tuple(bytes_of(text, ed25519.KEY_SIZE) for text in found["rootKeys"]),
        root_threshold=_number(found, "rootThreshold"),
        signatures=tuple(
            (bytes_of(pair["key"], ed25519.KEY_SIZE), bytes_of(pair["signature"], ed25519.SIGNATURE_SIZE))
            for pair in content["signatures"]
        ),
    )


def _check_signed(root: LogRoot, whose: str, keys: Iterable[bytes], threshold: int) -> None:
    known = frozenset(keys)
    count = sum(key in known for key, _ in root.signatures)
    if count < threshold:
        raise VerificationError(
            f"number of signatures by {whose} does not match (got {count}, expected at least {threshold})",
            got=count,
            expected=threshold,
        )


def _check_signatures(root: LogRoot, keys: Iterable[bytes]) -> None:
    """Checks every signature of the file, and that it is of a key that has a say in it."""
    known = frozenset(keys)
    for key, signature in root.signatures:
        if key not in known:
            raise VerificationError(f"key of a signature does not match (got 0x{key.hex()}, expected a root key)")
        try:
            ed25519.verify(key, root.signed_bytes, signature)
        except ConsentryError as error:
            raise VerificationError(f"signature of version {root.version} does not hold: {error.message}") from error


@lru_cache(maxsize=16)
def verify_root(root: LogRoot) -> None:
    """Checks that a root is signed by its own keys; that these are the right ones is for its holder to know.

    What holds is remembered: who verifies many bundles has one root.

    Raises:
        VerificationError: a signature does not hold, or they are too few.
    """
    _check_signatures(root, root.root_keys)
    _check_signed(root, "its own root keys", root.root_keys, root.root_threshold)


def verify_next(trusted: LogRoot, later: LogRoot) -> None:
    """Checks that a root may take the place of the one before it.

    Raises:
        VerificationError: it is not the next version, is about another log, comes into force before the one before it,
            or is not signed by enough of the keys of both.
    """
    if later.version != trusted.version + 1:
        raise VerificationError(
            f"version of a log root does not match (got {later.version}, expected {trusted.version + 1})"
        )
    for what, got, expected in (
        ("chain id", later.chain_id, trusted.chain_id),
        ("genesis hash", later.genesis_hash.hex(), trusted.genesis_hash.hex()),
        ("contracts", [a.hex() for a in later.contracts], [a.hex() for a in trusted.contracts]),
        ("origin", later.policy.origin, trusted.policy.origin),
    ):
        if got != expected:
            raise VerificationError(
                f"{what} of a log root does not match (got {got!s:.200}, expected {expected!s:.200})"
            )
    if later.policy.valid_from < trusted.policy.valid_from:
        raise VerificationError(
            f"begin of a log root does not match (got {later.policy.valid_from}, "
            f"expected {trusted.policy.valid_from} or later)"
        )
    _check_signatures(later, (*trusted.root_keys, *later.root_keys))
    _check_signed(later, f"the root keys of version {trusted.version}", trusted.root_keys, trusted.root_threshold)
    _check_signed(later, "its own root keys", later.root_keys, later.root_threshold)


def follow(trusted: LogRoot, later: Iterable[bytes]) -> LogRoot:
    """Goes from a root that is believed to the last of those that follow it, one version after another.

    Args:
        trusted: a root that is believed.
        later: the files of the versions after it, in their order.

    Raises:
        InvalidInputError: a file is none.
        VerificationError: one may not take the place of the one before it.
    """
    for content in later:
        following = LogRoot.from_json(content)
        verify_next(trusted, following)
        trusted = following
    return trusted
