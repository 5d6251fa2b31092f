"""The logs of the contracts' events, byte for byte: what a proof of inclusion is compared with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.terms import Address, ConsentTerms, RecordLeaf
from consentry.core.typed_data import SignedStruct, members_of, words_of
from consentry.evidence.trie import Log

ProvableEvent = (
    events.InstitutionAdmitted
    | events.InstitutionKeysRotated
    | events.SubjectEnrolled
    | events.RecordAnchored
    | events.ConsentGranted
    | events.AccessDecided
    | events.ActPerformed
    | events.DebtOpened
)

_WORD: Final = 32
_ENTRY: Final = "(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256)"


def _tuple_type(struct: type) -> str:
    return f"({','.join(member.split(' ')[0] for member in members_of(struct))})"


_LEAF: Final = _tuple_type(RecordLeaf)
_TERMS: Final = _tuple_type(ConsentTerms)
SIGNATURES: Final[dict[type, str]] = {
    events.InstitutionAdmitted: "InstitutionAdmitted(address,address,uint32,bytes,bytes,bytes32)",
    events.InstitutionKeysRotated: "InstitutionKeysRotated(address,address,bytes,bytes,uint64)",
    events.SubjectEnrolled: "SubjectEnrolled(bytes32,address,bytes)",
    events.RecordAnchored: f"RecordAnchored(bytes32,bytes32,address,{_LEAF})",
    events.ConsentGranted: f"ConsentGranted(bytes32,bytes32,{_TERMS},bytes)",
    events.AccessDecided: f"AccessDecided(uint256,bytes32,address,{_ENTRY})",
    events.DebtOpened: "DebtOpened(bytes32,bytes32,address,uint256,bytes32)",
}
EMITTERS: Final[dict[type, str]] = {
    events.InstitutionAdmitted: "Participants",
    events.InstitutionKeysRotated: "Participants",
    events.SubjectEnrolled: "Subjects",
    events.RecordAnchored: "Records",
    events.ConsentGranted: "Consents",
    events.AccessDecided: "AccessLedger",
    events.DebtOpened: "Emergencies",
}
"""Which contract an event comes from; that of a signed act says so itself."""


def emitter_of(event: ProvableEvent) -> str:
    """Names the contract that emits an event."""
    return event.act.FORM.contract if isinstance(event, events.ActPerformed) else EMITTERS[type(event)]


def _head_of(event: ProvableEvent) -> bytes:
    if isinstance(event, events.ActPerformed):
        name = f"{event.act.FORM.event}(bytes32,bytes32,address,{_tuple_type(type(event.act))},bytes[])"
        return keccak(name.encode())
    return keccak(SIGNATURES[type(event)].encode())


def _values(struct: SignedStruct) -> tuple[Any, ...]:
    return tuple(getattr(struct, field.name) for field in fields(struct))


def _behind(words: bytes, content: bytes) -> bytes:
    """Gives the ABI encoding of a struct of words and of bytes behind it."""
    start, size = len(words) + _WORD, len(content)
    padded = content + bytes(-size % _WORD)
    return words + start.to_bytes(_WORD, "big") + size.to_bytes(_WORD, "big") + padded


def _address(value: Address) -> bytes:
    return value.rjust(32, b"\0")


def log_of(event: ProvableEvent, emitter: Address) -> Log:
    """Gives the log a contract emits for an event."""
    match event:
        case events.InstitutionAdmitted():
            topics = [_address(event.institution), _address(event.authority)]
            values = (event.region, event.signer, event.release_key, event.profile_hash)
            data = encode(["uint32", "bytes", "bytes", "bytes32"], values)
        case events.InstitutionKeysRotated():
            topics = [_address(event.institution), _address(event.authority)]
            data = encode(["bytes", "bytes", "uint64"], [event.signer, event.release_key, event.sign_before])
        case events.SubjectEnrolled():
            topics = [event.subject_id, _address(event.custodian)]
            data = encode(["bytes"], [event.signer])
        case events.RecordAnchored():
            topics = [event.record_id, event.subject_id, _address(event.custodian)]
            data = words_of(event.leaf)
        case events.ConsentGranted():
            topics = [event.consent_id, event.subject_id]
            data = _behind(words_of(event.terms), event.signature)
        case events.AccessDecided(entry=entry):
            request = entry.request
            topics = [request.request_id.to_bytes(32, "big"), entry.subject_id, _address(request.institution)]
            outcome = entry.reason, entry.decided_at, entry.subject_sequence, entry.institution_sequence
            numbers = pack_codes(request), pack_outcome(*outcome)
            hashes = request.record_id, ground_of(request), request.reason_hash, request.practitioner
            data = b"".join((*hashes, request.release_key_hash, *(number.to_bytes(_WORD, "big") for number in numbers)))
        case events.ActPerformed(act=act):
            topics = [event.act_hash, event.subject_id, _address(event.institution)]
            data = encode([_tuple_type(type(act)), "bytes[]"], [_values(act), event.signatures])
        case events.DebtOpened():
            topics = [event.debt_id, event.subject_id, _address(event.institution)]
            data = encode(["uint256", "bytes32"], [event.request_id, event.practitioner])
    return Log(emitter, (_head_of(event), *topics), data)
