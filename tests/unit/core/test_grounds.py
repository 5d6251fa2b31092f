"""What a request invokes, and what the status of a record says: rules that no act on chain reaches yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.access import ConsentFacts, Facts, InstitutionFacts, RecordFacts, as_seen, decide, shown_of
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.codes import ConsentStatus, LegalBasis, Reason, RecordStatus, Standing
from consentry.core.packing import ground_of, pack_batch, split_ground, unpack_request, unpack_shown
from consentry.core.terms import ZERO_32, AccessRequest, AuthorisationId, ConsentId, Material
from consentry.core.typed_data import consent_id, record_id
from consentry.errors import InvalidInputError
from tests.support import samples
from tests.support.samples import address

MATERIAL = Material(samples.leaf(), replace(samples.terms(), subject_id=samples.leaf().subject_id))
KEY_HASH = samples.word(7)
CONSENT = consent_id(samples.terms())
AUTHORISATION = AuthorisationId(samples.word(0xA07))


def _request(**changes: object) -> AccessRequest:
    made = samples.request(record_id(MATERIAL.leaf), consent_id(MATERIAL.terms or samples.terms()), KEY_HASH)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of the request


def _facts(status: RecordStatus | int) -> Facts:
    return Facts(
        institution=InstitutionFacts(Standing.ACTIVE, KEY_HASH),
        record=RecordFacts(status, MATERIAL.leaf),  # type: ignore[arg-type]  # also a status nobody knows
        consent=ConsentFacts(ConsentStatus.ACTIVE),
        signature_valid=True,
        request_used=False,
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (RecordStatus.NONE, Reason.RECORD_UNKNOWN),
        (RecordStatus.CURRENT, Reason.NONE),
        (RecordStatus.SUPERSEDED, Reason.RECORD_SUPERSEDED),
        (RecordStatus.RESTRICTED, Reason.RECORD_RESTRICTED),
        (RecordStatus.ERASED, Reason.RECORD_ERASED),
        (5, Reason.RECORD_SUPERSEDED),
        (255, Reason.RECORD_SUPERSEDED),
    ],
)
def test_only_the_current_version_is_permitted(status: RecordStatus | int, reason: Reason) -> None:
    assert decide(_request(), MATERIAL, _facts(status), samples.NOW) == reason


@pytest.mark.parametrize("basis", [0, LegalBasis.CONSENT, 255])
def test_ground_is_the_consent_unless_an_authority_is_the_basis(basis: int) -> None:
    assert ground_of(_request(legal_basis=basis, consent_id=CONSENT)) == CONSENT
    assert split_ground(basis, CONSENT) == (CONSENT, ZERO_32)
    with pytest.raises(InvalidInputError, match="ground of a request"):
        ground_of(_request(legal_basis=basis, consent_id=ConsentId(ZERO_32), authorisation_id=AUTHORISATION))


@pytest.mark.parametrize("basis", [LegalBasis.STATUTORY_DUTY, LegalBasis.PUBLIC_HEALTH])
def test_ground_is_the_authorisation_where_an_authority_is_the_basis(basis: int) -> None:
    asked = _request(legal_basis=basis, consent_id=ConsentId(ZERO_32), authorisation_id=AUTHORISATION)
    assert ground_of(asked) == AUTHORISATION
    assert split_ground(basis, AUTHORISATION) == (ZERO_32, AUTHORISATION)
    with pytest.raises(InvalidInputError, match="ground of a request"):
        ground_of(replace(asked, consent_id=CONSENT))


def test_emergency_has_no_ground() -> None:
    asked = _request(legal_basis=LegalBasis.EMERGENCY, consent_id=ConsentId(ZERO_32))
    assert ground_of(asked) == ZERO_32
    for named in (replace(asked, consent_id=CONSENT), replace(asked, authorisation_id=AUTHORISATION)):
        with pytest.raises(InvalidInputError, match="ground of a request"):
            ground_of(named)


GIVEN = StandingAuthorisation(
    address(1), address(2), 3, 2, 2, 2, 4, 0, 999, samples.NOW, samples.NOW + 1, samples.word(5), 7, samples.NOW
)


@pytest.mark.parametrize("basis", [0, *LegalBasis, 255])
@pytest.mark.parametrize("authorisation", [AuthorisationId(ZERO_32), AUTHORISATION, authorisation_id(GIVEN)])
@pytest.mark.parametrize("given", [None, GIVEN])
@pytest.mark.parametrize("consent", [ConsentId(ZERO_32), CONSENT])
def test_request_that_travels_is_put_together_as_the_contract_does(
    basis: int, authorisation: AuthorisationId, given: StandingAuthorisation | None, consent: ConsentId
) -> None:
    asked = _request(legal_basis=basis, consent_id=consent, authorisation_id=authorisation, reason_code=3)
    material = replace(MATERIAL, authorisation=given)
    packed, tables = pack_batch([(asked, material)])
    shown = shown_of(asked, material)

    seen, found = unpack_request(packed[0], tables), unpack_shown(packed[0], tables)
    assert (seen, found) == (as_seen(asked, shown), shown)
    by_authority = basis in {LegalBasis.STATUTORY_DUTY, LegalBasis.PUBLIC_HEALTH}
    consented = consent == ZERO_32 or not (by_authority or basis == LegalBasis.EMERGENCY)
    authorised = authorisation == ZERO_32 or (by_authority and given and authorisation == authorisation_id(given))
    assert (seen == asked) == bool(consented and authorised)
