"""What a grant and a revocation must satisfy: the checks of ``contracts/Consents.sol`` in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from consentry.core.codes import (
    HIGHEST_SENSITIVITY,
    Action,
    Assurance,
    Category,
    ConsentStatus,
    Purpose,
    Standing,
    bits,
)
from consentry.core.refusals import refusal
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentId, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id

ALL_CATEGORIES: Final = bits(*Category)
ALL_PURPOSES: Final = bits(*Purpose)
ALL_ACTIONS: Final = bits(*Action)

Verdict = tuple[bool, str, tuple[Any, ...]]


def _is_set_of(mask: int, known: int) -> bool:
    return mask != 0 and mask & ~known == 0


def _scope_is_valid(terms: ConsentTerms) -> bool:
    if terms.records_root != ZERO_32:
        return terms.categories == 0
    return _is_set_of(terms.categories, ALL_CATEGORIES)


def _grantee_is_valid(terms: ConsentTerms) -> bool:
    names_institution = terms.institution != ZERO_ADDRESS
    names_group = terms.group != ZERO_32
    return names_institution != names_group and (names_institution or terms.practitioner == ZERO_32)


def erase_floor(terms: ConsentTerms, now: int) -> int:
    """Gives the earliest erase-by date the terms need, in seconds; zero when they grant no storing."""
    return max(terms.valid_from, now) + 1 if terms.actions >> Action.STORE & 1 else 0


def _erase_date_is_valid(terms: ConsentTerms, floor: int) -> bool:
    return terms.erase_by >= floor if floor else terms.erase_by == 0


def highest_sensitivity(terms: ConsentTerms) -> int:
    """Gives the highest sensitivity level the terms may name: level 5 is never covered by a wildcard."""
    return HIGHEST_SENSITIVITY if terms.records_root != ZERO_32 else HIGHEST_SENSITIVITY - 1


def _assurance_fits(terms: ConsentTerms) -> bool:
    """Tells whether the assurance level goes with who signs; where staff assisted, anybody may who else could."""
    if terms.assurance == Assurance.STAFF_ASSISTED:
        return True
    known = terms.assurance in set(Assurance)
    return known and (terms.guardian != ZERO_32) == (terms.assurance == Assurance.GUARDIAN)


def _verdicts(terms: ConsentTerms, grantee_standing: Standing, now: int) -> Iterator[Verdict]:
    t = terms
    yield _grantee_is_valid(t), "ConsentsGranteeInvalid", (t.institution, t.group, t.practitioner)
    known = t.institution == ZERO_ADDRESS or grantee_standing != Standing.NONE
    yield known, "ConsentsGranteeUnknown", (t.institution,)
    yield _scope_is_valid(t), "ConsentsScopeInvalid", (t.records_root, t.categories)
    yield _is_set_of(t.purposes, ALL_PURPOSES), "ConsentsPurposesInvalid", (t.purposes,)
    yield _is_set_of(t.actions, ALL_ACTIONS), "ConsentsActionsInvalid", (t.actions,)
    yield 1 <= t.max_sensitivity <= highest_sensitivity(t), "ConsentsSensitivityInvalid", (t.max_sensitivity,)
    yield t.data_from <= t.data_until, "ConsentsDataPeriodInvalid", (t.data_from, t.data_until)
    period = t.valid_from < t.valid_until and now < t.valid_until
    yield period, "ConsentsPeriodInvalid", (t.valid_from, t.valid_until, now)
    yield t.max_uses > 0, "ConsentsUsesInvalid", (t.max_uses,)
    yield not t.onward_disclosure, "ConsentsOnwardDisclosureRefused", ()
    floor = erase_floor(t, now)
    yield _erase_date_is_valid(t, floor), "ConsentsEraseDateInvalid", (t.erase_by, floor)
    notice = t.notice_hash != ZERO_32 and t.notice_version != 0
    yield notice, "ConsentsNoticeMissing", (t.notice_hash, t.notice_version)
    yield _assurance_fits(t), "ConsentsAssuranceRefused", (t.assurance,)


def check_terms(terms: ConsentTerms, grantee_standing: Standing, now: int) -> None:
    """Checks the terms by themselves, as a grant at block time ``now`` (seconds) would.

    Args:
        terms: what the subject is asked to sign.
        grantee_standing: standing of ``terms.institution``; ignored when a group is named.
        now: block time in seconds.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    for holds, error, arguments in _verdicts(terms, grantee_standing, now):
        if not holds:
            raise refusal(error, *arguments)


def check_grant(
    terms: ConsentTerms,
    status: ConsentStatus,
    *,
    subject_known: bool,
    grantee_standing: Standing,
    signature_valid: bool,
    now: int,
    further: Callable[[], None] = lambda: None,
) -> None:
    """Checks a grant as ``Consents.grant`` does; ``further`` are the checks that come before that of the signature.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    identifier = consent_id(terms)
    if status == ConsentStatus.ACTIVE:
        raise refusal("ConsentsAlreadyGranted", identifier)
    if status == ConsentStatus.REVOKED:
        raise refusal("ConsentsAlreadyRevoked", identifier)
    if not subject_known:
        raise refusal("ConsentsSubjectUnknown", terms.subject_id)
    check_terms(terms, grantee_standing, now)
    further()
    if not signature_valid:
        raise refusal("ConsentsSignatureInvalid", identifier, terms.subject_id)


def check_revoke(
    terms: ConsentTerms,
    guardian: bytes,
    status: ConsentStatus,
    *,
    subject_known: bool,
    shielded: bool,
    signature_valid: bool,
) -> None:
    """Checks a revocation as ``Consents.revoke`` does; a consent may be refused before it was granted.

    Args:
        terms: of the consent.
        guardian: appointment under which a guardian revokes; zero when the subject does.
        status: of the consent.
        subject_known: whether the subject is enrolled.
        shielded: whether it is a shielded minor now.
        signature_valid: whether the signer who may revoke signed.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    kept_from = guardian if shielded and terms.guardian == ZERO_32 else ZERO_32
    check_revocation(
        consent_id(terms),
        terms.subject_id,
        status,
        subject_known=subject_known,
        kept_from=kept_from,
        signature_valid=signature_valid,
    )


def check_revocation(
    identifier: ConsentId,
    subject_id: SubjectId,
    status: ConsentStatus,
    *,
    subject_known: bool,
    kept_from: bytes,
    signature_valid: bool,
) -> None:
    """Checks a revocation of which only the ids are known; ``kept_from`` names a guardian whose matter it is not.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    if status == ConsentStatus.REVOKED:
        raise refusal("ConsentsAlreadyRevoked", identifier)
    if not subject_known:
        raise refusal("ConsentsSubjectUnknown", subject_id)
    if kept_from != ZERO_32:
        raise refusal("ConsentsShielded", identifier, kept_from)
    if not signature_valid:
        raise refusal("ConsentsSignatureInvalid", identifier, subject_id)
