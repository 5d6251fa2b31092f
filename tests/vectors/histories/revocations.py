"""Revocations as histories: who may take back, what is owed afterwards and until when, and how it is paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import Action, Copies, Duty, Reason, bits
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms
from consentry.core.typed_data import consent_id
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import DAY, NOW
from tests.vectors.histories.signing import short, signing
from tests.vectors.histories.story import (
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
HOSPITAL: Final = "revocations/hospital"
ELSEWHERE: Final = "revocations/other hospital"
PATIENT: Final = "revocations/patient"
OTHER: Final = "revocations/other patient"
GROUP: Final = samples.group(PAYER.address)
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
GRANTED: Final = NOW
REVOKED: Final = NOW + 100
ACKNOWLEDGED_BY: Final = REVOKED + DAY
ERASED_BY: Final = REVOKED + 7 * DAY
STORE: Final = bits(Action.VIEW, Action.STORE)
TERMS: Final = replace(terms_of(PATIENT, HOSPITAL), actions=STORE, erase_by=NOW + 30 * DAY)
ID: Final = consent_id(TERMS)
GROUPED: Final = replace(TERMS, institution=ZERO_ADDRESS, group=GROUP)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL).admit(ELSEWHERE).member(GROUP, HOSPITAL)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def _granted(name: str, terms: ConsentTerms = TERMS) -> Story:
    return _begun(name).grant(terms, PATIENT)


def _revoked(name: str, terms: ConsentTerms = TERMS, *, used: bool = False) -> Story:
    story = _granted(name, terms)
    if used:
        story.decide(asked(HOSPITAL, LEAF, terms, Reason.NONE))
    return story.travel(REVOKED).revoke(terms, PATIENT)


def _used(name: str) -> Story:
    return _revoked(name, used=True)


def _acknowledgement(institution: str = HOSPITAL, **changes: Any) -> RevocationAcknowledgement:  # noqa: ANN401 - members by name
    copies = Copies.KEPT
    usual = RevocationAcknowledgement(ID, key_of(institution).address, subject_of(PATIENT), copies, NOW + 90 * DAY)
    return replace(usual, **changes)


def _attestation(institution: str = HOSPITAL, **changes: Any) -> ErasureAttestation:  # noqa: ANN401 - members
    who, when = key_of(institution).address, REVOKED
    usual = ErasureAttestation(ID, who, subject_of(PATIENT), 1, when, samples.PRACTITIONER, NOW + 90 * DAY)
    return replace(usual, **changes)


def _of_revoking() -> Iterator[Story]:
    item = asked(HOSPITAL, LEAF, TERMS, Reason.NONE)
    for whole in (False, True):
        story = _granted(f"nothing-is-permitted-afterwards{'-whole' if whole else ''}").decide(item, whole=whole)
        later = asked(HOSPITAL, LEAF, TERMS, Reason.CONSENT_REVOKED, 2)
        yield story.revoke(TERMS, PATIENT).decide(later, whole=whole)
    again = refused("ConsentsAlreadyRevoked", ID)
    yield _revoked("revoked-twice").revoke(TERMS, PATIENT, again).grant(TERMS, PATIENT, again)
    story = _begun("revoked-before-it-was-granted").revoke(TERMS, PATIENT).revoke(TERMS, PATIENT, again)
    story.grant(TERMS, PATIENT, again).ask("duties", HOSPITAL, overdue=False)
    yield story.decide(asked(HOSPITAL, LEAF, TERMS, Reason.CONSENT_REVOKED))
    for other in (OTHER, HOSPITAL, CUSTODIAN):
        forged = refused("ConsentsSignatureInvalid", ID, subject_of(PATIENT))
        story = _granted(f"revoked-by-{short(other)}").revoke(TERMS, other, forged)
        yield story.decide(item)
    stranger = replace(TERMS, subject_id=subject_of("revocations/nobody"))
    unknown = refused("ConsentsSubjectUnknown", stranger.subject_id)
    yield _begun("revoked-by-nobody-known").revoke(stranger, PATIENT, unknown)
    relay = refused("ConsentsRelayRequired", key_of(STRANGER).address)
    yield _granted("revocation-passed-on-by-a-stranger").revoke(TERMS, PATIENT, relay, by=STRANGER).decide(item)
    yield _begun("grant-passed-on-by-a-stranger").grant(TERMS, PATIENT, relay, by=STRANGER)
    guarded = refused("ConsentsSignatureInvalid", ID, subject_of(PATIENT))
    story = _granted("revoked-under-an-appointment-nobody-made")
    yield story.revoke(TERMS, PATIENT, guarded, guardian=samples.word(3)).decide(item)
    beside = replace(TERMS, nonce=8)
    story = _granted("another-consent-stands").grant(beside, PATIENT).revoke(TERMS, PATIENT)
    yield story.decide(asked(HOSPITAL, LEAF, beside, Reason.NONE))
    yield _granted("revoked-after-its-end").travel(TERMS.valid_until).revoke(TERMS, PATIENT)


def _of_duties() -> Iterator[Story]:
    told = (ID, Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY)
    erase = (ID, Duty.ERASE, ERASED_BY)
    story = _granted("owed-nothing-before").ask("duties", HOSPITAL, overdue=False).travel(REVOKED)
    story.revoke(TERMS, PATIENT).ask("duties", HOSPITAL, *told, overdue=False)
    yield story.ask("duties", CUSTODIAN, *told, overdue=False).ask("duties", ELSEWHERE, overdue=False)
    story = _used("owed-by-who-stored").ask("duties", HOSPITAL, *told, *erase, overdue=False)
    yield story.ask("duties", CUSTODIAN, *told, overdue=False)
    seen = replace(TERMS, actions=bits(Action.VIEW), erase_by=0)
    owed = (consent_id(seen), Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY)
    yield _revoked("owed-by-who-looked", seen, used=True).ask("duties", HOSPITAL, *owed, overdue=False)
    for seconds in (-1, 0, 1):
        terms = replace(TERMS, erase_by=ERASED_BY + seconds)
        due = ERASED_BY + min(seconds, 0)
        own = consent_id(terms)
        duties = (own, Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY, own, Duty.ERASE, due)
        story = _revoked(f"erase-date-{seconds}-seconds-after-a-week", terms, used=True)
        yield story.ask("duties", HOSPITAL, *duties, overdue=False)
        acknowledged = told if seconds >= 0 else ()
        story = _used(f"overdue-{seconds}-seconds-after-a-day").travel(ACKNOWLEDGED_BY + seconds)
        yield story.ask("duties", HOSPITAL, *acknowledged, overdue=True)
        erased = erase if seconds >= 0 else ()
        story = _used(f"overdue-{seconds}-seconds-after-a-week").act(_acknowledgement(), HOSPITAL)
        yield story.travel(ERASED_BY + seconds).ask("duties", HOSPITAL, *erased, overdue=True)
    group = consent_id(GROUPED)
    owed = (group, Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY)
    story = _revoked("owed-for-a-group", GROUPED, used=True).ask("duties", HOSPITAL, overdue=False)
    yield story.ask("duties", CUSTODIAN, *owed, overdue=False)
    own_terms = replace(TERMS, institution=key_of(CUSTODIAN).address)
    owed = (consent_id(own_terms), Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY)
    yield _revoked("owed-once-by-who-is-both", own_terms).ask("duties", CUSTODIAN, *owed, overdue=False)
    second = replace(TERMS, nonce=8)
    duties = (ID, Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY, consent_id(second), Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY + 2)
    story = _revoked("owed-for-two").grant(second, PATIENT).revoke(second, PATIENT)
    yield story.ask("duties", HOSPITAL, *duties, overdue=False)


def _of_paying() -> Iterator[Story]:
    told = (ID, Duty.ACKNOWLEDGE, ACKNOWLEDGED_BY)
    erase = (ID, Duty.ERASE, ERASED_BY)
    story = _used("paid").act(_acknowledgement(), HOSPITAL).ask("duties", HOSPITAL, *erase, overdue=False)
    story.act(_attestation(), HOSPITAL).ask("duties", HOSPITAL, overdue=False)
    yield story.ask("duties", CUSTODIAN, *told, overdue=False)
    story = _used("paid-the-other-way-round").act(_attestation(), HOSPITAL)
    story.ask("duties", HOSPITAL, *told, overdue=False).act(_acknowledgement(), HOSPITAL)
    yield story.ask("duties", HOSPITAL, overdue=False)
    story = _revoked("paid-by-the-custodian").act(_acknowledgement(CUSTODIAN), CUSTODIAN)
    yield story.ask("duties", CUSTODIAN, overdue=False).ask("duties", HOSPITAL, *told, overdue=False)
    yield _revoked("erased-unasked").act(_attestation(), HOSPITAL).ask("duties", HOSPITAL, *told, overdue=False)
    for copies in Copies:
        yield _revoked(f"acknowledged-{copies.name}".lower()).act(_acknowledgement(copies=copies), HOSPITAL)
    for number in (0, 2**32 - 1):
        yield _revoked(f"erased-{number}-copies").act(_attestation(copies=number), HOSPITAL)
    named = consent_id(GROUPED)
    story = _revoked("paid-by-a-member", GROUPED).act(_acknowledgement(consent_id=named), HOSPITAL)
    yield story.act(_attestation(consent_id=named), HOSPITAL)
    stranger = refused("RevocationsNotConcerned", named, key_of(ELSEWHERE).address)
    story = _revoked("paid-by-no-member", GROUPED)
    story.act(_acknowledgement(ELSEWHERE, consent_id=named), ELSEWHERE, expect=stranger)
    yield story.act(_attestation(ELSEWHERE, consent_id=named), ELSEWHERE, expect=stranger)
    left = refused("RevocationsNotConcerned", named, key_of(HOSPITAL).address)
    story = _revoked("paid-by-a-former-member", GROUPED).member(GROUP, HOSPITAL, member=False)
    yield story.act(_acknowledgement(consent_id=named), HOSPITAL, expect=left)
    story = _used("paid-while-suspended").suspend(HOSPITAL)
    yield story.act(_acknowledgement(), HOSPITAL).act(_attestation(), HOSPITAL)
    story = _used("paid-long-after").travel(REVOKED + 60 * DAY)
    yield story.act(_acknowledgement(), HOSPITAL).act(_attestation(erased_at=REVOKED + 60 * DAY + 1), HOSPITAL)


def _of_wrong_answers() -> Iterator[Story]:
    for name, act, duty in (
        ("acknowledgement", _acknowledgement(), Duty.ACKNOWLEDGE),
        ("attestation", _attestation(), Duty.ERASE),
    ):
        done = refused("RevocationsAlreadyDone", ID, act.institution, duty)
        again = replace(act, sign_before=act.sign_before + 1)
        yield _used(f"{name}-again").act(act, HOSPITAL).act(again, HOSPITAL, expect=done)
        missing = refused("RevocationsNotRevoked", ID, act.subject_id)
        yield _granted(f"{name}-before-the-revocation").act(act, HOSPITAL, expect=missing)
        yield _begun(f"{name}-of-what-was-never-granted").revoke(TERMS, PATIENT).act(act, HOSPITAL, expect=missing)
        other = replace(act, subject_id=subject_of(OTHER))
        error = refused("RevocationsNotRevoked", ID, other.subject_id)
        yield _revoked(f"{name}-for-another-patient").act(other, HOSPITAL, expect=error)
        elsewhere = replace(act, institution=key_of(ELSEWHERE).address)
        concerned = refused("RevocationsNotConcerned", ID, elsewhere.institution)
        yield _revoked(f"{name}-by-who-had-nothing").act(elsewhere, ELSEWHERE, expect=concerned)
    custodian = refused("RevocationsNotConcerned", ID, key_of(CUSTODIAN).address)
    yield _revoked("attestation-by-the-custodian").act(_attestation(CUSTODIAN), CUSTODIAN, expect=custodian)
    for copies in (3, 255):
        error = refused("RevocationsCopiesUnknown", copies)
        yield _revoked(f"acknowledged-with-copies-{copies}").act(
            _acknowledgement(copies=copies), HOSPITAL, expect=error
        )
    now = REVOKED + 1
    for name, changes in (
        ("by-nobody", {"practitioner": ZERO_32}),
        ("never", {"erased_at": 0}),
        ("in-a-second", {"erased_at": now + 1}),
        ("at-the-end-of-time", {"erased_at": 2**64 - 1}),
    ):
        wrong = _attestation(**changes)
        error = refused("RevocationsErasureInvalid", wrong.practitioner, wrong.erased_at, now)
        yield _revoked(f"erased-{name}").act(wrong, HOSPITAL, expect=error)
    for erased_at in (1, GRANTED, now):
        yield _revoked(f"erased-at-{erased_at}").act(_attestation(erased_at=erased_at), HOSPITAL)


def histories() -> Iterator[Story]:
    """Gives every history of revocations."""
    for topic in (_of_revoking, _of_duties, _of_paying, _of_wrong_answers):
        yield from topic()
    others = (ELSEWHERE, CUSTODIAN, PATIENT)
    yield from signing(_revoked, "acknowledgement", _acknowledgement(), (HOSPITAL,), others, now=REVOKED + 1)
    yield from signing(_revoked, "attestation", _attestation(), (HOSPITAL,), others, now=REVOKED + 1)
