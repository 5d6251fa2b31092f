"""Authorisations as histories: given, used, withdrawn, refused for every reason, denied for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    AUTHORISATION_PERIOD,
    DAY,
    Action,
    Category,
    ExclusionKind,
    LegalBasis,
    Purpose,
    Reason,
    bits,
)
from consentry.core.exclusions import Exclusion, target_of_institution
from consentry.core.terms import ZERO_32, AuthorisationId, ConsentId, Material
from consentry.core.typed_data import consent_id, struct_hash
from tests.support import samples
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
HOSPITAL: Final = "authorisations/hospital"
PATIENT: Final = "authorisations/patient"
PROVINCE: Final = "authorisations/province"
NEIGHBOUR: Final = "authorisations/neighbouring province"
TWIN: Final = "authorisations/second authority of the province"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)

TERMS: Final = StandingAuthorisation(
    authority=key_of(PROVINCE).address,
    institution=key_of(HOSPITAL).address,
    basis=LegalBasis.PUBLIC_HEALTH,
    purposes=bits(Purpose.PUBHLTH, Purpose.HLEGAL),
    categories=bits(LEAF.category),
    actions=bits(Action.VIEW, Action.STORE),
    max_sensitivity=3,
    data_from=600,
    data_until=700,
    valid_from=NOW,
    valid_until=NOW + AUTHORISATION_PERIOD,
    basis_text_hash=samples.word(0xA1),
    nonce=1,
    sign_before=NOW + DAY,
)
WITHDRAWAL: Final = AuthorisationWithdrawal(
    authorisation_id(TERMS), TERMS.authority, TERMS.institution, NOW + 10 * AUTHORISATION_PERIOD
)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit(CUSTODIAN).admit(HOSPITAL)
    for authority, region in ((PROVINCE, 440000), (NEIGHBOUR, 450000), (TWIN, 440000)):
        story.admit_authority(authority, region)
    return story.enrol(PATIENT, CUSTODIAN).anchor(LEAF, CUSTODIAN).travel(NOW)


def _given(name: str, terms: StandingAuthorisation = TERMS) -> Story:
    return _begun(name).act(terms, PROVINCE)


def _under(
    answer: Reason,
    terms: StandingAuthorisation | None = TERMS,
    number: int = 1,
    **changes: Any,  # noqa: ANN401 - members by name
) -> Asked:
    usual = {
        "authorisation_id": authorisation_id(terms) if terms else AuthorisationId(ZERO_32),
        "legal_basis": terms.basis if terms else LegalBasis.PUBLIC_HEALTH,
        "purpose": Purpose.PUBHLTH,
        "expires_at": 2**63,
    }
    item = asked(HOSPITAL, LEAF, None, answer, number, **(usual | changes))
    return replace(item, material=Material(LEAF, authorisation=terms))


def _of_giving() -> Iterator[Story]:
    yield _given("given").act(TERMS, PROVINCE, expect=refused("ActRepeated", struct_hash(TERMS)))
    duty = replace(TERMS, basis=LegalBasis.STATUTORY_DUTY)
    yield _begun("given-for-a-duty").act(duty, PROVINCE).decide(_under(Reason.NONE, duty))
    nation = replace(TERMS, authority=key_of(NATIONAL).address)
    yield _begun("given-by-the-nation").act(nation, NATIONAL).decide(_under(Reason.NONE, nation))
    widest = replace(
        TERMS, purposes=bits(*Purpose), categories=bits(*Category), actions=bits(*Action), max_sensitivity=4
    )
    yield _begun("given-as-wide-as-can-be").act(widest, PROVINCE).decide(_under(Reason.NONE, widest))
    over = key_of(HOSPITAL).address
    for name in (NEIGHBOUR, STRANGER, HOSPITAL):
        act = replace(TERMS, authority=key_of(name).address)
        error = refused("AuthorisationsAuthorityForbidden", act.authority, over)
        yield _begun(f"given-by-{name.rpartition('/')[2]}".replace(" ", "-")).act(act, name, expect=error)
    story = _begun("given-by-a-suspended-authority").suspend_authority(PROVINCE)
    yield story.act(TERMS, PROVINCE, expect=refused("AuthorisationsAuthorityForbidden", TERMS.authority, over))
    nobody = replace(TERMS, institution=key_of(STRANGER).address)
    error = refused("AuthorisationsInstitutionUnknown", nobody.institution)
    yield _begun("given-to-nobody").act(nobody, PROVINCE, expect=error)
    for number, (change, problem, told) in enumerate(_wrong_terms()):
        act = replace(TERMS, **change)
        yield _begun(f"refused-{number}-{problem}".lower()).act(
            act, PROVINCE, expect=refused(f"Authorisations{problem}", *told)
        )


def _wrong_terms() -> Iterator[tuple[dict[str, Any], str, tuple[Any, ...]]]:
    for basis in (0, 1, 2, 5, 255):
        yield {"basis": basis}, "BasisInvalid", (basis,)
    yield {"basis_text_hash": ZERO_32}, "BasisTextMissing", ()
    scopes: list[dict[str, Any]] = [
        *({"purposes": purposes} for purposes in (0, 1, 1 << 16)),
        *({"categories": categories} for categories in (0, 1, 1 << 13)),
        *({"actions": actions} for actions in (0, 1, 8)),
        *({"max_sensitivity": level} for level in (0, 5, 255)),
    ]
    for change in scopes:
        act = replace(TERMS, **change)
        yield change, "ScopeInvalid", (act.purposes, act.categories, act.actions, act.max_sensitivity)
    yield {"data_from": 701}, "DataPeriodInvalid", (701, 700)
    for start, end in (
        (NOW, NOW),
        (NOW + 1, NOW),
        (NOW - 9, NOW),
        (NOW, NOW + AUTHORISATION_PERIOD + 1),
        (0, 2**64 - 1),
    ):
        yield {"valid_from": start, "valid_until": end}, "PeriodInvalid", (start, end, NOW)


def _of_withdrawing() -> Iterator[Story]:
    story = _given("withdrawn").decide(_under(Reason.NONE)).act(WITHDRAWAL, PROVINCE)
    again = replace(WITHDRAWAL, sign_before=NOW + DAY)
    story.act(again, PROVINCE, expect=refused("AuthorisationsAlreadyWithdrawn", authorisation_id(TERMS)))
    yield story.decide(_under(Reason.AUTHORISATION_WITHDRAWN, number=2))
    nation = replace(WITHDRAWAL, authority=key_of(NATIONAL).address)
    yield _given("withdrawn-by-the-nation").act(nation, NATIONAL).decide(_under(Reason.AUTHORISATION_WITHDRAWN))
    story = _given("withdrawn-by-the-nation-after-a-suspension").suspend_authority(PROVINCE)
    forbidden = "AuthorisationsAuthorityForbidden"
    story.act(WITHDRAWAL, PROVINCE, expect=refused(forbidden, TERMS.authority, TERMS.institution))
    yield (
        story.decide(_under(Reason.NONE)).act(nation, NATIONAL).decide(_under(Reason.AUTHORISATION_WITHDRAWN, number=2))
    )
    for name in (TWIN, NEIGHBOUR, HOSPITAL):
        act = replace(WITHDRAWAL, authority=key_of(name).address)
        error = refused(forbidden, act.authority, act.institution)
        yield _given(f"withdrawn-by-{name.rpartition('/')[2]}".replace(" ", "-")).act(act, name, expect=error)
    error = refused("AuthorisationsUnknown", authorisation_id(TERMS), TERMS.institution)
    yield _begun("withdrawn-before-it-was-given").act(WITHDRAWAL, PROVINCE, expect=error).act(TERMS, PROVINCE)
    other = replace(WITHDRAWAL, institution=key_of(CUSTODIAN).address)
    error = refused("AuthorisationsUnknown", authorisation_id(TERMS), other.institution)
    yield _given("withdrawn-from-another").act(other, PROVINCE, expect=error)


def _of_signatures() -> Iterator[Story]:
    for name, act in (("given", TERMS), ("withdrawn", WITHDRAWAL)):
        begun = _begun if act is TERMS else _given
        invalid = refused("ActSignatureInvalid", struct_hash(act), 0)
        for other in (TWIN, NATIONAL, HOSPITAL):
            story = begun(f"{name}-signed-by-{other.rpartition('/')[2]}".replace(" ", "-"))
            yield story.act(act, other, expect=invalid)
        yield begun(f"{name}-unsigned").act(act, expect=refused("ActSignaturesMismatch", 0, 1))
        late = replace(act, sign_before=1)
        now = NOW if act is TERMS else NOW + 1
        yield begun(f"{name}-late").act(late, PROVINCE, expect=refused("ActExpired", 1, now))
        relay = refused("ActRelayRequired", key_of(STRANGER).address)
        yield begun(f"{name}-passed-on-by-a-stranger").act(act, PROVINCE, expect=relay, by=STRANGER)


def _of_use() -> Iterator[Story]:
    for whole in (False, True):
        end = "-whole" if whole else ""
        yield _given(f"used{end}").decide(_under(Reason.NONE), whole=whole)
        yield _begun(f"unknown{end}").decide(_under(Reason.AUTHORISATION_UNKNOWN), whole=whole)
        yield _given(f"missing{end}").decide(_under(Reason.AUTHORISATION_MISSING, None), whole=whole)
        for name, change in _beyond():
            item = _under(Reason.AUTHORISATION_SCOPE, **change)
            yield _given(f"beyond-{name}{end}").decide(item, whole=whole)
    for name, change in _other_terms():
        terms = replace(TERMS, **change)
        yield _given(f"terms-without-{name}", terms).decide(_under(Reason.AUTHORISATION_SCOPE, terms))
    for name, change in _fitting_terms():
        terms = replace(TERMS, **change)
        yield _given(f"terms-just-with-{name}", terms).decide(_under(Reason.NONE, terms))
    elsewhere = _under(Reason.AUTHORISATION_SCOPE)
    by_custodian = replace(elsewhere.request, institution=key_of(CUSTODIAN).address)
    yield _given("used-by-another").decide(replace(elsewhere, request=by_custodian, key=CUSTODIAN))
    yield _given("used-again-and-again").decide(*(_under(Reason.NONE, number=number) for number in range(1, 6)))


def _beyond() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "purpose", {"purpose": Purpose.TREAT}
    yield "basis", {"legal_basis": LegalBasis.STATUTORY_DUTY}


def _other_terms() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "the-action", {"actions": bits(Action.STORE)}
    yield "the-category", {"categories": bits(Category.BILLING)}
    yield "the-sensitivity", {"max_sensitivity": LEAF.sensitivity - 1}
    yield "the-first-month", {"data_from": LEAF.data_month + 1}
    yield "the-last-month", {"data_until": LEAF.data_month - 1}


def _fitting_terms() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "the-sensitivity", {"max_sensitivity": LEAF.sensitivity}
    yield "the-month", {"data_from": LEAF.data_month, "data_until": LEAF.data_month}
    yield "this-second", {"valid_from": NOW + 1}


def _of_time() -> Iterator[Story]:
    early = replace(TERMS, valid_from=NOW + 100, valid_until=NOW + 200)
    for time, reason in (
        (NOW + 99, Reason.AUTHORISATION_EXPIRED),
        (NOW + 100, Reason.NONE),
        (NOW + 199, Reason.NONE),
        (NOW + 200, Reason.AUTHORISATION_EXPIRED),
    ):
        for whole in (False, True):
            story = _given(f"used-{time - NOW}-seconds-later{'-whole' if whole else ''}", early).travel(time)
            yield story.decide(_under(reason, early), whole=whole)
    for whole in (False, True):
        story = _given(f"withdrawn-and-over{'-whole' if whole else ''}", early)
        story.act(replace(WITHDRAWAL, authorisation_id=authorisation_id(early)), PROVINCE)
        yield story.travel(NOW + 300).decide(_under(Reason.AUTHORISATION_WITHDRAWN, early), whole=whole)


def _of_levels_and_exclusions() -> Iterator[Story]:
    widest = replace(TERMS, max_sensitivity=4)
    for level, reason in ((4, Reason.NONE), (5, Reason.AUTHORISATION_SCOPE)):
        leaf = replace(LEAF, sensitivity=level, commitment=samples.word(level))
        item = _under(reason, widest)
        own = asked(HOSPITAL, leaf, None, reason).request.record_id
        item = replace(
            item, request=replace(item.request, record_id=own), material=Material(leaf, authorisation=widest)
        )
        yield _given(f"level-{level}", widest).anchor(leaf, CUSTODIAN).travel(NOW + 9).decide(item)
    target = target_of_institution(key_of(HOSPITAL).address)
    act = Exclusion(subject_of(PATIENT), ZERO_32, ExclusionKind.INSTITUTION, target, 1, NOW + DAY)
    yield _given("excluded-does-not-count").act(act, PATIENT).decide(_under(Reason.NONE))


def _of_grounds() -> Iterator[Story]:
    terms = terms_of(PATIENT, HOSPITAL)
    for name, basis in (("duty", LegalBasis.STATUTORY_DUTY), ("public-health", LegalBasis.PUBLIC_HEALTH)):
        item = asked(HOSPITAL, LEAF, terms, Reason.SIGNATURE_INVALID, legal_basis=basis)
        yield _begun(f"{name}-with-a-consent").grant(terms, PATIENT).decide(item)
        both = _under(Reason.SIGNATURE_INVALID, consent_id=consent_id(terms), legal_basis=basis)
        yield _given(f"{name}-with-both").grant(terms, PATIENT).decide(both)
    item = _under(Reason.SIGNATURE_INVALID, legal_basis=LegalBasis.CONSENT)
    yield _given("consent-with-an-authorisation").decide(item)
    not_shown = _under(Reason.SIGNATURE_INVALID)
    yield _given("named-but-not-shown").decide(replace(not_shown, material=Material(LEAF)))
    other = replace(TERMS, nonce=2)
    shown = replace(_under(Reason.SIGNATURE_INVALID), material=Material(LEAF, authorisation=other))
    yield _given("another-shown-than-named").act(other, PROVINCE).decide(shown)
    named = _under(Reason.AUTHORISATION_MISSING, None)
    assert named.request.consent_id == ConsentId(ZERO_32)
    yield _given("shown-but-not-named").decide(replace(named, material=Material(LEAF, authorisation=TERMS)))


def histories() -> Iterator[Story]:
    """Gives every history of authorisations."""
    topics = (_of_giving, _of_withdrawing, _of_signatures, _of_use, _of_time, _of_levels_and_exclusions, _of_grounds)
    for topic in topics:
        yield from topic()
