"""Batches as histories: each request signed by itself, or all of them at once; what one item means for the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import Purpose, Reason
from consentry.core.terms import ConsentTerms, Material
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.histories.story import (
    START,
    STRANGER,
    Asked,
    Story,
    asked,
    key_of,
    leaf_of,
    refused,
    terms_of,
)

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "batches/hospital"
ELSEWHERE: Final = "batches/other hospital"
PATIENT: Final = "batches/patient"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
TERMS: Final = terms_of(PATIENT, HOSPITAL)
THERE: Final = terms_of(PATIENT, ELSEWHERE)
TWICE: Final = terms_of(PATIENT, HOSPITAL, max_uses=2, nonce=8)
FORMS: Final = ((False, "one-each"), (True, "whole"))


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL).admit(ELSEWHERE).enrol(PATIENT, CUSTODIAN)
    story.anchor(LEAF, CUSTODIAN)
    for terms in (TERMS, THERE, TWICE):
        story.grant(terms, PATIENT)
    return story.travel(NOW)


def _item(number: int, answer: Reason = Reason.NONE, terms: ConsentTerms = TERMS, **changes: Any) -> Asked:  # noqa: ANN401 - members by name
    return asked(HOSPITAL, LEAF, terms, answer, number, **changes)


def _all(*numbers: int, answer: Reason) -> list[Asked]:
    return [_item(number, answer) for number in numbers]


def _of_items() -> Iterator[Story]:
    for whole, form in FORMS:
        for size in (1, 2, 3, 4, 5, 7, 8, 9):
            yield _begun(f"{form}-of-{size}").decide(*map(_item, range(size)), whole=whole)
        denied = _item(2, Reason.PURPOSE_NOT_GRANTED, purpose=Purpose.HRESCH)
        expired = _item(3, Reason.REQUEST_EXPIRED, expires_at=NOW)
        yield _begun(f"{form}-with-denials").decide(_item(1), denied, expired, _item(4), whole=whole)
        replayed = _item(1, Reason.REQUEST_REPLAYED)
        yield _begun(f"{form}-with-a-request-twice").decide(_item(1), replayed, _item(2), whole=whole)
        other = _item(1, Reason.REQUEST_REPLAYED, issued_at=NOW - 9)
        yield _begun(f"{form}-with-an-id-twice").decide(_item(1), other, _item(2), whole=whole)
        story = _begun(f"{form}-denied-and-asked-again")
        yield story.decide(denied, _item(2, Reason.REQUEST_REPLAYED), whole=whole)
        uses = [_item(1, Reason.NONE, TWICE), _item(2, Reason.NONE, TWICE), _item(3, Reason.USES_EXHAUSTED, TWICE)]
        yield _begun(f"{form}-that-uses-a-consent-up").decide(*uses, _item(4), whole=whole)
        both = [_item(1, Reason.NONE, TWICE), _item(2), _item(3, Reason.NONE, TWICE), _item(4)]
        yield _begun(f"{form}-under-two-consents").decide(*both, whole=whole)
        for again, name in FORMS:
            story = _begun(f"{form}-then-{name}").decide(_item(1), _item(2), whole=whole)
            replays = _all(1, 2, answer=Reason.REQUEST_REPLAYED)
            yield story.decide(*replays, _item(3), whole=again)
        relay = refused("AccessLedgerRelayRequired", key_of(STRANGER).address)
        yield _begun(f"{form}-passed-on-by-a-stranger").decide(_item(1), whole=whole, expect=relay, by=STRANGER)
        yield _begun(f"{form}-of-nothing").decide(whole=whole, expect=refused("AccessLedgerBatchMalformed", 0, 0))
        yield _begun(f"{form}-of-nothing-by-a-stranger").decide(whole=whole, expect=relay, by=STRANGER)


def _of_institutions() -> Iterator[Story]:
    there = asked(ELSEWHERE, LEAF, THERE, Reason.NONE, 2)
    yield _begun("one-each-of-two-hospitals").decide(_item(1), there, _item(3))
    for size, items in ((2, (_item(1), there)), (2, (_item(1), there, _item(3)))):
        several = refused("AccessLedgerInstitutionsInvalid", size)
        yield _begun(f"whole-of-{size}-hospitals-in-{len(items)}").decide(*items, whole=True, expect=several)
    for whole, form in FORMS:
        wrong = Reason.SIGNATURE_INVALID
        forged = [replace(_item(number, wrong), key=ELSEWHERE) for number in (1, 2)]
        yield _begun(f"{form}-signed-by-another").decide(*forged, whole=whole)
        unknown = [asked(STRANGER, LEAF, None, Reason.INSTITUTION_UNKNOWN, number) for number in (1, 2)]
        yield _begun(f"{form}-of-nobody").decide(*unknown, whole=whole)
        story = _begun(f"{form}-of-a-suspended-hospital").suspend(HOSPITAL)
        yield story.decide(*_all(1, 2, answer=Reason.INSTITUTION_SUSPENDED), whole=whole)
    mixed = [_item(1), replace(_item(2, Reason.SIGNATURE_INVALID), key=ELSEWHERE), _item(3)]
    yield _begun("one-each-with-one-forged").decide(*mixed)


def _of_relays() -> Iterator[Story]:
    """What a relay does to a batch that was signed as a whole."""
    wrong = Reason.SIGNATURE_INVALID
    signed = _item(3).request
    story = _begun("whole-with-one-left-out").decide(*_all(1, 2, answer=wrong), whole=True, left_out=[signed])
    yield story.decide(_item(1), _item(2), _item(3), whole=True)
    story = _begun("whole-with-all-but-one-left-out")
    yield story.decide(*_all(1, answer=wrong), whole=True, left_out=[_item(2).request, signed])
    shown = [_item(1, wrong), replace(_item(2, wrong), material=Material(LEAF, TWICE))]
    yield _begun("whole-with-other-terms-shown").decide(*shown, whole=True)
    story = _begun("one-each-with-other-terms-shown")
    yield story.decide(_item(1), replace(_item(2, wrong), material=Material(LEAF, TWICE)))
    lying = replace(LEAF, sensitivity=1, commitment=samples.word(2))
    yield _begun("whole-with-a-record-nobody-anchored").decide(
        _item(1), asked(HOSPITAL, lying, TERMS, Reason.RECORD_UNKNOWN, 2), whole=True
    )


def histories() -> Iterator[Story]:
    """Gives every history of batches."""
    for topic in (_of_items, _of_institutions, _of_relays):
        yield from topic()
