"""Compares what signed acts left behind with what the contracts keep of it, by their views."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from consentry.core.asks import AskFacts
from consentry.core.assisted_grants import AssistanceFacts
from consentry.core.codes import DAY, Duty, GuardianScope
from consentry.core.recognitions import RecognitionFacts
from consentry.core.retention import retention_end
from consentry.core.revocations import RevocationFacts
from consentry.core.signers import card_signer_for, signer_for
from consentry.core.state import LedgerState, PermitCount
from consentry.core.terms import ZERO_32, SubjectId
from consentry.evidence.notation import hex_of
from tests.support.suite import plain

Read = Callable[..., Any]


def comparable(value: Any) -> Any:  # noqa: ANN401 - whatever the ABI decoder gives
    """Gives a value with its byte strings as text, in structs too."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return tuple(comparable(member) for member in value)
    return value


def compare_life(read: Read, state: LedgerState, now: int) -> None:
    """Compares at the time of the next block, in seconds."""
    for subject in state.exclusions.standing:
        for kind, target in state.exclusions.of(subject):
            assert read("Consents", "isTargetExcluded", subject, kind, target)
    for subject in state.subjects:
        _compare_subject(read, state, subject, now)
    _compare_ends(read, state)
    _compare_recognitions(read, state.recognitions)
    _compare_bases(read, state, now)
    _compare_asks(read, state.asks, now)
    _compare_assistance(read, state.assistance)
    _compare_duties(read, state.revocations)


def _compare_asks(read: Read, asks: AskFacts, now: int) -> None:
    for ask_id, ask in asks.asked.items():
        kept = read("Consents", "askOf", ask_id)
        # The view tells a lapse from the time of the last block; the core from that of the next.
        assert kept[2] in {asks.status_of(ask_id, now), asks.statuses[ask_id]}
        assert (kept[0], kept[1], *kept[3:]) == (
            *(hex_of(ask.institution), ask.lapses_at, ask.purpose, ask.actions, ask.max_sensitivity, ask.subject_id),
            *(ask.practitioner, ask.records_root, ask.categories, ask.data_from, ask.data_until),
            *(ask.valid_until, ask.max_uses),
        )
        assert read("Consents", "lastAsk", *ask.matter) == asks.last[ask.matter]
        assert read("Consents", "coolDownEnds", *ask.matter) == asks.cool_down_ends.get(ask.matter, 0)


def _compare_assistance(read: Read, facts: AssistanceFacts) -> None:
    for (consent, subject), known in facts.prepared.items():
        kept = read("Consents", "assistanceOf", consent, subject)
        assert tuple(kept) == (hex_of(known.institution), known.lapses_at, known.granted)
        counted = facts.granted.get(known.institution, 0), facts.undone.get(known.institution, 0)
        names = "assistedCount", "assistedUndone"
        assert tuple(read("Consents", name, known.institution) for name in names) == counted
    for (institution, quarter), count in facts.in_quarter.items():
        assert read("Consents", "assistedCountIn", institution, quarter) == count


def _compare_duties(read: Read, facts: RevocationFacts) -> None:
    for institution, consents in facts.owing.items():
        assert read("Consents", "openDutyCount", institution) == len(consents)
        kept = read("Consents", "openDuties", institution, 0, 2**256 - 1)
        expected = {(duty.consent_id, duty.kind, duty.due_at) for duty in facts.duties_of(institution)}
        assert {tuple(duty) for duty in kept} == expected
    for consent, institution, _ in facts.answers:
        done = tuple((consent, institution, duty) in facts.answers for duty in Duty)
        assert tuple(read("Consents", "answersOf", consent, institution)) == done


def _compare_ends(read: Read, state: LedgerState) -> None:
    for institution, officer in state.erasures.officers:
        assert read("Records", "isErasureOfficer", institution, officer)
    for record, known in state.records.items():
        assert read("Records", "endOf", record) == plain(state.erasures.end_of(record))
        leaf = known.leaf
        assert read("Records", "retentionEnd", record) == retention_end(leaf.data_month, leaf.retention)


def _compare_recognitions(read: Read, found: RecognitionFacts) -> None:
    for record, mark in found.marks.items():
        assert comparable(read("Recognitions", "markOf", record)) == comparable(plain(mark))
        issued = read("Recognitions", "countsOfIssuer", mark.issuer, mark.item_code)
        assert issued == found.counts_of_issuer(mark.issuer, mark.item_code)
    for record, study in found.studies.items():
        assert read("Recognitions", "studyOf", record) == plain(study)
    for (record, institution), said in found.said.items():
        assert read("Recognitions", "recognitionOf", record, institution) == (True, said.accepted, said.reason_code)
        item = found.marks[record].item_code
        assert read("Recognitions", "countsOf", institution, item) == found.counts_of(institution, item)


def _compare_bases(read: Read, state: LedgerState, now: int) -> None:
    """Compares debts, authorisations and permits."""
    for debt_id, debt in state.debts.known.items():
        became = debt.noticed, debt.referred, debt.reviewed
        expected = (debt.institution, debt.opened_at, *became, debt.subject_id, debt.practitioner)
        assert comparable(read("Emergencies", "debtOf", debt_id)) == comparable(expected)
    for institution in state.institutions:
        ids, _ = read("Emergencies", "openDebts", institution, 0, 10**6)
        late = read("Emergencies", "overdue", institution, 0, 10**6)
        assert set(ids) == set(state.debts.open_of(institution))
        assert set(late) == state.debts.overdue_of(institution, now)
        assert read("Emergencies", "overdueCount", institution) == len(late)
        count = state.permits.get(institution, PermitCount()).on(now // DAY)
        assert read("AccessLedger", "permitsToday", institution) == (count.accesses, count.emergencies)
    for authorisation, given in state.authorisations.items():
        [found] = read("Authorisations", "statesOf", [authorisation])
        stored = given.status, given.given_at, given.withdrawn_at, given.terms.authority
        assert comparable(found) == comparable(stored)


def _compare_subject(read: Read, state: LedgerState, subject: SubjectId, now: int) -> None:
    known = state.subjects[subject]
    assert read("Subjects", "signerOf", subject) == known.signer
    assert read("Subjects", "factsOf", subject) == state.guardians.facts_of(subject).word(known.custodian)
    assert read("Subjects", "cardSignerOf", subject) == state.keys.cards.get(subject, b"")
    open_ = state.keys.open_at(subject, now)
    assert read("Subjects", "recoveryOf", subject) == (plain(open_) if open_ else (ZERO_32, 0, 0, ZERO_32, b""))
    appointments = state.guardians.appointments_of(subject)
    assert set(read("Subjects", "guardiansOf", subject)) == set(appointments)
    names = list(appointments)[:1]
    for name in names:
        assert read("Subjects", "appointmentOf", name) == plain(appointments[name])
    for guardian, scope in product([ZERO_32, *names], GuardianScope):
        expected = signer_for(state, subject, guardian, scope, now)
        assert read("Subjects", "signerFor", subject, guardian, scope) == expected
        assert read("Subjects", "cardSignerFor", subject, scope) == card_signer_for(state, subject, scope, now)
