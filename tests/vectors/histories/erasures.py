"""The end of a record as histories: officers, requests, retention, erasure and the attested deletion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import (
    CLOCK_TOLERANCE,
    EmergencyReason,
    ErasureReason,
    LegalBasis,
    Purpose,
    Reason,
    RecordStatus,
    RestrictionReason,
    Retention,
)
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    Restriction,
)
from consentry.core.terms import ZERO_32, RecordLeaf
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.enrolments import UNACCEPTABLE
from tests.vectors.histories.signing import signing
from tests.vectors.histories.story import (
    ACCEPTED,
    START,
    STRANGER,
    Error,
    Story,
    asked,
    key_of,
    leaf_of,
    refused,
    subject_of,
    terms_of,
)

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "erasures/hospital"
PATIENT: Final = "erasures/patient"
OTHER: Final = "erasures/other patient"
ONE: Final = "erasures/first officer"
TWO: Final = "erasures/second officer"
THREE: Final = "erasures/third officer"
LONG_AGO: Final = 300
"""January 1995: neither class has to be kept any more."""
KEEPS: Final = replace(leaf_of(PATIENT, CUSTODIAN), commitment=samples.word(0xC9))
"""Of September 2026, to be kept until October 2041."""
KEPT_UNTIL: Final = 2_264_198_400
"""1 October 2041."""
LEAF: Final = replace(leaf_of(PATIENT, CUSTODIAN), data_month=LONG_AGO)
ID: Final = record_id(LEAF)
NEXT: Final = replace(LEAF, previous=ID, lineage=ID, version=2, commitment=samples.word(0xC2))
BASE: Final = key_of(CUSTODIAN).address
SUBJECT: Final = subject_of(PATIENT)
LATER: Final = NOW + 10_000 * DAY
ERASED: Final = NOW + 2
"""When what `_erased` gives was erased: after two officers were admitted."""


def _signer(name: str) -> bytes:
    return bytes(key_of(name).signer)


def _admission(name: str = ONE, **changes: Any) -> ErasureOfficerAdmission:  # noqa: ANN401 - members
    return replace(ErasureOfficerAdmission(BASE, _signer(name), 1, LATER), **changes)


def _removal(name: str = ONE, **changes: Any) -> ErasureOfficerRemoval:  # noqa: ANN401 - members
    return replace(ErasureOfficerRemoval(BASE, _signer(name), 1, LATER), **changes)


def _request(leaf: RecordLeaf = LEAF, **changes: Any) -> ErasureRequest:  # noqa: ANN401 - members
    return replace(ErasureRequest(record_id(leaf), BASE, SUBJECT, ZERO_32, 1, LATER), **changes)


def _erasure(leaf: RecordLeaf = LEAF, **changes: Any) -> Erasure:  # noqa: ANN401 - members
    reason, officers = ErasureReason.RETENTION_OVER, (_signer(ONE), _signer(TWO))
    act = Erasure(record_id(leaf), BASE, SUBJECT, reason, samples.word(0xE5), *officers, 1, LATER)
    return replace(act, **changes)


def _attestation(**changes: Any) -> DeletionAttestation:  # noqa: ANN401 - members
    return replace(DeletionAttestation(ID, BASE, SUBJECT, ERASED, 1, 1, LATER), **changes)


def _begun(name: str, leaf: RecordLeaf = LEAF) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(leaf, CUSTODIAN).travel(NOW)


def _staffed(name: str, leaf: RecordLeaf = LEAF) -> Story:
    story = _begun(name, leaf)
    return story.act(_admission(ONE), CUSTODIAN, ONE).act(_admission(TWO), CUSTODIAN, TWO)


def _erased(name: str) -> Story:
    return _staffed(name).act(_erasure(), ONE, TWO)


def _of_officers() -> Iterator[Story]:
    known = refused("ErasuresOfficerKnown", BASE, _signer(ONE))
    story = _begun("officer-admitted-removed-admitted").act(_admission(), CUSTODIAN, ONE)
    story.act(_admission(nonce=2), CUSTODIAN, ONE, expect=known).act(_removal(), CUSTODIAN)
    unknown = refused("ErasuresOfficerUnknown", BASE, _signer(ONE))
    story.act(_removal(nonce=2), CUSTODIAN, expect=unknown)
    yield story.act(_admission(nonce=3), CUSTODIAN, ONE)
    yield _begun("officer-removed-before").act(_removal(), CUSTODIAN, expect=unknown)
    for name, signer in {**UNACCEPTABLE, "that-is-the-institution": _signer(CUSTODIAN)}.items():
        error = refused("ErasuresOfficerInvalid", signer)
        yield _begun(f"officer-{name}").act(_admission(officer=signer), CUSTODIAN, ONE, expect=error)
    of_both = _admission(institution=key_of(HOSPITAL).address)
    yield _begun("officer-of-two").act(_admission(), CUSTODIAN, ONE).act(of_both, HOSPITAL, ONE)
    inactive = refused("ErasuresInstitutionInactive", BASE)
    story = _staffed("officers-while-suspended").suspend(CUSTODIAN)
    story.act(_admission(THREE), CUSTODIAN, THREE, expect=inactive).act(_removal(), CUSTODIAN, expect=inactive)
    yield story.act(_erasure(), ONE, TWO, expect=inactive)
    nobody = key_of(STRANGER).address
    error = refused("ErasuresInstitutionInactive", nobody)
    yield _begun("officer-of-nobody").act(_admission(institution=nobody), STRANGER, ONE, expect=error)


def _of_requests() -> Iterator[Story]:
    on_request: dict[str, Any] = {"reason_code": ErasureReason.SUBJECT_REQUEST}
    missing = refused("ErasuresRequestMissing", ID)
    story = _staffed("erased-on-request").act(_erasure(**on_request), ONE, TWO, expect=missing)
    yield story.act(_request(), PATIENT).act(_request(nonce=2), PATIENT).act(_erasure(**on_request), ONE, TWO)
    running = refused("ErasuresRetentionRunning", record_id(KEEPS), KEPT_UNTIL)
    story = _staffed("requested-while-retention-runs", KEEPS).act(_request(KEEPS), PATIENT)
    yield story.act(_erasure(KEEPS, **on_request), ONE, TWO, expect=running)
    other = replace(NEXT, previous=ZERO_32, lineage=ZERO_32, version=1)
    story = _staffed("requested-for-another-record").anchor(other, CUSTODIAN).act(_request(other), PATIENT)
    yield story.act(_erasure(**on_request), ONE, TWO, expect=missing)
    gone = refused("ErasuresStatusInvalid", ID, RecordStatus.ERASED)
    yield _erased("requested-after-the-end").act(_request(), PATIENT, expect=gone)
    correction = CorrectionRequest(ID, BASE, SUBJECT, ZERO_32, samples.word(1), 1, LATER)
    yield _erased("correction-after-the-end").act(correction, PATIENT, expect=gone)
    yield _begun("requested-of-what-gave-way").supersede(LEAF, NEXT, CUSTODIAN).act(_request(), PATIENT)
    yield _begun("requested-of-a-suspended-custodian").suspend(CUSTODIAN).act(_request(), PATIENT)


def _of_retention() -> Iterator[Story]:
    """Kept for 15 or 30 years after the end of the month of the content."""
    feb_2027, mar_2027, mar_2028, jan_2101 = 1_801_440_000, 1_803_859_200, 1_835_481_600, 4_133_980_800
    for month, retention, end in (
        (504, Retention.OUTPATIENT, feb_2027),  # January 2012
        (324, Retention.INPATIENT, feb_2027),  # January 1997
        (505, Retention.OUTPATIENT, mar_2027),  # February 2012, a leap year
        (517, Retention.OUTPATIENT, mar_2028),  # February 2013; the month before the end is a leap one
        (1_391, Retention.OUTPATIENT, jan_2101),  # December 2085; 2100 is no leap year
        (1_211, Retention.INPATIENT, jan_2101),  # December 2070
    ):
        leaf = replace(KEEPS, data_month=month, retention=retention)
        act = _erasure(leaf, sign_before=2**63)
        for seconds in (-1, 0):
            running = refused("ErasuresRetentionRunning", record_id(leaf), end)
            story = _staffed(f"month-{month}-class-{retention}-{seconds}-seconds-after-the-end", leaf)
            expect: Error = running if seconds < 0 else ACCEPTED
            yield story.travel(end + seconds).act(act, ONE, TWO, expect=expect)
    for reason in (ErasureReason.WRONG_PATIENT, ErasureReason.COURT_ORDER):
        story = _staffed(f"erased-at-once-for-{reason.name}".lower(), KEEPS)
        yield story.act(_erasure(KEEPS, reason_code=reason), ONE, TWO)
    yield _staffed("month-zero", replace(KEEPS, data_month=0)).act(_erasure(replace(KEEPS, data_month=0)), ONE, TWO)


def _of_erasing() -> Iterator[Story]:
    terms = terms_of(PATIENT, HOSPITAL, data_from=0)
    emergency: dict[str, Any] = {
        "purpose": Purpose.ETREAT,
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.UNCONSCIOUS,
        "reason_hash": samples.word(0xE2),
    }
    for whole in (False, True):
        story = _staffed(f"nobody-sees-it{'-whole' if whole else ''}").grant(terms, PATIENT)
        story.decide(asked(HOSPITAL, LEAF, terms, Reason.NONE), whole=whole).act(_erasure(), ONE, TWO)
        items = (
            asked(HOSPITAL, LEAF, terms, Reason.RECORD_ERASED, 2),
            asked(HOSPITAL, LEAF, None, Reason.RECORD_ERASED, 3, **emergency),
            asked(HOSPITAL, LEAF, None, Reason.RECORD_ERASED, 4, legal_basis=LegalBasis.PUBLIC_HEALTH),
        )
        yield story.decide(*items, whole=whole)
    gone = refused("ErasuresStatusInvalid", ID, RecordStatus.ERASED)
    restriction = Restriction(
        ID, BASE, SUBJECT, restricted=True, reason_code=RestrictionReason.LEGAL_CLAIM, nonce=1, sign_before=LATER
    )
    story = _erased("nothing-comes-after").act(_erasure(nonce=2), ONE, TWO, expect=gone)
    story.act(restriction, CUSTODIAN, expect=gone)
    story.act(replace(restriction, restricted=False), CUSTODIAN, expect=gone)
    story.supersede(LEAF, NEXT, CUSTODIAN, refused("RecordsPreviousNotCurrent", ID, RecordStatus.ERASED))
    yield story.anchor(LEAF, CUSTODIAN, refused("RecordsAlreadyAnchored", ID))
    yield _staffed("erased-while-restricted").act(restriction, CUSTODIAN).act(_erasure(), ONE, TWO)
    story = _staffed("erased-after-it-gave-way").supersede(LEAF, NEXT, CUSTODIAN).act(_erasure(), ONE, TWO)
    yield story.act(_erasure(NEXT), ONE, TWO)
    swapped = _erasure(first_officer=_signer(TWO), second_officer=_signer(ONE))
    yield _staffed("erased-the-other-way-round").act(swapped, TWO, ONE)


Wrong = tuple[str, dict[str, Any], Error]


def _wrong_erasures() -> Iterator[Wrong]:
    for code in (0, 5, 255):
        yield f"for-reason-{code}", {"reason_code": code}, refused("ErasuresReasonUnknown", code)
    yield "without-a-digest", {"keys_destroyed": ZERO_32}, refused("ErasuresDigestMissing")
    nobody = key_of(STRANGER).address
    yield "by-nobody", {"institution": nobody}, refused("ErasuresInstitutionInactive", nobody)
    alike = {"second_officer": _signer(ONE)}
    yield "by-one-officer", alike, refused("ErasuresOfficersAlike", _signer(ONE))
    for place in ("first_officer", "second_officer"):
        for other in (THREE, CUSTODIAN, PATIENT):
            error = refused("ErasuresOfficerUnknown", BASE, _signer(other))
            name = f"{place}-is-{other.rpartition('/')[2]}".replace("_", "-").replace(" ", "-")
            yield name, {place: _signer(other)}, error


def _of_wrong_erasures() -> Iterator[Story]:
    for name, changes, error in _wrong_erasures():
        yield _staffed(f"erased-{name}").act(_erasure(**changes), ONE, TWO, expect=error)
    unknown = refused("ErasuresOfficerUnknown", BASE, _signer(TWO))
    yield _staffed("erased-by-a-former-officer").act(_removal(TWO), CUSTODIAN).act(_erasure(), ONE, TWO, expect=unknown)
    for what, act, keys in (
        ("request", _request(), (PATIENT,)),
        ("erasure", _erasure(), (ONE, TWO)),
        ("attestation", _attestation(), (CUSTODIAN,)),
    ):
        for name, changes in (
            ("no-record", {"record_id": samples.word(9)}),
            ("another-patient", {"subject_id": subject_of(OTHER)}),
            ("another-custodian", {"institution": key_of(HOSPITAL).address}),
        ):
            wrong = replace(act, **changes)
            error = refused("ErasuresRecordMismatch", wrong.record_id, wrong.subject_id, wrong.institution)
            yield _staffed(f"{what}-of-{name}").act(wrong, *keys, expect=error)


def _of_attesting() -> Iterator[Story]:
    attested = refused("ErasuresAttested", ID)
    again = _attestation(nonce=2)
    yield _erased("attested-twice").act(_attestation(), CUSTODIAN).act(again, CUSTODIAN, expect=attested)
    alive = refused("ErasuresStatusInvalid", ID, RecordStatus.CURRENT)
    yield _staffed("attested-before").act(_attestation(), CUSTODIAN, expect=alive)
    now = ERASED + 1
    for deleted_at, valid in (
        (0, False),
        (ERASED - 1, False),
        (ERASED, True),
        (now + CLOCK_TOLERANCE, True),
        (now + CLOCK_TOLERANCE + 1, False),
        (2**64 - 1, False),
    ):
        wrong = refused("ErasuresDeletionInvalid", deleted_at, ERASED, 1)
        act = _attestation(deleted_at=deleted_at)
        yield _erased(f"deleted-at-{deleted_at}").act(act, CUSTODIAN, expect=ACCEPTED if valid else wrong)
    for objects in (0, 1, 255):
        wrong = refused("ErasuresDeletionInvalid", ERASED, ERASED, 0)
        act = _attestation(objects=objects)
        yield _erased(f"deleted-{objects}-objects").act(act, CUSTODIAN, expect=wrong if objects == 0 else ACCEPTED)
    inactive = refused("ErasuresInstitutionInactive", BASE)
    yield _erased("attested-while-suspended").suspend(CUSTODIAN).act(_attestation(), CUSTODIAN, expect=inactive)


def histories() -> Iterator[Story]:
    """Gives every history of the end of records."""
    topics = (_of_officers, _of_requests, _of_retention, _of_erasing, _of_wrong_erasures, _of_attesting)
    for topic in topics:
        yield from topic()
    own = (HOSPITAL, PATIENT, ONE)
    yield from signing(_begun, "admission", _admission(), (CUSTODIAN, ONE), (HOSPITAL, TWO), (TWO, CUSTODIAN))
    yield from signing(_staffed, "removal", _removal(), (CUSTODIAN,), own, now=NOW + 2)
    yield from signing(_begun, "request", _request(), (PATIENT,), (OTHER, CUSTODIAN))
    yield from signing(_staffed, "erasure", _erasure(), (ONE, TWO), (TWO, CUSTODIAN), (ONE, THREE), now=ERASED)
    yield from signing(_erased, "attestation", _attestation(), (CUSTODIAN,), own, now=ERASED + 1)
