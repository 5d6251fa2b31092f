"""Standing authorisations of authorities: `contracts/Authorisations.sol`, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import (
    AUTHORISATION_PERIOD,
    BY_AUTHORITY,
    HIGHEST_SENSITIVITY,
    Action,
    AuthorisationStatus,
    Category,
    LegalBasis,
    Purpose,
    Standing,
    bits,
)
from consentry.core.participants import COUNTRY, is_active_over
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed
from consentry.core.terms import ZERO_32, Address, AuthorisationId
from consentry.core.typed_data import struct_hash

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

_KNOWN_PURPOSES: Final = bits(*Purpose)
_KNOWN_CATEGORIES: Final = bits(*Category)
_KNOWN_ACTIONS: Final = bits(*Action)


@dataclass(frozen=True, slots=True)
class AuthorisationState:
    """The one slot of an authorisation, and its terms; times in seconds."""

    status: AuthorisationStatus
    given_at: int
    terms: StandingAuthorisation
    withdrawn_at: int = 0


def authorisation_id(terms: StandingAuthorisation) -> AuthorisationId:
    """Derives the id of an authorisation from its terms."""
    return AuthorisationId(struct_hash(terms))


def _is_subset(codes: int, known: int) -> bool:
    return codes != 0 and codes & ~known == 0


@dataclass(frozen=True, slots=True)
class StandingAuthorisation(SignedAct):
    """Lets an institution look at records because of a law, not of a consent."""

    FORM: ClassVar = ActForm(
        contract="Authorisations",
        function="authorise",
        event="AuthorisationGiven",
        signers=("authority",),
        members=(
            "address authority",
            "address institution",
            "uint8 basis",
            "uint32 purposes",
            "uint32 categories",
            "uint8 actions",
            "uint8 maxSensitivity",
            "uint16 dataFrom",
            "uint16 dataUntil",
            "uint64 validFrom",
            "uint64 validUntil",
            "bytes32 basisTextHash",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Lets an institution look because of a statutory duty or for public health, for a year at most.",
        codes={"basis": LegalBasis},
        sets={"purposes": Purpose, "categories": Category, "actions": Action},
        optional=frozenset(),
    )

    authority: Address
    institution: Address
    basis: int
    purposes: int
    categories: int
    actions: int
    max_sensitivity: int
    data_from: int
    data_until: int
    valid_from: int
    valid_until: int
    basis_text_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks who authorises whom, for what, until when, and the signature."""
        if state.institution_standing(self.institution, now) == Standing.NONE:
            raise refusal("AuthorisationsInstitutionUnknown", self.institution)
        if not is_active_over(state, self.authority, self.institution):
            raise refusal("AuthorisationsAuthorityForbidden", self.authority, self.institution)
        self._check_scope()
        ends = self.valid_from < self.valid_until and self.valid_until > now
        if not ends or self.valid_until - self.valid_from > AUTHORISATION_PERIOD:
            raise refusal("AuthorisationsPeriodInvalid", self.valid_from, self.valid_until, now)
        check_signed(self, 0, self.authority, holds)

    def _check_scope(self) -> None:
        if self.basis not in BY_AUTHORITY:
            raise refusal("AuthorisationsBasisInvalid", self.basis)
        if self.basis_text_hash == ZERO_32:
            raise refusal("AuthorisationsBasisTextMissing")
        valid = _is_subset(self.purposes, _KNOWN_PURPOSES) and _is_subset(self.categories, _KNOWN_CATEGORIES)
        valid = valid and _is_subset(self.actions, _KNOWN_ACTIONS)
        if not valid or not 0 < self.max_sensitivity < HIGHEST_SENSITIVITY:
            scope = (self.purposes, self.categories, self.actions, self.max_sensitivity)
            raise refusal("AuthorisationsScopeInvalid", *scope)
        if self.data_from > self.data_until:
            raise refusal("AuthorisationsDataPeriodInvalid", self.data_from, self.data_until)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Puts the authorisation in force."""
        made = AuthorisationState(AuthorisationStatus.ACTIVE, event.place.block.time, self)
        state.authorisations[AuthorisationId(event.act_hash)] = made


@dataclass(frozen=True, slots=True)
class AuthorisationWithdrawal(SignedAct):
    """Takes an authorisation back."""

    FORM: ClassVar = ActForm(
        contract="Authorisations",
        function="withdraw",
        event="AuthorisationWithdrawn",
        signers=("authority",),
        members=("bytes32 authorisationId", "address authority", "address institution", "uint64 signBefore"),
        help="Takes an authorisation back.",
        optional=frozenset(),
    )

    authorisation_id: AuthorisationId
    authority: Address
    institution: Address
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the authorisation, who takes it back, and the signature."""
        known = state.authorisations.get(self.authorisation_id)
        if known is None or known.terms.institution != self.institution:
            raise refusal("AuthorisationsUnknown", self.authorisation_id, self.institution)
        if known.status == AuthorisationStatus.WITHDRAWN:
            raise refusal("AuthorisationsAlreadyWithdrawn", self.authorisation_id)
        authority = state.authorities.get(self.authority)
        active = authority is not None and authority.standing == Standing.ACTIVE
        national = authority is not None and authority.region == COUNTRY
        if not active or not (national or self.authority == known.terms.authority):
            raise refusal("AuthorisationsAuthorityForbidden", self.authority, self.institution)
        check_signed(self, 0, self.authority, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Ends the authorisation."""
        known = state.authorisations.get(self.authorisation_id)
        if known is not None:
            ended = replace(known, status=AuthorisationStatus.WITHDRAWN, withdrawn_at=event.place.block.time)
            state.authorisations[self.authorisation_id] = ended
