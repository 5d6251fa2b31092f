"""From a log to the event of ``core.events`` that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final

from consentry.core import events
from consentry.core.act_table import BY_EVENT
from consentry.core.chain import EventPlace
from consentry.core.codes import Reason, Standing
from consentry.core.packing import entry_of
from consentry.core.signed_act import SignedAct
from consentry.core.terms import AccessEntry, Address, ConsentTerms, RecordLeaf, SubjectId
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import CONTRACTS, Signature, artifact


@dataclass(frozen=True, slots=True)
class Log:
    """A log as a node gives it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


def _anchored(place: EventPlace, values: Sequence[Any]) -> events.RecordAnchored:
    record_id, subject_id, custodian, leaf = values
    return events.RecordAnchored(place, record_id, subject_id, custodian, RecordLeaf(*leaf))


def _granted(place: EventPlace, values: Sequence[Any]) -> events.ConsentGranted:
    consent_id, subject_id, terms, signature = values
    return events.ConsentGranted(place, consent_id, subject_id, ConsentTerms(*terms), signature)


def _rejected(place: EventPlace, values: Sequence[Any]) -> events.RequestRejected:
    request_id, institution, request_hash, reason, relay = values
    return events.RequestRejected(place, request_id, institution, request_hash, Reason(reason), relay)


def _institution_standing(place: EventPlace, values: Sequence[Any]) -> events.InstitutionStandingChanged:
    institution, authority, standing, reason_hash = values
    return events.InstitutionStandingChanged(place, institution, authority, Standing(standing), reason_hash)


def _authority_standing(place: EventPlace, values: Sequence[Any]) -> events.AuthorityStandingChanged:
    authority, standing, reason_hash = values
    return events.AuthorityStandingChanged(place, authority, Standing(standing), reason_hash)


def _same_order(kind: type[Any]) -> Callable[[EventPlace, Sequence[Any]], events.LedgerEvent]:
    def build(place: EventPlace, values: Sequence[Any]) -> events.LedgerEvent:
        made: events.LedgerEvent = kind(place, *values)
        return made

    return build


_BUILDERS: Final[dict[str, Callable[[EventPlace, Sequence[Any]], events.LedgerEvent]]] = {
    "RequestRejected": _rejected,
    "RecordAnchored": _anchored,
    "ConsentGranted": _granted,
    "InstitutionStandingChanged": _institution_standing,
    "AuthorityStandingChanged": _authority_standing,
    **{
        kind.__name__: _same_order(kind)
        for kind in (
            events.ActProposed,
            events.ActConfirmed,
            events.AuthorityAdmitted,
            events.OfficerAppointed,
            events.OfficerDismissed,
            events.InstitutionSuspendedInEmergency,
            events.InstitutionKeysRotated,
            events.InstitutionLimited,
            events.InstitutionAdmitted,
            events.RelayAdmitted,
            events.RelayRemoved,
            events.GroupMembershipChanged,
            events.VerifierAdmitted,
            events.DeploymentNamed,
            events.RecoveryDelaySet,
            events.SubjectEnrolled,
            events.RecordSuperseded,
            events.ConsentRevoked,
            events.BatchSubmitted,
            events.DebtOpened,
            events.DebtClosed,
        )
    },
}


def _performed(kind: type[SignedAct], place: EventPlace, values: Sequence[Any]) -> events.ActPerformed:
    act_hash, subject_id, institution, members, signatures = values
    return events.ActPerformed(place, act_hash, subject_id, institution, kind(*members), tuple(signatures))


_BUILDERS.update({name: partial(_performed, kind) for name, kind in BY_EVENT.items()})

IGNORED: Final = frozenset({"EIP712DomainChanged", "AuthorityUpdated"})
"""Events of inherited contracts that say nothing about the ledger; both are emitted at construction only."""


_DECIDED: Final = events.AccessDecided.__name__

ENTRIES_KEPT: Final = 8192
"""Entries kept once decoded: a gateway reads each from the receipt of its transaction, and again when it follows."""

_ENTRY_BYTES: Final = 11 * 32
"""Of its topics and data. What a node adds to them is no reason to refuse it, but must not fill memory."""


@cache
def _signatures() -> Mapping[bytes, Signature]:
    found: dict[bytes, Signature] = {}
    for name in CONTRACTS:
        found.update({d: s for d, s in artifact(name).events.items() if s.name not in IGNORED})
    return found


def _read_entry(topics: tuple[bytes, ...], data: bytes) -> AccessEntry:
    request_id, subject_id, institution, line = _signatures()[topics[0]].decode_event(topics, data)
    return entry_of(request_id, SubjectId(subject_id), institution, line)


_kept_entry = lru_cache(maxsize=ENTRIES_KEPT)(_read_entry)


def _entry(log: Log) -> AccessEntry:
    size = sum(map(len, log.topics)) + len(log.data)
    return (_kept_entry if size == _ENTRY_BYTES else _read_entry)(log.topics, log.data)


def decode_log(log: Log, place: EventPlace) -> events.LedgerEvent | None:
    """Decodes one log of the suite; None for an event that is no part of the ledger.

    Raises:
        LedgerUnavailableError: the node gives a log that the contract cannot have emitted.
    """
    signature = _signatures().get(log.topics[0]) if log.topics else None
    if signature is None:
        return None
    try:
        if signature.name == _DECIDED:
            return events.AccessDecided(place, _entry(log))
        return _BUILDERS[signature.name](place, signature.decode_event(log.topics, log.data))
    except ValueError as error:  # bytes that are none of the event, or a code that is not known
        raise LedgerUnavailableError(f"node gives a log of {signature.name} that cannot be read ({error})") from error
