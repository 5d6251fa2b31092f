"""The two file forms of the local keyring: the root file and a subject's file. Bytes in, bytes out."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from consentry.crypto.framing import length_prefixed
from consentry.errors import ConfigurationError, InvalidInputError, ObjectCorruptError

FORMAT = 1
ROOT_KEY_SIZE = 64
"""AES-SIV with AES-256 takes a double key."""
_SALT_SIZE = 16
_ROOT_LABEL = b"consentry/keyring-root/v1"


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id parameters; the default is the second recommended option of RFC 9106, section 4."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class RootFile:
    """Root key versions, each sealed under the key derived from the passphrase."""

    cost: Cost
    salt: bytes
    versions: dict[int, bytes] = field(repr=False)

    @property
    def active(self) -> int:
        """The version that wraps."""
        return max(self.versions)

    def to_bytes(self) -> bytes:
        """Encodes as JSON."""
        return _to_json(
            {
                "format": FORMAT,
                "argon2id": {"passes": self.cost.passes, "memory_kib": self.cost.memory_kib, "lanes": self.cost.lanes},
                "salt": self.salt.hex(),
                "versions": _hex_values(self.versions),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> RootFile:
        """Decodes what `to_bytes` wrote.

        Raises:
            ObjectCorruptError: the file is not of this form.
        """
        fields = _from_json(data, "root file")
        try:
            cost = Cost(**{name: int(value) for name, value in fields["argon2id"].items()})
            return cls(cost, bytes.fromhex(fields["salt"]), _bytes_values(fields["versions"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ObjectCorruptError("root file of the keyring does not match its format") from None


@dataclass(frozen=True, slots=True)
class SubjectFile:
    """Key versions of one subject sealed under one root version, or the tombstone of a destroyed key."""

    destroyed: bool
    root_version: int
    versions: dict[int, bytes] = field(repr=False)

    @property
    def active(self) -> int:
        """The version that wraps."""
        return max(self.versions)

    @classmethod
    def tombstone(cls) -> SubjectFile:
        """What stays of a destroyed key: that there was one."""
        return cls(destroyed=True, root_version=0, versions={})

    def to_bytes(self) -> bytes:
        """Encodes as JSON."""
        if self.destroyed:
            return _to_json({"format": FORMAT, "state": "destroyed"})
        return _to_json(
            {
                "format": FORMAT,
                "state": "live",
                "root_version": self.root_version,
                "versions": _hex_values(self.versions),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> SubjectFile:
        """Decodes what `to_bytes` wrote.

        Raises:
            ObjectCorruptError: the file is not of this form.
        """
        fields = _from_json(data, "subject file")
        if fields.get("state") == "destroyed":
            return cls.tombstone()
        try:
            return cls(
                destroyed=False, root_version=int(fields["root_version"]), versions=_bytes_values(fields["versions"])
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ObjectCorruptError("subject file of the keyring does not match its format") from None


def seal_root(keys: dict[int, bytes], passphrase: str, cost: Cost) -> RootFile:
    """Seals root keys under a passphrase with a fresh salt; takes the time that ``cost`` asks for.

    Raises:
        InvalidInputError: the passphrase is empty.
    """
    salt = secrets.token_bytes(_SALT_SIZE)
    siv = AESSIV(_passphrase_key(passphrase, salt, cost))
    return RootFile(cost, salt, {version: siv.encrypt(key, [_associated(version)]) for version, key in keys.items()})


def open_root(root: RootFile, passphrase: str) -> dict[int, bytes]:
    """Opens the root keys; takes the time that the file's cost asks for.

    Raises:
        ConfigurationError: the passphrase is wrong, or the file was changed; the two cannot be told apart.
    """
    siv = AESSIV(_passphrase_key(passphrase, root.salt, root.cost))
    try:
        return {version: siv.decrypt(sealed, [_associated(version)]) for version, sealed in root.versions.items()}
    except InvalidTag:
        raise ConfigurationError("passphrase of the keyring does not match") from None


def _passphrase_key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    if not passphrase:
        raise InvalidInputError("passphrase does not match (got an empty one)")
    return hash_secret_raw(
        passphrase.encode(), salt, cost.passes, cost.memory_kib, cost.lanes, hash_len=ROOT_KEY_SIZE, type=Type.ID
    )


def _associated(version: int) -> bytes:
    return length_prefixed(_ROOT_LABEL, version.to_bytes(4, "big"))


def _to_json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, indent=1, sort_keys=True).encode() + b"\n"


def _from_json(data: bytes, what: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise ObjectCorruptError(f"{what} of the keyring does not match its format")
    return fields


def _hex_values(values: dict[int, bytes]) -> dict[str, str]:
    return {str(version): value.hex() for version, value in values.items()}


def _bytes_values(values: dict[str, str]) -> dict[int, bytes]:
    if not values:
        raise ValueError("versions do not match (got none, expected one or more)")
    return {int(version): bytes.fromhex(value) for version, value in values.items()}
