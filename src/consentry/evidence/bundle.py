"""The evidence bundle ``consentry.bundle/v1``: everything about one access in one file.

``docs/formats/bundle.md`` describes it; `verify` checks it. Reading is strict: the bytes must be the canonical JSON
(RFC 8785) of what they say, so that one bundle has one digest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import rfc8785

from consentry.core.authorisations import StandingAuthorisation
from consentry.core.terms import (
    AccessEntry,
    Address,
    BatchPath,
    ConsentTerms,
    InstitutionKeys,
    RecordLeaf,
    RequestBatch,
    SubjectId,
)
from consentry.errors import InvalidInputError
from consentry.evidence import notation
from consentry.evidence.canonical import read_canonical, write_plain
from consentry.evidence.inclusion import Inclusion, LogInclusion, Shown, pool, read_shown, unpool, write_shown
from consentry.evidence.keys import Performed, read_performed, write_performed
from consentry.evidence.log_proof import LogProof
from consentry.evidence.notation import Json, bytes_of, hex_of

FORMAT: Final = "consentry.bundle/v1"
LARGEST: Final = 16 * 1024 * 1024
"""Bytes; a larger file is refused before it is parsed. A bundle with a thousand headers has about two million."""
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Admission:
    """Event ``InstitutionAdmitted`` of the asking institution."""

    institution: Address
    authority: Address
    region: int
    signer: bytes
    release_key: bytes
    profile_hash: bytes
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Rotation:
    """Event ``InstitutionKeysRotated`` of the asking institution: the last one before the decision."""

    authority: Address
    keys: InstitutionKeys
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Event ``SubjectEnrolled`` of the subject of the consent."""

    subject_id: SubjectId
    custodian: Address
    signer: bytes
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Anchored:
    """Event ``RecordAnchored`` of the record version."""

    leaf: RecordLeaf
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Granted:
    """Event ``ConsentGranted``: terms and the subject's signature."""

    terms: ConsentTerms
    signature: bytes
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Authorised:
    """Event ``AuthorisationGiven``: the authorisation and the signature of the authority."""

    terms: StandingAuthorisation
    signatures: tuple[bytes, ...]
    inclusion: Shown


@dataclass(frozen=True, slots=True)
class Bundle:
    """Evidence about one access.

    ``subject`` and ``consent`` are missing when no granted consent was invoked, ``record`` when the record was unknown.
    ``rotation`` is missing when the institution had the keys of its admission.
    ``subject_keys`` are the acts that name the signer of the consent, none where the enrolment does.
    ``authorisation`` is missing when none was invoked, ``debt`` unless an emergency access was permitted: then it tells
    where event ``DebtOpened`` stands.
    ``scope_proof`` is the Merkle proof of the record among those the consent names. ``within`` is the place of the
    request in a batch that was signed as a whole; the signature is then over that batch.
    ``qbft_proof`` are the headers that prove the block of the decision by seals, ``log_proof`` shows the decision in
    the ledger log; either may be missing, and then the file does not name it.
    """

    claim: str
    chain_id: int
    genesis_hash: bytes
    contracts: tuple[tuple[str, Address], ...]
    headers: tuple[bytes, ...]
    institution: Admission
    rotation: Rotation | None
    subject: Enrolled | None
    subject_keys: tuple[tuple[Performed, Shown], ...]
    record: Anchored | None
    consent: Granted | None
    authorisation: Authorised | None
    scope_proof: tuple[bytes, ...]
    request_signature: bytes
    within: BatchPath | None
    entry: AccessEntry
    decision: Shown
    debt: Shown | None
    qbft_proof: tuple[bytes, ...] | None = None
    log_proof: LogProof | None = None

    @property
    def keys_in_force(self) -> Admission | InstitutionKeys:
        """What says which keys the institution had at the decision."""
        return self.rotation.keys if self.rotation else self.institution

    @property
    def inclusions(self) -> tuple[Shown, ...]:
        """What shows the events the decision rests on, in the order in which they are checked."""
        parts = (self.institution, self.rotation, self.record, self.subject)
        found = [part.inclusion for part in parts if part] + [shown for _, shown in self.subject_keys]
        return (*found, *(part.inclusion for part in (self.consent, self.authorisation) if part))

    @property
    def log_inclusions(self) -> tuple[LogInclusion, ...]:
        """Those of all events, the decision's among them, that the ledger log shows."""
        every = (*self.inclusions, self.decision, *([self.debt] if self.debt else []))
        return tuple(shown for shown in every if isinstance(shown, LogInclusion))

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        written = _written(self)
        if self.log_inclusions:
            written["logNodes"] = pool(written)
        return write_plain(written) if all(name.isascii() for name, _ in self.contracts) else rfc8785.dumps(written)

    @classmethod
    def from_json(cls, content: bytes) -> Bundle:
        """Reads the file.

        Raises:
            InvalidInputError: it is no bundle, or not in canonical form.
        """
        return read_canonical("bundle", content, _read, largest=LARGEST)


