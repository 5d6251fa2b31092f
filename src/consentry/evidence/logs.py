"""The logs of the contracts' events, byte for byte: what a proof of inclusion is compared with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.terms import Address, ConsentTerms, RecordLeaf
from consentry.core.typed_data import SignedStruct, members_of
from consentry.evidence.trie import Log

ProvableEvent = (
    events.InstitutionAdmitted
    | events.SubjectEnrolled
    | events.RecordAnchored
    | events.ConsentGranted
    | events.AccessDecided
    | events.ActPerformed
)

_ENTRY: Final = "(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256)"


def _tuple_type(struct: type) -> str:
    return f"({','.join(member.split(' ')[0] for member in members_of(struct))})"


_LEAF: Final = _tuple_type(RecordLeaf)
_TERMS: Final = _tuple_type(ConsentTerms)
SIGNATURES: Final[dict[type, str]] = {
    events.InstitutionAdmitted: "InstitutionAdmitted(address,address,uint32,bytes,bytes,bytes32)",
    events.SubjectEnrolled: "SubjectEnrolled(bytes32,address,bytes)",
    events.RecordAnchored: f"RecordAnchored(bytes32,bytes32,address,{_LEAF})",
    events.ConsentGranted: f"ConsentGranted(bytes32,bytes32,{_TERMS},bytes)",
    events.AccessDecided: f"AccessDecided(uint256,bytes32,address,{_ENTRY})",
}
EMITTERS: Final[dict[type, str]] = {
    events.InstitutionAdmitted: "Participants",
    events.SubjectEnrolled: "Subjects",
    events.RecordAnchored: "Records",
    events.ConsentGranted: "Consents",
    events.AccessDecided: "AccessLedger",
}
"""Which contract an event comes from; that of a signed act says so itself."""


def _values(struct: SignedStruct) -> tuple[Any, ...]:
    return tuple(getattr(struct, field.name) for field in fields(struct))


def _address(value: Address) -> bytes:
    return value.rjust(32, b"\0")


def emitter_of(event: ProvableEvent) -> str:
    """Names the contract an event comes from."""
    return event.act.FORM.contract if isinstance(event, events.ActPerformed) else EMITTERS[type(event)]


def log_of(event: ProvableEvent, emitter: Address) -> Log:
    """Gives the log a contract emits for an event."""
    match event:
        case events.InstitutionAdmitted():
            topics = [_address(event.institution), _address(event.authority)]
            values = (event.region, event.signer, event.release_key, event.profile_hash)
            data = encode(["uint32", "bytes", "bytes", "bytes32"], values)
        case events.SubjectEnrolled():
            topics = [event.subject_id, _address(event.custodian)]
            data = encode(["bytes"], [event.signer])
        case events.RecordAnchored():
            topics = [event.record_id, event.subject_id, _address(event.custodian)]
            data = encode([_LEAF], [_values(event.leaf)])
        case events.ConsentGranted():
            topics = [event.consent_id, event.subject_id]
            data = encode([_TERMS, "bytes"], [_values(event.terms), event.signature])
        case events.AccessDecided(entry=entry):
            request = entry.request
            topics = [request.request_id.to_bytes(32, "big"), entry.subject_id, _address(request.institution)]
            line = (
                request.record_id,
                ground_of(request),
                request.reason_hash,
                request.practitioner,
                request.release_key_hash,
                pack_codes(request),
                pack_outcome(entry.reason, entry.decided_at, entry.subject_sequence, entry.institution_sequence),
            )
            data = encode([_ENTRY], [line])
        case events.ActPerformed(act=act):
            topics = [event.act_hash, event.subject_id, _address(event.institution)]
            data = encode([_tuple_type(type(act)), "bytes[]"], [_values(act), event.signatures])
    return Log(emitter, (keccak(_signature_of(event).encode()), *topics), data)


def _signature_of(event: ProvableEvent) -> str:
    if isinstance(event, events.ActPerformed):
        return f"{event.act.FORM.event}(bytes32,bytes32,address,{_tuple_type(type(event.act))},bytes[])"
    return SIGNATURES[type(event)]
