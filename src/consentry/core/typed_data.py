"""EIP-712 types, struct hashes and digests, derived from the dataclasses of ``terms``.

One table names the types; struct hashes, ids and the JSON document a wallet shows all come from it, so they cannot
drift apart. Source: EIP-712, "Definition of hashStruct" and "Definition of domainSeparator".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import compress
from operator import attrgetter
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Any, Final

from consentry.core.keccak import keccak
from consentry.core.ledger_checkpoint import LedgerCheckpoint
from consentry.core.signed_act import SignedAct
from consentry.core.terms import (
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    InstitutionKeys,
    RecordId,
    RecordLeaf,
    RequestBatch,
    Revocation,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SignedStruct = (
    AccessRequest
    | ConsentTerms
    | Enrolment
    | InstitutionKeys
    | LedgerCheckpoint
    | RecordLeaf
    | RequestBatch
    | Revocation
    | SignedAct
)

TYPES: Final[dict[type, tuple[str, ...]]] = {
    Enrolment: ("bytes32 subjectId", "bytes signer", "address custodian", "uint64 signBefore"),
    InstitutionKeys: ("address institution", "bytes signer", "bytes releaseKey", "uint64 signBefore"),
    RecordLeaf: (
        "address custodian",
        "bytes32 subjectId",
        "bytes32 previous",
        "bytes32 lineage",
        "uint32 version",
        "uint8 category",
        "uint8 sensitivity",
        "uint16 dataMonth",
        "uint16 suite",
        "uint8 retention",
        "bytes32 ciphertextDigest",
        "uint64 ciphertextSize",
        "bytes32 commitment",
    ),
    ConsentTerms: (
        "bytes32 subjectId",
        "bytes32 guardian",
        "address institution",
        "bytes32 group",
        "bytes32 practitioner",
        "bytes32 recordsRoot",
        "uint32 categories",
        "uint32 purposes",
        "uint8 actions",
        "uint8 maxSensitivity",
        "uint16 dataFrom",
        "uint16 dataUntil",
        "uint64 validFrom",
        "uint64 validUntil",
        "uint32 maxUses",
        "bool onwardDisclosure",
        "uint64 eraseBy",
        "bytes32 noticeHash",
        "uint32 noticeVersion",
        "uint8 assurance",
        "uint256 nonce",
    ),
    Revocation: ("bytes32 consentId", "bytes32 subjectId", "bytes32 guardian"),
    RequestBatch: ("address institution", "bytes32 root", "uint32 size"),
    AccessRequest: (
        "uint256 requestId",
        "address institution",
        "bytes32 recordId",
        "bytes32 consentId",
        "bytes32 authorisationId",
        "uint8 purpose",
        "uint8 action",
        "uint8 legalBasis",
        "uint8 actorKind",
        "uint8 reasonCode",
        "bytes32 reasonHash",
        "bytes32 practitioner",
        "bytes32 releaseKeyHash",
        "uint64 issuedAt",
        "uint64 expiresAt",
    ),
    LedgerCheckpoint: (
        "bytes32 ledgerId",
        "uint64 size",
        "bytes32 root",
        "uint64 blockNumber",
        "bytes32 blockHash",
        "uint64 seenAt",
    ),
}
"""Members of the signed structs, in the order of the dataclass fields and of the Solidity struct."""

WORD: Final = 32
"""Bytes of an EVM word."""

_DOMAIN_TYPEHASH: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@dataclass(frozen=True, slots=True)
class Domain:
    """EIP-712 domain of one contract on one chain; ``name`` is the contract's name, prefixed with "Consentry "."""

    name: str
    chain_id: int
    verifying_contract: Address
    version: str = "1"


def members_of(struct: type) -> tuple[str, ...]:
    """Gives type and name of each member of a signed struct, in the order of its fields."""
    return struct.FORM.members if issubclass(struct, SignedAct) else TYPES[struct]


def type_hash(struct: type) -> bytes:
    """Gives keccak-256 of the EIP-712 encodeType string."""
    return keccak(f"{struct.__name__}({','.join(members_of(struct))})".encode())


def _bytes_word(value: bytes) -> bytes:
    if len(value) != WORD:
        raise ValueError(f"length of a bytes32 does not match (got {len(value)}, expected {WORD})")
    return value


def _address_word(value: bytes) -> bytes:
    return value.rjust(WORD, b"\0")


def _number_word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


