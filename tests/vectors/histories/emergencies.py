"""Emergencies as histories: permitted and denied, what they owe, how it is paid, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import (
    DAY,
    EMERGENCY_WINDOW,
    Category,
    EmergencyReason,
    ExclusionKind,
    LegalBasis,
    NoticeBy,
    Purpose,
    Reason,
    ReviewerRole,
    ReviewOutcome,
)
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.exclusions import Exclusion, ExclusionLift, target_of_category, target_of_institution
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, AuthorisationId, ConsentId, RecordId
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import NOW
from tests.vectors.histories.story import (
    NATIONAL,
    START,
    STRANGER,
    Asked,
    Story,
    asked,
    key_of,
    leaf_of,
    refused,
    subject_of,
    terms_of,
)

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "emergencies/hospital"
PATIENT: Final = "emergencies/patient"
OTHER: Final = "emergencies/other patient"
PROVINCE: Final = "emergencies/province"
NEIGHBOUR: Final = "emergencies/neighbouring province"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
OPENED: Final = NOW
REQUEST: Final = 1
DEBT: Final = debt_id(key_of(HOSPITAL).address, REQUEST)
REVIEWER: Final = samples.word(0xE1)
GROUP: Final = samples.group(PAYER.address)
LIMIT: Final = 50
DAY_END: Final = (NOW // DAY + 1) * DAY

Changes = dict[str, Any]


def _emergency(answer: Reason = Reason.NONE, number: int = REQUEST, **changes: Any) -> Asked:  # noqa: ANN401 - members by name
    usual: Changes = {
        "purpose": Purpose.ETREAT,
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.UNCONSCIOUS,
        "reason_hash": samples.word(0xE2),
        "issued_at": NOW - 60,
        "expires_at": NOW - 60 + EMERGENCY_WINDOW,
    }
    return asked(HOSPITAL, LEAF, None, answer, number, **(usual | changes))


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL)
    story.admit_authority(PROVINCE, 440000).admit_authority(NEIGHBOUR, 450000)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def _indebted(name: str) -> Story:
    return _begun(name).decide(_emergency())


def _notice(**changes: Any) -> EmergencyNotice:  # noqa: ANN401 - members
    usual = EmergencyNotice(
        DEBT,
        subject_of(PATIENT),
        key_of(HOSPITAL).address,
        ZERO_32,
        samples.word(0xE3),
        OPENED,
        NoticeBy.CUSTODIAN,
        NOW + 10 * DAY,
    )
    return replace(usual, **changes)


def _review(**changes: Any) -> EmergencyReview:  # noqa: ANN401 - members
    usual = EmergencyReview(
        DEBT,
        subject_of(PATIENT),
        key_of(HOSPITAL).address,
        ZERO_ADDRESS,
        REVIEWER,
        ReviewerRole.PRIVACY_OFFICER,
        ReviewOutcome.JUSTIFIED,
        samples.word(0xE4),
        NOW + 10 * DAY,
    )
    return replace(usual, **changes)


def _by_authority(name: str, **changes: Any) -> EmergencyReview:  # noqa: ANN401 - members
    return _review(role=ReviewerRole.AUTHORITY, authority=key_of(name).address, **changes)


def _of_requests() -> Iterator[Story]:
    incomplete: dict[str, Changes] = {
        "purpose-treatment": {"purpose": Purpose.TREAT},
        "purpose-first-after": {"purpose": Purpose.COC},
        "action-store": {"action": 2},
        "actor-machine": {"actor_kind": 2},
        "reason-code-zero": {"reason_code": 0},
        "reason-code-five": {"reason_code": 5},
        "reason-code-highest": {"reason_code": 255},
        "reason-hash-missing": {"reason_hash": ZERO_32},
        "valid-a-second-too-long": {"expires_at": NOW - 60 + EMERGENCY_WINDOW + 1},
        "valid-for-ever": {"issued_at": 0, "expires_at": 2**64 - 1},
    }
    for name, changes in incomplete.items():
        for whole in (False, True):
            item = _emergency(Reason.EMERGENCY_INCOMPLETE, **changes)
            yield _begun(f"incomplete-{name}{'-whole' if whole else ''}").decide(item, whole=whole)
    for code in EmergencyReason:
        yield _begun(f"permitted-{code.name}".lower()).decide(_emergency(reason_code=code))
    yield _begun("permitted-break-the-glass").decide(_emergency(purpose=Purpose.BTG), whole=True)
    yield _begun("permitted-in-its-last-second").decide(_emergency(issued_at=NOW + 60, expires_at=NOW + 1))
    for name, reason, change in (
        ("expired", Reason.REQUEST_EXPIRED, {"expires_at": NOW}),
        ("early", Reason.REQUEST_NOT_YET_VALID, {"issued_at": NOW + 61, "expires_at": NOW + 90}),
        ("foreign-key", Reason.RELEASE_KEY_MISMATCH, {"release_key_hash": samples.word(1)}),
        ("nobody", Reason.ACTOR_UNKNOWN, {"practitioner": ZERO_32}),
        ("unknown-record", Reason.RECORD_UNKNOWN, {}),
    ):
        item = _emergency(reason, **change)
        if reason == Reason.RECORD_UNKNOWN:
            item = replace(
                asked(HOSPITAL, leaf_of(PATIENT, CUSTODIAN, commitment=samples.word(2)), None, reason),
                request=replace(item.request, record_id=RecordId(samples.word(3))),
            )
        yield _begun(f"denied-{name}").decide(item)
    for name, changes in (
        ("consent", {"consent_id": ConsentId(samples.word(4))}),
        ("authorisation", {"authorisation_id": AuthorisationId(samples.word(4))}),
    ):
        yield _begun(f"rejected-with-{name}").decide(_emergency(Reason.SIGNATURE_INVALID, **changes))
    terms = terms_of(PATIENT, HOSPITAL)
    item = asked(HOSPITAL, LEAF, terms, Reason.SIGNATURE_INVALID, legal_basis=LegalBasis.EMERGENCY)
    yield _begun("rejected-with-a-consent-that-is-in-force").grant(terms, PATIENT).decide(item)
    story = _begun("request-counts-once").decide(_emergency())
    yield story.decide(_emergency(Reason.REQUEST_REPLAYED)).act(_notice(), CUSTODIAN).act(_review(), HOSPITAL)


def _of_exclusions() -> Iterator[Story]:
    for kind, target in (
        (ExclusionKind.INSTITUTION, target_of_institution(key_of(HOSPITAL).address)),
        (ExclusionKind.GROUP, GROUP),
        (ExclusionKind.PRACTITIONER, samples.PRACTITIONER),
        (ExclusionKind.CATEGORY, target_of_category(LEAF.category)),
    ):
        act = Exclusion(subject_of(PATIENT), ZERO_32, kind, target, 1, NOW + DAY)
        lift = ExclusionLift(subject_of(PATIENT), ZERO_32, kind, target, 2, NOW + DAY)
        terms = terms_of(PATIENT, HOSPITAL)
        asked_under = [asked(HOSPITAL, LEAF, terms, Reason.EXCLUDED, 7), asked(HOSPITAL, LEAF, terms, Reason.NONE, 8)]
        for whole in (False, True):
            story = _begun(f"excluded-{kind.name}{'-whole' if whole else ''}".lower()).member(GROUP, HOSPITAL)
            story.grant(terms, PATIENT).act(act, PATIENT)
            story.decide(_emergency(Reason.EXCLUDED), asked_under[0], whole=whole).act(lift, PATIENT)
            yield story.decide(_emergency(number=2), asked_under[1], whole=whole)
    for name, kind, target in (
        ("another-institution", ExclusionKind.INSTITUTION, target_of_institution(key_of(CUSTODIAN).address)),
        ("another-group", ExclusionKind.GROUP, samples.group(PAYER.address, 9)),
        ("another-practitioner", ExclusionKind.PRACTITIONER, samples.word(5)),
        ("another-category", ExclusionKind.CATEGORY, target_of_category(Category.BILLING)),
    ):
        act = Exclusion(subject_of(PATIENT), ZERO_32, kind, target, 1, NOW + DAY)
        terms = terms_of(PATIENT, HOSPITAL)
        story = _begun(f"excluded-{name}").member(GROUP, HOSPITAL).grant(terms, PATIENT).act(act, PATIENT)
        yield story.decide(_emergency(), asked(HOSPITAL, LEAF, terms, Reason.NONE, 8))
    target = target_of_institution(key_of(HOSPITAL).address)
    act = Exclusion(subject_of(OTHER), ZERO_32, ExclusionKind.INSTITUTION, target, 1, NOW + DAY)
    yield _begun("excluded-by-another-patient").act(act, OTHER).decide(_emergency())


def _of_payment() -> Iterator[Story]:
    notice, review = _notice(), _review()
    paid = refused("EmergenciesAlreadyNoticed", DEBT)
    reviewed = refused("EmergenciesAlreadyReviewed", DEBT)
    later, again = replace(notice, sign_before=NOW + 9), replace(review, sign_before=NOW + 9)
    yield (
        _indebted("noticed-then-reviewed")
        .act(notice, CUSTODIAN)
        .act(later, CUSTODIAN, expect=paid)
        .act(review, HOSPITAL)
        .act(again, HOSPITAL, expect=reviewed)
        .act(later, CUSTODIAN, expect=paid)
    )
    yield _indebted("reviewed-then-noticed").act(review, HOSPITAL).act(notice, CUSTODIAN)
    yield _indebted("acknowledged-by-the-patient").act(replace(notice, by=NoticeBy.PATIENT), PATIENT)
    yield _indebted("reviewed-by-an-authority").act(_by_authority(PROVINCE), PROVINCE).act(notice, CUSTODIAN)
    yield _indebted("reviewed-by-the-nation").act(_by_authority(NATIONAL), NATIONAL)
    referral = _review(outcome=ReviewOutcome.REFERRED)
    story = _indebted("referred").act(referral, HOSPITAL)
    story.act(review, HOSPITAL, expect=refused("EmergenciesReferred", DEBT))
    story.act(replace(referral, sign_before=NOW + 9), HOSPITAL, expect=refused("EmergenciesReferred", DEBT))
    outcome = _by_authority(PROVINCE, outcome=ReviewOutcome.NOT_JUSTIFIED)
    yield story.act(outcome, PROVINCE).act(notice, CUSTODIAN)
    yield _indebted("noticed-after-it-was-due").travel(NOW + 5 * DAY).act(notice, CUSTODIAN).act(review, HOSPITAL)
    story = _indebted("paid-while-the-hospital-is-suspended").suspend(HOSPITAL)
    yield story.act(notice, CUSTODIAN).act(review, HOSPITAL)


Wrong = tuple[str, SignedAct, str, str, tuple[Any, ...]]
"""Name of a history, the act, who signs it, and the error with its arguments."""


def _wrong_parties() -> Iterator[Wrong]:
    for name, kind, signer in (("notice", _notice(), CUSTODIAN), ("review", _review(), HOSPITAL)):
        unknown = replace(kind, debt_id=samples.word(9))
        yield f"{name}-of-no-debt", unknown, signer, "DebtUnknown", (samples.word(9),)
        for what, subject, institution in (("subject", OTHER, HOSPITAL), ("institution", PATIENT, CUSTODIAN)):
            parties = subject_of(subject), key_of(institution).address
            act = replace(kind, subject_id=parties[0], institution=parties[1])
            yield f"{name}-of-another-{what}", act, signer, "PartiesMismatch", (DEBT, *parties)


def _wrong_notices() -> Iterator[Wrong]:
    changes: list[Changes] = [{"by": 0}, {"by": 3}, {"guardian": samples.word(8)}, {"notice_hash": ZERO_32}]
    for change in changes:
        act = _notice(**change)
        told = act.by, act.guardian, act.notice_hash
        yield f"notice-{next(iter(change))}-{act.by}", act, CUSTODIAN, "NoticeInvalid", told
    for name, sent in (("before-the-access", OPENED - 1), ("after-this-block", OPENED + 62)):
        times = sent, OPENED, OPENED + 1
        yield f"notice-{name}", _notice(sent_at=sent), CUSTODIAN, "NoticeTimeInvalid", times


def _wrong_reviews() -> Iterator[Wrong]:
    changes: list[Changes] = [{"role": 0}, {"role": 4}, {"outcome": 0}, {"outcome": 4}, {"reason_hash": ZERO_32}]
    for change in changes:
        act = _review(**change)
        name = f"review-{next(iter(change))}-{act.role}-{act.outcome}"
        yield name, act, HOSPITAL, "ReviewInvalid", (act.role, act.outcome, act.reason_hash)
    act = _by_authority(PROVINCE, outcome=ReviewOutcome.REFERRED)
    told = act.role, act.outcome, act.reason_hash
    yield "review-passed-on-by-an-authority", act, PROVINCE, "ReviewInvalid", told
    for name, reviewer in (("nobody", ZERO_32), ("who-looked", samples.PRACTITIONER)):
        yield f"review-by-{name}", _review(reviewer=reviewer), HOSPITAL, "ReviewerInvalid", (DEBT, reviewer)
    hospital = key_of(HOSPITAL).address
    for authority in (NEIGHBOUR, STRANGER, HOSPITAL):
        name = authority.rpartition("/")[2].replace(" ", "-")
        over = key_of(authority).address, hospital
        yield f"review-by-authority-{name}", _by_authority(authority), authority, "AuthorityInvalid", over
    act = _review(authority=key_of(PROVINCE).address)
    over = act.authority, hospital
    yield "review-with-an-authority-that-does-not-act", act, HOSPITAL, "AuthorityInvalid", over


def _of_wrong_acts() -> Iterator[Story]:
    for wrong in (_wrong_parties, _wrong_notices, _wrong_reviews):
        for name, act, signer, error, arguments in wrong():
            yield _indebted(name).act(act, signer, expect=refused(f"Emergencies{error}", *arguments))


def _of_signatures() -> Iterator[Story]:
    acknowledged = _notice(by=NoticeBy.PATIENT)
    for act, usual, others in (
        (_notice(), CUSTODIAN, (HOSPITAL, PATIENT)),
        (acknowledged, PATIENT, (CUSTODIAN, OTHER)),
        (replace(acknowledged, guardian=samples.word(8)), "", (PATIENT,)),
        (_review(), HOSPITAL, (CUSTODIAN, PROVINCE)),
        (_by_authority(PROVINCE), PROVINCE, (HOSPITAL, NATIONAL)),
    ):
        name = f"{type(act).__name__}-{usual.rpartition('/')[2] or 'guardian'}".lower()
        invalid = refused("ActSignatureInvalid", struct_hash(act), 0)
        for other in others:
            yield _indebted(f"{name}-signed-by-{other.rpartition('/')[2]}".replace(" ", "-")).act(
                act, other, expect=invalid
            )
        if not usual:
            continue
        yield _indebted(f"{name}-unsigned").act(act, expect=refused("ActSignaturesMismatch", 0, 1))
        late = replace(act, sign_before=NOW + 1)
        yield _indebted(f"{name}-late").act(late, usual, expect=refused("ActExpired", NOW + 1, NOW + 1))
        repeated = refused("ActRepeated", struct_hash(act))
        yield _indebted(f"{name}-twice").act(act, usual).act(act, usual, expect=repeated)
        relay = refused("ActRelayRequired", key_of(STRANGER).address)
        yield _indebted(f"{name}-passed-on-by-a-stranger").act(act, usual, expect=relay, by=STRANGER)


def _of_limits() -> Iterator[Story]:
    for whole in (False, True):
        many = [_emergency(number=100 + number) for number in range(LIMIT)]
        more = _emergency(Reason.EMERGENCY_LIMIT, 900)
        incomplete = _emergency(Reason.EMERGENCY_INCOMPLETE, 901, reason_code=0)
        terms = terms_of(PATIENT, HOSPITAL)
        consented = asked(HOSPITAL, LEAF, terms, Reason.NONE, 902)
        story = _begun(f"limit-of-a-day{'-whole' if whole else ''}").grant(terms, PATIENT)
        story.decide(*many, more, incomplete, consented, whole=whole)
        story.decide(_emergency(Reason.EMERGENCY_LIMIT, 903)).travel(DAY_END - 1)
        last: Changes = {"issued_at": DAY_END - 30, "expires_at": DAY_END + 30}
        story.decide(_emergency(Reason.EMERGENCY_LIMIT, 904, **last))
        yield story.decide(_emergency(number=905, **last))


def histories() -> Iterator[Story]:
    """Gives every history of emergencies."""
    for topic in (_of_requests, _of_exclusions, _of_payment, _of_wrong_acts, _of_signatures, _of_limits):
        yield from topic()
