"""Mutual recognition as histories: marks, what was made of them elsewhere and the counts, imaging studies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import CLOCK_TOLERANCE, Category, MarkScope, RecordStatus, RefusalReason, RestrictionReason
from consentry.core.erasures import Restriction
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, RecordId, RecordLeaf
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.signing import signing
from tests.vectors.histories.story import (
    ACCEPTED,
    REGION,
    START,
    STRANGER,
    Error,
    Story,
    key_of,
    leaf_of,
    refused,
    subject_of,
)

CUSTODIAN: Final = "/custodian"
CITY: Final = "recognitions/hospital of the city"
PROVINCE: Final = "recognitions/hospital of the province"
FAR: Final = "recognitions/hospital far away"
REGIONS: Final = {CITY: 440_305, PROVINCE: 440_100, FAR: 110_101}
PATIENT: Final = "recognitions/patient"
OTHER: Final = "recognitions/other patient"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
ID: Final = record_id(LEAF)
NEXT: Final = replace(LEAF, previous=ID, lineage=ID, version=2, commitment=samples.word(0xC2))
ISSUER: Final = key_of(CUSTODIAN).address
ITEM: Final = 250_101
LATER: Final = NOW + 90 * DAY

MARK: Final = ResultMark(ID, ISSUER, subject_of(PATIENT), ITEM, MarkScope.NATIONAL, 0, NOW - 100, 1, LATER)
ANSWER: Final = Recognition(
    ID,
    key_of(FAR).address,
    subject_of(PATIENT),
    samples.PRACTITIONER,
    accepted=True,
    reason_code=0,
    explained=False,
    nonce=1,
    sign_before=LATER,
)
REFUSAL: Final = replace(ANSWER, accepted=False, reason_code=RefusalReason.EMERGENCY, explained=True, nonce=2)
STUDY: Final = StudyRegistration(ID, ISSUER, subject_of(PATIENT), samples.word(0x57), samples.word(0x58), 7, 1, LATER)
RESTRICTION: Final = Restriction(
    ID,
    ISSUER,
    subject_of(PATIENT),
    restricted=True,
    reason_code=RestrictionReason.ACCURACY_DISPUTED,
    nonce=1,
    sign_before=LATER,
)
Changes = dict[str, Any]
Wrong = tuple[str, Changes, str, tuple[Any, ...]]


def _begun(name: str, leaf: RecordLeaf = LEAF) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN)
    for hospital, region in REGIONS.items():
        story.admit(hospital, region)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(leaf, CUSTODIAN).travel(NOW)


def _marked(name: str, mark: ResultMark = MARK) -> Story:
    return _begun(name).act(mark, CUSTODIAN)


def _wrong_marks() -> Iterator[Wrong]:
    yield "without-item", {"item_code": 0}, "ItemMissing", ()
    for scope, region in (
        (0, 0),
        (4, 0),
        (255, 440_000),
        (MarkScope.NATIONAL, 440_000),
        (MarkScope.NATIONAL, 1),
        (MarkScope.PROVINCIAL, 0),
        (MarkScope.PROVINCIAL, 440_300),
        (MarkScope.PROVINCIAL, 90_000),
        (MarkScope.PROVINCIAL, 1_000_000),
        (MarkScope.CITY, 0),
        (MarkScope.CITY, 440_301),
        (MarkScope.CITY, 99_900),
        (MarkScope.CITY, 1_000_000),
    ):
        yield f"scope-{int(scope)}-of-{region}", {"scope": scope, "region": region}, "ScopeInvalid", (scope, region)
    for issued_at in (0, NOW + CLOCK_TOLERANCE + 1, 2**64 - 1):
        yield f"issued-at-{issued_at}", {"issued_at": issued_at}, "TimeInvalid", (issued_at, NOW)
    for scope, region in ((MarkScope.PROVINCIAL, 110_000), (MarkScope.CITY, 440_000), (MarkScope.CITY, 440_400)):
        changes = {"scope": scope, "region": region}
        yield f"beyond-{region}", changes, "RegionMismatch", (ISSUER, REGION, region)


def _of_marking() -> Iterator[Story]:
    for name, changes, error, arguments in _wrong_marks():
        act = replace(MARK, **changes)
        yield _begun(f"mark-{name}").act(act, CUSTODIAN, expect=refused(f"Recognitions{error}", *arguments))
    for scope, region in ((MarkScope.NATIONAL, 0), (MarkScope.PROVINCIAL, 440_000), (MarkScope.CITY, 440_300)):
        yield _marked(f"marked-in-scope-{scope.name}".lower(), replace(MARK, scope=scope, region=region))
    for issued_at in (1, NOW, NOW + CLOCK_TOLERANCE):
        yield _marked(f"marked-issued-at-{issued_at}", replace(MARK, issued_at=issued_at))
    known = refused("RecognitionsAlreadyMarked", ID)
    yield _marked("marked-again").act(replace(MARK, item_code=ITEM + 1), CUSTODIAN, expect=known)
    for category in Category:
        leaf = replace(LEAF, category=category)
        act = replace(MARK, record_id=record_id(leaf))
        wrong = refused("RecognitionsCategoryInvalid", act.record_id, category)
        may = category in (Category.LABORATORY, Category.IMAGING)
        yield _begun(f"mark-of-{category.name}".lower(), leaf).act(act, CUSTODIAN, expect=ACCEPTED if may else wrong)


def _of_answering() -> Iterator[Story]:
    story = _marked("accepted").act(ANSWER, FAR).ask("recognised", FAR, 1, 0, 0, 0, item=ITEM)
    story.ask("recognised", CUSTODIAN, 0, 0, 1, 0, item=ITEM).ask("recognised", FAR, 0, 0, 0, 0, item=ITEM + 1)
    yield story
    story = _marked("refused").act(REFUSAL, FAR).ask("recognised", FAR, 0, 1, 0, 0, item=ITEM)
    yield story.ask("recognised", CUSTODIAN, 0, 0, 0, 1, item=ITEM)
    story = _marked("refused-then-accepted").act(REFUSAL, FAR).act(ANSWER, FAR)
    story.ask("recognised", FAR, 1, 0, 0, 0, item=ITEM).act(replace(REFUSAL, nonce=3), FAR)
    story.ask("recognised", FAR, 0, 1, 0, 0, item=ITEM).act(replace(REFUSAL, nonce=4), FAR)
    yield story.ask("recognised", CUSTODIAN, 0, 0, 0, 1, item=ITEM)
    story = _marked("answered-by-three")
    for hospital in REGIONS:
        act = ANSWER if hospital == FAR else REFUSAL
        story.act(replace(act, institution=key_of(hospital).address), hospital)
    yield story.ask("recognised", CUSTODIAN, 0, 0, 1, 2, item=ITEM)
    for reason in RefusalReason:
        yield _marked(f"refused-{reason.name}".lower()).act(replace(REFUSAL, reason_code=reason), FAR)
    yield _marked("accepted-and-explained").act(replace(ANSWER, explained=True), FAR)
    for accepted, reason_code, explained in (
        (True, 1, False),
        (True, 9, True),
        (False, 0, True),
        (False, 10, True),
        (False, 255, True),
        (False, 5, False),
    ):
        act = replace(ANSWER, accepted=accepted, reason_code=reason_code, explained=explained)
        error = refused("RecognitionsAnswerInvalid", accepted, reason_code, explained)
        yield _marked(f"answered-{accepted:d}-{reason_code}-{explained:d}").act(act, FAR, expect=error)
    nobody = replace(ANSWER, practitioner=ZERO_32)
    yield _marked("answered-by-no-person").act(nobody, FAR, expect=refused("RecognitionsPractitionerMissing"))
    yield _begun("answered-unmarked").act(ANSWER, FAR, expect=refused("RecognitionsNotMarked", ID))
    own = replace(ANSWER, institution=ISSUER)
    yield _marked("answered-by-its-issuer").act(own, CUSTODIAN, expect=refused("RecognitionsOwnResult", ID, ISSUER))
    other = replace(ANSWER, subject_id=subject_of(OTHER))
    error = refused("RecognitionsRecordMismatch", ID, other.subject_id, ISSUER)
    yield _marked("answered-for-another-patient").act(other, FAR, expect=error)


def _of_regions() -> Iterator[Story]:
    for scope, region, within in (
        (MarkScope.NATIONAL, 0, {CITY, PROVINCE, FAR}),
        (MarkScope.PROVINCIAL, 440_000, {CITY, PROVINCE}),
        (MarkScope.CITY, 440_300, {CITY}),
    ):
        mark = replace(MARK, scope=scope, region=region)
        for hospital, stands in REGIONS.items():
            act = replace(ANSWER, institution=key_of(hospital).address)
            beyond = refused("RecognitionsRegionMismatch", act.institution, stands, region)
            name = f"mark-of-{region}-in-{stands}"
            yield _marked(name, mark).act(act, hospital, expect=ACCEPTED if hospital in within else beyond)


def _of_studies() -> Iterator[Story]:
    known = refused("RecognitionsStudyKnown", ID)
    story = _begun("study-registered-twice").act(STUDY, CUSTODIAN)
    yield story.act(replace(STUDY, study_hash=samples.word(0x59)), CUSTODIAN, expect=known)
    yield _begun("study-of-a-marked-result").act(MARK, CUSTODIAN).act(STUDY, CUSTODIAN)
    for name, changes in (
        ("hash", {"study_hash": ZERO_32}),
        ("root", {"instances_root": ZERO_32}),
        ("image", {"instances": 0}),
    ):
        invalid = refused("RecognitionsStudyInvalid")
        yield _begun(f"study-without-{name}").act(replace(STUDY, **changes), CUSTODIAN, expect=invalid)
    for number in (1, 2**32 - 1):
        yield _begun(f"study-of-{number}-images").act(replace(STUDY, instances=number), CUSTODIAN)
    for category in (Category.LABORATORY, Category.PROCEDURE, Category.MEDICATION):
        leaf = replace(LEAF, category=category)
        act = replace(STUDY, record_id=record_id(leaf))
        wrong = refused("RecognitionsCategoryInvalid", act.record_id, category)
        yield _begun(f"study-of-{category.name}".lower(), leaf).act(act, CUSTODIAN, expect=wrong)


def _of_records() -> Iterator[Story]:
    """What an act about a record is refused for, whichever it is."""
    gone = refused("RecognitionsRecordNotCurrent", ID, RecordStatus.SUPERSEDED)
    held = refused("RecognitionsRecordNotCurrent", ID, RecordStatus.RESTRICTED)
    cases: tuple[tuple[str, SignedAct, str], ...] = (
        ("mark", replace(MARK, sign_before=LATER), CUSTODIAN),
        ("answer", ANSWER, FAR),
        ("study", STUDY, CUSTODIAN),
    )
    for name, act, key in cases:
        begun = _marked if name == "answer" else _begun
        yield begun(f"{name}-of-what-gave-way").supersede(LEAF, NEXT, CUSTODIAN).act(act, key, expect=gone)
        yield begun(f"{name}-of-what-is-restricted").act(RESTRICTION, CUSTODIAN).act(act, key, expect=held)
        inactive: Error = refused("RecognitionsInstitutionInactive", key_of(key).address)
        yield begun(f"{name}-while-suspended").suspend(key).act(act, key, expect=inactive)
        nobody = replace(act, institution=key_of(STRANGER).address)
        inactive = refused("RecognitionsInstitutionInactive", key_of(STRANGER).address)
        yield begun(f"{name}-by-nobody").act(nobody, STRANGER, expect=inactive)
    for name, act, key in (cases[0], cases[2]):
        for what, changes in (
            ("no-record", {"record_id": samples.word(9)}),
            ("another-patient", {"subject_id": subject_of(OTHER)}),
            ("another-custodian", {"institution": key_of(FAR).address}),
        ):
            values = {"record_id": ID, "subject_id": subject_of(PATIENT), "institution": ISSUER} | changes
            error = refused("RecognitionsRecordMismatch", *values.values())
            yield _begun(f"{name}-of-{what}").act(replace(act, **changes), key, expect=error)
    missing = replace(ANSWER, record_id=RecordId(samples.word(9)))
    error = refused("RecognitionsNotMarked", missing.record_id)
    yield _marked("answer-of-no-record").act(missing, FAR, expect=error)
    yield _marked("answer-while-its-issuer-is-suspended").suspend(CUSTODIAN).act(ANSWER, FAR)


def histories() -> Iterator[Story]:
    """Gives every history of recognitions and studies."""
    for topic in (_of_marking, _of_answering, _of_regions, _of_studies, _of_records):
        yield from topic()
    yield from signing(_begun, "mark", MARK, (CUSTODIAN,), (FAR, PATIENT))
    yield from signing(_marked, "answer", ANSWER, (FAR,), (CUSTODIAN, PROVINCE, PATIENT), now=NOW + 1)
    yield from signing(_begun, "study", STUDY, (CUSTODIAN,), (FAR, PATIENT))
