"""The trust-root file: the little that a verifier must have from somewhere else than the bundle.

It names one chain, one deployment, and whom to believe about its blocks: a *checkpoint* is the number and hash of a
block the holder of the file believes to be final; from an *anchor* on, validators vouch for the blocks they seal; a
*log root* says which witnesses vouch for the ledger log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, get_args

import rfc8785

from consentry.core.nesting import parse_json
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.crypto.signing import Verifiers
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.canonical import UNREADABLE
from consentry.evidence.header import HeaderForm
from consentry.evidence.log_root import LogRoot
from consentry.evidence.notation import Json, bytes_of, hex_of
from consentry.evidence.validator_trail import Anchor

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
_CHAIN_ID_DIGITS: Final = 78
"""Of a number of 256 bits."""
_MEMBERS: Final = frozenset(
    {"format", "chainId", "genesisHash", "headerForm", "contracts", "checkpoints", "qbftAnchor", "logRoot", "national"}
)
_NATIONAL_MEMBERS: Final = frozenset(
    {"chainId", "genesisHash", "headerForm", "contract", "origin", "checkpoints", "qbftAnchor"}
)


@dataclass(frozen=True, slots=True)
class TrustedBlock:
    """A block that is believed to be final."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class LogRootPin:
    """Which file the log root is: its version, and SHA-256 of its bytes."""

    version: int
    sha256: bytes

    @classmethod
    def of(cls, root: LogRoot) -> LogRootPin:
        """Pins a log root."""
        return cls(root.version, hashlib.sha256(root.to_json()).digest())

    def open(self, content: bytes) -> LogRoot:
        """Reads the file, if it is the one.

        Raises:
            InvalidInputError: it is no log root.
            VerificationError: it is another one.
        """
        digest = hashlib.sha256(content).digest()
        if digest != self.sha256:
            raise VerificationError(
                f"digest of the log root does not match (got 0x{digest.hex()}, expected 0x{self.sha256.hex()})"
            )
        root = LogRoot.from_json(content)
        if root.version != self.version:
            raise VerificationError(
                f"version of the log root does not match (got {root.version}, expected {self.version})"
            )
        return root