def _write_path(within: BatchPath) -> Json:
    return {**notation.write(within.batch), "place": within.place, "path": [hex_of(node) for node in within.path]}


def _read_path(value: object) -> BatchPath:
    found = _require(value, "institution", "root", "size", "place", "path")
    batch = notation.read(RequestBatch, {name: found[name] for name in ("institution", "root", "size")})
    path = tuple(bytes_of(node, 32) for node in _list(found["path"]))
    return BatchPath(batch, _index(found["place"]), path)


def _write_rotation(rotation: Rotation) -> Json:
    return {
        "authority": hex_of(rotation.authority),
        "keys": notation.write(rotation.keys),
        "inclusion": write_shown(rotation.inclusion),
    }


def _maybe(write: Callable[[Any], Json], value: object) -> Json | None:
    return None if value is None else write(value)


def _written(bundle: Bundle) -> Json:
    subject, record, consent = bundle.subject, bundle.record, bundle.consent
    return _written_proofs(bundle) | {
        "format": FORMAT,
        "claim": bundle.claim,
        "chain": {
            "chainId": str(bundle.chain_id),
            "genesisHash": hex_of(bundle.genesis_hash),
            "contracts": {name: hex_of(address) for name, address in bundle.contracts},
        },
        "headers": [hex_of(header) for header in bundle.headers],
        "institution": _members(bundle.institution),
        "rotation": _maybe(_write_rotation, bundle.rotation),
        "subject": _maybe(_members, subject),
        "subjectKeys": [_write_key(*key) for key in bundle.subject_keys],
        "record": _maybe(_write_anchored, record),
        "consent": _maybe(_write_granted, consent),
        "authorisation": _maybe(_write_authorised, bundle.authorisation),
        "scopeProof": [hex_of(node) for node in bundle.scope_proof],
        "requestSignature": hex_of(bundle.request_signature),
        "batch": _maybe(_write_path, bundle.within),
        "decision": {"entry": notation.write_entry(bundle.entry), "inclusion": write_shown(bundle.decision)},
        "debt": _maybe(write_shown, bundle.debt),
    }


def _written_proofs(bundle: Bundle) -> Json:
    """Gives the members that a bundle without proofs has not: so bundles of before them stay as they are."""
    written: Json = {}
    if bundle.qbft_proof is not None:
        written["qbftProof"] = [hex_of(header) for header in bundle.qbft_proof]
    if bundle.log_proof is not None:
        written["logProof"] = bundle.log_proof.to_bytes().decode()
    return written


def _write_anchored(record: Anchored) -> Json:
    return {"leaf": notation.write(record.leaf), "inclusion": write_shown(record.inclusion)}


def _write_key(performed: Performed, inclusion: Shown) -> Json:
    return {**write_performed(performed), "inclusion": write_shown(inclusion)}


def _write_granted(consent: Granted) -> Json:
    return {
        "terms": notation.write(consent.terms),
        "signature": hex_of(consent.signature),
        "inclusion": write_shown(consent.inclusion),
    }


def _write_authorised(given: Authorised) -> Json:
    return {
        "terms": notation.write(given.terms),
        "signatures": [hex_of(signature) for signature in given.signatures],
        "inclusion": write_shown(given.inclusion),
    }


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _members(value: Admission | Enrolled) -> Json:
    written: Json = {}
    for each in fields(value):
        member = getattr(value, each.name)
        if isinstance(member, Inclusion | LogInclusion):
            written[each.name] = write_shown(member)
        else:
            written[_camel(each.name)] = hex_of(member) if isinstance(member, bytes) else member
    return written


def _require(value: object, *names: str) -> Json:
    if not isinstance(value, dict) or set(value) != set(names):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise InvalidInputError(f"members do not match (got {found}, expected {sorted(names)})")
    return value


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise InvalidInputError(f"index does not match (got {value!r:.80}, expected a number below 2**32)")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInputError(f"list does not match (got {type(value).__name__}, expected a list)")
    return value


def _read_admission(value: object) -> Admission:
    names = ("institution", "authority", "region", "signer", "releaseKey", "profileHash", "inclusion")
    found = _require(value, *names)
    return Admission(
        Address(bytes_of(found["institution"], 20)),
        Address(bytes_of(found["authority"], 20)),
        _index(found["region"]),
        bytes_of(found["signer"]),
        bytes_of(found["releaseKey"]),
        bytes_of(found["profileHash"], 32),
        read_shown(found["inclusion"]),
    )


def _read_rotation(value: object) -> Rotation:
    found = _require(value, "authority", "keys", "inclusion")
    keys = notation.read(InstitutionKeys, found["keys"])
    return Rotation(Address(bytes_of(found["authority"], 20)), keys, read_shown(found["inclusion"]))


def _read_enrolled(value: object) -> Enrolled:
    found = _require(value, "subjectId", "custodian", "signer", "inclusion")
    return Enrolled(
        SubjectId(bytes_of(found["subjectId"], 32)),
        Address(bytes_of(found["custodian"], 20)),
        bytes_of(found["signer"]),
        read_shown(found["inclusion"]),
    )