_WORDS: Final[dict[str, Callable[..., bytes]]] = {"bytes": keccak, "bytes32": _bytes_word, "address": _address_word}
_WIDE: Final[dict[str, Callable[..., bytes]]] = {"bytes": keccak, "uint256": _number_word}
"""Members that become a word before they are packed."""
_PACKED: Final = {"bytes": "32s", "bytes32": "32s", "uint256": "32s", "address": "12x20s"}
_PACKED_NUMBER: Final = "24xQ"
_SIZES: Final = {"bytes32": WORD, "address": 20}


@cache
def _encoder(struct: type[DataclassInstance]) -> Callable[[object], bytes]:
    """Gives what encodes values of a struct: its type hash and a word for each member, packed at once.

    Packing cuts and pads what has another size, so sizes are looked at before. What does not fit the layout is encoded
    word by word, where the member that is wrong raises.
    """
    types = [member.split(" ")[0] for member in members_of(struct)]
    members: Callable[[object], Any] = attrgetter(*(f.name for f in dataclasses.fields(struct)))
    head, words = type_hash(struct), [_WORDS.get(kind, _number_word) for kind in types]
    pack = Struct(">32s" + "".join(_PACKED.get(kind, _PACKED_NUMBER) for kind in types)).pack
    wide = [(place, _WIDE[kind]) for place, kind in enumerate(types) if kind in _WIDE]
    sized, sizes = [kind in _SIZES for kind in types], [_SIZES[kind] for kind in types if kind in _SIZES]

    def encode(value: object) -> bytes:
        given = members(value)
        try:
            if list(map(len, compress(given, sized))) == sizes:
                fitting = list(given)
                for place, word in wide:
                    fitting[place] = word(fitting[place])
                return pack(head, *fitting)
        except (struct_error, TypeError):
            pass  # told below
        return head + b"".join([word(member) for word, member in zip(words, given, strict=True)])

    return encode


def struct_hash(value: SignedStruct) -> bytes:
    """Gives the EIP-712 hashStruct of a signed struct: 32 bytes.

    Raises:
        ValueError: a bytes32 has another length.
        OverflowError: a number is negative or needs more than 32 bytes.
    """
    kind: Any = type(value)
    return keccak(_encoder(kind)(value))


def words_of(value: RecordLeaf | ConsentTerms) -> bytes:
    """Gives the members as words one behind the other: of structs whose members all are words, the ABI encoding too.

    Raises:
        ValueError: a bytes32 has another length.
        OverflowError: a number is negative or needs more than 32 bytes.
    """
    kind: Any = type(value)
    return _encoder(kind)(value)[WORD:]


def record_id(leaf: RecordLeaf) -> RecordId:
    """Derives the id of a record version from its leaf."""
    return RecordId(struct_hash(leaf))


def consent_id(terms: ConsentTerms) -> ConsentId:
    """Derives the id of a consent from its terms."""
    return ConsentId(struct_hash(terms))


def scope_key(leaf: RecordLeaf) -> bytes:
    """Gives the id under which a consent names a record: that of its first version."""
    return leaf.lineage if any(leaf.lineage) else record_id(leaf)


@cache
def domain_separator(domain: Domain) -> bytes:
    """Gives the EIP-712 domain separator: 32 bytes."""
    return keccak(
        _DOMAIN_TYPEHASH
        + keccak(domain.name.encode())
        + keccak(domain.version.encode())
        + domain.chain_id.to_bytes(32, "big")
        + domain.verifying_contract.rjust(32, b"\0")
    )


def digest(domain: Domain, value: SignedStruct) -> bytes:
    """Gives the 32 bytes a signer signs: keccak-256 of 0x1901, domain separator and struct hash."""
    return keccak(b"\x19\x01" + domain_separator(domain) + struct_hash(value))


def document(domain: Domain, value: SignedStruct) -> dict[str, Any]:
    """Gives the EIP-712 JSON document a wallet shows; byte strings become 0x-prefixed hexadecimal."""
    members = [m.split(" ") for m in members_of(type(value))]
    fields = dataclasses.fields(value)
    name = type(value).__name__
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            name: [{"name": n, "type": t} for t, n in members],
        },
        "primaryType": name,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.verifying_contract.hex(),
        },
        "message": {
            n: "0x" + v.hex() if isinstance(v := getattr(value, f.name), bytes) else v
            for (_, n), f in zip(members, fields, strict=True)
        },
    }
