"""Wrongs that every rule permits: each goes on from the ordinary month with what people should not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from consentry.core.codes import (
    DAY,
    Action,
    ActorKind,
    Category,
    ExclusionKind,
    Purpose,
    ReviewOutcome,
    Standing,
    bits,
)
from consentry.core.erasures import ErasureRequest
from consentry.core.exclusions import Exclusion, target_of_institution
from consentry.core.offices import Role
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import record_id
from tests.support import samples
from tests.support.memory_reader import COUNTRY, DEPUTY, NATIONAL
from tests.support.province import HOSPITALS, LAST_DAY, PATIENTS, Patient, Province, grantees, patient, staff
from tests.support.samples import AUTHORITY, address

NEXT: Final = LAST_DAY + 1
OFFICES: Final = (address(0x43), address(0x44))


@dataclass(frozen=True, slots=True)
class PlantedPattern:
    """A wrong: a name for it, what is done, and every kind it is found as, the first of them its own."""

    name: str
    does: str
    plant: Callable[[Province], object]
    kinds: tuple[str, ...]


def _crowd(province: Province, count: int, hospital: int, sensitivity: int = 2, **terms: object) -> Iterator[Patient]:
    """Enrols patients who all grant to one hospital."""
    for number in range(100, 100 + count):
        base = patient(number)
        leaves = (replace(base.report, sensitivity=sensitivity), replace(base.image, sensitivity=sensitivity))
        who = replace(base, report=leaves[0], image=leaves[1])
        province.enrol(who)
        province.give(who, HOSPITALS[hospital], **terms)
        yield who


def _one_after_the_other(province: Province, count: int, pause: int, hospital: int, **changes: object) -> None:
    crowd = [*_crowd(province, count, hospital)]
    province.at(NEXT, 10)
    for who in crowd:
        province.look(HOSPITALS[hospital], who.report, staff(hospital, 1), **changes)
        province.clock += pause


def _mass_storing(province: Province) -> None:
    both = bits(Action.VIEW, Action.STORE)
    crowd = [*_crowd(province, 20, 1, actions=both, erase_by=province.clock + 90 * DAY)]
    for place, who in enumerate(crowd):
        province.at(NEXT, 9 + place // 4, place % 4 * 10)
        province.look(HOSPITALS[1], who.report, staff(1, 1), action=Action.STORE)


def _busy_day(province: Province) -> None:
    theirs = [patient(number) for number in range(PATIENTS) if 0 in grantees(number)]
    for turn in range(200):
        province.at(NEXT, 8 + turn // 20, turn % 20 * 3)
        province.look(HOSPITALS[0], theirs[turn % len(theirs)].image, staff(0, turn % 4))


def _famous_patient(province: Province) -> None:
    for person in range(10, 30):
        province.at(NEXT, 7 + person // 4, person % 4 * 15)
        province.look(HOSPITALS[1], patient(0).image, staff(1, person))


def _looked_up_everywhere(province: Province) -> None:
    who = patient(2)
    for hospital in set(range(4)) - {*grantees(2)}:
        province.give(who, HOSPITALS[hospital])
    for hospital in range(4):
        province.at(NEXT, 9 + 2 * hospital)
        province.look(HOSPITALS[hospital], who.image, staff(hospital, 1))


def _sensitive(province: Province) -> None:
    crowd = [*_crowd(province, 20, 2, sensitivity=4, max_sensitivity=4)]
    for place, who in enumerate(crowd):
        province.at(NEXT, 9 + place // 4, place % 4 * 10)
        province.look(HOSPITALS[2], who.report, staff(2, 1))


def _nights(province: Province) -> None:
    theirs = [patient(number) for number in range(PATIENTS) if 1 in grantees(number)]
    for turn in range(20):
        province.at(NEXT + turn // 5, 22, turn % 5 * 20)
        province.look(HOSPITALS[1], theirs[turn % len(theirs)].image, staff(1, 2))


def _last_looks(province: Province) -> None:
    province.at(NEXT, 9)
    for turn in range(10):
        province.look(HOSPITALS[1], patient(0).image, staff(1, turn % 4))
        province.clock += 120
    terms = province.take_back(patient(0), HOSPITALS[1])
    province.acknowledge(terms, HOSPITALS[1], patient(0).custodian)


def _copy_before_erasure(province: Province) -> None:
    who, both = patient(0), bits(Action.VIEW, Action.STORE)
    province.give(who, HOSPITALS[1], actions=both, erase_by=province.clock + 90 * DAY)
    named = record_id(who.image), who.custodian.address, who.subject
    act = ErasureRequest(*named, ZERO_32, province.nonce(), province.clock + 999)
    province.perform(act, who.key)
    province.clock += 600
    province.look(HOSPITALS[1], who.image, staff(1, 0), action=Action.STORE)


def _logged_late(province: Province) -> None:
    times: dict[str, Any] = {"issued_at": province.clock - 2 * DAY, "expires_at": province.clock + DAY}
    request = replace(province.asked(HOSPITALS[1], patient(0).image, staff(1, 1)), **times)
    province.answer((request, patient(0).image, HOSPITALS[1]))


def _settled_emergency(province: Province, hospital: int, who: Patient, person: int = 0) -> None:
    request = province.emergency(hospital, who, person)
    province.notice(request, who)
    province.review(request, who)


def _basis_after_denial(province: Province) -> None:
    province.look(HOSPITALS[1], patient(0).image, staff(1, 0), purpose=Purpose.HRESCH)
    province.at(NEXT, 9)
    _settled_emergency(province, 1, patient(0), 1)


def _basis_after_revocation(province: Province) -> None:
    terms = province.take_back(patient(0), HOSPITALS[1])
    province.acknowledge(terms, HOSPITALS[1], patient(0).custodian)
    province.at(NEXT, 9)
    _settled_emergency(province, 1, patient(0))


def _basis_after_refusal(province: Province) -> None:
    province.deny(province.ask(0, patient(1)), patient(1))
    province.at(NEXT, 9)
    _settled_emergency(province, 0, patient(1))


def _probing(province: Province) -> None:
    province.at(NEXT, 9)
    for number in range(10):
        for leaf in (patient(number).report, patient(number).image):
            province.look(HOSPITALS[3], leaf, staff(3, 3), purpose=Purpose.HRESCH)
            province.clock += 30


def _guessing(province: Province) -> None:
    for number in range(5):
        leaf = replace(patient(0).image, commitment=samples.word(1000 + number))
        province.look(HOSPITALS[1], leaf, staff(1, number % 4))


def _against_exclusion(province: Province) -> None:
    who, target = patient(0), target_of_institution(HOSPITALS[1].address)
    act = Exclusion(who.subject, ZERO_32, ExclusionKind.INSTITUTION, target, province.nonce(), province.clock + 999)
    province.perform(act, who.key)
    for person in range(3):
        province.look(HOSPITALS[1], who.image, staff(1, person))


def _while_suspended(province: Province) -> None:
    province.by_two("change_institution", HOSPITALS[1].address, Standing.SUSPENDED, officers=(AUTHORITY, DEPUTY))
    for person in range(3):
        province.look(HOSPITALS[1], patient(0).image, staff(1, person))


def _at_the_limit(province: Province) -> None:
    for officer in OFFICES:
        province.by_two("appoint_officer", NATIONAL, officer, bits(Role.AUDIT), officers=COUNTRY)
    province.by_two("limit_institution", HOSPITALS[1].address, 2, 0, officers=OFFICES)
    province.at(NEXT, 9)
    for person in range(3):
        province.look(HOSPITALS[1], patient(0).image, staff(1, person))


def _rejected(province: Province) -> None:
    for person in range(10):
        request = province.asked(HOSPITALS[1], patient(0).image, staff(1, person % 4))
        province.answer((request, patient(0).image, HOSPITALS[2]))


def _late(province: Province, *, noticed: bool = False, reviewed: int | None = None, late_notice: bool = False) -> None:
    """Has an emergency whose end of the period passes with so much done about it, and no more; an access comes last."""
    who = patient(5)
    request = province.emergency(1, who)
    if noticed:
        province.notice(request, who)
    if reviewed is not None:
        province.review(request, who, reviewed)
    province.at(NEXT + 4, 9)
    if late_notice:
        province.notice(request, who)
    province.look(HOSPITALS[1], patient(0).image, staff(1, 1))


def _many_emergencies(province: Province, count: int, people: int) -> None:
    for turn in range(count):
        province.at(NEXT + turn // 4, 9 + turn % 4)
        _settled_emergency(province, 2, patient(turn % 4 * 4 + 1), turn % people)


def _unused(province: Province) -> None:
    classes = bits(*(category for category in Category if category <= Category.DISCHARGE))
    province.give(patient(0), HOSPITALS[3], categories=classes, valid_until=province.clock + 365 * DAY)
    province.at(NEXT + 91, 9)
    province.look(HOSPITALS[1], patient(0).image, staff(1, 1))


def _assisted(province: Province) -> None:
    for number in range(100, 110):
        province.enrol(patient(number))
        province.assist(patient(number), HOSPITALS[1])


def _undone(province: Province) -> None:
    for number in range(100, 103):
        who = patient(number)
        province.enrol(who)
        province.assist(who, HOSPITALS[1])
        terms = province.take_back(who, HOSPITALS[1])
        province.acknowledge(terms, *{key.address: key for key in (HOSPITALS[1], who.custodian)}.values())


def _unacknowledged(province: Province) -> None:
    terms = province.take_back(patient(0), HOSPITALS[1])
    province.acknowledge(terms, patient(0).custodian)
    province.at(NEXT + 2, 9)
    province.look(HOSPITALS[2], patient(0).image, staff(2, 1))


def _not_recognised(province: Province) -> None:
    people = [*_crowd(province, 12, 1)]
    for who in people:
        if who.custodian is not HOSPITALS[1] and who.custodian.address != HOSPITALS[1].address:
            province.mark(who)
            province.recognise(1, who, accepted=False)
    for number in (8, 9, 10):
        if patient(number).custodian.address != HOSPITALS[1].address:
            province.mark(patient(number))
            province.recognise(1, patient(number), accepted=number == 8)


P = PlantedPattern
PATTERNS: Final = (
    P(
        "mass-export",
        "100 patients, one person, half an hour",
        lambda p: _one_after_the_other(p, 100, 16, 1),
        ("access.mass-export",),
    ),
    P(
        "faster-than-a-person",
        "15 patients in a minute, said to be a person",
        lambda p: _one_after_the_other(p, 15, 0, 1),
        ("access.faster-than-a-person",),
    ),
    P("mass-storing", "copies of the records of 20 patients in a day", _mass_storing, ("access.mass-storing",)),
    P("volume-jump", "a hundred times the accesses of a usual day", _busy_day, ("access.volume-jump",)),
    P(
        "famous-patient",
        "20 of a hospital's staff look at one patient",
        _famous_patient,
        ("access.one-person-by-many-staff",),
    ),
    P(
        "looked-up-everywhere",
        "four hospitals look at one patient in a day",
        _looked_up_everywhere,
        ("access.one-person-by-many-institutions",),
    ),
    P("sensitive-records", "records of level 4 of 20 patients in a day", _sensitive, ("access.many-sensitive",)),
    P("nights", "20 looks at night by somebody whose hospital works by day", _nights, ("access.at-night",)),
    P("last-looks", "10 looks in the hour before the revocation", _last_looks, ("access.before-revocation",)),
    P(
        "copy-before-erasure",
        "a copy after the patient asked for the erasure",
        _copy_before_erasure,
        ("access.before-erasure",),
    ),
    P("logged-late", "a request signed two days before it is decided", _logged_late, ("access.logged-late",)),
    P(
        "basis-after-denial",
        "denied under the consent, permitted as an emergency a day later",
        _basis_after_denial,
        ("basis.changed-after-denial",),
    ),
    P(
        "basis-after-revocation",
        "an emergency the day after the revocation",
        _basis_after_revocation,
        ("basis.changed-after-revocation",),
    ),
    P(
        "basis-after-refusal",
        "an emergency the day after the patient denied what was asked",
        _basis_after_refusal,
        ("basis.changed-after-refusal",),
    ),
    P("probing", "20 records asked for without any right in 10 minutes", _probing, ("denial.probing",)),
    P("guessing", "5 records that nobody anchored", _guessing, ("denial.guessing",)),
    P(
        "against-exclusion",
        "3 requests for a patient who excludes the hospital",
        _against_exclusion,
        ("denial.against-exclusion",),
    ),
    P("while-suspended", "3 requests of a suspended hospital", _while_suspended, ("denial.while-suspended",)),
    P("at-the-limit", "more than a hospital may in a day", _at_the_limit, ("denial.at-the-limit",)),
    P("rejected-often", "10 requests in the name of another", _rejected, ("denial.rejected-often",)),
    P(
        "at-two-institutions",
        "one id of a practitioner at two hospitals",
        lambda p: p.look(HOSPITALS[1], patient(0).image, staff(0, 0)),
        ("actor.at-two-institutions",),
    ),
    P(
        "person-and-machine",
        "the machine says it is a person",
        lambda p: p.look(HOSPITALS[1], patient(0).image, staff(1, 5), actor_kind=ActorKind.HUMAN),
        ("actor.person-and-machine",),
    ),
    P(
        "debt-forgotten",
        "an emergency without notice and review",
        _late,
        ("emergency.debt-overdue", "emergency.notice-missing", "emergency.review-missing"),
    ),
    P(
        "notice-missing",
        "an emergency with a review and no notice",
        lambda p: _late(p, reviewed=ReviewOutcome.JUSTIFIED),
        ("emergency.notice-missing", "emergency.debt-overdue"),
    ),
    P(
        "notice-late",
        "a notice after four days",
        lambda p: _late(p, reviewed=ReviewOutcome.JUSTIFIED, late_notice=True),
        ("emergency.notice-missing",),
    ),
    P(
        "review-missing",
        "an emergency with a notice and no review",
        lambda p: _late(p, noticed=True),
        ("emergency.review-missing", "emergency.debt-overdue"),
    ),
    P(
        "referral-open",
        "a review left to the authority, which is silent",
        lambda p: _late(p, noticed=True, reviewed=ReviewOutcome.REFERRED),
        ("emergency.referral-open", "emergency.debt-overdue"),
    ),
    P(
        "not-justified",
        "an emergency that was none",
        lambda p: _late(p, noticed=True, reviewed=ReviewOutcome.NOT_JUSTIFIED),
        ("emergency.not-justified",),
    ),
    P(
        "emergency-share",
        "10 emergencies at a hospital, by all of its staff",
        lambda p: _many_emergencies(p, 12, 4),
        ("emergency.high-share",),
    ),
    P(
        "emergency-habit",
        "5 emergencies by one person in two days",
        lambda p: _many_emergencies(p, 5, 1),
        ("emergency.one-practitioner",),
    ),
    P("broad-and-unused", "a consent for 8 classes, unused for 90 days", _unused, ("consent.broad-and-unused",)),
    P("assisted-share", "10 consents prepared by a hospital's own staff", _assisted, ("consent.assisted-share",)),
    P("assisted-undone", "3 prepared consents, all taken back at once", _undone, ("consent.assisted-undone",)),
    P(
        "revocation-unacknowledged",
        "a hospital that does not say it knows of a revocation",
        _unacknowledged,
        ("consent.revocation-unacknowledged",),
    ),
    P("not-recognised", "10 of 11 marked results not accepted", _not_recognised, ("recognition.low",)),
)
