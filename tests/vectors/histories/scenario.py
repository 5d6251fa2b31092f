"""One decision: a request, its material and the facts on chain that `decisions.py` brings about.

A scenario starts from a request that is permitted; changes make it wrong in one way or several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

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
)
from consentry.core.typed_data import consent_id, record_id
from tests.support import samples
from tests.support.evm import PAYER
from tests.support.samples import NOW
from tests.vectors.histories.story import START, key_of, leaf_of, terms_of

CUSTODIAN: Final = "/custodian"
ELSEWHERE: Final = "/stranger institution"
HOSPITAL: Final = "history/hospital"
PATIENT: Final = "history/patient"
SIBLING: Final = "history/sibling"
GROUP: Final = samples.group(PAYER.address)


@dataclass
class Scenario:
    """A permitted access that changes make wrong; ids are derived at the end."""

    name: str
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

    def __post_init__(self) -> None:
        hospital = key_of(HOSPITAL).address
        self.leaf, self.terms = leaf_of(PATIENT, CUSTODIAN), terms_of(PATIENT, HOSPITAL)
        self.request = replace(samples.request(ZERO_32, ZERO_32, samples.RELEASE_KEY_HASH), institution=hospital)

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

    def is_granted(self) -> bool:
        """Tells whether the consent was ever granted: an institution nobody admitted cannot be a grantee."""
        known = self.standing != Standing.NONE or self.terms.institution != self.request.institution
        return self.invokes_consent and known and self.consent_status != ConsentStatus.NONE

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
            release_key_hash=samples.RELEASE_KEY_HASH,
            issued_at=START,
            expires_at=NOW,
        )

    def can_be_staged(self) -> bool:
        """Tells whether the earlier uses would have been permitted on the way to these facts."""
        if not self.uses:
            return True
        if not self.is_granted() or self.record_status == RecordStatus.NONE:
            return False
        known = Facts(
            institution=InstitutionFacts(Standing.ACTIVE, samples.RELEASE_KEY_HASH),
            record=RecordFacts(RecordStatus.CURRENT, self.leaf),
            consent=ConsentFacts(ConsentStatus.ACTIVE, self.uses - 1),
            signature_valid=True,
            request_used=False,
            group_member=self.group_member,
        )
        material = Material(self.leaf, self.terms, self.scope_proof)
        return decide(self.earlier_request(0), material, known, START + 1800) == Reason.NONE


Change = Callable[[Scenario], None]
