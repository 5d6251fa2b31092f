"""One decision vector: a request, its material and the facts on chain, all real enough to be staged on a chain.

A scenario starts from a request that is permitted; changes make it wrong in one way or several. Keys are keccak-256 of
the vector's name and a role, so a runner can sign for everybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.access import ConsentFacts, Facts, InstitutionFacts, RecordFacts, decide
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id
from consentry.crypto.signing import AccountKey
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import NOW

RELEASE_KEY: Final = samples.RELEASE_KEY
RELEASE_KEY_HASH: Final = hashlib.sha256(RELEASE_KEY).digest()
PREPARED: Final = NOW - samples.DAY
"""Everything before the decision happens between this time and the next hour."""


def key_of(name: str, role: str) -> AccountKey:
    """Gives the key of a role in a vector; roles that all vectors share have an empty name."""
    return AccountKey(keccak(f"consentry decision vector/{name}/{role}".encode()))


def subject_of(name: str, role: str) -> SubjectId:
    """Gives the subject id of a role in a vector."""
    return SubjectId(keccak(f"consentry decision vector/{name}/{role} subject".encode()))


CUSTODIAN: Final = key_of("", "custodian")
STRANGER: Final = key_of("", "stranger institution")
GROUP: Final = samples.group(PAYER.address)


@dataclass
class Scenario:
    """A permitted access that changes make wrong; ids are derived at the end."""

    name: str
    cast: str = ""
    leaf: RecordLeaf = field(init=False)
    terms: ConsentTerms = field(init=False)
    request: AccessRequest = field(init=False)
    first_leaf: RecordLeaf | None = None
    shown_terms: ConsentTerms | None = None
    scope_proof: tuple[bytes, ...] = ()
    standing: Standing = Standing.ACTIVE
    record_status: RecordStatus = RecordStatus.CURRENT
    consent_status: ConsentStatus = ConsentStatus.ACTIVE
    uses: int = 0
    signature_valid: bool = True
    request_used: bool = False
    group_member: bool = False
    invokes_consent: bool = True

    @property
    def people(self) -> str:
        """Whose keys they are: those of a cast that several share, or of this scenario alone."""
        return self.cast or self.name

    def __post_init__(self) -> None:
        hospital = key_of(self.people, "hospital").address
        subject = subject_of(self.people, "patient")
        self.leaf = replace(samples.leaf(), custodian=CUSTODIAN.address, subject_id=subject)
        self.terms = replace(samples.terms(), subject_id=subject, institution=hospital, valid_from=PREPARED)
        self.request = replace(samples.request(ZERO_32, ZERO_32, RELEASE_KEY_HASH), institution=hospital)

    def change_request(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the request
        """Replaces fields of the request."""
        self.request = replace(self.request, **changes)

    def change_terms(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the terms
        """Replaces fields of the terms."""
        self.terms = replace(self.terms, **changes)

    def change_leaf(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the leaf
        """Replaces fields of the leaf."""
        self.leaf = replace(self.leaf, **changes)

    def signed_request(self) -> AccessRequest:
        """Gives the request with the ids of leaf and terms."""
        invoked = consent_id(self.terms) if self.invokes_consent else ConsentId(ZERO_32)
        return replace(self.request, record_id=record_id(self.leaf), consent_id=invoked)

    def material(self) -> Material:
        """Gives what the relay shows, which may differ from what was signed."""
        terms = (self.shown_terms or self.terms) if self.invokes_consent else None
        return Material(self.leaf, terms, self.scope_proof)

    def facts(self) -> Facts:
        """Gives what the chain says at the time of the decision."""
        known = self.standing != Standing.NONE
        granted = self.consent_status if self.is_granted() else ConsentStatus.NONE
        return Facts(
            institution=InstitutionFacts(self.standing, RELEASE_KEY_HASH if known else ZERO_32),
            record=RecordFacts(self.record_status, self.leaf if self.record_status != RecordStatus.NONE else None),
            consent=ConsentFacts(granted, self.uses),
            signature_valid=self.signature_valid,
            request_used=self.request_used,
            group_member=self.group_member,
        )

    def is_granted(self) -> bool:
        """Tells whether the consent was ever granted: an institution nobody admitted cannot be a grantee."""
        known = self.standing != Standing.NONE or self.terms.institution != self.request.institution
        return self.invokes_consent and known and self.consent_status != ConsentStatus.NONE

    def reason(self) -> Reason:
        """Decides with the core, at `NOW`."""
        return decide(self.signed_request(), self.material(), self.facts(), NOW)

    def earlier_request(self, number: int) -> AccessRequest:
        """Gives a request that was permitted before, so that the uses of the facts are real."""
        terms = self.terms
        lowest = (terms.purposes & -terms.purposes).bit_length() - 1
        action = (terms.actions & -terms.actions).bit_length() - 1
        return replace(
            self.signed_request(),
            request_id=2**200 + number,
            purpose=lowest,
            action=action,
            authorisation_id=AuthorisationId(ZERO_32),
            legal_basis=1,
            actor_kind=1,
            reason_code=0,
            practitioner=terms.practitioner if any(terms.practitioner) else samples.PRACTITIONER,
            release_key_hash=RELEASE_KEY_HASH,
            issued_at=PREPARED,
            expires_at=NOW,
        )

    def can_be_staged(self) -> bool:
        """Tells whether the earlier uses would have been permitted on the way to these facts."""
        if not self.uses:
            return True
        if not self.is_granted() or self.record_status == RecordStatus.NONE:
            return False
        known = Facts(
            institution=InstitutionFacts(Standing.ACTIVE, RELEASE_KEY_HASH),
            record=RecordFacts(RecordStatus.CURRENT, self.leaf),
            consent=ConsentFacts(ConsentStatus.ACTIVE, self.uses - 1),
            signature_valid=True,
            request_used=False,
            group_member=self.group_member,
        )
        material = Material(self.leaf, self.terms, self.scope_proof)
        return decide(self.earlier_request(0), material, known, PREPARED + 1800) == Reason.NONE


Change = Callable[[Scenario], None]
