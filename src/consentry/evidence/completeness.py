"""A completeness statement as a file: all accesses of a subject, or of an institution, up to a block.

``docs/formats/completeness.md`` describes it. Everything in it is covered by the head that is proved: the place of an
entry is its sequence number, and what the hash of an entry does not cover, the file does not say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.terms import AccessRequest, Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import InvalidInputError
from consentry.evidence import notation
from consentry.evidence.canonical import read_canonical, write_plain
from consentry.evidence.log_proof import LogProof
from consentry.evidence.notation import Json, bytes_of, hex_of
from consentry.evidence.notice import LAST_MOMENT
from consentry.evidence.state_proof import SlotProof
from consentry.evidence.trie import Log

FORMAT: Final = "consentry.completeness/v1"
LARGEST: Final = 32 * 1024 * 1024
"""Bytes of the largest file. An entry has some 900, or some 90 withheld: 37,000 accesses, or 370,000.

Parsed, a hostile one takes some thirty times as much memory.
"""
_START: Final = b'{"chain":'
_SAID: Final = b'"format":"%s"' % FORMAT.encode()
Whose = Literal["subject", "institution"]
_KEY_SIZES: Final[dict[str, int]] = {"subject": 32, "institution": 20}
_SECONDS_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Told:
    """A decision that is told in full; ``decided_at`` is block time in seconds."""

    request: AccessRequest
    subject_id: SubjectId
    reason: int
    decided_at: int

    @property
    def hash(self) -> bytes:
        """Its entry hash."""
        return heads.entry_hash(struct_hash(self.request), self.subject_id, self.reason, self.decided_at)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A decision of which the file only gives the entry hash: it counts, and who asked for what stays hidden."""

    hash: bytes


Entry = Told | Withheld


@dataclass(frozen=True, slots=True)
class LoggedBlock:
    """A log of the deployment that stands in the block, and the proof that the ledger log has it."""

    log: Log
    proof: LogProof


