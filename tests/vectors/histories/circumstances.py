"""What is noted of a subject, as histories: minority until a quarter, its shield, a death, and the directive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import (
    Assurance,
    DirectiveAnswer,
    EmergencyReason,
    GuardianKind,
    GuardianScope,
    LegalBasis,
    Purpose,
    Reason,
    bits,
)
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import consent_id, struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.family import (
    COURT,
    CUSTODIAN,
    DEATH,
    DELEGATE,
    HOSPITAL,
    LEAF,
    MINORITY,
    MOTHER,
    OF_AGE,
    OTHER,
    PARENT,
    PATIENT,
    PROOF,
    RELATIVE,
    SHIELD,
    SUBJECT,
    appointment,
    begun,
    directive,
    guarded,
    note,
    noted,
    removal,
    with_delegate,
    with_parent,
    with_relative,
)
from tests.vectors.histories.signing import signing
from tests.vectors.histories.story import ACCEPTED, Asked, Error, Story, asked, key_of, refused, subject_of, terms_of

JULY: Final = 1_814_400_000
"""1 July 2027, the quarter after the one in which the patient comes of age."""
APRIL_2045: Final = 2_374_617_600
JULY_2045: Final = 2_382_480_000
"""The second is too far ahead of January 2027: nobody is a minor for more than eighteen years and a quarter."""
LONGEST: Final = 6_667 * DAY
"""Eighteen years with five leap days, and a quarter of 92 days."""
ALLOW: Final = DirectiveAnswer.ALLOW
FORBID: Final = DirectiveAnswer.FORBID


def _emergency(answer: Reason, number: int = 1) -> Asked:
    return asked(
        HOSPITAL,
        LEAF,
        None,
        answer,
        number,
        purpose=Purpose.ETREAT,
        legal_basis=LegalBasis.EMERGENCY,
        reason_code=EmergencyReason.UNCONSCIOUS,
        reason_hash=samples.word(0xE2),
    )


def _of_ends() -> Iterator[Story]:
    for end, valid in (
        (OF_AGE - 1, False),
        (OF_AGE, True),
        (OF_AGE + 1, False),
        (OF_AGE + DAY, False),
        (1_803_859_200, False),  # 1 March 2027
        (1_798_761_600, False),  # 1 January 2027, which is over
        (JULY, True),
        (APRIL_2045, True),
        (JULY_2045, False),
        (2**64 - 1, False),
    ):
        wrong = refused("GuardianshipMinorEndInvalid", end, 0)
        yield begun(f"minor-until-{end}").act(note(minor_until=end), CUSTODIAN, expect=ACCEPTED if valid else wrong)
    for seconds in (-1, 0):
        ahead = refused("GuardianshipMinorEndInvalid", JULY_2045, 0)
        story = begun(f"longest-minority-{seconds}-seconds-later").travel(JULY_2045 - LONGEST + seconds)
        act = note(minor_until=JULY_2045, sign_before=2**63)
        yield story.act(act, CUSTODIAN, expect=ahead if seconds else ACCEPTED)
    for name, end in (("earlier", OF_AGE), ("later", APRIL_2045)):
        first = note(minor_until=JULY)
        yield noted(f"end-put-{name}", first).act(note(minor_until=end, nonce=2), CUSTODIAN)
    error = refused("GuardianshipMinorEndInvalid", 0, OF_AGE)
    yield noted("end-taken-away", MINORITY).act(note(minor_until=0, nonce=2), CUSTODIAN, expect=error)
    for seconds in (-1, 0):
        again = note(minor_until=JULY, nonce=2)
        over = refused("GuardianshipMinorEndInvalid", JULY, OF_AGE)
        story = noted(f"end-put-later-{seconds}-seconds-after-it", MINORITY).travel(OF_AGE + seconds)
        yield story.act(again, CUSTODIAN, expect=ACCEPTED if seconds else over)
    yield noted("noted-again-after-the-end", MINORITY).travel(OF_AGE).act(note(nonce=2), CUSTODIAN)
    yield noted("death-noted-after-the-end", MINORITY).travel(OF_AGE).act(note(nonce=2, deceased=True), CUSTODIAN)
    yield begun("nothing-noted").act(note(minor_until=0), CUSTODIAN)


def _of_notes() -> Iterator[Story]:
    shield = refused("GuardianshipShieldInvalid", True, 0)  # noqa: FBT003 - as the error tells it
    yield begun("shield-of-who-is-of-age").act(note(minor_until=0, shielded=True), CUSTODIAN, expect=shield)
    late = refused("GuardianshipShieldInvalid", True, OF_AGE)  # noqa: FBT003 - as the error tells it
    story = noted("shield-after-the-age", MINORITY).travel(OF_AGE)
    yield story.act(note(shielded=True, nonce=2), CUSTODIAN, expect=late)
    gone = refused("GuardianshipShieldInvalid", False, OF_AGE)  # noqa: FBT003 - as the error tells it
    yield noted("shield-taken-away", SHIELD).act(note(nonce=2), CUSTODIAN, expect=gone)
    yield noted("shield-given-later", MINORITY).act(note(shielded=True, nonce=2), CUSTODIAN)
    yield noted("shield-gone-with-the-age", SHIELD).travel(OF_AGE).act(note(nonce=2), CUSTODIAN)
    dead = refused("GuardianshipDeathInvalid", SUBJECT, True)  # noqa: FBT003 - as the error tells it
    yield noted("death-taken-back-by-a-note", DEATH).act(note(minor_until=0, nonce=3), CUSTODIAN, expect=dead)
    bare = note(evidence_hash=ZERO_32)
    yield begun("noted-without-evidence").act(bare, CUSTODIAN, expect=refused("GuardianshipEvidenceMissing", SUBJECT))
    unknown = subject_of("family/nobody")
    error = refused("GuardianshipSubjectUnknown", unknown)
    yield begun("noted-of-nobody").act(note(subject_id=unknown), CUSTODIAN, expect=error)
    suspended = refused("GuardianshipCustodianInactive", key_of(CUSTODIAN).address)
    yield begun("noted-while-suspended").suspend(CUSTODIAN).act(MINORITY, CUSTODIAN, expect=suspended)
    alive = refused("GuardianshipDeathInvalid", SUBJECT, False)  # noqa: FBT003 - as the error tells it
    yield begun("life-proved-of-who-is-alive").act(PROOF, CUSTODIAN, PATIENT, expect=alive)
    proof = replace(PROOF, evidence_hash=ZERO_32)
    missing = refused("GuardianshipEvidenceMissing", SUBJECT)
    yield noted("life-proved-without-evidence", DEATH).act(proof, CUSTODIAN, PATIENT, expect=missing)
    error = refused("GuardianshipSubjectUnknown", unknown)
    yield begun("life-proved-of-nobody").act(replace(PROOF, subject_id=unknown), CUSTODIAN, PATIENT, expect=error)


def _of_minors() -> Iterator[Story]:
    own = terms_of(PATIENT, HOSPITAL, valid_until=NOW + 100 * DAY)
    forged = refused("ConsentsSignatureInvalid", consent_id(own), SUBJECT)
    yield noted("minor-grants", MINORITY).grant(own, PATIENT, forged)
    for seconds in (-1, 0):
        story = noted(f"grants-{seconds}-seconds-after-the-age", MINORITY).travel(OF_AGE + seconds)
        yield story.grant(own, PATIENT, forged if seconds else ACCEPTED)
    yield noted("shielded-minor-grants", SHIELD).grant(own, PATIENT).decide(asked(HOSPITAL, LEAF, own, Reason.NONE))
    yield begun("granted-before-it-was-noted").grant(own, PATIENT).act(MINORITY, CUSTODIAN).revoke(own, PATIENT)
    terms = guarded(PARENT)
    yield with_parent("minor-takes-back").grant(terms, MOTHER).revoke(terms, PATIENT)
    story = with_parent("parent-takes-back").grant(terms, MOTHER)
    yield story.revoke(terms, MOTHER, guardian=struct_hash(PARENT))
    shielded = refused("ConsentsShielded", consent_id(own), struct_hash(PARENT))
    story = with_parent("kept-from-the-parent", SHIELD).grant(own, PATIENT)
    story.revoke(own, MOTHER, shielded, guardian=struct_hash(PARENT)).revoke(own, PATIENT)
    yield story
    story = with_parent("granted-by-the-parent-of-a-shielded-minor", SHIELD).grant(terms, MOTHER)
    yield story.revoke(terms, MOTHER, guardian=struct_hash(PARENT))
    court = replace(COURT, valid_until=OF_AGE + DAY)
    story = begun("kept-from-nobody-after-the-age").act(court, MOTHER, CUSTODIAN).act(SHIELD, CUSTODIAN)
    story.grant(own, PATIENT).revoke(
        own, MOTHER, ("ConsentsShielded", (consent_id(own), struct_hash(court))), guardian=struct_hash(court)
    )
    yield story.travel(OF_AGE).revoke(own, MOTHER, guardian=struct_hash(court))


def _of_coming_of_age() -> Iterator[Story]:
    parent = replace(PARENT, valid_until=OF_AGE)
    terms, end = guarded(parent), OF_AGE + DAY
    for whole in (False, True):
        for seconds in (-1, 0, 1):
            reason = Reason.NONE if seconds < 0 else Reason.RECONSENT_NEEDED
            item = asked(HOSPITAL, LEAF, terms, reason, expires_at=end)
            name = f"asked-{seconds}-seconds-after-the-age{'-whole' if whole else ''}"
            story = with_parent(name, act=parent).grant(terms, MOTHER).travel(OF_AGE + seconds)
            yield story.decide(item, whole=whole)
    anew = terms_of(PATIENT, HOSPITAL, valid_until=NOW + 100 * DAY)
    story = with_parent("consented-anew", act=parent).grant(terms, MOTHER).travel(OF_AGE).grant(anew, PATIENT)
    items = [asked(HOSPITAL, LEAF, terms, Reason.RECONSENT_NEEDED, 1, expires_at=end)]
    yield story.decide(*items, asked(HOSPITAL, LEAF, anew, Reason.NONE, 2, expires_at=end))
    own = terms_of(PATIENT, HOSPITAL, valid_until=NOW + 100 * DAY)
    item = asked(HOSPITAL, LEAF, own, Reason.NONE, expires_at=end)
    yield noted("own-consent-lasts", SHIELD).grant(own, PATIENT).travel(OF_AGE).decide(item)
    forged = refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
    yield with_parent("parent-grants-after-the-age", act=parent).travel(OF_AGE).grant(terms, MOTHER, forged)
    for name, first, second in (("before", COURT, MINORITY), ("during", MINORITY, replace(COURT, valid_until=OF_AGE))):
        court = first if name == "before" else second
        granted = guarded(court)
        story = begun(f"court-appointed-{name}-the-minority")
        for act in (first, second):
            story.act(act, *((MOTHER, CUSTODIAN) if act is court else (CUSTODIAN,)))
        story.grant(granted, MOTHER)
        yield story.travel(OF_AGE).decide(asked(HOSPITAL, LEAF, granted, Reason.RECONSENT_NEEDED, expires_at=end))
    later = appointment(valid_until=end, nonce=7)
    granted = guarded(later)
    story = noted("delegate-after-the-age", MINORITY).travel(OF_AGE).act(later, MOTHER, PATIENT)
    yield story.grant(granted, MOTHER).decide(asked(HOSPITAL, LEAF, granted, Reason.NONE, expires_at=end))
    used = guarded(parent, max_uses=1)
    story = with_parent("used-up-before-the-age", act=parent).grant(used, MOTHER)
    story.decide(asked(HOSPITAL, LEAF, used, Reason.NONE)).travel(OF_AGE)
    yield story.decide(asked(HOSPITAL, LEAF, used, Reason.USES_EXHAUSTED, 2, expires_at=end))
    excused = _emergency(Reason.NONE)
    yield with_parent("emergency-of-a-minor").decide(excused)


def _of_deaths() -> Iterator[Story]:
    own = terms_of(PATIENT, HOSPITAL)
    forged = refused("ConsentsSignatureInvalid", consent_id(own), SUBJECT)
    story = begun("dead-sign-nothing").grant(own, PATIENT).act(DEATH, CUSTODIAN)
    more = replace(own, nonce=8)
    story.grant(more, PATIENT, refused("ConsentsSignatureInvalid", consent_id(more), SUBJECT))
    yield story.revoke(own, PATIENT, forged).decide(asked(HOSPITAL, LEAF, own, Reason.NONE))
    story = with_delegate("delegate-ends-with-death").act(DEATH, CUSTODIAN)
    terms = guarded(DELEGATE)
    yield story.grant(terms, MOTHER, refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT))
    story = begun("relative-takes-back").grant(own, PATIENT).act(DEATH, CUSTODIAN).act(RELATIVE, MOTHER, CUSTODIAN)
    yield story.revoke(own, MOTHER, guardian=struct_hash(RELATIVE))
    terms = guarded(RELATIVE)
    forged = refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
    yield with_relative("relative-grants").grant(terms, MOTHER, forged)
    story = noted("life-proved", DEATH).act(PROOF, CUSTODIAN, PATIENT).grant(own, PATIENT)
    yield story.act(replace(DEATH, nonce=9), CUSTODIAN).revoke(
        own, PATIENT, ("ConsentsSignatureInvalid", (consent_id(own), SUBJECT))
    )
    story = with_delegate("delegate-of-who-lives-after-all").act(DEATH, CUSTODIAN).act(PROOF, CUSTODIAN, PATIENT)
    yield story.grant(guarded(DELEGATE), MOTHER)
    story = begun("relative-of-who-lives-after-all").grant(own, PATIENT).act(DEATH, CUSTODIAN)
    story.act(RELATIVE, MOTHER, CUSTODIAN).act(PROOF, CUSTODIAN, PATIENT)
    kept = refused("ConsentsSignatureInvalid", consent_id(own), SUBJECT)
    yield story.revoke(own, MOTHER, kept, guardian=struct_hash(RELATIVE)).revoke(own, PATIENT)
    carded = replace(own, assurance=Assurance.CARD_AND_CODE)
    invalid = refused("ConsentsSignatureInvalid", consent_id(carded), SUBJECT)
    yield noted("dead-have-no-card", DEATH).grant(carded, PATIENT, invalid)


def _of_directives() -> Iterator[Story]:
    for whole in (False, True):
        end = "-whole" if whole else ""
        story = begun(f"emergency-forbidden{end}").act(directive(), PATIENT)
        story.decide(_emergency(Reason.EMERGENCY_FORBIDDEN), whole=whole).act(directive(ALLOW, nonce=2), PATIENT)
        yield story.decide(_emergency(Reason.NONE, 2), whole=whole)
    own = terms_of(PATIENT, HOSPITAL)
    story = begun("forbidding-leaves-consents").act(directive(), PATIENT).grant(own, PATIENT)
    duty = asked(HOSPITAL, LEAF, None, Reason.AUTHORISATION_MISSING, 2, legal_basis=LegalBasis.STATUTORY_DUTY)
    yield story.decide(asked(HOSPITAL, LEAF, own, Reason.NONE), duty)
    yield begun("allowed-in-advance").act(directive(ALLOW), PATIENT).decide(_emergency(Reason.NONE))
    of_other = directive(subject_id=subject_of(OTHER))
    yield begun("forbidden-by-another-patient").act(of_other, OTHER).decide(_emergency(Reason.NONE))
    story = begun("forbidden-after-death").act(directive(), PATIENT).act(DEATH, CUSTODIAN)
    yield story.decide(_emergency(Reason.EMERGENCY_FORBIDDEN))
    for answers in ((0, ALLOW), (3, ALLOW), (ALLOW, 0), (FORBID, 3), (255, 255)):
        invalid = refused("GuardianshipDirectiveInvalid", *answers)
        name = f"directive-{int(answers[0])}-{int(answers[1])}"
        yield begun(name).act(directive(*answers), PATIENT, expect=invalid)
    unknown = directive(subject_id=subject_of("family/nobody"))
    error = refused("GuardianshipSubjectUnknown", unknown.subject_id)
    yield begun("directive-of-nobody").act(unknown, PATIENT, expect=error)
    yield begun("directive-while-suspended").suspend(CUSTODIAN).act(directive(), PATIENT)
    relatives = directive(ALLOW, FORBID)
    refusal = refused("GuardianshipKindRefused", GuardianKind.NEAR_RELATIVE)
    story = begun("relatives-forbidden").act(relatives, PATIENT).act(DEATH, CUSTODIAN)
    yield story.act(RELATIVE, MOTHER, CUSTODIAN, expect=refusal)


def _of_directives_by_guardians() -> Iterator[Story]:
    def under(act: Any) -> Any:  # noqa: ANN401 - an appointment gives a directive
        return directive(guardian=struct_hash(act))

    invalid: Error
    story = with_parent("parent-forbids-emergencies").act(under(PARENT), MOTHER)
    yield story.decide(_emergency(Reason.EMERGENCY_FORBIDDEN))
    for name, begin, act in (
        ("delegate", with_delegate, DELEGATE),
        ("relative", with_relative, RELATIVE),
    ):
        invalid = refused("ActSignatureInvalid", struct_hash(under(act)), 0)
        yield begin(f"{name}-forbids-emergencies").act(under(act), MOTHER, expect=invalid)
    invalid = refused("ActSignatureInvalid", struct_hash(under(DELEGATE)), 0)
    story = with_delegate("delegate-of-a-minor-forbids").act(MINORITY, CUSTODIAN)
    yield story.act(under(DELEGATE), MOTHER, expect=invalid)
    again = directive(ALLOW, guardian=struct_hash(PARENT), nonce=3)
    invalid = refused("ActSignatureInvalid", struct_hash(again), 0)
    story = with_parent("parent-undoes-what-a-shielded-minor-forbade", SHIELD).act(directive(), PATIENT)
    yield story.act(again, MOTHER, expect=invalid).decide(_emergency(Reason.EMERGENCY_FORBIDDEN))
    seeing = replace(PARENT, scopes=bits(GuardianScope.SEE))
    invalid = refused("ActSignatureInvalid", struct_hash(under(seeing)), 0)
    yield with_parent("parent-without-scope-forbids", act=seeing).act(under(seeing), MOTHER, expect=invalid)
    invalid = refused("ActSignatureInvalid", struct_hash(directive()), 0)
    yield noted("minor-forbids-emergencies", MINORITY).act(directive(), PATIENT, expect=invalid)
    yield noted("shielded-minor-forbids-emergencies", SHIELD).act(directive(), PATIENT)
    yield noted("dead-forbid-nothing", DEATH).act(directive(), PATIENT, expect=invalid)
    court = replace(COURT, valid_until=OF_AGE)
    for seconds in (-1, 0):
        invalid = refused("ActSignatureInvalid", struct_hash(under(court)), 0)
        story = noted(f"guardian-forbids-{seconds}-seconds-after-the-age", MINORITY).act(court, MOTHER, CUSTODIAN)
        yield story.travel(OF_AGE + seconds).act(under(court), MOTHER, expect=ACCEPTED if seconds else invalid)
    story = with_parent("directive-outlives-its-guardian").act(under(PARENT), MOTHER).act(removal(PARENT), PATIENT)
    yield story.decide(_emergency(Reason.EMERGENCY_FORBIDDEN))


def histories() -> Iterator[Story]:
    """Gives every history of what is noted of a subject and what it wants."""
    topics = (_of_ends, _of_notes, _of_minors, _of_coming_of_age, _of_deaths, _of_directives)
    for topic in (*topics, _of_directives_by_guardians):
        yield from topic()
    yield from signing(begun, "note", MINORITY, (CUSTODIAN,), (HOSPITAL, PATIENT, MOTHER))

    def dead(name: str) -> Story:
        return noted(name, DEATH)

    yield from signing(dead, "proof", PROOF, (CUSTODIAN, PATIENT), (HOSPITAL, PATIENT), (OTHER, CUSTODIAN))
    yield from signing(begun, "directive", directive(), (PATIENT,), (OTHER, CUSTODIAN, MOTHER))