def _read_key(value: object) -> tuple[Performed, Shown]:
    found = _require(value, "kind", "act", "signatures", "inclusion")
    signatures = [bytes_of(signature) for signature in _list(found["signatures"])]
    return read_performed(found["kind"], found["act"], signatures), read_shown(found["inclusion"])


def _read_anchored(value: object) -> Anchored:
    found = _require(value, "leaf", "inclusion")
    return Anchored(notation.read(RecordLeaf, found["leaf"]), read_shown(found["inclusion"]))


def _read_granted(value: object) -> Granted:
    found = _require(value, "terms", "signature", "inclusion")
    terms = notation.read(ConsentTerms, found["terms"])
    return Granted(terms, bytes_of(found["signature"]), read_shown(found["inclusion"]))


def _read_authorised(value: object) -> Authorised:
    found = _require(value, "terms", "signatures", "inclusion")
    signatures = tuple(bytes_of(signature) for signature in _list(found["signatures"]))
    return Authorised(notation.read(StandingAuthorisation, found["terms"]), signatures, read_shown(found["inclusion"]))


_NAMES: Final = (
    *("format", "claim", "chain", "headers", "institution", "rotation", "subject", "subjectKeys", "record", "consent"),
    *("authorisation", "scopeProof", "requestSignature", "batch", "decision", "debt"),
)


_PROOFS: Final = ("qbftProof", "logProof", "logNodes")
"""Members that a file has only where it has the proof, or events that the log shows."""


def _named_proofs(value: object) -> list[str]:
    return [name for name in _PROOFS if isinstance(value, dict) and name in value]


def _read_qbft_proof(value: object) -> tuple[bytes, ...]:
    headers = tuple(bytes_of(header) for header in _list(value))
    if not headers:
        raise InvalidInputError(
            "headers of the proof do not match (got none, expected that of the pinned block at least)"
        )
    return headers


def _read_log_proof(value: object) -> LogProof:
    if not isinstance(value, str):
        raise InvalidInputError(f"log proof does not match (got {type(value).__name__}, expected text)")
    return LogProof.from_bytes(value.encode())


def _present(read: Callable[[object], Part], value: object) -> Part | None:
    return read(value) if value is not None else None


def _read(value: object) -> Bundle:
    found = _require(value, *_NAMES, *_named_proofs(value))
    unpool(found, found.get("logNodes", []))
    if found["format"] != FORMAT or not isinstance(found["claim"], str):
        raise InvalidInputError(f"format does not match (got {found['format']!r:.80}, expected {FORMAT})")
    chain = _require(found["chain"], "chainId", "genesisHash", "contracts")
    decision = _require(found["decision"], "entry", "inclusion")
    if not isinstance(chain["contracts"], dict) or not isinstance(chain["chainId"], str):
        raise InvalidInputError("chain does not match (got other members, expected a table of contracts)")
    return _of_one_kind(
        Bundle(
            claim=found["claim"],
            chain_id=int(chain["chainId"]),
            genesis_hash=bytes_of(chain["genesisHash"], 32),
            contracts=tuple((n, Address(bytes_of(a, 20))) for n, a in sorted(chain["contracts"].items())),
            headers=tuple(bytes_of(header) for header in _list(found["headers"])),
            institution=_read_admission(found["institution"]),
            rotation=_present(_read_rotation, found["rotation"]),
            subject=_present(_read_enrolled, found["subject"]),
            subject_keys=tuple(_read_key(key) for key in _list(found["subjectKeys"])),
            record=_present(_read_anchored, found["record"]),
            consent=_present(_read_granted, found["consent"]),
            authorisation=_present(_read_authorised, found["authorisation"]),
            scope_proof=tuple(bytes_of(node, 32) for node in _list(found["scopeProof"])),
            request_signature=bytes_of(found["requestSignature"]),
            within=_present(_read_path, found["batch"]),
            entry=notation.read_entry(decision["entry"]),
            decision=read_shown(decision["inclusion"]),
            debt=_present(read_shown, found["debt"]),
            qbft_proof=_present(_read_qbft_proof, found.get("qbftProof")),
            log_proof=_present(_read_log_proof, found.get("logProof")),
        )
    )


def _of_one_kind(bundle: Bundle) -> Bundle:
    """Checks that events are shown in one way: their places are compared."""
    rests, answers = bundle.inclusions, (bundle.decision, *([bundle.debt] if bundle.debt else []))
    for what, found in (("events the decision rests on", rests), ("decision and debt", answers)):
        if len({type(shown) for shown in found}) > 1:
            raise InvalidInputError(f"inclusions of {what} do not match (got two forms, expected one)")
    by_log = isinstance(rests[0], LogInclusion)
    if isinstance(bundle.decision, LogInclusion) and (not by_log or bundle.decision.path):
        raise InvalidInputError(
            "inclusion of the decision does not match (got by the log, expected so only where all are, with no path)"
        )
    if by_log and bundle.log_proof is None:
        raise InvalidInputError("log proof does not match (got none, expected one: the log shows the events)")
    return bundle