@dataclass(frozen=True, slots=True)
class Statement:
    """The file.

    Attributes:
        whose: subject or institution.
        key: its id of 32 bytes, or its address of 20.
        claim: what is stated, in words; derived from everything else.
        chain_id: as in EIP-155.
        genesis_hash: hash of block 0.
        contracts: name and address of each.
        headers: RLP, ascending: that of the block first, then those that lead on to a checkpoint.
        proof: the way to the head in the state of the block.
        entries: in their order; the first has sequence number 1.
        qbft_proof: headers that prove the block by seals; None where there are none.
        logged: shows the block in the ledger log; None where it is not shown.
    """

    whose: Whose
    key: bytes
    claim: str
    chain_id: int
    genesis_hash: bytes
    contracts: tuple[tuple[str, Address], ...]
    headers: tuple[bytes, ...]
    proof: SlotProof
    entries: tuple[Entry, ...]
    qbft_proof: tuple[bytes, ...] | None = None
    logged: LoggedBlock | None = None

    def withholding(self) -> Statement:
        """Gives the same statement with nothing but the hashes of its decisions."""
        return replace(self, entries=tuple(Withheld(entry.hash) for entry in self.entries))

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return write_plain(_written(self))

    @classmethod
    def from_json(cls, content: bytes) -> Statement:
        """Reads the file; nothing is checked yet.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("statement", content, _read, largest=LARGEST)


def is_statement(content: bytes) -> bool:
    """Tells a statement from a bundle without parsing it; whether it is in order is another question.

    In canonical form names are sorted. The first of every statement is ``chain``, before which a bundle has
    ``authorisation``: whatever else a bundle contains, it is none. Within a text the quotes of the format are escaped.
    """
    return content.startswith(_START) and _SAID in content


def block_in_words(number: int, time: int) -> str:
    """Gives number and moment of a block, the time in seconds."""
    moment = f"second {time}"
    if time <= LAST_MOMENT:
        moment = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"block {number} of {moment}"


def claim_of(whose: Whose, key: bytes, count: int, number: int, time: int) -> str:
    """Gives the claim of a statement.

    Args:
        whose: subject or institution.
        key: its id or address.
        count: of decisions.
        number: of the block.
        time: of the block, in seconds.
    """
    found = "no access was" if not count else "1 access was" if count == 1 else f"{count} accesses were"
    return (
        f"Up to {block_in_words(number, time)}, {found} decided of {whose} 0x{key.hex()}: "
        f"{'there is none' if not count else 'this is all'}."
    )


def _written(statement: Statement) -> Json:
    written: Json = {
        "format": FORMAT,
        "claim": statement.claim,
        "of": {statement.whose: hex_of(statement.key)},
        "chain": {
            "chainId": str(statement.chain_id),
            "genesisHash": hex_of(statement.genesis_hash),
            "contracts": {name: hex_of(address) for name, address in statement.contracts},
        },
        "headers": [hex_of(header) for header in statement.headers],
        "stateProof": {
            "account": [hex_of(node) for node in statement.proof.account],
            "storage": [hex_of(node) for node in statement.proof.storage],
        },
        "entries": [_write_entry(statement.whose, entry) for entry in statement.entries],
    }
    if statement.qbft_proof is not None:
        written["qbftProof"] = [hex_of(header) for header in statement.qbft_proof]
    if statement.logged is not None:
        log = statement.logged.log
        written["logged"] = {
            "address": hex_of(log.address),
            "topics": [hex_of(topic) for topic in log.topics],
            "data": hex_of(log.data),
            "logProof": statement.logged.proof.to_bytes().decode(),
        }
    return written


def _write_entry(whose: Whose, entry: Entry) -> Json:
    if isinstance(entry, Withheld):
        return {"entryHash": hex_of(entry.hash)}
    told = {
        "request": notation.write(entry.request),
        "reason": entry.reason,
        "decidedAt": str(entry.decided_at),
    }
    return told if whose == "subject" else told | {"subjectId": hex_of(entry.subject_id)}


def _listed(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise InvalidInputError(f"list does not match (got {type(value).__name__}, expected a list)")
    return tuple(bytes_of(item) for item in value)


def _read_entry(whose: Whose, key: bytes, value: Any) -> Entry:  # noqa: ANN401 - JSON
    if "entryHash" in value:
        return Withheld(bytes_of(value["entryHash"], 32))
    reason, decided_at = value["reason"], int(value["decidedAt"])
    if type(reason) is not int or reason not in {*Reason} or not 0 <= decided_at < 1 << _SECONDS_BITS:
        raise InvalidInputError(
            f"entry does not match (got reason {reason!r:.40} at {decided_at}, expected known ones)"
        )
    subject = key if whose == "subject" else bytes_of(value["subjectId"], 32)
    return Told(notation.read(AccessRequest, value["request"]), SubjectId(subject), reason, decided_at)


def _read_logged(value: Any) -> LoggedBlock:  # noqa: ANN401 - JSON
    log = Log(bytes_of(value["address"], 20), _listed(value["topics"]), bytes_of(value["data"]))
    return LoggedBlock(log, LogProof.from_bytes(value["logProof"].encode()))


def _read(found: Any) -> Statement:  # noqa: ANN401 - JSON
    """Builds what the file says; members that are too many show where it is written again."""
    if found["format"] != FORMAT or not isinstance(found["claim"], str) or len(found["of"]) != 1:
        raise InvalidInputError(f"format does not match (got {found['format']!r:.80}, expected {FORMAT} of one)")
    [(whose, key)] = found["of"].items()
    if whose not in get_args(Whose):
        raise InvalidInputError(f"whose accesses does not match (got {whose!r:.40}, expected subject or institution)")
    chain, proof, named = found["chain"], found["stateProof"], bytes_of(key, _KEY_SIZES[whose])
    return Statement(
        whose=whose,
        key=named,
        claim=found["claim"],
        chain_id=int(chain["chainId"]),
        genesis_hash=bytes_of(chain["genesisHash"], 32),
        contracts=tuple((name, Address(bytes_of(a, 20))) for name, a in sorted(chain["contracts"].items())),
        headers=_listed(found["headers"]),
        proof=SlotProof(_listed(proof["account"]), _listed(proof["storage"])),
        entries=tuple(_read_entry(whose, named, entry) for entry in found["entries"]),
        qbft_proof=_listed(found["qbftProof"]) if "qbftProof" in found else None,
        logged=_read_logged(found["logged"]) if "logged" in found else None,
    )
