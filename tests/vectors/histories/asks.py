"""Asks as histories: answered in full or in part, denied, lapsed, asked again too early, refused for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.asks import COOL_DOWN, LONGEST_OPEN, SHORTEST_OPEN, AskDenial, ConsentAsk
from consentry.core.codes import Action, AskStatus, Assurance, Category, Purpose, Reason, bits
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms
from consentry.core.typed_data import consent_id, struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.family import HOSPITAL as THEIR_HOSPITAL
from tests.vectors.histories.family import MOTHER, PARENT, SHIELD, SUBJECT, with_parent
from tests.vectors.histories.family import PATIENT as MINOR
from tests.vectors.histories.signing import signing
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
HOSPITAL: Final = "asks/hospital"
ELSEWHERE: Final = "asks/other hospital"
PATIENT: Final = "asks/patient"
OTHER: Final = "asks/other patient"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
LAPSES: Final = NOW + 7 * DAY
BOTH: Final = bits(Action.VIEW, Action.STORE)
CATEGORIES: Final = bits(Category.LABORATORY, Category.IMAGING)
PERSON: Final = samples.PRACTITIONER
ROOT: Final = samples.word(0x3007)

Changes = dict[str, Any]
ASK: Final = ConsentAsk(
    institution=key_of(HOSPITAL).address,
    subject_id=subject_of(PATIENT),
    practitioner=ZERO_32,
    purpose=Purpose.TREAT,
    categories=CATEGORIES,
    records_root=ZERO_32,
    actions=BOTH,
    max_sensitivity=3,
    data_from=600,
    data_until=700,
    valid_until=NOW + 30 * DAY,
    max_uses=10,
    notice_hash=samples.word(0xE0),
    notice_version=1,
    lapses_at=LAPSES,
    nonce=1,
    sign_before=NOW + 400 * DAY,
)
ID: Final = struct_hash(ASK)
DENIAL: Final = AskDenial(ID, subject_of(PATIENT), ZERO_32, NOW + 400 * DAY)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL).admit(ELSEWHERE)
    return story.enrol(PATIENT, CUSTODIAN).enrol(OTHER, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def _asked(name: str, ask: ConsentAsk = ASK) -> Story:
    return _begun(name).act(ask, HOSPITAL)


def _answer(ask: ConsentAsk = ASK, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - members
    """Gives the widest answer; what is stored has to be erased the day after."""
    usual: Changes = {
        "practitioner": ask.practitioner,
        "records_root": ask.records_root,
        "categories": ask.categories,
        "actions": ask.actions,
        "valid_until": ask.valid_until,
        "max_uses": ask.max_uses,
        "erase_by": NOW + 100 * DAY if ask.actions == BOTH else 0,
        "nonce": int.from_bytes(struct_hash(ask), "big"),
    }
    return replace(terms_of(PATIENT, HOSPITAL), **(usual | changes))


def _of_answers() -> Iterator[Story]:
    terms = _answer()
    again = refused("ConsentsAlreadyGranted", consent_id(terms))
    story = _asked("answered-in-full").grant(terms, PATIENT).grant(terms, PATIENT, again)
    second = _answer(notice_version=2)
    story.grant(second, PATIENT, refused("AsksNotOpen", ID, AskStatus.ANSWERED))
    yield story.decide(asked(HOSPITAL, LEAF, terms, Reason.NONE))
    narrower: dict[str, Changes] = {
        "practitioner": {"practitioner": PERSON},
        "categories": {"categories": bits(Category.IMAGING)},
        "actions": {"actions": bits(Action.VIEW), "erase_by": 0},
        "sensitivity": {"max_sensitivity": 1},
        "first-month": {"data_from": 601},
        "last-month": {"data_until": 699},
        "end": {"valid_until": ASK.valid_until - 1},
        "uses": {"max_uses": 9},
        "beginning": {"valid_from": NOW + DAY},
        "notice": {"notice_hash": samples.word(0xE1), "notice_version": 7},
    }
    for name, changes in narrower.items():
        yield _asked(f"answered-with-another-{name}").grant(_answer(**changes), PATIENT)
    wider: dict[str, Changes] = {
        "institution": {"institution": key_of(ELSEWHERE).address},
        "group": {"institution": ZERO_ADDRESS, "group": samples.word(0x61)},
        "purpose": {"purposes": bits(Purpose.COC)},
        "purposes": {"purposes": bits(Purpose.TREAT, Purpose.COC)},
        "records": {"records_root": ROOT, "categories": 0},
        "category": {"categories": CATEGORIES | bits(Category.BILLING)},
        "other-category": {"categories": bits(Category.BILLING)},
        "sensitivity": {"max_sensitivity": 4},
        "first-month": {"data_from": 599},
        "last-month": {"data_until": 701},
        "end": {"valid_until": ASK.valid_until + 1},
        "uses": {"max_uses": 11},
    }
    for name, changes in wider.items():
        error = refused("AsksAnswerWider", ID)
        yield _asked(f"answered-with-a-wider-{name}").grant(_answer(**changes), PATIENT, error).grant(terms, PATIENT)


def _of_other_asks() -> Iterator[Story]:
    looking = replace(ASK, actions=bits(Action.VIEW))
    wider = refused("AsksAnswerWider", struct_hash(looking))
    storing = _answer(looking, actions=BOTH, erase_by=NOW + DAY)
    yield _asked("answered-with-storing", looking).grant(storing, PATIENT, wider).grant(_answer(looking), PATIENT)
    person = replace(ASK, practitioner=PERSON)
    wider = refused("AsksAnswerWider", struct_hash(person))
    story = _asked("asked-for-a-practitioner", person)
    for other in (ZERO_32, samples.word(0x9B)):
        story.grant(_answer(person, practitioner=other), PATIENT, wider)
    yield story.grant(_answer(person), PATIENT)
    records = replace(ASK, records_root=ROOT, categories=0, max_sensitivity=5)
    wider = refused("AsksAnswerWider", struct_hash(records))
    story = _asked("asked-for-records", records)
    for changes in ({"records_root": samples.word(0x3008)}, {"records_root": ZERO_32, "categories": CATEGORIES}):
        story.grant(_answer(records, **changes), PATIENT, wider)
    yield story.grant(_answer(records, max_sensitivity=5), PATIENT)
    unasked = _answer(nonce=2)
    yield _asked("granted-beside-an-ask").grant(replace(unasked, max_uses=11), PATIENT).grant(_answer(), PATIENT)
    yield _begun("answered-before-it-was-asked").grant(_answer(max_uses=11), PATIENT).act(ASK, HOSPITAL)
    mismatch = refused("AsksSubjectMismatch", ID, subject_of(OTHER))
    yield _asked("answered-by-another-patient").grant(_answer(subject_id=subject_of(OTHER)), OTHER, mismatch)
    forged = refused("ConsentsSignatureInvalid", consent_id(_answer()), subject_of(PATIENT))
    yield _asked("answered-by-who-asked").grant(_answer(), HOSPITAL, forged)
    story = _asked("answered-and-taken-back").grant(_answer(), PATIENT).revoke(_answer(), PATIENT)
    yield story.act(replace(ASK, nonce=2), HOSPITAL)
    story = _asked("taken-back-before-it-was-answered").revoke(_answer(), PATIENT)
    story.grant(_answer(), PATIENT, refused("ConsentsAlreadyRevoked", consent_id(_answer())))
    yield story.grant(_answer(max_uses=9), PATIENT)


def _of_denials() -> Iterator[Story]:
    later = replace(DENIAL, sign_before=NOW + 99 * DAY)
    story = _asked("denied").act(DENIAL, PATIENT)
    story.act(later, PATIENT, expect=refused("AsksNotOpen", ID, AskStatus.DENIED))
    yield story.grant(_answer(), PATIENT, refused("AsksNotOpen", ID, AskStatus.DENIED))
    yield _begun("denied-before-it-was-asked").act(DENIAL, PATIENT, expect=refused("AsksNotOpen", ID, AskStatus.NONE))
    answered = refused("AsksNotOpen", ID, AskStatus.ANSWERED)
    yield _asked("denied-after-it-was-answered").grant(_answer(), PATIENT).act(DENIAL, PATIENT, expect=answered)
    other = replace(DENIAL, subject_id=subject_of(OTHER))
    mismatch = refused("AsksSubjectMismatch", ID, other.subject_id)
    yield _asked("denied-by-another-patient").act(other, OTHER, expect=mismatch)
    for seconds in (-1, 0, 1):
        lapsed = refused("AsksNotOpen", ID, AskStatus.LAPSED)
        expect = lapsed if seconds >= 0 else ACCEPTED
        yield (
            _asked(f"denied-{seconds}-seconds-after-it-lapsed")
            .travel(LAPSES + seconds)
            .act(DENIAL, PATIENT, expect=expect)
        )
        yield (
            _asked(f"answered-{seconds}-seconds-after-it-lapsed")
            .travel(LAPSES + seconds)
            .grant(_answer(), PATIENT, expect)
        )


def _of_quiet() -> Iterator[Story]:
    again = replace(ASK, nonce=2, lapses_at=NOW + 80 * DAY, valid_until=NOW + 90 * DAY)
    others = {
        "for-another-purpose": (replace(again, purpose=Purpose.COC), HOSPITAL),
        "by-another-hospital": (replace(again, institution=key_of(ELSEWHERE).address), ELSEWHERE),
        "of-another-patient": (replace(again, subject_id=subject_of(OTHER)), HOSPITAL),
    }
    for name, (ask, hospital) in others.items():
        yield _asked(f"asked-again-{name}").act(ask, hospital)
        yield _asked(f"asked-after-a-denial-{name}").act(DENIAL, PATIENT).act(ask, hospital)
    ends = NOW + 1 + COOL_DOWN
    cooling = refused("AsksCoolingDown", ASK.institution, ASK.subject_id, ASK.purpose, ends)
    for seconds in (-1, 0, 1):
        story = _asked(f"asked-again-{seconds}-seconds-after-the-cool-down").act(DENIAL, PATIENT).travel(ends + seconds)
        yield story.act(again, HOSPITAL, expect=cooling if seconds < 0 else ACCEPTED)
        story = _asked(f"asked-again-{seconds}-seconds-after-it-lapsed").travel(LAPSES + seconds)
        yield story.act(again, HOSPITAL, expect=refused("AsksStillOpen", ID) if seconds < 0 else ACCEPTED)
    yield _asked("asked-again-at-once-after-a-denial").act(DENIAL, PATIENT).act(again, HOSPITAL, expect=cooling)
    yield _asked("asked-again-while-open").act(again, HOSPITAL, expect=refused("AsksStillOpen", ID))
    yield _asked("asked-again-after-an-answer").grant(_answer(), PATIENT).act(again, HOSPITAL)
    second = struct_hash(again)
    story = _asked("denied-answered-and-denied").act(DENIAL, PATIENT).travel(ends).act(again, HOSPITAL)
    story.act(replace(DENIAL, ask_id=second), PATIENT)
    third = refused("AsksCoolingDown", ASK.institution, ASK.subject_id, ASK.purpose, ends + 1 + COOL_DOWN)
    yield story.travel(ends + COOL_DOWN).act(replace(again, nonce=3), HOSPITAL, expect=third)


Wrong = tuple[str, Changes, str, tuple[Any, ...]]


def _wrong_asks() -> Iterator[Wrong]:
    nobody, unknown = key_of(STRANGER).address, subject_of("asks/nobody")
    yield "nobody-asks", {"institution": nobody}, "AsksInstitutionInactive", (nobody,)
    yield "nobody-is-asked", {"subject_id": unknown}, "AsksSubjectUnknown", (unknown,)
    yield "scope-none", {"categories": 0}, "ConsentsScopeInvalid", (ZERO_32, 0)
    yield "scope-both", {"records_root": ROOT}, "ConsentsScopeInvalid", (ROOT, CATEGORIES)
    yield "category-zero", {"categories": 1}, "ConsentsScopeInvalid", (ZERO_32, 1)
    yield "category-thirteen", {"categories": 1 << 13}, "ConsentsScopeInvalid", (ZERO_32, 1 << 13)
    for purpose, told in ((0, 1), (16, 1 << 16), (31, 1 << 31), (32, 0), (255, 0)):
        yield f"purpose-{purpose}", {"purpose": purpose}, "ConsentsPurposesInvalid", (told,)
    for actions in (0, 1, 8, 255):
        yield f"actions-{actions}", {"actions": actions}, "ConsentsActionsInvalid", (actions,)
    for level in (0, 5, 255):
        yield f"sensitivity-{level}", {"max_sensitivity": level}, "ConsentsSensitivityInvalid", (level,)
    yield "months-reversed", {"data_from": 701}, "ConsentsDataPeriodInvalid", (701, 700)
    for end in (0, NOW):
        yield f"over-since-{NOW - end}-seconds", {"valid_until": end}, "ConsentsPeriodInvalid", (0, end, NOW)
    yield "no-use", {"max_uses": 0}, "ConsentsUsesInvalid", (0,)
    yield "no-notice", {"notice_hash": ZERO_32}, "ConsentsNoticeMissing", (ZERO_32, 1)
    yield "no-version", {"notice_version": 0}, "ConsentsNoticeMissing", (ASK.notice_hash, 0)
    for after in (-1, 0, SHORTEST_OPEN - 1, LONGEST_OPEN + 1):
        told_lapse = (NOW + after, NOW + SHORTEST_OPEN, NOW + LONGEST_OPEN)
        yield f"lapses-after-{after}", {"lapses_at": NOW + after}, "AsksLapseInvalid", told_lapse


def _of_asking() -> Iterator[Story]:
    for name, changes, error, arguments in _wrong_asks():
        yield _begun(f"ask-{name}").act(replace(ASK, **changes), HOSPITAL, expect=refused(error, *arguments))
    fitting: dict[str, Changes] = {
        "lapses-as-soon-as-can-be": {"lapses_at": NOW + SHORTEST_OPEN},
        "lapses-as-late-as-can-be": {"lapses_at": NOW + LONGEST_OPEN},
        "ends-in-a-second": {"valid_until": NOW + 1},
        "purpose-last": {"purpose": 15},
        "category-last": {"categories": bits(Category.BILLING)},
        "sensitivity-four": {"max_sensitivity": 4},
        "month-only": {"data_from": 700},
        "use-only": {"max_uses": 1},
        "records-of-level-five": {"records_root": ROOT, "categories": 0, "max_sensitivity": 5},
    }
    for name, changes in fitting.items():
        yield _begun(f"ask-{name}").act(replace(ASK, **changes), HOSPITAL)
    inactive = refused("AsksInstitutionInactive", ASK.institution)
    yield _begun("ask-while-suspended").suspend(HOSPITAL).act(ASK, HOSPITAL, expect=inactive)
    yield _begun("ask-after-reinstatement").suspend(HOSPITAL).reinstate(HOSPITAL).act(ASK, HOSPITAL)
    wrong: Changes = {
        "institution": key_of(STRANGER).address,
        "subject_id": subject_of("asks/nobody"),
        "categories": 0,
        "lapses_at": 0,
    }
    errors = (
        refused("AsksInstitutionInactive", wrong["institution"]),
        refused("AsksSubjectUnknown", wrong["subject_id"]),
        refused("ConsentsScopeInvalid", ZERO_32, 0),
        refused("AsksLapseInvalid", 0, NOW + 4 + SHORTEST_OPEN, NOW + 4 + LONGEST_OPEN),
        refused("AsksStillOpen", ID),
    )
    story = _asked("ask-in-the-order-of-errors")
    for expected in errors:
        story.act(replace(ASK, nonce=2, **wrong), STRANGER, expect=expected)
        wrong.pop(next(iter(wrong), ""), None)
    yield story


def _of_minors() -> Iterator[Story]:
    ask = replace(ASK, institution=key_of(THEIR_HOSPITAL).address, subject_id=SUBJECT)
    denial = AskDenial(struct_hash(ask), SUBJECT, struct_hash(PARENT), DENIAL.sign_before)
    yield with_parent("parent-denies-what-a-minor-was-asked").act(ask, THEIR_HOSPITAL).act(denial, MOTHER)
    story = with_parent("parent-denies-what-a-shielded-minor-was-asked", SHIELD).act(ask, THEIR_HOSPITAL)
    story.act(denial, MOTHER, expect=refused("ActSignatureInvalid", struct_hash(denial), 0))
    yield story.act(replace(denial, guardian=ZERO_32), MINOR)
    own = replace(_answer(ask), subject_id=SUBJECT, institution=ask.institution)
    theirs = replace(own, guardian=struct_hash(PARENT), assurance=Assurance.GUARDIAN)
    yield with_parent("parent-answers-what-a-minor-was-asked").act(ask, THEIR_HOSPITAL).grant(theirs, MOTHER)
    shielded = refused("AsksShielded", struct_hash(ask), theirs.guardian)
    story = with_parent("parent-answers-what-a-shielded-minor-was-asked", SHIELD).act(ask, THEIR_HOSPITAL)
    story.grant(theirs, MOTHER, shielded).grant(replace(theirs, max_uses=ask.max_uses + 1), MOTHER, shielded)
    yield story.grant(own, MINOR).grant(replace(theirs, nonce=8), MOTHER)


def histories() -> Iterator[Story]:
    """Gives every history of asks."""
    for topic in (_of_answers, _of_other_asks, _of_denials, _of_quiet, _of_asking, _of_minors):
        yield from topic()
    yield from signing(_begun, "ask", ASK, (HOSPITAL,), (ELSEWHERE, PATIENT, CUSTODIAN))
    yield from signing(_asked, "denial", DENIAL, (PATIENT,), (OTHER, HOSPITAL, CUSTODIAN), now=NOW + 1)
