"""Grants as histories: accepted ones, and one for every way a grant is refused, with what the Solidity error tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.codes import Action, Category, ConsentStatus, Purpose, bits
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms
from consentry.core.typed_data import consent_id
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.scenario import CUSTODIAN, ELSEWHERE, GROUP
from tests.vectors.histories.story import START, Story, key_of, refused, subject_of

PATIENT: Final = "grants/patient"
SUBJECT: Final = subject_of(PATIENT)
NOBODY: Final = samples.address(0x0BAD)
BOTH: Final = bits(Action.VIEW, Action.STORE)


@dataclass
class Grant:
    """Terms to be granted at `NOW`, what went before, and the error; no error means accepted."""

    name: str
    error: str = ""
    arguments: tuple[bytes | int, ...] = ()
    status: ConsentStatus = ConsentStatus.NONE
    signature_valid: bool = True
    terms: ConsentTerms = field(init=False)

    def __post_init__(self) -> None:
        base = replace(samples.terms(), subject_id=SUBJECT, institution=key_of(ELSEWHERE).address)
        self.terms = replace(base, nonce=int.from_bytes(keccak(self.name.encode())[:8], "big"))


def _refused(name: str, error: str, arguments: tuple[bytes | int, ...], **changes: Any) -> Grant:  # noqa: ANN401 - members by name
    grant = Grant(name, f"Consents{error}", arguments)
    grant.terms = replace(grant.terms, **changes)
    return grant


def _accepted(name: str, **changes: Any) -> Grant:  # noqa: ANN401 - fields of the terms
    grant = Grant(name)
    grant.terms = replace(grant.terms, **changes)
    return grant


def _of_state() -> Iterator[Grant]:
    for name, error, status in (
        ("granted-before", "ConsentsAlreadyGranted", ConsentStatus.ACTIVE),
        ("revoked-before", "ConsentsAlreadyRevoked", ConsentStatus.REVOKED),
    ):
        grant = Grant(name, error, status=status)
        grant.arguments = (consent_id(grant.terms),)
        yield grant
    unknown = subject_of("grants/unknown")
    yield _refused("subject-unknown", "SubjectUnknown", (unknown,), subject_id=unknown)
    yield _refused("grantee-unknown", "GranteeUnknown", (NOBODY,), institution=NOBODY)
    grant = Grant("signature-of-another", "ConsentsSignatureInvalid", signature_valid=False)
    grant.arguments = (consent_id(grant.terms), SUBJECT)
    yield grant


def _of_grantee_and_scope() -> Iterator[Grant]:
    someone, root = key_of(ELSEWHERE).address, samples.word(0x3007)
    nobody = (ZERO_ADDRESS, ZERO_32, ZERO_32)
    yield _refused("grantee-none", "GranteeInvalid", nobody, institution=ZERO_ADDRESS)
    yield _refused("grantee-both", "GranteeInvalid", (someone, GROUP, ZERO_32), group=GROUP)
    person = samples.PRACTITIONER
    yield _refused(
        "practitioner-of-a-group",
        "GranteeInvalid",
        (ZERO_ADDRESS, GROUP, person),
        institution=ZERO_ADDRESS,
        group=GROUP,
        practitioner=person,
    )
    yield _refused("scope-none", "ScopeInvalid", (ZERO_32, 0), categories=0)
    yield _refused("scope-both", "ScopeInvalid", (root, bits(Category.IMAGING)), records_root=root)
    yield _refused("category-zero", "ScopeInvalid", (ZERO_32, 0b10001), categories=0b10001)
    yield _refused("category-thirteen", "ScopeInvalid", (ZERO_32, 1 << 13), categories=1 << 13)
    yield _refused("category-highest-bit", "ScopeInvalid", (ZERO_32, 1 << 31 | 2), categories=1 << 31 | 2)
    yield _refused("purposes-none", "PurposesInvalid", (0,), purposes=0)
    yield _refused("purpose-zero", "PurposesInvalid", (0b11,), purposes=0b11)
    yield _refused("purpose-sixteen", "PurposesInvalid", (1 << 16,), purposes=1 << 16)
    yield _refused("actions-none", "ActionsInvalid", (0,), actions=0)
    yield _refused("action-zero", "ActionsInvalid", (0b11,), actions=0b11)
    yield _refused("action-three", "ActionsInvalid", (0b1010,), actions=0b1010)
    yield _refused("sensitivity-zero", "SensitivityInvalid", (0,), max_sensitivity=0)
    yield _refused("sensitivity-five-by-wildcard", "SensitivityInvalid", (5,), max_sensitivity=5)
    yield _refused("sensitivity-six", "SensitivityInvalid", (6,), max_sensitivity=6, records_root=root, categories=0)
    yield _refused("data-period-reversed", "DataPeriodInvalid", (700, 699), data_from=700, data_until=699)


def _of_conditions() -> Iterator[Grant]:
    end = NOW + 30 * DAY
    yield _refused("period-empty", "PeriodInvalid", (end, end, NOW), valid_from=end)
    yield _refused("period-reversed", "PeriodInvalid", (end + 1, end, NOW), valid_from=end + 1)
    yield _refused("period-over", "PeriodInvalid", (0, NOW, NOW), valid_from=0, valid_until=NOW)
    yield _refused("uses-none", "UsesInvalid", (0,), max_uses=0)
    yield _refused("onward-disclosure", "OnwardDisclosureRefused", (), onward_disclosure=True)
    yield _refused("erase-date-without-storing", "EraseDateInvalid", (end, 0), erase_by=end)
    yield _refused("storing-without-erase-date", "EraseDateInvalid", (0, NOW + 1), actions=BOTH)
    yield _refused("erase-date-is-now", "EraseDateInvalid", (NOW, NOW + 1), actions=BOTH, erase_by=NOW)
    yield _refused(
        "erase-date-is-the-start",
        "EraseDateInvalid",
        (NOW + 50, NOW + 51),
        actions=BOTH,
        erase_by=NOW + 50,
        valid_from=NOW + 50,
    )
    yield _refused("notice-without-hash", "NoticeMissing", (ZERO_32, 1), notice_hash=ZERO_32)
    notice = samples.terms().notice_hash
    yield _refused("notice-without-version", "NoticeMissing", (notice, 0), notice_version=0)
    yield _refused("guardian-with-device-key", "AssuranceRefused", (1,), guardian=samples.word(0x6A))
    for assurance in (0, 3, 5, 255):
        yield _refused(f"assurance-{assurance}", "AssuranceRefused", (assurance,), assurance=assurance)


def _of_order() -> Iterator[Grant]:
    scope = (ZERO_32, 0)
    yield _refused("scope-before-purposes", "ScopeInvalid", scope, categories=0, purposes=0)
    yield _refused("purposes-before-actions", "PurposesInvalid", (0,), purposes=0, actions=0)
    yield _refused("actions-before-sensitivity", "ActionsInvalid", (0,), actions=0, max_sensitivity=0)
    yield _refused("data-period-before-period", "DataPeriodInvalid", (2, 1), data_from=2, data_until=1, valid_until=0)
    yield _refused("period-before-uses", "PeriodInvalid", (NOW, 0, NOW), valid_until=0, max_uses=0)
    yield _refused("uses-before-onward", "UsesInvalid", (0,), max_uses=0, onward_disclosure=True)
    yield _refused("onward-before-erase", "OnwardDisclosureRefused", (), onward_disclosure=True, erase_by=1)
    yield _refused("erase-before-notice", "EraseDateInvalid", (1, 0), erase_by=1, notice_version=0)


def _of_acceptance() -> Iterator[Grant]:
    yield _accepted("accepted")
    yield _accepted("accepted-future", valid_from=NOW + DAY)
    yield _accepted("accepted-last-second", valid_from=0, valid_until=NOW + 1)
    yield _accepted("accepted-group", institution=ZERO_ADDRESS, group=GROUP)
    yield _accepted("accepted-practitioner", practitioner=samples.PRACTITIONER)
    yield _accepted("accepted-records", records_root=samples.word(0x3007), categories=0, max_sensitivity=5)
    yield _accepted("accepted-everything-below-five", categories=bits(*Category), max_sensitivity=4)
    yield _accepted("accepted-all-purposes", purposes=bits(*Purpose))
    yield _accepted("accepted-storing", actions=BOTH, erase_by=NOW + 1)
    yield _accepted("accepted-one-use", max_uses=1)
    yield _accepted("accepted-one-month", data_from=680, data_until=680)


def _told(grant: Grant) -> Story:
    story = Story(grant.name).travel(START).admit(CUSTODIAN).admit(ELSEWHERE).enrol(PATIENT, CUSTODIAN)
    if grant.status == ConsentStatus.ACTIVE:
        story.grant(grant.terms, PATIENT)
    if grant.status == ConsentStatus.REVOKED:
        story.revoke(grant.terms, PATIENT)
    key = PATIENT if grant.signature_valid else ELSEWHERE
    return story.travel(NOW).grant(grant.terms, key, refused(grant.error, *grant.arguments))


def histories() -> Iterator[Story]:
    """Gives every grant, and what becomes of it when it is tried again or taken back."""
    for group in (_of_state, _of_grantee_and_scope, _of_conditions, _of_order, _of_acceptance):
        for grant in group():
            yield _told(grant)
