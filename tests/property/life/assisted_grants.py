"""Assisted consents of random histories: prepared by staff, granted by the subject or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from consentry.core.assisted_grants import LONGEST, Assistance
from consentry.core.codes import Action, Assurance, bits
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import consent_id
from consentry.crypto.signing import SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History

PURPOSES: Final = bits(1, 4)


def _assistable(history: History) -> ConsentTerms:
    """Draws terms that staff may prepare; now and then terms beyond the caps."""
    terms = replace(
        history.any_terms(),
        assurance=Assurance.STAFF_ASSISTED,
        actions=bits(Action.VIEW),
        erase_by=0,
        purposes=PURPOSES,
        max_sensitivity=history.random.randint(1, 3),
    )
    if history.chance(15):
        terms = replace(terms, guardian=history.guardian_of(terms.subject_id)[0])
    if not history.chance(15):
        return terms
    beyond: list[dict[str, Any]] = [
        {"valid_until": history.ledger.now + LONGEST + 3600},
        {"max_sensitivity": 4},
        {"actions": bits(Action.VIEW, Action.STORE), "erase_by": terms.valid_until},
        {"purposes": PURPOSES | 1 << history.random.choice([2, 3, 8])},
    ]
    return replace(terms, **history.random.choice(beyond))


def assistance(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Prepares a consent, sometimes one that is prepared, granted or revoked already."""
    key, terms = history.any_institution(), _assistable(history)
    if history.prepared and history.chance(20):
        terms = history.random.choice(history.prepared[-10:])
    history.prepared.append(terms)
    practitioner, evidence = history.any_practitioner(), history.word()
    if history.chance(4):
        practitioner, evidence = history.random.choice([(ZERO_32, evidence), (practitioner, ZERO_32)])
    known = history.granted and history.chance(4)
    consent = consent_id(history.random.choice(history.granted[-10:]) if known else terms)
    subject = terms.subject_id if history.chance(96) else history.any_subject()[0]
    act = Assistance(consent, subject, key.address, practitioner, evidence, history.number(), history.deadline())
    return act, [key]


def prepared(history: History) -> ConsentTerms | None:
    """Picks terms that staff prepared, or said they would."""
    return history.random.choice(history.prepared[-6:]) if history.prepared else None
