"""The audit finds what officers could not have done: alone, without the role, beyond their region or too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind
from consentry.core import events
from consentry.core.codes import Standing, bits
from consentry.core.offices import FIRST_OFFICES, Role
from consentry.core.terms import Address
from tests.support import samples
from tests.support.memory_reader import (
    COUNTRY,
    DEPUTY,
    HOSPITAL,
    NATIONAL,
    PATIENT,
    SECOND,
    MemoryReader,
    Story,
    honest_story,
)
from tests.support.samples import AUTHORITY, address

Spoil = Callable[[MemoryReader], object]
CLINIC, VERIFIER, NEW_SIGNER = address(0x31), address(0x32), address(0x33)
SYSTEM, AUDIT = (address(0x41), address(0x42)), (address(0x43), address(0x44))


def _story() -> Story:
    """Tells the honest story on, with every act of officers."""
    story = honest_story()
    for officer, role in zip((*SYSTEM, *AUDIT), (Role.SYSTEM, Role.SYSTEM, Role.AUDIT, Role.AUDIT), strict=True):
        story.by_two("appoint_officer", NATIONAL, officer, bits(role), officers=COUNTRY)
    story.by_two("admit_verifier", VERIFIER, officers=SYSTEM)
    story.by_two("name_deployment", samples.word(1), VERIFIER, 2, officers=SYSTEM)
    story.by_two("admit_institution", CLINIC, 440_300, CLINIC, samples.RELEASE_KEY)
    story.by_two("limit_institution", CLINIC, 7, 0, officers=AUDIT)
    story.by_two("reset_keys", CLINIC, NEW_SIGNER, b"new key")
    story.rotate(CLINIC, PATIENT.address, b"newer key")
    story.by_one("suspend_in_emergency", CLINIC, officer=AUTHORITY)
    story.by_one("change_institution", CLINIC, Standing.SUSPENDED, officer=DEPUTY)
    story.by_two("change_institution", CLINIC, Standing.ACTIVE)
    story.by_two("dismiss_officer", AUDIT[1], officers=COUNTRY)
    story.by_two("change_authority", AUTHORITY, Standing.SUSPENDED, officers=COUNTRY)
    return story


def _where(reader: MemoryReader, kind: type[Any], number: int) -> int:
    return [i for i, event in enumerate(reader.chain) if isinstance(event, kind)][number]


def _change(kind: type[Any], number: int = 0, **changes: Any) -> Spoil:  # noqa: ANN401 - fields of the event
    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, kind, number)
        reader.chain[at] = replace(reader.chain[at], **changes)

    return spoil


def _drop(kind: type[Any], number: int) -> Spoil:
    return lambda reader: reader.chain.pop(_where(reader, kind, number))


def _confirmed_by(kind: type[Any], officer: Address, number: int = 0) -> Spoil:
    """Lets another officer have confirmed the act that led to an event."""

    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, kind, number)
        confirmed = max(i for i in range(at) if isinstance(reader.chain[i], events.ActConfirmed))
        event = reader.chain[confirmed]
        assert isinstance(event, events.ActConfirmed)
        reader.chain[confirmed] = replace(event, officer=officer)

    return spoil


def _proposed_by(kind: type[Any], officer: Address, number: int = 0, **changes: Any) -> Spoil:  # noqa: ANN401 - members by name
    """Lets another officer have proposed the act that led to an event, or changes the proposal otherwise."""

    def spoil(reader: MemoryReader) -> None:
        at = _where(reader, kind, number)
        proposed = max(i for i in range(at) if isinstance(reader.chain[i], events.ActProposed))
        event = reader.chain[proposed]
        assert isinstance(event, events.ActProposed)
        reader.chain[proposed] = replace(event, proposer=officer, **changes)

    return spoil


def _confirmed_a_week_later(reader: MemoryReader) -> None:
    """Moves the whole log from the first admission of an institution on by seven days."""
    start = _where(reader, events.ActConfirmed, 2)
    for at in range(start, len(reader.chain)):
        place = reader.chain[at].place
        block = replace(place.block, time=place.block.time + 7 * samples.DAY)
        reader.chain[at] = replace(reader.chain[at], place=replace(place, block=block))


LAST = -1
WRONGS: tuple[tuple[str, Spoil, Kind], ...] = (
    *(
        (f"{name}-by-one-officer", _confirmed_by(kind, officer, number), Kind.ACT)
        for name, kind, officer, number in (
            ("admission", events.InstitutionAdmitted, AUTHORITY, 0),
            ("suspension", events.InstitutionStandingChanged, AUTHORITY, 0),
            ("reinstatement", events.InstitutionStandingChanged, AUTHORITY, LAST),
            ("confirmation-in-emergency", events.InstitutionStandingChanged, AUTHORITY, 2),
            ("relay", events.RelayAdmitted, AUTHORITY, 0),
            ("authority", events.AuthorityAdmitted, NATIONAL, 1),
            ("authority-suspension", events.AuthorityStandingChanged, NATIONAL, 0),
            ("appointment", events.OfficerAppointed, NATIONAL, LAST),
            ("dismissal", events.OfficerDismissed, NATIONAL, 0),
            ("verifier", events.VerifierAdmitted, SYSTEM[0], 0),
            ("deployment", events.DeploymentNamed, SYSTEM[0], 0),
            ("limit", events.InstitutionLimited, AUDIT[0], 0),
            ("reset", events.InstitutionKeysRotated, AUTHORITY, 0),
        )
    ),
    ("admission-never-proposed", _drop(events.ActProposed, 2), Kind.ACT),
    ("admission-never-confirmed", _drop(events.ActConfirmed, 2), Kind.ACT),
    ("admission-confirmed-and-hidden", _drop(events.InstitutionAdmitted, 1), Kind.IDENTITY),
    ("last-act-confirmed-and-hidden", _drop(events.AuthorityStandingChanged, LAST), Kind.IDENTITY),
    ("admission-confirmed-too-late", _confirmed_a_week_later, Kind.ACT),
    ("admission-of-other-keys", _change(events.InstitutionAdmitted, signer=PATIENT.address), Kind.ACT),
    ("admission-confirmed-without-office", _confirmed_by(events.InstitutionAdmitted, PATIENT.address), Kind.ACT),
    ("admission-proposed-without-office", _proposed_by(events.InstitutionAdmitted, PATIENT.address), Kind.ACT),
    ("admission-by-another-authority", _change(events.InstitutionAdmitted, authority=SECOND), Kind.ACT),
    ("verifier-by-officers-without-the-role", _proposed_by(events.VerifierAdmitted, NATIONAL), Kind.ACT),
    ("limit-by-officers-without-the-role", _confirmed_by(events.InstitutionLimited, NATIONAL), Kind.ACT),
    ("proposal-of-another-call", _change(events.ActProposed, 2, call=b"\1\2\3\4"), Kind.ACT),
    ("proposal-of-another-function", _change(events.ActProposed, 2, selector=b"\1\2\3\4"), Kind.ACT),
    ("proposal-that-never-lapses", _change(events.ActProposed, 2, lapses_at=2**40), Kind.ACT),
    (
        "proposal-in-emergency-for-a-week",
        _proposed_by(events.InstitutionStandingChanged, AUTHORITY, 2, lapses_at=2**40),
        Kind.ACT,
    ),
    ("emergency-for-a-week", _change(events.InstitutionSuspendedInEmergency, until=2**40), Kind.ACT),
    ("emergency-by-who-has-not-the-role", _change(events.InstitutionSuspendedInEmergency, officer=AUDIT[0]), Kind.ACT),
    ("emergency-by-another-authority", _change(events.InstitutionSuspendedInEmergency, authority=NATIONAL), Kind.ACT),
    ("emergency-of-nobody", _change(events.InstitutionSuspendedInEmergency, institution=PATIENT.address), Kind.ACT),
    ("rotation-too-late", _change(events.InstitutionKeysRotated, 1, sign_before=1), Kind.ACT),
    ("rotation-without-a-release-key", _change(events.InstitutionKeysRotated, 1, release_key=b""), Kind.ACT),
    ("rotation-of-nobody", _change(events.InstitutionKeysRotated, 1, institution=PATIENT.address), Kind.ACT),
    ("roles-combined", _change(events.OfficerAppointed, LAST, roles=bits(Role.SECURITY, Role.AUDIT)), Kind.ACT),
    ("role-for-the-country-in-a-province", _change(events.OfficerAppointed, 3, roles=bits(Role.NATIONAL)), Kind.ACT),
    ("dismissal-from-another-authority", _change(events.OfficerDismissed, authority=AUTHORITY), Kind.ACT),
    ("authority-suspended-by-its-own", _change(events.AuthorityStandingChanged, authority=NATIONAL), Kind.ACT),
    ("founders-with-other-roles", _change(events.OfficerAppointed, roles=bits(Role.AUDIT)), Kind.ACT),
    ("founding-authority-of-a-province", _change(events.AuthorityAdmitted, region=440000), Kind.ACT),
    (
        "first-officer-with-more-roles",
        _change(events.OfficerAppointed, 2, roles=FIRST_OFFICES | bits(Role.NATIONAL)),
        Kind.ACT,
    ),
)


async def test_audit_of_every_act_of_officers_finds_nothing() -> None:
    story = _story()
    kinds = {type(event) for event in story.chain}
    assert {events.InstitutionLimited, events.InstitutionKeysRotated, events.InstitutionSuspendedInEmergency} <= kinds
    assert (await Audit(story.reader()).run()).findings == ()


@pytest.mark.parametrize(("name", "spoil", "kind"), WRONGS, ids=[name for name, _, _ in WRONGS])
async def test_act_that_officers_could_not_have_done_is_found(name: str, spoil: Spoil, kind: Kind) -> None:
    reader = _story().reader()
    spoil(reader)

    found = [finding for finding in (await Audit(reader).run()).findings if finding.kind == kind]

    assert found, name
    assert all(finding.expected != finding.got for finding in found)


async def test_repeated_emergency_of_one_officer_is_found() -> None:
    story = honest_story()
    story.by_one("suspend_in_emergency", HOSPITAL.address, officer=AUTHORITY)
    first = next(e for e in story.chain if isinstance(e, events.InstitutionSuspendedInEmergency))
    later = story.place()
    block = replace(later.block, time=first.until)
    again = replace(first, place=replace(later, block=block), until=first.until + 72 * 3600)
    reader = story.reader()
    reader.chain.append(again)

    findings = (await Audit(reader).run()).findings

    assert [f.expected for f in findings if f.kind == Kind.ACT] == ["refused with ParticipantsEmergencyRepeated"]
