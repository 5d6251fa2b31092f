"""Every way a request can be wrong, one for each `Reason`, and the values on both sides of each limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from consentry.core import merkle
from consentry.core.codes import Action, ConsentStatus, Purpose, Reason, RecordStatus, Standing, bits
from consentry.core.terms import ZERO_32, ZERO_ADDRESS
from consentry.core.typed_data import record_id, scope_key
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.histories.scenario import ELSEWHERE, GROUP, SIBLING, Change, Scenario
from tests.vectors.histories.story import START, key_of, subject_of


def _set(**values: Any) -> Change:  # noqa: ANN401 - fields of the scenario
    def change(scenario: Scenario) -> None:
        for name, value in values.items():
            setattr(scenario, name, value)

    return change


def _request(**values: Any) -> Change:  # noqa: ANN401 - fields of the request
    return lambda scenario: scenario.change_request(**values)


def _terms(**values: Any) -> Change:  # noqa: ANN401 - fields of the terms
    return lambda scenario: scenario.change_terms(**values)


def _leaf(**values: Any) -> Change:  # noqa: ANN401 - fields of the leaf
    return lambda scenario: scenario.change_leaf(**values)


def _all(*changes: Change) -> Change:
    def change(scenario: Scenario) -> None:
        for each in changes:
            each(scenario)

    return change


def _other_terms(scenario: Scenario) -> None:
    scenario.shown_terms = _changed_copy(scenario.terms, nonce=0xBAD)


def _changed_copy(value: Any, **changes: Any) -> Any:  # noqa: ANN401 - any struct
    return replace(value, **changes)


def _other_subject(scenario: Scenario) -> None:
    scenario.change_terms(subject_id=subject_of(SIBLING))


def _named_records(scenario: Scenario, *, others: int, covered: bool) -> None:
    """Makes the terms name records; call after the leaf is final."""
    keys = [samples.word(0x0DD + number) for number in range(others)]
    own = scope_key(scenario.leaf)
    if covered:
        keys.append(own)
    scenario.change_terms(records_root=merkle.root_of(keys), categories=0)
    scenario.scope_proof = merkle.proof_of(keys, own) if covered else (samples.word(1),)


def _named(others: int, *, covered: bool) -> Change:
    return lambda scenario: _named_records(scenario, others=others, covered=covered)


def _wrong_proof(scenario: Scenario) -> None:
    _named_records(scenario, others=6, covered=True)
    scenario.scope_proof = scenario.scope_proof[:-1]


def _root_is_the_scope_key(scenario: Scenario) -> None:
    scenario.change_terms(records_root=scope_key(scenario.leaf), categories=0)


def _second_version(scenario: Scenario) -> None:
    first = record_id(scenario.leaf)
    scenario.first_leaf = scenario.leaf
    scenario.change_leaf(previous=first, lineage=first, version=2, commitment=samples.word(0xC2))


def _without_consent(legal_basis: int) -> Change:
    return _all(_set(invokes_consent=False), _request(legal_basis=legal_basis))


STORE: Final = _all(_request(action=Action.STORE), _terms(actions=bits(Action.VIEW, Action.STORE), erase_by=NOW + 1))
AUTHORISED: Final = _request(authorisation_id=samples.word(0xA07))
IN_GROUP: Final = _all(_terms(institution=ZERO_ADDRESS, group=GROUP), _set(group_member=True))

WRONG: Final[dict[Reason, Change]] = {
    Reason.INSTITUTION_UNKNOWN: _set(standing=Standing.NONE),
    Reason.SIGNATURE_INVALID: _set(signature_valid=False),
    Reason.REQUEST_REPLAYED: _set(request_used=True),
    Reason.SCOPE_PROOF_INVALID: _named(4, covered=False),
    Reason.INSTITUTION_SUSPENDED: _set(standing=Standing.SUSPENDED),
    Reason.REQUEST_EXPIRED: _request(expires_at=NOW),
    Reason.REQUEST_NOT_YET_VALID: _request(issued_at=NOW + 61),
    Reason.RELEASE_KEY_MISMATCH: _request(release_key_hash=samples.word(0xBAD)),
    Reason.PURPOSE_UNKNOWN: _request(purpose=16),
    Reason.ACTION_UNKNOWN: _request(action=3),
    Reason.ACTOR_UNKNOWN: _request(actor_kind=3),
    Reason.LEGAL_BASIS_UNSUPPORTED: _request(legal_basis=5),
    Reason.RECORD_UNKNOWN: _set(record_status=RecordStatus.NONE),
    Reason.RECORD_SUPERSEDED: _set(record_status=RecordStatus.SUPERSEDED),
    Reason.CONSENT_MISSING: _set(invokes_consent=False),
    Reason.CONSENT_UNKNOWN: _set(consent_status=ConsentStatus.NONE),
    Reason.CONSENT_REVOKED: _set(consent_status=ConsentStatus.REVOKED),
    Reason.CONSENT_NOT_YET_VALID: _terms(valid_from=NOW + 1),
    Reason.CONSENT_EXPIRED: _terms(valid_until=NOW),
    Reason.SUBJECT_MISMATCH: _other_subject,
    Reason.GRANTEE_MISMATCH: _terms(institution=key_of(ELSEWHERE).address),
    Reason.PRACTITIONER_MISMATCH: _terms(practitioner=samples.word(0xBAD)),
    Reason.PURPOSE_NOT_GRANTED: _terms(purposes=bits(Purpose.HRESCH)),
    Reason.ACTION_NOT_GRANTED: _terms(actions=bits(Action.STORE), erase_by=NOW + 1),
    Reason.RECORD_NOT_IN_SCOPE: _terms(categories=bits(3)),
    Reason.LEVEL_FIVE_WILDCARD: _leaf(sensitivity=5),
    Reason.SENSITIVITY_EXCEEDED: _leaf(sensitivity=4),
    Reason.DATA_PERIOD_EXCEEDED: _leaf(data_month=701),
    Reason.ERASE_DATE_PASSED: _all(STORE, _terms(erase_by=NOW)),
    Reason.USES_EXHAUSTED: _all(_terms(max_uses=1), _set(uses=1)),
}
"""For each reason, the change that brings it about and nothing else; in the order of the rules."""

OF_HISTORIES: Final = frozenset(
    {
        Reason.INSTITUTION_LIMIT,
        Reason.RECONSENT_NEEDED,
        Reason.RECORD_RESTRICTED,
        Reason.RECORD_ERASED,
        Reason.EMERGENCY_FORBIDDEN,
        Reason.EXCLUDED,
        Reason.EMERGENCY_LIMIT,
        Reason.AUTHORISATION_UNKNOWN,
        Reason.AUTHORISATION_WITHDRAWN,
        Reason.AUTHORISATION_EXPIRED,
        Reason.AUTHORISATION_SCOPE,
    }
)
"""Reasons that other acts bring about than grants and anchors, in topics of their own."""

LIMITS: Final[tuple[tuple[str, Reason, Change], ...]] = (
    ("permitted", Reason.NONE, _all()),
    ("expires-in-a-second", Reason.NONE, _request(expires_at=NOW + 1)),
    ("expired-long-ago", Reason.REQUEST_EXPIRED, _request(issued_at=0, expires_at=0)),
    ("issued-at-the-tolerance", Reason.NONE, _request(issued_at=NOW + 60)),
    ("issued-at-the-end-of-time", Reason.REQUEST_NOT_YET_VALID, _request(issued_at=2**64 - 1, expires_at=2**64 - 1)),
    ("release-key-zero", Reason.RELEASE_KEY_MISMATCH, _request(release_key_hash=ZERO_32)),
    ("purpose-zero", Reason.PURPOSE_UNKNOWN, _request(purpose=0)),
    ("purpose-last", Reason.NONE, _all(_request(purpose=15), _terms(purposes=bits(*range(1, 16))))),
    ("purpose-first", Reason.NONE, _all(_request(purpose=1), _terms(purposes=bits(*range(1, 16))))),
    ("purpose-beyond-any-mask", Reason.PURPOSE_UNKNOWN, _request(purpose=255)),
    ("purpose-neighbour-below", Reason.PURPOSE_NOT_GRANTED, _all(_request(purpose=4), _terms(purposes=bits(3, 5)))),
    ("action-zero", Reason.ACTION_UNKNOWN, _request(action=0)),
    ("action-beyond-any-mask", Reason.ACTION_UNKNOWN, _request(action=255)),
    ("actor-zero", Reason.ACTOR_UNKNOWN, _request(actor_kind=0)),
    ("actor-machine", Reason.NONE, _request(actor_kind=2)),
    ("actor-beyond", Reason.ACTOR_UNKNOWN, _request(actor_kind=255)),
    ("practitioner-zero", Reason.ACTOR_UNKNOWN, _request(practitioner=ZERO_32)),
    ("legal-basis-zero", Reason.LEGAL_BASIS_UNSUPPORTED, _request(legal_basis=0)),
    ("legal-basis-emergency", Reason.EMERGENCY_INCOMPLETE, _without_consent(2)),
    ("legal-basis-emergency-with-a-consent", Reason.SIGNATURE_INVALID, _request(legal_basis=2)),
    ("legal-basis-statutory", Reason.AUTHORISATION_MISSING, _without_consent(3)),
    ("legal-basis-public-health", Reason.AUTHORISATION_MISSING, _without_consent(4)),
    ("legal-basis-five", Reason.LEGAL_BASIS_UNSUPPORTED, _without_consent(5)),
    ("legal-basis-statutory-with-a-consent", Reason.SIGNATURE_INVALID, _request(legal_basis=3)),
    ("legal-basis-public-health-with-a-consent", Reason.SIGNATURE_INVALID, _request(legal_basis=4)),
    ("authorisation-on-consent", Reason.SIGNATURE_INVALID, AUTHORISED),
    ("authorisation-on-a-duty", Reason.SIGNATURE_INVALID, _all(_without_consent(3), AUTHORISED)),
    ("authorisation-on-public-health", Reason.SIGNATURE_INVALID, _all(_without_consent(4), AUTHORISED)),
    ("reason-code-first", Reason.LEGAL_BASIS_UNSUPPORTED, _request(reason_code=1)),
    ("reason-code-last", Reason.LEGAL_BASIS_UNSUPPORTED, _request(reason_code=255)),
    ("legal-basis-beyond", Reason.LEGAL_BASIS_UNSUPPORTED, _request(legal_basis=255)),
    ("request-id-zero", Reason.NONE, _request(request_id=0)),
    ("request-id-highest", Reason.NONE, _request(request_id=2**256 - 1)),
    ("reason-hash-given", Reason.NONE, _request(reason_hash=samples.word(0x5EA))),
    ("valid-from-this-second", Reason.NONE, _terms(valid_from=NOW)),
    ("valid-until-next-second", Reason.NONE, _terms(valid_until=NOW + 1)),
    ("valid-for-ever", Reason.NONE, _terms(valid_until=2**64 - 1)),
    ("practitioner-named", Reason.NONE, _terms(practitioner=samples.PRACTITIONER)),
    ("group-member", Reason.NONE, IN_GROUP),
    ("group-stranger", Reason.GRANTEE_MISMATCH, _all(IN_GROUP, _set(group_member=False))),
    ("group-suspended-member", Reason.INSTITUTION_SUSPENDED, _all(IN_GROUP, _set(standing=Standing.SUSPENDED))),
    ("store", Reason.NONE, STORE),
    ("store-before-erase-date", Reason.NONE, _all(STORE, _terms(erase_by=NOW + 30 * samples.DAY))),
    ("store-not-granted", Reason.ACTION_NOT_GRANTED, _request(action=Action.STORE)),
    ("view-after-erase-date", Reason.NONE, _all(STORE, _terms(erase_by=START + 7200), _request(action=Action.VIEW))),
    ("store-after-erase-date", Reason.ERASE_DATE_PASSED, _all(STORE, _terms(erase_by=START + 7200))),
    ("categories-all", Reason.NONE, _terms(categories=bits(*range(1, 13)))),
    ("category-last", Reason.NONE, _all(_leaf(category=12), _terms(categories=bits(12)))),
    ("category-first", Reason.NONE, _all(_leaf(category=1), _terms(categories=bits(1)))),
    ("category-neighbour", Reason.RECORD_NOT_IN_SCOPE, _all(_leaf(category=5), _terms(categories=bits(4, 6)))),
    ("named-single", Reason.NONE, _named(0, covered=True)),
    ("named-among-two", Reason.NONE, _named(1, covered=True)),
    ("named-among-three", Reason.NONE, _named(2, covered=True)),
    ("named-among-nine", Reason.NONE, _named(8, covered=True)),
    ("named-not", Reason.SCOPE_PROOF_INVALID, _named(4, covered=False)),
    ("named-with-a-short-proof", Reason.SCOPE_PROOF_INVALID, _wrong_proof),
    ("named-by-a-bare-scope-key", Reason.SCOPE_PROOF_INVALID, _root_is_the_scope_key),
    ("named-second-version", Reason.NONE, _all(_named(2, covered=True), _second_version)),
    ("category-second-version", Reason.NONE, _second_version),
    ("named-level-five", Reason.NONE, _all(_leaf(sensitivity=5), _terms(max_sensitivity=5), _named(1, covered=True))),
    (
        "named-level-five-above",
        Reason.SENSITIVITY_EXCEEDED,
        _all(_leaf(sensitivity=5), _terms(max_sensitivity=4), _named(1, covered=True)),
    ),
    ("sensitivity-at-the-limit", Reason.NONE, _leaf(sensitivity=3)),
    ("sensitivity-lowest", Reason.NONE, _all(_leaf(sensitivity=1), _terms(max_sensitivity=1))),
    ("sensitivity-highest-wildcard", Reason.NONE, _all(_leaf(sensitivity=4), _terms(max_sensitivity=4))),
    ("data-month-first", Reason.NONE, _leaf(data_month=600)),
    ("data-month-last", Reason.NONE, _leaf(data_month=700)),
    ("data-month-before", Reason.DATA_PERIOD_EXCEEDED, _leaf(data_month=599)),
    ("data-month-only", Reason.NONE, _all(_leaf(data_month=680), _terms(data_from=680, data_until=680))),
    ("data-month-any", Reason.NONE, _all(_leaf(data_month=0), _terms(data_from=0, data_until=2**16 - 1))),
    ("uses-last", Reason.NONE, _all(_terms(max_uses=3), _set(uses=2))),
    ("uses-exhausted-at-three", Reason.USES_EXHAUSTED, _all(_terms(max_uses=3), _set(uses=3))),
    ("other-terms-than-signed", Reason.SIGNATURE_INVALID, _other_terms),
    ("uses-unlimited", Reason.NONE, _set(uses=3)),
    ("revoked-after-use", Reason.CONSENT_REVOKED, _set(uses=1, consent_status=ConsentStatus.REVOKED)),
    ("replayed-and-denied-before", Reason.REQUEST_REPLAYED, _set(request_used=True)),
    (
        "missing-consent-with-bad-record",
        Reason.RECORD_SUPERSEDED,
        _set(invokes_consent=False, record_status=RecordStatus.SUPERSEDED),
    ),
)
"""Name, expected answer and change of each case at a limit."""

EXCLUSIVE: Final = frozenset(
    {
        (Reason.INSTITUTION_UNKNOWN, Reason.INSTITUTION_SUSPENDED),
        (Reason.RECORD_UNKNOWN, Reason.RECORD_SUPERSEDED),
        (Reason.CONSENT_UNKNOWN, Reason.CONSENT_REVOKED),
        (Reason.LEVEL_FIVE_WILDCARD, Reason.SENSITIVITY_EXCEEDED),
        (Reason.CONSENT_NOT_YET_VALID, Reason.CONSENT_EXPIRED),
        (Reason.PURPOSE_UNKNOWN, Reason.PURPOSE_NOT_GRANTED),
        (Reason.ACTION_NOT_GRANTED, Reason.ERASE_DATE_PASSED),
        (Reason.REQUEST_REPLAYED, Reason.SCOPE_PROOF_INVALID),
        (Reason.SCOPE_PROOF_INVALID, Reason.CONSENT_MISSING),
        (Reason.SCOPE_PROOF_INVALID, Reason.RECORD_NOT_IN_SCOPE),
        (Reason.SCOPE_PROOF_INVALID, Reason.LEVEL_FIVE_WILDCARD),
        (Reason.CONSENT_NOT_YET_VALID, Reason.ACTION_NOT_GRANTED),
        (Reason.CONSENT_NOT_YET_VALID, Reason.ERASE_DATE_PASSED),
        (Reason.REQUEST_REPLAYED, Reason.INSTITUTION_UNKNOWN),
        (Reason.INSTITUTION_UNKNOWN, Reason.REQUEST_REPLAYED),
    }
)
"""Pairs that one request cannot have, or that overwrite each other's change."""
