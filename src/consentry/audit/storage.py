"""The state that events amount to against what the contracts hold: shows what a node changed or left out.

Decisions are made again from events alone. So each fact one may depend on is read from the contracts as well: what the
events say of participants, subjects, groups, records and consents must be what the contracts decide by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from consentry.audit.findings import Finding, Kind
from consentry.audit.named import Named
from consentry.audit.ports import AuthorisationSlot, ConsentSlot, LedgerReader
from consentry.core.state import LedgerState
from consentry.core.terms import Address
from consentry.crypto.signing import ACCOUNT_SIZE

READS_AT_ONCE: Final = 128
"""How many questions a node is asked at a time."""
_MESSAGE: Final = "the events of {} do not lead to what the contract holds"
_MESSAGES: Final = dict.fromkeys(
    (Kind.SUBJECT_HEAD, Kind.INSTITUTION_HEAD), "the log of {} does not lead to the head the contract holds"
)

Key = TypeVar("Key", bound=bytes)
Fact = TypeVar("Fact")
About = Collection[tuple[Kind, str]]
"""Which facts: the kind of finding that another one would be, and what it is about."""


@dataclass(frozen=True, slots=True)
class _Facts(Generic[Key, Fact]):
    """Facts of one kind by what they are about, and how the contract is asked for one.

    Attributes:
        kind: what it is where the contract holds another.
        whose: what the message names.
        facts: what the events amount to.
        read: asks the contract.
    """

    kind: Kind
    whose: str
    facts: Mapping[Key, Fact]
    read: Callable[[Key], Awaitable[Fact]]

    def wanted(self, only: About | None) -> list[Key]:
        """Gives what the contract is asked about, in order."""
        return sorted(key for key in self.facts if only is None or (self.kind, "0x" + key.hex()) in only)

    def finding(self, key: Key, got: Fact) -> Finding:
        """Says that the contract holds another fact."""
        message = _MESSAGES.get(self.kind, _MESSAGE).format(self.whose)
        return Finding(self.kind, "0x" + key.hex(), message, _shown(self.facts[key]), _shown(got))


async def compare_storage(
    reader: LedgerReader, state: LedgerState, named: Named, now: int, only: About | None = None
) -> list[Finding]:
    """Compares the facts of the events with the contracts that hold them.

    Args:
        reader: the chain.
        state: what the events amount to.
        named: what the events name, for what they took back again: a relay, a membership, an office.
        now: time of the head, in seconds: a suspension in emergency ends by itself.
        only: which facts; all if none are given.
    """
    known = (
        *_logs(reader, state),
        *_participants(reader, state, named, now),
        *_subjects(reader, state),
        *_standing(reader, state, named),
        *_bases(reader, state),
    )
    asked = [(facts, key) for facts in known for key in facts.wanted(only)]
    found: list[Finding] = []
    for start in range(0, len(asked), READS_AT_ONCE):
        some = asked[start : start + READS_AT_ONCE]
        told = await asyncio.gather(*(facts.read(key) for facts, key in some))
        for (facts, key), got in zip(some, told, strict=True):
            if got != facts.facts[key]:
                found.append(facts.finding(key, got))
    return found


def _logs(reader: LedgerReader, state: LedgerState) -> Iterable[_Facts[Any, Any]]:
    of_subjects = {subject: state.subject_head(subject) for subject in state.subjects}
    of_institutions = {institution: state.institution_head(institution) for institution in state.institutions}
    yield _Facts(Kind.SUBJECT_HEAD, "a subject", of_subjects, reader.subject_head)
    yield _Facts(Kind.INSTITUTION_HEAD, "an institution", of_institutions, reader.institution_head)


def _participants(reader: LedgerReader, state: LedgerState, named: Named, now: int) -> Iterable[_Facts[Any, Any]]:
    members = {group + institution: (group, institution) in state.members for group, institution in named.memberships}
    active = {relay: state.is_active_relay(relay, now) for relay in named.relays}
    verifiers = dict.fromkeys(state.verifiers, True)
    institutions = {institution: known.seen_at(now) for institution, known in state.institutions.items()}
    officers = {officer: state.officer(officer) for officer in named.officers}

    async def is_member(pair: bytes) -> bool:
        return await reader.is_group_member(pair[:-ACCOUNT_SIZE], Address(pair[-ACCOUNT_SIZE:]))

    yield _Facts(Kind.AUTHORITY_STATE, "an authority", state.authorities, reader.authority_state)
    yield _Facts(Kind.INSTITUTION_STATE, "an institution", institutions, reader.institution_state)
    yield _Facts(Kind.OFFICER_STATE, "an officer", officers, reader.officer_state)
    yield _Facts(Kind.RELAY_STATE, "a relay", active, reader.is_active_relay)
    yield _Facts(Kind.VERIFIER_STATE, "a verifier", verifiers, reader.is_verifier)
    yield _Facts(Kind.MEMBERSHIP, "a group", members, is_member)


def _subjects(reader: LedgerReader, state: LedgerState) -> Iterable[_Facts[Any, Any]]:
    facts = {subject: state.guardians.facts_of(subject) for subject in state.subjects}
    records = {record: known.status for record, known in state.records.items()}
    consents = {
        consent: ConsentSlot(known.status, known.uses, known.granted_at, known.revoked_at)
        for consent, known in state.consents.items()
    }
    yield _Facts(Kind.SUBJECT_STATE, "a subject", state.subjects, reader.subject_state)
    yield _Facts(Kind.SUBJECT_FACTS, "a subject", facts, reader.subject_facts)
    yield _Facts(Kind.RECORD_STATE, "a record", records, reader.record_status)
    yield _Facts(Kind.CONSENT_STATE, "a consent", consents, reader.consent_slot)


def _standing(reader: LedgerReader, state: LedgerState, named: Named) -> Iterable[_Facts[Any, Any]]:
    """Gives cards and guardians that the events name. An open recovery lapses by itself, and is not compared."""
    cards = {subject: state.keys.cards.get(subject, b"") for subject in named.carded}
    guardians = {name: state.guardians.appointments.get(name) for name in named.appointed}
    yield _Facts(Kind.CARD_STATE, "a card", cards, reader.card_of)
    yield _Facts(Kind.GUARDIAN_STATE, "a guardian", guardians, reader.appointment)


def _bases(reader: LedgerReader, state: LedgerState) -> Iterable[_Facts[Any, Any]]:
    given = {
        key: AuthorisationSlot(known.status, known.given_at, known.withdrawn_at, known.terms.authority)
        for key, known in state.authorisations.items()
    }
    yield _Facts(Kind.AUTHORISATION_STATE, "an authorisation", given, reader.authorisation_slot)
    yield _Facts(Kind.DEBT_STATE, "a debt", state.debts.known, reader.debt_slot)


def _shown(fact: object) -> str:
    if fact is None:
        return "none"
    if isinstance(fact, bytes):
        return "0x" + fact.hex()
    if isinstance(fact, Enum):
        return fact.name
    if isinstance(fact, bool | int):
        return str(fact)
    return " ".join(_shown(member) for member in astuple(fact))  # type: ignore[call-overload]  # what is left is a dataclass
