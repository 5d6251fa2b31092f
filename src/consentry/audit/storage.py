"""The state that events amount to against what the contracts hold: shows what a node changed or left out.

Decisions are made again from events alone. So each fact one may depend on is read from the contracts as well: what the
events say of participants, subjects, groups, records and consents must be what the contracts decide by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple
from enum import Enum
from typing import Final, TypeVar

from consentry.audit.findings import Finding, Kind
from consentry.audit.named import Named
from consentry.audit.ports import AuthorisationSlot, ConsentSlot, LedgerReader
from consentry.core.state import LedgerState
from consentry.core.terms import Address
from consentry.crypto.signing import ACCOUNT_SIZE

READS_AT_ONCE: Final = 32
"""How many questions a node is asked at a time."""

Key = TypeVar("Key", bound=bytes)
Fact = TypeVar("Fact")


async def compare_storage(reader: LedgerReader, state: LedgerState, named: Named, now: int) -> list[Finding]:
    """Compares every fact of the events with the contract that holds it.

    Args:
        reader: the chain.
        state: what the events amount to.
        named: what the events name, for what they took back again: a relay, a membership, an office.
        now: time of the head, in seconds: a suspension in emergency ends by itself.
    """
    return [
        *await _compare_logs(reader, state),
        *await _compare_participants(reader, state, named, now),
        *await _compare_subjects(reader, state),
        *await _compare_standing(reader, state, named),
        *await _compare_bases(reader, state),
    ]


async def _compare_logs(reader: LedgerReader, state: LedgerState) -> list[Finding]:
    of_subjects = {subject: state.subject_head(subject) for subject in state.subjects}
    of_institutions = {institution: state.institution_head(institution) for institution in state.institutions}
    message = "the log of {} does not lead to the head the contract holds"
    return [
        *await _compare(Kind.SUBJECT_HEAD, message.format("a subject"), of_subjects, reader.subject_head),
        *await _compare(
            Kind.INSTITUTION_HEAD, message.format("an institution"), of_institutions, reader.institution_head
        ),
    ]


async def _compare_participants(reader: LedgerReader, state: LedgerState, named: Named, now: int) -> list[Finding]:
    members = {group + institution: (group, institution) in state.members for group, institution in named.memberships}
    active = {relay: state.is_active_relay(relay, now) for relay in named.relays}
    verifiers = dict.fromkeys(state.verifiers, True)
    institutions = {institution: known.seen_at(now) for institution, known in state.institutions.items()}
    officers = {officer: state.officer(officer) for officer in named.officers}

    async def is_member(pair: bytes) -> bool:
        return await reader.is_group_member(pair[:-ACCOUNT_SIZE], Address(pair[-ACCOUNT_SIZE:]))

    message = "the events of {} do not lead to what the contract holds"
    return [
        *await _compare(
            Kind.AUTHORITY_STATE, message.format("an authority"), state.authorities, reader.authority_state
        ),
        *await _compare(
            Kind.INSTITUTION_STATE, message.format("an institution"), institutions, reader.institution_state
        ),
        *await _compare(Kind.OFFICER_STATE, message.format("an officer"), officers, reader.officer_state),
        *await _compare(Kind.RELAY_STATE, message.format("a relay"), active, reader.is_active_relay),
        *await _compare(Kind.VERIFIER_STATE, message.format("a verifier"), verifiers, reader.is_verifier),
        *await _compare(Kind.MEMBERSHIP, message.format("a group"), members, is_member),
    ]


async def _compare_subjects(reader: LedgerReader, state: LedgerState) -> list[Finding]:
    facts = {subject: state.guardians.facts_of(subject) for subject in state.subjects}
    records = {record: known.status for record, known in state.records.items()}
    consents = {
        consent: ConsentSlot(known.status, known.uses, known.granted_at, known.revoked_at)
        for consent, known in state.consents.items()
    }
    message = "the events of {} do not lead to what the contract holds"
    return [
        *await _compare(Kind.SUBJECT_STATE, message.format("a subject"), state.subjects, reader.subject_state),
        *await _compare(Kind.SUBJECT_FACTS, message.format("a subject"), facts, reader.subject_facts),
        *await _compare(Kind.RECORD_STATE, message.format("a record"), records, reader.record_status),
        *await _compare(Kind.CONSENT_STATE, message.format("a consent"), consents, reader.consent_slot),
    ]


async def _compare_standing(reader: LedgerReader, state: LedgerState, named: Named) -> list[Finding]:
    """Compares cards and guardians that the events name. An open recovery lapses by itself, and is not compared."""
    cards = {subject: state.keys.cards.get(subject, b"") for subject in named.carded}
    guardians = {name: state.guardians.appointments.get(name) for name in named.appointed}
    message = "the events of {} do not lead to what the contract holds"
    return [
        *await _compare(Kind.CARD_STATE, message.format("a card"), cards, reader.card_of),
        *await _compare(Kind.GUARDIAN_STATE, message.format("a guardian"), guardians, reader.appointment),
    ]


async def _compare_bases(reader: LedgerReader, state: LedgerState) -> list[Finding]:
    given = {
        key: AuthorisationSlot(known.status, known.given_at, known.withdrawn_at, known.terms.authority)
        for key, known in state.authorisations.items()
    }
    message = "the events of {} do not lead to what the contract holds"
    return [
        *await _compare(Kind.AUTHORISATION_STATE, message.format("an authorisation"), given, reader.authorisation_slot),
        *await _compare(Kind.DEBT_STATE, message.format("a debt"), state.debts.known, reader.debt_slot),
    ]


async def _compare(
    kind: Kind, message: str, facts: Mapping[Key, Fact], read: Callable[[Key], Awaitable[Fact]]
) -> list[Finding]:
    """Reads each fact, some at a time, and notes those the contract holds otherwise."""
    found: list[Finding] = []
    keys = sorted(facts)
    for start in range(0, len(keys), READS_AT_ONCE):
        asked = keys[start : start + READS_AT_ONCE]
        for key, got in zip(asked, await asyncio.gather(*map(read, asked)), strict=True):
            if got != facts[key]:
                found.append(Finding(kind, "0x" + key.hex(), message, _shown(facts[key]), _shown(got)))
    return found


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
