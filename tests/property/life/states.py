"""Compares what signed acts left behind with what the contracts keep of it, by their views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consentry.core.asks import AskFacts
from consentry.core.assisted_grants import AssistanceFacts
from consentry.core.codes import Duty
from consentry.core.revocations import RevocationFacts
from consentry.core.state import LedgerState
from consentry.evidence.notation import hex_of

Read = Callable[..., Any]


def compare_life(read: Read, state: LedgerState, now: int) -> None:
    """Compares at the time of the next block, in seconds."""
    for subject in state.exclusions.standing:
        for kind, target in state.exclusions.of(subject):
            assert read("Consents", "isTargetExcluded", subject, kind, target)
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
