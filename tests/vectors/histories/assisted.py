"""Assisted consents as histories: prepared by staff, granted by the patient, capped, counted, undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.assisted_grants import Assistance
from consentry.core.codes import Action, Assurance, ConsentStatus, Purpose, Reason, bits
from consentry.core.signer_keys import CardRegistration, CardRemoval
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import consent_id
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.signing import short, signing
from tests.vectors.histories.story import (
    ACCEPTED,
    START,
    STRANGER,
    Story,
    asked,
    key_of,
    leaf_of,
    refused,
    subject_of,
    terms_of,
)

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "assisted/hospital"
ELSEWHERE: Final = "assisted/other hospital"
PATIENT: Final = "assisted/patient"
OTHER: Final = "assisted/other patient"
CARD: Final = "assisted/card"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
LONGEST: Final = 90 * DAY
UNDO: Final = 3 * DAY
QUARTER: Final = 228
"""The first quarter of 2027, counted from the first of 1970."""
NEXT_QUARTER: Final = 1_806_537_600
"""1 April 2027."""
ALLOWED: Final = bits(Purpose.TREAT, Purpose.COC, Purpose.CAREMGT, Purpose.HPAYMT, Purpose.HOPERAT)
GRANTED: Final = NOW + 1

TERMS: Final = terms_of(PATIENT, HOSPITAL, assurance=Assurance.STAFF_ASSISTED)
PREPARED: Final = Assistance(
    consent_id(TERMS),
    subject_of(PATIENT),
    key_of(HOSPITAL).address,
    samples.PRACTITIONER,
    samples.word(0xA5),
    1,
    NOW + 400 * DAY,
)
REGISTRATION: Final = CardRegistration(subject_of(PATIENT), bytes(key_of(CARD).signer), 1, NOW + 400 * DAY)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL).admit(ELSEWHERE)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def _carded(name: str) -> Story:
    return _begun(name).travel(NOW - 1).act(REGISTRATION, PATIENT, CARD)


def _of(terms: ConsentTerms, **changes: Any) -> Assistance:  # noqa: ANN401 - members
    return replace(PREPARED, consent_id=consent_id(terms), **changes)


def _prepared(name: str, terms: ConsentTerms = TERMS) -> Story:
    return _begun(name).act(_of(terms), HOSPITAL)


def _of_grants() -> Iterator[Story]:
    story = _prepared("granted").ask("assisted", HOSPITAL, 0, 0, 0, quarter=QUARTER).grant(TERMS, PATIENT)
    story.ask("assisted", HOSPITAL, 1, 0, 1, quarter=QUARTER).ask("assisted", HOSPITAL, 1, 0, 0, quarter=QUARTER + 1)
    yield story.decide(asked(HOSPITAL, LEAF, TERMS, Reason.NONE))
    unprepared = refused("AssistedGrantsNotPrepared", consent_id(TERMS))
    yield _begun("granted-unprepared").grant(TERMS, PATIENT, unprepared)
    changed = replace(TERMS, max_uses=1)
    error = refused("AssistedGrantsNotPrepared", consent_id(changed))
    yield _prepared("granted-otherwise-than-prepared").grant(changed, PATIENT, error).grant(TERMS, PATIENT)
    story = _begun("prepared-for-another-patient").act(_of(TERMS, subject_id=subject_of(OTHER)), HOSPITAL)
    yield story.grant(TERMS, PATIENT, unprepared)
    for seconds in (-1, 0, 1):
        story = _prepared(f"granted-{seconds}-seconds-after-a-day").travel(NOW + DAY + seconds)
        yield story.grant(TERMS, PATIENT, unprepared if seconds >= 0 else ACCEPTED)
    own = replace(TERMS, assurance=Assurance.DEVICE_KEY, actions=bits(Action.VIEW, Action.STORE), erase_by=NOW + DAY)
    yield (
        _begun("granted-with-the-device-alone").grant(own, PATIENT).ask("assisted", HOSPITAL, 0, 0, 0, quarter=QUARTER)
    )
    for other in (HOSPITAL, CUSTODIAN, OTHER, CARD):
        forged = refused("ConsentsSignatureInvalid", consent_id(TERMS), subject_of(PATIENT))
        yield _prepared(f"granted-by-{short(other)}").grant(TERMS, other, forged)
    story = _prepared("prepared-elsewhere-counts-there")
    elsewhere = replace(TERMS, nonce=8)
    story.act(_of(elsewhere, institution=key_of(ELSEWHERE).address), ELSEWHERE).grant(elsewhere, PATIENT)
    yield story.ask("assisted", ELSEWHERE, 1, 0, 1, quarter=QUARTER).ask("assisted", HOSPITAL, 0, 0, 0, quarter=QUARTER)


def _of_caps() -> Iterator[Story]:
    for seconds in (-1, 0, 1):
        end = GRANTED + LONGEST + seconds
        terms = replace(TERMS, valid_until=end)
        error = refused("AssistedGrantsPeriodExceeded", end, GRANTED + LONGEST) if seconds > 0 else ACCEPTED
        yield _prepared(f"period-{seconds}-seconds-beyond", terms).grant(terms, PATIENT, error)
    for level in (1, 2, 3, 4):
        terms = replace(TERMS, max_sensitivity=level)
        error = refused("AssistedGrantsSensitivityExceeded", level, 3) if level > 3 else ACCEPTED
        yield _prepared(f"sensitivity-{level}", terms).grant(terms, PATIENT, error)
    for actions in (bits(Action.STORE), bits(Action.VIEW, Action.STORE)):
        terms = replace(TERMS, actions=actions, erase_by=NOW + DAY)
        error = refused("AssistedGrantsActionsExceeded", actions, bits(Action.VIEW))
        yield _prepared(f"actions-{actions}", terms).grant(terms, PATIENT, error)
    for purpose in Purpose:
        terms = replace(TERMS, purposes=bits(purpose))
        beyond = refused("AssistedGrantsPurposesExceeded", terms.purposes, ALLOWED)
        yield _prepared(f"purpose-{purpose.name}".lower(), terms).grant(
            terms, PATIENT, ACCEPTED if ALLOWED & terms.purposes else beyond
        )
    yield _prepared("purposes-all-that-may-be", replace(TERMS, purposes=ALLOWED)).grant(
        replace(TERMS, purposes=ALLOWED), PATIENT
    )
    wrong: dict[str, Any] = {
        "valid_until": GRANTED + 9 * LONGEST,
        "max_sensitivity": 4,
        "actions": bits(Action.STORE),
        "purposes": bits(Purpose.HRESCH),
    }
    errors = (
        refused("AssistedGrantsPeriodExceeded", wrong["valid_until"], NOW + LONGEST),
        refused("AssistedGrantsSensitivityExceeded", 4, 3),
        refused("AssistedGrantsActionsExceeded", bits(Action.STORE), bits(Action.VIEW)),
        refused("AssistedGrantsPurposesExceeded", bits(Purpose.HRESCH), ALLOWED),
    )
    story = _begun("caps-in-their-order")
    for error in errors:
        erase_by = NOW + DAY if "actions" in wrong else 0
        story.grant(replace(TERMS, erase_by=erase_by, **wrong), OTHER, error)
        wrong.pop(next(iter(wrong)))
    yield story.grant(TERMS, OTHER, refused("AssistedGrantsNotPrepared", consent_id(TERMS)))


def _of_undoing() -> Iterator[Story]:
    for seconds in (-1, 0, 1):
        undone = int(seconds < 0)
        story = _prepared(f"taken-back-{seconds}-seconds-after-three-days").grant(TERMS, PATIENT)
        story.travel(GRANTED + UNDO + seconds).revoke(TERMS, PATIENT)
        yield story.ask("assisted", HOSPITAL, 1, undone, 1, quarter=QUARTER)
    story = _prepared("taken-back-before-it-was-granted").revoke(TERMS, PATIENT)
    story.grant(TERMS, PATIENT, refused("ConsentsAlreadyRevoked", consent_id(TERMS)))
    yield story.ask("assisted", HOSPITAL, 0, 0, 0, quarter=QUARTER)
    own = replace(TERMS, assurance=Assurance.DEVICE_KEY)
    story = _prepared("another-consent-taken-back").grant(TERMS, PATIENT).grant(own, PATIENT).revoke(own, PATIENT)
    yield story.ask("assisted", HOSPITAL, 1, 0, 1, quarter=QUARTER)
    for seconds in (-1, 0):
        story = _begun(f"granted-{seconds}-seconds-after-the-quarter").travel(NEXT_QUARTER + seconds - 1)
        terms = replace(TERMS, valid_until=NEXT_QUARTER + DAY)
        story.act(_of(terms), HOSPITAL).grant(terms, PATIENT)
        yield story.ask("assisted", HOSPITAL, 1, 0, int(seconds < 0), quarter=QUARTER).ask(
            "assisted", HOSPITAL, 1, 0, int(seconds == 0), quarter=QUARTER + 1
        )


def _of_preparing() -> Iterator[Story]:
    nobody, unknown = key_of(STRANGER).address, subject_of("assisted/nobody")
    wrong: tuple[tuple[str, dict[str, Any], str, tuple[Any, ...]], ...] = (
        ("by-nobody", {"institution": nobody}, "InstitutionInactive", (nobody,)),
        ("for-nobody", {"subject_id": unknown}, "SubjectUnknown", (unknown,)),
        ("without-a-person", {"practitioner": ZERO_32}, "EvidenceMissing", (ZERO_32, PREPARED.evidence_hash)),
        ("without-evidence", {"evidence_hash": ZERO_32}, "EvidenceMissing", (samples.PRACTITIONER, ZERO_32)),
    )
    for name, changes, error, arguments in wrong:
        act = replace(PREPARED, **changes)
        yield _begun(f"prepared-{name}").act(act, HOSPITAL, expect=refused(f"AssistedGrants{error}", *arguments))
    inactive = refused("AssistedGrantsInstitutionInactive", PREPARED.institution)
    yield _begun("prepared-while-suspended").suspend(HOSPITAL).act(PREPARED, HOSPITAL, expect=inactive)
    yield _prepared("granted-while-who-prepared-is-suspended").suspend(HOSPITAL).grant(TERMS, PATIENT)
    late = replace(PREPARED, nonce=2)
    for status, done in ((ConsentStatus.ACTIVE, Story.grant), (ConsentStatus.REVOKED, Story.revoke)):
        story = done(_prepared(f"prepared-when-{status.name}".lower()), TERMS, PATIENT)
        error_ = refused("AssistedGrantsTooLate", consent_id(TERMS), status)
        yield story.act(late, HOSPITAL, expect=error_)
    for seconds in (-1, 0, 1):
        known = refused("AssistedGrantsAlreadyPrepared", consent_id(TERMS), NOW + DAY)
        story = _prepared(f"prepared-again-{seconds}-seconds-after-a-day").travel(NOW + DAY + seconds)
        yield story.act(late, HOSPITAL, expect=known if seconds < 0 else ACCEPTED)
    by_other = replace(PREPARED, institution=key_of(ELSEWHERE).address)
    known = refused("AssistedGrantsAlreadyPrepared", consent_id(TERMS), NOW + DAY)
    yield _prepared("prepared-by-two-hospitals").act(by_other, ELSEWHERE, expect=known)
    story = _prepared("prepared-again-and-granted").travel(NOW + DAY).act(late, HOSPITAL)
    yield story.travel(NOW + 2 * DAY - 1).grant(TERMS, PATIENT)


def _of_cards() -> Iterator[Story]:
    yield _carded("granted-with-a-card").act(PREPARED, HOSPITAL).grant(TERMS, CARD)
    yield _carded("granted-with-the-device-beside-a-card").act(PREPARED, HOSPITAL).grant(TERMS, PATIENT)
    forged = refused("ConsentsSignatureInvalid", consent_id(TERMS), subject_of(PATIENT))
    removal = CardRemoval(subject_of(PATIENT), 2, NOW + DAY)
    story = _carded("granted-with-a-card-out-of-use").act(PREPARED, HOSPITAL).act(removal, PATIENT)
    yield story.grant(TERMS, CARD, forged)
    levels = {
        (Assurance.DEVICE_KEY, PATIENT): True,
        (Assurance.DEVICE_KEY, CARD): False,
        (Assurance.CARD_AND_CODE, CARD): True,
        (Assurance.CARD_AND_CODE, PATIENT): False,
    }
    for (level, key), taken in levels.items():
        terms = replace(TERMS, assurance=level)
        error = refused("ConsentsSignatureInvalid", consent_id(terms), subject_of(PATIENT))
        name = f"{level.name}-signed-by-{short(key)}".lower().replace("_", "-")
        yield _carded(name).grant(terms, key, ACCEPTED if taken else error)
        if level == Assurance.CARD_AND_CODE:
            yield _begun(f"{name}-without-a-card").grant(terms, key, error)
    for level in (Assurance.DEVICE_KEY, Assurance.CARD_AND_CODE):
        terms = replace(TERMS, assurance=level, guardian=samples.word(0x6A))
        yield _carded(f"guardian-named-at-level-{level}").grant(
            terms, PATIENT, refused("ConsentsAssuranceRefused", level)
        )
    carded = replace(TERMS, assurance=Assurance.CARD_AND_CODE)
    yield _carded("taken-back-with-a-card").grant(carded, CARD).revoke(carded, CARD)
    yield _carded("undone-with-a-card").act(PREPARED, HOSPITAL).grant(TERMS, CARD).revoke(TERMS, CARD)


def histories() -> Iterator[Story]:
    """Gives every history of assisted consents, and of the levels at which one is signed."""
    for topic in (_of_grants, _of_caps, _of_undoing, _of_preparing, _of_cards):
        yield from topic()
    yield from signing(_begun, "assistance", PREPARED, (HOSPITAL,), (ELSEWHERE, PATIENT, CUSTODIAN))
