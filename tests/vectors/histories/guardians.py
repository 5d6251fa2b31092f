"""Guardians as histories: appointed, refused for every reason, acting within their scopes and time, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import ExclusionKind, GuardianKind, GuardianRemover, GuardianScope, Reason, bits
from consentry.core.erasures import CorrectionRequest, ErasureRequest
from consentry.core.exclusions import Exclusion
from consentry.core.guardianship import MOST_APPOINTMENTS, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import consent_id, record_id, struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.enrolments import UNACCEPTABLE
from tests.vectors.histories.family import (
    COURT,
    CUSTODIAN,
    DEATH,
    DELEGATE,
    EVERYTHING,
    HOSPITAL,
    LATER,
    LEAF,
    MINORITY,
    MOTHER,
    NEVER,
    OF_AGE,
    OF_RELATIVES,
    OTHER,
    PARENT,
    PATIENT,
    RELATIVE,
    SUBJECT,
    UNCLE,
    appointers,
    appointment,
    begun,
    guarded,
    noted,
    removal,
    signer,
    with_delegate,
    with_parent,
    with_relative,
)
from tests.vectors.histories.signing import signing
from tests.vectors.histories.story import ACCEPTED, Error, Story, asked, key_of, refused, subject_of, terms_of

UNKNOWN: Final = samples.word(3)


def _ready(name: str, kind: int) -> Story:
    """Begins a history in which a guardian of a kind can be appointed."""
    if kind == GuardianKind.PARENT:
        return noted(name, MINORITY)
    return noted(name, DEATH) if kind == GuardianKind.NEAR_RELATIVE else begun(name)


def _of_forms() -> Iterator[Story]:
    for kind in GuardianKind:
        usual = appointment(kind)
        possible = OF_RELATIVES if kind == GuardianKind.NEAR_RELATIVE else EVERYTHING
        for scopes in (0, 1, possible | 1, 1 << 6, 1 << 15, bits(GuardianScope.GRANT), bits(GuardianScope.RECOVER)):
            if scopes and not scopes & ~possible:
                continue
            error = refused("GuardianshipScopesInvalid", kind, scopes)
            name = f"{kind.name}-with-scopes-{scopes}".lower()
            yield _ready(name, kind).act(replace(usual, scopes=scopes), *appointers(usual), expect=error)
        for scope in GuardianScope:
            if bits(scope) & possible:
                name = f"{kind.name}-for-{scope.name}-alone".lower()
                yield _ready(name, kind).act(replace(usual, scopes=bits(scope)), *appointers(usual))
    for kind_ in (0, 5, 255):
        error = refused("GuardianshipScopesInvalid", kind_, EVERYTHING)
        yield begun(f"kind-{kind_}").act(replace(DELEGATE, kind=kind_), MOTHER, PATIENT, expect=error)
    for name, wrong in {**UNACCEPTABLE, "of-the-patient": signer(PATIENT)}.items():
        error = refused("GuardianshipSignerInvalid", wrong)
        yield begun(f"signer-{name}").act(replace(DELEGATE, guardian=wrong), MOTHER, PATIENT, expect=error)
    unknown = replace(DELEGATE, subject_id=subject_of("family/nobody"))
    error = refused("GuardianshipSubjectUnknown", unknown.subject_id)
    yield begun("of-nobody").act(unknown, MOTHER, PATIENT, expect=error)


def _of_kinds() -> Iterator[Story]:
    alive = {GuardianKind.PARENT: False, GuardianKind.COURT_APPOINTED: True, GuardianKind.DELEGATE: True}
    for kind in GuardianKind:
        usual = appointment(kind)
        error = refused("GuardianshipKindRefused", kind)
        name = kind.name.lower().replace("_", "-")
        yield begun(f"{name}-of-who-is-of-age").act(
            usual, *appointers(usual), expect=ACCEPTED if alive.get(kind) else error
        )
        dead = ACCEPTED if kind == GuardianKind.NEAR_RELATIVE else error
        yield noted(f"{name}-of-who-died", DEATH).act(usual, *appointers(usual), expect=dead)
        bare = replace(usual, evidence_hash=ZERO_32)
        missing: Error = refused("GuardianshipEvidenceMissing", SUBJECT)
        yield _ready(f"{name}-without-evidence", kind).act(
            bare, *appointers(bare), expect=ACCEPTED if kind == GuardianKind.DELEGATE else missing
        )
    by_child = refused("ActSignatureInvalid", struct_hash(DELEGATE), 1)
    yield noted("delegate-of-a-minor", MINORITY).act(DELEGATE, MOTHER, PATIENT, expect=by_child)
    for kind, act in ((GuardianKind.PARENT, PARENT), (GuardianKind.COURT_APPOINTED, COURT)):
        yield noted(f"{kind.name}-of-a-minor".lower(), MINORITY).act(act, MOTHER, CUSTODIAN)
    for seconds in (-1, 0):
        story = noted(f"parent-{seconds}-seconds-after-the-age", MINORITY).travel(OF_AGE + seconds)
        act = replace(PARENT, valid_until=OF_AGE)
        yield story.act(act, MOTHER, CUSTODIAN, expect=ACCEPTED if seconds else refused("GuardianshipKindRefused", 1))


def _of_periods() -> Iterator[Story]:
    for start, end, valid in (
        (NOW, NOW, False),
        (NOW + 2, NOW + 1, False),
        (0, NOW, False),
        (0, NOW + 1, True),
        (NOW + 1, NOW + 2, True),
        (0, NEVER, True),
        (NEVER, NEVER, False),
    ):
        act = replace(DELEGATE, valid_from=start, valid_until=end)
        error = refused("GuardianshipPeriodInvalid", start, end, NEVER)
        yield begun(f"from-{start}-until-{end}").act(act, MOTHER, PATIENT, expect=ACCEPTED if valid else error)
    for seconds in (-1, 0, 1):
        act = replace(PARENT, valid_until=OF_AGE + seconds)
        error = refused("GuardianshipPeriodInvalid", NOW, OF_AGE + seconds, OF_AGE)
        yield noted(f"until-{seconds}-seconds-after-the-age", MINORITY).act(
            act, MOTHER, CUSTODIAN, expect=error if seconds > 0 else ACCEPTED
        )
    yield noted("relative-for-ever", DEATH).act(replace(RELATIVE, valid_until=NEVER), MOTHER, CUSTODIAN)


def _of_number() -> Iterator[Story]:
    full = refused("GuardianshipFull", SUBJECT, MOST_APPOINTMENTS)
    more = replace(DELEGATE, nonce=99)

    def many(name: str) -> Story:
        story = begun(name)
        for number in range(1, MOST_APPOINTMENTS + 1):
            story.act(replace(DELEGATE, nonce=number, valid_until=NOW + 10 * DAY * number), MOTHER, PATIENT)
        return story

    first = replace(DELEGATE, nonce=1, valid_until=NOW + 10 * DAY)
    yield many("as-many-as-can-be").act(more, MOTHER, PATIENT, expect=full)
    yield many("one-more-after-a-removal").act(removal(first), PATIENT).act(more, MOTHER, PATIENT)
    for seconds in (-1, 0):
        story = many(f"one-more-{seconds}-seconds-after-the-first-is-over").travel(NOW + 10 * DAY + seconds)
        yield story.act(more, MOTHER, PATIENT, expect=full if seconds else ACCEPTED)
    yield from _of_number_of_others(many)
    of_other = replace(more, subject_id=subject_of(OTHER))
    yield many("as-many-for-another-patient").act(of_other, MOTHER, OTHER)
    suspended = refused("GuardianshipCustodianInactive", key_of(CUSTODIAN).address)
    yield begun("appointed-while-suspended").suspend(CUSTODIAN).act(COURT, MOTHER, CUSTODIAN, expect=suspended)
    yield begun("delegate-while-suspended").suspend(CUSTODIAN).act(DELEGATE, MOTHER, PATIENT)


def _of_number_of_others(with_delegates: Callable[[str], Story]) -> Iterator[Story]:
    full = refused("GuardianshipFull", SUBJECT, MOST_APPOINTMENTS)
    court = [replace(COURT, nonce=number, valid_until=NOW + 10 * DAY * number) for number in range(1, 10)]
    story = with_delegates("court-appoints-beside-as-many-delegates-as-can-be")
    for act in court[:-1]:
        story.act(act, MOTHER, CUSTODIAN)
    yield story.act(court[-1], MOTHER, CUSTODIAN, expect=full)
    story = with_delegates("relative-beside-as-many-delegates-as-can-be").act(DEATH, CUSTODIAN)
    yield story.act(RELATIVE, MOTHER, CUSTODIAN)
    story = begun("delegate-beside-as-many-others-as-can-be")
    for act in court[:-1]:
        story.act(act, MOTHER, CUSTODIAN)
    story.act(DELEGATE, MOTHER, PATIENT).act(court[-1], MOTHER, CUSTODIAN, expect=full)
    story.act(removal(DELEGATE), PATIENT).act(replace(court[-1], nonce=10), MOTHER, CUSTODIAN, expect=full)
    story.act(removal(court[4], GuardianRemover.CUSTODIAN, nonce=2), CUSTODIAN)
    story.act(court[-1], MOTHER, CUSTODIAN).act(replace(court[-1], nonce=11), MOTHER, CUSTODIAN, expect=full)
    yield story.travel(NOW + 10 * DAY).act(replace(court[-1], nonce=11), MOTHER, CUSTODIAN)


def _of_removals() -> Iterator[Story]:
    gone = refused("GuardianshipUnknown", struct_hash(DELEGATE))
    yield begun("removed-before").act(removal(DELEGATE), PATIENT, expect=gone)
    yield (
        with_delegate("removed-twice")
        .act(removal(DELEGATE), PATIENT)
        .act(removal(DELEGATE, nonce=2), PATIENT, expect=gone)
    )
    of_other = removal(DELEGATE, subject_id=subject_of(OTHER))
    yield with_delegate("removed-by-another-patient").act(of_other, OTHER, expect=gone)
    repeated = refused("ActRepeated", struct_hash(DELEGATE))
    story = with_delegate("appointed-again").act(removal(DELEGATE), PATIENT)
    yield story.act(DELEGATE, MOTHER, PATIENT, expect=repeated).act(replace(DELEGATE, nonce=2), MOTHER, PATIENT)
    yield with_delegate("delegate-stands-down").act(removal(DELEGATE, GuardianRemover.GUARDIAN), MOTHER)
    for by in (0, GuardianRemover.CUSTODIAN, 4, 255):
        wrong = refused("GuardianshipRemoverInvalid", by)
        yield with_delegate(f"delegate-removed-by-{int(by)}").act(removal(DELEGATE, by), CUSTODIAN, expect=wrong)
    by_base = removal(PARENT, GuardianRemover.CUSTODIAN)
    yield with_parent("parent-removed-by-the-custodian").act(by_base, CUSTODIAN)
    suspended = refused("GuardianshipCustodianInactive", key_of(CUSTODIAN).address)
    yield with_parent("parent-removed-while-suspended").suspend(CUSTODIAN).act(by_base, CUSTODIAN, expect=suspended)
    yield with_parent("parent-removed-by-the-child").act(removal(PARENT), PATIENT)
    yield with_parent("parent-stands-down").act(removal(PARENT, GuardianRemover.GUARDIAN), MOTHER)
    dead = removal(RELATIVE)
    error = refused("ActSignatureInvalid", struct_hash(dead), 0)
    story = with_relative("relative-removed-by-who-died").act(dead, PATIENT, expect=error)
    yield story.act(removal(RELATIVE, GuardianRemover.CUSTODIAN), CUSTODIAN)
    over = replace(DELEGATE, valid_until=NOW + 9)
    yield with_delegate("removed-after-its-end", over).travel(NOW + 9).act(removal(over), PATIENT)


def _acts(name: bytes) -> dict[GuardianScope, SignedAct]:
    """Gives an act for each scope that one act stands for."""
    base, record = key_of(CUSTODIAN).address, record_id(LEAF)
    return {
        GuardianScope.GRANT: Exclusion(SUBJECT, name, ExclusionKind.PRACTITIONER, samples.PRACTITIONER, 1, LATER),
        GuardianScope.CORRECT: CorrectionRequest(record, base, SUBJECT, name, samples.word(5), 1, LATER),
    }


def _of_scopes() -> Iterator[Story]:
    for scope in GuardianScope:
        given = replace(DELEGATE, scopes=bits(scope))
        own, terms = terms_of(PATIENT, HOSPITAL), guarded(given)
        story = with_delegate(f"acting-with-{scope.name}-alone".lower(), given).grant(own, PATIENT)
        forged = refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
        story.grant(terms, MOTHER, ACCEPTED if scope == GuardianScope.GRANT else forged)
        for needed, act in _acts(struct_hash(given)).items():
            invalid = refused("ActSignatureInvalid", struct_hash(act), 0)
            story.act(act, MOTHER, expect=ACCEPTED if scope == needed else invalid)
        kept = refused("ConsentsSignatureInvalid", consent_id(own), SUBJECT)
        may = ACCEPTED if scope == GuardianScope.REVOKE else kept
        yield story.revoke(own, MOTHER, may, guardian=struct_hash(given))
    erasure = ErasureRequest(record_id(LEAF), key_of(CUSTODIAN).address, SUBJECT, struct_hash(DELEGATE), 1, LATER)
    yield with_delegate("asking-for-an-erasure").act(erasure, MOTHER)
    terms = guarded(DELEGATE)
    item = asked(HOSPITAL, LEAF, terms, Reason.NONE)
    for whole in (False, True):
        story = with_delegate(f"granted-by-a-delegate{'-whole' if whole else ''}").grant(terms, MOTHER)
        yield story.decide(item, whole=whole)
    forged = refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
    for other in (PATIENT, UNCLE, CUSTODIAN, HOSPITAL):
        yield with_delegate(f"granted-under-an-appointment-by-{other.rpartition('/')[2]}".replace(" ", "-")).grant(
            terms, other, forged
        )
    of_nobody = replace(terms, guardian=UNKNOWN)
    forged = refused("ConsentsSignatureInvalid", consent_id(of_nobody), SUBJECT)
    yield with_delegate("granted-under-no-appointment").grant(of_nobody, MOTHER, forged)
    elsewhere = replace(terms, subject_id=subject_of(OTHER))
    forged = refused("ConsentsSignatureInvalid", consent_id(elsewhere), elsewhere.subject_id)
    yield with_delegate("granted-for-another-patient").grant(elsewhere, MOTHER, forged)
    for assurance in (1, 2):
        level = replace(terms, assurance=assurance)
        error = refused("ConsentsAssuranceRefused", assurance)
        yield with_delegate(f"granted-at-level-{assurance}").grant(level, MOTHER, error)
    bare = terms_of(PATIENT, HOSPITAL, assurance=3)
    yield begun("granted-as-a-guardian-by-none").grant(bare, PATIENT, refused("ConsentsAssuranceRefused", 3))


def _of_time() -> Iterator[Story]:
    given: GuardianAppointment = replace(DELEGATE, valid_from=NOW + 50, valid_until=NOW + 100)
    terms = guarded(given)
    forged = refused("ConsentsSignatureInvalid", consent_id(terms), SUBJECT)
    for seconds, stands in ((49, False), (50, True), (99, True), (100, False)):
        story = with_delegate(f"granted-{seconds}-seconds-later", given).travel(NOW + seconds)
        yield story.grant(terms, MOTHER, ACCEPTED if stands else forged)
    for seconds in (99, 100, 200):  # what was granted stays
        story = with_delegate(f"asked-for-{seconds}-seconds-later", given).travel(NOW + 50).grant(terms, MOTHER)
        item = asked(HOSPITAL, LEAF, terms, Reason.NONE)
        yield story.travel(NOW + seconds).decide(item)
    story = with_delegate("granted-then-removed").grant(guarded(DELEGATE), MOTHER).act(removal(DELEGATE), PATIENT)
    story.decide(asked(HOSPITAL, LEAF, guarded(DELEGATE), Reason.NONE))
    more = guarded(DELEGATE, nonce=8)
    story.grant(more, MOTHER, refused("ConsentsSignatureInvalid", consent_id(more), SUBJECT))
    yield story.revoke(guarded(DELEGATE), PATIENT)


def histories() -> Iterator[Story]:
    """Gives every history of guardians."""
    for topic in (_of_forms, _of_kinds, _of_periods, _of_number, _of_removals, _of_scopes, _of_time):
        yield from topic()
    cases: tuple[tuple[str, Any, GuardianAppointment, tuple[str, ...]], ...] = (
        ("delegation", begun, DELEGATE, (OTHER, CUSTODIAN, MOTHER)),
        ("court-appointment", begun, COURT, (PATIENT, HOSPITAL, MOTHER)),
    )
    for name, ready, act, others in cases:
        yield from signing(ready, name, act, appointers(act), (UNCLE, PATIENT), others)
    take = removal(DELEGATE)
    yield from signing(with_delegate, "removal", take, (PATIENT,), (MOTHER, CUSTODIAN, OTHER), now=NOW + 1)
    stand_down = removal(DELEGATE, GuardianRemover.GUARDIAN)
    yield from signing(with_delegate, "standing-down", stand_down, (MOTHER,), (PATIENT, UNCLE), now=NOW + 1)