@dataclass(frozen=True, slots=True)
class NationalTrust:
    """The national ledger, whom to believe about its blocks, and the origin under which it knows this deployment."""

    chain_id: int
    genesis_hash: bytes
    header_form: HeaderForm
    contract: Address
    origin: str
    checkpoints: tuple[TrustedBlock, ...]
    qbft_anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One deployment on one chain, and whom to believe about its blocks; the last three are None where nobody is."""

    chain_id: int
    genesis_hash: bytes
    header_form: HeaderForm
    contracts: tuple[tuple[str, Address], ...]
    checkpoints: tuple[TrustedBlock, ...]
    qbft_anchor: Anchor | None = None
    log_root: LogRoot | LogRootPin | None = None
    national: NationalTrust | None = None

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
        written: Json = {
            "format": FORMAT,
            "chainId": str(self.chain_id),
            "genesisHash": hex_of(self.genesis_hash),
            "headerForm": self.header_form,
            "contracts": {name: hex_of(address) for name, address in self.contracts},
            "checkpoints": _written_checkpoints(self.checkpoints),
        }
        if self.qbft_anchor is not None:
            written["qbftAnchor"] = _written_anchor(self.qbft_anchor)
        if isinstance(self.log_root, LogRootPin):
            written["logRoot"] = {"version": self.log_root.version, "sha256": hex_of(self.log_root.sha256)}
        elif self.log_root is not None:
            written["logRoot"] = parse_json("log root", self.log_root.to_json())
        if self.national is not None:
            written["national"] = _written_national(self.national)
        return rfc8785.dumps(written)

    @classmethod
    def from_json(cls, content: bytes) -> TrustRoot:
        """Reads the file; it may be indented by hand.

        Raises:
            InvalidInputError: it is no trust root, has members of no meaning, lacks a contract, or names nobody to
                believe.
        """
        try:
            found: dict[str, Any] = parse_json("trust root", content)
            # First: of a file of another kind, a deployment manifest say, the other members say nothing that helps.
            _check_format(found.get("format"))
            root = cls(
                chain_id=_chain_id(found["chainId"]),
                genesis_hash=bytes_of(found["genesisHash"], 32),
                header_form=found["headerForm"],
                contracts=tuple((n, Address(bytes_of(a, 20))) for n, a in sorted(found["contracts"].items())),
                checkpoints=_read_checkpoints(found["checkpoints"]),
                qbft_anchor=_read_anchor(found["qbftAnchor"]) if "qbftAnchor" in found else None,
                log_root=_read_log_root(found["logRoot"]) if "logRoot" in found else None,
                national=_read_national(found["national"]) if "national" in found else None,
            )
        except UNREADABLE as error:
            raise InvalidInputError(f"trust root does not match (got no usable {error})") from error
        _check_form(root.header_form)
        root._check_complete(found.keys())
        return root

    def _check_complete(self, members: AbstractSet[str]) -> None:
        # What is not understood may be meant to restrict whom to believe.
        unknown = members - _MEMBERS
        if unknown:
            raise InvalidInputError(f"members of a trust root do not match (got {sorted(unknown)!r:.200} as well)")
        missing = set(CONTRACTS) - {name for name, _ in self.contracts}
        if missing:
            raise InvalidInputError(f"contracts of a trust root do not match (got none of {sorted(missing)})")
        if not self.checkpoints and self.qbft_anchor is None and self.log_root is None:
            raise InvalidInputError("trust root does not match (got no checkpoint, anchor or log root, expected one)")
        _check_sealed(self.header_form, self.qbft_anchor)


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise InvalidInputError(f"format of the trust root does not match (got {found!r:.80}, expected {FORMAT})")


def _check_form(found: object) -> None:
    if found not in get_args(HeaderForm):
        raise InvalidInputError(f"header form does not match (got {found!r:.80}, expected ethereum or qbft)")


def _check_sealed(form: HeaderForm, anchor: Anchor | None) -> None:
    if anchor is not None and form != "qbft":
        raise InvalidInputError(f"header form does not match (got {form}, whose blocks have no seals, expected qbft)")


def _number(value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 1 << 53:
        raise InvalidInputError(f"number does not match (got {value!r:.80}, expected {least} to 2**53)")
    return value


def _chain_id(value: object) -> int:
    is_decimal = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _CHAIN_ID_DIGITS
    number = int(str(value)) if is_decimal else 0
    if str(number) != value or not 0 < number < 1 << 256:
        raise InvalidInputError(f"chain id does not match (got {value!r:.100}, expected a decimal text)")
    return number


def _origin(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"origin does not match (got {value!r:.80}, expected a text)")
    return value


def _read_anchor(found: Json) -> Anchor:
    if found.keys() != {"number", "hash", "epochLength"}:
        raise InvalidInputError("anchor does not match (got other members, expected number, hash and epochLength)")
    return Anchor(_number(found["number"], 0), bytes_of(found["hash"], 32), _number(found["epochLength"], 1))


def _read_log_root(found: Json) -> LogRoot | LogRootPin:
    if found.keys() == {"version", "sha256"}:
        return LogRootPin(_number(found["version"], 1), bytes_of(found["sha256"], 32))
    return LogRoot.from_json(rfc8785.dumps(found))


def _read_checkpoints(found: object) -> tuple[TrustedBlock, ...]:
    if not isinstance(found, list):
        raise InvalidInputError(f"checkpoints do not match (got {found!r:.80}, expected a list)")
    return tuple(_read_checkpoint(checkpoint) for checkpoint in found)


def _read_checkpoint(found: object) -> TrustedBlock:
    # What is not understood may be meant to restrict what is believed.
    if not isinstance(found, dict) or found.keys() != {"number", "hash"}:
        raise InvalidInputError(f"checkpoint does not match (got {found!r:.120}, expected number and hash alone)")
    return TrustedBlock(_number(found["number"], 0), bytes_of(found["hash"], 32))


def _written_checkpoints(checkpoints: tuple[TrustedBlock, ...]) -> list[Json]:
    return [{"number": c.number, "hash": hex_of(c.hash)} for c in checkpoints]


def _written_anchor(anchor: Anchor) -> Json:
    return {"number": anchor.number, "hash": hex_of(anchor.hash), "epochLength": anchor.epoch_length}


def _read_national(found: Json) -> NationalTrust:
    unknown = found.keys() - _NATIONAL_MEMBERS
    if unknown:
        raise InvalidInputError(f"members of the national ledger do not match (got {sorted(unknown)!r:.200} as well)")
    read = NationalTrust(
        chain_id=_chain_id(found["chainId"]),
        genesis_hash=bytes_of(found["genesisHash"], 32),
        header_form=found["headerForm"],
        contract=Address(bytes_of(found["contract"], 20)),
        origin=_origin(found["origin"]),
        checkpoints=_read_checkpoints(found["checkpoints"]),
        qbft_anchor=_read_anchor(found["qbftAnchor"]) if "qbftAnchor" in found else None,
    )
    _check_form(read.header_form)
    if not read.checkpoints and read.qbft_anchor is None:
        raise InvalidInputError("national ledger does not match (got no checkpoint or anchor, expected one)")
    _check_sealed(read.header_form, read.qbft_anchor)
    return read


def _written_national(national: NationalTrust) -> Json:
    written: Json = {
        "chainId": str(national.chain_id),
        "genesisHash": hex_of(national.genesis_hash),
        "headerForm": national.header_form,
        "contract": hex_of(national.contract),
        "origin": national.origin,
        "checkpoints": _written_checkpoints(national.checkpoints),
    }
    if national.qbft_anchor is not None:
        written["qbftAnchor"] = _written_anchor(national.qbft_anchor)
    return written
