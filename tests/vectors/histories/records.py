"""Records as histories: anchored, superseded, restricted, and refused for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import EmergencyReason, LegalBasis, Purpose, Reason, RecordStatus, RestrictionReason
from consentry.core.erasures import CorrectionRequest, Restriction
from consentry.core.terms import ZERO_32, ZERO_ADDRESS
from consentry.core.typed_data import record_id, struct_hash
from tests.support import samples
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
HOSPITAL: Final = "records/hospital"
PATIENT: Final = "records/patient"
OTHER: Final = "records/other patient"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
FIRST: Final = record_id(LEAF)
NEXT: Final = replace(LEAF, previous=FIRST, lineage=FIRST, version=2, commitment=samples.word(0xC2))
SECOND: Final = record_id(NEXT)
THIRD: Final = replace(NEXT, previous=SECOND, version=3, commitment=samples.word(0xC3))
TERMS: Final = terms_of(PATIENT, HOSPITAL)
LATER: Final = NOW + 90 * DAY

Changes = dict[str, Any]
Wrong = tuple[str, Changes, str, tuple[Any, ...]]
RESTRICTION: Final = Restriction(
    FIRST,
    key_of(CUSTODIAN).address,
    subject_of(PATIENT),
    restricted=True,
    reason_code=RestrictionReason.RETENTION_RUNS,
    nonce=1,
    sign_before=LATER,
)
CORRECTION: Final = CorrectionRequest(
    FIRST, key_of(CUSTODIAN).address, subject_of(PATIENT), ZERO_32, samples.word(0x66), 1, LATER
)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).travel(NOW)


def _anchored(name: str) -> Story:
    return _begun(name).anchor(LEAF, CUSTODIAN)


def _restricted(name: str) -> Story:
    return _anchored(name).act(RESTRICTION, CUSTODIAN)


def _lift(**changes: Any) -> Restriction:  # noqa: ANN401 - members
    return replace(RESTRICTION, restricted=False, nonce=2, **changes)


def _wrong_leaves() -> Iterator[Wrong]:
    """What any version is refused for."""
    nobody, custodian = key_of(STRANGER).address, LEAF.custodian
    yield "of-nobody", {"custodian": nobody}, "CustodianInactive", (nobody,)
    hospital = key_of(HOSPITAL).address
    yield "of-another", {"custodian": hospital}, "SubjectMismatch", (LEAF.subject_id, hospital, custodian)
    unknown = subject_of("records/nobody")
    yield "about-nobody", {"subject_id": unknown}, "SubjectMismatch", (unknown, custodian, ZERO_ADDRESS)
    for category in (0, 13, 255):
        yield f"category-{category}", {"category": category}, "CategoryInvalid", (category,)
    for level in (0, 6, 255):
        yield f"sensitivity-{level}", {"sensitivity": level}, "SensitivityInvalid", (level,)
    for suite in (0, 2, 2**16 - 1):
        yield f"suite-{suite}", {"suite": suite}, "SuiteUnknown", (suite,)
    for retention in (0, 3, 255):
        yield f"retention-{retention}", {"retention": retention}, "RetentionUnknown", (retention,)
    for member, value in (("ciphertext_digest", ZERO_32), ("commitment", ZERO_32), ("ciphertext_size", 0)):
        yield f"without-{member}".replace("_", "-"), {member: value}, "DigestMissing", ()


def _of_anchoring() -> Iterator[Story]:
    again = refused("RecordsAlreadyAnchored", FIRST)
    yield _anchored("anchored-twice").anchor(LEAF, CUSTODIAN, again)
    yield _anchored("anchored-again-as-a-next-version").supersede(LEAF, LEAF, CUSTODIAN, again)
    first: tuple[Wrong, ...] = (
        ("after-another", {"previous": samples.word(1)}, "PreviousMismatch", (samples.word(1), ZERO_32)),
        ("version-zero", {"version": 0}, "VersionInvalid", (0, 1)),
        ("version-two", {"version": 2}, "VersionInvalid", (2, 1)),
        ("in-a-line", {"lineage": samples.word(1)}, "LineageMismatch", (samples.word(1), ZERO_32)),
    )
    for name, changes, error, arguments in (*_wrong_leaves(), *first):
        leaf = replace(LEAF, **changes)
        yield _begun(f"anchor-{name}").anchor(leaf, CUSTODIAN, refused(f"Records{error}", *arguments))
    fitting: dict[str, Changes] = {
        **{f"category-{category}": {"category": category} for category in range(1, 13)},
        **{f"sensitivity-{level}": {"sensitivity": level} for level in range(1, 6)},
        "inpatient": {"retention": 2},
        "month-zero": {"data_month": 0},
        "month-last": {"data_month": 2**16 - 1},
        "size-one": {"ciphertext_size": 1},
        "size-largest": {"ciphertext_size": 2**64 - 1},
    }
    for name, changes in fitting.items():
        yield _begun(f"anchor-with-{name}").anchor(replace(LEAF, **changes), CUSTODIAN)
    suspended = refused("RecordsCustodianInactive", LEAF.custodian)
    yield _begun("anchor-while-suspended").suspend(CUSTODIAN).anchor(LEAF, CUSTODIAN, suspended)
    forged = refused("RecordsSignatureInvalid", FIRST, LEAF.custodian)
    for other in (HOSPITAL, PATIENT):
        yield _begun(f"anchor-signed-by-{short(other)}").anchor(LEAF, other, forged)
    relay = refused("RecordsRelayRequired", key_of(STRANGER).address)
    yield _begun("anchor-passed-on-by-a-stranger").anchor(LEAF, CUSTODIAN, relay, by=STRANGER)
    story = _begun("anchor-in-the-order-of-errors")
    wrong: Changes = {"category": 0, "sensitivity": 0, "suite": 0, "retention": 0, "commitment": ZERO_32}
    wrong |= {"previous": samples.word(1), "version": 0, "lineage": samples.word(1)}
    for error_ in (
        refused("RecordsCategoryInvalid", 0),
        refused("RecordsSensitivityInvalid", 0),
        refused("RecordsSuiteUnknown", 0),
        refused("RecordsRetentionUnknown", 0),
        refused("RecordsDigestMissing"),
        refused("RecordsPreviousMismatch", samples.word(1), ZERO_32),
        refused("RecordsVersionInvalid", 0, 1),
        refused("RecordsLineageMismatch", samples.word(1), ZERO_32),
        forged,
    ):
        story.anchor(replace(LEAF, **wrong), HOSPITAL, error_)
        wrong.pop(next(iter(wrong), ""), None)
    yield story


def _of_superseding() -> Iterator[Story]:
    story = _anchored("three-versions").supersede(LEAF, NEXT, CUSTODIAN).supersede(NEXT, THIRD, CUSTODIAN)
    items = [
        asked(HOSPITAL, leaf, TERMS, reason, number)
        for number, (leaf, reason) in enumerate(
            ((LEAF, Reason.RECORD_SUPERSEDED), (NEXT, Reason.RECORD_SUPERSEDED), (THIRD, Reason.NONE)), start=1
        )
    ]
    yield story.grant(TERMS, PATIENT).decide(*items)
    for name, changes, error, arguments in _wrong_leaves():
        if name not in ("of-nobody", "of-another", "about-nobody"):
            leaf = replace(NEXT, **changes)
            yield _anchored(f"next-{name}").supersede(LEAF, leaf, CUSTODIAN, refused(f"Records{error}", *arguments))
    unknown = replace(LEAF, commitment=samples.word(0xBAD))
    wrong: tuple[Wrong, ...] = (
        ("after-nothing", {"previous": ZERO_32}, "PreviousMismatch", (ZERO_32, FIRST)),
        ("after-another", {"previous": samples.word(1)}, "PreviousMismatch", (samples.word(1), FIRST)),
        (
            "of-another-patient",
            {"subject_id": subject_of(OTHER)},
            "SubjectChanged",
            (subject_of(OTHER), subject_of(PATIENT)),
        ),
        ("version-one", {"version": 1}, "VersionInvalid", (1, 2)),
        ("version-three", {"version": 3}, "VersionInvalid", (3, 2)),
        ("without-a-line", {"lineage": ZERO_32}, "LineageMismatch", (ZERO_32, FIRST)),
        ("in-another-line", {"lineage": samples.word(1)}, "LineageMismatch", (samples.word(1), FIRST)),
        ("less-sensitive", {"sensitivity": 1}, "SensitivityLowered", (1, 2)),
    )
    for name, changes, error, arguments in wrong:
        leaf = replace(NEXT, **changes)
        yield _anchored(f"next-{name}").supersede(LEAF, leaf, CUSTODIAN, refused(f"Records{error}", *arguments))
    line = refused("RecordsLineageMismatch", SECOND, FIRST)
    story = _anchored("third-in-the-line-of-the-second").supersede(LEAF, NEXT, CUSTODIAN)
    yield story.supersede(NEXT, replace(THIRD, lineage=SECOND), CUSTODIAN, line)
    for level in (2, 3, 5):
        yield _anchored(f"next-of-level-{level}").supersede(LEAF, replace(NEXT, sensitivity=level), CUSTODIAN)
    other = replace(NEXT, category=3, retention=2, data_month=1)
    yield _anchored("next-of-another-class").supersede(LEAF, other, CUSTODIAN)
    from_nothing = replace(NEXT, previous=record_id(unknown), lineage=record_id(unknown))
    missing = refused("RecordsPreviousNotCurrent", record_id(unknown), RecordStatus.NONE)
    yield _anchored("next-of-what-was-never-anchored").supersede(unknown, from_nothing, CUSTODIAN, missing)
    story = _anchored("next-of-what-gave-way").supersede(LEAF, NEXT, CUSTODIAN)
    twin = replace(NEXT, commitment=samples.word(0xC4))
    yield story.supersede(LEAF, twin, CUSTODIAN, refused("RecordsPreviousNotCurrent", FIRST, RecordStatus.SUPERSEDED))
    held = refused("RecordsPreviousNotCurrent", FIRST, RecordStatus.RESTRICTED)
    yield _restricted("next-of-what-is-restricted").supersede(LEAF, NEXT, CUSTODIAN, held)
    suspended = refused("RecordsCustodianInactive", LEAF.custodian)
    yield _anchored("next-while-suspended").suspend(CUSTODIAN).supersede(LEAF, NEXT, CUSTODIAN, suspended)
    for signer in (HOSPITAL, PATIENT):
        forged = refused("RecordsSignatureInvalid", SECOND, LEAF.custodian)
        yield _anchored(f"next-signed-by-{short(signer)}").supersede(LEAF, NEXT, signer, forged)
    relay = refused("RecordsRelayRequired", key_of(STRANGER).address)
    yield _anchored("next-passed-on-by-a-stranger").supersede(LEAF, NEXT, CUSTODIAN, relay, by=STRANGER)


def _of_restricting() -> Iterator[Story]:
    for whole in (False, True):
        end = "-whole" if whole else ""
        story = _anchored(f"restricted-and-lifted{end}").grant(TERMS, PATIENT).act(RESTRICTION, CUSTODIAN)
        story.decide(asked(HOSPITAL, LEAF, TERMS, Reason.RECORD_RESTRICTED), whole=whole).act(_lift(), CUSTODIAN)
        yield story.decide(asked(HOSPITAL, LEAF, TERMS, Reason.NONE, 2), whole=whole)
        emergency = asked(
            HOSPITAL,
            LEAF,
            None,
            Reason.RECORD_RESTRICTED,
            purpose=Purpose.ETREAT,
            legal_basis=LegalBasis.EMERGENCY,
            reason_code=EmergencyReason.UNCONSCIOUS,
            reason_hash=samples.word(0xE2),
        )
        duty = asked(HOSPITAL, LEAF, None, Reason.RECORD_RESTRICTED, 2, legal_basis=LegalBasis.STATUTORY_DUTY)
        yield _restricted(f"restricted-for-everybody{end}").decide(emergency, duty, whole=whole)
    for ground in RestrictionReason:
        act = replace(RESTRICTION, reason_code=ground)
        yield _anchored(f"restricted-for-{ground.name}".lower()).act(act, CUSTODIAN)
    for code in (0, 5, 255):
        unknown = refused("ErasuresReasonUnknown", code)
        act = replace(RESTRICTION, reason_code=code)
        yield _anchored(f"restricted-for-reason-{code}").act(act, CUSTODIAN, expect=unknown)
        yield _restricted(f"lifted-for-reason-{code}").act(_lift(reason_code=code), CUSTODIAN, expect=unknown)
    again = replace(RESTRICTION, nonce=3)
    status = "ErasuresStatusInvalid"
    held = refused(status, FIRST, RecordStatus.RESTRICTED)
    yield _restricted("restricted-twice").act(again, CUSTODIAN, expect=held)
    yield _anchored("lifted-before").act(_lift(), CUSTODIAN, expect=refused(status, FIRST, RecordStatus.CURRENT))
    gone = refused(status, FIRST, RecordStatus.SUPERSEDED)
    story = _anchored("restricted-after-it-gave-way").supersede(LEAF, NEXT, CUSTODIAN)
    yield story.act(RESTRICTION, CUSTODIAN, expect=gone).act(_lift(), CUSTODIAN, expect=gone)
    story = _restricted("restricted-lifted-restricted").act(_lift(), CUSTODIAN)
    yield story.act(RESTRICTION, CUSTODIAN, expect=refused("ActRepeated", struct_hash(RESTRICTION))).act(
        again, CUSTODIAN
    )


def _of_correcting() -> Iterator[Story]:
    yield _anchored("corrected").act(CORRECTION, PATIENT).supersede(LEAF, NEXT, CUSTODIAN)
    yield _restricted("correction-of-what-is-restricted").act(CORRECTION, PATIENT)
    gone = refused("ErasuresStatusInvalid", FIRST, RecordStatus.SUPERSEDED)
    story = _anchored("correction-of-what-gave-way").supersede(LEAF, NEXT, CUSTODIAN)
    yield story.act(CORRECTION, PATIENT, expect=gone).act(replace(CORRECTION, record_id=SECOND), PATIENT)
    bare = replace(CORRECTION, reason_hash=ZERO_32)
    yield _anchored("correction-without-a-reason").act(bare, PATIENT, expect=refused("ErasuresDigestMissing"))
    suspended = _anchored("correction-while-the-custodian-is-suspended").suspend(CUSTODIAN)
    yield suspended.act(CORRECTION, PATIENT)
    yield _anchored("correction-asked-for-twice").act(CORRECTION, PATIENT).act(replace(CORRECTION, nonce=2), PATIENT)


def _of_other_records() -> Iterator[Story]:
    for name, act, key in (("restriction", RESTRICTION, CUSTODIAN), ("correction", CORRECTION, PATIENT)):
        for what, changes in (
            ("no-record", {"record_id": samples.word(9)}),
            ("another-patient", {"subject_id": subject_of(OTHER)}),
            ("another-custodian", {"institution": key_of(HOSPITAL).address}),
        ):
            wrong = replace(act, **changes)
            error = refused("ErasuresRecordMismatch", wrong.record_id, wrong.subject_id, wrong.institution)
            yield _anchored(f"{name}-of-{what}").act(wrong, key, expect=error)
    inactive = refused("ErasuresInstitutionInactive", RESTRICTION.institution)
    yield _anchored("restriction-while-suspended").suspend(CUSTODIAN).act(RESTRICTION, CUSTODIAN, expect=inactive)
    nobody = replace(RESTRICTION, institution=key_of(STRANGER).address)
    inactive = refused("ErasuresInstitutionInactive", nobody.institution)
    yield _anchored("restriction-by-nobody").act(nobody, STRANGER, expect=inactive)


def histories() -> Iterator[Story]:
    """Gives every history of records until their end."""
    for topic in (_of_anchoring, _of_superseding, _of_restricting, _of_correcting, _of_other_records):
        yield from topic()
    others = (HOSPITAL, PATIENT)
    yield from signing(_anchored, "restriction", RESTRICTION, (CUSTODIAN,), others, now=NOW + 1)
    yield from signing(_anchored, "correction", CORRECTION, (PATIENT,), (OTHER, CUSTODIAN, HOSPITAL), now=NOW + 1)
